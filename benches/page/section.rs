//! Sections of docs/performance.md that benches write.

use std::{fs, path::Path};

use anyhow::{Context, ensure};

const PAGE: &str = "docs/performance.md";

/// Replaces what stands between the markers of a bench.
pub fn write(bench: &str, section: &str) -> anyhow::Result<()> {
    let begin = format!("<!-- {bench} begin: written by the bench, not by hand -->\n");
    let end = format!("<!-- {bench} end -->");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("can't read {PAGE}"))?;
    let (before, rest) = page.split_once(&begin).context("no first marker")?;
    let (_, after) = rest.split_once(&end).context("no last marker")?;
    ensure!(!section.contains(&end), "a section can't hold its own end");
    fs::write(&path, format!("{before}{begin}\n{section}\n{end}{after}"))
        .with_context(|| format!("can't write {PAGE}"))
}
