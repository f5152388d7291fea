//! What schedules are read with, besides their own words: the zones and calendars that they name.

use std::{collections::BTreeMap, sync::Arc};

use jiff::tz::TimeZone;

use super::{calendar::Calendar, cron::Zones};
use crate::api::{CalendarKind, CalendarUse};

/// Which calendar is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CalendarRef {
    pub kind: CalendarKind,
    /// Empty for a calendar of the whole cluster.
    pub namespace: String,
    pub name: String,
}

impl CalendarRef {
    /// The calendar that a schedule in this namespace means.
    pub fn of(calendar: &CalendarUse, namespace: &str) -> Self {
        Self {
            kind: calendar.kind,
            namespace: match calendar.kind {
                CalendarKind::ScheduleCalendar => namespace.into(),
                CalendarKind::ClusterScheduleCalendar => String::new(),
            },
            name: calendar.name.clone(),
        }
    }
}

/// The zones and calendars that schedules may name.
#[derive(Clone, Debug)]
pub struct Almanac {
    pub zones: Zones,
    /// The zone of schedules that name none.
    pub local: TimeZone,
    /// The calendars that there are; with what is wrong with one that can't be read.
    pub calendars: BTreeMap<CalendarRef, Result<Arc<Calendar>, String>>,
}

impl Almanac {
    /// An almanac without calendars, with the built-in zones.
    pub fn new(local: TimeZone) -> Self {
        Self {
            zones: Zones::built_in(),
            local,
            calendars: BTreeMap::new(),
        }
    }
}
