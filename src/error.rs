//! What can go wrong while a schedule is looked after: one variant for each phase.

use std::time::Duration;

use jiff::Timestamp;

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
    /// What stands in the status can't be read, and without it nothing can be decided: the claim would
    /// be forgotten.
    #[error(
        "can't read the status, so nothing is done: {0}; put it right with kubectl edit --subresource=status"
    )]
    Unreadable(String),
    /// Others write the status faster than we read it, so that no decision of ours can be written.
    #[error(
        "the schedule keeps changing: {0} times in a row its status was written by others first"
    )]
    Contended(usize),
    /// Somebody has removed the pod of a fire that we made just now. It may be that they are right: a
    /// watch that is behind doesn't show that the schedule was deleted, or suspended.
    #[error("the pod of a fire was removed before it could start; it is made again at {again}")]
    Undone { again: Timestamp },
    /// The rounds of decide and apply did not come to an end: a fault of ours, or of a cluster that
    /// changes under us at every step.
    #[error("no end after {0} rounds")]
    Restless(usize),
    /// The code panicked. The other schedules go on.
    #[error("panicked: {0}")]
    Panicked(String),
}

impl Error {
    /// Whether it comes of what others change, so that a further change is no reason to try sooner.
    pub fn is_contention(&self) -> bool {
        match self {
            Self::Contended(_) | Self::Restless(_) => true,
            Self::Request { .. }
            | Self::Unanswered { .. }
            | Self::Unreadable(_)
            | Self::Undone { .. }
            | Self::Panicked(_) => false,
        }
    }
}

/// An error with all that led to it, as `what: why: why that`. Several of kube's errors repeat their
/// cause, some at length; it is told once.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        match told.last_mut() {
            Some(last) if last.ends_with(&text) => {}
            Some(last) if last.contains(&text) => *last = text,
            _ => told.push(text),
        }
        next = error.source();
    }
    told.join(": ")
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes_each_once() {
        let refusal = Status::failure("pods \"a\" is forbidden", "Forbidden").with_code(403);
        let error = Error::Request {
            what: "create the pod",
            source: Box::new(kube::Error::Api(refusal.boxed())),
        };
        let said = chain(&error);
        assert!(
            said.starts_with("can't create the pod: pods \"a\" is forbidden"),
            "{said}"
        );
        assert_eq!(said.matches("forbidden").count(), 1, "{said}");
    }
}
