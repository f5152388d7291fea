//! What expressions mean, as rows that a person can check against a calendar.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use punctual::api::{ClockChanges, Gap, Overlap};
use punctual::core::cron::{Options, Timing, Zones};
use punctual::core::run::spread;

/// The first fires of `expression` in UTC after Friday 2026-11-20 12:00.
#[track_caller]
fn utc(expression: &str, fires: &str) {
    utc_with(expression, None, fires);
}

#[track_caller]
fn utc_with(expression: &str, seed: Option<u64>, fires: &str) {
    let options = Options {
        seed,
        ..Options::default()
    };
    let timing = Timing::read(expression, TimeZone::UTC, &options).unwrap();
    let mut after: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let mut found = Vec::new();
    for _ in fires.split(", ") {
        let Some(fire) = timing.next(after) else {
            found.push("never".to_owned());
            break;
        };
        let format = if fire.as_second() % 60 == 0 {
            "%F %H:%M"
        } else {
            "%F %T"
        };
        found.push(fire.strftime(format).to_string());
        after = fire;
    }
    assert_eq!(found.join(", "), fires, "{expression:?}");
}

#[test]
fn five_six_and_seven_fields() {
    utc("30 1 * * *", "2026-11-21 01:30, 2026-11-22 01:30");
    utc("15 30 1 * * *", "2026-11-21 01:30:15, 2026-11-22 01:30:15");
    utc(
        "15 30 1 * * * 2028",
        "2028-01-01 01:30:15, 2028-01-02 01:30:15",
    );
    utc("* * * * * *", "2026-11-20 12:00:01, 2026-11-20 12:00:02");
    utc("* * * * *", "2026-11-20 12:01, 2026-11-20 12:02");
    utc("  0\t0 *  * * ", "2026-11-21 00:00");
}

#[test]
fn shorthands_in_any_case() {
    utc("@yearly", "2027-01-01 00:00, 2028-01-01 00:00");
    utc("@annually", "2027-01-01 00:00, 2028-01-01 00:00");
    utc("@monthly", "2026-12-01 00:00, 2027-01-01 00:00");
    utc("@weekly", "2026-11-22 00:00, 2026-11-29 00:00");
    utc("@daily", "2026-11-21 00:00, 2026-11-22 00:00");
    utc("@midnight", "2026-11-21 00:00, 2026-11-22 00:00");
    utc("@HOURLY", "2026-11-20 13:00, 2026-11-20 14:00");
}

#[test]
fn every_is_elapsed_time() {
    utc("@every 90s", "2026-11-20 12:01:30, 2026-11-20 12:03");
    utc("@every 1h30m", "2026-11-20 13:30, 2026-11-20 15:00");
    utc("@Every  1.5h", "2026-11-20 13:30, 2026-11-20 15:00");
    utc("@every 1500ms500000us", "2026-11-20 12:00:02");
    utc("@every +1m.5m", "2026-11-20 12:01:30");
    utc("@every 24h0m", "2026-11-21 12:00");
}

#[test]
fn lists_ranges_and_steps() {
    utc(
        "5/20 * * * *",
        "2026-11-20 12:05, 2026-11-20 12:25, 2026-11-20 12:45, 2026-11-20 13:05",
    );
    utc(
        "10-40/15 * * * *",
        "2026-11-20 12:10, 2026-11-20 12:25, 2026-11-20 12:40, 2026-11-20 13:10",
    );
    utc(
        "*/25 * * * *",
        "2026-11-20 12:25, 2026-11-20 12:50, 2026-11-20 13:00",
    );
    utc("*/60 * * * *", "2026-11-20 13:00, 2026-11-20 14:00");
    utc("0 */24 * * *", "2026-11-21 00:00, 2026-11-22 00:00");
    utc(
        "3,1-2,3 13 * * *",
        "2026-11-20 13:01, 2026-11-20 13:02, 2026-11-20 13:03, 2026-11-21 13:01",
    );
    utc("05 013 * * *", "2026-11-20 13:05");
    utc(
        "0 0 1 */5 *",
        "2027-01-01 00:00, 2027-06-01 00:00, 2027-11-01 00:00",
    );
    utc("0 0 1 Mar,JUL *", "2027-03-01 00:00, 2027-07-01 00:00");
    utc("? ? ? ? ?", "2026-11-20 12:01");
    utc("?/30 * * * *", "2026-11-20 12:30, 2026-11-20 13:00");
    utc(
        "0 0 0 1 1 ? 2030/35",
        "2030-01-01 00:00, 2065-01-01 00:00, 2100-01-01 00:00, never",
    );
}

#[test]
fn ranges_wrap_around() {
    utc(
        "0 22-0 * * *",
        "2026-11-20 22:00, 2026-11-20 23:00, 2026-11-21 00:00, 2026-11-21 22:00",
    );
    utc(
        "0 22-2/3 * * *",
        "2026-11-20 22:00, 2026-11-21 01:00, 2026-11-21 22:00",
    );
    utc(
        "0 22-2/4 * * *",
        "2026-11-20 22:00, 2026-11-21 02:00, 2026-11-21 22:00",
    );
    utc("0 22-2/5 * * *", "2026-11-20 22:00, 2026-11-21 22:00");
    utc(
        "0 0 * * FRI-MON",
        "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-23 00:00, 2026-11-27 00:00",
    );
    utc(
        "0 0 1 nov-Jan *",
        "2026-12-01 00:00, 2027-01-01 00:00, 2027-11-01 00:00",
    );
    utc(
        "0 0 30-1 * *",
        "2026-11-30 00:00, 2026-12-01 00:00, 2026-12-30 00:00, 2026-12-31 00:00",
    );
    utc("59-0 12 * * *", "2026-11-20 12:59, 2026-11-21 12:00");
}

#[test]
fn sunday_is_0_and_7() {
    let sundays = "2026-11-22 00:00, 2026-11-29 00:00";
    for sunday in [
        "0",
        "7",
        "SUN",
        "sun",
        "0-0",
        "7-7",
        "7-0",
        "0,7",
        "*/7",
        "0-7/7",
        "7/2",
        "SUN-SUN",
        "0L,7#1,7#2,7#3,0#4",
    ] {
        utc(&format!("0 0 * * {sunday}"), sundays);
    }
    utc(
        "0 0 * * 5-7",
        "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-27 00:00",
    );
    utc(
        "0 0 * * 6-0",
        "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-28 00:00",
    );
    utc(
        "0 0 * * 7-1",
        "2026-11-22 00:00, 2026-11-23 00:00, 2026-11-29 00:00",
    );
    utc(
        "0 0 * * 0-7",
        "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-23 00:00",
    );
    utc(
        "0 0 * * 1-7/2",
        "2026-11-22 00:00, 2026-11-23 00:00, 2026-11-25 00:00, 2026-11-27 00:00",
    );
    utc("0 0 * * 5/2", "2026-11-27 00:00, 2026-12-04 00:00");
    utc("0 0 * * 1", "2026-11-23 00:00");
    utc("0 0 * * sAt", "2026-11-21 00:00");
}

#[test]
fn two_restricted_day_fields_match_either_way() {
    utc(
        "0 0 1 * 1",
        "2026-11-23 00:00, 2026-11-30 00:00, 2026-12-01 00:00, 2026-12-07 00:00",
    );
    utc("0 0 30 2 1", "2027-02-01 00:00, 2027-02-08 00:00");
    utc("0 0 1-31 * 1", "2026-11-21 00:00");
    utc(
        "0 0 L * 1",
        "2026-11-23 00:00, 2026-11-30 00:00, 2026-12-07 00:00",
    );
}

#[test]
fn a_day_field_that_starts_with_a_star_only_takes_away() {
    utc(
        "0 0 */2 * 1",
        "2026-11-23 00:00, 2026-12-07 00:00, 2026-12-21 00:00, 2027-01-11 00:00",
    );
    utc(
        "0 0 1 * */2",
        "2026-12-01 00:00, 2027-04-01 00:00, 2027-05-01 00:00",
    );
    utc("0 0 13 * ?", "2026-12-13 00:00, 2027-01-13 00:00");
}

#[test]
fn a_plus_before_the_day_of_week_asks_for_both() {
    utc("0 0 13 * +FRI", "2027-08-13 00:00, 2028-10-13 00:00");
    utc(
        "0 0 1-7 * +MON,TUE",
        "2026-12-01 00:00, 2026-12-07 00:00, 2027-01-04 00:00, 2027-01-05 00:00",
    );
    utc(
        "0 0 0 L * +5L",
        "2027-04-30 00:00, 2027-12-31 00:00, 2028-03-31 00:00",
    );
    utc("0 0 * * +SAT", "2026-11-21 00:00, 2026-11-28 00:00");
}

/// The fires of a schedule of this name.
#[track_caller]
fn named(name: &str, expression: &str, fires: &str) {
    utc_with(expression, Some(spread(name)), fires);
}

#[test]
fn h_is_a_value_of_the_name() {
    named(
        "default/backup",
        "H * * * *",
        "2026-11-20 12:36, 2026-11-20 13:36",
    );
    named(
        "default/report",
        "H * * * *",
        "2026-11-20 12:23, 2026-11-20 13:23",
    );
    named(
        "default/backup",
        "H H * * *",
        "2026-11-21 10:36, 2026-11-22 10:36",
    );
    named(
        "default/backup",
        "H H H * *",
        "2026-12-03 10:36, 2027-01-03 10:36",
    );
    named(
        "default/backup",
        "H 0 0 1 H ?",
        "2026-12-01 00:00:11, 2027-12-01 00:00:11",
    );
    named(
        "default/backup",
        "0 0 * * H",
        "2026-11-23 00:00, 2026-11-30 00:00",
    );
}

#[test]
fn h_in_a_range_or_in_steps() {
    named(
        "default/backup",
        "H(0-29) * * * *",
        "2026-11-20 12:18, 2026-11-20 13:18",
    );
    named(
        "default/backup",
        "h(30-59),H(0-29) * * * *",
        "2026-11-20 12:18, 2026-11-20 12:48, 2026-11-20 13:18",
    );
    named(
        "default/backup",
        "H/15 * * * *",
        "2026-11-20 12:09, 2026-11-20 12:24, 2026-11-20 12:39, 2026-11-20 12:54, 2026-11-20 13:09",
    );
    named(
        "default/backup",
        "H(0-29)/10 * * * *",
        "2026-11-20 12:06, 2026-11-20 12:16, 2026-11-20 12:26, 2026-11-20 13:06",
    );
    named(
        "default/backup",
        "0 0 * * H(MON-FRI)",
        "2026-11-23 00:00, 2026-11-30 00:00",
    );
    named(
        "default/backup",
        "0 H(22-23),3 * * *",
        "2026-11-20 22:00, 2026-11-21 03:00, 2026-11-21 22:00",
    );
}

#[test]
fn h_stays_in_its_range_and_uses_all_of_it() {
    for (expression, least, most) in [
        ("0 0 H * *", 1, 28),
        ("0 0 H(29-31) 1,3,5 *", 29, 31),
        ("0 0 H/10 1 *", 1, 10),
    ] {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..1000 {
            let options = Options {
                seed: Some(seed),
                ..Options::default()
            };
            let timing = Timing::read(expression, TimeZone::UTC, &options).unwrap();
            let fire = timing.next("2026-12-31T12:00:00Z".parse().unwrap());
            seen.insert(fire.unwrap().to_zoned(TimeZone::UTC).day());
        }
        let all: Vec<i8> = (least..=most).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), all, "{expression}");
    }
}

#[test]
fn h_takes_each_day_of_a_range_as_often_that_runs_over_sunday() {
    for (range, days) in [
        ("H(0-7)", "0123456"),
        ("H(SUN-SAT)", "0123456"),
        ("H(5-7)", "056"),
        ("H(FRI-MON)", "0156"),
        ("H(7-1)", "01"),
        ("H(7-7)", "0"),
        // It starts on one of the first two days of the range: FRI,SUN or SAT,MON.
        ("H(FRI-MON)/2", "0156"),
    ] {
        let mut seen = BTreeMap::new();
        for seed in 0..2800 {
            let options = Options {
                seed: Some(seed),
                ..Options::default()
            };
            let timing = Timing::read(&format!("0 0 * * {range}"), TimeZone::UTC, &options);
            let timing = timing.unwrap();
            let mut fire = "2026-11-20T12:00:00Z".parse().unwrap();
            let fires = if range.contains('/') { 2 } else { 1 };
            for _ in 0..fires {
                fire = timing.next(fire).unwrap();
                let day = fire.to_zoned(TimeZone::UTC).weekday();
                *seen.entry(day.to_sunday_zero_offset()).or_insert(0) += 1;
            }
        }
        let found: String = seen.keys().map(i8::to_string).collect();
        assert_eq!(found, days, "{range}");
        let (least, most) = (seen.values().min().unwrap(), seen.values().max().unwrap());
        assert!(most * 3 < least * 4, "{range}: {seen:?}");
    }
    let named = Some(spread("default/backup"));
    utc_with(
        "0 H(22-2)/3 * * *",
        named,
        "2026-11-20 23:00, 2026-11-21 02:00, 2026-11-21 23:00",
    );
}

#[track_caller]
fn once(place: &str, expression: &str, changes: ClockChanges, fire: &str) {
    let options = Options {
        clock_changes: changes,
        ..Options::default()
    };
    let timing = Timing::read(expression, Zones::built_in().get(place).unwrap(), &options).unwrap();
    let fire: Timestamp = fire.parse().unwrap();
    let second = jiff::SignedDuration::from_secs(1);
    let half = jiff::SignedDuration::from_millis(500);
    assert_eq!(timing.next(Timestamp::MIN), Some(fire), "{expression}");
    assert_eq!(timing.next(fire - half), Some(fire));
    assert_eq!(timing.next(fire), None);
    assert_eq!(timing.previous(fire), None);
    assert_eq!(timing.previous(fire + half), Some(fire));
    assert_eq!(timing.due(fire, fire + second), None);
    assert_eq!(timing.due(fire - second, fire - half), None);
    let due = timing.due(fire - second, fire).unwrap();
    assert_eq!((due.first, due.latest, due.count), (fire, fire, 1));
}

#[test]
fn at_is_once() {
    let berlin = "Europe/Berlin";
    for (expression, fire) in [
        ("@at 2026-12-24T18:00:00+01:00", "2026-12-24T17:00:00Z"),
        ("@at 2026-12-24T18:00:00Z", "2026-12-24T18:00:00Z"),
        ("@AT  2026-12-24t18:00z ", "2026-12-24T18:00:00Z"),
        ("@at 2026-12-24 18:00:30-09:30", "2026-12-25T03:30:30Z"),
        ("@at 2026-12-24 18:00", "2026-12-24T17:00:00Z"),
        ("@at 2026-12-24T18:00:30", "2026-12-24T17:00:30Z"),
        ("@at 1970-01-01 00:00", "1969-12-31T23:00:00Z"),
        ("@at 2100-12-31T23:59:59Z", "2100-12-31T23:59:59Z"),
    ] {
        once(berlin, expression, ClockChanges::default(), fire);
    }
}

#[test]
fn at_a_local_time_that_the_clock_skips_or_shows_twice() {
    let (berlin, apia) = ("Europe/Berlin", "Pacific/Apia");
    let with = |gap, overlap| ClockChanges { gap, overlap };
    let (skipped, twice) = ("@at 2026-03-29 02:30", "@at 2026-10-25 02:30");
    for gap in [None, Some(Gap::RunAfter)] {
        once(berlin, skipped, with(gap, None), "2026-03-29T01:00:00Z");
    }
    // Lord Howe's gap is half an hour.
    let lord_howe = "Australia/Lord_Howe";
    let changes = ClockChanges::default();
    once(
        lord_howe,
        "@at 2026-10-04 02:10",
        changes,
        "2026-10-03T15:30:00Z",
    );
    for overlap in [None, Some(Overlap::First), Some(Overlap::Both)] {
        once(berlin, twice, with(None, overlap), "2026-10-25T00:30:00Z");
    }
    let last = with(None, Some(Overlap::Last));
    once(berlin, twice, last, "2026-10-25T01:30:00Z");

    let refused = |place, text, gap| {
        let options = Options {
            clock_changes: with(gap, None),
            ..Options::default()
        };
        Timing::read(text, Zones::built_in().get(place).unwrap(), &options)
            .unwrap_err()
            .message()
            .to_owned()
    };
    assert_eq!(
        refused(berlin, skipped, Some(Gap::Skip)),
        r#"@at: "2026-03-29 02:30" never fires: the clock of Europe/Berlin skips it"#
    );
    assert_eq!(
        refused(apia, "@at 2011-12-30 12:00", None),
        r#"@at: "2011-12-30 12:00" never fires: the clock of Pacific/Apia skips it, and gaps of more than 3 h are not made up for"#
    );
}

#[test]
fn days_counted_from_the_end_of_the_month() {
    utc(
        "0 0 L * *",
        "2026-11-30 00:00, 2026-12-31 00:00, 2027-01-31 00:00, 2027-02-28 00:00",
    );
    utc(
        "0 0 l-3 * *",
        "2026-11-27 00:00, 2026-12-28 00:00, 2027-01-28 00:00, 2027-02-25 00:00",
    );
    utc(
        "0 0 L-30 * *",
        "2026-12-01 00:00, 2027-01-01 00:00, 2027-03-01 00:00",
    );
    utc(
        "0 0 * * 5L",
        "2026-11-27 00:00, 2026-12-25 00:00, 2027-01-29 00:00",
    );
    utc(
        "0 0 * * friL",
        "2026-11-27 00:00, 2026-12-25 00:00, 2027-01-29 00:00",
    );
    utc(
        "0 0 15,L * *",
        "2026-11-30 00:00, 2026-12-15 00:00, 2026-12-31 00:00",
    );
}

#[test]
fn weekdays_of_the_month() {
    // 2027-01-31 and 2027-02-28 are Sundays, 2027-05-15 is a Saturday, 2027-08-15 is a Sunday.
    utc(
        "0 0 LW * *",
        "2026-11-30 00:00, 2026-12-31 00:00, 2027-01-29 00:00, 2027-02-26 00:00",
    );
    utc(
        "0 0 15W 5-8 *",
        "2027-05-14 00:00, 2027-06-15 00:00, 2027-07-15 00:00, 2027-08-16 00:00",
    );
    // 2027-05-01 is a Saturday, 2027-08-01 a Sunday: never into another month.
    utc("0 0 1W 5,8 *", "2027-05-03 00:00, 2027-08-02 00:00");
    utc("0 0 31w 1,7 *", "2027-01-29 00:00, 2027-07-30 00:00");
    utc(
        "0 0 * * FRI#2",
        "2026-12-11 00:00, 2027-01-08 00:00, 2027-02-12 00:00",
    );
    utc(
        "0 0 * * 5#5",
        "2027-01-29 00:00, 2027-04-30 00:00, 2027-07-30 00:00",
    );
}

#[test]
fn rare_days() {
    utc("0 0 29 2 *", "2028-02-29 00:00, 2032-02-29 00:00");
    utc(
        "0 0 0 29 2 ? 2090-2100",
        "2092-02-29 00:00, 2096-02-29 00:00, never",
    );
    utc(
        "0 0 29 2 */7",
        "2032-02-29 00:00, 2060-02-29 00:00, 2088-02-29 00:00, 2128-02-29 00:00",
    );
    utc("0 0 0 1 1 ? 1970-2026", "never");
    let leap = Timing::parse("0 0 29 2 *", TimeZone::UTC).unwrap();
    let next = leap.next("2096-02-29T00:00:00Z".parse().unwrap());
    assert_eq!(next, Some("2104-02-29T00:00:00Z".parse().unwrap()));
    let previous = leap.previous("2104-02-29T00:00:00Z".parse().unwrap());
    assert_eq!(previous, Some("2096-02-29T00:00:00Z".parse().unwrap()));
}

#[test]
fn the_fire_before() {
    for (expression, before, fire) in [
        ("30 1 * * *", "2026-11-20T01:30:00Z", "2026-11-19T01:30:00Z"),
        (
            "30 1 * * *",
            "2026-11-20T01:30:00.1Z",
            "2026-11-20T01:30:00Z",
        ),
        ("30 1 * * *", "2026-11-20T01:30:01Z", "2026-11-20T01:30:00Z"),
        (
            "* * * * * *",
            "1969-12-31T23:59:58.5Z",
            "1969-12-31T23:59:58Z",
        ),
        (
            "* * * * * *",
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
        ),
        (
            "0 0 29 2 */7",
            "2060-02-29T00:00:00Z",
            "2032-02-29T00:00:00Z",
        ),
        (
            "0 0 0 1 1 ? 1999",
            "9999-01-01T00:00:00Z",
            "1999-01-01T00:00:00Z",
        ),
        ("0 0 0 1 1 ? 1999", "1999-01-01T00:00:00Z", "never"),
        ("0 0 0 1 1 ? 2027", "2026-11-20T12:00:00Z", "never"),
        // Elapsed time counts back from the question.
        (
            "@every 90s",
            "2026-11-20T12:00:00.9Z",
            "2026-11-20T11:58:30Z",
        ),
        ("@every 2562047h", "-009900-01-01T00:00:00Z", "never"),
    ] {
        let timing = Timing::parse(expression, TimeZone::UTC).unwrap();
        let found = timing.previous(before.parse().unwrap());
        let found = found.map_or("never".to_owned(), |fire| fire.to_string());
        assert_eq!(found, fire, "{expression:?} before {before}");
    }
}

#[test]
fn fires_are_whole_seconds_after_any_fraction() {
    let timing = Timing::parse("* * * * * *", TimeZone::UTC).unwrap();
    for (after, fire) in [
        ("2026-11-20T12:00:00.999999999Z", "2026-11-20T12:00:01Z"),
        ("2026-11-20T12:00:01Z", "2026-11-20T12:00:02Z"),
        ("1969-12-31T23:59:57.5Z", "1969-12-31T23:59:58Z"),
        ("1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z"),
    ] {
        assert_eq!(
            timing.next(after.parse().unwrap()),
            Some(fire.parse().unwrap()),
            "{after}"
        );
    }
}

#[test]
fn every_counts_from_the_whole_second() {
    let timing = Timing::parse("@every 10s", TimeZone::UTC).unwrap();
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    let next = timing.next(at("2026-11-20T12:00:00.9Z"));
    assert_eq!(next, Some(at("2026-11-20T12:00:10Z")));
    let due = |until| timing.due(at("2026-11-20T12:00:00.9Z"), at(until));
    assert_eq!(due("2026-11-20T12:00:09.9Z"), None);
    let due = due("2026-11-20T12:00:35Z").unwrap();
    assert_eq!(due.first, at("2026-11-20T12:00:10Z"));
    assert_eq!(due.latest, at("2026-11-20T12:00:30Z"));
    assert_eq!(due.count, 3);
}

#[test]
fn local_times_are_written_with_their_offset() {
    for (place, t, text) in [
        (
            "Europe/Berlin",
            "2026-11-20T18:45:00Z",
            "2026-11-20T19:45:00+01:00",
        ),
        (
            "Europe/Berlin",
            "2026-07-20T18:45:00Z",
            "2026-07-20T20:45:00+02:00",
        ),
        (
            "America/New_York",
            "2026-11-20T18:45:00Z",
            "2026-11-20T13:45:00-05:00",
        ),
        (
            "Asia/Kathmandu",
            "2026-11-20T18:45:00Z",
            "2026-11-21T00:30:00+05:45",
        ),
        ("UTC", "2026-11-20T18:45:00Z", "2026-11-20T18:45:00+00:00"),
        // Local mean time, 53 min 28 s ahead, cannot be written.
        (
            "Europe/Berlin",
            "1890-01-01T00:00:00Z",
            "1890-01-01T00:00:00+00:00",
        ),
    ] {
        let timing = Timing::parse("@daily", Zones::built_in().get(place).unwrap()).unwrap();
        assert_eq!(timing.describe_local(t.parse().unwrap()), text);
    }
}
