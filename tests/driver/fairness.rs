//! Tenants that share an API server which can't keep up: what one of them feels of another.

use std::{collections::HashMap, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    figures,
    memory::{Options, Resource, World, gated, schedule},
};

/// A server that answers 400 requests a second, however many it is asked for at once.
const CAPACITY: (usize, Duration) = (8, Duration::from_millis(20));

/// How many every-second schedules the greedy tenant has: twenty-five times what the server can do.
const MANY: usize = 2_000;

/// The modest tenants, and how many schedules each of them has that fire every five seconds.
const MODEST: [(&str, usize); 2] = [("few", 20), ("one", 1)];

fn busy() -> Options {
    Options {
        ahead: SignedDuration::from_secs(5),
        concurrency: 64,
        capacity: Some(CAPACITY),
        ..Options::default()
    }
}

/// The pods of a namespace that were released: the name, the fire, and when.
fn releases(world: &World, namespace: &str) -> Vec<(String, Timestamp, Timestamp)> {
    let mut releases = Vec::new();
    for change in world.changes() {
        let (Some(before), Some(after)) = (&change.before, &change.after) else {
            continue;
        };
        if change.id.namespace != namespace || change.id.resource != Resource::Pods {
            continue;
        }
        if gated(before) && !gated(after) {
            let fire = &after["metadata"]["annotations"]["punctual.dev/fire-time"];
            let fire = fire.as_str().expect("its fire").parse().expect("a time");
            releases.push((change.id.name.clone(), fire, change.at));
        }
    }
    releases
}

/// How late the runs of a namespace since `since` were released, in milliseconds and in order.
fn lateness(world: &World, namespace: &str, since: Timestamp) -> Vec<i64> {
    let releases = releases(world, namespace).into_iter();
    let late = releases
        .filter(|(_, fire, _)| *fire >= since)
        .map(|(_, fire, at)| at.duration_since(fire).as_millis() as i64);
    let mut late: Vec<_> = late.collect();
    late.sort_unstable();
    late
}

/// How long after their claims the runs of a namespace were released, in milliseconds and in order.
fn held(world: &World, namespace: &str) -> Vec<i64> {
    let mut claims = HashMap::new();
    for change in world.changes() {
        let Some(after) = &change.after else { continue };
        if change.id.namespace != namespace || change.id.resource != Resource::Schedules {
            continue;
        }
        for run in after["status"]["active"].as_array().into_iter().flatten() {
            let name = run["name"].as_str().expect("a name").to_owned();
            claims.entry(name).or_insert(change.at);
        }
    }
    let releases = releases(world, namespace).into_iter();
    let held = releases.map(|(name, _, at)| at.duration_since(claims[&name]).as_millis() as i64);
    let mut held: Vec<_> = held.collect();
    held.sort_unstable();
    held
}

/// A server that the modest tenants share with `many` schedules that fire every second.
struct Beside {
    /// How late the modest ones are.
    late: Vec<Vec<i64>>,
    /// How long the runs of the greedy one are claimed before they are released.
    held: Vec<i64>,
    /// How many writes a second there are in all.
    writes: f64,
}

/// Applies so many schedules whose runs are short.
fn apply(world: &World, namespace: &str, count: usize, expression: &str) {
    for n in 0..count {
        let schedule = schedule(&format!("beat-{n}"), expression).takes(0.1);
        world.apply_in(namespace, &schedule);
    }
}

fn writes_a_second(world: &World, since: Timestamp) -> f64 {
    world.written(since).len() as f64 / world.now().duration_since(since).as_secs_f64()
}

/// The greedy ones come at one time, and what is measured is a span of 20 s.
async fn beside(many: usize, come: &str, [since, until]: [&str; 2]) -> Beside {
    let world = World::new(busy());
    for (namespace, few) in MODEST {
        apply(&world, namespace, few, "*/5 * * * * *");
    }
    world.until(come).await;
    apply(&world, "many", many, "* * * * * *");
    world.until(since).await;
    let since = world.now();
    world.until(until).await;
    let writes = writes_a_second(&world, since);
    let late = MODEST.map(|(namespace, few)| {
        let late = lateness(&world, namespace, since);
        assert_eq!(late.len(), few * 4, "{namespace}: each fire has a run");
        late
    });
    Beside {
        late: late.into(),
        held: held(&world, "many"),
        writes,
    }
}

/// Fails if one of the modest ones is more than so many times as late as alone.
fn assert_times_at_most(times: i64, alone: &Beside, beside: &Beside) {
    for (((_, few), alone), late) in MODEST.iter().zip(&alone.late).zip(&beside.late) {
        let (alone, late, writes) = (figures(alone), figures(late), beside.writes);
        println!(
            "{few} schedules: p50, p99, most: alone {alone:?} ms, beside {MANY} {late:?} ms: {:.2} times at \
             p99, at {writes:.0} writes a second",
            late[1] as f64 / alone[1] as f64
        );
        // Time is the test's own, so this is the same on every machine.
        assert!(
            late[1] <= times * alone[1],
            "{few}: {late:?} beside {alone:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_comes_with_two_thousand_schedules_is_not_served_before_others_for_long() {
    // A second before the others fire, and before it shows that there will be too much for long.
    let since = ["12:02:04", "12:02:24"];
    let alone = beside(0, since[0], since).await;
    let beside = beside(MANY, since[0], since).await;
    assert_times_at_most(3, &alone, &beside);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_of_two_thousand_every_second_schedules_at_most_doubles_the_lateness_of_another() {
    let since = ["12:00:14", "12:00:34"];
    let alone = beside(0, "12:00:00", since).await;
    let beside = beside(MANY, "12:00:00", since).await;
    assert_times_at_most(2, &alone, &beside);
    let Beside { held, writes, .. } = beside;
    // Nobody is slowed for the sake of fairness: the server has all the work that it can do.
    assert!(writes > 360.0, "{writes:.0} writes a second of 400");
    // Who lets others go first does so before a claim, and not after it.
    let held = figures(&held);
    println!("released after the claim, beside them: p50, p99, most: {held:?} ms");
    assert!(held[2] < 1_000, "{held:?} ms");
}

#[tokio::test(start_paused = true)]
async fn two_tenants_that_both_want_too_much_have_half_of_the_whole_server_each() {
    let world = World::new(busy());
    let greedy = ["many", "more"];
    for namespace in greedy {
        apply(&world, namespace, MANY / 2, "* * * * * *");
    }
    world.until("12:00:30").await;
    let since = world.now();
    world.until("12:00:50").await;
    let writes = writes_a_second(&world, since);
    let runs = greedy.map(|namespace| lateness(&world, namespace, since).len());
    println!("{runs:?} runs, at {writes:.0} writes a second");
    assert!(writes > 360.0, "{writes:.0} writes a second of 400");
    let [one, other] = runs;
    assert!(one.abs_diff(other) * 10 <= one + other, "{runs:?} runs");
}

#[tokio::test(start_paused = true)]
async fn a_herd_alone_has_the_whole_server() {
    let world = World::new(busy());
    for n in 0..500 {
        world.apply(&schedule(&format!("herd-{n}"), "0 * * * * *").takes(30.0));
    }
    world.until("12:00:59").await;
    let since = world.now();
    world.until("12:01:20").await;
    let late = lateness(&world, "default", since);
    assert_eq!(late.len(), 500);
    // Two writes each, of 400 a second.
    let [_, _, most] = figures(&late);
    assert!(most <= 2_500 * 11 / 10, "{most} ms");
}
