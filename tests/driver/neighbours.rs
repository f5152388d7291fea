//! Schedules that fail at every turn, and what the others feel of them.

use jiff::SignedDuration;

use super::{
    figures,
    memory::{Fault, Options, Refusal, World, faults::Faults, schedule},
};

/// How many schedules a controller works on at once here, and how many fail: many times as many.
const PLACES: usize = 64;
const BAD: usize = 600;

/// How late fifty good schedules start beside so many bad ones, in milliseconds, sorted; and how many
/// requests a second the bad ones cost. `faults` is what happens to their writes.
async fn lateness(bad: usize, faults: Faults, refuse: bool) -> (Vec<i64>, f64) {
    let options = Options {
        ahead: SignedDuration::from_secs(5),
        concurrency: PLACES,
        faults,
        ..Options::default()
    };
    let world = World::new(options);
    if refuse {
        world.admit(|pod, _| {
            let name = pod["metadata"]["labels"]["punctual.dev/schedule"].as_str();
            name.is_some_and(|name| name.starts_with("bad"))
                .then(|| Refusal::new(500, "InternalError", "the webhook is away"))
        });
    }
    for n in 0..bad {
        world.apply(&schedule(&format!("bad-{n}"), "* * * * * *").takes(0.1));
    }
    for n in 0..50 {
        world.apply(&schedule(&format!("good-{n}"), "*/5 * * * * *").takes(0.1));
    }
    world.until("12:00:27").await;
    let before = world.options.faults.writes();
    world.until("12:00:57").await;
    let requests = world.options.faults.writes() - before;
    let mut late = Vec::new();
    for life in world.lives() {
        if life.name.starts_with("good")
            && let Some(at) = life.started_at
        {
            late.push(at.duration_since(life.fire.unwrap()).as_millis() as i64);
        }
    }
    for n in 0..50 {
        let name = format!("good-{n}");
        assert_eq!(
            world.status(&name).counts.succeeded,
            11,
            "{name}: {:?}",
            world.status(&name)
        );
    }
    world.check_runs();
    late.sort_unstable();
    // Five writes for each of the good ones' runs.
    let good = 50.0 * 5.0 / 5.0;
    (late, requests as f64 / 30.0 - good)
}

async fn slow_nobody(what: &str, faults: Faults, refuse: bool) {
    let (alone, _) = lateness(0, Faults::none(), false).await;
    let (beside, requests) = lateness(BAD, faults, refuse).await;
    let (alone, beside) = (figures(&alone), figures(&beside));
    println!(
        "{what}: p50, p99, most: alone {alone:?} ms, beside {BAD} bad ones {beside:?} ms; \
         they cost {requests:.1} writes a second"
    );
    // Time is the test's own, so these are numbers of waits, and the same on every machine.
    assert!(
        beside[1] <= alone[1] * 3 / 2 + 1,
        "{what}: {beside:?} beside {alone:?}"
    );
    assert!(
        requests < 0.15 * BAD as f64,
        "{what}: {requests} writes a second"
    );
}

#[tokio::test(start_paused = true)]
async fn schedules_that_are_refused_at_every_turn_slow_no_other() {
    slow_nobody("refused", Faults::none(), true).await;
}

#[tokio::test(start_paused = true)]
async fn schedules_whose_requests_are_never_answered_slow_no_other() {
    let faults = Faults::new(|write| match write.name.starts_with("bad") {
        true => Fault::Hang,
        false => Fault::None,
    });
    slow_nobody("never answered", faults, false).await;
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_met_a_hiccup_does_not_wait_for_those_that_hang() {
    let mut hiccups = 0;
    let faults = Faults::new(move |write| {
        if write.name.starts_with("bad") {
            return Fault::Hang;
        }
        // Its first fire meets four failures in a row.
        hiccups += 1;
        match hiccups {
            1..=4 => Fault::Before,
            _ => Fault::None,
        }
    });
    let options = Options {
        concurrency: PLACES,
        faults,
        ..Options::default()
    };
    let world = World::new(options);
    for n in 0..BAD {
        world.apply(&schedule(&format!("bad-{n}"), "* * * * * *"));
    }
    world.until("12:00:22").await;
    world.apply(&schedule("good", "*/5 * * * * *").takes(0.1));
    world.until("12:00:57").await;
    let good = world
        .lives()
        .into_iter()
        .filter(|life| life.name.starts_with("good"));
    let starts: Vec<_> = good.filter_map(|life| life.started_at).collect();
    let times: Vec<_> = starts
        .iter()
        .map(|at| at.strftime("%T").to_string())
        .collect();
    let each = [
        "12:00:25", "12:00:30", "12:00:35", "12:00:40", "12:00:45", "12:00:50", "12:00:55",
    ];
    // The first is late by its own failures, less than two seconds.
    assert_eq!(times[1..], each[1..], "{times:?}");
    assert!(times[0].as_str() < "12:00:27", "{times:?}");
}
