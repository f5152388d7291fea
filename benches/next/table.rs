//! The medians beside each other.

use std::{collections::HashMap, env, fmt::Write as _, fs, path::PathBuf};

use anyhow::Context;

use crate::{EXPRESSIONS, ZONES, id};

/// The medians of all, and how many times ours the others' are, as Markdown.
pub fn section() -> anyhow::Result<String> {
    let robfig = robfig()?;
    let mut out = String::from(
        "| ns, the median | punctual | cron | croner | robfig |\n|---|---|---|---|---|\n",
    );
    for group in [&ZONES[..], &["parse"]].concat() {
        for expression in EXPRESSIONS {
            let median = |library| median(group, expression, library);
            let ours = median("punctual")?;
            let _ = write!(out, "| `{expression}` {group} | **{ours:.0}** |");
            let beside = [
                Some(median("cron")?),
                Some(median("croner")?),
                robfig
                    .get(&(group.to_owned(), expression.replace(' ', "_")))
                    .copied(),
            ];
            for other in beside {
                let _ = match other {
                    Some(other) => write!(out, " {other:.0} (×{:.1}) |", other / ours),
                    None => write!(out, " not measured |"),
                };
            }
            out.push('\n');
        }
    }
    out.push('\n');
    Ok(out)
}

/// What criterion has written down.
fn median(group: &str, expression: &str, library: &str) -> anyhow::Result<f64> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target"),
        PathBuf::from,
    );
    let file = target
        .join("criterion")
        .join(id(group, expression).replace('|', "_"))
        .join(library)
        .join("new/estimates.json");
    let text = fs::read(&file).with_context(|| format!("can't read {}", file.display()))?;
    let estimates: serde_json::Value = serde_json::from_slice(&text)?;
    estimates["median"]["point_estimate"]
        .as_f64()
        .context("criterion wrote no median")
}

/// The output of `go test -bench` that `BENCH_ROBFIG` names: by group and expression.
fn robfig() -> anyhow::Result<HashMap<(String, String), f64>> {
    let Ok(file) = env::var("BENCH_ROBFIG") else {
        return Ok(HashMap::new());
    };
    let text = fs::read_to_string(&file).with_context(|| format!("can't read {file}"))?;
    // BenchmarkNext/UTC|*/5_*_*_*_*-2    1234    567.8 ns/op
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let name = words.next()?.split_once('/')?.1;
        let (name, _cores) = name.rsplit_once('-').unwrap_or((name, ""));
        let (group, expression) = name.split_once('|')?;
        let ns = words.nth(1)?.parse().ok()?;
        Some(((group.to_owned(), expression.to_owned()), ns))
    };
    Ok(text.lines().filter_map(line).collect())
}
