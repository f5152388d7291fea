//! What is decided about runs that make no progress, and about those whose main container has ended,
//! as rows: a state in a sentence, and the plan for it, in the words of `tests/state/`.

mod state;

use punctual::{
    api::Waiting,
    core::{
        news::News,
        plan::Step,
        run::{ContainerState, Phase, Restarts, SeenContainer, SeenPod, Terminated},
    },
};
use serde_json::{Value, json};
use state::*;

/// No later fire disturbs these states.
fn once(now: &str) -> State {
    when(now).scheduled("10 0 12 * * *").active("12:00:10")
}

/// The spec says so.
fn after(now: &str, limit: &str, action: &str) -> State {
    once(now).spec("stuckAfter", json!({limit: 60, "action": action}))
}

/// Its active run has waited for this reason since then, and that is known.
fn waited(mut state: State, reason: &str, since: &str) -> State {
    state.status.active[0].waiting = Some(Waiting {
        reason: reason.into(),
        message: "as it was told".into(),
        since: Some(at(since)),
        stuck: false,
    });
    state
}

fn stopping(mut state: State, reason: &str) -> State {
    state.status.active[0].stopping = Some(reason.into());
    state
}

fn nowhere() -> SeenPod {
    released("12:00:10").with(|pod| pod.unschedulable = Some("0/1 nodes".into()))
}

fn waits(reason: &str) -> SeenPod {
    let (reason, message) = (reason.into(), "no".into());
    let state = ContainerState::Waiting { reason, message };
    released("12:00:10").with(|pod| pod.containers = vec![container("main", state)])
}

fn goes_on(name: &str) -> SeenContainer {
    let since = Some(at("12:00:10"));
    container(name, ContainerState::Running { since })
}

fn done(name: &str, code: i32, finished: &str) -> SeenContainer {
    let ended = Terminated {
        exit_code: code,
        finished: Some(at(finished)),
        message: format!("{name} says this"),
        ..Terminated::default()
    };
    container(name, ContainerState::Terminated(ended))
}

fn unready() -> SeenPod {
    let main = SeenContainer {
        ready: false,
        ..goes_on("main")
    };
    running("12:00:10").with(|pod| pod.containers = vec![main])
}

/// A running pod of these containers, the main one of which is "main".
fn with_main<const N: usize>(containers: [SeenContainer; N]) -> SeenPod {
    running("12:00:10").with(|pod| {
        pod.main = Some("main".into());
        pod.containers = containers.into();
    })
}

/// The status that a state's plan writes.
#[track_caller]
fn written(state: State) -> (punctual::api::ScheduledContainerStatus, Vec<News>) {
    match state.plan().steps.pop() {
        Some(Step::Record { status, news }) => (*status, news),
        other => panic!("no status is written: {other:?}"),
    }
}

#[test]
fn a_run_that_waits_longer_than_it_may() {
    let rows = [
        ("unschedulableSeconds", "Unschedulable", nowhere()),
        ("imagePullSeconds", "ImagePullFailed", waits("ErrImagePull")),
        (
            "configErrorSeconds",
            "ContainerConfigError",
            waits("CreateContainerConfigError"),
        ),
        ("notReadySeconds", "NotReady", unready()),
    ];
    for (limit, reason, pod) in rows {
        let since = |now, action| waited(after(now, limit, action), reason, "12:01:00");
        check(
            "it begins to wait: that is told",
            after("12:01:00", limit, "Fail").pod(pod.clone()),
            &format!("record(waits {reason})"),
        );
        check(
            "it has waited for almost as long as it may: nothing",
            since("12:01:59", "Fail").pod(pod.clone()),
            "-",
        );
        check_wake(
            "it is looked at when it has waited for as long as it may",
            since("12:01:59", "Fail").pod(pod.clone()),
            "12:02:00",
        );
        check(
            "Report: it is told",
            since("12:02:00", "Report").pod(pod.clone()),
            &format!("record(stuck {reason})"),
        );
        check(
            "Fail: it shall stop",
            since("12:02:00", "Fail").pod(pod.clone()),
            &format!("record(stop {reason})"),
        );
        check(
            "it shall stop: its pod is deleted",
            stopping(since("12:02:00", "Fail"), reason).pod(pod.clone()),
            "stop",
        );
        check(
            "its pod is being deleted: nothing",
            stopping(since("12:02:00", "Fail"), reason).pod(pod.clone().deleting()),
            "-",
        );
        check(
            "its pod is gone: it has failed for that reason",
            stopping(since("12:02:00", "Fail"), reason).pod(pod.clone().gone()),
            &format!("record(end 12:00:10 {reason})"),
        );
    }
}

#[test]
fn what_is_told_once_is_not_told_again() {
    let mut told = waited(
        after("12:09:00", "imagePullSeconds", "Report"),
        "ImagePullFailed",
        "12:01:00",
    );
    let waiting = told.status.active[0].waiting.as_mut();
    waiting.unwrap().stuck = true;
    check("it was told", told.pod(waits("ImagePullBackOff")), "-");
}

#[test]
fn a_limit_holds_for_its_own_reason_and_while_it_lasts() {
    let images = |now| after(now, "imagePullSeconds", "Fail");
    let long = |reason| waited(images("12:30:00"), reason, "12:01:00");
    check(
        "no limit for this reason",
        long("Unschedulable").pod(nowhere()),
        "-",
    );
    check(
        "a container that fails again and again has none of its own",
        long("CrashLooping").pod(waits("CrashLoopBackOff")),
        "-",
    );
    check(
        "it waits for something else now, and that has just begun",
        long("Unschedulable").pod(waits("ErrImagePull")),
        "record(waits ImagePullFailed)",
    );
    let goes_on = long("ImagePullFailed").pod(running("12:00:10"));
    let (status, news) = written(goes_on);
    assert_eq!(status.active[0].waiting, None, "it goes on");
    assert_eq!(news, []);
    check(
        "nobody asked about readiness",
        images("12:30:00").pod(unready()),
        "-",
    );
    check(
        "a held pod waits for us",
        waited(
            after("12:30:00", "unschedulableSeconds", "Fail"),
            "Unschedulable",
            "12:01:00",
        )
        .pod(nowhere().with(|pod| pod.held = true)),
        "release",
    );
    check(
        "an edit gave it a limit that has passed",
        long("ImagePullFailed").pod(waits("ErrImagePull")),
        "record(stop ImagePullFailed)",
    );
}

#[test]
fn a_run_that_was_stopped_says_what_it_waited_for() {
    let limited = after("12:02:00", "imagePullSeconds", "Fail");
    let state = waited(limited, "ImagePullFailed", "12:01:00");
    let told = "it made no progress for longer than stuckAfter allows: as it was told";
    let message = |state: State| written(state).0.recent_runs.remove(0).message;
    let gone = waits("ErrImagePull").gone();
    let state = stopping(state, "ImagePullFailed");
    assert_eq!(message(state.pod(gone)).as_deref(), Some(told));

    let limited = after("12:02:00", "imagePullSeconds", "Fail");
    let state = waited(limited, "ImagePullFailed", "12:01:00");
    let nobody_saw = stopping(state, "ImagePullFailed")
        .learned(|learned| learned.gone.push(held("12:00:10").uid));
    assert_eq!(message(nobody_saw).as_deref(), Some(told));
}

#[test]
fn a_run_that_was_stopped_can_be_tried_again() {
    let again = |retry: Value| {
        let limited = after("12:02:00", "imagePullSeconds", "Fail").spec("retry", retry);
        let state = waited(limited, "ImagePullFailed", "12:01:00");
        stopping(state, "ImagePullFailed").pod(waits("ErrImagePull").gone())
    };
    check(
        "any failure is tried again",
        again(json!({"limit": 1})),
        "record(ImagePullFailed, attempt 2 at 12:02:10)",
    );
    check(
        "failures for this reason are",
        again(json!({"limit": 1, "onReasons": ["ImagePullFailed"]})),
        "record(ImagePullFailed, attempt 2 at 12:02:10)",
    );
    check(
        "failures for another reason are",
        again(json!({"limit": 1, "onReasons": ["NodeLost"]})),
        "record(end 12:00:10 ImagePullFailed)",
    );
    let (status, _) = written(again(json!({"limit": 1})));
    assert_eq!(
        status.active[0].waiting, None,
        "the next attempt waits anew"
    );
}

#[test]
fn a_clock_that_was_put_back_neither_ends_a_run_early_nor_spares_it_for_ever() {
    let images = |now, since| {
        let state = waited(
            after(now, "imagePullSeconds", "Fail"),
            "ImagePullFailed",
            since,
        );
        state.pod(waits("ErrImagePull"))
    };
    check(
        "put back by less than the limit: the wait goes on as it was",
        images("12:05:00", "12:05:59"),
        "-",
    );
    check_wake(
        "and ends when it would have",
        images("12:05:00", "12:05:59"),
        "12:06:59",
    );
    let (status, news) = written(images("12:05:00", "12:30:00"));
    let since = status.active[0].waiting.as_ref().unwrap().since;
    assert_eq!(
        since,
        Some(at("12:05:00")),
        "put back by more: it begins anew"
    );
    assert_eq!(news, [], "and that is no news");
    check(
        "it has begun anew: it ends after its limit",
        images("12:06:00", "12:05:00"),
        "record(stop ImagePullFailed)",
    );
}

#[test]
fn a_main_container_that_has_ended_ends_the_run() {
    let ended = |code| with_main([done("main", code, "12:00:20"), goes_on("helper")]);
    let seen = || once("12:00:21");
    check(
        "it succeeded: the others shall stop",
        seen().pod(ended(0)),
        "record(stop Succeeded)",
    );
    check(
        "it failed: the others shall stop",
        seen().pod(ended(3)),
        "record(stop NonZeroExit)",
    );
    check(
        "they shall stop: they are told",
        stopping(seen(), "Succeeded").pod(ended(0)),
        "stop the others",
    );
    let told =
        |code| ended(code).with(|pod| pod.deadline = Some(jiff::SignedDuration::from_secs(1)));
    check(
        "they are told: nothing, until they have ended",
        stopping(seen(), "Succeeded").pod(told(0)),
        "-",
    );
    let over = |code| {
        told(code).with(|pod| {
            pod.phase = Phase::Failed;
            pod.reason = Some("DeadlineExceeded".into());
            pod.containers[1] = done("helper", 137, "12:00:30");
        })
    };
    check(
        "they were killed: the run has succeeded",
        stopping(seen(), "Succeeded").pod(over(0)),
        "record(end 12:00:10 Succeeded)",
    );
    check(
        "they were killed: the run has failed as its main container did",
        stopping(seen(), "NonZeroExit").pod(over(3)),
        "record(end 12:00:10 NonZeroExit)",
    );
    check(
        "somebody deletes the pod meanwhile: it has succeeded all the same",
        stopping(seen(), "Succeeded").pod(told(0).deleting().gone()),
        "record(end 12:00:10 Succeeded)",
    );
    check(
        "nobody saw its end, but it is on record that it succeeded",
        stopping(seen(), "Succeeded").learned(|learned| learned.gone.push(held("12:00:10").uid)),
        "record(end 12:00:10 Succeeded)",
    );
    check(
        "all have ended, and the pod will: nothing",
        seen().pod(with_main([
            done("main", 3, "12:00:20"),
            done("helper", 0, "12:00:20"),
        ])),
        "-",
    );
}

#[test]
fn a_main_container_that_has_not_ended_for_good() {
    let seen = || once("12:00:21");
    let main = |restarts, code| SeenContainer {
        restarts,
        ..done("main", code, "12:00:20")
    };
    check(
        "it failed, and is started again",
        seen().pod(with_main([main(Restarts::OnFailure, 1), goes_on("helper")])),
        "-",
    );
    check(
        "it succeeded, and only failures are started again",
        seen().pod(with_main([main(Restarts::OnFailure, 0), goes_on("helper")])),
        "record(stop Succeeded)",
    );
    check(
        "another one ended",
        seen().pod(with_main([goes_on("main"), done("helper", 1, "12:00:20")])),
        "-",
    );
    check(
        "only a sidecar goes on, which Kubernetes ends",
        seen().pod(with_main([
            done("main", 0, "12:00:20"),
            SeenContainer {
                restarts: Restarts::Always,
                ..goes_on("helper")
            },
        ])),
        "-",
    );
    check(
        "it goes with its pod, which somebody deletes",
        seen().pod(with_main([done("main", 143, "12:00:20"), goes_on("helper")]).deleting()),
        "-",
    );
    let limited = |finished| {
        let pod = with_main([done("main", 143, finished), goes_on("helper")]);
        pod.with(|pod| pod.deadline = Some(jiff::SignedDuration::from_secs(10)))
    };
    check(
        "the kubelet ends it at its deadline, and the other too",
        seen().pod(limited("12:00:20")),
        "-",
    );
    check(
        "it ended before its deadline",
        seen().pod(limited("12:00:19")),
        "record(stop NonZeroExit)",
    );
}

#[test]
fn the_record_of_a_run_with_a_main_container_is_about_that() {
    let pod = with_main([done("helper", 9, "12:00:12"), done("main", 3, "12:00:20")]);
    let state = once("12:00:30").pod(pod.with(|pod| pod.phase = Phase::Failed));
    let run = written(state).0.recent_runs.remove(0);
    assert_eq!(run.exit_code, Some(3), "though the other failed first");
    assert_eq!(run.last_lines, ["main says this"]);
    assert_eq!(
        run.message.as_deref(),
        Some("container \"main\" exited with code 3")
    );
}

#[test]
fn a_main_container_that_does_not_exist_is_told_before_the_first_fire() {
    let named = |name: &str| {
        let spec = json!({"spec": {"containers": [{"name": "app"}, {"name": "proxy"}]}});
        let state = when("12:00:05").edited("template", spec);
        state.spec("mainContainer", name)
    };
    let (status, _) = written(named("main"));
    let ready = &status.conditions[0];
    assert_eq!(ready.reason, "InvalidPod");
    assert_eq!(
        ready.message,
        "spec.mainContainer: \"main\" is none of spec.template.spec.containers: it has \"app\", \
         \"proxy\""
    );
    check("it exists: the template is tried", named("app"), "try");
}

#[test]
fn a_long_run_is_asked_about_now_and_then() {
    // The first time is between 10 and 20 minutes after its claim, and differs by schedule.
    let state = |now| once(now).pod(running("12:00:10"));
    let wake = state("12:00:20").plan().wake_at.unwrap();
    let earliest = at("12:10:10");
    assert!(earliest <= wake && wake < at("12:20:10"), "{wake}");
    let then = wake.strftime("%T").to_string();
    check("it is time", state(&then), "ask");
    check(
        "it is there",
        state(&then).learned(|learned| learned.found.push(held("12:00:10").uid)),
        "-",
    );
    check(
        "it is gone, and no watch said so",
        once(&then)
            .pod(running("12:00:10").gone())
            .learned(|learned| learned.gone.push(held("12:00:10").uid)),
        "record(end 12:00:10 PodDeleted)",
    );
    let before = (wake - jiff::SignedDuration::from_secs(1))
        .strftime("%T")
        .to_string();
    check("it is not yet time", state(&before), "-");
    check_wake("and then it will be", state(&before), &then);
    let again = state(&then).learned(|learned| learned.found.push(held("12:00:10").uid));
    let again = again.plan().wake_at.unwrap();
    assert_eq!(again.duration_since(wake).as_mins(), 10, "and again");
}

#[test]
fn a_run_of_another_cluster_ends() {
    let restored = || once("13:00:00");
    check("its pod isn't seen", restored(), "ask");
    check(
        "its uid is not known here",
        restored().learned(|learned| learned.gone.push(held("12:00:10").uid)),
        "record(end 12:00:10 PodDeleted)",
    );
}

#[test]
fn a_wait_that_is_shown_stays_for_a_moment() {
    let shown = |state| waited(state, "Unschedulable", "12:00:15").pod(released("12:00:10"));
    check("it has ended at once", shown(once("12:00:16")), "-");
    check_wake("when to say so", shown(once("12:00:16")), "12:00:17");
    check("a moment later", shown(once("12:00:17")), "record()");
    // What is only shown makes no run stuck.
    let limit = json!({"unschedulableSeconds": 1, "action": "Fail"});
    let limited = once("12:00:16").spec("stuckAfter", limit);
    check("its limit is shorter than that", shown(limited), "-");
}
