//! The real driver on a cluster in memory.

#[path = "../memory/mod.rs"]
mod memory;

mod catching_up;
mod clocks;
mod crashes;
mod edits;
mod effort;
mod fairness;
mod hostile;
mod housekeeping;
mod life;
mod metrics;
mod neighbours;
mod outages;
mod policies;
mod refusals;
mod rivals;
mod stuck;
mod traces;
mod users;

use jiff::SignedDuration;
use memory::{Options, World};

/// A world whose controller prepares pods this many seconds ahead.
fn ahead(seconds: i64) -> Options {
    Options {
        ahead: SignedDuration::from_secs(seconds),
        ..Options::default()
    }
}

/// Of numbers in order, those at p50 and at p99, and the last.
fn figures(sorted: &[i64]) -> [i64; 3] {
    [50, 99, 100].map(|percent| sorted[(sorted.len() - 1) * percent / 100])
}

/// The times of day at which pods were started, to the second.
fn starts(world: &World) -> String {
    let lives = world.lives();
    let mut times: Vec<_> = lives.iter().filter_map(|life| life.started_at).collect();
    times.sort();
    let times: Vec<_> = times
        .iter()
        .map(|time| time.strftime("%T").to_string())
        .collect();
    times.join(" ")
}

/// The skips of a schedule, oldest first: `StillActive 12:00:10-12:00:20 2`.
fn skips(world: &World, name: &str) -> Vec<String> {
    let skips = world.status(name).recent_skips;
    let skips = skips.iter().rev().map(|skip| {
        let (first, last) = (
            skip.fire_time.strftime("%T"),
            skip.last_fire_time.strftime("%T"),
        );
        format!("{} {first}-{last} {}", skip.reason, skip.count)
    });
    skips.collect()
}

/// How the runs of a schedule ended, oldest first: `12:00:10 Succeeded`.
fn runs(world: &World, name: &str) -> Vec<String> {
    let runs = world.status(name).recent_runs;
    let runs = runs
        .iter()
        .rev()
        .map(|run| format!("{} {}", run.fire_time.strftime("%T"), run.reason));
    runs.collect()
}

/// Whether a schedule is ready, and its reason.
fn ready(world: &World, name: &str) -> String {
    let conditions = world.status(name).conditions;
    let ready = conditions.iter().find(|one| one.r#type == "Ready");
    ready.map_or("unknown".into(), |ready| {
        format!("{:?} {}", ready.status, ready.reason)
    })
}

/// All three promises, for the fires until now.
#[track_caller]
fn check(world: &World) {
    world.check_runs();
    world.check_decisions(world.now());
}
