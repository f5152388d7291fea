//! `punctual controller`: looks after every schedule until it is told to stop.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use clap::{ArgAction, Args, builder::BoolishValueParser};
use jiff::SignedDuration;
use punctual::{
    about::About,
    admin::{self, Admin, Health},
    api::CalendarKind,
    clock::Clock,
    cluster::{
        cache::Cache,
        connect,
        file_source::{FileSource, Problem},
        lease::{self, Leadership},
        report::{self, Reporter},
        requests::Requests,
        run_logs::{LogFollower, RunLogs},
        watch::Watch,
        watch_calendars,
    },
    core::almanac::Almanac,
    driver::{Driver, Settings},
    metrics::Metrics,
    queue::Queue,
    telemetry::{self, LogFilter, LogFormat},
    traces::Traces,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    leases::{Home, LeaseFlags},
    schedule_file::ScheduleFile,
    traces::{self, TraceFlags},
    zones::ZoneFlags,
};

/// How the controller is told what to do. Every flag is also an environment variable.
#[derive(Args)]
pub struct Controller {
    /// The kubeconfig to use. Default: $KUBECONFIG, ~/.kube/config, or the pod that this runs in.
    #[arg(long, env = "PUNCTUAL_KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig to use. Default: its current one.
    #[arg(long, env = "PUNCTUAL_CONTEXT", value_name = "NAME")]
    context: Option<String>,

    /// The only namespace to look after. Default: all of them.
    #[arg(long, short, env = "PUNCTUAL_NAMESPACE", value_name = "NAME")]
    namespace: Option<String>,

    #[command(flatten)]
    zones: ZoneFlags,

    #[command(flatten)]
    file: ScheduleFile,

    /// Which lines of the runs' output go into this log, besides its own records.
    #[arg(long, env = "PUNCTUAL_RUN_LOGS", value_enum, default_value_t = RunLogs::All)]
    run_logs: RunLogs,

    /// How this log is written: text for people, JSON for machines, auto for text on a terminal.
    #[arg(long, env = "PUNCTUAL_LOG_FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    log_format: LogFormat,

    /// Which records this log has: error, warn, info, debug or trace, or one for each module.
    #[arg(
        long,
        env = "PUNCTUAL_LOG_LEVEL",
        value_name = "FILTER",
        default_value = "info"
    )]
    log_level: String,

    /// Where /healthz, /readyz, /metrics, /version and /log-level are served.
    #[arg(
        long,
        env = "PUNCTUAL_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080"
    )]
    listen: SocketAddr,

    /// Serve metrics of single schedules too, of up to 1,000.
    #[arg(
        long,
        env = "PUNCTUAL_SCHEDULE_METRICS",
        action = ArgAction::SetTrue,
        value_parser = BoolishValueParser::new()
    )]
    schedule_metrics: bool,

    #[command(flatten)]
    traces: TraceFlags,

    /// How many schedules are worked on at once at most; fewer while the API server can't keep up.
    #[arg(
        long,
        env = "PUNCTUAL_CONCURRENCY",
        value_name = "N",
        default_value_t = 64
    )]
    concurrency: usize,

    /// How long before a fire its pod may be created; it is held until then. 0s: not before.
    #[arg(
        long,
        env = "PUNCTUAL_PREPARE_AHEAD",
        value_name = "DURATION",
        default_value = "5s"
    )]
    prepare_ahead: SignedDuration,

    #[command(flatten)]
    lease: LeaseFlags,
}

/// How long what was begun may take to end before others may begin: longer than a run's two writes.
const LAST_STEPS: Duration = Duration::from_millis(500);

pub fn run(flags: Controller) -> anyhow::Result<()> {
    let almanac = flags.zones.almanac()?;
    let log = telemetry::init(flags.log_format, &flags.log_level, almanac.local.clone())?;
    let about = About::new(almanac.zones.version());
    let metrics = Metrics::of(&about);
    metrics.watch_dropped_lines(log.dropped_lines());
    let filter = log.filter();
    let runtime = tokio::runtime::Runtime::new().context("can't start the runtime")?;
    let result = runtime.block_on(serve(flags, almanac, metrics, about, filter));
    // Nothing that still waits for an answer may hold up the exit.
    runtime.shutdown_background();
    result
}

async fn serve(
    flags: Controller,
    almanac: Almanac,
    metrics: Metrics,
    about: About,
    log_filter: LogFilter,
) -> anyhow::Result<()> {
    let clock = Clock::System;
    let collector = flags.traces.collector()?;
    let config = connect::config(flags.kubeconfig.as_deref(), flags.context.as_deref()).await?;
    let server = config.cluster_url.to_string();
    let home = config.default_namespace.clone();
    let in_pod = connect::is_of_pod(&config);
    let client = connect::client(config.clone(), metrics.clone())?;
    // Streams of lines have connections of their own, so that they are never in the way of a fire;
    // Leases, so that a storm of fires is never in theirs.
    let lines_client = connect::client(config.clone(), metrics.clone())?;
    let lease_client = connect::client(config, metrics.clone())?;
    let election = flags.lease.election(
        lease_client,
        Home {
            namespace: &home,
            in_pod,
            watched: flags.namespace.as_deref(),
        },
        clock.clone(),
        metrics.clone(),
    )?;
    let leadership = election
        .as_ref()
        .map_or_else(Leadership::always, |it| it.leadership());
    metrics.set_shards(leadership.shards());
    metrics.set_shards_led(leadership.count());
    let health = Health::new(clock.clone());
    let stop = stop_on_signal()?;

    let almanac = Arc::new(almanac);
    let cache = Cache::new(almanac.clone());
    if flags.schedule_metrics {
        let (cache, leadership) = (cache.clone(), leadership.clone());
        metrics.show_each_schedule(move || cache.numbers(|uid| leadership.leads(uid)));
    }
    let queue = Arc::new(Queue::new(clock.clone()));
    let (reporter, events) = Reporter::new(metrics.clone());
    let logs = LogFollower::new(flags.run_logs, lines_client, metrics.clone(), clock.now())
        .led_by(leadership.clone());
    let listener = admin::listen(flags.listen).await?;
    tracing::info!(
        version = about.version,
        %server,
        namespace = flags.namespace.as_deref().unwrap_or("all"),
        time_zone = almanac.local.iana_name().unwrap_or("local"),
        zone_database = about.zone_database,
        probes = %flags.listen,
        "started"
    );

    // Ended after the driver, so that what it does last is told, too.
    let told = CancellationToken::new();
    let mut traces = Traces::default();
    let mut exporter = None;
    if let Some((collector, endpoint)) = collector {
        let about = traces::about(&about, in_pod.then_some(home.as_str()))?;
        let (tell, queue) = Traces::new(clock.clone(), metrics.clone());
        exporter = Some(punctual::traces::run(queue, collector, about, told.clone()));
        traces = tell;
        tracing::info!(%endpoint, "each fire is told as a trace");
    }

    // Each of these ends by itself after `stop`, or has nothing to lose and is dropped.
    let mut side = JoinSet::new();
    side.spawn({
        let admin = Admin {
            health: health.clone(),
            metrics: metrics.clone(),
            about,
            log_filter,
        };
        let stop = stop.clone();
        async move {
            if let Err(error) = admin::serve(listener, admin, stop).await {
                tracing::error!(error = &error as &dyn std::error::Error, "no more probes");
            }
        }
    });
    if let Some(exporter) = exporter {
        side.spawn(exporter);
    }
    side.spawn(report::run_worker(
        events,
        client.clone(),
        report::instance_name(),
        stop.clone(),
    ));
    if let Some(path) = flags.file.path() {
        let namespace = flags.file.schedule_namespace.clone();
        let source = FileSource {
            path,
            default_namespace: namespace.or(flags.namespace.clone()).unwrap_or(home),
            only_namespace: flags.namespace.clone(),
            source: flags.file.schedule_source.clone(),
            almanac,
            client: client.clone(),
            metrics: metrics.clone(),
        };
        let (reporter, clock) = (reporter.clone(), clock.clone());
        let tell = move |problem: &Problem| {
            let (namespace, entry) = (Some(problem.namespace.as_str()), problem.entry.as_deref());
            let message = problem.to_string();
            reporter.tell_problem(namespace, entry, problem.reason, &message, clock.now());
        };
        let work = move |term| source.clone().run(tell.clone(), term);
        side.spawn(lease::while_leading(leadership.clone(), stop.clone(), work));
    }

    let watch = Watch {
        client: client.clone(),
        namespace: flags.namespace,
        cache: cache.clone(),
        queue: queue.clone(),
        metrics: metrics.clone(),
        traces: traces.clone(),
    };
    let mut watches = JoinSet::new();
    let (schedules_synced, mut schedules) = watch::channel(false);
    let (pods_synced, mut pods) = watch::channel(false);
    watches.spawn(watch.clone().schedules(schedules_synced));
    let mut calendars = Vec::new();
    for kind in [
        CalendarKind::ScheduleCalendar,
        CalendarKind::ClusterScheduleCalendar,
    ] {
        let (synced, calendars_synced) = watch::channel(false);
        watches.spawn(watch.clone().calendars(kind, synced));
        calendars.push(calendars_synced);
    }
    watches.spawn(watch.pods(logs.clone(), pods_synced));

    let settings = Settings {
        concurrency: flags.concurrency,
        prepare_ahead: flags.prepare_ahead,
    };
    watches.spawn(lease::follow(
        leadership.clone(),
        cache.clone(),
        queue.clone(),
        logs,
    ));
    let requests = Requests::new(client);
    let driver = Driver::new(
        settings,
        clock,
        cache,
        queue,
        requests,
        reporter,
        metrics,
        health.clone(),
    )
    .led_by(leadership)
    .traced_by(traces);
    // Nothing is decided before all schedules and pods are known. Without its calendars nothing is
    // decided about a schedule either, so the wait for those only keeps it from being shown as broken.
    let synced = async {
        for known in [&mut schedules, &mut pods] {
            if known.wait_for(|synced| *synced).await.is_err() {
                return false;
            }
        }
        watch_calendars::wait_for(calendars).await;
        true
    };
    let synced = tokio::select! {
        () = stop.cancelled() => false,
        synced = synced => synced,
        () = beat(&health, &driver.clock) => false,
        _ = watches.join_next() => false,
    };
    if synced {
        health.set_ready(true);
        tracing::info!("all schedules and runs are known");
        // Only who knows all of that may lead; whoever stands by knows it as well.
        let (resign, idle) = (CancellationToken::new(), CancellationToken::new());
        if let Some(election) = election {
            let (stop, idle, resigned) = (stop.clone(), idle.clone(), resign.clone());
            side.spawn(async move { election.run(resigned).await });
            side.spawn(async move {
                stop.cancelled().await;
                // Whether or not it is idle by then.
                let _ = timeout(LAST_STEPS, idle.cancelled()).await;
                resign.cancel();
            });
        }
        tokio::select! {
            () = driver.run(stop.clone()) => {}
            _ = watches.join_next() => {}
        }
        idle.cancel();
    }
    let asked_to = stop.is_cancelled();
    stop.cancel();
    told.cancel();
    while side.join_next().await.is_some() {}
    // A controller that sees nothing any more must not look as if it did.
    anyhow::ensure!(
        asked_to,
        "a watch ended, by a fault of this program: start it again"
    );
    tracing::info!("stopped");
    Ok(())
}

/// Shows that the process lives while it waits for an API server that may be away for long.
async fn beat(health: &Health, clock: &Clock) {
    let mut second = tokio::time::interval(std::time::Duration::from_secs(1));
    loop {
        second.tick().await;
        health.beat(clock.now());
    }
}

/// A token that SIGTERM and SIGINT cancel.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("can't listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("can't listen for SIGINT")?;
    tokio::spawn({
        let stop = stop.clone();
        async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal = name, "stopping");
            stop.cancel();
        }
    });
    Ok(stop)
}
