//! What is decided about the active runs: each goes on, ends, is tried again or is stopped.

use jiff::Timestamp;

use super::Draft;
use crate::{
    api::{ActiveRun, NextAttempt, RunRecord, Waiting},
    core::{
        active,
        concurrency::Concurrency,
        news::News,
        outcome,
        plan::Step,
        prepare,
        reason::Reason,
        retry,
        rules::{still_active, too_many_active},
        run::{Presence, RunId, SeenPod},
        status::{self, whole_second},
    },
};

/// What the active runs ask for.
#[derive(Default)]
pub(super) struct Busy {
    /// One isn't seen: is it there?
    pub ask: Option<Step>,
    /// Those that are claimed and still held.
    pub releases: Vec<Step>,
    /// Those that shall stop.
    pub stops: Vec<Step>,
    /// The next attempt of one of them needs its pod.
    pub wanted: Option<RunId>,
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
        let mut others = runs.len();
        for active in runs {
            others -= 1;
            // Those before it that go on, and those after it.
            let beside = self.status.active.len() + others;
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
        beside: usize,
        busy: &mut Busy,
    ) -> Option<ActiveRun> {
        let (name, uid) = (active.name.clone(), active.uid.clone());
        let pod = self.active_pod(&active);
        // Absence from a cache is no evidence, and neither is the watch's word that a pod is gone: it
        // says so too when somebody takes our label away. The API server's own answer is.
        let in_doubt = pod.is_none_or(|pod| pod.presence == Presence::Missing);
        let Some(pod) = pod else {
            if self.learned.gone.contains(&uid) {
                let ended = outcome::vanished(&active, self.now);
                return self.end(active, ended, beside);
            }
            busy.ask = Some(Step::Verify { name, uid });
            return Some(active);
        };
        if in_doubt && !self.learned.found.contains(&uid) {
            busy.ask = Some(Step::Verify { name, uid });
            return Some(active);
        }
        if let Some(ended) = outcome::ending(&active, pod, self.now) {
            return self.end(active, ended, beside);
        }
        self.show_waiting(&mut active, pod);
        if active.stopping.is_none()
            && active::deadline(self.schedule, &active, pod)
                .is_some_and(|deadline| deadline <= self.now)
        {
            active.stopping = Some(Reason::DeadlineExceeded.name().into());
        }
        if !pod.deleting {
            // What shall stop is not started first.
            if active.stopping.is_some() {
                busy.stops.push(Step::Stop { name, uid });
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
        beside: usize,
        busy: &mut Busy,
    ) -> Option<ActiveRun> {
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
        let Some(pod) = prepare::prepared(self.schedule, self.seen, run) else {
            busy.wanted = busy.wanted.or(Some(run));
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
        beside: usize,
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

    /// A run is over, with so many others active beside it.
    fn finish(&mut self, active: ActiveRun, run: RunRecord, reason: Reason, beside: usize) {
        let catching_up = self.catching_up(&active);
        status::end_run(
            &mut self.status,
            &run,
            reason,
            self.schedule.generation,
            self.now,
        );
        // What fell due while there was no room for it found none, even if the end was noticed late;
        // but while missed fires run one after the other, it has waited for the end.
        let objection = match self.schedule.concurrency {
            Concurrency::Forbid => Some(still_active(&run.name)),
            policy @ Concurrency::Allow { most } => {
                policy.is_full(beside + 1).then(|| too_many_active(most))
            }
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

    fn show_waiting(&mut self, active: &mut ActiveRun, pod: &SeenPod) {
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
        active.waiting = waiting.map(|(reason, message)| Waiting {
            reason: reason.name().into(),
            message,
            since: Some(whole_second(self.now)),
            stuck: false,
        });
    }
}

/// Why a run on record ended.
fn reason_of(record: &RunRecord) -> Reason {
    let known = Reason::ALL
        .iter()
        .find(|reason| reason.name() == record.reason);
    known.copied().unwrap_or(Reason::PodFailed)
}
