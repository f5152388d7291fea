//! The Gregorian calendar as arithmetic on day numbers (0 is 1970-01-01) and month numbers (0 is
//! January of the year 0).
//!
//! Counting fires looks at every month of a span, and the spans may be thousands of years: this is
//! several times as quick as dates with all their checks, and cannot fail at the ends of time.
//!
//! Years begin in March inside, so that the leap day is the last of one and months are a straight
//! line; see Howard Hinnant, "chrono-compatible low-level date algorithms".

/// From 0000-03-01 to 1970-01-01.
const EPOCH: i64 = 719_468;

/// The days of 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;

/// The month that a day is in, and the day in it from 0.
pub(in crate::core) fn month_of(day: i64) -> (i64, u32) {
    let (era, day) = ((day + EPOCH).div_euclid(ERA), (day + EPOCH).rem_euclid(ERA));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let of_month = day - (153 * month + 2) / 5;
    ((era * 400 + year) * 12 + month + 2, of_month as u32)
}

/// The first day of a month.
pub(in crate::core) fn first_of(month: i64) -> i64 {
    let (year, month) = ((month - 2).div_euclid(12), (month - 2).rem_euclid(12));
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    era * ERA + 365 * year + year / 4 - year / 100 + (153 * month + 2) / 5 - EPOCH
}

/// How many days a month has.
pub(in crate::core) fn length(month: i64) -> u32 {
    let year = month.div_euclid(12);
    match month.rem_euclid(12) {
        1 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// The weekday of a day, 0 for Sunday.
pub(in crate::core) fn weekday(day: i64) -> u32 {
    // 1970-01-01 was a Thursday.
    (day + 4).rem_euclid(7) as u32
}

/// The days of a month that fall on the given days of the week (bits 0-6 for Sunday to Saturday);
/// its first falls on `first`. Days that a short month lacks may be among them.
pub(in crate::core) fn every_week(of_week: u8, first: u32) -> u32 {
    let twice = u32::from(of_week) | u32::from(of_week) << 7;
    let week = u64::from(twice >> first & 0x7f);
    // Five weeks are 35 days: the cut to 32 bits loses only days that no month has.
    (week * 0x1020_4081) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{ToSpan, civil::date};

    #[test]
    fn the_calendar_is_the_one_that_jiff_knows() {
        let mut expected = date(-9, 1, 1);
        let since = expected.since(date(1970, 1, 1)).unwrap();
        let mut day = i64::from(since.get_days());
        while expected < date(2801, 1, 1) {
            let (month, of_month) = month_of(day);
            let found = (month.div_euclid(12), month.rem_euclid(12) + 1, of_month + 1);
            let (year, of_year) = (i64::from(expected.year()), i64::from(expected.month()));
            assert_eq!(found, (year, of_year, expected.day() as u32), "day {day}");
            assert_eq!(first_of(month), day - i64::from(of_month), "{expected}");
            assert_eq!(length(month), expected.days_in_month() as u32, "{expected}");
            let of_week = expected.weekday().to_sunday_zero_offset();
            assert_eq!(weekday(day), of_week as u32, "{expected}");
            (day, expected) = (day + 17, expected + 17.days());
        }
    }
}
