//! The plain life of a schedule: fires, runs, skips, restarts.

use std::time::Duration;

use super::{
    ahead, check,
    memory::{Options, World, schedule},
    ready, runs, skips, starts,
};

/// Asserts that every start came within this many milliseconds of its fire.
#[track_caller]
fn check_lateness(world: &World, limit: i128) {
    for life in world.lives() {
        if let (Some(fire), Some(start)) = (life.fire, life.started_at) {
            let late = start.duration_since(fire).as_millis();
            assert!(
                (0..=limit).contains(&late),
                "{} started {late} ms late",
                life.name
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_fire_starts_one_run_on_time() {
    let world = World::new(Options::default());
    world.apply(&schedule("hello", "*/10 * * * * *").takes(2.0));
    world.until("12:00:35").await;
    assert_eq!(starts(&world), "12:00:10 12:00:20 12:00:30");
    assert_eq!(
        runs(&world, "hello"),
        [
            "12:00:10 Succeeded",
            "12:00:20 Succeeded",
            "12:00:30 Succeeded"
        ]
    );
    assert_eq!(ready(&world, "hello"), "True Ready");
    check_lateness(&world, 100);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_pod_prepared_ahead_waits_and_starts_at_its_fire() {
    let world = World::new(ahead(4));
    world.apply(&schedule("hello", "*/10 * * * * *").takes(2.0));
    world.until("12:00:09.9").await;
    assert_eq!(world.held(), ["hello-20261120-120010"]);
    assert_eq!(starts(&world), "");
    world.until("12:00:35").await;
    assert_eq!(starts(&world), "12:00:10 12:00:20 12:00:30");
    check_lateness(&world, 20);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn the_next_fire_is_shown_until_it_is_decided() {
    let world = World::new(Options::default());
    world.apply(&schedule("hello", "*/10 * * * * *"));
    world.until("12:00:05").await;
    let shown = world.status("hello").next_fire_time;
    assert_eq!(shown.as_deref(), Some("2026-11-20T12:00:10+00:00"));
    world.until("12:00:11").await;
    let shown = world.status("hello").next_fire_time;
    assert_eq!(shown.as_deref(), Some("2026-11-20T12:00:20+00:00"));
}

#[tokio::test(start_paused = true)]
async fn a_fire_that_finds_the_previous_run_active_is_recorded_at_once() {
    let world = World::new(Options::default());
    world.apply(&schedule("slow", "*/5 * * * * *").takes(7.0));
    world.until("12:00:10.5").await;
    assert_eq!(skips(&world, "slow"), ["StillActive 12:00:10-12:00:10 1"]);
    world.until("12:00:34").await;
    assert_eq!(starts(&world), "12:00:05 12:00:15 12:00:25");
    assert_eq!(world.status("slow").counts.skipped, 3);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_failed_run_says_why() {
    let world = World::new(Options::default());
    world.apply(&schedule("bad", "*/10 * * * * *").takes(1.0).exits(3));
    world.until("12:00:15").await;
    let run = world.status("bad").recent_runs[0].clone();
    assert_eq!(
        (run.reason.as_str(), run.exit_code),
        ("NonZeroExit", Some(3))
    );
    assert_eq!(run.last_lines, ["the last line"]);
    assert_eq!(run.node.as_deref(), Some("node-1"));
    assert_eq!(world.status("bad").counts.failed, 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_time_without_controllers_the_latest_fire_runs_and_the_others_are_counted() {
    let world = World::new(Options::default());
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.until("12:00:12.5").await;
    world.crash("a", Duration::from_secs(35));
    world.until("12:00:55").await;
    assert_eq!(starts(&world), "12:00:10 12:00:47 12:00:50");
    assert_eq!(skips(&world, "hello"), ["Missed 12:00:20-12:00:30 2"]);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_late_to_start_is_skipped() {
    let world = World::new(Options::default());
    let hello = schedule("hello", "*/10 * * * * *").takes(1.0);
    world.apply(&hello.with("startingDeadlineSeconds", 5));
    world.until("12:00:12.5").await;
    world.crash("a", Duration::from_secs(35));
    world.until("12:00:55").await;
    assert_eq!(starts(&world), "12:00:10 12:00:50");
    assert_eq!(
        skips(&world, "hello"),
        ["StartingDeadlineExceeded 12:00:20-12:00:40 3"]
    );
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_restart_finds_the_run_and_neither_loses_nor_repeats_a_fire() {
    let world = World::new(Options::default());
    world.apply(&schedule("slow", "*/10 * * * * *").takes(6.0));
    for second in ["12:00:12", "12:00:13", "12:00:18.5", "12:00:20", "12:00:30"] {
        world.until(second).await;
        world.crash("a", Duration::from_millis(300));
    }
    world.until("12:00:59").await;
    assert_eq!(
        starts(&world),
        "12:00:10 12:00:20 12:00:30 12:00:40 12:00:50"
    );
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn what_ended_unseen_is_recorded_with_the_fires_that_found_it_active() {
    let world = World::new(Options::default());
    world.apply(&schedule("slow", "*/5 * * * * *").takes(12.0));
    world.until("12:00:07").await;
    world.crash("a", Duration::from_secs(20));
    world.until("12:00:29").await;
    // Active from 05 to 17, noticed at 27: 10 and 15 found it active, 20 was missed, 25 runs.
    assert_eq!(starts(&world), "12:00:05 12:00:27");
    assert_eq!(
        skips(&world, "slow"),
        [
            "StillActive 12:00:10-12:00:15 2",
            "Missed 12:00:20-12:00:20 1"
        ]
    );
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn many_schedules_of_one_instant_all_start() {
    let world = World::new(Options::default());
    for number in 0..60 {
        world.apply(&schedule(&format!("hello-{number}"), "30 * * * * *").takes(1.0));
    }
    world.until("12:00:35").await;
    let started = world.lives();
    let started = started.iter().filter(|life| life.started.is_some()).count();
    assert_eq!(started, 60);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn elapsed_time_is_counted_from_creation_and_keeps_its_beat() {
    let world = World::new(Options::default());
    world.apply(&schedule("hello", "@every 7s").takes(1.0));
    world.until("12:00:16").await;
    world.crash("a", Duration::from_secs(14));
    world.until("12:00:40").await;
    assert_eq!(starts(&world), "12:00:07 12:00:14 12:00:30 12:00:35");
    assert_eq!(skips(&world, "hello"), ["Missed 12:00:21-12:00:21 1"]);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_shows_nothing_new_delays_the_end_of_a_run_and_nothing_else() {
    let world = World::new(Options::default());
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.until("12:00:10.5").await;
    world.freeze("a", true);
    world.until("12:00:34.5").await;
    assert_eq!(starts(&world), "12:00:10", "nobody knows that it ended");
    world.freeze("a", false);
    world.until("12:00:45").await;
    assert_eq!(starts(&world), "12:00:10 12:00:40");
    check(&world);
}
