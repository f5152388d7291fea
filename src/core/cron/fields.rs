//! Which local readings match: arithmetic on a clock that just runs, without any zone.
//!
//! A reading is what the local clock shows, in seconds since it would have shown 1970-01-01
//! 00:00:00; a day is that divided by 86,400.

use super::days::Days;
use super::gregorian::{first_of, length, month_of, weekday};
use std::ops::RangeInclusive;

const DAY: i64 = 86_400;

/// The calendar repeats after 400 years, so what has no match in these months never has one.
const CALENDAR_MONTHS: i64 = 400 * 12;

/// The fields of an expression as sets of bits.
#[derive(Clone, Debug)]
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
}

/// The years from 1970 to 2100 that match, as bits; or any year at all.
#[derive(Clone, Debug)]
pub(super) enum Years {
    Any,
    Listed([u64; 3]),
}

impl Fields {
    /// Whether some date matches at all.
    pub(super) fn can_fire(&self) -> bool {
        self.day_from(0).is_some()
    }

    /// The first matching reading that is not before `reading`.
    pub(super) fn at_or_after(&self, reading: i64) -> Option<i64> {
        let (day, time) = split(reading);
        let today = self.day_from(day)?;
        if today > day {
            return Some(today * DAY + self.time_from(0)?);
        }
        match self.time_from(time) {
            Some(time) => Some(day * DAY + time),
            None => Some(self.day_from(day + 1)? * DAY + self.time_from(0)?),
        }
    }

    /// The last matching reading that is not after `reading`.
    pub(super) fn at_or_before(&self, reading: i64) -> Option<i64> {
        let (day, time) = split(reading);
        let today = self.day_to(day)?;
        if today < day {
            return Some(today * DAY + self.time_to(DAY - 1)?);
        }
        match self.time_to(time) {
            Some(time) => Some(day * DAY + time),
            None => Some(self.day_to(day - 1)? * DAY + self.time_to(DAY - 1)?),
        }
    }

    /// How many readings match in [from, to).
    pub(super) fn count(&self, from: i64, to: i64) -> u64 {
        if from >= to {
            return 0;
        }
        let ((first, from), (last, to)) = (split(from), split(to));
        let whole = self.days_before(last, first) * self.times_before(DAY);
        let early = if self.has_day(first) {
            self.times_before(from)
        } else {
            0
        };
        let late = if self.has_day(last) {
            self.times_before(to)
        } else {
            0
        };
        whole + late - early
    }

    fn has_day(&self, day: i64) -> bool {
        let (month, day) = month_of(day);
        has(self.days_in(month).into(), day)
    }

    fn day_from(&self, day: i64) -> Option<i64> {
        let (month, day) = month_of(day);
        let this = self.days_in(month) >> day << day;
        if this != 0 {
            return Some(first_of(month) + i64::from(this.trailing_zeros()));
        }
        let years = self.years.months();
        let next = (month + 1).max(*years.start());
        let end = (*years.end()).min(next + CALENDAR_MONTHS - 1);
        (next..=end).find_map(|month| {
            let days = self.days_in(month);
            (days != 0).then(|| first_of(month) + i64::from(days.trailing_zeros()))
        })
    }

    fn day_to(&self, day: i64) -> Option<i64> {
        let (month, day) = month_of(day);
        let this = self.days_in(month) << (31 - day) >> (31 - day);
        if this != 0 {
            return Some(first_of(month) + i64::from(this.ilog2()));
        }
        let years = self.years.months();
        let previous = (month - 1).min(*years.end());
        let start = (*years.start()).max(previous - CALENDAR_MONTHS + 1);
        (start..=previous).rev().find_map(|month| {
            let days = self.days_in(month);
            (days != 0).then(|| first_of(month) + i64::from(days.ilog2()))
        })
    }

    /// How many days match in [first, last).
    fn days_before(&self, last: i64, first: i64) -> u64 {
        let ((from, early), (to, late)) = (month_of(first), month_of(last));
        let months: u32 = (from..to)
            .map(|month| self.days_in(month).count_ones())
            .sum();
        u64::from(
            months + below(self.days_in(to).into(), late) - below(self.days_in(from).into(), early),
        )
    }

    /// The matching days of a month, as bits from 0 for the first.
    fn days_in(&self, month: i64) -> u32 {
        let (year, of_year) = (month.div_euclid(12), month.rem_euclid(12));
        if self.months >> (of_year + 1) & 1 == 0 || !self.years.contains(year) {
            return 0;
        }
        self.days.in_month(weekday(first_of(month)), length(month))
    }

    fn time_from(&self, time: i64) -> Option<i64> {
        let (hour, minute, second) = clock(time);
        let (first_minute, first_second) = (lowest(self.minutes, 0)?, lowest(self.seconds, 0)?);
        if has(self.hours.into(), hour) {
            if has(self.minutes, minute)
                && let Some(second) = lowest(self.seconds, second)
            {
                return Some(time_of(hour, minute, second));
            }
            if let Some(minute) = lowest(self.minutes, minute + 1) {
                return Some(time_of(hour, minute, first_second));
            }
        }
        Some(time_of(
            lowest(self.hours.into(), hour + 1)?,
            first_minute,
            first_second,
        ))
    }

    fn time_to(&self, time: i64) -> Option<i64> {
        let (hour, minute, second) = clock(time);
        let (last_minute, last_second) = (highest(self.minutes, 60)?, highest(self.seconds, 60)?);
        if has(self.hours.into(), hour) {
            if has(self.minutes, minute)
                && let Some(second) = highest(self.seconds, second + 1)
            {
                return Some(time_of(hour, minute, second));
            }
            if let Some(minute) = highest(self.minutes, minute) {
                return Some(time_of(hour, minute, last_second));
            }
        }
        Some(time_of(
            highest(self.hours.into(), hour)?,
            last_minute,
            last_second,
        ))
    }

    /// How many times of a day match before `time`.
    fn times_before(&self, time: i64) -> u64 {
        let (hour, minute, second) = clock(time);
        let mut minutes = below(self.hours.into(), hour) * self.minutes.count_ones();
        let mut seconds = 0;
        if has(self.hours.into(), hour) {
            minutes += below(self.minutes, minute);
            if has(self.minutes, minute) {
                seconds = below(self.seconds, second);
            }
        }
        u64::from(minutes * self.seconds.count_ones() + seconds)
    }
}

impl Years {
    /// The months in which a match is possible: without this, a search from far away would end
    /// before it comes to them.
    fn months(&self) -> RangeInclusive<i64> {
        match self {
            Years::Any => i64::MIN..=i64::MAX,
            Years::Listed(_) => 1970 * 12..=2100 * 12 + 11,
        }
    }

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

fn split(reading: i64) -> (i64, i64) {
    (reading.div_euclid(DAY), reading.rem_euclid(DAY))
}

fn clock(time: i64) -> (u32, u32, u32) {
    let time = time as u32;
    (time / 3600, time / 60 % 60, time % 60)
}

fn time_of(hour: u32, minute: u32, second: u32) -> i64 {
    i64::from(hour * 3600 + minute * 60 + second)
}

fn has(bits: u64, n: u32) -> bool {
    bits >> n & 1 == 1
}

/// The lowest bit from `n` on.
fn lowest(bits: u64, n: u32) -> Option<u32> {
    let rest = bits >> n << n;
    (rest != 0).then(|| rest.trailing_zeros())
}

/// The highest bit below `n`.
fn highest(bits: u64, n: u32) -> Option<u32> {
    (bits & ((1 << n) - 1)).checked_ilog2()
}

/// How many bits are set below `n`.
fn below(bits: u64, n: u32) -> u32 {
    (bits & ((1 << n) - 1)).count_ones()
}
