//! What is installed and applied.

use std::fs;

use serde_json::{Value, json};

use crate::{SHOP, WRITTEN};

/// A schedule whose container knows the secret, and another that somebody wrote down.
pub fn schedule(name: &str, when: &str, work: &[&str]) -> Value {
    let mut pod = restricted(work);
    pod["containers"][0]["env"] = json!([
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "key", "key": "key"}}},
        {"name": "PASSWORD", "value": WRITTEN},
    ]);
    json!({
        "apiVersion": "punctual.dev/v1alpha1", "kind": "ScheduledContainer",
        "metadata": {"name": name, "namespace": SHOP},
        "spec": {"schedule": when, "timeZone": "UTC", "template": {"spec": pod}},
    })
}

pub fn restricted(work: &[&str]) -> Value {
    json!({
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 1,
        "containers": [{
            "name": "main", "image": "punctual.local/work:1", "args": work,
            "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
        }],
    })
}

/// A file of values, with a schedule file of this one entry.
pub fn values(entry: &str) -> String {
    let entries = json!({entry: {
        "cron": "*/5 * * * * *", "namespace": SHOP, "pod": restricted(&["sleep", "0"])}});
    let values = json!({
        "scheduleFile": {"content": entries.to_string()},
        "log": {"format": "json"},
    });
    let path = format!("{}/{entry}.json", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&path, values.to_string()).expect("a file");
    path
}
