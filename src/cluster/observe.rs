//! Observe: from Kubernetes' pods to `SeenPod`: only what is read of them is ever kept.

use std::{borrow::Cow, collections::BTreeMap};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{
    api::core::v1::{ContainerState as ApiState, Pod},
    apimachinery::pkg::apis::meta::v1::{OwnerReference, Time},
};
use kube::{
    Resource,
    api::{ApiResource, ObjectMeta},
    core::DynamicResourceScope,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::{
    api::{GROUP, ScheduledContainer},
    core::{
        run::{
            ATTEMPT_ANNOTATION, ContainerState, FIRE_ANNOTATION, GENERATION_ANNOTATION, HOLD,
            MAIN_ANNOTATION, Phase, Presence, Restarts, SCHEDULE_LABEL, SeenContainer, SeenPod,
            Terminated,
        },
        schedule_ref::ScheduleRef,
    },
};

/// A schedule, its spec and status not yet decoded: one that can't be must not keep the list of all
/// the others from being read.
#[derive(Resource, Serialize, Deserialize, Clone, Debug)]
#[resource(inherit = ScheduledContainer)]
pub struct ObservedSchedule {
    #[serde(deserialize_with = "lean")]
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
    #[serde(deserialize_with = "lean")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    pub spec: ObservedSpec,
    #[serde(default)]
    pub status: ObservedStatus,
}

/// A calendar of either kind, its spec not yet decoded.
#[derive(Deserialize, Clone, Debug)]
pub struct ObservedCalendar {
    #[serde(deserialize_with = "lean")]
    pub metadata: ObjectMeta,
    #[serde(default)]
    pub spec: Option<Box<RawValue>>,
}

impl Resource for ObservedCalendar {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(of: &ApiResource) -> Cow<'_, str> {
        of.kind.as_str().into()
    }

    fn group(of: &ApiResource) -> Cow<'_, str> {
        of.group.as_str().into()
    }

    fn version(of: &ApiResource) -> Cow<'_, str> {
        of.version.as_str().into()
    }

    fn plural(of: &ApiResource) -> Cow<'_, str> {
        of.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// Metadata, without what we never look at: who manages which field may be as large as all else
/// together, and would come to many times that in memory.
fn lean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Lean {
        name: Option<String>,
        namespace: Option<String>,
        uid: Option<String>,
        resource_version: Option<String>,
        generation: Option<i64>,
        creation_timestamp: Option<Time>,
        deletion_timestamp: Option<Time>,
        labels: Option<BTreeMap<String, String>>,
        annotations: Option<BTreeMap<String, String>>,
        owner_references: Option<Vec<OwnerReference>>,
    }
    let lean = Lean::deserialize(deserializer)?;
    Ok(ObjectMeta {
        name: lean.name,
        namespace: lean.namespace,
        uid: lean.uid,
        resource_version: lean.resource_version,
        generation: lean.generation,
        creation_timestamp: lean.creation_timestamp,
        deletion_timestamp: lean.deletion_timestamp,
        labels: lean.labels,
        annotations: lean.annotations,
        owner_references: lean.owner_references,
        ..ObjectMeta::default()
    })
}

/// The part of a pod's spec that we look at.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
#[serde(rename_all = "camelCase")]
pub struct ObservedSpec {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scheduling_gates: Vec<Gate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_deadline_seconds: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub init_containers: Vec<ObservedContainer>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers: Vec<ObservedContainer>,
}

/// The part of a container that we look at: when it is started again.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct ObservedContainer {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_policy: Option<String>,
    /// Whether it has rules for some exit codes.
    #[serde(default, deserialize_with = "any", skip_serializing)]
    pub restart_policy_rules: bool,
}

/// The part of a pod's status that we look at.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct ObservedStatus {
    pub phase: Option<String>,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub start_time: Option<Time>,
    pub conditions: Option<Vec<ObservedCondition>>,
    pub init_container_statuses: Option<Vec<ObservedContainerStatus>>,
    pub container_statuses: Option<Vec<ObservedContainerStatus>>,
}

/// The part of a pod's condition that we look at.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct ObservedCondition {
    pub r#type: String,
    pub status: String,
    pub reason: Option<String>,
    pub message: Option<String>,
}

/// The part of a container's status that we look at.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct ObservedContainerStatus {
    pub name: String,
    #[serde(default)]
    pub ready: bool,
    pub state: Option<ApiState>,
}

/// A scheduling gate.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Gate {
    pub name: String,
}

/// Whether there is anything in a list.
fn any<'de, D: Deserializer<'de>>(list: D) -> Result<bool, D::Error> {
    let list = Option::<Vec<serde::de::IgnoredAny>>::deserialize(list)?;
    Ok(list.is_some_and(|list| !list.is_empty()))
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

/// How many bytes of a text from elsewhere are kept: as much as a kubelet leaves of a termination
/// message.
const TEXT: usize = 4096;

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
        node: spec.node_name.clone(),
        started: status.start_time.as_ref().map(|time| time.0),
        disruption: condition(&status, "DisruptionTarget", "True", None),
        unschedulable: condition(&status, "PodScheduled", "False", Some("Unschedulable"))
            .map(|(_, message)| message),
        deadline: spec.active_deadline_seconds.map(SignedDuration::from_secs),
        main: annotations.get(MAIN_ANNOTATION).cloned(),
        containers: containers(&spec, &status),
        reason: status.reason.map(|text| end_of(&text)),
        message: status.message.map(|text| end_of(&text)),
    }
}

/// The end of a text, where its last lines are.
fn end_of(text: &str) -> String {
    let mut start = text.len().saturating_sub(TEXT);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text[start..].to_owned()
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
    status: &ObservedStatus,
    kind: &str,
    state: &str,
    reason: Option<&str>,
) -> Option<(String, String)> {
    let condition = status.conditions.iter().flatten().find(|condition| {
        condition.r#type == kind
            && condition.status == state
            && (reason.is_none() || condition.reason.as_deref() == reason)
    })?;
    let text = |text: &Option<String>| text.as_deref().map(end_of).unwrap_or_default();
    Some((text(&condition.reason), text(&condition.message)))
}

fn containers(spec: &ObservedSpec, status: &ObservedStatus) -> Vec<SeenContainer> {
    let init = status.init_container_statuses.iter().flatten();
    let main = status.container_statuses.iter().flatten();
    init.chain(main)
        .filter_map(|status| {
            Some(SeenContainer {
                name: status.name.clone(),
                state: container_state(status.state.as_ref()?)?,
                restarts: restarts(spec, &status.name),
                ready: status.ready,
            })
        })
        .collect()
}

/// When a container is started again: as it says itself, else as its pod says.
fn restarts(spec: &ObservedSpec, name: &str) -> Restarts {
    let mut containers = spec.init_containers.iter().chain(&spec.containers);
    let container = containers.find(|container| container.name == name);
    let own = container.and_then(|container| container.restart_policy.as_deref());
    let ruled = container.is_some_and(|container| container.restart_policy_rules);
    match own.or(spec.restart_policy.as_deref()) {
        Some("Always") => Restarts::Always,
        Some("OnFailure") => Restarts::OnFailure,
        // Which of its exit codes start it again is for the kubelet to say.
        _ if ruled => Restarts::OnFailure,
        _ => Restarts::Never,
    }
}

fn container_state(state: &ApiState) -> Option<ContainerState> {
    let time = |time: &Option<Time>| -> Option<Timestamp> {
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
            message: ended.message.as_deref().map(end_of).unwrap_or_default(),
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
        message: waiting.message.as_deref().map(end_of).unwrap_or_default(),
    })
}
