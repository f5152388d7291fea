//! What we think: pure functions over plain data. Time is an argument, and nothing here names the
//! Kubernetes client, the async runtime or the log.

pub mod backoff;
pub mod cron;
pub mod news;
pub mod reason;
pub mod reason_table;
pub mod run;
pub mod schedule_ref;
