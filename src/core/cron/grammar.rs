//! The language of expressions.
//!
//! Users write crontab's dialect with 5 to 7 fields. Each is checked by `field`, so that an error
//! can name it, and rewritten into the stricter dialect of the `cron` crate (numbers only, ranges
//! that do not wrap, Sunday as 1), which expands it into the set that becomes our bits. What that
//! crate has no words for (`L`, `W`, `#`, either day field matching) stays with `days`.

use super::days::Days;
use super::field::{DAY_OF_MONTH, DAY_OF_WEEK, HOUR, MINUTE, MONTH, SECOND, YEAR};
use super::fields::{Fields, Years};
use super::quote::{quote, value};
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
    let words: Vec<&str> = text.split_whitespace().collect();
    if let Some((name, _)) = words.first().and_then(|word| word.split_once('='))
        && ["TZ", "CRON_TZ"]
            .iter()
            .any(|zone| name.eq_ignore_ascii_case(zone))
    {
        return Err(TimingError(
            "the time zone goes into timeZone, not before the schedule".to_owned(),
        ));
    }
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

    // In the order of the text, so that the first mistake is the one that is told.
    let mut days = Days::new(starred(day_of_month), starred(day_of_week));
    let seconds = SECOND.items(second)?;
    let minutes = MINUTE.items(minute)?;
    let hours = HOUR.items(hour)?;
    let of_month = DAY_OF_MONTH.others(day_of_month, |item| days.take_day_of_month(item))?;
    let months = MONTH.items(month)?;
    let of_week = DAY_OF_WEEK.others(day_of_week, |item| days.take_day_of_week(item))?;
    let years = YEAR.items(year)?;

    let (some_of_month, some_of_week) = (of_month.is_some(), of_week.is_some());
    let of_month = of_month.unwrap_or_else(|| "*".to_owned());
    let of_week = of_week.unwrap_or_else(|| "*".to_owned());
    let sets = format!("{seconds} {minutes} {hours} {of_month} {months} {of_week} {years}");
    let sets = Schedule::from_str(&sets).map_err(|error| TimingError(error.to_string()))?;
    if some_of_month {
        days.of_month = bits(sets.days_of_month(), 1) as u32;
    }
    if some_of_week {
        days.of_week = bits(sets.days_of_week(), 1) as u8;
    }
    let fields = Fields {
        seconds: bits(sets.seconds(), 0),
        minutes: bits(sets.minutes(), 0),
        hours: bits(sets.hours(), 0) as u32,
        days,
        months: bits(sets.months(), 0) as u16,
        years: match year {
            "*" | "?" => Years::Any,
            _ => Years::Listed(year_bits(&sets)),
        },
        fixed: !starred(minute) && !starred(hour),
        filter: None,
    };
    if fields.can_fire() {
        Ok(fields)
    } else {
        Err(never([day_of_month, month, day_of_week, year]))
    }
}

fn never([day_of_month, month, day_of_week, year]: [&str; 4]) -> TimingError {
    let any = |word| matches!(word, "*" | "?");
    let mut days = format!("day of month {}", value(day_of_month));
    if !any(day_of_week) {
        let both = starred(day_of_month) || starred(day_of_week);
        let joined = if both { "on" } else { "or" };
        days += &format!(" {joined} day of week {}", value(day_of_week));
    }
    let mut month = format!("month {}", value(month));
    if !any(year) {
        month += &format!(" of {}", value(year));
    }
    TimingError(format!("never fires: {days} does not exist in {month}"))
}

/// The field matches anything, in crontab's sense: `*/2` does too.
fn starred(field: &str) -> bool {
    field.starts_with(['*', '?'])
}

fn bits(set: &impl TimeUnitSpec, first: u32) -> u64 {
    set.iter().fold(0, |bits, n| bits | 1 << (n - first))
}

fn year_bits(sets: &Schedule) -> [u64; 3] {
    let mut bits = [0; 3];
    for n in sets.years().iter().map(|year| (year - YEAR.min) as usize) {
        bits[n / 64] |= 1 << (n % 64);
    }
    bits
}
