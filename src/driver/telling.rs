//! What the driver tells people and metrics.

use jiff::Timestamp;

use super::Driver;
use crate::{
    api::{ActiveRun, ScheduledContainerStatus},
    cluster::{
        apply::Answer,
        cache::{Census, Key},
    },
    core::{
        news::News,
        plan::{Seen, Step},
        reason::Reason,
        schedule_ref::ScheduleRef,
    },
    error::{self, Error},
    metrics::ScheduleState,
    traces::Period,
};

impl Driver {
    /// Tells people what a step has made true. What was not answered is not told: the next turn finds
    /// out, but for a start whose answer was lost, which then shows only as the active run. `request` is
    /// when the step was taken and answered.
    pub(super) fn report(
        &self,
        schedule: &ScheduleRef,
        seen: &Seen,
        step: &Step,
        answer: &Answer,
        request: Period,
    ) {
        let now = request.end;
        match (step, answer) {
            (Step::Prepare { .. }, Answer::Pod(pod)) => {
                let uid = pod.metadata.uid.as_deref().unwrap_or_default();
                self.traces.prepared(uid, request);
            }
            (Step::Record { status, news }, Answer::Recorded(_)) => {
                self.traces.recorded(schedule, seen, status, news, request);
                for run in prompt_claims(seen, status) {
                    // A clock step back between the fire and now is no lateness.
                    let lateness = now.duration_since(run.fire_time).try_into();
                    let lateness = lateness.unwrap_or_default();
                    self.metrics.start_claimed(&run.uid, lateness);
                }
                for news in news {
                    self.reporter.tell(schedule, news, now);
                }
            }
            (Step::Release { name, uid, run }, Answer::Pod(_)) => {
                self.traces.released(schedule, name, uid, *run, request);
                self.metrics.start_released(uid);
                let started = News::Started {
                    run: name.clone(),
                    uid: uid.clone(),
                    fire: run.fire,
                    attempt: run.attempt,
                };
                self.reporter.tell(schedule, &started, now);
            }
            (_, Answer::NameTaken { name, .. }) => {
                self.reporter
                    .tell(schedule, &News::NameTaken { name: name.clone() }, now);
            }
            _ => {}
        }
    }

    pub(super) fn show_census(&self, now: Timestamp) {
        // Replicas add up to all schedules.
        let Census {
            ready,
            suspended,
            disabled,
            invalid,
            overdue,
            failing,
            paused,
            active,
            queued,
            next_fire,
        } = self.cache.census(now, |uid| self.leadership.leads(uid));
        for (state, count) in [
            (ScheduleState::ready, ready),
            (ScheduleState::suspended, suspended),
            (ScheduleState::disabled, disabled),
            (ScheduleState::invalid, invalid),
            (ScheduleState::overdue, overdue),
            (ScheduleState::failing, failing),
            (ScheduleState::paused, paused),
        ] {
            self.metrics.set_schedules(state, count);
        }
        self.metrics.set_runs_active(active);
        self.metrics.set_fires_queued(queued);
        self.metrics.set_next_fire(next_fire);
    }

    /// Tells the schedule's user what only the operator would see in the log.
    pub(super) fn tell_hindrance(&self, key: &Key, error: &Error, now: Timestamp) {
        if let Some((entry, _)) = self.cache.observe(key) {
            let message = error::chain(error);
            let news = News::Hindered { message };
            self.reporter.tell(&entry.schedule.identity, &news, now);
        }
    }
}

/// The first attempts that a write of the status has claimed as soon as they were due: they were not
/// queued, and replaced nothing.
fn prompt_claims<'a>(
    seen: &'a Seen,
    written: &'a ScheduledContainerStatus,
) -> impl Iterator<Item = &'a ActiveRun> {
    let before = &seen.status;
    let replaced = Some(Reason::Replaced.name());
    let mut stopping = before.active.iter().map(|run| run.stopping.as_deref());
    let waited = stopping.any(|reason| reason == replaced);
    let claims = written
        .active
        .iter()
        .filter(move |run| run.attempt == 1 && !waited);
    claims.filter(move |run| {
        // A run that is only taken in again has no gate any more.
        let mut pods = seen.pods.iter();
        let held = pods.any(|pod| pod.uid == run.uid && pod.held);
        let was_queued = before.queued.iter().any(|it| it.fire_time == run.fire_time);
        let was_claimed = before.active.iter().any(|it| it.uid == run.uid);
        held && !was_queued && !was_claimed
    })
}
