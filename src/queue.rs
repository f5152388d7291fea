//! The work queue: which schedule is looked at next.
//!
//! Wakes at wall-clock instants come first, since a fire may be due; changes that the watches show
//! come second. A schedule is handed out to one worker at a time. The clock is asked anew at least
//! once a second, so that a step of the wall clock is noticed: forward, wakes are due; back, every
//! key with a wake is looked at, since what was to happen soon would else be far away.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    hash::Hash,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::clock::Clock;

/// How long the queue sleeps at most before it asks the clock again.
const GLANCE: Duration = Duration::from_secs(1);

/// How far back the clock must go for that to be a step, all small ones together.
const STEP: SignedDuration = SignedDuration::from_secs(1);

/// A queue of keys.
pub struct Queue<K> {
    clock: Clock,
    state: Mutex<State<K>>,
    changed: Notify,
}

struct State<K> {
    due: VecDeque<K>,
    changed: VecDeque<K>,
    /// What stands in one of the two lines.
    queued: HashSet<K>,
    /// What a worker has, and whether it has to be looked at again afterwards.
    taken: HashMap<K, bool>,
    wakes: BTreeSet<(Timestamp, K)>,
    wake_of: HashMap<K, Timestamp>,
    /// The latest time that the clock has shown since it was last put back.
    latest: Timestamp,
}

impl<K: Clone + Eq + Hash + Ord> Queue<K> {
    pub fn new(clock: Clock) -> Self {
        let state = State {
            due: VecDeque::new(),
            changed: VecDeque::new(),
            queued: HashSet::new(),
            taken: HashMap::new(),
            wakes: BTreeSet::new(),
            wake_of: HashMap::new(),
            latest: Timestamp::MIN,
        };
        Self {
            clock,
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    /// Says that something about `key` has changed.
    pub fn push(&self, key: K) {
        self.lock().line_up(key, false);
        self.changed.notify_one();
    }

    /// Hands out the next key, for one worker; waits until there is one, at most a second.
    /// `None` when there was none by then.
    pub async fn pop(&self) -> Option<K> {
        let wait = {
            let mut state = self.lock();
            state.line_up_due(self.clock.now());
            if let Some(key) = state.take() {
                return Some(key);
            }
            let first = state
                .wakes
                .first()
                .map(|(instant, _)| self.clock.until(*instant));
            first.map_or(GLANCE, |wait| wait.min(GLANCE))
        };
        // Either way the caller comes back, and the state is looked at again.
        let _ = tokio::time::timeout(wait, self.changed.notified()).await;
        let mut state = self.lock();
        state.line_up_due(self.clock.now());
        state.take()
    }

    /// Gives a key back, and says when to hand it out again if nothing changes before that.
    pub fn done(&self, key: K, wake_at: Option<Timestamp>) {
        let mut state = self.lock();
        let again = state.taken.remove(&key).unwrap_or(false);
        state.wake(&key, wake_at);
        if again {
            state.line_up(key, false);
        }
        drop(state);
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash + Ord> State<K> {
    fn line_up(&mut self, key: K, due: bool) {
        if let Some(again) = self.taken.get_mut(&key) {
            *again = true;
        } else if self.queued.insert(key.clone()) {
            let line = if due {
                &mut self.due
            } else {
                &mut self.changed
            };
            line.push_back(key);
        } else if due {
            // It waits among the changes, behind others that can wait.
            self.due.push_back(key);
        }
    }

    fn line_up_due(&mut self, now: Timestamp) {
        if self.latest.duration_since(now) >= STEP {
            self.latest = now;
            for (_, key) in std::mem::take(&mut self.wakes) {
                self.wake_of.remove(&key);
                self.line_up(key, false);
            }
        }
        self.latest = self.latest.max(now);
        while let Some((instant, _)) = self.wakes.first()
            && *instant <= now
            && let Some((_, key)) = self.wakes.pop_first()
        {
            self.wake_of.remove(&key);
            self.line_up(key, true);
        }
    }

    fn take(&mut self) -> Option<K> {
        loop {
            let key = self.due.pop_front().or_else(|| self.changed.pop_front())?;
            // A key that was moved ahead stands in both lines; the second time it is gone already.
            if self.queued.remove(&key) {
                self.taken.insert(key.clone(), false);
                return Some(key);
            }
        }
    }

    fn wake(&mut self, key: &K, at: Option<Timestamp>) {
        if let Some(before) = self.wake_of.remove(key) {
            self.wakes.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.wake_of.insert(key.clone(), at);
            self.wakes.insert((at, key.clone()));
        }
    }
}
