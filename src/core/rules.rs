//! The reasons not to start a fire, in the order in which they are asked.

use jiff::Timestamp;

use super::{
    breaker::Circuit, concurrency::Concurrency, missed, reason::Reason, run::is_by_hand,
    schedule::Schedule,
};
use crate::api::{ActiveRun, MissedFires};

/// The latest fire that is due, and what speaks against it and thereby against all before it.
pub struct Candidate<'a> {
    pub schedule: &'a Schedule,
    pub fire: Timestamp,
    pub active: &'a [ActiveRun],
    /// How many fires wait for a run to end.
    pub queued: usize,
    pub circuit: Circuit,
    pub now: Timestamp,
}

/// A reason not to start, with a sentence for the user.
pub type Objection = (Reason, String);

/// The policy. The first objection stands.
const RULES: &[fn(&Candidate) -> Option<Objection>] = &[
    // Never more runs at once than are allowed: asked first, since it holds whatever else is true.
    no_room,
    // Runs that fail one after the other are not worth starting.
    circuit_open,
    // Who wants no fire made up for wants none of the others either.
    missed,
    // A fire that nobody could start in time would surprise more than it helps.
    too_late,
];

/// Why this fire gets no run; `None` if it shall have one.
pub fn objection(candidate: &Candidate) -> Option<Objection> {
    RULES.iter().find_map(|rule| rule(candidate))
}

fn no_room(candidate: &Candidate) -> Option<Objection> {
    let policy = candidate.schedule.concurrency;
    let oldest = candidate.active.first();
    match policy {
        _ if !policy.is_full(candidate.active.len()) && candidate.queued == 0 => None,
        Concurrency::Forbid => oldest.map(|run| still_active(&run.name)),
        Concurrency::Allow { most } => policy
            .is_full(candidate.active.len())
            .then(|| too_many_active(most)),
        Concurrency::Queue { limit } => (candidate.queued >= limit).then(|| {
            let message = format!("as many fires as queueLimit ({limit}) allows were waiting");
            (Reason::QueueFull, message)
        }),
        // It will end the active run.
        Concurrency::Replace => None,
    }
}

/// Why a fire gets no run beside this one.
pub fn still_active(run: &str) -> Objection {
    (Reason::StillActive, format!("run {run} was still active"))
}

/// Why a fire gets no run beside so many.
pub fn too_many_active(most: usize) -> Objection {
    let message = format!("as many runs as maxActive ({most}) allows were active");
    (Reason::TooManyActive, message)
}

/// Why a fire gets no run while the circuit breaker holds runs off.
pub fn circuit_open(candidate: &Candidate) -> Option<Objection> {
    // Who asks for a run by hand wants to see whether it fails.
    let active = candidate.active.len();
    if is_by_hand(candidate.fire) || candidate.circuit.lets_through(candidate.now, active) {
        return None;
    }
    let message = match candidate.circuit {
        Circuit::Open(until) => format!("the last runs failed: none starts until {until}"),
        Circuit::Closed | Circuit::Probing => {
            "the last runs failed: the active run shows whether they go on to".into()
        }
    };
    Some((Reason::CircuitOpen, message))
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

/// Why a fire gets no run that is later than its deadline.
pub fn too_late(candidate: &Candidate) -> Option<Objection> {
    let deadline = candidate.schedule.starting_deadline?;
    let late = missed::lateness(candidate.fire, candidate.now);
    (late > deadline).then(|| {
        (
            Reason::StartingDeadlineExceeded,
            missed::too_late_to_start(deadline),
        )
    })
}
