//! What happened, for people: made by `decide`, told by `report` once the write that makes it true
//! has been answered.

use jiff::Timestamp;

use super::reason::Reason;
use crate::api::{RunRecord, SkipRecord};

/// Something that a user wants to know about a schedule.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// A run was released.
    Started {
        run: String,
        uid: String,
        fire: Timestamp,
        /// Which attempt at the fire, from 1.
        attempt: u32,
    },
    /// A run ended.
    Ended { run: RunRecord, reason: Reason },
    /// An attempt has failed, and the next one follows at `time`.
    Retrying {
        run: RunRecord,
        reason: Reason,
        /// Which attempt that will be.
        attempt: u32,
        time: Timestamp,
    },
    /// A fire waits for the active run to end.
    Queued { fire: Timestamp, message: String },
    /// Fires got no run.
    Skipped { skip: SkipRecord, reason: Reason },
    /// A run makes no progress.
    Waiting {
        run: String,
        uid: String,
        reason: Reason,
        message: String,
    },
    /// A run has made no progress for longer than spec.stuckAfter allows.
    Stuck {
        run: String,
        uid: String,
        reason: Reason,
        message: String,
    },
    /// The Ready condition changed.
    Readiness {
        ready: bool,
        reason: Reason,
        message: String,
    },
    /// The circuit breaker has opened the circuit, or closed it.
    Circuit { open: bool, message: String },
    /// The Overdue condition turned.
    Overdue {
        overdue: bool,
        reason: Reason,
        message: String,
    },
    /// The API server doesn't do what is needed, and goes on not doing it.
    Hindered { message: String },
    /// Somebody else had written the status, and it was put right.
    Repaired { message: String },
    /// A pod that is not ours has the name of a run, which got another name.
    NameTaken { name: String },
}
