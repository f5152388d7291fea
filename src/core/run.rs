//! A run: what was started for one fire, and what is seen of its pod.

use jiff::Timestamp;

/// The scheduling gate that every pod is born with. Kubernetes binds no gated pod, so the gate is
/// the lock: a pod starts when its gate goes, and not before.
pub const HOLD: &str = "punctual.dev/hold";

/// The label with the name of the schedule, on every pod of a run.
pub const SCHEDULE_LABEL: &str = "punctual.dev/schedule";

/// The annotation with the fire, in RFC 3339, on every pod of a run.
pub const FIRE_ANNOTATION: &str = "punctual.dev/fire-time";

/// The annotation with the generation of the spec that a pod was made from.
pub const GENERATION_ANNOTATION: &str = "punctual.dev/generation";

/// What is seen of one pod of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPod {
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    /// The uid of the schedule that owns it.
    pub owner: String,
    /// The fire that it was made for.
    pub fire: Timestamp,
    /// The generation of the spec that it was made from.
    pub generation: i64,
    /// Whether it has our gate.
    pub held: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    pub phase: Phase,
    /// The pod's own reason and message, such as Evicted.
    pub reason: Option<String>,
    pub message: Option<String>,
    pub node: Option<String>,
    /// When the kubelet took it on.
    pub started: Option<Timestamp>,
    /// Reason and message of the condition DisruptionTarget.
    pub disruption: Option<(String, String)>,
    /// The message of the condition PodScheduled while it is false with reason Unschedulable.
    pub unschedulable: Option<String>,
    pub containers: Vec<SeenContainer>,
}

/// The phase of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Pending,
    Running,
    Succeeded,
    Failed,
    /// The node doesn't answer.
    Unknown,
}

/// What is seen of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenContainer {
    pub name: String,
    pub init: bool,
    pub state: ContainerState,
}

/// What a container does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerState {
    Waiting { reason: String, message: String },
    Running { since: Option<Timestamp> },
    Terminated(Terminated),
}

/// How a container ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terminated {
    pub exit_code: i32,
    pub signal: Option<i32>,
    pub reason: String,
    /// The termination message: with our default policy, the last lines of a failed container.
    pub message: String,
    pub started: Option<Timestamp>,
    pub finished: Option<Timestamp>,
}

impl SeenPod {
    /// Whether its phase can no longer change.
    pub fn ended(&self) -> bool {
        match self.phase {
            Phase::Succeeded | Phase::Failed => true,
            Phase::Pending | Phase::Running | Phase::Unknown => false,
        }
    }
}
