//! From the image and the charts to runs, as an operator sees it: installed by Helm on a real cluster,
//! edited, upgraded, monitored and attacked while a schedule fires every second, and removed again.
//!
//! `make test-e2e` runs it. It looks after all namespaces, so no other controller may.

#[path = "e2e/command.rs"]
mod command;
#[path = "e2e/examples.rs"]
mod examples;
#[path = "e2e/fires.rs"]
mod fires;
#[path = "e2e/monitoring.rs"]
mod monitoring;
#[path = "e2e/objects.rs"]
mod objects;
#[path = "e2e/prometheus.rs"]
mod prometheus;
#[path = "e2e/reading.rs"]
mod reading;
#[path = "e2e/rights.rs"]
mod rights;
#[path = "e2e/trouble.rs"]
mod trouble;
#[path = "e2e/versions.rs"]
mod versions;

use std::fs;

use serde_json::json;

use command::{apply, checked, cluster, get, helm, kubectl, run, step, succeeds, until};
use fires::{begin, count, goes_on};
use objects::{schedule, values};
use rights::AuditLog;
use versions::Version;

const SYSTEM: &str = "punctual-system";
/// Where the users' runs are. It admits only pods that are restricted.
const SHOP: &str = "punctual-e2e";
/// Nobody but the run may ever see it.
const CANARY: &str = "canary-5d1f0c9e";
/// Who may read schedules and pods may see it there, and nobody anywhere else.
const WRITTEN: &str = "canary-b3a7720d";

#[test]
fn an_installation_keeps_its_promise_from_the_first_day_to_the_last() {
    make_namespaces();
    let this = Version::this();
    let notes = match Version::older() {
        None => this.install(),
        Some(older) => versions::a_new_version_and_the_way_back_cost_no_fire(&older, &this),
    };
    let log = AuditLog::from_now();
    runs_are_made_told_and_counted();
    no_secret_is_told();
    examples::each_does_what_it_says();
    examples::the_hardened_one_runs_where_only_such_may();
    reading::what_helm_says_works(&notes);
    reading::columns_say_how_a_schedule_is();
    an_edit_of_the_schedule_file_is_followed();
    other_values_cost_no_fire();
    a_leader_that_is_killed_costs_no_fire();
    a_new_certificate_authority_costs_no_fire();
    no_secret_is_told();
    monitoring::prometheus_knows_all_of_it_and_alerts();
    no_secret_is_told();
    rights::those_that_are_granted_are_used(&log);
    all_is_removed();
}

fn make_namespaces() {
    for namespace in [SYSTEM, SHOP] {
        kubectl(&["create", "namespace", namespace]);
        let level = "pod-security.kubernetes.io/enforce=restricted";
        kubectl(&["label", "namespace", namespace, level]);
    }
    // What every run here is given.
    apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": SHOP},
        "stringData": {"key": CANARY},
    }));
}

fn runs_are_made_told_and_counted() {
    step("runs, Events, log and metrics");
    apply(&schedule("beat", "* * * * * *", &["sleep", "0.2"]));
    // It fails, so that all that can be told of a run is told.
    apply(&schedule("leaky", "*/5 * * * * *", &["fail", "3"]));
    until("runs succeed", || count("beat", "succeeded") >= 3);
    until("runs fail", || count("leaky", "failed") >= 1);
    until("the schedule file's entry runs", || {
        count("file-first", "succeeded") >= 1
    });
    for (name, reason) in [("beat", "Succeeded"), ("leaky", "NonZeroExit")] {
        until("an Event", || {
            let events = get(&["events", "-n", SHOP]);
            let mut events = events["items"].as_array().into_iter().flatten();
            events.any(|event| event["reason"] == reason && event["involvedObject"]["name"] == name)
        });
    }
    until("the log", || {
        controller_log().contains("\"reason\":\"NonZeroExit\"")
    });
    until("metrics", || {
        metrics().contains("punctual_runs_total{outcome=\"Succeeded\",reason=\"Succeeded\"}")
    });
}

fn an_edit_of_the_schedule_file_is_followed() {
    step("edit the schedule file");
    let mut upgrade = vec!["upgrade", "punctual", "charts/punctual", "--reuse-values"];
    let values = values("file-second");
    upgrade.extend(["--values", values.as_str()]);
    helm(&upgrade);
    until("the new entry runs", || {
        count("file-second", "succeeded") >= 1
    });
    until("the old one is gone", || {
        !succeeds(&["get", "schedule", "file-first", "-n", SHOP])
    });
}

fn other_values_cost_no_fire() {
    step("upgrade to other values while a schedule fires");
    begin("upgraded");
    let mut upgrade = vec![
        "upgrade",
        "punctual",
        "charts/punctual",
        "--reuse-values",
        "--wait",
    ];
    upgrade.extend(["--set", "podAnnotations.upgraded=yes", "--set", "shards=2"]);
    upgrade.extend(["--set", "metrics.perSchedule=true"]);
    helm(&upgrade);
    goes_on("upgraded");
}

fn a_leader_that_is_killed_costs_no_fire() {
    step("kill the leader");
    begin("led");
    let pods = get(&["pods", "-n", SYSTEM]);
    let pods = pods["items"].as_array().into_iter().flatten();
    let (_, holder) = fires::a_led_shard();
    let leader = pods
        .filter_map(|pod| pod["metadata"]["name"].as_str())
        .find(|name| holder.starts_with(name))
        .unwrap_or_else(|| panic!("{holder} is no pod"));
    let now = ["--force", "--grace-period=0"];
    kubectl(&["-n", SYSTEM, "delete", "pod", leader, now[0], now[1]]);
    goes_on("led");
}

/// The worst way to change it: the server shows a certificate of the new one before anybody in a pod
/// trusts that. It takes as long as the kubelet and the client need to bring and to read it.
fn a_new_certificate_authority_costs_no_fire() {
    step("give the API server a certificate of another authority");
    let restarts = || {
        let each = "{.metadata.name} {.status.containerStatuses[*].restartCount} ";
        let all = format!("jsonpath={{range .items[*]}}{each}{{end}}");
        kubectl(&["-n", SYSTEM, "get", "pods", "-o", &all])
    };
    let before = restarts();
    begin("trusted");
    cluster(&["new-authority"]);
    goes_on("trusted");
    assert_eq!(restarts(), before, "a controller was restarted");
}

fn no_secret_is_told() {
    step("look for the secret in all that is told");
    let objects = |kind: &str| kubectl(&["get", kind, "-A", "-o", "json"]);
    for text in [controller_log(), metrics(), objects("events")] {
        for secret in [CANARY, WRITTEN] {
            assert!(!text.contains(secret), "the secret is told: {text}");
        }
    }
    for text in [objects("schedules"), objects("pods")] {
        assert!(!text.contains(CANARY), "the secret is told: {text}");
        assert!(text.contains(WRITTEN), "no run knows it: {text}");
    }
}

fn all_is_removed() {
    step("remove the controller: schedules stay");
    helm(&["uninstall", "punctual", "--wait"]);
    helm(&["uninstall", "punctual-crds"]);
    kubectl(&["get", "schedule", "beat", "-n", SHOP]);
    let before = count("beat", "succeeded");
    Version::this().install();
    until("the schedule goes on", || {
        count("beat", "succeeded") > before
    });
    step("remove everything");
    let page = fs::read_to_string("docs/install.md").expect("the page");
    let everything = page
        .split("```")
        .find(|block| block.starts_with("sh\n") && block.contains("delete crd"))
        .expect("the one command");
    let everything = everything.trim_start_matches("sh\n");
    checked(everything, run("sh", &["-c", everything], None));
    for kind in ["all", "crd", "clusterrole", "clusterrolebinding"] {
        let ours = ["--selector", "app.kubernetes.io/part-of=punctual"];
        let left = kubectl(&["get", kind, "-A", ours[0], ours[1], "-o", "name"]);
        assert_eq!(left, "", "these {kind} are left");
    }
    until("its runs are gone", || {
        kubectl(&["get", "pods", "-n", SHOP, "-o", "name"]).is_empty()
    });
    kubectl(&["delete", "namespace", SHOP, "--timeout=180s"]);
}

fn controller_log() -> String {
    let pods = "app.kubernetes.io/name=punctual";
    kubectl(&["-n", SYSTEM, "logs", "-l", pods, "--tail=-1"])
}

/// The metrics of all replicas, one after the other.
fn metrics() -> String {
    let pods = get(&[
        "pods",
        "-n",
        SYSTEM,
        "-l",
        "app.kubernetes.io/name=punctual",
    ]);
    let pods = pods["items"].as_array().cloned().unwrap_or_default();
    let page = |pod: serde_json::Value| {
        let name = pod["metadata"]["name"].as_str().expect("a name");
        let path = format!("/api/v1/namespaces/{SYSTEM}/pods/{name}:8080/proxy/metrics");
        kubectl(&["get", "--raw", &path])
    };
    pods.into_iter().map(page).collect()
}
