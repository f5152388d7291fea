//! What happens to fires when the clocks change, zone by zone.
//!
//! Fixed schedules (neither minute nor hour starts with `*`) fire once for each local time;
//! repeating ones keep the beat of the clock as it runs. Either can be told otherwise.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use punctual::api::{ClockChanges, Gap, Overlap};
use punctual::core::cron::{Options, Timing, Zones};

/// All fires of `expression` in `place` in the 24 hours from `from`, as local readings.
#[track_caller]
fn check(place: &str, expression: &str, from: &str, fires: &str) {
    check_rules(place, expression, from, &[("", fires)]);
}

/// As `check`, for each of some rules: none or one word for gaps, and none or one for overlaps.
#[track_caller]
fn check_rules(place: &str, expression: &str, from: &str, rows: &[(&str, &str)]) {
    let from: Timestamp = from.parse().unwrap();
    let until = from + SignedDuration::from_hours(24);
    for (rule, fires) in rows {
        let options = Options {
            clock_changes: clock_changes(rule),
            ..Options::default()
        };
        let timing = Timing::read(expression, zone(place), &options).unwrap();
        let next = |after: &Timestamp| timing.next(*after).filter(|fire| *fire <= until);
        let found: Vec<_> = std::iter::successors(next(&from), next).collect();
        let what = format!("{expression:?} in {place} from {from}, {rule:?}");
        assert_eq!(local(&timing, &found), *fires, "{what}");
        let previous = |before: &Timestamp| timing.previous(*before).filter(|fire| *fire > from);
        let last = until + SignedDuration::from_nanos(1);
        let mut found: Vec<_> = std::iter::successors(previous(&last), previous).collect();
        found.reverse();
        assert_eq!(local(&timing, &found), *fires, "{what}, backwards");
    }
}

fn local(timing: &Timing, fires: &[Timestamp]) -> String {
    let fires = fires.iter().map(|fire| {
        let local = timing.describe_local(*fire);
        let (reading, offset) = local[11..].split_at(8);
        format!("{}{offset}", reading.strip_suffix(":00").unwrap_or(reading))
    });
    fires.collect::<Vec<_>>().join(" ")
}

fn clock_changes(rule: &str) -> ClockChanges {
    let mut changes = ClockChanges::default();
    for word in rule.split_whitespace() {
        match word {
            "RunAfter" => changes.gap = Some(Gap::RunAfter),
            "Skip" => changes.gap = Some(Gap::Skip),
            "First" => changes.overlap = Some(Overlap::First),
            "Last" => changes.overlap = Some(Overlap::Last),
            "Both" => changes.overlap = Some(Overlap::Both),
            _ => panic!("{word} is no rule"),
        }
    }
    changes
}

fn zone(name: &str) -> TimeZone {
    Zones::built_in().get(name).unwrap()
}

/// The changes that the tests below are about, as `zdump -v` shows them.
#[test]
fn the_clocks_change_when_the_tables_say() {
    for (place, before, after) in [
        (
            "America/New_York",
            "2026-03-08T01:59:59-05:00",
            "2026-03-08T03:00:00-04:00",
        ),
        (
            "America/New_York",
            "2026-11-01T01:59:59-04:00",
            "2026-11-01T01:00:00-05:00",
        ),
        (
            "Australia/Lord_Howe",
            "2026-04-05T01:59:59+11:00",
            "2026-04-05T01:30:00+10:30",
        ),
        (
            "Australia/Lord_Howe",
            "2026-10-04T01:59:59+10:30",
            "2026-10-04T02:30:00+11:00",
        ),
        (
            "Antarctica/Troll",
            "2026-03-29T00:59:59+00:00",
            "2026-03-29T03:00:00+02:00",
        ),
        (
            "Antarctica/Troll",
            "2026-10-25T02:59:59+02:00",
            "2026-10-25T01:00:00+00:00",
        ),
        (
            "Pacific/Apia",
            "2011-12-29T23:59:59-10:00",
            "2011-12-31T00:00:00+14:00",
        ),
        (
            "America/Sao_Paulo",
            "2018-11-03T23:59:59-03:00",
            "2018-11-04T01:00:00-02:00",
        ),
        (
            "America/Sao_Paulo",
            "2019-02-16T23:59:59-02:00",
            "2019-02-16T23:00:00-03:00",
        ),
        (
            "Africa/Casablanca",
            "2026-02-15T02:59:59+01:00",
            "2026-02-15T02:00:00+00:00",
        ),
        (
            "Africa/Casablanca",
            "2026-03-22T01:59:59+00:00",
            "2026-03-22T03:00:00+01:00",
        ),
        (
            "Europe/Dublin",
            "2026-03-29T00:59:59+00:00",
            "2026-03-29T02:00:00+01:00",
        ),
        (
            "Europe/Dublin",
            "2026-10-25T01:59:59+01:00",
            "2026-10-25T01:00:00+00:00",
        ),
        (
            "Asia/Kathmandu",
            "1985-12-31T23:59:59+05:30",
            "1986-01-01T00:15:00+05:45",
        ),
        (
            "Pacific/Chatham",
            "2026-04-05T03:44:59+13:45",
            "2026-04-05T02:45:00+12:45",
        ),
        (
            "Pacific/Chatham",
            "2026-09-27T02:44:59+12:45",
            "2026-09-27T03:45:00+13:45",
        ),
    ] {
        let every_second = Timing::parse("* * * * * *", zone(place)).unwrap();
        let at = before.parse().unwrap();
        assert_eq!(every_second.describe_local(at), before, "{place}");
        let next = every_second.next(at).unwrap();
        assert_eq!(every_second.describe_local(next), after, "{place}");
    }
}

#[test]
fn new_york_by_every_rule() {
    let forward = "2026-03-07T23:00:00-05:00";
    let gap = |expression, rows: &[_]| check_rules("America/New_York", expression, forward, rows);
    gap(
        "30 2 * * *",
        &[
            ("", "03:00-04:00"),
            ("RunAfter Last", "03:00-04:00"),
            ("RunAfter Both", "03:00-04:00"),
            ("Skip", ""),
            ("Skip Last", ""),
            ("Skip Both", ""),
        ],
    );
    // At the end of the gap: one fire, which a skipped one cannot add to.
    gap(
        "0,30 2,3 * * *",
        &[
            ("", "03:00-04:00 03:30-04:00"),
            ("Skip", "03:00-04:00 03:30-04:00"),
        ],
    );
    gap(
        "15 */2 * * *",
        &[
            (
                "RunAfter",
                "00:15-05:00 03:00-04:00 04:15-04:00 06:15-04:00 08:15-04:00 10:15-04:00 12:15-04:00 14:15-04:00 16:15-04:00 18:15-04:00 20:15-04:00 22:15-04:00",
            ),
            (
                "Skip",
                "00:15-05:00 04:15-04:00 06:15-04:00 08:15-04:00 10:15-04:00 12:15-04:00 14:15-04:00 16:15-04:00 18:15-04:00 20:15-04:00 22:15-04:00",
            ),
        ],
    );
    gap("*/20 2 * * *", &[("", ""), ("RunAfter", "03:00-04:00")]);
    gap("* 30 2 * * *", &[("", "03:00-04:00"), ("Skip", "")]);
    let back = "2026-10-31T23:30:00-04:00";
    let overlap = |expression, rows: &[_]| check_rules("America/New_York", expression, back, rows);
    overlap(
        "30 1,2 * * *",
        &[
            ("", "01:30-04:00 02:30-05:00"),
            ("Skip First", "01:30-04:00 02:30-05:00"),
            ("Last", "01:30-05:00 02:30-05:00"),
            ("Skip Last", "01:30-05:00 02:30-05:00"),
            ("Both", "01:30-04:00 01:30-05:00 02:30-05:00"),
        ],
    );
    overlap(
        "*/30 0-2 * * *",
        &[
            (
                "",
                "00:00-04:00 00:30-04:00 01:00-04:00 01:30-04:00 01:00-05:00 01:30-05:00 02:00-05:00 02:30-05:00",
            ),
            (
                "First",
                "00:00-04:00 00:30-04:00 01:00-04:00 01:30-04:00 02:00-05:00 02:30-05:00",
            ),
            (
                "RunAfter Last",
                "00:00-04:00 00:30-04:00 01:00-05:00 01:30-05:00 02:00-05:00 02:30-05:00",
            ),
        ],
    );
    // The last match of all is shown twice.
    overlap(
        "0 30 1 1 11 ? 2026",
        &[
            ("First", "01:30-04:00"),
            ("Last", "01:30-05:00"),
            ("Both", "01:30-04:00 01:30-05:00"),
        ],
    );
}

#[test]
fn a_local_time_that_is_always_skipped_never_fires_if_so_told() {
    // The clock goes forward at 02:00 on the second Sunday of March, for as long as is known.
    let options = Options {
        clock_changes: clock_changes("Skip"),
        ..Options::default()
    };
    let never = Timing::read("0 30 2 ? 3 SUN#2 *", zone("America/New_York"), &options).unwrap();
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    assert_eq!(never.next(at("2026-11-20T12:00:00Z")), None);
    // 2007 brought the rule: until then the clock went forward in April.
    let previous = never.previous(at("2026-11-20T12:00:00Z")).unwrap();
    assert_eq!(never.describe_local(previous), "2006-03-12T02:30:00-05:00");
}

#[test]
fn new_york_puts_the_clock_forward_from_2_to_3() {
    let day = |expression, fires| {
        check(
            "America/New_York",
            expression,
            "2026-03-07T23:00:00-05:00",
            fires,
        )
    };
    day("30 2 * * *", "03:00-04:00");
    day("0 2 * * *", "03:00-04:00");
    day("0 3 * * *", "03:00-04:00");
    day("59 59 1 * * *", "01:59:59-05:00");
    // Skipped together, and with the one at the end of the gap: one fire.
    day("0,15,30 2,3 * * *", "03:00-04:00 03:15-04:00 03:30-04:00");
    day("* 30 2 * * *", "03:00-04:00");
    day("0-59 2 8 3 *", "03:00-04:00");
    day(
        "30 1-4 * * *",
        "01:30-05:00 03:00-04:00 03:30-04:00 04:30-04:00",
    );
    // Repeating: the clock shows no 02:30.
    day(
        "30 */2 * * *",
        "00:30-05:00 04:30-04:00 06:30-04:00 08:30-04:00 10:30-04:00 12:30-04:00 14:30-04:00 16:30-04:00 18:30-04:00 20:30-04:00 22:30-04:00",
    );
    day(
        "*/20 1-3 * * *",
        "01:00-05:00 01:20-05:00 01:40-05:00 03:00-04:00 03:20-04:00 03:40-04:00",
    );
    day("*/20 2 * * *", "");
}

#[test]
fn a_second_before_a_gap_the_skipped_fire_is_still_ahead() {
    let timing = Timing::parse("30 2 * * *", zone("America/New_York")).unwrap();
    let next = |after: &str| timing.describe_local(timing.next(after.parse().unwrap()).unwrap());
    assert_eq!(
        next("2026-03-08T01:59:59-05:00"),
        "2026-03-08T03:00:00-04:00"
    );
    assert_eq!(
        next("2026-03-08T01:59:59.9-05:00"),
        "2026-03-08T03:00:00-04:00"
    );
    assert_eq!(
        next("2026-03-08T03:00:00-04:00"),
        "2026-03-09T02:30:00-04:00"
    );
}

#[test]
fn new_york_puts_the_clock_back_from_2_to_1() {
    let day = |expression, fires| {
        check(
            "America/New_York",
            expression,
            "2026-10-31T23:30:00-04:00",
            fires,
        )
    };
    day("30 1 * * *", "01:30-04:00");
    day("0 1 * * *", "01:00-04:00");
    day("0 2 * * *", "02:00-05:00");
    day("59 59 1 * * *", "01:59:59-04:00");
    day("30 1,2 * * *", "01:30-04:00 02:30-05:00");
    day(
        "*/20 1 * * *",
        "01:00-04:00 01:20-04:00 01:40-04:00 01:00-05:00 01:20-05:00 01:40-05:00",
    );
    day(
        "30 */2 1 11 *",
        "00:30-04:00 02:30-05:00 04:30-05:00 06:30-05:00 08:30-05:00 10:30-05:00 12:30-05:00 14:30-05:00 16:30-05:00 18:30-05:00 20:30-05:00 22:30-05:00",
    );
    day(
        "30 */1 1 11 *",
        "00:30-04:00 01:30-04:00 01:30-05:00 02:30-05:00 03:30-05:00 04:30-05:00 05:30-05:00 06:30-05:00 07:30-05:00 08:30-05:00 09:30-05:00 10:30-05:00 11:30-05:00 12:30-05:00 13:30-05:00 14:30-05:00 15:30-05:00 16:30-05:00 17:30-05:00 18:30-05:00 19:30-05:00 20:30-05:00 21:30-05:00 22:30-05:00",
    );
    // Even the last match of all comes twice.
    day(
        "0 */30 1 1 11 ? 2026",
        "01:00-04:00 01:30-04:00 01:00-05:00 01:30-05:00",
    );
}

#[test]
fn inside_the_repeated_hour_the_answer_is_never_in_the_past() {
    let new_york = zone("America/New_York");
    let hourly = Timing::parse("0 * * * nov *", new_york.clone()).unwrap();
    let after: Timestamp = "2025-11-02T01:59:59-04:00".parse().unwrap();
    let fire = hourly.next(after).unwrap();
    assert_eq!(hourly.describe_local(fire), "2025-11-02T01:00:00-05:00");
    let fixed = Timing::parse("45 1 * * *", new_york).unwrap();
    let fire = fixed
        .next("2025-11-02T01:30:00-05:00".parse().unwrap())
        .unwrap();
    assert_eq!(fixed.describe_local(fire), "2025-11-03T01:45:00-05:00");
}

#[test]
fn berlin() {
    check(
        "Europe/Berlin",
        "30 2 * * *",
        "2026-03-28T23:00:00+01:00",
        "03:00+02:00",
    );
    check(
        "Europe/Berlin",
        "30 2 * * *",
        "2026-10-24T23:00:00+02:00",
        "02:30+02:00",
    );
    check(
        "Europe/Berlin",
        "30 0/1 25 10 *",
        "2026-10-25T00:00:00+02:00",
        "00:30+02:00 01:30+02:00 02:30+02:00 03:30+01:00 04:30+01:00 05:30+01:00 06:30+01:00 07:30+01:00 08:30+01:00 09:30+01:00 10:30+01:00 11:30+01:00 12:30+01:00 13:30+01:00 14:30+01:00 15:30+01:00 16:30+01:00 17:30+01:00 18:30+01:00 19:30+01:00 20:30+01:00 21:30+01:00 22:30+01:00",
    );
    check(
        "Europe/Berlin",
        "*/30 2 * * *",
        "2026-10-24T23:00:00+02:00",
        "02:00+02:00 02:30+02:00 02:00+01:00 02:30+01:00",
    );
}

#[test]
fn lord_howe_moves_by_half_an_hour() {
    // Forward at 02:00 to 02:30, back at 02:00 to 01:30.
    check(
        "Australia/Lord_Howe",
        "15 2 * * *",
        "2026-10-03T23:00:00+10:30",
        "02:30+11:00",
    );
    check(
        "Australia/Lord_Howe",
        "45 2 * * *",
        "2026-10-03T23:00:00+10:30",
        "02:45+11:00",
    );
    check(
        "Australia/Lord_Howe",
        "*/15 2 * * *",
        "2026-10-03T23:00:00+10:30",
        "02:30+11:00 02:45+11:00",
    );
    check(
        "Australia/Lord_Howe",
        "0 3 * * *",
        "2026-10-03T23:00:00+10:30",
        "03:00+11:00",
    );
    check(
        "Australia/Lord_Howe",
        "45 1 * * *",
        "2026-04-04T23:00:00+11:00",
        "01:45+11:00",
    );
    check(
        "Australia/Lord_Howe",
        "*/15 1 * * *",
        "2026-04-04T23:00:00+11:00",
        "01:00+11:00 01:15+11:00 01:30+11:00 01:45+11:00 01:30+10:30 01:45+10:30",
    );
    check_rules(
        "Australia/Lord_Howe",
        "15 2 * * *",
        "2026-10-03T23:00:00+10:30",
        &[("RunAfter Last", "02:30+11:00"), ("Skip", "")],
    );
    check_rules(
        "Australia/Lord_Howe",
        "*/20 2 * * *",
        "2026-10-03T23:00:00+10:30",
        &[("", "02:40+11:00"), ("RunAfter", "02:30+11:00 02:40+11:00")],
    );
    check_rules(
        "Australia/Lord_Howe",
        "45 1 * * *",
        "2026-04-04T23:00:00+11:00",
        &[("Last", "01:45+10:30"), ("Both", "01:45+11:00 01:45+10:30")],
    );
    check_rules(
        "Australia/Lord_Howe",
        "*/15 1 * * *",
        "2026-04-04T23:00:00+11:00",
        &[
            ("First", "01:00+11:00 01:15+11:00 01:30+11:00 01:45+11:00"),
            ("Last", "01:00+11:00 01:15+11:00 01:30+10:30 01:45+10:30"),
        ],
    );
}

#[test]
fn sao_paulo_skipped_midnight() {
    check(
        "America/Sao_Paulo",
        "0 0 * * *",
        "2018-11-03T12:00:00-03:00",
        "01:00-02:00",
    );
    check(
        "America/Sao_Paulo",
        "0 0 4 * *",
        "2018-11-03T12:00:00-03:00",
        "01:00-02:00",
    );
    check(
        "America/Sao_Paulo",
        "30 0,1 * * *",
        "2018-11-03T12:00:00-03:00",
        "01:00-02:00 01:30-02:00",
    );
    check(
        "America/Sao_Paulo",
        "0 */6 4 * *",
        "2018-11-03T12:00:00-03:00",
        "06:00-02:00 12:00-02:00",
    );
    // Back at midnight to 23:00 of the day before, which is repeated.
    check(
        "America/Sao_Paulo",
        "30 23 * * *",
        "2019-02-16T12:00:00-02:00",
        "23:30-02:00",
    );
    check(
        "America/Sao_Paulo",
        "0 0 * * *",
        "2019-02-16T12:00:00-02:00",
        "00:00-03:00",
    );
    check(
        "America/Sao_Paulo",
        "*/30 23 * * *",
        "2019-02-16T12:00:00-02:00",
        "23:00-02:00 23:30-02:00 23:00-03:00 23:30-03:00",
    );
    check_rules(
        "America/Sao_Paulo",
        "0 0 * * *",
        "2018-11-03T12:00:00-03:00",
        &[("RunAfter Both", "01:00-02:00"), ("Skip", "")],
    );
    check_rules(
        "America/Sao_Paulo",
        "0 */6 4 * *",
        "2018-11-03T12:00:00-03:00",
        &[("RunAfter", "01:00-02:00 06:00-02:00 12:00-02:00")],
    );
    check_rules(
        "America/Sao_Paulo",
        "30 23 * * *",
        "2019-02-16T12:00:00-02:00",
        &[
            ("First", "23:30-02:00"),
            ("Last", "23:30-03:00"),
            ("Both", "23:30-02:00 23:30-03:00"),
        ],
    );
    check_rules(
        "America/Sao_Paulo",
        "*/30 23 * * *",
        "2019-02-16T12:00:00-02:00",
        &[
            ("First", "23:00-02:00 23:30-02:00"),
            ("Last", "23:00-03:00 23:30-03:00"),
        ],
    );
    // Midnight itself is shown once, after the repeated hour.
    let midnight = [
        ("First", "00:00-03:00"),
        ("Last", "00:00-03:00"),
        ("Both", "00:00-03:00"),
    ];
    check_rules(
        "America/Sao_Paulo",
        "0 0 * * *",
        "2019-02-16T12:00:00-02:00",
        &midnight,
    );
}

#[test]
fn apia_had_no_2011_12_30() {
    // A whole day is not made up for.
    let fires = "00:00-10:00";
    check(
        "Pacific/Apia",
        "0 0 * * *",
        "2011-12-28T18:00:00-10:00",
        fires,
    );
    check(
        "Pacific/Apia",
        "0 0 * * *",
        "2011-12-29T18:00:00-10:00",
        "00:00+14:00",
    );
    check(
        "Pacific/Apia",
        "30 12 * * *",
        "2011-12-29T18:00:00-10:00",
        "12:30+14:00",
    );
    check(
        "Pacific/Apia",
        "30 12 30 12 *",
        "2011-12-29T18:00:00-10:00",
        "",
    );
    check(
        "Pacific/Apia",
        "0 */8 * * *",
        "2011-12-29T15:00:00-10:00",
        "16:00-10:00 00:00+14:00 08:00+14:00",
    );
    // Not even when asked to.
    for expression in ["30 12 30 12 *", "*/30 12 30 12 *"] {
        check_rules(
            "Pacific/Apia",
            expression,
            "2011-12-29T18:00:00-10:00",
            &[
                ("RunAfter First", ""),
                ("RunAfter Last", ""),
                ("Skip Both", ""),
            ],
        );
    }
    check_rules(
        "Pacific/Apia",
        "0 */8 * * *",
        "2011-12-29T15:00:00-10:00",
        &[("RunAfter Last", "16:00-10:00 00:00+14:00 08:00+14:00")],
    );
}

#[test]
fn casablanca_puts_the_clock_back_for_ramadan() {
    // 2026-02-15 03:00 back to 02:00, 2026-03-22 02:00 forward to 03:00.
    check(
        "Africa/Casablanca",
        "30 2 * * *",
        "2026-02-14T12:00:00+01:00",
        "02:30+01:00",
    );
    check(
        "Africa/Casablanca",
        "30 2 * * *",
        "2026-03-21T12:00:00+00:00",
        "03:00+01:00",
    );
    check(
        "Africa/Casablanca",
        "*/30 2 * * *",
        "2026-02-14T12:00:00+01:00",
        "02:00+01:00 02:30+01:00 02:00+00:00 02:30+00:00",
    );
    check_rules(
        "Africa/Casablanca",
        "30 2 * * *",
        "2026-02-14T12:00:00+01:00",
        &[("Last", "02:30+00:00"), ("Both", "02:30+01:00 02:30+00:00")],
    );
    check_rules(
        "Africa/Casablanca",
        "*/30 2 * * *",
        "2026-02-14T12:00:00+01:00",
        &[
            ("First", "02:00+01:00 02:30+01:00"),
            ("Last", "02:00+00:00 02:30+00:00"),
        ],
    );
    check_rules(
        "Africa/Casablanca",
        "*/30 2 * * *",
        "2026-03-21T12:00:00+00:00",
        &[("", ""), ("RunAfter", "03:00+01:00")],
    );
    check_rules(
        "Africa/Casablanca",
        "30 2 * * *",
        "2026-03-21T12:00:00+00:00",
        &[("Skip", ""), ("RunAfter Last", "03:00+01:00")],
    );
}

#[test]
fn dublin_whose_winter_time_is_the_exception() {
    check(
        "Europe/Dublin",
        "30 1 * * *",
        "2026-03-28T12:00:00+00:00",
        "02:00+01:00",
    );
    check(
        "Europe/Dublin",
        "30 1 * * *",
        "2026-10-24T12:00:00+01:00",
        "01:30+01:00",
    );
    check(
        "Europe/Dublin",
        "*/30 1 * * *",
        "2026-10-24T12:00:00+01:00",
        "01:00+01:00 01:30+01:00 01:00+00:00 01:30+00:00",
    );
    check_rules(
        "Europe/Dublin",
        "30 1 * * *",
        "2026-03-28T12:00:00+00:00",
        &[("Skip", ""), ("RunAfter Both", "02:00+01:00")],
    );
    check_rules(
        "Europe/Dublin",
        "*/30 1 * * *",
        "2026-03-28T12:00:00+00:00",
        &[("", ""), ("RunAfter", "02:00+01:00")],
    );
    check_rules(
        "Europe/Dublin",
        "30 1 * * *",
        "2026-10-24T12:00:00+01:00",
        &[("Last", "01:30+00:00"), ("Both", "01:30+01:00 01:30+00:00")],
    );
    check_rules(
        "Europe/Dublin",
        "*/30 1 * * *",
        "2026-10-24T12:00:00+01:00",
        &[
            ("First", "01:00+01:00 01:30+01:00"),
            ("Last", "01:00+00:00 01:30+00:00"),
        ],
    );
}

#[test]
fn troll_moves_by_two_hours() {
    check(
        "Antarctica/Troll",
        "0,30 1,2 * * *",
        "2026-03-28T12:00:00+00:00",
        "03:00+02:00",
    );
    check(
        "Antarctica/Troll",
        "30 1,2 * * *",
        "2026-10-24T12:00:00+02:00",
        "01:30+02:00 02:30+02:00",
    );
    check(
        "Antarctica/Troll",
        "*/30 2 * * *",
        "2026-10-24T12:00:00+02:00",
        "02:00+02:00 02:30+02:00 02:00+00:00 02:30+00:00",
    );
    check_rules(
        "Antarctica/Troll",
        "0 1-3 * * *",
        "2026-03-28T12:00:00+00:00",
        &[("RunAfter", "03:00+02:00"), ("Skip", "03:00+02:00")],
    );
    check_rules(
        "Antarctica/Troll",
        "*/40 2 * * *",
        "2026-03-28T12:00:00+00:00",
        &[("", ""), ("RunAfter", "03:00+02:00")],
    );
    check_rules(
        "Antarctica/Troll",
        "30 1,2 * * *",
        "2026-10-24T12:00:00+02:00",
        &[
            ("Last", "01:30+00:00 02:30+00:00"),
            ("Both", "01:30+02:00 02:30+02:00 01:30+00:00 02:30+00:00"),
        ],
    );
    check_rules(
        "Antarctica/Troll",
        "*/30 2 * * *",
        "2026-10-24T12:00:00+02:00",
        &[
            ("First", "02:00+02:00 02:30+02:00"),
            ("Last", "02:00+00:00 02:30+00:00"),
        ],
    );
}

#[test]
fn chatham_changes_at_a_quarter_to_three() {
    check(
        "Pacific/Chatham",
        "0 3 * * *",
        "2026-09-26T12:00:00+12:45",
        "03:45+13:45",
    );
    check(
        "Pacific/Chatham",
        "44 2 * * *",
        "2026-09-26T12:00:00+12:45",
        "02:44+12:45",
    );
    check(
        "Pacific/Chatham",
        "0 3 * * *",
        "2026-04-04T12:00:00+13:45",
        "03:00+13:45",
    );
    check(
        "Pacific/Chatham",
        "*/15 3 * * *",
        "2026-04-04T12:00:00+13:45",
        "03:00+13:45 03:15+13:45 03:30+13:45 03:00+12:45 03:15+12:45 03:30+12:45 03:45+12:45",
    );
    check_rules(
        "Pacific/Chatham",
        "0 3 * * *",
        "2026-09-26T12:00:00+12:45",
        &[("RunAfter Last", "03:45+13:45"), ("Skip", "")],
    );
    check_rules(
        "Pacific/Chatham",
        "*/20 3 * * *",
        "2026-09-26T12:00:00+12:45",
        &[("", ""), ("RunAfter", "03:45+13:45")],
    );
    check_rules(
        "Pacific/Chatham",
        "0 3 * * *",
        "2026-04-04T12:00:00+13:45",
        &[("Last", "03:00+12:45"), ("Both", "03:00+13:45 03:00+12:45")],
    );
    check_rules(
        "Pacific/Chatham",
        "*/15 3 * * *",
        "2026-04-04T12:00:00+13:45",
        &[
            ("First", "03:00+13:45 03:15+13:45 03:30+13:45 03:45+12:45"),
            ("Last", "03:00+12:45 03:15+12:45 03:30+12:45 03:45+12:45"),
        ],
    );
}

#[test]
fn kathmandu_left_half_past_five_for_a_quarter_to_six() {
    check(
        "Asia/Kathmandu",
        "10 0 * * *",
        "1985-12-31T12:00:00+05:30",
        "00:15+05:45",
    );
    check(
        "Asia/Kathmandu",
        "30 0 * * *",
        "2026-11-20T12:00:00+05:45",
        "00:30+05:45",
    );
    check_rules(
        "Asia/Kathmandu",
        "10 0 * * *",
        "1985-12-31T12:00:00+05:30",
        &[("RunAfter Both", "00:15+05:45"), ("Skip", "")],
    );
    check_rules(
        "Asia/Kathmandu",
        "*/10 0 * * *",
        "1985-12-31T12:00:00+05:30",
        &[
            ("", "00:20+05:45 00:30+05:45 00:40+05:45 00:50+05:45"),
            (
                "RunAfter",
                "00:15+05:45 00:20+05:45 00:30+05:45 00:40+05:45 00:50+05:45",
            ),
        ],
    );
}
