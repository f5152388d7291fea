//! All fires of a resource: its schedules together, within their window, without what they exclude,
//! moved by calendars and jitter.
//!
//! `parse` makes a `Timetable` of what a user wrote. What one schedule excludes and what calendars
//! move is a matter of local dates, and so of `cron`; here its fires, which are instants, are put
//! together with those of others (`union`), cut off at both ends, and spread (`jitter`).

mod jitter;
mod parse;
mod union;

use jiff::{SignedDuration, Timestamp};

use super::cron::{Due, Timing, second};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// When a resource fires.
#[derive(Clone, Debug)]
pub struct Timetable {
    timings: Box<[Timing]>,
    /// Apart, since most schedules have none.
    limits: Option<Box<Limits>>,
}

/// What holds for the fires of all schedules.
#[derive(Clone, Debug)]
struct Limits {
    /// No fire is before this whole second.
    not_before: Timestamp,
    /// No fire is after this whole second.
    not_after: Timestamp,
    jitter: Option<Jitter>,
}

/// How fires are spread.
#[derive(Clone, Copy, Debug)]
struct Jitter {
    /// The most seconds by which one moves, at least one.
    most: i64,
    /// Stands for the schedule.
    seed: u64,
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
    /// The first fire after `after`; none when there is none left.
    ///
    /// `@every` counts from `after` itself, here and in `due`: callers give the last fire, else the
    /// time of creation. Of what it counts, the window keeps what is inside.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        if self.jitter().is_some()
            && let Some(base) = self.base_to(after)
            && let Some(moved) = Some(self.moved(base)).filter(|&moved| moved > after)
        {
            return Some(moved);
        }
        Some(self.moved(self.base_after(after)?))
    }

    /// The last fire before `before`; none when there is none. `@every` counts back from `before`.
    pub fn previous(&self, before: Timestamp) -> Option<Timestamp> {
        let base = self.base_before(before)?;
        let moved = self.moved(base);
        if moved < before {
            return Some(moved);
        }
        Some(self.moved(self.base_before(base)?))
    }

    /// The fires after `after` up to and including `until`, counted without walking them; none
    /// when there are none.
    ///
    /// The count is exact for one schedule. For several it is exact up to 10,000, and beyond that
    /// it counts what is due by two of them at one instant, which is one fire, twice.
    pub fn due(&self, after: Timestamp, until: Timestamp) -> Option<Due> {
        if self.jitter().is_none() {
            return self.base_due(after, until);
        }
        // Jitter moves no fire past another: only the two at the ends can be on the other side.
        let (mut from, mut to) = (after, until);
        if let Some(base) = self.base_to(after)
            && self.moved(base) > after
        {
            from = base.checked_sub(SECOND).ok()?;
        }
        if let Some(base) = self.base_to(until)
            && self.moved(base) > until
        {
            to = base.checked_sub(SECOND).ok()?;
        }
        let due = self.base_due(from, to)?;
        Some(Due {
            first: self.moved(due.first),
            latest: self.moved(due.latest),
            count: due.count,
        })
    }

    /// `t` as RFC 3339 with the offset of the zone of the schedule that fires then, else of the
    /// first.
    pub fn describe_local(&self, t: Timestamp) -> String {
        self.schedule_of(self.base_of(t)).describe_local(t)
    }

    /// What a preview says about a fire.
    pub fn notes(&self, fire: Timestamp) -> Vec<Note> {
        let base = self.base_of(fire);
        let timing = self.schedule_of(base);
        let mut notes = Vec::new();
        if let Some(meant) = timing.meant(base) {
            notes.push(Note::Gap {
                meant: meant.to_string(),
            });
        }
        if let Some(first) = timing.is_first_of_two(base) {
            notes.push(Note::Overlap { first });
        }
        if let Some(from) = timing.moved_from(base) {
            notes.push(Note::Shift {
                from: from.to_string(),
            });
        }
        let seconds = fire.duration_since(base).as_secs();
        if seconds > 0 {
            notes.push(Note::Jitter { seconds });
        }
        notes
    }

    /// The schedule that fires at `base`, else the first.
    fn schedule_of(&self, base: Timestamp) -> &Timing {
        let before = base.checked_sub(SECOND).unwrap_or(Timestamp::MIN);
        match &*self.timings {
            [only] => only,
            several => several
                .iter()
                .find(|timing| timing.next(before) == Some(base))
                .unwrap_or(&several[0]),
        }
    }
}

/// The whole second that `t` is in.
fn whole(t: Timestamp) -> Timestamp {
    Timestamp::from_second(second(t)).unwrap_or(t)
}
