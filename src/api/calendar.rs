//! The `ScheduleCalendar` and `ClusterScheduleCalendar` resources: sets of days that schedules share.

use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cel;

/// How many dates one calendar may list.
pub const MOST_DATES: usize = 4000;

/// How many ranges one calendar may list.
pub const MOST_RANGES: usize = 500;

/// A set of days, such as the holidays of a country: those of `dates`, of `ranges` and of `weekdays`
/// together.
#[derive(
    CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema,
)]
#[kube(
    group = "punctual.dev",
    version = "v1alpha1",
    kind = "ScheduleCalendar",
    plural = "schedulecalendars",
    singular = "schedulecalendar",
    shortname = "schcal",
    category = "punctual",
    namespaced,
    doc = "A set of days, such as holidays, that the schedules of its namespace leave out, keep to, or move their fires away from: they name it in spec.calendars.",
    printcolumn = r#"{"name":"Description","type":"string","jsonPath":".spec.description","description":"What the calendar is"}"#,
    printcolumn = r#"{"name":"Weekdays","type":"string","jsonPath":".spec.weekdays","description":"Its days of every week"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct CalendarSpec {
    /// Dates such as `2026-12-25`, or days of every year such as `12-25`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "dates")]
    pub dates: Vec<String>,

    /// Spans of days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = MOST_RANGES))]
    pub ranges: Vec<DateRange>,

    /// Days of every week: `SUN` to `SAT`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "weekdays")]
    pub weekdays: Vec<String>,

    /// What the calendar is, in your own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub description: Option<String>,
}

/// The same for the whole cluster: schedules of every namespace may name it.
#[derive(
    CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema,
)]
#[kube(
    group = "punctual.dev",
    version = "v1alpha1",
    kind = "ClusterScheduleCalendar",
    plural = "clusterschedulecalendars",
    singular = "clusterschedulecalendar",
    shortname = "cschcal",
    category = "punctual",
    doc = "A set of days, such as holidays, that the schedules of any namespace leave out, keep to, or move their fires away from: they name it in spec.calendars, with kind ClusterScheduleCalendar.",
    printcolumn = r#"{"name":"Description","type":"string","jsonPath":".spec.description","description":"What the calendar is"}"#,
    printcolumn = r#"{"name":"Weekdays","type":"string","jsonPath":".spec.weekdays","description":"Its days of every week"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(transparent)]
pub struct ClusterCalendarSpec(pub CalendarSpec);

/// A span of days, both ends in it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = cel::date_range()))]
pub struct DateRange {
    /// The first day, such as `2026-12-24`, or `12-24` for every year.
    #[schemars(length(max = 32), extend("x-kubernetes-validations" = cel::date()))]
    pub first: String,
    /// The last day. Both have a year or none; without a year it may be in the next one, as in
    /// `12-24` to `01-06`.
    #[schemars(length(max = 32), extend("x-kubernetes-validations" = cel::date()))]
    pub last: String,
}

fn dates(_: &mut SchemaGenerator) -> Schema {
    texts(MOST_DATES, &cel::date())
}

fn weekdays(_: &mut SchemaGenerator) -> Schema {
    texts(7, &cel::weekday())
}

/// A list of short texts, each of which keeps to the rules: the answer to one that doesn't names its
/// place in the list.
fn texts(most: usize, rules: &Value) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": most,
        "items": {"type": "string", "maxLength": 32, "x-kubernetes-validations": rules},
    })
}
