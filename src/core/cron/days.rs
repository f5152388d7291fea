//! Which days of a month match: the two day fields, together.

use super::field::{DAY_OF_MONTH, DAY_OF_WEEK};
use super::gregorian::every_week;

/// The day-of-month and day-of-week fields.
///
/// Days of a month are bits 0-30 for days 1-31; days of a week are bits 0-6 for Sunday to Saturday.
#[derive(Clone, Debug, Default)]
pub(super) struct Days {
    pub(super) of_month: u32,
    pub(super) of_week: u8,
    /// The field starts with `*`: it is not restricted, so it does not add days by itself.
    any_of_month: bool,
    any_of_week: bool,
    /// `L`, `L-3`: bit n is the day n days before the last.
    before_last: u32,
    /// `15W`: the weekday nearest to the day, in the same month.
    weekday_near: u32,
    /// `LW`.
    last_weekday: bool,
    /// `5L`: the last such day of the month.
    last_of_week: u8,
    /// `FRI#2`: the n-th such day of the month, n from 1 to 5.
    nth_of_week: [u8; 5],
}

impl Days {
    pub(super) fn new(any_of_month: bool, any_of_week: bool) -> Self {
        Self {
            any_of_month,
            any_of_week,
            ..Self::default()
        }
    }

    /// The matching days of a month that has `length` days and whose first is the weekday `first`
    /// (0 is Sunday).
    pub(super) fn in_month(&self, first: u32, length: u32) -> u32 {
        let (by_month, by_week) = (self.by_month(first, length), self.by_week(first, length));
        let days = if self.any_of_month || self.any_of_week {
            by_month & by_week
        } else {
            by_month | by_week
        };
        days & ones(length)
    }

    fn by_month(&self, first: u32, length: u32) -> u32 {
        let mut days = self.of_month;
        if self.before_last != 0 {
            days |= self.before_last.reverse_bits() >> (32 - length);
        }
        for day in (0..length).filter(|day| self.weekday_near >> day & 1 == 1) {
            days |= 1 << nearest_weekday(day, first, length);
        }
        if self.last_weekday {
            days |= 1 << nearest_weekday(length - 1, first, length);
        }
        days
    }

    fn by_week(&self, first: u32, length: u32) -> u32 {
        let mut days = every_week(self.of_week, first);
        if self.last_of_week != 0 {
            days |= every_week(self.last_of_week, first) & !ones(length - 7);
        }
        for (n, &of_week) in (0..).zip(&self.nth_of_week) {
            days |= every_week(of_week, first) & (0x7f << (7 * n));
        }
        days
    }

    /// Takes an item of the day-of-month field that means a day by the month's end or by weekdays;
    /// false if it is not of that kind.
    pub(super) fn take_day_of_month(&mut self, item: &str) -> Result<bool, String> {
        let item = item.to_ascii_uppercase();
        if item == "L" {
            self.before_last |= 1;
        } else if item == "LW" {
            self.last_weekday = true;
        } else if let Some(before) = item.strip_prefix("L-") {
            match before.parse::<u32>() {
                Ok(n) if n <= 30 && before.len() <= 2 => self.before_last |= 1 << n,
                _ => {
                    return Err(format!(
                        "{} is not in L-0 to L-30",
                        super::quote::value(&item)
                    ));
                }
            }
        } else if let Some(day) = item.strip_suffix('W') {
            self.weekday_near |= 1 << (DAY_OF_MONTH.value(day)? - 1);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes an item of the day-of-week field that counts weeks of the month; false if it is not of
    /// that kind.
    pub(super) fn take_day_of_week(&mut self, item: &str) -> Result<bool, String> {
        if let Some(day) = item.strip_suffix(['L', 'l']) {
            if day.is_empty() {
                return Err(format!(
                    "{item} needs a day before it, as in 5L (the last Friday)"
                ));
            }
            self.last_of_week |= 1 << (DAY_OF_WEEK.value(day)? % 7);
        } else if let Some((day, n)) = item.split_once('#') {
            let day = DAY_OF_WEEK.value(day)? % 7;
            match n.parse::<usize>() {
                Ok(n @ 1..=5) => self.nth_of_week[n - 1] |= 1 << day,
                _ => return Err(format!("#{} is not in #1 to #5", super::quote::value(n))),
            }
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

/// The weekday nearest to `day` (0 is the month's first) that is in the same month.
fn nearest_weekday(day: u32, first: u32, length: u32) -> u32 {
    match (first + day) % 7 {
        6 if day == 0 => 2,
        6 => day - 1,
        0 if day == length - 1 => day - 2,
        0 => day + 1,
        _ => day,
    }
}

fn ones(n: u32) -> u32 {
    (1 << n) - 1
}
