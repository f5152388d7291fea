//! How runs end and why they wait, as rows: what is seen of a pod, and what is said of it.

use jiff::Timestamp;
use punctual::{
    api::{ActiveRun, Outcome, RunRecord},
    core::{
        outcome::{ending, vanished, waiting},
        run::{ContainerState, Phase, Presence, Restarts, SeenContainer, SeenPod, Terminated},
    },
};

fn at(time: &str) -> Timestamp {
    format!("2026-11-20T{time}Z").parse().unwrap()
}

fn active() -> ActiveRun {
    ActiveRun {
        name: "hello".into(),
        uid: "1".into(),
        fire_time: at("12:00:00"),
        claim_time: at("12:00:00"),
        attempt: 1,
        uncounted: 0,
        catching_up: false,
        retry: None,
        waiting: None,
        stopping: None,
    }
}

/// A pod in this phase, without containers.
fn pod(phase: Phase) -> SeenPod {
    SeenPod {
        held: false,
        phase,
        node: Some("node-1".into()),
        started: Some(at("12:00:01")),
        ..SeenPod::just_made("hello".into(), "1".into(), at("12:00:00"))
    }
}

fn failed() -> SeenPod {
    pod(Phase::Failed)
}

/// A container that ended like this, at this time.
fn ended(name: &str, code: i32, reason: &str, finished: &str) -> SeenContainer {
    let state = ContainerState::Terminated(Terminated {
        exit_code: code,
        reason: reason.into(),
        started: Some(at("12:00:02")),
        finished: Some(at(finished)),
        ..Terminated::default()
    });
    container(name, state)
}

/// A container that ended badly and said this last.
fn said(text: &str) -> SeenContainer {
    let state = ContainerState::Terminated(Terminated {
        exit_code: 1,
        message: text.into(),
        ..Terminated::default()
    });
    container("main", state)
}

fn waits(reason: &str, message: &str) -> SeenContainer {
    let (reason, message) = (reason.into(), message.into());
    container("main", ContainerState::Waiting { reason, message })
}

fn container(name: &str, state: ContainerState) -> SeenContainer {
    SeenContainer {
        name: name.into(),
        state,
        restarts: Restarts::Never,
        ready: true,
    }
}

/// Small changes of a pod.
trait Altered: Sized {
    fn with(self, change: impl FnOnce(&mut SeenPod)) -> SeenPod;

    fn container(self, container: SeenContainer) -> SeenPod {
        self.with(|pod| pod.containers.push(container))
    }

    fn reason(self, reason: &str) -> SeenPod {
        self.with(|pod| pod.reason = Some(reason.into()))
    }

    fn disrupted(self, reason: &str) -> SeenPod {
        self.with(|pod| pod.disruption = Some((reason.into(), "as it was told".into())))
    }

    fn gone(self) -> SeenPod {
        self.with(|pod| pod.presence = Presence::Gone)
    }
}

impl Altered for SeenPod {
    fn with(mut self, change: impl FnOnce(&mut SeenPod)) -> SeenPod {
        change(&mut self);
        self
    }
}

/// The API under test. The pod is seen at 12:00:30.
fn record(pod: &SeenPod) -> Option<RunRecord> {
    let (record, reason) = ending(&active(), pod, at("12:00:30"))?;
    assert_eq!(record.reason, reason.name());
    Some(record)
}

/// Asserts how a run has ended, and with which exit code.
#[track_caller]
fn check(sentence: &str, pod: SeenPod, reason: &str, code: Option<i32>) {
    let record = record(&pod).unwrap_or_else(|| panic!("{sentence}: it has not ended"));
    assert_eq!(
        (record.reason.as_str(), record.exit_code),
        (reason, code),
        "{sentence}"
    );
    let expected = match reason {
        "Succeeded" => Outcome::Succeeded,
        _ => Outcome::Failed,
    };
    assert_eq!(record.outcome, expected, "{sentence}");
    let says_why = record.message.is_some_and(|message| !message.is_empty());
    assert_eq!(
        says_why,
        reason != "Succeeded",
        "{sentence}: a failure says why"
    );
}

#[test]
fn a_run_goes_on_until_nothing_can_change_it() {
    for (sentence, pod) in [
        ("pending", pod(Phase::Pending)),
        ("running", pod(Phase::Running)),
        ("on a node that doesn't answer", pod(Phase::Unknown)),
        (
            "being deleted",
            pod(Phase::Running).with(|pod| pod.deleting = true),
        ),
        (
            "no longer shown by the watch",
            pod(Phase::Running).with(|pod| pod.presence = Presence::Missing),
        ),
        (
            "one of its containers ended",
            pod(Phase::Running).container(ended("main", 1, "Error", "12:00:09")),
        ),
    ] {
        assert_eq!(record(&pod), None, "{sentence}");
    }
}

#[test]
fn a_run_that_succeeded() {
    let done = || pod(Phase::Succeeded).container(ended("main", 0, "Completed", "12:00:09"));
    check("ended with 0", done(), "Succeeded", None);
    check(
        "ended with 0, then deleted",
        done().gone(),
        "Succeeded",
        None,
    );
    check(
        "ended with 0 while it was being disrupted",
        done().disrupted("EvictionByEvictionAPI"),
        "Succeeded",
        None,
    );
}

#[test]
fn a_run_that_a_container_failed() {
    let with = |container| failed().container(container);
    check(
        "a code other than 0",
        with(ended("main", 3, "Error", "12:00:09")),
        "NonZeroExit",
        Some(3),
    );
    check(
        "more memory than its limit",
        with(ended("main", 137, "OOMKilled", "12:00:09")),
        "OOMKilled",
        Some(137),
    );
    check(
        "a program that isn't there",
        with(ended("main", 128, "StartError", "12:00:09")),
        "ContainerConfigError",
        Some(128),
    );
    check(
        "an older runtime's word for it",
        with(ended("main", 127, "ContainerCannotRun", "12:00:09")),
        "ContainerConfigError",
        Some(127),
    );
    check(
        "two failed: the first of them decides",
        with(ended("late", 1, "Error", "12:00:20"))
            .container(ended("early", 2, "Error", "12:00:10")),
        "NonZeroExit",
        Some(2),
    );
    check(
        "one failed after another ended well",
        with(ended("good", 0, "Completed", "12:00:05"))
            .container(ended("bad", 4, "Error", "12:00:10")),
        "NonZeroExit",
        Some(4),
    );
    check(
        "an init container failed",
        with(SeenContainer {
            ..ended("init", 5, "Error", "12:00:03")
        }),
        "NonZeroExit",
        Some(5),
    );
}

/// A sidecar that was killed in the end, before this time.
fn sidecar(code: i32, finished: &str) -> SeenContainer {
    SeenContainer {
        restarts: Restarts::Always,
        ..ended("sidecar", code, "Error", finished)
    }
}

#[test]
fn how_a_sidecar_ends_says_nothing() {
    check(
        "killed after the others had ended well",
        pod(Phase::Succeeded)
            .container(sidecar(137, "12:00:19"))
            .container(ended("main", 0, "Completed", "12:00:09")),
        "Succeeded",
        None,
    );
    check(
        "it failed first, but the other one decides",
        failed()
            .container(sidecar(143, "12:00:05"))
            .container(ended("main", 3, "Error", "12:00:09")),
        "NonZeroExit",
        Some(3),
    );
    check(
        "nobody else failed, and nobody says why",
        failed()
            .container(sidecar(137, "12:00:19"))
            .container(ended("main", 0, "Completed", "12:00:09")),
        "PodFailed",
        None,
    );
}

#[test]
fn how_a_main_container_ends_says_all() {
    let main = |code| {
        failed()
            .with(|pod| pod.main = Some("main".into()))
            .container(ended("helper", 9, "Error", "12:00:05"))
            .container(ended("main", code, "Error", "12:00:09"))
    };
    check("it succeeded", main(0), "Succeeded", Some(0));
    check("it failed, as the second", main(3), "NonZeroExit", Some(3));
    check(
        "it succeeded on a node that was short of disk then",
        main(0).reason("Evicted"),
        "Succeeded",
        Some(0),
    );
    check(
        "it failed on such a node",
        main(137).reason("Evicted"),
        "Evicted",
        Some(137),
    );
    let limited = |code, seconds| {
        main(code).reason("DeadlineExceeded").with(|pod| {
            pod.deadline = Some(jiff::SignedDuration::from_secs(seconds));
        })
    };
    check(
        "it ended before the deadline, and only the others ran into that",
        limited(0, 20),
        "Succeeded",
        Some(0),
    );
    check(
        "it ended by the deadline",
        limited(143, 8),
        "DeadlineExceeded",
        Some(143),
    );
    check(
        "it ended well, but by the deadline",
        limited(0, 8),
        "DeadlineExceeded",
        Some(9),
    );
    let mut stopping = active();
    stopping.stopping = Some("Replaced".into());
    let (record, _) = ending(&stopping, &main(143).gone(), at("12:00:30")).unwrap();
    assert_eq!(record.reason, "Replaced", "we stopped all of them");
}

#[test]
fn a_run_that_kubernetes_ended() {
    let killed = || failed().container(ended("main", 137, "Error", "12:00:09"));
    for (said, ours) in [
        ("DeadlineExceeded", "DeadlineExceeded"),
        ("Evicted", "Evicted"),
        ("Preempting", "Preempted"),
        ("NodeLost", "NodeLost"),
        ("Terminated", "NodeShutdown"),
        ("NodeShutdown", "NodeShutdown"),
        ("NodeAffinity", "RefusedByNode"),
        ("OutOfcpu", "RefusedByNode"),
        ("UnexpectedAdmissionError", "RefusedByNode"),
    ] {
        check(said, killed().reason(said), ours, Some(137));
    }
    for (said, ours) in [
        ("PreemptionByScheduler", "Preempted"),
        ("DeletionByTaintManager", "NodeLost"),
        ("DeletionByPodGC", "NodeLost"),
        ("TerminationByKubelet", "NodeShutdown"),
        ("EvictionByEvictionAPI", "Evicted"),
    ] {
        check(said, killed().disrupted(said), ours, Some(137));
    }
    check("nobody says why", failed(), "PodFailed", None);
    check(
        "for a reason that only Kubernetes names",
        failed().reason("Whatever"),
        "PodFailed",
        None,
    );
}

#[test]
fn a_run_that_somebody_ended() {
    let running = || pod(Phase::Running);
    check("gone while it ran", running().gone(), "PodDeleted", None);
    check(
        "gone before it was released",
        pod(Phase::Pending).with(|pod| pod.held = true).gone(),
        "PodDeleted",
        None,
    );
    check(
        "failed while it was being deleted",
        failed()
            .with(|pod| pod.deleting = true)
            .container(ended("main", 143, "Error", "12:00:09")),
        "PodDeleted",
        Some(143),
    );
    check(
        "gone after its node was drained",
        running().disrupted("EvictionByEvictionAPI").gone(),
        "Evicted",
        None,
    );
    let mut stopping = active();
    stopping.stopping = Some("DeadlineExceeded".into());
    let (record, _) = ending(&stopping, &running().gone(), at("12:00:30")).unwrap();
    assert_eq!(
        record.reason, "DeadlineExceeded",
        "we stopped it at its deadline"
    );
    assert_eq!(
        vanished(&stopping, at("12:00:30")).0.reason,
        "DeadlineExceeded"
    );
    assert_eq!(vanished(&active(), at("12:00:30")).0.reason, "PodDeleted");
}

#[test]
fn a_record_says_when_and_where() {
    let pod = failed().container(ended("main", 1, "Error", "12:00:09"));
    let found = record(&pod).unwrap();
    assert_eq!(found.started, Some(at("12:00:02")));
    assert_eq!(found.finished, at("12:00:09"));
    assert_eq!(found.node.as_deref(), Some("node-1"));
    let found = record(&failed()).unwrap();
    assert_eq!(found.finished, at("12:00:30"), "else when it was noticed");
}

/// The last lines of a run whose container said this.
fn lines(text: &str) -> Vec<String> {
    record(&failed().container(said(text))).unwrap().last_lines
}

#[test]
fn last_lines_are_few_short_and_harmless() {
    assert_eq!(
        lines("one\ntwo\n\n  \n"),
        ["one", "two"],
        "empty ones are left out"
    );
    let many: String = (0..50).map(|number| format!("line {number}\n")).collect();
    let kept = lines(&many);
    assert_eq!(
        (kept.len(), kept[9].as_str()),
        (10, "line 49"),
        "the last ten"
    );
    assert!(
        lines(&"ü".repeat(5_000))[0].chars().count() <= 200,
        "not too long"
    );
    let escaped = lines("\u{1b}[31mred\u{7}\r\u{9b}2J");
    assert!(
        !escaped[0].chars().any(char::is_control),
        "nothing that a terminal obeys: {escaped:?}"
    );
    let nasty = "\u{1b}".repeat(5_000);
    assert!(
        lines(&nasty)[0].len() <= 200 * 8,
        "bounded when all is escaped"
    );
    let fine = pod(Phase::Succeeded).container(ended("main", 0, "Completed", "12:00:09"));
    assert!(
        record(&fine).unwrap().last_lines.is_empty(),
        "of failures only"
    );
}

#[test]
fn messages_from_elsewhere_are_one_bounded_line() {
    let long = format!("first\nsecond {}", "ü".repeat(5_000));
    let pod = failed()
        .reason("Evicted")
        .with(|pod| pod.message = Some(long));
    let message = record(&pod).unwrap().message.unwrap();
    assert!(message.starts_with("first second "));
    assert!(message.chars().count() <= 501, "cut with an ellipsis");
    let pod = failed()
        .reason("Evicted")
        .with(|pod| pod.message = Some("\u{1b}[2Jboo".into()));
    let message = record(&pod).unwrap().message.unwrap();
    assert!(!message.chars().any(char::is_control), "{message:?}");
}

#[test]
fn why_a_run_waits() {
    let pending = || pod(Phase::Pending);
    let reason = |pod: SeenPod| waiting(&pod).map(|(reason, _)| reason.name());
    for said in [
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "ErrImageNeverPull",
    ] {
        assert_eq!(
            reason(pending().container(waits(said, ""))),
            Some("ImagePullFailed"),
            "{said}"
        );
    }
    for said in [
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    ] {
        let found = reason(pending().container(waits(said, "")));
        assert_eq!(found, Some("ContainerConfigError"), "{said}");
    }
    for said in ["ContainerCreating", "PodInitializing"] {
        assert_eq!(
            reason(pending().container(waits(said, ""))),
            None,
            "{said} is progress"
        );
    }
    let nowhere = || pending().with(|pod| pod.unschedulable = Some("0/1 nodes".into()));
    assert_eq!(reason(nowhere()), Some("Unschedulable"));
    assert_eq!(
        reason(nowhere().with(|pod| pod.held = true)),
        None,
        "held pods wait for us"
    );
    assert_eq!(reason(nowhere().with(|pod| pod.deleting = true)), None);
    assert_eq!(
        reason(pod(Phase::Running).container(waits("CrashLoopBackOff", ""))),
        Some("CrashLooping"),
        "with OnFailure a run that fails never ends by itself"
    );
    assert_eq!(
        reason(failed().container(waits("ImagePullBackOff", ""))),
        None,
        "it ended"
    );
}

#[test]
fn a_message_about_waiting_names_the_container_and_is_bounded() {
    let pod = pod(Phase::Pending).container(waits("ErrImagePull", &"x".repeat(9_000)));
    let (_, message) = waiting(&pod).unwrap();
    assert!(message.starts_with("container \"main\": image can't be pulled: xxx"));
    assert!(message.chars().count() < 600);
}
