//! What users write and read: the types of the custom resources and of `schedule.yml`.
//!
//! Data and its wire form only. Nothing here decides, computes a time or talks to a cluster.

mod calendar;
mod cel;
mod definition;
mod raw_json;
mod run_policy;
mod schedule_file;
mod scheduled_container;
mod status;
mod template_schema;
mod timing;
mod trouble;

pub use calendar::{
    CalendarSpec, ClusterCalendarSpec, ClusterScheduleCalendar, DateRange, MOST_DATES, MOST_RANGES,
    ScheduleCalendar,
};
pub use cel::EXIT_CODES_MESSAGE;
pub use definition::{definition, definitions};
pub use raw_json::RawJson;
pub use run_policy::{ConcurrencyPolicy, FAILURES, Retry, StuckAction, StuckAfter};
pub use schedule_file::ScheduleFileEntry;
pub use scheduled_container::{ScheduledContainer, ScheduledContainerSpec};
pub use status::{
    ActiveRun, Condition, ConditionStatus, Counts, NextAttempt, Outcome, QueuedFire, RunRecord,
    ScheduledContainerStatus, SkipRecord, Waiting,
};

pub use timing::{
    CalendarAction, CalendarKind, CalendarUse, ClockChanges, Gap, MissedFires, Overlap,
    ScheduleItem, TimingSpec,
};

pub use trouble::{CircuitBreaker, OverdueAfter};

use template_schema::template_schema;

/// The API group of every resource, and the prefix of every label and annotation.
pub const GROUP: &str = "punctual.dev";
