//! Stretches of time over which a zone's offset stays the same.
//!
//! Within one, the local clock is a plain counter; all trouble with clocks is where two meet.

use std::ops::Range;

use jiff::{Timestamp, tz::TimeZone};

/// More than twice the largest change of offset that a zone can have (52 h), so that clock
/// changes which are this far apart cannot touch each other's readings.
pub(super) const FAR: i64 = 7 * 86_400;

/// A stretch of one offset, or a part of it. Instants are Unix seconds; a reading is what the local
/// clock shows, counted in seconds as if the clock were UTC's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// The first instant.
    pub(super) start: i64,
    /// The first instant after it.
    pub(super) end: i64,
    /// Reading minus instant.
    pub(super) offset: i64,
}

impl Stretch {
    /// The stretch that `instant` is in, from `instant` on; none outside the years that jiff knows.
    pub(super) fn from(zone: &TimeZone, instant: i64) -> Option<Self> {
        let t = Timestamp::from_second(instant).ok()?;
        Some(Self {
            start: instant,
            end: change_after(zone, t).unwrap_or(Timestamp::MAX.as_second() + 1),
            offset: offset_at(zone, t),
        })
    }

    /// The stretch that `instant` is in, up to `instant` itself.
    pub(super) fn until(zone: &TimeZone, instant: i64) -> Option<Self> {
        let t = Timestamp::from_second(instant).ok()?;
        Some(Self {
            start: change_up_to(zone, t).unwrap_or(Timestamp::MIN.as_second()),
            end: instant + 1,
            offset: offset_at(zone, t),
        })
    }

    /// What the clock shows meanwhile.
    pub(super) fn readings(&self) -> Range<i64> {
        self.start + self.offset..self.end + self.offset
    }

    /// Whether the clock is put forward where this starts.
    pub(super) fn starts_forward(&self, zone: &TimeZone) -> bool {
        Timestamp::from_second(self.start - 1).is_ok_and(|t| offset_at(zone, t) < self.offset)
    }

    /// The stretches before this one that are near enough to share its readings, the latest first.
    pub(super) fn before(&self, zone: &TimeZone) -> impl Iterator<Item = Self> {
        let earliest = self.start - FAR;
        let previous = move |instant| {
            let end = change_up_to(zone, Timestamp::from_second(instant).ok()?)?;
            (end >= earliest).then(|| Self::until(zone, end - 1))?
        };
        std::iter::successors(previous(self.start), move |later| previous(later.start))
    }

    /// The stretches after this one that are near enough to share its readings, the earliest first.
    pub(super) fn after(&self, zone: &TimeZone) -> impl Iterator<Item = Self> {
        let latest = self.end + FAR;
        let next = move |instant| {
            let start = change_after(zone, Timestamp::from_second(instant).ok()?)?;
            (start <= latest).then(|| Self::from(zone, start))?
        };
        std::iter::successors(next(self.end - 1), move |earlier| next(earlier.end - 1))
    }
}

/// The first clock change after `t`.
fn change_after(zone: &TimeZone, t: Timestamp) -> Option<i64> {
    let change = zone.following(t).next()?;
    Some(change.timestamp().as_second())
}

/// The last clock change up to and including `t`, which is a whole second.
fn change_up_to(zone: &TimeZone, t: Timestamp) -> Option<i64> {
    let after = Timestamp::from_second(t.as_second() + 1).unwrap_or(Timestamp::MAX);
    let change = zone.preceding(after).next()?;
    Some(change.timestamp().as_second())
}

fn offset_at(zone: &TimeZone, t: Timestamp) -> i64 {
    i64::from(zone.to_offset(t).seconds())
}
