//! Decide: from a schedule and what is seen of it to what is done next. Pure and total.
//!
//! A plan is small: the steps that can be taken now, none of which needs the answer to another. The
//! driver takes them, learns the answers, and asks again, until there is nothing left to do but wait.

use jiff::{SignedDuration, Timestamp};

use super::{
    cron::{Due, Timing},
    news::News,
    outcome,
    reason::Reason,
    rules::{self, Candidate},
    run::{Phase, SeenPod, pod_name},
    schedule::Schedule,
    status::{self, LAST_RUN_SUCCEEDED, READY, push_run, push_skip, whole_second},
};
use crate::api::{
    ActiveRun, ConditionStatus, Outcome, RunRecord, ScheduledContainerStatus, SkipRecord, Waiting,
};

const RUNS_WHEN_DUE: &str = "the schedule runs when it is due";

/// What is seen of a schedule: its own status, and its pods.
#[derive(Clone, Debug)]
pub struct Seen {
    pub status: ScheduledContainerStatus,
    /// Whether the schedule is being deleted: nothing new starts.
    pub deleting: bool,
    pub pods: Vec<SeenPod>,
}

/// What the answers to earlier steps have taught that no object shows.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    /// The fire whose pod Kubernetes refused to create, for good.
    pub refused: Option<Refused>,
    /// The uid of a claimed pod that does not exist: the API server itself said so.
    pub gone: Option<String>,
    /// What a trial of the template gave.
    pub trial: Option<Trial>,
    /// How many names for the next pod were taken by pods of others.
    pub names_taken: u32,
}

/// A fire whose pod Kubernetes refused to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub fire: Timestamp,
    pub reason: Reason,
    pub message: String,
}

/// What a trial of the template gave: nothing wrong, or what is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    pub generation: i64,
    pub result: Result<(), (Reason, String)>,
}

/// What to do now, and when to ask again at the latest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub wake_at: Option<Timestamp>,
}

/// One request to the API server. Each is safe to repeat and safe to be late: DESIGN names the
/// answer that a stale one gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Create the held pod of a fire.
    Prepare { fire: Timestamp, name: String },
    /// Write the status, at the resource version that this was decided from. A status that names a
    /// new active run is the claim: the point of decision.
    Record {
        status: Box<ScheduledContainerStatus>,
        news: Vec<News>,
    },
    /// Take our gate from a claimed pod.
    Release {
        name: String,
        uid: String,
        fire: Timestamp,
    },
    /// Ask the API server itself whether a claimed pod exists.
    Verify { name: String, uid: String },
    /// Try the template without creating anything.
    Try { generation: i64 },
    /// Delete a pod that shall stop, with the grace that it asks for.
    Stop { name: String, uid: String },
    /// Delete a held pod that nobody claimed, as long as it is held.
    Sweep {
        name: String,
        uid: String,
        resource_version: String,
    },
    /// Delete the pod of an ended run.
    Collect { name: String, uid: String },
}

/// Decides. `ahead` is how long before a fire its pod may be prepared.
pub fn decide(
    schedule: &Schedule,
    seen: &Seen,
    learned: &Learned,
    ahead: SignedDuration,
    now: Timestamp,
) -> Plan {
    let mut draft = Draft {
        schedule,
        seen,
        learned,
        now,
        status: seen.status.clone(),
        news: Vec::new(),
    };
    draft.adopt();
    let busy = draft.follow_active();
    if let Busy::Ask(step) = busy {
        // Nothing may be decided about this schedule before the question is answered, but fires
        // that fall due meanwhile are still noticed.
        return Plan {
            steps: vec![step],
            wake_at: draft.next_fire(None),
        };
    }
    let wanted = draft.due_fires();
    let next = draft.next_fire(wanted);
    draft.show_next(next);
    draft.show_readiness(next);

    let mut wake = Wake(next);
    let changed = draft.status != seen.status;
    let early = draft.early(next, ahead, &mut wake);
    draft.wake_for_active(&mut wake);
    let keep = [wanted, next].into_iter().flatten();
    let litter = draft.litter(keep, &mut wake);

    // The order is the order of urgency: what starts a run comes first, what tidies up comes last.
    let steps = match (busy, wanted) {
        (Busy::Release(step), _) => vec![step],
        _ if changed => {
            vec![Step::Record {
                status: Box::new(draft.status),
                news: draft.news,
            }]
        }
        (_, Some(fire)) => vec![draft.prepare(fire)],
        (Busy::Stop(step), _) => vec![step],
        (Busy::Ask(_) | Busy::Waits | Busy::Idle, None) => match early {
            Some(fire) => vec![draft.prepare(fire)],
            None if draft.needs_trial() => vec![Step::Try {
                generation: schedule.generation,
            }],
            None => litter,
        },
    };
    Plan {
        steps,
        wake_at: wake.0,
    }
}

/// What the active run asks for.
enum Busy {
    /// There is none.
    Idle,
    /// There is one, and it goes on.
    Waits,
    /// It is claimed and still held.
    Release(Step),
    /// It shall stop.
    Stop(Step),
    /// It isn't seen.
    Ask(Step),
}

/// The earliest of the instants at which something may be due.
struct Wake(Option<Timestamp>);

impl Wake {
    fn at(&mut self, instant: Timestamp) {
        self.0 = Some(self.0.map_or(instant, |earliest| earliest.min(instant)));
    }
}

/// A status in the making.
struct Draft<'a> {
    schedule: &'a Schedule,
    seen: &'a Seen,
    learned: &'a Learned,
    now: Timestamp,
    status: ScheduledContainerStatus,
    news: Vec<News>,
}

impl Draft<'_> {
    /// Fires up to this instant are decided or are not this form of the schedule's.
    fn watermark(&self) -> Timestamp {
        let times = [self.status.last_fire_time, self.status.observed_since];
        times
            .into_iter()
            .flatten()
            .fold(self.schedule.created, Timestamp::max)
    }

    /// Takes on an edited schedule: it fires from now on, never for the time before the edit.
    fn adopt(&mut self) {
        let words = &self.schedule.words;
        let Some(before) = self.status.observed_schedule.replace(words.clone()) else {
            return;
        };
        if before == *words {
            return;
        }
        if let Some(earlier) = Schedule::earlier_timing(&before)
            && let Some(due) = earlier.due(self.watermark(), self.now)
        {
            let message = format!("the schedule was \"{before}\" then");
            self.skip(due, Reason::ScheduleChanged, message);
        }
        self.status.observed_since = Some(whole_second(self.now));
    }

    /// Looks after the active run: finishes it if it ended, else says what it asks for.
    fn follow_active(&mut self) -> Busy {
        let Some(active) = self.status.active.clone() else {
            return Busy::Idle;
        };
        let ActiveRun {
            name,
            uid,
            fire_time: fire,
            ..
        } = active.clone();
        let Some(pod) = self.seen.pods.iter().find(|pod| pod.uid == uid) else {
            // Absence from a cache is no evidence; the API server's own answer is.
            if self.learned.gone.as_deref() == Some(&uid) {
                self.finish(outcome::vanished(&active, self.now));
                return Busy::Idle;
            }
            return Busy::Ask(Step::Verify { name, uid });
        };
        if let Some(ended) = outcome::ending(&active, pod, self.now) {
            self.finish(ended);
            return Busy::Idle;
        }
        if pod.held && !pod.deleting {
            return Busy::Release(Step::Release { name, uid, fire });
        }
        self.show_waiting(&active, pod);
        if self
            .deadline(&active, pod)
            .is_some_and(|deadline| deadline <= self.now)
            && let Some(active) = &mut self.status.active
        {
            active.stopping = Some(Reason::DeadlineExceeded.name().into());
        }
        if active.stopping.is_some() && !pod.deleting {
            return Busy::Stop(Step::Stop { name, uid });
        }
        Busy::Waits
    }

    /// When a run that no kubelet has taken on is out of time. From there on the kubelet sees to it.
    fn deadline(&self, active: &ActiveRun, pod: &SeenPod) -> Option<Timestamp> {
        let deadline = self
            .schedule
            .active_deadline
            .filter(|_| pod.started.is_none())?;
        active.claim_time.checked_add(deadline).ok()
    }

    fn wake_for_active(&self, wake: &mut Wake) {
        let Some(active) = &self.status.active else {
            return;
        };
        let pod = self.seen.pods.iter().find(|pod| pod.uid == active.uid);
        if active.stopping.is_none()
            && let Some(deadline) = pod.and_then(|pod| self.deadline(active, pod))
        {
            wake.at(deadline);
        }
    }

    fn show_waiting(&mut self, active: &ActiveRun, pod: &SeenPod) {
        let waiting = outcome::waiting(pod);
        let before = active
            .waiting
            .as_ref()
            .map(|waiting| waiting.reason.as_str());
        if before == waiting.as_ref().map(|(reason, _)| reason.name()) {
            // The wording may change from one try to the next; that is not news.
            return;
        }
        if let Some((reason, message)) = &waiting {
            self.news.push(News::Waiting {
                run: active.name.clone(),
                uid: active.uid.clone(),
                reason: *reason,
                message: message.clone(),
            });
        }
        if let Some(active) = &mut self.status.active {
            active.waiting = waiting.map(|(reason, message)| Waiting {
                reason: reason.name().into(),
                message,
            });
        }
    }

    fn finish(&mut self, (run, reason): (RunRecord, Reason)) {
        let now = self.now;
        let succeeded = run.outcome == Outcome::Succeeded;
        let message = match (&run.message, succeeded) {
            (_, true) => format!("run {} succeeded", run.name),
            (Some(message), false) => format!("run {} failed: {message}", run.name),
            (None, false) => format!("run {} failed", run.name),
        };
        let generation = self.schedule.generation;
        status::set_condition(
            &mut self.status,
            LAST_RUN_SUCCEEDED,
            succeeded,
            reason,
            &message,
            generation,
            now,
        );
        push_run(&mut self.status, run.clone(), reason);
        self.status.active = None;
        // What fell due while the run was active found it active, even if its end was noticed late.
        if let Some(timing) = self.timing()
            && let Some(due) = timing.due(self.watermark(), run.finished.min(now))
        {
            let message = format!("run {} was still active", run.name);
            self.skip(due, Reason::StillActive, message);
        }
        self.news.push(News::Ended { run, reason });
    }

    /// Decides every fire that is due: skips are recorded, and a fire that shall run is claimed if
    /// its pod is there. Returns the fire that needs a pod first.
    fn due_fires(&mut self) -> Option<Timestamp> {
        let due = self.timing()?.due(self.watermark(), self.now)?;
        let fire = due.latest;
        let candidate = Candidate {
            schedule: self.schedule,
            fire,
            active: self.status.active.as_ref(),
            refused: self.learned.refused.as_ref(),
            now: self.now,
        };
        match rules::objection(&candidate) {
            Some((reason @ (Reason::StillActive | Reason::StartingDeadlineExceeded), message)) => {
                self.skip(due, reason, message);
                None
            }
            Some((reason, message)) => {
                self.skip_earlier(due);
                let this = Due {
                    first: fire,
                    latest: fire,
                    count: 1,
                };
                self.set_ready(false, reason, &message);
                self.skip(this, reason, message);
                None
            }
            None => {
                let Some(pod) = self.prepared(fire) else {
                    return Some(fire);
                };
                let (name, uid) = (pod.name.clone(), pod.uid.clone());
                self.skip_earlier(due);
                if status::condition(&self.status, READY)
                    .is_some_and(|ready| ready.status == ConditionStatus::False)
                {
                    // Kubernetes took the pod, so whatever was wrong with it is mended.
                    self.set_ready(true, Reason::Ready, RUNS_WHEN_DUE);
                }
                self.status.last_fire_time = Some(fire);
                self.status.active = Some(ActiveRun {
                    name,
                    uid,
                    fire_time: fire,
                    claim_time: whole_second(self.now),
                    waiting: None,
                    stopping: None,
                });
                None
            }
        }
    }

    /// The pod of a fire, made from the spec as it is now.
    fn prepared(&self, fire: Timestamp) -> Option<&SeenPod> {
        self.seen.pods.iter().find(|pod| {
            pod.fire == fire
                && !pod.deleting
                && !pod.gone
                // Who takes the gate away by hand has started the run; it is claimed as it is.
                && (!pod.held || pod.generation == self.schedule.generation)
        })
    }

    fn prepare(&self, fire: Timestamp) -> Step {
        let name = pod_name(&self.schedule.identity, fire, self.learned.names_taken);
        // A pod made from an earlier spec has the name: it goes first.
        let stale = self
            .seen
            .pods
            .iter()
            .find(|pod| pod.name == name && pod.held && !pod.gone);
        match stale {
            Some(pod) => sweep(pod),
            None => Step::Prepare { fire, name },
        }
    }

    fn skip_earlier(&mut self, due: Due) {
        if due.count < 2 {
            return;
        }
        let Some(timing) = self.timing() else { return };
        let Some(before) = due.latest.checked_sub(SignedDuration::from_secs(1)).ok() else {
            return;
        };
        if let Some(earlier) = timing.due(self.watermark(), before) {
            self.skip(
                earlier,
                Reason::Missed,
                "a later fire runs in its stead".into(),
            );
        }
    }

    fn skip(&mut self, due: Due, reason: Reason, message: String) {
        let skip = SkipRecord {
            fire_time: due.first,
            last_fire_time: due.latest,
            count: due.count,
            reason: reason.name().into(),
            message,
        };
        self.status.last_fire_time = self.status.last_fire_time.max(Some(due.latest));
        push_skip(&mut self.status, skip.clone());
        self.news.push(News::Skipped { skip, reason });
    }

    fn timing(&self) -> Option<&Timing> {
        self.schedule
            .timing
            .as_ref()
            .ok()
            .filter(|_| !self.seen.deleting)
    }

    /// The first fire after those that are decided, or after the one that is about to be.
    fn next_fire(&self, wanted: Option<Timestamp>) -> Option<Timestamp> {
        self.timing()?.next(wanted.unwrap_or(self.watermark()))
    }

    /// The fire whose pod is prepared now, ahead of its time.
    fn early(
        &self,
        next: Option<Timestamp>,
        ahead: SignedDuration,
        wake: &mut Wake,
    ) -> Option<Timestamp> {
        let fire = next.filter(|_| self.status.active.is_none() && ahead.is_positive())?;
        if self.prepared(fire).is_some()
            || self
                .learned
                .refused
                .as_ref()
                .is_some_and(|refused| refused.fire == fire)
        {
            return None;
        }
        // Spread over the upper half, so that a herd is not created at one instant instead.
        let half = ahead.as_millis() as u64 / 2;
        let lead = SignedDuration::from_millis((half + self.schedule.spread % (half + 1)) as i64);
        let start = fire.checked_sub(lead).ok()?;
        if start <= self.now {
            return Some(fire);
        }
        wake.at(start);
        None
    }

    fn show_next(&mut self, next: Option<Timestamp>) {
        let shown = next.and_then(|fire| Some(self.timing()?.describe_local(fire)));
        self.status.next_fire_time = shown;
    }

    fn show_readiness(&mut self, next: Option<Timestamp>) {
        let generation = self.schedule.generation;
        let trial = self
            .learned
            .trial
            .as_ref()
            .filter(|trial| trial.generation == generation);
        let known = status::condition(&self.status, READY)
            .filter(|ready| ready.observed_generation == Some(generation));
        let (ready, reason, message) = match (&self.schedule.timing, trial) {
            (Err(idle), _) if !quiet(idle.reason) => (false, idle.reason, idle.message.clone()),
            (
                _,
                Some(Trial {
                    result: Err((reason, message)),
                    ..
                }),
            ) => (false, *reason, message.clone()),
            // Nothing is known of the template yet, or the last thing known is what stands there.
            (_, None) if known.is_none_or(|ready| ready.status != ConditionStatus::True) => return,
            (Err(idle), _) => (true, idle.reason, idle.message.clone()),
            (Ok(_), _) => match next {
                Some(_) => (true, Reason::Ready, RUNS_WHEN_DUE.into()),
                None => (true, Reason::NeverFires, "no fire is left".into()),
            },
        };
        self.set_ready(ready, reason, &message);
    }

    fn set_ready(&mut self, ready: bool, reason: Reason, message: &str) {
        let (generation, now) = (self.schedule.generation, self.now);
        let before = status::condition(&self.status, READY);
        let turned = before.map(|before| before.reason.as_str()) != Some(reason.name());
        status::set_condition(
            &mut self.status,
            READY,
            ready,
            reason,
            message,
            generation,
            now,
        );
        if turned {
            self.news.push(News::Readiness {
                ready,
                reason,
                message: message.into(),
            });
        }
    }

    /// Whether the template as it is now has never been tried.
    fn needs_trial(&self) -> bool {
        let tried = status::condition(&self.status, READY)
            .is_some_and(|ready| ready.observed_generation == Some(self.schedule.generation));
        !tried && !self.seen.deleting
    }

    /// Pods that nobody needs: held ones for no coming fire, and ended ones beyond the limits.
    fn litter(&self, keep: impl Iterator<Item = Timestamp> + Clone, wake: &mut Wake) -> Vec<Step> {
        let active = self
            .status
            .active
            .as_ref()
            .map(|active| active.uid.as_str());
        let mut steps = Vec::new();
        let (mut succeeded, mut failed) = (Vec::new(), Vec::new());
        for pod in &self.seen.pods {
            if active == Some(&pod.uid) || pod.deleting || pod.gone {
                continue;
            }
            let fresh = pod.generation == self.schedule.generation;
            if pod.held && !(fresh && keep.clone().any(|fire| fire == pod.fire)) {
                steps.push(sweep(pod));
            } else if pod.ended() {
                let list = match pod.phase {
                    Phase::Succeeded => &mut succeeded,
                    _ => &mut failed,
                };
                list.push(pod);
            }
        }
        for (mut pods, limit) in [
            (succeeded, self.schedule.keep_succeeded),
            (failed, self.schedule.keep_failed),
        ] {
            pods.sort_by_key(|pod| std::cmp::Reverse(pod.fire));
            for (place, pod) in pods.into_iter().enumerate() {
                let until = self
                    .schedule
                    .keep_for
                    .and_then(|keep| pod.ended_at().checked_add(keep).ok());
                if place >= limit || until.is_some_and(|until| until <= self.now) {
                    steps.push(Step::Collect {
                        name: pod.name.clone(),
                        uid: pod.uid.clone(),
                    });
                } else if let Some(until) = until {
                    wake.at(until);
                }
            }
        }
        steps
    }
}

/// Reasons never to fire with which nothing is wrong.
fn quiet(reason: Reason) -> bool {
    matches!(reason, Reason::Suspended | Reason::Disabled)
}

fn sweep(pod: &SeenPod) -> Step {
    Step::Sweep {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        resource_version: pod.resource_version.clone(),
    }
}
