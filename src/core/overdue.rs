//! Whether a schedule has gone without a success for too long.

use jiff::{SignedDuration, Timestamp};

use super::{
    news::News,
    readiness,
    reason::Reason,
    schedule::Schedule,
    status::{condition, set_condition},
};
use crate::api::{ConditionStatus, ScheduledContainerStatus};

/// The condition that says so.
pub const OVERDUE: &str = "Overdue";

/// Sets the condition as the spec asks for it. What is to be told, if it has turned.
pub fn show(
    schedule: &Schedule,
    status: &mut ScheduledContainerStatus,
    now: Timestamp,
) -> Option<News> {
    if schedule.overdue_after.is_none() {
        status.conditions.retain(|it| it.r#type != OVERDUE);
        return None;
    }
    let before = condition(status, OVERDUE).map(|it| it.status);
    let since = since(schedule, status);
    let (overdue, reason, message) = match &schedule.timing {
        Err(idle) if readiness::quiet(idle.reason) => (false, idle.reason, idle.message.clone()),
        _ => match passed(schedule, since, now) {
            Some(limit) => {
                let message = format!("no run has succeeded since {since}: {limit} has passed");
                (true, Reason::Overdue, message)
            }
            None => (false, Reason::InTime, "overdueAfter has not passed".into()),
        },
    };
    let generation = schedule.generation;
    set_condition(status, OVERDUE, overdue, reason, &message, generation, now);
    let was = before == Some(ConditionStatus::True);
    (overdue != was).then_some(News::Overdue {
        overdue,
        reason,
        message,
    })
}

/// When it is to be looked at again although no fire is due by then.
pub fn wake_at(
    schedule: &Schedule,
    status: &ScheduledContainerStatus,
    now: Timestamp,
) -> Option<Timestamp> {
    let seconds = schedule.overdue_after.as_ref()?.seconds?;
    let limit = SignedDuration::from_secs(seconds);
    let end = since(schedule, status).checked_add(limit).ok()?;
    Some(end).filter(|&end| end > now)
}

/// Since when a success is waited for: what was before an edit or a suspension is another matter.
fn since(schedule: &Schedule, status: &ScheduledContainerStatus) -> Timestamp {
    let times = [status.last_success_time, status.observed_since];
    times
        .into_iter()
        .flatten()
        .fold(schedule.created, Timestamp::max)
}

/// The limit that has passed, in words.
fn passed(schedule: &Schedule, since: Timestamp, now: Timestamp) -> Option<String> {
    let policy = schedule.overdue_after.as_ref()?;
    let by_time = policy.seconds.filter(|&seconds| {
        let end = since.checked_add(SignedDuration::from_secs(seconds));
        end.is_ok_and(|end| end <= now)
    });
    if let Some(seconds) = by_time {
        return Some(format!("overdueAfter.seconds ({seconds})"));
    }
    let timing = schedule.timing.as_ref().ok()?;
    let due = timing.due(since, now).map_or(0, |due| due.count);
    let by_fires = policy.fires.filter(|&fires| due > fires.unsigned_abs())?;
    Some(format!("overdueAfter.fires ({by_fires})"))
}
