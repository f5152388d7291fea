//! What the watches have shown so far, and what the answers to our own writes have shown since.
//!
//! A cache is a hint: it may be old. Nothing is safe because of what stands here; the resource
//! version and the uid that go along with every write are what makes it safe.

mod calendars;
mod census;
mod led;
mod status;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::Timestamp;
use serde_json::value::RawValue;

pub use calendars::Read;
pub use census::Census;

use super::{
    observe::{ObservedPod, ObservedSchedule, seen_pod},
    values,
};
use crate::{
    api::{ScheduledContainerSpec, ScheduledContainerStatus, TimingSpec},
    core::{
        almanac::Almanac,
        form,
        plan::Seen,
        run::{Presence, REQUEST_ANNOTATION, SeenPod, fire_by_hand},
        schedule::Schedule,
        schedule_ref::ScheduleRef,
        version::later,
    },
    queue::Tenant,
};

/// Namespace and name of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

impl Tenant for Key {
    fn tenant(&self) -> Arc<str> {
        self.namespace.clone()
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl From<&ScheduleRef> for Key {
    fn from(identity: &ScheduleRef) -> Self {
        Self {
            namespace: identity.namespace.as_str().into(),
            name: identity.name.as_str().into(),
        }
    }
}

/// A schedule as it stands in the cache.
#[derive(Clone)]
pub struct Entry {
    pub schedule: Arc<Schedule>,
    pub status: Arc<ScheduledContainerStatus>,
    /// What can't be read of the status, where nothing can be decided without it.
    pub unreadable: Option<String>,
    /// The version that the next write of its status must be based on.
    pub resource_version: String,
    pub deleting: bool,
    /// The fire of the latest run that somebody asked for by hand.
    pub requested: Option<Timestamp>,
}

/// The schedules, their pods and the calendars. Cheap to clone: all clones are one cache.
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    /// What every schedule here is read with.
    almanac: Arc<Almanac>,
    schedules: HashMap<Key, Entry>,
    /// By the schedule that owns them, in its whole identity: who names the uid alone, from another
    /// namespace or under another name, is a stranger.
    pods: HashMap<ScheduleRef, Vec<SeenPod>>,
    /// Whose each of them is, by its uid: a pod that we never had must not cost a look at all.
    owners: HashMap<String, ScheduleRef>,
}

impl Cache {
    /// An empty cache of schedules that are read with this almanac.
    pub fn new(almanac: Arc<Almanac>) -> Self {
        let inner = Inner {
            almanac,
            schedules: HashMap::new(),
            pods: HashMap::new(),
            owners: HashMap::new(),
        };
        Self {
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// A schedule and what is seen of it, as one snapshot.
    pub fn observe(&self, key: &Key) -> Option<(Entry, Seen)> {
        let inner = self.lock();
        let entry = inner.schedules.get(key)?.clone();
        let pods = inner.pods.get(&entry.schedule.identity);
        let seen = Seen {
            status: (*entry.status).clone(),
            deleting: entry.deleting,
            requested: entry.requested,
            pods: pods.cloned().unwrap_or_default(),
        };
        Some((entry, seen))
    }

    /// Takes in a schedule, unless a later version of it is known. Returns its key.
    pub fn put_schedule(&self, object: ObservedSchedule) -> Option<Key> {
        self.take_schedule(object, false)
    }

    /// Takes in a schedule as the API server itself has just shown it, whatever is known.
    pub fn replace_schedule(&self, object: ObservedSchedule) -> Option<Key> {
        self.take_schedule(object, true)
    }

    fn take_schedule(&self, object: ObservedSchedule, certain: bool) -> Option<Key> {
        let meta = object.metadata;
        let identity = ScheduleRef {
            namespace: meta.namespace?,
            name: meta.name?,
            uid: meta.uid?,
        };
        let resource_version = meta.resource_version.unwrap_or_default();
        let key = Key::from(&identity);
        let generation = meta.generation.unwrap_or(0);
        let annotations = meta.annotations.as_ref();
        let requested = annotations.and_then(|all| all.get(REQUEST_ANNOTATION));
        let requested = requested.and_then(|time| fire_by_hand(time.parse().ok()?));
        let mut inner = self.lock();
        let known = inner.schedules.get(&key);
        // Also a later schedule of this name stays: a late answer may be about its predecessor.
        if !certain && known.is_some_and(|known| later(&known.resource_version, &resource_version))
        {
            return Some(key);
        }
        let (status, unreadable) = match status::read(object.status.as_deref()) {
            Ok(status) => (status, None),
            Err(why) => (ScheduledContainerStatus::default(), Some(why)),
        };
        let observed = status.observed_schedule.as_deref();
        let known = known.filter(|entry| entry.schedule.identity == identity);
        let schedule = match known {
            Some(entry) if entry.schedule.generation == generation => {
                let mut schedule = entry.schedule.clone();
                if schedule.has_settled(observed) {
                    Arc::make_mut(&mut schedule).settle();
                }
                schedule
            }
            _ => {
                let created = meta
                    .creation_timestamp
                    .map(|time| time.0)
                    .unwrap_or_default();
                let spec = decoded(object.spec.as_deref());
                let almanac = &inner.almanac;
                let mut schedule = match spec {
                    Ok(spec) => Schedule::parse(identity, generation, created, &spec, almanac),
                    Err(why) => Schedule::unreadable(identity, generation, created, almanac, &why),
                };
                if let Some(entry) = known {
                    schedule.follow(&entry.schedule, observed);
                }
                Arc::new(schedule)
            }
        };
        let entry = Entry {
            schedule,
            status: Arc::new(status),
            unreadable,
            resource_version,
            deleting: meta.deletion_timestamp.is_some(),
            requested,
        };
        inner.schedules.insert(key.clone(), entry);
        Some(key)
    }

    /// Forgets the schedule with this uid; one that was made under its name since then stays. Its
    /// pods go when their own deletions are seen.
    pub fn remove_schedule(&self, key: &Key, uid: &str) {
        let mut inner = self.lock();
        let known = inner.schedules.get(key);
        if known.is_some_and(|known| known.schedule.identity.uid == uid) {
            inner.schedules.remove(key);
        }
    }

    /// Forgets every schedule that a complete list did not show. Returns those.
    pub fn keep_schedules(&self, listed: &HashSet<Key>) -> Vec<Key> {
        let mut inner = self.lock();
        let mut gone: Vec<Key> = inner
            .schedules
            .keys()
            .filter(|key| !listed.contains(*key))
            .cloned()
            .collect();
        // In the same order every time, so that what follows can be seen again.
        gone.sort_unstable();
        for key in &gone {
            inner.schedules.remove(key);
        }
        gone
    }

    /// Takes in a pod of a schedule, unless a later version of it is known. Returns what is seen of it.
    pub fn put_pod(&self, owner: &ScheduleRef, pod: ObservedPod) -> SeenPod {
        let pod = seen_pod(pod);
        let mut inner = self.lock();
        // Somebody may have given it to another schedule.
        if inner.owners.get(&pod.uid).is_some_and(|had| had != owner) {
            inner.forget_pod(&pod.uid);
        }
        inner.owners.insert(pod.uid.clone(), owner.clone());
        let pods = inner.pods.entry(owner.clone()).or_default();
        match pods.iter_mut().find(|known| known.uid == pod.uid) {
            Some(known) if known.presence == Presence::Gone => {}
            Some(known) if later(&known.resource_version, &pod.resource_version) => {}
            Some(known) => *known = pod.clone(),
            None => pods.push(pod.clone()),
        }
        pod
    }

    /// Remembers that the watch no longer shows a pod. Its last state stays until it is forgotten: at
    /// once if its schedule is not known, since no turn of that would ever forget it.
    pub fn lose_pod(&self, owner: &ScheduleRef, pod: ObservedPod) -> SeenPod {
        let pod = self.put_pod(owner, pod);
        let mut inner = self.lock();
        let schedule = inner.schedules.get(&Key::from(owner));
        if schedule.is_some_and(|entry| entry.schedule.identity == *owner) {
            inner.mark(owner, &pod.uid, lose);
        } else {
            inner.forget_pod(&pod.uid);
        }
        pod
    }

    /// Remembers that the watch shows a pod no longer as its schedule's: somebody took its owner away.
    /// Returns whose it was, if it was one of ours.
    pub fn lose_uid(&self, uid: &str) -> Option<Key> {
        let mut inner = self.lock();
        let owner = inner.owners.get(uid)?.clone();
        inner.mark(&owner, uid, lose);
        Some(Key::from(&owner))
    }

    /// Remembers that a pod does not exist: the API server said so.
    pub fn mark_gone(&self, owner: &ScheduleRef, uid: &str) {
        let gone = |pod: &mut SeenPod| pod.presence = Presence::Gone;
        self.lock().mark(owner, uid, gone);
    }

    /// Remembers that a pod's deletion was accepted.
    pub fn mark_deleting(&self, owner: &ScheduleRef, uid: &str) {
        self.lock().mark(owner, uid, |pod| pod.deleting = true);
    }

    /// Forgets the pods that no watch shows and that nobody waits for.
    pub fn forget_gone(&self, key: &Key) {
        let mut inner = self.lock();
        let Some(entry) = inner.schedules.get(key) else {
            return;
        };
        let owner = entry.schedule.identity.clone();
        let status = entry.status.clone();
        let is_active = |uid: &str| status.active.iter().any(|active| active.uid == uid);
        inner.keep_pods(&owner, |pod| {
            pod.presence == Presence::Here || is_active(&pod.uid)
        });
    }

    /// Forgets every pod that a complete list did not show. Returns whose they were.
    pub fn keep_pods(&self, listed: &HashSet<String>) -> Vec<Key> {
        let mut inner = self.lock();
        let owners: Vec<ScheduleRef> = inner.pods.keys().cloned().collect();
        let changed = owners
            .iter()
            .filter(|owner| inner.keep_pods(owner, |pod| listed.contains(&pod.uid)));
        let mut changed: Vec<Key> = changed.map(Key::from).collect();
        // In the same order every time, so that what follows can be seen again.
        changed.sort_unstable();
        changed
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while it was held left a cache that is old at worst.
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    fn mark(&mut self, owner: &ScheduleRef, uid: &str, change: impl FnOnce(&mut SeenPod)) {
        let mut pods = self.pods.get_mut(owner).into_iter().flatten();
        if let Some(pod) = pods.find(|pod| pod.uid == uid) {
            change(pod);
        }
    }

    fn forget_pod(&mut self, uid: &str) {
        if let Some(owner) = self.owners.get(uid).cloned() {
            self.keep_pods(&owner, |pod| pod.uid != uid);
        }
    }

    /// Forgets the other pods of a schedule. Says whether there were any.
    fn keep_pods(&mut self, owner: &ScheduleRef, needed: impl Fn(&SeenPod) -> bool) -> bool {
        let Some(pods) = self.pods.get_mut(owner) else {
            return false;
        };
        let before = pods.len();
        pods.retain(|pod| {
            let needed = needed(pod);
            if !needed {
                self.owners.remove(&pod.uid);
            }
            needed
        });
        let forgot = pods.len() != before;
        if pods.is_empty() {
            self.pods.remove(owner);
        }
        forgot
    }
}

fn lose(pod: &mut SeenPod) {
    if pod.presence == Presence::Here {
        pod.presence = Presence::Missing;
    }
}

/// What to do about a spec of too many values.
const TOO_MANY: &str = "make the pod template smaller, for instance with a ConfigMap that the pod mounts \
    or that envFrom names";

/// What a spec says, or why it can't be read.
fn decoded(spec: Option<&RawValue>) -> Result<ScheduledContainerSpec, String> {
    let spec: ScheduledContainerSpec = values::decoded(spec, TOO_MANY)?;
    let timing = serde_json::to_string(&TimingSpec::from(&spec));
    match timing.is_ok_and(|timing| timing.len() <= form::LONGEST) {
        true => Ok(spec),
        false => Err(
            "its schedules, excludes and calendars are longer than 128 KiB: shorten them".into(),
        ),
    }
}
