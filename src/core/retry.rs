//! Whether a failed attempt is followed by another, and when.

use jiff::{SignedDuration, Timestamp};

use super::reason::Reason;
use crate::api::{ActiveRun, NextAttempt, Outcome, Retry, RunRecord};

/// No run has more attempts than this, counted or not: a cluster that evicts a pod as often as it is
/// made would else be kept at it for ever.
const MOST: u32 = 999;

/// The attempt that follows the one that has just ended so; `None` if that was the last.
pub fn next(
    policy: Option<&Retry>,
    active: &ActiveRun,
    ended: &RunRecord,
    reason: Reason,
) -> Option<NextAttempt> {
    let policy = policy.filter(|policy| wanted(policy, ended, reason))?;
    let counted = i64::from(active.attempt) - i64::from(active.uncounted);
    let free = is_uncounted(policy, reason);
    if active.attempt >= MOST || !free && counted > policy.limit {
        return None;
    }
    Some(NextAttempt {
        time: ended
            .finished
            .checked_add(wait(policy, active.attempt))
            .ok()?,
        after: ended.clone(),
    })
}

/// Whether failures for this reason don't count against the limit.
pub fn is_uncounted(policy: &Retry, reason: Reason) -> bool {
    policy
        .uncounted_reasons
        .iter()
        .any(|name| name == reason.name())
}

/// When the attempt is made: as it was said, but never later than the policy could have said now, so
/// that a clock that was put back doesn't put it off.
pub fn due(policy: &Retry, next: &NextAttempt, now: Timestamp) -> Timestamp {
    match now.checked_add(SignedDuration::from_secs(longest(policy))) {
        Ok(latest) if next.time > latest => now,
        _ => next.time,
    }
}

fn wanted(policy: &Retry, ended: &RunRecord, reason: Reason) -> bool {
    if ended.outcome == Outcome::Succeeded || reason == Reason::Replaced {
        return false;
    }
    let named = |names: &[String]| names.iter().any(|name| name == reason.name());
    if named(&policy.uncounted_reasons) {
        return true;
    }
    let reason_fits = match policy.on_reasons.is_empty() {
        true => reason != Reason::PodDeleted,
        false => named(&policy.on_reasons),
    };
    // A container that is ended from outside reports a code too, and it says nothing.
    let by_code = matches!(reason, Reason::NonZeroExit | Reason::OOMKilled);
    let code_fits = ended.exit_code.filter(|_| by_code).is_none_or(|code| {
        (policy.on_exit_codes.is_empty() || policy.on_exit_codes.contains(&code))
            && !policy.not_on_exit_codes.contains(&code)
    });
    reason_fits && code_fits
}

/// How many seconds are waited at most: a first wait that is longer than the longest was meant, where
/// that has its default.
fn longest(policy: &Retry) -> i64 {
    policy.backoff_seconds.max(policy.max_backoff_seconds)
}

/// The wait after this many attempts.
fn wait(policy: &Retry, attempts: u32) -> SignedDuration {
    let doublings = attempts.saturating_sub(1);
    let factor = policy.backoff_factor.max(1).saturating_pow(doublings);
    let seconds = policy.backoff_seconds.max(0).saturating_mul(factor);
    SignedDuration::from_secs(seconds.min(longest(policy)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Retry {
        Retry {
            limit: 2,
            backoff_seconds: 10,
            backoff_factor: 2,
            max_backoff_seconds: 35,
            on_exit_codes: vec![],
            not_on_exit_codes: vec![],
            on_reasons: vec![],
            uncounted_reasons: vec![],
        }
    }

    /// After how many seconds the next attempt is made.
    fn after(policy: &Retry, attempt: u32, uncounted: u32, reason: Reason) -> Option<i64> {
        let ended = Timestamp::from_second(1_000).unwrap();
        let record = RunRecord {
            name: "a".into(),
            uid: "u".into(),
            fire_time: ended,
            attempts: attempt,
            outcome: match reason {
                Reason::Succeeded => Outcome::Succeeded,
                _ => Outcome::Failed,
            },
            reason: reason.name().into(),
            message: None,
            exit_code: Some(3),
            started: None,
            finished: ended,
            node: None,
            last_lines: vec![],
        };
        let active = ActiveRun {
            name: "a".into(),
            uid: "u".into(),
            fire_time: ended,
            claim_time: ended,
            attempt,
            uncounted,
            catching_up: false,
            retry: None,
            waiting: None,
            stopping: None,
        };
        let next = next(Some(policy), &active, &record, reason)?;
        Some(next.time.duration_since(ended).as_secs())
    }

    #[test]
    fn waits_grow_up_to_their_limit_and_end_with_the_last_attempt() {
        let many = Retry {
            limit: 9,
            ..policy()
        };
        let waits: Vec<_> = (1..5)
            .map(|attempt| after(&many, attempt, 0, Reason::NonZeroExit))
            .collect();
        assert_eq!(waits, [Some(10), Some(20), Some(35), Some(35)]);
        let given: Vec<_> = (1..5)
            .map(|attempt| after(&policy(), attempt, 0, Reason::NonZeroExit).is_some())
            .collect();
        assert_eq!(given, [true, true, false, false]);
        let always = Retry {
            backoff_factor: 10,
            limit: 100,
            ..policy()
        };
        assert_eq!(after(&always, 100, 0, Reason::NonZeroExit), Some(35));
    }

    #[test]
    fn what_does_not_count_is_tried_again_beyond_the_limit() {
        let lost = Retry {
            limit: 0,
            uncounted_reasons: vec!["NodeLost".into()],
            ..policy()
        };
        assert!(after(&lost, 7, 6, Reason::NodeLost).is_some());
        assert!(after(&lost, 7, 6, Reason::NonZeroExit).is_none());
        let once = Retry { limit: 1, ..lost };
        assert!(after(&once, 7, 6, Reason::NonZeroExit).is_some());
        assert!(after(&once, MOST, MOST - 1, Reason::NodeLost).is_none());
    }

    #[test]
    fn the_failures_that_are_tried_again_can_be_named() {
        let rows: [(Retry, Reason, bool); 8] = [
            (policy(), Reason::Succeeded, false),
            (policy(), Reason::OOMKilled, true),
            (policy(), Reason::PodDeleted, false),
            (policy(), Reason::Replaced, false),
            (
                Retry {
                    on_exit_codes: vec![3],
                    ..policy()
                },
                Reason::NonZeroExit,
                true,
            ),
            (
                Retry {
                    on_exit_codes: vec![4],
                    ..policy()
                },
                Reason::NonZeroExit,
                false,
            ),
            (
                Retry {
                    not_on_exit_codes: vec![3],
                    ..policy()
                },
                Reason::NonZeroExit,
                false,
            ),
            (
                Retry {
                    on_reasons: vec!["PodDeleted".into()],
                    ..policy()
                },
                Reason::PodDeleted,
                true,
            ),
        ];
        for (policy, reason, again) in rows {
            assert_eq!(
                after(&policy, 1, 0, reason).is_some(),
                again,
                "{reason} {policy:?}"
            );
        }
    }

    #[test]
    fn a_first_wait_that_is_longer_than_the_longest_is_waited_in_full() {
        let hourly = Retry {
            limit: 9,
            backoff_seconds: 3_600,
            max_backoff_seconds: 600,
            ..policy()
        };
        let waits: Vec<_> = (1..3)
            .map(|attempt| after(&hourly, attempt, 0, Reason::NonZeroExit))
            .collect();
        assert_eq!(waits, [Some(3_600), Some(3_600)]);
    }

    #[test]
    fn exit_codes_filter_only_failures_that_are_about_them() {
        // All of them report code 3 here.
        let rows = [
            (Reason::NonZeroExit, false),
            (Reason::OOMKilled, false),
            (Reason::Evicted, true),
            (Reason::NodeShutdown, true),
            (Reason::DeadlineExceeded, true),
            (Reason::ContainerConfigError, true),
        ];
        let others = Retry {
            on_exit_codes: vec![4],
            ..policy()
        };
        let but = Retry {
            not_on_exit_codes: vec![3],
            ..policy()
        };
        for policy in [others, but] {
            for (reason, again) in rows {
                assert_eq!(
                    after(&policy, 1, 0, reason).is_some(),
                    again,
                    "{reason} {policy:?}"
                );
            }
        }
    }

    #[test]
    fn a_clock_that_was_put_back_does_not_put_an_attempt_off() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let ended = after(&policy(), 1, 0, Reason::OOMKilled);
        assert_eq!(ended, Some(10));
        let record = RunRecord {
            name: "a".into(),
            uid: "u".into(),
            fire_time: at(0),
            attempts: 1,
            outcome: Outcome::Failed,
            reason: "OOMKilled".into(),
            message: None,
            exit_code: None,
            started: None,
            finished: at(1_000),
            node: None,
            last_lines: vec![],
        };
        let next = NextAttempt {
            time: at(1_010),
            after: record,
        };
        assert_eq!(due(&policy(), &next, at(1_000)), at(1_010));
        assert_eq!(due(&policy(), &next, at(500)), at(500));
    }
}
