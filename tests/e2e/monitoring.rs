//! What a real Prometheus makes of the metrics, the dashboard and the alerts.

use std::fs;

use serde_json::{Value, json};

use crate::{
    SHOP, SYSTEM,
    command::{kubectl, step, until},
    prometheus::Prometheus,
    trouble,
};

/// Whatever a metric counts has happened before, or is made to happen here.
pub fn prometheus_knows_all_of_it_and_alerts() {
    step("a real Prometheus: targets");
    // What fails from here on is told by an alert.
    kubectl(&["delete", "schedule", "leaky", "-n", SHOP]);
    let prometheus = Prometheus::start();
    every_replica_is_a_target(&prometheus);
    trouble::a_healthy_install_is_silent(&prometheus);
    step("a real Prometheus: alerts");
    trouble::schedules_in_trouble_are_told(&prometheus);
    trouble::a_fire_that_is_not_decided_is_told(&prometheus);
    step("a real Prometheus: metrics and dashboard");
    every_metric_is_known(&prometheus);
    every_panel_shows_something(&prometheus);
    one_schedule_is_found_by_its_namespace(&prometheus);
    step("a real Prometheus: nobody leads");
    trouble::a_shard_without_a_leader_is_told(&prometheus);
    trouble::a_controller_that_is_away_is_told(&prometheus);
    prometheus.has_no_complaint();
}

fn every_replica_is_a_target(prometheus: &Prometheus) {
    until("both replicas are scraped", || {
        prometheus.discover();
        prometheus.query("up == 1").len() == 2
    });
    let targets = prometheus.ask("targets", &["state=active"]);
    let targets = targets["activeTargets"].as_array().expect("targets");
    assert_eq!(targets.len(), 2, "{targets:?}");
    for target in targets {
        assert_eq!(target["lastError"], "", "{target}");
        assert_eq!(target["labels"]["namespace"], SYSTEM, "{target}");
        let pod = target["labels"]["pod"].as_str().unwrap_or_default();
        assert!(pod.starts_with("punctual-"), "{target}");
    }
}

/// Each metric of docs/metrics.md is there under its name, with its type, its meaning and its labels.
fn every_metric_is_known(prometheus: &Prometheus) {
    let page = fs::read_to_string("docs/metrics.md").expect("the page");
    let rows = page.lines().filter(|line| line.starts_with("| `punctual_"));
    let known = prometheus.ask("metadata", &[]);
    let mut count = 0;
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, meaning] = cells[..] else {
            panic!("no row of a metric: {row}");
        };
        let name = name.trim_matches('`');
        // What OpenMetrics calls the family, whose series have a suffix.
        let family = name.trim_end_matches("_total").trim_end_matches("_info");
        let told = &known[family][0];
        assert_eq!(told["type"], kind, "{name}: {told}");
        assert_eq!(told["help"], meaning, "{name}: {told}");

        let suffix = if kind == "histogram" { "_bucket" } else { "" };
        let series = prometheus.query(&format!("last_over_time({name}{suffix}[1h])"));
        assert!(!series.is_empty(), "{name} has no series");
        for label in labels.split(", ").filter(|label| !label.is_empty()) {
            let label = label.trim_matches('`');
            let all = series.iter().all(|one| one["metric"][label].is_string());
            assert!(all, "{name} without {label}: {series:?}");
        }
        count += 1;
    }
    assert!(count > 20, "only {count} metrics");
    println!("    {count} metrics, each with its type, its meaning and its labels");
}

/// Each query of the dashboard is understood, and finds something.
fn every_panel_shows_something(prometheus: &Prometheus) {
    let dashboard = fs::read_to_string("charts/punctual/files/dashboard.json").expect("it");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("JSON");
    // Its choices, as Grafana asks for them.
    for (label, value) in [("namespace", SYSTEM), ("job", "punctual")] {
        let values = prometheus.ask(
            &format!("label/{label}/values"),
            &["match[]=punctual_build_info"],
        );
        assert_eq!(values, json!([value]), "the choices of {label}");
    }
    let mut count = 0;
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().expect("a query");
            let filled = query
                .replace("$namespace", SYSTEM)
                .replace("$job", "punctual")
                .replace("$__rate_interval", "5m");
            assert!(!filled.contains('$'), "{filled}");
            let found = prometheus.finds(&filled);
            assert!(found, "{}: nothing for {filled}", panel["title"]);
            count += 1;
        }
    }
    assert!(count > 20, "only {count} queries");
    println!("    {count} queries of the dashboard, and each finds something");
}

/// The query of docs/monitoring.md for a single schedule: the namespace is that of the schedule.
fn one_schedule_is_found_by_its_namespace(prometheus: &Prometheus) {
    let page = fs::read_to_string("docs/monitoring.md").expect("the page");
    let query = page.lines().find(|line| line.starts_with("time() - max("));
    let query = query.expect("the query of a single schedule");
    let (query, _) = query.split_once(" > ").expect("its limit");
    let ours = query.replace("\"default\"", &format!("{SHOP:?}"));
    let ours = ours.replace("\"backup\"", "\"beat\"");
    assert_ne!(ours, query, "it names another schedule now");
    assert!(prometheus.finds(&ours), "nothing for {ours}");
}
