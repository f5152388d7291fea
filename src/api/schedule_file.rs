//! An entry of `schedule.yml`, as a user writes it.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{
    CalendarUse, CircuitBreaker, ClockChanges, ConcurrencyPolicy, MissedFires, OverdueAfter, Retry,
    ScheduleItem, StuckAfter,
};

/// An entry of `schedule.yml`. The file is a map of name → entry, and an entry becomes the
/// `ScheduledContainer` of that name.
///
/// The pod to run is given in exactly one way: `template`, `pod`, or `image` alone. What is not
/// said here is not set there, so that the defaults of the resource apply.
#[derive(Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduleFileEntry {
    /// When to run: six fields with seconds first, five crontab fields, or an `@` name. Empty
    /// disables the schedule. May be written as `schedule` too, its name in the resource. Either
    /// this or `schedules`.
    #[serde(default, alias = "schedule", deserialize_with = "null_is_empty")]
    pub cron: Option<String>,

    /// Several schedules in place of one. At most 32.
    #[serde(default)]
    pub schedules: Option<Vec<ScheduleItem>>,

    /// A JSON or YAML file with a Pod, PodTemplate, Job or CronJob, from which the pod template is
    /// taken. A path relative to the folder of `schedule.yml`, and not out of it.
    #[serde(default)]
    pub template: Option<String>,

    /// The pod to run, written in place: the fields of a pod's `spec`, or its `metadata` and `spec`.
    #[serde(default)]
    pub pod: Option<Value>,

    /// The image of the first container. Without `template` or `pod`: of the only one.
    #[serde(default)]
    pub image: Option<String>,

    /// The arguments of the first container.
    #[serde(default)]
    pub args: Option<Vec<String>>,

    /// The namespace in which it runs. Default: the controller's own.
    #[serde(default)]
    pub namespace: Option<String>,

    /// What the schedule is for. At most 4096 characters.
    #[serde(default)]
    pub description: Option<String>,

    /// See `spec.timeZone` of the resource.
    #[serde(default)]
    pub time_zone: Option<String>,

    /// See `spec.clockChanges` of the resource.
    #[serde(default)]
    pub clock_changes: Option<ClockChanges>,

    /// No fire is before this instant.
    #[serde(default)]
    pub not_before: Option<Timestamp>,

    /// No fire is after this instant.
    #[serde(default)]
    pub not_after: Option<Timestamp>,

    /// See `spec.jitterSeconds` of the resource. From 0 to 86,400.
    #[serde(default)]
    pub jitter_seconds: Option<i64>,

    /// See `spec.excludes` of the resource. At most 64, of 1 to 256 characters each.
    #[serde(default)]
    pub excludes: Option<Vec<String>>,

    /// See `spec.calendars` of the resource: the calendars themselves are resources of their own, and
    /// not written in this file. At most 16.
    #[serde(default)]
    pub calendars: Option<Vec<CalendarUse>>,

    /// See `spec.missedFires` of the resource.
    #[serde(default)]
    pub missed_fires: Option<MissedFires>,

    /// See `spec.missedFiresLimit` of the resource. From 1 to 1,000.
    #[serde(default)]
    pub missed_fires_limit: Option<i64>,

    /// See `spec.suspend` of the resource.
    #[serde(default)]
    pub suspend: Option<bool>,

    /// See `spec.concurrencyPolicy` of the resource.
    #[serde(default)]
    pub concurrency_policy: Option<ConcurrencyPolicy>,

    /// See `spec.queueLimit` of the resource. From 1 to 100.
    #[serde(default)]
    pub queue_limit: Option<i64>,

    /// See `spec.maxActive` of the resource. From 1 to 100.
    #[serde(default)]
    pub max_active: Option<i64>,

    /// See `spec.retry` of the resource.
    #[serde(default)]
    pub retry: Option<Retry>,

    /// See `spec.stuckAfter` of the resource.
    #[serde(default)]
    pub stuck_after: Option<StuckAfter>,

    /// See `spec.overdueAfter` of the resource.
    #[serde(default)]
    pub overdue_after: Option<OverdueAfter>,

    /// See `spec.circuitBreaker` of the resource.
    #[serde(default)]
    pub circuit_breaker: Option<CircuitBreaker>,

    /// See `spec.mainContainer` of the resource.
    #[serde(default)]
    pub main_container: Option<String>,

    /// See `spec.startingDeadlineSeconds` of the resource. From 0 to 31,536,000.
    #[serde(default)]
    pub starting_deadline_seconds: Option<i64>,

    /// See `spec.activeDeadlineSeconds` of the resource. From 1 to 31,536,000.
    #[serde(default)]
    pub active_deadline_seconds: Option<i64>,

    /// See `spec.successfulRunsHistoryLimit` of the resource. From 0 to 100.
    #[serde(default)]
    pub successful_runs_history_limit: Option<i64>,

    /// See `spec.failedRunsHistoryLimit` of the resource. From 0 to 100.
    #[serde(default)]
    pub failed_runs_history_limit: Option<i64>,

    /// See `spec.ttlSecondsAfterFinished` of the resource. From 0 to 31,536,000.
    #[serde(default)]
    pub ttl_seconds_after_finished: Option<i64>,
}

/// `cron:` with nothing after it is an empty string, as it was in the tools before this one.
fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|cron| Some(cron.unwrap_or_default()))
}

impl ScheduleFileEntry {
    /// The names of all fields, as a user writes them.
    pub const FIELDS: &[&str] = &[
        "cron",
        "schedule",
        "schedules",
        "template",
        "pod",
        "image",
        "args",
        "namespace",
        "description",
        "timeZone",
        "clockChanges",
        "notBefore",
        "notAfter",
        "jitterSeconds",
        "excludes",
        "calendars",
        "missedFires",
        "missedFiresLimit",
        "suspend",
        "concurrencyPolicy",
        "queueLimit",
        "maxActive",
        "retry",
        "stuckAfter",
        "overdueAfter",
        "circuitBreaker",
        "mainContainer",
        "startingDeadlineSeconds",
        "activeDeadlineSeconds",
        "successfulRunsHistoryLimit",
        "failedRunsHistoryLimit",
        "ttlSecondsAfterFinished",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_fields_is_what_serde_knows() {
        let error = serde_json::from_str::<ScheduleFileEntry>(r#"{"?": 1}"#).unwrap_err();
        let error = error.to_string();
        let known: Vec<_> = error.split('`').skip(3).step_by(2).collect();
        assert_eq!(known, ScheduleFileEntry::FIELDS);
    }
}
