//! Which shards of the schedules a replica should lead: what it has seen of the Leases goes in, what to
//! do with them comes out.
//!
//! Nothing is safe because of what is decided here. It only keeps replicas from doing the same work.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use super::run::{mixed, spread};

/// After how many times its duration a member's Lease is nobody's any more and is deleted.
const BURIED_AFTER: u32 = 10;
/// How many of those are deleted at once.
const BURIED_AT_ONCE: usize = 8;

/// The shard of the schedule with this uid.
pub fn shard_of(uid: &str, shards: usize) -> usize {
    let hash = mixed(spread(uid));
    // What is left of a division by a usize is one.
    (hash % shards.max(1) as u64) as usize
}

/// A Lease as one replica has seen it, by its own clock: what others wrote of their time is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenLease {
    /// Who holds it; empty when nobody does.
    pub holder: String,
    /// How long ago it was last seen to change.
    pub age: Duration,
    /// How long after a change it counts.
    pub duration: Duration,
}

impl SeenLease {
    fn expired(&self) -> bool {
        self.age >= self.duration
    }

    /// For how long it has been nobody's, unless it is somebody's.
    fn free_for(&self) -> Option<Duration> {
        match self.holder.is_empty() {
            true => Some(self.age),
            false => self.age.checked_sub(self.duration),
        }
    }

    /// Whoever's turn it was to take it, is not there.
    fn is_overdue(&self) -> bool {
        self.free_for().is_some_and(|free| free >= self.duration)
    }

    /// When something follows from its age: it expires, or is overdue.
    fn left(&self) -> Duration {
        match self.free_for() {
            None => self.duration.saturating_sub(self.age),
            Some(free) => self.duration.saturating_sub(free),
        }
    }
}

/// All that a replica has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub me: String,
    /// After which age my own Leases are to be renewed.
    pub renew_after: Duration,
    /// The members' Leases, by name. They say who is there, mine included once it is written.
    pub members: BTreeMap<String, SeenLease>,
    /// The Lease of each shard. One that nobody has made yet is nobody's.
    pub shards: Vec<SeenLease>,
}

/// What to do now: at once and in any order, but to bury before to take. Who sees a dead replica's shard
/// taken must no longer count on that replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// Make or renew the Lease that says that I am there.
    pub announce: bool,
    /// Shards whose Lease is mine and has to be renewed.
    pub renew: Vec<usize>,
    /// Shards that are nobody's and should be mine.
    pub take: Vec<usize>,
    /// Shards of which I have too many.
    pub release: Vec<usize>,
    /// Names of the Leases of members that are gone. One that lives makes its own anew.
    pub bury: Vec<String>,
    /// When to look again if no Lease changes.
    pub look_again: Duration,
}

impl Moves {
    /// Whether there is nothing to do now.
    pub fn is_none(&self) -> bool {
        let lists = [&self.renew, &self.take, &self.release];
        !self.announce && lists.iter().all(|list| list.is_empty()) && self.bury.is_empty()
    }
}

/// Says what to do. Who sees the same decides the same, so that replicas don't grasp at the same
/// shard; where they see something else, the Lease's resource version decides.
pub fn decide(standing: &Standing) -> Moves {
    let me = standing.me.as_str();
    let quotas = quotas(standing);
    let mine: Vec<usize> = held(standing, me).collect();
    let quota = quotas.iter().find(|(name, _)| *name == me);
    let quota = quota.map_or(0, |(_, quota)| *quota);

    let own = standing.members.values().find(|lease| lease.holder == me);
    let due = |lease: &SeenLease| lease.age >= standing.renew_after;
    let (keep, release) = mine.split_at(quota.min(mine.len()));
    let renew = keep.iter().copied();
    let renew = renew.filter(|shard| due(&standing.shards[*shard]));
    // Who is not known to the others yet would take what they are about to take.
    let (take, absent) = match own {
        Some(_) => take(standing, &quotas),
        None => Default::default(),
    };
    let mut bury = left_by(standing, &take, &absent);
    if mine.first() == Some(&0) {
        bury.extend(graves(standing));
    }
    bury.sort_unstable();
    bury.dedup();
    Moves {
        announce: own.is_none_or(due_member(standing.renew_after)),
        renew: renew.collect(),
        take,
        release: release.to_vec(),
        bury,
        look_again: look_again(standing),
    }
}

/// A member's Lease lasts several times as long as a shard's, and is renewed as much less often.
fn due_member(renew_after: Duration) -> impl Fn(&SeenLease) -> bool {
    move |lease| lease.age >= renew_after * MEMBER_LASTS
}

/// How many times as long a member's Lease lasts as a shard's. A replica that leads nothing has
/// nothing to hand over; one that leads something is missed by its shards' Leases.
pub const MEMBER_LASTS: u32 = 3;

/// The replicas that are there and how many shards each should have, those that hold the most first:
/// so the fewest shards move.
fn quotas(standing: &Standing) -> Vec<(&str, usize)> {
    let shards = || standing.shards.iter();
    let missed = |name: &str| shards().any(|lease| lease.holder == name && lease.expired());
    let members = standing.members.values().filter(|lease| !lease.expired());
    let mut there: Vec<&str> = members
        .chain(shards().filter(|lease| !lease.expired()))
        .map(|lease| lease.holder.as_str())
        .filter(|name| !name.is_empty() && !missed(name))
        // Whatever the Leases say, I am.
        .filter(|name| *name != standing.me)
        .chain([standing.me.as_str()])
        .collect();
    there.sort_unstable();
    there.dedup();
    there.sort_by_key(|name| Reverse(held(standing, name).count()));
    let (all, among) = (standing.shards.len(), there.len());
    let ranked = there.into_iter().enumerate();
    ranked
        .map(|(rank, name)| (name, all / among + usize::from(rank < all % among)))
        .collect()
}

/// The shards that a replica holds. I hold mine also when they expired: nobody else has taken them.
fn held(standing: &Standing, name: &str) -> impl Iterator<Item = usize> {
    let shards = standing.shards.iter().enumerate();
    shards.filter_map(move |(shard, lease)| {
        let holds = lease.holder == name && (name == standing.me || !lease.expired());
        holds.then_some(shard)
    })
}

/// My part of the shards that nobody holds: each replica in its turn gets as many as it lacks. And
/// those that another should have taken long ago; also who that is.
fn take<'a>(standing: &Standing, quotas: &[(&'a str, usize)]) -> (Vec<usize>, Vec<&'a str>) {
    let free = |lease: &SeenLease| lease.holder != standing.me && lease.free_for().is_some();
    let shards = standing.shards.iter().enumerate();
    let mut free = shards.filter(|(_, lease)| free(lease));
    let (mut taken, mut absent) = (Vec::new(), Vec::new());
    for (name, quota) in quotas {
        let lacks = quota.saturating_sub(held(standing, name).count());
        for (shard, lease) in free.by_ref().take(lacks) {
            if *name == standing.me {
                taken.push(shard);
            } else if lease.is_overdue() {
                taken.push(shard);
                absent.push(*name);
            }
        }
    }
    (taken, absent)
}

/// The Leases of members that let these shards expire, or are absent.
fn left_by(standing: &Standing, shards: &[usize], absent: &[&str]) -> Vec<String> {
    let holders = shards.iter().map(|it| standing.shards[*it].holder.as_str());
    let gone: Vec<&str> = holders.chain(absent.iter().copied()).collect();
    let members = standing.members.iter();
    let gone = members.filter(|(_, lease)| gone.contains(&lease.holder.as_str()));
    gone.map(|(name, _)| name.clone()).collect()
}

/// The Leases of members that have been silent for long.
fn graves(standing: &Standing) -> Vec<String> {
    let members = standing.members.iter();
    let gone = members.filter(|(_, lease)| {
        lease.holder != standing.me && lease.age >= lease.duration * BURIED_AFTER
    });
    gone.map(|(name, _)| name.clone())
        .take(BURIED_AT_ONCE)
        .collect()
}

/// The next instant at which one of mine is to be renewed or one of another's expires.
fn look_again(standing: &Standing) -> Duration {
    let mine = |lease: &SeenLease| lease.holder == standing.me;
    let shards = standing.shards.iter().map(|lease| {
        if mine(lease) {
            standing.renew_after.saturating_sub(lease.age)
        } else {
            lease.left()
        }
    });
    let members = standing.members.values().map(|lease| {
        if mine(lease) {
            (standing.renew_after * MEMBER_LASTS).saturating_sub(lease.age)
        } else {
            lease.left()
        }
    });
    let coming = shards.chain(members).filter(|wait| !wait.is_zero());
    coming.min().unwrap_or(standing.renew_after)
}
