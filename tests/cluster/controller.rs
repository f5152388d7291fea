//! The real controller as a process of its own: started, read, ended, killed.

use std::{
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
};

use super::{place::Place, until_or};

/// How many of its last records a controller's test shows when it fails.
const SHOWN: usize = 60;

/// A running controller. It is killed when this goes.
pub struct Controller {
    child: Killer,
    lines: Lines,
    listen: String,
}

/// The records of one or more controllers, one after the other.
pub type Lines = Arc<Mutex<Vec<String>>>;

/// What can kill a controller from anywhere.
#[derive(Clone, Debug)]
pub struct Killer(Arc<Mutex<Child>>);

impl Killer {
    /// Kills the process as `kill -9` does: it doesn't get to do anything any more.
    pub fn kill(&self) {
        let mut child = self.0.lock().expect("the child");
        // It may be dead already, which is as well.
        let _ = child.start_kill();
    }
}

impl Controller {
    /// A controller for a place, with these flags besides the usual ones. It asks for no Lease: what it
    /// promises, it promises without.
    pub async fn start(place: &Place, flags: &[&str]) -> Self {
        let mut all = vec!["--no-lease"];
        all.extend(flags);
        Self::replica(place, &all).await
    }

    /// A controller that shares the work with others by Leases in its place.
    pub async fn replica(place: &Place, flags: &[&str]) -> Self {
        let context = format!("--context={}", place.cluster.context);
        let mut all = vec![context.as_str()];
        all.extend(flags);
        Self::replica_with(place, &all).await
    }

    /// A controller for a place, with these flags and none that says which cluster, without a Lease.
    pub async fn start_with(place: &Place, flags: &[&str]) -> Self {
        let mut all = vec!["--no-lease"];
        all.extend(flags);
        Self::replica_with(place, &all).await
    }

    /// The same with Leases.
    pub async fn replica_with(place: &Place, flags: &[&str]) -> Self {
        let listen = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            free.local_addr().expect("its address").to_string()
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_punctual"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PUNCTUAL_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args(["controller", "--log-format=json", "--listen", &listen])
            .args(["--namespace", &place.namespace])
            .args(flags)
            .env("TZ", "UTC")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the controller should start");
        let lines = Lines::default();
        collect(child.stdout.take().expect("its output"), lines.clone());
        collect(child.stderr.take().expect("its errors"), lines.clone());
        let controller = Self {
            child: Killer(Arc::new(Mutex::new(child))),
            lines,
            listen,
        };
        controller
            .until_line("it knows all", |line| {
                line["message"] == "all schedules and runs are known"
            })
            .await;
        controller
    }

    pub fn killer(&self) -> Killer {
        self.child.clone()
    }

    pub fn kill(&self) {
        self.child.kill();
    }

    /// Sends it a signal, such as `-STOP`.
    pub async fn signal(&self, signal: &str) {
        let pid = self.child.0.lock().expect("the child").id();
        let pid = pid.expect("it should still run").to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().await;
        assert!(sent.is_ok_and(|sent| sent.success()), "kill {signal} {pid}");
    }

    /// Asks it to stop as Kubernetes does, and waits until it has.
    pub async fn terminate(&self) -> ExitStatus {
        self.signal("-TERM").await;
        let look = async || {
            let mut child = self.child.0.lock().expect("the child");
            child.try_wait().expect("its end")
        };
        until_or("the controller stops", look, || self.shown()).await
    }

    /// Its records so far; what is no JSON, such as a panic, stands under `message`.
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.lines.lock().expect("the lines");
        let parsed = lines.iter().map(|line| {
            serde_json::from_str(line).unwrap_or_else(|_| serde_json::json!({"message": line}))
        });
        parsed.collect()
    }

    /// The same as they were written.
    pub fn raw_lines(&self) -> Vec<String> {
        self.lines.lock().expect("the lines").clone()
    }

    /// Waits for a record.
    pub async fn until_line(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let look = async || self.lines().into_iter().find(&is);
        until_or(&format!("a log record: {what}"), look, || self.shown()).await
    }

    /// Waits for the record of this event with this reason about a schedule.
    pub async fn until_record(&self, schedule: &str, event: &str, reason: &str) -> Value {
        let what = format!("{event} with reason {reason} about {schedule}");
        self.until_line(&what, |line| {
            line["schedule"] == schedule && line["event"] == event && line["reason"] == reason
        })
        .await
    }

    /// Waits until its metrics have this line.
    pub async fn until_metric(&self, line: &str) {
        let last = Mutex::new(String::new());
        let look = async || {
            let page = self.metrics().await.unwrap_or_default();
            let found = page.lines().any(|this| this == line);
            *last.lock().expect("the last page") = page;
            found.then_some(())
        };
        let why = || last.lock().expect("the last page").clone();
        until_or(&format!("the metric {line}"), look, why).await;
    }

    pub async fn metrics(&self) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(&self.listen).await?;
        let request = "GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n";
        stream.write_all(request.as_bytes()).await?;
        let mut page = String::new();
        let all = stream.read_to_string(&mut page);
        tokio::time::timeout(Duration::from_secs(10), all).await??;
        Ok(page)
    }

    fn shown(&self) -> String {
        let lines = self.lines.lock().expect("the lines");
        let from = lines.len().saturating_sub(SHOWN);
        format!(
            "The controller's last records:\n{}",
            lines[from..].join("\n")
        )
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("{}", self.shown());
        }
    }
}

fn collect(from: impl tokio::io::AsyncRead + Send + Unpin + 'static, into: Lines) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            into.lock().expect("the lines").push(line);
        }
    });
}
