//! A Kubernetes API server in memory, with a kubelet, users and faults, to run the real driver on.
//!
//! ```text
//!  World ── controllers ── Link (delays, faults, frozen watches) ──┐
//!    │                                                             ├── Server ── Store: objects and every change
//!    └───── users, kubelet ────────────────────────────────────────┘                 │
//!                                                                            checks (G1, G2, G3)
//! ```
//!
//! Time is the test's own: the runtime is paused and jumps from one timer to the next. What is
//! promised is checked on the store's record of changes, never on what a controller believes.

#![allow(dead_code, unused_imports, reason = "each test target uses its part")]

mod call;
pub mod checks;
mod controller;
pub mod faults;
mod kubelet;
mod patch;
#[path = "../cluster/refusal.rs"]
mod refusal;
mod schedules;
mod server;
mod store;
mod users;
mod watching;
mod world;

pub use call::Verb;
pub use faults::Fault;
pub use schedules::{Template, schedule};
pub use server::{Outage, Refusal, gated};
pub use store::Resource;
pub use users::schedule_id;
pub use world::{Options, World};
