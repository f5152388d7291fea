//! Tells users what happened: one log record, the metrics, and a Kubernetes Event for each news.
//!
//! Never waits and never decides: what can't be told is dropped and counted.

mod events;
mod words;

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::core::news::News;
use crate::core::reason::{Reason, Severity};
use crate::core::schedule_ref::ScheduleRef;
use crate::metrics::Metrics;
pub use events::{EventQueue, instance_name, run_worker};
use words::{Subject, Words};

/// How many Events of each severity may wait to be published: those of some thousand runs that
/// fail at one instant. Warnings wait apart, so that no flood of Normal ones pushes them out.
const WAITING_EVENTS: usize = 4_096;

/// Tells news. Cheap to clone, and no call waits for anything.
#[derive(Clone)]
pub struct Reporter {
    metrics: Metrics,
    warnings: mpsc::Sender<Words>,
    normals: mpsc::Sender<Words>,
}

impl Reporter {
    /// A reporter, and the queue of its Events for `run_worker`.
    pub fn new(metrics: Metrics) -> (Self, EventQueue) {
        Self::with_room(metrics, WAITING_EVENTS)
    }

    fn with_room(metrics: Metrics, room: usize) -> (Self, EventQueue) {
        let (warnings, queued_warnings) = mpsc::channel(room);
        let (normals, queued_normals) = mpsc::channel(room);
        let queue = EventQueue::new(queued_warnings, queued_normals, metrics.clone());
        let reporter = Self {
            metrics,
            warnings,
            normals,
        };
        (reporter, queue)
    }

    /// Tells what happened to a schedule, `now`: just after the write that made it true was answered.
    pub fn tell(&self, schedule: &ScheduleRef, news: &News, now: Timestamp) {
        self.count(news, now);
        self.say(words::of_news(schedule, news, now));
    }

    /// Tells a problem of the schedule file: with the entry's namespace and name where they are
    /// known, else about the file as a whole, which gets no Event.
    pub fn tell_problem(
        &self,
        namespace: Option<&str>,
        entry: Option<&str>,
        reason: Reason,
        message: &str,
        now: Timestamp,
    ) {
        self.say(words::of_problem(namespace, entry, reason, message, now));
    }

    fn say(&self, words: Words) {
        log(&words);
        // An Event needs an object and a namespace to be in.
        if words.subject.name.is_none() || words.subject.namespace.is_none() {
            return;
        }
        let queue = match words.reason.severity() {
            Severity::Warning => &self.warnings,
            Severity::Normal => &self.normals,
        };
        if queue.try_send(words).is_err() {
            self.metrics.event_dropped();
        }
    }

    fn count(&self, news: &News, now: Timestamp) {
        match news {
            // A further attempt is late on purpose. So is a fire that was queued, or that replaces others;
            // but nothing that outlives a crash says that of a claimed run, so it counts with its wait.
            News::Started { attempt: 2.., .. } => {}
            News::Started { fire, .. } => {
                let lateness = now.duration_since(*fire);
                // A clock step back between the fire and now is no lateness.
                self.metrics
                    .fire_ran(lateness.try_into().unwrap_or_default());
            }
            News::Ended { run, reason } => {
                let took = run.started.map(|start| run.finished.duration_since(start));
                let took = took.and_then(|took| took.try_into().ok());
                self.metrics.run_ended(run.outcome, *reason, took);
            }
            News::Skipped { skip, reason } => self.metrics.fires_skipped(*reason, skip.count),
            News::Waiting { reason, .. } => self.metrics.run_waiting(*reason),
            News::Stuck { .. } => self.metrics.run_waiting(Reason::RunStuck),
            News::Retrying { reason, .. } => self.metrics.attempt_failed(*reason),
            // What becomes of it is counted when it is known.
            News::Queued { .. } => {}
            News::Readiness { .. }
            | News::Circuit { .. }
            | News::Overdue { .. }
            | News::Hindered { .. }
            | News::Repaired { .. }
            | News::NameTaken { .. } => {}
        }
    }
}

/// Writes the one record of these words.
fn log(words: &Words) {
    let Subject {
        namespace,
        name,
        uid: _,
    } = &words.subject;
    // The level of a record must be a constant.
    macro_rules! record {
        ($level:ident) => {
            tracing::event!(
                tracing::Level::$level,
                event = words.event,
                namespace = namespace.as_deref(),
                schedule = name.as_deref(),
                run = words.run.as_ref().map(|run| run.name.as_str()),
                reason = words.reason.name(),
                fire = words.fire.map(tracing::field::display),
                last_fire = words.last_fire.map(tracing::field::display),
                count = words.count,
                exit_code = words.exit_code,
                node = words.node.as_deref(),
                last_lines = words.last_lines.as_deref(),
                "{}",
                words.message
            )
        };
    }
    match words.reason.severity() {
        Severity::Warning => record!(WARN),
        Severity::Normal => record!(INFO),
    }
}

#[cfg(test)]
mod tests;
