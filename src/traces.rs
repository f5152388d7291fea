//! Traces by OpenTelemetry: one for each fire, when they are asked for.
//!
//! ```text
//!  fire                    from the due time to the end of its run, or to the skip
//!  ├─ queued               until it was its turn, if it was not at once
//!  └─ attempt              one for each
//!     ├─ prepare           our three requests: the pod is made,
//!     ├─ claim             claimed
//!     ├─ release           and released
//!     ├─ scheduling        until it has a node
//!     ├─ starting          until its first container has started
//!     └─ running           until its last one has ended
//! ```
//!
//! Told by the controllers that did it, each its part: the requests once they are answered, the rest with
//! the attempt's end. Never waits: what there is no room for is dropped and counted. Turned off, which is
//! the default, each call is one comparison.

mod collector;
mod endpoint;
mod export;
mod ids;
mod otlp;
mod span;
mod times;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::{
    api::{ActiveRun, RunRecord, ScheduledContainerStatus},
    clock::Clock,
    core::{
        news::News,
        plan::Seen,
        reason::Reason,
        run::{RunId, SeenPod},
        schedule_ref::ScheduleRef,
    },
    metrics::Metrics,
};
pub use collector::{Collector, CollectorError};
pub use endpoint::{Endpoint, EndpointError, resource_attributes};
pub use export::run;
pub use ids::{SpanId, TraceId, traceparent};
use span::{Fire, Phase, Pod};
pub use span::{Period, Span, Value};
use times::{Times, exact};

/// How many spans may wait to be exported: those of a thousand runs that start and end at once.
const WAITING_SPANS: usize = 8_192;

/// How many attempts are followed at once. Of those on top some phases are not told.
const MOST: usize = 16_384;

/// Tells traces, or nothing. A clone tells the same.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Teller>>);

struct Teller {
    clock: Clock,
    metrics: Metrics,
    spans: mpsc::Sender<Span>,
    /// By the uid of the pod.
    under_way: Mutex<HashMap<String, Times>>,
}

/// The spans that wait to be exported.
pub struct SpanQueue {
    spans: mpsc::Receiver<Span>,
    metrics: Metrics,
}

impl SpanQueue {
    /// The next one; none when nobody can tell any more.
    pub async fn next(&mut self) -> Option<Span> {
        self.spans.recv().await
    }
}

impl Traces {
    /// Traces, and the queue of their spans.
    pub fn new(clock: Clock, metrics: Metrics) -> (Self, SpanQueue) {
        Self::with_room(clock, metrics, WAITING_SPANS)
    }

    fn with_room(clock: Clock, metrics: Metrics, room: usize) -> (Self, SpanQueue) {
        let (spans, waiting) = mpsc::channel(room);
        let queue = SpanQueue {
            spans: waiting,
            metrics: metrics.clone(),
        };
        let teller = Teller {
            clock,
            metrics,
            spans,
            under_way: Mutex::default(),
        };
        (Self(Some(Arc::new(teller))), queue)
    }

    /// Whether anything is told.
    pub fn are_on(&self) -> bool {
        self.0.is_some()
    }

    /// The held pod of an attempt was made. It is told once somebody needs it.
    pub fn prepared(&self, uid: &str, request: Period) {
        if let Some(teller) = &self.0 {
            teller.note(uid, |times| times.prepared = Some(request));
        }
    }

    /// A status was written, in place of the one that was seen.
    pub fn recorded(
        &self,
        schedule: &ScheduleRef,
        seen: &Seen,
        written: &ScheduledContainerStatus,
        news: &[News],
        request: Period,
    ) {
        let Some(teller) = &self.0 else {
            return;
        };
        for run in claims(seen, written) {
            let queued = seen.status.queued.iter();
            let queued = queued.map(|it| it.fire_time).any(|it| it == run.fire_time);
            teller.claimed(schedule, run, queued && run.attempt == 1, request);
        }
        for news in news {
            teller.tell(schedule, &seen.status, news, request.end);
        }
    }

    /// The release of an attempt's pod was answered.
    pub fn released(
        &self,
        schedule: &ScheduleRef,
        name: &str,
        uid: &str,
        run: RunId,
        request: Period,
    ) {
        let Some(teller) = &self.0 else {
            return;
        };
        let pod = Pod {
            name,
            uid,
            attempt: run.attempt,
        };
        let fire = Fire {
            schedule,
            time: run.fire,
        };
        teller.send(fire.phase(pod, Phase::Release, request));
        teller.note(uid, |times| times.released = Some(request.end));
    }

    /// The watch has shown the pod of an attempt.
    pub fn pod_seen(&self, pod: &SeenPod) {
        if let Some(teller) = &self.0
            && let Some(times) = teller.under_way().get_mut(&pod.uid)
        {
            times.see(pod, teller.clock.now());
        }
    }

    /// The pod of an attempt is no more.
    pub fn pod_gone(&self, uid: &str) {
        let Some(teller) = &self.0 else {
            return;
        };
        let mut under_way = teller.under_way();
        match under_way.get_mut(uid) {
            // Its end is still to be told.
            Some(times) if times.released.is_some() => times.gone = true,
            Some(_) => drop(under_way.remove(uid)),
            None => {}
        }
    }
}

impl Teller {
    fn claimed(&self, schedule: &ScheduleRef, run: &ActiveRun, queued: bool, request: Period) {
        let pod = Pod {
            name: &run.name,
            uid: &run.uid,
            attempt: run.attempt,
        };
        let fire = Fire {
            schedule,
            time: run.fire_time,
        };
        let mut prepared = None;
        self.note(&run.uid, |times| prepared = times.prepared.take());
        if queued {
            self.send(fire.queued(request.start));
        }
        if let Some(prepared) = prepared {
            self.send(fire.phase(pod, Phase::Prepare, prepared));
        }
        self.send(fire.phase(pod, Phase::Claim, request));
    }

    fn tell(
        &self,
        schedule: &ScheduleRef,
        before: &ScheduledContainerStatus,
        news: &News,
        now: Timestamp,
    ) {
        match news {
            News::Retrying { run, reason, .. } => {
                self.attempt_ended(schedule, before, run, *reason, now)
            }
            News::Ended { run, reason } => {
                let fire = Fire {
                    schedule,
                    time: run.fire_time,
                };
                // While it waited for another attempt, its last one had been told.
                let active = before.active.iter().find(|it| it.uid == run.uid);
                if active.is_none_or(|it| it.retry.is_none()) {
                    self.attempt_ended(schedule, before, run, *reason, now);
                }
                self.send(fire.ran(run, *reason, exact(run.finished, now)));
            }
            News::Skipped { skip, reason } => {
                let fire = Fire {
                    schedule,
                    time: skip.fire_time,
                };
                self.send(fire.skipped(skip, *reason, now));
            }
            News::Started { .. }
            | News::Queued { .. }
            | News::Waiting { .. }
            | News::Stuck { .. }
            | News::Readiness { .. }
            | News::Circuit { .. }
            | News::Overdue { .. }
            | News::Hindered { .. }
            | News::Repaired { .. }
            | News::NameTaken { .. } => {}
        }
    }

    fn attempt_ended(
        &self,
        schedule: &ScheduleRef,
        before: &ScheduledContainerStatus,
        run: &RunRecord,
        reason: Reason,
        now: Timestamp,
    ) {
        let fire = Fire {
            schedule,
            time: run.fire_time,
        };
        let times = self.under_way().remove(&run.uid).unwrap_or_default();
        let end = exact(run.finished, now);
        for (phase, period) in times.phases(run.started, end) {
            self.send(fire.phase(Pod::of(run), phase, period));
        }
        // The first one begins with its fire; when another was decided stands in the status.
        let active = before.active.iter().find(|it| it.uid == run.uid);
        let claim = active.filter(|it| it.attempt > 1).map(|it| it.claim_time);
        let begin = claim.unwrap_or(run.fire_time);
        self.send(fire.attempt(run, reason, Period::new(begin, end)));
    }

    fn send(&self, span: Span) {
        if self.spans.try_send(span).is_err() {
            self.metrics.spans_dropped(1);
        }
    }

    /// Notes something of an attempt, if there is room for it.
    fn note(&self, uid: &str, note: impl FnOnce(&mut Times)) {
        let mut under_way = self.under_way();
        if let Some(times) = under_way.get_mut(uid) {
            return note(times);
        }
        if under_way.len() >= MOST {
            // Others may have told their ends.
            under_way.retain(|_, times| !times.gone);
        }
        if under_way.len() < MOST {
            note(under_way.entry(uid.into()).or_default());
        }
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<String, Times>> {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The attempts that a write of the status has claimed. One that is only taken in again is not: it has
/// no gate any more.
fn claims<'a>(
    seen: &'a Seen,
    written: &'a ScheduledContainerStatus,
) -> impl Iterator<Item = &'a ActiveRun> {
    written.active.iter().filter(|run| {
        let mut before = seen.status.active.iter();
        let mut pods = seen.pods.iter();
        !before.any(|it| it.uid == run.uid) && pods.any(|pod| pod.uid == run.uid && pod.held)
    })
}

#[cfg(test)]
mod tests;
