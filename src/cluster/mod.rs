//! What we touch: the Kubernetes API, through which everything goes in and out.

pub mod apply;
pub mod cache;
pub mod connect;
pub mod file_source;
pub mod lease;
pub mod manifest;
pub mod names;
pub mod observe;
mod patient;
pub mod pod;
pub mod report;
pub mod requests;
pub mod run_logs;
mod values;
pub mod watch;
pub mod watch_calendars;
