//! `punctual next`: the coming fires of expressions, of schedules in files, or of one in the cluster.

use std::io::Write;

use anyhow::{Context, anyhow, bail, ensure};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use punctual::{
    clock::Clock,
    core::{almanac::Almanac, reason::Reason, schedule::Idle, timetable::Timetable},
};
use serde_json::{Map, Value, json};

use super::{
    Failure,
    expression::{ExpressionFlags, check_quoted, count, from, is_name},
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

/// Expressions, when an `@` stands before them.
const EXPRESSIONS: [&str; 7] = [
    "yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly",
];

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
        value_parser = |text: &str| count(text, 10_000)
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

pub fn run(flags: &Next) -> Result<(), Failure> {
    let almanac = flags.zones.almanac().map_err(Failure::trouble)?;
    let from = from(flags.from.as_deref(), &almanac.local).map_err(Failure::trouble)?;
    if !flags.filename.is_empty() {
        return Ok(of_files(flags, almanac, from)?);
    }
    if wanted(&flags.words).map_err(Failure::trouble)? {
        return Ok(of_cluster(flags, almanac, from)?);
    }
    Ok(of_expressions(flags, &almanac, from)?)
}

/// Whether names are given, and not expressions.
///
/// # Errors
///
/// Wrong usage: neither, or both.
fn wanted(words: &[String]) -> anyhow::Result<bool> {
    ensure!(
        !words.is_empty(),
        "give an expression in quotes, a name, or a file with -f; see punctual next --help"
    );
    check_quoted(words)?;
    let name = words.iter().find(|word| is_name(word));
    if let Some(name) = name.filter(|_| !words.iter().all(|word| is_name(word))) {
        bail!("{name} is a name, the others are expressions: give either names or expressions");
    }
    Ok(name.is_some())
}

fn of_expressions(flags: &Next, almanac: &Almanac, from: Timestamp) -> anyhow::Result<()> {
    let shown = Shown {
        name: flags.words.join(", "),
        timetable: Ok(flags.expression.timetable(&flags.words, almanac)?),
        counts_from: None,
    };
    print(flags, &[shown], from)
}

fn of_files(flags: &Next, mut almanac: Almanac, from: Timestamp) -> anyhow::Result<()> {
    let namespace = flags.namespace.as_deref();
    let namespace = namespace.unwrap_or(files::OFFLINE_NAMESPACE);
    let contents = files::read(&flags.filename, namespace, &almanac)?;
    contents.add_calendars_to(&mut almanac);
    let mut problems: Vec<String> = contents.problems.iter().map(ToString::to_string).collect();
    // As if made now; for who asks about an earlier time, then.
    let created = Some(from.min(Clock::System.now()));
    let mut shown = Vec::new();
    for written in &contents.schedules {
        let missing = written.missing_calendars(&almanac);
        let problem = written.problem(&almanac, created);
        if let Some((_, finding)) = missing.first() {
            problems.push(format!("{finding}; give its manifest with -f too"));
        } else if let Some(problem) = problem {
            problems.push(problem.to_string());
        } else {
            shown.push(Shown {
                name: written.schedule.full_name(),
                timetable: written.schedule.timetable(&almanac, created),
                counts_from: None,
            });
        }
    }
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

fn of_cluster(flags: &Next, mut almanac: Almanac, from: Timestamp) -> anyhow::Result<()> {
    let mut shown = Vec::new();
    let asked = flags.cluster.ask(async |cluster| {
        let namespace = flags.namespace.as_ref().unwrap_or(&cluster.namespace);
        for name in &flags.words {
            let Some(live) = cluster.schedule(namespace, name).await? else {
                bail!(
                    "there is no schedule {name} in the namespace {namespace}; name another with \
                     --namespace, or write an expression in quotes"
                );
            };
            let calendars = live.schedule.calendars();
            cluster.add_calendars(&mut almanac, calendars).await?;
            shown.push(Shown {
                name: live.schedule.full_name(),
                timetable: live.timetable(&almanac),
                counts_from: live.counts_from,
            });
        }
        Ok(())
    });
    let known = |word: &&String| EXPRESSIONS.contains(&word.as_str());
    match flags.words.iter().find(known) {
        Some(name) => asked.with_context(|| {
            format!("{name} was looked for in the cluster; did you mean '@{name}'?")
        })?,
        None => asked?,
    }
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
        // Who is held off on purpose is no error.
        let meant = |idle: &Idle| matches!(idle.reason, Reason::Suspended | Reason::Disabled);
        let why = match timetable {
            Err(idle) if meant(idle) => Some(format!("never fires: {}", idle.message)),
            Err(idle) => Some(idle.message.clone()),
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
            let is_meant = timetable.as_ref().is_err_and(meant);
            match &why {
                Some(why) if all.len() > 1 || is_meant => writeln!(out, "{indent}{why}")?,
                None if fires.len() < usize::from(flags.count) => {
                    writeln!(out, "{indent}no more fires")?;
                }
                Some(_) | None => {}
            }
        }
        let why = why.filter(|_| !timetable.as_ref().is_err_and(meant));
        idle.extend(why.map(|why| format!("{name}: {why}")));
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
