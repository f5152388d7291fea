//! Decide: from a schedule and what is seen of it to what is done next. Pure and total.
//!
//! A plan is small: the steps that can be taken now, none of which needs the answer to another. The
//! driver takes them, learns the answers, and asks again, until there is nothing left to do but wait.

use jiff::{SignedDuration, Timestamp};

use super::{
    active,
    cron::Due,
    form::{self, Observed},
    litter::{Coming, litter},
    missed::{self, Passed, Turn},
    news::News,
    outcome,
    plan::{Learned, Plan, Seen, Step},
    prepare, readiness,
    reason::Reason,
    rules::{self, Candidate},
    run::{Presence, SeenPod},
    schedule::{Earlier, Schedule},
    status::{self, push_skip, whole_second},
    timetable::Timetable,
};
use crate::api::{ActiveRun, RunRecord, ScheduledContainerStatus, SkipRecord, Waiting};

/// Decides. `ahead` is how long before a fire its pod may be prepared.
pub fn decide(
    schedule: &Schedule,
    seen: &Seen,
    learned: &Learned,
    ahead: SignedDuration,
    now: Timestamp,
) -> Plan {
    let mut draft = Draft {
        schedule,
        seen,
        learned,
        now,
        status: seen.status.clone(),
        news: Vec::new(),
        outdated: false,
    };
    draft.adopt();
    let busy = draft.follow_active();
    if let Busy::Ask(step) = busy {
        // Nothing may be decided about this schedule before the question is answered, but fires
        // that fall due meanwhile are still noticed.
        return Plan {
            steps: vec![step],
            wake_at: draft.next_fire(None).filter(|&fire| fire > now),
        };
    }
    let wanted = draft.due_fires();
    let next = draft.next_fire(wanted);
    // What is shown can wait for the fire that waits for its pod: it isn't worth a write of its own.
    // And of a schedule that is being deleted, or of which others know more, there is nothing to show.
    let shows = !seen.deleting && !draft.outdated;
    if wanted.is_none() && shows {
        let alone = draft.status == seen.status;
        let behind = draft.behind();
        draft.show_next(next);
        if let Some(readiness) =
            readiness::now(schedule, learned, &draft.status, next, behind, alone)
        {
            draft.set_ready(readiness);
        }
    }

    let changed = draft.status != seen.status;
    let free = draft.status.active.is_none();
    let (early, early_at) =
        prepare::early(schedule, seen, learned, next.filter(|_| free), ahead, now);
    let active = draft.status.active.as_ref();
    let coming = match schedule.words.is_none() || draft.outdated {
        true if !seen.deleting => Coming::After(draft.watermark()),
        _ => Coming::Known([wanted, next]),
    };
    let (litter, litter_at) = litter(schedule, &seen.pods, active, coming, now);
    let wakes = [
        // A fire that waits for the active run waits for no time.
        next.filter(|&fire| fire > now),
        early_at,
        litter_at,
        draft.wake_for_active(),
    ];

    // The order is the order of urgency: what starts a run comes first, what tidies up comes last.
    let steps = match (busy, wanted) {
        (Busy::Release(step), _) => vec![step],
        _ if changed => {
            vec![Step::Record {
                status: Box::new(draft.status),
                news: draft.news,
            }]
        }
        (_, Some(fire)) => vec![prepare::step(schedule, seen, learned, fire)],
        (Busy::Stop(step), _) => vec![step],
        (Busy::Ask(_) | Busy::Waits | Busy::Idle, None) => match early {
            Some(fire) => vec![prepare::step(schedule, seen, learned, fire)],
            None if readiness::unknown(schedule, &draft.status) && shows => {
                vec![Step::Try {
                    generation: schedule.generation,
                }]
            }
            None => litter,
        },
    };
    Plan {
        steps,
        wake_at: wakes.into_iter().flatten().min(),
    }
}

/// What the active run asks for.
enum Busy {
    /// There is none.
    Idle,
    /// There is one, and it goes on.
    Waits,
    /// It is claimed and still held.
    Release(Step),
    /// It shall stop.
    Stop(Step),
    /// It isn't seen.
    Ask(Step),
}

/// A status in the making.
struct Draft<'a> {
    schedule: &'a Schedule,
    seen: &'a Seen,
    learned: &'a Learned,
    now: Timestamp,
    status: ScheduledContainerStatus,
    news: Vec<News>,
    /// Another controller sees a later version of a calendar: what fires by ours is not for us to say.
    outdated: bool,
}

impl<'a> Draft<'a> {
    /// Fires up to this instant are decided or are not this form of the schedule's.
    fn watermark(&self) -> Timestamp {
        let times = [self.status.last_fire_time, self.status.observed_since];
        times
            .into_iter()
            .flatten()
            .fold(self.schedule.created, Timestamp::max)
    }

    /// Takes on an edited schedule: it fires from now on, never for the time before the edit.
    fn adopt(&mut self) {
        let Some(own) = &self.schedule.words else {
            return;
        };
        let known = self.status.observed_schedule.as_deref();
        match known.map(|known| form::compare(own, known)) {
            Some(Observed::Same) => return,
            Some(Observed::Ahead) => return self.outdated = true,
            Some(Observed::Earlier) | None => {}
        }
        let Some(before) = self.status.observed_schedule.replace(own.clone()) else {
            return;
        };
        if let Some(Earlier { timing, certain }) = self.schedule.earlier(&before)
            && let Some(due) = timing.due(self.watermark(), self.now)
        {
            self.skip(due, Reason::ScheduleChanged, form::past(&before, certain));
        }
        // A clock that was put back doesn't bring back what is decided.
        self.status.observed_since = Some(whole_second(self.now).max(self.watermark()));
    }

    /// Looks after the active run: finishes it if it ended, else says what it asks for.
    fn follow_active(&mut self) -> Busy {
        let Some(active) = self.status.active.clone() else {
            return Busy::Idle;
        };
        let ActiveRun {
            name,
            uid,
            fire_time: fire,
            ..
        } = active.clone();
        let pod = self.active_pod(&active);
        // Absence from a cache is no evidence, and neither is the watch's word that a pod is gone: it
        // says so too when somebody takes our label away. The API server's own answer is.
        let in_doubt = pod.is_none_or(|pod| pod.presence == Presence::Missing);
        let Some(pod) = pod else {
            if self.learned.gone.as_deref() == Some(&uid) {
                self.finish(outcome::vanished(&active, self.now));
                return Busy::Idle;
            }
            return Busy::Ask(Step::Verify { name, uid });
        };
        if in_doubt && self.learned.found.as_deref() != Some(&uid) {
            return Busy::Ask(Step::Verify { name, uid });
        }
        if let Some(ended) = outcome::ending(&active, pod, self.now) {
            self.finish(ended);
            return Busy::Idle;
        }
        if pod.held && !pod.deleting {
            return Busy::Release(Step::Release { name, uid, fire });
        }
        self.show_waiting(&active, pod);
        if active::deadline(self.schedule, &active, pod)
            .is_some_and(|deadline| deadline <= self.now)
            && let Some(active) = &mut self.status.active
        {
            active.stopping = Some(Reason::DeadlineExceeded.name().into());
        }
        if active.stopping.is_some() && !pod.deleting {
            return Busy::Stop(Step::Stop { name, uid });
        }
        Busy::Waits
    }

    fn wake_for_active(&self) -> Option<Timestamp> {
        let active = self.status.active.as_ref()?;
        active::wake_at(self.schedule, active, self.active_pod(active)?, self.now)
    }

    fn active_pod(&self, active: &ActiveRun) -> Option<&'a SeenPod> {
        self.seen.pods.iter().find(|pod| pod.uid == active.uid)
    }

    fn show_waiting(&mut self, active: &ActiveRun, pod: &SeenPod) {
        let waiting = outcome::waiting(pod);
        let before = active
            .waiting
            .as_ref()
            .map(|waiting| waiting.reason.as_str());
        if before == waiting.as_ref().map(|(reason, _)| reason.name()) {
            // The wording may change from one try to the next; that is not news.
            return;
        }
        if let Some((reason, message)) = &waiting {
            self.news.push(News::Waiting {
                run: active.name.clone(),
                uid: active.uid.clone(),
                reason: *reason,
                message: message.clone(),
            });
        }
        if let Some(active) = &mut self.status.active {
            active.waiting = waiting.map(|(reason, message)| Waiting {
                reason: reason.name().into(),
                message,
            });
        }
    }

    fn finish(&mut self, (run, reason): (RunRecord, Reason)) {
        let catching_up = self.catching_up();
        status::end_run(
            &mut self.status,
            &run,
            reason,
            self.schedule.generation,
            self.now,
        );
        // What fell due while the run was active found it active, even if its end was noticed late;
        // but while missed fires run one after the other, it has waited for the end.
        if !catching_up
            && let Some(timing) = self.timing()
            && let Some(due) = timing.due(self.watermark(), run.finished.min(self.now))
        {
            let message = format!("run {} was still active", run.name);
            self.skip(due, Reason::StillActive, message);
        }
        self.news.push(News::Ended { run, reason });
    }

    /// Whether fires wait for the end of the active run instead of being dropped.
    fn catching_up(&self) -> bool {
        let (timing, active) = (self.timing(), self.status.active.as_ref());
        timing.zip(active).is_some_and(|(timing, active)| {
            missed::catching_up(self.schedule, timing, self.status.observed_since, active)
        })
    }

    /// Decides the fires that are due: skips are recorded, and the fire whose turn it is is claimed
    /// if its pod is there. Returns the fire that needs a pod first.
    fn due_fires(&mut self) -> Option<Timestamp> {
        if self.catching_up() {
            return None;
        }
        let (timing, watermark) = (self.timing()?, self.watermark());
        let due = timing.due(watermark, self.now)?;
        let candidate = Candidate {
            schedule: self.schedule,
            fire: due.latest,
            active: self.status.active.as_ref(),
            now: self.now,
        };
        // What speaks against the latest of them speaks against them all.
        if let Some((reason, message)) = rules::objection(&candidate) {
            self.skip(due, reason, message);
            return None;
        }
        let Turn {
            fire,
            before,
            waiting,
        } = missed::turn(self.schedule, timing, watermark, due, self.now, |fire| {
            prepare::prepared(self.schedule, self.seen, fire).is_some()
        });
        let refused = self.learned.refused.as_ref();
        if let Some(refused) = refused.filter(|refused| refused.fire == fire) {
            self.pass(before);
            self.set_ready((false, refused.reason, refused.message.clone()));
            // Kubernetes would refuse those after it as well: only their fires and names differ.
            let fires = match refused.reason {
                Reason::NameTaken => missed::alone(fire),
                _ => waiting,
            };
            self.skip(fires, refused.reason, refused.message.clone());
            return None;
        }
        let Some(pod) = prepare::prepared(self.schedule, self.seen, fire) else {
            return Some(fire);
        };
        self.pass(before);
        if let Some(mended) = readiness::mended(&self.status) {
            self.set_ready(mended);
        }
        self.status.last_fire_time = Some(fire);
        self.status.last_run_time = Some(fire);
        self.status.active = Some(ActiveRun {
            name: pod.name.clone(),
            uid: pod.uid.clone(),
            fire_time: fire,
            claim_time: whole_second(self.now),
            waiting: None,
            stopping: None,
        });
        None
    }

    fn pass(&mut self, passed: Vec<Passed>) {
        for Passed {
            due,
            reason,
            message,
        } in passed
        {
            self.skip(due, reason, message);
        }
    }

    fn skip(&mut self, due: Due, reason: Reason, message: String) {
        let skip = SkipRecord {
            fire_time: due.first,
            last_fire_time: due.latest,
            count: due.count,
            reason: reason.name().into(),
            message,
        };
        self.status.last_fire_time = self.status.last_fire_time.max(Some(due.latest));
        push_skip(&mut self.status, skip.clone());
        self.news.push(News::Skipped { skip, reason });
    }

    fn timing(&self) -> Option<&'a Timetable> {
        self.schedule
            .timing
            .as_ref()
            .ok()
            .filter(|_| !self.seen.deleting && !self.outdated)
    }

    /// The first fire after those that are decided, or after the one that is about to be.
    fn next_fire(&self, wanted: Option<Timestamp>) -> Option<Timestamp> {
        self.timing()?.next(wanted.unwrap_or(self.watermark()))
    }

    /// Up to when fires are decided, if the clock is far from there: it was put back.
    fn behind(&self) -> Option<Timestamp> {
        let decided = self.watermark();
        Some(decided).filter(|decided| decided.duration_since(self.now) > readiness::BEHIND)
    }

    fn set_ready(&mut self, (ready, reason, message): readiness::Readiness) {
        let (generation, now) = (self.schedule.generation, self.now);
        let turned = readiness::set(&mut self.status, ready, reason, &message, generation, now);
        if turned {
            self.news.push(News::Readiness {
                ready,
                reason,
                message,
            });
        }
    }

    fn show_next(&mut self, next: Option<Timestamp>) {
        let shown = next.and_then(|fire| Some(self.timing()?.describe_local(fire)));
        self.status.next_fire_time = shown;
    }
}
