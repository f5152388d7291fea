//! The text of an iCalendar file → its properties, each with its line. Knows nothing of events.

use super::ImportError;

/// The longest property that is read, in bytes: some thousands of dates.
const MOST_BYTES: usize = 64 * 1024;

/// How many parameters a property may have.
const MOST_PARAMETERS: usize = 20;

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

/// The properties of a file that are called one of `wanted`, their folded lines joined. What else a file
/// has, such as pictures, is passed over without a look at it.
pub fn lines<'t>(
    text: &'t str,
    wanted: &'t [&str],
) -> Result<impl Iterator<Item = Result<Line, ImportError>> + 't, ImportError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let split = || {
        text.split('\n')
            .zip(1..)
            .map(|(line, number)| (number, bare(line)))
    };
    let first = split().find(|(_, line)| !line.trim().is_empty());
    let begins =
        first.is_some_and(|(_, line)| line.trim_end().eq_ignore_ascii_case("BEGIN:VCALENDAR"));
    if !begins {
        let message = "this is no iCalendar file: it doesn't begin with BEGIN:VCALENDAR";
        return Err(ImportError::at(first.map_or(1, |it| it.0), message));
    }
    let mut rest = split()
        .filter(|(_, line)| !line.trim().is_empty())
        .peekable();
    Ok(std::iter::from_fn(move || {
        loop {
            let (number, line) = rest.next()?;
            let name = line.split([';', ':']).next().unwrap_or_default();
            let is_property = name.len() < line.len();
            let name = name.trim().to_ascii_uppercase();
            let is_wanted = !is_property || wanted.contains(&name.as_str());
            let mut whole = String::from(if is_wanted { line } else { "" });
            while let Some((_, more)) = rest.next_if(|(_, line)| line.starts_with([' ', '\t'])) {
                if is_wanted && whole.len() <= MOST_BYTES {
                    whole.push_str(&more[1..]);
                }
            }
            if whole.len() > MOST_BYTES {
                let message =
                    format!("{name} is longer than 64 KiB: export fewer events, or dates");
                return Some(Err(ImportError::at(number, message)));
            }
            if is_wanted {
                return Some(read(number, &whole));
            }
        }
    }))
}

fn bare(line: &str) -> &str {
    line.strip_suffix('\r').unwrap_or(line)
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
    if parameters.len() > MOST_PARAMETERS {
        let message = format!("this has more than {MOST_PARAMETERS} parameters: leave some out");
        return Err(ImportError::at(number, message));
    }
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

    fn all(text: &str) -> Result<Vec<Line>, ImportError> {
        lines(text, &["BEGIN", "SUMMARY", "X"])?.collect()
    }

    #[test]
    fn folded_lines_are_one_and_know_where_they_begin() {
        let text = "\u{feff}BEGIN:VCALENDAR\r\n\r\nsummary;LANGUAGE=\"a:b;c\":Day\r\n  of: us\r\n\tall\nX:\n";
        let lines = all(text).unwrap();
        assert_eq!(lines[1].number, 3);
        assert_eq!(lines[1].name, "SUMMARY");
        assert_eq!(lines[1].parameter("LANGUAGE"), Some("a:b;c"));
        assert_eq!(lines[1].value, "Day of: usall");
        assert_eq!(lines[2].number, 6);
    }

    #[test]
    fn escapes_of_a_text_are_undone() {
        let lines = all("BEGIN:VCALENDAR\nSUMMARY:a\\, b\\; c\\nd\\\\e\u{1b}[31m\n").unwrap();
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
            assert_eq!(all(text).unwrap_err().line, Some(line), "{text:?}");
        }
    }
}
