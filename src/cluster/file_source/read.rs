//! The text of a schedule file → its entries and its problems. One bad entry never stops the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::entry::{self, Finding, Surroundings, Templates};
use super::problem::Problem;
use super::tree::{self, Duplicate, Kind, MAX_VALUES, Place, Tree};
use crate::{api::RawJson, core::almanac::Almanac};

/// The largest schedule file, and the largest template, in bytes.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;

/// How many problems of one file are told; the rest is counted.
const MAX_PROBLEMS: usize = 500;

/// How large all schedules of one file may be together, as JSON: a large template that thousands
/// of entries name would take all memory.
const MAX_TOTAL_BYTES: usize = 8 * 1024 * 1024;

/// An entry without a problem.
#[derive(Clone, Debug, PartialEq)]
pub struct FileEntry {
    pub name: String,
    pub namespace: String,
    /// The name of the file, and where in it the entry's name stands.
    pub file: String,
    pub place: Place,
    /// The spec of its ScheduledContainer: only what the file says.
    pub spec: RawJson,
}

/// What a schedule file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The entries without a problem, in the order of the file.
    pub entries: Vec<Arc<FileEntry>>,
    /// What is wrong, in the order of the file.
    pub problems: Vec<Problem>,
    /// The names of the entries with a problem: what they were before stays.
    pub kept: BTreeSet<String>,
    /// Whether the file as a whole could not be read. It then says nothing about any entry.
    pub unreadable: bool,
}

impl Reading {
    /// The reading of a file that can't be read.
    pub fn unreadable(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
            unreadable: true,
            ..Self::default()
        }
    }
}

/// Reads a schedule file.
///
/// `file` is the name by which problems call it. `almanac` has the zones, and the calendars that are
/// known; entries may name others. `lookup` returns the text of the template that an entry names, or
/// why it can't be had. It is asked for relative paths without `..` only.
pub fn read(
    text: &str,
    file: &str,
    default_namespace: &str,
    almanac: &Almanac,
    lookup: impl FnMut(&str) -> Result<String, String>,
) -> Reading {
    let unreadable = |place: Option<Place>, message: &str| {
        Reading::unreadable(Problem::of_file(file, place, default_namespace, message))
    };
    if text.len() > MAX_FILE_BYTES {
        return unreadable(None, "is larger than 1 MiB: split it into several files");
    }
    let (root, duplicates) = match tree::parse(text, MAX_VALUES) {
        Ok(parsed) => parsed,
        Err(error) => return unreadable(error.place, &error.message),
    };
    match root.kind {
        Kind::Map(_) => {}
        Kind::Null => {
            let message = "is empty, so nothing is changed: write {} to have no schedules at all";
            return unreadable(None, message);
        }
        Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) => {
            let message = "must be a map of name and entry, such as backup: {cron: \"0 0 3 * * *\", image: \"busybox:1.36\"}";
            return unreadable(Some(root.place), message);
        }
    }
    let surroundings = Surroundings {
        almanac,
        default_namespace,
    };
    entries(&root, duplicates, file, &surroundings, lookup)
}

fn entries(
    root: &Tree,
    duplicates: Vec<Duplicate>,
    file: &str,
    surroundings: &Surroundings<'_>,
    lookup: impl FnMut(&str) -> Result<String, String>,
) -> Reading {
    let default_namespace = surroundings.default_namespace;
    let Kind::Map(named) = &root.kind else {
        return Reading::default();
    };
    let mut twice: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for duplicate in duplicates {
        let finding = doubled(&duplicate);
        twice.entry(duplicate.top).or_default().push(finding);
    }
    let mut reading = Reading::default();
    let mut templates = Templates::new(lookup);
    let mut told = 0;
    let mut total = 0;
    for (name, tree) in named {
        let namespace = entry::namespace(tree).unwrap_or(default_namespace);
        let mut findings = twice.remove(&name.text).unwrap_or_default();
        match entry::spec(name, tree, surroundings, &mut templates) {
            Err(more) => findings.extend(more),
            Ok(spec) if findings.is_empty() => {
                // As text, which takes a fraction of the memory of a tree.
                let spec = RawJson::from(&spec);
                total += spec.len();
                if total <= MAX_TOTAL_BYTES {
                    reading.entries.push(Arc::new(FileEntry {
                        name: name.text.clone(),
                        namespace: namespace.to_owned(),
                        file: file.to_owned(),
                        place: name.place,
                        spec,
                    }));
                    continue;
                }
                findings.push(Finding {
                    template: None,
                    place: Some(name.place),
                    message: "this and the entries before it are larger than 8 MiB with their templates: split the file".to_owned(),
                });
            }
            Ok(_) => {}
        }
        reading.kept.insert(name.text.clone());
        for finding in findings {
            told += 1;
            if told <= MAX_PROBLEMS {
                let file = finding.template.as_deref().unwrap_or(file);
                reading.problems.push(Problem::of_entry(
                    file,
                    finding.place,
                    &name.text,
                    namespace,
                    &finding.message,
                ));
            }
        }
    }
    if told > MAX_PROBLEMS {
        let message = format!("{} more problems are not shown", told - MAX_PROBLEMS);
        let more = Problem::of_file(file, None, default_namespace, &message);
        reading.problems.push(more);
    }
    reading
}

fn doubled(duplicate: &Duplicate) -> Finding {
    let (first, second) = (duplicate.first.line, duplicate.second.line);
    let message = match &duplicate.inner {
        None => format!(
            "the name is given twice: first in line {first}, again in line {second}; rename one of them"
        ),
        Some(field) => format!(
            "\"{field}\" is given twice: first in line {first}, again in line {second}; remove one"
        ),
    };
    Finding {
        template: None,
        place: Some(duplicate.second),
        message,
    }
}
