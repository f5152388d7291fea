//! Punctual runs containers on a schedule in Kubernetes.
//!
//! ```text
//!  users write           we think (pure)                     we touch               users read
//!  ScheduledContainer ─┐
//!                      ├ parse ─> Schedule ─┐
//!  schedule.yml ───────┘                    ├ decide ─> Plan ─ build, apply ─> Pods
//!  Pods ────────────── observe ─> Seen ─────┤    │           └ report ─> status, Events, logs, metrics
//!  clock ───────────────────────> now ──────┘    └ wake_at          (a pod's change wakes observe)
//! ```
//!
//! `api` is what users write and read, `core` is what we think, `cluster` is what we touch, and
//! `driver` puts them together. `core` depends on nothing that talks to the outside. `ics` makes
//! calendars from other programs' files.

pub mod about;
pub mod admin;
pub mod api;
pub mod clock;
pub mod cluster;
pub mod core;
pub mod driver;
pub mod error;
pub mod ics;
pub mod metrics;
pub mod queue;
pub mod telemetry;
pub mod traces;
pub mod zones;
