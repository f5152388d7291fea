//! Decide: from a schedule and what is seen of it to what is done next. Pure and total.
//!
//! A plan is small: the steps that can be taken now, none of which needs the answer to another. The
//! driver takes them, learns the answers, and asks again, until there is nothing left to do but wait.

mod fires;
mod follow;

use jiff::{SignedDuration, Timestamp};

use super::{
    active,
    breaker::{self, Circuit},
    cron::Due,
    form::{self, Observed},
    litter::{Coming, litter},
    news::News,
    overdue,
    plan::{Learned, Plan, Seen, Step},
    prepare, readiness,
    reason::Reason,
    repair,
    run::{RunId, SeenPod, is_by_hand},
    schedule::{Earlier, Schedule},
    status::{push_skip, whole_second},
    timetable::Timetable,
};
use crate::api::{ActiveRun, ScheduledContainerStatus, SkipRecord};

/// How many runs that the status doesn't name are taken in at once: as many as may be active.
const STRAYS: usize = 100;

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
        replacing: None,
    };
    draft.repair();
    draft.adopt();
    breaker::settle(schedule, &mut draft.status);
    let strays = draft.take_in_strays();
    let mut busy = draft.follow_active();
    busy.asks.extend(strays);
    if !busy.asks.is_empty() {
        // Nothing may be decided about this schedule before the questions are answered, but fires
        // that fall due meanwhile are still noticed.
        return Plan {
            steps: busy.asks,
            wake_at: draft.next_fire(None).filter(|&fire| fire > now),
        };
    }
    let wanted = busy
        .wanted
        .or_else(|| draft.due_fires())
        .or_else(|| draft.requested_run());
    let next = draft.next_fire(wanted.or(draft.replacing));
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
        let told = overdue::show(schedule, &mut draft.status, now);
        draft.news.extend(told);
    }

    let changed = draft.status != seen.status;
    let (circuit, active) = (draft.circuit(), draft.status.active.len());
    let useful = next.filter(|&fire| {
        schedule.concurrency.takes(&draft.status) && circuit.lets_through(fire, active)
    });
    let (early, early_at) = prepare::early(schedule, seen, learned, useful, ahead, now);
    let queued = draft.queued_without_pod();
    let coming = draft.coming(
        wanted.is_some(),
        [
            wanted,
            draft.replacing,
            next.map(RunId::first),
            draft.undecided_request(),
        ],
    );
    let (litter, litter_at) = litter(schedule, &seen.pods, &draft.status.active, &coming, now);
    let wakes = [
        // A fire that waits for the active run waits for no time.
        next.filter(|&fire| fire > now),
        early_at,
        litter_at,
        draft.wake_for_active(),
        draft.wake_for_queued(),
        draft.wake_for_request(),
        overdue::wake_at(schedule, &draft.status, now),
    ];

    // The order is the order of urgency: what starts a run comes first, what tidies up comes last.
    let now_or_never = |run: &RunId| !learned.put_off.runs.contains(run);
    let (wanted, queued) = (wanted.filter(now_or_never), queued.filter(now_or_never));
    let early = early.map(RunId::first).filter(now_or_never);
    let (mut steps, tidied) = if !busy.releases.is_empty() {
        (busy.releases, 1)
    } else if changed {
        let status = Box::new(draft.status);
        let news = draft.news;
        (vec![Step::Record { status, news }], 0)
    } else if !busy.stops.is_empty() {
        (busy.stops, 1)
    } else if let Some(run) = wanted.or(queued).or(early) {
        (vec![prepare::step(schedule, seen, learned, run)], 1)
    } else if readiness::unknown(schedule, &draft.status) && shows {
        let generation = schedule.generation;
        (vec![Step::Try { generation }], 1)
    } else {
        (Vec::new(), usize::MAX)
    };
    // Where fires come faster than they are written there is never nothing else to do, so one pod that
    // nobody needs goes along; but not by what is still to be written.
    let tidied = if changed { 0 } else { tidied };
    let others = litter.into_iter().filter(|step| !steps.contains(step));
    let others: Vec<_> = others.take(tidied).collect();
    steps.extend(others);
    Plan {
        steps,
        wake_at: wakes.into_iter().flatten().min(),
    }
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
    /// The fire that starts when those that it replaces have ended: its pod is held until then.
    replacing: Option<RunId>,
}

impl<'a> Draft<'a> {
    /// Puts right what somebody else has written.
    fn repair(&mut self) {
        if let Some(message) = repair::repair(&mut self.status, &self.seen.pods, self.now) {
            self.news.push(News::Repaired { message });
        }
    }

    /// Takes in the runs that have started and that somebody has struck from the status: no other may
    /// start beside them. Asks first whether they are still there, since the cache may be old.
    fn take_in_strays(&mut self) -> Vec<Step> {
        let strays: Vec<&SeenPod> = match self.seen.deleting {
            true => Vec::new(),
            false => repair::strays(&self.schedule.identity, &self.status, &self.seen.pods)
                .take(STRAYS)
                .collect(),
        };
        let (found, unknown): (Vec<_>, Vec<_>) = strays
            .into_iter()
            .partition(|pod| self.learned.found.contains(&pod.uid));
        for pod in found {
            let name = &pod.name;
            let message = format!("run {name} was active, and the status did not say so");
            self.news.push(News::Repaired { message });
            self.status.active.push(active::claimed(pod, self.now));
            self.status.active.sort_by_key(|active| active.fire_time);
        }
        let ask = |pod: &SeenPod| Step::Verify {
            name: pod.name.clone(),
            uid: pod.uid.clone(),
        };
        unknown.into_iter().map(ask).collect()
    }

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
        // What an earlier form missed is decided, and nothing of it is left to catch up with.
        for active in &mut self.status.active {
            active.catching_up = false;
        }
        // A clock that was put back doesn't bring back what is decided.
        self.status.observed_since = Some(whole_second(self.now).max(self.watermark()));
    }

    fn circuit(&self) -> Circuit {
        Circuit::of(self.schedule, &self.status, self.now)
    }

    /// The pod of an active run that has one.
    fn active_pod(&self, active: &ActiveRun) -> Option<&'a SeenPod> {
        self.seen.pods.iter().find(|pod| pod.uid == active.uid)
    }

    /// The attempts for which pods are held. While fires that are due are `undecided`, any of them may
    /// be: another controller may be about to claim one.
    fn coming(&self, undecided: bool, next: [Option<RunId>; 4]) -> Coming {
        let unclear = undecided || self.schedule.words.is_none() || self.outdated;
        // Nothing starts any more of a schedule that is being deleted, so nothing waits.
        let queued = self.status.queued.iter().filter(|_| !self.seen.deleting);
        let again = self.status.active.iter().filter(|run| run.retry.is_some());
        let again = again.map(follow::next_attempt);
        let queued = queued.map(|queued| RunId::first(queued.fire_time));
        Coming {
            runs: next
                .into_iter()
                .flatten()
                .chain(queued)
                .chain(again)
                .collect(),
            after: (unclear && !self.seen.deleting).then(|| self.watermark()),
            requested_after: Some(self.status.last_request_time).filter(|_| !self.seen.deleting),
        }
    }

    /// Records that fires get no run.
    fn skip(&mut self, due: Due, reason: Reason, message: String) {
        let skip = SkipRecord {
            fire_time: due.first,
            last_fire_time: due.latest,
            count: due.count,
            reason: reason.name().into(),
            message,
        };
        self.decided(due.latest);
        push_skip(&mut self.status, skip.clone());
        self.news.push(News::Skipped { skip, reason });
    }

    /// Remembers that the fires up to this one are decided: those of the schedule, or those by hand.
    fn decided(&mut self, fire: Timestamp) {
        let until = match is_by_hand(fire) {
            true => &mut self.status.last_request_time,
            false => &mut self.status.last_fire_time,
        };
        *until = (*until).max(Some(fire));
    }

    fn timing(&self) -> Option<&'a Timetable> {
        self.schedule
            .timing
            .as_ref()
            .ok()
            .filter(|_| !self.seen.deleting && !self.outdated)
    }

    /// The first fire after those that are decided, or after the one that is about to be.
    fn next_fire(&self, wanted: Option<RunId>) -> Option<Timestamp> {
        // What is asked for by hand takes no fire's place.
        let wanted = wanted.map(|run| run.fire).filter(|&fire| !is_by_hand(fire));
        let decided = wanted.max(Some(self.watermark()))?;
        self.timing()?.next(decided)
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
