//! What is promised, checked on the record of changes.
//!
//! G1: at most one pod start for an attempt at a fire. G2: never two runs of a schedule at once. G3: every fire
//! that fell due ends as exactly one decision, a run or a skip.

use std::collections::{BTreeMap, HashSet};

use jiff::{Timestamp, tz::TimeZone};
use punctual::{
    api::{ScheduledContainer, ScheduledContainerStatus, SkipRecord},
    core::{schedule::Schedule, schedule_ref::ScheduleRef},
};
use serde_json::Value;

use super::{
    server::{ended, gated},
    store::{Change, Resource},
    world::World,
};

/// The life of a pod, by the versions at which it turned.
#[derive(Clone, Debug, Default)]
pub struct Life {
    pub name: String,
    pub uid: String,
    /// The uid of its schedule.
    pub schedule: String,
    pub fire: Option<Timestamp>,
    /// Which attempt at the fire it is.
    pub attempt: String,
    pub started: Option<u64>,
    pub started_at: Option<Timestamp>,
    pub started_by: String,
    /// When its phase became final, or it was removed.
    pub ended: Option<u64>,
    pub removed: bool,
}

/// A skip or a claim, as the history of a status shows it.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    Claim {
        fire: Timestamp,
        uid: String,
        at: Timestamp,
        /// It had waited in the queue.
        queued: bool,
    },
    Skip {
        first: Timestamp,
        last: Timestamp,
        count: u64,
        reason: String,
        /// It had waited in the queue.
        queued: bool,
    },
}

impl World {
    pub fn changes(&self) -> Vec<Change> {
        self.server.lock().store.changes.clone()
    }

    /// The lives of all pods of schedules, in the order of their creation.
    pub fn lives(&self) -> Vec<Life> {
        let mut lives: Vec<Life> = Vec::new();
        for change in self.changes() {
            let Some(object) = change.after.as_ref().or(change.before.as_ref()) else {
                continue;
            };
            if change.id.resource != Resource::Pods {
                continue;
            }
            let uid = text(&object["metadata"]["uid"]);
            let Some(owner) = object["metadata"]["ownerReferences"][0]["uid"].as_str() else {
                continue;
            };
            if change.before.is_none() {
                let annotations = &object["metadata"]["annotations"];
                let fire = annotations["punctual.dev/fire-time"].as_str();
                lives.push(Life {
                    name: change.id.name.clone(),
                    uid: uid.clone(),
                    schedule: owner.into(),
                    fire: fire.and_then(|fire| fire.parse().ok()),
                    attempt: text(&annotations["punctual.dev/attempt"]),
                    ..Life::default()
                });
            }
            let life = lives.iter_mut().find(|life| life.uid == uid);
            let life = life.expect("a pod is created before it changes");
            match &change.after {
                Some(pod) => {
                    if !gated(pod) && life.started.is_none() {
                        life.started = Some(change.version);
                        life.started_at = Some(change.at);
                        life.started_by = change.by.clone();
                    }
                    if ended(pod) && life.ended.is_none() {
                        life.ended = Some(change.version);
                    }
                }
                None => {
                    life.removed = true;
                    life.ended.get_or_insert(change.version);
                }
            }
        }
        lives
    }

    /// The decisions about a schedule, in order.
    pub fn decisions(&self, uid: &str) -> Vec<Decision> {
        let mut decisions = Vec::new();
        for change in self.changes() {
            let Some(after) = change.after.as_ref() else {
                continue;
            };
            if change.id.resource != Resource::Schedules || after["metadata"]["uid"] != uid {
                continue;
            }
            let before = change.before.as_ref().map(status).unwrap_or_default();
            decided(&before, &status(after), change.at, &mut decisions);
        }
        decisions
    }

    /// Checks G1 and G2, and that every start was claimed before.
    #[track_caller]
    pub fn check_runs(&self) {
        let lives = self.lives();
        let started: Vec<&Life> = lives.iter().filter(|life| life.started.is_some()).collect();
        let mut fires = HashSet::new();
        for life in &started {
            assert!(
                fires.insert((life.schedule.clone(), life.fire, life.attempt.clone())),
                "G1: two pods were started for the attempt of {life:?}"
            );
        }
        let most = self.most_active();
        for life in &started {
            let beside = started.iter().filter(|other| {
                other.schedule == life.schedule
                    && other.started <= life.started
                    && life.started < other.ended.or(Some(u64::MAX))
            });
            let beside: Vec<_> = beside.collect();
            let most = most.get(&life.schedule).copied().unwrap_or(1);
            assert!(
                beside.len() as u64 <= most,
                "G2: {} runs at once where {most} may be: {beside:?}",
                beside.len()
            );
        }
    }

    /// The fires that wait in the queue of a schedule.
    fn queued(&self, uid: &str) -> Vec<Timestamp> {
        let inner = self.server.lock();
        let mut objects = inner.store.objects.values();
        let object = objects.find(|object| object["metadata"]["uid"] == uid);
        let queued = object.map(status).unwrap_or_default().queued;
        queued.iter().map(|queued| queued.fire_time).collect()
    }

    /// How many runs each schedule may have at once, by the most generous of its specs.
    fn most_active(&self) -> BTreeMap<String, u64> {
        let mut most = BTreeMap::new();
        for change in self.changes() {
            let Some(object) = change.after else { continue };
            if change.id.resource == Resource::Schedules {
                let spec = &object["spec"];
                let allowed = match spec["concurrencyPolicy"].as_str() {
                    Some("Allow") => spec["maxActive"].as_u64().unwrap_or(10),
                    _ => 1,
                };
                let known = most.entry(text(&object["metadata"]["uid"])).or_insert(1);
                *known = allowed.max(*known);
            }
        }
        most
    }

    /// Checks G3 for all fires until `until`.
    #[track_caller]
    pub fn check_decisions(&self, until: Timestamp) {
        let lives = self.lives();
        for (uid, fires) in self.fires(until) {
            let decisions = self.decisions(&uid);
            let waiting = self.queued(&uid);
            for fire in fires.iter().filter(|fire| !waiting.contains(fire)) {
                let about: Vec<&Decision> = decisions.iter().filter(|one| one.is(*fire)).collect();
                assert!(
                    about.len() == 1,
                    "G3: fire {fire} has {} decisions: {about:?}\nof {decisions:?}",
                    about.len()
                );
            }
            // What was queued was decided in its turn, and then again.
            // What was asked for by hand has no turn.
            let by_hand = |one: &&Decision| punctual::core::run::is_by_hand(one.first());
            let at_once = decisions.iter().filter(|one| !one.was_queued());
            let at_once: Vec<_> = at_once.filter(|one| !by_hand(one)).collect();
            for pair in at_once.windows(2) {
                assert!(
                    pair[0].last() < pair[1].first(),
                    "G3: decided out of order: {pair:?}"
                );
            }
            for decision in decisions.iter().filter(|one| !by_hand(one)) {
                match decision {
                    Decision::Claim {
                        fire, uid: claimed, ..
                    } => {
                        assert!(
                            *fire > until || fires.contains(fire),
                            "G3: {fire} is no fire, but was claimed"
                        );
                        let life = lives.iter().find(|life| life.uid == *claimed);
                        let life = life.expect("a claimed pod was created");
                        assert!(
                            life.started.is_some() || life.removed,
                            "G3: {fire} was claimed, but its pod neither started nor was deleted"
                        );
                    }
                    Decision::Skip {
                        first,
                        last,
                        count,
                        reason,
                        queued: _,
                    } => {
                        let covered = fires.iter().filter(|fire| (first..=last).contains(fire));
                        assert!(
                            reason == "ScheduleChanged"
                                || *last > until
                                || covered.count() as u64 == *count,
                            "G3: {decision:?} counts wrongly"
                        );
                    }
                }
            }
        }
    }

    /// Checks that all is at rest: nothing active, nothing held, and every claimed run on record.
    #[track_caller]
    pub fn check_rest(&self, name: &str) {
        let status = self.status(name);
        assert_eq!(status.active, [], "nothing is active at the end");
        assert_eq!(status.queued, [], "nothing waits at the end");
        assert_eq!(
            self.held(),
            Vec::<String>::new(),
            "nothing is held at the end"
        );
        let decisions = self.decisions(&text(&self.object(name)["metadata"]["uid"]));
        let (mut claims, mut skips) = (0, 0);
        for decision in decisions {
            match decision {
                Decision::Claim { .. } => claims += 1,
                Decision::Skip { count, .. } => skips += count,
            }
        }
        let counts = status.counts;
        assert_eq!(
            (counts.succeeded + counts.failed, counts.skipped),
            (claims, skips),
            "every claimed run and every skip is counted once"
        );
    }

    /// The fires that fell due until `until` by the specs in force, for each schedule uid.
    fn fires(&self, until: Timestamp) -> BTreeMap<String, Vec<Timestamp>> {
        let mut specs: BTreeMap<String, Vec<(Timestamp, Option<Schedule>)>> = BTreeMap::new();
        for change in self.changes() {
            if change.id.resource != Resource::Schedules {
                continue;
            }
            let object = change.after.as_ref().or(change.before.as_ref());
            let uid = text(&object.expect("one of both")["metadata"]["uid"]);
            let history = specs.entry(uid).or_default();
            let spec =
                |object: &Option<Value>| object.as_ref().map(|object| object["spec"].clone());
            if spec(&change.before) != spec(&change.after) {
                history.push((change.at, change.after.as_ref().map(parsed)));
            }
        }
        let mut fires = BTreeMap::new();
        for (uid, history) in specs {
            let mut all = Vec::new();
            for (index, (since, schedule)) in history.iter().enumerate() {
                let end = history.get(index + 1).map_or(until, |(end, _)| *end);
                let Some(Ok(timing)) = schedule.as_ref().map(|schedule| &schedule.timing) else {
                    continue;
                };
                let mut fire = timing.next(*since);
                while let Some(due) = fire.filter(|due| *due <= end.min(until)) {
                    all.push(due);
                    fire = timing.next(due);
                }
            }
            fires.insert(uid, all);
        }
        fires
    }
}

impl Decision {
    /// The earliest fire that it is about.
    fn first(&self) -> Timestamp {
        match self {
            Decision::Claim { fire, .. } => *fire,
            Decision::Skip { first, .. } => *first,
        }
    }

    /// The latest fire that it is about.
    fn last(&self) -> Timestamp {
        match self {
            Decision::Claim { fire, .. } => *fire,
            Decision::Skip { last, .. } => *last,
        }
    }

    /// Whether it is about a fire that has waited in the queue.
    fn was_queued(&self) -> bool {
        match self {
            Decision::Claim { queued, .. } | Decision::Skip { queued, .. } => *queued,
        }
    }

    /// Whether it is about this fire.
    fn is(&self, instant: Timestamp) -> bool {
        match self {
            Decision::Claim { fire, .. } => *fire == instant,
            Decision::Skip { first, last, .. } => (*first..=*last).contains(&instant),
        }
    }
}

/// What one change of a status has decided.
fn decided(
    before: &ScheduledContainerStatus,
    after: &ScheduledContainerStatus,
    at: Timestamp,
    decisions: &mut Vec<Decision>,
) {
    let waited = |fire| before.queued.iter().any(|queued| queued.fire_time == fire);
    let known = |skip: &SkipRecord| {
        let mut known = before.recent_skips.iter();
        known
            .find(|known| known.fire_time == skip.fire_time)
            .cloned()
    };
    for skip in after.recent_skips.iter().rev() {
        let (first, count) = match known(skip) {
            Some(known) if known.count == skip.count => continue,
            // Only what is later than the last one was added to it.
            Some(known) => (
                known.last_fire_time + jiff::SignedDuration::from_secs(1),
                skip.count - known.count,
            ),
            None => (skip.fire_time, skip.count),
        };
        decisions.push(Decision::Skip {
            first,
            last: skip.last_fire_time,
            count,
            reason: skip.reason.clone(),
            queued: waited(first),
        });
    }
    // A further attempt is no new decision about its fire.
    let claims = after.active.iter().filter(|active| {
        let known = &before.active;
        active.attempt == 1 && known.iter().all(|known| known.uid != active.uid)
    });
    for claim in claims {
        decisions.push(Decision::Claim {
            fire: claim.fire_time,
            uid: claim.uid.clone(),
            at,
            queued: waited(claim.fire_time),
        });
    }
}

fn status(object: &Value) -> ScheduledContainerStatus {
    let object: ScheduledContainer = serde_json::from_value(object.clone()).expect("a schedule");
    object.status.unwrap_or_default()
}

fn parsed(object: &Value) -> Schedule {
    let object: ScheduledContainer = serde_json::from_value(object.clone()).expect("a schedule");
    let meta = object.metadata;
    let identity = ScheduleRef {
        namespace: meta.namespace.unwrap_or_default(),
        name: meta.name.unwrap_or_default(),
        uid: meta.uid.unwrap_or_default(),
    };
    let created = meta.creation_timestamp.expect("the store sets it").0;
    Schedule::parse(
        identity,
        1,
        created,
        &object.spec,
        &std::sync::Arc::new(punctual::core::almanac::Almanac::new(TimeZone::UTC)),
    )
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
