//! What really happened to a place's pods, in the API server's own order, and whether that keeps the
//! promise: at most one start for each fire, never two runs at once, and every fire accounted for.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt,
    api::{ListParams, WatchEvent, WatchParams},
};
use punctual::{
    api::ScheduledContainerStatus,
    core::run::{FIRE_ANNOTATION, HOLD},
};
use serde_json::json;

use super::{GLANCE, place::Place, until_or};

/// As long as the client lets it be.
const WATCH_SECONDS: u32 = 290;

/// A watch over all pods of a place, from before the first.
pub struct History(Seen);

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Moment>>>);

/// One change of a run's pod.
#[derive(Clone, Debug)]
pub struct Moment {
    pub schedule: String,
    pub name: String,
    pub uid: String,
    pub fire: Timestamp,
    pub held: bool,
    /// Its phase is final, or it is gone.
    pub over: bool,
}

impl Seen {
    /// Takes in what there is, and what has gone meanwhile. The version from which to watch.
    async fn take_stock(&self, pods: &Api<Pod>) -> kube::Result<String> {
        let list = pods.list(&ListParams::default()).await?;
        let mut here: Vec<_> = list
            .items
            .iter()
            .filter_map(|it| moment(it, false))
            .collect();
        let mut seen = self.0.lock().expect("what was seen");
        let gone = gone(&seen, &here);
        seen.extend(gone);
        // What has ended made room for what has not.
        here.sort_by_key(|moment| !moment.over);
        seen.extend(here);
        Ok(list.metadata.resource_version.unwrap_or_default())
    }

    /// Takes in what happens from a version on, until the watch ends.
    async fn follow(&self, pods: &Api<Pod>, mut version: String) -> kube::Result<()> {
        let params = WatchParams::default().timeout(WATCH_SECONDS);
        loop {
            let mut events = pods.watch(&params, &version).await?.boxed();
            while let Some(event) = events.next().await {
                let (pod, deleted) = match event? {
                    WatchEvent::Added(pod) | WatchEvent::Modified(pod) => (pod, false),
                    WatchEvent::Deleted(pod) => (pod, true),
                    WatchEvent::Bookmark(bookmark) => {
                        version = bookmark.metadata.resource_version;
                        continue;
                    }
                    WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
                };
                version = pod.resource_version().unwrap_or(version);
                let mut seen = self.0.lock().expect("what was seen");
                seen.extend(moment(&pod, deleted));
            }
        }
    }
}

impl History {
    pub async fn watch(place: &Place) -> Self {
        let (pods, seen) = (place.pods(), Seen::default());
        let mut version = seen.take_stock(&pods).await.expect("pods");
        let into = seen.clone();
        tokio::spawn(async move {
            loop {
                // It breaks when the API server goes, and what comes after that is taken in whole.
                let _ = into.follow(&pods, version).await;
                version = loop {
                    match into.take_stock(&pods).await {
                        Ok(version) => break version,
                        Err(_) => tokio::time::sleep(GLANCE).await,
                    }
                };
            }
        });
        Self(seen)
    }

    /// All that was seen so far.
    pub fn moments(&self) -> Vec<Moment> {
        self.0.0.lock().expect("what was seen").clone()
    }

    /// The latest fire for which a pod has started.
    pub fn last_start(&self) -> Option<Timestamp> {
        let seen = self.0.0.lock().expect("what was seen");
        let started = seen.iter().filter(|moment| !moment.held);
        started.map(|moment| moment.fire).max()
    }

    /// The fires of a schedule for which a pod has started. Panics if the promise is broken.
    pub fn starts(&self, schedule: &str) -> BTreeSet<Timestamp> {
        let seen = self.0.0.lock().expect("what was seen");
        match starts(&seen, schedule) {
            Ok(starts) => starts,
            Err(broken) => {
                let all: Vec<_> = seen.iter().map(|it| format!("{it:?}")).collect();
                panic!("{broken}\n{}", all.join("\n"))
            }
        }
    }

    /// Suspends a schedule that fires every `period` seconds, waits until all is quiet, and sees
    /// whether every fire so far is a run or a skip. How many runs and skips there were.
    pub async fn settle(&self, place: &Place, schedule: &str, period: i64) -> (u64, u64) {
        let created = place.edit(schedule, json!({"suspend": true})).await;
        let created = created.metadata.creation_timestamp.expect("a time").0;
        place.until_ready(schedule, true, "Suspended").await;
        let idle = |status: &ScheduledContainerStatus| status.active.is_empty();
        let status = place.until_status(schedule, "no run is active", idle).await;
        let none_held = |pods: &[Pod]| !pods.iter().any(is_held);
        place
            .until_runs(schedule, "no held pod is left over", none_held)
            .await;
        // The watch may be a moment behind.
        let counts = status.counts;
        let seen = async || {
            (self.starts(schedule).len() as u64 >= counts.succeeded + counts.failed).then_some(())
        };
        until_or("the watch shows all runs", seen, || format!("{status:?}")).await;

        let starts = self.starts(schedule);
        let last = status.last_fire_time.expect("a fire");
        assert!(
            starts.iter().all(|fire| *fire <= last),
            "a run started for a fire after {last}: {starts:?}"
        );
        let runs = starts.len() as u64;
        assert_eq!(
            counts.succeeded + counts.failed,
            runs,
            "runs were recorded that did not start, or twice: {status:?} {starts:?}"
        );
        let fires = last.as_second().div_euclid(period) - created.as_second().div_euclid(period);
        assert_eq!(
            runs + counts.skipped,
            fires as u64,
            "from {created} to {last} there are {fires} fires: {status:?} {starts:?}"
        );
        for skip in &status.recent_skips {
            let both = starts.range(skip.fire_time..=skip.last_fire_time).next();
            assert_eq!(both, None, "it started and was skipped: {skip:?}");
        }
        let records: BTreeSet<_> = status.recent_runs.iter().map(|run| run.fire_time).collect();
        assert_eq!(
            records.len(),
            status.recent_runs.len(),
            "a run is recorded twice"
        );
        (runs, counts.skipped)
    }
}

pub fn is_held(pod: &Pod) -> bool {
    let gates = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.scheduling_gates.as_ref());
    gates.is_some_and(|gates| gates.iter().any(|gate| gate.name == HOLD))
}

fn moment(pod: &Pod, deleted: bool) -> Option<Moment> {
    let phase = pod.status.as_ref().and_then(|it| it.phase.as_deref());
    let owner = pod.owner_references().first()?;
    Some(Moment {
        schedule: owner.name.clone(),
        name: pod.name_any(),
        uid: pod.uid()?,
        fire: pod.annotations().get(FIRE_ANNOTATION)?.parse().ok()?,
        held: is_held(pod),
        over: deleted || matches!(phase, Some("Succeeded" | "Failed")),
    })
}

/// The ends of those that were seen, and that are not here any more. What is known to be over ends no
/// second time.
fn gone(seen: &[Moment], here: &[Moment]) -> Vec<Moment> {
    let last: BTreeMap<_, _> = seen.iter().map(|it| (it.uid.as_str(), it)).collect();
    let is_here = |uid: &str| here.iter().any(|other| other.uid == uid);
    let gone = last.into_values();
    gone.filter(|moment| !moment.over && !is_here(&moment.uid))
        .map(|moment| Moment {
            over: true,
            ..moment.clone()
        })
        .collect()
}

/// The fires for which a pod of a schedule has started, or how the promise was broken.
fn starts(moments: &[Moment], schedule: &str) -> Result<BTreeSet<Timestamp>, String> {
    let mut fires = BTreeSet::new();
    let mut going: HashMap<&str, bool> = HashMap::new();
    for moment in moments.iter().filter(|it| it.schedule == schedule) {
        let uid = moment.uid.as_str();
        if !moment.held && !going.contains_key(uid) {
            if let Some(other) = going.iter().find(|(_, goes)| **goes) {
                return Err(format!("{moment:?} started while {} ran", other.0));
            }
            if !fires.insert(moment.fire) {
                return Err(format!("a second start for one fire: {moment:?}"));
            }
            going.insert(uid, true);
        }
        if moment.over && going.contains_key(uid) {
            going.insert(uid, false);
        }
    }
    Ok(fires)
}

/// What a judge is worth that has never seen a crime.
pub async fn the_judge_sees_what_is_wrong() {
    let moment = |uid: &str, second, held, over| Moment {
        schedule: "s".into(),
        name: uid.into(),
        uid: uid.into(),
        fire: Timestamp::from_second(second).expect("a time"),
        held,
        over,
    };
    let good = [
        moment("a", 1, true, false),
        moment("b", 2, true, false),
        moment("a", 1, false, false),
        moment("a", 1, false, true),
        moment("b", 2, false, false),
    ];
    assert_eq!(starts(&good, "s").map(|fires| fires.len()), Ok(2));
    let mut two_at_once = good.to_vec();
    two_at_once.remove(3);
    assert!(starts(&two_at_once, "s").is_err());
    let mut twice = good.to_vec();
    twice[4].fire = twice[0].fire;
    assert!(starts(&twice, "s").is_err());
    // Stock is taken again and again.
    let mut seen = good.to_vec();
    seen.extend(gone(&seen, &[]));
    assert!(seen.len() == 6 && seen[5].uid == "b" && seen[5].over);
    assert_eq!(gone(&seen, &[]).len(), 0, "what has ended ends once");
    // A held pod that is deleted has never started.
    let swept = [moment("a", 1, true, false), moment("a", 1, true, true)];
    assert_eq!(starts(&swept, "s").map(|fires| fires.len()), Ok(0));
}
