//! The controller's own log on standard output: JSON for machines, text for a person.
//!
//! Only how records are written. What is recorded is decided where it happens.

mod filter;
mod json;
mod record;
mod text;

use std::io::IsTerminal as _;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use jiff::tz::TimeZone;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::Subscriber;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::clock::Clock;
pub use filter::LogFilter;
pub use json::Json;
pub use record::LONGEST as LONGEST_TEXT;
pub use record::{bounded, visible};
pub use text::Text;

/// How many lines may wait for a reader of standard output that is slow. What comes on top is
/// dropped and counted: a full pipe must never delay a fire. Enough for 1,000 runs that start, print
/// and end in one second.
const BUFFERED_LINES: usize = 8_192;

/// How long the process waits at its end for a reader that takes no more lines.
const LAST_LINES: Duration = Duration::from_secs(2);

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// Columns for a person.
    Text,
}

/// Why logging can't start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("the log filter {filter:?} can't be read")]
    Filter {
        filter: String,
        source: tracing_subscriber::filter::ParseError,
    },
    #[error("the log filter can't be changed")]
    Change(#[source] tracing_subscriber::reload::Error),
    #[error("the log is already set up")]
    AlreadySet(#[source] tracing_subscriber::util::TryInitError),
}

/// Keeps the log going; when it is dropped, the lines that wait are written, for up to two seconds.
#[must_use = "the log ends when this is dropped"]
pub struct Guard {
    worker: Option<WorkerGuard>,
    dropped: DroppedLines,
    filter: LogFilter,
}

/// Counts the lines that were dropped because nobody read standard output quickly enough.
#[derive(Clone, Debug)]
pub struct DroppedLines(ErrorCounter);

impl DroppedLines {
    /// How many lines were dropped so far.
    pub fn count(&self) -> u64 {
        self.0.dropped_lines() as u64
    }
}

impl Guard {
    /// The count of lines dropped so far.
    pub fn dropped_lines(&self) -> DroppedLines {
        self.dropped.clone()
    }

    /// Which records it has, to be changed.
    pub fn filter(&self) -> LogFilter {
        self.filter.clone()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The worker's own guard prints to standard output when the queue is full, which blocks for
        // ever if nobody reads there. So it gets a thread that the process doesn't wait for.
        let worker = self.worker.take();
        let (done, wait) = mpsc::channel();
        let flush = thread::Builder::new().spawn(move || {
            drop(worker);
            let _ = done.send(());
        });
        if flush.is_ok() {
            let _ = wait.recv_timeout(LAST_LINES);
        }
    }
}

/// Starts logging to standard output, for the whole process. `filter` says which records to write,
/// in the language of `RUST_LOG`: `info`, `info,kube=debug`. Text shows its times in `zone`.
pub fn init(format: LogFormat, filter: &str, zone: TimeZone) -> Result<Guard, TelemetryError> {
    let terminal = std::io::stdout().is_terminal();
    let (writer, worker) = NonBlockingBuilder::default()
        .buffered_lines_limit(BUFFERED_LINES)
        .lossy(true)
        .thread_name("log")
        .finish(std::io::stdout());
    let dropped = DroppedLines(writer.error_counter());
    let builder = Subscriber::builder()
        .with_env_filter(filter::parsed(filter)?)
        .with_writer(writer);
    let json = match format {
        LogFormat::Auto => !terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    // The type of the one handle is not that of the other.
    let filter = if json {
        let builder = builder.event_format(Json::new(Clock::System));
        let builder = builder.with_filter_reloading();
        let handle = builder.reload_handle();
        builder
            .finish()
            .try_init()
            .map(|()| LogFilter::new(filter, move |new| handle.reload(new)))
    } else {
        let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let builder = builder.event_format(Text::new(Clock::System, zone, colour));
        let builder = builder.with_filter_reloading();
        let handle = builder.reload_handle();
        builder
            .finish()
            .try_init()
            .map(|()| LogFilter::new(filter, move |new| handle.reload(new)))
    }
    .map_err(TelemetryError::AlreadySet)?;
    Ok(Guard {
        worker: Some(worker),
        dropped,
        filter,
    })
}

#[cfg(test)]
pub(crate) mod capture;

#[cfg(test)]
mod tests;
