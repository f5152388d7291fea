//! What is wrong in a schedule file, and where.

use std::fmt;

use super::tree::Place;
use crate::core::reason::Reason;

/// The longest message, in characters: it goes into an Event, which holds 1024 bytes.
const MAX_MESSAGE: usize = 900;

/// Something wrong in a schedule file or in a template beside it. Shown as
/// `schedule.yml:12:5: entry "backup": minute: 75 is not in 0-59`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// The name of the file, without its folder; a template's as the entry names it.
    pub file: String,
    /// Counts from 1.
    pub line: Option<u32>,
    /// In characters, from 1.
    pub column: Option<u32>,
    /// The entry's name; none if the whole file is meant.
    pub entry: Option<String>,
    /// The namespace in which the entry's schedule is or would be.
    pub namespace: String,
    /// InvalidEntry or InvalidFile.
    pub reason: Reason,
    /// What is wrong and the way out. One line without control characters.
    pub message: String,
}

impl Problem {
    /// A problem of one entry.
    pub fn of_entry(
        file: &str,
        place: Option<Place>,
        entry: &str,
        namespace: &str,
        message: &str,
    ) -> Self {
        Self {
            file: one_line(file, 256),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            entry: Some(one_line(entry, 80)),
            namespace: namespace.to_owned(),
            reason: Reason::InvalidEntry,
            message: one_line(message, MAX_MESSAGE),
        }
    }

    /// A problem of the whole file.
    pub fn of_file(file: &str, place: Option<Place>, namespace: &str, message: &str) -> Self {
        Self {
            entry: None,
            reason: Reason::InvalidFile,
            ..Self::of_entry(file, place, "", namespace, message)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        if let Some(entry) = &self.entry {
            write!(f, ": entry \"{entry}\"")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// The text in one line of at most `most` characters, control characters escaped.
fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == most {
            line.push('…');
            break;
        }
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            line.extend(c.escape_debug());
        } else {
            line.push(c);
        }
    }
    line
}
