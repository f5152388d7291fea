//! What we have written into Leases, so that our own writes are known wherever they are seen: in the
//! answer, in the watch, or in a list when the answer was lost.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{sync::Notify, time::Instant};

/// How many writes of one Lease are remembered.
const REMEMBERED: usize = 8;

/// One write by which a Lease becomes or stays ours.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// The time that it writes, by which it is known.
    pub time: Timestamp,
    /// When it was sent, by a clock that nobody sets.
    pub sent: Instant,
    /// How long from then on the Lease is ours.
    pub lasts: Duration,
    /// What the replica before did not do since then is ours to do.
    pub since: Timestamp,
    /// It was seen, or a later one: nobody has to wait for its answer.
    pub seen: Arc<Notify>,
}

/// The latest of them, by the name of the Lease.
#[derive(Debug, Default)]
pub struct Stamps {
    of: HashMap<String, VecDeque<Stamp>>,
    /// How long the last write took that was answered.
    pub latency: Duration,
}

impl Stamps {
    pub fn add(&mut self, name: &str, stamp: Stamp) {
        // The latest is the first.
        let stamps = self.of.entry(name.to_owned()).or_default();
        stamps.truncate(REMEMBERED - 1);
        stamps.push_front(stamp);
    }

    /// The write that left this time in a Lease: so it and those before it are over.
    pub fn find(&self, name: &str, time: Timestamp) -> Option<Stamp> {
        // A Lease's time has no more digits than that.
        let is = |stamp: &Stamp| stamp.time.as_microsecond() == time.as_microsecond();
        let stamps = self.of.get(name)?;
        let found = stamps.iter().position(is)?;
        for over in stamps.range(found..) {
            over.seen.notify_one();
        }
        stamps.get(found).cloned()
    }

    /// Whether no other write of this Lease was begun since.
    pub fn is_latest(&self, name: &str, stamp: &Stamp) -> bool {
        let latest = self.of.get(name).and_then(VecDeque::front);
        latest.is_some_and(|latest| Arc::ptr_eq(&latest.seen, &stamp.seen))
    }

    /// None of them counts any more.
    pub fn forget(&mut self, name: &str) {
        self.of.remove(name);
    }
}
