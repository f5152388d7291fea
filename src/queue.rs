//! The work queue: which schedule is looked at next.
//!
//! Wakes at wall-clock instants come first, since a fire may be due; changes that the watches show
//! come second, but one of them goes between some wakes, lest the end of a run is never seen where
//! fires are always due. In both lines the tenant comes first that has asked for the least lately. A
//! schedule is handed out to one worker at a time. The clock is asked anew at least once a second, so
//! that a step of the wall clock is noticed: forward, wakes are due; back, every key with a wake is
//! looked at, since what was to happen soon would else be far away.

mod line;

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{sync::Notify, time::Instant};

use crate::clock::Clock;
use line::{Had, Line};
pub use line::{Tenant, Whose};

/// How long the queue sleeps at most before it asks the clock again.
const GLANCE: Duration = Duration::from_secs(1);

/// How far back the clock must go for that to be a step, all small ones together.
const STEP: SignedDuration = SignedDuration::from_secs(1);

/// A herd is due for some seconds; what is due for longer won't end soon.
const OVERRUN: Duration = Duration::from_secs(10);

/// Who wanted something within this time wants something now and then.
const LATELY: Duration = Duration::from_secs(60);

/// After so many wakes in a row one change has its turn.
const WAKES: u32 = 4;

/// A queue of keys.
pub struct Queue<K> {
    clock: Clock,
    state: Mutex<State<K>>,
    changed: Notify,
}

struct State<K> {
    due: Line<Ticket<K>>,
    changed: Line<Ticket<K>>,
    had: Had,
    /// How many wakes were handed out since the last change.
    wakes_in_row: u32,
    /// What waits, and by which ticket: who is moved ahead gets another, and the first is void.
    queued: HashMap<K, u64>,
    tickets: u64,
    /// What a worker has, and whether it has to be looked at again afterwards.
    taken: HashMap<K, bool>,
    wakes: BTreeSet<(Timestamp, K)>,
    wake_of: HashMap<K, Timestamp>,
    /// Since when something has been due all the time.
    behind: Option<Instant>,
    /// When a tenant that was owed much was served last while others were due.
    owed: Option<Instant>,
    /// The latest time that the clock has shown since it was last put back.
    latest: Timestamp,
}

/// A place in a line.
struct Ticket<K> {
    key: K,
    number: u64,
}

impl<K: Tenant> Tenant for Ticket<K> {
    fn tenant(&self) -> Arc<str> {
        self.key.tenant()
    }
}

impl<K: Clone + Eq + Hash + Ord + Tenant> Queue<K> {
    pub fn new(clock: Clock) -> Self {
        let state = State {
            due: Line::default(),
            changed: Line::default(),
            had: Had::default(),
            wakes_in_row: 0,
            queued: HashMap::new(),
            tickets: 0,
            taken: HashMap::new(),
            wakes: BTreeSet::new(),
            wake_of: HashMap::new(),
            behind: None,
            owed: None,
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

    /// Hands out the next key of anyone or of those who are owed much, for one worker; waits until there is
    /// one, at most a second. `None` when there was none by then.
    pub async fn pop(&self, whose: Whose) -> Option<K> {
        let wait = {
            let mut state = self.lock();
            state.line_up_due(self.clock.now());
            if let Some(key) = state.take(whose) {
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
        state.take(whose)
    }

    /// Whether the time of another tenant has come that has had less than this key's.
    pub fn owes_another(&self, key: &K) -> bool {
        let mut state = self.lock();
        state.line_up_due(self.clock.now());
        let State { due, had, .. } = &mut *state;
        due.owes_another(&key.tenant(), had)
    }

    /// Whether more has been due for a while than gets done, while tenants that have had much less want
    /// something now and then.
    pub fn is_overrun(&self) -> bool {
        let state = self.lock();
        let since = |instant: Option<Instant>| instant.map(|it| it.elapsed());
        since(state.behind).is_some_and(|it| it > OVERRUN)
            && since(state.owed).is_some_and(|it| it < LATELY)
    }

    /// Gives a key back, and says when to hand it out again if nothing changes before that; and how
    /// much was asked for meanwhile.
    pub fn done(&self, key: K, wake_at: Option<Timestamp>, requests: u64) {
        let mut state = self.lock();
        state.had.add(key.tenant(), requests);
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

impl<K: Clone + Eq + Hash + Ord + Tenant> State<K> {
    fn line_up(&mut self, key: K, due: bool) {
        if let Some(again) = self.taken.get_mut(&key) {
            *again = true;
            return;
        }
        // Who waits among the changes is behind others that can wait, and is moved ahead.
        if !due && self.queued.contains_key(&key) {
            return;
        }
        self.tickets += 1;
        let number = self.tickets;
        self.queued.insert(key.clone(), number);
        let line = if due {
            &mut self.due
        } else {
            &mut self.changed
        };
        line.push(Ticket { key, number });
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

    fn take(&mut self, whose: Whose) -> Option<K> {
        let Self {
            due,
            changed,
            had,
            queued,
            ..
        } = self;
        let waits = |it: &Ticket<K>| queued.get(&it.key) == Some(&it.number);
        // Who is owed much has its turns beside those of the others, and takes none of their changes'.
        let counts = matches!(whose, Whose::Anyone);
        let change = match counts && self.wakes_in_row >= WAKES {
            true => changed.pop(had, whose, waits),
            false => None,
        };
        let wake = match change {
            None => due.pop(had, whose, waits),
            Some(_) => None,
        };
        let is_wake = wake.is_some();
        let next = change.or(wake).or_else(|| changed.pop(had, whose, waits));
        let now = Instant::now();
        self.behind = match due.is_empty() {
            true => None,
            false => self.behind.or(Some(now)),
        };
        let key = next?.key;
        if counts {
            self.wakes_in_row = if is_wake { self.wakes_in_row + 1 } else { 0 };
        }
        let tenant = key.tenant();
        if self.behind.is_some() && had.owes_much(&tenant) {
            self.owed = Some(now);
        }
        had.add(tenant, 1);
        self.queued.remove(&key);
        self.taken.insert(key.clone(), false);
        Some(key)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// Tenant and number.
    type Key = (&'static str, u32);

    impl Tenant for Key {
        fn tenant(&self) -> Arc<str> {
            self.0.into()
        }
    }

    async fn taken(queue: &Queue<Key>, most: usize) -> Vec<Key> {
        let mut keys = Vec::new();
        while keys.len() < most
            && let Some(key) = queue.pop(Whose::Anyone).await
        {
            keys.push(key);
        }
        keys
    }

    #[tokio::test(start_paused = true)]
    async fn tenants_take_turns() {
        let queue = Queue::new(Clock::simulated(Timestamp::UNIX_EPOCH));
        for number in 0..1_000 {
            queue.push(("many", number));
        }
        queue.push(("few", 0));
        queue.push(("few", 1));
        let first = taken(&queue, 5).await;
        let expected = [
            ("many", 0),
            ("few", 0),
            ("many", 1),
            ("few", 1),
            ("many", 2),
        ];
        assert_eq!(first, expected);
        assert_eq!(taken(&queue, 2_000).await.len(), 997, "each of them once");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_asked_for_the_least_lately_comes_first() {
        let queue = Queue::new(Clock::simulated(Timestamp::UNIX_EPOCH));
        for number in 0..100 {
            queue.push(("many", number));
        }
        for key in taken(&queue, 20).await {
            queue.done(key, None, 2);
        }
        for number in 0..30 {
            queue.push(("few", number));
        }
        let few = |keys: Vec<Key>| keys.iter().filter(|key| key.0 == "few").count();
        assert_eq!(few(taken(&queue, 20).await), 20, "as many as the other had");
        for number in 0..20 {
            queue.done(("few", number), None, 2);
        }
        assert_eq!(few(taken(&queue, 10).await), 5, "then they take turns");
    }

    /// A queue in which one tenant has had much, and has so many more keys due.
    async fn with_much_had(due: u32) -> Queue<Key> {
        let queue = Queue::new(Clock::simulated(Timestamp::UNIX_EPOCH));
        for number in 0..=due {
            queue.push(("many", number));
        }
        for key in taken(&queue, 1 + due as usize).await {
            let wake = (key.1 < due).then_some(Timestamp::UNIX_EPOCH);
            queue.done(key, wake, 500);
        }
        queue
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_owed_much_has_not_to_wait_until_others_are_done() {
        let queue = with_much_had(10).await;
        assert_eq!(queue.pop(Whose::Owed).await, None, "the others are due");
        queue.push(("few", 0));
        queue.push(("few", 1));
        assert_eq!(queue.pop(Whose::Owed).await, Some(("few", 0)));
        queue.done(("few", 0), Some(Timestamp::UNIX_EPOCH), 0);
        let due_before_changed = [Some(("few", 0)), Some(("few", 1)), None];
        for expected in due_before_changed {
            assert_eq!(queue.pop(Whose::Owed).await, expected);
        }
        queue.done(("few", 0), Some(Timestamp::UNIX_EPOCH), 2_000);
        assert_eq!(
            queue.pop(Whose::Owed).await,
            None,
            "by now it has had its part"
        );
        assert_eq!(taken(&queue, 20).await.len(), 11, "nothing is lost");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_owed_much_takes_no_turn_of_the_others_changes() {
        let queue = with_much_had(100).await;
        queue.push(("many", 1_000));
        for number in 0..WAKES {
            queue.push(("few", number));
            assert_eq!(queue.pop(Whose::Owed).await, Some(("few", number)));
            let wake = queue.pop(Whose::Anyone).await;
            assert!(wake.is_some_and(|key| key < ("many", 100)), "{wake:?}");
        }
        assert_eq!(queue.pop(Whose::Anyone).await, Some(("many", 1_000)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_overrun_is_known_where_others_come_beside_it() {
        let queue = with_much_had(100).await;
        let turn = async |queue: &Queue<Key>| {
            let key = queue.pop(Whose::Anyone).await.expect("some are due");
            queue.done(key, Some(Timestamp::UNIX_EPOCH), 10);
        };
        turn(&queue).await;
        tokio::time::advance(OVERRUN * 2).await;
        turn(&queue).await;
        assert!(!queue.is_overrun(), "nobody else wants anything");
        queue.push(("few", 0));
        assert_eq!(queue.pop(Whose::Owed).await, Some(("few", 0)));
        assert!(queue.is_overrun());
        tokio::time::advance(LATELY).await;
        assert!(!queue.is_overrun(), "not for long");
        queue.done(("few", 0), Some(Timestamp::UNIX_EPOCH), 0);
        assert_eq!(queue.pop(Whose::Owed).await, Some(("few", 0)));
        assert!(queue.is_overrun());
        let owed = queue.lock().owed;
        while queue.pop(Whose::Anyone).await.is_some() {}
        assert!(!queue.is_overrun(), "all that was due is done");
        queue.done(("few", 0), None, 0);
        tokio::time::advance(OVERRUN).await;
        queue.push(("few", 0));
        assert_eq!(queue.pop(Whose::Owed).await, Some(("few", 0)));
        assert_eq!(queue.lock().owed, owed, "nobody else was there");
    }

    #[tokio::test(start_paused = true)]
    async fn wakes_come_first_and_changes_are_not_forgotten() {
        let queue = Queue::new(Clock::simulated(Timestamp::UNIX_EPOCH));
        for number in 0..10 {
            queue.push(("due", number));
        }
        for key in taken(&queue, 10).await {
            queue.done(key, Some(Timestamp::UNIX_EPOCH), 0);
        }
        for number in 0..3 {
            queue.push(("changed", number));
        }
        let mut keys = Vec::new();
        while let Some(key) = queue.pop(Whose::Anyone).await {
            keys.push(key);
            assert_eq!(queue.pop(Whose::Owed).await, None);
        }
        let shown: String = keys.iter().map(|key| &key.0[..1]).collect();
        assert_eq!(shown, "ddddcddddcddc");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_waits_for_no_more_than_some_wakes_however_long_all_has_been_due() {
        let queue = Queue::new(Clock::simulated(Timestamp::UNIX_EPOCH));
        let turn = async || {
            let key = queue.pop(Whose::Anyone).await.expect("all are due");
            // What it wrote is shown while it is under way.
            queue.push(key);
            queue.done(key, Some(Timestamp::UNIX_EPOCH), 0);
            key
        };
        for number in 0..10 {
            queue.push(("one", number));
        }
        for _ in 0..1_000 {
            turn().await;
        }
        queue.push(("one", 10));
        let mut turns = 0;
        while turn().await != ("one", 10) {
            turns += 1;
            assert!(turns < 100, "it is never looked at");
        }
    }
}
