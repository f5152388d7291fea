//! What a Prometheus scraper reads: every metric, with its labels.
//!
//! Counts only what it is told. Every label value comes from a closed list, so that no schedule, pod
//! or message can make a metric grow; but for the series of single schedules, which have a limit.

mod api_request;
mod each_schedule;
mod labels;
mod numbers;
mod page;
mod starts;

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

use crate::about::About;
use crate::api::Outcome;
use crate::core::reason::Reason;
use crate::core::run::SeenPod;
use crate::telemetry::DroppedLines;
pub use api_request::{ApiRequest, Resource, Verb};
pub use each_schedule::ScheduleNumbers;
use labels::{
    ApiLabels, ChangeLabel, Decision, FireLabels, ReasonLabel, ResourceLabel, RunLabels, StateLabel,
};
pub use labels::{LeaseChange, ScheduleState};
use numbers::Numbers;
use page::Page;
pub use page::table;

/// The media type of what `encode` returns.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Every metric of the controller. A clone counts into the same metrics.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    numbers: Numbers,
    dropped_lines: Arc<OnceLock<DroppedLines>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Every metric, at zero, of a program that reads no zones.
    pub fn new() -> Self {
        Self::of(&About::new("unknown"))
    }

    /// Every metric, at zero, of this program.
    pub fn of(about: &About) -> Self {
        let numbers = Numbers::new();
        let mut page = Page::new();
        numbers.register(&mut page, about);
        Self {
            registry: Arc::new(page.registry),
            numbers,
            dropped_lines: Arc::default(),
        }
    }

    /// All metrics in the OpenMetrics text form.
    pub fn encode(&self) -> String {
        if let Some(lines) = self.dropped_lines.get() {
            let counter = self.numbers.log_lines_dropped.inner();
            counter.store(lines.count(), Ordering::Relaxed);
        }
        let mut out = String::new();
        // Writing to a String can't fail, and no metric's encoder does anything else.
        let _ = text::encode(&mut out, &self.registry);
        out
    }

    /// Shows the count of log lines that were dropped. The first one given stays.
    pub fn watch_dropped_lines(&self, lines: DroppedLines) {
        let _ = self.dropped_lines.set(lines);
    }

    /// Shows single schedules too, as this tells them at each scrape. The first one given stays.
    pub fn show_each_schedule(
        &self,
        source: impl Fn() -> Vec<ScheduleNumbers> + Send + Sync + 'static,
    ) {
        self.numbers.each_schedule.read_from(Box::new(source));
    }

    /// A fire's run was released, this long after it was due.
    pub fn fire_ran(&self, lateness: Duration) {
        let labels = FireLabels {
            decision: Decision::run,
            reason: Reason::Started,
        };
        self.numbers.fires.get_or_create(&labels).inc();
        self.numbers.start_lateness.observe(lateness.as_secs_f64());
    }

    /// The claim of a run was written, this long after it was due; its pod has this uid. Not for a run
    /// that waited on purpose.
    pub fn start_claimed(&self, uid: &str, lateness: Duration) {
        self.numbers.starts.claimed(uid, lateness);
    }

    /// The release of a run was answered.
    pub fn start_released(&self, uid: &str) {
        self.numbers.starts.released(uid);
    }

    /// The watch has shown the pod of a run.
    pub fn pod_seen(&self, pod: &SeenPod) {
        self.numbers.starts.seen(pod);
    }

    /// The pod of a run is no more.
    pub fn pod_gone(&self, uid: &str) {
        self.numbers.starts.forget(uid);
    }

    /// There are no pods of runs but these.
    pub fn keep_pods(&self, uids: &HashSet<String>) {
        self.numbers.starts.keep(uids);
    }

    /// This many fires got no run.
    pub fn fires_skipped(&self, reason: Reason, count: u64) {
        let labels = FireLabels {
            decision: Decision::skip,
            reason,
        };
        self.numbers.fires.get_or_create(&labels).inc_by(count);
    }

    /// A run ended, this long after its first container started if one did.
    pub fn run_ended(&self, outcome: Outcome, reason: Reason, duration: Option<Duration>) {
        let labels = RunLabels { outcome, reason };
        self.numbers.runs.get_or_create(&labels).inc();
        if let Some(duration) = duration {
            self.numbers.run_duration.observe(duration.as_secs_f64());
        }
    }

    /// An attempt failed, and another one follows.
    pub fn attempt_failed(&self, reason: Reason) {
        let labels = ReasonLabel { reason };
        self.numbers.attempts_failed.get_or_create(&labels).inc();
    }

    /// A run was found to make no progress.
    pub fn run_waiting(&self, reason: Reason) {
        let labels = ReasonLabel { reason };
        self.numbers.runs_waiting.get_or_create(&labels).inc();
    }

    /// How many runs are active now.
    pub fn set_runs_active(&self, count: usize) {
        self.numbers.runs_active.set(count as i64);
    }

    /// How many fires wait for the end of a run now.
    pub fn set_fires_queued(&self, count: usize) {
        self.numbers.fires_queued.set(count as i64);
    }

    /// How many schedules are in this state now.
    pub fn set_schedules(&self, state: ScheduleState, count: usize) {
        let labels = StateLabel { state };
        self.numbers
            .schedules
            .get_or_create(&labels)
            .set(count as i64);
    }

    /// The earliest next fire of all schedules.
    pub fn set_next_fire(&self, fire: Option<Timestamp>) {
        let seconds = fire.map_or(0, Timestamp::as_second);
        self.numbers.next_fire.set(seconds);
    }

    /// The API server answered a request with this HTTP status; none when no answer came.
    pub fn api_request(&self, request: ApiRequest, status: Option<u16>) {
        let labels = ApiLabels {
            verb: request.verb,
            resource: request.resource,
            // What is no HTTP status is no new label value either.
            code: status
                .filter(|code| (100..600).contains(code))
                .unwrap_or(0)
                .into(),
        };
        self.numbers.api_requests.get_or_create(&labels).inc();
    }

    /// One schedule was reconciled.
    pub fn reconciled(&self, took: Duration, failed: bool) {
        self.numbers.reconcile_duration.observe(took.as_secs_f64());
        if failed {
            self.numbers.reconcile_errors.inc();
        }
    }

    /// A watch ended with an error and is started again.
    pub fn watch_restarted(&self, resource: Resource) {
        let labels = ResourceLabel { resource };
        self.numbers.watch_restarts.get_or_create(&labels).inc();
    }

    /// A Kubernetes Event was not published.
    pub fn event_dropped(&self) {
        self.numbers.events_dropped.inc();
    }

    /// The output of a container was not followed, because too many are.
    pub fn log_stream_dropped(&self) {
        self.numbers.log_streams_dropped.inc();
    }

    /// The collector took this many spans.
    pub fn spans_exported(&self, count: u64) {
        self.numbers.spans_exported.inc_by(count);
    }

    /// This many spans were dropped.
    pub fn spans_dropped(&self, count: u64) {
        self.numbers.spans_dropped.inc_by(count);
    }

    /// How many problems the schedule file has now.
    pub fn set_schedule_file_problems(&self, count: usize) {
        self.numbers.schedule_file_problems.set(count as i64);
    }

    /// How many shards there are.
    pub fn set_shards(&self, count: usize) {
        self.numbers.shards.set(count as i64);
    }

    /// How many shards this replica leads now.
    pub fn set_shards_led(&self, count: usize) {
        self.numbers.shards_led.set(count as i64);
    }

    /// This replica came to hold the Lease of a shard, or ceased to.
    pub fn lease_changed(&self, change: LeaseChange) {
        let labels = ChangeLabel { change };
        self.numbers.lease_changes.get_or_create(&labels).inc();
    }
}

#[cfg(test)]
mod tests;
