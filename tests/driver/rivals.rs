//! Two controllers that both believe they lead, and watches that stand still.

use std::time::Duration;

use super::{
    ahead,
    memory::{
        Fault, World,
        faults::{Dice, Faults},
        schedule,
    },
};

/// Two controllers with slow and uneven connections; `disturb` is called every half second with its
/// number, for 60 seconds. Then all is let go and must come to rest.
async fn rivals(seed: u64, faults: Faults, mut disturb: impl FnMut(&World, &mut Dice)) {
    let mut dice = Dice::new(seed);
    let mut options = ahead(dice.below(2) as i64 * 3);
    options.seed = seed;
    options.delay = Duration::from_millis(2 + dice.below(150));
    options.faults = faults;
    let mut world = World::new(options);
    world.start("b");
    let slow = schedule("slow", "*/5 * * * * *").takes(1.0 + dice.below(70) as f64 / 10.0);
    world.apply(&slow.with("successfulRunsHistoryLimit", 1));
    world.until("12:00:03.25").await;
    for _ in 0..120 {
        disturb(&world, &mut dice);
        world.pass(0.5).await;
    }
    world.freeze("a", false);
    world.freeze("b", false);
    world.until("12:01:07.5").await;
    world.suspend("slow", true);
    world.until("12:03:00").await;
    println!("seed {seed}");
    world.check_runs();
    world.check_decisions(world.now());
    world.check_rest("slow");
}

#[tokio::test(start_paused = true)]
async fn two_controllers_start_each_run_once() {
    for seed in 0..10 {
        rivals(seed, Faults::none(), |_, _| {}).await;
    }
}

#[tokio::test(start_paused = true)]
async fn two_controllers_of_which_one_sees_nothing_new_start_each_run_once() {
    for seed in 0..30 {
        rivals(seed, Faults::none(), |world, dice| {
            let who = if dice.below(2) == 0 { "a" } else { "b" };
            if dice.below(6) == 0 {
                world.freeze(who, dice.below(2) == 0);
            }
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn two_controllers_in_a_storm_start_each_run_once() {
    for seed in 0..60 {
        let mut storm = Dice::new(seed + 1_000);
        let faults = Faults::new(move |_| match storm.below(16) {
            0 => Fault::Before,
            1 => Fault::After,
            2 => Fault::CrashBefore(Duration::from_millis(storm.below(4_000))),
            3 => Fault::CrashAfter(Duration::from_millis(storm.below(4_000))),
            4 => Fault::Late(Duration::from_millis(storm.below(30_000))),
            5 => Fault::Silence,
            _ => Fault::None,
        });
        rivals(seed, faults, |world, dice| match dice.below(24) {
            0 => world.freeze("a", dice.below(2) == 0),
            1 => world.freeze("b", dice.below(2) == 0),
            2 => {
                let pods: Vec<String> = world.pods().into_keys().collect();
                if !pods.is_empty() {
                    world.delete_pod(&pods[dice.below(pods.len() as u64) as usize]);
                }
            }
            3 => world.edit("slow", |spec| {
                let image = format!("busybox:{}", dice.below(1_000));
                spec["template"]["spec"]["containers"][0]["image"] = image.into();
            }),
            _ => {}
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_missed_an_edit_leaves_the_pods_of_the_newer_spec_alone() {
    let mut world = World::new(ahead(8));
    world.start("b");
    world.apply(&schedule("hello", "*/20 * * * * *").takes(1.0));
    world.until("12:00:03.25").await;
    world.freeze("b", true);
    world.edit("hello", |spec| {
        spec["template"]["spec"]["containers"][0]["image"] = "busybox:2".into();
    });
    world.until("12:00:45").await;
    // At most one pod for each fire went in vain: the one of the controller that didn't know better.
    assert!(world.lives().len() <= 4, "{:?}", world.lives());
    assert_eq!(super::starts(&world), "12:00:20 12:00:40");
    for pod in world.pods().values() {
        assert_eq!(pod["spec"]["containers"][0]["image"], "busybox:2");
    }
    world.check_runs();
    world.check_decisions(world.now());
}
