//! `punctual validate`: what is wrong in schedule files and manifests, with lines.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    process::ExitCode,
};

use clap::Args;
use punctual::{
    clock::Clock,
    cluster::manifest::{self, Contents, Finding},
    core::almanac::Almanac,
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

/// The exit code for trouble other than problems in what was read.
const TROUBLE: u8 = 2;

pub fn run(flags: &Validate) -> Result<ExitCode, Failure> {
    let trouble = |error| Failure {
        error,
        code: TROUBLE,
    };
    let mut almanac = flags.zones.almanac().map_err(trouble)?;
    if flags.files.filename.is_empty() {
        return Err(trouble(anyhow::anyhow!("name a file with -f FILE")));
    }
    let contents =
        files::read(&flags.files.filename, &flags.files.namespace, &almanac).map_err(trouble)?;
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
    let mut seen: BTreeMap<String, &manifest::Written> = BTreeMap::new();
    let mut good = 0;
    for written in &contents.schedules {
        let before = problems.len();
        if let Some(first) = seen.get(&written.full_name()) {
            problems.push(written.finding(&format!(
                "the schedule is given twice: first at {}:{}; remove or rename one",
                first.file, first.place.line
            )));
        } else {
            seen.insert(written.full_name(), written);
        }
        // A calendar may be in the cluster: what hangs on it can't be checked here.
        let mut written = written.clone();
        let wanted = manifest::calendars(&written.namespace, &written.timing);
        let missing: BTreeSet<usize> = (0..wanted.len())
            .filter(|index| !almanac.calendars.contains_key(&wanted[*index]))
            .collect();
        for index in &missing {
            let reference = &wanted[*index];
            notes.push(written.finding(&format!(
                "the {:?} {} is not in these files, so it is not checked",
                reference.kind, reference.name
            )));
        }
        let mut index = 0..;
        written
            .timing
            .calendars
            .retain(|_| index.next().is_some_and(|index| !missing.contains(&index)));
        if let Some(problem) = written.problem(almanac) {
            problems.push(problem);
        } else if let Ok(timetable) = written.timetable(almanac)
            && timetable.next(now).is_none()
        {
            notes.push(written.finding("no fire is left"));
        }
        good += usize::from(problems.len() == before);
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
