//! The `ScheduledContainer` resource: what a user writes.

use jiff::Timestamp;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    CalendarUse, CircuitBreaker, ClockChanges, ConcurrencyPolicy, MissedFires, OverdueAfter,
    RawJson, Retry, ScheduleItem, ScheduledContainerStatus, StuckAfter, cel,
};

/// A schedule: when to run, and the pod to run.
///
/// Every due time (a fire) starts exactly one run, a pod made from `template`, or is recorded
/// in `status.recentSkips` with the reason why it did not. A schedule never has two runs at once,
/// unless its `concurrencyPolicy` is Allow.
#[derive(CustomResource, Serialize, Deserialize, Clone, Debug, PartialEq, JsonSchema)]
#[kube(
    group = "punctual.dev",
    version = "v1alpha1",
    kind = "ScheduledContainer",
    plural = "scheduledcontainers",
    singular = "scheduledcontainer",
    shortname = "schc",
    shortname = "schedule",
    shortname = "schedules",
    category = "punctual",
    namespaced,
    status = "ScheduledContainerStatus",
    doc = "A schedule and the pod that it runs: each due time starts exactly one run, or is recorded in status.recentSkips with the reason why not; a schedule never has two runs at once, unless its concurrencyPolicy is Allow.",
    printcolumn = r#"{"name":"Schedule","type":"string","jsonPath":".spec.schedule","description":"When it runs"}"#,
    printcolumn = r#"{"name":"Time Zone","type":"string","jsonPath":".spec.timeZone","description":"The zone in which the schedule is read; empty: the controller's local zone"}"#,
    printcolumn = r#"{"name":"Suspended","type":"boolean","jsonPath":".spec.suspend","description":"Whether new runs are held off"}"#,
    printcolumn = r#"{"name":"Active","type":"string","jsonPath":".status.active[*].name","description":"The run that is active now; with several, the oldest"}"#,
    printcolumn = r#"{"name":"Last Run","type":"date","jsonPath":".status.lastRunTime","description":"The fire of the latest run"}"#,
    printcolumn = r#"{"name":"Last Outcome","type":"string","jsonPath":".status.lastOutcome","description":"How the last run ended"}"#,
    printcolumn = r#"{"name":"Next Run","type":"string","jsonPath":".status.nextFireTime","description":"The next due time, in the schedule's zone"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"Readiness","type":"string","priority":1,"jsonPath":".status.conditions[?(@.type==\"Ready\")].reason","description":"Ready, or why the schedule can't run"}"#,
    printcolumn = r#"{"name":"Queued","type":"string","priority":1,"jsonPath":".status.queued[*].fireTime","description":"The fire that waits for the active run to end; with several, the oldest"}"#,
    printcolumn = r#"{"name":"Schedules","type":"string","priority":1,"jsonPath":".spec.schedules","description":"When it runs, where it has several schedules"}"#,
    printcolumn = r#"{"name":"Description","type":"string","priority":1,"jsonPath":".spec.description","description":"What the schedule is for"}"#,
    validation = Rule::new(cel::NAME_RULE).message(cel::NAME_MESSAGE)
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::spec()))]
pub struct ScheduledContainerSpec {
    /// When to run, in local time: five crontab fields (minute hour day-of-month month
    /// day-of-week), six with seconds first, seven with the year last, `@hourly`, `@daily` or
    /// `@midnight`, `@weekly`, `@monthly`, `@yearly` or `@annually`; `@every 1h30m`, by elapsed time;
    /// or `@at 2026-12-24 18:00`, once. Beside numbers, names (`JAN`, `MON`), ranges, lists and steps,
    /// fields take `L` (the last day), `15W` (the weekday nearest to a day), `FRI#2` (the second in
    /// the month) and `H` (a value made from the schedule's name). An empty string disables the
    /// schedule. Quote it in YAML: an unquoted `*` means something else there. Either this or
    /// `schedules`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = cel::schedule()))]
    pub schedule: Option<String>,

    /// Several schedules in place of one. What is due at one instant is one fire.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub schedules: Vec<ScheduleItem>,

    /// The IANA time zone in which the schedule is read, such as `Europe/Berlin`. Default: the
    /// controller's local zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), extend("x-kubernetes-validations" = cel::time_zone()))]
    pub time_zone: Option<String>,

    /// What becomes of local times that a clock change skips or shows twice.
    #[serde(default)]
    pub clock_changes: ClockChanges,

    /// No fire is before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::status::optional_time")]
    pub not_before: Option<Timestamp>,

    /// No fire is after this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "super::status::optional_time")]
    pub not_after: Option<Timestamp>,

    /// Moves each fire later by up to this many seconds: always the same for the same fire, and
    /// never past the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 86_400))]
    pub jitter_seconds: Option<i64>,

    /// Local times at which nothing fires: cron expressions, dates (`2026-12-25`), spans of dates
    /// (`2026-12-24/2027-01-01`) and days of every year (`12-25`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 256)))]
    pub excludes: Vec<String>,

    /// Calendars whose days are left out, kept alone, or moved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub calendars: Vec<CalendarUse>,

    /// What becomes of fires that nobody could start when they were due, for instance while the
    /// controller was down: `RunLatest` runs the latest and skips the others; `Skip` does so too, but
    /// skips the latest as well if it can't start within 60 seconds, or within
    /// `startingDeadlineSeconds` where that is set; `RunAll` runs each, oldest first, one at a time.
    #[serde(default)]
    pub missed_fires: MissedFires,

    /// With `missedFires: RunAll`, how many missed fires run at most; older ones are skipped.
    /// Default: 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub missed_fires_limit: Option<i64>,

    /// Holds off new runs while true; the active run goes on, also one that waits for its next
    /// attempt: remove `retry` to end that. Fires that fall due meanwhile are not made up for.
    #[serde(default)]
    pub suspend: bool,

    /// What happens to a fire that finds a run still active: `Forbid` drops it, `Queue` keeps it until
    /// the run has ended, `Replace` stops the run, `Allow` starts the fire's run beside it.
    #[serde(default)]
    pub concurrency_policy: ConcurrencyPolicy,

    /// With `concurrencyPolicy: Queue`, how many fires wait at most; a further one is skipped.
    /// Without that policy it says nothing. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub queue_limit: Option<i64>,

    /// With `concurrencyPolicy: Allow`, how many runs are active at once at most; a further fire is
    /// skipped. Without that policy it says nothing. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub max_active: Option<i64>,

    /// Whether and when a failed run is tried again. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,

    /// When a run that makes no progress is stuck, and what is done about it then. Default: it is
    /// shown, and waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stuck_after: Option<StuckAfter>,

    /// When a schedule without a success is overdue: its condition Overdue turns True, and a Warning
    /// is published. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_after: Option<OverdueAfter>,

    /// When the schedule pauses because its runs fail. Default: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<CircuitBreaker>,

    /// The container whose end is the end of the run: the others are stopped then, and its exit code
    /// decides the outcome. Default: the run ends with the last of its containers; sidecars that are
    /// init containers with restartPolicy Always are stopped by Kubernetes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub main_container: Option<String>,

    /// How late, in seconds, a fire may still start, for instance after the controller was down.
    /// A fire later than this is recorded as a skip. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub starting_deadline_seconds: Option<i64>,

    /// How long, in seconds, an attempt of a run may take, from its start until its containers have
    /// ended. One that takes longer is stopped and has failed with reason DeadlineExceeded; with
    /// `retry`, each attempt has this time anew. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub active_deadline_seconds: Option<i64>,

    /// How many pods that succeeded are kept. Default: 3.
    #[serde(default = "default_successful_runs")]
    #[schemars(with = "i32", range(min = 0, max = 100))]
    pub successful_runs_history_limit: u32,

    /// How many pods that failed are kept. With `retry`, the pod of every failed attempt counts, also
    /// where the run succeeded in the end. Default: 1.
    #[serde(default = "default_failed_runs")]
    #[schemars(with = "i32", range(min = 0, max = 100))]
    pub failed_runs_history_limit: u32,

    /// How long, in seconds, the pod of an ended run is kept at most. Default: until the history
    /// limits drop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 31_536_000))]
    pub ttl_seconds_after_finished: Option<i64>,

    /// What the schedule is for, in your own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub description: Option<String>,

    /// The pod to run: `metadata` (labels, annotations) and `spec`, as in a Job's template.
    /// `restartPolicy` is Never unless set to OnFailure.
    #[schemars(schema_with = "super::template_schema")]
    pub template: RawJson,
}

fn default_successful_runs() -> u32 {
    3
}

fn default_failed_runs() -> u32 {
    1
}
