//! What expressions mean, in words.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Weekday, date},
    tz::TimeZone,
};
use proptest::prelude::*;
use punctual::{
    api::{ClockChanges, Gap, Overlap},
    core::cron::{
        Dialect, Options, Timing, Zones,
        words::{Words, explain},
    },
};

const ROWS: &str = "
30 2 * * MON-FRI | At 02:30 on every day from Monday to Friday
30 2 * * * | At 02:30 on every day
0 0 * * * | At 00:00 on every day
15 30 1 * * * | At 01:30:15 on every day
0,30 9,17 * * * | At 09:00, 09:30, 17:00 and 17:30 on every day
0 8,12,18 * * * | At 08:00, 12:00 and 18:00 on every day
* * * * * | Every minute
*/5 * * * * | Every 5 minutes
*/7 * * * * | Every 7 minutes from :00 to :56 of each hour
5/20 * * * * | Every 20 minutes from :05 to :45 of each hour
10-40 * * * * | Every minute from :10 to :40 of each hour
10-40/15 * * * * | Every 15 minutes from :10 to :40 of each hour
50-10 * * * * | Every minute from :50 over :00 to :10 of each hour
50-10/5 * * * * | Every 5 minutes from :50 over :00 to :10 of each hour
1,2,3 * * * * | At :01, :02 and :03 of each hour
0 * * * * | Every hour at :00
30 * * * * | Every hour at :30
5 30 * * * * | Every hour at :30:05
30 9-17 * * * | Every hour from 09:30 to 17:30
30 8-18/2 * * * | Every 2 hours from 08:30 to 18:30
0 */2 * * * | Every 2 hours from 00:00 to 22:00
0 */5 * * * | Every 5 hours from 00:00 to 20:00
0 22-2 * * * | Every hour from 22:00 to 02:00
0 22-2/3 * * * | Every 3 hours from 22:00 to 01:00
*/15 9-17 * * * | Every 15 minutes, from 09:00 to 17:59
*/15 9 * * * | Every 15 minutes, from 09:00 to 09:59
*/15 9,12,20 * * * | Every 15 minutes, in the hours 09, 12 and 20
*/15 8-18/2 * * * | Every 15 minutes, in every 2nd hour from 08 to 18
* 3 * * * | Every minute, from 03:00 to 03:59
5,10-20,40-50/5 * * * * | Every minute from :10 to :20, every 5 minutes from :40 to :50 and at :05 of each hour
* * * * * * | Every second
*/10 * * * * * | Every 10 seconds
*/7 * * * * * | Every 7 seconds from second 0 to 56 of each minute
5,10 * * * * * | At seconds 5 and 10 of each minute
5 */5 * * * * | Every 5 minutes, at second 5
*/20 30 2 * * * | Every 20 seconds, from 02:30:00 to 02:30:59
*/20 1,2 * * * * | Every 20 seconds, in minutes 1 and 2 of each hour
* 10-20 9-17 * * * | Every second, in minutes 10 to 20 of each hour, from 09:00 to 17:59
10-20 */10 * * * * | Every second from second 10 to 20 of each minute, in every 10th minute from 0 to 50 of each hour
0 0 1 * * | At 00:00 on day 1 of the month
0 0 1,15 * * | At 00:00 on days 1 and 15 of the month
0 0 10-20 * * | At 00:00 on days 10 to 20 of the month
0 0 */2 * * | At 00:00 on every 2nd day from day 1 to 31 of the month
0 0 5-20/3 * * | At 00:00 on every 3rd day from day 5 to 20 of the month
0 0 28-3 * * | At 00:00 on days 28 to 31 and 1 to 3 of the month
0 0 L * * | At 00:00 on the last day of the month
0 0 L-1 * * | At 00:00 on the day before the last of the month
0 0 L-3 * * | At 00:00 on the 3rd day before the last of the month
0 0 LW * * | At 00:00 on the last working day of the month
0 0 15W * * | At 00:00 on the working day nearest to day 15 of the month
0 0 1,L * * | At 00:00 on day 1 of the month and the last day of the month
0 0 * * 1 | At 00:00 on every Monday
0 0 * * 1,3,5 | At 00:00 on every Monday, Wednesday and Friday
0 0 * * FRI-MON | At 00:00 on every day from Friday to Monday
0 0 * * 1-7 | At 00:00 on every day
0 0 1-31 * * | At 00:00 on every day
0 0 * 1-12 1 | At 00:00 on every Monday
0 0 5,* * MON | At 00:00 on every day
0 0 13 * 1,* | At 00:00 on every day
0 0 13 * 1,? | At 00:00 on every day
0 0 13 6 1,* | At 00:00 on every day in June
0 0 5,* * +MON | At 00:00 on every Monday
0 0 *,5 * MON | At 00:00 on every Monday
0 0 0 1,* * MON 2027 | At 00:00 on every day, in 2027
0 0 * * */2 | At 00:00 on every Sunday, Tuesday, Thursday and Saturday
0 0 * * 7 | At 00:00 on every Sunday
0 0 * * 5L | At 00:00 on the last Friday of the month
0 0 * * FRI#2 | At 00:00 on the second Friday of the month
0 0 * * MON,FRI#5 | At 00:00 on every Monday and the fifth Friday of the month
0 0 1 * 1 | At 00:00 on day 1 of the month or on every Monday
0 0 1 * MON-FRI | At 00:00 on day 1 of the month or on every day from Monday to Friday
0 0 */2 * 1 | At 00:00 on every 2nd day from day 1 to 31 of the month, but only where it is a Monday
0 0 */2 * MON-FRI | At 00:00 on every 2nd day from day 1 to 31 of the month, but only where it is a day from Monday to Friday
0 0 13 * ? | At 00:00 on day 13 of the month
0 0 * 1 * | At 00:00 on every day in January
0 0 * 1,7 * | At 00:00 on every day in January and July
0 0 * MAR-OCT * | At 00:00 on every day in each month from March to October
0 0 * */3 * | At 00:00 on every day in January, April, July and October
0 0 L 2 * | At 00:00 on the last day of February
0 0 1 1 * | At 00:00 on day 1 of January
0 0 * JUN MON | At 00:00 on every Monday in June
0 0 1 6 MON | At 00:00 on day 1 of June or on every Monday in June
0 0 1 NOV-FEB MON,TUE | At 00:00 on day 1 of each month from November to February or on every Monday and Tuesday in each month from November to February
0 0 * 6 MON,FRI#2 | At 00:00 on every Monday in June and the second Friday of June
0 0 9 1 1 ? 2030 | At 09:00 on day 1 of January, in 2030
0 0 9 * * * 2030,2032 | At 09:00 on every day, in 2030 and 2032
0 0 9 * * * 2030-2040 | At 09:00 on every day, from 2030 to 2040
0 0 9 * * * 2030-2040/3 | At 09:00 on every day, in every 3rd year from 2030 to 2039
*/5 * * 6 * | Every 5 minutes, on every day in June
* * * * SUN | Every minute, on every Sunday
@yearly | At 00:00 on day 1 of January
@monthly | At 00:00 on day 1 of the month
@weekly | At 00:00 on every Sunday
@Daily | At 00:00 on every day
@hourly | Every hour at :00
";

#[test]
fn every_construct_has_words() {
    let mut checked = 0;
    for row in ROWS.trim().lines() {
        let (expression, expected) = row.split_once(" | ").unwrap();
        let words = words(expression, "UTC", &options());
        assert_eq!(words.when, format!("{expected}, in UTC"), "{expression}");
        assert_eq!(words.hashed, None, "{expression}");
        checked += 1;
    }
    assert!(checked >= 60, "only {checked} rows");
}

#[test]
fn elapsed_time_has_words() {
    for (expression, expected) in [
        ("@every 90m", "Every 1 hour 30 minutes of elapsed time"),
        ("@every 1s", "Every 1 second of elapsed time"),
        ("@every 25h", "Every 1 day 1 hour of elapsed time"),
    ] {
        let words = words(expression, "Europe/Berlin", &options());
        let (when, _) = words.when.split_once(", counted from").unwrap();
        assert_eq!(when, expected);
        assert_eq!(
            words.clock_changes,
            "It is elapsed time, so clock changes don't matter"
        );
    }
}

#[test]
fn dialects_and_their_own_forms_have_words() {
    for (dialect, expression, expected) in [
        (
            Dialect::Quartz,
            "0 0 12 ? * 6#3",
            "At 12:00 on the third Friday of the month, in UTC",
        ),
        (
            Dialect::Quartz,
            "0 0 12 ? * 2-6",
            "At 12:00 on every day from Monday to Friday, in UTC",
        ),
        (
            Dialect::Quartz,
            "0 0 12 ? * 1",
            "At 12:00 on every Sunday, in UTC",
        ),
        (
            Dialect::Crontab,
            "0 12 * * 1",
            "At 12:00 on every Monday, in UTC",
        ),
        (
            Dialect::Robfig,
            "CRON_TZ=Asia/Tokyo 0 12 * * 1",
            "At 12:00 on every Monday, in Asia/Tokyo",
        ),
        (
            Dialect::Crontab,
            "0 0 5,* * MON",
            "At 00:00 on every day, in UTC",
        ),
        (
            Dialect::Robfig,
            "0 0 5,* * MON",
            "At 00:00 on every Monday, in UTC",
        ),
        (
            Dialect::Cronexpr,
            "0 0 */1 * MON",
            "At 00:00 on every day, in UTC",
        ),
        (
            Dialect::Cronexpr,
            "0 0 13 * */1",
            "At 00:00 on every day, in UTC",
        ),
        (
            Dialect::Robfig,
            "@weekly",
            "At 00:00 on every Sunday, in UTC",
        ),
        (
            Dialect::Cronexpr,
            "0 12 * * 1 2030",
            "At 12:00 on every Monday, in 2030, in UTC",
        ),
        (
            Dialect::Punctual,
            "0 12 1 * +MON",
            "At 12:00 on day 1 of the month, but only where it is a Monday, in UTC",
        ),
        (
            Dialect::Punctual,
            "0 12 13 * +MON,FRI",
            "At 12:00 on day 13 of the month, but only where it is a Monday or a Friday, in UTC",
        ),
        (
            Dialect::Punctual,
            "@at 2026-12-24 18:00",
            "Once, at 2026-12-24T18:00:00+00:00, in UTC",
        ),
    ] {
        let options = Options {
            dialect,
            ..options()
        };
        assert_eq!(
            words(expression, "UTC", &options).when,
            expected,
            "{expression}"
        );
    }
}

#[test]
fn what_h_stands_for_is_told() {
    // Of seed 7: what is said must be what fires.
    let words = words("H H(1-5) * * *", "UTC", &options());
    let hashed = words.hashed.unwrap();
    let fires = Timing::read("H H(1-5) * * *", TimeZone::UTC, &options()).unwrap();
    let fire = fires.next(now()).unwrap().to_zoned(TimeZone::UTC);
    assert_eq!(
        hashed,
        format!(
            "H is minute {}, H(1-5) is hour {}",
            fire.minute(),
            fire.hour()
        )
    );
    let time = format!(
        "At {:02}:{:02} on every day, in UTC",
        fire.hour(),
        fire.minute()
    );
    assert_eq!(words.when, time);
}

#[test]
fn clock_changes_are_told_for_fixed_and_repeating_times() {
    let said = |expression, place, gap, overlap| {
        let clock_changes = ClockChanges { gap, overlap };
        let options = Options {
            clock_changes,
            ..options()
        };
        words(expression, place, &options).clock_changes
    };
    let berlin = "Europe/Berlin";
    assert_eq!(
        said("30 2 * * *", berlin, None, None),
        "Fixed: a time that the clock skips fires at the first instant after the gap, one that it \
         shows twice fires the first time"
    );
    assert_eq!(
        said("*/30 * * * *", berlin, None, None),
        "Repeating: a time that the clock skips does not fire, one that it shows twice fires both \
         times"
    );
    assert_eq!(
        said("30 2 * * *", berlin, Some(Gap::Skip), Some(Overlap::Last)),
        "Fixed: a time that the clock skips does not fire, one that it shows twice fires the last \
         time"
    );
    // It had summer time once, and has none any more.
    assert_eq!(
        said("30 2 * * *", "Asia/Kolkata", None, None),
        "The clock of Asia/Kolkata does not change any more"
    );
}

#[test]
fn the_zone_is_named() {
    let words = words("30 2 * * MON-FRI", "Europe/Berlin", &options());
    assert_eq!(
        words.when,
        "At 02:30 on every day from Monday to Friday, in Europe/Berlin"
    );
}

#[test]
fn what_stands_beside_h_is_told() {
    // Of seed 7.
    for (expression, when, hashed) in [
        (
            "0 0 H,L * *",
            "At 00:00 on day 5 of the month and the last day of the month, in UTC",
            "H,L is day 5 and L",
        ),
        (
            "0 0 * * H,FRI#2",
            "At 00:00 on every Tuesday and the second Friday of the month, in UTC",
            "H,FRI#2 is day of the week Tuesday and Friday#2",
        ),
    ] {
        let words = words(expression, "UTC", &options());
        assert_eq!(words.when, when);
        assert_eq!(words.hashed.as_deref(), Some(hashed));
    }
}

#[test]
fn once_at_a_clock_change_says_what_becomes_of_it() {
    let berlin = "Europe/Berlin";
    for (expression, overlap, when, clock_changes) in [
        (
            "@at 2026-03-29 02:30",
            None,
            "Once, at 2026-03-29T03:00:00+02:00, in Europe/Berlin",
            "The clock skips 2026-03-29T02:30:00, so it fires at the first instant after the gap",
        ),
        (
            "@at 2026-10-25 02:30",
            None,
            "Once, at 2026-10-25T02:30:00+02:00, in Europe/Berlin",
            "The clock shows 2026-10-25T02:30:00 twice, and it fires the first time",
        ),
        (
            "@at 2026-10-25 02:30",
            Some(Overlap::Last),
            "Once, at 2026-10-25T02:30:00+01:00, in Europe/Berlin",
            "The clock shows 2026-10-25T02:30:00 twice, and it fires the last time",
        ),
        (
            "@at 2026-10-25T02:30:00+01:00",
            None,
            "Once, at 2026-10-25T02:30:00+01:00, in Europe/Berlin",
            "It is one instant, so clock changes don't matter",
        ),
        (
            "@at 2026-03-29 03:00",
            None,
            "Once, at 2026-03-29T03:00:00+02:00, in Europe/Berlin",
            "It is one instant, so clock changes don't matter",
        ),
    ] {
        let options = Options {
            clock_changes: ClockChanges { gap: None, overlap },
            ..options()
        };
        let words = words(expression, berlin, &options);
        assert_eq!(words.when, when);
        assert_eq!(words.clock_changes, clock_changes);
    }
}

#[test]
fn what_cannot_be_read_has_the_error_of_reading_it() {
    for expression in [
        "",
        "75 * * * *",
        "* * *",
        "@reboot",
        "0 0 30 2 *",
        "TZ=UTC * * * * *",
    ] {
        let read = Timing::read(expression, TimeZone::UTC, &options()).unwrap_err();
        let said = explain(expression, &TimeZone::UTC, &options(), now()).unwrap_err();
        assert_eq!(said, read);
    }
}

proptest! {
    #[test]
    fn whatever_can_be_read_has_words(expression in expressions(), seed in any::<u64>()) {
        let options = Options { seed: Some(seed), ..options() };
        if Timing::read(&expression, TimeZone::UTC, &options).is_ok() {
            let words = explain(&expression, &TimeZone::UTC, &options, now()).unwrap();
            prop_assert!(words.when.len() > ", in UTC".len(), "{expression}: {words:?}");
            prop_assert!(!words.clock_changes.is_empty());
            prop_assert!(!words.when.contains("  "), "{expression}: {words:?}");
            prop_assert!(!words.when.starts_with(','), "{expression}: {words:?}");
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}", dialect in dialects()) {
        let options = Options { dialect, ..options() };
        let _ = explain(&text, &TimeZone::UTC, &options, now());
    }
}

fn dialects() -> impl Strategy<Value = Dialect> {
    prop_oneof![
        Just(Dialect::Punctual),
        Just(Dialect::Crontab),
        Just(Dialect::Robfig),
        Just(Dialect::Cronexpr),
        Just(Dialect::Quartz),
    ]
}

/// Expressions of which most can be read.
fn expressions() -> impl Strategy<Value = String> {
    let field = |least: u32, most: u32, special: &'static str| {
        let part = prop_oneof![
            3 => Just("*".to_owned()),
            3 => (least..=most).prop_map(|n| n.to_string()),
            1 => (least..=most, least..=most).prop_map(|(a, b)| format!("{a}-{b}")),
            1 => (least..=most, least..=most, 1u32..9).prop_map(|(a, b, n)| format!("{a}-{b}/{n}")),
            1 => (1u32..12).prop_map(|n| format!("*/{n}")),
            1 => (least..=most, 1u32..9).prop_map(|(a, n)| format!("{a}/{n}")),
            1 => special,
        ];
        proptest::collection::vec(part, 1..3).prop_map(|parts| parts.join(","))
    };
    let day = "L|LW|L-[0-9]|[1-9]W|1[0-9]W|H|\\?";
    let weekday = "[0-7]L|(MON|fri|sun)#[1-5]|TUE-SAT|SUN|H|\\?";
    let fields = (
        field(0, 59, "H|H/10|H\\(0-29\\)"),
        field(0, 59, "H|H/7"),
        field(0, 23, "H|H/3"),
        field(1, 31, day),
        field(1, 12, "JAN|feb|NOV-MAR|H"),
        field(0, 7, weekday),
        field(1970, 2100, "\\*"),
        5usize..8,
    );
    fields.prop_map(|(s, m, h, d, n, w, y, count)| match count {
        5 => format!("{m} {h} {d} {n} {w}"),
        6 => format!("{s} {m} {h} {d} {n} {w}"),
        _ => format!("{s} {m} {h} {d} {n} {w} {y}"),
    })
}

fn options() -> Options {
    Options {
        seed: Some(7),
        ..Options::default()
    }
}

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn words(expression: &str, place: &str, options: &Options) -> Words {
    explain(
        expression,
        &Zones::built_in().get(place).unwrap(),
        options,
        now(),
    )
    .unwrap()
}

// What the words claim of days, checked against the days of the fires.

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_days_that_are_told_are_the_days_that_fire(
        (dialect, expression) in at_midnight(),
        seed in any::<u64>(),
    ) {
        let options = Options { dialect, seed: Some(seed), ..options() };
        if let Ok(timing) = Timing::read(&expression, TimeZone::UTC, &options) {
            let said = explain(&expression, &TimeZone::UTC, &options, now()).unwrap().when;
            let claim = said
                .strip_prefix("At 00:00 on ")
                .and_then(|rest| rest.strip_suffix(", in UTC"))
                .unwrap_or_else(|| panic!("{expression}: {said}"));
            let fires = |day: Date| {
                let midnight = day.to_zoned(TimeZone::UTC).unwrap().timestamp();
                timing.next(midnight - 1.second()) == Some(midnight)
            };
            let wrong = leap_year().find(|&day| claimed(claim, day) != fires(day));
            prop_assert_eq!(wrong, None, "{:?} {}: {}", dialect, expression, said);
            // Nothing is told of days if and only if there is nothing to tell.
            let all = leap_year().all(fires);
            prop_assert_eq!(claim == "every day", all, "{}: {}", expression, said);
        }
    }
}

fn leap_year() -> impl Iterator<Item = Date> {
    date(2028, 1, 1).series(1.day()).take(366)
}

/// Whether a claim such as `day 1 of June or on every Monday in June` has a day.
fn claimed(claim: &str, day: Date) -> bool {
    if let Some((of_month, of_week)) = claim.split_once(", but only where it is ") {
        return listed(of_month, day) && of_week.split(" or ").any(|phrase| is(phrase, day));
    }
    claim.split(" or on ").any(|phrases| listed(phrases, day))
}

/// Whether one of the phrases between `, ` and `and` has a day. A list of names or numbers reads
/// like a list of phrases, so the parts are put together as long as they say nothing alone.
fn listed(phrases: &str, day: Date) -> bool {
    let starts = ["day ", "days ", "every ", "the "];
    let mut found: Vec<String> = Vec::new();
    for part in phrases.replace(" and ", ", ").split(", ") {
        match found.last_mut() {
            Some(last) if !starts.iter().any(|start| part.starts_with(start)) => {
                *last += &format!(", {part}");
            }
            _ => found.push(part.to_owned()),
        }
    }
    found.iter().any(|phrase| is(phrase, day))
}

fn is(phrase: &str, day: Date) -> bool {
    let (what, months) = match phrase.split_once(" of ") {
        Some((what, "the month")) => (what, None),
        Some((what, months)) => (what, Some(months)),
        None => match phrase.split_once(" in ") {
            Some((what, months)) => (what, Some(months)),
            None => (phrase, None),
        },
    };
    months.is_none_or(|months| in_months(months, day)) && on_day(what, day)
}

fn in_months(months: &str, day: Date) -> bool {
    let number = |name: &str| 1 + MONTHS.iter().position(|known| *known == name).unwrap() as i8;
    let month = day.month();
    match months.strip_prefix("each month from ") {
        Some(span) => {
            let (from, to) = span.split_once(" to ").unwrap();
            within(number(from), month, number(to))
        }
        None => months.split(", ").any(|name| number(name) == month),
    }
}

fn on_day(what: &str, day: Date) -> bool {
    let (last, n) = (day.last_of_month(), day.day());
    let number = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<i8>().unwrap_or_else(|_| panic!("{text}"))
    };
    let weekday = |name: &str| {
        WEEKDAYS
            .iter()
            .position(|known| *known == name)
            .unwrap_or_else(|| panic!("{name}")) as i8
    };
    let of_week = day.weekday().to_sunday_zero_offset();
    let what = what.strip_prefix("a ").unwrap_or(what);
    let in_span = |span: &str| {
        let (from, to) = span.split_once(" to ").unwrap();
        within(weekday(from), of_week, weekday(to))
    };
    if let Some(span) = what
        .strip_prefix("day from ")
        .or(what.strip_prefix("every day from "))
    {
        return in_span(span);
    }
    match what {
        "every day" => return true,
        "the last day" => return day == last,
        "the day before the last" => return n == last.day() - 1,
        "the last working day" => return day == working_day_near(last),
        _ => {}
    }
    if let Some(near) = what.strip_prefix("the working day nearest to day ") {
        let near = number(near);
        return near <= last.day()
            && day == working_day_near(day.with().day(near).build().unwrap());
    }
    if let Some(before) = what.strip_suffix(" day before the last") {
        return n == last.day() - number(before.strip_prefix("the ").unwrap());
    }
    if let Some(name) = what.strip_prefix("the last ") {
        return of_week == weekday(name) && n + 7 > last.day();
    }
    if let Some(counted) = what.strip_prefix("the ") {
        let (count, name) = counted.split_once(' ').unwrap();
        let count = ["first", "second", "third", "fourth", "fifth"]
            .iter()
            .position(|known| *known == count)
            .unwrap() as i8;
        return of_week == weekday(name) && (n - 1) / 7 == count;
    }
    if let Some((step, span)) = what.split_once(" day from day ") {
        let (from, to) = span.split_once(" to ").unwrap();
        let (from, to) = (number(from), number(to));
        let step = number(step.strip_prefix("every ").unwrap());
        // Over the end of the month, a month is as long as the longest.
        let far = if n < from && to < from { n + 31 } else { n };
        return within(from, n, to) && (far - from) % step == 0;
    }
    if let Some(span) = what
        .strip_prefix("days ")
        .filter(|span| span.contains(" to "))
    {
        return span.split(", ").any(|span| {
            let (from, to) = span.split_once(" to ").unwrap();
            within(number(from), n, number(to))
        });
    }
    if let Some(numbers) = what.strip_prefix("day ").or(what.strip_prefix("days ")) {
        return numbers.split(", ").any(|text| number(text) == n);
    }
    let names = what.strip_prefix("every ").unwrap_or(what);
    names.split(", ").any(|name| weekday(name) == of_week)
}

/// Whether a value is in a range, which may run over the end.
fn within(from: i8, value: i8, to: i8) -> bool {
    if from <= to {
        (from..=to).contains(&value)
    } else {
        value >= from || value <= to
    }
}

/// The nearest day from Monday to Friday in the same month.
fn working_day_near(day: Date) -> Date {
    [0, -1, 1, -2, 2]
        .map(|n| day + n.days())
        .into_iter()
        .find(|near| {
            near.month() == day.month()
                && !matches!(near.weekday(), Weekday::Saturday | Weekday::Sunday)
        })
        .unwrap()
}

/// A dialect and an expression of its shape, of which most can be read, that fires at midnight.
fn at_midnight() -> impl Strategy<Value = (Dialect, String)> {
    let field = |least: u32, most: u32, special: &'static str| {
        let part = prop_oneof![
            4 => Just("*".to_owned()),
            1 => Just("?".to_owned()),
            1 => Just("*/1".to_owned()),
            4 => (least..=most).prop_map(|n| n.to_string()),
            1 => (least..=most, least..=most).prop_map(|(a, b)| format!("{a}-{b}")),
            1 => Just(format!("{least}-{most}")),
            1 => (least..=most, least..=most, 1u32..9).prop_map(|(a, b, n)| format!("{a}-{b}/{n}")),
            1 => (1u32..12).prop_map(|n| format!("*/{n}")),
            1 => (least..=most, 1u32..9).prop_map(|(a, n)| format!("{a}/{n}")),
            1 => special,
        ];
        prop_oneof![
            1 => Just("*".to_owned()),
            1 => Just("?".to_owned()),
            6 => proptest::collection::vec(part, 1..4).prop_map(|parts| parts.join(",")),
        ]
    };
    let day = "L|LW|L-[0-9]|[1-9]W|1[0-9]W|H|H\\(3-9\\)";
    let weekday = "[0-7]L|(MON|fri|sun)#[1-5]|TUE-SAT|FRI-MON|SUN|L|H";
    let fields = (
        dialects(),
        field(1, 31, day),
        prop_oneof![3 => Just("*".to_owned()), 1 => field(1, 12, "JAN|feb|NOV-MAR|H")],
        prop_oneof![5 => Just(""), 1 => Just("+")],
        field(0, 7, weekday),
    );
    fields.prop_map(|(dialect, day, month, both, weekday)| {
        let second = match dialect {
            Dialect::Quartz => "0 ",
            Dialect::Punctual | Dialect::Crontab | Dialect::Robfig | Dialect::Cronexpr => "",
        };
        (
            dialect,
            format!("{second}0 0 {day} {month} {both}{weekday}"),
        )
    })
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
