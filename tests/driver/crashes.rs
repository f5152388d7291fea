//! One fault at every write of a trace, in every way that a write can go wrong.

use std::time::Duration;

use super::{
    ahead,
    memory::{Fault, Resource, Verb, World, faults::Faults, schedule},
};

/// Seven fires of a run that takes four of the five seconds between them, and then rest.
async fn trace(seconds: i64, faults: Faults) -> World {
    let mut options = ahead(seconds);
    options.faults = faults;
    let world = World::new(options);
    let slow = schedule("slow", "*/5 * * * * *").takes(4.0);
    world.apply(&slow.with("successfulRunsHistoryLimit", 1));
    world.until("12:00:37.5").await;
    world.suspend("slow", true);
    world.until("12:01:30").await;
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
        // Whoever reads a failure wants to know which write it was.
        println!("{fault:?} at write {number} of {writes}, prepared {seconds} s ahead");
        world.check_runs();
        world.check_decisions(world.now());
        world.check_rest("slow");
        let idle = world.now() - Duration::from_secs(20);
        assert!(world.written(idle).is_empty(), "{:?}", world.written(idle));
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
    a_write_that_does_not_arrive: Fault::Before;
    an_answer_that_does_not_arrive: Fault::After;
    a_write_without_any_answer: Fault::Silence;
    a_write_that_arrives_late: Fault::Late(Duration::from_secs(2));
    a_write_that_arrives_when_all_is_over: Fault::Late(Duration::from_secs(23));
    a_crash_before_a_write_and_a_quick_successor: Fault::CrashBefore(Duration::from_millis(200));
    a_crash_after_a_write_and_a_quick_successor: Fault::CrashAfter(Duration::from_millis(200));
    a_crash_before_a_write_and_a_late_successor: Fault::CrashBefore(Duration::from_secs(12));
    a_crash_after_a_write_and_a_late_successor: Fault::CrashAfter(Duration::from_secs(12));
}

#[tokio::test(start_paused = true)]
async fn a_late_release_does_not_start_a_pod_that_was_created_late() {
    // Both are tried again at once with success; the late ones arrive when the run is over and its
    // pod collected, while no controller is there to sweep what they make.
    let (mut creates, mut releases) = (0, 0);
    let mut options = ahead(0);
    options.faults = Faults::new(move |write| match (write.verb, write.resource) {
        (Verb::Create, Resource::Pods) => {
            creates += 1;
            late_if(creates == 1, 12)
        }
        (Verb::Patch, Resource::Pods) => {
            releases += 1;
            late_if(releases == 1, 15)
        }
        _ => Fault::None,
    });
    let world = World::new(options);
    let hello = schedule("hello", "10 * * * * *").takes(1.0);
    world.apply(&hello.with("successfulRunsHistoryLimit", 0));
    world.until("12:00:18").await;
    assert!(world.pods().is_empty(), "the run is over");
    world.crash("a", Duration::from_secs(12));
    world.until("12:00:28").await;
    assert_eq!(
        world.held().len(),
        1,
        "the late pod is there and was not started"
    );
    world.until("12:00:50").await;
    assert!(world.pods().is_empty(), "the late pod is swept");
    world.check_runs();
    world.check_decisions(world.now());
}

fn late_if(late: bool, seconds: u64) -> Fault {
    match late {
        true => Fault::Late(Duration::from_secs(seconds)),
        false => Fault::None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_sweep_does_not_end_the_run_that_has_the_name_now() {
    let mut deletes = 0;
    let mut options = ahead(6);
    options.faults = Faults::new(move |write| {
        deletes += u32::from(write.verb == Verb::Delete);
        late_if(write.verb == Verb::Delete && deletes == 1, 3)
    });
    let world = World::new(options);
    world.apply(&schedule("hello", "10 * * * * *").takes(4.0));
    world.until("12:00:08.5").await;
    world.edit("hello", |spec| {
        spec["template"]["spec"]["containers"][0]["image"] = "busybox:2".into();
    });
    world.until("12:00:20").await;
    assert_eq!(super::runs(&world, "hello"), ["12:00:10 Succeeded"]);
    world.check_runs();
    world.check_decisions(world.now());
}
