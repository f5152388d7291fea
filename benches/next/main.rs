//! How long `next` takes, beside the crates `cron` and `croner`, and beside robfig/cron if
//! `hack/bench-next` has measured it first. Prints one table; `BENCH_WRITE=1` keeps it in
//! docs/performance.md.

#[path = "../../tests/random/expressions.rs"]
mod expressions;
#[path = "../page/section.rs"]
mod page_section;
#[path = "../../tests/random/mod.rs"]
mod random;
mod spread;
mod table;

use std::{hint::black_box, str::FromStr, time::Duration};

use chrono::TimeZone as _;
use criterion::{Criterion, measurement::WallTime};
use croner::parser::{CronParser, Seconds};
use jiff::Timestamp;
use punctual::core::cron::{Timing, Zones};

/// As people write them. tests/robfig/next_test.go has the same.
const EXPRESSIONS: [&str; 8] = [
    "* * * * *",
    "*/5 * * * *",
    "0 3 * * *",
    "30 2 * * MON-FRI",
    "0 0 1 * *",
    "0 0 29 2 *",
    "* * * * * *",
    "0 30 2 * * *",
];
const ZONES: [&str; 2] = ["UTC", "Europe/Berlin"];

/// Fires are asked for one after the other, as a scheduler does, for thirty years and then anew.
const START: i64 = 1_795_176_000; // 2026-11-20T12:00:00Z
const END: i64 = START + 30 * 31_556_952;

fn main() -> anyhow::Result<()> {
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .without_plots();
    for zone in ZONES {
        for expression in EXPRESSIONS {
            next(&mut criterion, zone, expression)?;
        }
    }
    for expression in EXPRESSIONS {
        parse(&mut criterion, expression);
    }
    let section = table::section()? + &spread::section()?;
    println!("{section}");
    if std::env::var("BENCH_WRITE").is_ok_and(|value| value == "1") {
        page_section::write("bench-next", &section)?;
    }
    Ok(())
}

/// The name of a measurement, which is a folder's too.
fn id(zone: &str, expression: &str) -> String {
    format!("{zone}|{expression}").replace(['/', '*', ' '], "_")
}

fn next(criterion: &mut Criterion<WallTime>, zone: &str, expression: &str) -> anyhow::Result<()> {
    let mut group = criterion.benchmark_group(id(zone, expression));
    let start = Timestamp::from_second(START)?;

    let ours = Timing::parse(expression, Zones::built_in().get(zone)?)?;
    let mut t = start;
    group.bench_function("punctual", |b| {
        b.iter(|| {
            t = black_box(&ours).next(t).unwrap_or(start);
            if t.as_second() > END {
                t = start;
            }
        });
    });

    let theirs = cron::Schedule::from_str(&with_seconds(expression))?;
    let in_zone: chrono_tz::Tz = zone
        .parse()
        .map_err(|error| anyhow::anyhow!("{zone}: {error}"))?;
    let start = in_zone.timestamp_opt(START, 0).unwrap();
    let mut t = start;
    group.bench_function("cron", |b| {
        b.iter(|| {
            let next = black_box(&theirs).after(&t).next().unwrap_or(start);
            // It answers with an earlier time where a clock is put back: that would be asked for ever.
            t = if next <= t {
                t + Duration::from_secs(3600)
            } else {
                next
            };
            if t.timestamp() > END {
                t = start;
            }
        });
    });

    let theirs = croner_parser().parse(expression)?;
    let start = Timestamp::from_second(START)?.to_zoned(Zones::built_in().get(zone)?);
    let mut t = start.clone();
    group.bench_function("croner", |b| {
        b.iter(|| {
            t = black_box(&theirs)
                .find_next_occurrence(&t, false)
                .unwrap_or_else(|_| start.clone());
            if t.timestamp().as_second() > END {
                t = start.clone();
            }
        });
    });
    group.finish();
    Ok(())
}

fn parse(criterion: &mut Criterion<WallTime>, expression: &str) {
    let mut group = criterion.benchmark_group(id("parse", expression));
    group.bench_function("punctual", |b| {
        b.iter(|| Timing::parse(black_box(expression), jiff::tz::TimeZone::UTC));
    });
    let text = with_seconds(expression);
    group.bench_function("cron", |b| {
        b.iter(|| cron::Schedule::from_str(black_box(&text)));
    });
    group.bench_function("croner", |b| {
        b.iter(|| croner_parser().parse(black_box(expression)));
    });
    group.finish();
}

/// The crate `cron` has no 5 fields.
fn with_seconds(expression: &str) -> String {
    if expression.split(' ').count() == 5 {
        format!("0 {expression}")
    } else {
        expression.to_owned()
    }
}

fn croner_parser() -> CronParser {
    CronParser::builder().seconds(Seconds::Optional).build()
}
