//! A text → its documents → what they ask for.

use super::super::file_source::{
    self, Place,
    tree::{self, Kind, Tree},
};
use super::{Contents, Finding, Written, objects};
use crate::{
    api::{ScheduledContainerSpec, TimingSpec},
    core::almanac::Almanac,
};

/// The largest text that is read, in bytes. (A schedule file may have 1 MiB.)
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// How many documents of one text are read.
const MAX_DOCUMENTS: usize = 10_000;

/// Reads a text. What names no namespace is in `default_namespace`.
///
/// `file` is the name by which findings call it, and `lookup` returns the text of a template that an
/// entry of a schedule file names, or why it can't be had. `almanac` has the zones.
pub fn read(
    text: &str,
    file: &str,
    default_namespace: &str,
    almanac: &Almanac,
    mut lookup: impl FnMut(&str) -> Result<String, String>,
) -> Contents {
    let mut contents = Contents::default();
    let documents = documents(text);
    if documents.len() > MAX_DOCUMENTS {
        let message = format!("has more than {MAX_DOCUMENTS} documents: split it");
        contents.problems.push(of_file(file, None, &message));
        return contents;
    }
    if documents.is_empty() {
        contents.notes.push(of_file(file, None, "is empty"));
    }
    for Document { before, text } in documents {
        let (mut root, duplicates) = match tree::parse(text) {
            Ok(parsed) => parsed,
            Err(error) => {
                let place = error.place.map(|place| lower(place, before));
                let message = error.message;
                contents.problems.push(of_file(file, place, &message));
                continue;
            }
        };
        shift(&mut root, before);
        if root.kind == Kind::Null {
            continue;
        }
        if ["apiVersion", "kind"].iter().any(|key| root.has_text(key)) {
            for twice in duplicates {
                let key = twice.inner.unwrap_or(twice.top);
                let (first, second) = (lower(twice.first, before), lower(twice.second, before));
                let message = format!(
                    "\"{key}\" is given twice: first in line {}, again in line {}; remove one",
                    first.line, second.line
                );
                contents
                    .problems
                    .push(of_file(file, Some(second), &message));
            }
            objects::read(&root, file, default_namespace, &mut contents);
        } else {
            contents.is_schedule_file = true;
            entries(
                &root,
                before,
                text,
                file,
                default_namespace,
                almanac,
                &mut lookup,
                &mut contents,
            );
        }
    }
    contents
}

/// Reads a document as a schedule file.
fn entries(
    root: &Tree,
    before: u64,
    text: &str,
    file: &str,
    default_namespace: &str,
    almanac: &Almanac,
    lookup: impl FnMut(&str) -> Result<String, String>,
    contents: &mut Contents,
) {
    let reading = file_source::read(text, file, default_namespace, almanac, lookup);
    for problem in reading.problems {
        // A problem of a template has a place in the template.
        let within = if problem.file == file { before } else { 0 };
        let place = problem.line.map(|line| Place {
            line: line + within,
            column: problem.column.unwrap_or(1),
        });
        let name = problem
            .entry
            .map(|entry| format!("{}/{entry}", problem.namespace));
        let mut finding = Finding {
            file: problem.file,
            place,
            name,
            message: problem.message,
            pointer: None,
        };
        if let Some(place) = place.filter(|_| finding.file == file) {
            let fields = ["cron", "schedule"];
            let written = root.children().filter_map(|entry| {
                fields
                    .iter()
                    .find_map(|field| entry.get(field))
                    .filter(|tree| tree.place == place)
            });
            if let Some(tree) = written.into_iter().next() {
                finding.point(tree, almanac);
            }
        }
        contents.problems.push(finding);
    }
    for entry in reading.entries {
        let Ok(spec) = serde_json::from_value::<ScheduledContainerSpec>(entry.spec.clone()) else {
            continue; // its types are those of the spec
        };
        contents.schedules.push(Written {
            namespace: entry.namespace.clone(),
            name: entry.name.clone(),
            file: file.to_owned(),
            place: lower(entry.place, before),
            timing: TimingSpec::from(&spec),
            suspend: spec.suspend,
            is_entry: true,
            tree: root
                .get(&entry.name)
                .cloned()
                .unwrap_or_else(|| root.clone()),
        });
    }
}

/// One document of a text.
struct Document<'t> {
    /// How many lines of the text are before its first.
    before: u64,
    text: &'t str,
}

/// The documents that have something in them. Where a line begins with `---` or `...` YAML ends a
/// document, whatever it is in, so that they can be told apart without reading them.
fn documents(text: &str) -> Vec<Document<'_>> {
    let mut found = Vec::new();
    let mut start = (0, 0);
    let mut at = 0;
    let mut push = |before: u64, text| {
        if says_something(text) {
            found.push(Document { before, text });
        }
    };
    for (lines, line) in (0..).zip(text.split_inclusive('\n')) {
        let marker = |marker| {
            line.strip_prefix(marker)
                .is_some_and(|rest: &str| rest.is_empty() || rest.starts_with(char::is_whitespace))
        };
        if marker("---") {
            push(start.1, &text[start.0..at]);
            start = (at, lines);
        } else if marker("...") {
            push(start.1, &text[start.0..at]);
            start = (at + line.len(), lines + 1);
        }
        at += line.len();
    }
    push(start.1, &text[start.0..]);
    found
}

fn says_something(document: &str) -> bool {
    document.lines().any(|line| {
        let line = line.strip_prefix("---").unwrap_or(line).trim();
        !line.is_empty() && !line.starts_with(['#', '%'])
    })
}

pub(super) fn of_file(file: &str, place: Option<Place>, message: &str) -> Finding {
    Finding {
        file: file.to_owned(),
        place,
        name: None,
        message: message.to_owned(),
        pointer: None,
    }
}

fn lower(place: Place, lines: u64) -> Place {
    Place {
        line: place.line + lines,
        ..place
    }
}

/// Moves all places of a tree. It is no deeper than what is read.
fn shift(tree: &mut Tree, lines: u64) {
    tree.place = lower(tree.place, lines);
    match &mut tree.kind {
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => {}
        Kind::List(items) => items.iter_mut().for_each(|item| shift(item, lines)),
        Kind::Map(entries) => {
            for (key, value) in entries {
                key.place = lower(key.place, lines);
                shift(value, lines);
            }
        }
    }
}
