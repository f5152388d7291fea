//! The real API server away, throttling, and killed again and again: no fire is lost or starts twice
//! meanwhile, and when it is back the controller goes on by itself and comes to rest.
//!
//! `cargo test --test cluster_outages`, on the cluster of hack/cluster, takes seconds for each; with
//! `PUNCTUAL_TEST_FAULTS=1/1` each lasts ten minutes. On a cluster whose API server is not ours to
//! kill it does nothing.

mod cluster;

use std::time::Duration;

use cluster::{
    audit::AuditLog,
    controller::Controller,
    history::{History, the_judge_sees_what_is_wrong},
    part::Part,
    place::Place,
    proxy::{Fault, Proxy},
    short_run,
};
use punctual::api::ScheduledContainerStatus;
use serde_json::json;
use tokio::process::Command;

/// The schedule of each test.
const BEAT: &str = "beat";
/// How many fires are decided after an outage, at least.
const AFTER: i64 = 5;

/// How long the outages last.
#[derive(Clone, Copy)]
struct Length {
    away: Duration,
    restarts: usize,
    /// How long the API server lives between two of them.
    lives: Duration,
}

impl Length {
    const SAMPLE: Self = Self {
        away: Duration::from_secs(15),
        restarts: 2,
        lives: Duration::from_secs(8),
    };
    const WHOLE: Self = Self {
        away: Duration::from_secs(600),
        restarts: 30,
        lives: Duration::from_secs(20),
    };
}

fn main() {
    let part = Part::from_environment();
    if std::env::var_os("CLUSTER_AUDIT_LOG").is_none() {
        println!("left out: without hack/cluster there is no API server that is ours to kill");
        return;
    }
    let length = match part {
        Some(_) => Length::WHOLE,
        None => Length::SAMPLE,
    };
    let all: [(&str, Box<dyn FnOnce() + Send>); 4] = [
        (
            "the_judge_sees_what_is_wrong",
            Box::new(|| cluster::block_on(the_judge_sees_what_is_wrong())),
        ),
        (
            "an_api_server_that_is_away_costs_no_fire",
            Box::new(move || cluster::block_on(away(length))),
        ),
        (
            "an_api_server_that_throttles_costs_no_fire",
            Box::new(move || cluster::block_on(throttling(length))),
        ),
        (
            "an_api_server_that_is_killed_again_and_again_costs_no_fire",
            Box::new(move || cluster::block_on(restarts(length))),
        ),
    ];
    let part = part.unwrap_or(Part::ALL);
    // They take it from each other.
    cluster::run_at_once(1, part.of_all(all.into_iter())).exit();
}

/// A schedule that fires every second, and a controller with its Lease.
struct Trial {
    place: Place,
    history: History,
    log: AuditLog,
    controller: Controller,
}

impl Trial {
    async fn begin(what: &str) -> Self {
        let place = Place::new(what).await;
        let history = History::watch(&place).await;
        let log = AuditLog::from_now(&place).expect("main has looked");
        // A fake node has no output to read.
        let controller = Controller::replica(&place, &["--run-logs=off"]).await;
        Self::with(place, history, log, controller).await
    }

    async fn with(place: Place, history: History, log: AuditLog, controller: Controller) -> Self {
        let beat = json!({
            "schedule": "* * * * * *",
            "successfulRunsHistoryLimit": 1,
            "template": short_run(100).await,
        });
        place.put(BEAT, beat).await;
        place.until_ended(BEAT, 3).await;
        Self {
            place,
            history,
            log,
            controller,
        }
    }

    /// The outage is over: it goes on by itself, every fire is accounted for, and all comes to rest.
    async fn end(self, what: &str) {
        let calm = self.place.now();
        let goes_on = |status: &ScheduledContainerStatus| {
            let last = status.last_run_time;
            last.is_some_and(|last| last.as_second() >= calm.as_second() + AFTER)
        };
        self.place.until_status(BEAT, "it goes on", goes_on).await;
        let (runs, skips) = self.history.settle(&self.place, BEAT, 1).await;
        self.log.until_only_leases().await;
        println!("{what}: {runs} runs and {skips} skips are all fires that there were");
        drop(self.controller);
    }
}

async fn away(length: Length) {
    let trial = Trial::begin("away").await;
    let before = trial.place.status(BEAT).await.counts;
    hack("stop").await;
    tokio::time::sleep(length.away).await;
    hack("start").await;
    let missed = |status: &ScheduledContainerStatus| {
        status.counts.skipped >= before.skipped + length.away.as_secs() / 2
    };
    let what = "what was missed is told";
    trial.place.until_status(BEAT, what, missed).await;
    trial.end("away").await;
}

async fn throttling(length: Length) {
    let place = Place::new("throttling").await;
    let history = History::watch(&place).await;
    let log = AuditLog::from_now(&place).expect("main has looked");
    let proxy = Proxy::start(&place).await;
    let kubeconfig = proxy.kubeconfig();
    let kubeconfig = kubeconfig.to_str().expect("a plain path");
    let flags = ["--kubeconfig", kubeconfig, "--run-logs=off"];
    let controller = Controller::replica_with(&place, &flags).await;
    let trial = Trial::with(place, history, log, controller).await;
    proxy.choose(Some(Box::new(|_| Some(Fault::Answer(429)))));
    tokio::time::sleep(length.away).await;
    proxy.choose(None);
    trial.end("throttling").await;
}

async fn restarts(length: Length) {
    let trial = Trial::begin("restarts").await;
    for _ in 0..length.restarts {
        hack("stop").await;
        hack("start").await;
        tokio::time::sleep(length.lives).await;
    }
    trial.end("restarts").await;
}

/// Kills the API server, or starts it and waits until it is ready.
async fn hack(verb: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/hack/cluster/cluster");
    let output = Command::new(script)
        .args([verb, "apiserver"])
        .output()
        .await
        .expect("the script should run");
    assert!(output.status.success(), "{verb}: {output:?}");
}
