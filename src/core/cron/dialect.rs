//! The languages of expressions, as data: what each tool reads, and how.
//!
//! The tables follow the sources of the tools. Where a tool takes what cannot be meant (half of an
//! item, a range that is empty), it is refused here instead: an import either means the same as
//! where it came from, or is an error.

use super::Dialect;

/// What a dialect allows and means.
pub(super) struct Rules {
    /// How many fields there are and which, for messages.
    pub(super) shape: &'static str,
    pub(super) layouts: &'static [Layout],
    /// `@daily` and its like, in order.
    pub(super) names: &'static [&'static str],
    /// `@every 1h30m`.
    pub(super) every: bool,
    /// `@at 2026-12-24 18:00`.
    pub(super) at: bool,
    /// `CRON_TZ=UTC ` and `TZ=UTC ` before the expression.
    pub(super) zone_prefix: bool,
    /// `H` and its kin.
    pub(super) hash: bool,
    /// `+` before the day of week.
    pub(super) both: bool,
    pub(super) question: Question,
    /// `22-2`.
    pub(super) wrap: bool,
    /// `5/15`, which is 5-59/15.
    pub(super) open_step: bool,
    /// `/15`, which is `*/15`.
    pub(super) bare_step: bool,
    /// `MON-FRI/2`.
    pub(super) named_step: bool,
    pub(super) steps: Steps,
    /// `1,,2`, where nothing is between the commas.
    pub(super) empty_items: bool,
    /// `MONDAY` and `JANUARY`.
    pub(super) full_names: bool,
    pub(super) weekdays: Weekdays,
    pub(super) last_year: u32,
    /// `L`, `LW` and `15W` in the day of month, `5L` and `FRI#2` in the day of week.
    pub(super) special_days: bool,
    /// `L-3`.
    pub(super) before_last: bool,
    /// `L` alone in the day of week, which is its last day: Saturday.
    pub(super) last_weekday: bool,
    /// `5L` and `FRI#2` are the whole field, not in a list.
    pub(super) lone_special: bool,
    pub(super) free: Free,
}

/// Which fields there are besides the five of crontab.
pub(super) struct Layout {
    pub(super) second: bool,
    pub(super) year: bool,
}

/// What `?` is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    No,
    /// The same as `*`.
    Star,
    /// Exactly one of the day fields, and then all of it.
    OneDayField,
}

/// How large a step may be.
#[derive(Clone, Copy)]
pub(super) enum Steps {
    /// At most as many as the field, and the range before it, has values.
    Values,
    /// At most the field's largest value.
    Largest,
    /// A larger one leaves the first value.
    Any,
}

/// How days of the week are numbered.
#[derive(Clone, Copy)]
pub(super) enum Weekdays {
    /// Sunday is 0.
    FromZero,
    /// Sunday is 0 and, also as the end of a range, 7.
    ZeroAndSeven,
    /// Sunday is 0, and 7 is read as 0 wherever it stands: 5-7 runs backwards.
    SevenIsZero,
    /// Sunday is 1.
    FromOne,
}

/// When a day field is free, so that the other alone decides. If neither is, either may match.
#[derive(Clone, Copy)]
pub(super) enum Free {
    /// It starts with `*` or `?`, also as `*/2`.
    AtStart,
    /// One of its items is `*`, `?`, or one of them in steps of 1.
    Anywhere,
    /// One of its items is `*` or `?` alone.
    Bare,
}

const FIVE: Layout = Layout {
    second: false,
    year: false,
};
const SECOND_FIRST: Layout = Layout {
    second: true,
    year: false,
};
const YEAR_LAST: Layout = Layout {
    second: false,
    year: true,
};
const SEVEN: Layout = Layout {
    second: true,
    year: true,
};

const NAMES: [&str; 7] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
];

const PUNCTUAL: Rules = Rules {
    shape: "a schedule has 5 fields (minute, hour, day of month, month, day of week), 6 (second first) \
            or 7 (year last)",
    layouts: &[FIVE, SECOND_FIRST, SEVEN],
    names: &NAMES,
    every: true,
    at: true,
    zone_prefix: false,
    hash: true,
    both: true,
    question: Question::Star,
    wrap: true,
    open_step: true,
    bare_step: false,
    named_step: true,
    steps: Steps::Values,
    empty_items: false,
    full_names: false,
    weekdays: Weekdays::ZeroAndSeven,
    last_year: 2100,
    special_days: true,
    before_last: true,
    last_weekday: false,
    lone_special: false,
    free: Free::AtStart,
};

/// After cronie's `entry.c`, which is Vixie's.
const CRONTAB: Rules = Rules {
    shape: "a crontab's schedule has 5 fields (minute, hour, day of month, month, day of week)",
    layouts: &[FIVE],
    names: &NAMES,
    every: false,
    at: false,
    zone_prefix: false,
    hash: false,
    both: false,
    question: Question::No,
    wrap: false,
    open_step: false,
    bare_step: false,
    named_step: true,
    steps: Steps::Any,
    empty_items: false,
    full_names: false,
    weekdays: Weekdays::ZeroAndSeven,
    last_year: 2100,
    special_days: false,
    before_last: false,
    last_weekday: false,
    lone_special: false,
    free: Free::AtStart,
};

/// After `ParseStandard` in robfig/cron v3.
const ROBFIG: Rules = Rules {
    shape: "a CronJob's schedule has 5 fields (minute, hour, day of month, month, day of week)",
    every: true,
    zone_prefix: true,
    question: Question::Star,
    open_step: true,
    empty_items: true,
    weekdays: Weekdays::FromZero,
    free: Free::Anywhere,
    ..CRONTAB
};

/// After gorhill/cronexpr.
const CRONEXPR: Rules = Rules {
    shape: "a schedule of cronexpr has 5 fields (minute, hour, day of month, month, day of week), 6 \
            (year last) or 7 (second first, year last)",
    layouts: &[FIVE, YEAR_LAST, SEVEN],
    names: &[
        "@yearly",
        "@annually",
        "@monthly",
        "@weekly",
        "@daily",
        "@hourly",
    ],
    question: Question::Star,
    open_step: true,
    steps: Steps::Largest,
    empty_items: true,
    full_names: true,
    weekdays: Weekdays::SevenIsZero,
    last_year: 2099,
    special_days: true,
    free: Free::Bare,
    ..CRONTAB
};

/// After `CronExpression.java` in Quartz 2.
const QUARTZ: Rules = Rules {
    shape: "a schedule of Quartz has 6 fields (second, minute, hour, day of month, month, day of week) \
            or 7 (year last)",
    layouts: &[SECOND_FIRST, SEVEN],
    names: &[],
    question: Question::OneDayField,
    wrap: true,
    open_step: true,
    bare_step: true,
    // Quartz drops what follows a range of names, so that MON-FRI/2 is MON-FRI there.
    named_step: false,
    steps: Steps::Largest,
    empty_items: true,
    weekdays: Weekdays::FromOne,
    special_days: true,
    before_last: true,
    last_weekday: true,
    lone_special: true,
    ..CRONTAB
};

impl Dialect {
    pub(super) fn rules(self) -> &'static Rules {
        match self {
            Self::Punctual => &PUNCTUAL,
            Self::Crontab => &CRONTAB,
            Self::Robfig => &ROBFIG,
            Self::Cronexpr => &CRONEXPR,
            Self::Quartz => &QUARTZ,
        }
    }
}

impl Layout {
    pub(super) fn count(&self) -> usize {
        5 + usize::from(self.second) + usize::from(self.year)
    }
}

impl Weekdays {
    /// The day from 0 for Sunday to 6, or 7 for Sunday as the end of a range.
    pub(super) fn day(self, number: u32) -> Option<u32> {
        match self {
            Self::FromZero => (number <= 6).then_some(number),
            Self::ZeroAndSeven => (number <= 7).then_some(number),
            Self::SevenIsZero => (number <= 7).then_some(number % 7),
            Self::FromOne => (1..=7).contains(&number).then(|| number - 1),
        }
    }

    /// The largest number that does not mean Sunday for the second time.
    pub(super) fn largest(self) -> u32 {
        match self {
            Self::FromZero | Self::ZeroAndSeven | Self::SevenIsZero => 6,
            Self::FromOne => 7,
        }
    }

    pub(super) fn allowed(self) -> &'static str {
        match self {
            Self::FromZero => "0-6 or SUN-SAT",
            Self::ZeroAndSeven | Self::SevenIsZero => "0-7 or SUN-SAT",
            Self::FromOne => "1-7 or SUN-SAT",
        }
    }
}

impl Free {
    pub(super) fn is(self, field: &str) -> bool {
        let star = |text: &str| matches!(text, "*" | "?");
        match self {
            Self::AtStart => field.starts_with(['*', '?', '/']),
            Self::Anywhere => field.split(',').any(|item| match item.split_once('/') {
                Some((range, step)) => star(range) && step.parse() == Ok(1),
                None => star(item),
            }),
            Self::Bare => field.split(',').any(star),
        }
    }
}
