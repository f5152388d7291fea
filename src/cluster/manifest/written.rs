//! A schedule that somebody asks for: when it fires, and what is wrong with it, at its place in the
//! text.

use jiff::Timestamp;

use super::Finding;
use crate::api::{ScheduledContainerSpec, TimingSpec};
use crate::cluster::file_source::{Place, path::deepest, tree::Tree};
use crate::core::{
    almanac::{Almanac, CalendarRef},
    cron::{Filter, Options, Timing},
    reason::Reason,
    schedule::{self, Idle},
    timetable::Timetable,
};

/// A schedule as it is asked for, in a text or in the cluster.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub namespace: String,
    pub name: String,
    pub spec: ScheduledContainerSpec,
}

impl Wanted {
    /// As `namespace/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Everything in it that moves a fire.
    pub fn timing(&self) -> TimingSpec {
        TimingSpec::from(&self.spec)
    }

    /// The calendars that it names, in its order.
    pub fn calendars(&self) -> Vec<CalendarRef> {
        let reference = |calendar| CalendarRef::of(calendar, &self.namespace);
        self.spec.calendars.iter().map(reference).collect()
    }

    /// When it fires.
    ///
    /// # Errors
    ///
    /// As [`schedule::timetable`].
    pub fn timetable(
        &self,
        almanac: &Almanac,
        created: Option<Timestamp>,
    ) -> Result<Timetable, Idle> {
        schedule::timetable(&self.spec, almanac, (&self.namespace, &self.name), created)
    }
}

/// A schedule that a text asks for.
#[derive(Clone, Debug)]
pub struct Written {
    pub schedule: Wanted,
    /// The file, and where in it the schedule begins.
    pub file: String,
    pub place: Place,
    /// It is an entry of a schedule file.
    pub(super) is_entry: bool,
    /// The text of it, to find the places of its fields; of an entry, what stands under its name.
    pub(super) tree: Tree,
}

impl Written {
    /// What is wrong with it, if anything is: what the controller says of one that is made at
    /// `created`. Without that, that no fire is left is not wrong.
    pub fn problem(&self, almanac: &Almanac, created: Option<Timestamp>) -> Option<Finding> {
        let idle = self.schedule.timetable(almanac, created).err()?;
        let meant = matches!(idle.reason, Reason::Disabled | Reason::Suspended);
        (!meant).then(|| self.located(&idle.message, almanac))
    }

    /// Something to say about the whole of it.
    pub fn finding(&self, message: &str) -> Finding {
        Finding {
            file: self.file.clone(),
            place: Some(self.place),
            name: Some(self.schedule.full_name()),
            message: message.to_owned(),
            pointer: None,
        }
    }

    /// What to say of each calendar that it names and the almanac does not have, with the calendar's
    /// place in the spec.
    pub fn missing_calendars(&self, almanac: &Almanac) -> Vec<(usize, Finding)> {
        let known = |wanted: &CalendarRef| almanac.calendars.contains_key(wanted);
        let wanted = (0..).zip(self.schedule.calendars());
        let missing = wanted.filter(|(_, wanted)| !known(wanted));
        missing
            .map(|(index, CalendarRef { kind, name, .. })| {
                let message = format!(
                    "spec.calendars[{index}]: the {kind:?} {name} is not in these files, so its days are \
                     not known"
                );
                (index, self.located(&message, almanac))
            })
            .collect()
    }

    /// A message that begins with a path of the spec, told at the place of that path.
    fn located(&self, message: &str, almanac: &Almanac) -> Finding {
        let path = message.split([':', ' ']).next().unwrap_or_default();
        let Some(below) = path.strip_prefix("spec.") else {
            return self.finding(message);
        };
        let tree = deepest(&self.tree, below, self.is_entry);
        let mut finding = self.finding(message);
        finding.place = Some(tree.map_or(self.place, |tree| tree.place));
        if self.is_entry {
            // Its file has no `spec`, and mostly calls the schedule `cron`.
            let rest = message.strip_prefix("spec.schedule: ");
            finding.message = rest.unwrap_or(&message["spec.".len()..]).to_owned();
        }
        let language = if below.ends_with("schedule") {
            Some(Language::Schedule)
        } else {
            below.starts_with("excludes[").then_some(Language::Exclude)
        };
        if let (Some(tree), Some(language)) = (tree, language) {
            finding.point(tree, language, almanac);
        }
        finding
    }
}

/// What a text is read as.
#[derive(Clone, Copy, Debug)]
pub(super) enum Language {
    Schedule,
    Exclude,
}

/// The texts of an entry that are expressions.
pub(super) fn expressions(entry: &Tree) -> impl Iterator<Item = (&Tree, Language)> {
    let items = |field| entry.get(field).into_iter().flat_map(Tree::items);
    let own = ["cron", "schedule"].into_iter();
    let own = own.filter_map(|field| entry.get(field));
    let several = items("schedules").filter_map(|item| item.get("schedule"));
    let schedules = own.chain(several).map(|tree| (tree, Language::Schedule));
    schedules.chain(items("excludes").map(|tree| (tree, Language::Exclude)))
}

impl Finding {
    /// Shows where in an expression the mistake is, if there is one in it.
    pub(super) fn point(&mut self, tree: &Tree, language: Language, almanac: &Almanac) {
        let Some(text) = tree.text() else { return };
        let options = Options {
            seed: Some(0),
            ..Options::default()
        };
        let error = match language {
            Language::Schedule => Timing::read(text, almanac.local.clone(), &options).err(),
            Language::Exclude => Filter::default().exclude(text, &options).err(),
        };
        self.pointer = error.and_then(|error| error.pointer());
    }
}
