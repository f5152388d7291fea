//! What is kept, what is tidied up, and how little is written.

use std::collections::BTreeMap;

use super::{
    ahead, check,
    memory::{Options, World, schedule},
};

#[tokio::test(start_paused = true)]
async fn pods_of_ended_runs_are_kept_up_to_the_limits() {
    let world = World::new(Options::default());
    let good = schedule("good", "*/10 * * * * *").takes(1.0);
    world.apply(&good.with("successfulRunsHistoryLimit", 2));
    let bad = schedule("bad", "*/10 * * * * *").takes(1.0).exits(1);
    world.apply(&bad.with("failedRunsHistoryLimit", 1));
    world.until("12:00:55").await;
    let names: Vec<String> = world.pods().into_keys().collect();
    assert_eq!(
        names,
        [
            "bad-20261120-120050",
            "good-20261120-120040",
            "good-20261120-120050"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_kept_as_long_as_its_time_to_live() {
    let world = World::new(Options::default());
    let hello = schedule("hello", "10 * * * * *").takes(1.0);
    world.apply(&hello.with("ttlSecondsAfterFinished", 20));
    world.until("12:00:30.9").await;
    assert_eq!(world.pods().len(), 1);
    world.until("12:00:31.9").await;
    assert_eq!(world.pods().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_while_nothing_changes() {
    let world = World::new(ahead(5));
    world.apply(&schedule("yearly", "0 0 1 1 *"));
    world.apply(&schedule("disabled", ""));
    world.apply(&schedule("typo", "sometimes"));
    world.apply(&schedule("slow", "5 0 12 * * *").takes(7200.0));
    world.until("12:00:30").await;
    let since = world.now();
    world.until("13:00:30").await;
    assert!(
        world.written(since).is_empty(),
        "{:?}",
        world.written(since)
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_costs_five_writes() {
    for seconds in [0, 5] {
        let world = World::new(ahead(seconds));
        let hello = schedule("hello", "*/10 * * * * *").takes(2.0);
        world.apply(&hello.with("successfulRunsHistoryLimit", 1));
        world.until("12:00:24.5").await;
        let since = world.now();
        world.until("12:02:04.5").await;
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for write in world.written(since) {
            let what = format!("{} {:?}", write.verb.name(), write.resource);
            *counts.entry(what).or_default() += 1;
        }
        let counts: Vec<_> = counts
            .iter()
            .map(|(what, count)| (what.as_str(), *count))
            .collect();
        assert_eq!(
            counts,
            [
                ("create Pods", 10),
                ("delete Pods", 10),
                ("patch Pods", 10),
                ("patch Schedules", 20),
            ],
            "ten runs, prepared {seconds} s ahead"
        );
        check(&world);
    }
}
