//! Fields within the fields of an entry that nobody knows, mostly typos.

use super::super::tree::{Kind, Tree};
use super::{Finding, here};

/// The fields whose types are the resource's, which pass over what they don't know: the API server
/// tells of it there, and nobody here. Each with the fields that it is made of, or its items.
const KNOWN: [(&str, &[&str]); 7] = [
    ("schedules", &["schedule", "timeZone"]),
    ("calendars", &["kind", "name", "action"]),
    ("clockChanges", &["gap", "overlap"]),
    (
        "retry",
        &[
            "limit",
            "backoffSeconds",
            "backoffFactor",
            "maxBackoffSeconds",
            "onExitCodes",
            "notOnExitCodes",
            "onReasons",
            "uncountedReasons",
        ],
    ),
    (
        "stuckAfter",
        &[
            "unschedulableSeconds",
            "imagePullSeconds",
            "configErrorSeconds",
            "notReadySeconds",
            "action",
        ],
    ),
    ("overdueAfter", &["seconds", "fires"]),
    ("circuitBreaker", &["failures", "pauseSeconds"]),
];

/// Those of an entry.
pub fn findings(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (field, known) in KNOWN {
        let Some(value) = tree.get(field) else {
            continue;
        };
        let items = match &value.kind {
            Kind::List(items) => items.as_slice(),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Map(_) => {
                std::slice::from_ref(value)
            }
        };
        for (key, _) in items.iter().flat_map(Tree::entries) {
            if !known.contains(&key.text.as_str()) {
                let message = format!(
                    "{field}: unknown field \"{}\"; known are {}",
                    key.text,
                    known.join(", ")
                );
                findings.push(here(key.place, message));
            }
        }
    }
    findings
}
