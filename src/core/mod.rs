//! What we think: pure functions over plain data. Time is an argument, and nothing here names the
//! Kubernetes client, the async runtime or the log.

pub mod active;
pub mod almanac;
pub mod backoff;
pub mod breaker;
pub mod calendar;
pub mod concurrency;
pub mod cron;
pub mod decide;
pub mod form;
pub mod litter;
pub mod missed;
pub mod news;
pub mod obstacle;
pub mod outcome;
pub mod overdue;
pub mod plan;
pub mod prepare;
pub mod readiness;
pub mod reason;
pub mod reason_table;
pub mod repair;
pub mod retry;
pub mod rules;
pub mod run;
pub mod schedule;
pub mod schedule_ref;
pub mod shards;
pub mod status;
pub mod stuck;
pub mod timetable;
pub mod version;
