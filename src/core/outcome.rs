//! From what is seen of a pod to how its run ended, or to why it makes no progress.

use jiff::Timestamp;

use super::{
    reason::Reason,
    run::{ContainerState, Phase, Presence, SeenPod, Terminated},
};
use crate::api::{ActiveRun, Outcome, RunRecord};

/// How many of the last lines of a failed run its record keeps.
const LINES: usize = 10;
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
    let outcome = match reason {
        Reason::Succeeded => Outcome::Succeeded,
        _ => Outcome::Failed,
    };
    let ends = terminated(pod).filter_map(|(_, ended)| ended.finished);
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
    let reason = stopping(active).unwrap_or(Reason::PodDeleted);
    let message = match reason {
        Reason::PodDeleted => "the run's pod is gone and nobody saw how it ended".to_owned(),
        other => other.meaning().to_owned(),
    };
    let record = RunRecord {
        name: active.name.clone(),
        uid: active.uid.clone(),
        fire_time: active.fire_time,
        attempts: active.attempt,
        outcome: Outcome::Failed,
        reason: reason.name().into(),
        message: Some(message),
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

type Decider<'a> = Option<(&'a str, &'a Terminated)>;

fn why<'a>(active: &ActiveRun, pod: &'a SeenPod) -> (Reason, Option<String>, Decider<'a>) {
    let decider = first_failure(pod);
    if pod.phase == Phase::Succeeded {
        return (Reason::Succeeded, None, None);
    }
    if let Some(reason) = stopping(active) {
        return (reason, Some(reason.meaning().into()), decider);
    }
    if let Some(reason) = pod.reason.as_deref().and_then(by_pod_reason) {
        let message = pod.message.as_deref().unwrap_or(reason.meaning());
        return (reason, Some(cut(message)), decider);
    }
    if let Some((reason, message)) = &pod.disruption {
        let reason = by_disruption(reason);
        return (reason, Some(cut(message)), decider);
    }
    if pod.deleting || pod.presence == Presence::Gone {
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
    let name = active.stopping.as_deref()?;
    Reason::ALL
        .iter()
        .copied()
        .find(|reason| reason.name() == name)
}

fn terminated(pod: &SeenPod) -> impl Iterator<Item = (&str, &Terminated)> {
    pod.containers
        .iter()
        .filter_map(|container| match &container.state {
            ContainerState::Terminated(ended) => Some((container.name.as_str(), ended)),
            ContainerState::Waiting { .. } | ContainerState::Running { .. } => None,
        })
}

/// The container that failed first: what failed after it may have failed because of it.
fn first_failure(pod: &SeenPod) -> Decider<'_> {
    terminated(pod)
        .filter(|(_, ended)| ended.exit_code != 0)
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
