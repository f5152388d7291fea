//! What the rest of the controller asks: whether this replica leads a schedule, just now.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::{sync::watch, time::Instant};

use crate::core::shards::shard_of;

/// The shards that this replica leads. Cheap to clone: all clones say the same.
#[derive(Clone)]
pub struct Leadership(Arc<Shards>);

struct Shards {
    state: Mutex<State>,
    /// How often each shard came to be led so far, while it is.
    led: watch::Sender<Vec<Option<u64>>>,
}

struct State {
    /// Leases can't be had, so that all is led: that is as safe, and only costs work.
    without: bool,
    shards: Vec<Shard>,
}

#[derive(Clone, Default)]
struct Shard {
    /// By then the Lease is lost if it isn't renewed. By a clock that nobody sets.
    until: Option<Instant>,
    since: Timestamp,
    /// How often it was gained.
    terms: u64,
}

impl Leadership {
    /// Leads everything, always: there is no Lease.
    pub fn always() -> Self {
        let leadership = Self::of(1);
        leadership.without(true);
        leadership
    }

    /// Leads nothing until told.
    pub(super) fn of(shards: usize) -> Self {
        let state = State {
            without: false,
            shards: vec![Shard::default(); shards],
        };
        Self(Arc::new(Shards {
            state: Mutex::new(state),
            led: watch::Sender::new(vec![None; shards]),
        }))
    }

    /// Whether this replica leads the schedule with this uid, now.
    pub fn leads(&self, uid: &str) -> bool {
        let state = self.0.lock();
        state.without || state.leads(shard_of(uid, state.shards.len()))
    }

    /// Since when it leads the schedule with this uid: the time from which on what the replica before
    /// did not do is its own to do. `None` if it doesn't, or if there was none before.
    pub fn since(&self, uid: &str) -> Option<Timestamp> {
        let state = self.0.lock();
        let shard = shard_of(uid, state.shards.len());
        let leads = !state.without && state.leads(shard);
        leads.then(|| state.shards[shard].since)
    }

    /// For each shard how often it came to be led, while it is.
    pub fn led(&self) -> watch::Receiver<Vec<Option<u64>>> {
        self.0.led.subscribe()
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.0.led.borrow().len()
    }

    /// How many shards it leads.
    pub fn count(&self) -> usize {
        self.0.led.borrow().iter().flatten().count()
    }

    /// The Lease of a shard is ours until then. Whether it wasn't before.
    pub(super) fn hold(&self, shard: usize, until: Instant, since: Timestamp) -> bool {
        self.change(|state| {
            let led = &mut state.shards[shard];
            // One that has lapsed was lost in between, even if nobody has looked.
            let gained = led.until.is_none_or(|until| until <= Instant::now());
            if gained {
                led.terms += 1;
                led.since = since;
            }
            led.until = led.until.max(Some(until));
            gained
        })
    }

    /// Whether the Lease of a shard is ours now.
    pub(super) fn holds(&self, shard: usize) -> bool {
        self.0.lock().leads(shard)
    }

    /// The Lease of a shard is not ours any more, or will not be. Whether it was.
    pub(super) fn lose(&self, shard: usize) -> bool {
        self.change(|state| state.shards[shard].until.take().is_some())
    }

    /// Leads everything because no Lease can be had, or no longer. Whether that is new.
    pub(super) fn without(&self, without: bool) -> bool {
        self.change(|state| {
            let new = state.without != without;
            if new && without {
                for shard in &mut state.shards {
                    shard.terms += 1;
                }
            }
            state.without = without;
            new
        })
    }

    /// Takes note of the Leases that were not renewed in time. Their shards.
    pub(super) fn lapse(&self) -> Vec<usize> {
        self.change(|state| {
            let now = Instant::now();
            let shards = state.shards.iter_mut().enumerate();
            let over = shards.filter(|(_, led)| led.until.is_some_and(|until| until <= now));
            over.map(|(shard, led)| {
                led.until = None;
                shard
            })
            .collect()
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.0.lock();
        let changed = change(&mut state);
        let led: Vec<_> = (0..state.shards.len())
            .map(|shard| (state.without || state.held(shard)).then(|| state.shards[shard].terms))
            .collect();
        // Under the lock, so that the last that is told is the last that was changed.
        self.0.led.send_if_modified(|told| {
            let new = *told != led;
            *told = led;
            new
        });
        changed
    }
}

impl State {
    fn leads(&self, shard: usize) -> bool {
        let until = self.shards[shard].until;
        until.is_some_and(|until| Instant::now() < until)
    }

    fn held(&self, shard: usize) -> bool {
        self.shards[shard].until.is_some()
    }
}

impl Shards {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
