//! What `decide` works on and what it gives: plain data that the driver carries back and forth.

use jiff::Timestamp;

use super::{
    news::News,
    reason::Reason,
    run::{MOST_SALT, RunId, SeenPod},
};
use crate::api::ScheduledContainerStatus;

/// What is seen of a schedule: its own status, and its pods.
#[derive(Clone, Debug)]
pub struct Seen {
    pub status: ScheduledContainerStatus,
    /// Whether the schedule is being deleted: nothing new starts.
    pub deleting: bool,
    /// The fire of the latest run that somebody asked for by hand.
    pub requested: Option<Timestamp>,
    pub pods: Vec<SeenPod>,
}

/// What the answers to earlier steps have taught that no object shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Learned {
    /// The attempts whose pods Kubernetes refused to create, for good.
    pub refused: Vec<Refused>,
    /// The uids of claimed pods that do not exist: the API server itself said so.
    pub gone: Vec<String>,
    /// The uids of claimed pods that exist: the API server itself said so.
    pub found: Vec<String>,
    /// What a trial of the template gave.
    pub trial: Option<Trial>,
    /// The attempts of which names were taken by pods of others, each as often as that was so.
    pub names_taken: Vec<RunId>,
    /// What could not be done just now, so that the rest does not wait for it: attempts whose pods
    /// could not be made, and the uids of pods that could not be released or stopped.
    pub put_off: PutOff,
}

impl Learned {
    /// Whether the objects show all of it.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Why Kubernetes refused the pod of this attempt, if it did.
    pub fn refused(&self, run: RunId) -> Option<&Refused> {
        self.refused.iter().find(|refused| refused.run == run)
    }

    /// Takes in that a pod of others has this name for an attempt's pod.
    pub fn name_taken(&mut self, run: RunId, name: &str) {
        self.names_taken.push(run);
        if self.names_taken(run) > MOST_SALT {
            let message = format!("pods of others have all names for its run, up to {name}");
            let reason = Reason::NameTaken;
            self.refused.push(Refused {
                run,
                reason,
                message,
            });
        }
    }

    /// How many names of this attempt's pod were taken by pods of others.
    pub fn names_taken(&self, run: RunId) -> u32 {
        self.names_taken
            .iter()
            .filter(|taken| **taken == run)
            .count() as u32
    }
}

/// What is not tried again in this turn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PutOff {
    pub runs: Vec<RunId>,
    pub uids: Vec<String>,
}

impl PutOff {
    /// Puts a step off that could not be done just now; says whether the others can go on without.
    pub fn takes(&mut self, step: &Step) -> bool {
        match step {
            Step::Prepare { run, .. } => self.runs.push(*run),
            Step::Release { uid, .. } | Step::Stop { uid, .. } | Step::StopOthers { uid, .. } => {
                self.uids.push(uid.clone());
            }
            Step::Record { .. }
            | Step::Verify { .. }
            | Step::Try { .. }
            | Step::Sweep { .. }
            | Step::Collect { .. } => return false,
        }
        true
    }
}

/// An attempt at a fire whose pod Kubernetes refused to create.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub run: RunId,
    pub reason: Reason,
    pub message: String,
}

/// What a trial of the template gave: nothing wrong, or what is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    pub generation: i64,
    pub result: Result<(), (Reason, String)>,
}

/// What to do now, and when to ask again at the latest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub steps: Vec<Step>,
    pub wake_at: Option<Timestamp>,
}

/// One request to the API server. Each is safe to repeat and safe to be late: DESIGN names the
/// answer that a stale one gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Create the held pod of an attempt at a fire.
    Prepare { run: RunId, name: String },
    /// Write the status, at the resource version that this was decided from. A status that names a
    /// new active pod is the claim: the point of decision.
    Record {
        status: Box<ScheduledContainerStatus>,
        news: Vec<News>,
    },
    /// Take our gate from a claimed pod.
    Release {
        name: String,
        uid: String,
        run: RunId,
    },
    /// Ask the API server itself whether a claimed pod exists.
    Verify { name: String, uid: String },
    /// Try the template without creating anything.
    Try { generation: i64 },
    /// Delete a pod that shall stop, with the grace that it asks for.
    Stop { name: String, uid: String },
    /// End what still runs of a pod whose main container has ended. The pod stays, and its log.
    StopOthers { name: String, uid: String },
    /// Delete a held pod that nobody claimed, as long as it is held.
    Sweep {
        name: String,
        uid: String,
        resource_version: String,
    },
    /// Delete the pod of an ended run.
    Collect { name: String, uid: String },
}
