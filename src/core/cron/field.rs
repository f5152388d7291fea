//! One field: what it allows, and its text in the dialect of the `cron` crate.

use super::TimingError;
use super::quote::value;

/// A field: its name in messages and what it allows.
pub(super) struct Field {
    name: &'static str,
    pub(super) min: u32,
    max: u32,
    allowed: &'static str,
    /// In order from `min`.
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

pub(super) const SECOND: Field = Field {
    name: "second",
    min: 0,
    max: 59,
    allowed: "0-59",
    names: &[],
};
pub(super) const MINUTE: Field = Field {
    name: "minute",
    ..SECOND
};
pub(super) const HOUR: Field = Field {
    name: "hour",
    max: 23,
    allowed: "0-23",
    ..SECOND
};
pub(super) const DAY_OF_MONTH: Field = Field {
    name: "day of month",
    min: 1,
    max: 31,
    allowed: "1-31",
    names: &[],
};
pub(super) const MONTH: Field = Field {
    name: "month",
    min: 1,
    max: 12,
    allowed: "1-12 or JAN-DEC",
    names: &MONTHS,
};
/// 7 is read too, and leaves as 0 (see `spans`), so that Sunday has one number from there on.
pub(super) const DAY_OF_WEEK: Field = Field {
    name: "day of week",
    min: 0,
    max: 6,
    allowed: "0-7 or SUN-SAT",
    names: &WEEKDAYS,
};
pub(super) const YEAR: Field = Field {
    name: "year",
    min: 1970,
    max: 2100,
    allowed: "1970-2100",
    names: &[],
};

impl Field {
    /// All items of a field in the `cron` crate's dialect.
    pub(super) fn items(&self, text: &str) -> Result<String, TimingError> {
        Ok(self.others(text, |_| Ok(false))?.unwrap_or_default())
    }

    /// The items of a field in the `cron` crate's dialect, without those that `take` takes; none if
    /// it takes all.
    pub(super) fn others(
        &self,
        text: &str,
        mut take: impl FnMut(&str) -> Result<bool, String>,
    ) -> Result<Option<String>, TimingError> {
        let mut items = Vec::new();
        for item in text.split(',') {
            let mut read = || {
                if item.is_empty() {
                    return Err("a comma has no value beside it".to_owned());
                }
                if item.starts_with(['H', 'h']) {
                    return Err(format!(
                        "{} is not supported yet; write the value",
                        value(item)
                    ));
                }
                if take(item)? {
                    Ok(())
                } else {
                    self.item(item, &mut items)
                }
            };
            read().map_err(|why| TimingError(format!("{}: {why}", self.name)))?;
        }
        Ok((!items.is_empty()).then(|| items.join(",")))
    }

    /// Rewrites a value, a range or a step.
    fn item(&self, item: &str, items: &mut Vec<String>) -> Result<(), String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (item, None),
        };
        let (from, to) = match range.split_once('-') {
            None if matches!(range, "*" | "?") => (self.min, self.max),
            None => match (self.value(range)?, step) {
                (from, Some(_)) if from <= self.max => (from, self.max),
                (value, _) => (value, value),
            },
            Some((from, to)) => (self.value(from)?, self.value(to)?),
        };
        self.spans(from, to, step.unwrap_or(1), items)
    }

    /// Writes a range as one or two that do not wrap around.
    fn spans(&self, from: u32, to: u32, step: u32, items: &mut Vec<String>) -> Result<(), String> {
        // Sunday as 7 can only be the end of a range (1-7) or, alone or as its start, is 0.
        let (from, to) = match (from > self.max, to > self.max) {
            (false, true) if from == self.min => (from, self.max),
            (false, true) => (from, self.min),
            (true, true) => (self.min, self.min),
            (true, false) => (self.min, to),
            (false, false) => (from, to),
        };
        if from <= to {
            items.push(self.span(from, to, step));
            return Ok(());
        }
        if self.name == YEAR.name {
            return Err(format!("{from}-{to} runs backwards"));
        }
        items.push(self.span(from, self.max, step));
        // The steps go on over the end as if the values were a ring: 22-2/3 is 22 and 1.
        let over = (step - 1) - (self.max - from) % step;
        if self.min + over <= to {
            items.push(self.span(self.min + over, to, step));
        }
        Ok(())
    }

    /// One range in the `cron` crate's dialect, which refuses steps that leave the field.
    fn span(&self, from: u32, to: u32, step: u32) -> String {
        let shift = u32::from(self.name == DAY_OF_WEEK.name);
        let (from, to) = (from + shift, to + shift);
        match step {
            _ if step > to - from => from.to_string(),
            1 => format!("{from}-{to}"),
            _ => format!("{from}-{to}/{step}"),
        }
    }

    /// Reads a value; 7 as a day of the week stays 7.
    pub(super) fn value(&self, text: &str) -> Result<u32, String> {
        if let Some(n) = self
            .names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text))
        {
            return Ok(self.min + n as u32);
        }
        let max = if self.name == DAY_OF_WEEK.name {
            7
        } else {
            self.max
        };
        number(text)
            .filter(|n| (self.min..=max).contains(n))
            .ok_or_else(|| format!("{} is not in {}", value(text), self.allowed))
    }

    fn step(&self, text: &str) -> Result<u32, String> {
        let values = self.max - self.min + 1;
        number(text)
            .filter(|n| (1..=values).contains(n))
            .ok_or_else(|| format!("a step of {} is not in 1-{values}", value(text)))
    }
}

fn number(text: &str) -> Option<u32> {
    // `parse` takes a sign, crontabs do not.
    if text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}
