//! The only place where the model and the real types meet: what `core::decide` says to a view.

use std::sync::{Arc, LazyLock};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use punctual::{
    api::{
        ActiveRun, NextAttempt, Outcome, QueuedFire, RunRecord, ScheduledContainerSpec,
        ScheduledContainerStatus,
    },
    core::{
        almanac::Almanac,
        decide::decide,
        plan::{Learned, Seen, Step},
        reason::Reason,
        run::{
            self, ContainerState, Presence, Restarts, RunId, SeenContainer, SeenPod, Terminated,
            pod_name,
        },
        schedule::Schedule,
        schedule_ref::ScheduleRef,
        status::{READY, set_condition},
    },
};
use serde_json::json;

use super::{
    config::{Config, Policy},
    server::Request,
    state::{Active, BY_HAND, Phase, Pod, Record, Run, Stage, Status},
};

/// When the schedule was made: 2026-11-20 12:00:00 UTC.
const START: i64 = 1_795_176_000;
/// Seconds between two fires.
const EVERY: i64 = 10;
/// So long before the next fire is each instant at which is decided: its pod may be prepared.
const BEFORE: i64 = 1;

/// What one controller knows of one pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct View {
    /// What its cache shows.
    pub shown: Option<Phase>,
    /// Whether the API server has told it that there is no such pod.
    pub gone: bool,
    /// Whether the end of the pod carries no time, so that it counts as ended when it is seen.
    pub undated: bool,
}

/// When a controller decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    /// How many fires are due, by its clock.
    pub due: u8,
    /// Whether the wait for a next attempt is over, by its clock.
    pub retry_due: bool,
}

/// The schedule for which is decided.
pub struct Real {
    schedule: Schedule,
    requested: Option<Timestamp>,
}

impl Real {
    pub fn new(config: &Config) -> Self {
        let spec = json!({
            "schedule": "*/10 * * * * *",
            "timeZone": "UTC",
            "notAfter": time(config.fires),
            "concurrencyPolicy": match config.policy {
                Policy::Forbid => "Forbid",
                Policy::Queue => "Queue",
                Policy::Replace => "Replace",
                Policy::Allow => "Allow",
            },
            "maxActive": config.capacity(),
            "missedFires": if config.catches_up { "RunAll" } else { "RunLatest" },
            // Also what the model's users do is tried again.
            "retry": {"limit": config.retries, "onReasons": ["NonZeroExit", "PodDeleted"]},
            // A pod that has ended is collected at once, so that its name is free again.
            "successfulRunsHistoryLimit": 0,
            "failedRunsHistoryLimit": 0,
            "template": {"spec": {"containers": [{"name": "main"}]}},
        });
        let spec: ScheduledContainerSpec = serde_json::from_value(spec).unwrap();
        let almanac = Arc::new(Almanac::new(TimeZone::UTC));
        let schedule = Schedule::parse(IDENTITY.clone(), 1, time(0), &spec, &almanac);
        assert!(schedule.timing.is_ok(), "{:?}", schedule.timing);
        Self {
            schedule,
            requested: config.by_hand.then(|| time(BY_HAND)),
        }
    }

    /// What a controller asks for that has this view of the pods, one each.
    pub fn plan(
        &self,
        status: &Status,
        pods: &[Pod],
        views: &[View],
        moment: Moment,
    ) -> Vec<Request> {
        let now = seconds(i64::from(moment.due) * EVERY + EVERY - BEFORE);
        let mut seen = Seen {
            status: self.status(status, moment, now),
            deleting: false,
            requested: self.requested,
            pods: Vec::new(),
        };
        let mut learned = Learned::default();
        for (uid, (pod, view)) in pods.iter().zip(views).enumerate() {
            seen.pods
                .extend(view.shown.map(|phase| seen_pod(uid, *pod, phase, *view)));
            if view.gone {
                learned.gone.push(uid_of(uid));
            }
        }
        let ahead = SignedDuration::from_secs(EVERY);
        // Writes of what only people read change nothing in the model, so they are taken as done.
        for _ in 0..3 {
            let plan = decide(&self.schedule, &seen, &learned, ahead, now);
            if let [Step::Record { status: shown, .. }] = plan.steps.as_slice()
                && self.projected(shown) == *status
            {
                seen.status = (**shown).clone();
                continue;
            }
            let steps = plan.steps.into_iter();
            return steps.map(|step| self.request(step, views)).collect();
        }
        panic!("what is shown does not settle: {status:?}, {views:?}, {moment:?}");
    }

    /// A status in full. Times of claims and attempts are such that they object to nothing.
    fn status(&self, status: &Status, moment: Moment, now: Timestamp) -> ScheduledContainerStatus {
        let active = status.active.iter().map(|active| {
            let Active {
                run,
                uid,
                stage,
                late,
            } = *active;
            let fire_time = time(run.fire);
            let (name, uid) = (name(run), uid_of(uid.expect("claimed with its pod").into()));
            let after = || RunRecord {
                name: name.clone(),
                uid: uid.clone(),
                fire_time,
                attempts: run.attempt.into(),
                outcome: Outcome::Failed,
                reason: Reason::NonZeroExit.name().into(),
                message: None,
                exit_code: None,
                started: None,
                finished: fire_time,
                node: None,
                last_lines: Vec::new(),
            };
            let again = match moment.retry_due {
                true => now,
                false => now + SignedDuration::from_secs(1),
            };
            let retries = matches!(stage, Stage::Retrying | Stage::GivenUp);
            let stops = matches!(stage, Stage::Stopping | Stage::GivenUp);
            ActiveRun {
                claim_time: fire_time,
                attempt: run.attempt.into(),
                uncounted: 0,
                catching_up: late,
                retry: retries.then(|| {
                    Box::new(NextAttempt {
                        time: again,
                        after: after(),
                    })
                }),
                waiting: None,
                stopping: stops.then(|| Reason::Replaced.name().into()),
                name: name.clone(),
                uid: uid.clone(),
                fire_time,
            }
        });
        let mut real = ScheduledContainerStatus {
            last_fire_time: Some(status.last_fire).filter(|&fire| fire > 0).map(time),
            last_request_time: status.by_hand.then(|| time(BY_HAND)),
            active: active.collect(),
            queued: status
                .queued
                .iter()
                .map(|&fire| QueuedFire {
                    fire_time: time(fire),
                })
                .collect(),
            observed_schedule: self.schedule.words.clone(),
            ..Default::default()
        };
        set_condition(&mut real, READY, true, Reason::Ready, "", 1, time(0));
        real
    }

    /// What of a status the protocol rests on.
    fn projected(&self, real: &ScheduledContainerStatus) -> Status {
        Status {
            last_fire: real.last_fire_time.map_or(0, fire),
            by_hand: real.last_request_time.is_some(),
            active: real
                .active
                .iter()
                .map(|active| Active {
                    run: Run {
                        fire: fire(active.fire_time),
                        attempt: active.attempt as u8,
                    },
                    uid: Some(place(&active.uid)),
                    stage: match (&active.retry, &active.stopping) {
                        (None, None) => Stage::Claimed,
                        (None, Some(_)) => Stage::Stopping,
                        (Some(_), None) => Stage::Retrying,
                        (Some(_), Some(_)) => Stage::GivenUp,
                    },
                    late: active.catching_up,
                })
                .collect(),
            queued: real
                .queued
                .iter()
                .map(|queued| fire(queued.fire_time))
                .collect(),
        }
    }

    fn request(&self, step: Step, views: &[View]) -> Request {
        match step {
            Step::Prepare { run, name: asked } => {
                let run = Run {
                    fire: fire(run.fire),
                    attempt: run.attempt as u8,
                };
                assert_eq!(asked, name(run));
                Request::Prepare(run)
            }
            Step::Record { status, news: _ } => Request::Record(Record {
                skipped: skipped(&status),
                to: self.projected(&status),
            }),
            Step::Release { uid, .. } => Request::Release(place(&uid)),
            Step::Verify { uid, .. } => Request::Verify(place(&uid)),
            Step::Stop { uid, .. } => Request::Stop(place(&uid)),
            Step::StopOthers { .. } => unreachable!("no schedule here names a main container"),
            // What the model lets happen at any time is no more than this.
            Step::Sweep { uid, .. } => {
                let shown = views[place(&uid) as usize].shown;
                assert_eq!(shown, Some(Phase::Held), "a sweep of what is not held");
                Request::Sweep(place(&uid))
            }
            Step::Collect { uid, .. } => {
                let shown = views[place(&uid) as usize].shown;
                assert!(
                    shown.is_some_and(Phase::ended),
                    "a collect of what has not ended"
                );
                Request::Collect(place(&uid))
            }
            Step::Try { .. } => unreachable!("the template is known to be good"),
        }
    }
}

/// The fires that a status says were skipped, since one that said so of none.
fn skipped(status: &ScheduledContainerStatus) -> u8 {
    let mut skipped = 0;
    for record in &status.recent_skips {
        let within = |&fire: &u8| (record.fire_time..=record.last_fire_time).contains(&time(fire));
        let fires: Vec<_> = (1..=BY_HAND).filter(within).collect();
        assert_eq!(fires.len() as u64, record.count, "{record:?}");
        skipped |= fires.iter().fold(0, |skipped, fire| skipped | 1 << fire);
    }
    skipped
}

fn seen_pod(uid: usize, pod: Pod, phase: Phase, view: View) -> SeenPod {
    let ended = |exit_code| {
        let terminated = Terminated {
            exit_code,
            finished: (!view.undated).then(|| time(pod.run.fire)),
            ..Terminated::default()
        };
        vec![SeenContainer {
            name: "main".into(),
            restarts: Restarts::Never,
            ready: false,
            state: ContainerState::Terminated(terminated),
        }]
    };
    let (real, containers) = match phase {
        Phase::Held => (run::Phase::Pending, Vec::new()),
        Phase::Started | Phase::Stopping => (run::Phase::Running, Vec::new()),
        Phase::Succeeded => (run::Phase::Succeeded, ended(0)),
        Phase::Failed => (run::Phase::Failed, ended(1)),
        Phase::Gone => unreachable!("what is gone is not shown"),
    };
    SeenPod {
        attempt: pod.run.attempt.into(),
        held: phase == Phase::Held,
        deleting: phase == Phase::Stopping,
        presence: match view.gone {
            true => Presence::Gone,
            false => Presence::Here,
        },
        phase: real,
        containers,
        ..SeenPod::just_made(name(pod.run), uid_of(uid), time(pod.run.fire))
    }
}

static IDENTITY: LazyLock<ScheduleRef> = LazyLock::new(|| ScheduleRef {
    namespace: "default".into(),
    name: "hello".into(),
    uid: "1".into(),
});

fn name(run: Run) -> String {
    let run = RunId {
        fire: time(run.fire),
        attempt: run.attempt.into(),
    };
    pod_name(&IDENTITY, run, 0)
}

fn uid_of(place: usize) -> String {
    format!("pod-{place}")
}

fn place(uid: &str) -> u8 {
    uid.strip_prefix("pod-").unwrap().parse().unwrap()
}

/// When a fire is; 0 is when the schedule was made.
fn time(fire: u8) -> Timestamp {
    match fire {
        // Before the first fire, and with a fraction as all that is asked for by hand.
        BY_HAND => seconds(1) + SignedDuration::from_millis(500),
        _ => seconds(i64::from(fire) * EVERY),
    }
}

/// Which fire is at this time. It must be one.
fn fire(at: Timestamp) -> u8 {
    let mut fires = 0..=BY_HAND;
    let found = fires.find(|&fire| time(fire) == at);
    found.unwrap_or_else(|| panic!("{at} is no fire"))
}

fn seconds(after: i64) -> Timestamp {
    Timestamp::from_second(START + after).unwrap()
}
