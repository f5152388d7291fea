//! An API server that is away, overloaded or restarted all the time.

use super::{
    ahead, check,
    memory::{Outage, World, schedule},
    starts,
};

/// A world whose server does this from 12:00:15 on for ten minutes.
async fn ten_minutes(outage: Outage) -> World {
    let world = World::new(ahead(3));
    for n in 0..20 {
        world.apply(&schedule(&format!("hello-{n}"), "*/10 * * * * *").takes(1.0));
    }
    world.until("12:00:15").await;
    world.server.begin_outage(outage);
    world.until("12:10:15").await;
    world.server.begin_outage(Outage::None);
    world
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_without_an_api_server_are_made_up_for_within_one() {
    for outage in [Outage::Down, Outage::Overloaded] {
        let world = ten_minutes(outage).await;
        world.until("12:11:25").await;
        check(&world);
        for n in 0..20 {
            let name = format!("hello-{n}");
            let status = world.status(&name);
            let decided = status.counts.succeeded + status.counts.failed + status.counts.skipped;
            let active = status.active.len() as u64;
            assert_eq!(decided + active, 68, "{outage:?}: {status:?}");
            world.suspend(&name, true);
        }
        world.until("12:11:35").await;
        let quiet = world.now();
        world.until("12:13:00").await;
        assert_eq!(
            world.written(quiet).len(),
            0,
            "nothing is left to be written"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_restarts_every_twenty_seconds_loses_and_repeats_no_fire() {
    let world = World::new(ahead(3));
    for n in 0..20 {
        world.apply(&schedule(&format!("hello-{n}"), "*/10 * * * * *").takes(1.0));
    }
    for _ in 0..15 {
        world.pass(17.0).await;
        world.server.begin_outage(Outage::Down);
        world.pass(3.0).await;
        world.server.begin_outage(Outage::None);
    }
    world.pass(60.0).await;
    check(&world);
    let runs = starts(&world).split(' ').count();
    // Fires that fell into an outage and whose next came before the server was back are skips.
    println!("{runs} runs of {} fires", 20 * 36);
    assert!(runs > 20 * 28, "{runs}");
}
