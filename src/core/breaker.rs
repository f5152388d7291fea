//! A schedule whose runs fail one after the other: it is shown, and with a circuit breaker it pauses.
//!
//! The circuit is closed, or open until a time, or it lets one run through that closes it or opens it
//! anew. Which of these it is follows from how many runs in a row have failed, and from that time.

use jiff::{SignedDuration, Timestamp};

use super::{
    news::News,
    reason::Reason,
    schedule::Schedule,
    status::{set_condition, whole_second},
};
use crate::api::{CircuitBreaker, Outcome, RunRecord, ScheduledContainerStatus};

/// The condition that says whether run after run fails.
pub const FAILING: &str = "Failing";

/// How many runs in a row must fail: one may, as a node may go away.
pub const ROW: u32 = 3;

/// Whether fires start runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    Closed,
    /// None does until this time.
    Open(Timestamp),
    /// One does, if no run is active.
    Probing,
}

impl Circuit {
    pub fn of(schedule: &Schedule, status: &ScheduledContainerStatus, now: Timestamp) -> Self {
        let tripped = |breaker: &&CircuitBreaker| has_tripped(breaker, status);
        let Some(breaker) = schedule.circuit_breaker.as_ref().filter(tripped) else {
            return Self::Closed;
        };
        // A time that no pause reaches was written before the clock was put back, or by somebody else.
        let latest = now.checked_add(pause(breaker)).unwrap_or(now);
        let open = |until: &Timestamp| *until > now && *until <= latest;
        status
            .paused_until
            .filter(open)
            .map_or(Self::Probing, Self::Open)
    }

    /// The word for a circuit that is open, or closed again.
    pub fn reason(open: bool) -> Reason {
        match open {
            true => Reason::CircuitOpen,
            false => Reason::CircuitClosed,
        }
    }

    /// Whether a fire may start a run, beside so many that are active.
    pub fn lets_through(self, fire: Timestamp, active: usize) -> bool {
        match self {
            Self::Closed => true,
            Self::Open(until) => fire >= until,
            Self::Probing => active == 0,
        }
    }
}

/// Counts a run that has ended. What is to be told of the circuit, if that has changed.
pub fn count(
    schedule: &Schedule,
    status: &mut ScheduledContainerStatus,
    run: &RunRecord,
    reason: Reason,
    now: Timestamp,
) -> Option<News> {
    // A run that was replaced did nothing wrong, and nothing right.
    if reason == Reason::Replaced {
        return None;
    }
    status.consecutive_failures = match run.outcome {
        Outcome::Succeeded => 0,
        Outcome::Failed => status.consecutive_failures.saturating_add(1),
    };
    let row = status.consecutive_failures;
    let message = match row {
        0 => "the last run succeeded".into(),
        1 => "the last run failed".into(),
        row => format!("the last {row} runs failed"),
    };
    let (fails, generation) = (row >= ROW, schedule.generation);
    set_condition(status, FAILING, fails, reason, &message, generation, now);

    let breaker = schedule.circuit_breaker.as_ref()?;
    if has_tripped(breaker, status) {
        let until = whole_second(now).checked_add(pause(breaker)).ok()?;
        status.paused_until = Some(until);
        let message = format!("{message}: no fire starts a run until {until}, then one does");
        return Some(News::Circuit {
            open: true,
            message,
        });
    }
    status.paused_until.take().map(|_| News::Circuit {
        open: false,
        message: "a run succeeded: the schedule goes on".into(),
    })
}

/// Forgets a pause that the spec no longer asks for.
pub fn settle(schedule: &Schedule, status: &mut ScheduledContainerStatus) {
    let breaker = schedule.circuit_breaker.as_ref();
    if !breaker.is_some_and(|breaker| has_tripped(breaker, status)) {
        status.paused_until = None;
    }
}

fn has_tripped(breaker: &CircuitBreaker, status: &ScheduledContainerStatus) -> bool {
    i64::from(status.consecutive_failures) >= breaker.failures.max(1)
}

fn pause(breaker: &CircuitBreaker) -> SignedDuration {
    SignedDuration::from_secs(breaker.pause_seconds)
}
