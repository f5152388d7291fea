//! What users read, against a real API server and a real kubelet: Events are accepted, and the
//! output of a run arrives whole over connections that break.
//!
//! Run with `cargo test --test cluster_report`, on the cluster that `KUBECONFIG` names and that has
//! the image `punctual.local/work:1`. Everything is in namespaces of its own.

mod cluster;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::events::v1::Event;
use kube::api::{Api, DeleteParams, ListParams, LogParams, PostParams};
use kube::{Client, ResourceExt as _};
use punctual::api::SkipRecord;
use punctual::clock::Clock;
use punctual::cluster::observe::{ObservedPod, seen_pod};
use punctual::cluster::report::{Reporter, run_worker};
use punctual::cluster::run_logs::{LogFollower, RunLogs};
use punctual::core::news::News;
use punctual::core::reason::Reason;
use punctual::core::schedule_ref::ScheduleRef;
use punctual::metrics::Metrics;
use punctual::telemetry::Json;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn every_line_arrives_once_and_in_order_though_connections_break() -> anyhow::Result<()> {
    let namespace = create_namespace("logs").await?;
    let (log, _guard) = capture();
    let pods = Api::<Pod>::namespaced(client().await?, &namespace);
    let pod: Pod = serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "noisy-1", "annotations": {
            "punctual.dev/fire-time": "2026-11-20T18:45:00Z"}},
        "spec": {"restartPolicy": "Never", "containers": [{
            "name": "main", "image": "punctual.local/work:1", "args": ["noisy", "3"]}]},
    }))?;
    pods.create(&PostParams::default(), &pod).await?;

    let since = Clock::System.now() - SignedDuration::from_mins(10);
    let client_that_breaks = fragile_client().await?;
    let follower = LogFollower::new(RunLogs::All, client_that_breaks, Metrics::new(), since);
    let schedule = schedule(&namespace);
    let observed = Api::<ObservedPod>::namespaced(client().await?, &namespace);
    until("the run ends", async || {
        let pod = seen_pod(observed.get("noisy-1").await?);
        follower.pod_seen(&schedule, &pod);
        Ok(pod.ended())
    })
    .await?;
    let printed = pods.logs("noisy-1", &LogParams::default()).await?;
    let printed: Vec<_> = printed.lines().collect();
    assert_eq!(printed.len(), 600);
    until("its last line arrives", async || {
        Ok(log.run_lines().len() >= printed.len())
    })
    .await?;
    assert_eq!(log.run_lines(), printed);
    delete_namespace(&namespace).await
}

#[tokio::test]
async fn the_api_server_takes_every_event_and_counts_refusals_in_one() -> anyhow::Result<()> {
    let namespace = create_namespace("events").await?;
    let schedule = schedule(&namespace);
    let metrics = Metrics::new();
    let (reporter, queue) = Reporter::new(metrics.clone());
    let stop = CancellationToken::new();
    let worker = run_worker(queue, client().await?, "test".to_owned(), stop.clone());
    let worker = tokio::spawn(worker);

    let now = Clock::System.now();
    let long = "ü\n\x1b[31m".repeat(1_000);
    let started = News::Started {
        run: "slow-1".to_owned(),
        uid: "0b1f2c3d-0000-0000-0000-000000000001".to_owned(),
        fire: now,
        attempt: 1,
    };
    let waiting = News::Waiting {
        run: "slow-1".to_owned(),
        uid: "0b1f2c3d-0000-0000-0000-000000000001".to_owned(),
        reason: Reason::ImagePullFailed,
        message: long.clone(),
    };
    reporter.tell(&schedule, &started, now);
    reporter.tell(&schedule, &waiting, now);
    // The same news again, as after a restart.
    reporter.tell(&schedule, &started, now);
    let entry = Some("Not A Name!");
    reporter.tell_problem(Some(&namespace), entry, Reason::InvalidEntry, &long, now);
    let events = Api::<Event>::namespaced(client().await?, &namespace);
    let list = async || events.list(&ListParams::default()).await;
    // When, and how many the Event has counted then: it is written once in ten seconds. Each write is
    // awaited, as it is in life: a request takes less than ten seconds, or is given up.
    for (seconds, counted) in [(0, None), (5, None), (10, Some(3)), (20, Some(4))] {
        let at = now + SignedDuration::from_secs(seconds);
        reporter.tell(&schedule, &refused(at), at);
        until("the refusal is told", async || {
            Ok(list().await?.iter().any(|event| {
                let count = event.series.as_ref().map(|series| series.count);
                event.reason.as_deref() == Some("StillActive") && count == counted
            }))
        })
        .await?;
    }
    stop.cancel();
    worker.await?;

    let shown = metrics.encode();
    assert!(
        shown.contains("punctual_events_dropped_total 0\n"),
        "{shown}"
    );
    let events = list().await?.items;
    let reasons: std::collections::BTreeMap<_, _> = events
        .iter()
        .map(|event| (event.reason.clone().unwrap_or_default(), event))
        .collect();
    assert_eq!(
        reasons.keys().collect::<Vec<_>>(),
        ["ImagePullFailed", "InvalidEntry", "Started", "StillActive"]
    );
    assert_eq!(events.len(), 4, "{events:?}");
    assert_eq!(reasons["Started"].type_.as_deref(), Some("Normal"));
    assert_eq!(reasons["StillActive"].type_.as_deref(), Some("Warning"));
    let about = reasons["InvalidEntry"]
        .regarding
        .clone()
        .context("regarding")?;
    assert_eq!(about.name.as_deref(), entry);
    delete_namespace(&namespace).await
}

fn schedule(namespace: &str) -> ScheduleRef {
    ScheduleRef {
        namespace: namespace.to_owned(),
        name: "slow".to_owned(),
        uid: "0b1f2c3d-0000-0000-0000-000000000000".to_owned(),
    }
}

fn refused(at: Timestamp) -> News {
    News::Skipped {
        skip: SkipRecord {
            fire_time: at,
            last_fire_time: at,
            count: 1,
            reason: "StillActive".to_owned(),
            message: "run slow-1 is still active".to_owned(),
        },
        reason: Reason::StillActive,
    }
}

async fn client() -> anyhow::Result<Client> {
    Ok(Client::try_from(cluster::config().await)?)
}

/// A client whose connections are cut after less than a second.
async fn fragile_client() -> anyhow::Result<Client> {
    let mut config = cluster::config().await;
    let host = config.cluster_url.host().context("a host")?.to_owned();
    let port = config.cluster_url.port_u16().unwrap_or(443);
    let proxy = cutting_proxy(format!("{host}:{port}")).await?;
    config.cluster_url = format!("https://{proxy}").parse()?;
    config.tls_server_name.get_or_insert(host);
    Ok(Client::try_from(config)?)
}

/// Passes connections on, and cuts each after 0.7 s, wherever it is then.
async fn cutting_proxy(server: String) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let server = server.clone();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(server).await?;
                let copy = tokio::io::copy_bidirectional(&mut near, &mut far);
                let _ = tokio::time::timeout(Duration::from_millis(700), copy).await;
                io::Result::Ok(())
            });
        }
    });
    Ok(address)
}

async fn create_namespace(what: &str) -> anyhow::Result<String> {
    let name = format!("punctual-report-{what}-{}", std::process::id());
    let namespace = serde_json::from_value(json!({"metadata": {"name": name}}))?;
    let namespaces = Api::<Namespace>::all(client().await?);
    let created = namespaces
        .create(&PostParams::default(), &namespace)
        .await?;
    // Pods need the account that every namespace gets a moment later.
    let accounts =
        Api::<k8s_openapi::api::core::v1::ServiceAccount>::namespaced(client().await?, &name);
    until("the namespace is ready", async || {
        Ok(accounts.get_opt("default").await?.is_some())
    })
    .await?;
    Ok(created.name_any())
}

async fn delete_namespace(name: &str) -> anyhow::Result<()> {
    let namespaces = Api::<Namespace>::all(client().await?);
    namespaces.delete(name, &DeleteParams::default()).await?;
    Ok(())
}

async fn until(
    what: &str,
    condition: impl AsyncFn() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let wait = async {
        while !condition().await? {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::Ok(())
    };
    let end = tokio::time::timeout(PATIENCE, wait).await;
    end.with_context(|| format!("waited in vain until {what}"))?
}

/// What was logged, as JSON.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn run_lines(&self) -> Vec<String> {
        let bytes = self.0.lock().expect("no panic holds it").clone();
        serde_json::Deserializer::from_slice(&bytes)
            .into_iter::<Value>()
            .filter_map(Result::ok)
            .filter(|row| row["target"] == "punctual::run")
            .filter_map(|row| row["message"].as_str().map(str::to_owned))
            .collect()
    }
}

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("no panic holds it")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Captures what this thread logs until the guard is dropped.
fn capture() -> (Captured, tracing::subscriber::DefaultGuard) {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber = tracing_subscriber::fmt::Subscriber::builder()
        .with_max_level(tracing::Level::INFO)
        .with_writer(move || writer.clone())
        .event_format(Json::new(Clock::System))
        .finish();
    (captured, tracing::subscriber::set_default(subscriber))
}
