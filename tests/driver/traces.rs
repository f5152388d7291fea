//! What the controllers tell of each fire as a trace.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use punctual::core::{reason::Reason, run::RunId};
use punctual::traces::{Span, SpanId, TraceId, Value, traceparent};
use serde_json::json;

use super::memory::{Fault, Options, Resource, Verb, World, faults::Faults, schedule};

/// The spans of a fire whose first attempt was its last.
const WHOLE: [&str; 8] = [
    "attempt",
    "claim",
    "fire",
    "prepare",
    "release",
    "running",
    "scheduling",
    "starting",
];

fn traced() -> Options {
    Options {
        traced: true,
        ..Options::default()
    }
}

fn fire(time: &str) -> Timestamp {
    format!("2026-11-20T{time}Z").parse().unwrap()
}

fn uid(world: &World, schedule: &str) -> String {
    let object = world.object(schedule);
    object["metadata"]["uid"].as_str().unwrap().to_owned()
}

/// The trace of a fire: its spans by name, those of further attempts with their number.
fn trace(world: &World, schedule: &str, time: &str) -> BTreeMap<String, Span> {
    let id = TraceId::of(&uid(world, schedule), fire(time));
    let spans = world.spans().into_iter().filter(|span| span.trace == id);
    let mut found = BTreeMap::new();
    for span in spans {
        let name = match attribute(&span, "punctual.attempt") {
            Some(Value::Count(number)) if *number > 1 => format!("{} {number}", span.name),
            _ => span.name.to_owned(),
        };
        if let Some(before) = found.insert(name.clone(), span.clone()) {
            panic!("{name} was told twice: {before:?} and {span:?}");
        }
    }
    found
}

fn names(trace: &BTreeMap<String, Span>) -> Vec<&str> {
    trace.keys().map(String::as_str).collect()
}

fn attribute<'a>(span: &'a Span, name: &str) -> Option<&'a Value> {
    let mut attributes = span.attributes.iter();
    attributes.find_map(|(key, value)| (*key == name).then_some(value))
}

fn text<'a>(span: &'a Span, name: &str) -> &'a str {
    match attribute(span, name) {
        Some(Value::Text(text)) => text,
        other => panic!("{name} of {} is {other:?}", span.name),
    }
}

/// How long a span took, in milliseconds.
fn took(span: &Span) -> i128 {
    span.period
        .end
        .duration_since(span.period.start)
        .as_millis()
}

/// What holds for all traces, whoever dies: no id stands for two parts, and no part has two ids.
#[track_caller]
fn check(world: &World) {
    let mut parts: BTreeMap<(TraceId, SpanId), String> = BTreeMap::new();
    let mut ids = BTreeMap::new();
    for span in world.spans() {
        let part = format!(
            "{} {:?} {} {} {:?}",
            span.trace,
            span.parent,
            span.name,
            text(&span, "punctual.fire_time"),
            attribute(&span, "punctual.attempt")
        );
        let before = parts.insert((span.trace, span.id), part.clone());
        assert!(before.as_ref().is_none_or(|before| *before == part));
        let id = ids.insert(part.clone(), span.id);
        assert!(id.is_none_or(|id| id == span.id), "two ids of {part}");
        assert!(span.period.start <= span.period.end, "{span:?}");
    }
}

/// And where nobody dies, who has ended has all parents, up to the root.
#[track_caller]
fn check_whole(world: &World) {
    check(world);
    let spans = world.spans();
    let told = |trace, id| spans.iter().any(|it| (it.trace, it.id) == (trace, id));
    let roots = spans.iter().filter(|span| span.parent.is_none());
    let roots: BTreeSet<_> = roots.map(|root| root.trace).collect();
    for span in spans.iter().filter(|span| roots.contains(&span.trace)) {
        let parent = span.parent.is_none_or(|parent| told(span.trace, parent));
        assert!(parent, "{span:?} has no parent");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fire_that_succeeds_is_one_trace_from_its_due_time_to_the_end_of_its_run() {
    let world = World::new(traced());
    world.apply(&schedule("hello", "10 0 12 * * *").takes(3.0));
    world.until("12:00:20").await;
    check_whole(&world);
    let trace = trace(&world, "hello", "12:00:10");
    assert_eq!(names(&trace), WHOLE);
    let root = &trace["fire"];
    assert_eq!(root.parent, None);
    assert_eq!(root.period.start, fire("12:00:10"));
    assert_eq!(root.error, None);
    assert_eq!(text(root, "punctual.outcome"), "Succeeded");
    assert_eq!(text(root, "punctual.schedule"), "hello");
    assert_eq!(text(root, "punctual.decision"), "run");
    let attempt = &trace["attempt"];
    assert_eq!(attempt.parent, Some(root.id));
    assert_eq!(attempt.period, root.period);
    assert_eq!(text(attempt, "k8s.pod.name"), "hello-20261120-120010");
    // They follow each other to the end.
    let order = [
        "prepare",
        "claim",
        "release",
        "scheduling",
        "starting",
        "running",
    ];
    for (before, after) in order.iter().zip(&order[1..]) {
        let (before, after) = (&trace[*before], &trace[*after]);
        assert_eq!(after.parent, Some(attempt.id));
        let in_order = before.period.end <= after.period.start;
        assert!(in_order, "{before:?} {after:?}");
    }
    assert_eq!(trace["running"].period.end, root.period.end);
    assert!(
        (2_000..=3_100).contains(&took(&trace["running"])),
        "{trace:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_is_told_which_span_it_is_part_of() {
    let world = World::new(traced());
    world.apply(&schedule("hello", "10 0 12 * * *").takes(3.0));
    world.until("12:00:12").await;
    let run = RunId::first(fire("12:00:10"));
    let expected = traceparent(&uid(&world, "hello"), run);
    let pod = &world.pods()["hello-20261120-120010"];
    let variables = pod["spec"]["containers"][0]["env"].as_array().unwrap();
    let told = json!({"name": "TRACEPARENT", "value": expected});
    assert!(variables.contains(&told), "{variables:?}");
    world.until("12:00:20").await;
    let attempt = &trace(&world, "hello", "12:00:10")["attempt"];
    assert_eq!(expected, format!("00-{}-{}-01", attempt.trace, attempt.id));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_fails_and_is_tried_again_has_a_span_for_each_attempt() {
    let world = World::new(traced());
    let fails = schedule("fails", "10 0 12 * * *").takes(1.0).exits(3);
    world.apply(&fails.with("retry", json!({"limit": 1, "backoffSeconds": 5})));
    world.until("12:00:40").await;
    check_whole(&world);
    let trace = trace(&world, "fails", "12:00:10");
    let parts = [
        "claim",
        "prepare",
        "release",
        "running",
        "scheduling",
        "starting",
    ];
    let mut expected: BTreeSet<String> = ["fire", "attempt", "attempt 2"].map(Into::into).into();
    expected.extend(
        parts
            .iter()
            .flat_map(|part| [(*part).to_owned(), format!("{part} 2")]),
    );
    assert_eq!(trace.keys().cloned().collect::<BTreeSet<_>>(), expected);
    for name in ["fire", "attempt", "attempt 2"] {
        assert_eq!(trace[name].error, Some(Reason::NonZeroExit), "{name}");
        assert_eq!(text(&trace[name], "error.type"), "NonZeroExit");
    }
    assert_eq!(
        attribute(&trace["fire"], "punctual.attempts"),
        Some(&Value::Count(2))
    );
    let code = attribute(&trace["attempt 2"], "process.exit.code");
    assert_eq!(code, Some(&Value::Count(3)));
    let (first, second) = (&trace["attempt"], &trace["attempt 2"]);
    assert_ne!(first.id, second.id);
    assert_eq!(trace["running 2"].parent, Some(second.id));
    assert!(
        first.period.end < second.period.start,
        "{first:?} {second:?}"
    );
    assert_eq!(trace["fire"].period.end, second.period.end);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_not_tried_again_after_all_tells_of_its_attempt_once() {
    let world = World::new(traced());
    let fails = schedule("fails", "10 0 12 * * *").exits(3);
    world.apply(&fails.with("retry", json!({"limit": 1, "backoffSeconds": 20})));
    world.until("12:00:15").await;
    assert!(!trace(&world, "fails", "12:00:10").contains_key("fire"));
    world.edit("fails", |spec| spec["retry"] = json!(null));
    world.until("12:00:40").await;
    check_whole(&world);
    // Which would find one that is told twice.
    assert_eq!(names(&trace(&world, "fails", "12:00:10")), WHOLE);
}

#[tokio::test(start_paused = true)]
async fn a_skip_is_a_root_alone_with_its_reason_and_how_many_fires_it_stands_for() {
    let world = World::new(traced());
    world.apply(&schedule("slow", "*/10 * * * * *").takes(15.0));
    world.until("12:00:28").await;
    let skipped = trace(&world, "slow", "12:00:20");
    assert_eq!(names(&skipped), ["fire"]);
    let root = &skipped["fire"];
    assert_eq!(text(root, "punctual.reason"), "StillActive");
    assert_eq!(text(root, "punctual.decision"), "skip");
    assert_eq!(
        (root.error, attribute(root, "punctual.count")),
        (None, None)
    );
    world.crash("a", Duration::from_secs(60));
    world.until("12:01:45").await;
    check_whole(&world);
    let missed = trace(&world, "slow", "12:00:30");
    assert_eq!(names(&missed), ["fire"]);
    let root = &missed["fire"];
    assert_eq!(text(root, "punctual.reason"), "Missed");
    assert_eq!(attribute(root, "punctual.count"), Some(&Value::Count(5)));
    assert_eq!(
        text(root, "punctual.last_fire_time"),
        "2026-11-20T12:01:10Z"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fire_that_waits_for_its_turn_says_so() {
    let world = World::new(traced());
    let slow = schedule("slow", "10,20 0 12 * * *").takes(15.0);
    world.apply(&slow.with("concurrencyPolicy", "Queue"));
    world.until("12:00:50").await;
    check_whole(&world);
    assert!(!trace(&world, "slow", "12:00:10").contains_key("queued"));
    let trace = trace(&world, "slow", "12:00:20");
    let queued = &trace["queued"];
    assert_eq!(queued.parent, Some(trace["fire"].id));
    assert_eq!(queued.period.start, fire("12:00:20"));
    assert!((4_000..7_000).contains(&took(queued)), "{queued:?}");
}

#[tokio::test(start_paused = true)]
async fn who_takes_over_between_claim_and_release_goes_on_with_the_trace() {
    let mut options = traced();
    options.faults = Faults::new(|write| match (write.verb, write.resource) {
        // The release of the first controller.
        (Verb::Patch, Resource::Pods) if write.by == "a" => {
            Fault::CrashBefore(Duration::from_secs(600))
        }
        _ => Fault::None,
    });
    let mut world = World::new(options);
    world.start("b");
    // It lists what there is, and sees nothing after that.
    world.pass(0.5).await;
    world.freeze("b", true);
    world.apply(&schedule("hello", "10 0 12 * * *").takes(3.0));
    world.until("12:00:11").await;
    let before = trace(&world, "hello", "12:00:10");
    assert_eq!(names(&before), ["claim", "prepare"]);
    world.freeze("b", false);
    world.until("12:00:30").await;
    check_whole(&world);
    let after = trace(&world, "hello", "12:00:10");
    assert_eq!(names(&after), WHOLE);
    assert!(after["release"].period.start >= fire("12:00:11"));
}

#[tokio::test(start_paused = true)]
async fn who_takes_over_a_run_tells_what_the_objects_say_of_it() {
    let world = World::new(traced());
    world.apply(&schedule("hello", "10 0 12 * * *").takes(9.0));
    world.until("12:00:15").await;
    world.crash("a", Duration::from_secs(1));
    world.until("12:00:30").await;
    check_whole(&world);
    let trace = trace(&world, "hello", "12:00:10");
    // Nobody who is left has seen it get its node.
    let expected = ["attempt", "claim", "fire", "prepare", "release", "running"];
    assert_eq!(names(&trace), expected);
    assert!(
        (8_000..=10_000).contains(&took(&trace["running"])),
        "{trace:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_write_and_rivals_make_no_second_id() {
    for crash in 0..40 {
        let mut options = traced();
        options.faults = Faults::new(move |write| match write.number == crash {
            true => Fault::CrashAfter(Duration::from_millis(200)),
            false => Fault::None,
        });
        let mut world = World::new(options);
        world.start("b");
        let fails = schedule("fails", "*/10 * * * * *").takes(2.0).exits(1);
        world.apply(&fails.with("retry", json!({"limit": 1, "backoffSeconds": 1})));
        world.until("12:00:45").await;
        check(&world);
        let traces: BTreeSet<_> = world.spans().iter().map(|span| span.trace).collect();
        assert_eq!(traces.len(), 4, "crash at write {crash}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_that_a_run_prints_or_is_given_is_told() {
    let world = World::new(traced());
    let mut fails = schedule("fails", "10 0 12 * * *").exits(1);
    let main = &mut fails.spec["template"]["spec"]["containers"][0];
    main["args"] = json!(["--password=hunter2"]);
    main["env"] = json!([{"name": "PASSWORD", "value": "hunter2"}]);
    world.apply(&fails);
    world.until("12:00:20").await;
    let record = &world.status("fails").recent_runs[0];
    assert_eq!(record.last_lines, ["the last line"]);
    let told = format!("{:?}", world.spans());
    assert!(told.contains("NonZeroExit"));
    assert!(
        !told.contains("hunter2") && !told.contains("last line"),
        "{told}"
    );
}
