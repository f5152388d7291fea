//! A namespace of a test's own, and what a user sees in it.

use std::{
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use jiff::Timestamp;
use k8s_openapi::api::{
    core::v1::{Namespace, Pod},
    events::v1::Event,
};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use punctual::{
    api::{Condition, ScheduledContainer, ScheduledContainerStatus},
    clock::Clock,
    core::status,
};
use serde_json::{Value, json};

use super::{Cluster, cluster, until_or};

/// A namespace that goes with its test.
pub struct Place {
    pub cluster: &'static Cluster,
    pub client: Client,
    pub namespace: String,
}

impl Place {
    pub async fn new(what: &str) -> Self {
        Self::labelled(what, json!({})).await
    }

    pub async fn labelled(what: &str, labels: Value) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let cluster = cluster().await;
        let client = cluster.client.clone();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Unlike a process id, this doesn't come again while an earlier run's namespace is going.
        let random = Clock::System.now().as_nanosecond() as u32 ^ std::process::id();
        let namespace = format!("punctual-test-{what}-{random:08x}{count}");
        let object = json!({"metadata": {"name": namespace, "labels": labels}});
        let object: Namespace = serde_json::from_value(object).expect("a namespace");
        Api::all(client.clone())
            .create(&PostParams::default(), &object)
            .await
            .expect("a namespace should be made");
        Self {
            cluster,
            client,
            namespace,
        }
    }

    pub fn schedules(&self) -> Api<ScheduledContainer> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Creates a schedule.
    pub async fn put(&self, name: &str, spec: Value) -> ScheduledContainer {
        let object = json!({
            "apiVersion": "punctual.dev/v1alpha1",
            "kind": "ScheduledContainer",
            "metadata": {"name": name},
            "spec": spec,
        });
        let object = serde_json::from_value(object).expect("a schedule");
        self.schedules()
            .create(&PostParams::default(), &object)
            .await
            .expect("the schedule should be accepted")
    }

    /// Changes a schedule's spec by a merge patch.
    pub async fn edit(&self, name: &str, spec: Value) -> ScheduledContainer {
        let patch = Patch::Merge(json!({"spec": spec}));
        self.schedules()
            .patch(name, &PatchParams::default(), &patch)
            .await
            .expect("the edit should be accepted")
    }

    pub async fn get(&self, name: &str) -> ScheduledContainer {
        self.schedules().get(name).await.expect("the schedule")
    }

    pub async fn status(&self, name: &str) -> ScheduledContainerStatus {
        self.get(name).await.status.unwrap_or_default()
    }

    /// Waits until the status is like this.
    pub async fn until_status(
        &self,
        name: &str,
        what: &str,
        is: impl Fn(&ScheduledContainerStatus) -> bool,
    ) -> ScheduledContainerStatus {
        let mut last = ScheduledContainerStatus::default();
        let last = &std::sync::Mutex::new(&mut last);
        let look = async || {
            // It may not be there yet: a schedule file makes it.
            let object = self.schedules().get_opt(name).await.ok()??;
            let status = object.status.unwrap_or_default();
            let found = is(&status).then(|| status.clone());
            **last.lock().expect("the last status") = status;
            found
        };
        let why = || {
            let status = serde_json::to_string_pretty(&**last.lock().expect("the last status"));
            format!("The status of {name}: {}", status.expect("plain data"))
        };
        until_or(what, look, why).await
    }

    /// Waits until so many runs have ended.
    pub async fn until_ended(&self, name: &str, runs: u64) -> ScheduledContainerStatus {
        let ended = move |status: &ScheduledContainerStatus| {
            status.counts.succeeded + status.counts.failed >= runs
        };
        self.until_status(name, &format!("{runs} runs have ended"), ended)
            .await
    }

    /// Waits until the Ready condition has this state and reason.
    pub async fn until_ready(&self, name: &str, ready: bool, reason: &str) -> Condition {
        let truth = if ready { "True" } else { "False" };
        let what = format!("Ready={truth} with reason {reason}");
        let status = self
            .until_status(name, &what, |status| {
                status::condition(status, status::READY).is_some_and(|condition| {
                    condition.reason == reason && format!("{:?}", condition.status) == truth
                })
            })
            .await;
        status::condition(&status, status::READY)
            .expect("it was just seen")
            .clone()
    }

    /// Waits until the schedule has an Event with this reason.
    pub async fn until_event(&self, name: &str, reason: &str) -> Event {
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let look = async || {
            let all = events.list(&ListParams::default()).await.ok()?;
            all.items.into_iter().find(|event| {
                event.reason.as_deref() == Some(reason)
                    && event.regarding.as_ref().is_some_and(|about| {
                        about.kind.as_deref() == Some("ScheduledContainer")
                            && about.name.as_deref() == Some(name)
                    })
            })
        };
        let why = || super::kubectl(&["get", "events", "--namespace", &self.namespace]);
        until_or(&format!("an Event {reason} about {name}"), look, why).await
    }

    /// The pods of a schedule.
    pub async fn runs(&self, name: &str) -> Vec<Pod> {
        let params = ListParams::default().labels(&format!("punctual.dev/schedule={name}"));
        self.pods().list(&params).await.expect("the pods").items
    }

    /// Waits until a schedule's pods are as wanted.
    pub async fn until_runs(
        &self,
        name: &str,
        what: &str,
        are: impl Fn(&[Pod]) -> bool,
    ) -> Vec<Pod> {
        let look = async || {
            let pods = self.runs(name).await;
            are(&pods).then_some(pods)
        };
        let why = || super::kubectl(&["get", "pods", "--namespace", &self.namespace, "-o", "wide"]);
        until_or(what, look, why).await
    }

    /// Waits until a run goes on: its pod's name.
    pub async fn until_running(&self, name: &str) -> String {
        let running = |pod: &Pod| {
            let phase = pod.status.as_ref().and_then(|it| it.phase.as_deref());
            phase == Some("Running") && pod.metadata.deletion_timestamp.is_none()
        };
        let pods = self
            .until_runs(name, "a run goes on", |pods| pods.iter().any(running))
            .await;
        let pod = pods.iter().find(|pod| running(pod));
        pod.expect("it was just seen").name_any()
    }

    pub async fn delete_pod(&self, name: &str) {
        self.pods()
            .delete(name, &DeleteParams::default())
            .await
            .expect("the pod should be deleted");
    }

    /// The time, by the clock that the controller goes by as well.
    pub fn now(&self) -> Timestamp {
        Clock::System.now()
    }

    /// The whole second that many seconds from now.
    pub fn in_seconds(&self, seconds: i64) -> Timestamp {
        Timestamp::from_second(self.now().as_second() + seconds).expect("a time")
    }
}

/// A schedule, in UTC, that fires at this second and never again.
pub fn only_at(fire: Timestamp) -> String {
    fire.strftime("%S %M %H %d %m ? %Y").to_string()
}

impl Drop for Place {
    fn drop(&mut self) {
        // Not kubectl(): a panic while one is under way would hide the first.
        let _ = Command::new("kubectl")
            .arg(format!("--context={}", self.cluster.context))
            .args(["delete", "namespace", &self.namespace, "--wait=false"])
            .output();
    }
}
