//! What is decided where a fire finds no room, and where a run fails, as rows in the words of
//! `tests/state/`.

mod state;

use jiff::Timestamp;
use punctual::{
    api::{NextAttempt, QueuedFire, RunRecord},
    core::{
        active, outcome,
        run::{RunId, SeenPod, pod_name},
    },
};
use serde_json::json;
use state::*;

fn policy(now: &str, policy: &str) -> State {
    when(now).spec("concurrencyPolicy", policy)
}

/// The schedule with one run active, of the fire at 12:00:10.
fn busy(now: &str, concurrency: &str) -> State {
    let run = running("12:00:10");
    policy(now, concurrency).active("12:00:10").pod(run)
}

trait Told {
    fn queued(self, fire: &str) -> Self;
    fn waits(self, fire: &str, attempt: u32, until: &str) -> Self;
    fn also_active(self, fire: &str) -> Self;
    fn stopping(self, reason: &str) -> Self;
    fn requested(self, time: &str) -> Self;
}

impl Told for State {
    /// This fire waits in the queue.
    fn queued(mut self, fire: &str) -> Self {
        let fire_time = at(fire);
        self.status.queued.push(QueuedFire { fire_time });
        self.decided(fire)
    }

    /// So many attempts of the run of this fire have failed, the last ten seconds before the next.
    fn waits(mut self, fire: &str, attempt: u32, until: &str) -> Self {
        let pod = held(fire);
        let mut active = active::claimed(&pod, pod.fire);
        active.attempt = attempt;
        let (after, _) = outcome::vanished(&active, at(fire));
        let after = RunRecord {
            reason: "NonZeroExit".into(),
            exit_code: Some(1),
            message: Some("it exited with code 1".into()),
            ..after
        };
        active.retry = Some(Box::new(NextAttempt {
            time: at(until),
            after,
        }));
        self.status.active = vec![active];
        self.decided(fire)
            .spec("retry", json!({"limit": 3, "backoffSeconds": 10}))
    }

    /// The run of this fire is claimed as well.
    fn also_active(mut self, fire: &str) -> Self {
        let pod = held(fire);
        self.status.active.push(active::claimed(&pod, pod.fire));
        self.decided(fire)
    }

    /// Somebody asked for a run at this time.
    fn requested(mut self, time: &str) -> Self {
        self.requested = Some(at(time));
        self
    }

    fn stopping(mut self, reason: &str) -> Self {
        self.status.active[0].stopping = Some(reason.into());
        self
    }
}

/// The held pod of a further attempt at a fire.
fn again(fire: &str, attempt: u32) -> SeenPod {
    held(fire).with(|pod| {
        let fire: Timestamp = pod.fire;
        pod.attempt = attempt;
        pod.name = pod_name(&identity(), RunId { fire, attempt }, 0);
        pod.uid = format!("{}-{attempt}", pod.uid);
    })
}

#[test]
fn a_fire_that_finds_a_run_active() {
    check(
        "Forbid: dropped",
        busy("12:00:20", "Forbid"),
        "record(skip 12:00:20 x1 StillActive)",
    );
    check(
        "Queue, no pod yet: its pod first",
        busy("12:00:20", "Queue"),
        "prepare 12:00:20",
    );
    check(
        "Queue: it waits",
        busy("12:00:20", "Queue").pod(held("12:00:20")),
        "record(queue 12:00:20)",
    );
    check(
        "Queue, and as many wait as may: dropped",
        busy("12:00:30", "Queue")
            .queued("12:00:20")
            .pod(held("12:00:20")),
        "record(skip 12:00:30 x1 QueueFull)",
    );
    check(
        "Queue, and there is room for one more",
        busy("12:00:30", "Queue")
            .spec("queueLimit", 2)
            .queued("12:00:20")
            .pod(held("12:00:20"))
            .pod(held("12:00:30")),
        "record(queue 12:00:30)",
    );
    check(
        "Replace, no pod yet: its pod first, the run goes on",
        busy("12:00:20", "Replace"),
        "prepare 12:00:20",
    );
    check(
        "Replace: the run shall stop",
        busy("12:00:20", "Replace").pod(held("12:00:20")),
        "record(stop Replaced)",
    );
    check(
        "Replace, and the run shall stop: it is stopped, nothing starts",
        busy("12:00:20", "Replace")
            .stopping("Replaced")
            .pod(held("12:00:20")),
        "stop",
    );
    check(
        "Replace, and its pod is refused: the run goes on",
        busy("12:00:20", "Replace").learned(refused("12:00:20")),
        "record(ready false QuotaExceeded, skip 12:00:20 x1 QuotaExceeded)",
    );
    check(
        "Allow: it starts beside the run",
        busy("12:00:20", "Allow").pod(held("12:00:20")),
        "record(claim 12:00:20)",
    );
    check(
        "Allow, and as many are active as may be: dropped",
        busy("12:00:30", "Allow")
            .spec("maxActive", 2)
            .also_active("12:00:20")
            .pod(running("12:00:20")),
        "record(skip 12:00:30 x1 TooManyActive)",
    );
}

#[test]
fn a_run_that_is_being_stopped() {
    let replaced = |run: SeenPod| {
        policy("12:00:20", "Replace")
            .active("12:00:10")
            .stopping("Replaced")
            .pod(run)
            .pod(held("12:00:20"))
    };
    check(
        "it still ends: nothing",
        replaced(running("12:00:10").deleting()),
        "-",
    );
    check(
        "it is gone by the watch alone: ask",
        replaced(running("12:00:10").missing()),
        "ask",
    );
    check(
        "it is gone: its end and the claim are one write",
        replaced(running("12:00:10").gone()),
        "record(end 12:00:10 Replaced, claim 12:00:20)",
    );
    check(
        "another fire is due as well: its pod comes first, and is kept",
        policy("12:00:30", "Replace")
            .active("12:00:10")
            .stopping("Replaced")
            .pod(running("12:00:10").deleting())
            .pod(held("12:00:30")),
        "-",
    );
    check(
        "it was not even started: it is not started to be stopped",
        replaced(held("12:00:10")),
        "stop",
    );
}

#[test]
fn a_run_that_is_asked_for_by_hand() {
    let asked = |now, concurrency| policy(now, concurrency).requested("12:00:14.5");
    let by_hand = || held("12:00:14.5");
    check(
        "not yet: nothing",
        asked("12:00:14", "Forbid").decided("12:00:10"),
        "-",
    );
    check(
        "its pod first",
        asked("12:00:15", "Forbid").decided("12:00:10"),
        "prepare 12:00:14",
    );
    check(
        "its pod is held: the claim",
        asked("12:00:15", "Forbid")
            .decided("12:00:10")
            .pod(by_hand()),
        "record(claim 12:00:14)",
    );
    check(
        "a run is active: the policy holds",
        asked("12:00:15", "Forbid")
            .active("12:00:10")
            .pod(running("12:00:10")),
        "record(skip 12:00:14 x1 StillActive)",
    );
    check(
        "Replace, and a fire is due as well: what is claimed now is not replaced by the same write",
        asked("12:00:20", "Replace")
            .decided("12:00:10")
            .pod(held("12:00:20"))
            .pod(by_hand()),
        "record(claim 12:00:20)",
    );
    let mut done = asked("12:00:15", "Forbid").decided("12:00:10");
    done.status.last_request_time = done.requested;
    check("it was decided", done, "-");
}

#[test]
fn a_fire_that_waits() {
    let queued = |now| policy(now, "Queue").queued("12:00:20");
    check(
        "nothing is active, its pod is held: claim it",
        queued("12:00:25").pod(held("12:00:20")),
        "record(claim 12:00:20)",
    );
    check(
        "its pod is gone: make it anew",
        queued("12:00:25"),
        "prepare 12:00:20",
    );
    check(
        "its pod is from an earlier spec: that goes first",
        queued("12:00:25")
            .edited("description", "new")
            .pod(held("12:00:20")),
        "sweep 12:00:20",
    );
    check(
        "a run is active: its held pod is kept",
        busy("12:00:25", "Queue")
            .queued("12:00:20")
            .pod(held("12:00:20")),
        "-",
    );
    check(
        "a run is active and its pod is gone: make it anew",
        busy("12:00:25", "Queue").queued("12:00:20"),
        "prepare 12:00:20",
    );
    check(
        "the run ends: its end and the claim are one write",
        policy("12:00:25", "Queue")
            .active("12:00:10")
            .pod(ended("12:00:10", "12:00:24", 0))
            .queued("12:00:20")
            .pod(held("12:00:20")),
        "record(end 12:00:10 Succeeded, claim 12:00:20)",
    );
    check(
        "a later fire is due as well: the older starts, the later waits",
        queued("12:00:30")
            .pod(held("12:00:20"))
            .pod(held("12:00:30")),
        "record(queue 12:00:30, claim 12:00:20)",
    );
    check(
        "it waits too long",
        busy("12:00:29", "Queue")
            .spec("startingDeadlineSeconds", 8)
            .queued("12:00:20")
            .pod(held("12:00:20")),
        "record(skip 12:00:20 x1 StartingDeadlineExceeded)",
    );
    check(
        "its pod is refused",
        queued("12:00:25").learned(refused("12:00:20")),
        "record(ready false QuotaExceeded, skip 12:00:20 x1 QuotaExceeded)",
    );
    check(
        "the policy is another one now",
        policy("12:00:25", "Forbid")
            .queued("12:00:20")
            .pod(held("12:00:20")),
        "record(skip 12:00:20 x1 ScheduleChanged)",
    );
    check_wake(
        "it is looked at when it is out of time",
        busy("12:00:21", "Queue")
            .spec("startingDeadlineSeconds", 6)
            .queued("12:00:20")
            .pod(held("12:00:20")),
        "12:00:27",
    );
}

#[test]
fn a_run_that_failed() {
    let failed = |code| {
        when("12:00:13")
            .spec("retry", json!({"limit": 1, "backoffSeconds": 5}))
            .active("12:00:10")
            .pod(ended("12:00:10", "12:00:12", code))
    };
    check(
        "it is tried again after a while",
        failed(1),
        "record(NonZeroExit, attempt 2 at 12:00:17)",
    );
    check(
        "it succeeded: no more",
        failed(0),
        "record(end 12:00:10 Succeeded)",
    );
    check(
        "not after this exit code",
        failed(3).spec("retry", json!({"limit": 1, "notOnExitCodes": [3]})),
        "record(end 12:00:10 NonZeroExit)",
    );
    check(
        "somebody deleted it",
        when("12:00:13")
            .spec("retry", json!({"limit": 1}))
            .active("12:00:10")
            .pod(running("12:00:10").gone()),
        "record(end 12:00:10 PodDeleted)",
    );
}

#[test]
fn a_run_that_waits_for_its_next_attempt() {
    let waits = |now| when(now).waits("12:00:10", 1, "12:00:15");
    let failed = || ended("12:00:10", "12:00:12", 1);
    check("it is not time yet", waits("12:00:14").pod(failed()), "-");
    check_wake(
        "it is looked at when it is time",
        waits("12:00:14").pod(failed()),
        "12:00:15",
    );
    check(
        "it is time: its pod",
        waits("12:00:15").pod(failed()),
        "prepare 12:00:10 attempt 2",
    );
    check(
        "its pod is held: the claim",
        waits("12:00:15").pod(failed()).pod(again("12:00:10", 2)),
        "record(claim 12:00:10 attempt 2)",
    );
    check(
        "an early held pod of it is kept",
        waits("12:00:14").pod(failed()).pod(again("12:00:10", 2)),
        "-",
    );
    check(
        "a held pod of another attempt is nobody's",
        waits("12:00:14").pod(failed()).pod(again("12:00:10", 3)),
        "sweep 12:00:10",
    );
    check(
        "Forbid: a fire finds it active",
        when("12:00:20")
            .waits("12:00:10", 1, "12:00:25")
            .pod(failed()),
        "record(skip 12:00:20 x1 StillActive)",
    );
    check(
        "Replace: it is over, and the fire runs",
        policy("12:00:20", "Replace")
            .waits("12:00:10", 1, "12:00:25")
            .stopping("Replaced")
            .pod(failed())
            .pod(held("12:00:20")),
        "record(end 12:00:10 NonZeroExit, claim 12:00:20)",
    );
    let mut given_up = waits("12:00:14").pod(failed());
    given_up.spec["retry"] = json!(null);
    check(
        "retry was taken out of the spec",
        given_up,
        "record(end 12:00:10 NonZeroExit)",
    );
    check(
        "a clock that was put back by an hour puts nothing off",
        when("12:00:14")
            .waits("12:00:10", 1, "13:00:15")
            .pod(failed()),
        "prepare 12:00:10 attempt 2",
    );
}
