//! A herd: many schedules that fire at one instant, on a real API server. How late each of them is,
//! and what a run costs.
//!
//! `make bench-smoke` runs it, and `make bench-fairness` runs two tenants instead (`fairness`);
//! docs/performance.md says what is measured and how. Works on no other
//! cluster than the one that `hack/cluster/cluster` makes, and leaves nothing of its own in it.

mod audit;
mod cluster;
mod controller;
mod fairness;
mod figures;
mod herd;
mod machine;
mod page;
#[path = "../page/section.rs"]
mod page_section;
mod settings;

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, ensure};
use jiff::SignedDuration;
use punctual::clock::Clock;

use crate::{
    cluster::Cluster,
    controller::Controller,
    figures::Figures,
    settings::{Settings, say},
};

/// How long before the fire the measurement of what runs cost begins. No controller prepares earlier.
const BEFORE: SignedDuration = SignedDuration::from_secs(12);

#[tokio::main]
async fn main() -> ExitCode {
    match bench().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-smoke: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn bench() -> anyhow::Result<()> {
    let settings = Settings::from_environment()?;
    let cluster = Cluster::connect().await?;
    let fairness = std::env::var("BENCH").is_ok_and(|bench| bench == "fairness");
    let measured = tokio::select! {
        measured = fairness::bench(&settings, &cluster), if fairness => measured.map(|()| None),
        measured = measure(&settings, &cluster), if !fairness => measured.map(Some),
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    // Whatever happened, what was made goes.
    let cleaned = cluster.clean_up().await;
    let figures = measured?;
    cleaned?;
    let Some(figures) = figures else {
        return Ok(());
    };

    let section = page::section(&settings, &figures);
    println!("\n{section}");
    if settings.write {
        page_section::write("bench-smoke", &section)?;
        say("written to docs/performance.md");
    }
    figures.check()
}

async fn measure(settings: &Settings, cluster: &Cluster) -> anyhow::Result<Figures> {
    let clock = Clock::System;
    let count = settings.schedules as u64;
    cluster.prepare(settings.namespaces).await?;
    let machine = machine::Machine::look(cluster.version().await?)?;

    let kubeconfig = cluster.controller_kubeconfig().await?;
    let mut controller = Controller::start(kubeconfig.path(), &settings.controller_flags).await?;

    let due = herd::instant(clock.now(), settings.lead());
    say(&format!("making {count} schedules that fire at {due}"));
    herd::create(cluster, settings, due).await?;
    herd::all_ready(cluster, settings, due - BEFORE)
        .await
        .context("set BENCH_LEAD_SECONDS higher on a slow machine")?;
    let ready_in = clock.until(due - BEFORE);
    say(&format!(
        "all are Ready, {} s before the measurement begins",
        ready_in.as_secs()
    ));

    tokio::time::sleep(ready_in).await;
    let log = audit::Log::from_now()?;
    let before = controller.usage().await?;
    let others_before = machine::control_plane_ticks();
    let limit = clock.until(due) + Duration::from_secs(60 + settings.schedules as u64 / 5);
    controller
        .reaches("every run has ended", limit, |metrics| {
            metrics.sum("punctual_runs_total", "") >= count
        })
        .await?;
    controller
        .reaches("every pod is collected", limit, |metrics| {
            metrics.requests("delete", "pods") >= count
        })
        .await?;
    controller
        .reaches("every Event is published", limit, |metrics| {
            // Each run tells that it has started and that it has ended.
            metrics.events() >= before.events + 2 * count
        })
        .await?;
    say("all runs have ended and are recorded");
    let after = controller.usage().await?;
    let others_after = machine::control_plane_ticks();
    herd::all_recorded(cluster, settings).await?;
    controller.stop().await?;

    let requests = log.read(&cluster.prefix)?;
    let runs = figures::runs(due, &cluster.controller_user(), &requests);
    ensure!(
        runs.len() as u64 == count,
        "the audit log shows {} complete runs of {count}",
        runs.len()
    );
    Ok(Figures {
        machine,
        calls: figures::calls(&cluster.controller_user(), &requests),
        runs,
        before,
        after,
        control_plane: [others_before, others_after],
    })
}
