//! `punctual version`: says what this program was made from and what it works with.

use std::io::Write;

use anyhow::Context;
use clap::Args;
use punctual::{about::About, core::cron::Zones, zones};
use serde_json::json;

use super::next::Output;

/// The first Kubernetes in which scheduling gates, by which runs are held, are stable.
const OLDEST_KUBERNETES: &str = "1.30";
/// The one that the tests run on.
const NEWEST_KUBERNETES: &str = "1.37";

/// How the version is told.
#[derive(Args)]
pub struct Version {
    /// How it is written.
    #[arg(long, short, value_enum, default_value_t = Output::Text)]
    output: Output,
}

pub fn run(flags: &Version) -> anyhow::Result<()> {
    let built_in = Zones::built_in();
    let About {
        version,
        commit,
        zone_database,
    } = About::new(built_in.version());
    // The other one that --zone-database has to choose from.
    let system = zones::system().ok();
    let other = system.as_ref().map(Zones::version);
    let zones: Vec<_> = std::iter::once(zone_database.as_ref())
        .chain(other)
        .collect();
    let text = match flags.output {
        Output::Text => {
            let mut text = format!("punctual {version}\ncommit: {commit}\n");
            for zones in zones {
                text += &format!("time zones: {zones}\n");
            }
            text + &format!("Kubernetes: {OLDEST_KUBERNETES} to {NEWEST_KUBERNETES}\n")
        }
        Output::Json => {
            let value = json!({
                "version": version,
                "commit": commit,
                "timeZones": zones,
                "kubernetes": { "oldest": OLDEST_KUBERNETES, "newest": NEWEST_KUBERNETES },
            });
            serde_json::to_string_pretty(&value)? + "\n"
        }
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .context("cannot print the version")
}
