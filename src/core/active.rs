//! An active run: how it begins, and when it asks to be looked at again.

use jiff::{SignedDuration, Timestamp};

use super::{
    run::{Presence, SeenPod},
    schedule::Schedule,
    status::whole_second,
};
use crate::api::ActiveRun;

/// How often the API server is asked about an active pod that no watch shows.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// A run whose first attempt is this pod, as its claim writes it.
pub fn claimed(pod: &SeenPod, now: Timestamp) -> ActiveRun {
    ActiveRun {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        fire_time: pod.fire,
        claim_time: whole_second(now),
        attempt: 1,
        uncounted: 0,
        retry: None,
        waiting: None,
        stopping: None,
    }
}

/// When a run that no kubelet has taken on is out of time. From there on the kubelet sees to it.
pub fn deadline(schedule: &Schedule, active: &ActiveRun, pod: &SeenPod) -> Option<Timestamp> {
    let deadline = schedule.active_deadline.filter(|_| pod.started.is_none())?;
    active.claim_time.checked_add(deadline).ok()
}

/// When the active run is to be looked at again even if nothing is seen to change.
pub fn wake_at(
    schedule: &Schedule,
    active: &ActiveRun,
    pod: &SeenPod,
    now: Timestamp,
) -> Option<Timestamp> {
    let again = now.checked_add(ASK_AGAIN).ok();
    let again = again.filter(|_| pod.presence == Presence::Missing);
    let deadline = deadline(schedule, active, pod).filter(|_| active.stopping.is_none());
    again.into_iter().chain(deadline).min()
}
