//! The status of a `ScheduledContainer`: what a user reads. Only the controller writes it.

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What the controller has seen and done.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledContainerStatus {
    /// `Ready`: the schedule can run (its reason says what is wrong with it if not).
    /// `LastRunSucceeded`: how the last run ended, of those that were not replaced. `Failing`: whether
    /// the last three or more have failed. `Overdue`, with `overdueAfter`: whether a success is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,

    /// The fire up to which the schedule has come: it started a run, was skipped, or waits in
    /// `queued`. Never goes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "optional_time")]
    pub last_fire_time: Option<Timestamp>,

    /// The fire of the latest run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "optional_time")]
    pub last_run_time: Option<Timestamp>,

    /// The latest run that was asked for by hand and decided: it started, waits or was skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "optional_time")]
    pub last_request_time: Option<Timestamp>,

    /// The next fire, with the offset of the schedule's zone. Empty when there is none: suspended,
    /// disabled or invalid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "optional_time")]
    pub next_fire_time: Option<String>,

    /// When the last successful run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "optional_time")]
    pub last_success_time: Option<Timestamp>,

    /// How the last run ended: Succeeded, Replaced, or the reason of its failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_outcome: Option<String>,

    /// How many runs have failed since the last success; those that were replaced don't count.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(with = "i32", range(min = 0))]
    pub consecutive_failures: u32,

    /// Until when the circuit breaker holds runs off. From then on one run shows whether they succeed
    /// again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "optional_time")]
    pub paused_until: Option<Timestamp>,

    /// The runs that are active now, oldest first: one, unless the concurrencyPolicy is Allow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub active: Vec<ActiveRun>,

    /// The fires that wait for the active run to end, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub queued: Vec<QueuedFire>,

    /// The latest runs that have ended, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub recent_runs: Vec<RunRecord>,

    /// The latest fires that got no run, newest first. Neighbours with the same reason share a record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub recent_skips: Vec<SkipRecord>,

    /// How many runs and skips there were since the schedule was created.
    #[serde(default)]
    pub counts: Counts,

    /// The schedule, zone and suspension that the controller acts on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_schedule: Option<String>,

    /// Since when it acts on them: what fell due before belongs to an earlier form of the schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "optional_time")]
    pub observed_since: Option<Timestamp>,
}

/// A run that is active now.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActiveRun {
    /// The name of the pod of its latest attempt.
    pub name: String,
    /// The uid of that pod.
    pub uid: String,
    /// The fire that the run is for.
    #[schemars(schema_with = "time")]
    pub fire_time: Timestamp,
    /// When the controller decided to start its latest attempt.
    #[schemars(schema_with = "time")]
    pub claim_time: Timestamp,
    /// Which attempt at the fire that is, from 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(with = "i32", range(min = 1))]
    pub attempt: u32,
    /// How many of the attempts before it don't count against the limit of retries.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(with = "i32", range(min = 0))]
    pub uncounted: u32,
    /// Whether it was started late, with later fires due as well, and missedFires is RunAll: those wait
    /// for its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub catching_up: bool,
    /// The attempt that is to come, while the run waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Box<NextAttempt>>,
    /// Why the run makes no progress, while it makes none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Why the controller is stopping the run, while it is: the reason with which it will be
    /// recorded. Succeeded, if its main container has and only the others still go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopping: Option<String>,
}

/// The next attempt of a run whose latest attempt has failed.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextAttempt {
    /// When it is made.
    #[schemars(schema_with = "time")]
    pub time: Timestamp,
    /// How the attempt before it ended.
    pub after: RunRecord,
}

/// A fire that waits for the active run to end.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueuedFire {
    /// The fire.
    #[schemars(schema_with = "time")]
    pub fire_time: Timestamp,
}

/// Why an active run makes no progress.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// Unschedulable, ImagePullFailed, ContainerConfigError, CrashLooping or NotReady.
    pub reason: String,
    /// What Kubernetes says about it.
    pub message: String,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "optional_time")]
    pub since: Option<Timestamp>,
    /// Whether that is longer than spec.stuckAfter allows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stuck: bool,
}

/// A run that has ended.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunRecord {
    /// The name of the pod of its last attempt.
    pub name: String,
    /// The uid of that pod.
    pub uid: String,
    /// The fire that the run was for.
    #[schemars(schema_with = "time")]
    pub fire_time: Timestamp,
    /// How many attempts it took.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(with = "i32", range(min = 1))]
    pub attempts: u32,
    /// Succeeded or Failed.
    pub outcome: Outcome,
    /// Why, in one word.
    pub reason: String,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The exit code of the container that decided the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// When its first container started; absent if none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "optional_time")]
    pub started: Option<Timestamp>,
    /// When its last container ended, else when the end was noticed.
    #[schemars(schema_with = "time")]
    pub finished: Timestamp,
    /// The node that it ran on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The last lines of a failed run's output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
}

/// How a run ended.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
pub enum Outcome {
    /// The main container ended with exit code 0; without one, all containers but sidecars did.
    Succeeded,
    /// Anything else.
    Failed,
}

/// One or more neighbouring fires that got no run, for one reason.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SkipRecord {
    /// The first fire that was skipped.
    #[schemars(schema_with = "time")]
    pub fire_time: Timestamp,
    /// The last fire that was skipped.
    #[schemars(schema_with = "time")]
    pub last_fire_time: Timestamp,
    /// How many fires were skipped.
    #[schemars(with = "i64", range(min = 1))]
    pub count: u64,
    /// Why, in one word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
}

/// How many runs and skips there were since the schedule was created.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Runs that succeeded.
    #[serde(default)]
    #[schemars(with = "i64", range(min = 0))]
    pub succeeded: u64,
    /// Runs that failed, and those that were replaced.
    #[serde(default)]
    #[schemars(with = "i64", range(min = 0))]
    pub failed: u64,
    /// Fires that got no run.
    #[serde(default)]
    #[schemars(with = "i64", range(min = 0))]
    pub skipped: u64,
}

/// One aspect of the state of a schedule, as in every Kubernetes resource.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Ready, LastRunSucceeded, Failing or Overdue.
    pub r#type: String,
    /// True, False or Unknown.
    pub status: ConditionStatus,
    /// The generation of the spec that this was said of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When the status last changed.
    #[schemars(schema_with = "time")]
    pub last_transition_time: Timestamp,
    /// Why, in one word.
    pub reason: String,
    /// Why, in a sentence.
    pub message: String,
}

/// Whether a condition holds.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
pub enum ConditionStatus {
    True,
    False,
    Unknown,
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time"})
}

pub(super) fn optional_time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "format": "date-time", "nullable": true})
}
