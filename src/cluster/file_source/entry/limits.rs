//! The bounds of an entry's fields: the same as those of the resource, told with the line. Those of
//! its times are checked where they are read.

use super::super::tree::Place;
use super::{Finding, here};
use crate::api::{EXIT_CODES_MESSAGE, FAILURES, Retry, ScheduleFileEntry};
use crate::cluster::names::is_subdomain;

const YEAR: i64 = 31_536_000;
const DAY: i64 = 86_400;

/// What of an entry is out of bounds. `place` is that of a field's value.
pub fn findings(entry: &ScheduleFileEntry, place: impl Fn(&str) -> Place) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |field: &str, message: String| {
        findings.push(here(place(field), format!("{field}: {message}")));
    };
    for (field, value, least, most) in numbers(entry) {
        if let Some(value) = value.filter(|value| !(least..=most).contains(value)) {
            find(field, format!("{value} is not in {least}-{most}"));
        }
    }
    for (field, within, value, least, most) in nested(entry) {
        if let Some(value) = value.filter(|value| !(least..=most).contains(value)) {
            find(field, format!("{within}: {value} is not in {least}-{most}"));
        }
    }
    for (within, message) in entry.retry.iter().flat_map(retry) {
        find("retry", format!("{within}: {message}"));
    }
    for (field, length, most) in lists(entry) {
        if length.is_some_and(|length| length > most) {
            find(field, format!("has more than {most} items"));
        }
    }
    for (index, text) in entry.excludes.iter().flatten().enumerate() {
        if text.chars().count() > 256 {
            let message = format!("item {} is longer than 256 characters", index + 1);
            find("excludes", message);
        }
    }
    for calendar in entry.calendars.iter().flatten() {
        if let Some(message) = bad_calendar(&calendar.name) {
            find("calendars", message);
        }
    }
    let description = entry.description.as_deref().unwrap_or_default();
    let length = description.chars().count();
    if length > 4096 {
        find(
            "description",
            format!("{length} characters are more than 4096"),
        );
    }
    if let Some(name) = &entry.main_container {
        let length = name.chars().count();
        if !(1..=63).contains(&length) {
            let message = format!("{length} characters are not 1 to 63");
            find("mainContainer", message);
        }
    }
    if entry.image.as_ref().is_some_and(String::is_empty) {
        find("image", "is empty".to_owned());
    }
    findings
}

/// The fields that are whole numbers, with the least and the most that they may be.
fn numbers(entry: &ScheduleFileEntry) -> [(&'static str, Option<i64>, i64, i64); 8] {
    [
        ("missedFiresLimit", entry.missed_fires_limit, 1, 1000),
        ("queueLimit", entry.queue_limit, 1, 100),
        ("maxActive", entry.max_active, 1, 100),
        (
            "startingDeadlineSeconds",
            entry.starting_deadline_seconds,
            0,
            YEAR,
        ),
        (
            "activeDeadlineSeconds",
            entry.active_deadline_seconds,
            1,
            YEAR,
        ),
        (
            "successfulRunsHistoryLimit",
            entry.successful_runs_history_limit,
            0,
            100,
        ),
        (
            "failedRunsHistoryLimit",
            entry.failed_runs_history_limit,
            0,
            100,
        ),
        (
            "ttlSecondsAfterFinished",
            entry.ttl_seconds_after_finished,
            0,
            YEAR,
        ),
    ]
}

/// The whole numbers within fields that are maps.
fn nested(entry: &ScheduleFileEntry) -> Vec<(&'static str, &'static str, Option<i64>, i64, i64)> {
    let mut numbers = Vec::new();
    if let Some(stuck) = &entry.stuck_after {
        numbers.extend(
            [
                ("unschedulableSeconds", stuck.unschedulable_seconds),
                ("imagePullSeconds", stuck.image_pull_seconds),
                ("configErrorSeconds", stuck.config_error_seconds),
                ("notReadySeconds", stuck.not_ready_seconds),
            ]
            .map(|(within, value)| ("stuckAfter", within, value, 1, YEAR)),
        );
    }
    if let Some(overdue) = &entry.overdue_after {
        let (seconds, fires) = (overdue.seconds, overdue.fires);
        numbers.push(("overdueAfter", "seconds", seconds, 1, 10 * YEAR));
        numbers.push(("overdueAfter", "fires", fires, 1, 1_000));
    }
    if let Some(breaker) = &entry.circuit_breaker {
        let (failures, pause) = (Some(breaker.failures), Some(breaker.pause_seconds));
        numbers.push(("circuitBreaker", "failures", failures, 1, 100));
        numbers.push(("circuitBreaker", "pauseSeconds", pause, 1, YEAR));
    }
    if let Some(retry) = &entry.retry {
        numbers.extend(
            [
                ("limit", retry.limit, 0, 100),
                ("backoffSeconds", retry.backoff_seconds, 0, DAY),
                ("backoffFactor", retry.backoff_factor, 1, 10),
                ("maxBackoffSeconds", retry.max_backoff_seconds, 0, DAY),
            ]
            .map(|(within, value, least, most)| ("retry", within, Some(value), least, most)),
        );
    }
    numbers
}

/// What of a retry's lists is wrong: which list, and how.
fn retry(retry: &Retry) -> Vec<(&'static str, String)> {
    let mut wrong = Vec::new();
    let codes = [
        ("onExitCodes", &retry.on_exit_codes),
        ("notOnExitCodes", &retry.not_on_exit_codes),
    ];
    for (within, codes) in codes {
        if codes.len() > 255 {
            wrong.push((within, "has more than 255 items".to_owned()));
        }
        if let Some(code) = codes.iter().find(|code| !(1..=255).contains(*code)) {
            wrong.push((within, format!("{code} is not in 1-255")));
        }
    }
    if retry.names_both_exit_codes() {
        wrong.push(("notOnExitCodes", EXIT_CODES_MESSAGE.to_owned()));
    }
    let reasons = [
        ("onReasons", &retry.on_reasons),
        ("uncountedReasons", &retry.uncounted_reasons),
    ];
    for (within, names) in reasons {
        if names.len() > FAILURES.len() {
            wrong.push((within, format!("has more than {} items", FAILURES.len())));
        }
        let known = |name: &String| FAILURES.contains(&name.as_str());
        if let Some(name) = names.iter().find(|name| !known(name)) {
            let shown: String = name.chars().take(64).collect();
            let known = FAILURES.join(", ");
            wrong.push((
                within,
                format!("\"{shown}\" is not why a run fails; it is one of {known}"),
            ));
        }
    }
    wrong
}

/// The fields that are lists, with how many items they may have.
fn lists(entry: &ScheduleFileEntry) -> [(&'static str, Option<usize>, usize); 3] {
    [
        ("schedules", entry.schedules.as_ref().map(Vec::len), 32),
        ("excludes", entry.excludes.as_ref().map(Vec::len), 64),
        ("calendars", entry.calendars.as_ref().map(Vec::len), 16),
    ]
}

/// Why nothing in a cluster can have this name, as far as the name itself tells.
fn bad_calendar(name: &str) -> Option<String> {
    (!is_subdomain(name)).then(|| {
        let shown: String = name.chars().take(64).collect();
        format!(
            "\"{shown}\" can't be the name of a calendar: a name is 1 to 253 of a-z, 0-9, - and ., \
             and begins and ends with a letter or digit"
        )
    })
}
