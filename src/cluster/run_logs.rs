//! Brings the output of runs into the controller's log.
//!
//! Best effort and in the background: it never waits, never decides anything about a run, and what
//! is too much is dropped and counted. It asks the API server with a client of its own.

mod lines;
mod stream;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use clap::ValueEnum;
use jiff::Timestamp;
use kube::Client;
use tokio::sync::{Semaphore, watch};

use super::lease::Leadership;
use crate::core::run::{ContainerState, Phase, SeenContainer, SeenPod};
use crate::core::schedule_ref::ScheduleRef;
use crate::metrics::Metrics;
use stream::{Output, Progress, Seen};

/// How many containers are followed at once, unless asked otherwise. Each takes a connection to the
/// API server.
const STREAMS: usize = 64;

/// How many containers may wait for a stream: what is known of one takes about a kilobyte.
const WAITING: usize = 1_024;

/// How much of a failed run's output is printed in mode Failed.
const LAST_LINES: i64 = 100;

/// Whose output goes into the controller's log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RunLogs {
    /// Nobody's.
    Off,
    /// The last 100 lines of each failed run.
    Failed,
    /// Every run's, line by line as it is printed.
    #[default]
    All,
}

/// Follows the containers of the pods that it is shown. Cheap to clone; no call waits.
#[derive(Clone)]
pub struct LogFollower {
    inner: Arc<Inner>,
    leadership: Leadership,
}

struct Inner {
    mode: RunLogs,
    since: Timestamp,
    client: Client,
    metrics: Metrics,
    /// One permit for each container that is followed now.
    streams: Arc<Semaphore>,
    /// One permit for each container that is followed or waits for its turn.
    places: Arc<Semaphore>,
    pods: Mutex<HashMap<String, FollowedPod>>,
}

/// The containers of one pod, by name.
#[derive(Default)]
struct FollowedPod(HashMap<String, Followed>);

/// A container that was followed, is, or should be.
#[derive(Default)]
struct Followed {
    progress: Arc<Mutex<Progress>>,
    /// To the task that follows it; none while there was no place for one.
    task: Option<watch::Sender<Seen>>,
}

impl LogFollower {
    /// Follows at most 64 containers at once; up to 1,024 more wait for their turn. What was printed
    /// before `since`, the start of the controller, is not printed again.
    pub fn new(mode: RunLogs, client: Client, metrics: Metrics, since: Timestamp) -> Self {
        Self::with_streams(STREAMS, mode, client, metrics, since)
    }

    /// As `new`, with another bound than 64.
    pub fn with_streams(
        streams: usize,
        mode: RunLogs,
        client: Client,
        metrics: Metrics,
        since: Timestamp,
    ) -> Self {
        let streams = streams.clamp(1, Semaphore::MAX_PERMITS - WAITING);
        let inner = Inner {
            mode,
            since,
            client,
            metrics,
            streams: Arc::new(Semaphore::new(streams)),
            places: Arc::new(Semaphore::new(streams + WAITING)),
            pods: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
            leadership: Leadership::always(),
        }
    }

    /// The same for the runs of schedules that this replica leads, from when it came to lead them. It
    /// must be shown their pods then.
    pub fn led_by(self, leadership: Leadership) -> Self {
        Self { leadership, ..self }
    }

    /// To be called, on a runtime, with every pod of a run at each of its changes.
    pub fn pod_seen(&self, schedule: &ScheduleRef, pod: &SeenPod) {
        let follow = match self.inner.mode {
            RunLogs::Off => false,
            RunLogs::Failed => pod.phase == Phase::Failed,
            RunLogs::All => true,
        };
        if !follow || !self.leadership.leads(&schedule.uid) {
            return;
        }
        // What was printed before that was printed by the replica that led before.
        let since = self.leadership.since(&schedule.uid);
        let since = since.map_or(self.inner.since, |since| since.max(self.inner.since));
        for container in &pod.containers {
            if let Some(seen) = wants(container, since) {
                self.inner.follow(schedule, pod, container, seen, since);
            }
        }
    }

    /// To be called when a pod is gone, to forget it.
    pub fn pod_gone(&self, uid: &str) {
        self.inner.lock().remove(uid);
    }

    /// To be called with the uids of all pods after they were listed anew, to forget the others.
    pub fn keep(&self, uids: &HashSet<String>) {
        self.inner.lock().retain(|uid, _| uids.contains(uid));
    }
}

/// What to follow of a container: nothing before it has started, and nothing if it had ended before
/// `since`.
fn wants(container: &SeenContainer, since: Timestamp) -> Option<Seen> {
    match &container.state {
        ContainerState::Waiting { .. } => None,
        ContainerState::Running { since } => Some(Seen {
            instance: *since,
            ended: false,
        }),
        ContainerState::Terminated(end) => {
            let before = end.finished.is_none_or(|end| end < since);
            (!before).then_some(Seen {
                instance: end.started,
                ended: true,
            })
        }
    }
}

impl Inner {
    fn follow(
        &self,
        schedule: &ScheduleRef,
        pod: &SeenPod,
        container: &SeenContainer,
        seen: Seen,
        since: Timestamp,
    ) {
        let mut pods = self.lock();
        let containers = &mut pods.entry(pod.uid.clone()).or_default().0;
        let known = containers.contains_key(&container.name);
        let followed = containers.entry(container.name.clone()).or_default();
        if let Some(task) = &followed.task {
            // An error says that the task has ended.
            if task.receiver_count() > 0 {
                task.send_if_modified(|last| std::mem::replace(last, seen) != seen);
                return;
            }
        }
        if stream::lock(&followed.progress).done >= Some(seen) {
            return;
        }
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            // Its next change may find a place; it counts once.
            if !known {
                self.metrics.log_stream_dropped();
            }
            return;
        };
        let output = Output {
            client: self.client.clone(),
            namespace: schedule.namespace.clone(),
            schedule: schedule.name.clone(),
            run: pod.name.clone(),
            container: container.name.clone(),
            // What it printed before our time was printed by the controller before. A container of
            // our own time is read from its beginning, whatever the node's clock shows.
            since: (seen.instance < Some(since)).then_some(since),
            tail: (self.mode == RunLogs::Failed).then_some(LAST_LINES),
        };
        let (task, changes) = watch::channel(seen);
        followed.task = Some(task);
        let (streams, progress) = (self.streams.clone(), followed.progress.clone());
        tokio::spawn(async move {
            stream::follow(output, &streams, &progress, changes).await;
            drop(place);
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, FollowedPod>> {
        // No panic can leave the map half changed.
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
