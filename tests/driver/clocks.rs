//! Wall clocks that are put forward and back, and machines that wake up from their sleep.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    ahead, check,
    memory::{Fault, Options, World, faults::Dice, faults::Faults, schedule},
    ready, skips, starts,
};

const HOUR: i64 = 3600;
const DAY: i64 = 86400;

/// A world with a schedule that is due at 5, 25 and 45 minutes past each hour, and whose runs take a
/// second.
fn thrice_an_hour(policy: &str, limit: i64) -> World {
    let world = World::new(ahead(5));
    let hello = schedule("hello", "0 5/20 * * * *").takes(1.0);
    let hello = hello.with("missedFires", policy);
    world.apply(&hello.with("missedFiresLimit", limit));
    world
}

/// Puts the clocks forward at noon, five minutes before the next fire. Asserts that the first write
/// comes within a second, and that starts and skips are these.
#[track_caller]
fn forward(
    policy: &'static str,
    by: i64,
    started: &'static str,
    skipped: &'static [&'static str],
) -> impl Future<Output = ()> {
    async move {
        let world = thrice_an_hour(policy, 4);
        world.until("12:00:05").await;
        world.step(by);
        let since = world.now();
        world.pass(20.0).await;
        let sentence = format!("{policy}, {by} s forward");
        assert_eq!(starts(&world), started, "{sentence}");
        assert_eq!(skips(&world, "hello"), skipped, "{sentence}");
        let written = world.written(since);
        if let Some(first) = written.first() {
            let noticed = first.at.duration_since(since).as_millis();
            assert!(noticed < 1100, "{sentence}: noticed after {noticed} ms");
        }
        check(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_clock_put_forward_is_noticed_within_a_second_and_the_policy_decides() {
    for policy in ["Skip", "RunLatest", "RunAll"] {
        forward(policy, 1, "", &[]).await;
    }
    let three = &["Missed 12:05:00-12:45:00 3"];
    let two = &["Missed 12:05:00-12:25:00 2"];
    forward("Skip", HOUR, "", three).await;
    forward("RunLatest", HOUR, "13:00:05", two).await;
    forward("RunAll", HOUR, "13:00:05 13:00:06 13:00:07", &[]).await;
    let day = &["Missed 12:05:00-11:45:00 72"];
    let but_one = &["Missed 12:05:00-11:25:00 71"];
    let but_four = &["Missed 12:05:00-10:25:00 68"];
    forward("Skip", DAY, "", day).await;
    forward("RunLatest", DAY, "12:00:05", but_one).await;
    let four = "12:00:05 12:00:06 12:00:07 12:00:08";
    forward("RunAll", DAY, four, but_four).await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_put_back_fires_nothing_again_and_says_from_when_on_it_fires() {
    for policy in ["Skip", "RunLatest", "RunAll"] {
        for by in [HOUR, DAY] {
            let world = thrice_an_hour(policy, 4);
            world.until("12:05:10").await;
            assert_eq!(starts(&world), "12:05:00");
            world.step(-by);
            world.pass(1.1).await;
            assert_eq!(ready(&world, "hello"), "True ClockBehind", "{policy} {by}");
            world.until("12:24:55").await;
            assert_eq!(ready(&world, "hello"), "True ClockBehind", "{policy} {by}");
            world.until("12:25:10").await;
            assert_eq!(ready(&world, "hello"), "True Ready", "{policy} {by}");
            assert_eq!(starts(&world), "12:05:00 12:25:00", "{policy} {by}");
            assert_eq!(skips(&world, "hello"), Vec::<String>::new());
            check(&world);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_forward_or_back_at_any_moment_around_a_fire_neither_loses_nor_repeats_it() {
    for policy in ["Skip", "RunLatest", "RunAll"] {
        for by in [-1, 1] {
            for offset in (0..2000).step_by(50) {
                let world = World::new(ahead(2 * i64::from(offset % 100 == 0)));
                let hello = schedule("hello", "*/10 * * * * *").takes(3.0);
                world.apply(&hello.with("missedFires", policy));
                world.until("12:00:08.5").await;
                world.pass(f64::from(offset) / 1000.0).await;
                world.step(by);
                world.until("12:00:25").await;
                let claimed = world.status("hello").counts;
                let sentence = format!("{policy}, {by} s after {offset} ms");
                assert_eq!((claimed.succeeded, claimed.skipped), (2, 0), "{sentence}");
                check(&world);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_outlives_a_step_and_no_other_starts_beside_it() {
    for policy in ["Skip", "RunLatest", "RunAll"] {
        for by in [-DAY, -HOUR, -1, 1, HOUR, DAY] {
            let world = World::new(Options::default());
            let slow = schedule("slow", "0 5/20 * * * *").takes(30.0);
            world.apply(&slow.with("missedFires", policy));
            world.until("12:05:10").await;
            world.step(by);
            let high = world.latest().max("2026-11-20T12:05:10Z".parse().unwrap());
            world.pass(40.0).await;
            let counts = world.status("slow").counts;
            assert_eq!(counts.succeeded, 1, "{policy} {by}");
            world.check_runs();
            world.check_decisions(high);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_slept_through_its_catching_up_goes_on_with_it() {
    let world = thrice_an_hour("RunAll", 100);
    world.until("12:00:05").await;
    world.step(HOUR);
    // In the middle of the second of three missed runs.
    world.pass(2.2).await;
    world.step(HOUR);
    world.pass(30.0).await;
    let counts = world.status("hello").counts;
    assert_eq!((counts.succeeded, counts.skipped), (6, 0));
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_waits_to_try_again_does_so_though_its_clock_is_put_back() {
    let mut options = Options::default();
    options.faults = Faults::new(|write| match write.number {
        // The release of the first run fails a few times, so that the next try is seconds away.
        4..10 => Fault::Before,
        _ => Fault::None,
    });
    let world = World::new(options);
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.until("12:00:12").await;
    world.step(-HOUR);
    world.pass(8.0).await;
    assert_eq!(world.status("hello").counts.succeeded, 1);
    check(&world);
}

/// Two controllers whose clocks are put forward and back, together and each for itself, between
/// crashes and watches that stand still. Then all clocks are set to the latest time that any of them
/// has shown, and all must come to rest.
async fn stepping(seed: u64, policy: &str, faults: Faults) {
    let mut dice = Dice::new(seed);
    let mut options = ahead(dice.below(2) as i64 * 3);
    options.seed = seed;
    options.delay = Duration::from_millis(2 + dice.below(100));
    options.faults = faults;
    let mut world = World::new(options);
    world.start("b");
    let slow = schedule("slow", "*/5 * * * * *").takes(dice.below(80) as f64 / 10.0);
    let slow = slow.with("missedFires", policy);
    let slow = slow.with("missedFiresLimit", 1 + dice.below(8));
    world.apply(&slow.with("successfulRunsHistoryLimit", 1));
    world.until("12:00:03.25").await;
    let mut high = Timestamp::MIN;
    for _ in 0..90 {
        let by = [1, 1, 7, 60, HOUR, DAY][dice.below(6) as usize];
        let by = if dice.below(2) == 0 { by } else { -by };
        match dice.below(30) {
            0..3 => world.step(by),
            3 => world.step_one("a", by),
            4 => world.step_one("b", by),
            5 => world.crash("a", Duration::from_millis(dice.below(6000))),
            6 => world.freeze("b", dice.below(2) == 0),
            _ => {}
        }
        high = high.max(world.latest());
        world.pass(0.5).await;
        high = high.max(world.latest());
    }
    world.freeze("b", false);
    // Between two fires, so that it is plain which were due before the end.
    let end = high.as_second() + 10 - high.as_second() % 5;
    world.set_clocks(Timestamp::from_millisecond(end * 1000 + 2500).unwrap());
    world.suspend("slow", true);
    world.pass(60.0).await;
    println!("seed {seed}, {policy}");
    // Some twenty fires, and a word about each of the steps: controllers whose clocks differ don't
    // write against each other.
    let written = world.written(Timestamp::MIN).len();
    assert!(written < 300, "{written} writes");
    world.check_runs();
    world.check_decisions(world.now());
    world.check_rest("slow");
}

#[tokio::test(start_paused = true)]
async fn clocks_that_step_at_random_start_each_run_once_and_lose_no_fire() {
    for seed in 0..8 {
        for policy in ["Skip", "RunLatest", "RunAll"] {
            stepping(seed, policy, Faults::none()).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn clocks_that_step_at_random_in_a_storm_start_each_run_once_and_lose_no_fire() {
    for seed in 100..112 {
        for policy in ["Skip", "RunLatest", "RunAll"] {
            let mut storm = Dice::new(seed + 1_000);
            let faults = Faults::new(move |_| match storm.below(20) {
                0 => Fault::Before,
                1 => Fault::After,
                2 => Fault::CrashBefore(Duration::from_millis(storm.below(4_000))),
                3 => Fault::CrashAfter(Duration::from_millis(storm.below(4_000))),
                4 => Fault::Late(Duration::from_millis(storm.below(30_000))),
                _ => Fault::None,
            });
            stepping(seed, policy, faults).await;
        }
    }
}
