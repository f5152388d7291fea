//! What a scraper sees.

use super::*;

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
    metrics.set_shards_led(5);
    metrics.lease_changed(LeaseChange::lost);
    metrics
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
        "punctual_shards_led 5",
        r#"punctual_lease_changes_total{change="lost"} 1"#,
        concat!(
            r#"punctual_build_info{version=""#,
            env!("CARGO_PKG_VERSION"),
            r#""} 1"#
        ),
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
fn the_table_names_exactly_the_metrics_and_labels_that_are_shown() {
    let mut page = Page::new();
    Numbers::new().register(&mut page);
    let text = filled().encode();
    let help = text
        .lines()
        .filter(|line| line.starts_with("# HELP "))
        .count();
    assert_eq!(help, page.rows.len());
    for row in page.rows {
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
