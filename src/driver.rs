//! The driver: six phases in order for one schedule, and the loop that calls them for all.

mod telling;
mod watchdog;

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    admin::Health,
    clock::Clock,
    cluster::{
        apply::{Answer, apply},
        cache::{Cache, Entry, Key},
        lease::Leadership,
        report::Reporter,
        requests::Requests,
    },
    core::{
        backoff,
        decide::decide,
        plan::{Learned, Plan, Seen, Step},
        run::spread,
        schedule_ref::ScheduleRef,
    },
    error::Error,
    metrics::Metrics,
    queue::Queue,
};
use watchdog::{Progress, Watchdog};

/// More rounds than any schedule needs: a run takes three, a burst of changes a few more.
const ROUNDS: usize = 30;
/// How long what was begun may take to end when we are asked to stop.
const STOPPING: Duration = Duration::from_secs(4);
/// After how many failures in a row, some three seconds in, users are told, and not even a fire that
/// falls due makes it try before its time.
const TELLING: u32 = 6;
/// A turn that takes longer than this waits for an answer that may never come, and gives its place
/// back: it is a task that waits, and there is one for each schedule at most.
const SLOW: Duration = Duration::from_millis(250);
/// How often the states of all schedules are counted.
const CENSUS: SignedDuration = SignedDuration::from_secs(5);

/// How the driver works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many schedules are worked on at once, beside those that wait for an answer.
    pub concurrency: usize,
    /// How long before a fire its pod may be created, held.
    pub prepare_ahead: SignedDuration,
}

/// Everything that the driver works with. Cheap to clone.
#[derive(Clone)]
pub struct Driver {
    pub settings: Settings,
    pub clock: Clock,
    pub cache: Cache,
    pub queue: Arc<Queue<Key>>,
    pub requests: Requests,
    pub reporter: Reporter,
    pub metrics: Metrics,
    pub health: Health,
    leadership: Leadership,
    failures: Arc<Mutex<HashMap<Key, Failures>>>,
    progress: Progress,
}

/// How the turns of a schedule have failed since the last that did not.
#[derive(Clone, Copy, Default)]
struct Failures {
    row: u32,
    /// The last one was not answered.
    unanswered: bool,
}

impl Driver {
    /// A driver that leads every schedule.
    #[expect(
        clippy::too_many_arguments,
        reason = "they are the parts, each one once"
    )]
    pub fn new(
        settings: Settings,
        clock: Clock,
        cache: Cache,
        queue: Arc<Queue<Key>>,
        requests: Requests,
        reporter: Reporter,
        metrics: Metrics,
        health: Health,
    ) -> Self {
        let failures = Arc::default();
        Self {
            settings,
            clock,
            cache,
            queue,
            requests,
            reporter,
            metrics,
            health,
            leadership: Leadership::always(),
            failures,
            progress: Progress::default(),
        }
    }

    /// The same for the schedules that this replica leads. Those that it comes to lead must be pushed on
    /// the queue then; what woke others is forgotten.
    pub fn led_by(self, leadership: Leadership) -> Self {
        Self { leadership, ..self }
    }

    /// Looks after every schedule until `stop`; then ends what was begun, within a few seconds.
    pub async fn run(&self, stop: CancellationToken) {
        let places = self.settings.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        let places = Arc::new(Semaphore::new(places));
        let mut workers = JoinSet::new();
        let mut counted = Timestamp::MIN;
        let mut watchdog = Watchdog::new(self.progress.clone());
        loop {
            let now = self.clock.now();
            // A clock that was put back must not put off the next count.
            if now.duration_since(counted).abs() > CENSUS {
                self.show_census(now);
                counted = now;
            }
            while workers.try_join_next().is_some() {}
            // A loop that goes round and starts turns that all hang is as good as none.
            if watchdog.is_content(workers.is_empty()) {
                self.health.beat(now);
            }
            // The place comes before the key, so that the most urgent key gets it.
            let next = async {
                let place = places.clone().acquire_owned().await;
                (self.queue.pop().await, place)
            };
            let (key, place) = tokio::select! {
                () = stop.cancelled() => break,
                next = next => next,
            };
            // Nobody closes the places.
            let (Some(key), Ok(place)) = (key, place) else {
                continue;
            };
            // Who was not answered last time waits for the next answer beside the others from the start.
            let hangs = self.failures().get(&key).is_some_and(|it| it.unanswered);
            let place = (!hangs).then_some(place);
            let driver = self.clone();
            workers.spawn(async move { driver.work_in(place, key).await });
        }
        let ending = async { while workers.join_next().await.is_some() {} };
        if tokio::time::timeout(STOPPING, ending).await.is_err() {
            tracing::warn!(
                "stopped with requests under way; the next controller goes on from there"
            );
        }
    }

    /// One turn of one schedule, in a place that is free again when the turn turns out slow.
    async fn work_in(&self, place: Option<OwnedSemaphorePermit>, key: Key) {
        let mut turn = pin!(self.work(key));
        if tokio::time::timeout(SLOW, &mut turn).await.is_err() {
            drop(place);
            turn.await;
        }
    }

    /// One turn of one schedule. Whatever goes wrong in it stays with this schedule.
    async fn work(&self, key: Key) {
        let begun = self.clock.now();
        let mut wake_at = None;
        let turn = AssertUnwindSafe(self.reconcile(&key, &mut wake_at))
            .catch_unwind()
            .await;
        let result = turn.unwrap_or_else(|panic| Err(Error::Panicked(panic_message(&*panic))));
        let now = self.clock.now();
        let took = now.duration_since(begun).try_into().unwrap_or_default();
        self.metrics.reconciled(took, result.is_err());
        if let Err(error) = result {
            let (again, failures) = self.retry_at(&key, &error, now);
            if failures == TELLING {
                self.tell_hindrance(&key, &error, now);
            }
            tracing::warn!(
                namespace = &*key.namespace,
                schedule = &*key.name,
                retry_at = %again,
                error = &error as &dyn std::error::Error,
                "can't bring the schedule forward"
            );
            // A fire that falls due before the next try is not kept waiting for it, but a schedule
            // that fires every second would never wait at all.
            let sooner = wake_at.filter(|wake| (now..again).contains(wake) && failures < TELLING);
            wake_at = Some(sooner.unwrap_or(again));
        } else {
            self.failures().remove(&key);
        }
        self.progress.made();
        self.queue.done(key, wake_at);
    }

    /// Brings one schedule forward as far as it goes now. `wake_at` is when to do so again.
    async fn reconcile(&self, key: &Key, wake_at: &mut Option<Timestamp>) -> Result<(), Error> {
        let mut learned = Learned::default();
        let (mut recorded, mut put_off) = (false, None);
        for _ in 0..ROUNDS {
            // 1, 2: parse and observe. The cache parses a spec once, when it comes in. (pure)
            let Some((entry, seen)) = self.cache.observe(key) else {
                *wake_at = None;
                return Ok(());
            };
            let uid = entry.schedule.identity.uid.as_str();
            if !self.leadership.leads(uid) {
                self.cache.forget_gone(key);
                *wake_at = None;
                return Ok(());
            }
            if let Some(why) = &entry.unreadable {
                return Err(Error::Unreadable(why.clone()));
            }
            // 3: decide. (pure)
            let now = self.clock.now();
            let Plan {
                steps,
                wake_at: wake,
            } = decide(
                &entry.schedule,
                &seen,
                &learned,
                self.settings.prepare_ahead,
                now,
            );
            *wake_at = wake;
            if steps.is_empty() {
                self.cache.forget_gone(key);
                return put_off.map_or(Ok(()), Err);
            }
            for (place, step) in steps.into_iter().enumerate() {
                // A Lease that was lost meanwhile ends the turn: another goes on from here.
                if !self.leadership.leads(uid) {
                    *wake_at = None;
                    return Ok(());
                }
                // Tidying up may take many steps, and no fire waits for it.
                if place > 0 && wake.is_some_and(|wake| wake <= self.clock.now()) {
                    break;
                }
                // 4, 5: build and apply. (client)
                let answer = self.apply(&entry, &seen, &step).await;
                self.progress.made();
                let answer = match answer {
                    Ok(answer) => answer,
                    // One pod that can't be had now keeps nothing else of the schedule waiting.
                    Err(error) if learned.put_off.takes(&step) => {
                        put_off.get_or_insert(error);
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                recorded |= matches!(answer, Answer::Recorded(_));
                // 6: report. (queued for a client)
                self.report(&entry.schedule.identity, &seen, &step, &answer);
                self.learn(&entry.schedule.identity, &step, answer, &mut learned);
            }
        }
        match put_off {
            Some(error) => Err(error),
            None if recorded => {
                // It gets on; others have their turn first.
                *wake_at = Some(self.clock.now());
                Ok(())
            }
            None => Err(Error::Restless(ROUNDS)),
        }
    }

    async fn apply(&self, entry: &Entry, seen: &Seen, step: &Step) -> Result<Answer, Error> {
        apply(
            &self.requests,
            &entry.schedule,
            &seen.status,
            &entry.resource_version,
            step,
        )
        .await
    }

    /// Takes in what an answer says, so that the next round decides with it.
    fn learn(&self, schedule: &ScheduleRef, step: &Step, answer: Answer, learned: &mut Learned) {
        match answer {
            Answer::Pod(pod) => {
                let pod = self.cache.put_pod(schedule, *pod);
                if matches!(step, Step::Verify { .. }) {
                    learned.found.push(pod.uid);
                }
            }
            Answer::NoPod { uid } => {
                self.cache.mark_gone(schedule, &uid);
                learned.gone.push(uid);
            }
            Answer::Deleting { uid } => self.cache.mark_deleting(schedule, &uid),
            Answer::Recorded(object) => {
                self.cache.put_schedule(*object);
            }
            Answer::Changed(object) => {
                self.cache.replace_schedule(*object);
                // What was learned may be about a spec that is no more.
                *learned = Learned::default();
            }
            Answer::NoSchedule => {
                self.cache
                    .remove_schedule(&Key::from(schedule), &schedule.uid);
                // What follows is about another schedule of that name, if about any.
                *learned = Learned::default();
            }
            Answer::Refused(refused) => learned.refused.push(refused),
            Answer::NameTaken { run, name } => learned.name_taken(run, &name),
            Answer::Tried(trial) => learned.trial = Some(trial),
        }
    }

    /// When to try again after a failure, and how many there were in a row.
    fn retry_at(&self, key: &Key, error: &Error, now: Timestamp) -> (Timestamp, u32) {
        let mut failures = self.failures();
        let Failures { row, unanswered } = failures.entry(key.clone()).or_default();
        *row = row.saturating_add(1);
        *unanswered = matches!(error, Error::Unanswered { .. });
        let seed = spread(&format!("{key} {row}"));
        let again = now.checked_add(backoff::delay(*row, seed));
        (again.unwrap_or(now), *row)
    }

    fn failures(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Failures>> {
        self.failures
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into())
}
