//! The command line: one file for each command, and nothing but flags and output in them.

mod controller;
mod crd;
mod reference;
mod version;
mod zones;

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
    /// Look after the schedules of a cluster, until SIGTERM.
    Controller(Box<controller::Controller>),
    /// Print the custom resource definition, as YAML.
    Crd,
    /// Print a page of the reference, as Markdown.
    #[command(hide = true)]
    Reference(reference::Reference),
    /// Print the version of this program, of its time zone data, and of Kubernetes that it works with.
    Version,
}

/// Reads the command line and does what it says.
pub fn run() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Controller(flags) => controller::run(*flags),
        Command::Crd => crd::run(),
        Command::Reference(page) => reference::run(&page),
        Command::Version => version::run(),
    }
}
