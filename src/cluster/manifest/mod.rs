//! What people apply, as text: schedule files and Kubernetes manifests → the schedules and calendars
//! in them, and what is wrong, each with its line. Touches nothing.
//!
//! A document with `apiVersion` or `kind` is a manifest; any other is a schedule file.

mod documents;
mod objects;
mod schema;
mod written;

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    sync::Arc,
};

use super::file_source::Place;
use crate::api::CalendarSpec;
use crate::core::{
    almanac::{Almanac, CalendarRef},
    calendar::Calendar,
};

pub use documents::{MAX_BYTES, read};
pub use written::{Wanted, Written};

/// A calendar that a text asks for.
#[derive(Clone, Debug)]
pub struct WrittenCalendar {
    pub reference: CalendarRef,
    pub spec: CalendarSpec,
}

/// Something to say about a place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub file: String,
    pub place: Option<Place>,
    /// What it is about: `namespace/name`, or the name of an entry.
    pub name: Option<String>,
    /// What is wrong and the way out.
    pub message: String,
    /// The expression with a mark under the mistake, in two lines.
    pub pointer: Option<String>,
}

/// What texts ask for.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    pub schedules: Vec<Written>,
    pub calendars: Vec<WrittenCalendar>,
    /// What is wrong. A schedule or calendar that something is wrong with is not in the lists.
    pub problems: Vec<Finding>,
    /// What was passed over, and why.
    pub notes: Vec<Finding>,
    /// A document in it was read as a schedule file.
    pub is_schedule_file: bool,
}

impl Contents {
    /// Adds what another text asks for.
    pub fn add(&mut self, other: Contents) {
        let Contents {
            schedules,
            calendars,
            problems,
            notes,
            is_schedule_file,
        } = other;
        self.schedules.extend(schedules);
        self.calendars.extend(calendars);
        self.problems.extend(problems);
        self.notes.extend(notes);
        self.is_schedule_file |= is_schedule_file;
    }

    /// Of schedules of the same name only the first stays; each other is a problem.
    pub fn refuse_doubles(&mut self) {
        let mut seen = HashMap::new();
        let problems = &mut self.problems;
        self.schedules
            .retain(|written| match seen.entry(written.schedule.full_name()) {
                Entry::Vacant(free) => {
                    free.insert((written.file.clone(), written.place.line));
                    true
                }
                Entry::Occupied(first) => {
                    let (file, line) = first.get();
                    problems.push(written.finding(&format!(
                        "the schedule is given twice: first at {file}:{line}; remove or rename one"
                    )));
                    false
                }
            });
    }

    /// Notes that a whole file was passed over, and why.
    pub fn passed_over(&mut self, file: &str, why: &str) {
        self.notes.push(documents::of_file(file, None, why));
    }

    /// Gives the almanac the calendars, in place of those of the same names.
    pub fn add_calendars_to(&self, almanac: &mut Almanac) {
        for calendar in &self.calendars {
            let days = Calendar::parse(&calendar.spec).map(Arc::new);
            almanac.calendars.insert(calendar.reference.clone(), days);
        }
    }
}

/// As `FILE:LINE:COLUMN: NAME: message`, then the lines of the pointer, if there are any.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(Place { line, column }) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        if let Some(name) = &self.name {
            write!(f, ": {name}")?;
        }
        write!(f, ": {}", self.message)?;
        for line in self.pointer.iter().flat_map(|lines| lines.lines()) {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}
