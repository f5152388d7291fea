//! Texts that are as large, as deep or as repetitive as an enemy can write them: each is read or
//! refused within 16 MiB of memory, and in a time that grows no faster than the text.
//!
//! Memory is asserted as it is, since it is counted here byte by byte. Of time only the growth is,
//! since the machine may have other work; `-- --nocapture` prints the milliseconds.

mod hostile;

use hostile::{MIB, check, filled, many, nested};
use jiff::{Timestamp, civil::date, tz::TimeZone};
use punctual::{
    api::{CalendarSpec, TimingSpec},
    cluster::{
        cache::{Cache, Key},
        file_source::read,
        manifest,
        observe::{ObservedCalendar, ObservedPod, ObservedSchedule, owner},
        pod, watch_calendars,
    },
    core::{
        almanac::Almanac,
        calendar::Calendar,
        cron::{Dialect, Filter, Options, Timing, words},
        decide::decide,
        plan::Learned,
        run::RunId,
        timetable::Timetable,
    },
    ics,
};
use serde_json::json;
use std::sync::Arc;

const NOW: &str = "2026-11-20T12:00:00Z";

/// What a request to the API server may have, and etcd stores.
const OBJECT: usize = 3 * MIB / 2;

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn almanac() -> Arc<Almanac> {
    Arc::new(Almanac::new(TimeZone::UTC))
}

#[test]
fn expressions_of_a_megabyte_are_refused() {
    let dialects = [
        Dialect::Punctual,
        Dialect::Crontab,
        Dialect::Robfig,
        Dialect::Cronexpr,
        Dialect::Quartz,
    ];
    for (shape, head, part, tail) in [
        ("digits", "", "1", " * * * *"),
        ("commas", "", ",", " * * * *"),
        ("a list", "1", ",2", " * * * *"),
        ("ranges", "0-59", ",0-59/1", " * * * *"),
        ("slashes", "*", "/1", " * * * *"),
        ("spaces", "*", " ", "* * * *"),
        ("fields", "*", " *", ""),
        ("H", "", "H(", " * * * *"),
        ("H lists", "H(0-29)", ",H(0-29)", " * * * *"),
        ("names", "* * * * MON", ",MON", ""),
        ("unicode", "", "ä", " * * * *"),
        ("no width", "", "\u{200b}", " * * * *"),
        ("line breaks", "*", "\n", " * * * *"),
        ("@every", "@every ", "1h", ""),
        ("@at", "@at ", "2", ""),
        ("a zone", "CRON_TZ=", "A", " * * * * *"),
        ("ats", "", "@", ""),
    ] {
        check(
            &format!("expression: {shape}"),
            MIB,
            |size| filled(size, head, part, tail),
            |text| {
                for dialect in dialects {
                    let options = Options {
                        seed: Some(1),
                        dialect,
                        ..Options::default()
                    };
                    let error = Timing::read(text, TimeZone::UTC, &options).unwrap_err();
                    assert!(error.to_string().len() < 400, "{error}");
                    let from = now();
                    let error = words::explain(text, &TimeZone::UTC, &options, from).unwrap_err();
                    assert!(error.pointer().is_none_or(|shown| shown.len() < 400));
                    let filtered = Filter::default().exclude(text, &options);
                    assert!(filtered.unwrap_err().to_string().len() < 400);
                }
            },
        );
    }
}

#[test]
fn timings_of_a_megabyte_and_more_are_refused() {
    let date = "2026-12-25";
    for (field, part) in [
        ("schedule", json!("* * * * *")),
        ("schedules", json!({"schedule": "* * * * *"})),
        ("schedules", json!({"schedule": ""})),
        (
            "schedules",
            json!({"schedule": "x", "timeZone": "Europe/Berlin"}),
        ),
        ("excludes", json!(date)),
        ("excludes", json!("")),
        ("calendars", json!({"name": "a"})),
    ] {
        check(
            &format!("timing: {field} of {part}"),
            OBJECT,
            |size| match field {
                "schedule" => format!(r#"{{"schedule": "{}"}}"#, "*".repeat(size)),
                "schedules" => format!(r#"{{"schedules": {}}}"#, many(size, &part)),
                _ => format!(
                    r#"{{"schedule": "* * * * *", "{field}": {}}}"#,
                    many(size, &part)
                ),
            },
            |text| {
                let object = schedule(&spec_with(text), "{}");
                let (cache, key) = cached(&object);
                let (entry, _) = cache.observe(&key).unwrap();
                let idle = entry.schedule.timing.as_ref().unwrap_err();
                assert!(idle.message.len() < 1_000, "{}", idle.message.len());
            },
        );
    }
    // As many as may be, each as long as it may be and longer.
    for length in [1_000, 40_000] {
        check(
            &format!("timing: 32 schedules and 64 excludes of {length}"),
            length,
            |length| {
                let list = filled(length, "0", ",0", " * * * *");
                json!({"schedules": vec![json!({"schedule": list}); 32], "excludes": vec![list; 64]})
            },
            |spec| {
                let spec: TimingSpec = serde_json::from_value(spec.clone()).unwrap();
                drop(Timetable::parse(&spec, &almanac(), Some(("a", "b"))));
            },
        );
    }
    check(
        "timing: a zone",
        OBJECT,
        |size| "a/".repeat(size / 2),
        |name| {
            let spec = TimingSpec {
                schedule: Some("* * * * *".into()),
                time_zone: Some(name.clone()),
                ..TimingSpec::default()
            };
            let idle = Timetable::parse(&spec, &almanac(), None).unwrap_err();
            assert!(idle.message.len() < 1_000);
        },
    );
}

/// A schedule as the API server shows it.
fn schedule(spec: &str, status: &str) -> String {
    format!(
        r#"{{"metadata": {{"name": "large", "namespace": "home", "uid": "u1", "resourceVersion": "5",
            "generation": 1, "creationTimestamp": "2026-11-20T11:00:00Z"}},
            "spec": {spec}, "status": {status}}}"#
    )
}

fn spec_with(fields: &str) -> String {
    let fields = &fields[1..fields.len() - 1];
    format!(r#"{{{fields}, "template": {}}}"#, template(""))
}

/// A pod template with one more field in its spec.
fn template(more: &str) -> String {
    format!(r#"{{"spec": {{"containers": [{{"name": "c", "image": "i"}}]{more}}}}}"#)
}

fn cached(object: &str) -> (Cache, Key) {
    let cache = Cache::new(almanac());
    let object: ObservedSchedule = serde_json::from_str(object).unwrap();
    let key = cache.put_schedule(object).expect("it has a key");
    (cache, key)
}

/// All that a turn computes for a schedule whose fire is due.
fn turn(object: &str) {
    let (cache, key) = cached(object);
    let (entry, seen) = cache.observe(&key).unwrap();
    let later = now() + jiff::SignedDuration::from_secs(30);
    let plan = decide(
        &entry.schedule,
        &seen,
        &Learned::default(),
        jiff::SignedDuration::from_secs(5),
        later,
    );
    drop(plan);
    if entry.schedule.timing.is_ok() {
        let run = RunId::first(later);
        drop(pod::pod(&entry.schedule, run, "large-1").to_string());
    }
}

#[test]
fn templates_of_a_megabyte_and_a_half_are_decided_or_refused() {
    for (shape, head, part, tail) in [
        ("one text", r#", "x": ""#, "x", r#"""#),
        ("escapes", r#", "x": ""#, r"\u0000", r#"""#),
        ("a number", r#", "x": 0."#, "1", ""),
        ("texts", r#", "x": [""#, r#"", ""#, r#""]"#),
        ("numbers", r#", "x": [0"#, ",0", "]"),
        ("lists", r#", "x": [0"#, ",[]", "]"),
        ("maps", r#", "x": [0"#, r#",{"a":0}"#, "]"),
        ("empty maps", r#", "x": [0"#, ",{}", "]"),
        ("long lists", r#", "x": [0"#, ",[0]", "]"),
    ] {
        check(
            &format!("template: {shape}"),
            OBJECT,
            |size| {
                let more = filled(size, head, part, tail);
                schedule(
                    &format!(
                        r#"{{"schedule": "* * * * * *", "template": {}}}"#,
                        template(&more)
                    ),
                    "{}",
                )
            },
            |object| turn(object),
        );
    }
    for (shape, open, close) in [("lists", "[", "]"), ("maps", r#"{"a":"#, "}")] {
        for depth in [100, 10_000, 150_000] {
            check(
                &format!("template: {depth} {shape} in one another"),
                depth,
                |depth| {
                    let more = format!(r#", "x": {}"#, nested(depth, open, close));
                    schedule(
                        &format!(
                            r#"{{"schedule": "* * * * * *", "template": {}}}"#,
                            template(&more)
                        ),
                        "{}",
                    )
                },
                |object| turn(object),
            );
        }
    }
    let container = json!({"name": "c", "image": "i", "env": [{"name": "A", "value": "b"}]});
    check(
        "template: containers",
        OBJECT,
        |size| {
            let spec = format!(
                r#"{{"schedule": "* * * * * *", "template": {{"spec": {{"containers": {}}}}}}}"#,
                many(size, &container)
            );
            schedule(&spec, "{}")
        },
        |object| turn(object),
    );
}

#[test]
fn metadata_of_a_megabyte_and_a_half_is_passed_over() {
    let plain = r#"{"schedule": "* * * * * *", "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}"#;
    for (shape, head, part, tail) in [
        (
            "a request",
            r#""annotations": {"punctual.dev/run-requested": ""#,
            "9",
            r#""}"#,
        ),
        (
            "annotations",
            r#""annotations": {"a": """#,
            r#", "b": """#,
            "}",
        ),
        (
            "managed fields",
            r#""managedFields": [{"manager": "m", "fieldsV1": {"f:a": [{}"#,
            r#", {"f:b": {}}"#,
            "]}}]",
        ),
        ("many managers", r#""managedFields": [{}"#, ", {}", "]"),
        ("finalizers", r#""finalizers": ["a""#, r#", "a""#, "]"),
        (
            "owners",
            r#""ownerReferences": [{"apiVersion": "v1", "kind": "a", "name": "b", "uid": "c"}"#,
            r#",{"apiVersion": "v1", "kind": "a", "name": "b", "uid": "c"}"#,
            "]",
        ),
    ] {
        check(
            &format!("metadata: {shape}"),
            OBJECT,
            |size| {
                let more = filled(size, head, part, tail);
                schedule(plain, "{}").replacen(r#""name""#, &format!(r#"{more}, "name""#), 1)
            },
            |object| turn(object),
        );
    }
}

#[test]
fn statuses_of_a_megabyte_and_a_half_are_repaired_or_left_alone() {
    let spec = r#"{"schedule": "* * * * * *", "template": {"spec": {"containers": [{"name": "c", "image": "i"}]}}}"#;
    let run = json!({"name": "a", "uid": "b", "fireTime": NOW, "claimTime": NOW});
    let record = json!({"name": "a", "uid": "b", "fireTime": NOW, "outcome": "Failed", "reason": "x", "finished": NOW});
    for (field, part) in [
        ("active", run.clone()),
        ("active", json!({})),
        ("queued", json!({"fireTime": NOW})),
        ("recentRuns", record.clone()),
        ("recentRuns", json!({})),
        (
            "recentSkips",
            json!({"fireTime": NOW, "lastFireTime": NOW, "count": 1, "reason": "x", "message": ""}),
        ),
        (
            "conditions",
            json!({"type": "Ready", "status": "True", "reason": "", "message": "", "lastTransitionTime": NOW}),
        ),
        ("unknown", json!({"a": 0})),
        ("unknown", json!([])),
    ] {
        check(
            &format!("status: {field} of {part}"),
            OBJECT,
            |size| schedule(spec, &format!(r#"{{"{field}": {}}}"#, many(size, &part))),
            |object| turn(object),
        );
        // Where one field can't be read, each is read by itself.
        check(
            &format!("status: {field} of {part}, beside a wrong one"),
            OBJECT,
            |size| {
                schedule(
                    spec,
                    &format!(r#"{{"lastFireTime": 5, "{field}": {}}}"#, many(size, &part)),
                )
            },
            |object| turn(object),
        );
    }
    for (shape, head, part, tail) in [
        ("a text", r#"{"lastOutcome": ""#, "x", r#""}"#),
        ("words", r#"{"observedSchedule": ""#, "x ", r#"* UTC"}"#),
        (
            "words in brackets",
            r#"{"observedSchedule": ""#,
            "(",
            r#")"}"#,
        ),
        (
            "words of a list",
            r#"{"observedSchedule": "{\"schedules\": [{\"schedule\":\"\"}"#,
            r#",{\"schedule\":\"\"}"#,
            r#"]}"}"#,
        ),
        ("a number", r#"{"counts": {"succeeded": "#, "1", "}}"),
        (
            "lines",
            r#"{"recentRuns": [{"name": "a", "uid": "b", "fireTime": "2026-11-20T12:00:00Z", "outcome": "Failed", "reason": "x", "finished": "2026-11-20T12:00:00Z", "lastLines": ["""#,
            r#","""#,
            "]}]}",
        ),
        ("fields", r#"{"a": 0"#, r#", "b": 0"#, "}"),
        ("a text alone", r#"""#, "x", r#"""#),
        ("lists", "", "[", ""),
    ] {
        check(
            &format!("status: {shape}"),
            OBJECT,
            |size| {
                let status = filled(size, head, part, tail);
                let depth = status.bytes().take_while(|b| *b == b'[').count();
                schedule(spec, &format!("{status}{}", "]".repeat(depth)))
            },
            |object| turn(object),
        );
    }
}

#[test]
fn pods_of_a_megabyte_and_a_half_are_seen() {
    let status =
        json!({"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0});
    let ended = json!({"name": "c", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": 1}}});
    for (field, part) in [
        ("containerStatuses", status),
        ("containerStatuses", ended),
        ("conditions", json!({"type": "a", "status": "True"})),
        ("unknown", json!({"a": 0})),
    ] {
        check(
            &format!("pod: {field} of {part}"),
            OBJECT,
            |size| pod_with("", &format!(r#""{field}": {}"#, many(size, &part))),
            |object| see(object),
        );
    }
    for (shape, head, part, tail) in [
        (
            "a fire",
            r#""annotations": {"punctual.dev/fire-time": ""#,
            "9",
            r#""}, "#,
        ),
        (
            "managed fields",
            r#""managedFields": [{"manager": "m", "fieldsV1": {"f:a": [{}"#,
            r#", {"f:b": {}}"#,
            "]}}], ",
        ),
    ] {
        check(
            &format!("pod: {shape}"),
            OBJECT,
            |size| pod_with(&filled(size, head, part, tail), ""),
            |object| see(object),
        );
    }
}

fn pod_with(metadata: &str, status: &str) -> String {
    format!(
        r#"{{"metadata": {{{metadata}"name": "p", "namespace": "home", "uid": "p1", "resourceVersion": "7",
            "labels": {{"punctual.dev/schedule": "large"}},
            "ownerReferences": [{{"apiVersion": "punctual.dev/v1alpha1", "kind": "ScheduledContainer",
            "name": "large", "uid": "u1", "controller": true}}]}},
            "spec": {{"containers": []}}, "status": {{{status}}}}}"#
    )
}

fn see(object: &str) {
    let pod: ObservedPod = serde_json::from_str(object).unwrap();
    let owner = owner(&pod.metadata).expect("it has an owner");
    let cache = Cache::new(almanac());
    cache.put_pod(&owner, pod);
}

#[test]
fn calendars_of_a_megabyte_and_a_half_are_refused() {
    for (field, part) in [
        ("dates", json!("2026-12-25")),
        ("dates", json!("")),
        (
            "ranges",
            json!({"first": "1970-01-01", "last": "2100-12-31"}),
        ),
        ("weekdays", json!("MON")),
    ] {
        check(
            &format!("calendar: {field} of {part}"),
            OBJECT,
            |size| {
                let days = many(size, &part);
                format!(r#"{{"metadata": {{}}, "spec": {{"{field}": {days}}}}}"#)
            },
            |text| {
                let calendar: ObservedCalendar = serde_json::from_str(text).unwrap();
                let why = watch_calendars::read(calendar).unwrap_err();
                assert!(why.len() < 400, "{why}");
            },
        );
    }
    check(
        "calendar: as many ranges as may be",
        500,
        |count| vec![json!({"first": "1970-01-01", "last": "2100-12-31"}); count],
        |ranges| {
            let spec: CalendarSpec = serde_json::from_value(json!({"ranges": ranges})).unwrap();
            drop(Calendar::parse(&spec).unwrap());
        },
    );
}

/// Reads a schedule file whose templates all have this text.
fn file(text: &str, template: &str) {
    let reading = read(text, "schedule.yml", "home", &almanac(), |_| {
        Ok(template.to_owned())
    });
    for problem in &reading.problems {
        assert!(problem.to_string().len() < 2_000, "{problem}");
    }
}

/// A YAML text in which each list repeats the one before it.
fn laughs(size: usize, merge: bool) -> String {
    let mut text = match merge {
        true => "x0: &x0 {k: a}\n".to_owned(),
        false => format!("x0: &x0 [{}]\n", ["a"; 10].join(", ")),
    };
    for i in 1.. {
        let before = vec![format!("*x{}", i - 1); 10].join(", ");
        text += &match merge {
            true => format!("x{i}: &x{i} {{k{i}: b, <<: [{before}]}}\n"),
            false => format!("x{i}: &x{i} [{before}]\n"),
        };
        if text.len() > size {
            break;
        }
    }
    text
}

#[test]
fn schedule_files_of_a_megabyte_and_of_ten_are_read_or_refused() {
    for size in [MIB - 100, 10 * MIB] {
        let kind = if size > MIB { "10 MiB" } else { "1 MiB" };
        for merge in [false, true] {
            check(
                &format!("file of {kind}: laughs, merged: {merge}"),
                size,
                |size| laughs(size, merge),
                |text| file(text, ""),
            );
        }
        for (shape, head, part, tail) in [
            ("an alias", "x: &x [a, b, c]\ny:\n", "  - *x\n", ""),
            (
                "a long alias",
                "x: &x \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\ny:\n",
                "  - *x\n",
                "",
            ),
            ("anchors", "", "- &a\n", ""),
            ("merges", "x: &x {a: 1}\ny:\n", "  <<: *x\n", ""),
            ("anchors in one another", "", "&a [", ""),
            ("lists", "", "[", ""),
            ("maps", "a: ", "{b: ", ""),
            ("dashes", "", "- ", "a"),
            ("questions", "", "? ", "a"),
            ("a scalar", "a: ", "x", ""),
            ("a quoted scalar", "a: \"", "x", "\""),
            ("escapes", "a: \"", "\\x00", "\""),
            ("a block scalar", "a: |\n", "  x\n", ""),
            ("a key", "", "x", ": a"),
            ("words", "a: ", "x ", ""),
            ("lines of words", "a: x\n", "  x\n", ""),
            ("comments", "", "#\n", ""),
            ("line breaks", "", "\n", ""),
            ("documents", "", "---\n", ""),
            ("tags", "", "- !!str a\n", ""),
            ("numbers", "a: [0", ",0", "]"),
            ("empty lists", "a: [0", ",[]", "]"),
            ("empty maps", "a: [0", ",{}", "]"),
            ("maps of one", "a: [0", ",{a: 0}", "]"),
            ("one key", "", "a:\n", ""),
            (
                "empty args",
                "a: {cron: '', image: b, args: [''",
                ",''",
                "]}",
            ),
        ] {
            check(
                &format!("file of {kind}: {shape}"),
                size,
                |size| filled(size, head, part, tail),
                |text| file(text, ""),
            );
        }
        for (shape, entry) in [
            ("names", ":\n"),
            ("entries", ": {cron: '', image: b}\n"),
            (
                "entries that name a template",
                ": {cron: '', template: p}\n",
            ),
            ("entries that name one each", ": {cron: '', template: $}\n"),
            ("wrong entries", ": 5\n"),
            ("bad names", "_: {cron: '* * * * *', image: b}\n"),
        ] {
            check(
                &format!("file of {kind}: {shape}"),
                size,
                |size| {
                    let line = |n: usize| format!("e{n}{}", entry.replace('$', &format!("p{n}")));
                    let mut text = String::new();
                    for n in 0.. {
                        text += &line(n);
                        if text.len() + 60 > size {
                            break;
                        }
                    }
                    text
                },
                |text| {
                    file(
                        text,
                        "kind: Pod\nspec: {containers: [{name: c, image: i}]}\n",
                    )
                },
            );
        }
    }
    let pod = "kind: Pod\nspec:\n  containers: [{name: c, image: i}]\n";
    for (shape, head, part, tail) in [
        ("one text", "  x: \"", "x", "\"\n"),
        ("maps", "  x: [0", ",{a: 0}", "]\n"),
        ("lists", "  x: [0", ",[]", "]\n"),
        (
            "an alias",
            "  x: &x [a, b, c, d, e, f, g, h, i, j]\n  y: [0",
            ",*x",
            "]\n",
        ),
    ] {
        check(
            &format!("file: forty entries with a template of 1 MiB: {shape}"),
            MIB - 100,
            |size| filled(size, &format!("{pod}{head}"), part, tail),
            |template| {
                let text: String = (0..40)
                    .map(|n| format!("e{n}: {{cron: '', template: p}}\n"))
                    .collect();
                file(&text, template);
            },
        );
    }
}

#[test]
fn manifests_are_read_or_refused() {
    for (shape, head, part, tail) in [
        ("documents", "kind: x\n", "---\nkind: x\n", ""),
        ("numbers", "kind: x\na: [0", ",0", "]"),
        ("maps", "kind: x\na: [0", ",{a: 0}", "]"),
        ("an alias", "kind: x\nx: &x [a, b, c]\ny:\n", "  - *x\n", ""),
        (
            "laughs",
            "kind: x\nx: &x [a, b, c]\ny:\n",
            "  - [*x, *x]\n",
            "",
        ),
    ] {
        check(
            &format!("manifests: {shape}"),
            MIB,
            |size| filled(size, head, part, tail),
            |text| {
                let nothing = |_: &str| Err("does not exist".to_owned());
                drop(manifest::read(text, "m.yml", "home", &almanac(), nothing));
            },
        );
    }
}

#[test]
fn calendar_files_are_imported_or_refused() {
    let day = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\n";
    let end = "\nEND:VEVENT\nEND:VCALENDAR\n";
    for (shape, head, part, tail) in [
        (
            "events",
            "BEGIN:VCALENDAR\n",
            "BEGIN:VEVENT\nDTSTART:20260101\nEND:VEVENT\n",
            "END:VCALENDAR\n",
        ),
        (
            "empty events",
            "BEGIN:VCALENDAR\n",
            "BEGIN:VEVENT\nEND:VEVENT\n",
            "END:VCALENDAR\n",
        ),
        ("components", "BEGIN:VCALENDAR\n", "BEGIN:A\n", ""),
        ("lines", "BEGIN:VCALENDAR\n", "A:\n", "END:VCALENDAR\n"),
        (
            "parameters",
            "BEGIN:VCALENDAR\nA",
            ";B=",
            ":\nEND:VCALENDAR\n",
        ),
        ("folds", "BEGIN:VCALENDAR\nA:\n", " a\n", "END:VCALENDAR\n"),
        ("blank lines", "BEGIN:VCALENDAR\n", "\n", "END:VCALENDAR\n"),
        ("one line", "BEGIN:VCALENDAR\nA:", "a", "\nEND:VCALENDAR\n"),
        (
            "further starts",
            &format!("{day}RDATE:20260102"),
            ",20260102",
            end,
        ),
        (
            "exceptions",
            &format!("{day}RRULE:FREQ=DAILY\nEXDATE:20300102"),
            ",20300102",
            end,
        ),
        (
            "a rule",
            &format!("{day}RRULE:FREQ=YEARLY;BYYEARDAY=1"),
            ",1",
            end,
        ),
        ("a name", &format!("{day}SUMMARY:"), "\\n", end),
    ] {
        for size in [4 * MIB - 1_000, 10 * MIB] {
            check(
                &format!("ics of {} MiB: {shape}", (size + 1_000) / MIB),
                size,
                |size| filled(size, head, part, tail),
                |text| drop(ics::import(text, date(2026, 1, 1), date(2035, 12, 31))),
            );
        }
    }
    check(
        "ics: rules",
        1_000,
        |count| {
            let event = "BEGIN:VEVENT\nDTSTART:19000101\nRRULE:FREQ=DAILY\nEND:VEVENT\n";
            format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", event.repeat(count))
        },
        |text| drop(ics::import(text, date(2026, 1, 1), date(2035, 12, 31))),
    );
}
