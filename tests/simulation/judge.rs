//! What is promised, judged by the server's own record of changes.
//!
//! A status says up to where fires are decided: its mark. Each write that moves the mark must decide
//! every fire that it passes, each exactly once, by the form of the schedule that it goes by.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;
use punctual::{
    api::ScheduledContainerStatus,
    core::{
        run::{HOLD, SCHEDULE_LABEL},
        timetable::Timetable,
    },
};
use serde_json::Value;

use super::memory::{
    Resource, World,
    checks::{self, Decision, Life},
};

/// Whether something is as promised; else what isn't.
type Verdict = Result<(), String>;

/// A condition that must hold, and what is said if it doesn't.
macro_rules! must {
    ($holds:expr, $($said:tt)+) => {
        if !$holds {
            return Err(format!($($said)+));
        }
    };
}

/// Judges every change: G1, G2, G3, and that what is claimed, started and finished was so. How many
/// pods were started.
pub fn history(world: &World) -> Result<u64, String> {
    let lives = world.lives();
    let starts = runs(&lives)?;
    let lives: HashMap<&str, &Life> = lives.iter().map(|life| (life.uid.as_str(), life)).collect();
    let mut books: HashMap<String, Book> = HashMap::new();
    for change in world.changes() {
        if change.id.resource != Resource::Schedules {
            continue;
        }
        let Some(after) = &change.after else {
            continue;
        };
        let uid = after["metadata"]["uid"].as_str().unwrap_or_default();
        let book = books.entry(uid.into()).or_default();
        let verdict = book.turn(change.version, change.before.as_ref(), after, &lives);
        verdict.map_err(|wrong| format!("version {} by {}: {wrong}", change.version, change.by))?;
    }
    for life in lives.values() {
        let Some(started) = life.started else {
            continue;
        };
        let book = books.get(&life.schedule);
        let claimed = book.and_then(|book| book.claims.get(&life.uid));
        must!(
            claimed.is_some_and(|claimed| *claimed < started),
            "a pod started that was not claimed before: {life:?}"
        );
    }
    Ok(starts)
}

/// G1 and G2.
fn runs(lives: &[Life]) -> Result<u64, String> {
    let started: Vec<&Life> = lives.iter().filter(|life| life.started.is_some()).collect();
    for (index, one) in started.iter().enumerate() {
        for other in &started[index + 1..] {
            if one.schedule != other.schedule {
                continue;
            }
            must!(
                one.fire != other.fire,
                "G1: two pods were started for one fire: {one:?} and {other:?}"
            );
            let overlap = one.started < other.ended.or(Some(u64::MAX))
                && other.started < one.ended.or(Some(u64::MAX));
            must!(!overlap, "G2: two runs at once: {one:?} and {other:?}");
        }
    }
    Ok(started.len() as u64)
}

/// What is known of one schedule, as its changes go by.
#[derive(Default)]
struct Book {
    created: Timestamp,
    /// What it fired by under which words.
    forms: HashMap<String, Option<Timetable>>,
    /// The version at which each pod was claimed.
    claims: HashMap<String, u64>,
}

impl Book {
    fn turn(
        &mut self,
        version: u64,
        before: Option<&Arc<Value>>,
        after: &Arc<Value>,
        lives: &HashMap<&str, &Life>,
    ) -> Verdict {
        if before.is_none_or(|before| before["spec"] != after["spec"]) {
            let schedule = checks::parsed(after);
            self.created = schedule.created;
            let words = schedule.words.expect("there are no calendars");
            self.forms.insert(words, schedule.timing.ok());
        }
        if before.is_none_or(|before| before["status"] == after["status"]) {
            return Ok(());
        }
        let before = before.map(checks::status).unwrap_or_default();
        let after = checks::status(after);
        self.decisions(&before, &after)?;
        let ended = before.active.iter().filter(|active| {
            let mut still = after.active.iter();
            !still.any(|still| still.uid == active.uid)
        });
        let mut finished = 0;
        for active in ended {
            finished += 1;
            let life = lives.get(active.uid.as_str());
            must!(
                life.is_some_and(|life| life.ended.is_some_and(|ended| ended <= version)),
                "{} was finished before it ended",
                active.name
            );
        }
        let runs = |status: &ScheduledContainerStatus| status.counts.succeeded + status.counts.failed;
        must!(
            runs(&after) == runs(&before) + finished,
            "{finished} runs ended, but the counts are {:?} after {:?}",
            after.counts,
            before.counts
        );
        let claims = after.active.iter().filter(|active| {
            let mut known = before.active.iter();
            !known.any(|known| known.uid == active.uid)
        });
        for active in claims {
            let life = lives.get(active.uid.as_str());
            must!(
                life.is_some_and(|life| life.fire == Some(active.fire_time)),
                "{} was claimed for {}, but its pod is {life:?}",
                active.name,
                active.fire_time
            );
            let earlier = self.claims.insert(active.uid.clone(), version);
            must!(earlier.is_none(), "{} was claimed twice", active.name);
        }
        Ok(())
    }

    /// G3 for one write.
    fn decisions(
        &self,
        before: &ScheduledContainerStatus,
        after: &ScheduledContainerStatus,
    ) -> Verdict {
        let mut decisions = Vec::new();
        checks::decided(before, after, Timestamp::MIN, &mut decisions);
        decisions.sort_by_key(Decision::first);
        let skipped: u64 = decisions
            .iter()
            .map(|decision| match decision {
                Decision::Claim { .. } => 0,
                Decision::Skip { count, .. } => *count,
            })
            .sum();
        must!(
            after.counts.skipped == before.counts.skipped + skipped,
            "{skipped} skips, but the counts are {:?} after {:?}",
            after.counts,
            before.counts
        );
        let mut mark = self.mark(before);
        let mut timing = self.form(before)?;
        if before.observed_schedule != after.observed_schedule {
            if let Some(changed) = decisions.first().filter(|one| one.reason() == "ScheduleChanged") {
                mark = covers(timing, mark, changed)?;
                decisions.remove(0);
            }
            if before.observed_schedule.is_some() {
                let since = after.observed_since.unwrap_or_default();
                nothing_between(timing, mark, since)?;
                mark = mark.max(since);
            }
            timing = self.form(after)?;
        }
        for decision in &decisions {
            mark = covers(timing, mark, decision)?;
        }
        nothing_between(timing, mark, self.mark(after))?;
        must!(
            self.mark(after) >= mark,
            "what is decided up to {mark} is forgotten: {after:?}"
        );
        Ok(())
    }

    fn form(&self, status: &ScheduledContainerStatus) -> Result<Option<&Timetable>, String> {
        let Some(words) = &status.observed_schedule else {
            return Ok(None);
        };
        let form = self.forms.get(words);
        let form = form.ok_or_else(|| format!("nobody wrote the schedule {words:?}"))?;
        Ok(form.as_ref())
    }

    fn mark(&self, status: &ScheduledContainerStatus) -> Timestamp {
        let times = [status.last_fire_time, status.observed_since];
        let times = times.into_iter().flatten();
        times.fold(self.created, Timestamp::max)
    }
}

/// That a decision is about all fires from the mark to its last, and about no other. The new mark.
fn covers(
    timing: Option<&Timetable>,
    mark: Timestamp,
    decision: &Decision,
) -> Result<Timestamp, String> {
    let due = timing.and_then(|timing| timing.due(mark, decision.last()));
    let due = due.ok_or_else(|| format!("G3: {decision:?} is about no fire after {mark}"))?;
    let count = match decision {
        Decision::Claim { .. } => 1,
        Decision::Skip { count, .. } => *count,
    };
    must!(
        due.count == count && due.first >= decision.first() && due.latest == decision.last(),
        "G3: after {mark}, {decision:?} should be about {due:?}"
    );
    Ok(decision.last())
}

fn nothing_between(timing: Option<&Timetable>, mark: Timestamp, until: Timestamp) -> Verdict {
    let due = timing.and_then(|timing| timing.due(mark, until));
    must!(due.is_none(), "G3: between {mark} and {until}, nothing is said of {due:?}");
    Ok(())
}

/// Judges that every fire that is due is decided, while schedules are live and nothing goes wrong.
pub fn caught_up(world: &World) -> Verdict {
    let now = world.now();
    for object in schedules(world) {
        let (schedule, status) = (checks::parsed(&object), checks::status(&object));
        must!(
            schedule.words == status.observed_schedule,
            "at {now}, {} still goes by {:?}",
            schedule.identity.name,
            status.observed_schedule
        );
        let Ok(timing) = &schedule.timing else {
            continue;
        };
        if object["spec"]["missedFires"] == "RunAll" {
            // What was missed waits for its turn.
            continue;
        }
        let marks = [status.last_fire_time, status.observed_since];
        let mark = marks.into_iter().flatten().fold(schedule.created, Timestamp::max);
        let late = timing.next(mark).filter(|fire| *fire < now - jiff::SignedDuration::from_secs(3));
        must!(late.is_none(), "at {now}, fire {late:?} is not decided: {status:?}");
    }
    Ok(())
}

/// Judges that all is at rest and was since `since`.
pub fn rest(world: &World, since: Timestamp) -> Verdict {
    for object in schedules(world) {
        let (schedule, status) = (checks::parsed(&object), checks::status(&object));
        let name = &schedule.identity.name;
        must!(status.active.is_none(), "{name} is never at rest: {:?}", status.active);
        must!(
            schedule.words == status.observed_schedule,
            "{name} still goes by {:?}",
            status.observed_schedule
        );
    }
    let uids: Vec<Value> = schedules(world).map(|object| object["metadata"]["uid"].clone()).collect();
    for (name, pod) in world.pods() {
        let owner = &pod["metadata"]["ownerReferences"][0]["uid"];
        must!(
            owner.is_null() || uids.contains(owner),
            "pod {name} is still there, but its schedule isn't"
        );
        let gates = pod["spec"]["schedulingGates"].as_array();
        let held = gates.is_some_and(|gates| gates.iter().any(|gate| gate["name"] == HOLD));
        // What lost its label no watch shows.
        let shown = pod["metadata"]["labels"][SCHEDULE_LABEL].is_string();
        must!(!held || !shown, "pod {name} is still held");
    }
    let written = world.written(since);
    must!(written.is_empty(), "who is idle writes: {written:?}");
    Ok(())
}

fn schedules(world: &World) -> impl Iterator<Item = Arc<Value>> {
    let inner = world.server.lock();
    let all = inner.store.objects.iter();
    let all: Vec<_> = all
        .filter(|(id, _)| id.resource == Resource::Schedules)
        .map(|(_, object)| object.clone())
        .collect();
    all.into_iter()
}
