//! What is refused, in words that say what to write instead; and input that means harm.

use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use punctual::core::cron::{Dialect, Options, Timing, TimingError, Zones};

/// `marked` is the expression with brackets around what the error points at.
#[track_caller]
fn refused(marked: &str, why: &str) {
    refused_in(Dialect::Punctual, marked, why);
}

#[track_caller]
fn refused_in(dialect: Dialect, marked: &str, why: &str) {
    let (before, rest) = marked.split_once('[').expect(marked);
    let (culprit, after) = rest.split_once(']').expect(marked);
    let expression = format!("{before}{culprit}{after}");
    let options = Options {
        dialect,
        seed: None,
        ..Options::default()
    };
    let error = Timing::read(&expression, TimeZone::UTC, &options).expect_err(&expression);
    let span = before.len()..before.len() + culprit.len();
    assert_eq!(
        (error.message(), error.span()),
        (why, Some(span)),
        "{marked}"
    );
    let character = before.chars().count() + 1;
    assert_eq!(
        error.to_string(),
        format!("{why} (character {character} of {expression:?})")
    );
    let (space, carets) = (" ".repeat(before.len()), "^".repeat(culprit.len().max(1)));
    if expression
        .bytes()
        .all(|b| b.is_ascii_graphic() || b == b' ')
        && expression.len() <= 72
    {
        assert_eq!(
            error.pointer(),
            Some(format!("{expression}\n{space}{carets}"))
        );
    }
}

#[test]
fn values_out_of_range() {
    refused("[75] * * * *", "minute: 75 is not in 0-59");
    refused(
        "[60] * * * *",
        "minute: 60 is not in 0-59; it is 0 of the next one",
    );
    refused(
        "[60] 0 0 * * *",
        "second: 60 is not in 0-59; it is 0 of the next one",
    );
    refused("0 [24] * * *", "hour: 24 is not in 0-23; midnight is 0");
    refused("0 [25] * * *", "hour: 25 is not in 0-23");
    refused("0 0 [0] * *", "day of month: 0 is not in 1-31");
    refused("0 0 [32] * *", "day of month: 32 is not in 1-31");
    refused("0 0 1-[32] * *", "day of month: 32 is not in 1-31");
    refused("0 0 * [13] *", "month: 13 is not in 1-12 or JAN-DEC");
    refused(
        "0 0 * * [8]",
        "day of week: 8 is not in 0-7 or SUN-SAT; Sunday is 0 or 7",
    );
    refused("0 0 0 * * * [1969]", "year: 1969 is not in 1970-2100");
    refused("0 0 0 * * * [2101]", "year: 2101 is not in 1970-2100");
    refused(
        "[99999999999999999999] * * * *",
        "minute: 99999999999999999999 is not in 0-59",
    );
}

#[test]
fn names_that_are_too_long_too_short_or_in_the_wrong_field() {
    refused(
        "0 0 * [JANUARY] *",
        "month: JANUARY is not in 1-12 or JAN-DEC; did you mean JAN?",
    );
    refused(
        "0 0 * * [Monday]",
        "day of week: Monday is not in 0-7 or SUN-SAT; did you mean MON?",
    );
    refused(
        "0 0 * * MON-[thurs]",
        "day of week: thurs is not in 0-7 or SUN-SAT; did you mean THU?",
    );
    refused(
        "0 0 * * [MO]",
        "day of week: MO is not in 0-7 or SUN-SAT; did you mean MON?",
    );
    refused(
        "[MON] 0 * * *",
        "minute: MON is not in 0-59; MON belongs in the day of week field",
    );
    refused(
        "0 0 [FEB] * *",
        "day of month: FEB is not in 1-31; FEB belongs in the month field",
    );
    refused("0 0 * [MA] *", "month: MA is not in 1-12 or JAN-DEC");
    refused("0 0 * * [DI]", "day of week: DI is not in 0-7 or SUN-SAT");
}

#[test]
fn times_as_people_write_them() {
    refused(
        "[3:30] * * * *",
        "minute: 3:30 is not in 0-59; the minute is the first field and the hour the second: 30 3",
    );
    refused(
        "0 [25:00] * * *",
        "hour: 25:00 is not in 0-23; the minute is the first field and the hour the second",
    );
    refused(
        "[0~59] * * * *",
        "minute: 0~59 is not in 0-59; for a value that differs from schedule to schedule write H",
    );
}

#[test]
fn the_first_mistake_is_the_one_told() {
    refused("[99] 99 L-99 13 9", "minute: 99 is not in 0-59");
    refused("0 [99] L-99 13 9", "hour: 99 is not in 0-23");
    refused(
        "0 0 [L-99] 13 9",
        "day of month: L-99 is not in L-0 to L-30",
    );
    refused("0 0 L [13] 9", "month: 13 is not in 1-12 or JAN-DEC");
    refused("0,5,[77],88 * * * *", "minute: 77 is not in 0-59");
}

#[test]
fn what_is_not_a_value_a_range_or_a_step() {
    refused("[-1] * * * *", "minute: -1 is not in 0-59");
    refused("[1-] * * * *", "minute: 1- is not in 0-59");
    refused(
        "[+1] * * * *",
        "minute: +1 is not in 0-59; a + stands only before the day of week",
    );
    refused("[1.5] * * * *", "minute: 1.5 is not in 0-59");
    refused("1-[2-3] * * * *", "minute: 2-3 is not in 0-59");
    refused(
        "[*5] * * * *",
        "minute: *5 is not in 0-59; did you mean */5?",
    );
    refused("[*]-5 * * * *", "minute: * is not in 0-59");
    refused("[**] * * * *", "minute: ** is not in 0-59");
    refused("[,] * * * *", "minute: a comma has no value beside it");
    refused("[1,,2] * * * *", "minute: a comma has no value beside it");
    refused("[1,] * * * *", "minute: a comma has no value beside it");
    refused("0 0 0 * * * [2030-2028]", "year: 2030-2028 runs backwards");
    refused(
        "[٣] * * * *",
        "the schedule has '٣' (U+0663): write it with the letters, digits and signs of ASCII",
    );
    refused("0 0 * * [+]", "day of week: + has no day behind it");
}

#[test]
fn steps_that_leave_the_field() {
    let larger = "is larger than the range";
    refused(
        "*/[90] * * * *",
        &format!("minute: a step of 90 {larger} 0-59; for every 90 minutes use @every 90m"),
    );
    refused(
        "*/[0] * * * *",
        "minute: a step of 0 leads nowhere; take 1 or more",
    );
    refused("[*/] * * * *", "minute: */ has no step after the /");
    refused("*/[5/5] * * * *", "minute: a step of 5/5 is not a number");
    refused(
        "*/[9223372036854775807] * * * *",
        &format!("minute: a step of 9223372036854775807 {larger} 0-59"),
    );
    refused(
        "*/[61] * * * * *",
        &format!("second: a step of 61 {larger} 0-59; for every 61 seconds use @every 61s"),
    );
    refused(
        "0 */[25] * * *",
        &format!("hour: a step of 25 {larger} 0-23; for every 25 hours use @every 25h"),
    );
    refused(
        "0 0 */[32] * *",
        &format!("day of month: a step of 32 {larger} 1-31"),
    );
    refused(
        "0 0 * */[13] *",
        &format!("month: a step of 13 {larger} 1-12 or JAN-DEC"),
    );
    refused(
        "0 0 * * */[8]",
        &format!("day of week: a step of 8 {larger} 0-7 or SUN-SAT"),
    );
    // Of a range, only the first value would be left.
    refused(
        "10-20/[30] * * * *",
        &format!("minute: a step of 30 {larger} 10-20; write 10 alone, or a step of at most 11"),
    );
    refused(
        "0 22-2/[6] * * *",
        &format!("hour: a step of 6 {larger} 22-2; write 22 alone, or a step of at most 5"),
    );
    refused(
        "0 0 * * FRI-SUN/[4]",
        &format!(
            "day of week: a step of 4 {larger} FRI-SUN; write FRI alone, or a step of at most 3"
        ),
    );
    refused(
        "0 0 * * 5-7/[4]",
        &format!("day of week: a step of 4 {larger} 5-7; write 5 alone, or a step of at most 3"),
    );
    refused(
        "0 0 * * FRI/[x]",
        "day of week: a step of x is not a number",
    );
}

#[test]
fn days_of_special_kinds() {
    refused(
        "0 0 * * [L]",
        "day of week: L needs a day before it, as in 5L (the last Friday)",
    );
    refused(
        "0 0 * * [8]L",
        "day of week: 8 is not in 0-7 or SUN-SAT; Sunday is 0 or 7",
    );
    refused("0 0 * * [FRI#6]", "day of week: #6 is not in #1 to #5");
    refused("0 0 * * [FRI#0]", "day of week: #0 is not in #1 to #5");
    refused("0 0 * * [#2]", "day of week: #2 is not in 0-7 or SUN-SAT");
    refused("0 0 [L-31] * *", "day of month: L-31 is not in L-0 to L-30");
    refused("0 0 [L-] * *", "day of month: L- is not in L-0 to L-30");
    let why = "day of month: L-3W is not supported; write LW (the last weekday of the month), or a \
               day such as L-3 without the W";
    refused("0 0 [L-3W] * *", why);
    refused_in(Dialect::Quartz, "0 0 0 [L-3W] * ?", why);
    refused("0 0 [L]/2 * *", "day of month: L is not in 1-31");
    refused("0 0 [W] * *", "day of month: W is not in 1-31");
    refused("0 0 [32]W * *", "day of month: 32 is not in 1-31");
    refused("0 0 * [L] *", "month: L is not in 1-12 or JAN-DEC");
}

#[test]
fn h_without_a_name_or_a_range() {
    let unknown = "H stands for a value made from the schedule's name, which is not known here; \
                   name it with --name";
    refused("[H] * * * *", &format!("minute: {unknown}"));
    refused("0 [H(0-7)] * * *", &format!("hour: {unknown}"));
    refused("[h/15] * * * *", &format!("minute: {unknown}"));
    refused(
        "0 0 0 * * * [H]",
        "year: H can't stand here; write the year",
    );
    let shape = "is not H, H(0-59), H/5 or H(0-59)/5";
    refused("[H5] * * * *", &format!("minute: H5 {shape}"));
    refused("[H()] * * * *", &format!("minute: H() {shape}"));
    refused("[H(5)] * * * *", &format!("minute: H(5) {shape}"));
    refused("[H(0-5] * * * *", &format!("minute: H(0-5 {shape}"));
    refused("[H-5] * * * *", &format!("minute: H-5 {shape}"));
    refused(
        "H(0-[60]) * * * *",
        "minute: 60 is not in 0-59; it is 0 of the next one",
    );
    refused(
        "H(0-9)/[11] * * * *",
        "minute: a step of 11 is larger than the range H(0-9); write H(0-9) alone, or a step of at most 10",
    );
    refused(
        "H/[0] * * * *",
        "minute: a step of 0 leads nowhere; take 1 or more",
    );
    refused("[H/] * * * *", "minute: H/ has no step after the /");
}

#[test]
fn what_can_never_fire() {
    refused(
        "0 0 [30] 2 *",
        "never fires: day of month 30 does not exist in month 2",
    );
    refused(
        "0 0 [31] 2,4,6,9,11 *",
        "never fires: day of month 31 does not exist in month 2,4,6,9,11",
    );
    refused(
        "0 0 [L-30] APR ?",
        "never fires: day of month L-30 does not exist in month APR",
    );
    refused(
        "0 0 [31W] 4 ?",
        "never fires: day of month 31W does not exist in month 4",
    );
    refused(
        "0 0 0 [29] 2 * 2026",
        "never fires: day of month 29 does not exist in month 2 of 2026",
    );
    refused(
        "0 0 0 [29] 2 */5 2028",
        "never fires: day of month 29 on day of week */5 does not exist in month 2 of 2028",
    );
    refused(
        "0 0 0 [30] 2 5#5 2027",
        "never fires: day of month 30 or day of week 5#5 does not exist in month 2 of 2027",
    );
    refused(
        "0 0 0 [29] 2 +MON 2028",
        "never fires: day of month 29 on day of week MON does not exist in month 2 of 2028",
    );
}

#[test]
fn forms_that_belong_elsewhere() {
    let fields = "a schedule has 5 fields (minute, hour, day of month, month, day of week), 6 (second first) or 7 (year last), not";
    let shell = "if a shell took the * for file names, quote the schedule";
    refused("[* * * *]", &format!("{fields} 4; {shell}"));
    refused(
        "* * * * * * * [*]",
        &format!("{fields} 8; a command does not belong behind them"),
    );
    refused(
        "0 3 * * * cp -r [/a /b]",
        &format!("{fields} 9; a command does not belong behind them"),
    );
    refused("[hourly]", &format!("{fields} 1; did you mean @hourly?"));
    refused(" [Cargo.toml] ", &format!("{fields} 1; {shell}"));
    let zone = "the time zone goes into timeZone, not before the schedule";
    for prefix in [
        "[TZ=Europe/Berlin] 0 0 * * *",
        "[CRON_TZ=UTC] 0 0 * * *",
        "[TZ=]",
        "[CRON_TZ=UTC]",
        "[tz=UTC] @daily",
    ] {
        refused(prefix, zone);
    }
    refused(
        "[@reboot]",
        "@reboot is not a time: a cluster does not reboot",
    );
    let names = "is not one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly, @every <duration>, @at <date and time>";
    refused("[@fortnightly]", &format!("@fortnightly {names}"));
    refused("[@]", &format!("@ {names}"));
    refused("@daily [5]", "@daily stands alone, without 5");
}

#[test]
fn durations() {
    let shape = "is not a duration such as 90s or 1h30m";
    let unit = "needs the unit h, m or s after each number";
    refused("[@every]", &format!(r#"@every: "" {shape}"#));
    refused("@every [h]", &format!(r#"@every: "h" {shape}"#));
    refused("@every [.s]", &format!(r#"@every: ".s" {shape}"#));
    refused("@every [5]", &format!(r#"@every: "5" {unit}"#));
    refused("@every [1d]", &format!(r#"@every: "1d" {unit}"#));
    refused("@every [1h 30m]", &format!(r#"@every: "1h 30m" {unit}"#));
    refused("@every [-1s]", r#"@every: "-1s" is negative"#);
    refused("@every [0]", r#"@every: "0" is shorter than 1s"#);
    refused("@every [999ms]", r#"@every: "999ms" is shorter than 1s"#);
    refused(
        "@every [1.5s]",
        r#"@every: "1.5s" is not a whole number of seconds"#,
    );
    refused("@every [2562048h]", r#"@every: "2562048h" is too long"#);
    refused(
        "@every [99999999999999999999s]",
        r#"@every: "99999999999999999999s" is too long"#,
    );
}

#[test]
fn instants() {
    let shape = "is not a date and time such as 2026-12-24T18:00:00+01:00 or 2026-12-24 18:00";
    for text in [
        "soon",
        "2026-12-24",
        "18:00",
        "24.12.2026 18:00",
        "2026-12-24  18:00",
        "2026-12-24 18",
        "26-12-24 18:00",
        "2026-1-1 18:00",
        "2026-12-24 6:00",
        "2026-12-24T18:00:00:00",
        "2026-12-24T18:00 +01:00",
        "2026-12-24T18:00 UTC",
    ] {
        refused(&format!("@at [{text}]"), &format!("@at: {text:?} {shape}"));
    }
    refused("[@at]", &format!(r#"@at: "" {shape}"#));
    refused(
        "@at [2026-02-29] 18:00",
        r#"@at: "2026-02-29" is not in the calendar"#,
    );
    refused(
        "@at [1969-12-31] 18:00",
        r#"@at: "1969-12-31" is not in the years 1970-2100"#,
    );
    refused(
        "@at 2026-12-24 [24:00]",
        r#"@at: "24:00" is not in 00:00:00 to 23:59:59"#,
    );
    refused(
        "@at 2026-12-24T[23:59:60]Z",
        r#"@at: "23:59:60" is not in 00:00:00 to 23:59:59"#,
    );
    refused(
        "@at 2026-12-24T18:00:00.[5]Z",
        r#"@at: "5" is a fraction of a second; fires are whole seconds"#,
    );
    let offset = "is not an offset such as Z or +01:00, from -23:59 to +23:59";
    for text in ["+1", "+24:00", "+01", "-0100", "Z+01:00", "+01:60", "-1:00"] {
        refused(
            &format!("@at 2026-12-24T18:00:00[{text}]"),
            &format!("@at: {text:?} {offset}"),
        );
    }
}

#[test]
fn pointers_stand_under_the_culprit_whatever_is_before_it() {
    let pointer = |expression: &str| {
        let error = Timing::parse(expression, TimeZone::UTC).unwrap_err();
        error.pointer().unwrap()
    };
    assert_eq!(pointer("  0 24 * * *  "), "  0 24 * * *  \n    ^^");
    assert_eq!(pointer("0\t24 * * *"), "0 24 * * *\n  ^^");
    assert_eq!(pointer("0\t24\n* * *"), "0 24 * * *\n    ^");
    // One column for each character, also for those that terminals draw wide or join.
    assert_eq!(pointer("１５ * * * *"), "\u{fffd}\u{fffd} * * * *\n^^");
    assert_eq!(pointer("* é * * *"), "* é * * *\n  ^");
    assert_eq!(
        pointer("0 0 * * FRI\u{301}#2"),
        "0 0 * * FRI\u{fffd}#2\n           ^"
    );
    let long = format!("{}77{} * * * *", "5,".repeat(60), ",6".repeat(60));
    let lines = pointer(&long);
    let (line, carets) = lines.split_once('\n').unwrap();
    assert_eq!(line.chars().count(), 74);
    let column = carets.find('^').unwrap();
    let shown: String = line
        .chars()
        .skip(column)
        .take(carets.len() - column)
        .collect();
    assert_eq!(shown, "77", "{lines}");
    // A culprit that is longer than the line is underlined up to its end.
    let lines = pointer(&"7".repeat(300));
    let (line, carets) = lines.split_once('\n').unwrap();
    assert_eq!((line.chars().count(), carets.len()), (73, 72), "{lines}");
    assert_eq!(zone("Nowhere").unwrap_err().pointer(), None);
}

#[test]
fn what_is_not_plain_text_is_refused_in_every_dialect() {
    let line =
        "the schedule has a line break: write it on one line, in quotes, not as a block (| or >)";
    let space = |code| {
        format!(
            "the schedule has a character that looks like a space or like nothing ({code}): write \
             a plain space, or delete it"
        )
    };
    let other = |shown, code| {
        format!(
            "the schedule has {shown} ({code}): write it with the letters, digits and signs of ASCII"
        )
    };
    for (marked, why) in [
        ("0 3 * * *[\n]", line.to_owned()),
        ("[\n]", line.to_owned()),
        ("0 3[\r\n]* * *", line.to_owned()),
        ("0[\u{a0}]3 * * *", space("U+00A0")),
        ("0 3 *[\u{3000}]* *", space("U+3000")),
        ("[\u{feff}]0 3 * * *", space("U+FEFF")),
        ("0 3[\u{200b}] * * *", space("U+200B")),
        ("0 3[\u{b}]* * *", space("U+000B")),
        ("0 3 * *[\u{2028}]*", space("U+2028")),
        (
            "0 3 * * *[\u{0}]",
            "the schedule has a control character (U+0000): delete it".to_owned(),
        ),
        ("[１５] 3 * * *", other("'１'", "U+FF11")),
        ("0 0 * * MON[–]FRI", other("'–'", "U+2013")),
        ("0 3 [∗] * *", other("'∗'", "U+2217")),
        (
            "@every 1500000[µ]s",
            "the schedule has µ (U+00B5), which is not plain ASCII: write us".to_owned(),
        ),
    ] {
        for dialect in DIALECTS {
            refused_in(dialect, marked, &why);
        }
    }
    // A tab is as good as a space.
    assert!(Timing::parse("\t0\t3 * * * ", TimeZone::UTC).is_ok());
}

#[test]
fn nothing_and_too_much() {
    for (expression, why) in [
        (String::new(), "the schedule is empty"),
        (" \t ".to_owned(), "the schedule is empty"),
        ("7".repeat(4096), "the schedule is longer than 1024 bytes"),
    ] {
        assert_eq!(
            Timing::parse(&expression, TimeZone::UTC)
                .unwrap_err()
                .to_string(),
            why
        );
    }
    // What is quoted stays short and on one line.
    let error = Timing::parse(
        &format!("\u{1b}[2J\n{} * * * *", "5,".repeat(400)),
        TimeZone::UTC,
    )
    .unwrap_err();
    assert!(error.to_string().len() < 300, "{error}");
    assert!(
        error.to_string().chars().all(|c| !c.is_control()),
        "{error:?}"
    );
}

fn zone(name: &str) -> Result<TimeZone, TimingError> {
    Zones::built_in().get(name)
}

#[test]
fn zones() {
    for name in [
        "UTC",
        "Europe/Berlin",
        "America/Argentina/Buenos_Aires",
        "CET",
        "EST5EDT",
        "Etc/GMT+5",
    ] {
        assert_eq!(zone(name).unwrap().iana_name(), Some(name));
    }
    let unknown = |name: &str| {
        let error = zone(name).expect_err(name).to_string();
        let database = format!(" to the zone database {}", Zones::built_in().version());
        assert!(name.len() > 64 || error.contains(&database), "{error}");
        error.replace(&database, "")
    };
    let hint = "is not known; use an IANA name such as Europe/Berlin, or UTC";
    assert_eq!(
        unknown("europe/berlin"),
        r#"time zone: "europe/berlin" is not known; did you mean Europe/Berlin?"#
    );
    assert_eq!(
        unknown("America/New York"),
        r#"time zone: "America/New York" is not known; did you mean America/New_York?"#
    );
    assert_eq!(
        unknown("berlin"),
        r#"time zone: "berlin" is not known; did you mean Europe/Berlin?"#
    );
    assert_eq!(
        unknown("utc"),
        r#"time zone: "utc" is not known; did you mean Etc/UTC or UTC?"#
    );
    for name in [
        "",
        "CEST",
        "Local",
        "+01:00",
        "Etc/Unknown",
        "../../etc/passwd",
        "/etc/localtime",
        "Europe/",
        ":UTC",
        "localtime",
        "posixrules",
        "posix/Europe/Berlin",
        "right/Europe/Berlin",
    ] {
        assert_eq!(unknown(name), format!("time zone: {name:?} {hint}"));
    }
    assert!(unknown(&"x/".repeat(100_000)).len() < 300);
}

#[test]
fn the_ends_of_time() {
    let hours = |n| jiff::SignedDuration::from_hours(n);
    for place in [
        "UTC",
        "America/New_York",
        "Africa/Casablanca",
        "Etc/GMT+12",
        "Etc/GMT-14",
    ] {
        for expression in ["* * * * * *", "30 2 * * *", "@every 2562047h", "0 0 29 2 *"] {
            let timing = Timing::parse(expression, zone(place).unwrap()).unwrap();
            for after in [
                Timestamp::MIN,
                Timestamp::UNIX_EPOCH,
                Timestamp::MAX - hours(1),
                Timestamp::MAX,
            ] {
                let until = after.saturating_add(hours(50_000)).unwrap();
                let fire = timing.next(after);
                assert!(
                    fire.is_none_or(|fire| fire > after),
                    "{expression:?} after {after}"
                );
                let first = timing.due(after, until).map(|due| due.first);
                assert_eq!(
                    first,
                    fire.filter(|fire| *fire <= until),
                    "{expression:?} after {after}"
                );
                assert_eq!(
                    timing.due(after, Timestamp::MIN),
                    None,
                    "{expression:?} after {after}"
                );
                let previous = timing.previous(after);
                assert!(
                    previous.is_none_or(|previous| previous < after),
                    "{expression:?} before {after}"
                );
                timing.describe_local(after);
            }
        }
    }
}

/// Fires from the first year that there is to the last.
#[track_caller]
fn ever(place: &str, expression: &str, count: u64, first: &str, latest: &str) {
    let timing = Timing::parse(expression, zone(place).unwrap()).unwrap();
    let due = timing.due(Timestamp::MIN, Timestamp::MAX).unwrap();
    assert_eq!(due.first, first.parse().unwrap(), "{expression:?}");
    assert_eq!(due.latest, latest.parse().unwrap(), "{expression:?}");
    assert_eq!(due.count, count, "{expression:?}");
    assert_eq!(timing.next(Timestamp::MIN), Some(due.first));
    assert_eq!(timing.next(due.latest), None, "{expression:?}");
    assert_eq!(timing.previous(Timestamp::MAX), Some(due.latest));
    assert_eq!(timing.previous(due.first), None, "{expression:?}");
}

#[test]
fn all_of_time() {
    let (years, leap_days) = ("0 0 12 1 1 ? 1970-2100", "0 12 29 2 *");
    ever(
        "UTC",
        years,
        131,
        "1970-01-01T12:00:00Z",
        "2100-01-01T12:00:00Z",
    );
    let new_york = "America/New_York";
    ever(
        new_york,
        years,
        131,
        "1970-01-01T17:00:00Z",
        "2100-01-01T17:00:00Z",
    );
    // Before 1883 New York kept its own mean time.
    ever(
        new_york,
        leap_days,
        4849,
        "-009996-02-29T16:56:02Z",
        "9996-02-29T17:00:00Z",
    );
}

#[test]
fn many_fit_into_memory() {
    assert!(size_of::<Timing>() <= 104, "{}", size_of::<Timing>());
}

/// Input that is nearly an expression, so that it gets far.
fn nearly() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "*",
        "?",
        "/",
        "-",
        ",",
        "#",
        "L",
        "W",
        "H",
        "H(0-5)",
        "+",
        "@at ",
        "2026-10-25",
        "T02:30",
        "CRON_TZ=UTC",
        "LW",
        "0",
        "1",
        "2",
        "5",
        "7",
        "12",
        "29",
        "30",
        "31",
        "59",
        "60",
        "99999999999",
        "JAN",
        "feb",
        "SUN",
        "fri",
        "@every ",
        "@daily",
        "TZ=",
        "1h",
        "1s",
        ".5",
        "ms",
        "2028",
        "2100",
        "é",
        "\u{0}",
    ]);
    let word = prop::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat());
    prop::collection::vec(word, 1..9).prop_map(|words| words.join(" "))
}

const DIALECTS: [Dialect; 5] = [
    Dialect::Punctual,
    Dialect::Crontab,
    Dialect::Robfig,
    Dialect::Cronexpr,
    Dialect::Quartz,
];

/// What is pointed at is in the expression, and can be shown.
fn check(error: &TimingError, expression: &str) -> Result<(), TestCaseError> {
    prop_assert!(error.to_string().len() < 1000, "{error}");
    prop_assert!(!error.to_string().contains(char::is_control), "{error}");
    if let Some(span) = error.span() {
        prop_assert_eq!(error.expression(), expression);
        prop_assert!(expression.get(span).is_some(), "{error:?}");
        let pointer = error.pointer().unwrap();
        let (line, carets) = pointer.split_once('\n').unwrap();
        prop_assert!(carets.trim_start().bytes().all(|b| b == b'^'), "{pointer}");
        prop_assert!(carets.len() <= line.chars().count() + 1, "{pointer}");
    } else {
        // All mistakes within an expression have a place.
        prop_assert!(error.expression().is_empty(), "{error:?}");
    }
    Ok(())
}

/// Reads and asks: neither may panic, and answers are later than questions.
fn ask(expression: &str, place: &str, after: Timestamp) -> Result<(), TestCaseError> {
    for (dialect, seed) in DIALECTS.into_iter().zip([Some(1), None, None, None, None]) {
        let options = Options {
            dialect,
            seed,
            ..Options::default()
        };
        let timing = match Timing::read(expression, zone(place).unwrap(), &options) {
            Ok(timing) => timing,
            Err(error) => {
                check(&error, expression)?;
                continue;
            }
        };
        let fire = timing.next(after);
        prop_assert!(fire.is_none_or(|fire| fire > after));
        let previous = timing.previous(after);
        prop_assert!(previous.is_none_or(|previous| previous < after));
        let until = fire.unwrap_or(Timestamp::MAX);
        let due = timing
            .due(after, until)
            .map(|due| (due.first, due.latest, due.count));
        prop_assert_eq!(due, fire.map(|fire| (fire, fire, 1)));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_text_is_read_or_refused(expression in any::<String>(), seconds in any::<i32>()) {
        ask(&expression, "Europe/Berlin", Timestamp::from_second(seconds.into()).unwrap())?;
    }

    #[test]
    fn text_that_is_nearly_right_is_read_or_refused(expression in nearly(), seconds in -377_705_023_201i64..=253_402_207_200) {
        ask(&expression, "America/New_York", Timestamp::from_second(seconds).unwrap())?;
    }

    #[test]
    fn any_name_is_a_zone_or_refused(name in any::<String>()) {
        prop_assert!(zone(&name).is_ok() || zone(&name).unwrap_err().to_string().starts_with("time zone: "));
    }
}
