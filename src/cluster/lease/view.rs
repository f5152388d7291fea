//! What this replica has seen of the Leases, and when, by its own clock.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::Instant;

use super::{LONGEST, ROLE_LABEL, Terms};
use crate::core::{
    shards::{MEMBER_LASTS, SeenLease, Standing},
    version::later,
};

/// The longest that a shard's Lease is believed to last, whatever is written in it: as long as ours may.
const BELIEVED: Duration = LONGEST;

/// One Lease, as it was last seen to change.
#[derive(Clone, Debug)]
pub struct Known {
    pub version: String,
    pub holder: String,
    pub transitions: i32,
    pub changed: Instant,
    duration: Option<Duration>,
}

/// All Leases of the group, by name. It never goes back.
#[derive(Debug, Default)]
pub struct View {
    shards: BTreeMap<String, Known>,
    members: BTreeMap<String, Known>,
    /// Since when we know that a shard has no Lease.
    missing: BTreeMap<String, Instant>,
}

impl View {
    /// Takes in a Lease as it is since `changed`, unless a later version of it is known. Whether it did.
    pub fn take_in(&mut self, lease: Lease, changed: Instant) -> bool {
        let Some(name) = lease.metadata.name else {
            return false;
        };
        let labels = lease.metadata.labels.unwrap_or_default();
        let (leases, believed) = match labels.get(ROLE_LABEL).map(String::as_str) {
            Some("member") => (&mut self.members, BELIEVED * MEMBER_LASTS),
            _ => (&mut self.shards, BELIEVED),
        };
        let version = lease.metadata.resource_version.unwrap_or_default();
        if let Some(known) = leases.get(&name)
            && (known.version == version || later(&known.version, &version))
        {
            return false;
        }
        let spec = lease.spec.unwrap_or_default();
        let seconds = spec
            .lease_duration_seconds
            .and_then(|it| it.try_into().ok());
        let known = Known {
            version,
            holder: spec.holder_identity.unwrap_or_default(),
            transitions: spec.lease_transitions.unwrap_or_default(),
            changed,
            duration: seconds.map(|it| Duration::from_secs(it).min(believed)),
        };
        leases.insert(name, known);
        true
    }

    /// Forgets a Lease that is not there any more.
    pub fn remove(&mut self, name: &str) {
        self.shards.remove(name);
        self.members.remove(name);
    }

    /// Forgets the Leases that a complete list did not show.
    pub fn keep(&mut self, listed: &HashSet<String>) {
        self.shards.retain(|name, _| listed.contains(name));
        self.members.retain(|name, _| listed.contains(name));
    }

    pub fn get(&self, name: &str) -> Option<&Known> {
        self.shards.get(name).or_else(|| self.members.get(name))
    }

    /// All of it, with ages instead of instants.
    pub fn standing(&mut self, terms: &Terms, renew_after: Duration, now: Instant) -> Standing {
        let seen = |known: &Known, duration| SeenLease {
            holder: known.holder.clone(),
            age: now.saturating_duration_since(known.changed),
            duration: known.duration.unwrap_or(duration),
        };
        let members = self.members.iter();
        let members =
            members.map(|(name, known)| (name.clone(), seen(known, terms.duration * MEMBER_LASTS)));
        let missing = &mut self.missing;
        let shards = (0..terms.shards).map(|shard| {
            let name = terms.shard_name(shard);
            if let Some(known) = self.shards.get(&name) {
                missing.remove(&name);
                return seen(known, terms.duration);
            }
            let since = *missing.entry(name).or_insert(now);
            SeenLease {
                holder: String::new(),
                age: now.saturating_duration_since(since),
                duration: terms.duration,
            }
        });
        Standing {
            me: terms.me.clone(),
            renew_after,
            members: members.collect(),
            shards: shards.collect(),
        }
    }
}
