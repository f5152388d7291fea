//! The time of day in words.

use super::parts::{Field, Part, last};
use super::{list, ordinal};

/// The most times of a day that are told one by one.
const MOST_TIMES: usize = 6;

/// When on a day.
pub(super) struct Time {
    pub(super) text: String,
    /// It is a list of times, after which a sentence goes on with the days.
    pub(super) points: bool,
}

pub(super) fn time(second: &Field, minute: &Field, hour: &Field) -> Time {
    let points = |text| Time { text, points: true };
    let beat = |text| Time {
        text,
        points: false,
    };
    if let Some(times) = clock_times(second, minute, hour) {
        return points(format!("At {}", list(&times)));
    }
    let Some(s) = second.single() else {
        if let (Some(m), Some(h)) = (minute.single(), hour.single()) {
            let span = format!("from {h:02}:{m:02}:00 to {h:02}:{m:02}:59");
            return beat(joined(&[seconds(second), Some(span)]));
        }
        return beat(joined(&[
            seconds(second),
            within_minutes(minute),
            within_hours(hour),
        ]));
    };
    if let Some(m) = minute.single() {
        let tail = if s == 0 {
            format!(":{m:02}")
        } else {
            format!(":{m:02}:{s:02}")
        };
        match hour.parts[..] {
            [Part::Every] => return beat(format!("Every hour at {tail}")),
            [Part::Span { from, to, step }] => {
                let to = last(from, to, step, (0, 24));
                let every = every(step, "hour");
                return beat(format!("{every} from {from:02}{tail} to {to:02}{tail}"));
            }
            _ => {}
        }
    }
    let at = (s != 0).then(|| format!("at second {s}"));
    beat(joined(&[Some(minutes(minute)), at, within_hours(hour)]))
}

fn joined(parts: &[Option<String>]) -> String {
    let parts: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
    parts.join(", ")
}

/// All times of a day, if they are few.
fn clock_times(second: &Field, minute: &Field, hour: &Field) -> Option<Vec<String>> {
    let (seconds, minutes, hours) = (second.values()?, minute.values()?, hour.values()?);
    if seconds.len() * minutes.len() * hours.len() > MOST_TIMES {
        return None;
    }
    let mut times = Vec::new();
    for h in &hours {
        for m in &minutes {
            for s in &seconds {
                times.push(match (&seconds[..], s) {
                    ([0], _) => format!("{h:02}:{m:02}"),
                    (_, s) => format!("{h:02}:{m:02}:{s:02}"),
                });
            }
        }
    }
    Some(times)
}

/// `Every 5 minutes`: how often, where the second is one.
fn minutes(minute: &Field) -> String {
    match minute.parts[..] {
        [Part::Every] => return "Every minute".to_owned(),
        [
            Part::Span {
                from: 0,
                to: 59,
                step,
            },
        ] if 60 % step == 0 => return every(step, "minute"),
        _ => {}
    }
    let spans: Vec<String> = minute
        .parts
        .iter()
        .filter_map(|part| match *part {
            Part::Span { from, to, step } => Some(format!(
                "{} from :{from:02}{} to :{:02}",
                every(step, "minute").to_lowercase(),
                if to < from { " over :00" } else { "" },
                last(from, to, step, (0, 60))
            )),
            _ => None,
        })
        .collect();
    let ones: Vec<String> = ones(minute).map(|n| format!(":{n:02}")).collect();
    let mut phrases = spans;
    if !ones.is_empty() {
        phrases.push(format!("at {}", list(&ones)));
    }
    capital(&format!("{} of each hour", list(&phrases)))
}

/// `Every 10 seconds`: how often, where the second is not one.
fn seconds(second: &Field) -> Option<String> {
    Some(match second.parts[..] {
        [Part::Every] => "Every second".to_owned(),
        [
            Part::Span {
                from: 0,
                to: 59,
                step,
            },
        ] if 60 % step == 0 => every(step, "second"),
        _ => {
            let mut phrases: Vec<String> = second
                .parts
                .iter()
                .filter_map(|part| match *part {
                    Part::Span { from, to, step } => Some(format!(
                        "{} from second {from} to {}",
                        every(step, "second").to_lowercase(),
                        last(from, to, step, (0, 60))
                    )),
                    _ => None,
                })
                .collect();
            let ones: Vec<String> = ones(second).map(|n| n.to_string()).collect();
            match &ones[..] {
                [] => {}
                [one] => phrases.push(format!("at second {one}")),
                several => phrases.push(format!("at seconds {}", list(several))),
            }
            capital(&format!("{} of each minute", list(&phrases)))
        }
    })
}

/// The minutes in which something happens; none if in all.
fn within_minutes(minute: &Field) -> Option<String> {
    if minute.is_every() {
        return None;
    }
    let phrase = |part: &Part| match *part {
        Part::Span { from, to, step: 1 } => Some(format!("in minutes {from} to {to}")),
        Part::Span { from, to, step } => Some(format!(
            "in every {} minute from {from} to {}",
            ordinal(step),
            last(from, to, step, (0, 60))
        )),
        _ => None,
    };
    let mut phrases: Vec<String> = minute.parts.iter().filter_map(phrase).collect();
    let ones: Vec<String> = ones(minute).map(|n| n.to_string()).collect();
    match &ones[..] {
        [] => {}
        [one] => phrases.push(format!("in minute {one}")),
        several => phrases.push(format!("in minutes {}", list(several))),
    }
    Some(format!("{} of each hour", list(&phrases)))
}

/// The hours in which something happens; none if in all.
fn within_hours(hour: &Field) -> Option<String> {
    if hour.is_every() {
        return None;
    }
    let phrase = |part: &Part| match *part {
        Part::Span { from, to, step: 1 } => Some(format!("from {from:02}:00 to {to:02}:59")),
        Part::Span { from, to, step } => Some(format!(
            "in every {} hour from {from:02} to {:02}",
            ordinal(step),
            last(from, to, step, (0, 24))
        )),
        Part::One(h) => Some(format!("from {h:02}:00 to {h:02}:59")),
        _ => None,
    };
    let phrases: Vec<String> = match hour.values() {
        Some(hours) if hours.len() > 1 => {
            let hours: Vec<String> = hours.iter().map(|h| format!("{h:02}")).collect();
            return Some(format!("in the hours {}", list(&hours)));
        }
        _ => hour.parts.iter().filter_map(phrase).collect(),
    };
    Some(list(&phrases))
}

fn ones(field: &Field) -> impl Iterator<Item = u32> {
    let mut ones: Vec<u32> = field
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::One(value) => Some(*value),
            _ => None,
        })
        .collect();
    ones.sort_unstable();
    ones.dedup();
    ones.into_iter()
}

/// `Every hour`, `Every 2 hours`.
fn every(step: u32, unit: &str) -> String {
    match step {
        1 => format!("Every {unit}"),
        step => format!("Every {step} {unit}s"),
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
