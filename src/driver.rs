//! The driver: six phases in order for one schedule, and the loop that calls them for all.

mod past;
mod places;
mod telling;
mod watchdog;

use std::{panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use tokio::{task::JoinSet, time::Instant};
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
        decide::decide,
        plan::{Learned, Plan, Seen, Step},
        schedule_ref::ScheduleRef,
    },
    error::Error,
    metrics::Metrics,
    queue::{Queue, Whose},
    traces::{Period, Traces},
};
use past::{Past, TELLING};
use places::{Place, Places};
use watchdog::{Progress, Watchdog};

/// More rounds than any schedule needs: a run takes three, a burst of changes a few more.
const ROUNDS: usize = 30;
/// So often in a row a turn tries to write the status while others write it.
const CONFLICTS: usize = 5;
/// How long a place is waited for before the loop shows that it still goes round.
const GLANCE: Duration = Duration::from_secs(1);
/// How long what was begun may take to end when we are asked to stop.
const STOPPING: Duration = Duration::from_secs(4);
/// How often the states of all schedules are counted.
const CENSUS: SignedDuration = SignedDuration::from_secs(5);

/// How the driver works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many schedules are worked on at once at most, beside those that wait for an answer: fewer
    /// while the API server can't keep up with more.
    pub concurrency: usize,
    /// How long before a fire its pod may be created, held.
    pub prepare_ahead: SignedDuration,
}

/// The requests of a turn, and the place that it has meanwhile.
struct Asking {
    place: Option<Place>,
    requests: u64,
}

impl Asking {
    /// Waits for an answer. If that is slow to come, the place is free for others: what is left is a
    /// task that waits, and there is one for each schedule at most.
    async fn wait_for<T>(
        &mut self,
        request: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        self.requests += 1;
        let Some(place) = &mut self.place else {
            return request.await;
        };
        let begun = Instant::now();
        let mut request = pin!(request);
        let in_time = tokio::time::timeout(place.patience(), &mut request).await;
        let answer = match in_time {
            Ok(answer) => answer,
            Err(_) => {
                place.free();
                request.await
            }
        };
        if answer.is_ok() {
            place.answered(begun);
        }
        answer
    }
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
    traces: Traces,
    leadership: Leadership,
    past: Arc<Past>,
    progress: Progress,
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
        Self {
            settings,
            clock,
            cache,
            queue,
            requests,
            reporter,
            metrics,
            health,
            traces: Traces::default(),
            leadership: Leadership::always(),
            past: Arc::default(),
            progress: Progress::default(),
        }
    }

    /// The same for the schedules that this replica leads. Those that it comes to lead must be pushed on
    /// the queue then; what woke others is forgotten.
    pub fn led_by(self, leadership: Leadership) -> Self {
        Self { leadership, ..self }
    }

    /// The same, and each fire is told as a trace.
    pub fn traced_by(self, traces: Traces) -> Self {
        Self { traces, ..self }
    }

    /// Looks after every schedule until `stop`; then ends what was begun, within a few seconds.
    pub async fn run(&self, stop: CancellationToken) {
        let places = Places::new(self.settings.concurrency.max(1));
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
            places.may_be_few(self.queue.is_overrun());
            // The place comes before the key, so that the most urgent key gets it; but where all are taken,
            // who has had much less than others needn't wait for them.
            let next = async {
                tokio::select! {
                    biased;
                    place = places.take() => Some((self.queue.pop(Whose::Anyone).await?, place)),
                    key = self.queue.pop(Whose::Owed), if places.has_another() =>
                        Some((key?, places.take_another())),
                    () = tokio::time::sleep(GLANCE) => None,
                }
            };
            let next = tokio::select! {
                () = stop.cancelled() => break,
                next = next => next,
            };
            let Some((key, place)) = next else { continue };
            // Who was not answered last time waits for the next answer beside the others from the start.
            let place = (!self.past.hangs(&key)).then_some(place);
            let driver = self.clone();
            workers.spawn(async move { driver.work(key, place).await });
        }
        let ending = async { while workers.join_next().await.is_some() {} };
        if tokio::time::timeout(STOPPING, ending).await.is_err() {
            tracing::warn!(
                "stopped with requests under way; the next controller goes on from there"
            );
        }
    }

    /// One turn of one schedule. Whatever goes wrong in it stays with this schedule.
    async fn work(&self, key: Key, place: Option<Place>) {
        let mut asking = Asking { place, requests: 0 };
        let begun = self.clock.now();
        if let Some(again) = self.past.contended(&key, begun) {
            self.progress.made();
            return self.queue.done(key, Some(again), 0);
        }
        let mut wake_at = None;
        let turn = AssertUnwindSafe(self.reconcile(&key, &mut wake_at, &mut asking))
            .catch_unwind()
            .await;
        let result = turn.unwrap_or_else(|panic| Err(Error::Panicked(panic_message(&*panic))));
        let now = self.clock.now();
        let took = now.duration_since(begun).try_into().unwrap_or_default();
        self.metrics.reconciled(took, result.is_err());
        if let Err(error) = result {
            let (again, failures) = self.past.failed(&key, &error, wake_at, now);
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
            wake_at = Some(again);
        } else {
            self.past.succeeded(&key);
        }
        self.progress.made();
        self.queue.done(key, wake_at, asking.requests);
    }

    /// Brings one schedule forward as far as it goes now. `wake_at` is when to do so again.
    async fn reconcile(
        &self,
        key: &Key,
        wake_at: &mut Option<Timestamp>,
        asking: &mut Asking,
    ) -> Result<(), Error> {
        let mut learned = Learned::default();
        let (mut recorded, mut conflicts, mut put_off) = (false, 0, None);
        for _ in 0..ROUNDS {
            // 1, 2: parse and observe. The cache parses a spec once, when it comes in. (pure)
            let Some((entry, seen)) = self.cache.observe(key) else {
                self.past.forget(key);
                *wake_at = None;
                return Ok(());
            };
            let uid = entry.schedule.identity.uid.as_str();
            if !self.leadership.leads(uid) {
                self.cache.forget_gone(key);
                self.past.forget(key);
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
            // Who has had less goes first; but not where what was learned would be forgotten, nor between
            // a claim and its release: that run would start as late as all others of its tenant.
            let releases = steps
                .iter()
                .any(|step| matches!(step, Step::Release { .. }));
            if recorded && learned.is_nothing() && !releases && self.queue.owes_another(key) {
                *wake_at = Some(now);
                return Ok(());
            }
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
                // Tidying up may take many steps, and no fire waits for it; but one goes along, lest it
                // never gets its turn.
                if place > 1 && wake.is_some_and(|wake| wake <= self.clock.now()) {
                    break;
                }
                // 4, 5: build and apply. (client)
                let begun = self.clock.now();
                let answer = asking.wait_for(self.apply(&entry, &seen, &step)).await;
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
                match answer {
                    Answer::Changed(_) => conflicts += 1,
                    Answer::Recorded(_) => (recorded, conflicts) = (true, 0),
                    _ => {}
                }
                // 6: report. (queued for a client)
                let request = Period::new(begun, self.clock.now());
                self.report(&entry.schedule.identity, &seen, &step, &answer, request);
                self.learn(&entry.schedule.identity, &step, answer, &mut learned);
            }
            if conflicts == CONFLICTS {
                return Err(Error::Contended(CONFLICTS));
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
        let schedule = &entry.schedule;
        // What others remove as fast as it is made waits, longer each time.
        if let Step::Prepare { run, .. } = step
            && let Some(again) = self.past.undone(schedule, *run, self.clock.now())
        {
            return Err(Error::Undone { again });
        }
        let (requests, version) = (&self.requests, &entry.resource_version);
        let traced = self.traces.are_on();
        let answer = apply(requests, schedule, &seen.status, version, step, traced).await?;
        if let (Step::Prepare { run, .. }, Answer::Pod(_)) = (step, &answer) {
            self.past.made(schedule, *run, self.clock.now());
        }
        Ok(answer)
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
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".into())
}
