//! A line in which every tenant has one of its own. Next is the tenant that has had the least
//! lately: however much one has lined up, another that seldom wants anything doesn't wait for it.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    sync::Arc,
};

/// How many turns and requests a tenant that wanted nothing is behind the others at most: what one with
/// some tens of schedules needs at once. Others wait for so much when one comes that has had nothing.
const BEHIND: u64 = 300;

/// Who is so far behind is owed much.
const MUCH: u64 = BEHIND / 4;

/// Whose turn it may be.
#[derive(Clone, Copy, Debug)]
pub enum Whose {
    Anyone,
    /// Of tenants that have had much less than others.
    Owed,
}

/// What has a tenant: whoever shares the queue with others.
pub trait Tenant {
    fn tenant(&self) -> Arc<str>;
}

/// How much each tenant has had. Only grows, so that places in a line are compared when they are looked at.
#[derive(Default)]
pub struct Had {
    much: HashMap<Arc<str>, u64>,
    /// What the tenant had that was served last: those who want something all the time have about as much.
    usual: u64,
    /// When those who are too far behind to be remembered are forgotten.
    forget_at: u64,
}

impl Had {
    /// A tenant gets something.
    pub fn add(&mut self, tenant: Arc<str>, much: u64) {
        let had = self.of(&tenant);
        self.usual = self.usual.max(had);
        self.much.insert(tenant, had + much);
        if self.usual >= self.forget_at {
            let least = self.least();
            self.much.retain(|_, had| *had > least);
            self.forget_at = self.usual + BEHIND;
        }
    }

    /// Whether a tenant has had much less than others.
    pub fn owes_much(&self, tenant: &str) -> bool {
        self.of(tenant) + MUCH < self.usual
    }

    fn of(&self, tenant: &str) -> u64 {
        let had = self.much.get(tenant).copied();
        had.unwrap_or(0).max(self.least())
    }

    fn least(&self) -> u64 {
        self.usual.saturating_sub(BEHIND)
    }
}

pub struct Line<K> {
    /// The tenants that wait, each once: what each had when it came, and which of them came first.
    turns: BinaryHeap<Reverse<(u64, u64, Arc<str>)>>,
    waiting: HashMap<Arc<str>, VecDeque<K>>,
    /// How many turns there have been.
    count: u64,
}

impl<K> Default for Line<K> {
    fn default() -> Self {
        Self {
            turns: BinaryHeap::new(),
            waiting: HashMap::new(),
            count: 0,
        }
    }
}

impl<K: Tenant> Line<K> {
    pub fn push(&mut self, key: K) {
        let tenant = key.tenant();
        if let Some(waiting) = self.waiting.get_mut(&tenant) {
            return waiting.push_back(key);
        }
        self.line_up(0, tenant.clone());
        self.waiting.insert(tenant, VecDeque::from([key]));
    }

    /// The next key that still waits here; those before it are dropped. Tenants that have had the same
    /// take turns.
    pub fn pop(&mut self, had: &Had, whose: Whose, waits: impl Fn(&K) -> bool) -> Option<K> {
        loop {
            let (much, tenant) = self.first(had)?;
            if matches!(whose, Whose::Owed) && !had.owes_much(&tenant) {
                return None;
            }
            self.turns.pop();
            let waiting = self.waiting.get_mut(&tenant)?;
            let key = std::iter::from_fn(|| waiting.pop_front()).find(&waits);
            if waiting.is_empty() {
                self.waiting.remove(&tenant);
            } else {
                self.line_up(much, tenant);
            }
            if key.is_some() {
                return key;
            }
        }
    }

    /// Whether a tenant waits here that has had less than this one.
    pub fn owes_another(&mut self, tenant: &str, had: &Had) -> bool {
        let first = self.first(had);
        first.is_some_and(|(much, _)| much < had.of(tenant))
    }

    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Who is next, and how much it has had.
    fn first(&mut self, had: &Had) -> Option<(u64, Arc<str>)> {
        loop {
            let mut first = self.turns.peek_mut()?;
            let Reverse((much, _, tenant)) = &mut *first;
            let by_now = had.of(tenant);
            if *much == by_now {
                return Some((by_now, tenant.clone()));
            }
            *much = by_now; // which puts it where it belongs
        }
    }

    fn line_up(&mut self, much: u64, tenant: Arc<str>) {
        self.count += 1;
        self.turns.push(Reverse((much, self.count, tenant)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wanted_nothing_is_behind_by_a_limited_amount_and_forgotten() {
        let mut had = Had::default();
        had.add("few".into(), 900);
        had.add("many".into(), 0);
        for _ in 0..2_100 {
            had.add("many".into(), 1);
        }
        assert_eq!(had.of("many") - had.of("few"), 1 + BEHIND);
        assert_eq!(had.much.len(), 1, "{:?}", had.much);
    }
}
