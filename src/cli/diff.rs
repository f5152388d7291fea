//! `punctual diff`: which coming fires an edit adds, takes away or moves.

use std::{collections::BTreeMap, io::Write, path::PathBuf, process::ExitCode};

use anyhow::{Context, ensure};
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use punctual::{
    api::TimingSpec,
    cluster::{
        file_source::{DEFAULT_SOURCE, SOURCE_LABEL},
        manifest,
    },
    core::{almanac::Almanac, schedule::Idle, timetable::Timetable},
};

use super::{
    Failure, changes,
    expression::{count, from},
    files::{self, FileFlags},
    live::ClusterFlags,
    preview,
    zones::ZoneFlags,
};

pub const EXAMPLES: &str = "\
Examples:
  punctual diff -f schedule.yml
  punctual diff -f new.yaml --against old.yaml --for 30d
  git show HEAD:schedule.yml > old.yml; punctual diff -f schedule.yml --against old.yml

Each schedule in FILE is compared with the one of its namespace and name in the cluster, or in OLD.
Marks: + a fire that appears, - one that vanishes, ~ one that moves within its local day.
Exit code: 0 if all fires stay as they are, 1 if some change, 2 for trouble.";

/// What is to be compared.
#[derive(Args)]
pub struct Diff {
    #[command(flatten)]
    files: FileFlags,

    /// What to compare with, in place of the cluster: a file or folder, as for -f. May be given
    /// several times.
    #[arg(long, value_name = "OLD")]
    against: Vec<PathBuf>,

    /// How far ahead fires are compared.
    #[arg(long = "for", value_name = "SPAN", default_value = "7d", value_parser = span)]
    span: SignedDuration,

    /// Compare at most so many fires of each schedule, from 1 to 20000.
    #[arg(
        short = 'n',
        long = "count",
        value_name = "N",
        default_value_t = 20_000,
        value_parser = |text: &str| count(text, 20_000)
    )]
    count: u16,

    /// Fires after this time are compared: RFC 3339, or a local time such as 2026-11-20T12:00.
    /// Default: now.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,

    /// The mark of the controller's schedule file: schedules in the cluster that carry it and are
    /// not in the file would be deleted.
    #[arg(long, value_name = "LABEL", default_value = DEFAULT_SOURCE)]
    schedule_source: String,

    #[command(flatten)]
    zones: ZoneFlags,

    #[command(flatten)]
    cluster: ClusterFlags,
}

/// How soon a fire is at once.
const AT_ONCE: SignedDuration = SignedDuration::from_secs(60);

/// A schedule in one of its forms.
struct Form {
    timing: TimingSpec,
    timetable: Result<Timetable, Idle>,
    /// From when on `@every` counts.
    counts_from: Option<Timestamp>,
}

pub fn run(flags: &Diff) -> Result<ExitCode, Failure> {
    compare(flags)
        .map(|changed| ExitCode::from(u8::from(changed)))
        .map_err(Failure::trouble)
}

fn compare(flags: &Diff) -> anyhow::Result<bool> {
    ensure!(!flags.files.filename.is_empty(), "name a file with -f FILE");
    let almanac = flags.zones.almanac()?;
    let from = from(flags.from.as_deref(), &almanac.local)?;
    let (new, old) = if flags.against.is_empty() {
        with_cluster(flags, &almanac)?
    } else {
        let namespace = flags.files.namespace.as_deref();
        let namespace = namespace.unwrap_or(files::OFFLINE_NAMESPACE);
        let new = of_files(&flags.files.filename, namespace, &almanac)?;
        let old = of_files(&flags.against, namespace, &almanac)?;
        (new, old)
    };
    let until = from.checked_add(flags.span).unwrap_or(Timestamp::MAX);
    // Fires are on whole seconds.
    let until = Timestamp::from_second(until.as_second())?;
    let mut out = std::io::stdout().lock();
    let mut same = 0;
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    for name in &names {
        let told = one(
            name,
            old.get(*name),
            new.get(*name),
            from,
            until,
            flags.count,
        );
        match told {
            None => same += 1,
            Some(text) => writeln!(out, "{text}")?,
        }
    }
    let changed = names.len() - same;
    let count = |n: usize| match n {
        1 => "1 schedule fires".to_owned(),
        n => format!("{n} schedules fire"),
    };
    if same > 0 {
        let local = until.display_with_offset(almanac.local.to_offset(until));
        writeln!(out, "{} as before until {local}.", count(same))?;
    }
    if changed > 0 {
        writeln!(out, "An edit never makes up for fires before it.")?;
    }
    Ok(changed > 0)
}

type Forms = BTreeMap<String, Form>;

/// What files ask for, if nothing is wrong with it.
fn sound(
    paths: &[PathBuf],
    namespace: &str,
    almanac: &Almanac,
) -> anyhow::Result<manifest::Contents> {
    let contents = files::read(paths, namespace, almanac)?;
    let problems: Vec<String> = contents.problems.iter().map(ToString::to_string).collect();
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(contents)
}

fn of_files(paths: &[PathBuf], namespace: &str, almanac: &Almanac) -> anyhow::Result<Forms> {
    let contents = sound(paths, namespace, almanac)?;
    let mut almanac = almanac.clone();
    contents.add_calendars_to(&mut almanac);
    forms(&contents, &almanac)
}

fn forms(contents: &manifest::Contents, almanac: &Almanac) -> anyhow::Result<Forms> {
    let mut forms = Forms::new();
    for written in &contents.schedules {
        // That no fire is left is no mistake: the fires before may have been the point.
        let problem = written.problem(almanac, None);
        let problem = problem.map(|problem| problem.to_string());
        ensure!(problem.is_none(), "{}", problem.unwrap_or_default());
        forms.insert(
            written.schedule.full_name(),
            Form {
                timing: written.schedule.timing(),
                timetable: written.schedule.timetable(almanac, None),
                counts_from: None,
            },
        );
    }
    Ok(forms)
}

/// The forms in the files, and those of the same names in the cluster.
fn with_cluster(flags: &Diff, almanac: &Almanac) -> anyhow::Result<(Forms, Forms)> {
    let namespace = match &flags.files.namespace {
        Some(namespace) => namespace.clone(),
        None => flags.cluster.namespace()?,
    };
    let contents = sound(&flags.files.filename, &namespace, almanac)?;
    let mut in_cluster = almanac.clone();
    let mut live = Vec::new();
    flags.cluster.ask(async |cluster| {
        for manifest::Written { schedule, .. } in &contents.schedules {
            let found = cluster.schedule(&schedule.namespace, &schedule.name);
            live.extend(found.await?);
            let wanted = schedule.calendars();
            cluster.add_calendars(&mut in_cluster, wanted).await?;
        }
        // Of one without entries all schedules would be deleted.
        if contents.is_schedule_file {
            let selector = format!("{SOURCE_LABEL}={}", flags.schedule_source);
            live.extend(cluster.labelled(&selector).await?);
        }
        for live in &live {
            let wanted = live.schedule.calendars();
            cluster.add_calendars(&mut in_cluster, wanted).await?;
        }
        Ok(())
    })?;
    let old = live.into_iter().map(|live| {
        let form = Form {
            timetable: live.timetable(&in_cluster),
            counts_from: live.counts_from,
            timing: live.schedule.timing(),
        };
        (live.schedule.full_name(), form)
    });
    let old = old.collect();
    // The calendars of the files take the place of those in the cluster.
    contents.add_calendars_to(&mut in_cluster);
    let new = forms(&contents, &in_cluster).context("the files")?;
    Ok((new, old))
}

/// What to say of one schedule; nothing if it fires as before.
fn one(
    name: &str,
    old: Option<&Form>,
    new: Option<&Form>,
    from: Timestamp,
    until: Timestamp,
    most: u16,
) -> Option<String> {
    let mut counts_from = [old, new].map(|form| form.and_then(|form| form.counts_from));
    if let (Some(old), Some(new)) = (old, new)
        && old.timing == new.timing
    {
        // No edit: `@every` goes on as it was.
        counts_from[1] = old.counts_from.or(new.counts_from);
    }
    let fires = |form: Option<&Form>, counts_from| match form.map(|form| &form.timetable) {
        Some(Ok(timetable)) => changes::fires(timetable, counts_from, from, until, most.into()),
        Some(Err(_)) | None => changes::Fires::default(),
    };
    let (before, after) = (fires(old, counts_from[0]), fires(new, counts_from[1]));
    let local = new.or(old).and_then(|form| form.timetable.as_ref().ok());
    let local = local.or(old.and_then(|form| form.timetable.as_ref().ok()));
    let lines = local
        .map(|local| changes::lines(local, &before, &after, until))
        .unwrap_or_default();
    let what = match (old, new) {
        (Some(_), Some(_)) if lines.is_empty() => return None,
        (Some(_), Some(_)) => "",
        (None, _) => " (new)",
        (_, None) => " (removed)",
    };
    let mut text = format!("{name}{what}\n");
    for line in lines {
        text += &format!("{line}\n");
    }
    match new.map(|form| &form.timetable) {
        None => {}
        Some(Err(idle)) => text += &format!("  fires no more: {}\n", idle.message),
        Some(Ok(timetable)) => match after.first {
            None => text += "  no fire is left\n",
            Some(first) if first.duration_since(from) <= AT_ONCE => {
                text += &format!(
                    "  fires almost at once: {}, {}\n",
                    preview::moment(timetable, first),
                    preview::away(from, first)
                );
            }
            Some(first) => {
                text += &format!(
                    "  does not fire at once: first at {}, {}\n",
                    preview::moment(timetable, first),
                    preview::away(from, first)
                );
            }
        },
    }
    Some(text)
}

fn span(text: &str) -> Result<SignedDuration, String> {
    let wrong = || format!("{text:?} is no span such as 12h, 7d or 4w, up to 10 years");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return Err(wrong()),
    };
    let count: i64 = digits.parse().map_err(|_| wrong())?;
    let seconds = count.checked_mul(unit).ok_or_else(wrong)?;
    if (1..=3653 * 86_400).contains(&seconds) {
        Ok(SignedDuration::from_secs(seconds))
    } else {
        Err(wrong())
    }
}
