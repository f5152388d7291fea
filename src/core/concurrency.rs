//! How many runs a schedule may have at once, and what becomes of a fire that finds no room.

use crate::api::{ConcurrencyPolicy, ScheduledContainerSpec, ScheduledContainerStatus};

/// How many fires wait at most where a spec doesn't say.
const QUEUED: usize = 1;
/// How many runs are active at once at most where a spec doesn't say.
const ACTIVE: usize = 10;

/// `spec.concurrencyPolicy`, with its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// A fire that finds a run active is dropped.
    Forbid,
    /// It waits for the end of the run, if no more than `limit` do.
    Queue { limit: usize },
    /// It ends the run.
    Replace,
    /// It starts beside the runs, if there are less than `most`.
    Allow { most: usize },
}

impl Concurrency {
    pub fn of(spec: &ScheduledContainerSpec) -> Self {
        let limit = |limit: Option<i64>, default| {
            limit.map_or(default, |limit| limit.unsigned_abs().max(1) as usize)
        };
        match spec.concurrency_policy {
            ConcurrencyPolicy::Forbid => Self::Forbid,
            ConcurrencyPolicy::Queue => Self::Queue {
                limit: limit(spec.queue_limit, QUEUED),
            },
            ConcurrencyPolicy::Replace => Self::Replace,
            ConcurrencyPolicy::Allow => Self::Allow {
                most: limit(spec.max_active, ACTIVE),
            },
        }
    }

    /// Whether no further run may start beside so many.
    pub fn is_full(self, active: usize) -> bool {
        match self {
            Self::Forbid | Self::Queue { .. } | Self::Replace => active >= 1,
            Self::Allow { most } => active >= most,
        }
    }

    /// Whether a fire that falls due while things are as they are will want a pod.
    pub fn takes(self, status: &ScheduledContainerStatus) -> bool {
        match self {
            Self::Forbid | Self::Allow { .. } => !self.is_full(status.active.len()),
            Self::Queue { limit } => status.active.is_empty() || status.queued.len() < limit,
            Self::Replace => true,
        }
    }
}
