//! The real driver on a cluster in memory: the life of schedules and runs.

mod memory;

use memory::{Options, World, schedule};

#[tokio::test(start_paused = true)]
async fn a_fire_starts_one_run_on_time() {
    let world = World::new(Options::default());
    world.apply(&schedule("hello", "*/10 * * * * *").takes(2.0));
    world.until("12:00:35").await;
    let starts: Vec<String> = world
        .lives()
        .iter()
        .filter_map(|life| Some(life.started_at?.strftime("%T.%3f").to_string()))
        .collect();
    assert_eq!(starts.len(), 3, "{starts:?}");
    for (start, second) in starts.iter().zip(["10", "20", "30"]) {
        assert!(
            start.starts_with(&format!("12:00:{second}.0")),
            "within 100 ms: {starts:?}"
        );
    }
    world.check_runs();
    world.check_decisions(world.now());
}
