//! When a schedule fires: the only file that knows cron expressions, zones and clock changes.

use jiff::{Timestamp, tz::TimeZone};

/// When a schedule fires: an expression read in a zone.
#[derive(Clone, Debug)]
pub struct Timing {
    _zone: TimeZone,
}

/// The fires that fell due in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The earliest of them.
    pub first: Timestamp,
    /// The latest of them.
    pub latest: Timestamp,
    /// How many there are.
    pub count: u64,
}

/// Why an expression or a zone is refused: says the field, the value and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TimingError(pub String);

impl Timing {
    /// Reads an expression.
    pub fn parse(_expression: &str, zone: TimeZone) -> Result<Self, TimingError> {
        Ok(Self { _zone: zone })
    }

    /// The first fire after `after`.
    pub fn next(&self, _after: Timestamp) -> Option<Timestamp> {
        None
    }

    /// The fires after `after` up to and including `until`.
    pub fn due(&self, _after: Timestamp, _until: Timestamp) -> Option<Due> {
        None
    }
}

/// A zone by its name.
pub fn zone(name: &str) -> Result<TimeZone, TimingError> {
    TimeZone::get(name).map_err(|error| TimingError(error.to_string()))
}

/// A time in a zone.
pub fn local(zone: &TimeZone, time: Timestamp) -> String {
    time.display_with_offset(zone.to_offset(time)).to_string()
}
