//! Calendars: sets of days, by their dates, their place in the year or their day of the week.
//!
//! Whatever a user wrote, it is kept as one set of bits per month, so that a span of a century takes
//! no more room than its months, and a question is a look at one of them.

use std::collections::BTreeMap;

use super::{
    cron::{
        gregorian::{every_week, first_of, length, weekday},
        quote::{quote, value},
    },
    run::spread,
};
use crate::api::{CalendarSpec, MOST_DATES, MOST_RANGES};

/// The years that dates may name: those of the year field of a schedule.
const YEARS: std::ops::RangeInclusive<i64> = 1970..=2100;

const MOST_WEEKDAYS: usize = 7;

const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A set of days. Two that hold the same dates, days of the year and days of the week, seen at the
/// same version, are equal, however they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// Bits 0-6 for Sunday to Saturday.
    weekdays: u8,
    /// For each month of the year, bits 0-30 for its days.
    yearly: [u32; 12],
    /// The same for single months, by their number since January of the year 0.
    dated: BTreeMap<i64, u32>,
    /// Of all these, once they are read.
    fingerprint: u64,
    version: String,
}

/// A day as it is written.
#[derive(Clone, Copy)]
enum Day {
    Dated {
        month: i64,
        day: u32,
    },
    /// Month from 0.
    Yearly {
        month: i64,
        day: u32,
    },
}

impl Calendar {
    /// Reads what a user wrote: dates such as `2026-12-25` in the years 1970 to 2100, days of every
    /// year such as `12-25` (`02-29` is one only in leap years), ranges of either kind with both
    /// ends in them (a yearly one may run over New Year), and days of the week by the first three
    /// letters of their English names, in any case. All of it is as the API server takes it, without
    /// spaces.
    ///
    /// # Errors
    ///
    /// One sentence with the field, the value and what is allowed: `spec.dates[3]: …`. At most
    /// [`MOST_DATES`], [`MOST_RANGES`] and 7 weekdays are read.
    pub fn parse(spec: &CalendarSpec) -> Result<Self, String> {
        let mut calendar = Self::default();
        for (field, length, most) in [
            ("dates", spec.dates.len(), MOST_DATES),
            ("ranges", spec.ranges.len(), MOST_RANGES),
            ("weekdays", spec.weekdays.len(), MOST_WEEKDAYS),
        ] {
            if length > most {
                return Err(format!(
                    "spec.{field}: {length} are too many: a calendar has at most {most}; put the \
                     rest into a second calendar"
                ));
            }
        }
        for (n, date) in spec.dates.iter().enumerate() {
            calendar
                .add_day(date)
                .map_err(|why| format!("spec.dates[{n}]: {why}"))?;
        }
        for (n, range) in spec.ranges.iter().enumerate() {
            calendar
                .add_range(&range.first, &range.last)
                .map_err(|why| format!("spec.ranges[{n}]: {why}"))?;
        }
        for (n, name) in spec.weekdays.iter().enumerate() {
            calendar.weekdays |= of_week(name).ok_or_else(|| {
                format!(
                    "spec.weekdays[{n}]: {} is not one of SUN, MON, TUE, WED, THU, FRI, SAT{}",
                    value(name),
                    nearly(name)
                )
            })?;
        }
        calendar.fingerprint = calendar.spread();
        Ok(calendar)
    }

    /// The same days, as the object of this resource version says them.
    pub fn seen_at(self, version: String) -> Self {
        Self { version, ..self }
    }

    /// The resource version at which it was seen; empty of one that comes from no API server.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Changes when the days do: equal calendars have equal fingerprints, in every version. Of one
    /// that was read: it is kept since then, as many schedules ask for it at once.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    fn spread(&self) -> u64 {
        let mut text = format!("{:x}", self.weekdays);
        for days in self.yearly {
            text += &format!(" {days:x}");
        }
        for (month, days) in &self.dated {
            text += &format!(" {month}:{days:x}");
        }
        spread(&text)
    }

    /// Whether no day is in it.
    pub fn is_empty(&self) -> bool {
        self.weekdays == 0 && self.yearly == [0; 12] && self.dated.is_empty()
    }

    /// The first and the last month (see `gregorian`) that may have days; none if it has none.
    pub(in crate::core) fn months(&self) -> Option<(i64, i64)> {
        if self.weekdays != 0 || self.yearly != [0; 12] {
            return Some((i64::MIN, i64::MAX));
        }
        let (first, _) = self.dated.first_key_value()?;
        let (last, _) = self.dated.last_key_value()?;
        Some((*first, *last))
    }

    /// Its days in a month (see `gregorian`), as bits from 0 for the first.
    pub(in crate::core) fn days_in(&self, month: i64) -> u32 {
        let mut days = self.yearly[month.rem_euclid(12) as usize];
        if self.weekdays != 0 {
            days |= every_week(self.weekdays, weekday(first_of(month)));
        }
        if let Some(dated) = self.dated.get(&month) {
            days |= dated;
        }
        days & up_to(length(month))
    }

    /// Adds a date, or a day of every year.
    pub(in crate::core) fn add_day(&mut self, text: &str) -> Result<(), String> {
        match read_day(text)? {
            Day::Dated { month, day } => *self.dated.entry(month).or_default() |= bit(day),
            Day::Yearly { month, day } => self.yearly[month as usize] |= bit(day),
        }
        Ok(())
    }

    /// Adds the days from `first` to `last`, both dates or both days of every year.
    pub(in crate::core) fn add_range(&mut self, first: &str, last: &str) -> Result<(), String> {
        match (read_day(first)?, read_day(last)?) {
            (Day::Dated { month: m, day: d }, Day::Dated { month: n, day: e }) => {
                if (m, d) > (n, e) {
                    return Err(format!(
                        "{first} to {last} runs backwards: the first day goes first"
                    ));
                }
                for month in m..=n {
                    let from = if month == m { d } else { 1 };
                    let to = if month == n { e } else { length(month) };
                    *self.dated.entry(month).or_default() |= up_to(to) & !up_to(from - 1);
                }
            }
            (Day::Yearly { month: m, day: d }, Day::Yearly { month: n, day: e }) => {
                let (from, to) = (up_to(31) & !up_to(d - 1), up_to(e));
                if (m, d) <= (n, e) && m == n {
                    self.yearly[m as usize] |= from & to;
                    return Ok(());
                }
                // Over New Year if the last day comes before the first.
                self.yearly[m as usize] |= from;
                let mut month = (m + 1) % 12;
                while month != n {
                    self.yearly[month as usize] |= up_to(31);
                    month = (month + 1) % 12;
                }
                self.yearly[n as usize] |= to;
            }
            (Day::Dated { .. }, Day::Yearly { .. }) | (Day::Yearly { .. }, Day::Dated { .. }) => {
                return Err(format!(
                    "{first} to {last}: write both with the year, or both without it"
                ));
            }
        }
        Ok(())
    }
}

/// Reads `2026-12-25` or `12-25`.
fn read_day(text: &str) -> Result<Day, String> {
    let parts: Vec<&str> = text.split('-').collect();
    let digits = |part: &str, n: usize| {
        (part.len() == n && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse::<i64>().ok())
            .flatten()
    };
    let read = match parts[..] {
        [year, month, day] => digits(year, 4).map(|year| (Some(year), month, day)),
        [month, day] => Some((None, month, day)),
        _ => None,
    };
    let (year, month, day) = read
        .and_then(|(year, month, day)| Some((year, digits(month, 2)?, digits(day, 2)?)))
        .ok_or_else(|| {
            format!(
                "{} is not a date such as 2026-12-25, or 12-25 for every year{}",
                quote(text),
                if text.contains(char::is_whitespace) {
                    "; write it without spaces"
                } else {
                    ""
                }
            )
        })?;
    let refuse = |what: &str, n: i64, first: i64, last: i64| {
        Err(format!("{text}: {what} {n} is not in {first}-{last}"))
    };
    if let Some(year) = year.filter(|year| !YEARS.contains(year)) {
        return refuse("year", year, *YEARS.start(), *YEARS.end());
    }
    if !(1..=12).contains(&month) {
        return refuse("month", month, 1, 12);
    }
    // Every year's days are those of a leap year.
    let in_month = year.unwrap_or(2000) * 12 + month - 1;
    let last = i64::from(length(in_month));
    if !(1..=last).contains(&day) {
        return refuse("day", day, 1, last);
    }
    let day = day as u32;
    Ok(match year {
        Some(_) => Day::Dated {
            month: in_month,
            day,
        },
        None => Day::Yearly {
            month: month - 1,
            day,
        },
    })
}

fn of_week(name: &str) -> Option<u8> {
    let n = WEEKDAYS
        .iter()
        .position(|known| known.eq_ignore_ascii_case(name))?;
    Some(1 << n)
}

/// Which day of the week was meant, as the end of a sentence; empty if it can't be told.
fn nearly(name: &str) -> String {
    let start: String = name.trim().chars().take(3).collect();
    match WEEKDAYS
        .iter()
        .find(|known| known.eq_ignore_ascii_case(&start))
    {
        Some(known) => format!("; did you mean {known}?"),
        None => String::new(),
    }
}

fn bit(day: u32) -> u32 {
    1 << (day - 1)
}

/// The days 1 to `day`.
fn up_to(day: u32) -> u32 {
    (1 << day) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::DateRange;
    use jiff::{ToSpan, civil::date};

    fn spec(dates: &[&str], ranges: &[(&str, &str)], weekdays: &[&str]) -> CalendarSpec {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        CalendarSpec {
            dates: owned(dates),
            ranges: ranges
                .iter()
                .map(|&(first, last)| DateRange {
                    first: first.into(),
                    last: last.into(),
                })
                .collect(),
            weekdays: owned(weekdays),
            description: None,
        }
    }

    /// The days from 2026-01-01 on, for three years, that are in a calendar.
    fn days(calendar: &Calendar) -> Vec<String> {
        date(2026, 1, 1)
            .series(1.day())
            .take_while(|day| day.year() < 2029)
            .filter(|day| {
                let month = i64::from(day.year()) * 12 + i64::from(day.month()) - 1;
                calendar.days_in(month) >> (day.day() - 1) & 1 == 1
            })
            .map(|day| day.to_string())
            .collect()
    }

    fn check(spec: CalendarSpec, expected: &[&str]) {
        let calendar = Calendar::parse(&spec).unwrap();
        assert_eq!(days(&calendar), expected, "{spec:?}");
        assert!(!calendar.is_empty());
    }

    #[test]
    fn a_date_is_one_day_and_a_day_of_the_year_is_one_of_each() {
        check(spec(&["2026-12-25"], &[], &[]), &["2026-12-25"]);
        check(
            spec(&["12-25"], &[], &[]),
            &["2026-12-25", "2027-12-25", "2028-12-25"],
        );
        check(spec(&["02-29"], &[], &[]), &["2028-02-29"]);
    }

    #[test]
    fn a_range_has_both_ends() {
        check(
            spec(&[], &[("2026-12-30", "2027-01-02")], &[]),
            &["2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02"],
        );
        check(
            spec(&[], &[("2026-05-05", "2026-05-05")], &[]),
            &["2026-05-05"],
        );
        check(
            spec(&[], &[("02-28", "03-01")], &[]),
            &[
                "2026-02-28",
                "2026-03-01",
                "2027-02-28",
                "2027-03-01",
                "2028-02-28",
                "2028-02-29",
                "2028-03-01",
            ],
        );
    }

    #[test]
    fn a_yearly_range_may_run_over_new_year() {
        check(
            spec(&[], &[("12-31", "01-01")], &[]),
            &[
                "2026-01-01",
                "2026-12-31",
                "2027-01-01",
                "2027-12-31",
                "2028-01-01",
                "2028-12-31",
            ],
        );
        let within = Calendar::parse(&spec(&[], &[("05-20", "05-10")], &[])).unwrap();
        assert_eq!(days(&within).len(), 3 * 365 + 1 - 3 * 9);
        let all = Calendar::parse(&spec(&[], &[("01-01", "12-31")], &[])).unwrap();
        assert_eq!(days(&all).len(), 3 * 365 + 1);
    }

    #[test]
    fn a_day_of_the_week_has_three_letters_in_any_case() {
        for name in ["SAT", "sat", "Sat"] {
            let calendar = Calendar::parse(&spec(&[], &[], &[name])).unwrap();
            let days = days(&calendar);
            assert_eq!(
                (days[0].as_str(), days.len()),
                ("2026-01-03", 157),
                "{name}"
            );
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_place_its_value_and_what_is_allowed() {
        for (spec, expected) in [
            (
                spec(&["12-25", "25.12.2026"], &[], &[]),
                "spec.dates[1]: \"25.12.2026\" is not a date such as 2026-12-25, or 12-25 for every year",
            ),
            (
                spec(&[""], &[], &[]),
                "spec.dates[0]: \"\" is not a date such as 2026-12-25, or 12-25 for every year",
            ),
            (
                spec(&["2026-12-25T00:00"], &[], &[]),
                "spec.dates[0]: \"2026-12-25T00:00\" is not a date such as 2026-12-25, or 12-25 for every year",
            ),
            (
                spec(&["1969-12-31"], &[], &[]),
                "spec.dates[0]: 1969-12-31: year 1969 is not in 1970-2100",
            ),
            (
                spec(&["2026-13-01"], &[], &[]),
                "spec.dates[0]: 2026-13-01: month 13 is not in 1-12",
            ),
            (
                spec(&["2026-02-29"], &[], &[]),
                "spec.dates[0]: 2026-02-29: day 29 is not in 1-28",
            ),
            (
                spec(&["02-30"], &[], &[]),
                "spec.dates[0]: 02-30: day 30 is not in 1-29",
            ),
            (
                spec(&[], &[("2026-12-24", "2026-12-23")], &[]),
                "spec.ranges[0]: 2026-12-24 to 2026-12-23 runs backwards: the first day goes first",
            ),
            (
                spec(&[], &[("2026-12-24", "01-02")], &[]),
                "spec.ranges[0]: 2026-12-24 to 01-02: write both with the year, or both without it",
            ),
            (
                spec(&[], &[], &["SAT", "Sonntag"]),
                "spec.weekdays[1]: Sonntag is not one of SUN, MON, TUE, WED, THU, FRI, SAT",
            ),
            (
                spec(&[], &[], &["Monday"]),
                "spec.weekdays[0]: Monday is not one of SUN, MON, TUE, WED, THU, FRI, SAT; did you mean MON?",
            ),
            (
                spec(&[], &[], &[" tue "]),
                "spec.weekdays[0]: \" tue \" is not one of SUN, MON, TUE, WED, THU, FRI, SAT; did you mean TUE?",
            ),
            (
                spec(&[" 2026-12-25"], &[], &[]),
                "spec.dates[0]: \" 2026-12-25\" is not a date such as 2026-12-25, or 12-25 for every year; write it without spaces",
            ),
            (
                spec(&[], &[("12-24", "12-25\n")], &[]),
                "spec.ranges[0]: \"12-25\\n\" is not a date such as 2026-12-25, or 12-25 for every year; write it without spaces",
            ),
            (
                spec(&["12-25"; 4001], &[], &[]),
                "spec.dates: 4001 are too many: a calendar has at most 4000; put the rest into a second calendar",
            ),
        ] {
            assert_eq!(Calendar::parse(&spec).unwrap_err(), expected);
        }
    }

    #[test]
    fn the_same_days_have_the_same_fingerprint_however_they_are_written() {
        let print = |spec| Calendar::parse(&spec).unwrap().fingerprint();
        let one = print(spec(
            &["12-25", "2026-05-01", "2026-05-02"],
            &[],
            &["SAT", "SUN"],
        ));
        let same = print(spec(
            &["12-25", "12-25"],
            &[("2026-05-01", "2026-05-02")],
            &["Sun", "sat"],
        ));
        assert_eq!(one, same);
        for other in [
            spec(&["12-25", "2026-05-01", "2026-05-02"], &[], &["SAT"]),
            spec(&["12-25", "2026-05-01"], &[], &["SAT", "SUN"]),
            spec(&["12-26", "2026-05-01", "2026-05-02"], &[], &["SAT", "SUN"]),
            spec(
                &["2026-12-25", "2026-05-01", "2026-05-02"],
                &[],
                &["SAT", "SUN"],
            ),
        ] {
            assert_ne!(print(other.clone()), one, "{other:?}");
        }
        // Kept in status: a change here would look like an edit of every schedule with a calendar.
        assert_eq!(
            print(spec(&["12-25"], &[], &[])),
            15_149_213_493_475_189_596
        );
    }

    #[test]
    fn a_range_of_all_years_takes_no_more_than_its_months() {
        let ranges = [("1970-01-01", "2100-12-31"); 500];
        let calendar = Calendar::parse(&spec(&[], &ranges, &[])).unwrap();
        assert_eq!(calendar.dated.len(), 131 * 12);
    }
}
