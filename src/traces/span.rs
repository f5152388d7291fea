//! Spans: what is told of one fire, as plain data. Pure.
//!
//! Nothing that a run prints, says of its end or is given is in them: only names, times, and words from
//! our own lists.

use jiff::Timestamp;

use super::ids::{SpanId, TraceId, attempt};
use crate::{
    api::{Outcome, RunRecord, SkipRecord},
    core::{
        reason::{Reason, Severity},
        schedule_ref::ScheduleRef,
    },
};

/// One span of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    pub trace: TraceId,
    pub id: SpanId,
    pub parent: Option<SpanId>,
    pub name: &'static str,
    pub period: Period,
    /// Why it failed, if it did.
    pub error: Option<Reason>,
    pub attributes: Vec<(&'static str, Value)>,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Count(i64),
}

/// From when to when something took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub start: Timestamp,
    pub end: Timestamp,
}

impl Period {
    /// Clocks are put back, and others' go differently: nothing ends before it began.
    pub fn new(start: Timestamp, end: Timestamp) -> Self {
        let end = end.max(start);
        Self { start, end }
    }
}

/// A part of an attempt. The first three are our requests to the API server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The held pod is created.
    Prepare,
    /// The claim is written.
    Claim,
    /// Our gate is taken away.
    Release,
    /// The pod gets a node.
    Scheduling,
    /// Its first container starts.
    Starting,
    /// Its containers run.
    Running,
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Claim => "claim",
            Self::Release => "release",
            Self::Scheduling => "scheduling",
            Self::Starting => "starting",
            Self::Running => "running",
        }
    }
}

/// The pod of an attempt.
#[derive(Clone, Copy)]
pub(super) struct Pod<'a> {
    pub name: &'a str,
    pub uid: &'a str,
    pub attempt: u32,
}

impl<'a> Pod<'a> {
    pub fn of(run: &'a RunRecord) -> Self {
        Self {
            name: &run.name,
            uid: &run.uid,
            attempt: run.attempts,
        }
    }
}

/// What a span stands for.
#[derive(Clone, Copy)]
enum Part<'a> {
    Fire,
    Queued,
    Attempt(Pod<'a>),
    Phase(Pod<'a>, Phase),
}

impl<'a> Part<'a> {
    /// By which its id is made: never changed, since ids shall not.
    fn key(self) -> String {
        match self {
            Self::Fire => "fire".into(),
            Self::Queued => "queued".into(),
            Self::Attempt(pod) => attempt(pod.attempt),
            Self::Phase(pod, phase) => format!("{} {}", attempt(pod.attempt), phase.name()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Fire => "fire",
            Self::Queued => "queued",
            Self::Attempt(_) => "attempt",
            Self::Phase(_, phase) => phase.name(),
        }
    }

    fn parent(self) -> Option<Self> {
        match self {
            Self::Fire => None,
            Self::Queued | Self::Attempt(_) => Some(Self::Fire),
            Self::Phase(pod, _) => Some(Self::Attempt(pod)),
        }
    }

    fn pod(self) -> Option<Pod<'a>> {
        match self {
            Self::Fire | Self::Queued => None,
            Self::Attempt(pod) | Self::Phase(pod, _) => Some(pod),
        }
    }
}

/// The fire that is told of.
#[derive(Clone, Copy)]
pub(super) struct Fire<'a> {
    pub schedule: &'a ScheduleRef,
    pub time: Timestamp,
}

impl Fire<'_> {
    /// The root of a fire that got a run, which has ended.
    pub fn ran(self, run: &RunRecord, reason: Reason, end: Timestamp) -> Span {
        let mut root = self.root("run", end);
        root.ends(run, reason);
        root.add("punctual.attempts", run.attempts);
        root
    }

    /// The root, and all there is, of a fire that got no run, or of several neighbours that got none.
    pub fn skipped(self, skip: &SkipRecord, reason: Reason, end: Timestamp) -> Span {
        let mut root = self.root("skip", end);
        root.add("punctual.reason", reason.name());
        if skip.count > 1 {
            let count = i64::try_from(skip.count).unwrap_or(i64::MAX);
            root.add("punctual.count", count);
            root.add("punctual.last_fire_time", skip.last_fire_time.to_string());
        }
        root
    }

    /// The wait for the end of other runs, as concurrencyPolicy Queue has it.
    pub fn queued(self, end: Timestamp) -> Span {
        self.span(Part::Queued, Period::new(self.time, end))
    }

    /// An attempt that has ended.
    pub fn attempt(self, run: &RunRecord, reason: Reason, period: Period) -> Span {
        let mut span = self.span(Part::Attempt(Pod::of(run)), period);
        span.ends(run, reason);
        if let Some(node) = &run.node {
            span.add("k8s.node.name", node.as_str());
        }
        if let Some(code) = run.exit_code {
            span.add("process.exit.code", code);
        }
        span
    }

    /// A part of an attempt.
    pub fn phase(self, pod: Pod<'_>, phase: Phase, period: Period) -> Span {
        self.span(Part::Phase(pod, phase), period)
    }

    fn root(self, decision: &str, end: Timestamp) -> Span {
        let mut root = self.span(Part::Fire, Period::new(self.time, end));
        root.add("punctual.schedule.uid", self.schedule.uid.as_str());
        root.add("punctual.decision", decision);
        root
    }

    fn span(self, part: Part<'_>, period: Period) -> Span {
        let ScheduleRef {
            namespace,
            name,
            uid,
        } = self.schedule;
        let id = |part: Part<'_>| SpanId::of(uid, self.time, &part.key());
        let mut span = Span {
            trace: TraceId::of(uid, self.time),
            id: id(part),
            parent: part.parent().map(id),
            name: part.name(),
            period,
            error: None,
            attributes: Vec::with_capacity(10),
        };
        span.add("k8s.namespace.name", namespace.as_str());
        span.add("punctual.schedule", name.as_str());
        span.add("punctual.fire_time", self.time.to_string());
        if let Some(pod) = part.pod() {
            span.add("k8s.pod.name", pod.name);
            span.add("k8s.pod.uid", pod.uid);
            span.add("punctual.attempt", pod.attempt);
        }
        span
    }
}

impl Span {
    fn add(&mut self, name: &'static str, value: impl Into<Value>) {
        self.attributes.push((name, value.into()));
    }

    /// How what it stands for ended. Who was replaced by policy did nothing wrong.
    fn ends(&mut self, run: &RunRecord, reason: Reason) {
        let outcome = match run.outcome {
            Outcome::Succeeded => "Succeeded",
            Outcome::Failed => "Failed",
        };
        self.add("punctual.outcome", outcome);
        self.add("punctual.reason", reason.name());
        if run.outcome == Outcome::Failed && reason.severity() == Severity::Warning {
            self.error = Some(reason);
            self.add("error.type", reason.name());
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u32> for Value {
    fn from(count: u32) -> Self {
        Self::Count(count.into())
    }
}

impl From<i32> for Value {
    fn from(count: i32) -> Self {
        Self::Count(count.into())
    }
}

impl From<i64> for Value {
    fn from(count: i64) -> Self {
        Self::Count(count)
    }
}
