//! What Kubernetes refuses, and what never gets going.

use super::{
    ahead, check,
    memory::{Options, Refusal, World, schedule},
    ready, runs, skips, starts,
};

/// Refuses the pods of the fire at 12:00:10, and of no other.
async fn refuse(code: u16, reason: &'static str, message: &'static str) -> World {
    let world = World::new(ahead(3));
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.admit(move |pod, trial| {
        let fire = &pod["metadata"]["annotations"]["punctual.dev/fire-time"];
        (!trial && fire == "2026-11-20T12:00:10+00:00").then(|| Refusal::new(code, reason, message))
    });
    world.until("12:00:10.5").await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_refused_pod_is_a_skip_with_its_reason_and_the_next_fire_tries_again() {
    for (code, short, message, reason) in [
        (
            403,
            "Forbidden",
            "exceeded quota: pods=1, used: pods=1, limited: pods=1",
            "QuotaExceeded",
        ),
        (
            403,
            "Forbidden",
            "violates PodSecurity \"restricted:latest\"",
            "PodSecurityViolation",
        ),
        (
            403,
            "Forbidden",
            "unable to create new content in namespace default because it is being terminated",
            "NamespaceTerminating",
        ),
        (403, "Forbidden", "no", "CreateForbidden"),
        (422, "Invalid", "spec.containers: Required", "InvalidPod"),
    ] {
        let world = refuse(code, short, message).await;
        assert_eq!(
            skips(&world, "hello"),
            [format!("{reason} 12:00:10-12:00:10 1")]
        );
        assert_eq!(ready(&world, "hello"), format!("False {reason}"));
        assert!(
            world.status("hello").recent_skips[0]
                .message
                .contains(message)
        );
        world.until("12:00:25").await;
        assert_eq!(starts(&world), "12:00:20", "{reason}");
        assert_eq!(ready(&world, "hello"), "True Ready");
        check(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_template_that_kubernetes_refuses_is_said_before_the_first_fire() {
    let world = World::new(Options::default());
    world.admit(|_, _| Some(Refusal::new(422, "Invalid", "no container")));
    world.apply(&schedule("hello", "0 0 6 * * *"));
    world.until("12:00:05").await;
    assert_eq!(ready(&world, "hello"), "False InvalidPod");
    world.admit(|_, _| None);
    world.edit("hello", |spec| {
        spec["template"]["spec"]["containers"][0]["image"] = "busybox:2".into();
    });
    world.until("12:00:10").await;
    assert_eq!(ready(&world, "hello"), "True Ready");
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_until_it_does() {
    let world = World::new(Options::default());
    world.apply(&schedule("hello", "0 * * * * *").takes(1.0));
    let mut failures = 4;
    world.admit(move |_, trial| {
        let fails = !trial && failures > 0;
        failures -= i32::from(fails);
        fails.then(|| Refusal::new(500, "InternalError", "the webhook is away"))
    });
    world.until("12:01:10").await;
    assert_eq!(runs(&world, "hello"), ["12:01:00 Succeeded"]);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_always_fails_slows_no_other() {
    let world = World::new(Options::default());
    world.admit(|pod, _| {
        let bad = &pod["metadata"]["labels"]["punctual.dev/schedule"] == "bad";
        bad.then(|| Refusal::new(500, "InternalError", "the webhook is away"))
    });
    world.apply(&schedule("bad", "* * * * * *"));
    world.apply(&schedule("good", "*/5 * * * * *").takes(1.0));
    world.until("12:00:59").await;
    for life in world.lives() {
        let late = life.started_at.unwrap().duration_since(life.fire.unwrap());
        assert!(late.as_millis() < 100, "{} was {late} late", life.name);
    }
    assert_eq!(world.status("good").counts.succeeded, 11);
    // What could neither run nor be refused is decided once it is known that it won't run.
    world.suspend("bad", true);
    world.until("12:01:42.5").await;
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_stuck_run_is_said_while_it_is_stuck() {
    for (reason, ours) in [
        ("ImagePullBackOff", "ImagePullFailed"),
        ("CreateContainerConfigError", "ContainerConfigError"),
    ] {
        let world = World::new(Options::default());
        world.apply(&schedule("stuck", "*/10 * * * * *").stuck(reason));
        world.until("12:00:15").await;
        let active = world.status("stuck").active.remove(0);
        assert_eq!(active.waiting.expect("it waits").reason, ours);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_no_node_takes_is_stopped_at_its_deadline() {
    let world = World::new(Options::default());
    let stuck = schedule("stuck", "*/10 * * * * *").unschedulable();
    world.apply(&stuck.with("activeDeadlineSeconds", 5));
    world.until("12:00:12").await;
    let active = world.status("stuck").active.remove(0);
    assert_eq!(active.waiting.expect("it waits").reason, "Unschedulable");
    world.until("12:00:18").await;
    assert_eq!(runs(&world, "stuck"), ["12:00:10 DeadlineExceeded"]);
    world.until("12:00:28").await;
    assert_eq!(
        starts(&world),
        "12:00:10 12:00:20",
        "the next fire runs again"
    );
    check(&world);
}
