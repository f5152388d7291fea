//! What is decided about the active runs: each goes on, ends, is tried again or is stopped.

use jiff::Timestamp;

use super::Draft;
use crate::{
    api::{ActiveRun, NextAttempt, RunRecord, StuckAction, Waiting},
    core::{
        active, breaker,
        concurrency::Concurrency,
        missed,
        news::News,
        outcome,
        plan::Step,
        prepare,
        reason::Reason,
        retry,
        rules::{still_active, too_many_active},
        run::{ENDED_DEADLINE, Presence, RunId, SeenPod},
        status::{self, whole_second},
        stuck,
    },
};

/// What the active runs ask for.
#[derive(Default)]
pub(super) struct Busy {
    /// Those that aren't seen: are they there?
    pub asks: Vec<Step>,
    /// Those that are claimed and still held.
    pub releases: Vec<Step>,
    /// Those that shall stop.
    pub stops: Vec<Step>,
    /// The next attempt of one of them needs its pod.
    pub wanted: Option<RunId>,
}

/// How many others are active beside a run.
#[derive(Clone, Copy)]
struct Beside {
    active: usize,
    /// Those of them that don't wait for their next attempt.
    running: usize,
}

/// The attempt that follows an active run's latest.
pub(super) fn next_attempt(active: &ActiveRun) -> RunId {
    RunId {
        fire: active.fire_time,
        attempt: active.attempt.saturating_add(1),
    }
}

impl<'a> Draft<'a> {
    /// Looks after the active runs: finishes those that ended, and says what the others ask for.
    pub(super) fn follow_active(&mut self) -> Busy {
        let mut busy = Busy::default();
        let runs = std::mem::take(&mut self.status.active);
        let mut after: std::collections::VecDeque<_> = runs.into();
        while let Some(active) = after.pop_front() {
            // Those before it that go on, and those after it.
            let others = || self.status.active.iter().chain(&after);
            let beside = Beside {
                active: others().count(),
                running: others().filter(|run| run.retry.is_none()).count(),
            };
            let still = match active.retry.clone() {
                Some(next) => self.follow_retry(active, *next, beside, &mut busy),
                None => self.follow_pod(active, beside, &mut busy),
            };
            self.status.active.extend(still);
        }
        busy
    }

    /// One run whose latest attempt has a pod. What stays of it, if it goes on.
    fn follow_pod(
        &mut self,
        mut active: ActiveRun,
        beside: Beside,
        busy: &mut Busy,
    ) -> Option<ActiveRun> {
        let (name, uid) = (active.name.clone(), active.uid.clone());
        let pod = self.active_pod(&active);
        // Absence from a cache is no evidence, and neither is the watch's word that a pod is gone: it
        // says so too when somebody takes our label away. The API server's own answer is.
        // And a watch may have lost the word of it, so a long run is asked about now and then.
        let in_doubt = pod.is_none_or(|pod| match pod.presence {
            Presence::Here => !pod.ended() && active::asks_anew(self.schedule, &active, self.now),
            Presence::Missing => true,
            Presence::Gone => false,
        });
        let Some(pod) = pod else {
            if self.learned.gone.contains(&uid) {
                let ended = outcome::vanished(&active, self.now);
                return self.end(active, ended, beside);
            }
            busy.asks.push(Step::Verify { name, uid });
            return Some(active);
        };
        // Anybody may write a name into the status; the uid has led to the pod.
        let name = pod.name.clone();
        if in_doubt && !self.learned.found.contains(&uid) {
            busy.asks.push(Step::Verify { name, uid });
            return Some(active);
        }
        if let Some(ended) = outcome::ending(&active, pod, self.now) {
            return self.end(active, ended, beside);
        }
        let waits = self.show_waiting(&mut active, pod);
        if active.stopping.is_none() {
            let reason = self.reason_to_stop(&mut active, pod, waits);
            active.stopping = reason.map(|reason| reason.name().into());
        }
        // What could not be done just now is left out.
        if !pod.deleting && !self.learned.put_off.uids.contains(&uid) {
            // What shall stop is not started first.
            if active.stopping.is_some() {
                let by_main = outcome::main_reason(&active, pod).is_some();
                let told = pod.deadline.is_some_and(|end| end <= ENDED_DEADLINE);
                match (by_main, told) {
                    (true, true) => {}
                    (true, false) => busy.stops.push(Step::StopOthers { name, uid }),
                    (false, _) => busy.stops.push(Step::Stop { name, uid }),
                }
            } else if pod.held {
                let run = RunId {
                    fire: active.fire_time,
                    attempt: active.attempt,
                };
                busy.releases.push(Step::Release { name, uid, run });
            }
        }
        Some(active)
    }

    /// One run that waits for its next attempt. What stays of it, if it goes on.
    fn follow_retry(
        &mut self,
        mut active: ActiveRun,
        next: NextAttempt,
        beside: Beside,
        busy: &mut Busy,
    ) -> Option<ActiveRun> {
        if self.schedule.is_unreadable() && !self.seen.deleting {
            // A controller that can read the spec decides about it.
            return Some(active);
        }
        let policy = self.schedule.retry.as_ref().filter(|_| !self.seen.deleting);
        let Some(policy) = policy.filter(|_| active.stopping.is_none()) else {
            let reason = reason_of(&next.after);
            self.finish(active, next.after, reason, beside);
            return None;
        };
        if retry::due(policy, &next, self.now) > self.now {
            return Some(active);
        }
        let run = next_attempt(&active);
        if let Some(refused) = self.learned.refused(run) {
            let mut record = next.after;
            let before = record.message.unwrap_or_default();
            let attempt = run.attempt;
            record.message = Some(outcome::cut(&format!(
                "{before}; attempt {attempt} was refused: {}",
                refused.message
            )));
            let reason = reason_of(&record);
            self.finish(active, record, reason, beside);
            return None;
        }
        // Only after an edit of the policy is another one running: one after the other then.
        if self.schedule.concurrency.is_full(beside.running) {
            return Some(active);
        }
        let Some(pod) = prepare::prepared(self.schedule, self.seen, run) else {
            let now = !self.learned.put_off.runs.contains(&run);
            busy.wanted = busy.wanted.or(Some(run).filter(|_| now));
            return Some(active);
        };
        active.uncounted += u32::from(retry::is_uncounted(policy, reason_of(&next.after)));
        Some(ActiveRun {
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            claim_time: whole_second(self.now),
            attempt: run.attempt,
            retry: None,
            ..active
        })
    }

    /// An attempt has ended: the run waits for the next one, or is over.
    fn end(
        &mut self,
        mut active: ActiveRun,
        (record, reason): (RunRecord, Reason),
        beside: Beside,
    ) -> Option<ActiveRun> {
        let policy = self.schedule.retry.as_ref().filter(|_| !self.seen.deleting);
        let Some(next) = retry::next(policy, &active, &record, reason) else {
            self.finish(active, record, reason, beside);
            return None;
        };
        self.news.push(News::Retrying {
            run: record,
            reason,
            attempt: active.attempt + 1,
            time: next.time,
        });
        (active.waiting, active.stopping) = (None, None);
        active.retry = Some(Box::new(next));
        Some(active)
    }

    /// A run is over.
    fn finish(&mut self, active: ActiveRun, run: RunRecord, reason: Reason, beside: Beside) {
        let catching_up = missed::catching_up(self.schedule, &active);
        status::end_run(
            &mut self.status,
            &run,
            reason,
            self.schedule.generation,
            self.now,
        );
        let told = breaker::count(self.schedule, &mut self.status, &run, reason, self.now);
        // What fell due while there was no room for it found none, even if the end was noticed late;
        // but while missed fires run one after the other, it has waited for the end.
        let objection = match self.schedule.concurrency {
            Concurrency::Forbid => Some(still_active(&run.name)),
            policy @ Concurrency::Allow { most } => policy
                .is_full(beside.active + 1)
                .then(|| too_many_active(most)),
            Concurrency::Queue { .. } | Concurrency::Replace => None,
        };
        if !catching_up
            && let Some((reason, message)) = objection
            && let Some(timing) = self.timing()
            && let Some(due) = timing.due(self.watermark(), run.finished.min(self.now))
        {
            self.skip(due, reason, message);
        }
        self.news.push(News::Ended { run, reason });
        self.news.extend(told);
    }

    /// When the active runs are to be looked at again even if nothing is seen to change.
    pub(super) fn wake_for_active(&self) -> Option<Timestamp> {
        let wakes = self.status.active.iter().filter_map(|active| {
            if let Some(next) = &active.retry {
                let policy = self.schedule.retry.as_ref();
                let due = policy.map(|policy| retry::due(policy, next, self.now));
                return due.filter(|&due| due > self.now);
            }
            active::wake_at(self.schedule, active, self.active_pod(active)?, self.now)
        });
        wakes.min()
    }

    /// Why a run shall not go on, if it shall not; a run that is stuck may also be only reported.
    fn reason_to_stop(
        &mut self,
        active: &mut ActiveRun,
        pod: &SeenPod,
        waits: bool,
    ) -> Option<Reason> {
        if !pod.deleting
            && outcome::others_go_on(pod)
            && let Some(reason) = outcome::main_reason(active, pod)
        {
            return Some(reason);
        }
        let deadline = active::deadline(self.schedule, active, pod);
        if deadline.is_some_and(|deadline| deadline <= self.now) {
            return Some(Reason::DeadlineExceeded);
        }
        let policy = &self.schedule.stuck_after;
        let waiting = active.waiting.as_mut().filter(|_| waits)?;
        let reason = Reason::by_name(&waiting.reason)?;
        if stuck::stuck_at(waiting, policy)? > self.now {
            return None;
        }
        match policy.action {
            StuckAction::Fail => Some(reason),
            StuckAction::Report => {
                if !std::mem::replace(&mut waiting.stuck, true) {
                    self.news.push(News::Stuck {
                        run: active.name.clone(),
                        uid: active.uid.clone(),
                        reason,
                        message: waiting.message.clone(),
                    });
                }
                None
            }
        }
    }

    /// Says whether the run still waits for what is shown.
    fn show_waiting(&mut self, active: &mut ActiveRun, pod: &SeenPod) -> bool {
        if active.stopping.is_some() {
            // What it waited for stays, for its record.
            return true;
        }
        let policy = &self.schedule.stuck_after;
        let waiting = outcome::waiting(pod).or_else(|| {
            let asked = stuck::limit(policy, Reason::NotReady).is_some();
            outcome::not_ready(pod).filter(|_| asked)
        });
        let before = active
            .waiting
            .as_ref()
            .map(|waiting| waiting.reason.as_str());
        if before == waiting.as_ref().map(|(reason, _)| reason.name()) {
            // The wording may change from one try to the next; that is not news.
            if let (Some((reason, _)), Some(waiting)) = (waiting, &mut active.waiting) {
                waiting.since = stuck::since(waiting, stuck::limit(policy, reason), self.now);
            }
            return true;
        }
        let shown = active.waiting.as_ref();
        if shown.is_some_and(|shown| stuck::shown_until(shown, self.now).is_some()) {
            return false;
        }
        if let Some((reason, message)) = &waiting {
            self.news.push(News::Waiting {
                run: active.name.clone(),
                uid: active.uid.clone(),
                reason: *reason,
                message: message.clone(),
            });
        }
        active.waiting = waiting.map(|(reason, message)| Waiting {
            reason: reason.name().into(),
            message,
            since: Some(whole_second(self.now)),
            stuck: false,
        });
        true
    }
}

/// Why a run on record ended.
fn reason_of(record: &RunRecord) -> Reason {
    Reason::by_name(&record.reason).unwrap_or(Reason::PodFailed)
}
