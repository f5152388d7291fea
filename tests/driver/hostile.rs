//! What somebody writes who means harm, or doesn't know what he does: statuses, owners, labels.

use serde_json::{Value, json};

use super::{
    ahead, check,
    memory::{Options, World, schedule},
    runs, skips, starts,
};

const LATER: &str = "2999-01-01T00:00:00Z";
const NOBODY: &str = "00000000-0000-4000-8000-ffffffffffff";

fn active(name: &str, uid: &str, fire: &str) -> Value {
    json!([{"name": name, "uid": uid, "fireTime": fire, "claimTime": fire}])
}

fn uid(object: &Value) -> String {
    object["metadata"]["uid"].as_str().unwrap().to_owned()
}

fn owned_by(owner: &Value, name: &str, fire: &str) -> Value {
    json!({
        "metadata": {
            "labels": {"punctual.dev/schedule": name},
            "annotations": {
                "punctual.dev/fire-time": fire, "punctual.dev/generation": "999",
                "memory/takes": "3600000",
            },
            "ownerReferences": [{
                "apiVersion": "punctual.dev/v1alpha1", "kind": "ScheduledContainer",
                "name": name, "uid": uid(owner), "controller": true,
            }],
        },
        "spec": {"containers": [{"name": "main", "image": "evil"}]},
    })
}

/// Writes a status by hand after the fire at 12:00:10, and says at which times runs start.
async fn after(change: impl FnOnce(&mut Value)) -> String {
    let world = World::new(ahead(3));
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.until("12:00:15").await;
    world.write_status("hello", change);
    world.until("12:00:35").await;
    world.check_runs();
    let quiet = world.now();
    world.suspend("hello", true);
    world.until("12:00:36").await;
    let written = world.written(quiet).len();
    assert!(written <= 2, "suspended, then at rest: {written}");
    starts(&world)
}

#[tokio::test(start_paused = true)]
async fn a_status_written_by_hand_neither_silences_a_schedule_nor_repeats_a_fire() {
    let all = "12:00:10 12:00:20 12:00:30";
    for (wrong, status) in [
        ("far ahead", json!({"lastFireTime": LATER})),
        (
            "beyond what we can read",
            json!({"lastFireTime": "9999-12-31T23:59:59Z"}),
        ),
        ("no instant", json!({"lastFireTime": "2026-11-20T12:00:00"})),
        ("long ago", json!({"lastFireTime": "1970-01-01T00:00:00Z"})),
        ("none", json!({"lastFireTime": null})),
        ("a run to come", json!({"lastRunTime": LATER})),
        ("an edit to come", json!({"observedSince": LATER})),
        (
            "no edit",
            json!({"observedSince": null, "observedSchedule": null}),
        ),
        (
            "another form",
            json!({"observedSchedule": "garbage (((\u{0}"}),
        ),
        (
            "counts",
            json!({"counts": {"succeeded": i64::MAX, "failed": i64::MAX, "skipped": i64::MAX}}),
        ),
        (
            "no records",
            json!({"recentRuns": [], "recentSkips": [], "conditions": []}),
        ),
        ("a waiting fire", json!({"queued": [{"fireTime": LATER}]})),
        (
            "a fire that waits although it ran",
            json!({"queued": [{"fireTime": "2026-11-20T12:00:10Z"}]}),
        ),
        (
            "a run of nobody",
            json!({"active": active("nobody", NOBODY, LATER)}),
        ),
        (
            "a path",
            json!({"active": active("../../kube-system/pods/a?x=", NOBODY, LATER)}),
        ),
    ] {
        let starts = after(|written| {
            for (field, value) in status.as_object().unwrap() {
                written[field] = value.clone();
            }
        })
        .await;
        assert_eq!(starts, all, "{wrong}");
    }
    assert_eq!(
        after(|written| *written = Value::Null).await,
        all,
        "emptied"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_somebody_strikes_from_the_status_is_still_active() {
    for wiped in [json!(null), json!({"lastFireTime": "2026-11-20T12:00:10Z"})] {
        let world = World::new(Options::default());
        world.apply(&schedule("slow", "*/10 * * * * *").takes(25.0));
        world.until("12:00:15").await;
        world.write_status("slow", |status| *status = wiped.clone());
        world.until("12:00:45").await;
        assert_eq!(starts(&world), "12:00:10 12:00:40", "{wiped}");
        assert_eq!(runs(&world, "slow"), ["12:00:10 Succeeded"]);
        assert_eq!(skips(&world, "slow"), ["StillActive 12:00:20-12:00:30 2"]);
        world.check_runs();
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_that_names_the_pod_of_another_neither_starts_nor_stops_nor_awaits_it() {
    let world = World::new(ahead(6));
    world.apply(&schedule("theirs", "*/10 * * * * *").takes(2.0));
    world.apply(
        &schedule("mine", "*/10 * * * * *")
            .takes(1.0)
            .with("activeDeadlineSeconds", 3),
    );
    world.until("12:00:08.5").await;
    let name = "theirs-20261120-120010";
    let held = world.pods()[name].clone();
    let fire = "2026-11-20T12:00:00Z";
    world.write_status("mine", |status| {
        status["active"] = active(name, &uid(&held), fire);
        status["active"][0]["stopping"] = "DeadlineExceeded".into();
    });
    world.until("12:00:09").await;
    assert_eq!(world.pods()[name], held, "it was left alone");
    // The same for one that nobody owns.
    world.stranger("stranger");
    let stranger = world.pods()["stranger"].clone();
    world.write_status("mine", |status| {
        status["active"] = active("stranger", &uid(&stranger), fire);
        status["active"][0]["stopping"] = "DeadlineExceeded".into();
    });
    world.until("12:00:15").await;
    assert_eq!(world.pods()["stranger"], stranger);
    assert_eq!(starts(&world), "12:00:10 12:00:10");
    world.check_runs();
}

#[tokio::test(start_paused = true)]
async fn a_wrong_name_beside_the_right_uid_ends_no_run() {
    let world = World::new(Options::default());
    world.apply(&schedule("slow", "*/10 * * * * *").takes(25.0));
    world.until("12:00:15").await;
    world.write_status("slow", |status| {
        status["active"][0]["name"] = "other".into()
    });
    world.until("12:00:45").await;
    assert_eq!(starts(&world), "12:00:10 12:00:40");
    world.check_runs();
}

#[tokio::test(start_paused = true)]
async fn a_status_that_can_t_be_read_does_nothing_until_it_is_put_right() {
    let world = World::new(Options::default());
    world.apply(&schedule("odd", "*/10 * * * * *").takes(1.0));
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.until("12:00:15").await;
    world.write_status("odd", |status| status["active"] = json!([{"name": "a"}]));
    world.until("12:00:45").await;
    assert_eq!(
        starts(&world),
        "12:00:10 12:00:10 12:00:20 12:00:30 12:00:40"
    );
    world.write_status("odd", |status| status["active"] = json!([]));
    world.until("12:00:55").await;
    assert!(
        starts(&world).ends_with("12:00:50 12:00:50"),
        "{}",
        starts(&world)
    );
    world.check_runs();
}

#[tokio::test(start_paused = true)]
async fn a_hundred_runs_that_are_gone_are_found_out_at_once() {
    let world = World::new(Options::default());
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.until("12:00:15").await;
    let ghosts = (0..100).map(|n| {
        let name = format!("ghost-{n}");
        active(&name, &format!("{NOBODY}{n}"), "2026-11-20T12:00:00Z")[0].clone()
    });
    let ghosts = ghosts.collect::<Vec<_>>();
    world.write_status("hello", |status| status["active"] = ghosts.into());
    world.until("12:00:16.5").await;
    assert_eq!(world.status("hello").active, []);
    world.until("12:00:25").await;
    assert_eq!(starts(&world), "12:00:10 12:00:20");
}

#[tokio::test(start_paused = true)]
async fn pods_of_other_namespaces_and_of_false_owners_cost_a_schedule_no_fire() {
    let world = World::new(ahead(3));
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.until("12:00:01").await;
    let hello = world.object("hello");
    let fire = "2026-11-20T12:00:10Z";
    // The garbage collector of Kubernetes takes such a pod, some time later.
    let mut pod = owned_by(&hello, "hello", fire);
    pod["spec"]["schedulingGates"] = json!([{"name": "punctual.dev/hold"}]);
    world.pod_in("elsewhere", "hello-20261120-120010", pod);
    // The same uid under another name.
    let pod = owned_by(&hello, "other", fire);
    world.pod_in("default", "other-20261120-120010", pod);
    world.until("12:00:15").await;
    assert_eq!(runs(&world, "hello"), ["12:00:10 Succeeded"]);
    assert!(world.status("hello").active.is_empty());
    assert_eq!(
        world.held(),
        ["hello-20261120-120010"],
        "what is elsewhere stays"
    );
}

#[tokio::test(start_paused = true)]
async fn garbage_on_pods_is_seen_as_the_pods_of_no_coming_fire() {
    let world = World::new(ahead(3));
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.until("12:00:01").await;
    let hello = world.object("hello");
    for (n, fire) in [LATER, "yesterday", "-009999-01-02T00:00:00Z", ""]
        .iter()
        .enumerate()
    {
        let mut pod = owned_by(&hello, "hello", fire);
        pod["metadata"]["annotations"]["punctual.dev/generation"] = "-1e9".into();
        pod["metadata"]["annotations"]["punctual.dev/attempt"] = "4294967295".into();
        pod["spec"]["schedulingGates"] = json!([{"name": "punctual.dev/hold"}]);
        world.pod_in("default", &format!("garbage-{n}"), pod);
    }
    world.until("12:00:25").await;
    assert_eq!(starts(&world), "12:00:10 12:00:20");
    assert_eq!(world.held(), Vec::<String>::new(), "they are swept");
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_pods_of_one_schedule_make_none_late() {
    let world = World::new(ahead(3));
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.apply(&schedule("many", "*/10 * * * * *").takes(1.0));
    world.until("12:00:01").await;
    let many = world.object("many");
    for n in 0..1_000 {
        let mut pod = owned_by(&many, "many", "2026-11-20T11:00:00Z");
        pod["spec"]["schedulingGates"] = json!([{"name": "punctual.dev/hold"}]);
        world.pod_in("default", &format!("garbage-{n}"), pod);
    }
    world.until("12:00:35").await;
    for name in ["hello", "many"] {
        let counts = world.status(name).counts;
        assert_eq!(counts.succeeded, 3, "{name}: {:?}", skips(&world, name));
    }
    let lives = world.lives();
    for life in lives.iter().filter(|life| life.started.is_some()) {
        let late = life.started_at.unwrap().duration_since(life.fire.unwrap());
        assert!(late.as_millis() < 500, "{} was {late} late", life.name);
    }
}
