//! Whether a schedule can run, as its Ready condition says it.

use jiff::{SignedDuration, Timestamp};

use super::{
    plan::{Learned, Trial},
    reason::Reason,
    schedule::Schedule,
    status::{self, READY},
};
use crate::api::{ConditionStatus, ScheduledContainerStatus};

const RUNS_WHEN_DUE: &str = "the schedule runs when it is due";

/// How far behind the decided fires the clock may be before it is worth a word.
pub const BEHIND: SignedDuration = SignedDuration::from_secs(60);

/// Whether it can run, why, and why in a sentence.
pub type Readiness = (bool, Reason, String);

/// What is to be said now; `None` if nothing new is known. `next` is the next fire; `behind`, up to
/// when fires are decided if the clock is more than [`BEHIND`] away from there; `alone`, that there
/// is nothing else to write.
pub fn now(
    schedule: &Schedule,
    learned: &Learned,
    status: &ScheduledContainerStatus,
    next: Option<Timestamp>,
    behind: Option<Timestamp>,
    alone: bool,
) -> Option<Readiness> {
    let trial = learned
        .trial
        .as_ref()
        .filter(|trial| trial.generation == schedule.generation);
    let holds = !unknown(schedule, status)
        && status::condition(status, READY).is_some_and(|it| it.status == ConditionStatus::True);
    Some(match (&schedule.timing, trial) {
        (Err(idle), _) if !quiet(idle.reason) => (false, idle.reason, idle.message.clone()),
        (
            _,
            Some(Trial {
                result: Err((reason, message)),
                ..
            }),
        ) => (false, *reason, message.clone()),
        // Nothing is known of the template yet, or what is wrong with it stands there.
        (_, None) if !holds => return None,
        (Err(idle), _) => (true, idle.reason, idle.message.clone()),
        (Ok(timing), _) => match (next, behind) {
            (None, _) => (true, Reason::NeverFires, "no fire is left".into()),
            // Two controllers whose clocks differ would contradict each other for ever. The next
            // fire, at the latest, takes it back.
            (Some(_), None) if alone && trial.is_none() && says_behind(status) => return None,
            (Some(_), None) => (true, Reason::Ready, RUNS_WHEN_DUE.into()),
            (Some(next), Some(decided)) => (
                true,
                Reason::ClockBehind,
                format!(
                    "the controller's clock was put back behind {}, up to which all fires are decided; \
                     the schedule fires again at {}",
                    timing.describe_local(decided),
                    timing.describe_local(next)
                ),
            ),
        },
    })
}

/// What is to be said when Kubernetes has taken a pod after it had refused one.
pub fn mended(status: &ScheduledContainerStatus) -> Option<Readiness> {
    let ready = status::condition(status, READY)?;
    let was_wrong = ready.status == ConditionStatus::False;
    was_wrong.then(|| (true, Reason::Ready, RUNS_WHEN_DUE.into()))
}

/// Whether it is not known if the template as it is now is any good: it was never tried, or what
/// stands there kept it from being tried and is mended without an edit.
pub fn unknown(schedule: &Schedule, status: &ScheduledContainerStatus) -> bool {
    let still = schedule.timing.as_ref().err().map(|idle| idle.reason);
    status::condition(status, READY).is_none_or(|ready| {
        let told = Reason::ALL
            .iter()
            .find(|reason| ready.reason == reason.name());
        ready.observed_generation != Some(schedule.generation)
            || told.is_some_and(|&told| mended_elsewhere(told) && Some(told) != still)
    })
}

/// Whether what keeps a schedule idle for this reason can be mended without an edit of it: by a
/// calendar, another zone database or another version of the controller.
fn mended_elsewhere(reason: Reason) -> bool {
    match reason {
        Reason::InvalidSchedule
        | Reason::InvalidTimeZone
        | Reason::CalendarNotFound
        | Reason::InvalidCalendar
        | Reason::InvalidSpec => true,
        // Nothing is wrong.
        Reason::Ready
        | Reason::Suspended
        | Reason::Disabled
        | Reason::ClockBehind
        | Reason::NeverFires => false,
        // What Kubernetes said of a pod holds until the next one is claimed.
        Reason::QuotaExceeded
        | Reason::PodSecurityViolation
        | Reason::InvalidPod
        | Reason::NamespaceTerminating
        | Reason::CreateForbidden
        | Reason::CreateRefused
        | Reason::NameTaken
        | Reason::StatusRepaired
        | Reason::CannotProceed => false,
        // They are about a run, a fire or a schedule file.
        Reason::Started
        | Reason::Succeeded
        | Reason::NonZeroExit
        | Reason::OOMKilled
        | Reason::DeadlineExceeded
        | Reason::Evicted
        | Reason::Preempted
        | Reason::NodeLost
        | Reason::NodeShutdown
        | Reason::RefusedByNode
        | Reason::PodDeleted
        | Reason::PodFailed
        | Reason::Replaced
        | Reason::NotReady
        | Reason::RunStuck
        | Reason::Retrying
        | Reason::Queued
        | Reason::QueueFull
        | Reason::TooManyActive
        | Reason::Unschedulable
        | Reason::ImagePullFailed
        | Reason::CrashLooping
        | Reason::ContainerConfigError
        | Reason::StillActive
        | Reason::Missed
        | Reason::StartingDeadlineExceeded
        | Reason::ScheduleChanged
        | Reason::CircuitOpen
        | Reason::CircuitClosed
        | Reason::Overdue
        | Reason::InTime
        | Reason::InvalidEntry
        | Reason::InvalidFile => false,
    }
}

fn says_behind(status: &ScheduledContainerStatus) -> bool {
    status::condition(status, READY).is_some_and(|it| it.reason == Reason::ClockBehind.name())
}

/// Sets the condition. Says whether that is news.
pub fn set(
    status: &mut ScheduledContainerStatus,
    ready: bool,
    reason: Reason,
    message: &str,
    generation: i64,
    now: Timestamp,
) -> bool {
    let before = status::condition(status, READY);
    let turned = before.is_none_or(|before| before.reason != reason.name());
    status::set_condition(status, READY, ready, reason, message, generation, now);
    turned
}

/// Reasons never to fire with which nothing is wrong.
pub fn quiet(reason: Reason) -> bool {
    matches!(reason, Reason::Suspended | Reason::Disabled)
}
