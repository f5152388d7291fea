//! Leases: which replica looks after which schedules.
//!
//! A Lease only saves work. Nothing is safe because one is held: the protocol of claims keeps the
//! promise also when two replicas believe that they lead, and when none of them asks.
//!
//! ```text
//! watch ─> View ─> core::shards::decide ─> Election ─ writes ─> API server
//!                                             └ Leadership <─ asked by the driver before each step
//! ```

mod desk;
mod election;
mod handover;
mod leadership;
mod requests;
mod seeing;
mod stamps;
mod view;
mod writing;

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

pub use election::Election;
pub use handover::{follow, while_leading};
pub use leadership::Leadership;

use super::names::is_label;
use crate::core::run::spread;

/// The name of the Lease if none is given.
pub const DEFAULT_NAME: &str = "punctual";
/// How many shards there may be: each is a Lease that is written twice a second.
pub const MOST_SHARDS: usize = 64;
/// Which Leases are of one install: the label's value is their common name.
const GROUP_LABEL: &str = "punctual.dev/lease";
/// What a Lease is for: `shard` or `member`.
const ROLE_LABEL: &str = "punctual.dev/lease-role";
/// The longest name, which leaves room for what is appended.
const LONGEST_NAME: usize = 40;
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);

/// The name of the Lease of a controller that looks after this namespace alone, where that of others
/// may be too.
pub fn name_for(name: &str, namespace: &str) -> String {
    let whole = format!("{name}-{namespace}");
    if whole.len() <= LONGEST_NAME {
        return whole;
    }
    let hash = format!("-{:08x}", spread(&whole) >> 32);
    let start: String = whole.chars().take(LONGEST_NAME - hash.len()).collect();
    start + &hash
}

/// Which Leases there are, and for how long each is good.
#[derive(Clone, Debug)]
pub struct Terms {
    namespace: String,
    name: String,
    shards: usize,
    duration: Duration,
    /// The last part of the name of our own member's Lease.
    suffix: String,
    me: String,
}

/// Why there can be no such Leases.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    #[error("the name of a Lease takes up to {LONGEST_NAME} lower-case letters, digits and -")]
    Name,
    #[error("there can be 1 to {MOST_SHARDS} shards")]
    Shards,
    #[error("a Lease lasts from {} s to {} s", SHORTEST.as_secs(), LONGEST.as_secs())]
    Duration,
}

impl Terms {
    /// `instance` is what people know this replica by; something random is added, so that a replica
    /// never takes another's Lease for its own.
    pub fn new(
        namespace: String,
        name: String,
        shards: usize,
        duration: Duration,
        instance: &str,
    ) -> Result<Self, TermsError> {
        if name.len() > LONGEST_NAME || !is_label(&name) {
            return Err(TermsError::Name);
        }
        if !(1..=MOST_SHARDS).contains(&shards) {
            return Err(TermsError::Shards);
        }
        if !(SHORTEST..=LONGEST).contains(&duration) {
            return Err(TermsError::Duration);
        }
        // Its keys are from the system's source of randomness.
        let suffix = format!("{:012x}", RandomState::new().build_hasher().finish() >> 16);
        Ok(Self {
            namespace,
            name,
            shards,
            duration,
            me: format!("{instance}_{suffix}"),
            suffix,
        })
    }

    /// Shards of another number are other Leases: they divide the schedules in another way.
    fn group(&self) -> String {
        match self.shards {
            1 => self.name.clone(),
            shards => format!("{}-of-{shards}", self.name),
        }
    }

    fn shard_name(&self, shard: usize) -> String {
        match self.shards {
            1 => self.name.clone(),
            shards => format!("{}-{shard}-of-{shards}", self.name),
        }
    }

    fn member_name(&self) -> String {
        format!("{}-member-{}", self.name, self.suffix)
    }

    /// How long after it was written one of ours is written again: each time by another part longer, so
    /// that replicas don't write in step.
    fn renew_after(&self, jitter: u64) -> Duration {
        self.duration / 4 + parts(self.duration / 16, jitter)
    }

    /// How long after a failure it is tried again.
    fn retry_after(&self, jitter: u64) -> Duration {
        self.duration / 16 + parts(self.duration / 16, jitter)
    }

    /// After how long without an answer another write is made beside the one that waits: two may hang
    /// or fail before the Lease is lost. `latency` is what a write took lately: a slow server is not
    /// asked the more often for it.
    fn patience(&self, latency: Duration) -> Duration {
        (self.duration / 6).max(latency * 2)
    }

    /// How long a Lease that is written now is to last: longer if the next renewals would come too late
    /// otherwise, because the server is slow.
    fn lasts(&self, latency: Duration) -> Duration {
        (latency * 4).clamp(self.duration, LONGEST)
    }

    /// How long one request may take. What is seen of it by then counts, answer or not.
    fn longest_request(&self) -> Duration {
        self.duration * 3
    }

    /// After how long without a success a Lease can't be had.
    fn hopeless_after(&self) -> Duration {
        self.duration * 10
    }
}

/// Some part of it, by a random number.
fn parts(whole: Duration, random: u64) -> Duration {
    whole * (random % 100) as u32 / 100
}

#[cfg(test)]
mod tests;
