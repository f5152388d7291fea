//! `punctual version`: says what this program was made from and what it works with.

use std::io::Write;

use anyhow::Context;
use punctual::{core::cron::Zones, zones};

/// The oldest Kubernetes in which scheduling gates, by which runs are held, are stable.
const OLDEST_KUBERNETES: &str = "1.30";

pub fn run() -> anyhow::Result<()> {
    let commit = option_env!("PUNCTUAL_COMMIT").unwrap_or("unknown");
    let mut text = format!("punctual {}\ncommit: {commit}\n", env!("CARGO_PKG_VERSION"));
    // What --zone-database has to choose from.
    for zones in [Ok(Zones::built_in()), zones::system()].iter().flatten() {
        text += &format!("time zones: {}\n", zones.version());
    }
    text += &format!("Kubernetes: {OLDEST_KUBERNETES} and newer\n");
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .context("cannot print the version")
}
