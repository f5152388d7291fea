//! What a spec says of time, and when it fires then.

use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};
use punctual::{
    api::{
        CalendarAction, CalendarKind, CalendarSpec, CalendarUse, ClockChanges, DateRange, Gap,
        RawJson, ScheduleItem, ScheduledContainerSpec, TimingSpec,
    },
    core::{
        almanac::{Almanac, CalendarRef},
        calendar::Calendar,
        cron::{Due, Zones},
        reason::Reason,
        schedule::{Idle, Schedule},
        schedule_ref::ScheduleRef,
        timetable::{Note, Timetable},
    },
};

const HOLIDAYS: &str = "holidays";
const WEEKENDS: &str = "weekends";

// What several schedules, a window, excludes and calendars make of fires.

#[test]
fn what_two_schedules_mean_for_one_instant_is_one_fire() {
    let spec = items(&[
        ("0 */6 * * *", Some("UTC")),
        ("30 13 * * *", Some("Europe/Berlin")),
        ("0 13 * * *", Some("Europe/Berlin")),
    ]);
    check(
        &spec,
        "2026-11-19T23:00:00Z",
        &[
            "2026-11-20T00:00:00Z",
            "2026-11-20T06:00:00Z",
            "2026-11-20T12:00:00Z",
            "2026-11-20T12:30:00Z",
            "2026-11-20T18:00:00Z",
        ],
    );
}

#[test]
fn more_fires_than_are_compared_are_counted_for_each_schedule() {
    let every_second = |zone| ("* * * * * *", Some(zone));
    let timetable = parsed(&items(&[
        every_second("UTC"),
        every_second("Europe/Berlin"),
    ]));
    let start = at("2026-01-01T00:00:00Z");
    for (seconds, expected) in [(5000, 5000), (5001, 10_002)] {
        let end = Timestamp::from_second(start.as_second() + seconds).unwrap();
        assert_eq!(timetable.due(start, end).unwrap().count, expected);
    }
}

#[test]
fn of_schedules_that_are_alike_one_counts() {
    // However they are written, where the zone is the same.
    let alike = [
        ("0 0 * * *", Some("Europe/Berlin")),
        ("@daily", Some("Europe/Berlin")),
        ("0 0 0 ? 1-12 *", None),
    ];
    let spec = TimingSpec {
        time_zone: Some("Europe/Berlin".into()),
        ..items(&alike)
    };
    let (start, end) = (at("1970-01-01T12:00:00Z"), at("2020-01-01T12:00:00Z"));
    let count = |spec: &TimingSpec| parsed(spec).due(start, end).unwrap().count;
    assert_eq!(count(&spec), 50 * 365 + 12);
    let other_zone = TimingSpec {
        time_zone: Some("UTC".into()),
        ..spec
    };
    assert_eq!(count(&other_zone), 2 * (50 * 365 + 12));
}

#[test]
fn the_ends_of_the_window_are_in_it() {
    let spec = TimingSpec {
        not_before: Some(at("2026-11-20T10:00:00Z")),
        not_after: Some(at("2026-11-20T12:00:00Z")),
        ..simple("0 * * * *")
    };
    check(
        &spec,
        "2026-01-01T00:00:00Z",
        &[
            "2026-11-20T10:00:00Z",
            "2026-11-20T11:00:00Z",
            "2026-11-20T12:00:00Z",
        ],
    );
    let timetable = parsed(&spec);
    assert_eq!(timetable.next(at("2026-11-20T12:00:00Z")), None);
    assert_eq!(timetable.previous(at("2026-11-20T10:00:00Z")), None);
    assert_eq!(
        timetable.previous(at("2030-01-01T00:00:00Z")),
        Some(at("2026-11-20T12:00:00Z"))
    );
    // A part of a second after a fire is after it.
    let later = TimingSpec {
        not_before: Some(at("2026-11-20T10:00:00.001Z")),
        ..spec
    };
    let first = parsed(&later).next(at("2026-01-01T00:00:00Z"));
    assert_eq!(first, Some(at("2026-11-20T11:00:00Z")));
}

#[test]
fn elapsed_time_is_counted_from_the_last_fire_and_kept_inside_the_window() {
    let spec = TimingSpec {
        not_before: Some(at("2026-11-20T10:00:00Z")),
        not_after: Some(at("2026-11-20T12:00:00Z")),
        ..simple("@every 40m")
    };
    let timetable = parsed(&spec);
    let created = at("2026-11-20T09:05:30Z");
    assert_eq!(timetable.next(created), Some(at("2026-11-20T10:25:30Z")));
    assert_eq!(
        timetable.next(at("2026-11-20T10:25:30Z")),
        Some(at("2026-11-20T11:05:30Z"))
    );
    assert_eq!(timetable.next(at("2026-11-20T11:45:30Z")), None);
    assert_eq!(
        timetable.due(created, at("2026-11-21T00:00:00Z")),
        Some(Due {
            first: at("2026-11-20T10:25:30Z"),
            latest: at("2026-11-20T11:45:30Z"),
            count: 3
        })
    );
    assert_eq!(timetable.due(created, at("2026-11-20T10:25:29Z")), None);
    assert_eq!(
        timetable.previous(at("2026-11-20T13:10:00Z")),
        Some(at("2026-11-20T11:50:00Z"))
    );
    assert_eq!(timetable.previous(at("2026-11-20T10:10:00Z")), None);
}

#[test]
fn dates_spans_and_days_of_the_year_are_left_out() {
    check(
        &excluding(
            "0 9 * * *",
            &[
                "2026-12-24",
                "2026-12-26/2026-12-29",
                "12-31",
                "01-02/01-04",
            ],
        ),
        "2026-12-23T00:00:00Z",
        &[
            "2026-12-23T09:00:00Z",
            "2026-12-25T09:00:00Z",
            "2026-12-30T09:00:00Z",
            "2027-01-01T09:00:00Z",
            "2027-01-05T09:00:00Z",
        ],
    );
    check(
        &excluding("0 9 1 * *", &["12-01/02-01"]),
        "2026-11-02T00:00:00Z",
        &["2027-03-01T09:00:00Z"],
    );
}

#[test]
fn local_times_that_match_an_excluded_expression_are_left_out() {
    check(
        &excluding(
            "*/20 * * * *",
            &["* 0-8 * * *", "20,40 * * * *", "* 10-23 * * *"],
        ),
        "2026-12-23T00:00:00Z",
        &["2026-12-23T09:00:00Z", "2026-12-24T09:00:00Z"],
    );
    // Five fields leave out all seconds of a minute, six those that they name.
    check(
        &excluding("0,30 0-2 9 * * *", &["1 9 * * *", "30 0 9 * * *"]),
        "2026-12-23T00:00:00Z",
        &[
            "2026-12-23T09:00:00Z",
            "2026-12-23T09:02:00Z",
            "2026-12-23T09:02:30Z",
            "2026-12-24T09:00:00Z",
        ],
    );
    // The last Friday of a month, and weekends.
    check(
        &excluding("0 9 * * *", &["* * * * 5L", "* * * * SAT,SUN", "@yearly"]),
        "2026-12-24T00:00:00Z",
        &["2026-12-24T09:00:00Z", "2026-12-28T09:00:00Z"],
    );
    // The zone is that of the schedule.
    let mut spec = excluding("0 * * * *", &["* 0-22 * * *"]);
    spec.time_zone = Some("Asia/Kathmandu".into());
    check(&spec, "2026-12-24T00:00:00Z", &["2026-12-24T17:15:00Z"]);
}

#[test]
fn what_the_clock_skips_is_left_out_by_the_time_that_was_meant() {
    // At 02:00 on 28 March 2027 the clocks of Berlin show 03:00.
    let mut spec = excluding("30 2 * * *", &["30 2 * * SUN"]);
    spec.time_zone = Some("Europe/Berlin".into());
    check(&spec, "2027-03-27T12:00:00Z", &["2027-03-29T00:30:00Z"]);
    spec.excludes = vec!["0 3 * * SUN".into()];
    check(&spec, "2027-03-27T12:00:00Z", &["2027-03-28T01:00:00Z"]);
}

#[test]
fn ten_years_of_seconds_are_counted_without_a_walk() {
    let (start, end) = (at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"));
    let days = 10 * 365 + 2; // from the last second of 2025 on, without that of 2035
    for (excludes, expected) in [
        (&["12-25"][..], (days - 10) * 86_400),
        (&["* 0-5 * * *"], days * 18 * 3600),
        (
            &["* 0-5 * * *", "0-29 4-7 * * *", "12-25"],
            (days - 10) * 17 * 3600,
        ),
        (&["* 0 * * *", "* 1 1 1 *"], days * 23 * 3600 - 10 * 3600),
    ] {
        let timetable = parsed(&excluding("* * * * * *", excludes));
        let due = timetable.due(start, Timestamp::from_second(end.as_second() - 1).unwrap());
        let midnight_is_out = excludes.iter().any(|it| it.starts_with("* 0"));
        // `start` itself is not after `start`.
        let expected = expected - i64::from(!midnight_is_out);
        assert_eq!(due.unwrap().count as i64, expected, "{excludes:?}");
    }
}

#[test]
fn calendars_leave_out_keep_and_move() {
    // In 2026, 25 December is a Friday; 31 December a Thursday.
    for (expression, calendars, after, expected) in [
        (
            "0 9 25 12 *",
            &[(HOLIDAYS, CalendarAction::Exclude)][..],
            "2026-01-01T00:00:00Z",
            &[][..],
        ),
        (
            "0 9 * * FRI",
            &[(HOLIDAYS, CalendarAction::Exclude)],
            "2026-12-18T00:00:00Z",
            &["2026-12-18T09:00:00Z", "2027-01-08T09:00:00Z"],
        ),
        (
            "0 9 * * *",
            &[(HOLIDAYS, CalendarAction::Include)],
            "2026-12-01T00:00:00Z",
            &[
                "2026-12-25T09:00:00Z",
                "2026-12-26T09:00:00Z",
                "2027-01-01T09:00:00Z",
                "2027-12-25T09:00:00Z",
            ],
        ),
        (
            "0 9 * * *",
            &[
                (HOLIDAYS, CalendarAction::Include),
                (WEEKENDS, CalendarAction::Exclude),
            ],
            "2026-12-01T00:00:00Z",
            &[
                "2026-12-25T09:00:00Z",
                "2027-01-01T09:00:00Z",
                "2028-12-25T09:00:00Z",
            ],
        ),
        // Friday the 25th is a holiday, and so is the 26th; then comes Sunday.
        (
            "0 9 25 * *",
            &[
                (HOLIDAYS, CalendarAction::NextBusinessDay),
                (WEEKENDS, CalendarAction::NextBusinessDay),
            ],
            "2026-12-01T00:00:00Z",
            &["2026-12-28T09:00:00Z", "2027-01-25T09:00:00Z"],
        ),
        (
            "0 9 25 * *",
            &[
                (HOLIDAYS, CalendarAction::PreviousBusinessDay),
                (WEEKENDS, CalendarAction::PreviousBusinessDay),
            ],
            "2026-12-01T00:00:00Z",
            &["2026-12-24T09:00:00Z", "2027-01-25T09:00:00Z"],
        ),
        // What is excluded is left out, and does not move.
        (
            "0 9 25 * *",
            &[
                (WEEKENDS, CalendarAction::NextBusinessDay),
                (HOLIDAYS, CalendarAction::Exclude),
            ],
            "2026-12-01T00:00:00Z",
            &["2027-01-25T09:00:00Z"],
        ),
        // Of two that move a day, the first decides where to. 25 December 2027 is a
        // Saturday.
        (
            "0 9 25 12 *",
            &[
                (HOLIDAYS, CalendarAction::PreviousBusinessDay),
                (WEEKENDS, CalendarAction::NextBusinessDay),
            ],
            "2027-01-01T00:00:00Z",
            &["2027-12-24T09:00:00Z"],
        ),
        (
            "0 9 25 12 *",
            &[
                (WEEKENDS, CalendarAction::NextBusinessDay),
                (HOLIDAYS, CalendarAction::PreviousBusinessDay),
            ],
            "2027-01-01T00:00:00Z",
            &["2027-12-27T09:00:00Z"],
        ),
        // What moves to a day that is due anyway is one fire with it.
        (
            "0 9 * * SUN,MON",
            &[(WEEKENDS, CalendarAction::NextBusinessDay)],
            "2026-12-04T00:00:00Z",
            &["2026-12-07T09:00:00Z", "2026-12-14T09:00:00Z"],
        ),
        // Out of the month and the year that the fields name, and back.
        (
            "0 0 9 31 10 * 2026",
            &[(WEEKENDS, CalendarAction::NextBusinessDay)],
            "2026-01-01T00:00:00Z",
            &["2026-11-02T09:00:00Z"],
        ),
        (
            "0 0 9 1 1 * 2028",
            &[(WEEKENDS, CalendarAction::PreviousBusinessDay)],
            "2026-01-01T00:00:00Z",
            &["2027-12-31T09:00:00Z"],
        ),
        // Even beyond the years that there are in expressions.
        (
            "0 0 9 1 1 * 1970",
            &[(HOLIDAYS, CalendarAction::PreviousBusinessDay)],
            "1969-01-01T00:00:00Z",
            &["1969-12-31T09:00:00Z"],
        ),
        (
            "0 0 9 25 12 * 2099,2100",
            &[
                (HOLIDAYS, CalendarAction::NextBusinessDay),
                (WEEKENDS, CalendarAction::NextBusinessDay),
            ],
            "2026-01-01T00:00:00Z",
            &["2099-12-28T09:00:00Z", "2100-12-27T09:00:00Z"],
        ),
    ] {
        let mut spec = simple(expression);
        spec.calendars = calendars
            .iter()
            .map(|&(name, action)| used(name, action))
            .collect();
        match expected {
            [] => {
                let idle = refused(&spec);
                let why = "spec.schedule: never fires: excludes and calendars leave nothing of it";
                assert_eq!(idle.message, why);
            }
            _ => check(&spec, after, expected),
        }
    }
}

#[test]
fn a_fire_moves_a_year_at_most() {
    let mut almanac = almanac();
    let long = |last: &str| {
        let spec = CalendarSpec {
            ranges: vec![DateRange {
                first: "2026-01-01".into(),
                last: last.into(),
            }],
            ..CalendarSpec::default()
        };
        Ok(Arc::new(Calendar::parse(&spec).unwrap()))
    };
    let spec = TimingSpec {
        calendars: vec![used("long", CalendarAction::NextBusinessDay)],
        ..simple("0 0 9 1 1 * 2026")
    };
    for (last, expected) in [
        ("2027-01-01", Some("2027-01-02T09:00:00Z")),
        ("2027-01-02", None),
    ] {
        almanac.calendars.insert(reference("long"), long(last));
        let next =
            Timetable::parse(&spec, &almanac, NAME).map(|it| it.next(at("2025-01-01T00:00:00Z")));
        match expected {
            Some(fire) => assert_eq!(next.unwrap(), Some(at(fire))),
            None => assert!(next.unwrap_err().message.contains("never fires")),
        }
    }
}

#[test]
fn days_that_are_left_out_are_no_business_days() {
    let mut spec = excluding("0 9 25 12 *", &["2026-12-28", "* * 29 12 *"]);
    spec.calendars = vec![
        used(HOLIDAYS, CalendarAction::NextBusinessDay),
        used(WEEKENDS, CalendarAction::NextBusinessDay),
    ];
    check(&spec, "2026-12-01T00:00:00Z", &["2026-12-30T09:00:00Z"]);
}

// Jitter.

#[test]
fn part_of_a_day_is_left_out_of_the_day_that_a_fire_has_moved_to() {
    // Each Saturday's fire moves to Monday.
    let spec = |exclude| TimingSpec {
        calendars: vec![used(WEEKENDS, CalendarAction::NextBusinessDay)],
        ..excluding("0 9 * * SAT", &[exclude])
    };
    check(
        &spec("* 9 * * SAT"),
        "2026-11-20T00:00:00Z",
        &["2026-11-23T09:00:00Z", "2026-11-30T09:00:00Z"],
    );
    // A whole day is left out before anything moves: as the day of the fire, and as one to move to.
    check(
        &spec("* * * * MON"),
        "2026-11-20T00:00:00Z",
        &["2026-11-24T09:00:00Z", "2026-12-01T09:00:00Z"],
    );
    for exclude in ["* 9 * * MON", "* * * * SAT"] {
        assert_eq!(
            refused(&spec(exclude)).message,
            "spec.schedule: never fires: excludes and calendars leave nothing of it"
        );
    }
}

#[test]
fn a_calendar_that_keeps_only_its_dates_ends_with_the_last_of_them() {
    let reference = reference("dates");
    let timetable = |action: &[CalendarAction], dates: &[&str]| {
        let mut almanac = almanac();
        let spec = CalendarSpec {
            dates: dates.iter().map(|&it| it.into()).collect(),
            ..CalendarSpec::default()
        };
        almanac
            .calendars
            .insert(reference.clone(), Calendar::parse(&spec).map(Arc::new));
        let mut calendars = vec![used("dates", CalendarAction::Include)];
        calendars.extend(action.iter().map(|&it| used(WEEKENDS, it)));
        let spec = TimingSpec {
            calendars,
            ..simple("0 9 * * *")
        };
        Timetable::parse(&spec, &almanac, NAME)
    };
    let start = at("1970-01-01T00:00:00Z");
    let (next, previous) = (
        CalendarAction::NextBusinessDay,
        CalendarAction::PreviousBusinessDay,
    );
    // 31 October 2026 and 31 January 2027 are at the end of a week.
    for (action, dates, first, last) in [
        (
            &[][..],
            &["2026-10-31", "2027-01-31"][..],
            "2026-10-31",
            "2027-01-31",
        ),
        (
            &[next],
            &["2026-10-31", "2026-11-02", "2027-01-31"],
            "2026-11-02",
            "2026-11-02",
        ),
        (
            &[previous],
            &["2026-10-31", "2026-12-31", "2027-01-31"],
            "2026-12-31",
            "2026-12-31",
        ),
        // A calendar of every week has no last day.
        (
            &[CalendarAction::Include],
            &["2026-10-29"],
            "1970-01-03",
            "9999-12-26",
        ),
    ] {
        let timetable = timetable(action, dates).unwrap();
        let fire = |day: &str| Some(at(&format!("{day}T09:00:00Z")));
        assert_eq!(timetable.next(start), fire(first), "{dates:?}");
        let (end, last) = (timetable.previous(Timestamp::MAX), fire(last));
        assert_eq!(end, last, "{dates:?}");
        if action != [CalendarAction::Include] {
            assert_eq!(timetable.next(last.unwrap()), None, "{dates:?}");
            assert_eq!(timetable.previous(fire(first).unwrap()), None, "{dates:?}");
        }
    }
    assert!(timetable(&[], &[]).is_err());
}

#[test]
fn jitter_keeps_the_order_and_the_number_of_fires_and_is_always_the_same() {
    for jitter in [1, 45, 59, 60, 3600, 86_400] {
        let spec = TimingSpec {
            jitter_seconds: Some(jitter),
            ..simple("*/1 * * * *")
        };
        let timetable = parsed(&spec);
        let mut after = at("2026-11-20T10:00:59Z");
        let mut moved = 0;
        for minute in 1..60 {
            let base = at("2026-11-20T10:00:00Z").as_second() + minute * 60;
            let fire = timetable.next(after).unwrap();
            let by = fire.as_second() - base;
            assert!((0..=jitter.min(59)).contains(&by), "{jitter}: {by}");
            assert_eq!(
                parsed(&spec).previous(Timestamp::from_second(base + 60).unwrap()),
                Some(fire)
            );
            moved += by;
            after = fire;
        }
        assert!(moved > 0, "{jitter}");
    }
}

#[test]
fn schedules_of_one_time_are_spread_by_their_names() {
    let spec = TimingSpec {
        jitter_seconds: Some(3600),
        ..simple("0 3 * * *")
    };
    let first = |name| {
        let timetable = Timetable::parse(&spec, &almanac(), name).unwrap();
        timetable
            .next(at("2026-11-20T12:00:00Z"))
            .unwrap()
            .to_string()
    };
    // Whoever changes these moves the fires of everybody's schedules.
    assert_eq!(first(Some(("team-a", "report"))), "2026-11-21T03:19:35Z");
    assert_eq!(first(Some(("team-a", "backup"))), "2026-11-21T03:13:01Z");
    assert_eq!(first(None), "2026-11-21T03:00:00Z");
}

// What previews show.

#[test]
fn a_preview_says_what_is_odd_about_a_fire() {
    let berlin = |expression| TimingSpec {
        time_zone: Some("Europe/Berlin".into()),
        ..simple(expression)
    };
    let gap = |meant: &str| Note::Gap {
        meant: meant.into(),
    };
    let shift = |from: &str| Note::Shift { from: from.into() };
    let mut moved = berlin("30 2 28 3 *");
    moved.calendars = vec![used(WEEKENDS, CalendarAction::PreviousBusinessDay)];
    let mut onto = berlin("30 2 26 3 *");
    onto.calendars = vec![CalendarUse {
        kind: CalendarKind::ScheduleCalendar,
        ..used("good-friday", CalendarAction::NextBusinessDay)
    }];
    for (spec, after, notes) in [
        (berlin("30 2 * * *"), "2027-03-28T12:00:00Z", vec![]),
        (
            berlin("30 2 * * *"),
            "2027-03-27T12:00:00Z",
            vec![gap("2027-03-28T02:30:00")],
        ),
        (
            berlin("10,50 2 * * *"),
            "2027-03-27T12:00:00Z",
            vec![gap("2027-03-28T02:10:00")],
        ),
        // Due at 3 anyway, and for what was skipped too.
        (
            berlin("0 2,3 * * *"),
            "2027-03-27T12:00:00Z",
            vec![gap("2027-03-28T02:00:00")],
        ),
        (berlin("0 1,3 * * *"), "2027-03-28T00:30:00Z", vec![]),
        // Repeating, so nothing is made up for.
        (berlin("*/30 * * * *"), "2027-03-28T00:45:00Z", vec![]),
        (
            berlin("@at 2027-03-28 02:30"),
            "2027-03-27T12:00:00Z",
            vec![gap("2027-03-28T02:30:00")],
        ),
        (
            berlin("@at 2027-03-28 03:00"),
            "2027-03-27T12:00:00Z",
            vec![],
        ),
        (
            berlin("@at 2026-10-25 02:30"),
            "2026-10-24T12:00:00Z",
            vec![Note::Overlap { first: true }],
        ),
        (
            berlin("@at 2026-10-25T02:30:00+01:00"),
            "2026-10-24T12:00:00Z",
            vec![Note::Overlap { first: false }],
        ),
        (
            berlin("30 2 * * *"),
            "2026-10-24T12:00:00Z",
            vec![Note::Overlap { first: true }],
        ),
        (
            berlin("30 * * * *"),
            "2026-10-25T00:30:00Z",
            vec![Note::Overlap { first: false }],
        ),
        (moved, "2027-03-01T00:00:00Z", vec![shift("2027-03-28")]),
        (
            onto,
            "2027-03-01T00:00:00Z",
            vec![gap("2027-03-28T02:30:00"), shift("2027-03-26")],
        ),
        (simple("@every 1h"), "2027-03-28T00:00:00Z", vec![]),
    ] {
        let timetable = parsed(&spec);
        let fire = timetable.next(at(after)).unwrap();
        assert_eq!(timetable.notes(fire), notes, "{spec:?} at {fire}");
    }
}

#[test]
fn a_preview_says_how_far_jitter_moved_a_fire() {
    let spec = TimingSpec {
        jitter_seconds: Some(3600),
        time_zone: Some("Europe/Berlin".into()),
        ..simple("30 2 * * *")
    };
    let timetable = parsed(&spec);
    let fire = timetable.next(at("2027-03-27T12:00:00Z")).unwrap();
    let seconds = fire.as_second() - at("2027-03-28T01:00:00Z").as_second();
    assert_eq!(
        timetable.notes(fire),
        [
            Note::Gap {
                meant: "2027-03-28T02:30:00".into()
            },
            Note::Jitter { seconds },
        ]
    );
}

#[test]
fn a_fire_is_shown_in_the_zone_of_its_schedule() {
    let mut spec = items(&[
        ("0 9 * * *", Some("Europe/Berlin")),
        ("0 9 * * *", Some("Asia/Kathmandu")),
        ("0 9 * * *", None),
    ]);
    spec.time_zone = Some("America/New_York".into());
    for jitter in [None, Some(600)] {
        spec.jitter_seconds = jitter;
        let timetable = parsed(&spec);
        let mut fire = at("2026-11-20T00:00:00Z");
        for (hour, offset) in [("09", "+05:45"), ("09", "+01:00"), ("09", "-05:00")] {
            fire = timetable.next(fire).unwrap();
            let shown = timetable.describe_local(fire);
            let begins = format!("2026-11-20T{hour}:0");
            assert!(
                shown.starts_with(&begins) && shown.ends_with(offset),
                "{shown}"
            );
        }
        // No fire: the first schedule's zone.
        let shown = timetable.describe_local(at("2026-11-20T00:00:30Z"));
        assert_eq!(shown, "2026-11-20T01:00:30+01:00");
    }
}

// What is refused.

#[test]
fn what_is_wrong_is_told_with_its_place_and_the_way_out() {
    use Reason::*;
    let window = |not_before: &str, not_after: &str, expression| TimingSpec {
        not_before: Some(at(not_before)),
        not_after: Some(at(not_after)),
        ..simple(expression)
    };
    let skipping = |expression, not_before| TimingSpec {
        not_before,
        time_zone: Some("America/New_York".into()),
        clock_changes: ClockChanges {
            gap: Some(Gap::Skip),
            overlap: None,
        },
        ..simple(expression)
    };
    let calendar = |kind, name| TimingSpec {
        calendars: vec![
            used(HOLIDAYS, CalendarAction::Exclude),
            CalendarUse {
                kind,
                ..used(name, CalendarAction::Exclude)
            },
        ],
        ..simple("0 9 * * *")
    };
    let both = TimingSpec {
        schedule: Some("0 9 * * *".into()),
        ..items(&[("0 9 * * *", None)])
    };
    let every = |spec: TimingSpec| TimingSpec {
        schedule: Some("@every 1h".into()),
        ..spec
    };
    for (spec, reason, message) in [
        (
            simple(""),
            Disabled,
            "spec.schedule is empty, so the schedule never runs",
        ),
        (
            TimingSpec::default(),
            InvalidSchedule,
            "spec.schedule is missing: write a cron expression such as 0 3 * * *, or \"\" for a schedule that is disabled",
        ),
        (
            both,
            InvalidSchedule,
            "spec.schedule and spec.schedules are both set: make the one an item of the other, or delete one of them",
        ),
        (
            items(&[("0 9 * * *", None), (" ", None)]),
            InvalidSchedule,
            "spec.schedules[1].schedule is empty: delete the item, or write a cron expression such as 0 3 * * *",
        ),
        (
            items(&[("0 9 * * *", None); 33]),
            InvalidSchedule,
            "spec.schedules: 33 are too many: at most 32 are allowed; join some, or make a second resource",
        ),
        (
            items(&[("0 9 * * *", None), ("0 25 * * *", None)]),
            InvalidSchedule,
            "spec.schedules[1].schedule: hour: 25 is not in 0-23 …",
        ),
        (
            items(&[("0 9 * * *", None), ("0 9 * * *", Some("berlin"))]),
            InvalidTimeZone,
            "spec.schedules[1].timeZone: time zone: \"berlin\" is not known to the zone database DATA; did you mean Europe/Berlin?",
        ),
        (
            excluding("0 9 * * *", &["12-25", "2026-02-29"]),
            InvalidSchedule,
            "spec.excludes[1]: 2026-02-29: day 29 is not in 1-28",
        ),
        (
            excluding("0 9 * * *", &["christmas"]),
            InvalidSchedule,
            "spec.excludes[0]: \"christmas\" is not a date (2026-12-25, or 12-25 for every year), a span of dates (2026-12-24/2027-01-01, 12-24/01-02) or a cron expression (* 0-5 * * SAT)",
        ),
        (
            excluding("0 9 * * *", &["* 0-5 * * XXX"]),
            InvalidSchedule,
            "spec.excludes[0]: day of week: XXX is not in 0-7 or SUN-SAT …",
        ),
        (
            excluding("0 9 * * *", &["@every 1h"]),
            InvalidSchedule,
            "spec.excludes[0]: @every is no local time that could be left out; write dates, such as 2026-12-25, or a cron expression of the times to leave out, such as * 0-5 * * SAT",
        ),
        (
            excluding("0 9 * * *", &["@at 2026-12-25T00:00:00Z"]),
            InvalidSchedule,
            "spec.excludes[0]: @at is no local time that could be left out; …",
        ),
        (
            excluding("0 9 * * *", &["12-25"; 65]),
            InvalidSchedule,
            "spec.excludes: 65 are too many: at most 64 are allowed; a calendar holds any number of days",
        ),
        (
            excluding("0 9 * * *", &["* 0-11 * * *", "* 6-23 * * *"]),
            InvalidSchedule,
            "spec.schedule: never fires: excludes and calendars leave nothing of it",
        ),
        (
            excluding("* * * * *", &["01-01/12-31"]),
            InvalidSchedule,
            "spec.schedule: never fires: excludes and calendars leave nothing of it",
        ),
        (
            calendar(CalendarKind::ScheduleCalendar, "bank"),
            CalendarNotFound,
            "spec.calendars[1]: ScheduleCalendar team-a/bank does not exist; create it, or correct kind and name to one of those that `kubectl get schedulecalendars -n team-a` shows",
        ),
        (
            calendar(CalendarKind::ClusterScheduleCalendar, "bank"),
            CalendarNotFound,
            "spec.calendars[1]: ClusterScheduleCalendar bank does not exist; create it, or correct kind and name to one of those that `kubectl get clusterschedulecalendars` shows",
        ),
        (
            calendar(CalendarKind::ClusterScheduleCalendar, "broken"),
            InvalidCalendar,
            "spec.calendars[1]: ClusterScheduleCalendar broken can't be read: spec.dates[0]: x",
        ),
        (
            window("2026-12-01T00:00:00Z", "2026-11-01T00:00:00Z", "0 9 * * *"),
            InvalidSchedule,
            "spec.notAfter: 2026-11-01T00:00:00Z is before spec.notBefore 2026-12-01T00:00:00Z, so nothing lies between them; swap them or correct one",
        ),
        (
            window("2026-12-01T10:00:00Z", "2026-12-02T08:00:00Z", "0 9 * * *"),
            InvalidSchedule,
            "spec.notAfter: never fires: no matching time lies between notBefore 2026-12-01T10:00:00Z and notAfter 2026-12-02T08:00:00Z",
        ),
        (
            TimingSpec {
                not_before: Some(at("2027-01-01T00:00:00Z")),
                ..simple("@at 2026-12-24T18:00:00Z")
            },
            InvalidSchedule,
            "spec.notBefore: never fires: no matching time is at or after 2027-01-01T00:00:00Z; correct spec.notBefore or the schedule",
        ),
        (
            skipping("0 30 2 8 3 ? 2026", None),
            InvalidSchedule,
            "spec.schedule: never fires: the clock of America/New_York skips every matching time; choose another one (with spec.clockChanges.gap RunAfter, what a gap of up to 3 h skips fires after it)",
        ),
        (
            skipping("30 2 8-14 3 +SUN", Some(at("2026-01-01T00:00:00Z"))),
            InvalidSchedule,
            "spec.notBefore: 2026-01-01T00:00:00Z: never fires: the clock of America/New_York skips every matching time; …",
        ),
        (
            TimingSpec {
                jitter_seconds: Some(86_401),
                ..simple("0 9 * * *")
            },
            InvalidSchedule,
            "spec.jitterSeconds: 86401 is not in 0-86400",
        ),
        (
            TimingSpec {
                jitter_seconds: Some(-1),
                ..simple("0 9 * * *")
            },
            InvalidSchedule,
            "spec.jitterSeconds: -1 is not in 0-86400",
        ),
        (
            items(&[("0 9 * * *", None), ("@every 1h", None)]),
            InvalidSchedule,
            "spec.schedules[1].schedule: @every counts from the last fire, so it can't be combined with other items of spec.schedules; write a cron expression such as */15 * * * *, or make a second resource",
        ),
        (
            every(excluding("", &["12-25"])),
            InvalidSchedule,
            "spec.schedule: @every counts from the last fire, so it can't be combined with spec.excludes; write a cron expression such as */15 * * * *",
        ),
        (
            every(calendar(CalendarKind::ClusterScheduleCalendar, HOLIDAYS)),
            InvalidSchedule,
            "spec.schedule: @every counts from the last fire, so it can't be combined with spec.calendars; write a cron expression such as */15 * * * *",
        ),
        (
            every(TimingSpec {
                jitter_seconds: Some(5),
                ..TimingSpec::default()
            }),
            InvalidSchedule,
            "spec.schedule: @every counts from the last fire, so it can't be combined with spec.jitterSeconds; leave it out: such schedules are spread by when they were created",
        ),
    ] {
        let idle = refused(&spec);
        assert_eq!(idle.reason, reason, "{}", idle.message);
        let message = message.replace("DATA", Zones::built_in().version());
        match message.strip_suffix('…') {
            Some(begins) => assert!(
                idle.message.starts_with(begins.trim_end()),
                "{}",
                idle.message
            ),
            None => assert_eq!(idle.message, message),
        }
    }
}

#[test]
fn what_had_no_fire_left_when_it_was_made_is_a_mistake() {
    let template = || RawJson::from(&serde_json::json!({"spec": {"containers": []}}));
    let made = at("2026-11-20T10:00:00Z");
    let skipped = "spec.schedule: never fires: the clock of America/New_York skips every matching \
                   time; choose another one (with spec.clockChanges.gap RunAfter, what a gap of up to \
                   3 h skips fires after it)";
    for (place, expression, not_after, expected) in [
        ("UTC", "0 0 9 * * * 2026", None, None),
        // Before 2007 the clock was put forward in April.
        ("America/New_York", "30 2 8-14 3 +SUN", None, Some(skipped)),
        (
            "UTC",
            "0 0 9 * 1-10 * 2026",
            None,
            Some("spec.schedule: never fires: every matching time is past; correct the year"),
        ),
        ("UTC", "0 9 * * *", Some("2026-11-21T09:00:00Z"), None),
        (
            "UTC",
            "0 9 * * *",
            Some("2026-11-21T08:00:00Z"),
            Some(
                "spec.schedule: never fires: every matching time up to notAfter \
                 2026-11-21T08:00:00Z is past; correct spec.notAfter or the schedule",
            ),
        ),
    ] {
        let spec = ScheduledContainerSpec {
            schedule: Some(expression.into()),
            time_zone: Some(place.into()),
            clock_changes: ClockChanges {
                gap: Some(Gap::Skip),
                overlap: None,
            },
            not_after: not_after.map(at),
            ..serde_json::from_value(serde_json::json!({"template": template()})).unwrap()
        };
        let identity = ScheduleRef {
            namespace: "team-a".into(),
            name: "report".into(),
            uid: "0b5ff1f1".into(),
        };
        let schedule = Schedule::parse(identity, 1, made, &spec, &Arc::new(almanac()));
        let found = schedule.timing.err();
        let reason = expected.map(|_| Reason::InvalidSchedule);
        assert_eq!(
            found.as_ref().map(|idle| idle.reason),
            reason,
            "{expression}"
        );
        assert_eq!(found.as_ref().map(|idle| &*idle.message), expected);
    }
}

#[test]
fn one_item_in_schedules_is_like_a_schedule() {
    check(
        &items(&[("@every 1h", None)]),
        "2026-12-01T00:10:00Z",
        &["2026-12-01T01:10:00Z", "2026-12-01T02:10:00Z"],
    );
}

#[test]
fn excludes_that_take_everything_away_day_by_day_are_found_out() {
    // Two halves of a day, and as many others as are allowed, no two days with the same ones.
    let mut excludes = vec!["* 0-11 * * *".to_owned(), "* 12-23 * * *".to_owned()];
    for n in 1..=5 {
        excludes.push(format!("{n} 1 */{n} * *"));
        excludes.push(format!("{n} 2 * * {n}"));
    }
    let never = "spec.schedule: never fires: excludes and calendars leave nothing of it";
    let spec = |excludes: &[String]| TimingSpec {
        excludes: excludes.to_vec(),
        ..simple("* * * * * *")
    };
    assert_eq!(refused(&spec(&excludes)).message, never);
    excludes.push("* 3 * * *".into());
    assert_eq!(
        refused(&spec(&excludes)).message,
        "spec.excludes[12]: more than 12 expressions that leave out a part of a day; join some, as \
         in * 0-5,22-23 * * MON-FRI, or put whole days into a calendar"
    );
    // Each quarter of a day in three parts: no two days in a row for the same reason.
    let years = |n: i32| -> String {
        let years: Vec<_> = (1970..=2100).filter(|year| year % 3 == n).collect();
        let years: Vec<_> = years.iter().map(i32::to_string).collect();
        years.join(",")
    };
    let mut quarters = Vec::new();
    for n in 0..3 {
        quarters.push(format!("* * 0-5 {}-31/3 * * *", n + 1));
        quarters.push(format!("* * 6-11 * {}-12/3 * *", n + 1));
        quarters.push(format!("* * 12-17 * * {n}-6/3 *"));
        quarters.push(format!("* * 18-23 * * * {}", years(n)));
    }
    let listed = TimingSpec {
        schedule: Some("* * * * * * 1970-2100".into()),
        ..spec(&quarters)
    };
    assert_eq!(refused(&listed).message, never);
    let timetable = parsed(&spec(&quarters));
    assert_eq!(
        timetable.next(at("2026-11-20T00:00:00Z")),
        Some(at("2101-01-01T18:00:00Z"))
    );
    assert_eq!(
        timetable.previous(at("2026-11-20T00:00:00Z")),
        Some(at("1969-12-31T23:59:59Z"))
    );
}

#[test]
fn many_plain_timetables_fit_into_memory() {
    assert!(size_of::<Timetable>() <= 32);
}

const NAME: Option<(&str, &str)> = Some(("team-a", "report"));

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn simple(expression: &str) -> TimingSpec {
    TimingSpec {
        schedule: Some(expression.into()),
        ..TimingSpec::default()
    }
}

fn items(items: &[(&str, Option<&str>)]) -> TimingSpec {
    let schedules = items.iter().map(|(schedule, zone)| ScheduleItem {
        schedule: (*schedule).into(),
        time_zone: zone.map(Into::into),
    });
    TimingSpec {
        schedules: schedules.collect(),
        ..TimingSpec::default()
    }
}

fn excluding(expression: &str, excludes: &[&str]) -> TimingSpec {
    TimingSpec {
        excludes: excludes.iter().map(|&it| it.into()).collect(),
        ..simple(expression)
    }
}

fn used(name: &str, action: CalendarAction) -> CalendarUse {
    CalendarUse {
        kind: CalendarKind::ClusterScheduleCalendar,
        name: name.into(),
        action,
    }
}

fn reference(name: &str) -> CalendarRef {
    CalendarRef {
        kind: CalendarKind::ClusterScheduleCalendar,
        namespace: String::new(),
        name: name.into(),
    }
}

fn almanac() -> Almanac {
    let mut almanac = Almanac::new(TimeZone::UTC);
    let texts = |it: &[&str]| it.iter().map(|&it| it.to_owned()).collect();
    let calendar = |dates: &[&str], weekdays: &[&str]| {
        let spec = CalendarSpec {
            dates: texts(dates),
            weekdays: texts(weekdays),
            ..CalendarSpec::default()
        };
        Ok(Arc::new(Calendar::parse(&spec).unwrap()))
    };
    let calendars = &mut almanac.calendars;
    calendars.insert(
        reference(HOLIDAYS),
        calendar(&["12-25", "12-26", "01-01"], &[]),
    );
    calendars.insert(reference(WEEKENDS), calendar(&[], &["SAT", "SUN"]));
    calendars.insert(reference("broken"), Err("spec.dates[0]: x".into()));
    let own = CalendarRef {
        kind: CalendarKind::ScheduleCalendar,
        namespace: "team-a".into(),
        name: "good-friday".into(),
    };
    calendars.insert(own, calendar(&["2027-03-26", "2027-03-27"], &[]));
    almanac
}

fn parsed(spec: &TimingSpec) -> Timetable {
    Timetable::parse(spec, &almanac(), NAME)
        .unwrap_or_else(|idle| panic!("{}: {spec:?}", idle.message))
}

fn refused(spec: &TimingSpec) -> Idle {
    match Timetable::parse(spec, &almanac(), NAME) {
        Ok(_) => panic!("accepted: {spec:?}"),
        Err(idle) => idle,
    }
}

/// The fires after an instant, by all ways to ask for them.
fn check(spec: &TimingSpec, after: &str, expected: &[&str]) {
    let timetable = parsed(spec);
    let expected: Vec<Timestamp> = expected.iter().map(|it| at(it)).collect();
    let mut found = Vec::new();
    let mut last = at(after);
    while found.len() < expected.len() {
        last = timetable.next(last).unwrap();
        found.push(last);
    }
    assert_eq!(found, expected, "{spec:?}");
    if spec
        .schedule
        .as_ref()
        .is_some_and(|it| it.starts_with("@every"))
        || spec.schedules.len() == 1
    {
        return;
    }
    for pair in expected.windows(2) {
        assert_eq!(timetable.previous(pair[1]), Some(pair[0]), "{spec:?}");
    }
    let due = Due {
        first: expected[0],
        latest: last,
        count: expected.len() as u64,
    };
    assert_eq!(timetable.due(at(after), last), Some(due), "{spec:?}");
}
