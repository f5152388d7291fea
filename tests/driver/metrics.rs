//! What a scraper reads of a controller at work.

use serde_json::json;

use super::memory::{Options, World, schedule};

/// How many starts of the controller had each phase.
fn phases(world: &World) -> [f64; 4] {
    ["claimed", "released", "scheduled", "running"].map(|phase| {
        let count = format!(r#"punctual_start_phase_seconds_count{{phase="{phase}"}}"#);
        world.metric("a", &count).unwrap_or(0.0)
    })
}

fn count(world: &World, state: &str) -> f64 {
    let series = format!(r#"punctual_schedules{{state="{state}"}}"#);
    world.metric("a", &series).expect("it is counted")
}

#[tokio::test(start_paused = true)]
async fn each_phase_of_a_prompt_start_is_measured() {
    let world = World::new(Options::default());
    world.apply(&schedule("hello", "*/10 * * * * *").takes(2.0));
    world.until("12:00:35").await;
    assert_eq!(phases(&world), [3.0; 4]);
    for phase in ["claimed", "released", "scheduled"] {
        let sum = format!(r#"punctual_start_phase_seconds_sum{{phase="{phase}"}}"#);
        let sum = world.metric("a", &sum).unwrap();
        assert!((0.0..3.0).contains(&sum), "{phase}: {sum}");
    }
}

#[tokio::test(start_paused = true)]
async fn runs_that_were_queued_replace_others_or_are_tried_again_are_not_measured() {
    let world = World::new(Options::default());
    let runs = |name, policy: &str| {
        let slow = schedule(name, "*/10 * * * * *").takes(15.0);
        slow.with("concurrencyPolicy", policy)
    };
    world.apply(&runs("queues", "Queue"));
    world.apply(&runs("replaces", "Replace"));
    let fails = schedule("fails", "10 0 12 * * *").exits(1);
    world.apply(&fails.with("retry", json!({"limit": 2, "backoffSeconds": 1})));
    world.until("12:00:45").await;
    let started = world.lives();
    let started = started.iter().filter(|life| life.started_at.is_some());
    assert!(started.count() > 6);
    assert_eq!(phases(&world), [3.0; 4], "the first run of each");
}

#[tokio::test(start_paused = true)]
async fn schedules_that_fail_are_overdue_or_paused_count_on_top() {
    let world = World::new(Options::default());
    world.apply(&schedule("good", "0 30 12 * * *"));
    world.apply(&schedule("stopped", "@hourly").with("suspend", true));
    let bad = schedule("bad", "*/10 * * * * *").exits(1);
    let bad = bad.with(
        "circuitBreaker",
        json!({"failures": 3, "pauseSeconds": 600}),
    );
    world.apply(&bad.with("overdueAfter", json!({"seconds": 60})));
    world.until("12:00:28").await;
    let counts =
        || ["ready", "suspended", "overdue", "failing", "paused"].map(|it| count(&world, it));
    assert_eq!(counts(), [2.0, 1.0, 0.0, 0.0, 0.0]);
    let next = "2026-11-20T12:00:30Z".parse::<jiff::Timestamp>().unwrap();
    let shown = world.metric("a", "punctual_next_fire_timestamp_seconds");
    assert_eq!(shown, Some(next.as_second() as f64));
    world.until("12:02:00").await;
    assert_eq!(counts(), [2.0, 1.0, 1.0, 1.0, 1.0]);
    // Nobody needs to be told of what they have stopped themselves.
    world.suspend("bad", true);
    world.until("12:02:10").await;
    assert_eq!(counts(), [1.0, 2.0, 0.0, 0.0, 1.0]);
}
