//! Watch: keeps the cache up to date and says whose state has changed.

use std::{collections::HashSet, sync::Arc};

use futures::{StreamExt, stream::BoxStream};
use kube::{
    Api, Client, ResourceExt,
    runtime::watcher::{self, Event, watcher},
};
use tokio::sync::watch;

use super::{
    cache::{Cache, Key},
    observe::{ObservedPod, ObservedSchedule, owner},
    patient::patient,
    run_logs::LogFollower,
};
use crate::{
    core::run::SCHEDULE_LABEL,
    metrics::{Metrics, Resource},
    queue::Queue,
    traces::Traces,
};

/// A watch is opened anew after this many seconds at the latest: before a load balancer that drops
/// silent connections does so unseen.
pub(super) const WATCH_SECONDS: u32 = 200;

/// What a watch needs.
#[derive(Clone)]
pub struct Watch {
    pub client: Client,
    /// Only this namespace, or all.
    pub namespace: Option<String>,
    pub cache: Cache,
    pub queue: Arc<Queue<Key>>,
    pub metrics: Metrics,
    pub traces: Traces,
}

impl Watch {
    /// Watches the schedules for ever. `synced` turns true once all of them are known.
    pub async fn schedules(self, synced: watch::Sender<bool>) {
        let config = watcher::Config::default()
            .any_semantic()
            .timeout(WATCH_SECONDS);
        let mut events = self.events::<ObservedSchedule>(config, Resource::scheduledcontainers);
        let mut listed = HashSet::new();
        while let Some(event) = events.next().await {
            match event {
                Event::Init => listed.clear(),
                Event::InitApply(object) => {
                    if let Some(key) = self.cache.put_schedule(object) {
                        listed.insert(key.clone());
                        self.queue.push(key);
                    }
                }
                Event::InitDone => {
                    for key in self.cache.keep_schedules(&std::mem::take(&mut listed)) {
                        self.queue.push(key);
                    }
                    synced.send_replace(true);
                }
                Event::Apply(object) => {
                    if let Some(key) = self.cache.put_schedule(object) {
                        self.queue.push(key);
                    }
                }
                Event::Delete(object) => {
                    let namespace = object.namespace().unwrap_or_default();
                    let key = Key {
                        namespace: namespace.into(),
                        name: object.name_any().into(),
                    };
                    self.cache
                        .remove_schedule(&key, &object.uid().unwrap_or_default());
                    self.queue.push(key);
                }
            }
        }
    }

    /// Watches the pods of all runs for ever. `synced` turns true once all of them are known.
    pub async fn pods(self, logs: LogFollower, synced: watch::Sender<bool>) {
        let config = watcher::Config::default()
            .any_semantic()
            .timeout(WATCH_SECONDS)
            .labels(SCHEDULE_LABEL);
        let mut events = self.events::<ObservedPod>(config, Resource::pods);
        let mut listed = HashSet::new();
        while let Some(event) = events.next().await {
            match event {
                Event::Init => listed.clear(),
                Event::InitApply(pod) => {
                    listed.extend(pod.uid());
                    self.pod(pod, &logs);
                }
                Event::InitDone => {
                    let listed = std::mem::take(&mut listed);
                    logs.keep(&listed);
                    self.metrics.keep_pods(&listed);
                    for key in self.cache.keep_pods(&listed) {
                        self.queue.push(key);
                    }
                    synced.send_replace(true);
                }
                Event::Apply(pod) => self.pod(pod, &logs),
                Event::Delete(pod) => {
                    if let Some(owner) = owner(&pod.metadata) {
                        let pod = self.cache.lose_pod(&owner, pod);
                        logs.pod_gone(&pod.uid);
                        self.metrics.pod_gone(&pod.uid);
                        self.traces.pod_gone(&pod.uid);
                        self.queue.push(Key::from(&owner));
                    } else {
                        self.disowned(&pod);
                    }
                }
            }
        }
    }

    fn pod(&self, pod: ObservedPod, logs: &LogFollower) {
        if let Some(owner) = owner(&pod.metadata) {
            let pod = self.cache.put_pod(&owner, pod);
            logs.pod_seen(&owner, &pod);
            self.metrics.pod_seen(&pod);
            self.traces.pod_seen(&pod);
            self.queue.push(Key::from(&owner));
        } else {
            self.disowned(&pod);
        }
    }

    /// A pod with our label that no schedule owns may be a run whose owner somebody took away.
    fn disowned(&self, pod: &ObservedPod) {
        let uid = pod.metadata.uid.as_deref().unwrap_or_default();
        if let Some(key) = self.cache.lose_uid(uid) {
            self.queue.push(key);
        }
    }

    fn events<K>(&self, config: watcher::Config, resource: Resource) -> BoxStream<'static, Event<K>>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + Send
            + serde::de::DeserializeOwned
            + 'static,
    {
        let api: Api<K> = match &self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let metrics = self.metrics.clone();
        patient(watcher(api, config).boxed())
            .filter_map(move |event| {
                let event = match event {
                    Ok(event) => Some(event),
                    Err(error) => {
                        metrics.watch_restarted(resource);
                        tracing::warn!(
                            ?resource,
                            error = &error as &dyn std::error::Error,
                            "{}",
                            trouble(&error)
                        );
                        None
                    }
                };
                std::future::ready(event)
            })
            .boxed()
    }
}

/// What a broken watch means to the person who reads of it.
fn trouble(error: &watcher::Error) -> &'static str {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status)) if status.code == 404 => {
            "the API server knows no ScheduledContainers: install them with kubectl apply -k crds"
        }
        _ => "the watch broke and is opened anew",
    }
}
