//! Faults: what goes wrong between a controller and the API server.

use std::{
    sync::{Arc, Mutex},
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
    /// The controller dies before it arrives, and another comes after this time.
    CrashBefore(Duration),
    /// It is carried out, the controller dies, and another comes after this time.
    CrashAfter(Duration),
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

type Plan = dyn FnMut(&Write) -> Fault + Send;

/// Decides for every write what happens to it. All clones count the same writes.
#[derive(Clone)]
pub struct Faults(Arc<Mutex<(usize, Box<Plan>)>>);

impl Faults {
    pub fn new(plan: impl FnMut(&Write) -> Fault + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new((0, Box::new(plan)))))
    }

    pub fn none() -> Self {
        Self::new(|_| Fault::None)
    }

    /// What happens to the next write.
    pub fn next(&self, by: &str, verb: Verb, resource: Resource, name: &str) -> Fault {
        let mut state = self.0.lock().expect("no test goes on after a panic");
        let write = Write {
            number: state.0,
            by: by.into(),
            verb,
            resource,
            name: name.into(),
        };
        state.0 += 1;
        (state.1)(&write)
    }

    /// How many writes were made.
    pub fn writes(&self) -> usize {
        self.0.lock().expect("no test goes on after a panic").0
    }
}

/// Numbers that look random and are the same every time.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
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
