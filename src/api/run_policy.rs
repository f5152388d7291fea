//! What of a schedule says how its runs share time: beside each other, again, and for how long.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// What happens to a fire that finds a run still active.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum ConcurrencyPolicy {
    /// Drop the fire and record it as a skip with reason StillActive.
    #[default]
    Forbid,
    /// Keep the fire, as a held pod, until the active run has ended; oldest first, at most
    /// `queueLimit` of them.
    Queue,
    /// Stop the active run, with the grace that its pod asks for, and start the fire when it is gone.
    Replace,
    /// Start the run beside the active ones, at most `maxActive` at once.
    Allow,
}

/// The reasons of failed runs that a spec may name.
pub const FAILURES: [&str; 14] = [
    "NonZeroExit",
    "OOMKilled",
    "DeadlineExceeded",
    "Evicted",
    "Preempted",
    "NodeLost",
    "NodeShutdown",
    "RefusedByNode",
    "PodDeleted",
    "PodFailed",
    "Unschedulable",
    "ImagePullFailed",
    "ContainerConfigError",
    "NotReady",
];

/// Whether and when a failed run is tried again. Each attempt is a pod of its own; all attempts at a
/// fire are one run, which is active until the last of them has ended.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = super::cel::retry()))]
pub struct Retry {
    /// How many times a failed run is tried again at most.
    #[schemars(range(min = 0, max = 100))]
    pub limit: i64,

    /// How long, in seconds, to wait between the end of the first attempt and the second. Default: 10.
    #[serde(default = "ten")]
    #[schemars(range(min = 0, max = 86_400))]
    pub backoff_seconds: i64,

    /// By how much each further wait is longer than the one before. 1: always the same. Default: 2.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 10))]
    pub backoff_factor: i64,

    /// The longest wait, in seconds; never less than `backoffSeconds`. Default: 600.
    #[serde(default = "six_hundred")]
    #[schemars(range(min = 0, max = 86_400))]
    pub max_backoff_seconds: i64,

    /// Try again only after these exit codes. They are asked for NonZeroExit and OOMKilled alone:
    /// failures for other reasons, such as a lost node, are tried again whatever the codes say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 255), inner(range(min = 1, max = 255)))]
    pub on_exit_codes: Vec<i32>,

    /// Don't try again after these exit codes; failures for other reasons than NonZeroExit and
    /// OOMKilled are tried again whatever the codes say. Either this or `onExitCodes`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 255), inner(range(min = 1, max = 255)))]
    pub not_on_exit_codes: Vec<i32>,

    /// Try again only after failures for these reasons. Default: all but PodDeleted, since who
    /// deletes a pod wants it gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "failures")]
    pub on_reasons: Vec<String>,

    /// Failures for these reasons are tried again without counting against the limit, for example
    /// NodeLost, NodeShutdown, Evicted and Preempted: the run did nothing wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "failures")]
    pub uncounted_reasons: Vec<String>,
}

impl Retry {
    /// Whether it names exit codes in both ways, of which only one can be meant.
    pub fn names_both_exit_codes(&self) -> bool {
        !self.on_exit_codes.is_empty() && !self.not_on_exit_codes.is_empty()
    }
}

/// When a run that makes no progress is stuck, and what is done about it then. A time that is not
/// given is no limit.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StuckAfter {
    /// How long, in seconds, no node may be able to take the pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub unschedulable_seconds: Option<i64>,

    /// How long, in seconds, an image may fail to be pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub image_pull_seconds: Option<i64>,

    /// How long, in seconds, a container may be impossible to create as it is configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub config_error_seconds: Option<i64>,

    /// How long, in seconds, a running pod may not be ready, as its readiness probes see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub not_ready_seconds: Option<i64>,

    /// What is done then: `Report` says so in an Event and in `status.active` and lets the run be,
    /// `Fail` stops it, and it has failed with the reason why it made no progress.
    #[serde(default)]
    pub action: StuckAction,
}

/// What is done about a run that is stuck.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
pub enum StuckAction {
    /// Say so, in an Event and in `status.active`, and let it be.
    #[default]
    Report,
    /// Stop the run: it ends as Failed, with the reason why it made no progress.
    Fail,
}

fn failures(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": FAILURES.len(),
        "items": {"type": "string", "enum": FAILURES},
    })
}

fn ten() -> i64 {
    10
}

fn two() -> i64 {
    2
}

fn six_hundred() -> i64 {
    600
}
