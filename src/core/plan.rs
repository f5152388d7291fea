//! What `decide` works on and what it gives: plain data that the driver carries back and forth.

use jiff::Timestamp;

use super::{
    news::News,
    reason::Reason,
    run::{RunId, SeenPod},
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
#[derive(Clone, Debug, Default)]
pub struct Learned {
    /// The attempt whose pod Kubernetes refused to create, for good.
    pub refused: Option<Refused>,
    /// The uids of claimed pods that do not exist: the API server itself said so.
    pub gone: Vec<String>,
    /// The uids of claimed pods that exist: the API server itself said so.
    pub found: Vec<String>,
    /// What a trial of the template gave.
    pub trial: Option<Trial>,
    /// How many names for the next pod were taken by pods of others.
    pub names_taken: u32,
}

impl Learned {
    /// Why Kubernetes refused the pod of this attempt, if it did.
    pub fn refused(&self, run: RunId) -> Option<&Refused> {
        self.refused.as_ref().filter(|refused| refused.run == run)
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
    /// Delete a held pod that nobody claimed, as long as it is held.
    Sweep {
        name: String,
        uid: String,
        resource_version: String,
    },
    /// Delete the pod of an ended run.
    Collect { name: String, uid: String },
}
