//! The controller under measurement: a process of its own, and what Linux and it say about it.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
    time::Instant,
};

use crate::machine::process_ticks;

/// The running controller. It is killed when this is dropped.
pub struct Controller {
    child: Child,
    pid: u32,
    listen: String,
    log: tempfile::NamedTempFile,
}

/// What the process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub cpu_ticks: u64,
    pub resident_kib: u64,
    pub peak_kib: u64,
    /// How often one of its threads went to sleep.
    pub wakes: u64,
    /// How often it looked at a schedule.
    pub turns: u64,
    /// How many Events it has published or dropped.
    pub events: u64,
}

/// A page of the controller's metrics.
pub struct Metrics(String);

impl Metrics {
    /// The sum of the samples of this name whose labels include these.
    pub fn sum(&self, name: &str, labels: &str) -> u64 {
        let samples = self.0.lines().filter(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']) && rest.contains(labels))
        });
        samples
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum::<f64>() as u64
    }

    /// How many requests of this verb and resource were made.
    pub fn requests(&self, verb: &str, resource: &str) -> u64 {
        let labels = format!(r#"verb="{verb}",resource="{resource}""#);
        self.sum("punctual_api_requests_total", &labels)
    }

    /// How many Events were published or dropped.
    pub fn events(&self) -> u64 {
        self.requests("create", "events") + self.sum("punctual_events_dropped_total", "")
    }
}

impl Controller {
    /// Starts the controller that was built with this bench and waits until it is ready.
    pub async fn start(kubeconfig: &Path, flags: &[String]) -> anyhow::Result<Self> {
        // The port is free again for the controller, which is the next to ask for one.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let listen = format!("127.0.0.1:{port}");
        let log = tempfile::NamedTempFile::new()?;
        let child = Command::new(env!("CARGO_BIN_EXE_punctual"))
            .args([
                "controller",
                "--run-logs=off",
                "--log-format=json",
                "--no-lease",
            ])
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(["--listen", &listen])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(log.reopen()?)
            .stderr(log.reopen()?)
            .kill_on_drop(true)
            .spawn()
            .context("can't start the controller")?;
        let pid = child.id().context("the controller ended at once")?;
        let mut controller = Self {
            child,
            pid,
            listen,
            log,
        };
        let limit = Duration::from_secs(30);
        controller
            .reaches("it watches", limit, |metrics| {
                metrics.requests("watch", "scheduledcontainers") > 0
                    && metrics.requests("watch", "pods") > 0
            })
            .await?;
        Ok(controller)
    }

    /// Waits until the controller's metrics say so.
    pub async fn reaches(
        &mut self,
        what: &str,
        limit: Duration,
        reached: impl Fn(&Metrics) -> bool,
    ) -> anyhow::Result<()> {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the controller ended: {status}\n{}", self.last_lines());
            }
            if let Ok(metrics) = self.metrics().await
                && reached(&metrics)
            {
                return Ok(());
            }
            ensure!(
                Instant::now() < end,
                "not within {} s: {what}\n{}",
                limit.as_secs(),
                self.last_lines()
            );
            // Seldom, so that the question costs nothing beside what is measured.
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// What the process has used so far.
    pub async fn usage(&self) -> anyhow::Result<Usage> {
        let metrics = self.metrics().await?;
        let folder = format!("/proc/{}", self.pid);
        let status = fs::read_to_string(format!("{folder}/status"))?;
        let mut wakes = 0;
        for thread in fs::read_dir(format!("{folder}/task"))? {
            // A thread may have ended since.
            let status = fs::read_to_string(thread?.path().join("status")).unwrap_or_default();
            wakes += field(&status, "voluntary_ctxt_switches:").unwrap_or(0);
        }
        Ok(Usage {
            cpu_ticks: process_ticks(self.pid)?,
            resident_kib: field(&status, "VmRSS:").context("no VmRSS")?,
            peak_kib: field(&status, "VmHWM:").context("no VmHWM")?,
            wakes,
            turns: metrics.sum("punctual_reconcile_duration_seconds_count", ""),
            events: metrics.events(),
        })
    }

    /// Asks the controller to stop, as Kubernetes would, and waits until it has.
    pub async fn stop(mut self) -> anyhow::Result<ExitStatus> {
        let asked = Command::new("kill")
            .args(["-TERM", &self.pid.to_string()])
            .status()
            .await?;
        ensure!(asked.success(), "can't signal the controller");
        let status = tokio::time::timeout(Duration::from_secs(10), self.child.wait())
            .await
            .context("the controller did not stop within 10 s")??;
        ensure!(
            status.success(),
            "the controller ended: {status}\n{}",
            self.last_lines()
        );
        Ok(status)
    }

    async fn metrics(&self) -> anyhow::Result<Metrics> {
        let asking = async {
            let mut stream = TcpStream::connect(&self.listen).await?;
            stream
                .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let answer = tokio::time::timeout(Duration::from_secs(5), asking).await??;
        Ok(Metrics(answer))
    }

    fn last_lines(&self) -> String {
        let log = fs::read_to_string(self.log.path()).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(10).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

/// The number in a line such as `VmRSS:   1234 kB`.
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}
