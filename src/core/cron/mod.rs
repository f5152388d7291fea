//! When a schedule fires. The only module that knows cron expressions, zones and clock changes.
//!
//! ```text
//!  "30 2 * * MON-FRI" ── grammar ──> Fields: bit sets over local readings ─┐
//!  "Europe/Berlin" ───── zone ─────> TimeZone ── stretch ──> Stretches ────┴ fire ──> instants
//! ```
//!
//! `grammar` reads the expression in one of the languages of `dialect`; `sets`, `field` and `ring` have the
//! `cron` crate expand its lists, ranges and steps, and `hash` gives `H` its value. `every` and `at`
//! are the forms without fields. `fields`, `days` and `gregorian` answer which local readings match,
//! in plain arithmetic that knows no zone. `stretch` cuts time into stretches of one offset, within
//! which the local clock just runs, and `fire` puts them together: what happens where two stretches
//! meet is decided there alone.
//!
//! Nothing here reads a clock or the environment: the zones come from a database that is given.

mod at;
mod days;
mod dialect;
mod error;
mod every;
mod field;
mod fields;
mod filter;
mod fire;
mod grammar;
pub(super) mod gregorian;
mod hash;
mod hint;
mod notes;
mod options;
pub(super) mod quote;
mod ring;
mod sets;
mod stretch;
mod times;
pub mod words;
mod zone;

use at::At;
use fields::{Fields, Spent};
use fire::Fires;
use jiff::{Timestamp, tz::TimeZone};

use crate::api::ClockChanges;

pub use error::TimingError;
pub use filter::Filter;
pub use options::{Dialect, Options};
pub use zone::Zones;

/// The longest expression that is read, in bytes.
const MAX_LENGTH: usize = 1024;

/// When a schedule fires: an expression read in a zone.
///
/// What happens where the clock is put forward or back is up to [`ClockChanges`]. By default a
/// *fixed* schedule (neither its minute nor its hour field starts with `*`) fires once for each
/// matching local time: at the first instant that shows it or, when the clock skips it, at the first
/// instant after the gap, where several skipped ones are one fire and gaps of more than 3 h are not
/// made up for. Any other schedule is *repeating* and fires at every instant whose local time
/// matches, so that `*/15` keeps its beat. `@every` knows no zone.
///
/// Equal ones were read to the same fires of the same zone, however they were written.
///
/// It is a value of about a hundred bytes that shares its zone with all others of that zone; a
/// question to it takes about a microsecond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    rule: Rule,
    zone: TimeZone,
    clock_changes: ClockChanges,
}

/// The fires that fell due in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The earliest of them.
    pub first: Timestamp,
    /// The latest of them.
    pub latest: Timestamp,
    /// How many there are, at least one.
    pub count: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// Elapsed seconds since the instant that the caller counts from, at least one.
    Every(i64),
    /// Once.
    At(At),
    /// Every local reading that matches.
    Local(Fields),
}

impl Timing {
    /// Reads an expression of Punctual's own dialect whose fields mean local time in `zone`.
    ///
    /// | form | meaning |
    /// |---|---|
    /// | 5 fields | minute, hour, day of month, month, day of week |
    /// | 6 fields | the same with the second first |
    /// | 7 fields | the same with the second first and the year (1970-2100) last |
    /// | `@yearly @annually @monthly @weekly @daily @midnight @hourly` | as in crontab(5) |
    /// | `@every 1h30m` | elapsed time, in whole seconds, at least one: see [`Timing::next`] |
    /// | `@at 2026-12-24T18:00:00+01:00` | once, at that instant |
    /// | `@at 2026-12-24 18:00` | once, at that local time; `T` or a space, seconds or none |
    ///
    /// A field is a list of values, ranges (`10-40`, `22-2`, `FRI-MON`) and steps (`*/5`,
    /// `10-40/5`, and `5/15`, which means 5-59/15), which are at most as many as their range has
    /// values. `?` is `*`. Sunday is 0 or 7, names are the first three letters in any case. The day
    /// of month also takes `L` (last), `L-3`, `LW` (last weekday) and `15W` (nearest weekday in the
    /// month), the day of week `5L` (the last Friday) and `FRI#2`.
    ///
    /// When both day fields are restricted, either one matching is enough; a field that starts with
    /// `*` is not restricted, so both must match. With `+` before the day of week both must match
    /// in any case: `0 9 13 * +FRI` is Friday the 13th.
    ///
    /// `H` is a value that is made from the seed (see [`Options`]), so that schedules which only
    /// want "some minute" spread: `H` takes one of the field's values, `H(0-29)` one of the range,
    /// `H/15` begins at one of 0-14 and goes on in steps of 15, `H(0-29)/10` does so within the
    /// range. It can stand in every field but the year. In the day of month, `H` alone takes one of
    /// 1-28, which every month has. [`Timing::parse`] knows no seed and refuses it.
    ///
    /// # Errors
    ///
    /// The field, the value, what is allowed and where it stands, for all that is not in this
    /// language and for what can never fire, such as 30 February. Years that are past are not
    /// refused, since nothing here knows the time: [`Timing::next`] has no answer then. An empty
    /// expression is refused too: it disables a schedule, which the caller decides before. So are
    /// more than 1024 bytes, what is not a tab or plain ASCII on one line, and `CRON_TZ=` or `TZ=`
    /// before the fields.
    pub fn parse(expression: &str, zone: TimeZone) -> Result<Self, TimingError> {
        Self::read(expression, zone, &Options::default())
    }

    /// As [`Timing::parse`], in a dialect and with what is known besides the words. A prefix such
    /// as `CRON_TZ=UTC `, in the one dialect that has it, wins over `zone`.
    ///
    /// A dialect changes how words are read, not what a clock change does: `options` say that for
    /// every dialect. (robfig/cron itself never fires at a time that the clock skips, and twice at
    /// one that it shows twice: gap Skip, overlap Both.)
    pub fn read(expression: &str, zone: TimeZone, options: &Options) -> Result<Self, TimingError> {
        grammar::read(expression, zone, options).map(|(rule, zone)| Self {
            rule,
            zone,
            clock_changes: options.clock_changes,
        })
    }

    /// The last fire before `before`, always earlier than it and on a whole second; none when there
    /// is none. `@every` counts back from `before` itself.
    pub fn previous(&self, before: Timestamp) -> Option<Timestamp> {
        let fire = match &self.rule {
            Rule::Every(seconds) => second(before).checked_sub(*seconds)?,
            Rule::At(at) => Some(at.fire).filter(|fire| *fire <= last_second(before))?,
            Rule::Local(fields) => self.fires(fields).previous(last_second(before))?,
        };
        Timestamp::from_second(fire).ok()
    }

    /// The first fire after `after`, always later than it and on a whole second; none when the
    /// schedule never fires again.
    ///
    /// `@every` counts from `after` itself: callers give the last fire, else the time of creation.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let fire = match &self.rule {
            Rule::Every(seconds) => second(after) + seconds,
            Rule::At(at) if at.fire > second(after) => at.fire,
            Rule::At(_) => return None,
            Rule::Local(fields) => self.fires(fields).next(second(after) + 1)?,
        };
        Timestamp::from_second(fire).ok()
    }

    /// The fires after `after` up to and including `until`, counted without walking them; none
    /// when there are none.
    ///
    /// `@every` counts from `after` itself, as in [`Timing::next`].
    pub fn due(&self, after: Timestamp, until: Timestamp) -> Option<Due> {
        let (after, until) = (second(after), second(until));
        let found = match &self.rule {
            Rule::Every(seconds) => every::due(*seconds, after, until),
            Rule::At(at) => (after < at.fire && at.fire <= until).then_some(Found {
                first: at.fire,
                latest: at.fire,
                count: 1,
            }),
            Rule::Local(fields) => self.fires(fields).due(after + 1, until),
        }?;
        Some(Due {
            first: Timestamp::from_second(found.first).ok()?,
            latest: Timestamp::from_second(found.latest).ok()?,
            count: found.count,
        })
    }

    /// `t` as RFC 3339 with the zone's offset at that instant: `2026-11-20T19:45:00+01:00`.
    pub fn describe_local(&self, t: Timestamp) -> String {
        let offset = self.zone.to_offset(t);
        // RFC 3339 has no seconds in offsets, which local mean times before 1972 had.
        let writable = if offset.seconds() % 60 == 0 {
            offset
        } else {
            jiff::tz::Offset::UTC
        };
        t.display_with_offset(writable).to_string()
    }

    /// Whether local times match after `t`, but the clock skips each of them.
    pub fn is_skipped_after(&self, t: Timestamp) -> bool {
        let Rule::Local(fields) = &self.rule else {
            return false;
        };
        let reading = second(t) + i64::from(self.zone.to_offset(t).seconds());
        self.next(t).is_none()
            && fields
                .at_or_after(reading + 1, &mut Spent::default())
                .is_some()
    }

    /// The name of the zone, for messages.
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("the zone")
    }

    fn fires<'a>(&'a self, fields: &'a Fields) -> Fires<'a> {
        Fires::new(fields, &self.zone, self.clock_changes)
    }
}

/// Fires in whole Unix seconds.
struct Found {
    first: i64,
    latest: i64,
    count: u64,
}

/// The last whole second before `t`.
fn last_second(t: Timestamp) -> i64 {
    second(t) - i64::from(t.subsec_nanosecond() == 0)
}

/// The whole second that `t` is in. (`as_second` alone rounds towards 1970.)
pub(super) fn second(t: Timestamp) -> i64 {
    t.as_second() - i64::from(t.subsec_nanosecond() < 0)
}
