//! An active run: how it begins, and when it asks to be looked at again.

use jiff::{SignedDuration, Timestamp};

use super::{
    run::{Presence, SeenPod},
    schedule::Schedule,
    status::whole_second,
    stuck,
};
use crate::api::ActiveRun;

/// How often the API server is asked about an active pod that no watch shows.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// How often the API server is asked about an active pod of which nothing is heard: a watch may have
/// lost what it should have told. It is one small request for a run that has lasted this long.
const ASK_ANEW: i64 = 600;
/// For how long after such an instant a turn asks, so that one that is a little late does, too.
const ASKS: i64 = 10;

/// A run whose latest attempt is this pod, as its claim writes it.
pub fn claimed(pod: &SeenPod, now: Timestamp) -> ActiveRun {
    ActiveRun {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        fire_time: pod.fire,
        claim_time: whole_second(now),
        attempt: pod.attempt,
        uncounted: 0,
        catching_up: false,
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

/// Whether it is time to ask whether the pod of a long run is still there.
pub fn asks_anew(schedule: &Schedule, active: &ActiveRun, now: Timestamp) -> bool {
    let age = now.duration_since(active.claim_time).as_secs();
    age >= ASK_ANEW && beat(schedule, age) < ASKS
}

/// How many seconds ago it was time to ask. Runs that began together don't ask together, and none
/// does it just when it may fall due again.
fn beat(schedule: &Schedule, age: i64) -> i64 {
    let apart = (schedule.spread % ASK_ANEW.unsigned_abs()) as i64;
    (age.saturating_add(apart)).rem_euclid(ASK_ANEW)
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
    let deadline = deadline(schedule, active, pod);
    let shown = active.waiting.as_ref();
    let changes = shown.and_then(|waiting| stuck::shown_until(waiting, now));
    let waiting = shown.filter(|waiting| !waiting.stuck);
    let stuck = waiting.and_then(|waiting| stuck::stuck_at(waiting, &schedule.stuck_after));
    let limits = [deadline, stuck].into_iter().flatten();
    let limits = limits.filter(|&limit| active.stopping.is_none() && limit > now);
    let age = now.duration_since(active.claim_time).as_secs();
    let mut anew = ASK_ANEW - beat(schedule, age);
    if age.saturating_add(anew) < ASK_ANEW {
        anew = anew.saturating_add(ASK_ANEW);
    }
    let anew = now.checked_add(SignedDuration::from_secs(anew)).ok();
    again
        .into_iter()
        .chain(changes)
        .chain(limits)
        .chain(anew)
        .min()
}
