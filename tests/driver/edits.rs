//! What edits of a schedule do to its fires and to the pods that are prepared for them.

use std::time::Duration;

use super::{
    ahead, check,
    memory::{Options, World, schedule},
    ready, skips, starts,
};

#[tokio::test(start_paused = true)]
async fn an_edited_schedule_never_fires_for_the_time_before_the_edit() {
    let world = World::new(Options::default());
    world.apply(&schedule("hello", "0 0 6 * * *"));
    world.until("12:00:24.5").await;
    world.edit("hello", |spec| spec["schedule"] = "*/10 * * * * *".into());
    world.until("12:00:45").await;
    assert_eq!(starts(&world), "12:00:30 12:00:40");
    assert_eq!(skips(&world, "hello"), Vec::<String>::new());
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn what_fell_due_before_an_unseen_edit_is_recorded_and_not_run() {
    let world = World::new(Options::default());
    world.apply(&schedule("hello", "*/10 * * * * *"));
    world.until("12:00:12.5").await;
    world.crash("a", Duration::from_secs(30));
    world.until("12:00:41.5").await;
    world.edit("hello", |spec| spec["schedule"] = "45 * * * * *".into());
    world.until("12:00:55").await;
    assert_eq!(starts(&world), "12:00:10 12:00:45");
    assert_eq!(
        skips(&world, "hello"),
        ["ScheduleChanged 12:00:20-12:00:40 3"]
    );
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_schedule_makes_up_for_nothing() {
    let world = World::new(ahead(4));
    world.apply(&schedule("hello", "*/10 * * * * *"));
    world.until("12:00:18.5").await;
    world.suspend("hello", true);
    world.until("12:00:44.5").await;
    assert_eq!(ready(&world, "hello"), "True Suspended");
    assert_eq!(world.held(), Vec::<String>::new());
    world.suspend("hello", false);
    world.until("12:00:55").await;
    assert_eq!(starts(&world), "12:00:10 12:00:50");
    assert_eq!(skips(&world, "hello"), Vec::<String>::new());
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_schedule_lets_its_active_run_go_on() {
    let world = World::new(Options::default());
    world.apply(&schedule("slow", "*/10 * * * * *").takes(15.0));
    world.until("12:00:12.5").await;
    world.suspend("slow", true);
    world.until("12:00:40").await;
    let status = world.status("slow");
    assert_eq!((status.active.len(), status.counts.succeeded), (0, 1));
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_pod_prepared_for_an_earlier_schedule_is_swept() {
    let world = World::new(ahead(6));
    world.apply(&schedule("hello", "*/10 * * * * *"));
    world.until("12:00:08.5").await;
    assert_eq!(world.held(), ["hello-20261120-120010"]);
    world.edit("hello", |spec| spec["schedule"] = "0 0 6 * * *".into());
    world.until("12:00:09.5").await;
    assert_eq!(world.held(), Vec::<String>::new());
    world.until("12:00:30").await;
    assert_eq!(starts(&world), "");
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_pod_prepared_from_an_earlier_template_is_replaced() {
    let world = World::new(ahead(6));
    world.apply(&schedule("hello", "*/10 * * * * *"));
    world.until("12:00:08.5").await;
    let before = world.pods()["hello-20261120-120010"].clone();
    world.edit("hello", |spec| {
        spec["template"]["spec"]["containers"][0]["image"] = "busybox:2".into();
    });
    world.until("12:00:15").await;
    let after = &world.pods()["hello-20261120-120010"];
    assert_ne!(before["metadata"]["uid"], after["metadata"]["uid"]);
    assert_eq!(after["spec"]["containers"][0]["image"], "busybox:2");
    assert_eq!(starts(&world), "12:00:10");
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn an_edit_right_at_a_fire_loses_neither_the_fire_nor_the_edit() {
    // The template is edited at each millisecond around the fire.
    for offset in 0..40 {
        let world = World::new(ahead(2));
        world.apply(&schedule("hello", "*/10 * * * * *").takes(3.0));
        world.until("12:00:09.98").await;
        world.pass(f64::from(offset) / 1000.0).await;
        world.edit("hello", |spec| {
            spec["template"]["spec"]["containers"][0]["image"] = "busybox:2".into();
        });
        world.until("12:00:25").await;
        assert_eq!(starts(&world), "12:00:10 12:00:20", "{offset}");
        check(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mistake_is_said_and_its_mending_is_enough() {
    let world = World::new(Options::default());
    world.apply(&schedule("typo", "*/10 * * * * MOO"));
    world.until("12:00:05").await;
    assert_eq!(ready(&world, "typo"), "False InvalidSchedule");
    world.until("12:00:14.5").await;
    world.edit("typo", |spec| spec["schedule"] = "*/10 * * * * *".into());
    world.until("12:00:25").await;
    assert_eq!(ready(&world, "typo"), "True Ready");
    assert_eq!(starts(&world), "12:00:20");
    check(&world);
}
