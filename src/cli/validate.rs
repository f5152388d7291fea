//! `punctual validate`: what is wrong in schedule files and manifests, with lines.

use std::{io::Write, process::ExitCode, sync::Arc};

use clap::Args;
use punctual::{
    api::CalendarAction,
    clock::Clock,
    cluster::manifest::{Contents, Finding},
    core::{almanac::Almanac, calendar::Calendar},
};
use serde_json::{Value, json};

use super::{
    Failure,
    files::{self, FileFlags},
    next::Output,
    zones::ZoneFlags,
};

pub const EXAMPLES: &str = "\
Examples:
  punctual validate -f schedule.yml
  punctual validate -f manifests/ -f calendars.yaml -o json
  kubectl kustomize . | punctual validate -f -

A document with apiVersion and kind is a manifest, any other is a schedule file. Other kinds than
Punctual's are passed over. Nothing is asked of a cluster.
Exit code: 0 if all is well, 1 if there are problems, 2 if a file can't be read or for wrong usage.";

/// What is to be checked.
#[derive(Args)]
pub struct Validate {
    #[command(flatten)]
    files: FileFlags,

    /// How the problems are written.
    #[arg(long, short, value_enum, default_value_t = Output::Text)]
    output: Output,

    #[command(flatten)]
    zones: ZoneFlags,
}

pub fn run(flags: &Validate) -> Result<ExitCode, Failure> {
    let trouble = Failure::trouble;
    let mut almanac = flags.zones.almanac().map_err(trouble)?;
    if flags.files.filename.is_empty() {
        return Err(trouble(anyhow::anyhow!("name a file with -f FILE")));
    }
    let namespace = flags.files.namespace.as_deref();
    let namespace = namespace.unwrap_or(files::OFFLINE_NAMESPACE);
    let contents = files::read(&flags.files.filename, namespace, &almanac).map_err(trouble)?;
    contents.add_calendars_to(&mut almanac);
    let (good, problems, notes) = check(&contents, &almanac);
    let print = match flags.output {
        Output::Text => text(&contents, good, &problems, &notes),
        Output::Json => json_text(&contents, good, &problems, &notes).map_err(trouble)?,
    };
    let mut out = std::io::stdout().lock();
    let printed = out.write_all(print.as_bytes());
    printed.map_err(|error| trouble(error.into()))?;
    Ok(ExitCode::from(u8::from(!problems.is_empty())))
}

/// How many schedules are good, what is wrong, and what else is to be said.
fn check(contents: &Contents, almanac: &Almanac) -> (usize, Vec<Finding>, Vec<Finding>) {
    let (mut problems, mut notes) = (contents.problems.clone(), contents.notes.clone());
    let now = Clock::System.now();
    let mut supposed = almanac.clone();
    let mut good = 0;
    for written in &contents.schedules {
        // A calendar may be in the cluster. Without its days it leaves out and moves no fire.
        let mut without = written.clone();
        let wanted = written.schedule.calendars();
        for (index, note) in written.missing_calendars(almanac) {
            let nothing = Ok(Arc::new(Calendar::default()));
            supposed.calendars.insert(wanted[index].clone(), nothing);
            without.schedule.spec.calendars[index].action = CalendarAction::Exclude;
            notes.push(note);
        }
        let problem = without.problem(&supposed, Some(now));
        good += usize::from(problem.is_none());
        problems.extend(problem);
    }
    (good, problems, notes)
}

fn text(contents: &Contents, good: usize, problems: &[Finding], notes: &[Finding]) -> String {
    let mut lines: Vec<(&Finding, String)> = Vec::new();
    for note in notes {
        let mut said = note.clone();
        said.message = format!("note: {}", note.message);
        lines.push((note, said.to_string()));
    }
    lines.extend(
        problems
            .iter()
            .map(|problem| (problem, problem.to_string())),
    );
    // The files in the order in which they were given, and each from top to bottom.
    let mut files: Vec<&str> = Vec::new();
    for (finding, _) in &lines {
        if !files.contains(&finding.file.as_str()) {
            files.push(&finding.file);
        }
    }
    lines.sort_by_key(|(finding, _)| {
        let file = files.iter().position(|file| *file == finding.file);
        (file, finding.place.map(|place| (place.line, place.column)))
    });
    let mut text: String = lines.iter().map(|(_, line)| format!("{line}\n")).collect();
    let count = |n: usize, what: &str| match n {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    };
    text += &format!("good: {}", count(good, "schedule"));
    if !contents.calendars.is_empty() {
        text += &format!(" and {}", count(contents.calendars.len(), "calendar"));
    }
    format!("{text}; problems: {}\n", problems.len())
}

fn json_text(
    contents: &Contents,
    good: usize,
    problems: &[Finding],
    notes: &[Finding],
) -> anyhow::Result<String> {
    let one = |finding: &Finding| {
        json!({
            "file": finding.file,
            "line": finding.place.map(|place| place.line),
            "column": finding.place.map(|place| place.column),
            "name": finding.name,
            "message": finding.message,
            "pointer": finding.pointer,
        })
    };
    let value = json!({
        "schedules": good,
        "calendars": contents.calendars.len(),
        "problems": problems.iter().map(one).collect::<Vec<Value>>(),
        "notes": notes.iter().map(one).collect::<Vec<Value>>(),
    });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}
