//! The log as JSON: one flat object a line.

use std::fmt::{self, Write as _};

use serde_json::Value;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::record::{Record, is_unsafe};
use crate::clock::Clock;

/// The form for machines: `timestamp` (RFC 3339, UTC, microseconds), `level`, `message`, `target`,
/// then the fields of the record.
pub struct Json {
    clock: Clock,
}

impl Json {
    pub fn new(clock: Clock) -> Self {
        Self { clock }
    }

    fn line(&self, record: &Record) -> String {
        let mut line = format!(
            r#"{{"timestamp":"{:.6}","level":"{}""#,
            self.clock.now(),
            record.level
        );
        if !record.message.is_empty() {
            push(&mut line, "message", &record.message.as_str().into());
        }
        push(&mut line, "target", &record.target.into());
        for (name, value) in &record.fields {
            match *name {
                // No key twice in one object, whatever a library calls its fields.
                "timestamp" | "level" | "target" => {
                    push(&mut line, &format!("field_{name}"), value)
                }
                name => push(&mut line, name, value),
            }
        }
        line.push('}');
        line
    }
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        writeln!(writer, "{}", self.line(&Record::read(event)))
    }
}

fn push(line: &mut String, name: &str, value: &Value) {
    line.push(',');
    push_escaped(line, &Value::from(name).to_string());
    line.push(':');
    push_escaped(line, &value.to_string());
}

/// JSON escapes the controls below a space itself; the others would reach a terminal as they are.
fn push_escaped(line: &mut String, json: &str) {
    for c in json.chars() {
        if is_unsafe(c) {
            // Writing to a String can't fail.
            let _ = write!(line, "\\u{:04x}", u32::from(c));
        } else {
            line.push(c);
        }
    }
}
