//! Which local readings match: arithmetic on a clock that just runs, without any zone.
//!
//! A reading is what the local clock shows, in seconds since it would have shown 1970-01-01
//! 00:00:00; a day is that divided by 86,400.

use super::days::Days;
use super::filter::{FARTHEST_MONTHS, Filter};
use super::gregorian::{first_of, length, month_of, weekday};
use super::times::{DAY, Rest, Times};
use std::{collections::HashMap, ops::RangeInclusive, sync::Arc};

/// The calendar repeats after 400 years, so what has no match in these months never has one.
const CALENDAR_MONTHS: i64 = 400 * 12;

/// The months from the first to the last that a year field or a date can name.
const FIRST_DATED: i64 = 1970 * 12;
const LAST_DATED: i64 = 2100 * 12 + 11;

/// The fields of an expression as sets of bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u32,
    pub(super) days: Days,
    /// Bits 1 to 12.
    pub(super) months: u16,
    pub(super) years: Years,
    /// Neither the minute nor the hour starts with `*`: clock changes neither repeat nor skip it.
    pub(super) fixed: bool,
    /// What takes days and times away from these, or moves them.
    pub(super) filter: Option<Arc<Filter>>,
}

/// The years from 1970 to 2100 that match, as bits; or any year at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Years {
    Any,
    Listed([u64; 3]),
}

/// What searches have learned of the days that match and yet have no time left: sets of partial
/// excludes which, where they meet, leave nothing of a day. Without this a search would look at each
/// day of 400 years to find that nothing is left at all.
///
/// No set contains another, which bounds their number by that of the partial excludes.
#[derive(Default)]
pub(super) struct Spent(Vec<u64>);

impl Spent {
    /// Some days of a month without those of which nothing is left, as far as is known. `partial` has
    /// the days of each partial exclude.
    fn without(&self, days: u32, partial: &[u32]) -> u32 {
        let mut left = days;
        for &culprits in &self.0 {
            if left == 0 {
                break;
            }
            left &= !meeting(culprits, left, partial);
        }
        left
    }

    /// Adds a set, and says which days are left of some that all the others have left.
    fn learn(&mut self, culprits: u64, days: u32, partial: &[u32]) -> u32 {
        self.0.push(culprits);
        days & !meeting(culprits, days, partial)
    }
}

impl Fields {
    /// Whether some local time matches at all.
    pub(super) fn can_fire(&self) -> bool {
        // The first years that fields or dates can name, and what a calendar may move before them.
        let first = first_of(FIRST_DATED - FARTHEST_MONTHS);
        self.at_or_after(first * DAY, &mut Spent::default())
            .is_some()
    }

    /// The first matching reading that is not before `reading`. Searches that belong together share
    /// what they learn in `spent`.
    pub(super) fn at_or_after(&self, reading: i64, spent: &mut Spent) -> Option<i64> {
        let (from, mut time) = split(reading);
        for month in self.months_from(from) {
            if self.passes_by(month) {
                continue;
            }
            let mut days = self.days_in(month);
            let first = first_of(month);
            if first < from {
                days = days >> (from - first) << (from - first);
            }
            if days == 0 {
                continue;
            }
            let partial = self.partial_days(month);
            days = spent.without(days, &partial);
            while days != 0 {
                let n = days.trailing_zeros();
                let day = first + i64::from(n);
                let rest = self.rest(touching(n, &partial));
                if day != from {
                    time = 0;
                }
                if let Some(time) = rest.from(time) {
                    return Some(day * DAY + time);
                }
                days &= !(1 << n);
                if time == 0 {
                    days = spent.learn(rest.culprits(), days, &partial);
                }
            }
        }
        None
    }

    /// The last matching reading that is not after `reading`, as `at_or_after` has the first.
    pub(super) fn at_or_before(&self, reading: i64, spent: &mut Spent) -> Option<i64> {
        let (to, mut time) = split(reading);
        for month in self.months_to(to).rev() {
            if self.passes_by(month) {
                continue;
            }
            let mut days = self.days_in(month);
            let first = first_of(month);
            if to - first < 31 {
                days = days << (31 - (to - first)) >> (31 - (to - first));
            }
            if days == 0 {
                continue;
            }
            let partial = self.partial_days(month);
            days = spent.without(days, &partial);
            while let Some(n) = days.checked_ilog2() {
                let day = first + i64::from(n);
                let rest = self.rest(touching(n, &partial));
                if day != to {
                    time = DAY - 1;
                }
                if let Some(time) = rest.to(time) {
                    return Some(day * DAY + time);
                }
                days &= !(1 << n);
                if time == DAY - 1 {
                    days = spent.learn(rest.culprits(), days, &partial);
                }
            }
        }
        None
    }

    /// How many readings match in [from, to).
    pub(super) fn count(&self, from: i64, to: i64) -> u64 {
        if from >= to {
            return 0;
        }
        let ((first, from), (last, to)) = (split(from), split(to));
        let mut count = self.times_on(last, to);
        if !self.has_partial() {
            count += self.days_before(last, first) * self.times().all();
        } else {
            let mut counts = HashMap::new();
            for month in month_of(first).0..=month_of(last).0 {
                let start = first_of(month);
                let days = self.days_in(month) & !before(first - start) & before(last - start);
                for (less, days) in alike(days, &self.partial_days(month)) {
                    let rest = self.rest(less);
                    let times = *counts.entry(less).or_insert_with(|| rest.before(DAY));
                    count += times * u64::from(days.count_ones());
                }
            }
        }
        count - self.times_on(first, from)
    }

    /// The nearest day from which a calendar moved what fires on `day`, unless `day` is itself one
    /// that the fields name.
    pub(super) fn moved_from(&self, day: i64) -> Option<i64> {
        let (month, n) = month_of(day);
        let filter = self.filter.as_ref().filter(|filter| filter.moves())?;
        if self.own_days_in(month) >> n & 1 == 1 {
            return None;
        }
        filter.source(day, |month| self.own_days_in(month))
    }

    pub(super) fn times(&self) -> Times {
        Times {
            seconds: self.seconds,
            minutes: self.minutes,
            hours: self.hours,
        }
    }

    /// The days of a month that the fields name, as bits from 0 for the first.
    pub(super) fn own_days_in(&self, month: i64) -> u32 {
        let (year, of_year) = (month.div_euclid(12), month.rem_euclid(12));
        if self.months >> (of_year + 1) & 1 == 0 || !self.years.contains(year) {
            return 0;
        }
        self.days.in_month(weekday(first_of(month)), length(month))
    }

    /// The days of a month that are left when the filter has had its say.
    fn days_in(&self, month: i64) -> u32 {
        match &self.filter {
            None => self.own_days_in(month),
            Some(filter) => filter.days(month, |month| self.own_days_in(month)),
        }
    }

    /// How many days match in [first, last).
    fn days_before(&self, last: i64, first: i64) -> u64 {
        let ((from, early), (to, late)) = (month_of(first), month_of(last));
        let months: u32 = (from..to)
            .map(|month| self.days_in(month).count_ones())
            .sum();
        let part = |month: i64, n: u32| (self.days_in(month) & ((1 << n) - 1)).count_ones();
        u64::from(months + part(to, late) - part(from, early))
    }

    /// How many times match before `time` on a day.
    fn times_on(&self, day: i64, time: i64) -> u64 {
        let (month, n) = month_of(day);
        if self.days_in(month) >> n & 1 == 0 {
            return 0;
        }
        self.rest(touching(n, &self.partial_days(month)))
            .before(time)
    }

    fn has_partial(&self) -> bool {
        self.filter
            .as_ref()
            .is_some_and(|filter| !filter.partial_times().is_empty())
    }

    fn partial_days(&self, month: i64) -> Vec<u32> {
        self.filter
            .as_ref()
            .map_or_else(Vec::new, |filter| filter.partial_days(month))
    }

    /// What is left of the times on days that some excludes touch.
    fn rest(&self, less: u64) -> Rest<'_> {
        Rest {
            of: self.times(),
            others: self
                .filter
                .as_ref()
                .map_or(&[], |filter| filter.partial_times()),
            less,
        }
    }

    /// Whether the month field alone says that nothing matches, which is quick to tell. With a filter
    /// it doesn't, since a calendar may move a fire into another month.
    fn passes_by(&self, month: i64) -> bool {
        self.filter.is_none() && self.months >> (month.rem_euclid(12) + 1) & 1 == 0
    }

    /// The months from that of a day on in which a match is possible.
    fn months_from(&self, day: i64) -> RangeInclusive<i64> {
        let (first, last) = self.bounds();
        let month = month_of(day).0.max(first);
        month..=last.min(month.max(LAST_DATED + FARTHEST_MONTHS) + CALENDAR_MONTHS)
    }

    /// The months up to that of a day in which a match is possible.
    fn months_to(&self, day: i64) -> RangeInclusive<i64> {
        let (first, last) = self.bounds();
        let month = month_of(day).0.min(last);
        first.max(month.min(FIRST_DATED - FARTHEST_MONTHS) - CALENDAR_MONTHS)..=month
    }

    /// The months that the year field and calendars allow. A calendar may move fires out of their
    /// year, but not off the days of one that keeps only its own.
    fn bounds(&self) -> (i64, i64) {
        let (first, last) = self
            .filter
            .as_ref()
            .map_or((i64::MIN, i64::MAX), |filter| filter.months());
        let moves = self.filter.as_ref().is_some_and(|filter| filter.moves());
        let room = if moves { FARTHEST_MONTHS } else { 0 };
        match self.years {
            Years::Any => (first, last),
            Years::Listed(_) => (first.max(FIRST_DATED - room), last.min(LAST_DATED + room)),
        }
    }
}

impl Years {
    fn contains(&self, year: i64) -> bool {
        match (self, usize::try_from(year - 1970)) {
            (Years::Any, _) => true,
            (Years::Listed(bits), Ok(n)) => bits
                .get(n / 64)
                .is_some_and(|word| word >> (n % 64) & 1 == 1),
            (Years::Listed(_), Err(_)) => false,
        }
    }
}

/// Which excludes touch day `n` of a month, where `partial` has the days of each.
fn touching(n: u32, partial: &[u32]) -> u64 {
    (0..).zip(partial).fold(0, |less, (bit, days)| {
        less | u64::from(days >> n & 1) << bit
    })
}

/// Those of some days of a month on which all of a set of partial excludes meet.
fn meeting(mut culprits: u64, mut days: u32, partial: &[u32]) -> u32 {
    while culprits != 0 && days != 0 {
        days &= partial[culprits.trailing_zeros() as usize];
        culprits &= culprits - 1;
    }
    days
}

/// Parts days of a month by the excludes that touch them: such days have the same times.
fn alike(mut days: u32, partial: &[u32]) -> Vec<(u64, u32)> {
    let mut parts = Vec::new();
    while days != 0 {
        let less = touching(days.trailing_zeros(), partial);
        let same = (0..).zip(partial).fold(days, |same, (bit, touched)| {
            same & if less >> bit & 1 == 1 {
                *touched
            } else {
                !touched
            }
        });
        parts.push((less, same));
        days &= !same;
    }
    parts
}

/// The days of a month before its day `n` from 0, which may lie outside of it.
fn before(n: i64) -> u32 {
    (1 << n.clamp(0, 31)) - 1
}

fn split(reading: i64) -> (i64, i64) {
    (reading.div_euclid(DAY), reading.rem_euclid(DAY))
}
