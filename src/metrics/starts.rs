//! The starts under way: which phase each has reached, and since when.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prometheus_client::metrics::{family::Family, histogram::Histogram};
use tokio::time::Instant;

use super::{
    labels::{Phase, PhaseLabel},
    numbers::LATENESS,
};
use crate::core::run::SeenPod;

/// How many starts are followed at once. Of those on top only the first phase is counted.
const MOST: usize = 4_096;

pub(super) type Phases = Family<PhaseLabel, Histogram, fn() -> Histogram>;

/// Measures the phases of starts. A clone measures the same.
#[derive(Clone)]
pub(super) struct Starts {
    pub phases: Phases,
    /// By the uid of the pod.
    under_way: Arc<Mutex<HashMap<String, Start>>>,
}

struct Start {
    reached: Phase,
    /// By a clock that nobody sets.
    since: Instant,
}

impl Starts {
    pub fn new() -> Self {
        Self {
            phases: Family::new_with_constructor(|| Histogram::new(LATENESS)),
            under_way: Arc::default(),
        }
    }

    /// The claim of a run was written, this long after its fire.
    pub fn claimed(&self, uid: &str, lateness: Duration) {
        self.observe(Phase::claimed, lateness);
        let mut under_way = self.lock();
        if under_way.len() < MOST {
            let start = Start {
                reached: Phase::claimed,
                since: Instant::now(),
            };
            under_way.insert(uid.into(), start);
        }
    }

    /// The release of a run was answered.
    pub fn released(&self, uid: &str) {
        self.reach(uid, Phase::released);
    }

    /// The watch has shown the pod of a run. It may do so before the release is answered: whoever has a
    /// node has been released.
    pub fn seen(&self, pod: &SeenPod) {
        if pod.has_started() {
            self.reach(&pod.uid, Phase::running);
        } else if pod.node.is_some() {
            self.reach(&pod.uid, Phase::scheduled);
        }
        if pod.ended() {
            self.forget(&pod.uid);
        }
    }

    /// Nothing more is to come of this start.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Forgets the starts of pods that are no more.
    pub fn keep(&self, uids: &HashSet<String>) {
        self.lock().retain(|uid, _| uids.contains(uid));
    }

    fn reach(&self, uid: &str, phase: Phase) {
        let mut under_way = self.lock();
        let Some(start) = under_way.get_mut(uid) else {
            return;
        };
        let now = Instant::now();
        while start.reached < phase
            && let Some(next) = start.reached.next()
        {
            self.observe(next, now.duration_since(start.since));
            *start = Start {
                reached: next,
                since: now,
            };
        }
        if start.reached.next().is_none() {
            under_way.remove(uid);
        }
    }

    fn observe(&self, phase: Phase, took: Duration) {
        let histogram = self.phases.get_or_create(&PhaseLabel { phase });
        histogram.observe(took.as_secs_f64());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Start>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
