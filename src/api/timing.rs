//! When a schedule fires, as users write it: everything in a spec that moves a fire.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ScheduledContainerSpec;

/// One of several schedules of a resource.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleItem {
    /// When to run, in the language of `spec.schedule`.
    #[schemars(length(max = 1024), extend("x-kubernetes-validations" = super::cel::schedule()))]
    pub schedule: String,

    /// The zone in which it is read. Default: `spec.timeZone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), extend("x-kubernetes-validations" = super::cel::time_zone()))]
    pub time_zone: Option<String>,
}

/// What becomes of local times that a clock change skips or shows twice.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClockChanges {
    /// Local times that the clock skips: with `RunAfter` they fire at the first instant after the gap,
    /// several as one fire, with `Skip` they don't fire. Default: RunAfter for fixed times, Skip for
    /// repeating ones (whose minute or hour field starts with `*`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,

    /// Local times that the clock shows twice: they fire the `First` time, the `Last` time, or `Both`
    /// times. Default: First for fixed times, Both for repeating ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
}

impl ClockChanges {
    /// Whether nothing is said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Local times that the clock skips.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
pub enum Gap {
    /// They fire at the first instant after the gap; several are one fire. Gaps of more than three
    /// hours are not made up for.
    RunAfter,
    /// They don't fire.
    Skip,
}

/// Local times that the clock shows twice.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema)]
pub enum Overlap {
    /// They fire the first time.
    First,
    /// They fire the last time.
    Last,
    /// They fire each time.
    Both,
}

/// What becomes of fires that nobody could start when they were due.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
pub enum MissedFires {
    /// They are skipped: a fire runs only if it can start within a minute, or within
    /// startingDeadlineSeconds where that is set.
    Skip,
    /// The latest runs, the others are skipped.
    #[default]
    RunLatest,
    /// Each runs, oldest first, one at a time; where the concurrencyPolicy is Allow, up to `maxActive`
    /// at a time.
    RunAll,
}

/// How a schedule uses a calendar.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CalendarUse {
    /// ScheduleCalendar, in the namespace of the schedule, or ClusterScheduleCalendar.
    #[serde(default)]
    pub kind: CalendarKind,

    /// The calendar's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// What becomes of fires on the days of the calendar: `Exclude` leaves them out, `Include` keeps
    /// only them, `NextBusinessDay` and `PreviousBusinessDay` move them to the next day, or to the one
    /// before, that no calendar of the schedule takes away, at the same local time.
    #[serde(default)]
    pub action: CalendarAction,
}

/// The kind of a calendar.
#[derive(
    Serialize,
    Deserialize,
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    JsonSchema,
)]
pub enum CalendarKind {
    /// A calendar of the schedule's own namespace.
    #[default]
    ScheduleCalendar,
    /// A calendar of the whole cluster.
    ClusterScheduleCalendar,
}

/// What becomes of fires on the days of a calendar.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, Hash, JsonSchema)]
pub enum CalendarAction {
    /// They are left out.
    #[default]
    Exclude,
    /// Only they are kept. With several calendars to include, a day of any of them is kept.
    Include,
    /// They move to the next business day, at the same local time: the next day that no calendar
    /// of this schedule excludes or moves, and that is included if any are.
    NextBusinessDay,
    /// They move to the business day before, at the same local time.
    PreviousBusinessDay,
}

/// Everything in a spec that moves a fire. A spec's other fields don't.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TimingSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schedules: Vec<ScheduleItem>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calendars: Vec<CalendarUse>,
    #[serde(default, skip_serializing_if = "ClockChanges::is_default")]
    pub clock_changes: ClockChanges,
}

impl From<&ScheduledContainerSpec> for TimingSpec {
    fn from(spec: &ScheduledContainerSpec) -> Self {
        Self {
            schedule: spec.schedule.clone(),
            schedules: spec.schedules.clone(),
            time_zone: spec.time_zone.clone(),
            not_before: spec.not_before,
            not_after: spec.not_after,
            jitter_seconds: spec.jitter_seconds,
            excludes: spec.excludes.clone(),
            calendars: spec.calendars.clone(),
            clock_changes: spec.clock_changes,
        }
    }
}
