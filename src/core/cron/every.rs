//! `@every`: elapsed time, which knows no fields and no zone.

use super::Found;

const SECOND: u64 = 1_000_000_000;

/// The units of Go's `time.ParseDuration` in nanoseconds, but for `µs`: an expression is plain ASCII.
const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3600 * SECOND),
];

/// Reads a Go duration such as `1h30m` or `1.5h`: whole seconds, at least one.
pub(super) fn parse(duration: &str) -> Result<i64, String> {
    let refuse = |why: &str| format!("@every: {} {why}", super::quote::quote(duration));
    let nanoseconds = match nanoseconds(duration) {
        Ok(n) => n,
        Err(why) => return Err(refuse(why)),
    };
    if nanoseconds < SECOND {
        return Err(refuse("is shorter than 1s"));
    }
    if !nanoseconds.is_multiple_of(SECOND) {
        return Err(refuse("is not a whole number of seconds"));
    }
    i64::try_from(nanoseconds / SECOND).map_err(|_| refuse(TOO_LONG))
}

/// The multiples of `every` seconds that lie in (after, until], counted from `after`.
pub(super) fn due(every: i64, after: i64, until: i64) -> Option<Found> {
    let count = until.checked_sub(after)?.div_euclid(every);
    let count = u64::try_from(count).ok().filter(|&n| n > 0)?;
    let latest = until - (until - after) % every;
    Some(Found {
        first: after + every,
        latest,
        count,
    })
}

const TOO_LONG: &str = "is too long";
const NOT_ONE: &str = "is not a duration such as 90s or 1h30m";

fn nanoseconds(duration: &str) -> Result<u64, &'static str> {
    let mut rest = duration.strip_prefix('+').unwrap_or(duration);
    if rest.starts_with('-') {
        return Err("is negative");
    }
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(NOT_ONE);
    }
    let mut total = 0u64;
    while !rest.is_empty() {
        let (whole, fraction, unit, tail) = term(rest);
        if whole.is_empty() && fraction.is_empty() {
            return Err(NOT_ONE);
        }
        let Some(&(_, unit)) = UNITS.iter().find(|(name, _)| *name == unit) else {
            return Err("needs the unit h, m or s after each number");
        };
        let whole: u64 = if whole.is_empty() {
            0
        } else {
            whole.parse().map_err(|_| TOO_LONG)?
        };
        total = whole
            .checked_mul(unit)
            .and_then(|w| total.checked_add(w))
            .ok_or(TOO_LONG)?;
        total = total.checked_add(part(fraction, unit)?).ok_or(TOO_LONG)?;
        rest = tail;
    }
    // The bound of Go's own type, so that what is accepted here is accepted there.
    if total > i64::MAX as u64 {
        Err(TOO_LONG)
    } else {
        Ok(total)
    }
}

/// Splits `1.5h30m` into `1`, `5`, `h` and `30m`.
fn term(text: &str) -> (&str, &str, &str, &str) {
    let digits = |s: &str| s.find(|c: char| !c.is_ascii_digit()).unwrap_or(s.len());
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    let end = rest
        .find(|c: char| c.is_ascii_digit() || c == '.')
        .unwrap_or(rest.len());
    let (unit, tail) = rest.split_at(end);
    (whole, fraction, unit, tail)
}

/// `fraction` of a unit, exactly: what is finer than a nanosecond is refused, not rounded away.
fn part(fraction: &str, unit: u64) -> Result<u64, &'static str> {
    let digits = fraction.trim_end_matches('0');
    if digits.is_empty() {
        return Ok(0);
    }
    let finer = "has more digits than are counted";
    let scale = u32::try_from(digits.len())
        .ok()
        .and_then(|n| 10u128.checked_pow(n))
        .ok_or(finer)?;
    let value = digits
        .parse::<u128>()
        .map_err(|_| finer)?
        .checked_mul(u128::from(unit))
        .ok_or(finer)?;
    if value.is_multiple_of(scale) {
        u64::try_from(value / scale).map_err(|_| finer)
    } else {
        Err(finer)
    }
}
