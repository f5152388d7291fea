//! The times of an event that recurs. The rules themselves are the `rrule` crate's.

use std::collections::BTreeSet;

use jiff::{
    ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use rrule::RRuleSet;

use super::{
    ImportError,
    event::{Event, Start},
};

/// Rules that began before this year would be walked for too long.
const EARLIEST: i16 = 1900;

/// The days of every year that an event takes: if it is so plain that they are the same in each, and
/// it has begun by `from`.
pub fn yearly(event: &Event, from: Date) -> Option<Vec<(i8, i8)>> {
    let (_, rule) = event.rule.as_ref()?;
    let start = event.start.date();
    let last = event.last_day(event.start);
    let plain = event.more_starts.is_empty() && event.not_starts.is_empty() && start <= from;
    if !plain || last > start.saturating_add(30.days()) {
        return None;
    }
    for part in rule.to_ascii_uppercase().split(';') {
        let same = match part.split_once('=')? {
            ("FREQ", value) => value == "YEARLY",
            ("INTERVAL", value) => value == "1",
            ("BYMONTH", value) => value.parse() == Ok(start.month()),
            ("BYMONTHDAY", value) => value.parse() == Ok(start.day()),
            ("WKST", _) => true,
            _ => false,
        };
        if !same {
            return None;
        }
    }
    let has_month_day = |rule: &str| rule.to_ascii_uppercase().contains("BYMONTHDAY=");
    let by_month_day = has_month_day(rule);
    // A day of the month alone is one of every month.
    if by_month_day && !rule.to_ascii_uppercase().contains("BYMONTH=") {
        return None;
    }
    let days: Vec<Date> = start
        .series(1.day())
        .take_while(|&day| day <= last)
        .collect();
    // What goes over the end of February is of another length in leap years.
    let end_of_february = |day: &Date| day.month() == 2 && day.day() >= 28;
    if days.len() > 1 && days.iter().any(end_of_february) {
        return None;
    }
    Some(days.iter().map(|day| (day.month(), day.day())).collect())
}

/// When an event begins, up to `until`.
pub fn starts(event: &Event, until: Date) -> Result<BTreeSet<DateTime>, ImportError> {
    let mut starts = BTreeSet::from([event.start]);
    if let Some((line, rule)) = &event.rule {
        let named = |message: String| {
            let message = format!("event \"{}\": RRULE: {message}", event.name);
            ImportError::at(*line, message)
        };
        starts.extend(by_rule(event, rule, until).map_err(named)?);
    }
    starts.extend(&event.more_starts);
    let (mut days, mut times) = (BTreeSet::new(), BTreeSet::new());
    for not in &event.not_starts {
        match not {
            Start::Day(day) => days.insert(*day),
            Start::Time(time) => times.insert(*time),
        };
    }
    starts.retain(|start| !days.contains(&start.date()) && !times.contains(start));
    Ok(starts)
}

/// All of it is reckoned on the clock, which is what a rule is about: UTC stands for any zone.
fn by_rule(event: &Event, rule: &str, until: Date) -> Result<Vec<DateTime>, String> {
    if event.start.year() < EARLIEST {
        return Err(format!(
            "it began before {EARLIEST}: let its DTSTART be later"
        ));
    }
    if event.start.date() > until {
        return Ok(Vec::new());
    }
    let rule = bounded(event, rule, until)?;
    let text = format!("DTSTART:{}\nRRULE:{rule}", written(event.start));
    let set: RRuleSet = text.parse().map_err(|error| format!("{error}"))?;
    let found = set.all(u16::MAX);
    if found.limited {
        return Err(
            "it has too many times, or none: choose an earlier --until, or correct it".into(),
        );
    }
    let on_clock = |seconds: i64| {
        let instant = jiff::Timestamp::from_second(seconds).ok()?;
        Some(TimeZone::UTC.to_datetime(instant))
    };
    Ok(found
        .dates
        .iter()
        .filter_map(|date| on_clock(date.timestamp()))
        .collect())
}

/// The rule with an end, and without what makes more than days.
fn bounded(event: &Event, rule: &str, until: Date) -> Result<String, String> {
    let mut last = until.at(23, 59, 59, 0);
    let mut kept = Vec::new();
    let mut counted = false;
    for part in rule
        .to_ascii_uppercase()
        .split(';')
        .filter(|part| !part.is_empty())
    {
        let (name, value) = part
            .split_once('=')
            .ok_or_else(|| format!("\"{part}\" is no part of a rule: write NAME=VALUE"))?;
        match (name, value) {
            ("FREQ", "SECONDLY" | "MINUTELY" | "HOURLY") => {
                return Err(format!(
                    "FREQ={value} is about times of day, and a calendar has only days: use DAILY, \
                     WEEKLY, MONTHLY or YEARLY"
                ));
            }
            ("BYHOUR" | "BYMINUTE" | "BYSECOND", _) => {
                return Err(format!(
                    "{name} is about times of day, and a calendar has only days: leave it out"
                ));
            }
            ("UNTIL", value) => last = last.min(end(event, value)?),
            _ => {
                counted |= name == "COUNT";
                kept.push(part.to_owned());
            }
        }
    }
    if !counted {
        // Both together are not allowed.
        kept.push(format!("UNTIL={}", written(last)));
    }
    Ok(kept.join(";"))
}

/// The last time that UNTIL allows, on the clock of the event.
fn end(event: &Event, value: &str) -> Result<DateTime, String> {
    let unread = || format!("UNTIL={value} is neither a date nor a time");
    let (text, utc) = match value.strip_suffix('Z') {
        Some(text) => (text, true),
        None => (value, false),
    };
    if let Ok(day) = Date::strptime("%Y%m%d", text) {
        return Ok(day.at(23, 59, 59, 0));
    }
    let time = DateTime::strptime("%Y%m%dT%H%M%S", text).map_err(|_| unread())?;
    match utc {
        true => event.zone.bring(time, &TimeZone::UTC),
        false => Ok(time),
    }
}

fn written(time: DateTime) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}
