//! What users do behind the controller's back.

use punctual::core::{
    run::{MOST_SALT, RunId, pod_name},
    schedule_ref::ScheduleRef,
};

use super::{
    ahead, check,
    memory::{Options, World, schedule},
    runs, skips, starts,
};

#[tokio::test(start_paused = true)]
async fn a_deleted_run_has_failed_and_the_next_fire_runs() {
    for force in [false, true] {
        let world = World::new(Options::default());
        world.apply(&schedule("slow", "*/10 * * * * *").takes(6.0));
        world.until("12:00:12.5").await;
        let name = "slow-20261120-120010";
        if force {
            world.force_delete_pod(name);
        } else {
            world.delete_pod(name);
        }
        world.until("12:00:29").await;
        assert_eq!(
            runs(&world, "slow"),
            ["12:00:10 PodDeleted", "12:00:20 Succeeded"]
        );
        check(&world);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_deleted_while_no_controller_runs_has_failed() {
    let world = World::new(Options::default());
    world.apply(&schedule("slow", "*/10 * * * * *").takes(6.0));
    world.until("12:00:12.5").await;
    world.crash("a", std::time::Duration::from_secs(3));
    world.pass(1.0).await;
    world.force_delete_pod("slow-20261120-120010");
    world.until("12:00:29").await;
    assert_eq!(
        runs(&world, "slow"),
        ["12:00:10 PodDeleted", "12:00:20 Succeeded"]
    );
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_schedule_takes_its_pods_along() {
    let world = World::new(ahead(6));
    world.apply(&schedule("hello", "*/10 * * * * *").takes(3.0));
    world.until("12:00:21.5").await;
    world.delete_schedule("hello");
    world.until("12:00:40").await;
    assert!(world.pods().is_empty(), "{:?}", world.pods());
    assert_eq!(starts(&world), "12:00:10 12:00:20");
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_is_deleted_and_made_again_fires() {
    // Deleted and made again at each millisecond around a fire, so that some answer is always late.
    for offset in 0..40 {
        let world = World::new(ahead(2));
        let hello = schedule("hello", "*/10 * * * * *").takes(3.0);
        world.apply(&hello);
        world.until("12:00:09.98").await;
        world.pass(f64::from(offset) / 1000.0).await;
        world.delete_schedule("hello");
        world.apply(&hello);
        world.until("12:00:35").await;
        assert!(
            starts(&world).ends_with("12:00:20 12:00:30"),
            "{offset}: {}",
            starts(&world)
        );
        world.check_runs();
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_lost_its_label_is_still_a_run() {
    let world = World::new(Options::default());
    world.apply(&schedule("slow", "*/10 * * * * *").takes(25.0));
    world.until("12:00:15.5").await;
    world.unlabel("slow-20261120-120010");
    world.until("12:00:59").await;
    assert_eq!(
        runs(&world, "slow")[0],
        "12:00:10 Succeeded",
        "{:?}",
        runs(&world, "slow")
    );
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_lost_its_owner_is_still_a_run_and_ends() {
    let world = World::new(Options::default());
    world.apply(&schedule("slow", "*/10 * * * * *").takes(25.0));
    world.until("12:00:15.5").await;
    world.disown("slow-20261120-120010");
    world.until("12:00:59").await;
    assert_eq!(runs(&world, "slow")[0], "12:00:10 Succeeded");
}

#[tokio::test(start_paused = true)]
async fn a_schedule_that_can_t_be_read_says_so_and_stops_no_other() {
    let mut world = World::empty(Options::default());
    world.apply(&schedule("odd", "*/10 * * * * *").takes(1.0));
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.edit("odd", |spec| {
        spec["concurrencyPolicy"] = "OfALaterVersion".into()
    });
    world.start("a");
    world.until("12:00:25").await;
    assert_eq!(starts(&world), "12:00:10 12:00:20");
    let ready = world.object("odd")["status"]["conditions"][0].clone();
    assert_eq!(
        (&ready["type"], &ready["reason"]),
        (&"Ready".into(), &"InvalidSpec".into())
    );
    let message = ready["message"].as_str().unwrap();
    assert!(message.contains("OfALaterVersion"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_gate_taken_by_hand_starts_the_run_that_is_claimed_later() {
    let world = World::new(ahead(6));
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.until("12:00:08.5").await;
    world.ungate("hello-20261120-120010");
    world.until("12:00:15").await;
    assert_eq!(starts(&world), "12:00:08");
    assert_eq!(runs(&world, "hello"), ["12:00:10 Succeeded"]);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_prepared_pod_that_somebody_deletes_is_made_again() {
    let world = World::new(ahead(6));
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.until("12:00:08.5").await;
    world.delete_pod("hello-20261120-120010");
    world.until("12:00:15").await;
    assert_eq!(starts(&world), "12:00:10");
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_strangers_pod_with_the_name_of_a_run_is_left_alone() {
    let world = World::new(Options::default());
    world.stranger("hello-20261120-120010");
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    world.until("12:00:15").await;
    assert_eq!(starts(&world), "12:00:10");
    let run = world.status("hello").recent_runs[0].name.clone();
    assert!(
        run.starts_with("hello-20261120-120010-"),
        "a salted name: {run}"
    );
    assert!(world.held().contains(&"hello-20261120-120010".to_owned()));
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_fire_whose_names_are_all_taken_is_skipped_and_the_next_one_runs() {
    let world = World::new(Options::default());
    world.apply(&schedule("hello", "*/10 * * * * *").takes(1.0));
    let identity = ScheduleRef {
        namespace: "default".into(),
        name: "hello".into(),
        uid: world.object("hello")["metadata"]["uid"]
            .as_str()
            .unwrap()
            .into(),
    };
    let fire = "2026-11-20T12:00:10Z".parse().unwrap();
    for salt in 0..=MOST_SALT {
        world.stranger(&pod_name(&identity, RunId::first(fire), salt));
    }
    world.until("12:00:25").await;
    assert_eq!(starts(&world), "12:00:20");
    assert_eq!(skips(&world, "hello"), ["NameTaken 12:00:10-12:00:10 1"]);
    check(&world);
}
