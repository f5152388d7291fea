//! News in words, in the log and in the metrics.

use super::*;
use crate::api::{Outcome, RunRecord, SkipRecord};
use crate::clock::Clock;
use crate::telemetry::capture;

fn at(text: &str) -> Timestamp {
    format!("2026-11-20T{text}Z").parse().unwrap()
}

fn schedule() -> ScheduleRef {
    ScheduleRef {
        namespace: "default".to_owned(),
        name: "slow".to_owned(),
        uid: "u-1".to_owned(),
    }
}

fn run(outcome: Outcome, message: Option<&str>, last_lines: &[&str]) -> RunRecord {
    RunRecord {
        name: "slow-20261120-184510".to_owned(),
        uid: "p-1".to_owned(),
        fire_time: at("18:45:10"),
        attempts: 1,
        outcome,
        reason: "-".to_owned(),
        message: message.map(str::to_owned),
        exit_code: (outcome == Outcome::Failed).then_some(3),
        started: Some(at("18:45:11")),
        finished: at("18:46:13.5"),
        node: Some("node-1".to_owned()),
        last_lines: last_lines.iter().map(|&line| line.to_owned()).collect(),
    }
}

fn started() -> News {
    News::Started {
        run: "slow-20261120-184510".to_owned(),
        uid: "p-1".to_owned(),
        fire: at("18:45:10"),
        attempt: 1,
    }
}

fn failed(reason: Reason, message: Option<&str>, last_lines: &[&str]) -> News {
    News::Ended {
        run: run(Outcome::Failed, message, last_lines),
        reason,
    }
}

fn skipped(count: u64, reason: Reason, message: &str) -> News {
    News::Skipped {
        skip: SkipRecord {
            fire_time: at("18:45:20"),
            last_fire_time: at("18:45:50"),
            count,
            reason: reason.name().to_owned(),
            message: message.to_owned(),
        },
        reason,
    }
}

fn waiting(message: &str) -> News {
    News::Waiting {
        run: "slow-20261120-184510".to_owned(),
        uid: "p-1".to_owned(),
        reason: Reason::ImagePullFailed,
        message: message.to_owned(),
    }
}

fn readiness(ready: bool, reason: Reason, message: &str) -> News {
    News::Readiness {
        ready,
        reason,
        message: message.to_owned(),
    }
}

/// The event word, the log's message and the Event's note.
#[track_caller]
fn check(news: &News, event: &str, message: &str, note: &str) {
    let words = words::of_news(&schedule(), news, at("18:45:10.002"));
    assert_eq!(
        (words.event, words.message.as_str(), words.note.as_str()),
        (event, message, note)
    );
}

#[test]
fn every_news_is_told_in_words_for_a_person() {
    check(
        &started(),
        "started",
        "started",
        "Run slow-20261120-184510 started for the fire of 2026-11-20T18:45:10Z.",
    );
    check(
        &News::Ended {
            run: run(Outcome::Succeeded, None, &[]),
            reason: Reason::Succeeded,
        },
        "succeeded",
        "after 1m 2s",
        "Run slow-20261120-184510 succeeded after 1m 2s.",
    );
    check(
        &failed(
            Reason::NonZeroExit,
            Some(r#"container "main" exited with code 3"#),
            &["trying", "\x1b[31mno route"],
        ),
        "failed",
        r#"container "main" exited with code 3"#,
        concat!(
            r#"Run slow-20261120-184510 failed: container "main" exited with code 3. "#,
            r"Last lines: trying | \x1b[31mno route"
        ),
    );
    check(
        &failed(Reason::Replaced, Some(Reason::Replaced.meaning()), &[]),
        "replaced",
        "stopped for a later fire",
        "Run slow-20261120-184510 was replaced: it was stopped for a later fire.",
    );
    check(
        &failed(Reason::OOMKilled, None, &[]),
        "failed",
        "A container of the run used more memory than its limit.",
        "Run slow-20261120-184510 failed: A container of the run used more memory than its limit. \
         Raise the container's memory limit, or make it use less.",
    );
    check(
        &skipped(1, Reason::StillActive, "run slow-1 is still active"),
        "refused",
        "run slow-1 is still active",
        "Fire of 2026-11-20T18:45:20Z skipped: run slow-1 is still active. \
         If that is usual, run it less often, or limit it with activeDeadlineSeconds.",
    );
    check(
        &skipped(4, Reason::Missed, "nobody watched"),
        "refused",
        "nobody watched",
        "4 fires from 2026-11-20T18:45:20Z to 2026-11-20T18:45:50Z skipped: nobody watched. \
         Set missedFires to RunAll, or raise missedFiresLimit, if each of them shall run.",
    );
    check(
        &waiting("no such image"),
        "waiting",
        "no such image",
        "Run slow-20261120-184510 waits: no such image. \
         Check the image's name and tag, and imagePullSecrets.",
    );
    check(
        &readiness(true, Reason::Ready, "next fire at noon"),
        "ready",
        "next fire at noon",
        "Next fire at noon.",
    );
    check(
        &readiness(false, Reason::Suspended, "it is suspended"),
        "suspended",
        "it is suspended",
        "It is suspended. Set spec.suspend to false to let it run.",
    );
    check(
        &readiness(false, Reason::Disabled, "the schedule is empty"),
        "disabled",
        "the schedule is empty",
        "The schedule is empty.",
    );
    check(
        &readiness(false, Reason::InvalidSchedule, "minute: 61 is not in 0-59"),
        "invalid",
        "minute: 61 is not in 0-59",
        "Minute: 61 is not in 0-59. Correct spec.schedule.",
    );
    check(
        &News::NameTaken {
            name: "slow-1".to_owned(),
        },
        "renamed",
        "a pod that isn't the schedule's is called slow-1",
        "A pod that isn't the schedule's is called slow-1. The run got another name. \
         Delete or rename the other pod if the names confuse you.",
    );
}

#[test]
fn a_run_says_how_long_it_took_in_whole_seconds() {
    for (finished, message) in [
        ("18:45:11", "within a second"),
        ("18:45:14", "after 3s"),
        ("19:45:21", "after 1h 0m 10s"),
        // Two nodes, two clocks.
        ("18:45:09", "within a second"),
    ] {
        let mut run = run(Outcome::Succeeded, None, &[]);
        run.finished = at(finished);
        let reason = Reason::Succeeded;
        let words = words::of_news(&schedule(), &News::Ended { run, reason }, at("18:45:10"));
        assert_eq!(words.message, message);
    }
}

#[test]
fn a_late_start_says_how_late() {
    let words = words::of_news(&schedule(), &started(), at("18:45:13.25"));
    assert_eq!(words.message, "3.2s late");
    assert!(
        words.note.ends_with("18:45:10Z, 3.2s late."),
        "{}",
        words.note
    );
    let words = words::of_news(&schedule(), &started(), at("20:46:13"));
    assert_eq!(words.message, "2h 1m 3s late");
}

#[test]
fn a_note_has_room_for_its_remedy_and_at_most_1024_bytes() {
    let long = "ü".repeat(2_000);
    for news in [
        waiting(&long),
        failed(Reason::OOMKilled, Some(&long), &[&long]),
    ] {
        let note = words::of_news(&schedule(), &news, at("18:45:10")).note;
        assert!((1_020..=1_024).contains(&note.len()), "{}", note.len());
        let remedies = ["imagePullSecrets.", "make it use less."];
        assert!(
            remedies.iter().any(|remedy| note.ends_with(remedy)),
            "{note}"
        );
        assert!(note.contains("ü… "), "{note}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_news_is_one_record_with_its_fields() {
    let (reporter, _queue) = Reporter::new(Metrics::new());
    let (captured, guard) = capture::json(Clock::simulated(at("18:46:14")));
    reporter.tell(
        &schedule(),
        &failed(Reason::NonZeroExit, Some("exited"), &["a", "b"]),
        at("18:46:14"),
    );
    reporter.tell(&schedule(), &started(), at("18:45:10.5"));
    reporter.tell(
        &schedule(),
        &skipped(4, Reason::StillActive, "busy"),
        at("18:46:00"),
    );
    drop(guard);
    let expected = serde_json::json!([
        {
            "timestamp": "2026-11-20T18:46:14.000000Z", "level": "WARN",
            "target": "punctual::cluster::report", "event": "failed",
            "namespace": "default", "schedule": "slow", "run": "slow-20261120-184510",
            "reason": "NonZeroExit", "fire": "2026-11-20T18:45:10Z", "exit_code": 3,
            "node": "node-1", "last_lines": "a\nb", "message": "exited",
        },
        {
            "timestamp": "2026-11-20T18:46:14.000000Z", "level": "INFO",
            "target": "punctual::cluster::report", "event": "started",
            "namespace": "default", "schedule": "slow", "run": "slow-20261120-184510",
            "reason": "Started", "fire": "2026-11-20T18:45:10Z", "message": "started",
        },
        {
            "timestamp": "2026-11-20T18:46:14.000000Z", "level": "WARN",
            "target": "punctual::cluster::report", "event": "refused",
            "namespace": "default", "schedule": "slow", "reason": "StillActive",
            "fire": "2026-11-20T18:45:20Z", "last_fire": "2026-11-20T18:45:50Z", "count": 4,
            "message": "busy",
        },
    ]);
    assert_eq!(serde_json::Value::from(captured.json()), expected);
}

#[test]
fn each_news_counts_in_the_metrics() {
    let metrics = Metrics::new();
    let (reporter, _queue) = Reporter::new(metrics.clone());
    let told = [
        started(),
        failed(Reason::OOMKilled, None, &[]),
        skipped(4, Reason::Missed, "nobody watched"),
        waiting("no such image"),
        readiness(true, Reason::Ready, "-"),
    ];
    for news in told {
        reporter.tell(&schedule(), &news, at("18:45:10.004"));
    }
    // A clock step back between the fire and its start.
    reporter.tell(&schedule(), &started(), at("18:45:09"));
    let text = metrics.encode();
    for line in [
        r#"punctual_fires_total{decision="run",reason="Started"} 2"#,
        r#"punctual_fires_total{decision="skip",reason="Missed"} 4"#,
        r#"punctual_start_lateness_seconds_sum 0.004"#,
        r#"punctual_start_lateness_seconds_bucket{le="0.001"} 1"#,
        r#"punctual_runs_total{outcome="Failed",reason="OOMKilled"} 1"#,
        r#"punctual_run_duration_seconds_sum 62.5"#,
        r#"punctual_runs_waiting_total{reason="ImagePullFailed"} 1"#,
    ] {
        assert!(
            text.lines().any(|shown| shown == line),
            "no {line} in\n{text}"
        );
    }
}

#[test]
fn a_full_queue_drops_and_counts_without_waiting_and_keeps_room_for_warnings() {
    let metrics = Metrics::new();
    // Outside of any runtime: a call that waited would panic.
    let (reporter, _queue) = Reporter::with_room(metrics.clone(), 2);
    for _ in 0..5 {
        reporter.tell(&schedule(), &started(), at("18:45:10"));
    }
    let dropped = |count: u32| format!("punctual_events_dropped_total {count}\n");
    assert!(metrics.encode().contains(&dropped(3)));
    for _ in 0..2 {
        reporter.tell(&schedule(), &waiting("-"), at("18:45:10"));
    }
    assert!(metrics.encode().contains(&dropped(3)));
}

#[tokio::test(start_paused = true)]
async fn a_problem_of_the_schedule_file_is_a_warning_and_an_event_if_it_has_an_entry() {
    let metrics = Metrics::new();
    let (reporter, _queue) = Reporter::with_room(metrics.clone(), 1);
    let (captured, guard) = capture::json(Clock::simulated(at("18:45:00")));
    let tell = |entry: Option<&str>, reason| {
        let namespace = entry.map(|_| "default");
        reporter.tell_problem(
            namespace,
            entry,
            reason,
            "schedule.yml:3: bad",
            at("18:45:00"),
        );
    };
    tell(Some("hello"), Reason::InvalidEntry);
    // The queue is full now, and this needs no place in it.
    tell(None, Reason::InvalidFile);
    drop(guard);
    assert!(
        metrics
            .encode()
            .contains("punctual_events_dropped_total 0\n")
    );
    let rows = captured.json();
    assert_eq!(rows[0]["level"], "WARN");
    assert_eq!(rows[0]["event"], "invalid");
    assert_eq!(rows[0]["schedule"], "hello");
    assert_eq!(rows[0]["message"], "schedule.yml:3: bad");
    assert_eq!(rows[1]["reason"], "InvalidFile");
    assert_eq!(rows[1].get("schedule"), None);
}
