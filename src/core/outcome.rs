//! From what is seen of a pod to how its run ended, or to why it makes no progress.

use jiff::Timestamp;

use super::{
    reason::Reason,
    run::{
        ContainerState, ENDED_DEADLINE, Phase, Presence, Restarts, SeenContainer, SeenPod,
        Terminated,
    },
};
use crate::api::{ActiveRun, Outcome, RunRecord};

/// How many of the last lines of a failed run its record keeps.
pub(super) const LINES: usize = 10;
/// How many characters of each.
const LINE_LENGTH: usize = 200;
/// How many characters of a message from elsewhere.
const MESSAGE_LENGTH: usize = 500;

/// The record of a run whose pod can no longer start or go on: it ended, or it is gone.
/// `None` while it may still change.
pub fn ending(active: &ActiveRun, pod: &SeenPod, now: Timestamp) -> Option<(RunRecord, Reason)> {
    if !pod.ended() && pod.presence != Presence::Gone {
        return None;
    }
    let (reason, message, decider) = why(active, pod);
    let outcome = outcome(reason);
    let ends = ends(pod).filter_map(|(_, ended)| ended.finished);
    let last_lines = match outcome {
        Outcome::Succeeded => Vec::new(),
        Outcome::Failed => decider
            .map(|(_, ended)| last_lines(&ended.message))
            .unwrap_or_default(),
    };
    let record = RunRecord {
        name: active.name.clone(),
        uid: active.uid.clone(),
        fire_time: active.fire_time,
        attempts: active.attempt,
        outcome,
        reason: reason.name().into(),
        message,
        exit_code: decider.map(|(_, ended)| ended.exit_code),
        started: first_start(pod),
        finished: super::status::whole_second(ends.max().unwrap_or(now)),
        node: pod.node.clone(),
        last_lines,
    };
    Some((record, reason))
}

/// The record of a run whose pod is gone, without a trace of how it ended.
pub fn vanished(active: &ActiveRun, now: Timestamp) -> (RunRecord, Reason) {
    let (reason, message) = match stopping(active) {
        Some(reason) => (reason, stopped(active, reason)),
        None => (
            Reason::PodDeleted,
            Some("the run's pod is gone and nobody saw how it ended".to_owned()),
        ),
    };
    let record = RunRecord {
        name: active.name.clone(),
        uid: active.uid.clone(),
        fire_time: active.fire_time,
        attempts: active.attempt,
        outcome: outcome(reason),
        reason: reason.name().into(),
        message,
        exit_code: None,
        started: None,
        finished: super::status::whole_second(now),
        node: None,
        last_lines: Vec::new(),
    };
    (record, reason)
}

/// Why a run makes no progress, if it makes none. What may pass by itself is named too: a node may
/// come, a registry may answer again.
pub fn waiting(pod: &SeenPod) -> Option<(Reason, String)> {
    if pod.held || pod.ended() || pod.deleting {
        return None;
    }
    if let Some(message) = &pod.unschedulable {
        return Some((Reason::Unschedulable, cut(message)));
    }
    pod.containers.iter().find_map(|container| {
        let ContainerState::Waiting { reason, message } = &container.state else {
            return None;
        };
        // The kubelet goes back and forth between the error and its back-off, so both are one reason,
        // and the message names what stays the same.
        let (ours, what) = match reason.as_str() {
            "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "RegistryUnavailable"
            | "ImageInspectError"
            | "SignatureValidationFailed" => (Reason::ImagePullFailed, "image can't be pulled"),
            "CreateContainerConfigError"
            | "CreateContainerError"
            | "RunContainerError"
            | "PreCreateHookError"
            | "PreStartHookError"
            | "PostStartHookError" => (Reason::ContainerConfigError, "container can't be created"),
            "CrashLoopBackOff" => (Reason::CrashLooping, "container fails again and again"),
            _ => return None,
        };
        let message = if message.is_empty() { reason } else { message };
        Some((
            ours,
            format!("container \"{}\": {what}: {}", container.name, cut(message)),
        ))
    })
}

/// What a run that goes on is not ready for, as its probes see it.
pub fn not_ready(pod: &SeenPod) -> Option<(Reason, String)> {
    if pod.phase != Phase::Running || pod.deleting {
        return None;
    }
    let unready = pod.containers.iter().find(|container| {
        matches!(container.state, ContainerState::Running { .. }) && !container.ready
    })?;
    let message = format!("container \"{}\" runs but is not ready", unready.name);
    Some((Reason::NotReady, message))
}

/// Why a run ends that its main container has ended by itself, if it has: Succeeded, or how it failed.
pub fn main_reason(active: &ActiveRun, pod: &SeenPod) -> Option<Reason> {
    let (name, ended) = main_end(pod)?;
    let reason = match ended.exit_code {
        0 => Reason::Succeeded,
        _ => by_container(name, ended).0,
    };
    if let Some(stopping) = stopping(active) {
        // Else we stopped it, and that ended it.
        return (stopping == reason).then_some(reason);
    }
    in_time(pod, ended).then_some(reason)
}

/// Whether a pod that has ended counts among the succeeded ones. Its phase alone doesn't say so: it is
/// Failed where the main container has succeeded and the others had to be stopped.
pub fn has_succeeded(pod: &SeenPod) -> bool {
    // The others are stopped by a deadline that has passed by then.
    let told = pod.deadline.is_some_and(|end| end <= ENDED_DEADLINE);
    let by_main = main_end(pod)
        .is_some_and(|(_, ended)| ended.exit_code == 0 && (told || in_time(pod, ended)));
    pod.phase == Phase::Succeeded || by_main
}

/// Whether a container ended before the pod's deadline: at that the kubelet stops all containers, and
/// the main one may be the first to go.
fn in_time(pod: &SeenPod, ended: &Terminated) -> bool {
    let deadline = pod
        .started
        .zip(pod.deadline)
        .and_then(|(started, deadline)| started.checked_add(deadline).ok());
    deadline.is_none_or(|deadline| ended.finished.is_none_or(|end| end < deadline))
}

/// Whether containers go on although the main one has ended. Sidecars don't count: Kubernetes ends
/// them.
pub fn others_go_on(pod: &SeenPod) -> bool {
    let mut others = pod.containers.iter();
    others.any(|container| match container.state {
        ContainerState::Terminated(_) => false,
        ContainerState::Waiting { .. } | ContainerState::Running { .. } => {
            container.restarts != Restarts::Always
        }
    })
}

type Decider<'a> = Option<(&'a str, &'a Terminated)>;

fn why<'a>(active: &ActiveRun, pod: &'a SeenPod) -> (Reason, Option<String>, Decider<'a>) {
    let by_main = main_reason(active, pod);
    if by_main == Some(Reason::Succeeded) {
        return (Reason::Succeeded, None, main_end(pod));
    }
    if pod.phase == Phase::Succeeded {
        return (Reason::Succeeded, None, None);
    }
    let main = main_end(pod).filter(|(_, ended)| ended.exit_code != 0);
    let decider = main.or_else(|| first_failure(pod));
    let stopping = stopping(active);
    if let Some(reason) = stopping.filter(|_| by_main.is_none()) {
        return (reason, stopped(active, reason), decider);
    }
    let said = pod.reason.as_deref().and_then(by_pod_reason);
    // Once the main container has ended, a deadline is how the others were stopped.
    let said = said.filter(|&said| by_main.is_none() || said != Reason::DeadlineExceeded);
    if let Some(reason) = said {
        let message = pod.message.as_deref().unwrap_or(reason.meaning());
        return (reason, Some(cut(message)), decider);
    }
    if let Some((reason, message)) = &pod.disruption {
        let reason = by_disruption(reason);
        return (reason, Some(cut(message)), decider);
    }
    let cut_short = pod.deleting || pod.presence == Presence::Gone;
    // What had ended before is not cut short.
    if cut_short && stopping.is_none() {
        let message = "somebody deleted the run's pod before it had ended";
        return (Reason::PodDeleted, Some(message.into()), decider);
    }
    match decider {
        Some((name, ended)) => {
            let (reason, message) = by_container(name, ended);
            (reason, Some(message), decider)
        }
        None => {
            let said = [&pod.reason, &pod.message].into_iter().flatten().cloned();
            let said = said.collect::<Vec<_>>().join(": ");
            let message = if said.is_empty() {
                "no container says why".into()
            } else {
                cut(&said)
            };
            (Reason::PodFailed, Some(message), None)
        }
    }
}

fn by_container(name: &str, ended: &Terminated) -> (Reason, String) {
    match ended.reason.as_str() {
        "OOMKilled" => (
            Reason::OOMKilled,
            format!("container \"{name}\" used more memory than its limit and was killed"),
        ),
        "StartError" | "ContainerCannotRun" => (
            Reason::ContainerConfigError,
            format!("container \"{name}\" can't start: {}", cut(&ended.message)),
        ),
        _ => {
            let signal = ended
                .signal
                .map(|signal| format!(" (signal {signal})"))
                .unwrap_or_default();
            let code = ended.exit_code;
            (
                Reason::NonZeroExit,
                format!("container \"{name}\" exited with code {code}{signal}"),
            )
        }
    }
}

/// The reasons that kubelet and controllers write into a pod's own status.
fn by_pod_reason(reason: &str) -> Option<Reason> {
    Some(match reason {
        "DeadlineExceeded" => Reason::DeadlineExceeded,
        "Evicted" => Reason::Evicted,
        "Preempting" | "Preempted" => Reason::Preempted,
        "NodeLost" => Reason::NodeLost,
        "Terminated" | "Shutdown" | "NodeShutdown" => Reason::NodeShutdown,
        "NodeAffinity"
        | "NodePorts"
        | "UnexpectedAdmissionError"
        | "TopologyAffinityError"
        | "InvalidNodeInfo"
        | "AppArmor"
        | "SysctlForbidden"
        | "PodOSNotSupported" => Reason::RefusedByNode,
        other if other.starts_with("OutOf") => Reason::RefusedByNode,
        _ => return None,
    })
}

/// The reasons of the pod condition DisruptionTarget.
fn by_disruption(reason: &str) -> Reason {
    match reason {
        "PreemptionByScheduler" => Reason::Preempted,
        "DeletionByTaintManager" | "DeletionByPodGC" => Reason::NodeLost,
        "TerminationByKubelet" => Reason::NodeShutdown,
        _ => Reason::Evicted,
    }
}

fn stopping(active: &ActiveRun) -> Option<Reason> {
    Reason::by_name(active.stopping.as_deref()?)
}

/// What is said of a run that we stopped.
fn stopped(active: &ActiveRun, reason: Reason) -> Option<String> {
    if reason == Reason::Succeeded {
        return None;
    }
    let waiting = active.waiting.as_ref();
    Some(
        match waiting.filter(|waiting| waiting.reason == reason.name()) {
            Some(waiting) => {
                let message = &waiting.message;
                format!("it made no progress for longer than stuckAfter allows: {message}")
            }
            None => reason.meaning().to_owned(),
        },
    )
}

fn outcome(reason: Reason) -> Outcome {
    match reason {
        Reason::Succeeded => Outcome::Succeeded,
        _ => Outcome::Failed,
    }
}

/// The main container, if one is named and has ended for good.
fn main_end(pod: &SeenPod) -> Decider<'_> {
    Some((pod.main.as_deref()?, pod.main_end()?))
}

fn ends(pod: &SeenPod) -> impl Iterator<Item = (&SeenContainer, &Terminated)> {
    pod.containers
        .iter()
        .filter_map(|container| match &container.state {
            ContainerState::Terminated(ended) => Some((container, ended)),
            ContainerState::Waiting { .. } | ContainerState::Running { .. } => None,
        })
}

/// The container that failed first: what failed after it may have failed because of it. Sidecars are
/// killed in the end, and that is no failure.
fn first_failure(pod: &SeenPod) -> Decider<'_> {
    ends(pod)
        .filter(|(container, ended)| ended.exit_code != 0 && container.restarts != Restarts::Always)
        .map(|(container, ended)| (container.name.as_str(), ended))
        .min_by_key(|(_, ended)| ended.finished.unwrap_or(Timestamp::MAX))
}

fn first_start(pod: &SeenPod) -> Option<Timestamp> {
    let starts = pod
        .containers
        .iter()
        .filter_map(|container| match &container.state {
            ContainerState::Terminated(ended) => ended.started,
            ContainerState::Running { since } => *since,
            ContainerState::Waiting { .. } => None,
        });
    starts.min()
}

fn last_lines(message: &str) -> Vec<String> {
    let mut lines: Vec<String> = message
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty())
        .take(LINES)
        .map(|line| printable(line, LINE_LENGTH))
        .collect();
    lines.reverse();
    lines
}

/// The first characters of a line, without control characters: those could make a terminal do things.
fn printable(line: &str, length: usize) -> String {
    let mut shown = String::new();
    for character in line.chars().take(length) {
        if character.is_control() && character != '\t' {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// A message from elsewhere on one line, without control characters, and not too long.
pub fn cut(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = printable(&line, MESSAGE_LENGTH);
    match line.chars().nth(MESSAGE_LENGTH) {
        Some(_) => format!("{shown}…"),
        None => shown,
    }
}
