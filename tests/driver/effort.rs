//! How much the driver does while others undo what it does: little, however long it goes on.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{
    ahead, check,
    memory::{Fault, Options, Resource, Verb, World, faults::Faults, schedule, schedule_id},
    starts,
};

/// Does this a hundred times a second until this time of the first day.
async fn keep(world: &World, until: &str, mut deed: impl FnMut(&World)) {
    let until = format!("2026-11-20T{until}Z").parse().expect("a time");
    while world.now() < until {
        deed(world);
        world.pass(0.01).await;
    }
}

fn remove_held(world: &World) {
    for name in world.held() {
        world.force_delete_pod(&name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_held_pod_that_others_remove_at_once_is_made_again_ever_more_rarely() {
    let world = World::new(ahead(8));
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    keep(&world, "12:00:09", remove_held).await;
    let pods = world.lives().len();
    assert!((2..=10).contains(&pods), "{pods} pods in vain");
    // It starts within the last wait, which is no longer than all before it.
    world.until("12:00:18").await;
    assert_eq!(world.status("hello").counts.succeeded, 1);
    world.until("12:00:25").await;
    assert!(starts(&world).ends_with("12:00:20"));
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_was_removed_once_is_made_again_at_once() {
    let world = World::new(ahead(8));
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.until("12:00:09").await;
    remove_held(&world);
    world.until("12:00:15").await;
    assert_eq!(world.lives().len(), 2);
    assert_eq!(starts(&world), "12:00:10");
}

#[tokio::test(start_paused = true)]
async fn a_status_that_others_always_write_first_is_tried_ever_more_rarely() {
    let (rival, tries) = (
        Arc::new(AtomicBool::new(true)),
        Arc::new(AtomicUsize::new(0)),
    );
    let (writes, counts) = (rival.clone(), tries.clone());
    let faults = Faults::new(move |write| {
        let status = write.verb == Verb::Patch && write.resource == Resource::Schedules;
        match status && writes.load(Ordering::Relaxed) {
            true => {
                counts.fetch_add(1, Ordering::Relaxed);
                Fault::Answer(409)
            }
            false => Fault::None,
        }
    });
    let world = World::new(Options {
        faults,
        delay: Duration::from_millis(1),
        ..Options::default()
    });
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    // What others write is seen as well, and is no reason to try again at once.
    let touch = |world: &World| {
        let now = world.now().to_string();
        world.change(schedule_id("hello"), |object| {
            object["metadata"]["annotations"]["touched"] = now.into();
        });
    };
    keep(&world, "12:00:25", touch).await;
    let tries = tries.load(Ordering::Relaxed);
    assert!((10..=60).contains(&tries), "{tries} writes in vain");
    rival.store(false, Ordering::Relaxed);
    world.until("12:01:15").await;
    assert!(
        starts(&world).ends_with("12:01:00 12:01:10"),
        "{}",
        starts(&world)
    );
    check(&world);
}
