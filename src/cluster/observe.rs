//! Observe: from Kubernetes' pods to `SeenPod`: only what is read of them is ever kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ContainerState as ApiState, ContainerStatus, Pod, PodStatus};
use kube::{Resource, api::ObjectMeta};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    api::{GROUP, ScheduledContainer},
    core::{
        run::{
            ATTEMPT_ANNOTATION, ContainerState, FIRE_ANNOTATION, GENERATION_ANNOTATION, HOLD,
            Phase, Presence, SCHEDULE_LABEL, SeenContainer, SeenPod, Terminated,
        },
        schedule_ref::ScheduleRef,
    },
};

/// A schedule, its spec and status not yet decoded: one that can't be must not keep the list of all
/// the others from being read.
#[derive(Resource, Serialize, Deserialize, Clone, Debug)]
#[resource(inherit = ScheduledContainer)]
pub struct ObservedSchedule {
    pub metadata: ObjectMeta,
    #[serde(default)]
    pub spec: Option<Box<RawValue>>,
    #[serde(default)]
    pub status: Option<Box<RawValue>>,
}

/// A pod, decoded no further than we look.
#[derive(Resource, Serialize, Deserialize, Clone, Debug)]
#[resource(inherit = Pod)]
pub struct ObservedPod {
    pub metadata: ObjectMeta,
    #[serde(default)]
    pub spec: ObservedSpec,
    #[serde(default)]
    pub status: PodStatus,
}

/// The part of a pod's spec that we look at.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
#[serde(rename_all = "camelCase")]
pub struct ObservedSpec {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scheduling_gates: Vec<Gate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
}

/// A scheduling gate.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Gate {
    pub name: String,
}

/// The schedule that owns a pod, by its controller reference; `None` if no schedule does.
pub fn owner(metadata: &ObjectMeta) -> Option<ScheduleRef> {
    let reference = metadata
        .owner_references
        .iter()
        .flatten()
        .find(|reference| {
            reference.controller == Some(true)
                && reference.kind == ScheduledContainer::kind(&())
                && reference.api_version.split('/').next() == Some(GROUP)
        })?;
    Some(ScheduleRef {
        namespace: metadata.namespace.clone()?,
        name: reference.name.clone(),
        uid: reference.uid.clone(),
    })
}

/// What is seen of a pod. What somebody made unreadable is seen as the pod of no coming fire.
pub fn seen_pod(pod: ObservedPod) -> SeenPod {
    let ObservedPod {
        metadata,
        spec,
        status,
    } = pod;
    let annotations = metadata.annotations.unwrap_or_default();
    let labels = metadata.labels.unwrap_or_default();
    SeenPod {
        fire: parsed(&annotations, FIRE_ANNOTATION).unwrap_or(Timestamp::UNIX_EPOCH),
        // Pods of versions that knew no further attempts don't say.
        attempt: parsed(&annotations, ATTEMPT_ANNOTATION).unwrap_or(1),
        generation: parsed(&annotations, GENERATION_ANNOTATION).unwrap_or(0),
        name: metadata.name.unwrap_or_default(),
        uid: metadata.uid.unwrap_or_default(),
        resource_version: metadata.resource_version.unwrap_or_default(),
        held: spec.scheduling_gates.iter().any(|gate| gate.name == HOLD),
        deleting: metadata.deletion_timestamp.is_some(),
        presence: match labels.contains_key(SCHEDULE_LABEL) {
            true => Presence::Here,
            false => Presence::Missing,
        },
        phase: phase(status.phase.as_deref()),
        node: spec.node_name,
        started: status.start_time.as_ref().map(|time| time.0),
        disruption: condition(&status, "DisruptionTarget", "True", None),
        unschedulable: condition(&status, "PodScheduled", "False", Some("Unschedulable"))
            .map(|(_, message)| message),
        containers: containers(&status),
        reason: status.reason,
        message: status.message,
    }
}

fn parsed<T: std::str::FromStr>(annotations: &BTreeMap<String, String>, key: &str) -> Option<T> {
    annotations.get(key)?.parse().ok()
}

fn phase(phase: Option<&str>) -> Phase {
    match phase {
        Some("Running") => Phase::Running,
        Some("Succeeded") => Phase::Succeeded,
        Some("Failed") => Phase::Failed,
        Some("Unknown") => Phase::Unknown,
        _ => Phase::Pending,
    }
}

/// Reason and message of a condition in this state, and for this reason if one is given.
fn condition(
    status: &PodStatus,
    kind: &str,
    state: &str,
    reason: Option<&str>,
) -> Option<(String, String)> {
    let condition = status.conditions.iter().flatten().find(|condition| {
        condition.type_ == kind
            && condition.status == state
            && (reason.is_none() || condition.reason.as_deref() == reason)
    })?;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    Some((text(&condition.reason), text(&condition.message)))
}

fn containers(status: &PodStatus) -> Vec<SeenContainer> {
    let init = status.init_container_statuses.iter().flatten();
    let main = status.container_statuses.iter().flatten();
    init.chain(main).filter_map(container).collect()
}

fn container(status: &ContainerStatus) -> Option<SeenContainer> {
    let state = container_state(status.state.as_ref()?)?;
    Some(SeenContainer {
        name: status.name.clone(),
        state,
    })
}

fn container_state(state: &ApiState) -> Option<ContainerState> {
    let time =
        |time: &Option<k8s_openapi::apimachinery::pkg::apis::meta::v1::Time>| -> Option<Timestamp> {
            // The kubelet writes the zero time where it doesn't know one.
            time.as_ref()
                .map(|time| time.0)
                .filter(|time| time.as_second() > 0)
        };
    if let Some(ended) = &state.terminated {
        return Some(ContainerState::Terminated(Terminated {
            exit_code: ended.exit_code,
            signal: ended.signal,
            reason: ended.reason.clone().unwrap_or_default(),
            message: ended.message.clone().unwrap_or_default(),
            started: time(&ended.started_at),
            finished: time(&ended.finished_at),
        }));
    }
    if let Some(running) = &state.running {
        return Some(ContainerState::Running {
            since: time(&running.started_at),
        });
    }
    let waiting = state.waiting.as_ref()?;
    Some(ContainerState::Waiting {
        reason: waiting.reason.clone().unwrap_or_default(),
        message: waiting.message.clone().unwrap_or_default(),
    })
}
