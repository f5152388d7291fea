//! `punctual version`: says what this program was made from and what it works with.

use std::io::Write;

use anyhow::Context;
use clap::Args;
use punctual::{core::cron::Zones, zones};
use serde_json::json;

use super::next::Output;

/// The commit that the image was built from; other builds don't say.
const COMMIT: Option<&str> = option_env!("PUNCTUAL_COMMIT");

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
    let version = env!("CARGO_PKG_VERSION");
    let commit = COMMIT.unwrap_or("unknown");
    // What --zone-database has to choose from.
    let zones = [Ok(Zones::built_in()), zones::system()];
    let zones = zones.iter().flatten().map(Zones::version);
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
                "timeZones": zones.collect::<Vec<_>>(),
                "kubernetes": { "oldest": OLDEST_KUBERNETES, "newest": NEWEST_KUBERNETES },
            });
            serde_json::to_string_pretty(&value)? + "\n"
        }
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .context("cannot print the version")
}
