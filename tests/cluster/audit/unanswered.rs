//! Writes of a status that took effect although the API server answered them with an error: their
//! sender had gone in that very moment, and the log has no object for them. That they took effect shows
//! in what was decided from the version that they made.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::{super::patch::merge, Line, What, Write};

/// What was asked of one schedule's status.
#[derive(Default)]
pub struct Patches {
    /// The versions of the schedule that answers have shown.
    pub shown: BTreeSet<u64>,
    /// Those from which somebody decided.
    pub decided_from: BTreeSet<u64>,
    pub unanswered: Vec<Patch>,
}

/// A patch of which the log doesn't say what it made.
#[derive(Clone)]
pub struct Patch {
    pub from: u64,
    pub at: Timestamp,
    pub hand: String,
    pub status: Value,
}

impl Patches {
    pub fn take_in(&mut self, line: &Line, schedule: &str) {
        let object = &line.object_ref;
        let is_of_it = object.name.as_deref() == Some(schedule);
        if !line.is_write() || object.resource != "scheduledcontainers" || !is_of_it {
            return;
        }
        let shown = version(&line.response_object);
        self.shown.extend(shown);
        if object.subresource.is_none() {
            return;
        }
        let Some(from) = version(&line.request_object) else {
            return;
        };
        self.decided_from.insert(from);
        if shown.is_none() {
            self.unanswered.push(Patch {
                from,
                at: line.stage_timestamp,
                hand: line.user_agent.clone(),
                status: line.request_object["status"].clone(),
            });
        }
    }

    /// Adds the writes that took effect.
    pub fn recover(mut self, writes: &mut BTreeMap<u64, Write>) {
        for &version in self.decided_from.difference(&self.shown) {
            let asked = self.unanswered.iter().enumerate();
            let asked = asked.filter(|(_, patch)| patch.from < version);
            let Some((place, _)) = asked.max_by_key(|(_, patch)| patch.from) else {
                continue;
            };
            let patch = self.unanswered.remove(place);
            let before = writes.range(..version).rev();
            let before = before
                .map(|(_, write)| &write.what)
                .find_map(|what| match what {
                    What::Status(status) => Some(status),
                    What::Pod { .. } => None,
                });
            let mut status = serde_json::to_value(before).expect("it was read");
            merge(&mut status, &patch.status);
            let status = serde_json::from_value(status).expect("the API server took it");
            let write = Write {
                version,
                at: patch.at,
                hand: patch.hand,
                what: What::Status(status),
            };
            writes.insert(version, write);
        }
    }
}

fn version(object: &Value) -> Option<u64> {
    object["metadata"]["resourceVersion"].as_str()?.parse().ok()
}
