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
    /// This program's own: 5 fields, 6 with seconds first, 7 with the year last. See
    /// [`Timing::parse`](super::Timing::parse).
    #[default]
    Punctual,
    /// crontab(5), as cronie reads it: 5 fields and names. No `?`, no `L W # H`, no ranges that
    /// wrap around, no `5/15`; a step may be larger than its range.
    Crontab,
    /// Kubernetes' CronJob, which is robfig/cron v3: 5 fields, names and `@every`, optionally after
    /// `CRON_TZ=` or `TZ=`. Sunday is only 0. Of the day fields, `*/2` is a restriction.
    Robfig,
    /// docket, which is gorhill/cronexpr: 5 fields, 6 with the year last, 7 with seconds first and
    /// the year last. 7 is read as 0 also in ranges; of the day fields only a plain `*` or `?` is
    /// no restriction.
    Cronexpr,
    /// Quartz: 6 fields with seconds first, 7 with the year last. Sunday is 1, exactly one of the
    /// day fields is `?`, and `L` alone as the day of week is Saturday.
    Quartz,
}
