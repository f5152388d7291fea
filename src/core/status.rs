//! How a status changes: bounded lists, conditions that keep the time of their last change.

use jiff::Timestamp;

use super::{reason::Reason, run::is_by_hand};
use crate::api::{
    Condition, ConditionStatus, Outcome, RunRecord, ScheduledContainerStatus, SkipRecord,
};

/// How many runs and how many skips a status remembers.
const REMEMBERED: usize = 10;

/// The condition that says whether the schedule can run.
pub const READY: &str = "Ready";
/// The condition that says how the last run ended.
pub const LAST_RUN_SUCCEEDED: &str = "LastRunSucceeded";

/// A time as a status shows it: in whole seconds.
pub fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// The condition of this type.
pub fn condition<'a>(status: &'a ScheduledContainerStatus, kind: &str) -> Option<&'a Condition> {
    status
        .conditions
        .iter()
        .find(|condition| condition.r#type == kind)
}

/// The fires on record that got a run or wait for one.
pub fn chosen(status: &ScheduledContainerStatus) -> impl Iterator<Item = Timestamp> {
    let active = status.active.iter().map(|run| run.fire_time);
    let queued = status.queued.iter().map(|queued| queued.fire_time);
    let ended = status.recent_runs.iter().map(|run| run.fire_time);
    active.chain(queued).chain(ended)
}

/// Sets a condition; its transition time moves only when it turns.
pub fn set_condition(
    status: &mut ScheduledContainerStatus,
    kind: &str,
    holds: bool,
    reason: Reason,
    message: &str,
    generation: i64,
    now: Timestamp,
) {
    let truth = if holds {
        ConditionStatus::True
    } else {
        ConditionStatus::False
    };
    let since = condition(status, kind)
        .filter(|before| before.status == truth)
        .map_or(whole_second(now), |before| before.last_transition_time);
    let condition = Condition {
        r#type: kind.into(),
        status: truth,
        observed_generation: Some(generation),
        last_transition_time: since,
        reason: reason.name().into(),
        message: message.into(),
    };
    match status
        .conditions
        .iter_mut()
        .find(|before| before.r#type == kind)
    {
        Some(before) => *before = condition,
        None => status.conditions.push(condition),
    }
}

/// Records that a run has ended, which is no longer among the active ones.
pub fn end_run(
    status: &mut ScheduledContainerStatus,
    run: &RunRecord,
    reason: Reason,
    generation: i64,
    now: Timestamp,
) {
    let succeeded = run.outcome == Outcome::Succeeded;
    let message = match (&run.message, succeeded) {
        (_, true) => format!("run {} succeeded", run.name),
        (Some(message), false) => format!("run {} failed: {message}", run.name),
        (None, false) => format!("run {} failed", run.name),
    };
    // A run that was replaced did nothing wrong, and nobody knows whether it would have succeeded.
    let replaced = reason == Reason::Replaced;
    if !replaced {
        set_condition(
            status,
            LAST_RUN_SUCCEEDED,
            succeeded,
            reason,
            &message,
            generation,
            now,
        );
    }
    match run.outcome {
        Outcome::Succeeded => {
            status.counts.succeeded += 1;
            status.last_success_time = Some(run.finished);
        }
        Outcome::Failed => status.counts.failed += 1,
    }
    status.last_outcome = Some(reason.name().into());
    status.recent_runs.insert(0, run.clone());
    status.recent_runs.truncate(REMEMBERED);
}

/// Records fires that got no run, together with the last record if that has the same reason and
/// nothing but skips lies between them.
pub fn push_skip(status: &mut ScheduledContainerStatus, skip: SkipRecord) {
    status.counts.skipped += skip.count;
    let neighbours = status
        .recent_skips
        .first()
        .is_some_and(|before| are_neighbours(status, before, &skip));
    match status.recent_skips.first_mut() {
        Some(before) if neighbours => {
            before.last_fire_time = before.last_fire_time.max(skip.last_fire_time);
            before.count += skip.count;
        }
        _ => {
            status.recent_skips.insert(0, skip);
            forget_oldest(&mut status.recent_skips);
        }
    }
}

/// Keeps as many as are remembered: the newest, and among them the latest of the schedule's own fires,
/// which bears out `lastFireTime` however many runs by hand were skipped since.
fn forget_oldest(skips: &mut Vec<SkipRecord>) {
    let own = |skip: &SkipRecord| Some(skip.last_fire_time).filter(|&fire| !is_by_hand(fire));
    let latest = skips.iter().filter_map(own).max();
    let is_latest = |skip: &SkipRecord| latest.is_some() && own(skip) == latest;
    while skips.len() > REMEMBERED {
        let oldest = skips.iter().rposition(|skip| !is_latest(skip));
        skips.remove(oldest.unwrap_or(skips.len() - 1));
    }
}

/// Whether the two have the same reason, and no other fire that is known of lies between them.
fn are_neighbours(
    status: &ScheduledContainerStatus,
    before: &SkipRecord,
    skip: &SkipRecord,
) -> bool {
    let between = |fire: Timestamp| before.fire_time < fire && fire < skip.fire_time;
    let skips = status.recent_skips.iter().skip(1);
    let skips = skips.flat_map(|skip| [skip.fire_time, skip.last_fire_time]);
    before.reason == skip.reason
        && before.message == skip.message
        && before.last_fire_time < skip.fire_time
        && is_by_hand(before.fire_time) == is_by_hand(skip.fire_time)
        && !chosen(status).chain(skips).any(between)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn skip(second: i64, reason: Reason) -> SkipRecord {
        SkipRecord {
            fire_time: at(second),
            last_fire_time: at(second),
            count: 1,
            reason: reason.name().into(),
            message: "why".into(),
        }
    }

    #[test]
    fn neighbouring_skips_for_one_reason_share_a_record() {
        let mut status = ScheduledContainerStatus::default();
        push_skip(&mut status, skip(10, Reason::StillActive));
        push_skip(&mut status, skip(20, Reason::StillActive));
        push_skip(&mut status, skip(30, Reason::Missed));
        let kept: Vec<_> = status
            .recent_skips
            .iter()
            .map(|skip| {
                (
                    skip.fire_time.as_second(),
                    skip.last_fire_time.as_second(),
                    skip.count,
                )
            })
            .collect();
        assert_eq!(kept, [(30, 30, 1), (10, 20, 2)]);
        assert_eq!(status.counts.skipped, 3);
    }

    #[test]
    fn skips_are_bounded_and_all_counted() {
        let mut status = ScheduledContainerStatus::default();
        for second in 0..40 {
            let reason = if second % 2 == 0 {
                Reason::Missed
            } else {
                Reason::StillActive
            };
            push_skip(&mut status, skip(second, reason));
        }
        assert_eq!(status.recent_skips.len(), REMEMBERED);
        assert_eq!(status.recent_skips[0].fire_time, at(39));
        assert_eq!(status.counts.skipped, 40);
    }

    #[test]
    fn a_run_that_was_replaced_says_nothing_about_how_runs_end() {
        let mut status = ScheduledContainerStatus::default();
        let mut end = |reason: Reason| {
            let run = RunRecord {
                name: "a".into(),
                uid: "u".into(),
                fire_time: at(10),
                attempts: 1,
                outcome: match reason {
                    Reason::Succeeded => Outcome::Succeeded,
                    _ => Outcome::Failed,
                },
                reason: reason.name().into(),
                message: None,
                exit_code: None,
                started: None,
                finished: at(15),
                node: None,
                last_lines: vec![],
            };
            end_run(&mut status, &run, reason, 1, at(15));
            let counts = status.counts;
            (
                condition(&status, LAST_RUN_SUCCEEDED).map(|it| it.status),
                (counts.succeeded, counts.failed),
                status.last_outcome.clone().unwrap(),
                status.recent_runs.len(),
            )
        };
        let (good, bad) = (Some(ConditionStatus::True), Some(ConditionStatus::False));
        let rows = [
            (Reason::Replaced, None, (0, 1)),
            (Reason::Succeeded, good, (1, 1)),
            (Reason::Replaced, good, (1, 2)),
            (Reason::NonZeroExit, bad, (1, 3)),
            (Reason::Replaced, bad, (1, 4)),
        ];
        for (place, (reason, truth, counts)) in rows.into_iter().enumerate() {
            let outcome = reason.name().to_owned();
            assert_eq!(end(reason), (truth, counts, outcome, place + 1));
        }
    }

    #[test]
    fn a_condition_keeps_the_time_of_its_last_turn() {
        let mut status = ScheduledContainerStatus::default();
        set_condition(&mut status, READY, true, Reason::Ready, "", 1, at(10));
        set_condition(&mut status, READY, true, Reason::Suspended, "", 2, at(20));
        assert_eq!(
            condition(&status, READY).unwrap().last_transition_time,
            at(10)
        );
        set_condition(&mut status, READY, false, Reason::InvalidPod, "", 3, at(30));
        assert_eq!(
            condition(&status, READY).unwrap().last_transition_time,
            at(30)
        );
        assert_eq!(status.conditions.len(), 1);
    }
}
