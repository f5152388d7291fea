//! When the pod of an attempt was seen to get on, and the phases that this makes. Pure.
//!
//! What the watch shows comes to the millisecond; what the kubelet tells, in whole seconds. Together
//! they say it best.

use jiff::{SignedDuration, Timestamp};

use super::span::{Period, Phase};
use crate::core::run::SeenPod;

/// What is remembered of an attempt under way. Whoever takes over knows less, and tells less.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    /// The request that made its pod.
    pub prepared: Option<Period>,
    /// When its release was answered.
    pub released: Option<Timestamp>,
    /// When the watch first showed its pod with a node.
    pub bound: Option<Timestamp>,
    /// When the watch first showed a container started.
    pub started: Option<Timestamp>,
    /// Whether its pod is no more. Its end may not be told yet.
    pub gone: bool,
}

impl Times {
    /// The watch shows its pod.
    pub fn see(&mut self, pod: &SeenPod, now: Timestamp) {
        let started = pod.has_started();
        if started || pod.node.is_some() {
            self.bound.get_or_insert(now);
        }
        if started {
            self.started.get_or_insert(now);
        }
    }

    /// What came after the release, as far as it was seen, until the end. `started` is when the first
    /// container did, as the kubelet says.
    pub fn phases(&self, started: Option<Timestamp>, end: Timestamp) -> Vec<(Phase, Period)> {
        // The watch may show the node before the release is answered, and the kubelet's clock may differ.
        let bound = self.bound.max(self.released);
        let running = started.map(|told| exact(told, self.started.unwrap_or(told)));
        let running = running.map(|begin| bound.map_or(begin, |bound| begin.max(bound)));
        let mut phases = Vec::new();
        if let Some(released) = self.released {
            let until = self.bound.and(bound).or(running).unwrap_or(end);
            phases.push((Phase::Scheduling, Period::new(released, until)));
        }
        if let (Some(_), Some(_), Some(bound)) = (self.released, self.bound, bound) {
            let until = running.unwrap_or(end);
            phases.push((Phase::Starting, Period::new(bound, until)));
        }
        if let Some(running) = running {
            phases.push((Phase::Running, Period::new(running, end)));
        }
        phases
    }
}

/// A time that is told in whole seconds, cut short, narrowed by when we saw that it was so.
pub(super) fn exact(told: Timestamp, seen: Timestamp) -> Timestamp {
    let last = SignedDuration::from_nanos(999_999_999);
    seen.min(told.checked_add(last).unwrap_or(told))
}
