//! Import: from the text of an iCalendar file (RFC 5545) to the days that its events touch.
//!
//! Only days come out of it: times of day, attendees and alarms don't matter. What can't be told
//! for certain is an error with its line, since a calendar that is wrong by a day is worse than none.

mod event;
mod lines;
mod recurrence;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{ToSpan, civil::Date};

use crate::api::{CalendarSpec, DateRange, MOST_DATES, MOST_RANGES};
use event::Event;

/// The largest file that is read, in bytes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// How many days an import may have.
const MAX_DAYS: usize = 10_000;

/// How many events may recur.
const MAX_RECURRING: usize = 1000;

/// How often all of them may begin: half a million times take a second.
const MAX_STARTS: usize = 100_000;

/// Why a file can't be imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
pub struct ImportError {
    /// Counts from 1.
    pub line: Option<usize>,
    pub message: String,
}

impl ImportError {
    fn at(line: usize, message: impl Into<String>) -> Self {
        Self {
            line: Some(line),
            message: message.into(),
        }
    }

    fn whole(message: impl Into<String>) -> Self {
        Self {
            line: None,
            message: message.into(),
        }
    }
}

/// What an import came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The days, without a description.
    pub spec: CalendarSpec,
    /// How many events gave a day.
    pub events: usize,
    /// What the calendar calls itself.
    pub title: Option<String>,
    /// The names of the events by the dates, and the first dates of ranges, of `spec`.
    pub names: BTreeMap<String, String>,
}

/// The days from `from` to `until`, both included, that the events of a file touch. An event of every
/// year that began before `from` becomes a day of every year.
///
/// # Errors
///
/// What can't be read, with its line; too many days; none at all.
pub fn import(text: &str, from: Date, until: Date) -> Result<Imported, ImportError> {
    if text.len() > MAX_BYTES {
        let message = "the file is larger than 4 MiB: export fewer events";
        return Err(ImportError::whole(message));
    }
    if from > until {
        let message = format!("from {from} until {until} there is no day: swap them");
        return Err(ImportError::whole(message));
    }
    let file = event::read(text)?;
    let recurring = file.events.iter().filter(|event| event.recurs()).count();
    if recurring > MAX_RECURRING {
        let message = format!("{recurring} events recur, and at most {MAX_RECURRING} may");
        return Err(ImportError::whole(message));
    }
    let mut days = Days::default();
    for event in &file.events {
        let touched = match recurrence::yearly(event, from) {
            Some(yearly) => days.add_yearly(&yearly, event),
            None => days.add(event, from, until)?,
        };
        days.events += usize::from(touched);
        if days.dated.len() + days.yearly.len() > MAX_DAYS {
            let message = format!(
                "there are more than {MAX_DAYS} days by this event: choose a shorter time with --from \
                 and --until"
            );
            return Err(ImportError::at(event.line, message));
        }
    }
    days.finished(file.title, from, until)
}

#[derive(Default)]
struct Days {
    dated: BTreeMap<Date, BTreeSet<String>>,
    /// By month and day.
    yearly: BTreeMap<(i8, i8), BTreeSet<String>>,
    events: usize,
    /// How often events have begun so far, also on other days.
    starts: usize,
}

impl Days {
    /// True if the event has a day at all.
    fn add(&mut self, event: &Event, from: Date, until: Date) -> Result<bool, ImportError> {
        let mut any = false;
        let starts = recurrence::starts(event, until)?;
        self.starts += starts.len();
        if self.starts > MAX_STARTS {
            let message = format!(
                "by this event there are more than {MAX_STARTS} times: choose an earlier --until, or let \
                 rules begin later"
            );
            return Err(ImportError::at(event.line, message));
        }
        for start in starts {
            let first = start.date();
            let last = event.last_day(start);
            if last < from || first > until {
                continue;
            }
            any = true;
            let span = first.max(from).series(1.day());
            for day in span.take_while(|&day| day <= last.min(until)) {
                let names = self.dated.entry(day).or_default();
                names.insert(event.name.clone());
                if self.dated.len() > MAX_DAYS {
                    break;
                }
            }
        }
        Ok(any)
    }

    fn add_yearly(&mut self, days: &[(i8, i8)], event: &Event) -> bool {
        for day in days {
            let names = self.yearly.entry(*day).or_default();
            names.insert(event.name.clone());
        }
        true
    }

    fn finished(
        mut self,
        title: Option<String>,
        from: Date,
        until: Date,
    ) -> Result<Imported, ImportError> {
        let yearly = &self.yearly;
        self.dated
            .retain(|day, _| !yearly.contains_key(&(day.month(), day.day())));
        let mut spec = CalendarSpec::default();
        let mut names = BTreeMap::new();
        for ((month, day), of) in self.yearly {
            let date = format!("{month:02}-{day:02}");
            names.insert(date.clone(), joined(&of));
            spec.dates.push(date);
        }
        for (first, last, of) in runs(self.dated) {
            names.insert(first.to_string(), joined(&of));
            // Two days are as short one by one.
            if first.saturating_add(2.days()) <= last {
                spec.ranges.push(DateRange {
                    first: first.to_string(),
                    last: last.to_string(),
                });
            } else {
                spec.dates.push(first.to_string());
                if first < last {
                    names.insert(last.to_string(), joined(&of));
                    spec.dates.push(last.to_string());
                }
            }
        }
        let (dates, ranges) = (spec.dates.len(), spec.ranges.len());
        if dates > MOST_DATES || ranges > MOST_RANGES {
            return Err(ImportError::whole(format!(
                "{dates} dates and {ranges} ranges are more than the {MOST_DATES} and {MOST_RANGES} that \
                 a calendar may have: choose a shorter time with --from and --until"
            )));
        }
        if dates + ranges == 0 {
            return Err(ImportError::whole(format!(
                "no event has a day from {from} until {until}: choose another time with --from and \
                 --until"
            )));
        }
        Ok(Imported {
            spec,
            events: self.events,
            title,
            names,
        })
    }
}

/// Neighbouring days of the same events, as first and last day.
fn runs(days: BTreeMap<Date, BTreeSet<String>>) -> Vec<(Date, Date, BTreeSet<String>)> {
    let mut runs: Vec<(Date, Date, BTreeSet<String>)> = Vec::new();
    for (day, names) in days {
        match runs.last_mut() {
            Some((_, last, of))
                if last.tomorrow().is_ok_and(|next| next == day) && *of == names =>
            {
                *last = day;
            }
            _ => runs.push((day, day, names)),
        }
    }
    runs
}

/// A name for people, of one line.
fn joined(names: &BTreeSet<String>) -> String {
    const MOST: usize = 100;
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let line: String = names.join(", ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
