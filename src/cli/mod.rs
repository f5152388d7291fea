//! The command line: one file for each command, and nothing but flags and output in them.

mod calendar;
mod changes;
mod controller;
mod crd;
mod diff;
mod examples;
mod explain;
mod expression;
mod files;
mod leases;
mod live;
mod next;
mod preview;
mod reference;
mod schedule_file;
mod traces;
mod validate;
mod version;
mod zones;

use std::{ffi::OsStr, path::Path, process::ExitCode};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Runs containers on a schedule in Kubernetes: on time, at most once, never two at once.
#[derive(Parser)]
#[command(name = "punctual", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make calendars from the files of other programs.
    #[command(subcommand)]
    Calendar(calendar::Calendar),
    /// Look after the schedules of a cluster, until SIGTERM.
    Controller(Box<controller::Controller>),
    /// Print the custom resource definitions, as YAML.
    Crd(crd::Definitions),
    /// Show which coming fires an edit adds, takes away or moves.
    #[command(after_help = diff::EXAMPLES)]
    Diff(Box<diff::Diff>),
    /// Say in words what a cron expression means.
    #[command(after_help = explain::EXAMPLES)]
    Explain(Box<explain::Explain>),
    /// Show the next fires of an expression, of a file, or of a schedule in the cluster.
    #[command(after_help = next::EXAMPLES)]
    Next(Box<next::Next>),
    /// Print a page of the reference, as Markdown.
    #[command(hide = true)]
    Reference(reference::Reference),
    /// Check schedule files and manifests.
    #[command(after_help = validate::EXAMPLES)]
    Validate(Box<validate::Validate>),
    /// Print the version of this program, of its time zone data, and of Kubernetes that it works with.
    Version(version::Version),
}

/// Why a command failed, and with which exit code.
pub struct Failure {
    pub error: anyhow::Error,
    pub code: u8,
}

impl Failure {
    /// Wrong usage, or what kept a command from doing its work at all.
    pub fn trouble(error: anyhow::Error) -> Self {
        Self { error, code: 2 }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self { error, code: 1 }
    }
}

/// Reads the command line and does what it says.
pub fn run() -> Result<ExitCode, Failure> {
    let matches = command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match cli.command {
        Command::Calendar(command) => calendar::run(&command)?,
        Command::Controller(flags) => controller::run(*flags)?,
        Command::Crd(asked) => crd::run(&asked)?,
        Command::Diff(flags) => return diff::run(&flags),
        Command::Explain(flags) => explain::run(&flags)?,
        Command::Next(flags) => next::run(&flags)?,
        Command::Reference(page) => reference::run(&page)?,
        Command::Validate(flags) => return validate::run(&flags),
        Command::Version(flags) => version::run(&flags)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The command line, under the name by which it was called: kubectl runs a program of the name
/// `kubectl-punctual` as `kubectl punctual`.
fn command() -> clap::Command {
    let called = std::env::args_os().next().unwrap_or_default();
    let plugin = Path::new(&called).file_stem() == Some(OsStr::new("kubectl-punctual"));
    if plugin {
        Cli::command().bin_name("kubectl punctual")
    } else {
        Cli::command()
    }
}
