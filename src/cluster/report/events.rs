//! Publishes Events from a queue, in the background, a few at a time.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, Resource as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::words::Words;
use crate::api::ScheduledContainer;
use crate::core::reason::Severity;
use crate::metrics::Metrics;

/// Who publishes, as Events name it.
const CONTROLLER: &str = "punctual.dev/controller";

/// How many requests are under way at once: enough for some hundred Events a second, and few
/// beside the requests that start runs.
const AT_ONCE: usize = 2;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the queue is still worked on after the stop.
const LAST_EVENTS: Duration = Duration::from_secs(1);

/// How many series are known at once.
const SERIES: usize = 4_096;

/// A series ends when it was not repeated for this long.
const SERIES_ENDS: SignedDuration = SignedDuration::from_mins(6);

/// A series is written at most this often; a schedule refused every second needs no write a second.
const SERIES_WRITE: SignedDuration = SignedDuration::from_secs(10);

/// The Events that wait to be published.
pub struct EventQueue {
    warnings: mpsc::Receiver<Words>,
    normals: mpsc::Receiver<Words>,
    metrics: Metrics,
}

impl EventQueue {
    pub(super) fn new(
        warnings: mpsc::Receiver<Words>,
        normals: mpsc::Receiver<Words>,
        metrics: Metrics,
    ) -> Self {
        Self {
            warnings,
            normals,
            metrics,
        }
    }

    /// The next one, warnings first; none when it is empty after the stop.
    async fn next(&mut self, stop: &CancellationToken) -> Option<Words> {
        loop {
            tokio::select! {
                biased;
                Some(words) = self.warnings.recv() => return Some(words),
                Some(words) = self.normals.recv() => return Some(words),
                () = stop.cancelled(), if !self.warnings.is_closed() => {
                    self.warnings.close();
                    self.normals.close();
                }
                else => return None,
            }
        }
    }
}

/// The name of this instance for Events: the pod's, else the host's.
pub fn instance_name() -> String {
    ["POD_NAME", "HOSTNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok())
        .or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())
        .map(|name| name.trim().chars().take(128).collect::<String>())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "punctual".to_owned())
}

/// Publishes what is queued until `stop`, and for at most one more second what is left then.
/// `instance` says which of several controllers this is, in at most 128 characters. An Event that is
/// refused is not tried again: the status, the log and the metrics say the same.
pub async fn run_worker(
    queue: EventQueue,
    client: Client,
    instance: String,
    stop: CancellationToken,
) {
    let metrics = queue.metrics.clone();
    let publisher = Publisher::new(client, instance);
    let words = futures::stream::unfold((queue, stop.clone()), |(mut queue, stop)| async move {
        let words = queue.next(&stop).await?;
        Some((words, (queue, stop)))
    });
    let work = words.for_each_concurrent(AT_ONCE, |words| async {
        if !publisher.publish(words).await {
            metrics.event_dropped();
        }
    });
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_EVENTS).await;
    };
    tokio::select! {
        () = work => {}
        () = overdue => {}
    }
}

/// Our own instead of kube's Recorder, which goes through all the series it knows for each Event:
/// at hundreds of Events a second that is the whole CPU. It also writes each repeat, and only news
/// that can repeat need to be remembered.
struct Publisher {
    client: Client,
    instance: String,
    series: Mutex<HashMap<u64, Series>>,
    /// Whether the last request failed, so that a broken API server gives one warning.
    failing: AtomicBool,
}

/// News that were told before.
#[derive(Clone, Debug)]
struct Series {
    event: String,
    count: i32,
    seen: Timestamp,
    written: Timestamp,
}

/// What to do about one news.
enum Step {
    Create,
    /// Add to an Event: its name, and how often it happened by now.
    Count(String, i32),
    Nothing,
}

impl Publisher {
    fn new(client: Client, instance: String) -> Self {
        Self {
            client,
            instance,
            series: Mutex::default(),
            failing: AtomicBool::new(false),
        }
    }

    /// Publishes one Event; false if that failed.
    async fn publish(&self, words: Words) -> bool {
        let key = series_key(&words);
        let event = event(&words, &self.instance);
        let namespace = event.metadata.namespace.clone().unwrap_or_default();
        let name = event.metadata.name.clone().unwrap_or_default();
        let step = match key {
            Some(key) => self.step(key, &name, words.at),
            None => Step::Create,
        };
        let api = Api::<Event>::namespaced(self.client.clone(), &namespace);
        let request = async {
            match step {
                Step::Create => api.create(&PostParams::default(), &event).await.map(drop),
                Step::Count(name, count) => {
                    let series = serde_json::json!({"series": {
                        "count": count,
                        "lastObservedTime": MicroTime(words.at),
                    }});
                    let patch = Patch::Merge(series);
                    api.patch(&name, &PatchParams::default(), &patch)
                        .await
                        .map(drop)
                }
                Step::Nothing => Ok(()),
            }
        };
        let failure = match tokio::time::timeout(PATIENCE, request).await {
            Ok(Ok(())) => None,
            // Told before, by a controller that was stopped before it could note that.
            Ok(Err(kube::Error::Api(status))) if status.is_already_exists() => None,
            Ok(Err(error)) => Some(crate::error::chain(&error)),
            Err(_) => Some(format!("no answer within {} s", PATIENCE.as_secs())),
        };
        let Some(failure) = failure else {
            self.failing.store(false, Ordering::Relaxed);
            return true;
        };
        if let Some(key) = key {
            // The Event may have expired: the next one starts a new series.
            self.lock().remove(&key);
        }
        if self.failing.swap(true, Ordering::Relaxed) {
            tracing::debug!(
                namespace,
                event_name = name,
                failure,
                "can't publish an Event"
            );
        } else {
            tracing::warn!(
                namespace,
                event_name = name,
                failure,
                "can't publish Events; told again only after one could be published"
            );
        }
        false
    }

    fn step(&self, key: u64, name: &str, at: Timestamp) -> Step {
        let mut all = self.lock();
        let fresh = |series: &Series| at.duration_since(series.seen) < SERIES_ENDS;
        if let Some(series) = all.get_mut(&key).filter(|series| fresh(series)) {
            series.count = series.count.saturating_add(1);
            series.seen = at;
            if at.duration_since(series.written) < SERIES_WRITE {
                return Step::Nothing;
            }
            series.written = at;
            return Step::Count(series.event.clone(), series.count);
        }
        if all.len() >= SERIES {
            all.retain(|_, series| fresh(series));
            // Still full: to begin all series anew is cheaper than to look for the oldest each time.
            if all.len() >= SERIES {
                all.clear();
            }
        }
        let series = Series {
            event: name.to_owned(),
            count: 1,
            seen: at,
            written: at,
        };
        all.insert(key, series);
        Step::Create
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Series>> {
        // A panic elsewhere can't leave a map of counts half changed.
        self.series
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn series_key(words: &Words) -> Option<u64> {
    let series = words.series.as_ref()?;
    let mut hasher = DefaultHasher::new();
    (&words.subject, words.reason, &words.run, series).hash(&mut hasher);
    Some(hasher.finish())
}

/// The Event that tells these words.
fn event(words: &Words, instance: &str) -> Event {
    let subject = &words.subject;
    let severity = match words.reason.severity() {
        Severity::Normal => "Normal",
        Severity::Warning => "Warning",
    };
    Event {
        metadata: ObjectMeta {
            name: Some(event_name(words)),
            namespace: subject.namespace.clone(),
            ..ObjectMeta::default()
        },
        action: Some(words.action.to_owned()),
        event_time: Some(MicroTime(words.at)),
        note: Some(words.note.clone()),
        reason: Some(words.reason.name().to_owned()),
        regarding: Some(ObjectReference {
            api_version: Some(ScheduledContainer::api_version(&()).into_owned()),
            kind: Some(ScheduledContainer::kind(&()).into_owned()),
            namespace: subject.namespace.clone(),
            name: subject.name.clone(),
            uid: subject.uid.clone(),
            ..ObjectReference::default()
        }),
        related: words.run.as_ref().map(|run| ObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Pod".to_owned()),
            namespace: subject.namespace.clone(),
            name: Some(run.name.clone()),
            uid: Some(run.uid.clone()),
            ..ObjectReference::default()
        }),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(instance.to_owned()),
        type_: Some(severity.to_owned()),
        ..Event::default()
    }
}

/// A name that the same news get again, so that no restart tells the end of a run twice, and that is
/// valid whatever an entry of the schedule file is called.
fn event_name(words: &Words) -> String {
    let mut hasher = DefaultHasher::new();
    (&words.subject, words.reason, &words.run, words.fire).hash(&mut hasher);
    if words.fire.is_none() {
        words.at.hash(&mut hasher);
    }
    let name = words.subject.name.as_deref().unwrap_or_default();
    let valid: String = name
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .take(200)
        .collect();
    let valid = valid
        .split('.')
        .map(|part| part.trim_matches('-'))
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(".");
    let dot = if valid.is_empty() { "" } else { "." };
    format!("{valid}{dot}{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests;
