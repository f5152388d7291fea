//! What criterion's medians hide: the slowest answers to random questions, and long spans.

use std::{fmt::Write as _, hint::black_box, time::Instant};

use jiff::{Timestamp, tz::TimeZone};
use punctual::core::cron::{Timing, Zones};

use crate::{expressions::expression, random::Random};

/// Each question is asked so often and its quickest answer counts, so that what is measured is the
/// answer and not what else the machine had to do.
const TRIES: usize = 5;

const QUESTIONS: usize = 10_000;

/// The slowest `next` of all at p99.9, by requirement.
const MOST_NANOSECONDS: u64 = 50_000;

const ZONES: [&str; 6] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Asia/Kathmandu",
];

/// The figures as Markdown.
pub fn section() -> anyhow::Result<String> {
    let mut out = String::from("| ns | p50 | p99 | p99.9 | slowest |\n|---|---|---|---|---|\n");
    let (mut nexts, mut parses) = (Vec::new(), Vec::new());
    let mut slowest = (0, String::new());
    let mut random = Random(13);
    while nexts.len() < QUESTIONS {
        let zone = Zones::built_in().get(random.of(&ZONES))?;
        let text = random_expression(&mut random);
        let after = Timestamp::from_second(random.below(4_000_000_000) as i64)?;
        let Ok(timing) = Timing::parse(&text, zone) else {
            continue; // It never fires.
        };
        let took = quickest(|| timing.next(black_box(after)));
        if took > slowest.0 {
            slowest = (
                took,
                format!("`{text}` after {after} in {}", timing.describe_local(after)),
            );
        }
        nexts.push(took);
        parses.push(quickest(|| Timing::parse(black_box(&text), TimeZone::UTC)));
    }
    let rows = [
        (
            format!("`next` of {QUESTIONS} random expressions"),
            &mut nexts,
        ),
        ("reading each of them".to_owned(), &mut parses),
    ];
    for (name, times) in rows {
        times.sort_unstable();
        let at = |per_mille: usize| times[(times.len() * per_mille / 1000).min(times.len() - 1)];
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} | {} |",
            at(500),
            at(990),
            at(999),
            at(1000)
        );
    }
    let allowed = nexts[QUESTIONS * 999 / 1000] <= MOST_NANOSECONDS;
    anyhow::ensure!(
        allowed,
        "next takes too long at p99.9:\n{out}\nslowest: {slowest:?}"
    );
    let _ = writeln!(out, "\nThe slowest `next`: {}.\n", slowest.1);

    out.push_str("| ten years of fires in Europe/Berlin | fires | µs |\n|---|---|---|\n");
    let from = Timestamp::from_second(crate::START)?;
    let until = Timestamp::from_second(crate::START + 10 * 31_556_952)?;
    for expression in ["* * * * * *", "*/5 * * * *", "30 2 * * *"] {
        let timing = Timing::parse(expression, Zones::built_in().get("Europe/Berlin")?)?;
        let due = || timing.due(black_box(from), black_box(until));
        let fires = due().map_or(0, |due| due.count);
        let micros = quickest(due) as f64 / 1000.0;
        let _ = writeln!(out, "| `due` of `{expression}` | {fires} | {micros:.1} |");
    }
    Ok(out)
}

/// As tests have them, and some of what only this program reads.
fn random_expression(random: &mut Random) -> String {
    let text = expression(random);
    let mut fields: Vec<&str> = text.split(' ').collect();
    if random.one_in(8) {
        fields[2] = random.of(&["L", "L-3", "LW", "15W", "29", "30,31W"]);
    }
    if random.one_in(8) {
        fields[4] = random.of(&["5L", "FRI#2", "1#5", "SUN"]);
    }
    if random.one_in(3) {
        fields.insert(0, random.of(&["0", "*", "*/7", "59"]));
    }
    fields.join(" ")
}

fn quickest<T>(mut answer: impl FnMut() -> T) -> u64 {
    let once = |_| {
        let begin = Instant::now();
        black_box(answer());
        begin.elapsed().as_nanos() as u64
    };
    (0..TRIES).map(once).min().unwrap_or_default()
}
