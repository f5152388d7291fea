//! Missed fires, by the policies that make up for all of them or for none.

use std::time::Duration;

use super::{
    ahead, check,
    memory::{Fault, Options, World, checks::Decision, faults::Faults, schedule},
    runs, skips, starts,
};

/// The times of day of the fires that were claimed, in the order in which they were.
fn claims(world: &World, name: &str) -> Vec<String> {
    let uid = world.object(name)["metadata"]["uid"].clone();
    let decisions = world.decisions(uid.as_str().unwrap());
    let claims = decisions.iter().filter_map(|decision| match decision {
        Decision::Claim { fire, .. } => Some(fire.strftime("%T").to_string()),
        Decision::Skip { .. } => None,
    });
    claims.collect()
}

#[tokio::test(start_paused = true)]
async fn each_missed_fire_runs_oldest_first_and_one_at_a_time() {
    let world = World::new(Options::default());
    let hello = schedule("hello", "*/10 * * * * *").takes(3.0);
    world.apply(&hello.with("missedFires", "RunAll"));
    world.until("12:00:15").await;
    world.crash("a", Duration::from_secs(37));
    world.until("12:01:35").await;
    // 20 to 50 were missed; 12:01:00 fell due while they were made up for, and waited.
    let fires = ["10", "20", "30", "40", "50"].map(|second| format!("12:00:{second} Succeeded"));
    assert_eq!(runs(&world, "hello")[..5], fires);
    assert!(
        starts(&world)
            .ends_with("12:00:52 12:00:55 12:00:58 12:01:01 12:01:04 12:01:10 12:01:20 12:01:30"),
        "{}",
        starts(&world)
    );
    assert_eq!(skips(&world, "hello"), Vec::<String>::new());
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_missed_fires_beyond_the_limit_are_skipped() {
    let world = World::new(Options::default());
    let hello = schedule("hello", "*/10 * * * * *").takes(1.0);
    let hello = hello.with("missedFires", "RunAll");
    world.apply(&hello.with("missedFiresLimit", 2));
    world.until("12:00:15").await;
    world.crash("a", Duration::from_secs(37));
    world.until("12:00:58").await;
    assert_eq!(skips(&world, "hello"), ["Missed 12:00:20-12:00:30 2"]);
    assert_eq!(
        claims(&world, "hello"),
        ["12:00:10", "12:00:40", "12:00:50"]
    );
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn a_schedule_whose_runs_take_too_long_stays_behind_by_the_limit_at_most() {
    let world = World::new(Options::default());
    let slow = schedule("slow", "*/5 * * * * *").takes(8.0);
    let slow = slow.with("missedFires", "RunAll");
    world.apply(&slow.with("missedFiresLimit", 3));
    world.until("12:00:06").await;
    world.crash("a", Duration::from_secs(20));
    world.until("12:02:03").await;
    world.check_runs();
    let decided = world.status("slow").last_fire_time.unwrap();
    let behind = world.now().duration_since(decided).as_secs();
    assert!(behind < 30, "{behind} s behind");
    world.check_decisions(decided);
}

#[tokio::test(start_paused = true)]
async fn missed_fires_that_are_not_to_be_made_up_for_are_skipped() {
    let world = World::new(Options::default());
    let hello = schedule("hello", "0 * * * * *").takes(1.0);
    world.apply(&hello.with("missedFires", "Skip"));
    world.until("12:01:15").await;
    world.crash("a", Duration::from_secs(120));
    world.until("12:04:30").await;
    // 12:03 was 15 s late, 12:02 had a later one.
    assert_eq!(starts(&world), "12:01:00 12:03:15 12:04:00");
    assert_eq!(skips(&world, "hello"), ["Missed 12:02:00-12:02:00 1"]);
    check(&world);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_its_run_when_the_schedule_is_suspended_is_not_run() {
    let world = World::new(Options::default());
    let hello = schedule("hello", "*/10 * * * * *").takes(4.0);
    world.apply(&hello.with("missedFires", "RunAll"));
    world.until("12:00:15").await;
    world.crash("a", Duration::from_secs(30));
    world.until("12:00:47").await;
    world.suspend("hello", true);
    world.until("12:01:30").await;
    assert_eq!(claims(&world, "hello"), ["12:00:10", "12:00:20"]);
    assert_eq!(
        skips(&world, "hello"),
        ["ScheduleChanged 12:00:30-12:00:40 2"]
    );
    check(&world);
    world.check_rest("hello");
}

/// Four fires before there is a controller, the catching up, some on time, and then rest.
async fn trace(seconds: i64, faults: Faults) -> World {
    let mut options = ahead(seconds);
    options.faults = faults;
    let mut world = World::empty(options);
    let hello = schedule("hello", "*/5 * * * * *").takes(1.0);
    let hello = hello.with("missedFires", "RunAll");
    world.apply(&hello.with("successfulRunsHistoryLimit", 1));
    world.until("12:00:22.5").await;
    world.start("a");
    world.until("12:00:42.5").await;
    world.suspend("hello", true);
    world.until("12:01:00").await;
    world
}

/// The trace with this fault at each of its writes in turn.
async fn each_write(seconds: i64, fault: Fault) {
    let quiet = Faults::none();
    trace(seconds, quiet.clone()).await;
    let writes = quiet.writes();
    assert!(
        writes > 30,
        "the trace has writes to go wrong, not {writes}"
    );
    for number in 0..writes {
        let faults = Faults::new(move |write| match write.number == number {
            true => fault,
            false => Fault::None,
        });
        let world = trace(seconds, faults).await;
        println!("{fault:?} at write {number} of {writes}, prepared {seconds} s ahead");
        check(&world);
        world.check_rest("hello");
        let missed = ["05", "10", "15", "20"];
        let missed = missed.map(|second| format!("12:00:{second}"));
        assert_eq!(claims(&world, "hello")[..4], missed);
    }
}

macro_rules! at_each_write {
    ($($name:ident: $fault:expr;)+) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                each_write(0, $fault).await;
                each_write(3, $fault).await;
            }
        )+
    };
}

at_each_write! {
    a_write_that_does_not_arrive_while_it_catches_up: Fault::Before;
    an_answer_that_does_not_arrive_while_it_catches_up: Fault::After;
    a_write_that_arrives_late_while_it_catches_up: Fault::Late(Duration::from_secs(2));
    a_crash_before_a_write_while_it_catches_up: Fault::CrashBefore(Duration::from_secs(4));
    a_crash_after_a_write_while_it_catches_up: Fault::CrashAfter(Duration::from_secs(4));
}
