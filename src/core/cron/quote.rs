//! What a user wrote, as it is shown in a message.

use std::ops::Range;

/// The most characters of an expression that are shown on a line.
const WIDTH: usize = 72;

/// How many characters before the culprit are shown of a long expression.
const LEAD: usize = 24;

/// A value in a message: bare if it is plain, and never long.
pub(in crate::core) fn value(text: &str) -> String {
    let plain = !text.is_empty()
        && text.len() <= 32
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
    if plain { text.to_owned() } else { quote(text) }
}

/// Text in a message: quoted, without control characters, and never long.
pub(in crate::core) fn quote(text: &str) -> String {
    let mut short: String = text.chars().take(80).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

/// A line that shows the bytes `span` of `text` and what is around them, and the columns of the
/// line at which they stand. `span` lies on character boundaries.
pub(super) fn excerpt(text: &str, span: Range<usize>) -> (String, Range<usize>) {
    let place = |byte: usize| text[..byte].chars().count();
    let (length, culprit) = (text.chars().count(), place(span.start)..place(span.end));
    let window = if length <= WIDTH {
        0..length
    } else {
        let start = culprit.start.saturating_sub(LEAD).min(length - WIDTH);
        start..start + WIDTH
    };
    let mut line = String::new();
    if window.start > 0 {
        line.push('…');
    }
    let shift = usize::from(window.start > 0);
    line.extend(
        text.chars()
            .skip(window.start)
            .take(window.len())
            .map(plain_width),
    );
    if window.end < length {
        line.push('…');
    }
    let column = |place: usize| place.min(window.end) - window.start + shift;
    (line, column(culprit.start)..column(culprit.end))
}

/// The character, or one that takes exactly one column: else a caret under it would be off.
fn plain_width(c: char) -> char {
    match c {
        _ if c.is_whitespace() => ' ',
        _ if c.is_ascii_graphic() => c,
        // Latin letters; what is beyond may be wide, may join others, or may run to the left.
        '\u{a1}'..='\u{24f}' if c != '\u{ad}' => c,
        _ => '\u{fffd}',
    }
}
