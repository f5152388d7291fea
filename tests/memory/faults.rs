//! Faults: what goes wrong between a controller and the API server.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{call::Verb, store::Resource};

/// What happens to one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It arrives, and so does its answer.
    None,
    /// The connection breaks before it arrives.
    Before,
    /// It is carried out, and the connection breaks before the answer.
    After,
    /// It is carried out, and no answer ever comes.
    Silence,
    /// It is not carried out, and no answer ever comes.
    Hang,
    /// The connection breaks, and it is carried out all the same, this much later.
    Late(Duration),
    /// The server answers this and does nothing.
    Answer(u16),
    /// It is carried out, and the server answers this nevertheless.
    ApplyAndAnswer(u16),
    /// It is carried out and answered, and carried out once more this much later.
    Twice(Duration),
    /// The controller dies before it arrives, and another comes after this time.
    CrashBefore(Duration),
    /// It is carried out, the controller dies, and another comes after this time.
    CrashAfter(Duration),
}

/// What happens to a read, or to the opening of a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFault {
    /// Nothing.
    None,
    /// The connection breaks.
    Broken,
    /// No answer ever comes.
    Silence,
    /// The server answers this.
    Answer(u16),
    /// A list that need not be fresh shows what was there so many versions ago.
    Stale(u64),
}

/// What happens to an event on its way through a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventFault {
    /// Nothing.
    None,
    /// It never comes.
    Dropped,
    /// It comes twice.
    Twice,
    /// It comes after later events about other objects.
    Overtaken,
    /// The watch ends before it.
    Broken,
}

/// A write of a controller on its way.
#[derive(Clone, Debug)]
pub struct Write {
    /// Which of all writes it is, from 0.
    pub number: usize,
    pub by: String,
    pub verb: Verb,
    pub resource: Resource,
    pub name: String,
}

type Plan<A, F> = Arc<Mutex<dyn FnMut(A) -> F + Send>>;

/// Decides what happens to everything between controllers and server. All clones count the same
/// writes.
#[derive(Clone)]
pub struct Faults {
    count: Arc<AtomicUsize>,
    writes: Plan<Write, Fault>,
    reads: Plan<Verb, ReadFault>,
    events: Plan<(), EventFault>,
}

impl Faults {
    pub fn new(mut plan: impl FnMut(&Write) -> Fault + Send + 'static) -> Self {
        Self {
            count: Arc::default(),
            writes: Arc::new(Mutex::new(move |write| plan(&write))),
            reads: Arc::new(Mutex::new(|_| ReadFault::None)),
            events: Arc::new(Mutex::new(|()| EventFault::None)),
        }
    }

    pub fn none() -> Self {
        Self::new(|_| Fault::None)
    }

    /// With these faults at gets, lists and the openings of watches.
    pub fn reads(mut self, plan: impl FnMut(Verb) -> ReadFault + Send + 'static) -> Self {
        self.reads = Arc::new(Mutex::new(plan));
        self
    }

    /// With these faults at the events of watches.
    pub fn events(mut self, mut plan: impl FnMut() -> EventFault + Send + 'static) -> Self {
        self.events = Arc::new(Mutex::new(move |()| plan()));
        self
    }

    /// What happens to the next write.
    pub fn next(&self, by: &str, verb: Verb, resource: Resource, name: &str) -> Fault {
        let write = Write {
            number: self.count.fetch_add(1, Ordering::Relaxed),
            by: by.into(),
            verb,
            resource,
            name: name.into(),
        };
        ask(&self.writes, write)
    }

    /// What happens to the next read.
    pub fn next_read(&self, verb: Verb) -> ReadFault {
        ask(&self.reads, verb)
    }

    /// What happens to the next event of a watch.
    pub fn next_event(&self) -> EventFault {
        ask(&self.events, ())
    }

    /// How many writes were made.
    pub fn writes(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

fn ask<A, F>(plan: &Plan<A, F>, about: A) -> F {
    let mut plan = plan.lock().expect("no test goes on after a panic");
    plan(about)
}

/// Numbers that look random and are the same every time.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Whether something happens that happens once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of these.
    pub fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }

    /// Dice of their own for another purpose.
    pub fn fork(&mut self) -> Self {
        Self(self.below(u64::MAX))
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}
