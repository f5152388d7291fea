//! When an entry fires: read as the controller reads it, and what is wrong with it told with its line.

use super::super::{
    path::deepest,
    tree::{Key, Place, Tree},
};
use super::{Finding, Surroundings, here};
use crate::api::{ScheduleFileEntry, TimingSpec};
use crate::core::{reason::Reason, timetable::Timetable};

/// What is wrong with the times of an entry.
pub fn findings(
    name: &Key,
    tree: &Tree,
    entry: &ScheduleFileEntry,
    surroundings: &Surroundings<'_>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    match (&entry.cron, entry.schedules.as_deref().unwrap_or_default()) {
        (None, []) => {
            let message = "has no cron; write cron: \"\" for a schedule that never runs by itself";
            findings.push(here(name.place, message.to_owned()));
        }
        (Some(_), [_, ..]) => {
            let place = tree.get("schedules").map_or(name.place, |tree| tree.place);
            let message = "schedules: cron is given too: give one of them, cron for one expression \
                           and schedules for several";
            findings.push(here(place, message.to_owned()));
        }
        (None, [_, ..]) | (Some(_), []) => findings.extend(timing(name, tree, entry, surroundings)),
    }
    findings
}

fn timing(
    name: &Key,
    tree: &Tree,
    entry: &ScheduleFileEntry,
    surroundings: &Surroundings<'_>,
) -> Option<Finding> {
    let namespace = entry.namespace.as_deref();
    let identity = (
        namespace.unwrap_or(surroundings.default_namespace),
        name.text.as_str(),
    );
    let mut written = written(entry);
    let mut read = Timetable::parse(&written, surroundings.almanac, Some(identity));
    let unknown = |idle: &crate::core::schedule::Idle| idle.reason == Reason::CalendarNotFound;
    if read.as_ref().is_err_and(unknown) {
        // Calendars are in the cluster, and may come there after this entry.
        written.calendars.clear();
        read = Timetable::parse(&written, surroundings.almanac, Some(identity));
    }
    let idle = read.err()?;
    // The others are no mistake of the file's.
    if !matches!(
        idle.reason,
        Reason::InvalidSchedule | Reason::InvalidTimeZone
    ) {
        return None;
    }
    let (place, message) = located(name, tree, &idle.message);
    Some(here(place, message))
}

fn written(entry: &ScheduleFileEntry) -> TimingSpec {
    TimingSpec {
        schedule: entry.cron.clone(),
        schedules: entry.schedules.clone().unwrap_or_default(),
        time_zone: entry.time_zone.clone(),
        not_before: entry.not_before,
        not_after: entry.not_after,
        jitter_seconds: entry.jitter_seconds,
        excludes: entry.excludes.clone().unwrap_or_default(),
        calendars: entry.calendars.clone().unwrap_or_default(),
        clock_changes: entry.clock_changes.unwrap_or_default(),
    }
}

/// Where in the entry a message about the spec points to, and what is left to say there.
fn located(name: &Key, tree: &Tree, message: &str) -> (Place, String) {
    let path = message.split_once(": ").and_then(|(path, rest)| {
        let path = path.strip_prefix("spec.")?;
        let steps = path
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "[].".contains(c));
        steps.then_some((path, rest))
    });
    let Some((path, rest)) = path else {
        return (name.place, message.to_owned());
    };
    let place = deepest(tree, path, true).map_or(name.place, |tree| tree.place);
    match path {
        // It has another name in a file.
        "schedule" => (place, rest.to_owned()),
        _ => (place, format!("{path}: {rest}")),
    }
}
