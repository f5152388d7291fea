//! What can go wrong while a schedule is looked after: one variant for each phase.

use std::time::Duration;

/// Why a schedule could not be brought forward just now. The driver logs it and tries again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server answered with an error, or not at all.
    #[error("can't {what}")]
    Request {
        what: &'static str,
        #[source]
        source: Box<kube::Error>,
    },
    /// The API server gave no answer in time. The request may have been carried out.
    #[error("no answer within {} s to: {what}", .limit.as_secs())]
    Unanswered { what: &'static str, limit: Duration },
    /// The rounds of decide and apply did not come to an end: a fault of ours, or of a cluster that
    /// changes under us at every step.
    #[error("no end after {0} rounds")]
    Restless(usize),
    /// The code panicked. The other schedules go on.
    #[error("panicked: {0}")]
    Panicked(String),
}
