//! `punctual version`: says what this program was made from and what it works with.

use std::io::Write;

use anyhow::Context;
use punctual::{about::About, core::cron::Zones, zones};

/// The oldest Kubernetes in which scheduling gates, by which runs are held, are stable.
const OLDEST_KUBERNETES: &str = "1.30";

pub fn run() -> anyhow::Result<()> {
    let built_in = Zones::built_in();
    let About {
        version,
        commit,
        zone_database,
    } = About::new(built_in.version());
    let mut text = format!("punctual {version}\ncommit: {commit}\ntime zones: {zone_database}\n");
    // The other one that --zone-database has to choose from.
    if let Ok(zones) = zones::system() {
        text += &format!("time zones: {}\n", zones.version());
    }
    text += &format!("Kubernetes: {OLDEST_KUBERNETES} and newer\n");
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .context("cannot print the version")
}
