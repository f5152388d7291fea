//! `@at`: one instant, by its offset or on the zone's clock.

use super::Options;
use super::error::Mistake;
use super::field::{YEAR, number};
use super::fire::LONGEST_GAP;
use super::quote::quote;
use crate::api::{ClockChanges, Gap, Overlap};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// One fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At {
    /// In Unix seconds.
    pub(super) fire: i64,
    /// The local time that was written; none if it was written with its offset.
    pub(super) local: Option<DateTime>,
}

/// Reads `2026-12-24T18:00:00+01:00`, or without an offset and then in `zone`. The seconds may be
/// left out, and a space may stand for the T.
pub(super) fn parse<'a>(
    text: &'a str,
    zone: &TimeZone,
    options: &Options,
) -> Result<At, Mistake<'a>> {
    let refuse = |at: &'a str, why: &str| {
        let at = if at.is_empty() { text } else { at };
        Mistake::new(at, format!("@at: {} {why}", quote(at)))
    };
    let shape = || {
        refuse(
            text,
            "is not a date and time such as 2026-12-24T18:00:00+01:00 or 2026-12-24 18:00",
        )
    };
    let (date, time) = text.split_once(['T', 't', ' ']).ok_or_else(shape)?;
    let [year, month, day] = parts(date, '-', [4, 2, 2]).ok_or_else(shape)?;
    let zoned = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (time, offset) = time.split_at(zoned);
    if let Some((_, fraction)) = time.split_once(['.', ',']) {
        return Err(refuse(
            fraction,
            "is a fraction of a second; fires are whole seconds",
        ));
    }
    let [hour, minute, second] = parts(time, ':', [2, 2, 2])
        .or_else(|| parts(time, ':', [2, 2]).map(|[hour, minute]| [hour, minute, 0]))
        .ok_or_else(shape)?
        .map(two_digits);
    let first = i16::try_from(YEAR.min).unwrap_or(i16::MAX);
    if !(first..=2100).contains(&year) {
        return Err(refuse(date, "is not in the years 1970-2100"));
    }
    let date = Date::new(year, two_digits(month), two_digits(day))
        .map_err(|_| refuse(date, "is not in the calendar"))?;
    let clock = Time::new(hour, minute, second, 0)
        .map_err(|_| refuse(time, "is not in 00:00:00 to 23:59:59"))?;
    let reading = date.to_datetime(clock);
    let offset = match offset {
        "" => {
            let fire = local(reading, zone, options.clock_changes);
            return Ok(At {
                fire: fire.map_err(|why| refuse(text, &why))?,
                local: Some(reading),
            });
        }
        offset => fixed(offset).ok_or_else(|| {
            refuse(
                offset,
                "is not an offset such as Z or +01:00, from -23:59 to +23:59",
            )
        })?,
    };
    Ok(At {
        fire: instant(reading, offset),
        local: None,
    })
}

/// Numbers of exactly these many digits with a separator between them.
fn parts<const N: usize>(text: &str, separator: char, digits: [usize; N]) -> Option<[i16; N]> {
    let mut words = text.split(separator);
    let mut found = [0; N];
    for (found, digits) in found.iter_mut().zip(digits) {
        let word = words.next().filter(|word| word.len() == digits)?;
        *found = i16::try_from(number(word)?).ok()?;
    }
    words.next().is_none().then_some(found)
}

fn two_digits(number: i16) -> i8 {
    number as i8
}

/// An offset as RFC 3339 has it.
fn fixed(text: &str) -> Option<Offset> {
    if matches!(text, "Z" | "z") {
        return Some(Offset::UTC);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let [hours, minutes] = parts(text.get(1..)?, ':', [2, 2])?;
    let within = hours <= 23 && minutes <= 59;
    let seconds = sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60);
    Offset::from_seconds(seconds).ok().filter(|_| within)
}

/// When the clock shows a reading; if it never does, the first instant that is later on it.
fn local(reading: DateTime, zone: &TimeZone, changes: ClockChanges) -> Result<i64, String> {
    let skipped = |so: &str| {
        let name = zone.iana_name().unwrap_or("the zone");
        format!("never fires: the clock of {name} skips it{so}")
    };
    match zone.to_ambiguous_timestamp(reading).offset() {
        AmbiguousOffset::Unambiguous { offset } => Ok(instant(reading, offset)),
        AmbiguousOffset::Fold { before, after } => match changes.overlap {
            // It is once, so it can't be both.
            None | Some(Overlap::First | Overlap::Both) => Ok(instant(reading, before)),
            Some(Overlap::Last) => Ok(instant(reading, after)),
        },
        AmbiguousOffset::Gap { before, after } => {
            let length = i64::from(after.seconds()) - i64::from(before.seconds());
            match changes.gap {
                Some(Gap::Skip) => Err(skipped("")),
                None | Some(Gap::RunAfter) if length > LONGEST_GAP => {
                    Err(skipped(", and gaps of more than 3 h are not made up for"))
                }
                // Read with the later offset, a skipped reading lies before the clock change.
                None | Some(Gap::RunAfter) => Timestamp::from_second(instant(reading, after))
                    .ok()
                    .and_then(|before| zone.following(before).next())
                    .map(|change| change.timestamp().as_second())
                    .ok_or_else(|| skipped("")),
            }
        }
    }
}

fn instant(reading: DateTime, offset: Offset) -> i64 {
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    reading.duration_since(epoch).as_secs() - i64::from(offset.seconds())
}
