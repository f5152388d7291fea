//! The flags that say how an expression is read, and from when on.

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use punctual::{
    api::{ClockChanges, Gap, Overlap, ScheduleItem, TimingSpec},
    clock::Clock,
    cluster::names::{is_label, is_subdomain},
    core::{
        almanac::Almanac,
        cron::{self, Options, Timing},
        run::seed,
        timetable::Timetable,
    },
};

/// How expressions on the command line are read.
#[derive(Args)]
pub struct ExpressionFlags {
    /// The language of the expressions: that of the tool that they come from.
    #[arg(long, value_enum, default_value_t = Dialect::Punctual, value_name = "NAME")]
    dialect: Dialect,

    /// What becomes of local times that a clock change skips or shows twice, such as
    /// gap=Skip,overlap=Both. gap: RunAfter or Skip; overlap: First, Last or Both.
    #[arg(long, value_name = "RULES", value_parser = clock_changes)]
    clock_changes: Option<ClockChanges>,

    /// The schedule that the expressions are for: H and jitter are made from its name.
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = full_name)]
    name: Option<(String, String)>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Dialect {
    /// This program's own.
    Punctual,
    /// crontab(5).
    Crontab,
    /// Kubernetes' CronJob.
    Robfig,
    /// docket: the year last, no seconds in six fields.
    Cronexpr,
    /// Quartz: seconds first, Sunday is 1.
    Quartz,
}

impl ExpressionFlags {
    /// How one of the expressions is read.
    pub fn options(&self) -> Options {
        let name = self.name.as_ref();
        Options {
            dialect: match self.dialect {
                Dialect::Punctual => cron::Dialect::Punctual,
                Dialect::Crontab => cron::Dialect::Crontab,
                Dialect::Robfig => cron::Dialect::Robfig,
                Dialect::Cronexpr => cron::Dialect::Cronexpr,
                Dialect::Quartz => cron::Dialect::Quartz,
            },
            clock_changes: self.clock_changes.unwrap_or_default(),
            seed: name.map(|(namespace, name)| seed(namespace, name)),
        }
    }

    /// The expressions as the schedules of one resource.
    pub fn timetable(
        &self,
        expressions: &[String],
        almanac: &Almanac,
    ) -> anyhow::Result<Timetable> {
        let options = self.options();
        for expression in expressions {
            Timing::read(expression, almanac.local.clone(), &options).map_err(with_pointer)?;
        }
        let mut spec = TimingSpec {
            clock_changes: options.clock_changes,
            ..TimingSpec::default()
        };
        match expressions {
            [only] => spec.schedule = Some(only.clone()),
            several => {
                let item = |schedule: &String| ScheduleItem {
                    schedule: schedule.clone(),
                    time_zone: None,
                };
                spec.schedules = several.iter().map(item).collect();
            }
        }
        let name = self.name.as_ref();
        let name = name.map(|(namespace, name)| (namespace.as_str(), name.as_str()));
        Timetable::parse_as(&spec, almanac, name, options.dialect)
            .map_err(|idle| anyhow!(idle.message))
    }
}

/// The error of an expression, with a mark under the mistake.
pub fn with_pointer(error: cron::TimingError) -> anyhow::Error {
    match error.pointer() {
        Some(pointer) => {
            let lines: Vec<String> = pointer.lines().map(|line| format!("    {line}")).collect();
            anyhow!("{}\n{}", error.message(), lines.join("\n"))
        }
        None => error.into(),
    }
}

/// From when on fires are shown: RFC 3339 or a local time, else now.
pub fn from(text: Option<&str>, zone: &TimeZone) -> anyhow::Result<Timestamp> {
    let Some(text) = text else {
        return Ok(Clock::System.now());
    };
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    let local: Option<DateTime> = text.parse().ok();
    let instant = local.and_then(|local| zone.to_timestamp(local).ok());
    instant.with_context(|| {
        format!(
            "--from: {text:?} is no time; write 2026-11-20T12:00:00Z, or 2026-11-20T12:00 for local time"
        )
    })
}

/// Fields that the shell took apart, or a `*` that it took for files: an expression is one argument.
pub fn check_quoted(words: &[String]) -> anyhow::Result<()> {
    let bare = |word: &String| !word.starts_with('@') && !word.trim().contains(char::is_whitespace);
    if words.len() > 1 && words.iter().all(bare) && !words.iter().all(|word| is_name(word)) {
        bail!(
            "write an expression in quotes, as in '30 2 * * *': without them the shell takes it apart"
        );
    }
    if words.len() > 1 && words[0] == "@every" {
        bail!("write an expression in quotes, as in '@every 1h30m'");
    }
    Ok(())
}

/// Whether an argument is the name of a schedule in the cluster: what Kubernetes takes as one, with
/// a letter in it.
pub fn is_name(word: &str) -> bool {
    is_subdomain(word) && word.bytes().any(|b| b.is_ascii_lowercase())
}

fn clock_changes(text: &str) -> Result<ClockChanges, String> {
    let mut found = ClockChanges::default();
    for rule in text.split(',') {
        let (what, value) = rule.split_once('=').unwrap_or((rule, ""));
        let is = |known: &str| value.trim().eq_ignore_ascii_case(known);
        let given = match what.trim() {
            "gap" => found.gap.is_some(),
            "overlap" => found.overlap.is_some(),
            _ => false,
        };
        if given {
            return Err(format!("{} is given twice: remove one", what.trim()));
        }
        match what.trim() {
            "gap" if is("RunAfter") => found.gap = Some(Gap::RunAfter),
            "gap" if is("Skip") => found.gap = Some(Gap::Skip),
            "overlap" if is("First") => found.overlap = Some(Overlap::First),
            "overlap" if is("Last") => found.overlap = Some(Overlap::Last),
            "overlap" if is("Both") => found.overlap = Some(Overlap::Both),
            _ => {
                return Err(format!(
                    "{rule:?} is none of gap=RunAfter, gap=Skip, overlap=First, overlap=Last, overlap=Both"
                ));
            }
        }
    }
    Ok(found)
}

fn full_name(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((namespace, name)) if is_label(namespace) && is_subdomain(name) => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        _ => Err("write it as NAMESPACE/NAME, such as default/backup".to_owned()),
    }
}

/// How many fires: a whole number in a range.
pub fn count(text: &str, most: u16) -> Result<u16, String> {
    let count = text.parse().ok().filter(|count| (1..=most).contains(count));
    count.ok_or_else(|| format!("{text:?} is no whole number from 1 to {most}"))
}
