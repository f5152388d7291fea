//! Which days an .ics file has, and what is said of one that can't be read.

use std::{fs, path::Path, process::Command};

use jiff::civil::{Date, date};
use proptest::prelude::*;
use punctual::{
    api::{CalendarSpec, ScheduleCalendar},
    ics::{ImportError, Imported, MAX_BYTES, import},
};

/// The year of which the fixtures tell.
const FROM: Date = date(2026, 1, 1);
const UNTIL: Date = date(2026, 12, 31);

fn fixture(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

fn path(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// The days as one line each, with the names of their events.
fn days(imported: &Imported) -> Vec<String> {
    let CalendarSpec {
        dates,
        ranges,
        weekdays,
        description,
    } = &imported.spec;
    assert!(weekdays.is_empty() && description.is_none());
    let named = |day: &str, shown: String| format!("{shown} {}", imported.names[day]);
    let dates = dates.iter().map(|day| named(day, day.clone()));
    let ranges = ranges
        .iter()
        .map(|range| named(&range.first, format!("{}/{}", range.first, range.last)));
    dates.chain(ranges).collect()
}

fn file(events: &str) -> String {
    format!("BEGIN:VCALENDAR\n{events}END:VCALENDAR\n")
}

fn event(lines: &str) -> String {
    file(&format!("BEGIN:VEVENT\nSUMMARY:e\n{lines}\nEND:VEVENT\n"))
}

fn imported(lines: &str) -> Result<Vec<String>, ImportError> {
    let imported = import(&event(lines), FROM, UNTIL)?;
    Ok(days(&imported)
        .iter()
        .map(|day| day.trim_end_matches(" e").to_owned())
        .collect())
}

#[test]
fn bank_holidays_are_the_days_of_the_time_that_is_asked_for() {
    let imported = import(&fixture("bank-holidays.ics"), FROM, UNTIL).unwrap();
    assert_eq!(
        days(&imported),
        [
            "2026-01-01 New Year’s Day",
            "2026-04-03 Good Friday",
            "2026-04-06 Easter Monday",
            "2026-12-25 Christmas Day",
            "2026-12-28 Boxing Day",
        ]
    );
    assert_eq!((imported.events, imported.title), (5, None));
}

#[test]
fn a_calendar_of_google_has_rules_exceptions_moved_times_and_its_own_zone() {
    let imported = import(&fixture("google.ics"), FROM, UNTIL).unwrap();
    assert_eq!(
        days(&imported),
        [
            "07-04 Independence Day, observed by all of us who work here and by those who do not",
            "2026-01-05 Stocktaking",
            "2026-01-21 Stocktaking, moved",
            "2026-01-26 Stocktaking",
            "2026-03-01 Late on Sunday in New York",
        ]
    );
    assert_eq!(imported.title.as_deref(), Some("Office closed"));
}

#[test]
fn a_calendar_of_apple_has_spans_durations_and_alarms() {
    let imported = import(&fixture("apple.ics"), FROM, UNTIL).unwrap();
    assert_eq!(
        days(&imported),
        [
            "2026-02-15 Long weekend",
            "2026-02-16 Long weekend",
            "2026-03-10 Overnight",
            "2026-03-11 Overnight",
            // A rule's first time counts even where the rule itself leaves it out.
            "2026-09-01 First Mondays",
            "2026-09-07 First Mondays",
            "2026-10-05 First Mondays",
            "2026-11-02 First Mondays",
            "2026-11-03 First Mondays",
            "2026-12-24/2026-12-31 Works closed",
        ]
    );
}

#[test]
fn an_event_touches_the_days_of_its_own_zone() {
    for (lines, expected) in [
        ("DTSTART;VALUE=DATE:20260501", vec!["2026-05-01"]),
        (
            "DTSTART;VALUE=DATE:20260501\nDTEND;VALUE=DATE:20260501",
            vec!["2026-05-01"],
        ),
        ("DTSTART:20260501T120000", vec!["2026-05-01"]),
        ("DTSTART:20260501T220000\nDURATION:PT2H", vec!["2026-05-01"]),
        (
            "DTSTART:20260501T220000\nDURATION:PT2H1S",
            vec!["2026-05-01", "2026-05-02"],
        ),
        (
            "DTSTART;TZID=Asia/Tokyo:20260501T080000\nDTEND:20260501T000000Z",
            vec!["2026-05-01"],
        ),
        (
            "DTSTART;TZID=Nowhere Time:20260501T230000\nDTEND;TZID=Nowhere Time:20260502T010000",
            vec!["2026-05-01", "2026-05-02"],
        ),
        (
            "DTSTART;VALUE=DATE:20260501\nDURATION:P1W",
            vec!["2026-05-01/2026-05-07"],
        ),
        (
            "DTSTART;VALUE=DATE:20251230\nDTEND;VALUE=DATE:20260103",
            vec!["2026-01-01", "2026-01-02"],
        ),
    ] {
        assert_eq!(imported(lines).unwrap(), expected, "{lines}");
    }
}

#[test]
fn a_plain_rule_of_every_year_is_a_day_of_every_year_and_any_other_is_days() {
    for (rule, expected) in [
        ("FREQ=YEARLY", vec!["12-25"]),
        (
            "FREQ=YEARLY;INTERVAL=1;BYMONTH=12;BYMONTHDAY=25;WKST=MO",
            vec!["12-25"],
        ),
        ("FREQ=YEARLY;INTERVAL=2", vec!["2026-12-25"]),
        ("FREQ=YEARLY;COUNT=3", vec!["2026-12-25"]),
        ("FREQ=YEARLY;UNTIL=20261225", vec!["2026-12-25"]),
        ("FREQ=YEARLY;UNTIL=20261224", vec!["none"]),
        ("FREQ=YEARLY;BYMONTH=1;BYDAY=1MO", vec!["2026-01-05"]),
        ("FREQ=YEARLY\nEXDATE;VALUE=DATE:20261225", vec!["none"]),
        (
            "FREQ=YEARLY\nRDATE;VALUE=DATE:20260101",
            vec!["2026-01-01", "2026-12-25"],
        ),
        (
            "FREQ=MONTHLY;BYMONTHDAY=-1;BYMONTH=2,3",
            vec!["2026-02-28", "2026-03-31"],
        ),
    ] {
        let lines = format!("DTSTART;VALUE=DATE:20241225\nRRULE:{rule}");
        let found = imported(&lines).unwrap_or_else(|error| {
            assert!(
                error.message.starts_with("no event has a day"),
                "{rule}: {error}"
            );
            vec!["none".to_owned()]
        });
        assert_eq!(found, expected, "{rule}");
    }
    for (lines, expected) in [
        // It begins only then.
        (
            "DTSTART;VALUE=DATE:20260704\nRRULE:FREQ=YEARLY",
            vec!["2026-07-04"],
        ),
        (
            "DTSTART;VALUE=DATE:20241224\nDURATION:P2D\nRRULE:FREQ=YEARLY",
            vec!["12-24", "12-25"],
        ),
        // Of another length in leap years.
        (
            "DTSTART;VALUE=DATE:20250228\nDURATION:P2D\nRRULE:FREQ=YEARLY",
            vec!["2026-02-28", "2026-03-01"],
        ),
    ] {
        assert_eq!(imported(lines).unwrap(), expected, "{lines}");
    }
}

#[test]
fn what_can_t_be_read_is_told_with_its_line_and_the_way_out() {
    for (text, says) in [
        (
            file("BEGIN:VEVENT\nEND:VEVENT\n"),
            "line 2: event \"\": has no DTSTART",
        ),
        (
            event("DTSTART:2026-05-01"),
            "line 4: event \"e\": DTSTART: \"2026-05-01\" is neither a date such as 20261225",
        ),
        (
            event("DTSTART:20260230"),
            "line 4: event \"e\": DTSTART: \"20260230\" is neither",
        ),
        (
            event("DTSTART:20260501T2500"),
            "line 4: event \"e\": DTSTART: ",
        ),
        (
            event("DTSTART:20260501\nDTEND:20260401"),
            "line 5: event \"e\": DTEND is before DTSTART",
        ),
        (
            event("DTSTART:20260501\nDURATION:two days"),
            "line 5: event \"e\": DURATION: \"two days\" is no length",
        ),
        (
            event("DTSTART:20260501\nDURATION:-P1D"),
            "line 5: event \"e\": DURATION: ",
        ),
        (
            event("DTSTART:20260501\nRRULE:FREQ=SECONDLY"),
            "line 5: event \"e\": RRULE: FREQ=SECONDLY is about times of day",
        ),
        (
            event("DTSTART:20260501\nRRULE:FREQ=DAILY;BYHOUR=1,2"),
            "line 5: event \"e\": RRULE: BYHOUR is about times of day",
        ),
        (
            event("DTSTART:20260501\nRRULE:FREQ=FORTNIGHTLY"),
            "line 5: event \"e\": RRULE: ",
        ),
        (
            event("DTSTART:20260501\nRRULE:FREQ=DAILY;UNTIL=soon"),
            "line 5: event \"e\": RRULE: UNTIL=SOON is neither",
        ),
        (
            event("DTSTART:18000101\nRRULE:FREQ=DAILY"),
            "line 5: event \"e\": RRULE: it began before 1900",
        ),
        (
            event("DTSTART:20260501\nRRULE:FREQ=DAILY\nRRULE:FREQ=YEARLY"),
            "line 6: event \"e\": has a second RRULE",
        ),
        (
            event("DTSTART:20260501\nEXRULE:FREQ=DAILY"),
            "line 5: event \"e\": EXRULE is not supported",
        ),
        (
            event("DTSTART;TZID=Nowhere:20260501T000000\nDTEND:20260501T000000Z"),
            "line 5: event \"e\": the zone \"Nowhere\" of its DTSTART is no IANA",
        ),
        (
            event("DTSTART:20260501\nEXDATE;TZID=Nowhere:20260501T000000"),
            "line 5: event \"e\": EXDATE: the zone \"Nowhere\"",
        ),
        (
            file("BEGIN:VEVENT\nDTSTART:20260501\n"),
            "line 4: END:VCALENDAR ends nothing that has begun",
        ),
        (
            "BEGIN:VCALENDAR\n".into(),
            "line 1: VCALENDAR has no END: the file is cut off",
        ),
        ("<html>".into(), "line 1: this is no iCalendar file"),
        (
            event("DTSTART:20200501"),
            "no event has a day from 2026-01-01 until 2026-12-31: choose",
        ),
    ] {
        let error = import(&text, FROM, UNTIL).unwrap_err().to_string();
        assert!(error.starts_with(says), "{text}: {error}");
    }
}

#[test]
fn hostile_files_end_at_a_limit() {
    let many =
        "BEGIN:VEVENT\nDTSTART:20260501\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30\nEND:VEVENT\n";
    let far = date(9999, 12, 31);
    for (text, until, says) in [
        (
            " ".repeat(MAX_BYTES + 1),
            UNTIL,
            "the file is larger than 4 MiB",
        ),
        (file(&many.repeat(1001)), UNTIL, "1001 events recur"),
        (
            event("DTSTART:20260101\nRRULE:FREQ=DAILY"),
            far,
            "line 5: event \"e\": RRULE: it has too many times",
        ),
        (
            event("DTSTART:20260101\nRRULE:FREQ=DAILY;COUNT=4000000000"),
            UNTIL,
            "line 5: event \"e\": RRULE: it has too many times",
        ),
        (
            event("DTSTART:20260101\nRRULE:FREQ=DAILY"),
            date(2060, 1, 1),
            "line 2: there are more than 10000 days",
        ),
        (
            event("DTSTART:20260101\nDURATION:P7000000D"),
            far,
            "line 2: there are more than 10000 days",
        ),
        (
            event("DTSTART:20260101\nRRULE:FREQ=DAILY;INTERVAL=2"),
            date(2060, 1, 1),
            "6210 dates and 0 ranges are more than the 4000 and 500",
        ),
    ] {
        let error = import(&text, FROM, until).unwrap_err().to_string();
        assert!(error.starts_with(says), "{says}: {error}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(parts in proptest::collection::vec(prop_oneof![
        "[A-Z;=:,\\\\\"0-9TZ-]{0,30}",
        Just("BEGIN:VEVENT".to_owned()), Just("END:VEVENT".to_owned()), Just("BEGIN:".to_owned()),
        Just("DTSTART:20260228".to_owned()), Just("DTSTART:99991231T235960Z".to_owned()),
        Just("DTEND:99991231".to_owned()), Just("DURATION:P999999999W".to_owned()),
        Just("RRULE:FREQ=YEARLY;BYWEEKNO=53;BYDAY=-53SU".to_owned()),
        Just("RRULE:FREQ=MONTHLY;BYSETPOS=-366;BYDAY=MO".to_owned()),
        Just("RRULE:FREQ=DAILY;INTERVAL=0".to_owned()), Just("RRULE:FREQ=DAILY;INTERVAL=65535;COUNT=9".to_owned()),
        Just("EXDATE:20260228,,".to_owned()), Just("RECURRENCE-ID:20260228".to_owned()),
        Just("SUMMARY:é\\".to_owned()), Just(" é".to_owned()),
    ], 0..12)) {
        let text = format!("BEGIN:VCALENDAR\n{}\nEND:VCALENDAR\n", parts.join("\n"));
        let _ = import(&text, FROM, UNTIL);
        let one = format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\n{}\nEND:VEVENT\nEND:VCALENDAR\n", parts.join("\n"));
        let _ = import(&one, FROM, UNTIL);
    }
}

#[test]
fn the_command_prints_a_manifest_that_can_be_applied_and_reviewed() {
    let printed = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_punctual"))
            .args(["calendar", "import", "--until=2026-12-31"])
            .args(arguments)
            .args(match arguments.contains(&"--from=soon") {
                true => None,
                false => Some("--from=2026-01-01"),
            })
            .output()
            .unwrap();
        let complaint = String::from_utf8(output.stderr).unwrap();
        (String::from_utf8(output.stdout).unwrap(), complaint)
    };
    let holidays = path("bank-holidays.ics");
    let (page, _) = printed(&[holidays.to_str().unwrap(), "--namespace=shop"]);
    assert!(page.contains("  - 2026-12-25  # Christmas Day\n"), "{page}");
    let calendar: ScheduleCalendar = serde_saphyr::from_str(&page).unwrap();
    assert_eq!(calendar.metadata.name.as_deref(), Some("bank-holidays"));
    assert_eq!(calendar.metadata.namespace.as_deref(), Some("shop"));
    assert_eq!(calendar.spec.dates.len(), 5);
    assert_eq!(
        calendar.spec.description.as_deref(),
        Some("5 events of bank-holidays.ics, from 2026-01-01 until 2026-12-31")
    );

    let apple = path("apple.ics");
    let (page, _) = printed(&[apple.to_str().unwrap(), "--cluster", "--name=works"]);
    assert!(page.contains("kind: ClusterScheduleCalendar\n"), "{page}");
    assert!(
        page.contains("  - first: 2026-12-24  # Works closed\n"),
        "{page}"
    );
    assert!(
        page.contains("  name: works\n") && !page.contains("namespace"),
        "{page}"
    );

    for (flag, expected) in [
        (
            "--name=Our Days",
            "\"Our Days\" can't be the name of a calendar",
        ),
        (
            "--namespace=a.b",
            "\"a.b\" can't be the name of a namespace",
        ),
        ("--from=soon", "\"soon\" is no date; write it as 2026-12-01"),
    ] {
        let (page, complaint) = printed(&[apple.to_str().unwrap(), flag]);
        assert_eq!(page, "", "{flag}");
        assert!(complaint.contains(expected), "{complaint}");
    }

    let (page, complaint) = printed(&["/nonexistent/days.ics"]);
    assert_eq!(page, "");
    assert!(
        complaint.contains("can't read /nonexistent/days.ics"),
        "{complaint}"
    );
}

#[test]
fn the_command_reads_the_standard_input() {
    let file = std::fs::File::open(path("bank-holidays.ics")).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_punctual"))
        .args(["calendar", "import", "-", "--name=days"])
        .args(["--from=2026-01-01", "--until=2026-12-31"])
        .stdin(file)
        .output()
        .unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    let calendar: ScheduleCalendar = serde_saphyr::from_str(&page).unwrap();
    assert_eq!(calendar.spec.dates.len(), 5);
    assert_eq!(
        calendar.spec.description.as_deref(),
        Some("5 events of the standard input, from 2026-01-01 until 2026-12-31")
    );
}
