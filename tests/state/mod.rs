//! States of one schedule, to be decided on: builders, and plans in words.
//!
//! The schedule is `*/10 * * * * *`, created at 12:00:00 and known since then. A plan is written as
//! its steps: `prepare 12:00:10`, `record(claim 12:00:10)`, `release`, `ask`, `try`, `stop`,
//! `stop the others`, `sweep 12:00:10`, `collect 12:00:10`; `-` is no step.

#![allow(dead_code, reason = "each test target uses its part")]

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use punctual::{
    api::{ActiveRun, ScheduledContainerSpec, ScheduledContainerStatus},
    core::{
        active,
        breaker::Circuit,
        decide::decide,
        news::News,
        plan::{Learned, Plan, Refused, Seen, Step},
        reason::Reason,
        run::{
            ContainerState, Phase, Presence, Restarts, RunId, SeenContainer, SeenPod, Terminated,
            pod_name,
        },
        schedule::Schedule,
        schedule_ref::ScheduleRef,
        status::{READY, set_condition},
    },
};
use serde_json::{Value, json};

pub fn at(time: &str) -> Timestamp {
    format!("2026-11-20T{time}Z").parse().unwrap()
}

pub fn identity() -> ScheduleRef {
    ScheduleRef {
        namespace: "default".into(),
        name: "hello".into(),
        uid: "1".into(),
    }
}

/// A state in the making.
pub struct State {
    pub now: Timestamp,
    pub generation: i64,
    pub spec: Value,
    pub status: ScheduledContainerStatus,
    pub pods: Vec<SeenPod>,
    pub learned: Learned,
    pub ahead: i64,
    pub deleting: bool,
    pub requested: Option<Timestamp>,
}

/// The time is `now`, and nothing has happened yet.
pub fn when(now: &str) -> State {
    let containers = json!({"spec": {"containers": [{"name": "main"}]}});
    let mut status = ScheduledContainerStatus {
        observed_schedule: Some("*/10 * * * * * UTC".into()),
        ..Default::default()
    };
    let (ready, since) = (Reason::Ready, at("12:00:00"));
    let message = "the schedule runs when it is due";
    set_condition(&mut status, READY, true, ready, message, 1, since);
    State {
        now: at(now),
        generation: 1,
        spec: json!({"schedule": "*/10 * * * * *", "timeZone": "UTC", "template": containers}),
        status,
        pods: Vec::new(),
        learned: Learned::default(),
        ahead: 0,
        deleting: false,
        requested: None,
    }
}

/// A held pod for a fire, from the spec as it is.
pub fn held(fire: &str) -> SeenPod {
    let fire = at(fire);
    let name = pod_name(&identity(), RunId::first(fire), 0);
    SeenPod {
        resource_version: "7".into(),
        ..SeenPod::just_made(name, format!("pod-{}", fire.strftime("%T")), fire)
    }
}

pub fn released(fire: &str) -> SeenPod {
    SeenPod {
        held: false,
        ..held(fire)
    }
}

pub fn running(fire: &str) -> SeenPod {
    SeenPod {
        phase: Phase::Running,
        started: Some(at(fire)),
        ..released(fire)
    }
}

pub fn ended(fire: &str, end: &str, code: i32) -> SeenPod {
    let terminated = Terminated {
        exit_code: code,
        finished: Some(at(end)),
        ..Terminated::default()
    };
    SeenPod {
        phase: if code == 0 {
            Phase::Succeeded
        } else {
            Phase::Failed
        },
        containers: vec![container("main", ContainerState::Terminated(terminated))],
        ..running(fire)
    }
}

pub fn container(name: &str, state: ContainerState) -> SeenContainer {
    SeenContainer {
        name: name.into(),
        state,
        restarts: Restarts::Never,
        ready: true,
    }
}

impl Altered for SeenPod {}

/// Small changes of a pod.
pub trait Altered: Into<SeenPod> {
    fn with(self, change: impl FnOnce(&mut SeenPod)) -> SeenPod {
        let mut pod = self.into();
        change(&mut pod);
        pod
    }

    fn of_generation(self, generation: i64) -> SeenPod {
        self.with(|pod| pod.generation = generation)
    }

    fn missing(self) -> SeenPod {
        self.with(|pod| pod.presence = Presence::Missing)
    }

    fn gone(self) -> SeenPod {
        self.with(|pod| pod.presence = Presence::Gone)
    }

    fn deleting(self) -> SeenPod {
        self.with(|pod| pod.deleting = true)
    }
}

impl State {
    pub fn decided(mut self, fire: &str) -> Self {
        self.status.last_fire_time = Some(at(fire));
        self.status.last_run_time = Some(at(fire));
        self
    }

    /// The run of this fire is claimed.
    pub fn active(mut self, fire: &str) -> Self {
        let pod = held(fire);
        self.status.active = vec![active::claimed(&pod, pod.fire)];
        self.decided(fire)
    }

    /// The run of this fire was claimed at this time.
    pub fn claimed(self, fire: &str, claim: &str) -> Self {
        let mut state = self.active(fire);
        let late = at(claim).duration_since(at(fire)) >= SignedDuration::from_secs(10);
        state.status.active[0].claim_time = at(claim);
        state.status.active[0].catching_up = late;
        state
    }

    pub fn pod(mut self, pod: SeenPod) -> Self {
        self.pods.push(pod);
        self
    }

    pub fn ahead(mut self, seconds: i64) -> Self {
        self.ahead = seconds;
        self
    }

    pub fn spec(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.spec[field] = value.into();
        self
    }

    /// The spec is an edited one: generation 2.
    pub fn edited(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.generation = 2;
        self.spec(field, value)
    }

    /// It has had this schedule all along.
    pub fn scheduled(mut self, schedule: &str) -> Self {
        self.status.observed_schedule = Some(format!("{schedule} UTC"));
        self.spec("schedule", schedule)
    }

    pub fn learned(mut self, learn: impl FnOnce(&mut Learned)) -> Self {
        learn(&mut self.learned);
        self
    }

    pub fn plan(mut self) -> Plan {
        let schedule = self.schedule(&self.spec, self.generation);
        // What the status shows as the next fire was right when it was written.
        let timing = self.known().timing;
        let suspended = self.status.observed_schedule.as_deref();
        let suspended = suspended.is_some_and(|words| words.ends_with("(Suspended)"));
        // A fire that waits for those that it replaces is no longer shown.
        let replaces = |run: &ActiveRun| run.stopping.as_deref() == Some("Replaced");
        let since = match self.status.active.iter().any(replaces) {
            true => self.now,
            false => self.status.last_fire_time.unwrap_or(schedule.created),
        };
        self.status.next_fire_time = timing.ok().filter(|_| !suspended).and_then(|timing| {
            let next = timing.next(since)?;
            Some(timing.describe_local(next))
        });
        let seen = Seen {
            status: self.status,
            deleting: self.deleting,
            requested: self.requested,
            pods: self.pods,
        };
        let ahead = SignedDuration::from_secs(self.ahead);
        decide(&schedule, &seen, &self.learned, ahead, self.now)
    }

    /// The schedule as it was when its status was written.
    pub fn known(&self) -> Schedule {
        let mut spec = self.spec.clone();
        let words = self.status.observed_schedule.as_deref();
        let known = words.and_then(|words| words.strip_suffix(" UTC"));
        spec["schedule"] = known.unwrap_or("*/10 * * * * *").into();
        spec["suspend"] = false.into();
        self.schedule(&spec, 1)
    }

    pub fn schedule(&self, spec: &Value, generation: i64) -> Schedule {
        let spec: ScheduledContainerSpec = serde_json::from_value(spec.clone()).unwrap();
        Schedule::parse(
            identity(),
            generation,
            at("12:00:00"),
            &spec,
            &std::sync::Arc::new(punctual::core::almanac::Almanac::new(TimeZone::UTC)),
        )
    }
}

/// The API under test.
#[track_caller]
pub fn check(sentence: &str, state: State, plan: &str) {
    let status = state.status.clone();
    let steps: Vec<String> = state
        .plan()
        .steps
        .iter()
        .map(|step| shown(step, &status))
        .collect();
    let steps = if steps.is_empty() {
        "-".to_owned()
    } else {
        steps.join(", ")
    };
    assert_eq!(steps, plan, "{sentence}");
}

/// When it is asked again.
#[track_caller]
pub fn check_wake(sentence: &str, state: State, wake: &str) {
    let wake_at = state.plan().wake_at;
    let wake_at = wake_at.map_or("never".into(), |wake| wake.strftime("%T").to_string());
    assert_eq!(wake_at, wake, "{sentence}");
}

pub fn shown(step: &Step, before: &ScheduledContainerStatus) -> String {
    let fire = |name: &String| {
        let stamp = name.split('-').nth(2).unwrap();
        format!("{}:{}:{}", &stamp[..2], &stamp[2..4], &stamp[4..])
    };
    match step {
        Step::Prepare { run, name } => {
            let salted = *name != pod_name(&identity(), *run, 0);
            format!(
                "prepare {}{}",
                of(*run),
                if salted { " salted" } else { "" }
            )
        }
        Step::Record { status, news } => format!("record({})", recorded(before, status, news)),
        Step::Release { .. } => "release".into(),
        Step::Verify { .. } => "ask".into(),
        Step::Try { .. } => "try".into(),
        Step::Stop { .. } => "stop".into(),
        Step::StopOthers { .. } => "stop the others".into(),
        Step::Sweep { name, .. } => format!("sweep {}", fire(name)),
        Step::Collect { name, .. } => format!("collect {}", fire(name)),
    }
}

pub fn of(run: RunId) -> String {
    let fire = run.fire.strftime("%T");
    match run.attempt {
        1 => fire.to_string(),
        attempt => format!("{fire} attempt {attempt}"),
    }
}

pub fn recorded(
    before: &ScheduledContainerStatus,
    after: &ScheduledContainerStatus,
    news: &[News],
) -> String {
    let mut parts: Vec<String> = news
        .iter()
        .map(|news| match news {
            News::Ended { run, reason } => format!("end {} {reason}", run.fire_time.strftime("%T")),
            News::Skipped { skip, reason } => {
                let (first, count) = (skip.fire_time.strftime("%T"), skip.count);
                format!("skip {first} x{count} {reason}")
            }
            News::Waiting { reason, .. } => format!("waits {reason}"),
            News::Queued { fire, .. } => format!("queue {}", fire.strftime("%T")),
            News::Retrying {
                reason,
                attempt,
                time,
                ..
            } => format!("{reason}, attempt {attempt} at {}", time.strftime("%T")),
            News::Stuck { reason, .. } => format!("stuck {reason}"),
            News::Readiness { ready, reason, .. } => format!("ready {ready} {reason}"),
            News::Circuit { open, .. } => Circuit::reason(*open).to_string(),
            News::Overdue { reason, .. } => reason.to_string(),
            News::Repaired { .. } => "repaired".into(),
            other => panic!("not told by decide: {other:?}"),
        })
        .collect();
    for active in &after.active {
        let mut known = before.active.iter();
        let known = known.find(|known| known.uid == active.uid);
        if known.is_none() {
            let (fire, attempt) = (active.fire_time, active.attempt);
            parts.push(format!("claim {}", of(RunId { fire, attempt })));
        }
        if let Some(stopping) = &active.stopping
            && known.is_some_and(|known| known.stopping.is_none())
        {
            parts.push(format!("stop {stopping}"));
        }
    }
    parts.join(", ")
}

pub fn refused(fire: &str) -> impl FnOnce(&mut Learned) {
    let run = RunId::first(at(fire));
    move |learned| {
        learned.refused.push(Refused {
            run,
            reason: Reason::QuotaExceeded,
            message: "no room".into(),
        });
    }
}
