//! What is decided about a schedule whose runs fail or don't come, as rows in the words of
//! `tests/state/`.

mod state;

use jiff::Timestamp;
use punctual::{
    api::{Condition, ConditionStatus, QueuedFire, ScheduledContainerStatus},
    core::{
        breaker::FAILING,
        news::News,
        overdue::OVERDUE,
        plan::Step,
        reason::Reason,
        status::{condition, set_condition},
    },
};
use serde_json::json;
use state::*;

/// A schedule with a circuit breaker, so many of whose last runs have failed.
fn failed(now: &str, row: u32) -> State {
    let breaker = json!({"failures": 3, "pauseSeconds": 60});
    let mut state = when(now).spec("circuitBreaker", breaker);
    state.status.consecutive_failures = row;
    state
}

/// The circuit is open until then.
fn open(now: &str, until: &str) -> State {
    let mut state = failed(now, 3);
    state.status.paused_until = Some(at(until));
    state.decided("12:00:10")
}

/// The run of 12:00:10 has just ended with this code.
fn ending(state: State, code: i32) -> State {
    let pod = ended("12:00:10", "12:00:12", code);
    state.active("12:00:10").pod(pod)
}

fn queued(mut state: State, fire: &str) -> State {
    let fire_time = at(fire);
    state.status.queued.push(QueuedFire { fire_time });
    state.decided(fire)
}

/// What the first step writes.
fn written(state: State) -> ScheduledContainerStatus {
    match state.plan().steps.into_iter().next() {
        Some(Step::Record { status, .. }) => *status,
        step => panic!("nothing is written: {step:?}"),
    }
}

fn shows(status: &ScheduledContainerStatus, kind: &str) -> Option<(bool, String)> {
    let shown = |it: &Condition| (it.status == ConditionStatus::True, it.reason.clone());
    condition(status, kind).map(shown)
}

#[test]
fn the_circuit_opens_after_so_many_failures_in_a_row() {
    let end = "record(end 12:00:10 NonZeroExit";
    check(
        "the second failure of three",
        ending(failed("12:00:12", 1), 1),
        &format!("{end})"),
    );
    check(
        "the third",
        ending(failed("12:00:12", 2), 1),
        &format!("{end}, CircuitOpen)"),
    );
    check(
        "none is asked for",
        ending(failed("12:00:12", 2).spec("circuitBreaker", json!(null)), 1),
        &format!("{end})"),
    );
    let status = written(ending(failed("12:00:12", 2), 1));
    assert_eq!(
        (status.paused_until, status.consecutive_failures),
        (Some(at("12:01:12")), 3)
    );
    check(
        "the one after the pause fails as well",
        ending(open("12:00:12", "12:00:11"), 1),
        &format!("{end}, CircuitOpen)"),
    );
    check(
        "it succeeds",
        ending(open("12:00:12", "12:00:11"), 0),
        "record(end 12:00:10 Succeeded, CircuitClosed)",
    );
    let status = written(ending(open("12:00:12", "12:00:11"), 0));
    assert_eq!(
        (status.paused_until, status.consecutive_failures),
        (None, 0)
    );
}

#[test]
fn no_fire_starts_a_run_in_the_pause_and_one_does_after_it() {
    let skip = "record(skip 12:00:20 x1 CircuitOpen)";
    check("in the pause", open("12:00:20", "12:01:00"), skip);
    check(
        "at its end",
        open("12:00:20", "12:00:20"),
        "prepare 12:00:20",
    );
    check(
        "a time that no pause reaches: the clock was put back",
        open("12:00:20", "12:30:00"),
        "prepare 12:00:20",
    );
    for policy in ["Allow", "Replace", "Queue"] {
        check(
            "the run that shows whether it works is active",
            open("12:00:20", "12:00:10")
                .spec("concurrencyPolicy", policy)
                .active("12:00:10")
                .pod(running("12:00:10")),
            skip,
        );
    }
    check(
        "fires wait when the circuit opens",
        ending(
            queued(
                failed("12:00:32", 2).spec("concurrencyPolicy", "Queue"),
                "12:00:20",
            ),
            1,
        )
        .decided("12:00:30"),
        "record(end 12:00:10 NonZeroExit, CircuitOpen, skip 12:00:20 x1 CircuitOpen)",
    );
    let mut by_hand = open("12:00:16", "12:01:00");
    let asked: Timestamp = "2026-11-20T12:00:15.5Z".parse().unwrap();
    by_hand.requested = Some(asked);
    check("by hand", by_hand, "prepare 12:00:15");
}

#[test]
fn no_pod_is_made_ahead_that_the_pause_refuses() {
    check("in the pause", open("12:00:17", "12:01:00").ahead(5), "-");
    check(
        "for the fire at its end",
        open("12:00:57", "12:01:00").decided("12:00:50").ahead(5),
        "prepare 12:01:00",
    );
}

#[test]
fn a_pause_that_nobody_asks_for_any_more_is_over() {
    for breaker in [json!(null), json!({"failures": 4})] {
        let state = open("12:00:11", "12:01:00").spec("circuitBreaker", breaker);
        assert_eq!(written(state).paused_until, None);
    }
}

#[test]
fn a_schedule_fails_when_three_runs_in_a_row_have() {
    let no = Reason::NonZeroExit.name();
    for (row, code, expected) in [
        (0, 1, (false, no)),
        (1, 1, (false, no)),
        (2, 1, (true, no)),
        (9, 0, (false, "Succeeded")),
    ] {
        let mut state = ending(when("12:00:12"), code);
        state.status.consecutive_failures = row;
        let status = written(state);
        let (fails, reason) = shows(&status, FAILING).unwrap();
        assert_eq!((fails, reason.as_str()), expected, "after {row}");
        let row = if code == 0 { 0 } else { row + 1 };
        assert_eq!(status.consecutive_failures, row);
    }
    let mut replaced = when("12:00:12")
        .spec("concurrencyPolicy", "Replace")
        .active("12:00:10")
        .pod(ended("12:00:10", "12:00:12", 137));
    replaced.status.active[0].stopping = Some("Replaced".into());
    assert_eq!(written(replaced).consecutive_failures, 0);
}

/// Created at 12:00:00 and to run every hour; a success is due within a minute.
fn due(now: &str) -> State {
    when(now)
        .scheduled("0 0 * * * *")
        .spec("overdueAfter", json!({"seconds": 60}))
}

/// That it is overdue is known, or that it isn't.
fn known(mut state: State, overdue: bool) -> State {
    let reason = if overdue {
        Reason::Overdue
    } else {
        Reason::InTime
    };
    let message = match overdue {
        true => {
            "no run has succeeded since 2026-11-20T12:00:00Z: overdueAfter.seconds (60) has passed"
        }
        false => "overdueAfter has not passed",
    };
    let status = &mut state.status;
    set_condition(status, OVERDUE, overdue, reason, message, 1, at("12:00:00"));
    state
}

#[test]
fn a_schedule_without_a_success_is_overdue() {
    check("not yet", known(due("12:00:59"), false), "-");
    check_wake("when to look", known(due("12:00:59"), false), "12:01:00");
    check("now", known(due("12:01:00"), false), "record(Overdue)");
    check("it is known", known(due("12:30:00"), true), "-");
    let mut succeeded = known(due("12:30:00"), true);
    succeeded.status.last_success_time = Some(at("12:29:50"));
    check("it has succeeded", succeeded, "record(InTime)");
    let mut edited = known(due("12:30:00"), true);
    edited.status.observed_since = Some(at("12:29:50"));
    check("its times were edited", edited, "record(InTime)");
    let off = known(due("12:30:00"), true).spec("overdueAfter", json!(null));
    assert_eq!(shows(&written(off), OVERDUE), None);
    let suspended = known(due("12:30:00"), true).edited("suspend", true);
    let shown = shows(&written(suspended), OVERDUE);
    assert_eq!(shown, Some((false, "Suspended".into())));
}

#[test]
fn a_schedule_is_overdue_when_so_many_fires_have_passed() {
    let after = |fires: i64, now: &str, decided: &str| {
        let state = when(now).spec("overdueAfter", json!({"fires": fires}));
        // The run of the first fire goes on, so that the others are dropped.
        let state = state.active("12:00:10").pod(running("12:00:10"));
        known(state, false).decided(decided)
    };
    check("one has passed", after(1, "12:00:19", "12:00:10"), "-");
    check(
        "and another falls due",
        after(1, "12:00:20", "12:00:20"),
        "record(Overdue)",
    );
    check("two may", after(2, "12:00:20", "12:00:20"), "-");
    check(
        "a third falls due",
        after(2, "12:00:30", "12:00:30"),
        "record(Overdue)",
    );
}

#[test]
fn what_is_told_says_which_limit_has_passed() {
    let plan = known(due("12:01:00"), false).plan();
    let Some(Step::Record { news, .. }) = plan.steps.first() else {
        panic!("{plan:?}")
    };
    let [News::Overdue { message, .. }] = news.as_slice() else {
        panic!("{news:?}")
    };
    assert_eq!(
        message,
        "no run has succeeded since 2026-11-20T12:00:00Z: overdueAfter.seconds (60) has passed"
    );
}
