//! What each tool's language reads, and where it differs from the others.

use jiff::{Timestamp, tz::TimeZone};
use punctual::core::cron::{
    Dialect::{self, Cronexpr, Crontab, Punctual, Quartz, Robfig},
    Options, Timing, TimingError, Zones,
};

const DIALECTS: [Dialect; 5] = [Punctual, Crontab, Robfig, Cronexpr, Quartz];

fn read(dialect: Dialect, expression: &str) -> Result<Timing, TimingError> {
    let options = Options {
        dialect,
        seed: Some(1),
        ..Options::default()
    };
    Timing::read(expression, TimeZone::UTC, &options)
}

/// The first fires in UTC after Friday 2026-11-20 12:00; or why it is refused.
fn fires(dialect: Dialect, expression: &str, count: usize) -> String {
    let timing = match read(dialect, expression) {
        Ok(timing) => timing,
        Err(error) => return format!("refused: {}", error.message()),
    };
    let mut after: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let mut found = Vec::new();
    while found.len() < count
        && let Some(fire) = timing.next(after)
    {
        let text = fire.strftime("%F %T").to_string();
        found.push(text.strip_suffix(":00").unwrap_or(&text).to_owned());
        after = fire;
    }
    found.join(", ")
}

/// A row: an expression, and what it is in some dialects. In all others it is refused.
#[track_caller]
fn row(expression: &str, meanings: &[(&[Dialect], &str)]) {
    for dialect in DIALECTS {
        let meaning = meanings
            .iter()
            .find(|(dialects, _)| dialects.contains(&dialect));
        let found = fires(dialect, expression, 3);
        match meaning {
            Some((_, meaning)) => assert_eq!(&found, meaning, "{dialect:?} {expression:?}"),
            None => assert!(
                found.starts_with("refused: "),
                "{dialect:?} {expression:?}: {found}"
            ),
        }
    }
}

#[test]
fn the_number_and_the_order_of_fields() {
    row(
        "0 0 9 1 1 2030",
        &[(
            &[Cronexpr],
            "2030-01-07 00:00, 2030-01-09 00:00, 2030-01-14 00:00",
        )],
    );
    row("0 9 1 1 * 2030", &[(&[Cronexpr], "2030-01-01 09:00")]);
    row(
        "30 0 9 1 1 * 2030",
        &[(&[Punctual, Cronexpr], "2030-01-01 09:00:30")],
    );
    row(
        "0 0 0 1 1 ? 2030",
        &[(&[Punctual, Cronexpr, Quartz], "2030-01-01 00:00")],
    );
    row(
        "0 0 0 * * *",
        &[(
            &[Punctual],
            "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-23 00:00",
        )],
    );
}

#[test]
fn two_restricted_day_fields() {
    row(
        "0 0 1 * 1",
        &[(
            &[Punctual, Crontab, Robfig, Cronexpr],
            "2026-11-23 00:00, 2026-11-30 00:00, 2026-12-01 00:00",
        )],
    );
    row(
        "0 0 */2 * 1",
        &[
            (
                &[Punctual, Crontab],
                "2026-11-23 00:00, 2026-12-07 00:00, 2026-12-21 00:00",
            ),
            (
                &[Robfig, Cronexpr],
                "2026-11-21 00:00, 2026-11-23 00:00, 2026-11-25 00:00",
            ),
        ],
    );
    row(
        "0 0 1,* * 1",
        &[
            (
                &[Punctual, Crontab],
                "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-23 00:00",
            ),
            (
                &[Robfig, Cronexpr],
                "2026-11-23 00:00, 2026-11-30 00:00, 2026-12-07 00:00",
            ),
        ],
    );
    row(
        "0 0 */1 * 1",
        &[
            (
                &[Punctual, Crontab, Robfig],
                "2026-11-23 00:00, 2026-11-30 00:00, 2026-12-07 00:00",
            ),
            (
                &[Cronexpr],
                "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-23 00:00",
            ),
        ],
    );
    row(
        "0 0 1 * */1",
        &[
            (
                &[Punctual, Crontab, Robfig],
                "2026-12-01 00:00, 2027-01-01 00:00, 2027-02-01 00:00",
            ),
            (
                &[Cronexpr],
                "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-23 00:00",
            ),
        ],
    );
    row(
        "0 0 0 1 * 1",
        &[(
            &[Punctual],
            "2026-11-23 00:00, 2026-11-30 00:00, 2026-12-01 00:00",
        )],
    );
    row(
        "0 0 13 * +FRI",
        &[(
            &[Punctual],
            "2027-08-13 00:00, 2028-10-13 00:00, 2029-04-13 00:00",
        )],
    );
}

#[test]
fn the_question_mark() {
    row(
        "0 0 ? * 1",
        &[(
            &[Punctual, Robfig, Cronexpr],
            "2026-11-23 00:00, 2026-11-30 00:00, 2026-12-07 00:00",
        )],
    );
    row(
        "0 0 0 ? * 2",
        &[
            (
                &[Punctual],
                "2026-11-24 00:00, 2026-12-01 00:00, 2026-12-08 00:00",
            ),
            (
                &[Quartz],
                "2026-11-23 00:00, 2026-11-30 00:00, 2026-12-07 00:00",
            ),
        ],
    );
    row(
        "0 0 0 ? * ?",
        &[(
            &[Punctual],
            "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-23 00:00",
        )],
    );
}

#[test]
fn the_numbers_of_the_days_of_the_week() {
    row(
        "0 0 * * 7",
        &[(
            &[Punctual, Crontab, Cronexpr],
            "2026-11-22 00:00, 2026-11-29 00:00, 2026-12-06 00:00",
        )],
    );
    row(
        "0 0 * * 5-7",
        &[(
            &[Punctual, Crontab],
            "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-27 00:00",
        )],
    );
    row(
        "0 0 * * 0-7",
        &[
            (
                &[Punctual, Crontab],
                "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-23 00:00",
            ),
            (
                &[Cronexpr],
                "2026-11-22 00:00, 2026-11-29 00:00, 2026-12-06 00:00",
            ),
        ],
    );
    row(
        "0 0 * * 7/2",
        &[
            (
                &[Punctual],
                "2026-11-22 00:00, 2026-11-29 00:00, 2026-12-06 00:00",
            ),
            (
                &[Cronexpr],
                "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-24 00:00",
            ),
        ],
    );
    row(
        "0 0 0 ? * 0",
        &[(
            &[Punctual],
            "2026-11-22 00:00, 2026-11-29 00:00, 2026-12-06 00:00",
        )],
    );
    row(
        "0 0 0 ? * 7",
        &[
            (
                &[Punctual],
                "2026-11-22 00:00, 2026-11-29 00:00, 2026-12-06 00:00",
            ),
            (
                &[Quartz],
                "2026-11-21 00:00, 2026-11-28 00:00, 2026-12-05 00:00",
            ),
        ],
    );
    row(
        "0 0 0 ? * 6#2",
        &[
            (
                &[Punctual],
                "2026-12-12 00:00, 2027-01-09 00:00, 2027-02-13 00:00",
            ),
            (
                &[Quartz],
                "2026-12-11 00:00, 2027-01-08 00:00, 2027-02-12 00:00",
            ),
        ],
    );
    row(
        "0 0 0 ? * 6-2",
        &[(
            &[Punctual, Quartz],
            "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-23 00:00",
        )],
    );
}

#[test]
fn ranges_that_wrap_around() {
    row(
        "0 0 * * FRI-MON",
        &[(
            &[Punctual],
            "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-23 00:00",
        )],
    );
    row(
        "0 22-2 * * *",
        &[(
            &[Punctual],
            "2026-11-20 22:00, 2026-11-20 23:00, 2026-11-21 00:00",
        )],
    );
}

#[test]
fn steps() {
    row(
        "5/20 * * * *",
        &[(
            &[Punctual, Robfig, Cronexpr],
            "2026-11-20 12:05, 2026-11-20 12:25, 2026-11-20 12:45",
        )],
    );
    row(
        "*/90 * * * *",
        &[(
            &[Crontab, Robfig],
            "2026-11-20 13:00, 2026-11-20 14:00, 2026-11-20 15:00",
        )],
    );
    row(
        "*/60 * * * *",
        &[(
            &[Punctual, Crontab, Robfig],
            "2026-11-20 13:00, 2026-11-20 14:00, 2026-11-20 15:00",
        )],
    );
    row(
        "*/59 * * * *",
        &[(
            &[Punctual, Crontab, Robfig, Cronexpr],
            "2026-11-20 12:59, 2026-11-20 13:00, 2026-11-20 13:59",
        )],
    );
    row(
        "0 0 * * */7",
        &[(
            &[Punctual, Crontab, Robfig],
            "2026-11-22 00:00, 2026-11-29 00:00, 2026-12-06 00:00",
        )],
    );
    row(
        "0 /20 * * * ?",
        &[(
            &[Quartz],
            "2026-11-20 12:20, 2026-11-20 12:40, 2026-11-20 13:00",
        )],
    );
    row(
        "0 0 * * MON-FRI/2",
        &[(
            &[Punctual, Crontab, Robfig, Cronexpr],
            "2026-11-23 00:00, 2026-11-25 00:00, 2026-11-27 00:00",
        )],
    );
    row(
        "0 0 0 ? * MON-FRI/2",
        &[(
            &[Punctual],
            "2026-11-23 00:00, 2026-11-25 00:00, 2026-11-27 00:00",
        )],
    );
}

#[test]
fn days_by_the_end_of_the_month_and_by_weekdays() {
    row(
        "0 0 L * *",
        &[(
            &[Punctual, Cronexpr],
            "2026-11-30 00:00, 2026-12-31 00:00, 2027-01-31 00:00",
        )],
    );
    row(
        "0 0 LW * *",
        &[(
            &[Punctual, Cronexpr],
            "2026-11-30 00:00, 2026-12-31 00:00, 2027-01-29 00:00",
        )],
    );
    row(
        "0 0 15W * *",
        &[(
            &[Punctual, Cronexpr],
            "2026-12-15 00:00, 2027-01-15 00:00, 2027-02-15 00:00",
        )],
    );
    row(
        "0 0 L-3 * *",
        &[(
            &[Punctual],
            "2026-11-27 00:00, 2026-12-28 00:00, 2027-01-28 00:00",
        )],
    );
    row(
        "0 0 0 L-3 * ?",
        &[(
            &[Punctual, Quartz],
            "2026-11-27 00:00, 2026-12-28 00:00, 2027-01-28 00:00",
        )],
    );
    row(
        "0 0 * * 5L",
        &[(
            &[Punctual, Cronexpr],
            "2026-11-27 00:00, 2026-12-25 00:00, 2027-01-29 00:00",
        )],
    );
    row(
        "0 0 0 ? * 5L",
        &[
            (
                &[Punctual],
                "2026-11-27 00:00, 2026-12-25 00:00, 2027-01-29 00:00",
            ),
            (
                &[Quartz],
                "2026-11-26 00:00, 2026-12-31 00:00, 2027-01-28 00:00",
            ),
        ],
    );
    row(
        "0 0 0 ? * L",
        &[(
            &[Quartz],
            "2026-11-21 00:00, 2026-11-28 00:00, 2026-12-05 00:00",
        )],
    );
    row(
        "0 0 * * FRI#2",
        &[(
            &[Punctual, Cronexpr],
            "2026-12-11 00:00, 2027-01-08 00:00, 2027-02-12 00:00",
        )],
    );
    row(
        "0 0 0 ? * 2#1,5",
        &[(
            &[Punctual],
            "2026-11-27 00:00, 2026-12-01 00:00, 2026-12-04 00:00",
        )],
    );
}

#[test]
fn names_and_lists() {
    row(
        "0 0 * JANUARY *",
        &[(
            &[Cronexpr],
            "2027-01-01 00:00, 2027-01-02 00:00, 2027-01-03 00:00",
        )],
    );
    row(
        "0 0 * * MONDAY",
        &[(
            &[Cronexpr],
            "2026-11-23 00:00, 2026-11-30 00:00, 2026-12-07 00:00",
        )],
    );
    row(
        "1,,2 * * * *",
        &[(
            &[Robfig, Cronexpr],
            "2026-11-20 12:01, 2026-11-20 12:02, 2026-11-20 13:01",
        )],
    );
}

#[test]
fn forms_without_fields() {
    row(
        "@daily",
        &[(
            &[Punctual, Crontab, Robfig, Cronexpr],
            "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-23 00:00",
        )],
    );
    row(
        "@midnight",
        &[(
            &[Punctual, Crontab, Robfig],
            "2026-11-21 00:00, 2026-11-22 00:00, 2026-11-23 00:00",
        )],
    );
    row(
        "@every 90s",
        &[(
            &[Punctual, Robfig],
            "2026-11-20 12:01:30, 2026-11-20 12:03, 2026-11-20 12:04:30",
        )],
    );
    row("@at 2026-12-24 18:00", &[(&[Punctual], "2026-12-24 18:00")]);
    row(
        "TZ=Europe/Berlin 0 9 * * *",
        &[(
            &[Robfig],
            "2026-11-21 08:00, 2026-11-22 08:00, 2026-11-23 08:00",
        )],
    );
    row(
        "CRON_TZ=Asia/Tokyo @daily",
        &[(
            &[Robfig],
            "2026-11-20 15:00, 2026-11-21 15:00, 2026-11-22 15:00",
        )],
    );
}

#[test]
fn a_prefix_with_a_zone_is_read_only_where_imports_have_it() {
    for (expression, why) in [
        (
            "TZ=",
            r#"time zone: "" is not known to the zone database DATA; use an IANA name such as Europe/Berlin, or UTC"#,
        ),
        ("CRON_TZ=UTC", "CRON_TZ=UTC has no schedule behind it"),
        ("TZ=UTC ", "TZ=UTC has no schedule behind it"),
        (
            "TZ=Nowhere * * * * *",
            r#"time zone: "Nowhere" is not known to the zone database DATA; use an IANA name such as Europe/Berlin, or UTC"#,
        ),
        (
            "TZ=../../etc/passwd * * * * *",
            r#"time zone: "../../etc/passwd" is not known to the zone database DATA; use an IANA name such as Europe/Berlin, or UTC"#,
        ),
    ] {
        let why = why.replace("DATA", Zones::built_in().version());
        assert_eq!(read(Robfig, expression).unwrap_err().message(), why);
    }
    // It wins over the zone that is given, and the local time is told in it.
    let options = Options {
        dialect: Robfig,
        ..Options::default()
    };
    let zone = TimeZone::get("America/New_York").unwrap();
    let timing = Timing::read("CRON_TZ=Asia/Tokyo 0 9 * * *", zone, &options).unwrap();
    let fire = timing.next("2026-11-20T12:00:00Z".parse().unwrap());
    let told = fire.map(|fire| timing.describe_local(fire));
    assert_eq!(told.as_deref(), Some("2026-11-21T09:00:00+09:00"));
}

#[test]
fn what_is_refused_says_what_to_write_instead() {
    for (dialect, expression, why) in [
        (
            Crontab,
            "5/20 * * * *",
            "minute: 5/20 needs a range before the step, as in 5-59/20",
        ),
        (
            Crontab,
            "0 0 * * 7/2",
            "day of week: 7/2 needs a range before the step, as in 0-6/2",
        ),
        (
            Crontab,
            "0 22-2 * * *",
            "hour: 22-2 runs backwards; write 22-23,0-2",
        ),
        (
            Robfig,
            "0 0 * * FRI-MON",
            "day of week: FRI-MON runs backwards; write FRI-SAT,SUN-MON",
        ),
        (
            Crontab,
            "0 0 * * 6-0",
            "day of week: 6-0 runs backwards; write 6,0",
        ),
        (
            Robfig,
            "0 0 * * SAT-sun",
            "day of week: SAT-sun runs backwards; write SAT,SUN",
        ),
        (
            Crontab,
            "0 20-0 * * *",
            "hour: 20-0 runs backwards; write 20-23,0",
        ),
        (
            Cronexpr,
            "0 0 * * 6-7",
            "day of week: 6-7 runs backwards, since 7 is read as 0; write 6,0",
        ),
        (
            Robfig,
            "0 0 * * 7",
            "day of week: 7 is not in 0-6 or SUN-SAT; Sunday is 0",
        ),
        (
            Cronexpr,
            "0 0 * * 5-7",
            "day of week: 5-7 runs backwards, since 7 is read as 0; write 5-6,0",
        ),
        (
            Cronexpr,
            "*/60 * * * *",
            "minute: a step of 60 is not in 1-59; for once in each hour write 0",
        ),
        (
            Quartz,
            "0 0 0 * * *",
            "exactly one of day of month and day of week must be ?",
        ),
        (
            Quartz,
            "0 0 0 ? * 0",
            "day of week: 0 is not in 1-7 or SUN-SAT; Sunday is 1",
        ),
        (
            Quartz,
            "0 0 0 ? * MON-FRI/2",
            "day of week: MON-FRI/2 has a step after names; write numbers",
        ),
        (
            Quartz,
            "0 0 0 ? * 2L,3",
            "day of week: 2L,3 has an L or # in a list; it must stand alone",
        ),
        (
            Quartz,
            "@daily",
            "@daily is not in this dialect: a schedule of Quartz has 6 fields (second, minute, hour, \
             day of month, month, day of week) or 7 (year last)",
        ),
        (
            Cronexpr,
            "@midnight",
            "@midnight is not one of @yearly, @annually, @monthly, @weekly, @daily, @hourly",
        ),
        // docket's six fields, read as ours.
        (
            Punctual,
            "0 9 1 1 * 2030",
            "day of week: 2030 is not in 0-7 or SUN-SAT; a year is the last of 7 fields, of which \
             the second is the first",
        ),
    ] {
        let error = read(dialect, expression).unwrap_err();
        assert_eq!(error.message(), why, "{dialect:?} {expression:?}");
    }
}

#[test]
fn harm_is_refused_in_every_dialect() {
    let digits = "7".repeat(4096);
    let commas = ",".repeat(1000) + " * * * *";
    for dialect in DIALECTS {
        for expression in [
            "",
            " ",
            "TZ=",
            "CRON_TZ=UTC",
            "CRON_TZ=",
            "TZ=\u{0} * * * * *",
            "@every",
            "@every -1s",
            "@at",
            "@",
            "@reboot",
            &digits,
            &commas,
            "*/0 * * * *",
            "0 */0 * * * ?",
            "*/-1 * * * *",
            "-9223372036854775808 * * * *",
        ] {
            assert!(
                read(dialect, expression).is_err(),
                "{dialect:?} {expression:?}"
            );
        }
        // A step beyond all bounds is one value where such steps are read, and else refused.
        let far = fires(dialect, "*/9223372036854775807 * * * *", 1);
        match dialect {
            Crontab | Robfig => assert_eq!(far, "2026-11-20 13:00"),
            Punctual | Cronexpr | Quartz => assert!(far.starts_with("refused: "), "{far}"),
        }
    }
}

#[test]
fn the_cells_of_the_page_on_dialects_are_true() {
    let page = include_str!("../docs/dialects.md");
    let (_, examples) = page.split_once("\n## Examples\n").unwrap();
    let (examples, _) = examples.split_once("\n## ").unwrap();
    let mut checked = 0;
    for line in examples.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [what, example, cells @ ..] = &cells[..] else {
            panic!("{line}");
        };
        if *example == "example" {
            assert_eq!(cells, DIALECTS.map(|dialect| format!("{dialect:?}")));
            continue;
        }
        let code = |cell: &str| {
            let code = cell
                .strip_prefix('`')
                .and_then(|rest| rest.strip_suffix('`'));
            code.unwrap_or_else(|| panic!("{what}: {cell}")).to_owned()
        };
        let example = code(example);
        assert_eq!(cells.len(), DIALECTS.len(), "{line}");
        for (dialect, cell) in DIALECTS.into_iter().zip(cells) {
            let found = fires(dialect, &in_its_shape(dialect, &example), 60);
            match *cell {
                "refused" => assert!(
                    found.starts_with("refused: "),
                    "{what}, {dialect:?}: {found}"
                ),
                cell => {
                    assert!(
                        !found.starts_with("refused: "),
                        "{what}, {dialect:?}: {found}"
                    );
                    let ours = if cell == "read" {
                        example.clone()
                    } else {
                        code(cell)
                    };
                    assert_eq!(found, fires(Punctual, &ours, 60), "{what}, {dialect:?}");
                }
            }
            checked += 1;
        }
    }
    assert!(checked >= 150, "only {checked} cells");
}

/// An example as a dialect writes it: Quartz has the second first, and `?` for one day field.
fn in_its_shape(dialect: Dialect, example: &str) -> String {
    let fields: Vec<&str> = example.split(' ').collect();
    match (dialect, &fields[..]) {
        (Quartz, [minute, hour, day, month, "*"]) => format!("0 {minute} {hour} {day} {month} ?"),
        (Quartz, [minute, hour, "*", month, weekday]) => {
            format!("0 {minute} {hour} ? {month} {weekday}")
        }
        (Quartz, [_, _, _, _, _]) => format!("0 {example}"),
        _ => example.to_owned(),
    }
}
