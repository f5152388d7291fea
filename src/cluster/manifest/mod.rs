//! What people apply, as text: schedule files and Kubernetes manifests → the schedules and calendars
//! in them, and what is wrong, each with its line. Touches nothing.
//!
//! A document with `apiVersion` or `kind` is a manifest; any other is a schedule file.

mod documents;
mod objects;
mod schema;

use std::{fmt, sync::Arc};

use super::file_source::{Place, tree::Tree};
use crate::api::{CalendarKind, CalendarSpec, CalendarUse, TimingSpec};
use crate::core::{
    almanac::{Almanac, CalendarRef},
    calendar::Calendar,
    cron::{Options, Timing},
    reason::Reason,
    schedule::Idle,
    timetable::Timetable,
};

pub use documents::{MAX_BYTES, read};

/// A schedule that a text asks for.
#[derive(Clone, Debug)]
pub struct Written {
    pub namespace: String,
    pub name: String,
    /// The file, and where in it the schedule begins.
    pub file: String,
    pub place: Place,
    /// Everything in it that moves a fire.
    pub timing: TimingSpec,
    pub suspend: bool,
    /// It is an entry of a schedule file.
    pub is_entry: bool,
    /// The text of it, to find the places of its fields; of an entry, what stands under its name.
    tree: Tree,
}

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

impl Written {
    /// As `namespace/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// When it fires; why it never does, if it is suspended or disabled or names something wrong.
    ///
    /// # Errors
    ///
    /// As [`Timetable::parse`], and for a suspended schedule.
    pub fn timetable(&self, almanac: &Almanac) -> Result<Timetable, Idle> {
        let name = Some((self.namespace.as_str(), self.name.as_str()));
        let timetable = Timetable::parse(&self.timing, almanac, name)?;
        if self.suspend {
            return Err(Idle {
                reason: Reason::Suspended,
                message: "spec.suspend is true: no new run starts".to_owned(),
            });
        }
        Ok(timetable)
    }

    /// What is wrong with its timing, if anything is.
    pub fn problem(&self, almanac: &Almanac) -> Option<Finding> {
        let name = Some((self.namespace.as_str(), self.name.as_str()));
        let idle = Timetable::parse(&self.timing, almanac, name).err()?;
        if idle.reason == Reason::Disabled {
            return None;
        }
        let mut finding = self.finding(&idle.message);
        let (tree, rest) = deepest(&self.tree, &idle.message, self.is_entry);
        finding.place = Some(tree.map_or(self.place, |tree| tree.place));
        finding.message = rest.to_owned();
        if let Some(tree) = tree {
            finding.point(tree, almanac);
        }
        Some(finding)
    }

    /// Something to say about the whole of it.
    pub fn finding(&self, message: &str) -> Finding {
        Finding {
            file: self.file.clone(),
            place: Some(self.place),
            name: Some(self.full_name()),
            message: message.to_owned(),
            pointer: None,
        }
    }
}

/// The calendars that a schedule of a namespace names.
pub fn calendars(namespace: &str, timing: &TimingSpec) -> Vec<CalendarRef> {
    let reference = |calendar: &CalendarUse| CalendarRef {
        kind: calendar.kind,
        namespace: match calendar.kind {
            CalendarKind::ScheduleCalendar => namespace.to_owned(),
            CalendarKind::ClusterScheduleCalendar => String::new(),
        },
        name: calendar.name.clone(),
    };
    timing.calendars.iter().map(reference).collect()
}

impl Finding {
    /// Shows where in an expression the mistake is, if `tree` is an expression with one.
    fn point(&mut self, tree: &Tree, almanac: &Almanac) {
        let Some(text) = tree.text() else { return };
        let options = Options {
            seed: Some(0),
            ..Options::default()
        };
        let read = Timing::read(text, almanac.local.clone(), &options);
        self.pointer = read.err().and_then(|error| error.pointer());
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

/// Follows the path that a message begins with (`spec.schedules[1].schedule: …`) as deep as the
/// tree goes. Of an entry the path is told without `spec.`, which its file does not have.
fn deepest<'t, 'm>(
    tree: &'t Tree,
    message: &'m str,
    is_entry: bool,
) -> (Option<&'t Tree>, &'m str) {
    let Some(path) = message
        .split([':', ' '])
        .next()
        .and_then(|path| path.strip_prefix("spec."))
    else {
        return (None, message);
    };
    let shown = if is_entry {
        &message["spec.".len()..]
    } else {
        message
    };
    let mut found = if is_entry {
        Some(tree)
    } else {
        tree.get("spec")
    };
    for step in path.split(['.', '[']) {
        let below = found.and_then(|tree| match step.strip_suffix(']') {
            Some(index) => tree.item(index.parse().ok()?),
            None if is_entry && step == "schedule" => tree.get("cron").or(tree.get(step)),
            None => tree.get(step),
        });
        match below {
            Some(below) => found = Some(below),
            None => break,
        }
    }
    (found, shown)
}
