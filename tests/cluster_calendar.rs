//! Calendars on a real API server: what is refused of them, and that schedules follow them.
//!
//! Run with `cargo test --test cluster_calendar`, on the cluster that `KUBECONFIG` names. It installs
//! the definitions and leaves them there; all else is in namespaces of its own, or is named after one.

mod cluster;

use std::{
    io::Write,
    process::{Command, Stdio},
};

use cluster::{controller::Controller, place::Place, short_run, until_or};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams},
};
use punctual::{
    api::{ClusterScheduleCalendar, ScheduleCalendar, ScheduledContainerStatus},
    clock::Clock,
};
use serde_json::{Value, json};

fn main() {
    cluster::run(tests![
        what_is_right_is_accepted_in_both_kinds,
        what_is_wrong_is_refused_and_the_answer_says_the_way_out,
        the_largest_calendar_is_taken_and_a_larger_one_is_not,
        columns_and_explanations_tell_what_a_calendar_is,
        a_schedule_waits_for_its_calendar_and_follows_its_edits,
        a_calendar_of_the_cluster_reaches_every_namespace,
        nothing_runs_on_a_day_that_is_left_out_and_nothing_is_made_up_for,
        what_fell_due_while_the_calendar_was_away_is_decided_when_it_is_back,
        a_controller_that_may_not_see_calendars_runs_the_other_schedules,
    ]);
}

/// What kubectl says to a calendar: whether it was accepted, and in which words.
fn applied(namespace: &str, text: &str) -> (bool, String) {
    let mut kubectl = Command::new("kubectl")
        .arg(format!("--context={}", cluster::context()))
        .args([
            "--namespace",
            namespace,
            "apply",
            "--dry-run=server",
            "-f",
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("these tests need kubectl in PATH");
    let mut stdin = kubectl.stdin.take().expect("its input");
    stdin.write_all(text.as_bytes()).expect("it reads");
    drop(stdin);
    let output = kubectl.wait_with_output().expect("its end");
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

fn yaml(kind: &str, spec: &str) -> String {
    format!(
        "apiVersion: punctual.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n"
    )
}

async fn what_is_right_is_accepted_in_both_kinds() {
    cluster::cluster().await;
    for spec in [
        "{}",
        // As people write it: YAML could take these for something else than text.
        "{dates: [2026-12-25, 12-26, 02-29, '01-01']}",
        "{ranges: [{first: 2026-12-24, last: 2027-01-01}, {first: 12-24, last: 01-06}, {first: 05-01, last: 05-01}]}",
        "{weekdays: [SAT, sun, Mon], description: Days off}",
    ] {
        for kind in ["ScheduleCalendar", "ClusterScheduleCalendar"] {
            let (ok, text) = applied("default", &yaml(kind, spec));
            assert!(ok, "{kind} {spec}: {text}");
        }
    }
}

async fn what_is_wrong_is_refused_and_the_answer_says_the_way_out() {
    cluster::cluster().await;
    for (spec, says) in [
        (
            "{dates: [2026-13-01]}",
            "spec.dates[0]: Invalid value: a date is a day such as 2026-12-25",
        ),
        (
            "{dates: [12-25, 1-1]}",
            "spec.dates[1]: Invalid value: a date is a day",
        ),
        (
            "{dates: [25.12.2026]}",
            "write month and day with two digits each",
        ),
        (
            "{dates: [20261225]}",
            "spec.dates[0] in body must be of type string",
        ),
        (
            "{ranges: [{first: 2026-12-24, last: 2026-12-01}]}",
            "spec.ranges[0]: Invalid value: last is before first: swap them",
        ),
        (
            "{ranges: [{first: 2026-12-24, last: 12-31}]}",
            "first and last must both have a year",
        ),
        (
            "{ranges: [{first: 2026-12-24}]}",
            "spec.ranges[0].last: Required value",
        ),
        (
            "{ranges: [{first: soon, last: late}]}",
            "spec.ranges[0].first: Invalid value: a date is a day",
        ),
        (
            "{weekdays: [monday]}",
            "spec.weekdays[0]: Invalid value: a weekday is one of SUN",
        ),
        (
            "{weekdays: [SUN, MON, TUE, WED, THU, FRI, SAT, SUN]}",
            "must have at most 7 items",
        ),
        ("{days: [12-25]}", "unknown field \"spec.days\""),
        ("null", "spec"),
    ] {
        for kind in ["ScheduleCalendar", "ClusterScheduleCalendar"] {
            let (ok, text) = applied("default", &yaml(kind, spec));
            assert!(!ok, "{kind} {spec} was accepted");
            assert!(
                without_values(&text).contains(says),
                "{kind} {spec}: {text}"
            );
        }
    }
}

/// A refusal without what was given: Kubernetes 1.30 quotes its type there, a newer one itself.
fn without_values(refusal: &str) -> String {
    let mut parts = refusal.split("Invalid value: \"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |told, part| {
        let rest = part.split_once("\": ").map_or(part, |(_, rest)| rest);
        told + "Invalid value: " + rest
    })
}

async fn the_largest_calendar_is_taken_and_a_larger_one_is_not() {
    cluster::cluster().await;
    let largest = |dates: usize, ranges: usize| {
        let spec = json!({
            "dates": vec!["2026-12-25"; dates],
            "ranges": vec![json!({"first": "2026-12-24", "last": "2026-12-25"}); ranges],
        });
        applied("default", &yaml("ScheduleCalendar", &spec.to_string()))
    };
    let (ok, text) = largest(4000, 500);
    assert!(ok, "{text}");
    for (dates, ranges, says) in [
        (4001, 0, "must have at most 4000 items"),
        (0, 501, "must have at most 500 items"),
    ] {
        let (ok, text) = largest(dates, ranges);
        assert!(!ok && text.contains(says), "{text}");
    }
}

async fn columns_and_explanations_tell_what_a_calendar_is() {
    let place = Place::new("columns").await;
    calendar(
        &place,
        "off",
        json!({"weekdays": ["SAT"], "description": "Days off"}),
    )
    .await;
    let table = cluster::kubectl(&["get", "schcal", "-n", &place.namespace]);
    for cell in ["DESCRIPTION", "WEEKDAYS", "AGE", "Days off", r#"["SAT"]"#] {
        assert!(table.contains(cell), "no {cell} in: {table}");
    }
    let look = async || {
        // The API server publishes a new definition's texts a moment after it is established.
        let text = Command::new("kubectl")
            .arg(format!("--context={}", cluster::context()))
            .args(["explain", "cschcal.spec"])
            .output()
            .ok()?
            .stdout;
        String::from_utf8_lossy(&text)
            .contains("days of every year")
            .then_some(())
    };
    until_or("kubectl explains the fields", look, String::new).await;
}

async fn a_schedule_waits_for_its_calendar_and_follows_its_edits() {
    let place = Place::new("follow").await;
    let controller = Controller::start(&place, &[]).await;
    let spec = json!({
        "schedule": "0 12 * * *", "timeZone": "UTC",
        "calendars": [{"name": "off"}],
        "template": short_run(10).await,
    });
    place.put("noon", spec).await;
    let ready = place.until_ready("noon", false, "CalendarNotFound").await;
    assert!(ready.message.contains("off"), "{}", ready.message);
    assert_eq!(place.status("noon").await.next_fire_time, None);

    // Two days away, so that the day may change while this runs.
    let today = Clock::System.now().to_zoned(TimeZone::UTC).date();
    let days: Vec<_> = (0..5).map(|n| (today + n.days()).to_string()).collect();
    calendar(&place, "off", json!({"dates": days[..3]})).await;
    place.until_ready("noon", true, "Ready").await;
    until_next(&place, "noon", &days[3]).await;

    let generation = place.get("noon").await.metadata.generation;
    calendar(&place, "off", json!({"dates": days[..4]})).await;
    until_next(&place, "noon", &days[4]).await;
    assert_eq!(place.get("noon").await.metadata.generation, generation);

    delete(&place, "off").await;
    place.until_ready("noon", false, "CalendarNotFound").await;
    controller.terminate().await;
}

async fn a_calendar_of_the_cluster_reaches_every_namespace() {
    let place = Place::new("wide").await;
    let controller = Controller::start(&place, &[]).await;
    let name = &place.namespace;
    let spec = json!({
        "schedule": "0 12 * * *", "timeZone": "UTC",
        "calendars": [{"kind": "ClusterScheduleCalendar", "name": name, "action": "Include"}],
        "template": short_run(10).await,
    });
    place.put("noon", spec).await;
    place.until_ready("noon", false, "CalendarNotFound").await;
    let api = Api::all_with(
        place.client.clone(),
        &ApiResource::erase::<ClusterScheduleCalendar>(&()),
    );
    apply(
        &api,
        "ClusterScheduleCalendar",
        name,
        json!({"dates": ["2099-07-01"]}),
    )
    .await;
    until_next(&place, "noon", "2099-07-01").await;
    let deleted = api.delete(name, &DeleteParams::default()).await;
    deleted.expect("the calendar should go");
    place.until_ready("noon", false, "CalendarNotFound").await;
    controller.terminate().await;
}

async fn nothing_runs_on_a_day_that_is_left_out_and_nothing_is_made_up_for() {
    let place = Place::new("off").await;
    let controller = Controller::start(&place, &[]).await;
    let today = Clock::System.now().to_zoned(TimeZone::UTC).date();
    let days: Vec<_> = (-1..3).map(|n| (today + n.days()).to_string()).collect();
    calendar(&place, "off", json!({"dates": days})).await;
    for (name, calendars) in [("never", json!([{"name": "off"}])), ("always", json!([]))] {
        let spec = json!({
            "schedule": "* * * * * *", "timeZone": "UTC", "calendars": calendars,
            "template": short_run(10).await,
        });
        place.put(name, spec).await;
    }
    // Its neighbour shows that time goes by.
    place.until_ended("always", 3).await;
    let status = place.status("never").await;
    assert_eq!(status.counts, Default::default());
    assert_eq!(status.last_fire_time, None);

    let edited = Clock::System.now();
    calendar(&place, "off", json!({"dates": ["2000-01-01"]})).await;
    let status = place.until_ended("never", 2).await;
    for run in &status.recent_runs {
        assert!(run.fire_time >= whole(edited), "{run:?} is before {edited}");
    }
    for skip in &status.recent_skips {
        assert!(
            skip.fire_time >= whole(edited),
            "{skip:?} is before {edited}"
        );
    }
    controller.terminate().await;
}

async fn what_fell_due_while_the_calendar_was_away_is_decided_when_it_is_back() {
    let place = Place::new("away").await;
    let controller = Controller::start(&place, &[]).await;
    let days = json!({"dates": ["2000-01-01"]});
    calendar(&place, "off", days.clone()).await;
    let spec = json!({
        "schedule": "* * * * * *", "timeZone": "UTC", "calendars": [{"name": "off"}],
        "template": short_run(10).await,
    });
    place.put("each-second", spec).await;
    place.until_ended("each-second", 1).await;
    delete(&place, "off").await;
    place
        .until_ready("each-second", false, "CalendarNotFound")
        .await;
    // What was active ends, and then nothing more is decided.
    let idle = |status: &ScheduledContainerStatus| status.active.is_empty();
    let before = place
        .until_status("each-second", "no run is active", idle)
        .await;
    let gone = Clock::System.now();
    let look = async || (Clock::System.now() > gone + 4.seconds()).then_some(());
    until_or("four fires fall due", look, String::new).await;
    let status = place.status("each-second").await;
    assert_eq!(status.counts, before.counts);
    assert_eq!(status.last_fire_time, before.last_fire_time);

    calendar(&place, "off", days).await;
    let missed = |status: &ScheduledContainerStatus| {
        let mut skips = status.recent_skips.iter();
        skips.any(|skip| {
            skip.reason == "Missed" && skip.count >= 3 && skip.last_fire_time >= whole(gone)
        })
    };
    place
        .until_status("each-second", "the fires meanwhile are missed", missed)
        .await;
    place.until_ready("each-second", true, "Ready").await;
    controller.terminate().await;
}

async fn a_controller_that_may_not_see_calendars_runs_the_other_schedules() {
    let place = Place::new("rights").await;
    let namespace = &place.namespace;
    let role = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "blind"}},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "blind"}, "rules": [
            {"apiGroups": ["punctual.dev"], "resources": ["scheduledcontainers"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["punctual.dev"], "resources": ["scheduledcontainers/status"], "verbs": ["patch"]},
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "patch", "delete"]},
            {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
            {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
        ]},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "blind"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "blind"},
            "subjects": [{"kind": "ServiceAccount", "name": "blind", "namespace": namespace}]},
    ]});
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(file("role.json"), role.to_string()).expect("a file");
    cluster::kubectl(&["-n", namespace, "apply", "-f", &file("role.json")]);

    // The same cluster, seen with the rights of that account.
    let token = cluster::kubectl(&["-n", namespace, "create", "token", "blind"]);
    let config = cluster::kubectl(&[
        "config",
        "view",
        "--raw",
        "--minify",
        "--flatten",
        "-o",
        "json",
    ]);
    let mut config: Value = serde_json::from_str(&config).expect("a kubeconfig");
    config["users"][0]["user"] = json!({"token": token.trim()});
    std::fs::write(file("config"), config.to_string()).expect("a file");
    let kubeconfig = format!("--kubeconfig={}", file("config"));
    let controller = Controller::start_with(&place, &[&kubeconfig]).await;

    for (name, calendars) in [("plain", json!([])), ("dated", json!([{"name": "off"}]))] {
        let spec = json!({
            "schedule": "* * * * * *", "calendars": calendars, "template": short_run(10).await,
        });
        place.put(name, spec).await;
    }
    place.until_ended("plain", 1).await;
    place.until_ready("dated", false, "CalendarNotFound").await;
    for resource in ["schedulecalendars", "clusterschedulecalendars"] {
        let told = controller.lines().into_iter().filter(|line| {
            let message = line["message"].as_str().unwrap_or_default();
            line["resource"] == resource && message.contains("deploy/rbac.yaml")
        });
        assert_eq!(told.count(), 1, "{resource}: {:#?}", controller.raw_lines());
    }
    controller.terminate().await;
}

async fn calendar(place: &Place, name: &str, spec: Value) {
    apply(&calendars(place), "ScheduleCalendar", name, spec).await;
}

fn calendars(place: &Place) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<ScheduleCalendar>(&());
    Api::namespaced_with(place.client.clone(), &place.namespace, &resource)
}

async fn apply(api: &Api<DynamicObject>, kind: &str, name: &str, spec: Value) {
    let object = json!({
        "apiVersion": "punctual.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec,
    });
    let params = PatchParams::apply("punctual-test").force();
    let applied = api.patch(name, &params, &Patch::Apply(object)).await;
    applied.expect("the calendar should be accepted");
}

async fn delete(place: &Place, name: &str) {
    let deleted = calendars(place)
        .delete(name, &DeleteParams::default())
        .await;
    deleted.expect("the calendar should go");
}

/// Waits until the next fire is on this day.
async fn until_next(place: &Place, name: &str, day: &str) {
    let on_day = |status: &ScheduledContainerStatus| {
        let next = status.next_fire_time.as_deref();
        next.is_some_and(|next| next.starts_with(day))
    };
    let what = format!("the next fire is on {day}");
    place.until_status(name, &what, on_day).await;
}

fn whole(time: Timestamp) -> Timestamp {
    punctual::core::status::whole_second(time)
}
