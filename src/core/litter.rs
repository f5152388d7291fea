//! Which pods nobody needs any more.

use std::cmp::Reverse;

use jiff::Timestamp;

use super::{
    outcome,
    plan::Step,
    run::{Presence, RunId, SeenPod, is_by_hand},
    schedule::Schedule,
};
use crate::api::ActiveRun;

/// The attempts for which pods are held.
#[derive(Clone, Debug)]
pub struct Coming {
    /// These.
    pub runs: Vec<RunId>,
    /// And those for any fire after this instant: it is due and not decided yet, or our view of a calendar
    /// is missing or old. Another controller may have prepared its pod.
    pub after: Option<Timestamp>,
    /// And those of runs by hand that were asked for after this, if after any: another controller may
    /// have seen the request before us.
    pub requested_after: Option<Option<Timestamp>>,
}

impl Coming {
    fn may_be(&self, run: RunId) -> bool {
        let after = match is_by_hand(run.fire) {
            true => self.requested_after,
            false => self.after.map(Some),
        };
        self.runs.contains(&run) || after.is_some_and(|decided| Some(run.fire) > decided)
    }
}

/// The steps that tidy up: held pods for no coming fire, and ended ones beyond the history limits.
/// Also when the next pod outlives its time.
pub fn litter(
    schedule: &Schedule,
    pods: &[SeenPod],
    active: &[ActiveRun],
    coming: &Coming,
    now: Timestamp,
) -> (Vec<Step>, Option<Timestamp>) {
    let mut steps = Vec::new();
    let mut wake_at = None;
    let (mut succeeded, mut failed) = (Vec::new(), Vec::new());
    for pod in pods {
        let claimed = active.iter().any(|active| active.uid == pod.uid);
        if claimed || pod.deleting || pod.presence != Presence::Here {
            continue;
        }
        // Whoever made a pod from a later spec than we know sees more than we do.
        let wanted = pod.generation > schedule.generation
            || coming.may_be(pod.run()) && pod.generation == schedule.generation;
        if pod.held && !wanted {
            steps.push(sweep(pod));
        } else if pod.ended() {
            match outcome::has_succeeded(pod) {
                true => succeeded.push(pod),
                false => failed.push(pod),
            }
        }
    }
    for (mut pods, limit) in [
        (succeeded, schedule.keep_succeeded),
        (failed, schedule.keep_failed),
    ] {
        pods.sort_by_key(|pod| Reverse(pod.run()));
        for (place, pod) in pods.into_iter().enumerate() {
            let until = schedule
                .keep_for
                .and_then(|keep| pod.ended_at().checked_add(keep).ok());
            if place >= limit || until.is_some_and(|until| until <= now) {
                steps.push(Step::Collect {
                    name: pod.name.clone(),
                    uid: pod.uid.clone(),
                });
            } else {
                wake_at = wake_at.into_iter().chain(until).min();
            }
        }
    }
    (steps, wake_at)
}

/// Deletes a held pod, as it is seen.
pub fn sweep(pod: &SeenPod) -> Step {
    Step::Sweep {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        resource_version: pod.resource_version.clone(),
    }
}
