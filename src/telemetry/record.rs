//! One record of the log as data, the same for every form, and what makes foreign text harmless.

use std::fmt::{self, Write as _};

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// The longest text of one field, and the longest line of the text form, in bytes.
pub const LONGEST: usize = 16 * 1024;

/// What stands where something was cut off.
const CUT: &str = "… (cut)";

/// One record: its message and its other fields, in the order in which they were written.
#[derive(Debug)]
pub struct Record {
    pub level: Level,
    pub target: &'static str,
    pub message: String,
    pub fields: Vec<(&'static str, Value)>,
}

impl Record {
    pub fn read(event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut record = Self {
            level: *metadata.level(),
            target: metadata.target(),
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut record);
        record
    }

    /// Takes a field out, as text.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let at = self.fields.iter().position(|(field, _)| *field == name)?;
        match self.fields.remove(at).1 {
            Value::String(text) => Some(text),
            other => Some(other.to_string()),
        }
    }

    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            ("message", other) => self.message = other.to_string(),
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for Record {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, bounded(value).into());
    }

    /// An error with all that led to it, as `what: why: why that`.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = Bounded::default();
        // It ends where the bound is.
        let _ = text.write_str(&crate::error::chain(value));
        self.put(field, text.finish().into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Bounded::default();
        // The only error is that the text is full.
        let _ = write!(text, "{value:?}");
        self.put(field, text.finish().into());
    }
}

/// Text that stops growing past its limit, so that a huge value is not even formatted.
#[derive(Default)]
struct Bounded(String);

impl Bounded {
    fn finish(self) -> String {
        bounded(&self.0).into_owned()
    }
}

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = (LONGEST + 1).saturating_sub(self.0.len());
        let fits = boundary(text, room);
        self.0.push_str(&text[..fits]);
        if fits == text.len() {
            Ok(())
        } else {
            // One byte past the limit, whatever the width of the character that didn't fit, so that
            // finish() sees that something was cut.
            while self.0.len() <= LONGEST {
                self.0.push(' ');
            }
            Err(fmt::Error)
        }
    }
}

/// At most the longest text, with a mark where the rest was cut off.
pub fn bounded(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() <= LONGEST {
        return text.into();
    }
    let end = boundary(text, LONGEST - CUT.len());
    format!("{}{CUT}", &text[..end]).into()
}

/// The last place, at most `most` bytes in, at which the text can be cut.
fn boundary(text: &str, most: usize) -> usize {
    (0..=most.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(0)
}

/// Whether a character could move the cursor, change the terminal or reorder the text around it.
/// A tab can't do harm.
pub fn is_unsafe(c: char) -> bool {
    c != '\t' && c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with every unsafe character written out, such as `\x1b`; all else, so that any language
/// stays readable, as it is.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push_visible(&mut out, text);
    out
}

/// Appends the text with every unsafe character written out.
pub fn push_visible(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if is_unsafe(c) && u32::from(c) < 0x100 => {
                // Writing to a String can't fail.
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            c if is_unsafe(c) => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_written_out_and_languages_stay() {
        for (foreign, shown) in [
            ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
            ("a\r\nb", "a\\r\\nb"),
            ("tab\tstays", "tab\tstays"),
            ("\u{9b}31m\u{7f}", "\\x9b31m\\x7f"),
            ("\u{202e}drow", "\\u{202e}drow"),
            ("Grüße, 世界 🎉", "Grüße, 世界 🎉"),
        ] {
            assert_eq!(visible(foreign), shown);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        let cut = bounded(&"ü".repeat(LONGEST)).into_owned();
        assert!(
            cut.len() <= LONGEST && cut.len() > LONGEST - 16,
            "{}",
            cut.len()
        );
        assert!(cut.ends_with("ü… (cut)"));
        assert_eq!(bounded(&"x".repeat(LONGEST)), "x".repeat(LONGEST));
    }

    #[test]
    fn a_long_debug_value_is_cut_like_a_long_text() {
        for part in ["x", "ü", "世", "🎉"] {
            let mut text = Bounded::default();
            while write!(text, "{part}").is_ok() {}
            assert_eq!(text.finish(), bounded(&part.repeat(LONGEST + 1)));
        }
    }
}
