//! Each metric: its type, its name, its labels and its sentence of help.

use prometheus_client::metrics::{
    counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info,
};

use super::{
    each_schedule::EachSchedule,
    labels::{
        ApiLabels, ChangeLabel, FireLabels, ReasonLabel, ResourceLabel, RunLabels, StateLabel,
    },
    page::Page,
    starts::Starts,
};
use crate::about::About;

#[derive(Clone)]
pub(super) struct Numbers {
    pub fires: Family<FireLabels, Counter>,
    pub runs: Family<RunLabels, Counter>,
    pub runs_active: Gauge,
    pub fires_queued: Gauge,
    pub attempts_failed: Family<ReasonLabel, Counter>,
    pub start_lateness: Histogram,
    pub starts: Starts,
    pub run_duration: Histogram,
    pub runs_waiting: Family<ReasonLabel, Counter>,
    pub schedules: Family<StateLabel, Gauge>,
    pub api_requests: Family<ApiLabels, Counter>,
    pub reconcile_duration: Histogram,
    pub reconcile_errors: Counter,
    pub watch_restarts: Family<ResourceLabel, Counter>,
    pub events_dropped: Counter,
    pub log_lines_dropped: Counter,
    pub log_streams_dropped: Counter,
    pub spans_exported: Counter,
    pub spans_dropped: Counter,
    pub schedule_file_problems: Gauge,
    pub next_fire: Gauge,
    pub shards: Gauge,
    pub shards_led: Gauge,
    pub lease_changes: Family<ChangeLabel, Counter>,
    pub each_schedule: EachSchedule,
}

/// From an idle cluster (1 ms) to a start after the controller was down for a day.
pub(super) const LATENESS: [f64; 18] = [
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

impl Numbers {
    pub fn new() -> Self {
        Self {
            fires: Family::default(),
            runs: Family::default(),
            runs_active: Gauge::default(),
            fires_queued: Gauge::default(),
            attempts_failed: Family::default(),
            start_lateness: Histogram::new(LATENESS),
            starts: Starts::new(),
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
            spans_exported: Counter::default(),
            spans_dropped: Counter::default(),
            schedule_file_problems: Gauge::default(),
            next_fire: Gauge::default(),
            shards: Gauge::default(),
            shards_led: Gauge::default(),
            lease_changes: Family::default(),
            each_schedule: EachSchedule::default(),
        }
    }

    /// Gives every metric its name, its labels and its sentence of help.
    pub fn register(&self, page: &mut Page, about: &About) {
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
            &[],
            "How long after its due time a fire's run was released; with the time that it was queued, or that those \
             took to stop that it replaced",
            &self.start_lateness,
        );
        page.histogram(
            "punctual_start_phase",
            &["phase"],
            "How long the phases of a start took: claimed, from the due time until the claim was written; released, until \
             the release was answered; scheduled, until the watch showed the pod with a node; running, until it showed \
             the first container started. First attempts alone, and none that was queued or that replaced others",
            &self.starts.phases,
        );
        page.histogram(
            "punctual_run_duration",
            &[],
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
            "Schedules now: each is one of ready, suspended, disabled and invalid; those that are overdue, failing or paused \
             by their circuit breaker count there on top, but none that is suspended or disabled is overdue or failing",
            &self.schedules,
        );
        page.gauge(
            "punctual_next_fire_timestamp_seconds",
            &[],
            "The earliest next fire of all schedules that are led here, in seconds since 1970; 0: there is none",
            &self.next_fire,
        );
        page.counter(
            "punctual_api_requests",
            &["verb", "resource", "code"],
            "Requests to the Kubernetes API by HTTP status; code 0: no answer",
            &self.api_requests,
        );
        page.histogram(
            "punctual_reconcile_duration",
            &[],
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
        page.counter(
            "punctual_spans_exported",
            &[],
            "Spans of traces that the collector took",
            &self.spans_exported,
        );
        page.counter(
            "punctual_spans_dropped",
            &[],
            "Spans of traces that were dropped: too many at once, or the collector didn't take them",
            &self.spans_dropped,
        );
        page.gauge(
            "punctual_schedule_file_problems",
            &[],
            "Problems in the schedule file, as it was last read and applied",
            &self.schedule_file_problems,
        );
        page.gauge(
            "punctual_shards",
            &[],
            "Shards into which the schedules are divided, as this replica was told; with `--no-lease` 1",
            &self.shards,
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
            &["version", "commit", "zone_database"],
            "The version of this program, the commit that it was made from, and the zone database that it reads",
            Info::new([
                ("version", about.version.to_owned()),
                ("commit", about.commit.to_owned()),
                ("zone_database", about.zone_database.clone()),
            ]),
        );
        page.each_schedule(&self.each_schedule);
    }
}
