//! From matching readings to instants, through clock changes.
//!
//! Most readings are shown once, and fire then. One that the clock shows several times fires at the
//! first of them, the last, or all. One that it never shows fires at the first instant after the
//! gap that passes it by, or not at all; several that a gap passes by are one fire.

use std::ops::Range;

use jiff::tz::TimeZone;

use super::Found;
use super::fields::{Fields, Spent};
use super::stretch::{FAR, Stretch};
use crate::api::{ClockChanges, Gap, Overlap};

/// The longest gap, in seconds, after which skipped readings are made up for. What is longer is a
/// correction of the calendar (Apia left out a day in 2011), not a clock change; Debian's cron
/// draws the same line.
pub(super) const LONGEST_GAP: i64 = 3 * 3600;

/// Later than every instant, and far enough from the largest number to count on from.
const NEVER: i64 = i64::MAX / 2;

/// How many stretches are searched for a fire. The calendar and the rules of zones repeat after 400
/// years. All stretches that a zone ever had and those of 400 years are fewer, so that what is not
/// found in them never is. Only an expression whose every match is skipped comes this far.
const MOST_STRETCHES: usize = 4096;

/// What fires: matching readings of a zone's clock, by a rule for its changes.
pub(super) struct Fires<'a> {
    fields: &'a Fields,
    zone: &'a TimeZone,
    gap: Gap,
    overlap: Overlap,
}

impl<'a> Fires<'a> {
    pub(super) fn new(fields: &'a Fields, zone: &'a TimeZone, changes: ClockChanges) -> Self {
        let (gap, overlap) = if fields.fixed {
            (Gap::RunAfter, Overlap::First)
        } else {
            (Gap::Skip, Overlap::Both)
        };
        Self {
            fields,
            zone,
            gap: changes.gap.unwrap_or(gap),
            overlap: changes.overlap.unwrap_or(overlap),
        }
    }

    /// The first fire at or after `instant`.
    pub(super) fn next(&self, mut instant: i64) -> Option<i64> {
        let mut spent = Spent::default();
        for _ in 0..MOST_STRETCHES {
            let stretch = Stretch::from(self.zone, instant)?;
            // Mostly no change is near, and then there is nothing that it could do to a fire.
            let quiet = stretch.before(self.zone).next().is_none();
            if !quiet && self.makes_up_at_start(&stretch) {
                return Some(instant);
            }
            // Even after the last match of all, a clock put back may show an earlier one again.
            let reading = self
                .fields
                .at_or_after(stretch.readings().start, &mut spent)
                .unwrap_or(NEVER);
            if reading < stretch.readings().end {
                if quiet && self.overlap != Overlap::Last {
                    return Some(reading - stretch.offset);
                }
                let mut firing = self.firing(&stretch).into_iter();
                if let Some(reading) = firing.find_map(|part| self.first_in(&part, &mut spent)) {
                    return Some(reading - stretch.offset);
                }
            }
            // Nothing matches before `reading`. A clock change can show or skip readings that lie
            // before those just searched only if it is near; the far ones can be passed over.
            instant = if stretch.end - instant > FAR {
                stretch.end.max(reading - stretch.offset - FAR)
            } else {
                stretch.end
            };
        }
        None
    }

    /// The last fire at or before `instant`: `next` with time turned round.
    pub(super) fn previous(&self, mut instant: i64) -> Option<i64> {
        let mut spent = Spent::default();
        for _ in 0..MOST_STRETCHES {
            let stretch = Stretch::until(self.zone, instant)?;
            let reading = self
                .fields
                .at_or_before(stretch.readings().end - 1, &mut spent)
                .unwrap_or(-NEVER);
            if reading >= stretch.readings().start {
                let mut firing = self.firing(&stretch).into_iter().rev();
                if let Some(reading) = firing.find_map(|part| self.last_in(&part, &mut spent)) {
                    return Some(reading - stretch.offset);
                }
            }
            if self.makes_up_at_start(&stretch) {
                return Some(stretch.start);
            }
            instant = if instant - stretch.start > FAR {
                (stretch.start - 1).min(reading - stretch.offset + FAR)
            } else {
                stretch.start - 1
            };
        }
        None
    }

    /// The fires in [from, until].
    pub(super) fn due(&self, from: i64, until: i64) -> Option<Found> {
        let mut found: Option<Found> = None;
        let mut spent = Spent::default();
        let mut instant = from;
        while instant <= until
            && let Some(mut stretch) = Stretch::from(self.zone, instant)
        {
            instant = stretch.end;
            if self.makes_up_at_start(&stretch) {
                let fire = stretch.start;
                add(&mut found, fire, fire, 1);
                // The reading at this instant may match as well: still one fire.
                stretch.start += 1;
            }
            stretch.end = stretch.end.min(until + 1);
            for part in self.firing(&stretch) {
                let count = self.fields.count(part.start, part.end);
                // Where nothing matches, a search for the first would go on for centuries.
                if count > 0
                    && let (Some(first), Some(latest)) = (
                        self.first_in(&part, &mut spent),
                        self.last_in(&part, &mut spent),
                    )
                {
                    let (first, latest) = (first - stretch.offset, latest - stretch.offset);
                    add(&mut found, first, latest, count);
                }
            }
        }
        found
    }

    /// The readings of a stretch, or of a part of one, that fire when they match; in order.
    fn firing(&self, stretch: &Stretch) -> Vec<Range<i64>> {
        let readings = stretch.readings();
        match self.overlap {
            Overlap::First => without(readings, stretch.before(self.zone)),
            Overlap::Last => without(readings, stretch.after(self.zone)),
            Overlap::Both => Vec::from([readings]),
        }
    }

    /// The first of the skipped readings that a fire makes up for; none if it makes up for none.
    pub(super) fn made_up_at(&self, fire: i64) -> Option<i64> {
        let stretch = Stretch::from(self.zone, fire)?;
        let mut parts = self.made_up_at_start(&stretch);
        parts.find_map(|part| self.first_in(&part, &mut Spent::default()))
    }

    /// Whether a stretch starts after a gap in which a match was skipped that is made up for.
    fn makes_up_at_start(&self, stretch: &Stretch) -> bool {
        self.made_up_at_start(stretch).next().is_some()
    }

    /// Where matches lie that are made up for at the start of a stretch: the readings that were
    /// skipped before it, in parts each of which has a match.
    fn made_up_at_start(&self, stretch: &Stretch) -> impl Iterator<Item = Range<i64>> {
        let skipped = self.skipped_before(stretch).into_iter();
        skipped.filter(|part| self.fields.count(part.start, part.end) > 0)
    }

    /// The readings that were skipped where a stretch starts, if what is skipped is made up for.
    fn skipped_before(&self, stretch: &Stretch) -> Vec<Range<i64>> {
        match self.gap {
            Gap::RunAfter => {}
            Gap::Skip => return Vec::new(),
        }
        // Nearly always: looking for the change itself takes several times as long.
        if !stretch.starts_forward(self.zone) {
            return Vec::new();
        }
        let mut before = stretch.before(self.zone);
        let Some(last) = before.next().filter(|last| last.end == stretch.start) else {
            return Vec::new();
        };
        let (shown, start) = (last.readings().end, stretch.readings().start);
        if !(1..=LONGEST_GAP).contains(&(start - shown)) {
            return Vec::new();
        }
        // What an earlier stretch has shown, or an earlier gap has passed by, is not skipped here.
        let reached = before.fold(shown, |reached, stretch| {
            reached.max(stretch.readings().end)
        });
        // What a later stretch shows is not skipped at all.
        without(reached..start, stretch.after(self.zone))
    }

    fn first_in(&self, readings: &Range<i64>, spent: &mut Spent) -> Option<i64> {
        let reading = self.fields.at_or_after(readings.start, spent)?;
        (reading < readings.end).then_some(reading)
    }

    fn last_in(&self, readings: &Range<i64>, spent: &mut Spent) -> Option<i64> {
        let reading = self.fields.at_or_before(readings.end - 1, spent)?;
        (reading >= readings.start).then_some(reading)
    }
}

/// The parts of `readings` that none of `stretches` shows, in order.
fn without(readings: Range<i64>, stretches: impl Iterator<Item = Stretch>) -> Vec<Range<i64>> {
    stretches.fold(Vec::from([readings]), |parts, stretch| {
        let shown = stretch.readings();
        parts
            .iter()
            .flat_map(|part| {
                [
                    part.start..part.end.min(shown.start),
                    part.start.max(shown.end)..part.end,
                ]
            })
            .filter(|part| !part.is_empty())
            .collect()
    })
}

fn add(found: &mut Option<Found>, first: i64, latest: i64, count: u64) {
    match found {
        None => {
            *found = Some(Found {
                first,
                latest,
                count,
            });
        }
        Some(found) => {
            found.latest = latest;
            found.count += count;
        }
    }
}
