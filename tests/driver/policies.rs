//! What becomes of fires that find a run active, by concurrencyPolicy, and of runs that fail, by retry.

use std::time::Duration;

use serde_json::json;

use super::{
    ahead, check,
    memory::{Fault, Options, Refusal, Resource, Template, Verb, World, faults::Faults, schedule},
    runs, skips, starts,
};

fn with(policy: &str) -> Template {
    schedule("hello", "*/10 * * * * *").with("concurrencyPolicy", policy)
}

/// The fires that wait, as times of day.
fn queued(world: &World) -> Vec<String> {
    let queued = world.status("hello").queued;
    let queued = queued
        .iter()
        .map(|it| it.fire_time.strftime("%T").to_string());
    queued.collect()
}

#[tokio::test(start_paused = true)]
async fn a_queued_fire_waits_as_a_held_pod_and_starts_when_the_run_has_ended() {
    let world = World::new(Options::default());
    world.apply(&with("Queue").takes(14.0));
    world.until("12:00:22").await;
    assert_eq!(queued(&world), ["12:00:20"]);
    assert_eq!(world.held(), ["hello-20261120-120020"]);
    assert_eq!(starts(&world), "12:00:10");
    world.until("12:00:26").await;
    assert_eq!(starts(&world), "12:00:10 12:00:24");
    assert_eq!(queued(&world), [""; 0]);
    assert_eq!(skips(&world, "hello"), [""; 0]);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_takes_no_further_fire_and_starts_the_oldest_first() {
    let world = World::new(ahead(3));
    world.apply(&with("Queue").with("queueLimit", 2).takes(25.0));
    world.until("12:00:41").await;
    // 10 ran until 35, so 20 runs and 30 and 40 wait.
    assert_eq!(queued(&world), ["12:00:30", "12:00:40"]);
    world.until("12:00:52").await;
    assert_eq!(skips(&world, "hello"), ["QueueFull 12:00:50-12:00:50 1"]);
    world.until("12:01:02").await;
    assert_eq!(starts(&world), "12:00:10 12:00:35 12:01:00");
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_queued_fire_waits_no_longer_than_its_deadline() {
    let world = World::new(Options::default());
    let patient = with("Queue").takes(25.0);
    world.apply(&patient.with("startingDeadlineSeconds", 8));
    world.until("12:00:32").await;
    assert_eq!(queued(&world), ["12:00:30"]);
    assert_eq!(
        skips(&world, "hello"),
        ["StartingDeadlineExceeded 12:00:20-12:00:20 1"]
    );
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_schedule_starts_no_fire_that_waits() {
    let world = World::new(Options::default());
    world.apply(&with("Queue").takes(14.0));
    world.until("12:00:21").await;
    world.suspend("hello", true);
    world.until("12:00:40").await;
    assert_eq!(starts(&world), "12:00:10");
    assert_eq!(
        skips(&world, "hello"),
        ["ScheduleChanged 12:00:20-12:00:20 1"]
    );
    assert_eq!(world.held(), [""; 0]);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_queued_fire_runs_with_the_template_as_it_is_when_it_starts() {
    let world = World::new(Options::default());
    world.apply(&with("Queue").takes(14.0));
    world.until("12:00:21").await;
    world.edit("hello", |spec| {
        spec["template"]["spec"]["containers"][0]["image"] = "busybox:2".into();
    });
    world.until("12:00:26").await;
    assert_eq!(starts(&world), "12:00:10 12:00:24");
    let pod = &world.pods()["hello-20261120-120020"];
    assert_eq!(pod["spec"]["containers"][0]["image"], "busybox:2");
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_fire_that_replaces_starts_when_the_run_is_truly_gone() {
    let world = World::new(ahead(2));
    world.apply(&with("Replace").takes(60.0));
    world.until("12:00:36").await;
    // The node takes 0.7 s to end a container.
    assert_eq!(starts(&world), "12:00:10 12:00:20 12:00:30");
    let late = world.lives().into_iter().filter(|life| {
        let started = life.started_at.unwrap();
        life.fire != Some("2026-11-20T12:00:10Z".parse().unwrap())
            && started.duration_since(life.fire.unwrap()).as_millis() < 700
    });
    assert_eq!(late.count(), 0, "each waited for the end of the one before");
    assert_eq!(
        runs(&world, "hello"),
        ["12:00:10 Replaced", "12:00:20 Replaced"]
    );
    assert_eq!(skips(&world, "hello"), [""; 0]);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn runs_are_allowed_beside_each_other_up_to_their_limit() {
    let world = World::new(Options::default());
    world.apply(&with("Allow").with("maxActive", 2).takes(24.0));
    world.until("12:00:52").await;
    assert_eq!(starts(&world), "12:00:10 12:00:20 12:00:40 12:00:50");
    assert_eq!(
        skips(&world, "hello"),
        ["TooManyActive 12:00:30-12:00:30 1"]
    );
    assert_eq!(world.status("hello").active.len(), 2);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_stricter_policy_waits_for_all_that_run() {
    let world = World::new(Options::default());
    world.apply(&with("Allow").takes(24.0));
    world.until("12:00:22").await;
    world.edit("hello", |spec| spec["concurrencyPolicy"] = "Forbid".into());
    world.until("12:00:52").await;
    assert_eq!(starts(&world), "12:00:10 12:00:20 12:00:50");
    assert_eq!(
        skips(&world, "hello"),
        [
            "StillActive 12:00:30-12:00:30 1",
            "StillActive 12:00:40-12:00:40 1"
        ]
    );
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_is_tried_again_and_stays_one_run() {
    let world = World::new(Options::default());
    let failing = schedule("hello", "0 * * * * *").takes(2.0).exits(3);
    world.apply(&failing.with("retry", json!({"limit": 2, "backoffSeconds": 4})));
    world.until("12:01:04").await;
    let active = world.status("hello").active.remove(0);
    let next = active.retry.expect("it waits for its next attempt");
    assert_eq!((active.attempt, next.after.exit_code), (1, Some(3)));
    world.until("12:01:40").await;
    let fires = world.lives().into_iter().map(|life| life.name);
    assert_eq!(
        fires.collect::<Vec<_>>(),
        [
            "hello-20261120-120100",
            "hello-20261120-120100-attempt2",
            "hello-20261120-120100-attempt3"
        ]
    );
    let status = world.status("hello");
    let [run] = &status.recent_runs[..] else {
        panic!("a fire is one run: {:?}", status.recent_runs);
    };
    assert_eq!((run.attempts, status.counts.failed), (3, 1));
    assert_eq!(world.status("hello").active, []);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_its_next_attempt_is_active() {
    let world = World::new(Options::default());
    let failing = schedule("hello", "*/10 * * * * *").takes(2.0).exits(1);
    world.apply(&failing.with("retry", json!({"limit": 1, "backoffSeconds": 15})));
    world.until("12:00:38").await;
    assert_eq!(starts(&world), "12:00:10 12:00:27 12:00:30");
    assert_eq!(skips(&world, "hello"), ["StillActive 12:00:20-12:00:20 1"]);
    assert_eq!(runs(&world, "hello"), ["12:00:10 NonZeroExit"]);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn every_lost_write_of_a_retry_costs_no_attempt_and_doubles_none() {
    for policy in ["Forbid", "Queue", "Replace"] {
        for number in 0..12 {
            for fault in [
                Fault::CrashAfter(Duration::from_secs(1)),
                Fault::Late(Duration::from_secs(9)),
            ] {
                let mut options = ahead(2);
                options.faults = Faults::new(move |write| match write.number == number {
                    true => fault,
                    false => Fault::None,
                });
                let world = World::new(options);
                let failing = with(policy).takes(4.0).exits(1);
                world.apply(&failing.with("retry", json!({"limit": 1, "backoffSeconds": 4})));
                world.until("12:00:41.5").await;
                world.suspend("hello", true);
                world.until("12:01:30").await;
                println!("{policy}: {fault:?} at write {number}");
                check(&world);
                world.check_rest("hello");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_queued_pod_that_somebody_deletes_is_made_again() {
    let world = World::new(Options::default());
    world.apply(&with("Queue").takes(14.0));
    world.until("12:00:21").await;
    world.delete_pod("hello-20261120-120020");
    world.until("12:00:26").await;
    assert_eq!(starts(&world), "12:00:10 12:00:24");
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_kubernetes_refuses_ends_its_run() {
    let world = World::new(Options::default());
    let failing = schedule("hello", "0 * * * * *").takes(2.0).exits(3);
    world.apply(&failing.with("retry", json!({"limit": 5, "backoffSeconds": 4})));
    world.until("12:01:03").await;
    world.admit(|_, _| Some(Refusal::new(403, "Forbidden", "exceeded quota: small")));
    world.until("12:01:20").await;
    let status = world.status("hello");
    assert_eq!(status.active, []);
    let message = status.recent_runs[0].message.clone().unwrap();
    assert!(
        message.contains("attempt 2 was refused: exceeded quota"),
        "{message}"
    );
    check(&world);
    let creates = world.written("2026-11-20T12:01:05Z".parse().unwrap());
    let creates = creates
        .iter()
        .filter(|write| (write.verb, write.resource) == (Verb::Create, Resource::Pods));
    assert!(creates.count() <= 2);
}

/// A schedule that has no fire of its own while it is looked at.
fn by_hand(policy: &str) -> Template {
    schedule("hello", "0 0 * * *").with("concurrencyPolicy", policy)
}

#[tokio::test(start_paused = true)]
async fn a_run_by_hand_starts_once_and_takes_no_fires_place() {
    let mut world = World::new(ahead(3));
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.until("12:00:03.5").await;
    world.start("b");
    world.request("hello", "12:00:03.4");
    world.until("12:00:06").await;
    world.crash("a", Duration::from_secs(1));
    world.until("12:00:12").await;
    assert_eq!(starts(&world), "12:00:03 12:00:10");
    let names: Vec<_> = world.lives().into_iter().map(|life| life.name).collect();
    assert_eq!(names[0], "hello-20261120-120003-manual400");
    let status = world.status("hello");
    assert_eq!(status.counts.succeeded, 2);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn runs_by_hand_obey_the_policy() {
    for (policy, started, skipped) in [
        (
            "Forbid",
            "12:00:02",
            &["StillActive 12:00:05-12:00:05 1"][..],
        ),
        ("Queue", "12:00:02 12:00:12", &[]),
        ("Replace", "12:00:02 12:00:05", &[]),
        ("Allow", "12:00:02 12:00:05", &[]),
    ] {
        let world = World::new(Options::default());
        world.apply(&by_hand(policy).takes(10.0));
        world.until("12:00:02").await;
        world.request("hello", "12:00:02.1");
        world.until("12:00:05").await;
        world.request("hello", "12:00:05.1");
        world.until("12:00:15").await;
        assert_eq!(starts(&world), started, "{policy}");
        assert_eq!(skips(&world, "hello"), skipped, "{policy}");
        world.check_runs();
        world.until("12:00:40").await;
        world.check_rest("hello");
    }
}

#[tokio::test(start_paused = true)]
async fn a_suspended_schedule_runs_by_hand() {
    let world = World::new(Options::default());
    world.apply(&by_hand("Queue").with("suspend", true).takes(4.0));
    world.until("12:00:02").await;
    world.request("hello", "12:00:02.1");
    world.until("12:00:03").await;
    world.request("hello", "12:00:03");
    world.until("12:00:10").await;
    assert_eq!(starts(&world), "12:00:02 12:00:06");
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_a_schedule_does_not_run_what_was_asked_of_the_first() {
    let world = World::new(Options::default());
    world.apply(&by_hand("Forbid"));
    world.request("hello", "11:59:59.5");
    world.until("12:00:10").await;
    assert_eq!(starts(&world), "");
    assert_eq!(world.status("hello").last_request_time, None);
}
