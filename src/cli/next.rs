//! `punctual next`: the coming fires of expressions, of schedules in files, or of one in the cluster.

use std::io::Write;

use anyhow::{Context, anyhow, bail, ensure};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use punctual::{
    cluster::manifest,
    core::{almanac::Almanac, reason::Reason, schedule::Idle, timetable::Timetable},
};
use serde_json::{Map, Value, json};

use super::{
    expression::{ExpressionFlags, check_quoted, from, is_name},
    files,
    live::ClusterFlags,
    preview,
    zones::ZoneFlags,
};

pub const EXAMPLES: &str = "\
Examples:
  punctual next '30 2 * * MON-FRI' --time-zone Europe/Berlin
  punctual next '0 9 * * MON' '0 12 * * SUN' -n 10 -o json
  punctual next 'H H(1-5) * * *' --name default/backup
  punctual next -f schedule.yml --from 2026-12-24T00:00
  punctual next backup --namespace default

Several expressions are the schedules of one resource. With -o json the fires of one resource are an
array of RFC 3339 texts; with several schedules in the files, or several names, it is an object with
such an array for each `namespace/name`.
Exit code: 0, 1 if something has no fire left or can't be read, 2 for wrong usage.";

/// What is to be shown.
#[derive(Args)]
pub struct Next {
    /// Cron expressions, each in quotes; or names of schedules in the cluster.
    #[arg(value_name = "EXPR|NAME")]
    words: Vec<String>,

    /// A schedule file or a manifest, a folder of them, or - for the standard input: shows every
    /// schedule in it. May be given several times.
    #[arg(long, short, value_name = "FILE", conflicts_with = "words")]
    filename: Vec<std::path::PathBuf>,

    /// The namespace of names, and of schedules in files that name none. Default: that of the
    /// kubeconfig's context; for files, default.
    #[arg(long, env = "PUNCTUAL_NAMESPACE", value_name = "NAME")]
    namespace: Option<String>,

    /// The first fire is after this time: RFC 3339, or a local time such as 2026-11-20T12:00.
    /// Default: now.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,

    /// How many fires, from 1 to 10000.
    #[arg(
        short = 'n',
        long = "count",
        value_name = "N",
        default_value_t = 5,
        value_parser = clap::value_parser!(u16).range(1..=10_000)
    )]
    count: u16,

    /// How they are written.
    #[arg(long, short, value_enum, default_value_t = Output::Text)]
    output: Output,

    #[command(flatten)]
    expression: ExpressionFlags,

    #[command(flatten)]
    zones: ZoneFlags,

    #[command(flatten)]
    cluster: ClusterFlags,
}

/// How output is written.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// One resource and when it fires.
struct Shown {
    name: String,
    timetable: Result<Timetable, Idle>,
    counts_from: Option<Timestamp>,
}

pub fn run(flags: &Next) -> anyhow::Result<()> {
    let mut almanac = flags.zones.almanac()?;
    let from = from(flags.from.as_deref(), &almanac.local)?;
    if !flags.filename.is_empty() {
        return of_files(flags, &mut almanac, from);
    }
    ensure!(
        !flags.words.is_empty(),
        "give an expression in quotes, a name, or a file with -f; see punctual next --help"
    );
    check_quoted(&flags.words)?;
    if flags.words.iter().all(|word| is_name(word)) {
        return of_cluster(flags, &mut almanac, from);
    }
    if let Some(name) = flags.words.iter().find(|word| is_name(word)) {
        bail!("{name} is a name, the others are expressions: give either names or expressions");
    }
    let shown = Shown {
        name: flags.words.join(", "),
        timetable: Ok(flags.expression.timetable(&flags.words, &almanac)?),
        counts_from: None,
    };
    print(flags, &[shown], from)
}

fn of_files(flags: &Next, almanac: &mut Almanac, from: Timestamp) -> anyhow::Result<()> {
    let namespace = flags.namespace.as_deref().unwrap_or("default");
    let contents = files::read(&flags.filename, namespace, &almanac)?;
    contents.add_calendars_to(almanac);
    let shown: Vec<Shown> = contents
        .schedules
        .iter()
        .map(|written| Shown {
            name: written.full_name(),
            timetable: written.timetable(almanac),
            counts_from: None,
        })
        .collect();
    let problems: Vec<String> = contents.problems.iter().map(ToString::to_string).collect();
    ensure!(
        !(shown.is_empty() && problems.is_empty()),
        "there is no schedule in the files"
    );
    let printed = if shown.is_empty() {
        Ok(())
    } else {
        print(flags, &shown, from)
    };
    match (printed, problems.is_empty()) {
        (printed, true) => printed,
        (Ok(()), false) => Err(anyhow!(problems.join("\n"))),
        (Err(error), false) => Err(error.context(problems.join("\n"))),
    }
}

fn of_cluster(flags: &Next, almanac: &mut Almanac, from: Timestamp) -> anyhow::Result<()> {
    let mut shown = Vec::new();
    flags.cluster.ask(async |cluster| {
        let namespace = flags.namespace.as_ref().unwrap_or(&cluster.namespace);
        for name in &flags.words {
            let Some(live) = cluster.schedule(namespace, name).await? else {
                bail!(
                    "there is no schedule {name} in the namespace {namespace}; name another with \
                     --namespace, or write an expression in quotes"
                );
            };
            let calendars = manifest::calendars(&live.namespace, &live.timing);
            cluster.add_calendars(almanac, calendars).await?;
            shown.push(Shown {
                name: live.full_name(),
                timetable: live.timetable(almanac),
                counts_from: live.counts_from,
            });
        }
        Ok(())
    })?;
    print(flags, &shown, from)
}

/// Prints the fires of all.
///
/// # Errors
///
/// The names of those that have no fire, after all others are printed.
fn print(flags: &Next, all: &[Shown], from: Timestamp) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut idle = Vec::new();
    let mut json = Map::new();
    for (
        index,
        Shown {
            name,
            timetable,
            counts_from,
        },
    ) in all.iter().enumerate()
    {
        let fires = match timetable {
            Ok(timetable) => {
                let start = preview::start(timetable, *counts_from, from);
                preview::fires(timetable, start, flags.count.into())
            }
            Err(_) => Vec::new(),
        };
        let why = match timetable {
            Err(why) => Some(format!("never fires: {}", why.message)),
            Ok(_) if fires.is_empty() => Some("no fire is left".to_owned()),
            Ok(_) => None,
        };
        let local = |fire: &Timestamp| match timetable {
            Ok(timetable) => timetable.describe_local(*fire),
            Err(_) => fire.to_string(),
        };
        if flags.output == Output::Json {
            json.insert(name.clone(), fires.iter().map(local).collect::<Value>());
        } else {
            let indent = if all.len() > 1 { "  " } else { "" };
            if all.len() > 1 {
                let gap = if index > 0 { "\n" } else { "" };
                writeln!(out, "{gap}{name}")?;
            }
            if let Ok(timetable) = timetable {
                for fire in &fires {
                    writeln!(out, "{indent}{}", preview::line(timetable, *fire, from))?;
                }
            }
            match &why {
                Some(why) if all.len() > 1 => writeln!(out, "{indent}{why}")?,
                None if fires.len() < usize::from(flags.count) => {
                    writeln!(out, "{indent}no more fires")?;
                }
                Some(_) | None => {}
            }
        }
        let meant = match timetable {
            // One of several that is held off on purpose is no error.
            Err(idle) if all.len() > 1 => {
                matches!(idle.reason, Reason::Suspended | Reason::Disabled)
            }
            Ok(_) | Err(_) => false,
        };
        idle.extend(why.filter(|_| !meant).map(|why| format!("{name}: {why}")));
    }
    if flags.output == Output::Json {
        let value = match (json.len(), json.values().next()) {
            (1, Some(only)) => only.clone(),
            _ => Value::Object(json),
        };
        writeln!(out, "{}", serde_json::to_string_pretty(&json!(value))?)
            .context("cannot print the fires")?;
    }
    out.flush()?;
    ensure!(idle.is_empty(), "{}", idle.join("\n"));
    Ok(())
}
