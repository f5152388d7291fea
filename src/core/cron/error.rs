//! Why an expression or a zone is refused, and where the culprit stands.

use super::quote::{excerpt, quote};
use std::{fmt, ops::Range};

/// Why an expression or a zone is refused.
///
/// As text it is one line, fit for a condition: `minute: 75 is not in 0-59 (character 1 of
/// "75 * * * *")`. On a terminal, show [`TimingError::message`] above [`TimingError::pointer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimingError {
    message: String,
    expression: String,
    span: Option<Range<usize>>,
}

impl TimingError {
    /// A refusal of something that is not an expression.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            expression: String::new(),
            span: None,
        }
    }

    /// The refusal of `expression`.
    pub(super) fn of(expression: &str, Mistake { at, why }: Mistake) -> Self {
        // What the grammar complains of is always a part of what it was given. Its place follows
        // from that, so that nobody has to keep count while reading.
        let span = (at.as_ptr() as usize)
            .checked_sub(expression.as_ptr() as usize)
            .map(|start| start..start + at.len())
            .filter(|span| expression.get(span.clone()).is_some());
        Self {
            message: why,
            expression: expression.to_owned(),
            span,
        }
    }

    /// The field, the value, what is allowed and, where it is known, the way out.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The expression as it was given; empty if a zone is refused, or what is too long to show.
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// Where the culprit stands in the expression: bytes, on character boundaries.
    pub fn span(&self) -> Option<Range<usize>> {
        self.span.clone()
    }

    /// Two lines for a terminal: the expression, and a caret under each character of the culprit.
    /// A long expression is cut around the culprit. None if there is nothing to point at.
    pub fn pointer(&self) -> Option<String> {
        let span = self.span.clone()?;
        let (shown, columns) = excerpt(&self.expression, span);
        let (space, carets) = (" ".repeat(columns.start), "^".repeat(columns.len().max(1)));
        Some(format!("{shown}\n{space}{carets}"))
    }
}

impl fmt::Display for TimingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.span {
            _ if self.expression.is_empty() => Ok(()),
            None => write!(f, " (in {})", quote(&self.expression)),
            Some(span) => {
                let before = &self.expression[..span.start];
                let character = before.chars().count() + 1;
                write!(f, " (character {character} of {})", quote(&self.expression))
            }
        }
    }
}

impl std::error::Error for TimingError {}

/// What is wrong with a part of an expression.
#[derive(Debug)]
pub(super) struct Mistake<'a> {
    /// The culprit: a slice of the expression itself, since its place is taken from where it lies.
    pub(super) at: &'a str,
    pub(super) why: String,
}

impl<'a> Mistake<'a> {
    pub(super) fn new(at: &'a str, why: impl Into<String>) -> Self {
        Self {
            at,
            why: why.into(),
        }
    }

    /// The same, said of `at` if its own culprit is nothing.
    pub(super) fn or_at(self, at: &'a str) -> Self {
        let at = if self.at.is_empty() { at } else { self.at };
        Self { at, ..self }
    }

    /// The same, said of a field.
    pub(super) fn within(self, field: &str) -> Self {
        Self {
            why: format!("{field}: {}", self.why),
            ..self
        }
    }
}
