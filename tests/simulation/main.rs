//! The real driver, several controllers of it at once, on a cluster in memory where everything goes
//! wrong that can: one seed is one world, and the same seed is the same world every time.
//!
//! `make sim` runs many seeds (`SEEDS`), `make sim SEED=7` runs one and tells its story.

#[path = "../memory/mod.rs"]
mod memory;

mod judge;
mod restless;
mod seeds;
mod storm;
mod story;
mod telling;

use seeds::{Seeds, live};

/// How many seeds are tried where nothing else is said.
const SEEDS: u64 = 10_000;

#[test]
fn every_seed_keeps_the_promise() {
    let seeds = Seeds::asked_for(SEEDS);
    let failed = seeds.run();
    assert!(
        failed.is_empty(),
        "{} seeds failed: {failed:?}",
        failed.len()
    );
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..20 {
        let (one, other) = (live(seed), live(seed));
        assert_eq!(one.hash(), other.hash(), "seed {seed}");
        assert_eq!(one.tale(), other.tale(), "seed {seed}");
    }
}
