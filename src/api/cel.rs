//! The rules that the API server checks when a schedule is applied, in its expression language.
//!
//! They catch what a person gets wrong most often, at the moment of `kubectl apply`, and each says
//! the way out. They must never refuse what the controller would accept: it has the last word, and
//! says it in the Ready condition. Only a retry that contradicts itself is told here alone. What says
//! nothing beside the value of another field is no mistake: each field can be changed by itself.

use serde_json::{Value, json};

/// The longest name of a schedule: it becomes the value of a label on the schedule's pods.
pub const NAME_RULE: &str = "self.metadata.name.size() <= 63";

/// What `NAME_RULE` says to a user.
pub const NAME_MESSAGE: &str = "metadata.name is too long: use at most 63 characters, since the \
    name becomes a label of the schedule's pods";

/// What is said of a retry that names exit codes in both ways.
pub const EXIT_CODES_MESSAGE: &str = "give either onExitCodes or notOnExitCodes: the one names the \
    exit codes after which a run is tried again, the other those after which it is not";

/// The rules of `spec.schedule`.
pub fn schedule() -> Value {
    json!([
        {
            "rule": r"self.matches('^[\\t -~]*$')",
            "message": "schedule must be one line of plain characters: in YAML write it in quotes, \
                        as in \"0 3 * * *\", not as a block (| or >)",
        },
        {
            "rule": r"!self.matches('^\\s*(CRON_)?TZ=')",
            "message": "schedule can't name a time zone: take the TZ= or CRON_TZ= prefix out of it \
                        and set spec.timeZone instead",
        },
        {
            "rule": r"self.matches('^\\s*$|^\\s*(@|TZ=|CRON_TZ=)|^\\s*\\S+(\\s+\\S+){4,6}\\s*$')",
            "message": "schedule must have 5 fields (minute hour day-of-month month day-of-week), 6 \
                        (seconds first) or 7 (seconds first, year last), or be @hourly, @daily, \
                        @weekly, @monthly, @yearly, @every 1h30m or @at 2026-12-24 18:00, or be empty \
                        to disable it",
        },
    ])
}

/// The rules of a spec as a whole.
pub fn spec() -> Value {
    json!([
        {
            "rule": "has(self.schedule) != (has(self.schedules) && size(self.schedules) > 0)",
            "message": "give exactly one of schedule and schedules: schedule for one expression \
                        (\"\" disables it), schedules for a list of them",
        },
        {
            "rule": "!has(self.notBefore) || !has(self.notAfter) || self.notBefore <= self.notAfter",
            "fieldPath": ".notAfter",
            "message": "notAfter is before notBefore, so nothing would ever fire: swap them, or \
                        leave one out",
        },
    ])
}

/// The rules of `spec.retry`.
pub fn retry() -> Value {
    let none = |field| format!("!has(self.{field}) || size(self.{field}) == 0");
    json!([{
        "rule": format!("{} || {}", none("onExitCodes"), none("notOnExitCodes")),
        "message": EXIT_CODES_MESSAGE,
    }])
}

/// The rules of a date of a calendar. Whether the month has that day is for the controller to say.
pub fn date() -> Value {
    json!([{
        "rule": "self.matches('^([0-9]{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$')",
        "message": "a date is a day such as 2026-12-25, or a day of every year such as 12-25: write \
                    month and day with two digits each, and the year, if any, with four before them",
    }])
}

/// The rules of a span of dates.
pub fn date_range() -> Value {
    json!([
        {
            "rule": "self.first.size() == self.last.size()",
            "message": "first and last must both have a year, as in 2026-12-24 and 2027-01-01, or \
                        both have none, as in 12-24 and 01-01",
        },
        {
            // Those of every year may go over its end.
            "rule": "self.first.size() != 10 || self.last.size() != 10 || self.first <= self.last",
            "message": "last is before first: swap them, or correct the year",
        },
    ])
}

/// The rules of a day of the week of a calendar.
pub fn weekday() -> Value {
    json!([{
        "rule": "self.matches('^(?i)(sun|mon|tue|wed|thu|fri|sat)$')",
        "message": "a weekday is one of SUN, MON, TUE, WED, THU, FRI and SAT: write one for each \
                    item of the list",
    }])
}

/// The rules of `spec.timeZone`.
pub fn time_zone() -> Value {
    json!([{
        "rule": "self.matches('^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$')",
        "message": "timeZone must be the name of an IANA time zone, such as Europe/Berlin or UTC; \
                    leave it out for the controller's local zone",
    }])
}

/// The rules of `spec.template.spec`.
pub fn pod() -> Value {
    json!([{
        "rule": "!has(self.restartPolicy) || self.restartPolicy != 'Always'",
        "fieldPath": ".restartPolicy",
        "message": "restartPolicy can't be Always, since a run must come to an end: use Never or \
                    OnFailure, or leave it out for Never",
    }])
}
