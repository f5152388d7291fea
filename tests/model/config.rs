//! Which protocol is checked, and for which schedule.

use super::state::{BY_HAND, Run};

/// What `spec.concurrencyPolicy` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Forbid,
    /// With one place.
    Queue,
    Replace,
    /// Two at once.
    Allow,
}

/// The protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// What `core::decide` decides, applied as `cluster::apply` does.
    Ours,
    /// The same, but a status is written whatever it was decided from.
    ClaimWithoutVersion,
    /// The same, but a release names no uid.
    ReleaseWithoutUid,
    /// The same, but what a cache doesn't show is believed to be gone.
    AbsenceIsEvidence,
    /// The same, but no pod is ever swept.
    NeverSweeps,
    /// The same, but nobody writes down that a run has ended.
    NeverFinishes,
    /// A pod starts as it is created; that its name is made of the fire shall keep it from starting twice.
    NameAsLock,
    /// The same with one name for all fires.
    ConstantName,
    /// The status is claimed first; then a pod is created that starts at once.
    ClaimThenCreate,
}

/// A model to be checked.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub protocol: Protocol,
    pub policy: Policy,
    pub fires: u8,
    /// How often a run that failed is tried again.
    pub retries: u8,
    /// Whether a run is asked for by hand as well.
    pub by_hand: bool,
    /// Whether all missed fires run, one after the other, and not only the latest.
    pub catches_up: bool,
}

impl Config {
    pub fn all_fires(&self) -> impl Iterator<Item = u8> + use<> {
        let by_hand = self.by_hand.then_some(BY_HAND);
        (1..=self.fires).chain(by_hand)
    }

    /// How many runs may be active at once.
    pub fn capacity(&self) -> usize {
        match self.policy {
            Policy::Forbid | Policy::Queue | Policy::Replace => 1,
            Policy::Allow => 2,
        }
    }

    /// Whether the pods of two runs have the same name.
    pub fn same_name(&self, a: Run, b: Run) -> bool {
        a == b || self.protocol == Protocol::ConstantName
    }

    /// Whether `core::decide` decides.
    pub fn decides(&self) -> bool {
        match self.protocol {
            Protocol::Ours
            | Protocol::ClaimWithoutVersion
            | Protocol::ReleaseWithoutUid
            | Protocol::AbsenceIsEvidence
            | Protocol::NeverSweeps
            | Protocol::NeverFinishes => true,
            Protocol::NameAsLock | Protocol::ConstantName | Protocol::ClaimThenCreate => false,
        }
    }
}
