//! Repair: from a status that we can't have written to one that can be acted on.
//!
//! Each fire that we decide stands in a status twice: as `lastFireTime` and as a run or a skip on
//! record, by one write. Of two that contradict each other, the one that lies in the future is wrong:
//! it would keep the schedule silent until then. Where both say so, or neither does, they are right,
//! whatever our clock shows: that is how a clock that was put back repeats no fire.

use jiff::{SignedDuration, Timestamp};

use super::{
    readiness::BEHIND,
    run::{Presence, SeenPod, is_by_hand, is_name_of},
    schedule_ref::ScheduleRef,
    status::{chosen, whole_second},
};
use crate::api::{RunRecord, ScheduledContainerStatus, Waiting};

/// More than any schedule has ever fired, and still a whole number wherever JSON is read.
const MOST: u64 = 1 << 53;

/// How far ahead an edit may have been adopted before nobody believes it: no clock is that wrong for
/// long.
const ABSURD: SignedDuration = SignedDuration::from_hours(48);

/// How many characters of a text are kept. We write less.
const TEXT: usize = 1_024;

/// How many conditions there may be.
const CONDITIONS: usize = 16;

/// How many runs may be active, and how many fires may wait.
const RUNS: usize = 100;

/// How many attempts a run may have had.
const ATTEMPTS: u32 = 1 << 20;

/// Makes a status one that we could have written; `pods` are those of the schedule. Returns what was
/// wrong with it, if that is worth a word.
pub fn repair(
    status: &mut ScheduledContainerStatus,
    pods: &[SeenPod],
    now: Timestamp,
) -> Option<String> {
    bound(status);
    let future = |time: &Timestamp| time.duration_since(now) > BEHIND;
    // A clock that was put back a little explains it; what was suspended or edited meanwhile stays so.
    let absurd = |time: &Timestamp| time.duration_since(now) > ABSURD;
    if status.observed_since.as_ref().is_some_and(absurd) {
        status.observed_since = Some(whole_second(now));
    }
    repair_request(status, pods, now);
    let (said, recorded) = (status.last_fire_time, recorded(status));
    let decided = match (said, recorded) {
        // Somebody has emptied it: the words stand there before any pod is made. The pods are left.
        (None, None) if status.observed_schedule.is_none() => {
            let started = pods.iter().filter(|pod| !pod.held);
            let fires = started.map(|pod| pod.fire);
            fires.filter(|&fire| fire <= now && !is_by_hand(fire)).max()
        }
        (said, recorded) => {
            let latest = said.max(recorded);
            match latest.as_ref().is_some_and(future) {
                true => said.min(recorded),
                false => latest,
            }
        }
    };
    status.last_fire_time = decided;
    // What waits is decided to wait, and has not run.
    let (requested, runs) = (status.last_request_time, &status.recent_runs);
    status.queued.retain(|queued| {
        let fire = queued.fire_time;
        let decided = if is_by_hand(fire) { requested } else { decided };
        Some(fire) <= decided && !runs.iter().any(|run| run.fire_time == fire)
    });
    if decided == said {
        return None;
    }
    let shown = |time: Option<Timestamp>| time.map_or("nothing".into(), |time| time.to_string());
    Some(format!(
        "status.lastFireTime was {}, but by the runs and skips on record it is {}; somebody else wrote the status",
        shown(said),
        shown(decided)
    ))
}

/// The pods that run, or may soon, although the status has nothing to say of their fires but that they
/// are decided: somebody has struck them from it.
pub fn strays<'a>(
    schedule: &ScheduleRef,
    status: &ScheduledContainerStatus,
    pods: &'a [SeenPod],
) -> impl Iterator<Item = &'a SeenPod> {
    pods.iter().filter(|pod| {
        let fire = pod.fire;
        let mut skipped = status.recent_skips.iter();
        let decided = match is_by_hand(fire) {
            true => status.last_request_time,
            false => status.last_fire_time,
        };
        !pod.held
            && !pod.ended()
            && pod.presence == Presence::Here
            && Some(fire) <= decided
            && !chosen(status).any(|known| known == fire)
            && !skipped.any(|skip| (skip.fire_time..=skip.last_fire_time).contains(&fire))
            && is_name_of(schedule, pod.run(), &pod.name)
    })
}

/// The same for what was asked for by hand: a time far ahead would have every further request ignored,
/// and an emptied status would have the last one run again.
fn repair_request(status: &mut ScheduledContainerStatus, pods: &[SeenPod], now: Timestamp) {
    let future = status
        .last_request_time
        .is_some_and(|time| time.duration_since(now) > ABSURD);
    if future && !chosen(status).any(|fire| Some(fire) == status.last_request_time) {
        // What was asked for until now is decided, as far as we know.
        status.last_request_time = Some(now);
    }
    let emptied = status.observed_schedule.is_none() && status.last_request_time.is_none();
    if emptied {
        let started = pods.iter().filter(|pod| !pod.held).map(|pod| pod.fire);
        let by_hand = started.filter(|&fire| fire <= now && is_by_hand(fire));
        status.last_request_time = by_hand.max();
    }
}

/// The latest fire that is decided, by the runs and skips on record.
fn recorded(status: &ScheduledContainerStatus) -> Option<Timestamp> {
    let skipped = status.recent_skips.iter().map(|skip| skip.last_fire_time);
    let run = status.last_run_time.into_iter();
    let all = run.chain(chosen(status)).chain(skipped);
    all.filter(|&fire| !is_by_hand(fire)).max()
}

/// Keeps what grows within bounds: a status that is too large to be written could not be written
/// ever again.
fn bound(status: &mut ScheduledContainerStatus) {
    let counts = &mut status.counts;
    for count in [
        &mut counts.succeeded,
        &mut counts.failed,
        &mut counts.skipped,
    ] {
        *count = (*count).min(MOST);
    }
    status.consecutive_failures = status.consecutive_failures.min(ATTEMPTS);
    status.conditions.truncate(CONDITIONS);
    for condition in &mut status.conditions {
        shorten(&mut condition.reason);
        shorten(&mut condition.message);
    }
    status.recent_runs.iter_mut().for_each(bound_record);
    for skip in &mut status.recent_skips {
        skip.count = skip.count.min(MOST);
        shorten(&mut skip.reason);
        shorten(&mut skip.message);
    }
    status.active.truncate(RUNS);
    status.queued.truncate(RUNS);
    for run in &mut status.active {
        run.attempt = run.attempt.min(ATTEMPTS);
        run.uncounted = run.uncounted.min(run.attempt);
        if let Some(Waiting {
            reason, message, ..
        }) = &mut run.waiting
        {
            shorten(reason);
            shorten(message);
        }
        run.stopping.iter_mut().for_each(shorten);
        run.retry
            .iter_mut()
            .for_each(|next| bound_record(&mut next.after));
    }
    status.last_outcome.iter_mut().for_each(shorten);
}

fn bound_record(run: &mut RunRecord) {
    for text in [&mut run.name, &mut run.uid, &mut run.reason] {
        shorten(text);
    }
    for text in [&mut run.message, &mut run.node].into_iter().flatten() {
        shorten(text);
    }
    run.last_lines.truncate(super::outcome::LINES);
    run.last_lines.iter_mut().for_each(shorten);
}

fn shorten(text: &mut String) {
    if let Some((end, _)) = text.char_indices().nth(TEXT) {
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::core::run::Phase;

    const NOW: &str = "2026-11-20T12:00:30Z";

    fn repaired(status: Value, pods: &[SeenPod]) -> (ScheduledContainerStatus, bool) {
        let mut status = serde_json::from_value(status).unwrap();
        let told = repair(&mut status, pods, NOW.parse().unwrap()).is_some();
        // What is right stays as it is.
        let mut again = status.clone();
        assert_eq!(repair(&mut again, pods, NOW.parse().unwrap()), None);
        assert_eq!(again, status);
        (status, told)
    }

    fn skip(fire: &str) -> Value {
        json!({"fireTime": fire, "lastFireTime": fire, "count": 1, "reason": "r", "message": "m"})
    }

    /// What becomes of `lastFireTime`.
    #[track_caller]
    fn decided(status: Value, expected: &str) {
        let (status, told) = repaired(status.clone(), &[]);
        let shown = status
            .last_fire_time
            .map_or("none".into(), |time| time.to_string());
        let (expected, wrong) = match expected.strip_prefix("told: ") {
            Some(expected) => (expected, true),
            None => (expected, false),
        };
        assert_eq!((shown.as_str(), told), (expected, wrong));
    }

    #[test]
    fn a_last_fire_that_nothing_bears_out_is_not_believed() {
        let (last, later) = ("2026-11-20T12:00:00Z", "2099-01-01T00:00:00Z");
        decided(json!({}), "none");
        decided(json!({"lastFireTime": last, "lastRunTime": last}), last);
        // Far ahead, alone.
        let told = format!("told: {last}");
        decided(json!({"lastFireTime": later, "lastRunTime": last}), &told);
        decided(
            json!({"lastFireTime": later, "recentSkips": [skip(last)]}),
            &told,
        );
        decided(json!({"lastFireTime": later}), "told: none");
        // On record alone.
        decided(json!({"lastRunTime": later, "lastFireTime": last}), last);
        decided(
            json!({"recentSkips": [skip(later)], "lastFireTime": last}),
            last,
        );
        // Taken away, or put back.
        decided(json!({"lastRunTime": last}), &told);
        let early = "1970-01-01T00:00:00Z";
        decided(json!({"lastFireTime": early, "lastRunTime": last}), &told);
        // Said twice: our clock was put back.
        decided(json!({"lastFireTime": later, "lastRunTime": later}), later);
        // A little ahead: the clock of another controller.
        let soon = "2026-11-20T12:01:00Z";
        decided(json!({"lastFireTime": soon, "lastRunTime": last}), soon);
    }

    #[test]
    fn a_run_by_hand_says_nothing_of_the_schedules_fires() {
        let (last, by_hand) = ("2026-11-20T12:00:00Z", "2026-11-20T12:00:10.1Z");
        let waits = json!([{"fireTime": by_hand}]);
        decided(json!({"lastFireTime": last, "lastRunTime": by_hand}), last);
        let (status, _) = repaired(
            json!({"lastFireTime": last, "lastRequestTime": by_hand, "queued": waits}),
            &[],
        );
        assert_eq!(status.queued.len(), 1);
        let (status, _) = repaired(json!({"lastFireTime": last, "queued": waits}), &[]);
        assert_eq!(status.queued.len(), 0);
    }

    #[test]
    fn many_runs_and_skips_by_hand_leave_the_last_fire_borne_out() {
        let later = "2026-11-20T12:10:00Z";
        let mut status = ScheduledContainerStatus {
            last_fire_time: Some(later.parse().unwrap()),
            ..Default::default()
        };
        let skipped = |fire: &str| serde_json::from_value(skip(fire)).unwrap();
        crate::core::status::push_skip(&mut status, skipped(later));
        for millisecond in 101..130 {
            let by_hand = format!("2026-11-20T12:10:01.{millisecond}Z");
            crate::core::status::push_skip(&mut status, skipped(&by_hand));
        }
        // Our clock was put back.
        assert_eq!(repair(&mut status, &[], NOW.parse().unwrap()), None);
        assert_eq!(status.last_fire_time, Some(later.parse().unwrap()));
    }

    #[test]
    fn a_request_far_ahead_keeps_no_other_from_being_heard() {
        let far = json!({"lastRequestTime": "9999-01-01T00:00:00.5Z"});
        let (status, _) = repaired(far, &[]);
        assert_eq!(status.last_request_time, Some(NOW.parse().unwrap()));
    }

    #[test]
    fn of_an_empty_status_the_pods_that_ran_say_what_was_decided() {
        let pod = |fire: &str, phase, held| SeenPod {
            held,
            phase,
            ..SeenPod::just_made("a".into(), "u".into(), fire.parse().unwrap())
        };
        let pods = [
            pod("2026-11-20T12:00:10Z", Phase::Succeeded, false),
            pod("2026-11-20T12:00:00Z", Phase::Failed, false),
            pod("2026-11-20T12:00:20Z", Phase::Pending, true),
            pod("9999-11-20T12:00:00Z", Phase::Succeeded, false),
        ];
        let (status, told) = repaired(json!({}), &pods);
        let expected = "2026-11-20T12:00:10Z".parse().unwrap();
        assert_eq!((status.last_fire_time, told), (Some(expected), true));
    }

    #[test]
    fn nothing_grows_beyond_its_bounds() {
        let long = "ä".repeat(1_000_000);
        let (status, _) = repaired(
            json!({
                "counts": {"succeeded": i64::MAX, "failed": 1, "skipped": u64::MAX},
                "lastRunTime": NOW, "lastFireTime": NOW,
                "recentRuns": [{
                    "name": long, "uid": long, "fireTime": NOW, "outcome": "Failed", "reason": long,
                    "message": long, "finished": NOW, "node": long, "lastLines": vec![long.clone(); 50],
                }],
                "conditions": [{
                    "type": "Ready", "status": "True", "reason": long, "message": long,
                    "lastTransitionTime": NOW,
                }],
            }),
            &[],
        );
        assert_eq!(status.counts.succeeded, MOST);
        assert_eq!(status.counts.failed, 1);
        let size = serde_json::to_string(&status).unwrap().len();
        assert!(size < 64 * 1024, "{size}");
    }

    #[test]
    fn an_edit_in_the_future_counts_from_now_on() {
        let (status, _) = repaired(json!({"observedSince": "9999-01-01T00:00:00Z"}), &[]);
        assert_eq!(status.observed_since, Some(NOW.parse().unwrap()));
    }
}
