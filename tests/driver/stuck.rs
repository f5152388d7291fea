//! Runs that make no progress, and runs whose main container has ended before the others.

use std::time::Duration;

use serde_json::json;

use super::{
    check,
    memory::{Options, Resource, Verb, World, schedule},
    runs, skips, starts,
};

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_too_long_is_stopped_and_the_next_fire_runs() {
    let world = World::new(Options::default());
    let stuck = schedule("stuck", "*/30 * * * * *").stuck("ErrImagePull");
    world.apply(&stuck.with(
        "stuckAfter",
        json!({"imagePullSeconds": 20, "action": "Fail"}),
    ));
    world.until("12:00:49").await;
    let active = world.status("stuck").active.remove(0);
    assert_eq!(active.waiting.unwrap().reason, "ImagePullFailed");
    world.until("12:00:55").await;
    assert_eq!(runs(&world, "stuck"), ["12:00:30 ImagePullFailed"]);
    world.until("12:01:05").await;
    assert_eq!(world.status("stuck").active.len(), 1);
    assert!(skips(&world, "stuck").is_empty());
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_no_node_takes_is_stopped_although_the_controller_was_away() {
    let world = World::new(Options::default());
    let stuck = schedule("stuck", "30 0 12 * * *").unschedulable();
    let limit = json!({"unschedulableSeconds": 60, "action": "Fail"});
    world.apply(&stuck.with("stuckAfter", limit));
    world.until("12:00:40").await;
    world.crash("a", Duration::from_secs(300));
    world.until("12:05:45").await;
    assert_eq!(runs(&world, "stuck"), ["12:00:30 Unschedulable"]);
    assert!(world.pods().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_too_long_is_told_once_and_goes_on() {
    let world = World::new(Options::default());
    let stuck = schedule("stuck", "30 0 12 * * *").stuck("CreateContainerConfigError");
    world.apply(&stuck.with("stuckAfter", json!({"configErrorSeconds": 20})));
    world.until("12:00:55").await;
    let told = world.status("stuck");
    assert!(told.active[0].waiting.as_ref().unwrap().stuck);
    let since = world.now();
    world.until("12:09:00").await;
    assert_eq!(world.written(since).len(), 0, "and then nothing is written");
    assert_eq!(world.status("stuck"), told);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_put_back_far_does_not_spare_a_run_that_is_stuck() {
    let world = World::new(Options::default());
    let stuck = schedule("stuck", "30 0 12 * * *").stuck("ErrImagePull");
    world.apply(&stuck.with(
        "stuckAfter",
        json!({"imagePullSeconds": 60, "action": "Fail"}),
    ));
    world.until("12:00:45").await;
    world.step(-100 * 86_400);
    world.pass(58.0).await;
    assert_eq!(
        world.status("stuck").active.len(),
        1,
        "it is not ended early"
    );
    world.pass(10.0).await;
    assert_eq!(runs(&world, "stuck"), ["12:00:30 ImagePullFailed"]);
}

#[tokio::test(start_paused = true)]
async fn a_helper_that_outlives_the_main_container_is_stopped() {
    for (code, outcome) in [(0, "Succeeded"), (3, "NonZeroExit")] {
        let world = World::new(Options::default());
        let helped = schedule("helped", "*/10 * * * * *").takes(2.0).exits(code);
        world.apply(&helped.helped());
        world.until("12:00:25").await;
        assert_eq!(starts(&world), "12:00:10 12:00:20");
        let ended = [format!("12:00:10 {outcome}"), format!("12:00:20 {outcome}")];
        assert_eq!(runs(&world, "helped"), ended);
        let run = world.status("helped").recent_runs.remove(0);
        assert_eq!(run.exit_code, Some(i32::from(code)), "not the helper's");
        // Its pod, and so its log, is still there.
        assert!(world.pods().contains_key(&run.name));
        check(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn how_the_main_container_ended_survives_a_crash_and_its_pod() {
    let world = World::new(Options::default());
    world.apply(&schedule("helped", "10 0 12 * * *").takes(2.0).helped());
    let stopping = async || {
        while world.status("helped").active[0].stopping.is_none() {
            world.pass(0.01).await;
        }
    };
    world.until("12:00:11").await;
    tokio::time::timeout(Duration::from_secs(9), stopping())
        .await
        .expect("the helper shall stop");
    world.crash("a", Duration::from_secs(30));
    world.pass(1.0).await;
    let pod = world.pods().into_keys().next().unwrap();
    world.force_delete_pod(&pod);
    world.until("12:00:55").await;
    assert_eq!(runs(&world, "helped"), ["12:00:10 Succeeded"]);
    assert_eq!(world.status("helped").counts.succeeded, 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_helper_costs_two_writes() {
    let world = World::new(Options::default());
    world.apply(&schedule("helped", "10 0 12 * * *").takes(2.0).helped());
    world.until("12:00:11").await;
    let since = world.now();
    world.until("12:00:25").await;
    let written = world.written(since);
    let written: Vec<_> = written
        .iter()
        .map(|written| (written.verb, written.resource))
        .collect();
    let (status, pod) = (
        (Verb::Patch, Resource::Schedules),
        (Verb::Patch, Resource::Pods),
    );
    assert_eq!(written, [status, pod, status], "beside the run's own end");
}
