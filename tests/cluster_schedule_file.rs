//! A schedule file on a real API server: applied, kept, and retired.
//!
//! Run with `cargo test --test cluster_schedule_file`, on the cluster that `KUBECONFIG` names. It
//! installs the definition and leaves it there; all else is in namespaces of its own. No controller
//! may look after these namespaces: the tests set the status themselves.

mod cluster;

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jiff::tz::TimeZone;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use punctual::api::ScheduledContainer;
use punctual::cluster::file_source::{
    FileSource, Problem, Round, SOURCE_LABEL, SOURCE_LINE_ANNOTATION, Sync, read,
};
use punctual::core::almanac::Almanac;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// A namespace of its own, and what a schedule file did in it.
struct Ground {
    client: Client,
    namespace: String,
    sync: Sync,
}

impl Ground {
    async fn new() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let client = Client::try_from(cluster::config().await)?;
        cluster::install(&client).await;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("punctual-file-{}-{count}", std::process::id());
        let object: Namespace = serde_json::from_value(json!({"metadata": {"name": namespace}}))?;
        Api::all(client.clone())
            .create(&PostParams::default(), &object)
            .await?;
        let sync = Sync::new(client.clone(), "test".to_owned(), Some(namespace.clone()));
        Ok(Self {
            client,
            namespace,
            sync,
        })
    }

    fn api(&self) -> Api<ScheduledContainer> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// One round with a file of this text.
    async fn round(&mut self, text: &str) -> Result<Round> {
        let almanac = Almanac::new(TimeZone::UTC);
        let reading = read(text, "schedule.yml", &self.namespace, &almanac, |_| {
            Err("does not exist".to_owned())
        });
        ensure!(!reading.unreadable, "{:?}", reading.problems);
        Ok(self.sync.round(&reading).await?)
    }

    /// A round in which nothing goes wrong.
    async fn apply(&mut self, text: &str) -> Result<()> {
        let round = self.round(text).await?;
        ensure!(!round.failed, "{:?}", round.problems);
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<ScheduledContainer> {
        Ok(self.api().get(name).await?)
    }

    async fn names(&self) -> Result<Vec<String>> {
        let list = self.api().list(&Default::default()).await?;
        Ok(list.iter().map(ResourceExt::name_any).collect())
    }

    async fn set_active(&self, name: &str, active: Value) -> Result<()> {
        let status = json!({"status": {"active": active}});
        let patch = Patch::Merge(status);
        let params = PatchParams::default();
        self.api().patch_status(name, &params, &patch).await?;
        Ok(())
    }

    async fn end(self) -> Result<()> {
        let api: Api<Namespace> = Api::all(self.client);
        api.delete(&self.namespace, &DeleteParams::background())
            .await?;
        Ok(())
    }
}

fn runs() -> Value {
    json!([{"name": "a-run", "uid": "u", "fireTime": "2030-01-01T00:00:00Z", "claimTime": "2030-01-01T00:00:00Z"}])
}

fn entry(name: &str, more: &str) -> String {
    format!("{name}: {{cron: '', image: b{more}}}\n")
}

#[tokio::test]
async fn an_entry_is_applied_once_with_its_source_and_owns_only_what_it_says() -> Result<()> {
    let mut ground = Ground::new().await?;
    ground
        .apply(&format!("\n{}", entry("a", ", suspend: true")))
        .await?;
    let first = ground.get("a").await?;
    assert_eq!(first.labels()[SOURCE_LABEL], "test");
    assert_eq!(
        first.annotations()[SOURCE_LINE_ANNOTATION],
        "schedule.yml:2"
    );
    assert!(first.spec.suspend);
    let owned = first.managed_fields()[0].fields_v1.clone().unwrap().0;
    let mut fields: Vec<_> = owned["f:spec"].as_object().unwrap().keys().collect();
    fields.sort();
    assert_eq!(fields, ["f:schedule", "f:suspend", "f:template"]);

    ground
        .apply(&format!("\n{}", entry("a", ", suspend: true")))
        .await?;
    let second = ground.get("a").await?;
    assert_eq!(second.resource_version(), first.resource_version());

    // An entry that hasn't changed isn't applied again: a `kubectl patch` of it holds.
    let on = json!({"spec": {"suspend": false}});
    ground
        .api()
        .patch("a", &PatchParams::default(), &Patch::Merge(on))
        .await?;
    ground
        .apply(&format!("\n{}", entry("a", ", suspend: true")))
        .await?;
    assert!(!ground.get("a").await?.spec.suspend);
    ground
        .apply(&entry("a", ", suspend: true, description: d"))
        .await?;
    assert!(ground.get("a").await?.spec.suspend);

    // What the entry no longer says goes back to its default; what others say stays.
    let label = json!({"metadata": {"labels": {"team": "x"}}});
    ground
        .api()
        .patch("a", &PatchParams::default(), &Patch::Merge(label))
        .await?;
    ground.apply(&entry("a", "")).await?;
    let third = ground.get("a").await?;
    assert!(!third.spec.suspend);
    assert_eq!(third.labels()["team"], "x");
    ground.end().await
}

#[tokio::test]
async fn what_somebody_deleted_comes_back() -> Result<()> {
    let mut ground = Ground::new().await?;
    ground.apply(&entry("a", "")).await?;
    ground.api().delete("a", &DeleteParams::default()).await?;
    ground.apply(&entry("a", "")).await?;
    assert_eq!(ground.names().await?, ["a"]);
    ground.end().await
}

#[tokio::test]
async fn what_is_not_from_the_file_is_left_alone_and_told() -> Result<()> {
    let mut ground = Ground::new().await?;
    let theirs = json!({
        "apiVersion": "punctual.dev/v1alpha1", "kind": "ScheduledContainer",
        "metadata": {"name": "a", "namespace": ground.namespace},
        "spec": {"schedule": "", "description": "theirs", "template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}},
    });
    let theirs: ScheduledContainer = serde_json::from_value(theirs)?;
    ground.api().create(&PostParams::default(), &theirs).await?;
    let file = entry("a", "") + &entry("b", "");
    let round = ground.round(&file).await?;
    assert!(round.failed);
    let told: Vec<_> = round.problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("schedule.yml:1:1: entry \"a\": the ScheduledContainer of this name")
            && told[0].contains("kubectl label schc"),
        "{told:?}"
    );
    assert_eq!(
        ground.get("a").await?.spec.description.as_deref(),
        Some("theirs")
    );
    assert!(ground.get("a").await?.labels().is_empty());
    assert_eq!(ground.names().await?, ["a", "b"]);

    // Neither is it retired.
    ground.apply("{}").await?;
    assert_eq!(ground.names().await?, ["a"]);

    // Handed over as the message says.
    let label = json!({"metadata": {"labels": {SOURCE_LABEL: "test"}}});
    ground
        .api()
        .patch("a", &PatchParams::default(), &Patch::Merge(label))
        .await?;
    ground.apply(&file).await?;
    assert!(
        ground
            .get("a")
            .await?
            .annotations()
            .contains_key(SOURCE_LINE_ANNOTATION)
    );
    ground.end().await
}

#[tokio::test]
async fn an_entry_that_goes_is_deleted_and_one_with_a_mistake_is_not() -> Result<()> {
    let mut ground = Ground::new().await?;
    ground
        .apply(&(entry("a", "") + &entry("b", "") + &entry("c", "")))
        .await?;
    ground
        .apply(&(entry("b", ", oops: 1") + &entry("c", "")))
        .await?;
    assert_eq!(ground.names().await?, ["b", "c"]);
    // Another controller on the same file knows as much: it reads it from the cluster.
    ground.sync = Sync::new(
        ground.client.clone(),
        "test".to_owned(),
        Some(ground.namespace.clone()),
    );
    ground.apply(&entry("b", ", oops: 1")).await?;
    assert_eq!(ground.names().await?, ["b"]);
    ground.apply("{}").await?;
    assert_eq!(ground.names().await?, [""; 0]);
    ground.end().await
}

#[tokio::test]
async fn an_active_run_ends_before_its_schedule_goes() -> Result<()> {
    let mut ground = Ground::new().await?;
    ground.apply(&entry("a", "")).await?;
    ground.set_active("a", runs()).await?;
    ground.apply("{}").await?;
    assert!(ground.sync.is_leaving());
    assert!(ground.get("a").await?.spec.suspend, "nothing new starts");
    ensure!(!ground.sync.retire_ended().await);
    assert_eq!(ground.names().await?, ["a"]);

    ground.set_active("a", Value::Null).await?;
    ensure!(!ground.sync.retire_ended().await);
    assert!(!ground.sync.is_leaving());
    assert_eq!(ground.names().await?, [""; 0]);
    ground.end().await
}

#[tokio::test]
async fn an_entry_that_comes_back_while_its_run_is_active_is_as_it_was() -> Result<()> {
    let mut ground = Ground::new().await?;
    let file = entry("a", "") + &entry("b", ", suspend: true");
    ground.apply(&file).await?;
    for name in ["a", "b"] {
        ground.set_active(name, runs()).await?;
    }
    ground.apply("{}").await?;
    assert!(ground.get("a").await?.spec.suspend);
    ground.apply(&file).await?;
    assert!(!ground.sync.is_leaving());
    assert!(!ground.get("a").await?.spec.suspend);
    assert!(ground.get("b").await?.spec.suspend);
    // And that was the last write.
    let version = ground.get("a").await?.resource_version();
    ground.apply(&file).await?;
    assert_eq!(ground.get("a").await?.resource_version(), version);
    ground.end().await
}

#[tokio::test]
async fn what_kubernetes_refuses_is_told_and_stops_no_other_entry() -> Result<()> {
    let mut ground = Ground::new().await?;
    ground.sync = Sync::new(ground.client.clone(), ground.namespace.clone(), None);
    let round = ground
        .round(&(entry("a", ", namespace: nowhere-at-all") + &entry("b", "")))
        .await?;
    assert!(round.failed);
    assert_eq!(
        round.problems[0].to_string(),
        "schedule.yml:1:1: entry \"a\": Kubernetes refused it: namespaces \"nowhere-at-all\" not found"
    );
    assert_eq!(ground.names().await?, ["b"]);
    ground.end().await
}

#[tokio::test]
async fn an_edit_of_the_file_reaches_the_cluster_and_each_problem_is_told_once() -> Result<()> {
    let ground = Ground::new().await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("schedule.yml");
    std::fs::write(&path, entry("a", "") + "bad: 5\n")?;
    let told = Mutex::new(Vec::new());
    let shutdown = CancellationToken::new();
    let source = FileSource {
        path: path.clone(),
        default_namespace: ground.namespace.clone(),
        only_namespace: Some(ground.namespace.clone()),
        source: "test".to_owned(),
        almanac: std::sync::Arc::new(Almanac::new(TimeZone::UTC)),
        client: ground.client.clone(),
        metrics: punctual::metrics::Metrics::new(),
    };
    let on_problem = |problem: &Problem| told.lock().unwrap().push(problem.to_string());
    let steps = async {
        until(&ground, &["a"]).await?;
        std::fs::write(&path, "bad: 5\n".to_owned() + &entry("b", ""))?;
        until(&ground, &["b"]).await?;
        std::fs::write(&path, "what: is: this\n")?;
        wait(|| told.lock().unwrap().len() >= 3).await?;
        assert_eq!(ground.names().await?, ["b"]);
        shutdown.cancel();
        anyhow::Ok(())
    };
    let ((), result) = tokio::join!(source.run(on_problem, shutdown.clone()), async {
        let result = steps.await;
        shutdown.cancel();
        result
    });
    result?;
    let told = told.into_inner()?;
    assert_eq!(told.len(), 3, "{told:#?}");
    assert!(told[0].starts_with("schedule.yml:2:6: entry \"bad\""));
    assert!(told[1].starts_with("schedule.yml:1:6: entry \"bad\""));
    assert!(told[2].starts_with("schedule.yml:1:9: not valid YAML"));
    ground.end().await
}

#[tokio::test]
async fn the_api_server_takes_every_entry_of_the_sample() -> Result<()> {
    let mut ground = Ground::new().await?;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let sample = std::fs::read_to_string(root.join("schedule.yml.sample"))?;
    let here = format!("namespace: {}", ground.namespace);
    let sample = sample.replace("namespace: default", &here);
    let almanac = Almanac::new(TimeZone::UTC);
    let reading = read(
        &sample,
        "schedule.yml.sample",
        &ground.namespace,
        &almanac,
        |name| std::fs::read_to_string(root.join(name)).map_err(|error| error.to_string()),
    );
    let round = ground.sync.round(&reading).await?;
    assert_eq!(round.problems, []);
    assert_eq!(ground.names().await?.len(), reading.entries.len());
    ground.end().await
}

/// The limits below only end a test that would hang.
async fn until(ground: &Ground, names: &[&str]) -> Result<()> {
    for _ in 0..600 {
        if ground.names().await? == names {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("{names:?} never came; there are {:?}", ground.names().await)
}

async fn wait(so: impl Fn() -> bool) -> Result<()> {
    for _ in 0..600 {
        if so() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    None.context("it never came to that")
}

/// The runtime moves it between threads.
#[test]
fn the_source_can_be_spawned() {
    fn spawnable<T: Send>(_: impl FnOnce(FileSource) -> T) {}
    spawnable(|source| source.run(|_| {}, CancellationToken::new()));
}
