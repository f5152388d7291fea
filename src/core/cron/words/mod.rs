//! What an expression means, in words for a person. Reads the text field by field, once `grammar`
//! has taken it; what `H` stands for comes from the sets that were read.

mod days;
mod parts;
mod times;

use jiff::{Timestamp, tz::TimeZone};

use super::dialect::Rules;
use super::fields::Fields;
use super::grammar;
use super::sets::Words as Texts;
use super::{Options, Rule, Timing, TimingError};
use crate::api::{Gap, Overlap};
use parts::Field;

/// Bits 1 to 12.
const ALL_MONTHS: u16 = 0x1ffe;

/// An expression in words. Each is a sentence without its full stop, and none is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// When it fires: `At 02:30 on every day from Monday to Friday, in Europe/Berlin`.
    pub when: String,
    /// What happens where the clock changes.
    pub clock_changes: String,
    /// What each `H` stands for; none if there is none.
    pub hashed: Option<String>,
}

/// Says in words what [`Timing::read`] reads. Clock changes are told of as they are after `from`.
///
/// # Errors
///
/// As [`Timing::read`].
pub fn explain(
    expression: &str,
    zone: &TimeZone,
    options: &Options,
    from: Timestamp,
) -> Result<Words, TimingError> {
    let timing = Timing::read(expression, zone.clone(), options)?;
    // A prefix of the expression may have named another.
    let zone = &timing.zone;
    let place = zone.iana_name().unwrap_or("local time");
    let unmoved = |when: String, why: &str| Words {
        when,
        clock_changes: format!("It is {why}, so clock changes don't matter"),
        hashed: None,
    };
    Ok(match &timing.rule {
        Rule::Every(seconds) => {
            let elapsed = duration(*seconds);
            let when = format!(
                "Every {elapsed} of elapsed time, counted from the last fire, at first from the creation"
            );
            unmoved(when, "elapsed time")
        }
        Rule::At(at) => {
            let fire = Timestamp::from_second(at.fire).unwrap_or(Timestamp::MAX);
            let when = format!("Once, at {}, in {place}", timing.describe_local(fire));
            match (at.local, timing.meant(fire), timing.is_first_of_two(fire)) {
                (None, ..) | (Some(_), None, None) => unmoved(when, "one instant"),
                (Some(_), Some(meant), _) => Words {
                    when,
                    clock_changes: format!(
                        "The clock skips {meant}, so it fires at the first instant after the gap"
                    ),
                    hashed: None,
                },
                (Some(local), None, Some(first)) => Words {
                    when,
                    clock_changes: format!(
                        "The clock shows {local} twice, and it fires the {} time",
                        if first { "first" } else { "last" }
                    ),
                    hashed: None,
                },
            }
        }
        Rule::Local(fields) => {
            let (when, hashed) = match grammar::fields(expression, options.dialect) {
                Some((texts, rules)) => sentence(texts, fields, rules),
                // Whatever is read as fields has them, so this is never said.
                None => (
                    format!("When the clock matches {}", expression.trim()),
                    None,
                ),
            };
            Words {
                when: format!("{when}, in {place}"),
                clock_changes: clock_changes(zone, fields.fixed, options, from),
                hashed,
            }
        }
    })
}

fn sentence(texts: Texts<'_>, fields: &Fields, rules: &Rules) -> (String, Option<String>) {
    let [second, minute, hour, day, month, weekday, year] = texts;
    let mut hashed = Vec::new();
    let mut read = |text: &str, what: &str, kind: parts::Kind, found: Vec<u32>| {
        let field = Field::read(text, kind, rules, &found);
        if parts::is_hashed(text) {
            hashed.push(format!("{text} is {what} {}", parts::shown(&field, kind)));
        }
        field
    };
    let second = read(
        second,
        "second",
        parts::Kind::Sixty,
        bits(fields.seconds, 0),
    );
    let minute = read(
        minute,
        "minute",
        parts::Kind::Sixty,
        bits(fields.minutes, 0),
    );
    let hour = read(
        hour,
        "hour",
        parts::Kind::Hour,
        bits(fields.hours.into(), 0),
    );
    let mut day_of_month = read(
        day,
        "day",
        parts::Kind::Day,
        bits(fields.days.of_month.into(), 1),
    );
    let mut month = read(
        month,
        "month",
        parts::Kind::Month,
        bits(fields.months.into(), 0),
    );
    let mut day_of_week = read(
        weekday,
        "day of the week",
        parts::Kind::Weekday,
        bits(fields.days.of_week.into(), 0),
    );
    let year = Field::read(year, parts::Kind::Year, rules, &[]);
    // Either of two fields may match, and one may have all days in parts, so the sets say it.
    if fields.days.are_all() {
        (day_of_month, day_of_week) = (Field::every(), Field::every());
    }
    if fields.months == ALL_MONTHS {
        month = Field::every();
    }

    let time = times::time(&second, &minute, &hour);
    let both = rules.free.is(day) || rules.free.is(weekday) || weekday.starts_with('+');
    let on = days::days(&day_of_month, &day_of_week, &month, both);
    let mut when = time.text;
    match (on, time.points) {
        (Some(on), true) => when = format!("{when} {on}"),
        (Some(on), false) => when = format!("{when}, {on}"),
        (None, true) => when += " on every day",
        (None, false) => {}
    }
    if let Some(years) = days::years(&year) {
        when = format!("{when}, {years}");
    }
    let hashed = (!hashed.is_empty()).then(|| hashed.join(", "));
    (when, hashed)
}

fn clock_changes(zone: &TimeZone, fixed: bool, options: &Options, from: Timestamp) -> String {
    if zone.following(from).next().is_none() {
        let place = zone.iana_name().unwrap_or("the zone");
        return format!("The clock of {place} does not change any more");
    }
    let gap = options
        .clock_changes
        .gap
        .unwrap_or(if fixed { Gap::RunAfter } else { Gap::Skip });
    let overlap =
        options
            .clock_changes
            .overlap
            .unwrap_or(if fixed { Overlap::First } else { Overlap::Both });
    let kind = if fixed { "Fixed" } else { "Repeating" };
    let gap = match gap {
        Gap::RunAfter => "fires at the first instant after the gap",
        Gap::Skip => "does not fire",
    };
    let overlap = match overlap {
        Overlap::First => "fires the first time",
        Overlap::Last => "fires the last time",
        Overlap::Both => "fires both times",
    };
    format!("{kind}: a time that the clock skips {gap}, one that it shows twice {overlap}")
}

/// Whole seconds, at least one, as `1 hour 30 minutes`.
fn duration(seconds: i64) -> String {
    let units = [
        (seconds / 86_400, "day"),
        (seconds / 3600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let shown: Vec<String> = units
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    shown.join(" ")
}

/// The numbers of the bits that are set, counted from `first`.
fn bits(bits: u64, first: u32) -> Vec<u32> {
    (0..64)
        .filter(|n| bits >> n & 1 == 1)
        .map(|n| n + first)
        .collect()
}

/// `a, b and c`.
fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

/// `2nd`, `11th`.
fn ordinal(n: u32) -> String {
    let ending = match (n % 10, n % 100) {
        (1, ones) if ones != 11 => "st",
        (2, ones) if ones != 12 => "nd",
        (3, ones) if ones != 13 => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}
