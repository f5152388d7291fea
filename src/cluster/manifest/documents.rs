//! A text → its documents → what they ask for.

use std::collections::HashMap;

use super::super::file_source::{
    self, Place,
    tree::{self, Duplicate, Kind, MAX_VALUES, Tree},
};
use super::written::expressions;
use super::{Contents, Finding, Wanted, Written, objects};
use crate::{api::ScheduledContainerSpec, core::almanac::Almanac};

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
    let parsed: Vec<_> = documents
        .into_iter()
        .map(|document| (document.before, tree::parse(document.text, MAX_VALUES)))
        .collect();
    let trees = parsed.iter().filter_map(|(_, parsed)| parsed.as_ref().ok());
    if !trees.clone().any(|(root, _)| is_manifest(root)) {
        // What can't be read at all may be either.
        contents.is_schedule_file = parsed.is_empty() || trees.clone().next().is_some();
        // The controller reads the file as a whole, and says what is wrong with it as a whole.
        let reading = file_source::read(text, file, default_namespace, almanac, &mut lookup);
        let root = parsed.into_iter().next().and_then(|(before, parsed)| {
            let (mut root, _) = parsed.ok()?;
            shift(&mut root, before);
            Some(root)
        });
        entries(root.as_ref(), file, reading, almanac, &mut contents);
        return contents;
    }
    for (before, parsed) in parsed {
        match parsed {
            Err(error) => {
                let place = error.place.map(|place| lower(place, before));
                let message = error.message;
                contents.problems.push(of_file(file, place, &message));
            }
            Ok((root, _)) if root.kind == Kind::Null => {}
            Ok((mut root, duplicates)) => {
                shift(&mut root, before);
                manifest(
                    &root,
                    duplicates,
                    before,
                    file,
                    default_namespace,
                    &mut contents,
                );
            }
        }
    }
    contents
}

fn is_manifest(root: &Tree) -> bool {
    ["apiVersion", "kind"].iter().any(|key| root.has_text(key))
}

/// Reads a document that stands beside manifests.
fn manifest(
    root: &Tree,
    duplicates: Vec<Duplicate>,
    before: u32,
    file: &str,
    default_namespace: &str,
    contents: &mut Contents,
) {
    if !is_manifest(root) {
        let message = "has neither apiVersion nor kind, so it is no manifest as the others of this \
                       file; a schedule file is a file of its own";
        let finding = of_file(file, Some(root.place), message);
        contents.problems.push(finding);
        return;
    }
    for twice in duplicates {
        let key = twice.inner.unwrap_or(twice.top);
        let (first, second) = (lower(twice.first, before), lower(twice.second, before));
        let message = format!(
            "\"{key}\" is given twice: first in line {}, again in line {}; remove one",
            first.line, second.line
        );
        let finding = of_file(file, Some(second), &message);
        contents.problems.push(finding);
    }
    objects::read(root, file, default_namespace, contents);
}

/// Takes over what was read of a schedule file. `root` is its text, if that can be read.
fn entries(
    root: Option<&Tree>,
    file: &str,
    reading: file_source::Reading,
    almanac: &Almanac,
    contents: &mut Contents,
) {
    let named = root.map(Tree::entries).unwrap_or_default();
    let named: HashMap<&str, &Tree> = named
        .iter()
        .map(|(name, entry)| (name.text.as_str(), entry))
        .collect();
    for problem in reading.problems {
        let place = problem.line.map(|line| Place {
            line,
            column: problem.column.unwrap_or(1),
        });
        let entry = problem.entry.as_deref().and_then(|name| named.get(name));
        let name = problem
            .entry
            .as_ref()
            .map(|entry| format!("{}/{entry}", problem.namespace));
        let mut finding = Finding {
            file: problem.file,
            place,
            name,
            message: problem.message,
            pointer: None,
        };
        // A problem of a template has a place in the template.
        if let (Some(entry), Some(place)) = (entry, place.filter(|_| finding.file == file))
            && let Some((tree, language)) = expressions(entry).find(|(tree, _)| tree.place == place)
        {
            finding.point(tree, language, almanac);
        }
        contents.problems.push(finding);
    }
    for entry in reading.entries {
        let spec = serde_json::from_value::<ScheduledContainerSpec>(entry.spec.value());
        let (Ok(spec), Some(tree)) = (spec, named.get(entry.name.as_str())) else {
            continue; // its types are those of the spec, and it was read from this text
        };
        let written = Written {
            schedule: Wanted {
                namespace: entry.namespace.clone(),
                name: entry.name.clone(),
                spec,
            },
            file: file.to_owned(),
            place: entry.place,
            is_entry: true,
            tree: (*tree).clone(),
        };
        let said = tree.entry("cron").or(tree.entry("schedule"));
        if let Some((field, value)) = said.filter(|(_, value)| value.kind == Kind::Null) {
            let field = &field.text;
            let mut note = written.finding(&format!(
                "{field} has no value, so the schedule never runs by itself; write {field}: \"\" if \
                 that is meant"
            ));
            note.place = Some(value.place);
            contents.notes.push(note);
        }
        contents.schedules.push(written);
    }
}

/// One document of a text.
struct Document<'t> {
    /// How many lines of the text are before its first.
    before: u32,
    text: &'t str,
}

/// The documents that have something in them. Where a line begins with `---` or `...` YAML ends a
/// document, whatever it is in, so that they can be told apart without reading them.
fn documents(text: &str) -> Vec<Document<'_>> {
    let mut found = Vec::new();
    let mut start = (0, 0);
    let mut at = 0;
    let mut push = |before: u32, text| {
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

fn lower(place: Place, lines: u32) -> Place {
    Place {
        line: place.line + lines,
        ..place
    }
}

/// Moves all places of a tree. It is no deeper than what is read.
fn shift(tree: &mut Tree, lines: u32) {
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
