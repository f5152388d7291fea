//! What a schedule file says and what is wrong with it; and that its changes are noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use punctual::cluster::file_source::{Files, MAX_FILE_BYTES, Reading, read};
use punctual::core::almanac::Almanac;
use serde_json::{Value, json};
use tokio::sync::watch;

const POD: &str = "kind: Pod\nspec: {containers: [{name: c, image: i}]}\n";

fn reading(text: &str, templates: &[(&str, &str)]) -> Reading {
    let templates: BTreeMap<_, _> = templates.iter().copied().collect();
    read(text, "schedule.yml", "home", &almanac(), |name| {
        let text = templates.get(name).ok_or("does not exist")?;
        Ok((*text).to_owned())
    })
}

fn almanac() -> Arc<Almanac> {
    Arc::new(Almanac::new(TimeZone::UTC))
}

/// The problems of a text, as they are shown.
fn problems(text: &str) -> Vec<String> {
    shown(&reading(text, &[]))
}

fn shown(reading: &Reading) -> Vec<String> {
    reading.problems.iter().map(ToString::to_string).collect()
}

fn names(reading: &Reading) -> Vec<&str> {
    reading.entries.iter().map(|e| e.name.as_str()).collect()
}

/// The spec of the only entry of a text without problems.
fn spec(text: &str, templates: &[(&str, &str)]) -> Value {
    let reading = reading(text, templates);
    assert_eq!(shown(&reading), [""; 0], "{text}");
    assert_eq!(reading.entries.len(), 1, "{text}");
    reading.entries[0].spec.value()
}

#[test]
fn an_entry_becomes_the_spec_that_it_says_and_nothing_more() {
    for (entry, expected) in [
        (
            "a: {cron: '0 0 3 * * *', image: busybox}",
            json!({"schedule": "0 0 3 * * *", "template": {"spec": {"containers": [{"name": "a", "image": "busybox"}]}}}),
        ),
        (
            "a: {schedule: '', image: b, args: [x, 'y']}",
            json!({"schedule": "", "template": {"spec": {"containers": [{"name": "a", "image": "b", "args": ["x", "y"]}]}}}),
        ),
        (
            "a: {cron: , image: b}",
            json!({"schedule": "", "template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}),
        ),
        (
            "a: {cron: '', pod: {containers: [{name: c, image: i}], future: {field: 1}}}",
            json!({"schedule": "", "template": {"spec": {"containers": [{"name": "c", "image": "i"}], "future": {"field": 1}}}}),
        ),
        (
            "a: {cron: '', image: mine, pod: {metadata: {name: n, labels: {l: z}}, spec: {containers: [{name: c}, {name: d, image: i}]}}}",
            json!({"schedule": "", "template": {"metadata": {"labels": {"l": "z"}}, "spec": {"containers": [{"name": "c", "image": "mine"}, {"name": "d", "image": "i"}]}}}),
        ),
        (
            "a: {cron: '', image: b, timeZone: UTC, suspend: false, concurrencyPolicy: Forbid, startingDeadlineSeconds: 0, activeDeadlineSeconds: 1, successfulRunsHistoryLimit: 2, failedRunsHistoryLimit: 3, ttlSecondsAfterFinished: 4, description: d, namespace: n}",
            json!({"schedule": "", "timeZone": "UTC", "suspend": false, "concurrencyPolicy": "Forbid", "startingDeadlineSeconds": 0, "activeDeadlineSeconds": 1, "successfulRunsHistoryLimit": 2, "failedRunsHistoryLimit": 3, "ttlSecondsAfterFinished": 4, "description": "d", "template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}),
        ),
        (
            "a: {schedules: [{schedule: '0 9 * * *'}, {schedule: '@daily', timeZone: UTC}], image: b, clockChanges: {gap: Skip}, notBefore: 2026-01-01T00:00:00Z, notAfter: '2027-01-01T00:00:00+01:00', jitterSeconds: 30, excludes: [12-25, 2026-05-01], calendars: [{name: holidays}, {kind: ClusterScheduleCalendar, name: c, action: NextBusinessDay}], missedFires: RunAll, missedFiresLimit: 5}",
            json!({"schedules": [{"schedule": "0 9 * * *"}, {"schedule": "@daily", "timeZone": "UTC"}], "clockChanges": {"gap": "Skip"}, "notBefore": "2026-01-01T00:00:00Z", "notAfter": "2026-12-31T23:00:00Z", "jitterSeconds": 30, "excludes": ["12-25", "2026-05-01"], "calendars": [{"kind": "ScheduleCalendar", "name": "holidays", "action": "Exclude"}, {"kind": "ClusterScheduleCalendar", "name": "c", "action": "NextBusinessDay"}], "missedFires": "RunAll", "missedFiresLimit": 5, "template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}),
        ),
        (
            // What a map leaves out is somebody else's to set, as anywhere.
            "a: {cron: '', image: b, concurrencyPolicy: Queue, queueLimit: 2, maxActive: 3, retry: {limit: 4, notOnExitCodes: [64]}, stuckAfter: {imagePullSeconds: 300, notReadySeconds: }, overdueAfter: {fires: 2}, circuitBreaker: {failures: 5}, mainContainer: a}",
            json!({"schedule": "", "concurrencyPolicy": "Queue", "queueLimit": 2, "maxActive": 3, "retry": {"limit": 4, "notOnExitCodes": [64]}, "stuckAfter": {"imagePullSeconds": 300}, "overdueAfter": {"fires": 2}, "circuitBreaker": {"failures": 5}, "mainContainer": "a", "template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}),
        ),
        (
            // Kubernetes takes a number for a quantity, and an octal mode.
            "a: {cron: '', pod: {containers: [{name: c, image: i, resources: {limits: {cpu: 1, memory: 1Gi}}}], volumes: [{name: v, configMap: {name: m, defaultMode: 0644}}]}}",
            json!({"schedule": "", "template": {"spec": {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}], "volumes": [{"name": "v", "configMap": {"name": "m", "defaultMode": 420}}]}}}),
        ),
    ] {
        assert_eq!(spec(entry, &[]), expected, "{entry}");
    }
}

#[test]
fn an_entry_is_in_its_own_namespace_or_the_default_one_and_knows_its_line() {
    let reading = reading(
        "# first\na: {cron: '', image: b}\n\n\"b\": {cron: '', image: b, namespace: away}\n",
        &[],
    );
    let found: Vec<_> = reading
        .entries
        .iter()
        .map(|e| (e.name.as_str(), e.namespace.as_str(), e.place.line))
        .collect();
    assert_eq!(found, [("a", "home", 2), ("b", "away", 4)]);
}

#[test]
fn a_merge_key_fills_in_what_the_entry_does_not_say() {
    let reading = reading(
        "a: &a\n  cron: ''\n  image: one\n  suspend: true\nb:\n  <<: *a\n  image: two\n",
        &[],
    );
    assert_eq!(shown(&reading), [""; 0]);
    let b = &reading.entries[1].spec.value();
    assert_eq!(b["suspend"], true);
    assert_eq!(b["template"]["spec"]["containers"][0]["image"], "two");
}

#[test]
fn every_mistake_in_an_entry_names_its_place_and_the_way_out() {
    for (text, expected) in [
        (
            "a:\n  cron: ''\n  immage: b\n",
            "schedule.yml:3:3: entry \"a\": unknown field \"immage\"; known are cron, schedule, schedules, template",
        ),
        (
            "a:\n  cron: ''\n  image: b\n  timezone: UTC\n",
            "schedule.yml:4:3: entry \"a\": unknown field \"timezone\"; did you mean \"timeZone\"?",
        ),
        (
            "a:\n  cron: ''\n  image: b\n  args: [sleep, 30]\n",
            "schedule.yml:4:17: entry \"a\": args[1]: must be a string, but is the number 30; put it in quotes",
        ),
        (
            "a:\n  cron: ''\n  image: b\n  suspend: maybe\n",
            "schedule.yml:4:12: entry \"a\": suspend: must be true or false, but is the text \"maybe\"",
        ),
        (
            "a:\n  cron: ''\n  image: b\n  concurrencyPolicy: forbid\n",
            "schedule.yml:4:22: entry \"a\": concurrencyPolicy: \"forbid\" is not one of Forbid, Queue, Replace, Allow",
        ),
        (
            "a:\n  cron: 5\n  image: b\n",
            "schedule.yml:2:9: entry \"a\": cron: must be a string, but is the number 5; put it in quotes",
        ),
        (
            "a:\n  cron: ''\n  schedule: ''\n  image: b\n",
            "schedule.yml:3:3: entry \"a\": \"cron\" and \"schedule\" are the same field: give one of them",
        ),
        (
            "a:\n  cron: '0 75 * * * *'\n  image: b\n",
            "schedule.yml:2:9: entry \"a\": minute: 75",
        ),
        (
            "a:\n  schedule: nonsense\n  image: b\n",
            "schedule.yml:2:13: entry \"a\": ",
        ),
        (
            "a:\n  image: b\n",
            "schedule.yml:1:1: entry \"a\": has no cron; write cron: \"\" for a schedule that never runs by itself",
        ),
        (
            "a:\n  cron: ''\n",
            "schedule.yml:1:1: entry \"a\": says nothing to run: give image, template or pod",
        ),
        (
            "a:\n  cron: ''\n  image: ''\n",
            "schedule.yml:3:10: entry \"a\": image: is empty",
        ),
        (
            "a: run it\n",
            "schedule.yml:1:4: entry \"a\": must be a map with cron and what to run",
        ),
        (
            "a:\n",
            "schedule.yml:1:2: entry \"a\": must be a map with cron and what to run",
        ),
        (
            "a:\n  cron: ''\n  image: b\n  activeDeadlineSeconds: 0\n",
            "schedule.yml:4:26: entry \"a\": activeDeadlineSeconds: 0 is not in 1-31536000",
        ),
        (
            "a:\n  cron: ''\n  image: b\n  failedRunsHistoryLimit: -1\n",
            "schedule.yml:4:27: entry \"a\": failedRunsHistoryLimit: -1 is not in 0-100",
        ),
        (
            "a:\n  cron: ''\n  image: b\n  schedules:\n    - schedule: '@daily'\n",
            "schedule.yml:5:5: entry \"a\": schedules: cron is given too: give one of them, cron for one expression and schedules for several",
        ),
        (
            "a:\n  schedules:\n    - schedule: '@daily'\n    - schedule: '75 3 * * *'\n  image: b\n",
            "schedule.yml:4:17: entry \"a\": schedules[1].schedule: minute: 75",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  excludes:\n    - 12-25\n    - 12-32\n",
            "schedule.yml:6:7: entry \"a\": excludes[1]: ",
        ),
        (
            "a:\n  schedules: []\n  image: b\n",
            "schedule.yml:1:1: entry \"a\": has no cron; write cron: \"\" for a schedule that never runs by itself",
        ),
        (
            "a:\n  schedules:\n    - schedule: '@daily'\n      timezone: UTC\n  image: b\n",
            "schedule.yml:4:7: entry \"a\": schedules: unknown field \"timezone\"; known are schedule, timeZone",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  calendars:\n    - name: c\n      use: Include\n",
            "schedule.yml:6:7: entry \"a\": calendars: unknown field \"use\"; known are kind, name, action",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  calendars: [{name: My Days}]\n",
            "schedule.yml:4:14: entry \"a\": calendars: \"My Days\" can't be the name of a calendar: a name is 1 to 253 of a-z, 0-9, - and ., and begins and ends with a letter or digit",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  calendars: [{name: c, action: Skip}]\n",
            "schedule.yml:4:33: entry \"a\": calendars[0].action: \"Skip\" is not one of Exclude, Include, NextBusinessDay, PreviousBusinessDay",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  jitterSeconds: 86401\n",
            "schedule.yml:4:18: entry \"a\": jitterSeconds: 86401 is not in 0-86400",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  missedFiresLimit: 0\n",
            "schedule.yml:4:21: entry \"a\": missedFiresLimit: 0 is not in 1-1000",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  stuckAfter: {imagePullSeconds: 0}\n",
            "schedule.yml:4:15: entry \"a\": stuckAfter: imagePullSeconds: 0 is not in 1-31536000",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  overdueAfter: {fires: 1001}\n",
            "schedule.yml:4:17: entry \"a\": overdueAfter: fires: 1001 is not in 1-1000",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  circuitBreaker: {failures: 0}\n",
            "schedule.yml:4:19: entry \"a\": circuitBreaker: failures: 0 is not in 1-100",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  circuitBreaker: {failures: 1, pause: 2}\n",
            "schedule.yml:4:33: entry \"a\": circuitBreaker: unknown field \"pause\"; known are failures, pauseSeconds",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  retry: {limit: 101}\n",
            "schedule.yml:4:10: entry \"a\": retry: limit: 101 is not in 0-100",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  retry: {limit: 1, onExitCodes: [1, 256]}\n",
            "schedule.yml:4:10: entry \"a\": retry: onExitCodes: 256 is not in 1-255",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  retry: {limit: 1, onExitCodes: [1], notOnExitCodes: [2]}\n",
            "schedule.yml:4:10: entry \"a\": retry: notOnExitCodes: give either onExitCodes or notOnExitCodes",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  retry: {limit: 1, onReasons: [OutOfLuck]}\n",
            "schedule.yml:4:10: entry \"a\": retry: onReasons: \"OutOfLuck\" is not why a run fails",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  retry:\n    limit: 1\n    backoffSecond: 5\n",
            "schedule.yml:6:5: entry \"a\": retry: unknown field \"backoffSecond\"; known are limit, backoffSeconds, backoffFactor, maxBackoffSeconds, onExitCodes, notOnExitCodes, onReasons, uncountedReasons",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  stuckAfter: {imagePullSecond: 300}\n",
            "schedule.yml:4:16: entry \"a\": stuckAfter: unknown field \"imagePullSecond\"; known are unschedulableSeconds, imagePullSeconds, configErrorSeconds, notReadySeconds, action",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  mainContainer: ''\n",
            "schedule.yml:4:18: entry \"a\": mainContainer: 0 characters are not 1 to 63",
        ),
        (
            &format!(
                "a:\n  cron: '@daily'\n  image: b\n  mainContainer: {}\n",
                "m".repeat(64)
            ),
            "schedule.yml:4:18: entry \"a\": mainContainer: 64 characters are not 1 to 63",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  retry: {limit: 1, onReasons: [CrashLooping]}\n",
            "schedule.yml:4:10: entry \"a\": retry: onReasons: \"CrashLooping\" is not why a run fails",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  excludes: [12-25, '']\n",
            "schedule.yml:4:21: entry \"a\": excludes[1]: \"\" is not a date",
        ),
        (
            "a:\n  cron: '@daily'\n  image: b\n  notBefore: soon\n",
            "schedule.yml:4:14: entry \"a\": notBefore: ",
        ),
        (
            "a:\n  cron: ''\n  image: b\n  timeZone: Mars/Olympus\n",
            "schedule.yml:4:13: entry \"a\": timeZone: ",
        ),
        (
            "a:\n  cron: ''\n  image: b\n  namespace: My_Space\n",
            "schedule.yml:4:14: entry \"a\": namespace: \"My_Space\" can't be the name of a namespace",
        ),
        (
            "a:\n  cron: ''\n  template: pod.yml\n  pod: {containers: []}\n",
            "schedule.yml:4:3: entry \"a\": gives the pod twice, as template and as pod: remove one",
        ),
        (
            "a:\n  cron: ''\n  pod:\n    containers:\n      - name: c\n        image: i\n        ports:\n          - containerPort: http\n",
            "schedule.yml:8:28: entry \"a\": pod.containers[0].ports[0].containerPort: must be a whole number, but is the text \"http\"",
        ),
        (
            "a:\n  cron: ''\n  pod:\n    containers:\n      - name: c\n        image: i\n        env: [{name: N, value: 1}]\n",
            "schedule.yml:7:32: entry \"a\": pod.containers[0].env[0].value: must be a string, but is the number 1; put it in quotes",
        ),
        (
            "a:\n  cron: ''\n  pod:\n    containers: {}\n",
            "schedule.yml:4:17: entry \"a\": pod.containers: must be ",
        ),
        (
            "a:\n  cron: ''\n  pod:\n    containers: []\n",
            "schedule.yml:4:17: entry \"a\": pod.containers: has no container; give at least one with name and image",
        ),
        (
            "a:\n  cron: ''\n  pod:\n    containers: [{name: c}]\n",
            "schedule.yml:4:18: entry \"a\": pod.containers[0]: has no image",
        ),
        (
            "a:\n  cron: ''\n  pod:\n    kind: Deployment\n",
            "schedule.yml:4:11: entry \"a\": kind Deployment has no pod: use a Pod, PodTemplate, Job or CronJob",
        ),
        (
            "a:\n  cron: ''\n  pod:\n    metadata: {labels: {version: 1.0}}\n    spec: {containers: [{name: c, image: i}]}\n",
            "schedule.yml:4:34: entry \"a\": pod.metadata.labels.version: must be a string, but is the number 1; put it in quotes",
        ),
    ] {
        let shown = problems(text);
        assert_eq!(shown.len(), 1, "{text}: {shown:#?}");
        assert!(shown[0].starts_with(expected), "{text}: {shown:#?}");
    }
}

#[test]
fn a_typo_within_any_field_that_is_made_of_fields_is_told_with_all_that_are_known() {
    let [(_, definition), ..] = punctual::api::definitions();
    let spec = definition
        .pointer("/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties")
        .and_then(Value::as_object)
        .unwrap();
    let mut seen = 0;
    for (field, schema) in spec.iter().filter(|(field, _)| *field != "template") {
        let is_list = schema["type"] == "array";
        let schema = if is_list { &schema["items"] } else { schema };
        let Some(known) = schema["properties"].as_object() else {
            continue;
        };
        seen += 1;
        let required = schema["required"].as_array().into_iter().flatten();
        let mut given: Value = required
            .map(|name| {
                let name = name.as_str().unwrap();
                let value = match known[name]["type"].as_str() {
                    Some("integer") => json!(1),
                    _ => json!("@daily"),
                };
                (name.to_owned(), value)
            })
            .collect();
        given["typo"] = json!(1);
        let given = if is_list { json!([given]) } else { given };
        let cron = if field == "schedules" {
            ""
        } else {
            "cron: '',"
        };
        let text = format!("a: {{{cron} image: b, {field}: {given}}}\n");
        let shown = problems(&text).join("\n");
        let told = format!("{field}: unknown field \"typo\"; known are ");
        let (_, rest) = shown.split_once(&told).unwrap_or_else(|| panic!("{shown}"));
        let told: BTreeSet<_> = rest.lines().next().unwrap().split(", ").collect();
        assert_eq!(told, known.keys().map(String::as_str).collect(), "{field}");
    }
    assert_eq!(seen, 7);
}

#[test]
fn a_name_that_kubernetes_does_not_take_is_told_with_one_that_it_takes() {
    for (name, expected) in [
        ("Backup_DB", Some("backup-db")),
        ("my backup!", Some("my-backup")),
        ("-x-", Some("x")),
        ("a.b", Some("a-b")),
        ("é", None),
        (&"x".repeat(64), Some(&*"x".repeat(63))),
    ] {
        let shown = problems(&format!("\"{name}\": {{cron: '', image: b}}\n"));
        assert_eq!(shown.len(), 1, "{name}: {shown:?}");
        match expected {
            Some(fixed) => assert!(
                shown[0].ends_with(&format!(": rename it to {fixed}")),
                "{shown:?}"
            ),
            None => assert!(!shown[0].contains("rename"), "{shown:?}"),
        }
    }
    for name in ["0", "a", "1-2", &"x".repeat(63)] {
        assert_eq!(
            problems(&format!("{name}: {{cron: '', image: b}}\n")),
            [""; 0]
        );
    }
}

#[test]
fn a_name_given_twice_names_both_lines_and_stops_no_other_entry() {
    let reading = reading(
        "a: {cron: '', image: b}\nb: {cron: '', image: b}\na: {cron: '', image: c}\n",
        &[],
    );
    assert_eq!(
        shown(&reading),
        [
            "schedule.yml:3:1: entry \"a\": the name is given twice: first in line 1, again in line 3; rename one of them"
        ]
    );
    assert_eq!(names(&reading), ["b"]);
    assert!(reading.kept.contains("a"));
}

#[test]
fn a_field_given_twice_names_both_lines_at_any_depth() {
    for (text, expected) in [
        (
            "a:\n  cron: ''\n  image: b\n  image: c\n",
            "schedule.yml:4:3: entry \"a\": \"image\" is given twice: first in line 3, again in line 4; remove one",
        ),
        (
            "z: {cron: '', image: b}\na:\n  cron: ''\n  pod:\n    containers:\n      - name: c\n        image: i\n        name: d\n",
            "schedule.yml:8:9: entry \"a\": \"name\" is given twice: first in line 6, again in line 8; remove one",
        ),
    ] {
        assert_eq!(problems(text), [expected]);
    }
}

#[test]
fn one_bad_entry_never_stops_the_others_and_stays_what_it_was() {
    let reading = reading(
        "a: {cron: '', image: b}\nbad: {cron: '', image: [1]}\nworse: 5\nz: {cron: '', image: b}\n",
        &[],
    );
    assert_eq!(names(&reading), ["a", "z"]);
    assert_eq!(reading.kept.iter().collect::<Vec<_>>(), ["bad", "worse"]);
    assert_eq!(reading.problems.len(), 2);
    assert!(!reading.unreadable);
}

#[test]
fn a_file_that_does_not_parse_is_one_problem_with_its_place() {
    for (text, expected) in [
        (
            "a:\n  cron: */5 * * * * * # often\n  image: b\n",
            "schedule.yml:2:9: an unquoted * means something else in YAML: quote the schedule, as in cron: \"*/5 * * * * *\"",
        ),
        (
            "a:\n  schedule: * * * * *\n  image: b\n",
            "schedule.yml:2:13: an unquoted * means something else in YAML: quote the schedule, as in schedule: \"* * * * *\"",
        ),
        (
            "a: {cron: @daily}\n",
            "schedule.yml:1:11: an unquoted @ means something else in YAML: quote the schedule, as in cron: \"@daily\"",
        ),
        (
            "a:\n  image: *x\n",
            "schedule.yml:2:10: an unquoted value can't begin with * in YAML: put it in quotes",
        ),
        (
            "a:\n  b: 1\n c: 2\n",
            "schedule.yml:3:2: not valid YAML: while parsing a block mapping, did not find expected key",
        ),
        ("a:\n\tb: 1\n", "schedule.yml:2:2: not valid YAML: tabs"),
        (
            "a: {cron: ''}\n---\nb: {cron: ''}\n",
            "schedule.yml:3:1: holds more than one YAML document",
        ),
        (
            "a: !include b.yml\n",
            "schedule.yml:1:13: not valid YAML: unsupported tag",
        ),
        ("", "schedule.yml: is empty, so nothing is changed"),
        ("# only\n", "schedule.yml: is empty, so nothing is changed"),
        (
            "- a\n",
            "schedule.yml:1:1: must be a map of name and entry, such as",
        ),
        ("hello", "schedule.yml:1:1: must be a map of name and entry"),
    ] {
        let reading = reading(text, &[]);
        let shown = shown(&reading);
        assert_eq!(shown.len(), 1, "{text}: {shown:#?}");
        assert!(shown[0].starts_with(expected), "{text}: {shown:#?}");
        assert!(reading.unreadable, "{text}");
        assert!(reading.entries.is_empty(), "{text}");
    }
}

#[test]
fn an_empty_map_is_readable_and_has_no_entries() {
    let reading = reading("{}\n", &[]);
    assert_eq!(reading, Reading::default());
}

#[test]
fn a_template_gives_its_pod_whatever_its_kind_in_yaml_and_in_json() {
    let pod = json!({
        "metadata": {"name": "x", "creationTimestamp": null, "labels": {"l": "1"}, "annotations": {"a": "2"}},
        "spec": {"containers": [{"name": "c", "image": "i", "args": ["old"]}], "future": true},
    });
    let expected = json!({
        "metadata": {"labels": {"l": "1"}, "annotations": {"a": "2"}},
        "spec": {"containers": [{"name": "c", "image": "mine", "args": ["new"]}], "future": true},
    });
    for (kind, mut object) in [
        ("Pod", pod.clone()),
        (
            "PodTemplate",
            json!({"metadata": {"name": "n"}, "template": pod}),
        ),
        ("Job", json!({"spec": {"template": pod}})),
        (
            "CronJob",
            json!({"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": pod}}}}),
        ),
    ] {
        object["kind"] = json!(kind);
        let mut tabs = Vec::new();
        let style = serde_json::ser::PrettyFormatter::with_indent(b"\t");
        let mut writer = serde_json::Serializer::with_formatter(&mut tabs, style);
        serde::Serialize::serialize(&object, &mut writer).unwrap();
        for text in [
            serde_yaml::to_string(&object).unwrap(),
            object.to_string(),
            String::from_utf8(tabs).unwrap(),
        ] {
            let spec = spec(
                "a: {cron: '', template: pods/a.x, image: mine, args: [new]}",
                &[("pods/a.x", &text)],
            );
            assert_eq!(spec["template"], expected, "{text}");
        }
    }
}

#[test]
fn a_template_without_an_override_keeps_its_image() {
    let spec = spec("a: {cron: '', template: p}", &[("p", POD)]);
    assert_eq!(
        spec["template"],
        json!({"spec": {"containers": [{"name": "c", "image": "i"}]}})
    );
}

#[test]
fn a_mistake_in_a_template_names_the_template_its_line_and_the_entry() {
    for (template, expected) in [
        (
            "kind: Job\nspec:\n  template:\n    spec:\n      containers:\n      - name: c\n        image: i\n        tty: 5\n",
            "p.yml:8:14: entry \"a\": spec.template.spec.containers[0].tty: must be true or false, but is the number 5",
        ),
        (
            "kind: Job\nspec: {}\n",
            "p.yml:2:7: entry \"a\": spec has no template",
        ),
        ("kind: Pod\n", "p.yml:1:1: entry \"a\": it has no spec"),
        (
            "kind: Pod\nspec: {containers: [{name: c}]}\n",
            "p.yml:2:21: entry \"a\": spec.containers[0]: has no image",
        ),
        (
            "spec: {containers: []}\n",
            "p.yml:1:1: entry \"a\": has no kind: it must be a Pod, PodTemplate, Job or CronJob",
        ),
        (
            "{\"kind\": \"Pod\",\n\"spec\": {\"containers\": [}}",
            "p.yml:2:",
        ),
        (
            "kind: Pod\nspec: {}\nspec: {}\n",
            "p.yml:3:1: entry \"a\": \"spec\" is given twice: first in line 2, again in line 3",
        ),
        ("", "p.yml:1:1: entry \"a\": has no kind"),
    ] {
        let reading = reading(
            "z: {cron: '', image: b}\na: {cron: '', template: p.yml}\n",
            &[("p.yml", template)],
        );
        let shown = shown(&reading);
        assert_eq!(shown.len(), 1, "{template}: {shown:#?}");
        assert!(shown[0].starts_with(expected), "{template}: {shown:#?}");
        assert_eq!(names(&reading), ["z"]);
    }
}

#[test]
fn a_template_that_leads_out_of_the_folder_is_not_even_looked_for() {
    for path in [
        "../x",
        "/etc/passwd",
        "a/../../x",
        "a/..",
        "",
        &"x".repeat(2000),
    ] {
        let text = format!("a: {{cron: '', template: \"{path}\"}}\n");
        let reading = read(&text, "schedule.yml", "home", &almanac(), |name| {
            panic!("asked {name}")
        });
        let shown = shown(&reading);
        assert_eq!(shown.len(), 1, "{path}");
        assert!(
            shown[0].starts_with("schedule.yml:1:25: entry \"a\": template: "),
            "{shown:?}"
        );
    }
    assert_eq!(
        problems("a: {cron: '', template: none.yml}\n"),
        ["none.yml: entry \"a\": does not exist"]
    );
}

#[test]
fn a_template_is_looked_for_once_however_many_entries_name_it() {
    let mut asked = 0;
    let text: String = (0..50)
        .map(|i| format!("e{i}: {{cron: '', template: p}}\n"))
        .collect();
    let reading = read(&text, "schedule.yml", "home", &almanac(), |_| {
        asked += 1;
        Ok(POD.to_owned())
    });
    assert_eq!((asked, reading.entries.len()), (1, 50));
}

#[test]
fn bombs_are_refused_as_a_whole() {
    let mut laughs = String::from("x0: &x0 [a, a, a, a, a, a, a, a, a, a]\n");
    for i in 1..10 {
        let parts = vec![format!("*x{}", i - 1); 10].join(", ");
        laughs += &format!("x{i}: &x{i} [{parts}]\n");
    }
    let mut long = format!("x: &x \"{}\"\ny:\n", "a".repeat(200_000));
    long += &"  - *x\n".repeat(90);
    for text in [
        laughs,
        long,
        "[".repeat(500_000),
        format!("a: {}", "{b: ".repeat(10_000)),
        (0..500).map(|i| format!("{}a:\n", " ".repeat(i))).collect(),
        "a: &a [*a]\n".to_owned(),
        format!(
            "a: &a [{}]\nb: [{}]\n",
            "x, ".repeat(4_000),
            "*a, ".repeat(90)
        ),
    ] {
        let reading = reading(&text, &[]);
        assert!(reading.unreadable, "{:.80}", text);
        assert_eq!(reading.problems.len(), 1);
        let message = &reading.problems[0].message;
        assert!(!message.contains("quotes"), "{message}");
    }
    let large = format!("a: {{cron: '', image: b}}\n#{}", "x".repeat(MAX_FILE_BYTES));
    assert_eq!(
        problems(&large),
        ["schedule.yml: is larger than 1 MiB: split it into several files"]
    );
}

#[test]
fn a_large_template_in_many_entries_ends_at_the_limit() {
    let template = format!(
        "kind: Pod\nmetadata: {{annotations: {{big: \"{}\"}}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n",
        "x".repeat(1_000_000)
    );
    let text: String = (0..40)
        .map(|i| format!("e{i}: {{cron: '', template: p}}\n"))
        .collect();
    let reading = reading(&text, &[("p", &template)]);
    assert_eq!(reading.entries.len(), 8);
    assert_eq!(reading.kept.len(), 32);
    assert!(shown(&reading)[0].contains("larger than 8 MiB"));
}

#[test]
fn problems_are_bounded_in_number_and_length_and_hold_no_control_characters() {
    let many: String = (0..2_000).map(|i| format!("e{i}: 5\n")).collect();
    let reading = reading(&many, &[]);
    assert_eq!(reading.problems.len(), 501);
    assert_eq!(reading.kept.len(), 2_000);
    assert_eq!(
        shown(&reading)[500],
        "schedule.yml: 1500 more problems are not shown"
    );
    let evil = format!("\"a\\e[31m\\n{}\": 5\n", "x".repeat(5_000));
    for problem in problems(&evil) {
        assert!(problem.chars().count() < 1_200);
        assert!(!problem.chars().any(char::is_control), "{problem}");
    }
}

#[test]
fn the_sample_is_read_without_a_problem_and_shows_every_field() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schedule.yml.sample");
    let reading = Files::new(path.clone(), None, "default".to_owned(), almanac()).read();
    assert_eq!(shown(&reading), [""; 0]);
    assert_eq!(reading.entries.len(), 9);
    let text = fs::read_to_string(path).unwrap();
    for field in punctual::api::ScheduleFileEntry::FIELDS {
        // A calendar must be there first, so this field is shown as a comment.
        let hidden = ["", "# "][usize::from(*field == "calendars")];
        assert!(
            text.contains(&format!("\n  {hidden}{field}:")),
            "the sample shows no {field}"
        );
    }
}

#[test]
fn the_file_that_is_deployed_has_no_entries_and_its_example_is_one() {
    let text = include_str!("../deploy/schedule.yml");
    assert_eq!(reading(text, &[]), Reading::default());
    let example: Vec<_> = text
        .lines()
        .skip_while(|line| *line != "# hello:")
        .map_while(|line| line.strip_prefix("# "))
        .collect();
    let reading = reading(&example.join("\n"), &[]);
    assert_eq!(shown(&reading), [""; 0]);
    assert_eq!(names(&reading), ["hello"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        reading(&text, &[("p", &text)]);
    }

    #[test]
    fn no_text_of_yaml_parts_panics(parts in proptest::collection::vec(prop_oneof![
        Just("a: "), Just("cron"), Just(": "), Just("\n"), Just("\n  "), Just("- "), Just("? "),
        Just("{"), Just("}"), Just("["), Just("]"), Just(", "), Just("&x "), Just("*x"), Just("<<: "),
        Just("'"), Just("\""), Just("|\n"), Just(">-\n"), Just("!!int "), Just("!t "), Just("# "),
        Just("\t"), Just("0x1f"), Just("1e999"), Just("~"), Just("pod: "), Just("template: p"),
        Just("containers: "), Just("\\u0000"), Just("\u{0}"), Just("\r"), Just("é"), Just("---\n"),
    ], 0..60)) {
        let text = parts.concat();
        let found = reading(&text, &[("p", &text)]);
        for problem in &found.problems {
            prop_assert!(!problem.to_string().chars().any(char::is_control));
        }
    }

    #[test]
    fn no_bytes_on_disk_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("schedule.yml");
        fs::write(&path, bytes).unwrap();
        Files::new(path, None, String::new(), almanac()).read();
    }
}

/// What is watched in a folder of its own.
struct Watched {
    folder: tempfile::TempDir,
    readings: watch::Receiver<Option<Arc<Reading>>>,
    watching: tokio::task::JoinHandle<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Watched {
    fn new(prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        prepare(folder.path());
        let files = Files::new(
            folder.path().join("schedule.yml"),
            None,
            "home".to_owned(),
            almanac(),
        );
        let (sender, readings) = watch::channel(None);
        let watching = tokio::spawn(files.watch(sender));
        Self {
            folder,
            readings,
            watching,
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Waits until what is read is so; the limit only ends a test that would hang.
    async fn until(&mut self, so: impl FnMut(&Reading) -> bool) -> Arc<Reading> {
        let mut so = so;
        let found = self
            .readings
            .wait_for(|reading| reading.as_deref().is_some_and(&mut so));
        let found = tokio::time::timeout(Duration::from_secs(60), found).await;
        Arc::clone(found.expect("noticed").unwrap().as_ref().unwrap())
    }

    async fn until_named(&mut self, name: &str) -> Arc<Reading> {
        self.until(|reading| names(reading) == [name]).await
    }
}

fn entry(name: &str) -> String {
    format!("{name}: {{cron: '', image: b}}\n")
}

#[tokio::test]
async fn an_edit_in_place_is_noticed() {
    let mut watched =
        Watched::new(|path| fs::write(path.join("schedule.yml"), entry("a")).unwrap());
    watched.until_named("a").await;
    fs::write(watched.path().join("schedule.yml"), entry("b")).unwrap();
    watched.until_named("b").await;
}

#[tokio::test]
async fn an_editors_rename_is_noticed() {
    let mut watched =
        Watched::new(|path| fs::write(path.join("schedule.yml"), entry("a")).unwrap());
    watched.until_named("a").await;
    let beside = watched.path().join("schedule.yml~");
    fs::write(&beside, entry("b")).unwrap();
    fs::rename(&beside, watched.path().join("schedule.yml")).unwrap();
    watched.until_named("b").await;
}

#[tokio::test]
async fn a_file_that_comes_and_goes_is_noticed() {
    let mut watched = Watched::new(|_| {});
    let reading = watched.until(|reading| reading.unreadable).await;
    assert_eq!(
        shown(&reading),
        ["schedule.yml: does not exist; the schedules stay as they are"]
    );
    fs::write(watched.path().join("schedule.yml"), entry("a")).unwrap();
    watched.until_named("a").await;
    fs::remove_file(watched.path().join("schedule.yml")).unwrap();
    watched.until(|reading| reading.unreadable).await;
}

/// A folder as the kubelet mounts a ConfigMap: links to links, swapped as one.
fn mount(path: &Path, version: &str, files: &[(&str, &str)]) {
    let data = path.join(format!("..{version}"));
    fs::create_dir(&data).unwrap();
    for (name, text) in files {
        fs::write(data.join(name), text).unwrap();
        let link = path.join(name);
        if !link.is_symlink() {
            symlink(Path::new("..data").join(name), link).unwrap();
        }
    }
    symlink(format!("..{version}"), path.join("..data_tmp")).unwrap();
    fs::rename(path.join("..data_tmp"), path.join("..data")).unwrap();
}

#[tokio::test]
async fn the_swap_of_a_mounted_configmap_is_noticed_in_file_and_template() {
    let schedule = "a: {cron: '', template: pod.yml}\n";
    let mut watched = Watched::new(|path| {
        mount(path, "1", &[("schedule.yml", schedule), ("pod.yml", POD)]);
    });
    watched.until_named("a").await;
    let other = POD.replace("image: i", "image: j");
    mount(
        watched.path(),
        "2",
        &[("schedule.yml", schedule), ("pod.yml", &other)],
    );
    fs::remove_dir_all(watched.path().join("..1")).unwrap();
    let image = |reading: &Reading| {
        reading.entries[0].spec.value()["template"]["spec"]["containers"][0]["image"].clone()
    };
    watched
        .until(|reading| reading.entries.len() == 1 && image(reading) == "j")
        .await;
    let renamed = schedule.replace("a:", "b:");
    mount(
        watched.path(),
        "3",
        &[("schedule.yml", &renamed), ("pod.yml", &other)],
    );
    watched.until_named("b").await;
}

#[tokio::test]
async fn a_template_that_was_missing_is_noticed_when_it_comes() {
    let mut watched = Watched::new(|path| {
        fs::write(
            path.join("schedule.yml"),
            "a: {cron: '', template: p.yml}\n",
        )
        .unwrap();
    });
    let reading = watched.until(|reading| !reading.problems.is_empty()).await;
    assert_eq!(shown(&reading), ["p.yml: entry \"a\": does not exist"]);
    fs::write(watched.path().join("p.yml"), POD).unwrap();
    watched.until_named("a").await;
}

#[test]
fn a_link_out_of_the_folder_and_what_is_no_file_are_refused() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("p.yml"), POD).unwrap();
    let folder = tempfile::tempdir().unwrap();
    symlink(outside.path().join("p.yml"), folder.path().join("p.yml")).unwrap();
    fs::create_dir(folder.path().join("dir")).unwrap();
    fs::write(folder.path().join("latin"), b"a\n\xff").unwrap();
    let path = folder.path().join("schedule.yml");
    fs::write(
        &path,
        "a: {cron: '', template: p.yml}\nb: {cron: '', template: dir}\nc: {cron: '', template: latin}\n",
    )
    .unwrap();
    let reading = Files::new(path.clone(), None, "home".to_owned(), almanac()).read();
    assert_eq!(
        shown(&reading),
        [
            "p.yml: entry \"a\": is a link that leads out of the folder: put the file itself into the folder",
            "dir: entry \"b\": is not a regular file",
            "latin: entry \"c\": is not UTF-8 text (see line 2)",
        ]
    );
    // A folder that is given as that of the templates may be anywhere.
    let files = Files::new(
        path,
        Some(outside.path().to_owned()),
        "home".to_owned(),
        almanac(),
    );
    assert_eq!(names(&files.read()), ["a"]);
}
