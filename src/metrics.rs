//! What a Prometheus scraper reads: every metric, with its labels.
//!
//! Counts only what it is told. Every label value comes from a closed list, so that no schedule, pod
//! or message can make a metric grow.

mod api_request;
mod labels;
mod page;

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::api::Outcome;
use crate::core::reason::Reason;
use crate::telemetry::DroppedLines;
pub use api_request::{ApiRequest, Resource, Verb};
use labels::{
    ApiLabels, ChangeLabel, Decision, FireLabels, ReasonLabel, ResourceLabel, RunLabels, StateLabel,
};
pub use labels::{LeaseChange, ScheduleState};
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

#[derive(Clone)]
struct Numbers {
    fires: Family<FireLabels, Counter>,
    runs: Family<RunLabels, Counter>,
    runs_active: Gauge,
    fires_queued: Gauge,
    attempts_failed: Family<ReasonLabel, Counter>,
    start_lateness: Histogram,
    run_duration: Histogram,
    runs_waiting: Family<ReasonLabel, Counter>,
    schedules: Family<StateLabel, Gauge>,
    api_requests: Family<ApiLabels, Counter>,
    reconcile_duration: Histogram,
    reconcile_errors: Counter,
    watch_restarts: Family<ResourceLabel, Counter>,
    events_dropped: Counter,
    log_lines_dropped: Counter,
    log_streams_dropped: Counter,
    schedule_file_problems: Gauge,
    shards_led: Gauge,
    lease_changes: Family<ChangeLabel, Counter>,
}

/// From an idle cluster (1 ms) to a start after the controller was down for a day.
const LATENESS: [f64; 18] = [
    0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    600.0, 3_600.0, 86_400.0,
];

/// From a container that only prints to a run of a day.
const DURATION: [f64; 12] = [
    0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 10_800.0, 21_600.0, 43_200.0, 86_400.0,
];

/// From a reconcile without a request to one that waits for a slow API server.
const RECONCILE: [f64; 12] = [
    0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0,
];

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Every metric, at zero.
    pub fn new() -> Self {
        let numbers = Numbers::new();
        let mut page = Page::new();
        numbers.register(&mut page);
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

    /// A fire's run was released, this long after it was due.
    pub fn fire_ran(&self, lateness: Duration) {
        let labels = FireLabels {
            decision: Decision::run,
            reason: Reason::Started,
        };
        self.numbers.fires.get_or_create(&labels).inc();
        self.numbers.start_lateness.observe(lateness.as_secs_f64());
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

    /// How many problems the schedule file has now.
    pub fn set_schedule_file_problems(&self, count: usize) {
        self.numbers.schedule_file_problems.set(count as i64);
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

impl Numbers {
    fn new() -> Self {
        Self {
            fires: Family::default(),
            runs: Family::default(),
            runs_active: Gauge::default(),
            fires_queued: Gauge::default(),
            attempts_failed: Family::default(),
            start_lateness: Histogram::new(LATENESS),
            run_duration: Histogram::new(DURATION),
            runs_waiting: Family::default(),
            schedules: Family::default(),
            api_requests: Family::default(),
            reconcile_duration: Histogram::new(RECONCILE),
            reconcile_errors: Counter::default(),
            watch_restarts: Family::default(),
            events_dropped: Counter::default(),
            log_lines_dropped: Counter::default(),
            log_streams_dropped: Counter::default(),
            schedule_file_problems: Gauge::default(),
            shards_led: Gauge::default(),
            lease_changes: Family::default(),
        }
    }

    /// Gives every metric its name, its labels and its sentence of help.
    fn register(&self, page: &mut Page) {
        page.counter(
            "punctual_fires",
            &["decision", "reason"],
            "Fires that were decided: run, or skip with its reason",
            &self.fires,
        );
        page.counter(
            "punctual_runs",
            &["outcome", "reason"],
            "Runs that ended, by how and why",
            &self.runs,
        );
        page.gauge(
            "punctual_runs_active",
            &[],
            "Runs that are active now",
            &self.runs_active,
        );
        page.gauge(
            "punctual_fires_queued",
            &[],
            "Fires that wait for the end of a run now",
            &self.fires_queued,
        );
        page.counter(
            "punctual_attempts_failed",
            &["reason"],
            "Attempts that failed and are followed by another, by why; the last one of a run counts in `punctual_runs_total` alone",
            &self.attempts_failed,
        );
        page.histogram(
            "punctual_start_lateness",
            "How long after its due time a fire's run was released; with the time that it was queued, or that those \
             took to stop that it replaced",
            &self.start_lateness,
        );
        page.histogram(
            "punctual_run_duration",
            "How long runs took, from the start of the first container to the end of the last",
            &self.run_duration,
        );
        page.counter(
            "punctual_runs_waiting",
            &["reason"],
            "Runs that were found to make no progress",
            &self.runs_waiting,
        );
        page.gauge(
            "punctual_schedules",
            &["state"],
            "Schedules now: ready, suspended, disabled or invalid",
            &self.schedules,
        );
        page.counter(
            "punctual_api_requests",
            &["verb", "resource", "code"],
            "Requests to the Kubernetes API by HTTP status; code 0: no answer",
            &self.api_requests,
        );
        page.histogram(
            "punctual_reconcile_duration",
            "How long one pass over one schedule took",
            &self.reconcile_duration,
        );
        page.counter(
            "punctual_reconcile_errors",
            &[],
            "Passes over a schedule that ended with an error and are tried again",
            &self.reconcile_errors,
        );
        page.counter(
            "punctual_watch_restarts",
            &["resource"],
            "Watches that ended with an error and were started again",
            &self.watch_restarts,
        );
        page.counter(
            "punctual_events_dropped",
            &[],
            "Kubernetes Events that were not published: too many at once, or refused",
            &self.events_dropped,
        );
        page.counter(
            "punctual_log_lines_dropped",
            &[],
            "Lines of this log that were dropped because nobody read them quickly enough",
            &self.log_lines_dropped,
        );
        page.counter(
            "punctual_log_streams_dropped",
            &[],
            "Containers whose output was not followed because too many are",
            &self.log_streams_dropped,
        );
        page.gauge(
            "punctual_schedule_file_problems",
            &[],
            "Problems in the schedule file, as it was last read and applied",
            &self.schedule_file_problems,
        );
        page.gauge(
            "punctual_shards_led",
            &[],
            "Shards of the schedules that this replica leads now; 0: it stands by",
            &self.shards_led,
        );
        page.counter(
            "punctual_lease_changes",
            &["change"],
            "Leases that this replica gained, released, or lost because they were not renewed in time",
            &self.lease_changes,
        );
        page.info(
            "punctual_build",
            &["version"],
            "The version of this program",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
    }
}

#[cfg(test)]
mod tests;
