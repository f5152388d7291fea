//! What an expression means, in words for a person. Reads the text field by field, once `grammar`
//! has taken it; what `H` stands for comes from the sets that were read.

mod days;
mod parts;
mod times;

use jiff::{Timestamp, tz::TimeZone};

use super::fields::Fields;
use super::grammar;
use super::{Dialect, Options, Rule, Timing, TimingError};
use crate::api::{Gap, Overlap};
use parts::Field;

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
    let place = zone.iana_name().unwrap_or("local time");
    let (when, fixed, hashed) = match &timing.rule {
        Rule::Every(seconds) => {
            return Ok(Words {
                when: format!(
                    "Every {} of elapsed time, counted from the last fire, at first from the creation",
                    duration(*seconds)
                ),
                clock_changes: "It knows no zone, so clock changes don't matter".to_owned(),
                hashed: None,
            });
        }
        Rule::Local(fields) => match split(expression, options.dialect) {
            Some(texts) => sentence(&texts, fields, options.dialect),
            // The grammar takes a form that this file has not heard of.
            None => (
                format!("When the clock matches {}", expression.trim()),
                fields.fixed,
                None,
            ),
        },
    };
    Ok(Words {
        when: format!("{when}, in {place}"),
        clock_changes: clock_changes(zone, fixed, options, from),
        hashed,
    })
}

/// The texts of the seven fields: second, minute, hour, day of month, month, day of week, year.
type Texts = [String; 7];

fn split(expression: &str, dialect: Dialect) -> Option<Texts> {
    let text = expression.trim();
    let text = grammar::SHORTHANDS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text))
        .map_or(text, |(_, fields)| fields);
    let mut words: Vec<&str> = text.split_whitespace().collect();
    if words.first().is_some_and(|word| word.contains('=')) {
        words.remove(0); // `CRON_TZ=` where the dialect has it
    }
    let fields = match (dialect, &words[..]) {
        (_, &[m, h, d, n, w]) => ["0", m, h, d, n, w, "*"],
        (Dialect::Cronexpr, &[m, h, d, n, w, y]) => ["0", m, h, d, n, w, y],
        (_, &[s, m, h, d, n, w]) => [s, m, h, d, n, w, "*"],
        (_, &[s, m, h, d, n, w, y]) => [s, m, h, d, n, w, y],
        _ => return None,
    };
    Some(fields.map(str::to_owned))
}

fn sentence(texts: &Texts, fields: &Fields, dialect: Dialect) -> (String, bool, Option<String>) {
    let [second, minute, hour, day, month, weekday, year] = texts;
    let mut hashed = Vec::new();
    let mut read = |text: &str, what: &str, kind: parts::Kind, found: Vec<u32>| {
        let field = Field::read(text, kind, dialect, &found);
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
    let day_of_month = read(
        day,
        "day",
        parts::Kind::Day,
        bits(fields.days.of_month.into(), 1),
    );
    let month = read(
        month,
        "month",
        parts::Kind::Month,
        bits(fields.months.into(), 0),
    );
    let day_of_week = read(
        weekday,
        "day of the week",
        parts::Kind::Weekday,
        bits(fields.days.of_week.into(), 0),
    );
    let year = Field::read(year, parts::Kind::Year, dialect, &[]);

    let time = times::time(&second, &minute, &hour);
    let both = [day, weekday]
        .iter()
        .any(|text| text.starts_with(['*', '?', '+']));
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
    (when, fields.fixed, hashed)
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
