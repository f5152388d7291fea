//! The figures as a page: printed, and kept in docs/performance.md between two markers.

use std::fmt::Write as _;

use punctual::clock::Clock;

use crate::{
    figures::{Figures, percentile},
    settings::Settings,
};

/// The result as Markdown. Writing to a String can't fail.
pub fn section(settings: &Settings, figures: &Figures) -> String {
    let mut out = String::new();
    let machine = &figures.machine;
    let today = Clock::System.now().strftime("%Y-%m-%d");
    let flags = match settings.controller_flags.as_slice() {
        [] => String::new(),
        flags => format!(", with `{}`", flags.join(" ")),
    };
    let _ = writeln!(
        out,
        "Measured on {today}: {} schedules in {} namespaces, due at one instant, runs of {} s{flags}. \
         {} cores ({}), {} GiB, Linux {}, Kubernetes {}, etcd with `--unsafe-no-fsync`, everything \
         on one machine; load average before: {}.\n",
        figures.runs.len(),
        settings.namespaces,
        settings.run_seconds,
        machine.cores,
        machine.processor,
        machine.memory_gib,
        machine.kernel,
        machine.kubernetes,
        machine.load,
    );
    lateness(&mut out, figures);
    calls(&mut out, figures);
    usage(&mut out, figures);
    out
}

fn lateness(out: &mut String, figures: &Figures) {
    out.push_str("| from the due time until | p50 | p99 | last |\n|---|---|---|---|\n");
    let claimed = figures.sorted(|run| run.claimed);
    let released = figures.sorted(|run| run.released);
    let bound = figures.sorted(|run| run.bound);
    for (name, sorted) in [
        ("claimed", claimed),
        ("released", released),
        ("bound to a node", bound),
    ] {
        let at = |percent| milliseconds(percentile(&sorted, percent));
        let _ = writeln!(
            out,
            "| {name} | {} | {} | {} |",
            at(50.0),
            at(99.0),
            at(100.0)
        );
    }
    let mut prepared = figures.sorted(|run| run.prepared);
    let all = prepared.len();
    prepared.retain(|at| *at < 0.0);
    let _ = write!(
        out,
        "\n{} of {all} pods were prepared before the due time",
        prepared.len()
    );
    if let [first, .., last] | [first @ last] = prepared.as_slice() {
        let (first, last) = (milliseconds(-first), milliseconds(-last));
        let _ = write!(out, ", {first} to {last} before it");
    }
    out.push_str(".\n\n");
}

fn calls(out: &mut String, figures: &Figures) {
    out.push_str("| calls of the controller | per run | refused |\n|---|---|---|\n");
    for ((verb, resource), calls) in &figures.calls {
        let _ = writeln!(
            out,
            "| {verb} {resource} | {:.2} | {} |",
            figures.per_run(calls.all),
            calls.refused
        );
    }
    let _ = writeln!(
        out,
        "| **writes besides Events** (at most 5) | **{:.2}** | |\n",
        figures.writes_per_run()
    );
}

fn usage(out: &mut String, figures: &Figures) {
    let (before, after) = (figures.before, figures.after);
    let per_run = |count| figures.per_run(count);
    let mib = |kib: u64| format!("{:.1} MiB", kib as f64 / 1024.0);
    let cpu = |ticks| format!("{:.1} ms", figures.cpu_per_run(ticks));
    out.push_str("| CPU per run | |\n|---|---|\n");
    let own = after.cpu_ticks - before.cpu_ticks;
    let _ = writeln!(out, "| **controller** | **{}** |", cpu(own));
    let [earlier, later] = &figures.control_plane;
    for (name, ticks) in later {
        let ticks = ticks.saturating_sub(*earlier.get(name).unwrap_or(ticks));
        let _ = writeln!(out, "| {name} | {} |", cpu(ticks));
    }
    out.push('\n');
    out.push_str("| the controller | |\n|---|---|\n");
    let rows = [
        (
            "looks at a schedule per run",
            format!("{:.1}", per_run(after.turns - before.turns)),
        ),
        (
            "wake-ups of a thread per run",
            format!("{:.1}", per_run(after.wakes - before.wakes)),
        ),
        ("resident memory before", mib(before.resident_kib)),
        ("at its peak", mib(after.peak_kib)),
        ("after", mib(after.resident_kib)),
    ];
    for (name, value) in rows {
        let _ = writeln!(out, "| {name} | {value} |");
    }
}

fn milliseconds(value: f64) -> String {
    if value.abs() < 1000.0 {
        format!("{value:.0} ms")
    } else {
        format!("{:.2} s", value / 1000.0)
    }
}
