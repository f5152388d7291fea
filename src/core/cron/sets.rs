//! The fields as sets of bits.
//!
//! Each field is checked by `field`, so that an error can name it, and rewritten into the stricter
//! dialect of the `cron` crate (numbers only, ranges that do not wrap, Sunday as 1), which expands
//! it into the set that becomes our bits. What that crate has no words for (`L`, `W`, `#`, either
//! day field matching) stays with `days`.

use super::days::Days;
use super::dialect::{Question, Rules};
use super::error::Mistake;
use super::field::{DAY_OF_MONTH, DAY_OF_WEEK, Field, HOUR, MINUTE, MONTH, Reader, SECOND, YEAR};
use super::fields::{Fields, Years};
use super::quote::value;
use cron::{Schedule, TimeUnitSpec};
use std::str::FromStr;

/// Second, minute, hour, day of month, month, day of week and year.
pub(super) type Words<'a> = [&'a str; 7];

/// The readings that match the words.
pub(super) fn sets<'a>(
    words: Words<'a>,
    rules: &'static Rules,
    seed: Option<u64>,
) -> Result<Fields, Mistake<'a>> {
    let [second, minute, hour, day_of_month, month, day_of_week, year] = words;
    let both = day_of_week.strip_prefix('+').filter(|_| rules.both);
    let (day_of_week, both) = (both.unwrap_or(day_of_week), both.is_some());
    if both && day_of_week.is_empty() {
        let mistake = Mistake::new(words[5], "+ has no day behind it");
        return Err(mistake.within(DAY_OF_WEEK.name));
    }
    let (free_of_month, free_of_week) = (rules.free.is(day_of_month), rules.free.is(day_of_week));
    let mut days = Days::new(free_of_month || both, free_of_week);

    // In the order of the text, so that the first mistake is the one that is told.
    let reader = |field: &'static Field| Reader { field, rules, seed };
    let seconds = reader(&SECOND).items(second)?;
    let minutes = reader(&MINUTE).items(minute)?;
    let hours = reader(&HOUR).items(hour)?;
    let of_month = match question(day_of_month, rules) {
        true => Some("*".to_owned()),
        false => reader(&DAY_OF_MONTH).others(day_of_month, |item, reader| {
            days.take_day_of_month(item, reader)
        })?,
    };
    let months = reader(&MONTH).items(month)?;
    let of_week = match question(day_of_week, rules) {
        true => Some("*".to_owned()),
        false => reader(&DAY_OF_WEEK).others(day_of_week, |item, reader| {
            days.take_day_of_week(item, reader)
        })?,
    };
    let years = reader(&YEAR).items(year)?;
    day_fields(day_of_month, day_of_week, rules)?;

    let (some_of_month, some_of_week) = (of_month.is_some(), of_week.is_some());
    let of_month = of_month.unwrap_or_else(|| "*".to_owned());
    let of_week = of_week.unwrap_or_else(|| "*".to_owned());
    let sets = format!("{seconds} {minutes} {hours} {of_month} {months} {of_week} {years}");
    // Unreachable as far as is known; if not, the words of that crate are better than a panic.
    let sets =
        Schedule::from_str(&sets).map_err(|error| Mistake::new(minute, error.to_string()))?;
    if some_of_month {
        days.of_month = bits(sets.days_of_month(), 1) as u32;
    }
    if some_of_week {
        days.of_week |= bits(sets.days_of_week(), 1) as u8;
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
        let both = both || free_of_month || free_of_week;
        let joined = if both { "on" } else { "or" };
        Err(never([day_of_month, month, day_of_week, year], joined))
    }
}

/// The field is Quartz's `?`, which leaves the day to the other.
fn question(field: &str, rules: &Rules) -> bool {
    field == "?" && rules.question == Question::OneDayField
}

/// What a dialect asks of the day fields beyond their items.
fn day_fields<'a>(
    day_of_month: &'a str,
    day_of_week: &'a str,
    rules: &Rules,
) -> Result<(), Mistake<'a>> {
    if rules.lone_special && day_of_week.contains(',') && day_of_week.contains(['L', 'l', '#']) {
        let why = format!(
            "{} has an L or # in a list; it must stand alone",
            value(day_of_week)
        );
        return Err(Mistake::new(day_of_week, why).within(DAY_OF_WEEK.name));
    }
    if rules.question != Question::OneDayField || (day_of_month == "?") != (day_of_week == "?") {
        return Ok(());
    }
    let why = "exactly one of day of month and day of week must be ?";
    Err(Mistake::new(day_of_week, why))
}

fn never<'a>([day_of_month, month, day_of_week, year]: [&'a str; 4], joined: &str) -> Mistake<'a> {
    let any = |word| matches!(word, "*" | "?");
    let mut days = format!("day of month {}", value(day_of_month));
    if !any(day_of_week) {
        days += &format!(" {joined} day of week {}", value(day_of_week));
    }
    let mut month = format!("month {}", value(month));
    if !any(year) {
        month += &format!(" of {}", value(year));
    }
    let why = format!("never fires: {days} does not exist in {month}");
    Mistake::new(day_of_month, why)
}

/// The field runs through its values from the first: a clock change does not stop its beat.
fn starred(field: &str) -> bool {
    field.starts_with(['*', '?', '/'])
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
