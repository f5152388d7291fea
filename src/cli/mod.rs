//! The command line: one file for each command, and nothing but flags and output in them.

mod calendar;
mod controller;
mod crd;
mod reference;
mod version;

use clap::{Parser, Subcommand};

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
    /// Print a page of the reference, as Markdown.
    #[command(hide = true)]
    Reference(reference::Reference),
    /// Print the version of this program, of its time zone data, and of Kubernetes that it works with.
    Version,
}

/// Reads the command line and does what it says.
pub fn run() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Calendar(command) => calendar::run(&command),
        Command::Controller(flags) => controller::run(*flags),
        Command::Crd(asked) => crd::run(&asked),
        Command::Reference(page) => reference::run(&page),
        Command::Version => version::run(),
    }
}
