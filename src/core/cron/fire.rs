//! From matching readings to instants, through clock changes.
//!
//! A *repeating* schedule fires at every instant whose local reading matches. A *fixed* one fires
//! once for each matching reading: at the first instant that shows it, and if the clock skips it,
//! at the first instant after the gap. Several readings that are skipped together fire once.

use super::Found;
use super::fields::Fields;
use super::stretch::{Beginning, FAR, Stretch};
use jiff::tz::TimeZone;

/// The longest gap, in seconds, after which skipped readings are made up for. What is longer is a
/// correction of the calendar (Apia left out a day in 2011), not a clock change; Debian's cron
/// draws the same line.
pub(super) const LONGEST_GAP: i64 = 3 * 3600;

/// Later than every instant, and far enough from the largest number to count on from.
const NEVER: i64 = i64::MAX / 2;

/// The first fire at or after `instant`.
pub(super) fn next(fields: &Fields, zone: &TimeZone, mut instant: i64) -> Option<i64> {
    loop {
        let stretch = Stretch::at(zone, instant)?;
        let readings = Readings::from(fields, zone, &stretch, instant);
        if readings.made_up {
            return Some(instant);
        }
        // Even after the last match of all, a clock put back may show an earlier one again.
        let reading = fields.at_or_after(readings.from).unwrap_or(NEVER);
        if reading < stretch.end + stretch.offset {
            return Some(reading - stretch.offset);
        }
        // Nothing matches before `reading`. A clock change can show or skip readings that lie
        // before those just searched only if it is near; the far ones can be passed over.
        instant = if stretch.end - instant > FAR {
            stretch.end.max(reading - stretch.offset - FAR)
        } else {
            stretch.end
        };
    }
}

/// The fires in [from, until].
pub(super) fn due(fields: &Fields, zone: &TimeZone, from: i64, until: i64) -> Option<Found> {
    let mut found: Option<Found> = None;
    let mut instant = from;
    while instant <= until
        && let Some(stretch) = Stretch::at(zone, instant)
    {
        let mut readings = Readings::from(fields, zone, &stretch, instant);
        if readings.made_up {
            add(
                &mut found,
                Found {
                    first: instant,
                    latest: instant,
                    count: 1,
                },
            );
            // The reading at this instant may match as well: still one fire.
            readings.from += 1;
        }
        let to = stretch.end.min(until + 1) + stretch.offset;
        let count = fields.count(readings.from, to);
        if count > 0
            && let Some(first) = fields.at_or_after(readings.from)
            && let Some(latest) = fields.at_or_before(to - 1)
        {
            let (first, latest) = (first - stretch.offset, latest - stretch.offset);
            add(
                &mut found,
                Found {
                    first,
                    latest,
                    count,
                },
            );
        }
        instant = stretch.end;
    }
    found
}

fn add(found: &mut Option<Found>, later: Found) {
    match found {
        None => *found = Some(later),
        Some(found) => {
            found.latest = later.latest;
            found.count += later.count;
        }
    }
}

/// The readings of a stretch, from an instant on, that fire when they match.
struct Readings {
    from: i64,
    /// The instant is the first after a gap in which a match was skipped.
    made_up: bool,
}

impl Readings {
    fn from(fields: &Fields, zone: &TimeZone, stretch: &Stretch, instant: i64) -> Self {
        let from = instant + stretch.offset;
        if !fields.fixed {
            return Self {
                from,
                made_up: false,
            };
        }
        let Some(Beginning { start, unread }) = Beginning::of(zone, instant) else {
            return Self {
                from,
                made_up: false,
            };
        };
        let made_up = start == instant
            && (1..=LONGEST_GAP).contains(&(from - unread))
            && fields
                .at_or_after(unread)
                .is_some_and(|skipped| skipped < from);
        Self {
            from: from.max(unread),
            made_up,
        }
    }
}
