//! Troubles that are made on purpose, and the alerts that tell of them.

use serde_json::{Value, json};

use crate::{
    SYSTEM,
    command::{apply, checked, kubectl, run, until},
    fires::{a_led_shard, begin, goes_on},
    objects::schedule,
    prometheus::Prometheus,
};

/// How many schedules have a fire that starts late. One run each is that, of all runs since Prometheus
/// is there.
const LATE: usize = 16;

/// No alert while all is well.
pub fn a_healthy_install_is_silent(prometheus: &Prometheus) {
    // Before the first scrape there is no metric, which is a trouble indeed.
    until("no alert", || prometheus.alerts().is_empty());
    let rules = prometheus.ask("rules", &["type=alert"]);
    let groups = rules["groups"].as_array().into_iter().flatten();
    let rules: Vec<_> = groups
        .filter_map(|group| group["rules"].as_array())
        .flatten()
        .collect();
    assert_eq!(rules.len(), 5, "each has a trouble here: {rules:?}");
    for rule in rules {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
}

/// Schedules that fail, that are overdue, whose fires start late: one alert each.
pub fn schedules_in_trouble_are_told(prometheus: &Prometheus) {
    let mut leaky = schedule("leaky", "*/5 * * * * *", &["fail", "3"]);
    leaky["spec"]["overdueAfter"] = json!({"fires": 2});
    apply(&leaky);
    // Each second a fire; the second waits until the first run has ended, for longer than 30 s.
    let patient = |number: usize| {
        let name = format!("patient-{number}");
        let mut patient = schedule(&name, "* * * * * *", &["sleep", "32"]);
        patient["spec"]["concurrencyPolicy"] = json!("Queue");
        patient
    };
    let mut helpers: Vec<_> = (0..LATE).map(patient).collect();
    // No alert tells of these: they are for the metrics that are about them.
    let mut tried_again = schedule("tried-again", "*/5 * * * * *", &["fail", "1"]);
    tried_again["spec"]["retry"] = json!({"limit": 1, "backoffSeconds": 1});
    let mut stuck = schedule("stuck", "*/5 * * * * *", &["sleep", "0"]);
    stuck["spec"]["template"]["spec"]["containers"][0]["image"] = json!("punctual.local/none:1");
    helpers.extend([tried_again, stuck]);
    let helpers = json!({"apiVersion": "v1", "kind": "List", "items": helpers});
    apply(&helpers);

    let ours = json!({"namespace": SYSTEM, "job": "punctual"});
    fires(prometheus, "PunctualSchedulesFailing", "warning", &ours);
    fires(prometheus, "PunctualSchedulesOverdue", "critical", &ours);
    fires(prometheus, "PunctualFiresLate", "warning", &ours);
    let delete = ["delete", "-f", "-"];
    let output = run("kubectl", &delete, Some(&helpers.to_string()));
    checked("kubectl delete", output);
}

/// Somebody's policy refuses every status of one schedule.
pub fn a_fire_that_is_not_decided_is_told(prometheus: &Prometheus) {
    begin("undecided");
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "no-status"},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "apiGroups": ["punctual.dev"], "apiVersions": ["*"], "operations": ["UPDATE"],
                "resources": ["scheduledcontainers/status"], "resourceNames": ["undecided"],
            }]},
            "validations": [{"expression": "false", "message": "no status for you"}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "no-status"},
        "spec": {"policyName": "no-status", "validationActions": ["Deny"]},
    });
    apply(&policy);
    apply(&binding);
    let ours = json!({"namespace": SYSTEM, "job": "punctual"});
    fires(prometheus, "PunctualFiresUndecided", "warning", &ours);
    for kind in [
        "validatingadmissionpolicybinding",
        "validatingadmissionpolicy",
    ] {
        kubectl(&["delete", kind, "no-status"]);
    }
    is_over(prometheus, "PunctualFiresUndecided");
    goes_on("undecided");
}

/// The Lease of one of two shards is a stranger's for as long as the test writes so.
pub fn a_shard_without_a_leader_is_told(prometheus: &Prometheus) {
    begin("unled");
    let (lease, _) = a_led_shard();
    let stranger = r#"--patch={"spec":{"holderIdentity":"stranger","leaseDurationSeconds":60}}"#;
    let patch = ["patch", "lease", &lease, "--type=merge", stranger];
    let patch = [["-n", SYSTEM].as_slice(), &patch].concat();
    let ours = json!({"namespace": SYSTEM, "job": "punctual"});
    until("PunctualNoLeader fires", || {
        kubectl(&patch);
        is_told(prometheus, "PunctualNoLeader", "critical", &ours)
    });
    was_pending(prometheus, "PunctualNoLeader", &ours);
    is_over(prometheus, "PunctualNoLeader");
    goes_on("unled");
}

/// Without a replica no metric is there, and so nothing is known of where it should be.
pub fn a_controller_that_is_away_is_told(prometheus: &Prometheus) {
    begin("alone");
    let scale = |replicas: &str| {
        kubectl(&["-n", SYSTEM, "scale", "deployment/punctual", replicas]);
    };
    scale("--replicas=0");
    fires(prometheus, "PunctualNoLeader", "critical", &json!({}));
    scale("--replicas=2");
    is_over(prometheus, "PunctualNoLeader");
    goes_on("alone");
}

/// Waits until an alert fires with these labels, after it was pending.
fn fires(prometheus: &Prometheus, alert: &str, severity: &str, labels: &Value) {
    until(&format!("{alert} fires"), || {
        prometheus.discover();
        is_told(prometheus, alert, severity, labels)
    });
    was_pending(prometheus, alert, labels);
}

/// Whether Prometheus says that an alert fires with exactly these labels.
fn is_told(prometheus: &Prometheus, alert: &str, severity: &str, labels: &Value) -> bool {
    let mut expected = labels.clone();
    expected["alertname"] = json!(alert);
    expected["severity"] = json!(severity);
    let alerts = prometheus.alerts();
    let told = alerts
        .iter()
        .find(|told| told["state"] == "firing" && told["labels"] == expected);
    if let Some(told) = told {
        let summary = told["annotations"]["summary"].as_str();
        println!("    {alert} fires: {}", summary.expect("a summary"));
    }
    told.is_some()
}

fn was_pending(prometheus: &Prometheus, alert: &str, labels: &Value) {
    // No namespace at all is one that is empty.
    let namespace = labels["namespace"].as_str().unwrap_or_default();
    let labels = format!("alertname={alert:?}, alertstate=\"pending\", namespace={namespace:?}");
    let pending = format!("ALERTS{{{labels}}}[1h]");
    let found = prometheus.finds(&format!("last_over_time({pending})"));
    assert!(found, "{alert} fired without having been pending");
}

fn is_over(prometheus: &Prometheus, alert: &str) {
    until(&format!("{alert} is over"), || {
        prometheus.discover();
        let alerts = prometheus.alerts();
        alerts
            .iter()
            .all(|told| told["labels"]["alertname"] != alert)
    });
}
