//! How an expression is read: which tool's language it is, and what is known besides its words.

use crate::api::ClockChanges;

/// How an expression is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub dialect: Dialect,
    /// What becomes of local times that a clock change skips or shows twice.
    pub clock_changes: ClockChanges,
    /// What `H` stands for is made from this: the same for one schedule at all times.
    /// Without it `H` is refused.
    pub seed: Option<u64>,
}

/// The language of an expression. It is declared, never guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// This program's own: 5 fields, 6 with seconds first, 7 with the year last.
    #[default]
    Punctual,
    /// crontab(5): 5 fields.
    Crontab,
    /// The parser of Kubernetes' CronJob: 5 fields, optionally after `CRON_TZ=` or `TZ=`.
    Robfig,
    /// The parser of docket: 5 fields, 6 with the year last, 7 with seconds first and the year last.
    Cronexpr,
    /// Quartz: 6 fields with seconds first, 7 with the year last; Sunday is 1.
    Quartz,
}
