//! The `ScheduleCalendar` and `ClusterScheduleCalendar` resources: sets of days that schedules share.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A set of days, such as the holidays of a country.
#[derive(
    CustomResource, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema,
)]
#[kube(
    group = "punctual.dev",
    version = "v1alpha1",
    kind = "ScheduleCalendar",
    plural = "schedulecalendars",
    singular = "schedulecalendar",
    category = "punctual",
    namespaced
)]
#[serde(rename_all = "camelCase")]
pub struct CalendarSpec {
    /// Dates such as `2026-12-25`, or days of every year such as `12-25`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<String>,

    /// Spans of days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<DateRange>,

    /// Days of every week: `SUN` to `SAT`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weekdays: Vec<String>,

    /// What the calendar is, in your own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A span of days, both ends in it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DateRange {
    /// The first day, such as `2026-12-24`, or `12-24` for every year.
    pub first: String,
    /// The last day.
    pub last: String,
}
