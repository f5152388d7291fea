//! What a scraper sees.

use super::each_schedule::LEFT_OUT;
use super::*;
use crate::core::run::{ContainerState, Phase, Restarts, SeenContainer, Terminated};

/// Metrics with every family filled, so that each shows its name and labels.
fn filled() -> Metrics {
    let metrics = Metrics::new();
    metrics.fire_ran(Duration::from_millis(3));
    metrics.fires_skipped(Reason::StillActive, 2);
    metrics.run_ended(
        Outcome::Failed,
        Reason::OOMKilled,
        Some(Duration::from_secs(2)),
    );
    metrics.run_waiting(Reason::ImagePullFailed);
    metrics.set_runs_active(4);
    metrics.set_fires_queued(6);
    metrics.attempt_failed(Reason::NodeLost);
    metrics.set_schedules(ScheduleState::ready, 7);
    let uri = "/api/v1/namespaces/a/pods?fieldValidation=Strict";
    let create = ApiRequest::read(&http::Method::POST, &uri.parse().unwrap());
    metrics.api_request(create, Some(201));
    metrics.api_request(create, None);
    metrics.api_request(create, Some(60_000));
    metrics.reconciled(Duration::from_micros(250), true);
    metrics.watch_restarted(Resource::pods);
    metrics.event_dropped();
    metrics.log_stream_dropped();
    metrics.set_schedule_file_problems(3);
    metrics.set_next_fire("2026-11-20T18:45:00.5Z".parse().ok());
    metrics.set_shards(8);
    metrics.set_shards_led(5);
    metrics.start_claimed("u-1", Duration::from_millis(3));
    metrics.show_each_schedule(|| vec![numbers("a", "b")]);
    metrics.lease_changed(LeaseChange::lost);
    metrics
}

fn numbers(namespace: &str, name: &str) -> ScheduleNumbers {
    ScheduleNumbers {
        namespace: namespace.into(),
        name: name.into(),
        next_fire: "2026-11-20T18:45:00Z".parse().ok(),
        last_success: "2026-11-20T18:30:07.5Z".parse().ok(),
        consecutive_failures: 2,
    }
}

#[test]
fn every_number_that_is_told_is_shown() {
    let text = filled().encode();
    for line in [
        r#"punctual_fires_total{decision="run",reason="Started"} 1"#,
        r#"punctual_fires_total{decision="skip",reason="StillActive"} 2"#,
        r#"punctual_runs_total{outcome="Failed",reason="OOMKilled"} 1"#,
        "punctual_runs_active 4",
        "punctual_fires_queued 6",
        r#"punctual_attempts_failed_total{reason="NodeLost"} 1"#,
        r#"punctual_start_lateness_seconds_bucket{le="0.0025"} 0"#,
        r#"punctual_start_lateness_seconds_bucket{le="0.005"} 1"#,
        "punctual_run_duration_seconds_sum 2.0",
        r#"punctual_runs_waiting_total{reason="ImagePullFailed"} 1"#,
        r#"punctual_schedules{state="ready"} 7"#,
        r#"punctual_api_requests_total{verb="create",resource="pods",code="201"} 1"#,
        r#"punctual_api_requests_total{verb="create",resource="pods",code="0"} 2"#,
        "punctual_reconcile_duration_seconds_count 1",
        "punctual_reconcile_errors_total 1",
        r#"punctual_watch_restarts_total{resource="pods"} 1"#,
        "punctual_events_dropped_total 1",
        "punctual_log_lines_dropped_total 0",
        "punctual_log_streams_dropped_total 1",
        "punctual_schedule_file_problems 3",
        "punctual_next_fire_timestamp_seconds 1795200300",
        "punctual_shards 8",
        "punctual_shards_led 5",
        r#"punctual_start_phase_seconds_count{phase="claimed"} 1"#,
        r#"punctual_schedule_next_fire_timestamp_seconds{namespace="a",schedule="b"} 1795200300"#,
        r#"punctual_schedule_last_success_timestamp_seconds{namespace="a",schedule="b"} 1795199407"#,
        r#"punctual_schedule_consecutive_failures{namespace="a",schedule="b"} 2"#,
        "punctual_schedule_metrics_left_out 0",
        r#"punctual_lease_changes_total{change="lost"} 1"#,
        "# UNIT punctual_start_lateness_seconds seconds",
        "# TYPE punctual_fires counter",
        "# EOF",
    ] {
        assert!(
            text.lines().any(|shown| shown == line),
            "no {line} in\n{text}"
        );
    }
}

#[test]
fn the_build_is_shown_with_its_commit_and_zones() {
    let about = About::new("2026a (built in)");
    let text = Metrics::of(&about).encode();
    let line = format!(
        r#"punctual_build_info{{version="{}",commit="{}",zone_database="2026a (built in)"}} 1"#,
        about.version, about.commit
    );
    assert!(text.contains(&line), "no {line} in\n{text}");
}

#[test]
fn single_schedules_are_shown_to_who_asks_for_them_and_not_without_end() {
    let metrics = Metrics::new();
    let text = metrics.encode();
    assert!(!text.contains("{namespace="), "{text}");
    assert!(!text.contains(LEFT_OUT), "{text}");
    // In no order, as the cache has them.
    let names = (0..1_003).rev().map(|number| format!("s{number:04}"));
    let all: Vec<_> = names.map(|name| numbers("a", &name)).collect();
    metrics.show_each_schedule(move || all.clone());
    let text = metrics.encode();
    let count = text
        .matches("punctual_schedule_consecutive_failures{")
        .count();
    assert_eq!(count, 1_000);
    assert!(text.contains(r#"schedule="s0999""#) && !text.contains(r#"schedule="s1000""#));
    assert!(
        text.contains("\npunctual_schedule_metrics_left_out 3\n"),
        "{text}"
    );
}

#[test]
fn a_schedule_without_a_next_fire_or_a_success_shows_none() {
    let metrics = Metrics::new();
    let none = ScheduleNumbers {
        next_fire: None,
        last_success: None,
        ..numbers("a", "b")
    };
    metrics.show_each_schedule(move || vec![none.clone()]);
    let text = metrics.encode();
    assert!(!text.contains("timestamp_seconds{"), "{text}");
    assert!(
        text.contains("punctual_schedule_consecutive_failures{"),
        "{text}"
    );
}

/// A pod with this uid, on a node or not, whose only container does this.
fn pod(uid: &str, node: bool, state: ContainerState) -> SeenPod {
    let phase = match &state {
        ContainerState::Waiting { .. } => Phase::Pending,
        ContainerState::Running { .. } => Phase::Running,
        ContainerState::Terminated(_) => Phase::Succeeded,
    };
    SeenPod {
        held: false,
        phase,
        node: node.then(|| "node-1".into()),
        containers: vec![SeenContainer {
            name: "a".into(),
            state,
            restarts: Restarts::Never,
            ready: false,
        }],
        ..SeenPod::just_made("a".into(), uid.into(), Timestamp::UNIX_EPOCH)
    }
}

fn waiting() -> ContainerState {
    ContainerState::Waiting {
        reason: "ContainerCreating".into(),
        message: String::new(),
    }
}

fn ended(started: Option<&str>) -> ContainerState {
    ContainerState::Terminated(Terminated {
        started: started.map(|time| time.parse().unwrap()),
        ..Terminated::default()
    })
}

/// How many starts had each phase, and how many seconds it took them together.
fn phases(metrics: &Metrics) -> Vec<String> {
    let text = metrics.encode();
    let shown = |phase: &str, what: &str| {
        let name = format!(r#"punctual_start_phase_seconds_{what}{{phase="{phase}"}} "#);
        let mut lines = text.lines();
        lines.find_map(|line| Some(line.strip_prefix(&name)?.to_owned()))
    };
    ["claimed", "released", "scheduled", "running"]
        .into_iter()
        .filter_map(|phase| {
            let (count, sum) = (shown(phase, "count")?, shown(phase, "sum")?);
            Some(format!("{phase} {count} {sum}"))
        })
        .collect()
}

async fn pass(milliseconds: u64) {
    tokio::time::advance(Duration::from_millis(milliseconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_start_is_measured_from_phase_to_phase() {
    let metrics = Metrics::new();
    let running = || ContainerState::Running { since: None };
    metrics.start_claimed("u", Duration::from_millis(250));
    pass(500).await;
    metrics.start_released("u");
    pass(1_000).await;
    metrics.pod_seen(&pod("u", false, waiting()));
    metrics.pod_seen(&pod("u", true, waiting()));
    pass(2_000).await;
    metrics.pod_seen(&pod("u", true, waiting()));
    metrics.pod_seen(&pod("u", true, running()));
    let all = [
        "claimed 1 0.25",
        "released 1 0.5",
        "scheduled 1 1.0",
        "running 1 2.0",
    ];
    assert_eq!(phases(&metrics), all);
    // What comes after, and pods of which no claim was told, count nothing.
    metrics.start_released("u");
    metrics.pod_seen(&pod("u", true, ended(Some("2026-11-20T18:45:00Z"))));
    metrics.start_released("other");
    metrics.pod_seen(&pod("other", true, running()));
    assert_eq!(phases(&metrics), all);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_ahead_of_the_answer_or_leaves_a_state_out_misses_no_phase() {
    let metrics = Metrics::new();
    metrics.start_claimed("u", Duration::ZERO);
    pass(500).await;
    metrics.pod_seen(&pod("u", true, waiting()));
    pass(500).await;
    metrics.start_released("u");
    pass(500).await;
    metrics.pod_seen(&pod("u", true, ended(Some("2026-11-20T18:45:00Z"))));
    assert_eq!(
        phases(&metrics),
        [
            "claimed 1 0.0",
            "released 1 0.5",
            "scheduled 1 0.0",
            "running 1 1.0"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_start_that_comes_to_nothing_is_forgotten() {
    let metrics = Metrics::new();
    for uid in ["ended", "gone", "unlisted"] {
        metrics.start_claimed(uid, Duration::ZERO);
        metrics.start_released(uid);
    }
    metrics.pod_seen(&pod("ended", true, ended(None)));
    metrics.pod_gone("gone");
    metrics.keep_pods(&HashSet::new());
    for uid in ["ended", "gone", "unlisted"] {
        metrics.pod_seen(&pod(uid, true, ContainerState::Running { since: None }));
    }
    let some = ["claimed 3 0.0", "released 3 0.0", "scheduled 1 0.0"];
    assert_eq!(phases(&metrics), some);
}

#[tokio::test(start_paused = true)]
async fn starts_that_never_end_leave_room_for_no_others() {
    let metrics = Metrics::new();
    for number in 0..5_000 {
        let uid = number.to_string();
        metrics.start_claimed(&uid, Duration::ZERO);
        metrics.start_released(&uid);
    }
    assert_eq!(phases(&metrics), ["claimed 5000 0.0", "released 4096 0.0"]);
}

#[test]
fn the_table_names_exactly_the_metrics_and_labels_that_are_shown() {
    let mut page = Page::new();
    Numbers::new().register(&mut page, &About::new("unknown"));
    let text = filled().encode();
    let help: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("# HELP "))
        .collect();
    assert_eq!(help.len(), page.rows.len());
    for row in page.rows {
        let sentence = format!(" {}.", row.help);
        let told = help.iter().any(|line| line.ends_with(&sentence));
        assert!(told, "no sentence {:?} in\n{text}", row.help);
        let sample = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .find(|line| {
                let name = line.split(['{', ' ']).next().unwrap();
                name == row.name || name == format!("{}_count", row.name)
            })
            .unwrap_or_else(|| panic!("no {} in\n{text}", row.name));
        let labels: Vec<_> = match sample.split_once('{') {
            Some((_, rest)) => rest
                .split("\",")
                .map(|pair| pair.split('=').next().unwrap())
                .collect(),
            None => vec![],
        };
        assert_eq!(labels, row.labels, "{}", row.name);
        assert!(table().contains(&format!("| `{}` | {} |", row.name, row.kind)));
    }
}

#[test]
fn a_request_is_known_by_its_method_and_path() {
    use http::Method;
    for (method, uri, verb, resource) in [
        (
            Method::GET,
            "/api/v1/pods?limit=500",
            Verb::list,
            Resource::pods,
        ),
        (
            Method::GET,
            "/api/v1/pods?watch=true&a=b",
            Verb::watch,
            Resource::pods,
        ),
        (
            Method::GET,
            "/api/v1/namespaces/a/pods/b",
            Verb::get,
            Resource::pods,
        ),
        (
            Method::GET,
            "/api/v1/namespaces/a/pods/b/log?follow=true",
            Verb::get,
            Resource::pods_log,
        ),
        (
            Method::DELETE,
            "/api/v1/namespaces/a/pods/b",
            Verb::delete,
            Resource::pods,
        ),
        (
            Method::PATCH,
            "/apis/punctual.dev/v1alpha1/namespaces/a/scheduledcontainers/b/status",
            Verb::patch,
            Resource::scheduledcontainers_status,
        ),
        (
            Method::PUT,
            "/apis/punctual.dev/v1alpha1/namespaces/a/scheduledcontainers/b",
            Verb::update,
            Resource::scheduledcontainers,
        ),
        (
            Method::POST,
            "/apis/events.k8s.io/v1/namespaces/a/events",
            Verb::create,
            Resource::events,
        ),
        (
            Method::GET,
            "/api/v1/namespaces/pods",
            Verb::get,
            Resource::other,
        ),
        (Method::GET, "/version", Verb::list, Resource::other),
        (Method::GET, "/", Verb::list, Resource::other),
    ] {
        let request = ApiRequest::read(&method, &uri.parse().unwrap());
        assert_eq!(request, ApiRequest { verb, resource }, "{method} {uri}");
    }
}
