//! The words for each news: of its log record and of its Event.

use jiff::{SignedDuration, Timestamp};

use crate::api::{Outcome, RunRecord};
use crate::core::breaker::Circuit;
use crate::core::news::News;
use crate::core::reason::Reason;
use crate::core::reason_table::remedy;
use crate::core::schedule_ref::ScheduleRef;
use crate::telemetry::visible;

/// The longest note that Kubernetes takes, in bytes.
const LONGEST_NOTE: usize = 1_024;

/// A start this late is worth a word.
const LATE: SignedDuration = SignedDuration::from_secs(1);

/// One news in words.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    pub subject: Subject,
    pub reason: Reason,
    /// The kind of news in one word, such as `started` or `refused`.
    pub event: &'static str,
    /// What the log says beside the fields.
    pub message: String,
    /// What the Event says: sentences that stand alone, bounded, without control characters.
    pub note: String,
    /// What the controller did or tried, for the Event.
    pub action: &'static str,
    pub run: Option<RunName>,
    pub fire: Option<Timestamp>,
    pub last_fire: Option<Timestamp>,
    pub count: Option<u64>,
    pub exit_code: Option<i32>,
    pub node: Option<String>,
    pub last_lines: Option<String>,
    /// Repeats with the same text here become one Event with a count. None: no two are the same.
    pub series: Option<String>,
    pub at: Timestamp,
}

/// The schedule that it is about, as far as it is known: an entry of the schedule file that can't
/// be used has no uid.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub uid: Option<String>,
}

/// The pod of a run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunName {
    pub name: String,
    pub uid: String,
}

pub fn of_news(schedule: &ScheduleRef, news: &News, now: Timestamp) -> Words {
    let subject = Subject {
        namespace: Some(schedule.namespace.clone()),
        name: Some(schedule.name.clone()),
        uid: Some(schedule.uid.clone()),
    };
    let words = |reason, event, action, message: String, note: String| Words {
        subject: subject.clone(),
        reason,
        event,
        message,
        note: bounded_note(&note, remedy(reason)),
        action,
        run: None,
        fire: None,
        last_fire: None,
        count: None,
        exit_code: None,
        node: None,
        last_lines: None,
        series: None,
        at: now,
    };
    let run_name = |name: &String, uid: &String| {
        Some(RunName {
            name: name.clone(),
            uid: uid.clone(),
        })
    };
    let checked = |reason, event, message: &String| Words {
        series: Some(String::new()),
        ..words(
            reason,
            event,
            "Check",
            message.clone(),
            capital(&sentence(message)),
        )
    };
    let of_run = |run: &RunRecord, words| Words {
        run: run_name(&run.name, &run.uid),
        fire: Some(run.fire_time),
        exit_code: run.exit_code,
        node: run.node.clone(),
        last_lines: (!run.last_lines.is_empty()).then(|| run.last_lines.join("\n")),
        ..words
    };
    match news {
        News::Started {
            run,
            uid,
            fire,
            attempt,
        } => {
            let late = now.duration_since(*fire);
            let late = (late >= LATE).then(|| lateness(late));
            let how = late
                .as_ref()
                .map(|late| format!(", {late}"))
                .unwrap_or_default();
            // A later attempt is late on purpose.
            let (how, message) = match attempt {
                1 => (how, late.unwrap_or_else(|| "started".to_owned())),
                _ => (
                    format!(", attempt {attempt}"),
                    format!("attempt {attempt} started"),
                ),
            };
            let note = format!("Run {run} started for the fire of {fire}{how}.");
            Words {
                run: run_name(run, uid),
                fire: Some(*fire),
                ..words(Reason::Started, "started", "Start", message, note)
            }
        }
        News::Ended { run, reason } => {
            let took = run.started.map(|start| run.finished.duration_since(start));
            let (event, message, mut note) = match run.outcome {
                Outcome::Succeeded => {
                    let took = took.map(taken);
                    let how = took
                        .as_ref()
                        .map(|took| format!(" {took}"))
                        .unwrap_or_default();
                    let note = format!("Run {} succeeded{how}.", run.name);
                    let message = took.unwrap_or_else(|| "succeeded".to_owned());
                    ("succeeded", message, note)
                }
                Outcome::Failed if *reason == Reason::Replaced => {
                    let message = "stopped for a later fire".to_owned();
                    let note = format!("Run {} was replaced: it was {message}.", run.name);
                    ("replaced", message, note)
                }
                Outcome::Failed => {
                    let why = run.message.as_deref().unwrap_or(reason.meaning());
                    let note = format!("Run {} failed: {}", run.name, sentence(why));
                    ("failed", why.to_owned(), note)
                }
            };
            if !run.last_lines.is_empty() {
                note.push_str(" Last lines: ");
                note.push_str(&run.last_lines.join(" | "));
            }
            of_run(run, words(*reason, event, "Finish", message, note))
        }
        News::Retrying {
            run,
            reason: why,
            attempt,
            time,
        } => {
            let said = run.message.as_deref().unwrap_or(why.meaning());
            let message = format!("{said}; attempt {attempt} follows at {time}");
            let note = format!(
                "Run {} failed with {why}: {} Attempt {attempt} follows at {time}.",
                run.name,
                sentence(said)
            );
            of_run(
                run,
                words(Reason::Retrying, "retrying", "Retry", message, note),
            )
        }
        News::Queued { fire, message } => Words {
            fire: Some(*fire),
            series: Some(String::new()),
            ..words(
                Reason::Queued,
                "queued",
                "Queue",
                message.clone(),
                format!("Fire of {fire} queued: {}", sentence(message)),
            )
        },
        News::Stuck {
            run,
            uid,
            reason: why,
            message,
        } => Words {
            run: run_name(run, uid),
            series: Some(String::new()),
            ..words(
                Reason::RunStuck,
                "stuck",
                "Watch",
                format!("{why}: {message}"),
                format!("Run {run} is stuck with {why}: {}", sentence(message)),
            )
        },
        News::Skipped { skip, reason } => {
            let fires = if skip.count == 1 {
                format!("Fire of {}", skip.fire_time)
            } else {
                format!(
                    "{} fires from {} to {}",
                    skip.count, skip.fire_time, skip.last_fire_time
                )
            };
            let note = format!("{fires} skipped: {}", sentence(&skip.message));
            Words {
                fire: Some(skip.fire_time),
                last_fire: Some(skip.last_fire_time),
                count: Some(skip.count),
                series: Some(skip.message.clone()),
                ..words(*reason, "refused", "Skip", skip.message.clone(), note)
            }
        }
        News::Waiting {
            run,
            uid,
            reason,
            message,
        } => Words {
            run: run_name(run, uid),
            series: Some(String::new()),
            ..words(
                *reason,
                "waiting",
                "Start",
                message.clone(),
                format!("Run {run} waits: {}", sentence(message)),
            )
        },
        News::Readiness {
            ready,
            reason,
            message,
        } => {
            let event = match (ready, reason) {
                (true, _) => "ready",
                (false, Reason::Suspended) => "suspended",
                (false, Reason::Disabled) => "disabled",
                (false, _) => "invalid",
            };
            Words {
                series: Some(message.clone()),
                ..words(
                    *reason,
                    event,
                    "Check",
                    message.clone(),
                    capital(&sentence(message)),
                )
            }
        }
        News::Circuit { open, message } => {
            let event = if *open { "paused" } else { "resumed" };
            checked(Circuit::reason(*open), event, message)
        }
        News::Overdue {
            overdue,
            reason,
            message,
        } => {
            let event = if *overdue { "overdue" } else { "in time" };
            checked(*reason, event, message)
        }
        News::Hindered { message } => Words {
            series: Some(String::new()),
            ..words(
                Reason::CannotProceed,
                "waiting",
                "Start",
                message.clone(),
                format!("{} It is tried again.", capital(&sentence(message))),
            )
        },
        News::Repaired { message } => Words {
            series: Some(String::new()),
            ..words(
                Reason::StatusRepaired,
                "repaired",
                "Start",
                message.clone(),
                capital(&sentence(message)),
            )
        },
        News::NameTaken { name } => {
            let message = format!("a pod that isn't the schedule's is called {name}");
            let note = format!("{}. The run got another name.", capital(&message));
            Words {
                series: Some(name.clone()),
                ..words(Reason::NameTaken, "renamed", "Start", message, note)
            }
        }
    }
}

pub fn of_problem(
    namespace: Option<&str>,
    entry: Option<&str>,
    reason: Reason,
    message: &str,
    now: Timestamp,
) -> Words {
    Words {
        subject: Subject {
            namespace: namespace.map(str::to_owned),
            name: entry.map(str::to_owned),
            uid: None,
        },
        reason,
        event: "invalid",
        message: message.to_owned(),
        note: bounded_note(&sentence(message), remedy(reason)),
        action: "Read",
        run: None,
        fire: None,
        last_fire: None,
        count: None,
        exit_code: None,
        node: None,
        last_lines: None,
        series: Some(message.to_owned()),
        at: now,
    }
}

/// The note with its remedy where both fit: the remedy stays whole and the note gives way.
fn bounded_note(note: &str, remedy: Option<&str>) -> String {
    let remedy = remedy.map(|text| format!(" {text}")).unwrap_or_default();
    let mut note = visible(note);
    let room = LONGEST_NOTE - remedy.len();
    if note.len() > room {
        let cut = "…";
        let mut end = room - cut.len();
        while !note.is_char_boundary(end) {
            end -= 1;
        }
        note.truncate(end);
        note.push_str(cut);
    }
    note.push_str(&remedy);
    note
}

/// The text with a capital and a full stop.
fn sentence(text: &str) -> String {
    let text = text.trim();
    let stop = if text.ends_with(['.', '!', '?', '…']) {
        ""
    } else {
        "."
    };
    format!("{text}{stop}")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

/// How long a run took. Kubernetes says so in whole seconds.
fn taken(span: SignedDuration) -> String {
    match span.as_secs() {
        ..=0 => "within a second".to_owned(),
        seconds => format!("after {}", duration(seconds)),
    }
}

/// How late a start is: below ten seconds with one digit after the point.
fn lateness(span: SignedDuration) -> String {
    match span.as_secs() {
        seconds @ ..10 => format!("{seconds}.{}s late", span.subsec_millis() / 100),
        seconds => format!("{} late", duration(seconds)),
    }
}

/// As `3s` or `1h 2m 3s`.
fn duration(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m {seconds}s"),
        (_, _) => format!("{hours}h {minutes}m {seconds}s"),
    }
}
