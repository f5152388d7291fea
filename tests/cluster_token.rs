//! The token of the controller's service account is replaced, and the old one refused: first as the
//! kubelet does it, in good time, then revoked before there is another.
//!
//! Run with `cargo test --test cluster_token`, on the cluster that `KUBECONFIG` names. Which token is
//! used is in the audit log of hack/cluster; without it this does nothing.

mod cluster;

use std::{fs, path::PathBuf};

use cluster::{
    controller::Controller,
    history::{History, the_judge_sees_what_is_wrong},
    kubectl,
    place::Place,
    short_run, until,
};
use punctual::api::ScheduledContainerStatus;
use serde_json::{Value, json};

/// The service account, and the schedule.
const ACCOUNT: &str = "controller";
const BEAT: &str = "beat";
/// How many fires are decided after the outage, at least.
const AFTER: i64 = 5;

fn main() {
    if std::env::var_os("CLUSTER_AUDIT_LOG").is_none() {
        println!(
            "left out: without the audit log of hack/cluster nobody knows which token is used"
        );
        return;
    }
    cluster::run(tests![
        the_judge_sees_what_is_wrong,
        a_token_that_is_replaced_costs_no_fire,
    ])
}

async fn a_token_that_is_replaced_costs_no_fire() {
    let place = Place::new("token").await;
    let history = History::watch(&place).await;
    let account = Account::new(&place);
    account.give("first");
    let kubeconfig = account.kubeconfig();
    let flags = ["--kubeconfig", &kubeconfig, "--run-logs=off"];
    let controller = Controller::replica_with(&place, &flags).await;
    let beat = json!({
        "schedule": "* * * * * *",
        "successfulRunsHistoryLimit": 1,
        "template": short_run(100).await,
    });
    place.put(BEAT, beat).await;
    place.until_ended(BEAT, 3).await;

    // In good time: it takes the new one by itself, and doesn't notice that the old one is refused.
    let first = until("it has asked for something", async || account.credential()).await;
    account.give("second");
    until("it uses the second token", async || {
        account.credential().filter(|now| *now != first)
    })
    .await;
    account.revoke("first");
    let so_far = place.status(BEAT).await.counts;
    place.until_ended(BEAT, so_far.succeeded + 5).await;
    assert!(!is_refused(&controller).await, "a request was refused");

    // Too early: until it reads the third one, every request is refused.
    account.revoke("second");
    until("its requests are refused", async || {
        is_refused(&controller).await.then_some(())
    })
    .await;
    account.give("third");
    let calm = place.now();
    let goes_on = |status: &ScheduledContainerStatus| {
        let last = status.last_run_time;
        last.is_some_and(|last| last.as_second() >= calm.as_second() + AFTER)
    };
    place.until_status(BEAT, "it goes on", goes_on).await;
    let (runs, skips) = history.settle(&place, BEAT, 1).await;
    println!("token: {runs} runs and {skips} skips are all fires that there were");
}

async fn is_refused(controller: &Controller) -> bool {
    let page = controller.metrics().await.expect("its metrics");
    page.lines()
        .any(|line| line.starts_with("punctual_api_requests_total{") && line.contains("\"401\""))
}

/// The controller's service account, and the folder with its kubeconfig and its token.
struct Account<'a> {
    place: &'a Place,
    folder: tempfile::TempDir,
}

impl<'a> Account<'a> {
    fn new(place: &'a Place) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let account = Self { place, folder };
        account.kubectl(&["create", "serviceaccount", ACCOUNT]);
        let subject = format!("--serviceaccount={}:{ACCOUNT}", place.namespace);
        let role = "--clusterrole=cluster-admin"; // in its namespace alone
        account.kubectl(&["create", "rolebinding", ACCOUNT, role, &subject]);
        let cluster = kubectl(&["config", "view", "--raw", "--minify", "-o", "json"]);
        let cluster: Value = serde_json::from_str(&cluster).expect("JSON");
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "token",
            "contexts": [{"name": "token", "context": {"cluster": "token", "user": "token"}}],
            "clusters": [{"name": "token", "cluster": cluster["clusters"][0]["cluster"]}],
            "users": [{"name": "token", "user": {"tokenFile": account.path("token")}}],
        });
        fs::write(account.path("kubeconfig"), kubeconfig.to_string()).expect("a file");
        account
    }

    /// Puts another token into its file. It is valid for as long as the Secret of this name is there.
    fn give(&self, secret: &str) {
        self.kubectl(&["create", "secret", "generic", secret]);
        let bound = format!("--bound-object-name={secret}");
        let token = ["create", "token", ACCOUNT, "--duration=10m"];
        let token = self.kubectl(&[&token[..], &["--bound-object-kind=Secret", &bound]].concat());
        // At once, as the kubelet does: never half of it.
        fs::write(self.path("token.new"), token).expect("a file");
        fs::rename(self.path("token.new"), self.path("token")).expect("the file");
    }

    fn revoke(&self, secret: &str) {
        self.kubectl(&["delete", "secret", secret]);
    }

    /// Which token the last request was made with, as the API server knows it.
    fn credential(&self) -> Option<String> {
        let path = std::env::var("CLUSTER_AUDIT_LOG").expect("main has looked");
        let log = fs::read_to_string(path).expect("the audit log");
        let user = format!("system:serviceaccount:{}:{ACCOUNT}", self.place.namespace);
        let last = log.lines().rev().find(|line| line.contains(&user))?;
        let line: Value = serde_json::from_str(last).ok()?;
        let id = &line["user"]["extra"]["authentication.kubernetes.io/credential-id"][0];
        id.as_str().map(ToOwned::to_owned)
    }

    fn kubeconfig(&self) -> String {
        let path = self.path("kubeconfig");
        path.to_str().expect("a plain path").to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn kubectl(&self, arguments: &[&str]) -> String {
        kubectl(&[&["--namespace", &self.place.namespace], arguments].concat())
    }
}
