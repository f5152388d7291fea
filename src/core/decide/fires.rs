//! What is decided about fires: each starts a run, waits for one to end, or is skipped.

use jiff::Timestamp;

use super::Draft;
use crate::{
    api::QueuedFire,
    core::{
        active,
        concurrency::{self, Concurrency},
        missed::{self, Passed, Turn},
        news::News,
        prepare, readiness,
        reason::Reason,
        rules::{self, Candidate},
        run::{RunId, SeenPod},
    },
};

impl Draft<'_> {
    /// Decides the fires that are due: skips are recorded, and the fire whose turn it is is claimed
    /// if its pod is there, or queued. Returns the one that needs a pod first.
    pub(super) fn due_fires(&mut self) -> Option<RunId> {
        if let Some(wanted) = self.start_queued() {
            return Some(wanted);
        }
        let full = self.is_full();
        if full && self.status.active.iter().any(|run| self.catching_up(run)) {
            return None;
        }
        let (timing, watermark) = (self.timing()?, self.watermark());
        let due = timing.due(watermark, self.now)?;
        let candidate = Candidate {
            schedule: self.schedule,
            fire: due.latest,
            active: &self.status.active,
            queued: self.status.queued.len(),
            now: self.now,
        };
        // What speaks against the latest of them speaks against them all.
        if let Some((reason, message)) = rules::objection(&candidate) {
            self.skip(due, reason, message);
            return None;
        }
        let Turn {
            fire,
            before,
            waiting,
        } = missed::turn(self.schedule, timing, watermark, due, self.now, |fire| {
            prepare::prepared(self.schedule, self.seen, RunId::first(fire)).is_some()
        });
        let run = RunId::first(fire);
        if let Some(refused) = self.learned.refused(run) {
            self.pass(before);
            self.set_ready((false, refused.reason, refused.message.clone()));
            // Kubernetes would refuse those after it as well: only their fires and names differ.
            let fires = match refused.reason {
                Reason::NameTaken => missed::alone(fire),
                _ => waiting,
            };
            self.skip(fires, refused.reason, refused.message.clone());
            return None;
        }
        let Some(pod) = prepare::prepared(self.schedule, self.seen, run) else {
            return Some(run);
        };
        match self.schedule.concurrency {
            Concurrency::Queue { .. } if full || !self.status.queued.is_empty() => {
                self.pass(before);
                self.queue(fire);
            }
            // What fell due before it is passed together with its claim.
            Concurrency::Replace if full => self.replace_active(),
            Concurrency::Forbid
            | Concurrency::Queue { .. }
            | Concurrency::Replace
            | Concurrency::Allow { .. } => {
                self.pass(before);
                self.status.last_fire_time = Some(fire);
                self.claim(pod);
            }
        }
        None
    }

    /// Starts the oldest fire that waits, if there is room for it; drops those that wait for nothing.
    /// Returns the fire that needs a pod first.
    fn start_queued(&mut self) -> Option<RunId> {
        // While nothing is known of the schedule's fires, nothing is decided about those that wait.
        if self.seen.deleting || self.outdated || self.schedule.words.is_none() {
            return None;
        }
        self.drop_queued();
        while let Some(oldest) = self.status.queued.first().filter(|_| !self.is_full()) {
            let run = RunId::first(oldest.fire_time);
            if let Some(refused) = self.learned.refused(run) {
                self.set_ready((false, refused.reason, refused.message.clone()));
                let (reason, message) = (refused.reason, refused.message.clone());
                self.status.queued.remove(0);
                self.skip(missed::alone(run.fire), reason, message);
                continue;
            }
            let Some(pod) = prepare::prepared(self.schedule, self.seen, run) else {
                return Some(run);
            };
            self.status.queued.remove(0);
            self.claim(pod);
        }
        None
    }

    fn drop_queued(&mut self) {
        let limit = match self.schedule.concurrency {
            Concurrency::Queue { limit } if self.schedule.timing.is_ok() => limit,
            Concurrency::Queue { .. }
            | Concurrency::Forbid
            | Concurrency::Replace
            | Concurrency::Allow { .. } => 0,
        };
        let deadline = self.schedule.starting_deadline;
        let mut place = 0;
        for QueuedFire { fire_time: fire } in std::mem::take(&mut self.status.queued) {
            place += 1;
            let late = missed::lateness(fire, self.now);
            let refused = self.learned.refused(RunId::first(fire)).cloned();
            if place > limit {
                let message = "the schedule was changed while the fire waited".into();
                self.skip(missed::alone(fire), Reason::ScheduleChanged, message);
            } else if let Some(deadline) = deadline.filter(|&deadline| late > deadline) {
                let message = missed::too_late_to_start(deadline);
                self.skip(
                    missed::alone(fire),
                    Reason::StartingDeadlineExceeded,
                    message,
                );
            } else if let Some(refused) = refused {
                self.set_ready((false, refused.reason, refused.message.clone()));
                self.skip(missed::alone(fire), refused.reason, refused.message);
            } else {
                self.status.queued.push(QueuedFire { fire_time: fire });
            }
        }
    }

    fn queue(&mut self, fire: Timestamp) {
        self.status.last_fire_time = Some(fire);
        self.status.queued.push(QueuedFire { fire_time: fire });
        let message = match self.status.active.first() {
            Some(active) => format!("it waits for run {} to end", active.name),
            None => "it waits for those before it".into(),
        };
        self.news.push(News::Queued { fire, message });
    }

    /// Asks every active run to stop for a later fire.
    fn replace_active(&mut self) {
        for active in &mut self.status.active {
            if active.stopping.is_none() {
                active.stopping = Some(Reason::Replaced.name().into());
            }
        }
    }

    /// Makes a pod the pod of an active run: the point of decision, once it is written.
    fn claim(&mut self, pod: &SeenPod) {
        if let Some(mended) = readiness::mended(&self.status) {
            self.set_ready(mended);
        }
        self.status.last_run_time = Some(pod.fire);
        let active = active::claimed(pod, self.now);
        self.status.active.push(active);
    }

    fn pass(&mut self, passed: Vec<Passed>) {
        for Passed {
            due,
            reason,
            message,
        } in passed
        {
            self.skip(due, reason, message);
        }
    }

    fn is_full(&self) -> bool {
        let active = self.status.active.len();
        self.schedule.concurrency.is_full(active)
    }

    /// The oldest fire that waits without a held pod.
    pub(super) fn queued_without_pod(&self) -> Option<RunId> {
        let queued = self.status.queued.iter();
        let mut runs = queued.map(|queued| RunId::first(queued.fire_time));
        runs.find(|&run| prepare::prepared(self.schedule, self.seen, run).is_none())
            .filter(|_| self.timing().is_some())
    }

    /// When a fire that waits is out of time.
    pub(super) fn wake_for_queued(&self) -> Option<Timestamp> {
        let deadline = self.schedule.starting_deadline;
        let queued = self.status.queued.iter();
        queued
            .filter_map(|queued| concurrency::expiry(queued.fire_time, deadline))
            .filter(|&expiry| expiry > self.now)
            .min()
    }
}
