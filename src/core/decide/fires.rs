//! What is decided about fires: each starts a run, waits for one to end, or is skipped.

use jiff::Timestamp;

use super::Draft;
use crate::{
    api::{ActiveRun, MissedFires, QueuedFire},
    core::{
        active,
        breaker::Circuit,
        concurrency::Concurrency,
        cron::Due,
        missed::{self, Passed, Turn},
        news::News,
        plan::Refused,
        prepare, readiness,
        reason::Reason,
        rules::{self, Candidate},
        run::{RunId, SeenPod, is_by_hand},
    },
};

impl Draft<'_> {
    /// Decides the fires that are due: skips are recorded, and the fire whose turn it is is claimed
    /// if its pod is there, or queued. Returns the one that needs a pod first.
    pub(super) fn due_fires(&mut self) -> Option<RunId> {
        if let Some(wanted) = self.start_queued() {
            return Some(wanted);
        }
        if self.waits_for_end() {
            return None;
        }
        let (timing, watermark) = (self.timing()?, self.watermark());
        let due = timing.due(watermark, self.now)?;
        // What speaks against the latest of them speaks against them all.
        if let Some((reason, message)) = rules::objection(&self.candidate(due.latest)) {
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
            // Kubernetes would refuse those after it as well: only their fires and names differ.
            let fires = match refused.reason {
                Reason::NameTaken => missed::alone(fire),
                _ => waiting,
            };
            self.refuse(fires, refused);
            return None;
        }
        let catching_up = self.schedule.missed == MissedFires::RunAll && waiting.count > 1;
        self.place(run, before, catching_up)
    }

    /// Decides the run that somebody asked for by hand, by the same rules as a fire. Returns it if it
    /// needs a pod first.
    pub(super) fn requested_run(&mut self) -> Option<RunId> {
        let run = self.undecided_request()?;
        let known = &self.seen.status.active;
        let is_known = |run: &ActiveRun| known.iter().any(|known| known.uid == run.uid);
        if run.fire > self.now
            // What is only about to be claimed is not replaced in the same write.
            || !self.status.active.iter().all(is_known)
            || self.waits_for_end()
        {
            return None;
        }
        let alone = missed::alone(run.fire);
        if let Some((reason, message)) = rules::objection(&self.candidate(run.fire)) {
            self.skip(alone, reason, message);
            return None;
        }
        if let Some(refused) = self.learned.refused(run) {
            self.refuse(alone, refused);
            return None;
        }
        self.place(run, Vec::new(), false)
    }

    /// The run that somebody asked for by hand, if that is not decided yet. A suspended or disabled
    /// schedule runs by hand too. What was asked for before its creation was asked of another one, of
    /// which it is a copy.
    pub(super) fn undecided_request(&self) -> Option<RunId> {
        let asked = self.seen.requested?;
        let open = Some(asked) > self.status.last_request_time && asked > self.schedule.created;
        (open && self.may_start(asked)).then(|| RunId::first(asked))
    }

    /// When a run that is asked for ahead of its time is due.
    pub(super) fn wake_for_request(&self) -> Option<Timestamp> {
        let asked = self.undecided_request()?.fire;
        Some(asked).filter(|&asked| asked > self.now)
    }

    fn may_start(&self, fire: Timestamp) -> bool {
        !self.seen.deleting
            && !self.outdated
            && match &self.schedule.timing {
                Ok(_) => true,
                Err(idle) => is_by_hand(fire) && readiness::quiet(idle.reason),
            }
    }

    fn candidate(&self, fire: Timestamp) -> Candidate<'_> {
        Candidate {
            schedule: self.schedule,
            fire,
            active: &self.status.active,
            queued: self.status.queued.len(),
            circuit: self.circuit(),
            now: self.now,
        }
    }

    /// Nothing speaks against a fire: claims it if its pod is there, or queues it. `before` are those
    /// that pass with it. Returns it if it needs a pod first.
    fn place(&mut self, run: RunId, before: Vec<Passed>, catching_up: bool) -> Option<RunId> {
        let Some(pod) = prepare::prepared(self.schedule, self.seen, run) else {
            return Some(run);
        };
        let full = self.is_full();
        match self.schedule.concurrency {
            Concurrency::Queue { .. } if full || !self.status.queued.is_empty() => {
                self.pass(before);
                self.decided(run.fire);
                self.queue(run.fire);
            }
            // What fell due before it is passed together with its claim.
            Concurrency::Replace if full => {
                self.replace_active();
                self.replacing.get_or_insert(run);
            }
            Concurrency::Forbid
            | Concurrency::Queue { .. }
            | Concurrency::Replace
            | Concurrency::Allow { .. } => {
                self.pass(before);
                self.decided(run.fire);
                self.claim(pod, catching_up);
            }
        }
        None
    }

    /// Starts the oldest fire that waits, if there is room for it; drops those that wait for nothing.
    /// Returns the fire that needs a pod first.
    fn start_queued(&mut self) -> Option<RunId> {
        // While nothing is known of the schedule's fires, nothing is decided about those that wait.
        let unknown = self.schedule.words.is_none() || self.schedule.is_unreadable();
        if self.seen.deleting || self.outdated || unknown {
            return None;
        }
        self.drop_queued();
        while let Some(oldest) = self.status.queued.first().filter(|_| !self.is_full()) {
            let run = RunId::first(oldest.fire_time);
            let Some(pod) = prepare::prepared(self.schedule, self.seen, run) else {
                return Some(run);
            };
            self.status.queued.remove(0);
            self.claim(pod, false);
        }
        None
    }

    fn drop_queued(&mut self) {
        let limit = match self.schedule.concurrency {
            Concurrency::Queue { limit } => limit,
            Concurrency::Forbid | Concurrency::Replace | Concurrency::Allow { .. } => 0,
        };
        let queued = std::mem::take(&mut self.status.queued);
        for (place, QueuedFire { fire_time: fire }) in queued.into_iter().enumerate() {
            let alone = missed::alone(fire);
            if place >= limit || !self.may_start(fire) {
                let message = "the schedule was changed while the fire waited".into();
                self.skip(alone, Reason::ScheduleChanged, message);
            } else if let Some((reason, message)) = self.expired(fire) {
                self.skip(alone, reason, message);
            } else if let Some(refused) = self.learned.refused(RunId::first(fire)) {
                self.refuse(alone, refused);
            } else {
                self.status.queued.push(QueuedFire { fire_time: fire });
            }
        }
    }

    /// Records fires of which Kubernetes refused the pod: none of the schedule can run as it is.
    fn refuse(&mut self, fires: Due, refused: &Refused) {
        self.set_ready((false, refused.reason, refused.message.clone()));
        self.skip(fires, refused.reason, refused.message.clone());
    }

    fn queue(&mut self, fire: Timestamp) {
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
    fn claim(&mut self, pod: &SeenPod, catching_up: bool) {
        if let Some(mended) = readiness::mended(&self.status) {
            self.set_ready(mended);
        }
        // What was asked for by hand is no fire of the schedule's.
        if !is_by_hand(pod.fire) {
            self.status.last_run_time = Some(pod.fire);
        }
        self.status.active.push(ActiveRun {
            catching_up,
            ..active::claimed(pod, self.now)
        });
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

    /// Why a fire that waits for the end of a run waits no longer.
    fn expired(&self, fire: Timestamp) -> Option<rules::Objection> {
        let candidate = self.candidate(fire);
        // A run that goes on may close the circuit yet.
        let paused = match candidate.circuit {
            Circuit::Open(_) => rules::circuit_open(&candidate),
            Circuit::Closed | Circuit::Probing => None,
        };
        paused.or_else(|| rules::too_late(&candidate))
    }

    fn is_full(&self) -> bool {
        let active = self.status.active.len();
        self.schedule.concurrency.is_full(active)
    }

    /// Whether fires wait for the end of an active run instead of being decided.
    fn waits_for_end(&self) -> bool {
        let mut active = self.status.active.iter();
        self.is_full() && active.any(|run| missed::catching_up(self.schedule, run))
    }

    /// The oldest fire that waits without a held pod.
    pub(super) fn queued_without_pod(&self) -> Option<RunId> {
        let queued = self.status.queued.iter();
        let mut runs = queued.map(|queued| RunId::first(queued.fire_time));
        runs.find(|&run| prepare::prepared(self.schedule, self.seen, run).is_none())
            .filter(|run| self.may_start(run.fire))
    }

    /// When a fire that waits is out of time.
    pub(super) fn wake_for_queued(&self) -> Option<Timestamp> {
        let deadline = self.schedule.starting_deadline;
        let queued = self.status.queued.iter().map(|queued| queued.fire_time);
        let replacing = self.replacing.iter().map(|run| run.fire);
        queued
            .chain(replacing)
            .filter_map(|fire| missed::expiry(fire, deadline))
            .filter(|&expiry| expiry > self.now)
            .min()
    }
}
