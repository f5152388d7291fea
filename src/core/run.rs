//! A run: what was started for one fire, and what is seen of its pod.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};

use super::schedule_ref::ScheduleRef;

/// The scheduling gate that every pod is born with. Kubernetes binds no gated pod, so the gate is
/// the lock: a pod starts when its gate goes, and not before.
pub const HOLD: &str = "punctual.dev/hold";

/// The label with the name of the schedule, on every pod of a run.
pub const SCHEDULE_LABEL: &str = "punctual.dev/schedule";

/// The annotation with the fire, in RFC 3339 with the offset of the schedule's zone, on every pod of
/// a run.
pub const FIRE_ANNOTATION: &str = "punctual.dev/fire-time";

/// The annotation that says which attempt at the fire it is, from 1, on every pod of a run.
pub const ATTEMPT_ANNOTATION: &str = "punctual.dev/attempt";

/// The annotation of a schedule with the time, in RFC 3339, at which somebody asked for a run.
pub const REQUEST_ANNOTATION: &str = "punctual.dev/run-requested";

/// What every run is told of itself: the name of an environment variable of all its containers, and
/// that of an annotation of its pod with the same value.
pub const TOLD: [(Told, &str, &str); 6] = [
    (Told::Fire, "PUNCTUAL_FIRE_TIME", FIRE_ANNOTATION),
    (
        Told::PreviousFire,
        "PUNCTUAL_PREVIOUS_FIRE_TIME",
        "punctual.dev/previous-fire-time",
    ),
    (
        Told::NextFire,
        "PUNCTUAL_NEXT_FIRE_TIME",
        "punctual.dev/next-fire-time",
    ),
    (Told::Schedule, "PUNCTUAL_SCHEDULE", SCHEDULE_LABEL),
    (Told::Run, "PUNCTUAL_RUN", "punctual.dev/run"),
    (Told::Attempt, "PUNCTUAL_ATTEMPT", ATTEMPT_ANNOTATION),
];

/// What a run is told of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The fire that it is for.
    Fire,
    /// The fire before that, by the schedule as it is now, whether or not it got a run.
    PreviousFire,
    /// The fire after that.
    NextFire,
    /// The name of the schedule.
    Schedule,
    /// The name of the pod.
    Run,
    /// Which attempt at the fire it is, from 1.
    Attempt,
}

/// The annotation with the name of the container whose end is the run's end, if the spec names one.
pub const MAIN_ANNOTATION: &str = "punctual.dev/main-container";

/// The annotation with the generation of the spec that a pod was made from.
pub const GENERATION_ANNOTATION: &str = "punctual.dev/generation";

/// The deadline that ends a pod whose main container has ended: the shortest that Kubernetes takes.
pub const ENDED_DEADLINE: SignedDuration = SignedDuration::from_secs(1);

/// A pod's name is also its host name, which has this many characters at most.
const LONGEST_NAME: usize = 63;

/// How many names of one fire may be taken by strangers.
pub const MOST_SALT: u32 = 9;

/// What a pod is made for: a fire, and which attempt at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId {
    pub fire: Timestamp,
    /// From 1.
    pub attempt: u32,
}

impl RunId {
    /// The first attempt at a fire.
    pub fn first(fire: Timestamp) -> Self {
        Self { fire, attempt: 1 }
    }
}

/// Whether somebody asked for this fire by hand: it has a fraction of a second, and those of
/// schedules have none.
pub fn is_by_hand(fire: Timestamp) -> bool {
    fire.subsec_nanosecond() != 0
}

/// The fire of a request that was made at this time, to the millisecond.
pub fn fire_by_hand(request: Timestamp) -> Option<Timestamp> {
    let milliseconds = request.as_millisecond();
    let fraction = i64::from(milliseconds % 1_000 == 0);
    Timestamp::from_millisecond(milliseconds + fraction).ok()
}

/// What is seen of one pod of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenPod {
    pub name: String,
    pub uid: String,
    pub resource_version: String,
    /// The fire that it was made for.
    pub fire: Timestamp,
    /// Which attempt at it, from 1.
    pub attempt: u32,
    /// The generation of the spec that it was made from.
    pub generation: i64,
    /// Whether it has our gate.
    pub held: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    pub presence: Presence,
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
    /// How long the kubelet lets it run.
    pub deadline: Option<SignedDuration>,
    /// The container whose end is its end, if one is named.
    pub main: Option<String>,
    pub containers: Vec<SeenContainer>,
}

/// Whether a pod exists, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The watch shows it.
    Here,
    /// The watch doesn't show it: it was deleted, or lost the label that the watch looks for. What is
    /// seen of it is its last state.
    Missing,
    /// It does not exist: the API server said so. What is seen of it is its last state.
    Gone,
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
    pub state: ContainerState,
    pub restarts: Restarts,
    /// Whether it is ready, as its probes see it; it is at once if it has none.
    pub ready: bool,
}

/// When a container is started again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restarts {
    Never,
    OnFailure,
    /// It is a sidecar: it runs beside the others, and Kubernetes ends it after them. How it ends says
    /// nothing about the run.
    Always,
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
    /// A pod as it is when it has just been made for the first attempt at a fire, from the first
    /// generation of the spec. What is seen of a cluster says all of it; this is for who tells a story.
    pub fn just_made(name: String, uid: String, fire: Timestamp) -> Self {
        Self {
            name,
            uid,
            resource_version: "1".into(),
            fire,
            attempt: 1,
            generation: 1,
            held: true,
            deleting: false,
            presence: Presence::Here,
            phase: Phase::Pending,
            reason: None,
            message: None,
            node: None,
            started: None,
            disruption: None,
            unschedulable: None,
            deadline: None,
            main: None,
            containers: Vec::new(),
        }
    }

    /// What it was made for.
    pub fn run(&self) -> RunId {
        RunId {
            fire: self.fire,
            attempt: self.attempt,
        }
    }

    /// Whether its phase can no longer change.
    pub fn ended(&self) -> bool {
        match self.phase {
            Phase::Succeeded | Phase::Failed => true,
            Phase::Pending | Phase::Running | Phase::Unknown => false,
        }
    }

    /// Whether a container of it has started.
    pub fn has_started(&self) -> bool {
        let mut containers = self.containers.iter();
        containers.any(|container| match &container.state {
            ContainerState::Running { .. } => true,
            ContainerState::Terminated(ended) => ended.started.is_some(),
            ContainerState::Waiting { .. } => false,
        })
    }

    /// How its main container ended, if it has one and that is not started again.
    pub fn main_end(&self) -> Option<&Terminated> {
        let main = self.main.as_deref()?;
        let container = self.containers.iter().find(|one| one.name == main)?;
        match (&container.state, container.restarts) {
            (ContainerState::Terminated(ended), Restarts::Never) => Some(ended),
            (ContainerState::Terminated(ended), Restarts::OnFailure) => {
                Some(ended).filter(|ended| ended.exit_code == 0 || self.ended())
            }
            (ContainerState::Terminated(ended), Restarts::Always) => {
                Some(ended).filter(|_| self.ended())
            }
            (ContainerState::Waiting { .. } | ContainerState::Running { .. }, _) => None,
        }
    }

    /// When its last container ended; the fire if none says so.
    pub fn ended_at(&self) -> Timestamp {
        let ends = self
            .containers
            .iter()
            .filter_map(|container| match &container.state {
                ContainerState::Terminated(ended) => ended.finished,
                ContainerState::Waiting { .. } | ContainerState::Running { .. } => None,
            });
        ends.max().unwrap_or(self.fire)
    }
}

/// The name of the pod for an attempt at a fire: the same whoever makes it, so that it can be made
/// only once. `salt` above 0 gives another one, for when a stranger has the name.
pub fn pod_name(schedule: &ScheduleRef, run: RunId, salt: u32) -> String {
    let mut suffix = format!("-{}", run.fire.strftime("%Y%m%d-%H%M%S"));
    // Writing to a String can't fail.
    if is_by_hand(run.fire) {
        let _ = write!(suffix, "-manual{:03}", run.fire.subsec_millisecond());
    }
    if salt > 0 {
        let _ = write!(suffix, "-{:04x}{salt:x}", spread(&schedule.uid) & 0xffff);
    }
    if run.attempt > 1 {
        let _ = write!(suffix, "-attempt{}", run.attempt);
    }
    let room = LONGEST_NAME - suffix.len();
    if schedule.name.len() <= room {
        return format!("{}{suffix}", schedule.name);
    }
    // Two long names that begin alike stay apart by a hash of the whole.
    let hash = format!("-{:08x}", spread(&schedule.name) as u32);
    let kept: String = schedule.name.chars().take(room - hash.len()).collect();
    format!("{}{hash}{suffix}", kept.trim_end_matches(['-', '.']))
}

/// Whether a pod of this name can be the one for an attempt at a fire.
pub fn is_name_of(schedule: &ScheduleRef, run: RunId, name: &str) -> bool {
    (0..=MOST_SALT).any(|salt| pod_name(schedule, run, salt) == name)
}

/// Stands for a schedule in what is drawn for it, `H` and jitter: the same wherever it is asked, also
/// where its uid is not known.
pub fn seed(namespace: &str, name: &str) -> u64 {
    spread(&format!("{namespace}/{name}"))
}

/// A number for a text: FNV-1a, small, and the same in every version of this program.
pub fn spread(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// A number for a number, in which each bit of the one changes about half of the bits: `spread` leaves
/// the names `a` and `b` close together. It is the same in every version of this program (the last
/// step of splitmix64).
pub fn mixed(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(schedule: &str, salt: u32) -> String {
        attempt(schedule, 1, salt)
    }

    fn attempt(schedule: &str, attempt: u32, salt: u32) -> String {
        let identity = ScheduleRef {
            namespace: "default".into(),
            name: schedule.into(),
            uid: "0b5ff1f1-6b1c-4d0c-8d8e-3a8e1c3cf1d8".into(),
        };
        let fire = "2026-11-20T18:45:10Z".parse().unwrap();
        pod_name(&identity, RunId { fire, attempt }, salt)
    }

    #[test]
    fn a_pod_is_named_after_its_schedule_and_fire() {
        assert_eq!(name("backup", 0), "backup-20261120-184510");
    }

    #[test]
    fn a_further_attempt_says_so() {
        assert_eq!(attempt("backup", 2, 0), "backup-20261120-184510-attempt2");
        assert_ne!(attempt("backup", 2, 1), attempt("backup", 2, 0));
    }

    #[test]
    fn a_run_by_hand_says_so() {
        let identity = ScheduleRef {
            namespace: "default".into(),
            name: "backup".into(),
            uid: "1".into(),
        };
        let fire = |request: &str| fire_by_hand(request.parse().unwrap()).unwrap();
        let name = |request| pod_name(&identity, RunId::first(fire(request)), 0);
        let asked = "2026-11-20T18:45:10.1239Z";
        assert_eq!(name(asked), "backup-20261120-184510-manual123");
        let whole = "2026-11-20T18:45:10Z";
        assert_eq!(name(whole), "backup-20261120-184510-manual001");
        assert!(is_by_hand(fire(whole)) && !is_by_hand(whole.parse().unwrap()));
    }

    #[test]
    fn a_salt_gives_another_name() {
        assert!(name("backup", 1).starts_with("backup-20261120-184510-"));
        assert_ne!(name("backup", 1), name("backup", 2));
    }

    #[test]
    fn long_names_fit_and_stay_apart() {
        let (a, b) = ("a".repeat(62) + "x", "a".repeat(62) + "y");
        for (schedule, number, salt) in [(&a, 1, 0), (&a, 1, 3), (&b, 1, 0), (&a, 999, 9)] {
            let name = attempt(schedule, number, salt);
            assert!(name.len() <= LONGEST_NAME, "{name}");
        }
        assert_ne!(name(&a, 0), name(&b, 0));
    }
}
