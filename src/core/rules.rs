//! The reasons not to start a fire, in the order in which they are asked.

use jiff::Timestamp;

use super::{plan::Refused, reason::Reason, schedule::Schedule};
use crate::api::ActiveRun;

/// A fire that is due, and what speaks against it.
pub struct Candidate<'a> {
    pub schedule: &'a Schedule,
    pub fire: Timestamp,
    pub active: Option<&'a ActiveRun>,
    pub refused: Option<&'a Refused>,
    pub now: Timestamp,
}

/// A reason not to start, with a sentence for the user.
pub type Objection = (Reason, String);

/// The policy. The first objection stands.
const RULES: &[fn(&Candidate) -> Option<Objection>] = &[
    // Never two runs at once: asked first, since it holds whatever else is true.
    still_active,
    // A fire that nobody could start in time would surprise more than it helps.
    too_late,
    // Kubernetes has said no to this very fire, and would again.
    refused,
];

/// Why this fire gets no run; `None` if it shall have one.
pub fn objection(candidate: &Candidate) -> Option<Objection> {
    RULES.iter().find_map(|rule| rule(candidate))
}

fn still_active(candidate: &Candidate) -> Option<Objection> {
    let active = candidate.active?;
    Some((
        Reason::StillActive,
        format!("run {} is still active", active.name),
    ))
}

fn too_late(candidate: &Candidate) -> Option<Objection> {
    let deadline = candidate.schedule.starting_deadline?;
    let late = candidate.now.duration_since(candidate.fire);
    (late > deadline).then(|| {
        let seconds = deadline.as_secs();
        (
            Reason::StartingDeadlineExceeded,
            format!("it could not start within startingDeadlineSeconds ({seconds} s)"),
        )
    })
}

fn refused(candidate: &Candidate) -> Option<Objection> {
    let refused = candidate
        .refused
        .filter(|refused| refused.fire == candidate.fire)?;
    Some((refused.reason, refused.message.clone()))
}
