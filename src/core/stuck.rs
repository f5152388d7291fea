//! Since when a run makes no progress, and when that is too long.
//!
//! The time counts from when the controller first saw the wait. The pod's own times won't do: the
//! condition PodScheduled is false since the pod was made, which a held pod was long before its start,
//! and Ready is false since the kubelet took it on. So a run may be called stuck late, by as long as
//! no controller looked, but never early.

use jiff::{SignedDuration, Timestamp};

use super::{reason::Reason, status::whole_second};
use crate::api::{StuckAfter, Waiting};

/// How long a wait is shown at least: its beginning is a whole second, by a clock that may be a little
/// behind ours.
const SHOWN: SignedDuration = SignedDuration::from_secs(2);

/// How long a run may wait for this reason.
pub fn limit(policy: &StuckAfter, reason: Reason) -> Option<SignedDuration> {
    // A container that fails again and again does run: activeDeadlineSeconds is its limit. And no other
    // reason is one to wait.
    let limits = [
        (Reason::Unschedulable, policy.unschedulable_seconds),
        (Reason::ImagePullFailed, policy.image_pull_seconds),
        (Reason::ContainerConfigError, policy.config_error_seconds),
        (Reason::NotReady, policy.not_ready_seconds),
    ];
    let (_, seconds) = limits.into_iter().find(|(of, _)| *of == reason)?;
    seconds.map(SignedDuration::from_secs)
}

/// The beginning of a wait, as it is to be kept. One that lies so far ahead that even the limit
/// doesn't reach it was written before the clock was put back: the wait begins anew, lest it never
/// end. One that is nearer stays, so that two clocks that differ a little don't rewrite it, and a
/// clock that is put right again doesn't make the wait look longer than it is.
pub fn since(
    waiting: &Waiting,
    limit: Option<SignedDuration>,
    now: Timestamp,
) -> Option<Timestamp> {
    let latest = limit.and_then(|limit| now.checked_add(limit).ok());
    match (waiting.since, latest) {
        (Some(since), Some(latest)) if since > latest => Some(whole_second(now)),
        (Some(since), _) => Some(since),
        (None, _) => Some(whole_second(now)),
    }
}

/// Until when a wait that is shown stays as it is, although it has changed: controllers of which one
/// sees an older pod would else contradict each other as fast as they can write.
pub fn shown_until(waiting: &Waiting, now: Timestamp) -> Option<Timestamp> {
    let since = waiting.since.filter(|&since| since <= now)?;
    let end = since.checked_add(SHOWN).ok()?;
    Some(end).filter(|&end| end > now)
}

/// When the wait is too long, if it has a limit.
pub fn stuck_at(waiting: &Waiting, policy: &StuckAfter) -> Option<Timestamp> {
    let reason = Reason::by_name(&waiting.reason)?;
    waiting.since?.checked_add(limit(policy, reason)?).ok()
}
