//! Which days of a month match: the two day fields, together.

use super::error::Mistake;
use super::field::{Reader, number};
use super::gregorian::every_week;
use super::quote::value;

/// The day-of-month and day-of-week fields.
///
/// Days of a month are bits 0-30 for days 1-31; days of a week are bits 0-6 for Sunday to Saturday.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Days {
    pub(super) of_month: u32,
    pub(super) of_week: u8,
    /// The field only takes days away, since it is not restricted or both must match.
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

    /// Whether every day of every month matches.
    pub(super) fn are_all(&self) -> bool {
        (28..=31).all(|length| (0..7).all(|first| self.in_month(first, length) == ones(length)))
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
    /// false if it is not of that kind, or of a kind that the dialect does not have.
    pub(super) fn take_day_of_month<'a>(
        &mut self,
        item: &'a str,
        reader: &Reader,
    ) -> Result<bool, Mistake<'a>> {
        if !reader.rules.special_days {
            return Ok(false);
        }
        if item.eq_ignore_ascii_case("L") {
            self.before_last |= 1;
        } else if item.eq_ignore_ascii_case("LW") {
            self.last_weekday = true;
        } else if reader.rules.before_last
            && let Some(before) = item.strip_prefix(['L', 'l'])
            && let Some(before) = before.strip_prefix('-')
        {
            match number(before) {
                Some(n) if n <= 30 && (1..=2).contains(&before.len()) => self.before_last |= 1 << n,
                _ if before.ends_with(['W', 'w']) => {
                    let why = format!(
                        "{} is not supported; write LW (the last weekday of the month), or a day \
                         such as {} without the W",
                        value(item),
                        value(&item[..item.len() - 1])
                    );
                    return Err(Mistake::new(item, why));
                }
                _ => {
                    let why = format!("{} is not in L-0 to L-30", value(item));
                    return Err(Mistake::new(item, why));
                }
            }
        } else if let Some(day) = item.strip_suffix(['W', 'w']) {
            self.weekday_near |= 1 << (reader.value(day, item)? - 1);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes an item of the day-of-week field that counts weeks of the month; false if it is not of
    /// that kind, or of a kind that the dialect does not have.
    pub(super) fn take_day_of_week<'a>(
        &mut self,
        item: &'a str,
        reader: &Reader,
    ) -> Result<bool, Mistake<'a>> {
        if !reader.rules.special_days {
            return Ok(false);
        }
        if let Some(day) = item.strip_suffix(['L', 'l']) {
            if !day.is_empty() {
                self.last_of_week |= 1 << (reader.value(day, item)? % 7);
            } else if reader.rules.last_weekday {
                self.of_week |= 1 << 6;
            } else {
                let why = format!("{item} needs a day before it, as in 5L (the last Friday)");
                return Err(Mistake::new(item, why));
            }
        } else if let Some((day, n)) = item.split_once('#') {
            let day = reader.value(day, item)? % 7;
            match number(n) {
                Some(nth @ 1..=5) => self.nth_of_week[nth as usize - 1] |= 1 << day,
                _ => {
                    let why = format!("#{} is not in #1 to #5", value(n));
                    return Err(Mistake::new(item, why));
                }
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
