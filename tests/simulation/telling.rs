//! The story of a world, for a person to read.

use jiff::Timestamp;
use serde_json::Value;

use super::memory::{
    Resource, World,
    checks::{self, Decision},
};

/// What was done to a world, and all changes that came of it, in order.
pub fn tale(world: &World, deeds: &[(u64, Timestamp, String)]) -> Vec<String> {
    let mut lines: Vec<((u64, bool), String)> = deeds
        .iter()
        .map(|(version, at, deed)| ((*version, true), format!("{} * {deed}", clock(*at))))
        .collect();
    for change in world.changes() {
        let Some(object) = change.after.as_ref().or(change.before.as_ref()) else {
            continue;
        };
        let what = match (&change.before, &change.after) {
            (None, _) => "created",
            (_, None) => "gone",
            _ => "changed",
        };
        let about = match (change.id.resource, &change.after) {
            (_, None) => String::new(),
            (Resource::Pods, Some(pod)) => pod_state(pod),
            (_, Some(after)) => {
                let before = change.before.as_ref().map(checks::status);
                let status = checks::status(after);
                let mut decisions = Vec::new();
                checks::decided(
                    &before.clone().unwrap_or_default(),
                    &status,
                    change.at,
                    &mut decisions,
                );
                let mut parts: Vec<String> = decisions.iter().map(decision).collect();
                let known = before.unwrap_or_default();
                if known.observed_schedule != status.observed_schedule {
                    let since = status.observed_since.map(clock).unwrap_or_default();
                    parts.push(format!(
                        "adopts {:?} since {since}",
                        status.observed_schedule
                    ));
                }
                if known.counts != status.counts {
                    parts.push(format!("{:?}", status.counts));
                }
                if known.queued != status.queued {
                    parts.push(format!("queued {:?}", status.queued));
                }
                if known.active != status.active {
                    parts.push(format!("active {:?}", status.active));
                }
                if change.before.as_ref().map(|before| &before["spec"]) != Some(&after["spec"]) {
                    parts.push(format!("spec {}", after["spec"]));
                }
                parts.join("; ")
            }
        };
        let line = format!(
            "{} {:>4} {:<9} {what} {} {} {about}",
            clock(change.at),
            change.version,
            change.by,
            change.id.name,
            short(&object["metadata"]["uid"]),
        );
        lines.push(((change.version, false), line));
    }
    lines.sort_by_key(|(place, _)| *place);
    lines.into_iter().map(|(_, line)| line).collect()
}

fn clock(at: Timestamp) -> String {
    at.strftime("%d %T.%3f").to_string()
}

fn short(uid: &Value) -> &str {
    let uid = uid.as_str().unwrap_or_default();
    &uid[uid.len().saturating_sub(4)..]
}

fn pod_state(pod: &Value) -> String {
    let gates = match pod["spec"]["schedulingGates"].as_array() {
        Some(gates) if !gates.is_empty() => "held ",
        _ => "",
    };
    let deleting = match pod["metadata"]["deletionTimestamp"].is_string() {
        true => " deleting",
        false => "",
    };
    let phase = pod["status"]["phase"].as_str().unwrap_or_default();
    format!("{gates}{phase}{deleting}")
}

fn decision(decision: &Decision) -> String {
    match decision {
        Decision::Claim { fire, uid, .. } => {
            format!("claims {} with {}", clock(*fire), &uid[uid.len() - 4..])
        }
        Decision::Skip {
            first,
            last,
            count,
            reason,
            ..
        } => format!("skips {count} {}-{} {reason}", clock(*first), clock(*last)),
    }
}
