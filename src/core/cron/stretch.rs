//! Stretches of time over which a zone's offset stays the same.
//!
//! Within one, the local clock is a plain counter; all trouble with clocks is where two meet.

use jiff::{Timestamp, tz::TimeZone};

/// More than twice the largest change of offset that a zone can have (52 h), so that clock
/// changes which are this far apart cannot touch each other's readings.
pub(super) const FAR: i64 = 7 * 86_400;

/// A stretch of one offset. Instants are Unix seconds; a reading is what the local clock shows,
/// counted in seconds as if the clock were UTC's.
pub(super) struct Stretch {
    /// The first instant after the stretch.
    pub(super) end: i64,
    /// Reading minus instant.
    pub(super) offset: i64,
}

/// Where a stretch begins.
pub(super) struct Beginning {
    /// The first instant of the stretch.
    pub(super) start: i64,
    /// The first reading that no earlier instant has reached: beyond the reading at `start` after
    /// a clock was put back, before it after a clock was put forward.
    pub(super) unread: i64,
}

impl Stretch {
    /// The stretch that `instant` is in; none outside the years that jiff knows.
    pub(super) fn at(zone: &TimeZone, instant: i64) -> Option<Self> {
        let t = Timestamp::from_second(instant).ok()?;
        let end = zone
            .following(t)
            .next()
            .map_or(Timestamp::MAX, |change| change.timestamp());
        let end = if end == Timestamp::MAX {
            end.as_second() + 1
        } else {
            end.as_second()
        };
        Some(Self {
            end,
            offset: offset_at(zone, t),
        })
    }
}

impl Beginning {
    /// How the stretch that `instant` is in began; none if it has no beginning.
    pub(super) fn of(zone: &TimeZone, instant: i64) -> Option<Self> {
        let t = Timestamp::from_second(instant.checked_add(1)?).unwrap_or(Timestamp::MAX);
        let mut beginning: Option<Self> = None;
        for change in zone.preceding(t) {
            let at = change.timestamp();
            let read =
                at.as_second() + offset_at(zone, Timestamp::from_second(at.as_second() - 1).ok()?);
            match &mut beginning {
                None => {
                    beginning = Some(Self {
                        start: at.as_second(),
                        unread: read,
                    })
                }
                Some(begun) if begun.start - at.as_second() > FAR => break,
                Some(begun) => begun.unread = begun.unread.max(read),
            }
        }
        beginning
    }
}

fn offset_at(zone: &TimeZone, t: Timestamp) -> i64 {
    i64::from(zone.to_offset(t).seconds())
}
