//! The text of an iCalendar file → its properties, each with its line. Knows nothing of events.

use super::ImportError;

/// A property: `NAME;PARAMETER=value:value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it begins in the file, from 1.
    pub number: usize,
    /// In capitals.
    pub name: String,
    /// Names in capitals; values without their quotes.
    parameters: Vec<(String, String)>,
    /// As it is written.
    pub value: String,
}

impl Line {
    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        let found = parameters.find(|(known, _)| known == name)?;
        Some(&found.1)
    }

    /// The value as text: its escapes undone, blanks for line breaks, no control characters.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let mut characters = self.value.chars();
        while let Some(c) = characters.next() {
            match c {
                '\\' => match characters.next() {
                    Some('n' | 'N') => text.push(' '),
                    Some(escaped) => text.push(escaped),
                    None => {}
                },
                _ => text.push(c),
            }
        }
        text.retain(|c| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}'));
        text.trim().to_owned()
    }
}

/// The properties of a file, its folded lines joined.
pub fn lines(text: &str) -> Result<Vec<Line>, ImportError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut unfolded: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        match (line.strip_prefix([' ', '\t']), unfolded.last_mut()) {
            (Some(more), Some((_, before))) => before.push_str(more),
            _ if line.trim().is_empty() => {}
            _ => unfolded.push((index + 1, line.to_owned())),
        }
    }
    match unfolded.first() {
        Some((_, first)) if first.trim_end().eq_ignore_ascii_case("BEGIN:VCALENDAR") => {}
        _ => {
            let message = "this is no iCalendar file: it doesn't begin with BEGIN:VCALENDAR";
            return Err(ImportError::at(
                unfolded.first().map_or(1, |it| it.0),
                message,
            ));
        }
    }
    unfolded
        .iter()
        .map(|(number, line)| read(*number, line))
        .collect()
}

fn read(number: usize, line: &str) -> Result<Line, ImportError> {
    let mut parts = Vec::new();
    let mut quoted = false;
    let mut begin = 0;
    let mut end = None;
    for (at, c) in line.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ';' | ':' if !quoted => {
                parts.push(&line[begin..at]);
                begin = at + 1;
                if c == ':' {
                    end = Some(begin);
                    break;
                }
            }
            _ => {}
        }
    }
    let (Some(end), [name, parameters @ ..]) = (end, parts.as_slice()) else {
        let message = "this is no property: after its name there must be a colon and its value";
        return Err(ImportError::at(number, message));
    };
    let parameters = parameters.iter().map(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        (
            name.trim().to_ascii_uppercase(),
            value.trim_matches('"').to_owned(),
        )
    });
    Ok(Line {
        number,
        name: name.trim().to_ascii_uppercase(),
        parameters: parameters.collect(),
        value: line[end..].to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_lines_are_one_and_know_where_they_begin() {
        let text = "\u{feff}BEGIN:VCALENDAR\r\n\r\nsummary;LANGUAGE=\"a:b;c\":Day\r\n  of: us\r\n\tall\nX:\n";
        let lines = lines(text).unwrap();
        assert_eq!(lines[1].number, 3);
        assert_eq!(lines[1].name, "SUMMARY");
        assert_eq!(lines[1].parameter("LANGUAGE"), Some("a:b;c"));
        assert_eq!(lines[1].value, "Day of: usall");
        assert_eq!(lines[2].number, 6);
    }

    #[test]
    fn escapes_of_a_text_are_undone() {
        let lines = lines("BEGIN:VCALENDAR\nSUMMARY:a\\, b\\; c\\nd\\\\e\u{1b}[31m\n").unwrap();
        assert_eq!(lines[1].text(), "a, b; c d\\e[31m");
    }

    #[test]
    fn what_is_no_property_is_told_with_its_line() {
        for (text, line) in [
            ("", 1),
            ("\n\nhello\n", 3),
            ("BEGIN:VCALENDAR\nX;Y=\"a:b\n", 2),
            ("BEGIN:VCALENDAR\nnothing\n", 2),
        ] {
            assert_eq!(lines(text).unwrap_err().line, Some(line), "{text:?}");
        }
    }
}
