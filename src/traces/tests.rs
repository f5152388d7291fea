//! What is told of a fire, as a table, and what is left out.

use super::*;
use crate::api::{Outcome, SkipRecord};
use crate::core::run::{ContainerState, Phase as PodPhase, Presence, Restarts, SeenContainer};

const DAY: &str = "2026-11-20T";

fn at(time: &str) -> Timestamp {
    format!("{DAY}{time}Z").parse().unwrap()
}

fn schedule() -> ScheduleRef {
    ScheduleRef {
        namespace: "default".into(),
        name: "backup".into(),
        uid: "0b5ff1f1-6b1c-4d0c-8d8e-3a8e1c3cf1d8".into(),
    }
}

fn ended(reason: Reason) -> RunRecord {
    let outcome = match reason {
        Reason::Succeeded => Outcome::Succeeded,
        _ => Outcome::Failed,
    };
    RunRecord {
        name: "backup-1".into(),
        uid: "uid-1".into(),
        fire_time: at("18:45:10"),
        attempts: 1,
        outcome,
        reason: reason.name().into(),
        message: Some("hunter2".into()),
        exit_code: Some(3),
        started: Some(at("18:45:11")),
        finished: at("18:45:13"),
        node: Some("node-1".into()),
        last_lines: vec!["hunter2".into()],
    }
}

/// The pod as the watch shows it.
fn pod(node: bool, started: bool) -> SeenPod {
    SeenPod {
        name: "backup-1".into(),
        uid: "uid-1".into(),
        resource_version: "1".into(),
        fire: at("18:45:10"),
        attempt: 1,
        generation: 1,
        held: false,
        deleting: false,
        presence: Presence::Here,
        phase: PodPhase::Pending,
        reason: None,
        message: None,
        node: node.then(|| "node-1".into()),
        started: None,
        disruption: None,
        unschedulable: None,
        deadline: None,
        main: None,
        containers: vec![SeenContainer {
            name: "main".into(),
            state: match started {
                true => ContainerState::Running { since: None },
                false => ContainerState::Waiting {
                    reason: String::new(),
                    message: String::new(),
                },
            },
            restarts: Restarts::Never,
            ready: false,
        }],
    }
}

/// The phases after the release, as `scheduling 10.02-10.05`, when the kubelet says that the first
/// container has started at `told` and the end is at 18:45:13.5.
#[track_caller]
fn check(released: Option<&str>, seen: &[(&str, bool)], told: Option<&str>, expected: &[&str]) {
    let mut times = Times {
        released: released.map(at),
        ..Times::default()
    };
    for (time, started) in seen {
        times.see(&pod(true, *started), at(time));
    }
    let phases = times.phases(told.map(at), at("18:45:13.5"));
    let second = |time: Timestamp| time.strftime("%S%.f").to_string();
    let phases: Vec<_> = phases
        .into_iter()
        .map(|(phase, Period { start, end })| {
            format!("{phase:?} {}-{}", second(start), second(end))
        })
        .collect();
    assert_eq!(phases, expected, "{released:?} {seen:?} {told:?}");
}

#[test]
fn the_phases_after_the_release_follow_each_other_to_the_end() {
    let released = Some("18:45:10.02");
    let bound = ("18:45:10.05", false);
    let running = ("18:45:11.3", true);
    // All was seen: our clock within the kubelet's second.
    check(
        released,
        &[bound, running],
        Some("18:45:11"),
        &[
            "Scheduling 10.02-10.05",
            "Starting 10.05-11.3",
            "Running 11.3-13.5",
        ],
    );
    // The watch was slow to show it: not later than that second.
    check(
        released,
        &[bound, ("18:45:13.4", true)],
        Some("18:45:11"),
        &[
            "Scheduling 10.02-10.05",
            "Starting 10.05-11.999999999",
            "Running 11.999999999-13.5",
        ],
    );
    // It showed the node and the start at once.
    check(
        released,
        &[running],
        Some("18:45:11"),
        &[
            "Scheduling 10.02-11.3",
            "Starting 11.3-11.3",
            "Running 11.3-13.5",
        ],
    );
    // It showed the node before the release was answered.
    check(
        released,
        &[("18:45:10.01", false), running],
        Some("18:45:11"),
        &[
            "Scheduling 10.02-10.02",
            "Starting 10.02-11.3",
            "Running 11.3-13.5",
        ],
    );
    // The kubelet's clock is behind.
    check(
        released,
        &[bound, running],
        Some("18:45:05"),
        &[
            "Scheduling 10.02-10.05",
            "Starting 10.05-10.05",
            "Running 10.05-13.5",
        ],
    );
    // No node took it; no container started.
    check(released, &[], None, &["Scheduling 10.02-13.5"]);
    check(
        released,
        &[bound],
        None,
        &["Scheduling 10.02-10.05", "Starting 10.05-13.5"],
    );
    // Another controller has released it.
    check(None, &[], Some("18:45:11"), &["Running 11-13.5"]);
    check(None, &[], None, &[]);
}

#[test]
fn what_failed_is_an_error_and_what_was_replaced_or_skipped_is_none() {
    let schedule = schedule();
    let fire = Fire {
        schedule: &schedule,
        time: at("18:45:10"),
    };
    for (reason, error) in [
        (Reason::Succeeded, false),
        (Reason::NonZeroExit, true),
        (Reason::PodDeleted, true),
        (Reason::Replaced, false),
    ] {
        let run = ended(reason);
        let period = Period::new(fire.time, run.finished);
        for span in [
            fire.ran(&run, reason, run.finished),
            fire.attempt(&run, reason, period),
        ] {
            assert_eq!(span.error, error.then_some(reason), "{span:?}");
            let told = ("punctual.reason", Value::from(reason.name()));
            assert!(span.attributes.contains(&told), "{span:?}");
            assert!(!format!("{span:?}").contains("hunter2"), "{span:?}");
        }
    }
    let skip = SkipRecord {
        fire_time: fire.time,
        last_fire_time: at("18:45:30"),
        count: 3,
        reason: "Missed".into(),
        message: "hunter2".into(),
    };
    let span = fire.skipped(&skip, Reason::Missed, at("19:00:00"));
    assert_eq!(span.error, None);
    assert_eq!(span.period, Period::new(fire.time, at("19:00:00")));
    let count = ("punctual.count", Value::Count(3));
    assert!(span.attributes.contains(&count), "{span:?}");
    assert!(!format!("{span:?}").contains("hunter2"), "{span:?}");
}

#[test]
fn each_part_of_a_fire_has_an_id_of_its_own_under_that_of_its_parent() {
    let schedule = schedule();
    let fire = Fire {
        schedule: &schedule,
        time: at("18:45:10"),
    };
    let pod = |attempt| Pod {
        name: "backup-1",
        uid: "uid-1",
        attempt,
    };
    let run = ended(Reason::Succeeded);
    let period = Period::new(fire.time, run.finished);
    let root = fire.ran(&run, Reason::Succeeded, run.finished);
    let attempt = fire.attempt(&run, Reason::Succeeded, period);
    let phases = [
        Phase::Prepare,
        Phase::Claim,
        Phase::Release,
        Phase::Scheduling,
        Phase::Starting,
        Phase::Running,
    ];
    let mut spans = vec![root.clone(), fire.queued(run.finished), attempt.clone()];
    spans.extend(phases.map(|phase| fire.phase(pod(1), phase, period)));
    for span in &spans[3..] {
        assert_eq!(span.parent, Some(attempt.id), "{span:?}");
    }
    spans.extend(phases.map(|phase| fire.phase(pod(2), phase, period)));
    assert_eq!(root.parent, None);
    assert_eq!(attempt.parent, Some(root.id));
    assert!(spans.iter().all(|span| span.trace == root.trace));
    let ids: std::collections::HashSet<_> = spans.iter().map(|span| span.id).collect();
    assert_eq!(ids.len(), spans.len());
}

#[test]
fn a_full_queue_drops_and_counts_without_waiting() {
    let metrics = Metrics::new();
    // Outside of any runtime: a call that waited would panic.
    let (traces, queue) = Traces::with_room(Clock::System, metrics.clone(), 2);
    let request = Period::new(at("18:45:10"), at("18:45:10.002"));
    let tell = || {
        let run = RunId::first(at("18:45:10"));
        traces.released(&schedule(), "backup-1", "uid-1", run, request);
    };
    (0..5).for_each(|_| tell());
    let dropped = |count: u32| format!("punctual_spans_dropped_total {count}\n");
    assert!(metrics.encode().contains(&dropped(3)));
    drop(queue);
    tell();
    assert!(metrics.encode().contains(&dropped(4)));
}

#[test]
fn no_more_attempts_are_remembered_than_there_is_room_for() {
    let (traces, _queue) = Traces::new(Clock::System, Metrics::new());
    let teller = traces.0.as_ref().unwrap();
    let request = Period::new(at("18:45:10"), at("18:45:10.002"));
    for number in 0..MOST + 10 {
        traces.prepared(&number.to_string(), request);
    }
    assert_eq!(teller.under_way().len(), MOST);
    // Those that were never released are forgotten with their pods, the others when room is needed.
    traces.pod_gone("0");
    assert_eq!(teller.under_way().len(), MOST - 1);
    for number in 1..MOST {
        let uid = number.to_string();
        teller.note(&uid, |times| times.released = Some(request.end));
        traces.pod_gone(&uid);
    }
    assert_eq!(teller.under_way().len(), MOST - 1);
    traces.prepared("one", request);
    traces.prepared("another", request);
    assert_eq!(teller.under_way().len(), 2);
}
