//! What is promised, judged by the server's own record of changes.
//!
//! A status says up to where fires are decided: its mark. Each write that moves the mark must decide
//! every fire that it passes, each exactly once, by the form of the schedule that it goes by.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use punctual::{
    api::{ActiveRun, ScheduledContainerStatus},
    core::{
        concurrency::Concurrency,
        reason::Reason,
        run::{HOLD, REQUEST_ANNOTATION, SCHEDULE_LABEL, fire_by_hand, is_by_hand},
        timetable::Timetable,
    },
};
use serde_json::Value;

use super::memory::{
    Resource, World,
    checks::{self, Decision, Life},
    schedule_id,
};

/// Where a request takes no longer each way, a turn has nothing left to do within few rounds.
const PROMPT: Duration = Duration::from_millis(50);

/// How many pods an attempt may get where nothing goes wrong.
const PODS: usize = 1;

/// How many turns give up where several controllers write one status, of which some see less.
const FEW: usize = 10;

/// And where everything does: each controller makes again, after waits that double, what others remove.
const MANY: usize = 40;

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

/// G1. How many pods were started.
fn runs(lives: &[Life]) -> Result<u64, String> {
    let mut starts: HashMap<_, &Life> = HashMap::new();
    for life in lives.iter().filter(|life| life.started.is_some()) {
        let attempt = (&life.schedule, life.fire, life.attempt);
        if let Some(other) = starts.insert(attempt, life) {
            return Err(format!(
                "G1: two starts for one attempt: {other:?} and {life:?}"
            ));
        }
    }
    Ok(starts.len() as u64)
}

/// Judges that what was done took little more than it had to: that every turn came to an end, of which
/// `restless` did not, and that no attempt got pod after pod; in a quiet world, that it got one.
pub fn effort(world: &World, quiet: bool, restless: usize) -> Verdict {
    // Where every answer takes long, there is always another fire to see to meanwhile.
    must!(
        restless <= if quiet { 0 } else { FEW } || world.options.delay > PROMPT,
        "{restless} turns came to no end"
    );
    let mut made: HashMap<_, usize> = HashMap::new();
    for life in world.lives() {
        *made
            .entry((life.schedule, life.fire, life.attempt))
            .or_default() += 1;
    }
    let most = made.into_iter().max_by_key(|(_, pods)| *pods);
    if let Some((attempt, pods)) = most {
        must!(
            pods <= if quiet { PODS } else { MANY },
            "{pods} pods were made for {attempt:?}"
        );
    }
    Ok(())
}

/// What is known of one schedule, as its changes go by.
#[derive(Default)]
struct Book {
    created: Timestamp,
    /// What it fired by under which words.
    forms: HashMap<String, Option<Timetable>>,
    /// The version at which each pod was claimed.
    claims: HashMap<String, u64>,
    /// How many runs may be active at once, and how many fires may wait.
    limits: (usize, usize),
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
            self.limits = match schedule.concurrency {
                Concurrency::Forbid | Concurrency::Replace => (1, 0),
                Concurrency::Queue { limit } => (1, limit),
                Concurrency::Allow { most } => (most, 0),
            };
            let words = schedule.words.expect("there are no calendars");
            self.forms.insert(words, schedule.timing.ok());
        }
        if before.is_none_or(|before| before["status"] == after["status"]) {
            return Ok(());
        }
        let before = before.map(checks::status).unwrap_or_default();
        let after = checks::status(after);
        self.decisions(&before, &after)?;
        self.ends(version, &before, &after, lives)?;
        for active in &after.active {
            self.claim(version, active, &before, &after, lives)?;
        }
        Ok(())
    }

    /// What is said to have ended has ended.
    fn ends(
        &self,
        version: u64,
        before: &ScheduledContainerStatus,
        after: &ScheduledContainerStatus,
        lives: &HashMap<&str, &Life>,
    ) -> Verdict {
        let mut finished = 0;
        for run in &before.active {
            let still = of_fire(after, run.fire_time);
            finished += u64::from(still.is_none());
            if still.is_some_and(|still| still.uid == run.uid && still.retry.is_none()) {
                continue;
            }
            let life = lives.get(run.uid.as_str());
            must!(
                life.is_some_and(|life| life.ended.is_some_and(|ended| ended <= version)),
                "{} was finished before it ended",
                run.name
            );
        }
        let runs =
            |status: &ScheduledContainerStatus| status.counts.succeeded + status.counts.failed;
        must!(
            runs(after) == runs(before) + finished,
            "{finished} runs ended, but the counts are {:?} after {:?}",
            after.counts,
            before.counts
        );
        Ok(())
    }

    /// G2, and that a claim is about the pod that it names.
    fn claim(
        &mut self,
        version: u64,
        run: &ActiveRun,
        before: &ScheduledContainerStatus,
        after: &ScheduledContainerStatus,
        lives: &HashMap<&str, &Life>,
    ) -> Verdict {
        let earlier = of_fire(before, run.fire_time);
        if earlier.is_some_and(|earlier| earlier.uid == run.uid) {
            return Ok(());
        }
        let life = lives.get(run.uid.as_str());
        must!(
            life.is_some_and(|life| life.fire == Some(run.fire_time) && life.attempt == run.attempt),
            "{run:?} was claimed, but its pod is {life:?}"
        );
        let attempts = earlier.map_or(0, |earlier| earlier.attempt);
        must!(
            run.attempt == attempts + 1 && earlier.is_none_or(|earlier| earlier.retry.is_some()),
            "{run:?} follows {earlier:?}"
        );
        let (most, _) = self.limits;
        let beside = self.claims.keys().filter(|uid| {
            let life = lives.get(uid.as_str());
            life.is_some_and(|life| life.ended.is_none_or(|ended| ended > version))
        });
        let beside = beside.count();
        must!(
            // One that waited for its next attempt has its place among the active already.
            (earlier.is_some() || after.active.len() <= most) && beside < most,
            "G2: {run:?} was claimed beside {beside} others, at most {most} may be active: {:?}",
            after.active
        );
        let twice = self.claims.insert(run.uid.clone(), version);
        must!(twice.is_none(), "{} was claimed twice", run.name);
        Ok(())
    }

    /// G3 for one write.
    fn decisions(
        &self,
        before: &ScheduledContainerStatus,
        after: &ScheduledContainerStatus,
    ) -> Verdict {
        let mut made = Vec::new();
        checks::decided(before, after, Timestamp::MIN, &mut made);
        let mut said: Vec<Said> = made.into_iter().map(Said::of).collect();
        let skipped: u64 = said
            .iter()
            .filter(|said| said.skips())
            .map(|said| said.count)
            .sum();
        must!(
            after.counts.skipped == before.counts.skipped + skipped,
            "{skipped} skips, but the counts are {:?} after {:?}",
            after.counts,
            before.counts
        );
        // A fire leaves the queue by a claim or by a skip, and by one only.
        for fire in without(before, after) {
            take(&mut said, fire, "left the queue")?;
        }
        for fire in without(after, before) {
            let (_, limit) = self.limits;
            must!(
                after.queued.len() <= limit,
                "G3: {fire} was queued beyond {limit}: {:?}",
                after.queued
            );
            said.push(Said {
                first: fire,
                last: fire,
                count: 1,
                what: "queued".into(),
            });
        }
        if before.last_request_time != after.last_request_time {
            let asked = after.last_request_time;
            must!(
                asked > before.last_request_time,
                "what was asked for by hand is forgotten: {before:?}"
            );
            take(&mut said, asked.unwrap_or_default(), "was asked for")?;
        }
        said.retain(|said| said.count > 0);
        said.sort_by_key(|said| said.last);
        let mut mark = self.mark(before);
        let mut timing = self.form(before)?;
        if before.observed_schedule != after.observed_schedule {
            if let Some(changed) = said.first().filter(|said| said.what == "ScheduleChanged") {
                mark = covers(timing, mark, changed)?;
                said.remove(0);
            }
            if before.observed_schedule.is_some() {
                let since = after.observed_since.unwrap_or_default();
                nothing_between(timing, mark, since)?;
                mark = mark.max(since);
            }
            timing = self.form(after)?;
        }
        for decision in &said {
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

/// The active run of a fire.
fn of_fire(status: &ScheduledContainerStatus, fire: Timestamp) -> Option<&ActiveRun> {
    status.active.iter().find(|run| run.fire_time == fire)
}

/// The fires that wait in the one status and not in the other.
fn without(one: &ScheduledContainerStatus, other: &ScheduledContainerStatus) -> Vec<Timestamp> {
    let queued = one
        .queued
        .iter()
        .filter(|fire| !other.queued.contains(fire));
    queued.map(|queued| queued.fire_time).collect()
}

/// Takes a fire from the one decision that is about it.
fn take(said: &mut [Said], fire: Timestamp, why: &str) -> Verdict {
    // A record of its own, or one that begins or ends with it, else one around it. What was added to
    // a record began at most a second before where it seems to.
    let second = jiff::SignedDuration::from_secs(1);
    let closeness = |said: &Said| match () {
        () if said.count == 0 => None,
        () if said.first == fire && said.last == fire => Some(0),
        () if said.first == fire || said.last == fire => Some(1),
        () if (said.first..=said.last).contains(&fire) => Some(2),
        () => (said.first - second..=said.last)
            .contains(&fire)
            .then_some(3),
    };
    let about = said.iter_mut().filter(|said| closeness(said).is_some());
    let Some(decision) = about.min_by_key(|said| closeness(said)) else {
        return Err(format!("G3: {fire} {why}, and nothing is said of it"));
    };
    decision.count -= 1;
    Ok(())
}

/// What a write says of neighbouring fires.
#[derive(Debug)]
struct Said {
    first: Timestamp,
    last: Timestamp,
    /// Of how many that were not decided before.
    count: u64,
    /// `claimed`, `queued`, or the reason of a skip.
    what: String,
}

impl Said {
    fn of(decision: Decision) -> Self {
        match decision {
            Decision::Claim { fire, .. } => Self {
                first: fire,
                last: fire,
                count: 1,
                what: "claimed".into(),
            },
            Decision::Skip {
                first,
                last,
                count,
                reason,
                ..
            } => Self {
                first,
                last,
                count,
                what: reason,
            },
        }
    }

    fn skips(&self) -> bool {
        !matches!(self.what.as_str(), "claimed" | "queued")
    }
}

/// That it is about all fires from the mark to its last, and about no other. The new mark.
fn covers(timing: Option<&Timetable>, mark: Timestamp, said: &Said) -> Result<Timestamp, String> {
    let due = timing.and_then(|timing| timing.due(mark, said.last));
    let due = due.ok_or_else(|| format!("G3: {said:?} is about no fire after {mark}"))?;
    must!(
        due.count == said.count
            && due.first >= said.first - jiff::SignedDuration::from_secs(1)
            // What is skipped for one reason stands in one record, also what was asked for by hand.
            && (due.latest == said.last || is_by_hand(said.last)),
        "G3: after {mark}, {said:?} should be about {due:?}"
    );
    Ok(due.latest)
}

fn nothing_between(timing: Option<&Timetable>, mark: Timestamp, until: Timestamp) -> Verdict {
    let due = timing.and_then(|timing| timing.due(mark, until));
    must!(
        due.is_none(),
        "G3: between {mark} and {until}, nothing is said of {due:?}"
    );
    Ok(())
}

/// Judges that every fire that is due is decided, while schedules are live and nothing goes wrong.
pub fn caught_up(world: &World) -> Verdict {
    let now = world.now();
    let late = now - jiff::SignedDuration::from_secs(8);
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
        // Where all that was missed runs, each waits for the end of the one before, and for nothing else.
        let waits = object["spec"]["missedFires"] == "RunAll"
            && (!status.active.is_empty() || changed_since(world, &schedule.identity.name, late));
        if waits {
            continue;
        }
        let marks = [status.last_fire_time, status.observed_since];
        let mark = marks
            .into_iter()
            .flatten()
            .fold(schedule.created, Timestamp::max);
        let late = timing.next(mark).filter(|fire| *fire < late);
        must!(
            late.is_none(),
            "at {now}, fire {late:?} is not decided: {status:?}"
        );
    }
    Ok(())
}

/// Whether a schedule was written since then.
fn changed_since(world: &World, name: &str, since: Timestamp) -> bool {
    let id = schedule_id(name);
    let mut changes = world.changes().into_iter().rev();
    changes.any(|change| change.id == id && change.at >= since)
}

/// Judges that all is at rest and was since `since`.
pub fn rest(world: &World, since: Timestamp) -> Verdict {
    for object in schedules(world) {
        let (schedule, status) = (checks::parsed(&object), checks::status(&object));
        let name = &schedule.identity.name;
        must!(
            status.active.is_empty() && status.queued.is_empty(),
            "{name} is never at rest: {:?} {:?}",
            status.active,
            status.queued
        );
        must!(
            schedule.words == status.observed_schedule,
            "{name} still goes by {:?}",
            status.observed_schedule
        );
    }
    for object in schedules(world) {
        let (schedule, status) = (checks::parsed(&object), checks::status(&object));
        let asked = object["metadata"]["annotations"][REQUEST_ANNOTATION].as_str();
        let asked = asked.and_then(|asked| fire_by_hand(asked.parse().ok()?));
        let asked = asked.filter(|asked| *asked > schedule.created && *asked <= world.now());
        // What has a mistake runs nothing by hand either.
        let runs = schedule
            .timing
            .is_err_and(|idle| idle.reason == Reason::Suspended);
        must!(
            !runs || asked <= status.last_request_time,
            "what was asked for by hand at {asked:?} is not decided: {status:?}"
        );
    }
    let uids: Vec<Value> = schedules(world)
        .map(|object| object["metadata"]["uid"].clone())
        .collect();
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
