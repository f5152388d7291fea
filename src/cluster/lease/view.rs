//! What this replica has seen of the Leases, and when, by its own clock.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use k8s_openapi::api::coordination::v1::Lease;
use tokio::time::Instant;

use super::{ROLE_LABEL, Terms};
use crate::core::{
    shards::{MEMBER_LASTS, SeenLease, Standing},
    version::later,
};

/// The longest that a Lease is believed to last, whatever is written in it.
const BELIEVED: Duration = Duration::from_secs(600);

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
}

impl View {
    /// Takes in a Lease as it is `now`, unless a later version of it is known.
    pub fn take_in(&mut self, lease: Lease, now: Instant) {
        let Some(name) = lease.metadata.name else {
            return;
        };
        let labels = lease.metadata.labels.unwrap_or_default();
        let leases = match labels.get(ROLE_LABEL).map(String::as_str) {
            Some("member") => &mut self.members,
            _ => &mut self.shards,
        };
        let version = lease.metadata.resource_version.unwrap_or_default();
        if let Some(known) = leases.get(&name)
            && (known.version == version || later(&known.version, &version))
        {
            return;
        }
        let spec = lease.spec.unwrap_or_default();
        let seconds = spec
            .lease_duration_seconds
            .and_then(|it| it.try_into().ok());
        let known = Known {
            version,
            holder: spec.holder_identity.unwrap_or_default(),
            transitions: spec.lease_transitions.unwrap_or_default(),
            changed: now,
            duration: seconds.map(|it| Duration::from_secs(it).min(BELIEVED)),
        };
        leases.insert(name, known);
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
    pub fn standing(&self, terms: &Terms, renew_after: Duration, now: Instant) -> Standing {
        let seen = |known: &Known, duration| SeenLease {
            holder: known.holder.clone(),
            age: now.saturating_duration_since(known.changed),
            duration: known.duration.unwrap_or(duration),
        };
        let members = self.members.iter();
        let members =
            members.map(|(name, known)| (name.clone(), seen(known, terms.duration * MEMBER_LASTS)));
        let shards = (0..terms.shards).map(|shard| {
            let known = self.shards.get(&terms.shard_name(shard))?;
            Some(seen(known, terms.duration))
        });
        Standing {
            me: terms.me.clone(),
            renew_after,
            members: members.collect(),
            shards: shards.collect(),
        }
    }
}
