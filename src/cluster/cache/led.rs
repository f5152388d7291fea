//! The part of the cache that one replica looks after.

use super::{Cache, Key};
use crate::core::{run::SeenPod, schedule_ref::ScheduleRef};

impl Cache {
    /// The schedules whose uid is one of these.
    pub fn keys(&self, is_one: impl Fn(&str) -> bool) -> Vec<Key> {
        let inner = self.lock();
        let schedules = inner.schedules.iter();
        schedules
            .filter(|(_, entry)| is_one(&entry.schedule.identity.uid))
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// The pods of schedules whose uid is one of these.
    pub fn pods(&self, is_one: impl Fn(&str) -> bool) -> Vec<(ScheduleRef, SeenPod)> {
        let inner = self.lock();
        let owned = inner.pods.iter().filter(|(uid, _)| is_one(uid));
        let pods = owned.flat_map(|(uid, owned)| {
            let schedule = ScheduleRef {
                namespace: owned.schedule.namespace.to_string(),
                name: owned.schedule.name.to_string(),
                uid: uid.clone(),
            };
            let pods = owned.pods.iter().cloned();
            pods.map(move |pod| (schedule.clone(), pod))
        });
        pods.collect()
    }
}
