//! From the audit log's requests to figures: how late each run was, and what it cost.

use std::collections::{BTreeMap, HashMap};

use anyhow::ensure;
use jiff::Timestamp;

use crate::{audit::Request, controller::Usage, machine::Machine};

/// The most writes that a run may cost, besides Events.
const MOST_WRITES: f64 = 5.0;

/// What was measured.
pub struct Figures {
    pub machine: Machine,
    pub runs: Vec<Run>,
    /// How often the controller called, by verb and resource.
    pub calls: BTreeMap<(String, String), Calls>,
    /// What the controller had used before the first pod was prepared, and after the last Event.
    pub before: Usage,
    pub after: Usage,
    /// The same of the control plane's processes: their CPU time in hundredths of a second.
    pub control_plane: [BTreeMap<String, u64>; 2],
}

/// When each step of one run was answered, in milliseconds after its due time.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub prepared: f64,
    pub claimed: f64,
    pub released: f64,
    pub bound: f64,
}

/// Calls of one kind, and how many of them were refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calls {
    pub all: u64,
    pub refused: u64,
}

impl Figures {
    pub fn per_run(&self, count: u64) -> f64 {
        count as f64 / self.runs.len() as f64
    }

    /// Milliseconds per run from hundredths of a second in all.
    pub fn cpu_per_run(&self, ticks: u64) -> f64 {
        self.per_run(ticks * 10)
    }

    /// Writes per run besides Events, refused ones included.
    pub fn writes_per_run(&self) -> f64 {
        let writes = self.calls.iter().filter(|((verb, resource), _)| {
            !matches!(verb.as_str(), "get" | "list" | "watch") && resource != "events"
        });
        self.per_run(writes.map(|(_, calls)| calls.all).sum())
    }

    /// Fails if a run costs more than it may.
    pub fn check(&self) -> anyhow::Result<()> {
        let writes = self.writes_per_run();
        ensure!(
            writes <= MOST_WRITES,
            "{writes:.2} writes a run besides Events; {MOST_WRITES} are allowed"
        );
        Ok(())
    }

    /// One step of all runs, in order.
    pub fn sorted(&self, step: impl Fn(&Run) -> f64) -> Vec<f64> {
        let mut values: Vec<f64> = self.runs.iter().map(step).collect();
        values.sort_by(f64::total_cmp);
        values
    }
}

/// The value that `percent` of all sorted values do not exceed; the nearest rank.
pub fn percentile(sorted: &[f64], percent: f64) -> f64 {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// How often `user` called, by verb and resource.
pub fn calls(user: &str, requests: &[Request]) -> BTreeMap<(String, String), Calls> {
    let mut calls = BTreeMap::<_, Calls>::new();
    for request in requests.iter().filter(|request| request.user == user) {
        let kind = (request.verb.clone(), request.resource.clone());
        let calls = calls.entry(kind).or_default();
        calls.all += 1;
        calls.refused += u64::from(!request.succeeded());
    }
    calls
}

/// The runs of which every step is seen. The log has no bodies, so the steps are told by their
/// order: the first status that is written after the due time is the claim, the patch of a pod is
/// its release.
pub fn runs(due: Timestamp, controller: &str, requests: &[Request]) -> Vec<Run> {
    let mut steps = HashMap::<&str, Steps>::new();
    for request in requests.iter().filter(|request| request.succeeded()) {
        let after = request.answered.duration_since(due).as_secs_f64() * 1000.0;
        let ours = request.user == controller;
        // A pod is called after its schedule and the fire: NAME-YYYYMMDD-HHMMSS.
        let of_pod = request.name.rsplitn(3, '-').nth(2).unwrap_or_default();
        let (schedule, step): (_, fn(&mut Steps) -> &mut Option<f64>) =
            match (request.verb.as_str(), request.resource.as_str()) {
                ("patch", "scheduledcontainers/status") if ours && after >= 0.0 => {
                    (request.name.as_str(), |steps| &mut steps.claimed)
                }
                ("create", "pods") if ours => (of_pod, |steps| &mut steps.prepared),
                ("patch", "pods") if ours => (of_pod, |steps| &mut steps.released),
                ("create", "pods/binding") => (of_pod, |steps| &mut steps.bound),
                _ => continue,
            };
        let first = step(steps.entry(schedule).or_default());
        *first = Some(first.map_or(after, |before| before.min(after)));
    }
    steps.into_values().filter_map(Steps::complete).collect()
}

#[derive(Default)]
struct Steps {
    prepared: Option<f64>,
    claimed: Option<f64>,
    released: Option<f64>,
    bound: Option<f64>,
}

impl Steps {
    fn complete(self) -> Option<Run> {
        Some(Run {
            prepared: self.prepared?,
            claimed: self.claimed?,
            released: self.released?,
            bound: self.bound?,
        })
    }
}
