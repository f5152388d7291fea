//! The language of expressions.
//!
//! Users write crontab's dialect with 5 to 7 fields. Each field is checked here, so that an error
//! can name it, and rewritten into the stricter dialect of the `cron` crate (numbers only, ranges
//! that do not wrap, Sunday as 1), which expands it into the set that becomes our bits. What that
//! crate has no words for (`L`, `W`, `#`, either day field matching) stays with `days`.

use super::days::Days;
use super::fields::{Fields, Years};
use super::{MAX_LENGTH, Rule, TimingError, every};
use cron::{Schedule, TimeUnitSpec};
use std::str::FromStr;

const SHORTHANDS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A field: its name in messages and what it allows.
pub(super) struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    allowed: &'static str,
    /// In order from `min`.
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const SECOND: Field = Field {
    name: "second",
    min: 0,
    max: 59,
    allowed: "0-59",
    names: &[],
};
const MINUTE: Field = Field {
    name: "minute",
    ..SECOND
};
const HOUR: Field = Field {
    name: "hour",
    max: 23,
    allowed: "0-23",
    ..SECOND
};
const DAY_OF_MONTH: Field = Field {
    name: "day of month",
    min: 1,
    max: 31,
    allowed: "1-31",
    names: &[],
};
const MONTH: Field = Field {
    name: "month",
    min: 1,
    max: 12,
    allowed: "1-12 or JAN-DEC",
    names: &MONTHS,
};
/// 7 is taken as 0 where a value is read, so that Sunday has one number from there on.
const DAY_OF_WEEK: Field = Field {
    name: "day of week",
    min: 0,
    max: 6,
    allowed: "0-7 or SUN-SAT",
    names: &WEEKDAYS,
};
const YEAR: Field = Field {
    name: "year",
    min: 1970,
    max: 2100,
    allowed: "1970-2100",
    names: &[],
};

/// Reads an expression.
pub(super) fn parse(expression: &str) -> Result<Rule, TimingError> {
    if expression.len() > MAX_LENGTH {
        return Err(TimingError(format!(
            "the schedule is longer than {MAX_LENGTH} bytes"
        )));
    }
    let text = expression.trim();
    if text.is_empty() {
        return Err(TimingError("the schedule is empty".to_owned()));
    }
    let read = if text.starts_with('@') {
        shorthand(text)
    } else {
        fields(text).map(Rule::Local)
    };
    read.map_err(|TimingError(why)| TimingError(format!("{why} (in {})", quote(text))))
}

fn shorthand(text: &str) -> Result<Rule, TimingError> {
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let name = name.to_ascii_lowercase();
    if name == "@every" {
        return every::parse(rest.trim()).map(Rule::Every);
    }
    if name == "@reboot" {
        return Err(TimingError(
            "@reboot is not a time: a cluster does not reboot".to_owned(),
        ));
    }
    match SHORTHANDS.iter().find(|(known, _)| *known == name) {
        Some((_, meaning)) if rest.is_empty() => fields(meaning).map(Rule::Local),
        _ => Err(TimingError(format!(
            "{} is not one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @every <duration>",
            value(text)
        ))),
    }
}

fn fields(text: &str) -> Result<Fields, TimingError> {
    let first = text
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase();
    if first.starts_with("TZ=") || first.starts_with("CRON_TZ=") {
        return Err(TimingError(
            "the time zone goes into timeZone, not before the schedule".to_owned(),
        ));
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let [second, minute, hour, day_of_month, month, day_of_week, year] = match words[..] {
        [m, h, d, n, w] => ["0", m, h, d, n, w, "*"],
        [s, m, h, d, n, w] => [s, m, h, d, n, w, "*"],
        [s, m, h, d, n, w, y] => [s, m, h, d, n, w, y],
        _ => {
            return Err(TimingError(format!(
                "a schedule has 5 fields (minute, hour, day of month, month, day of week), 6 (second first) \
                 or 7 (year last), not {}",
                words.len()
            )));
        }
    };

    let mut days = Days::default();
    let (day_items, week_items) = (
        DAY_OF_MONTH.others(day_of_month, |item| {
            days.take_day_of_month(&DAY_OF_MONTH, item)
        })?,
        DAY_OF_WEEK.others(day_of_week, |item| {
            days.take_day_of_week(&DAY_OF_WEEK, item)
        })?,
    );
    let no_more = |_: &str| Ok(false);
    let sets = Schedule::from_str(&format!(
        "{} {} {} {} {} {} {}",
        SECOND.others(second, no_more)?.unwrap_or_default(),
        MINUTE.others(minute, no_more)?.unwrap_or_default(),
        HOUR.others(hour, no_more)?.unwrap_or_default(),
        day_items.as_deref().unwrap_or("*"),
        MONTH.others(month, no_more)?.unwrap_or_default(),
        week_items.as_deref().unwrap_or("*"),
        YEAR.others(year, no_more)?.unwrap_or_default(),
    ))
    .map_err(|error| TimingError(error.to_string()))?;

    if day_items.is_some() {
        days.of_month = bits(sets.days_of_month(), 1) as u32;
    }
    if week_items.is_some() {
        days.of_week = bits(sets.days_of_week(), 1) as u8;
    }
    days.any_of_month = starred(day_of_month);
    days.any_of_week = starred(day_of_week);
    let fields = Fields {
        seconds: bits(sets.seconds(), 0),
        minutes: bits(sets.minutes(), 0),
        hours: bits(sets.hours(), 0) as u32,
        days,
        months: bits(sets.months(), 0) as u16,
        years: if sets.years().is_all() {
            Years::Any
        } else {
            Years::Listed(years(&sets))
        },
        fixed: !starred(minute) && !starred(hour),
    };
    if fields.can_fire() {
        return Ok(fields);
    }
    let weekday = if starred(day_of_week) {
        String::new()
    } else {
        format!(" on day of week {}", value(day_of_week))
    };
    let year = if year == "*" {
        String::new()
    } else {
        format!(" of {}", value(year))
    };
    Err(TimingError(format!(
        "never fires: day of month {}{weekday} does not exist in month {}{year}",
        value(day_of_month),
        value(month)
    )))
}

/// The field matches anything, in crontab's sense: `*/2` does too.
fn starred(field: &str) -> bool {
    field.starts_with(['*', '?'])
}

fn bits(set: &impl TimeUnitSpec, first: u32) -> u64 {
    set.iter().fold(0, |bits, n| bits | 1 << (n - first))
}

fn years(sets: &Schedule) -> [u64; 3] {
    let mut bits = [0; 3];
    for n in sets.years().iter().map(|year| (year - YEAR.min) as usize) {
        bits[n / 64] |= 1 << (n % 64);
    }
    bits
}

impl Field {
    /// The items of a field in the `cron` crate's dialect, without those that `take` takes; none if
    /// it takes all.
    fn others(
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

/// A value in a message: bare if it is plain, and never long.
pub(super) fn value(text: &str) -> String {
    let plain = !text.is_empty()
        && text.len() <= 32
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    if plain { text.to_owned() } else { quote(text) }
}

/// Text in a message: quoted, without control characters, and never long.
pub(super) fn quote(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}
