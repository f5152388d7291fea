//! What takes fires away from a schedule or moves them to another day: dates, calendars, and
//! expressions whose local times do not fire.
//!
//! All of it is about local dates and times, so it is one more property of `Fields`: what comes next,
//! what came before and how many there are needs no walk from fire to fire, and clock changes are
//! treated as ever.

use std::{ops::Range, sync::Arc};

use jiff::tz::TimeZone;

use super::{
    Options, Rule, Timing, TimingError,
    fields::Fields,
    gregorian::{first_of, length, month_of},
    quote::quote,
    times::Times,
};
use crate::{api::CalendarAction, core::calendar::Calendar};

/// How far a fire may be moved, in days.
const FARTHEST: i64 = 366;

/// How many months away from its own a fire can be moved.
pub(super) const FARTHEST_MONTHS: i64 = 14;

/// The most expressions that leave out only some times of a day: each is a bit. There are at most 924
/// sets of twelve of which none contains another, so that no search comes to more days than that of
/// which nothing is left (see `Spent`).
const MOST_PARTIAL: usize = 12;

/// What takes fires away from a schedule or moves them. Any number of schedules share it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Dates to leave out.
    dates: Calendar,
    excluded: Vec<Arc<Calendar>>,
    included: Vec<Arc<Calendar>>,
    moving: Vec<(Arc<Calendar>, Direction)>,
    /// Expressions that leave out whole days.
    whole: Vec<Fields>,
    /// Expressions that leave out some times of a day, and those times.
    partial: Vec<Fields>,
    partial_times: Vec<Times>,
}

/// Where fires on a day of a calendar move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Next,
    Previous,
}

/// The days of a month as a schedule and its filter see them.
struct Month {
    /// Days on which fires stay.
    business: u32,
    /// Days whose fires move to the next business day.
    forward: u32,
    /// Days whose fires move to the previous one.
    backward: u32,
}

impl Filter {
    /// Leaves out what a user wrote: a date (`2026-12-25`), a day of every year (`12-25`), a span of
    /// either (`2026-12-24/2027-01-01`, `12-24/01-02`), or the local times that match a cron
    /// expression. One of five fields leaves out all seconds of its minutes.
    ///
    /// # Errors
    ///
    /// What is none of these, and `@every` and `@at`, which name no recurring local time.
    pub fn exclude(&mut self, text: &str, options: &Options) -> Result<(), TimingError> {
        let text = text.trim();
        if !text.starts_with('@') && !text.contains(char::is_whitespace) {
            return self.exclude_dates(text);
        }
        let elapsed = |name: &str| {
            TimingError::new(format!(
                "{name} is no local time that could be left out; write dates, such as 2026-12-25, \
                 or a cron expression of the times to leave out, such as * 0-5 * * SAT"
            ))
        };
        let first = text.split_whitespace().next().unwrap_or_default();
        for name in ["@every", "@at"] {
            if first.eq_ignore_ascii_case(name) {
                return Err(elapsed(name));
            }
        }
        let mut fields = match Timing::read(text, TimeZone::UTC, options)?.rule {
            Rule::Local(fields) => fields,
            Rule::Every(_) => return Err(elapsed("@every")),
            Rule::At(_) => return Err(elapsed("@at")),
        };
        let mut times = fields.times();
        if text.starts_with('@') || text.split_whitespace().count() == 5 {
            times = times.any_second();
            fields.seconds = times.seconds;
        }
        if times.is_whole_day() {
            self.whole.push(fields);
        } else if self.partial.len() < MOST_PARTIAL {
            self.partial.push(fields);
            self.partial_times.push(times);
        } else {
            return Err(TimingError::new(format!(
                "more than {MOST_PARTIAL} expressions that leave out a part of a day; join some, as in \
                 * 0-5,22-23 * * MON-FRI, or put whole days into a calendar"
            )));
        }
        Ok(())
    }

    fn exclude_dates(&mut self, text: &str) -> Result<(), TimingError> {
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(TimingError::new(format!(
                "{} is not a date (2026-12-25, or 12-25 for every year), a span of dates \
                 (2026-12-24/2027-01-01, 12-24/01-02) or a cron expression (* 0-5 * * SAT)",
                quote(text)
            )));
        }
        match text.split_once('/') {
            Some((first, last)) => self.dates.add_range(first, last),
            None => self.dates.add_day(text),
        }
        .map_err(TimingError::new)
    }

    /// Adds a calendar and what becomes of fires on its days.
    pub fn add(&mut self, calendar: Arc<Calendar>, action: CalendarAction) {
        match action {
            CalendarAction::Exclude => self.excluded.push(calendar),
            CalendarAction::Include => self.included.push(calendar),
            CalendarAction::NextBusinessDay => self.moving.push((calendar, Direction::Next)),
            CalendarAction::PreviousBusinessDay => {
                self.moving.push((calendar, Direction::Previous));
            }
        }
    }

    /// Whether a fire may end up in a month that its fields do not name.
    pub(super) fn moves(&self) -> bool {
        !self.moving.is_empty()
    }

    /// The first and the last month in which something can fire, whatever its own days are.
    pub(super) fn months(&self) -> (i64, i64) {
        if self.included.is_empty() {
            return (i64::MIN, i64::MAX);
        }
        // Without a day in any of them there is no month: one that ends before it begins.
        self.included
            .iter()
            .filter_map(|calendar| calendar.months())
            .reduce(|(first, last), (from, to)| (first.min(from), last.max(to)))
            .unwrap_or((1, 0))
    }

    /// The days of a month on which something fires whose own days in each month are `own`.
    pub(super) fn days(&self, month: i64, own: impl Fn(i64) -> u32) -> u32 {
        if !self.moves() {
            let own = own(month);
            // Most months of a yearly schedule have no days: nothing else need be asked then.
            return if own == 0 { 0 } else { own & self.open(month) };
        }
        let here = self.month(month, own(month));
        let mut days = own(month) & here.business;
        for n in members(here.forward) {
            days |= lowest(above(here.business, n));
        }
        for n in members(here.backward) {
            days |= highest(here.business & below(n));
        }
        if self.source_before(month, &here, &own).is_some() {
            days |= lowest(here.business);
        }
        if self.source_after(month, &here, &own).is_some() {
            days |= highest(here.business);
        }
        days
    }

    /// The day from which a fire moved to `day`, which is one of `days` and not its own: the nearest.
    pub(super) fn source(&self, day: i64, own: impl Fn(i64) -> u32) -> Option<i64> {
        let (month, n) = month_of(day);
        let here = self.month(month, own(month));
        let first = first_of(month);
        let since = below(n) & !up_to_highest(here.business & below(n));
        let until = match lowest(above(here.business, n)) {
            0 => u32::MAX,
            next => next - 1,
        };
        if let Some(n) = (here.forward & since).checked_ilog2() {
            return Some(first + i64::from(n));
        }
        if here.business & below(n) == 0
            && let Some(source) = self.source_before(month, &here, &own)
        {
            return Some(source);
        }
        let later = above(here.backward, n) & until;
        if later != 0 {
            return Some(first + i64::from(later.trailing_zeros()));
        }
        (above(here.business, n) == 0)
            .then(|| self.source_after(month, &here, &own))
            .flatten()
    }

    /// The days of a month on which each partial exclude takes something away.
    pub(super) fn partial_days(&self, month: i64) -> Vec<u32> {
        self.partial
            .iter()
            .map(|fields| fields.own_days_in(month))
            .collect()
    }

    /// The times that each partial exclude takes away on its days.
    pub(super) fn partial_times(&self) -> &[Times] {
        &self.partial_times
    }

    /// The nearest day of an earlier month from which fires move to this month's first business day.
    fn source_before(&self, month: i64, here: &Month, own: &impl Fn(i64) -> u32) -> Option<i64> {
        let target = first_of(month)
            + i64::from(
                here.business
                    .checked_ilog2()
                    .map(|_| here.business.trailing_zeros())?,
            );
        for earlier in (month - FARTHEST_MONTHS..month).rev() {
            let days = self.month(earlier, own(earlier));
            let waiting = days.forward & !up_to_highest(days.business);
            if let Some(n) = waiting.checked_ilog2() {
                let source = first_of(earlier) + i64::from(n);
                return (target - source <= FARTHEST).then_some(source);
            }
            if days.business != 0 {
                break;
            }
        }
        None
    }

    /// The nearest day of a later month from which fires move to this month's last business day.
    fn source_after(&self, month: i64, here: &Month, own: &impl Fn(i64) -> u32) -> Option<i64> {
        let target = first_of(month) + i64::from(here.business.checked_ilog2()?);
        let later: Range<i64> = month + 1..month + 1 + FARTHEST_MONTHS;
        for later in later {
            let days = self.month(later, own(later));
            let waiting = match lowest(days.business) {
                0 => days.backward,
                first => days.backward & (first - 1),
            };
            if waiting != 0 {
                let source = first_of(later) + i64::from(waiting.trailing_zeros());
                return (source - target <= FARTHEST).then_some(source);
            }
            if days.business != 0 {
                break;
            }
        }
        None
    }

    fn month(&self, month: i64, own: u32) -> Month {
        let open = self.open(month);
        let mut business = open;
        let (mut forward, mut backward) = (0, 0);
        for (calendar, direction) in &self.moving {
            let days = calendar.days_in(month);
            // The first calendar that has a day decides where its fires go.
            let first = days & business;
            match direction {
                Direction::Next => forward |= first,
                Direction::Previous => backward |= first,
            }
            business &= !days;
        }
        Month {
            business,
            forward: forward & own,
            backward: backward & own,
        }
    }

    /// The days of a month that are not left out.
    fn open(&self, month: i64) -> u32 {
        let mut days = below(length(month)) & !self.dates.days_in(month);
        for calendar in &self.excluded {
            days &= !calendar.days_in(month);
        }
        for fields in &self.whole {
            days &= !fields.own_days_in(month);
        }
        if !self.included.is_empty() {
            days &= self
                .included
                .iter()
                .fold(0, |kept, calendar| kept | calendar.days_in(month));
        }
        days
    }
}

impl Timing {
    /// Without the fires that a filter takes away, and with those that it moves where it moves them.
    ///
    /// # Errors
    ///
    /// If nothing is left, and for `@every`, which knows no local time.
    pub fn restricted(mut self, filter: &Arc<Filter>) -> Result<Self, TimingError> {
        match &mut self.rule {
            Rule::Every(_) => Err(TimingError::new(
                "@every counts from the last fire and knows no local time that could be left out or \
                 moved; use a cron expression",
            )),
            Rule::At(_) => Err(TimingError::new(
                "@at names its one instant itself: nothing of it can be left out or moved",
            )),
            Rule::Local(fields) => {
                fields.filter = Some(filter.clone());
                if fields.can_fire() {
                    Ok(self)
                } else {
                    Err(TimingError::new(
                        "never fires: excludes and calendars leave nothing of it",
                    ))
                }
            }
        }
    }
}

/// The numbers of the days in a set.
fn members(days: u32) -> impl Iterator<Item = u32> {
    super::times::members(days.into())
}

/// The days after day `n`.
fn above(days: u32, n: u32) -> u32 {
    days & !(below(n) | 1 << n)
}

/// The days before day `n`.
fn below(n: u32) -> u32 {
    (1 << n) - 1
}

fn lowest(days: u32) -> u32 {
    days & days.wrapping_neg()
}

fn highest(days: u32) -> u32 {
    days.checked_ilog2().map_or(0, |n| 1 << n)
}

/// All days up to the last of some.
fn up_to_highest(days: u32) -> u32 {
    days.checked_ilog2().map_or(0, |n| below(n) | 1 << n)
}
