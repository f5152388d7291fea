//! The log as text for a person at a terminal: time, what happened, to which schedule, and the rest.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::record::{Record, bounded, push_visible};
use crate::clock::Clock;

/// The form for people. A record with a field `event` is news of a schedule and reads like
/// `18:45:20  refused    default/slow         fire of 18:45:20: StillActive: …`; any other reads like
/// `18:45:09  INFO       message key=value`.
pub struct Text {
    clock: Clock,
    zone: TimeZone,
    colour: bool,
}

impl Text {
    /// Times are shown in `zone`.
    pub fn new(clock: Clock, zone: TimeZone, colour: bool) -> Self {
        Self {
            clock,
            zone,
            colour,
        }
    }

    fn line(&self, mut record: Record) -> String {
        let now = self.clock.now().to_zoned(self.zone.clone());
        let news = record.take("event");
        let place = match (record.take("namespace"), record.take("schedule")) {
            (Some(namespace), Some(name)) => Some(format!("{namespace}/{name}")),
            (namespace, name) => namespace.or(name),
        };
        let level = record.level;
        let word = news.as_deref().unwrap_or(level.as_str());
        let rest = match &news {
            Some(news) => self.news(news, &now, &mut record),
            None => String::new(),
        };

        let mut line = String::with_capacity(128);
        self.push(&mut line, DIM, &now.strftime("%H:%M:%S").to_string());
        line.push_str("  ");
        self.push(&mut line, colour_of(word, level), &format!("{word:<9}"));
        line.push_str("  ");
        if let Some(place) = place {
            push_visible(&mut line, &format!("{place:<19}  "));
        }
        push_visible(&mut line, &rest);
        if news.is_none() {
            push_visible(&mut line, &record.message);
        }
        for (name, value) in &record.fields {
            let value = match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            if !line.ends_with(' ') {
                line.push(' ');
            }
            self.push(&mut line, DIM, &format!("{name}="));
            push_visible(&mut line, &value);
        }
        bounded(line.trim_end()).into_owned()
    }

    /// `subject: reason: message: last line`, without what the word in front has said already.
    fn news(&self, word: &str, now: &Zoned, record: &mut Record) -> String {
        let run = record.take("run");
        let fire = record.take("fire");
        let last_fire = record.take("last_fire");
        let count = record.take("count");
        let reason = record.take("reason");
        let last_lines = record.take("last_lines");
        // The message says the first, and the status and kubectl show the second.
        record.take("exit_code");
        record.take("node");
        if let Some(container) = record.take("container") {
            return format!("{container} | {}", record.message);
        }
        let subject = run.or_else(|| {
            let fire = self.instant(&fire?, now);
            Some(match (count.as_deref(), last_fire) {
                (Some("1") | None, _) | (_, None) => format!("fire of {fire}"),
                (Some(count), Some(last)) => {
                    format!("{count} fires from {fire} to {}", self.instant(&last, now))
                }
            })
        });
        let message = Some(record.message.clone());
        let last_line = last_lines.and_then(|lines| lines.lines().last().map(str::to_owned));
        [subject, reason, message, last_line]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty() && !part.eq_ignore_ascii_case(word))
            .collect::<Vec<_>>()
            .join(": ")
    }

    /// An instant of a field as a person reads it: the time, with the date if it isn't today's.
    fn instant(&self, text: &str, now: &Zoned) -> String {
        let Ok(instant) = text.parse::<Timestamp>() else {
            return text.to_owned();
        };
        let local = instant.to_zoned(self.zone.clone());
        let format = if local.date() == now.date() {
            "%H:%M:%S"
        } else {
            "%F %H:%M:%S"
        };
        local.strftime(format).to_string()
    }

    fn push(&self, line: &mut String, colour: &str, text: &str) {
        if self.colour && !colour.is_empty() {
            line.push_str(colour);
            push_visible(line, text);
            line.push_str(PLAIN);
        } else {
            push_visible(line, text);
        }
    }
}

impl<S, N> FormatEvent<S, N> for Text
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
        writeln!(writer, "{}", self.line(Record::read(event)))
    }
}

const PLAIN: &str = "\x1b[0m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[1;31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const CYAN: &str = "\x1b[36m";

fn colour_of(word: &str, level: Level) -> &'static str {
    match word {
        "started" => CYAN,
        "succeeded" => GREEN,
        "failed" => RED,
        "log" => "",
        _ => match level {
            Level::ERROR => RED,
            Level::WARN => YELLOW,
            Level::INFO => "",
            Level::DEBUG | Level::TRACE => DIM,
        },
    }
}
