//! `punctual explain`: what an expression means, in words.

use std::io::Write;

use clap::Args;
use jiff::Timestamp;
use punctual::core::{
    almanac::Almanac,
    cron::words::{self, Words},
};
use serde_json::{Value, json};

use super::{
    Failure,
    expression::{ExpressionFlags, check_quoted, from, with_pointer},
    next::Output,
    preview,
    zones::ZoneFlags,
};

pub const EXAMPLES: &str = "\
Examples:
  punctual explain '30 2 * * MON-FRI' --time-zone Europe/Berlin
  punctual explain '0 0 12 ? * 6#3' --dialect quartz
  punctual explain 'H H(1-5) * * *' --name default/backup
Exit code: 0, 1 for an expression that can't be read, 2 for wrong usage.";

/// How many of the next fires are shown.
const FIRES: usize = 3;

/// What is to be explained.
#[derive(Args)]
pub struct Explain {
    /// Cron expressions, each in quotes.
    #[arg(value_name = "EXPR", required = true)]
    words: Vec<String>,

    /// The next fires are after this time: RFC 3339, or a local time such as 2026-11-20T12:00.
    /// Default: now.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,

    /// How it is written.
    #[arg(long, short, value_enum, default_value_t = Output::Text)]
    output: Output,

    #[command(flatten)]
    expression: ExpressionFlags,

    #[command(flatten)]
    zones: ZoneFlags,
}

pub fn run(flags: &Explain) -> Result<(), Failure> {
    let almanac = flags.zones.almanac().map_err(Failure::trouble)?;
    let from = from(flags.from.as_deref(), &almanac.local).map_err(Failure::trouble)?;
    check_quoted(&flags.words).map_err(Failure::trouble)?;
    Ok(explain(flags, &almanac, from)?)
}

fn explain(flags: &Explain, almanac: &Almanac, from: Timestamp) -> anyhow::Result<()> {
    let options = flags.expression.options();
    let mut out = std::io::stdout().lock();
    let mut all: Vec<Value> = Vec::new();
    for (index, expression) in flags.words.iter().enumerate() {
        let words = words::explain(expression, &almanac.local, &options, from);
        let words = words.map_err(with_pointer)?;
        let only = std::slice::from_ref(expression);
        let timetable = flags.expression.timetable(only, almanac)?;
        let fires = preview::fires(&timetable, from, FIRES);
        let Words {
            when,
            clock_changes,
            hashed,
        } = words;
        if flags.output == Output::Json {
            let fires: Vec<String> = fires.iter().map(|t| timetable.describe_local(*t)).collect();
            all.push(json!({
                "expression": expression,
                "words": when,
                "clockChanges": clock_changes,
                "hashed": hashed,
                "next": fires,
            }));
            continue;
        }
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{when}.")?;
        if let Some(hashed) = hashed {
            writeln!(out, "H: {hashed}.")?;
        }
        writeln!(out, "{clock_changes}.")?;
        for fire in &fires {
            writeln!(out, "  {}", preview::line(&timetable, *fire, from))?;
        }
        if fires.is_empty() {
            writeln!(out, "  no fire is left")?;
        }
    }
    if flags.output == Output::Json {
        let value = match &all[..] {
            [only] => only.clone(),
            several => json!(several),
        };
        writeln!(out, "{}", serde_json::to_string_pretty(&value)?)?;
    }
    Ok(())
}
