//! What is under way about each Lease, when the next write of it may be made, and what went wrong.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use tokio::time::Instant;

/// How many writes of one Lease may wait for their answers.
const AT_ONCE: usize = 4;

/// By the name of the Lease. One Lease never waits for another.
#[derive(Debug, Default)]
pub struct Desk(HashMap<String, Entry>);

#[derive(Debug)]
struct Entry {
    under_way: usize,
    not_before: Instant,
    failing: Option<Failing>,
}

#[derive(Debug)]
struct Failing {
    since: Instant,
    refused: bool,
}

impl Desk {
    pub fn may_begin(&self, name: &str, now: Instant) -> bool {
        let entry = self.0.get(name);
        entry.is_none_or(|it| it.under_way < AT_ONCE && it.not_before <= now)
    }

    /// Whether a write waits for its answer, and not for too long yet.
    pub fn is_fresh(&self, name: &str, now: Instant) -> bool {
        let entry = self.0.get(name);
        entry.is_some_and(|it| it.under_way > 0 && now < it.not_before)
    }

    pub fn is_idle(&self) -> bool {
        self.0.values().all(|entry| entry.under_way == 0)
    }

    /// A write begins; another one of the same Lease may after this time, if there is no answer by then.
    pub fn begin(&mut self, name: &str, another: Instant) {
        let entry = self.0.entry(name.to_owned()).or_insert(Entry {
            under_way: 0,
            not_before: another,
            failing: None,
        });
        entry.under_way += 1;
        entry.not_before = another;
    }

    pub fn done(&mut self, name: &str, now: Instant) {
        self.end(name, now, |entry| entry.failing = None);
    }

    /// A write came to nothing; the next may be made after this time.
    pub fn put_off(&mut self, name: &str, until: Instant) {
        self.end(name, until, |_| ());
    }

    /// A write of ours that was begun then came to nothing.
    pub fn failed(&mut self, name: &str, begun: Instant, refused: bool, until: Instant) {
        self.end(name, until, |entry| {
            let since = entry.failing.as_ref().map_or(begun, |it| it.since);
            entry.failing = Some(Failing { since, refused });
        });
    }

    fn end(&mut self, name: &str, not_before: Instant, how: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.0.get_mut(name) {
            entry.under_way = entry.under_way.saturating_sub(1);
            entry.not_before = not_before;
            how(entry);
        }
    }

    /// Forgets what went wrong with Leases of which nothing is wanted any more.
    pub fn keep(&mut self, wanted: &HashSet<&str>) {
        self.0.retain(|name, entry| {
            let keep = wanted.contains(name.as_str());
            if !keep {
                entry.failing = None;
            }
            keep || entry.under_way > 0
        });
    }

    pub fn is_troubled(&self) -> bool {
        self.0.values().any(|entry| entry.failing.is_some())
    }

    /// Whether a Lease can't be had: it is refused, or nothing else than failures came for so long.
    pub fn is_hopeless(&self, now: Instant, patience: Duration) -> bool {
        let mut failing = self.0.values().filter_map(|entry| entry.failing.as_ref());
        failing.any(|it| it.refused || it.since + patience <= now)
    }

    /// When a write that has to wait may be made.
    pub fn next(&self, now: Instant) -> Option<Instant> {
        let entries = self.0.values().filter(|entry| entry.under_way < AT_ONCE);
        entries
            .map(|entry| entry.not_before)
            .filter(|time| *time > now)
            .min()
    }
}
