//! The page of examples: expressions with their meaning in words and their first fires.

use std::fmt::Write as _;

use anyhow::Context;
use jiff::Timestamp;
use punctual::core::{
    cron::{Options, Timing, Zones, words},
    run::spread,
};

/// Fires are shown after this instant, a Friday.
const FROM: &str = "2026-11-20T12:00:00Z";

/// The schedule that `H` is made from.
const NAME: &str = "default/backup";

/// How many fires of each are shown.
const FIRES: usize = 3;

/// A heading, and the expressions under it, each with its zone.
type Section = (&'static str, &'static [(&'static str, &'static str)]);

const SECTIONS: &[Section] = &[
    (
        "Times of the day",
        &[
            ("* * * * *", "UTC"),
            ("*/15 * * * *", "UTC"),
            ("5/20 * * * *", "UTC"),
            ("*/25 * * * *", "UTC"),
            ("0,30 9-17 * * *", "UTC"),
            ("0 22-2/2 * * *", "UTC"),
            ("30 2 * * *", "Europe/Berlin"),
            ("*/10 * * * * *", "UTC"),
            ("15 30 1 * * *", "UTC"),
        ],
    ),
    (
        "Days",
        &[
            ("0 9 * * MON-FRI", "Europe/London"),
            ("0 0 * * fri-mon", "UTC"),
            ("0 0 * * 7", "UTC"),
            ("0 0 1 */3 *", "UTC"),
            ("0 0 L * *", "UTC"),
            ("0 0 L-3 * *", "UTC"),
            ("0 0 LW * *", "UTC"),
            ("0 0 15W * *", "UTC"),
            ("0 0 * * 5L", "UTC"),
            ("0 0 * * FRI#2", "UTC"),
            ("0 0 29 2 *", "UTC"),
            ("0 0 13 * FRI", "UTC"),
            ("0 0 13 * +FRI", "UTC"),
            ("0 0 */2 * 1", "UTC"),
        ],
    ),
    (
        "Years, once, elapsed time, names",
        &[
            ("0 0 9 1 1 ? 2030", "UTC"),
            ("0 0 9 1 1 ? 2030-2040/5", "UTC"),
            ("@at 2026-12-24T18:00:00+01:00", "Europe/Berlin"),
            ("@at 2026-12-24 18:00", "Asia/Kathmandu"),
            ("@every 1h30m", "UTC"),
            ("@hourly", "UTC"),
            ("@daily", "America/New_York"),
            ("@weekly", "UTC"),
            ("@monthly", "UTC"),
            ("@yearly", "UTC"),
        ],
    ),
    (
        "A value of the schedule's own",
        &[
            ("H * * * *", "UTC"),
            ("H H * * *", "UTC"),
            ("H(0-29) 3 * * *", "UTC"),
            ("H/15 * * * *", "UTC"),
            ("H H H * *", "UTC"),
        ],
    ),
];

/// The page as Markdown.
pub fn page() -> anyhow::Result<String> {
    let mut page = format!(
        "# Examples of schedules\n\n\
         Each expression with what `punctual explain` says of it and its first fires after Friday,\n\
         2026-11-20 12:00 UTC. `H` is that of the schedule `{NAME}`. What the forms mean is in\n\
         [schedules.md](schedules.md).\n"
    );
    for (heading, rows) in SECTIONS {
        write!(
            page,
            "\n## {heading}\n\n| schedule | means | first fires |\n|---|---|---|\n"
        )?;
        for (expression, zone) in *rows {
            let row = row(expression, zone).with_context(|| format!("the row of {expression}"))?;
            writeln!(page, "{row}")?;
        }
    }
    Ok(page)
}

fn row(expression: &str, zone: &str) -> anyhow::Result<String> {
    let from: Timestamp = FROM.parse()?;
    let zone = Zones::built_in().get(zone)?;
    let options = Options {
        seed: Some(spread(NAME)),
        ..Options::default()
    };
    let words = words::explain(expression, &zone, &options, from)?;
    let timing = Timing::read(expression, zone, &options)?;
    let mut fires: Vec<String> =
        std::iter::successors(timing.next(from), |fire| timing.next(*fire))
            .take(FIRES)
            .map(|fire| timing.describe_local(fire))
            .collect();
    if fires.len() < FIRES {
        fires.push("none after".to_owned());
    }
    let means = words.when.replace('|', "\\|");
    Ok(format!(
        "| `{expression}` | {means} | {} |",
        fires.join("<br>")
    ))
}
