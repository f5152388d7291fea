//! Which pod belongs to a fire, and when it is made.

use jiff::{SignedDuration, Timestamp};

use super::{
    litter::sweep,
    plan::{Learned, Seen, Step},
    run::{Presence, RunId, SeenPod, is_name_of, pod_name},
    schedule::Schedule,
};

/// The pod of an attempt at a fire, made from the spec as it is now. One from a later spec than we know counts too:
/// our view is old then, so the claim fails and we read anew.
pub fn prepared<'a>(schedule: &Schedule, seen: &'a Seen, run: RunId) -> Option<&'a SeenPod> {
    seen.pods.iter().find(|pod| {
        pod.run() == run
            && !pod.deleting
            && pod.presence == Presence::Here
            // Anybody may write an annotation; nobody can rename a pod.
            && is_name_of(&schedule.identity, run, &pod.name)
            // Who takes the gate away by hand has started the run; it is claimed as it is.
            && (!pod.held || pod.generation >= schedule.generation)
    })
}

/// The step towards the pod of an attempt: to create it, or first to remove the one that was made for it
/// from an earlier spec and has its name.
pub fn step(schedule: &Schedule, seen: &Seen, learned: &Learned, run: RunId) -> Step {
    let name = pod_name(&schedule.identity, run, learned.names_taken(run));
    let stale = seen.pods.iter().find(|pod| {
        pod.name == name && pod.held && !pod.deleting && pod.presence == Presence::Here
    });
    stale.map_or(Step::Prepare { run, name }, sweep)
}

/// The fire whose pod is to be made now, ahead of its time; else when to do so. `next` is the fire
/// that comes next if nothing stands in its way.
pub fn early(
    schedule: &Schedule,
    seen: &Seen,
    learned: &Learned,
    next: Option<Timestamp>,
    ahead: SignedDuration,
    now: Timestamp,
) -> (Option<Timestamp>, Option<Timestamp>) {
    let Some(fire) = next.filter(|_| ahead.is_positive()) else {
        return (None, None);
    };
    let run = RunId::first(fire);
    if learned.refused(run).is_some() || prepared(schedule, seen, run).is_some() {
        return (None, None);
    }
    // Spread over the upper half, so that a herd is not created at one instant instead.
    let half = ahead.as_millis() as u64 / 2;
    let lead = SignedDuration::from_millis((half + schedule.spread % (half + 1)) as i64);
    match fire.checked_sub(lead) {
        Ok(start) if start > now => (None, Some(start)),
        _ => (Some(fire), None),
    }
}
