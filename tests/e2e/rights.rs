//! The rights that the controller has, beside those that it uses.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use crate::{
    SYSTEM,
    command::{get, step},
};

const ACCOUNT: &str = "system:serviceaccount:punctual-system:punctual";

/// The rights that were granted, and those that were used: (verb, group, resource).
pub fn those_that_are_granted_are_used(log: &AuditLog) {
    step("compare the rights with those that were used");
    let mut granted = BTreeSet::new();
    for role in [
        get(&["clusterrole", "punctual"]),
        get(&["role", "punctual-leases", "-n", SYSTEM]),
    ] {
        for rule in role["rules"].as_array().into_iter().flatten() {
            let each = |field: &str| {
                let values = rule[field].as_array().cloned().unwrap_or_default();
                values
                    .into_iter()
                    .map(|it| it.as_str().expect("a text").to_owned())
            };
            for group in each("apiGroups") {
                for resource in each("resources") {
                    granted
                        .extend(each("verbs").map(|verb| (verb, group.clone(), resource.clone())));
                }
            }
        }
    }
    let used = log.used_by(ACCOUNT);
    let missing: Vec<_> = used.difference(&granted).collect();
    assert!(missing.is_empty(), "used and not granted: {missing:?}");
    // What only happens in trouble, or after a while.
    let rare = BTreeSet::from([
        // A schedule of the file is made by a patch, which needs this right as well.
        ("create", "punctual.dev", "scheduledcontainers"),
        // An entry is refused: is the schedule of that name its own, or somebody else's?
        ("get", "punctual.dev", "scheduledcontainers"),
        // What happens again soon counts up the Event that tells it.
        ("patch", "events.k8s.io", "events"),
        // Is a run gone whose pod the cache doesn't show?
        ("get", "", "pods"),
        // Every few Lease durations, should the watch have missed something; and those of replicas that
        // have gone are cleared away.
        ("list", "coordination.k8s.io", "leases"),
        ("delete", "coordination.k8s.io", "leases"),
    ]);
    let idle: Vec<_> = granted
        .difference(&used)
        .filter(|(verb, group, resource)| !rare.contains(&(verb.as_str(), group, resource)))
        .collect();
    assert!(idle.is_empty(), "granted and not used: {idle:?}");
}

/// What the API server was asked for since then.
pub struct AuditLog {
    path: String,
    start: u64,
}

impl AuditLog {
    pub fn from_now() -> Self {
        let path = std::env::var("CLUSTER_AUDIT_LOG").expect("the cluster of hack/cluster");
        let start = fs::metadata(&path).expect("the audit log").len();
        Self { path, start }
    }

    fn used_by(&self, user: &str) -> BTreeSet<(String, String, String)> {
        let text = fs::read_to_string(&self.path).expect("the audit log");
        let lines = text[self.start as usize..].lines();
        let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ours = lines.filter(|line| line["user"]["username"] == user);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        ours.map(|line| {
            let object = &line["objectRef"];
            let mut resource = text(&object["resource"]);
            if let Some(part) = object["subresource"].as_str() {
                resource = format!("{resource}/{part}");
            }
            (text(&line["verb"]), text(&object["apiGroup"]), resource)
        })
        .collect()
    }
}
