//! `schedule.yml` as a source of schedules.
pub mod entry;
pub mod problem;
pub mod read;
pub mod template;
pub mod tree;
pub mod typed;
