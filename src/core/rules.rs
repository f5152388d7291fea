//! The reasons not to start a fire, in the order in which they are asked.

use jiff::Timestamp;

use super::{missed, reason::Reason, schedule::Schedule};
use crate::api::{ActiveRun, MissedFires};

/// The latest fire that is due, and what speaks against it and thereby against all before it.
pub struct Candidate<'a> {
    pub schedule: &'a Schedule,
    pub fire: Timestamp,
    pub active: Option<&'a ActiveRun>,
    pub now: Timestamp,
}

/// A reason not to start, with a sentence for the user.
pub type Objection = (Reason, String);

/// The policy. The first objection stands.
const RULES: &[fn(&Candidate) -> Option<Objection>] = &[
    // Never two runs at once: asked first, since it holds whatever else is true.
    still_active,
    // Who wants no fire made up for wants none of the others either.
    missed,
    // A fire that nobody could start in time would surprise more than it helps.
    too_late,
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

fn missed(candidate: &Candidate) -> Option<Objection> {
    let deadline = candidate.schedule.starting_deadline;
    let late = missed::lateness(candidate.fire, candidate.now);
    let missed = match candidate.schedule.missed {
        MissedFires::Skip => late > deadline.unwrap_or(missed::IN_TIME),
        MissedFires::RunLatest | MissedFires::RunAll => false,
    };
    let why = || match deadline {
        Some(deadline) => missed::too_late_to_start(deadline),
        None => format!("it could not start within {} s", missed::IN_TIME.as_secs()),
    };
    missed.then(|| (Reason::Missed, format!("{}; missedFires is Skip", why())))
}

fn too_late(candidate: &Candidate) -> Option<Objection> {
    let deadline = candidate.schedule.starting_deadline?;
    let late = missed::lateness(candidate.fire, candidate.now);
    (late > deadline).then(|| {
        (
            Reason::StartingDeadlineExceeded,
            missed::too_late_to_start(deadline),
        )
    })
}
