//! All fires of a resource: its schedules together, within their window, without what they exclude,
//! moved by calendars and jitter.

use jiff::Timestamp;

use super::{
    almanac::Almanac,
    cron::{Dialect, Due, Options, Timing},
    reason::Reason,
    run::spread,
    schedule::Idle,
};
use crate::api::TimingSpec;

/// When a resource fires.
#[derive(Clone, Debug)]
pub struct Timetable {
    timings: Vec<Timing>,
}

/// Something that a preview says about a fire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The clock skipped the local time that was meant; the fire is the first instant after it.
    Gap { meant: String },
    /// The clock shows this local time twice.
    Overlap { first: bool },
    /// The fire is later than the schedule says, by so many seconds.
    Jitter { seconds: i64 },
    /// A calendar moved the fire from this date.
    Shift { from: String },
}

impl Timetable {
    /// Reads what a spec says of time. `name` is the schedule's `namespace/name`, from which `H`
    /// and jitter are made; without it `H` is refused and there is no jitter.
    ///
    /// # Errors
    ///
    /// Why it never fires, and where in the spec: `spec.schedules[1].schedule: …`.
    pub fn parse(
        spec: &TimingSpec,
        almanac: &Almanac,
        name: Option<(&str, &str)>,
    ) -> Result<Self, Idle> {
        Self::parse_as(spec, almanac, name, Dialect::Punctual)
    }

    /// As [`Timetable::parse`], for expressions in another tool's language.
    ///
    /// # Errors
    ///
    /// As [`Timetable::parse`].
    pub fn parse_as(
        spec: &TimingSpec,
        almanac: &Almanac,
        name: Option<(&str, &str)>,
        dialect: Dialect,
    ) -> Result<Self, Idle> {
        let idle = |reason, message| Err(Idle { reason, message });
        let zone = match spec.time_zone.as_deref() {
            None => Ok(almanac.local.clone()),
            Some(zone) => almanac.zones.get(zone),
        };
        let zone = match zone {
            Ok(zone) => zone,
            Err(error) => return idle(Reason::InvalidTimeZone, format!("spec.timeZone: {error}")),
        };
        let expression = spec.schedule.as_deref().unwrap_or_default();
        if expression.trim().is_empty() {
            return idle(
                Reason::Disabled,
                "spec.schedule is empty, so the schedule never runs".into(),
            );
        }
        let options = Options {
            dialect,
            clock_changes: spec.clock_changes,
            seed: name.map(|(namespace, name)| spread(&format!("{namespace}/{name}"))),
        };
        match Timing::read(expression, zone, &options) {
            Ok(timing) => Ok(Self {
                timings: vec![timing],
            }),
            Err(error) => idle(Reason::InvalidSchedule, format!("spec.schedule: {error}")),
        }
    }

    /// The first fire after `after`; none when there is none left.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        self.timings
            .iter()
            .filter_map(|timing| timing.next(after))
            .min()
    }

    /// The last fire before `before`; none when there is none.
    pub fn previous(&self, before: Timestamp) -> Option<Timestamp> {
        self.timings
            .iter()
            .filter_map(|timing| timing.previous(before))
            .max()
    }

    /// The fires after `after` up to and including `until`, counted without walking them; none
    /// when there are none.
    pub fn due(&self, after: Timestamp, until: Timestamp) -> Option<Due> {
        self.timings.first()?.due(after, until)
    }

    /// `t` as RFC 3339 with the offset of the schedule's zone.
    pub fn describe_local(&self, t: Timestamp) -> String {
        self.timings
            .first()
            .map_or_else(|| t.to_string(), |timing| timing.describe_local(t))
    }

    /// What a preview says about a fire.
    pub fn notes(&self, _fire: Timestamp) -> Vec<Note> {
        Vec::new()
    }
}
