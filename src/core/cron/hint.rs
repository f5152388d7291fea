//! What was probably meant, added to an error where it is cheap to say.

use super::dialect::{Rules, Weekdays};
use super::field::{
    DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH, MONTHS, SECOND, WEEKDAYS, YEAR, number,
};
use super::quote::value as shown;

/// What `text` may have meant, as the end of a sentence; empty if there is nothing to say.
pub(super) fn value(text: &str, field: &Field, rules: &Rules) -> String {
    let is = |other: &Field| field.name == other.name;
    let number = number(text);
    if (is(&MINUTE) || is(&SECOND)) && number == Some(60) {
        return "; it is 0 of the next one".to_owned();
    }
    if is(&HOUR) && number == Some(24) {
        return "; midnight is 0".to_owned();
    }
    if is(&DAY_OF_WEEK) && number.is_some_and(|n| n >= YEAR.min) {
        return "; a year is the last of 7 fields, of which the second is the first".to_owned();
    }
    if is(&DAY_OF_WEEK) && number.is_some_and(|n| n <= 9) {
        return match rules.weekdays {
            Weekdays::FromZero => "; Sunday is 0",
            Weekdays::ZeroAndSeven | Weekdays::SevenIsZero => "; Sunday is 0 or 7",
            Weekdays::FromOne => "; Sunday is 1",
        }
        .to_owned();
    }
    if let Some((hour, minute)) = text.split_once(':') {
        return time_of_day(hour, minute);
    }
    if let Some(name) = name(text) {
        let home = if MONTHS.contains(&name) {
            MONTH
        } else {
            DAY_OF_WEEK
        };
        return if is(&home) {
            format!("; did you mean {}?", &name[..3])
        } else {
            format!("; {} belongs in the {} field", &name[..3], home.name)
        };
    }
    if text.contains('~') && rules.hash {
        return "; for a value that differs from schedule to schedule write H".to_owned();
    }
    if text.starts_with('+') && rules.both {
        return "; a + stands only before the day of week".to_owned();
    }
    match text.strip_prefix('*') {
        Some(step) if step.parse::<u8>().is_ok() => format!("; did you mean */{step}?"),
        _ => String::new(),
    }
}

/// What a step that is too large may have meant.
pub(super) fn step(text: &str, field: &Field, rules: &Rules) -> String {
    let (unit, next) = match field.name {
        name if name == SECOND.name => ("s", "minute"),
        name if name == MINUTE.name => ("m", "hour"),
        name if name == HOUR.name => ("h", "day"),
        _ => return String::new(),
    };
    let values = if unit == "h" { 24 } else { 60 };
    match number(text) {
        Some(n) if n == values => format!("; for once in each {next} write 0"),
        Some(n) if rules.every && n < 10_000 => {
            format!("; for every {n} {}s use @every {n}{unit}", field.name)
        }
        _ => String::new(),
    }
}

/// What a range that ends before it begins may have meant. `largest` is the field's last value.
pub(super) fn backwards(range: &str, field: &Field, rules: &Rules, largest: u32) -> String {
    let Some((from, to)) = range.split_once('-').filter(|_| field.name != YEAR.name) else {
        return String::new();
    };
    if field.name == DAY_OF_WEEK.name
        && to == "7"
        && let Weekdays::SevenIsZero = rules.weekdays
    {
        let before = joined(from, "6");
        return format!(", since 7 is read as 0; write {before},0");
    }
    let named = |text: &str| text.bytes().all(|b| b.is_ascii_alphabetic());
    let (last, first) = match field.names {
        [first, .., last] if named(from) && named(to) => (last[..3].into(), first[..3].into()),
        // With Sunday as 1 the smallest number is not the field's.
        _ => match (field.name == DAY_OF_WEEK.name, rules.weekdays) {
            (true, Weekdays::FromOne) => (largest.to_string(), "1".to_owned()),
            _ => (largest.to_string(), field.min.to_string()),
        },
    };
    format!("; write {},{}", joined(from, &last), joined(&first, to))
}

/// A range as it is written, or its value if it has but one.
fn joined(from: &str, to: &str) -> String {
    if from.eq_ignore_ascii_case(to) {
        return shown(from);
    }
    format!("{}-{}", shown(from), shown(to))
}

fn time_of_day(hour: &str, minute: &str) -> String {
    match (number(hour), number(minute)) {
        (Some(hour @ 0..=23), Some(minute @ 0..=59)) => {
            format!("; the minute is the first field and the hour the second: {minute} {hour}")
        }
        _ => "; the minute is the first field and the hour the second".to_owned(),
    }
}

/// The only name that begins as the text does, in the first two or three letters.
fn name(text: &str) -> Option<&'static str> {
    let letters = text.len() >= 2 && text.bytes().all(|b| b.is_ascii_alphabetic());
    let start = text.get(..text.len().min(3)).filter(|_| letters)?;
    let mut found = MONTHS
        .into_iter()
        .chain(WEEKDAYS)
        .filter(|name| name[..start.len()].eq_ignore_ascii_case(start));
    found.next().filter(|_| found.next().is_none())
}
