//! What is decided, as rows: a state in a sentence, and the plan for it, in the words of
//! `tests/state/`.

mod state;

use jiff::SignedDuration;
use punctual::core::{
    plan::{Learned, Step, Trial},
    reason::Reason,
    run::{ENDED_DEADLINE, Phase, RunId},
    status::{READY, set_condition},
};
use state::*;

#[test]
fn a_fire_that_nothing_speaks_against() {
    check("not due yet: nothing", when("12:00:05"), "-");
    check(
        "due, no pod: prepare it",
        when("12:00:10"),
        "prepare 12:00:10",
    );
    check(
        "due, pod held: claim it",
        when("12:00:10").pod(held("12:00:10")),
        "record(claim 12:00:10)",
    );
    check(
        "claimed and held: release it",
        when("12:00:10").active("12:00:10").pod(held("12:00:10")),
        "release",
    );
    check(
        "claimed and released: nothing",
        when("12:00:10")
            .active("12:00:10")
            .pod(released("12:00:10")),
        "-",
    );
    check(
        "due, gate taken by hand: claim it as it is",
        when("12:00:10").pod(running("12:00:10")),
        "record(claim 12:00:10)",
    );
    check(
        "due, name taken by a stranger: another name",
        when("12:00:10").learned(|learned| learned.names_taken.push(RunId::first(at("12:00:10")))),
        "prepare 12:00:10 salted",
    );
}

#[test]
fn a_fire_that_something_speaks_against() {
    check(
        "due, previous run active, Forbid: skipped as StillActive",
        when("12:00:20").active("12:00:10").pod(running("12:00:10")),
        "record(skip 12:00:20 x1 StillActive)",
    );
    check(
        "due, previous run claimed but held: the release comes first",
        when("12:00:20").active("12:00:10").pod(held("12:00:10")),
        "release",
    );
    check(
        "due, too late: skipped as StartingDeadlineExceeded",
        when("12:00:19").spec("startingDeadlineSeconds", 5),
        "record(skip 12:00:10 x1 StartingDeadlineExceeded)",
    );
    check(
        "due, as late as is allowed: runs",
        when("12:00:15").spec("startingDeadlineSeconds", 5),
        "prepare 12:00:10",
    );
    let at_once = |now| when(now).spec("startingDeadlineSeconds", 0);
    check(
        "due, to start within the very second: runs while the clock shows it",
        at_once("12:00:10.999"),
        "prepare 12:00:10",
    );
    check(
        "due, to start within the very second, which is over: skipped",
        at_once("12:00:11"),
        "record(skip 12:00:10 x1 StartingDeadlineExceeded)",
    );
    check(
        "due, its pod refused: skipped for that reason, not ready",
        when("12:00:10").learned(refused("12:00:10")),
        "record(ready false QuotaExceeded, skip 12:00:10 x1 QuotaExceeded)",
    );
    check(
        "due, the pod of another fire refused: runs",
        when("12:00:20")
            .decided("12:00:10")
            .learned(refused("12:00:10")),
        "prepare 12:00:20",
    );
    check("suspended: nothing falls due", suspended("12:00:20"), "-");
    check(
        "schedule deleted: nothing falls due",
        deleted("12:00:20"),
        "-",
    );
}

fn suspended(now: &str) -> State {
    let mut state = when(now).spec("suspend", true);
    state.status.observed_schedule = Some("*/10 * * * * * UTC (Suspended)".into());
    let (since, why) = (at("12:00:00"), "spec.suspend is true: no new run starts");
    set_condition(
        &mut state.status,
        READY,
        true,
        Reason::Suspended,
        why,
        1,
        since,
    );
    state
}

fn deleted(now: &str) -> State {
    let mut state = when(now);
    state.deleting = true;
    state
}

#[test]
fn fires_that_were_missed() {
    check(
        "several due, the latest prepared: the others are Missed",
        when("12:00:35").pod(held("12:00:30")),
        "record(skip 12:00:10 x2 Missed, claim 12:00:30)",
    );
    check(
        "several due: the latest is prepared",
        when("12:00:35"),
        "prepare 12:00:30",
    );
    check(
        "several due, none in time: all are too late",
        when("12:00:39").spec("startingDeadlineSeconds", 5),
        "record(skip 12:00:10 x3 StartingDeadlineExceeded)",
    );
    check(
        "run ended unseen: what it overlapped is StillActive, the next runs",
        when("12:00:35")
            .active("12:00:10")
            .pod(ended("12:00:10", "12:00:25", 0)),
        "record(skip 12:00:20 x1 StillActive, end 12:00:10 Succeeded)",
    );
    check(
        "run ended, next pod there: finish and claim are one write",
        when("12:00:30.2")
            .active("12:00:20")
            .pod(ended("12:00:20", "12:00:29", 0))
            .pod(held("12:00:30")),
        "record(end 12:00:20 Succeeded, claim 12:00:30)",
    );
}

#[test]
fn fires_that_were_missed_and_shall_not_be_made_up() {
    let skip = |now| when(now).spec("missedFires", "Skip");
    check(
        "several due, the latest within a minute: it runs, the others are Missed",
        skip("12:00:35").pod(held("12:00:30")),
        "record(skip 12:00:10 x2 Missed, claim 12:00:30)",
    );
    let hourly = |now| skip(now).scheduled("0 5 * * * *");
    check(
        "due, a minute late: runs",
        hourly("12:06:00.999"),
        "prepare 12:05:00",
    );
    check(
        "due, later than a minute: Missed",
        hourly("12:06:01"),
        "record(skip 12:05:00 x1 Missed)",
    );
    check(
        "several due, none within a minute: all are Missed",
        hourly("14:06:01"),
        "record(skip 12:05:00 x3 Missed)",
    );
    check(
        "due, later than a minute, within its deadline: runs",
        hourly("12:09:00").spec("startingDeadlineSeconds", 300),
        "prepare 12:05:00",
    );
    check(
        "due, within a minute, later than its deadline: Missed",
        skip("12:00:39").spec("startingDeadlineSeconds", 5),
        "record(skip 12:00:10 x3 Missed)",
    );
    check(
        "due, previous run active: skipped as StillActive",
        skip("12:00:20").active("12:00:10").pod(running("12:00:10")),
        "record(skip 12:00:20 x1 StillActive)",
    );
}

/// All missed fires run.
fn all(now: &str) -> State {
    when(now).spec("missedFires", "RunAll")
}

#[test]
fn fires_that_were_missed_and_shall_all_run() {
    check(
        "several due: the oldest is prepared",
        all("12:00:35"),
        "prepare 12:00:10",
    );
    check(
        "several due, the oldest prepared: it is claimed, nothing is skipped",
        all("12:00:35").pod(held("12:00:10")),
        "record(claim 12:00:10)",
    );
    check(
        "several due, the latest prepared: the oldest is prepared first",
        all("12:00:35").pod(held("12:00:30")),
        "prepare 12:00:10",
    );
    check(
        "more due than the limit: the oldest beyond it are Missed",
        all("12:00:55")
            .spec("missedFiresLimit", 2)
            .pod(held("12:00:40")),
        "record(skip 12:00:10 x3 Missed, claim 12:00:40)",
    );
    check(
        "as many due as the limit: all run",
        all("12:00:25")
            .spec("missedFiresLimit", 2)
            .pod(held("12:00:10")),
        "record(claim 12:00:10)",
    );
    check(
        "more elapsed times due than the limit: counted from the last decided one",
        all("12:01:00")
            .scheduled("@every 7s")
            .spec("missedFiresLimit", 2),
        "prepare 12:00:49",
    );
    check(
        "some too late: skipped in one record, the oldest of the others runs",
        all("12:00:39")
            .spec("startingDeadlineSeconds", 15)
            .pod(held("12:00:30")),
        "record(skip 12:00:10 x2 StartingDeadlineExceeded, claim 12:00:30)",
    );
    check(
        "one as late as is allowed: runs",
        all("12:00:35")
            .spec("startingDeadlineSeconds", 15)
            .pod(held("12:00:20")),
        "record(skip 12:00:10 x1 StartingDeadlineExceeded, claim 12:00:20)",
    );
    check(
        "one as late as is allowed, to the second: runs",
        all("12:00:35.999")
            .spec("startingDeadlineSeconds", 15)
            .pod(held("12:00:20")),
        "record(skip 12:00:10 x1 StartingDeadlineExceeded, claim 12:00:20)",
    );
    check(
        "more due than the limit since the pod of one was made: it keeps its turn",
        all("12:00:55")
            .spec("missedFiresLimit", 2)
            .pod(held("12:00:30")),
        "record(skip 12:00:10 x2 Missed, claim 12:00:30)",
    );
    check(
        "more due than the limit since the pod of the very first was made: nothing is skipped",
        all("12:00:35")
            .spec("missedFiresLimit", 2)
            .pod(held("12:00:10")),
        "record(claim 12:00:10)",
    );
    check(
        "more due than the limit since the pods of two were made: the later one keeps its turn",
        all("12:00:55")
            .spec("missedFiresLimit", 2)
            .pod(held("12:00:20"))
            .pod(held("12:00:30")),
        "record(skip 12:00:10 x2 Missed, claim 12:00:30)",
    );
    let limited = |now| all(now).spec("missedFiresLimit", 2).pod(held("12:00:10"));
    check(
        "more due than the limit for a minute since the pod of one was made: it keeps its turn",
        limited("12:01:20"),
        "record(claim 12:00:10)",
    );
    check(
        "more due than the limit for longer: its pod was made before an outage, and it is Missed",
        limited("12:01:30"),
        "prepare 12:01:20",
    );
    check(
        "more due than the limit, a pod for no fire at hand: it is nobody's turn",
        all("12:00:55")
            .spec("missedFiresLimit", 2)
            .pod(held("12:00:27")),
        "prepare 12:00:40",
    );
    check(
        "the pod of a fire beyond the limit refused: it and all after it are refused",
        all("12:00:55")
            .spec("missedFiresLimit", 2)
            .pod(held("12:00:30"))
            .learned(refused("12:00:30")),
        "record(skip 12:00:10 x2 Missed, ready false QuotaExceeded, \
         skip 12:00:30 x3 QuotaExceeded)",
    );
    check(
        "all too late: all are skipped",
        all("12:00:39").spec("startingDeadlineSeconds", 5),
        "record(skip 12:00:10 x3 StartingDeadlineExceeded)",
    );
    check(
        "some too late and more than the limit: each for its reason",
        all("12:00:55")
            .spec("startingDeadlineSeconds", 40)
            .spec("missedFiresLimit", 2)
            .pod(held("12:00:40")),
        "record(skip 12:00:10 x1 StartingDeadlineExceeded, skip 12:00:20 x2 Missed, \
         claim 12:00:40)",
    );
    check(
        "the pod of the oldest refused: all that wait are refused with it",
        all("12:00:35").learned(refused("12:00:10")),
        "record(ready false QuotaExceeded, skip 12:00:10 x3 QuotaExceeded)",
    );
    check(
        "the names of the oldest taken: the next has names of its own",
        all("12:00:35").learned(|learned| {
            refused("12:00:10")(learned);
            learned.refused[0].reason = Reason::NameTaken;
        }),
        "record(ready false NameTaken, skip 12:00:10 x1 NameTaken)",
    );
    check(
        "missed by an earlier form of the schedule: not run",
        all("12:00:35").edited("schedule", "0 * * * * *"),
        "record(skip 12:00:10 x3 ScheduleChanged)",
    );
}

#[test]
fn fires_that_fall_due_while_missed_ones_run() {
    let late = |now| all(now).claimed("12:00:10", "12:00:35");
    check(
        "a catch-up run is active: what falls due waits, and so does what was missed",
        late("12:00:40").pod(running("12:00:10")),
        "-",
    );
    check_wake(
        "a catch-up run is active: its end wakes, no fire does; if it lasts, it is asked about",
        late("12:00:40").pod(running("12:00:10")),
        "12:16:07",
    );
    check(
        "a catch-up run ended: the next one's pod is made before anything is recorded as skipped",
        late("12:00:45").pod(ended("12:00:10", "12:00:44", 0)),
        "record(end 12:00:10 Succeeded)",
    );
    check(
        "a catch-up run ended, the next one's pod there: finish and claim are one write",
        late("12:00:45")
            .pod(ended("12:00:10", "12:00:44", 0))
            .pod(held("12:00:20")),
        "record(end 12:00:10 Succeeded, claim 12:00:20)",
    );
    check(
        "a catch-up run ended, more wait than the limit: the oldest of them are Missed",
        late("12:00:45")
            .spec("missedFiresLimit", 2)
            .pod(ended("12:00:10", "12:00:44", 0))
            .pod(held("12:00:30")),
        "record(end 12:00:10 Succeeded, skip 12:00:20 x1 Missed, claim 12:00:30)",
    );
    check(
        "a catch-up run is gone: the next one runs",
        late("12:00:45")
            .learned(|learned| learned.gone.push("pod-12:00:10".into()))
            .pod(held("12:00:20")),
        "record(end 12:00:10 PodDeleted, claim 12:00:20)",
    );
    check(
        "the last missed fire runs: what falls due finds it active",
        all("12:00:40")
            .claimed("12:00:30", "12:00:35")
            .pod(running("12:00:30")),
        "record(skip 12:00:40 x1 StillActive)",
    );
    check(
        "a run that is on time: what falls due finds it active",
        all("12:00:20").active("12:00:10").pod(running("12:00:10")),
        "record(skip 12:00:20 x1 StillActive)",
    );
    check(
        "a run on time ended unseen: what it overlapped is StillActive, the rest waits",
        all("12:00:55")
            .active("12:00:10")
            .pod(ended("12:00:10", "12:00:25", 0))
            .pod(held("12:00:30")),
        "record(skip 12:00:20 x1 StillActive, end 12:00:10 Succeeded, claim 12:00:30)",
    );
    check(
        "suspended while it catches up: what waits is not run",
        late("12:00:40")
            .pod(running("12:00:10"))
            .edited("suspend", true),
        "record(skip 12:00:20 x3 ScheduleChanged)",
    );
    let mut since = all("12:00:45").claimed("12:00:10", "12:00:35");
    since.status.observed_since = Some(at("12:00:38"));
    since.status.active[0].catching_up = false;
    check(
        "edited while it catches up: what falls due since finds the run active",
        since.pod(running("12:00:10")),
        "record(skip 12:00:40 x1 StillActive)",
    );
    check(
        "while it catches up nothing is prepared ahead of its turn",
        late("12:00:48").ahead(4).pod(running("12:00:10")),
        "-",
    );
}

#[test]
fn a_clock_that_was_put_back() {
    check(
        "by no more than a minute: nothing runs, nothing is said",
        when("12:00:30").decided("12:01:30"),
        "-",
    );
    check(
        "by more than a minute: said once",
        when("12:00:29").decided("12:01:30"),
        "record(ready true ClockBehind)",
    );
    check(
        "by a day, with a run that ended meanwhile: it is finished, and nothing runs again",
        when("12:00:29")
            .active("12:01:30")
            .pod(ended("12:01:30", "12:01:32", 0)),
        "record(end 12:01:30 Succeeded, ready true ClockBehind)",
    );
    check(
        "by an hour, and suspended: that is what is said",
        suspended("12:00:29").decided("12:59:30"),
        "-",
    );
    let behind = |now: &str| {
        let mut state = when(now).decided("12:01:30");
        let (why, since) = (Reason::ClockBehind, at("12:00:00"));
        set_condition(&mut state.status, READY, true, why, "", 1, since);
        state
    };
    check(
        "the clock has come near: no write of its own, since another's clock may not have",
        behind("12:00:30"),
        "-",
    );
    check(
        "the next fire is decided: ready again",
        behind("12:01:40").pod(held("12:01:40")),
        "record(ready true Ready, claim 12:01:40)",
    );
    check(
        "the template is tried: ready again",
        behind("12:01:35")
            .edited("description", "other")
            .learned(|learned| {
                let result = Ok(());
                let generation = 2;
                learned.trial = Some(Trial { generation, result });
            }),
        "record(ready true Ready)",
    );
}

#[test]
fn the_message_about_a_clock_that_was_put_back_names_both_instants() {
    let plan = when("12:00:29").decided("12:01:30").plan();
    let [Step::Record { status, .. }] = &plan.steps[..] else {
        panic!("{plan:?}");
    };
    assert_eq!(
        status.conditions[0].message,
        "the controller's clock was put back behind 2026-11-20T12:01:30+00:00, up to which all \
         fires are decided; the schedule fires again at 2026-11-20T12:01:40+00:00"
    );
}

#[test]
fn the_end_of_a_run() {
    let active = |now| when(now).active("12:00:10");
    check(
        "ended well",
        active("12:00:15").pod(ended("12:00:10", "12:00:14", 0)),
        "record(end 12:00:10 Succeeded)",
    );
    check(
        "ended badly",
        active("12:00:15").pod(ended("12:00:10", "12:00:14", 1)),
        "record(end 12:00:10 NonZeroExit)",
    );
    check("no pod in the cache: ask", active("12:00:15"), "ask");
    check(
        "the watch says that it is gone: ask",
        active("12:00:15").pod(running("12:00:10").missing()),
        "ask",
    );
    check(
        "the watch says that it is gone, the API server that it isn't: goes on",
        active("12:00:15")
            .pod(running("12:00:10").missing())
            .learned(|learned| learned.found.push("pod-12:00:10".into())),
        "-",
    );
    check(
        "the API server says that it is gone",
        active("12:00:15").learned(|learned| learned.gone.push("pod-12:00:10".into())),
        "record(end 12:00:10 PodDeleted)",
    );
    check(
        "another pod is gone: ask",
        active("12:00:15").learned(|learned| learned.gone.push("pod-12:00:00".into())),
        "ask",
    );
    check(
        "gone while it ran",
        active("12:00:15").pod(running("12:00:10").gone()),
        "record(end 12:00:10 PodDeleted)",
    );
    check(
        "being deleted: it may still end well",
        active("12:00:15").pod(running("12:00:10").deleting()),
        "-",
    );
    check(
        "claimed, held and being deleted: never released",
        active("12:00:15").pod(held("12:00:10").deleting()),
        "-",
    );
}

#[test]
fn a_run_that_makes_no_progress() {
    let stuck = || released("12:00:10").with(|pod| pod.unschedulable = Some("no node".into()));
    let active = |now| {
        when(now)
            .active("12:00:10")
            .spec("activeDeadlineSeconds", 5)
    };
    check(
        "unschedulable: said at once",
        active("12:00:12").pod(stuck()),
        "record(waits Unschedulable)",
    );
    check(
        "pending beyond its deadline: stopped",
        active("12:00:15").pod(released("12:00:10")),
        "record(stop DeadlineExceeded)",
    );
    check(
        "taken on by a kubelet: the deadline is the kubelet's",
        active("12:00:19").pod(running("12:00:10")),
        "-",
    );
    let mut stopping = active("12:00:16").pod(released("12:00:10"));
    stopping.status.active[0].stopping = Some("DeadlineExceeded".into());
    check("recorded as stopping: deleted", stopping, "stop");
}

#[test]
fn pods_that_nobody_needs() {
    check(
        "held for a fire that was decided: swept",
        when("12:00:15").decided("12:00:10").pod(held("12:00:10")),
        "sweep 12:00:10",
    );
    check(
        "held for the next fire: kept",
        when("12:00:15").decided("12:00:10").pod(held("12:00:20")),
        "-",
    );
    check(
        "held, from an earlier spec, due: swept before it is made again",
        when("12:00:10").pod(held("12:00:10").of_generation(0)),
        "sweep 12:00:10",
    );
    check(
        "held, from a later spec than we know, due: claimed, which fails if so",
        when("12:00:10").pod(held("12:00:10").of_generation(2)),
        "record(claim 12:00:10)",
    );
    check(
        "held, from a later spec than we know, for no fire that we know: left alone",
        when("12:00:05").pod(held("12:00:07").of_generation(2)),
        "-",
    );
    check(
        "claimed and held: released, whatever it was made from",
        when("12:00:10")
            .active("12:00:10")
            .pod(held("12:00:10").of_generation(0)),
        "release",
    );
    check(
        "ended, beyond the limit: collected",
        when("12:00:35")
            .decided("12:00:30")
            .spec("successfulRunsHistoryLimit", 1)
            .pod(ended("12:00:20", "12:00:21", 0))
            .pod(ended("12:00:30", "12:00:31", 0)),
        "collect 12:00:20",
    );
    let helped = |fire: &str, end: &str, code: i32| {
        ended(fire, end, code).with(|pod| {
            pod.phase = Phase::Failed;
            pod.reason = Some("DeadlineExceeded".into());
            pod.deadline = Some(ENDED_DEADLINE);
            pod.main = Some("main".into());
        })
    };
    let history = || {
        when("12:00:35")
            .decided("12:00:30")
            .spec("mainContainer", "main")
            .spec("successfulRunsHistoryLimit", 1)
            .spec("failedRunsHistoryLimit", 1)
    };
    check(
        "ended well, but for a helper that was stopped: it displaces no failure",
        history()
            .pod(helped("12:00:20", "12:00:21", 1))
            .pod(helped("12:00:30", "12:00:31", 0)),
        "-",
    );
    check(
        "two that ended well, but for helpers that were stopped: the older is collected",
        history()
            .pod(helped("12:00:20", "12:00:21", 0))
            .pod(helped("12:00:30", "12:00:31", 0)),
        "collect 12:00:20",
    );
    check(
        "ended past its deadline, however its main container took that: a failure",
        history().pod(helped("12:00:20", "12:00:21", 1)).pod(
            helped("12:00:30", "12:00:33", 0).with(|pod| {
                pod.deadline = Some(SignedDuration::from_secs(2));
            }),
        ),
        "collect 12:00:20",
    );
    check(
        "ended, past its time to live: collected",
        when("12:00:35")
            .decided("12:00:30")
            .spec("ttlSecondsAfterFinished", 4)
            .pod(ended("12:00:30", "12:00:31", 0)),
        "collect 12:00:30",
    );
    check(
        "a pod of a fire that is not decided yet is nobody's to remove",
        when("12:00:25").pod(held("12:00:10")),
        "prepare 12:00:20",
    );
    check(
        "due, and pods to tidy up: the fire comes first, and one of them goes along",
        when("12:00:20")
            .decided("12:00:10")
            .pod(held("12:00:00"))
            .pod(held("12:00:10")),
        "prepare 12:00:20, sweep 12:00:00",
    );
}

#[test]
fn pods_that_are_made_ahead() {
    check("too early: nothing", when("12:00:01").ahead(4), "-");
    check(
        "early enough: prepared",
        when("12:00:08").ahead(4),
        "prepare 12:00:10",
    );
    check(
        "prepared: waits for its fire",
        when("12:00:08").ahead(4).pod(held("12:00:10")),
        "-",
    );
    check(
        "a run is active: nothing is prepared",
        when("12:00:18")
            .ahead(4)
            .active("12:00:10")
            .pod(running("12:00:10")),
        "-",
    );
    check(
        "refused ahead: not again before the fire",
        when("12:00:08").ahead(4).learned(refused("12:00:10")),
        "-",
    );
}

#[test]
fn an_edited_schedule() {
    let edited = |now| when(now).edited("schedule", "0 * * * * *");
    check(
        "edited, nothing was due: adopted",
        edited("12:00:05"),
        "record()",
    );
    check(
        "edited, fires of the earlier form were due: recorded, not run",
        edited("12:00:35"),
        "record(skip 12:00:10 x3 ScheduleChanged)",
    );
    check(
        "suspended, a fire was due before that was seen: recorded, not run",
        when("12:00:15").edited("suspend", true),
        "record(skip 12:00:10 x1 ScheduleChanged)",
    );
    check(
        "only the template edited, due: runs",
        when("12:00:10").edited("description", "other"),
        "prepare 12:00:10",
    );
    check(
        "only the template edited, not due: tried",
        when("12:00:05").edited("description", "other"),
        "try",
    );
}

#[test]
fn since_when_an_edited_schedule_fires() {
    for (sentence, now, since, decided, expected) in [
        ("as it is seen", "12:00:35.5", None, None, "12:00:35"),
        (
            "the clock was put back behind the last edit",
            "12:00:35",
            Some("12:05:00"),
            None,
            "12:05:00",
        ),
        (
            "behind the last fire",
            "12:00:35",
            Some("12:00:01"),
            Some("12:05:00"),
            "12:05:00",
        ),
    ] {
        let mut state = when(now).edited("schedule", "0 * * * * *");
        state.status.observed_since = since.map(at);
        state.status.last_fire_time = decided.map(at);
        state.status.last_run_time = decided.map(at);
        let [Step::Record { status, .. }] = &state.plan().steps[..] else {
            panic!("{sentence}");
        };
        assert_eq!(status.observed_since, Some(at(expected)), "{sentence}");
    }
}

#[test]
fn whether_it_is_ready() {
    let bad = Err((Reason::InvalidPod, "no container".to_owned()));
    let tried = |result: Result<(), (Reason, String)>| {
        move |learned: &mut Learned| {
            let generation = 2;
            learned.trial = Some(Trial { generation, result });
        }
    };
    let edited = || when("12:00:05").edited("description", "other");
    check(
        "the template is refused on trial",
        edited().learned(tried(bad.clone())),
        "record(ready false InvalidPod)",
    );
    check(
        "the template passes",
        edited().learned(tried(Ok(()))),
        "record()",
    );
    check(
        "a mistake in the schedule needs no trial",
        when("12:00:05").edited("schedule", "* * MOO"),
        "record(ready false InvalidSchedule)",
    );
}

#[test]
fn what_kept_it_idle_and_is_gone_without_an_edit_makes_it_be_tried() {
    let told = |reason| {
        let mut state = when("12:00:05");
        let since = at("12:00:00");
        set_condition(&mut state.status, READY, false, reason, "why", 1, since);
        state
    };
    for (reason, by) in [
        (Reason::InvalidSchedule, "a calendar or an upgrade"),
        (Reason::InvalidTimeZone, "another zone database"),
        (Reason::CalendarNotFound, "a calendar"),
        (Reason::InvalidCalendar, "a calendar"),
        (Reason::InvalidSpec, "an upgrade"),
    ] {
        check(&format!("{reason}, cured by {by}"), told(reason), "try");
        check(
            &format!("{reason}, cured by {by}, and the template passes"),
            told(reason).learned(|learned| {
                let (generation, result) = (1, Ok(()));
                learned.trial = Some(Trial { generation, result });
            }),
            "record(ready true Ready)",
        );
    }
    for reason in [Reason::InvalidPod, Reason::QuotaExceeded] {
        let sentence = format!("{reason}: what Kubernetes said holds until the next claim");
        check(&sentence, told(reason), "-");
    }
    let mut still = told(Reason::InvalidTimeZone).spec("timeZone", "Mars/Olympus");
    let words = "*/10 * * * * * Mars/Olympus (InvalidTimeZone)";
    still.status.observed_schedule = Some(words.into());
    let idle = still.schedule(&still.spec, 1).timing.unwrap_err();
    still.status.conditions[0].message = idle.message;
    check("still the same: no trial could say more", still, "-");
}

#[test]
fn when_it_is_asked_again() {
    check_wake("at the next fire", when("12:00:05"), "12:00:10");
    check_wake(
        "at the next fire also while a run is active",
        when("12:00:15").active("12:00:10").pod(running("12:00:10")),
        "12:00:20",
    );
    check_wake(
        "at the deadline of a pending run",
        when("12:00:12")
            .active("12:00:10")
            .spec("activeDeadlineSeconds", 3)
            .pod(released("12:00:10")),
        "12:00:13",
    );
    check_wake(
        "when a pod's time to live is over",
        when("12:00:12")
            .decided("12:00:10")
            .spec("ttlSecondsAfterFinished", 3)
            .pod(ended("12:00:10", "12:00:11", 0)),
        "12:00:14",
    );
    check_wake(
        "every ten seconds about a run that no watch shows",
        when("12:00:11")
            .active("12:00:10")
            .spec("schedule", "*/10 * * * * *")
            .pod(running("12:00:10").missing())
            .learned(|learned| learned.found.push("pod-12:00:10".into())),
        "12:00:20",
    );
    check_wake("never when it is deleted", deleted("12:00:05"), "never");
}
