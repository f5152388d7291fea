//! `punctual calendar import`: prints a calendar resource made from an .ics file. Talks to no cluster.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use jiff::civil::{Date, date};
use punctual::{
    api::{ClusterScheduleCalendar, GROUP, ScheduleCalendar},
    clock::Clock,
    cluster::names::{is_label, is_subdomain},
    ics::{self, Imported},
};
use serde_json::{Map, Value, json};

/// How many years after this one are imported by default.
const YEARS: i16 = 5;

#[derive(Subcommand)]
pub enum Calendar {
    /// Make a ScheduleCalendar from the events of an .ics file, ready for `kubectl apply -f -`.
    Import(Import),
}

#[derive(Args)]
pub struct Import {
    /// The iCalendar file, such as a country's holidays, or - for the standard input. At most 4 MiB.
    #[arg(value_name = "FILE.ics")]
    file: PathBuf,

    /// The calendar's name. Default: made from the name of the file.
    #[arg(long, value_name = "NAME", value_parser = name)]
    name: Option<String>,

    /// The namespace to write into it. Default: none, so that kubectl says.
    #[arg(long, short, value_name = "NAME", conflicts_with = "cluster", value_parser = namespace)]
    namespace: Option<String>,

    /// Make a ClusterScheduleCalendar, which schedules of every namespace may name.
    #[arg(long)]
    cluster: bool,

    /// The first day. Default: the first of this year.
    #[arg(long, value_name = "DATE", value_parser = day)]
    from: Option<Date>,

    /// The last day. Default: the last of the fifth year after this one.
    #[arg(long, value_name = "DATE", value_parser = day)]
    until: Option<Date>,
}

pub fn run(command: &Calendar) -> anyhow::Result<()> {
    let Calendar::Import(flags) = command;
    let page = page(
        flags,
        Clock::System.now().to_zoned(jiff::tz::TimeZone::UTC).date(),
    )?;
    let mut out = std::io::stdout().lock();
    out.write_all(page.as_bytes())
        .context("can't print the calendar")
}

fn page(flags: &Import, today: Date) -> anyhow::Result<String> {
    let from = flags.from.unwrap_or(date(today.year(), 1, 1));
    let last_year = from.year().max(today.year()).saturating_add(YEARS);
    let until = flags.until.unwrap_or(date(last_year.min(9999), 12, 31));
    let file = match is_stdin(&flags.file) {
        true => "the standard input".to_owned(),
        false => flags.file.display().to_string(),
    };
    let text = text(&flags.file).with_context(|| format!("can't read {file}"))?;
    let imported = ics::import(&text, from, until).context(file.clone())?;
    let name = match &flags.name {
        Some(name) => name.clone(),
        None => name_of(&flags.file)
            .filter(|_| !is_stdin(&flags.file))
            .with_context(|| {
                format!("no name can be made from that of {file}: give one with --name")
            })?,
    };
    manifest(flags, &name, imported, from, until)
}

fn text(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let file: Box<dyn Read> = match is_stdin(path) {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(std::fs::File::open(path)?),
    };
    // One byte more shows that there are more.
    file.take(ics::MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() > ics::MAX_BYTES {
        bail!("it is larger than 4 MiB: export fewer events");
    }
    String::from_utf8(bytes).context("it is not in UTF-8: save it as that")
}

fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn name(text: &str) -> Result<String, String> {
    let rule =
        "a name is 1 to 253 of a-z, 0-9, - and ., and begins and ends with a letter or digit";
    match is_subdomain(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} can't be the name of a calendar: {rule}")),
    }
}

fn namespace(text: &str) -> Result<String, String> {
    let rule = "a name is 1 to 63 of a-z, 0-9 and -, and begins and ends with a letter or digit";
    match is_label(text) {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} can't be the name of a namespace: {rule}")),
    }
}

fn day(text: &str) -> Result<Date, String> {
    let day = text.parse();
    day.map_err(|_| format!("{text:?} is no date; write it as 2026-12-01"))
}

/// A resource's name, made from that of a file.
fn name_of(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_string_lossy().to_ascii_lowercase();
    let words = stem.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let name: String = words.join("-").chars().take(63).collect();
    let name = name.trim_end_matches('-');
    (!name.is_empty()).then(|| name.to_owned())
}

fn manifest(
    flags: &Import,
    name: &str,
    mut imported: Imported,
    from: Date,
    until: Date,
) -> anyhow::Result<String> {
    let file = match is_stdin(&flags.file) {
        true => "the standard input".into(),
        false => flags.file.file_name().unwrap_or_default().to_string_lossy(),
    };
    let title = imported.title.take().filter(|title| !title.is_empty());
    let title = title.map(|title| format!("{}: ", title.chars().take(200).collect::<String>()));
    imported.spec.description = Some(format!(
        "{}{} events of {file}, from {from} until {until}",
        title.unwrap_or_default(),
        imported.events
    ));
    let kind = match flags.cluster {
        true => <ClusterScheduleCalendar as kube::Resource>::kind(&()),
        false => <ScheduleCalendar as kube::Resource>::kind(&()),
    };
    let mut metadata = Map::from_iter([("name".to_owned(), json!(name))]);
    if let Some(namespace) = &flags.namespace {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    let object: Value = json!({
        "apiVersion": format!("{GROUP}/v1alpha1"),
        "kind": kind,
        "metadata": metadata,
        "spec": imported.spec,
    });
    let mut page = String::new();
    for line in serde_yaml::to_string(&object)?.lines() {
        page.push_str(line);
        // Each day with its name, so that a person can review it.
        let item = line.trim_start().strip_prefix("- ");
        let day = item.map(|item| item.trim_start_matches("first: ").trim_matches('\''));
        if let Some(name) = day.and_then(|day| imported.names.get(day))
            && !name.is_empty()
        {
            page.push_str("  # ");
            page.push_str(name);
        }
        page.push('\n');
    }
    Ok(page)
}
