//! The objects, and the record of every change to them.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::server::Refusal;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    Schedules,
    Pods,
    Events,
}

impl Resource {
    pub fn named(name: &str) -> Self {
        match name {
            "scheduledcontainers" => Resource::Schedules,
            "pods" => Resource::Pods,
            "events" => Resource::Events,
            other => panic!("{other} is not known to the server in memory"),
        }
    }

    /// API version and kind.
    pub fn kind(self) -> (&'static str, &'static str) {
        match self {
            Resource::Schedules => ("punctual.dev/v1alpha1", "ScheduledContainer"),
            Resource::Pods => ("v1", "Pod"),
            Resource::Events => ("events.k8s.io/v1", "Event"),
        }
    }
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    pub resource: Resource,
    pub namespace: String,
    pub name: String,
}

/// One change of one object, as it was stored.
#[derive(Clone, Debug)]
pub struct Change {
    /// The resource version that the change made.
    pub version: u64,
    pub at: Timestamp,
    /// Who made it: a controller's name, "user" or "kubelet".
    pub by: String,
    pub id: Id,
    pub before: Option<Arc<Value>>,
    pub after: Option<Arc<Value>>,
    /// What is after it, as every watch shows it.
    text: OnceLock<String>,
}

impl Change {
    /// What is after it, written.
    pub fn text(&self) -> &str {
        let text = || self.after.as_ref().map(|after| after.to_string());
        self.text.get_or_init(|| text().unwrap_or_default())
    }
}

/// All objects, and all changes since the beginning.
#[derive(Default)]
pub struct Store {
    pub objects: BTreeMap<Id, Arc<Value>>,
    pub changes: Vec<Change>,
    pub version: u64,
    /// No watch may start from before this version.
    pub compacted: u64,
    uids: u64,
}

impl Store {
    pub fn get(&self, id: &Id) -> Result<&Value, Refusal> {
        let object = self.objects.get(id);
        object
            .map(|object| &**object)
            .ok_or_else(|| Refusal::not_found(id))
    }

    /// Stores a new object. Its name and namespace stand in `id`.
    pub fn create(
        &mut self,
        by: &str,
        at: Timestamp,
        id: Id,
        mut object: Value,
    ) -> Result<Value, Refusal> {
        if self.objects.contains_key(&id) {
            return Err(Refusal::already_exists(&id));
        }
        self.uids += 1;
        let (version, kind) = id.resource.kind();
        object["apiVersion"] = version.into();
        object["kind"] = kind.into();
        object["metadata"]["namespace"] = id.namespace.as_str().into();
        object["metadata"]["name"] = id.name.as_str().into();
        object["metadata"]["uid"] = format!("00000000-0000-4000-8000-{:012x}", self.uids).into();
        object["metadata"]["generation"] = 1.into();
        object["metadata"]["creationTimestamp"] = seconds(at);
        if id.resource == Resource::Pods {
            object["status"] = json!({"phase": "Pending"});
        }
        Ok(self.change(by, at, id, Some(object)))
    }

    /// Replaces an object. Like the API server, makes no new version of what did not change.
    pub fn update(
        &mut self,
        by: &str,
        at: Timestamp,
        id: &Id,
        mut object: Value,
    ) -> Result<Value, Refusal> {
        let before = self.get(id)?;
        if *before == object {
            return Ok(object);
        }
        if before["spec"] != object["spec"] {
            let generation = before["metadata"]["generation"].as_i64().unwrap_or(0);
            object["metadata"]["generation"] = (generation + 1).into();
        }
        Ok(self.change(by, at, id.clone(), Some(object)))
    }

    /// Removes an object at once.
    pub fn remove(&mut self, by: &str, at: Timestamp, id: &Id) {
        if self.objects.contains_key(id) {
            self.change(by, at, id.clone(), None);
        }
    }

    /// Forgets, as far as watches and old lists go, all that was before now: whoever wants to go on
    /// from an earlier version has to list anew. Even the latest version that anybody has seen is one.
    pub fn compact(&mut self) {
        self.version += 1;
        self.compacted = self.version;
    }

    /// The objects as they were so many versions ago, and their version.
    pub fn past(&self, versions: u64) -> (u64, BTreeMap<Id, Arc<Value>>) {
        let version = self.version.saturating_sub(versions).max(self.compacted);
        let mut objects = self.objects.clone();
        let later = self.changes.iter().rev();
        for change in later.take_while(|change| change.version > version) {
            match &change.before {
                Some(before) => objects.insert(change.id.clone(), before.clone()),
                None => objects.remove(&change.id),
            };
        }
        (version, objects)
    }

    fn change(&mut self, by: &str, at: Timestamp, id: Id, after: Option<Value>) -> Value {
        self.version += 1;
        let version = self.version;
        let stamped = after.map(|mut object| {
            object["metadata"]["resourceVersion"] = version.to_string().into();
            Arc::new(object)
        });
        let before = match &stamped {
            Some(object) => self.objects.insert(id.clone(), object.clone()),
            None => self.objects.remove(&id),
        };
        self.changes.push(Change {
            version,
            at,
            by: by.into(),
            id,
            before,
            after: stamped.clone(),
            text: OnceLock::new(),
        });
        stamped.map(|object| (*object).clone()).unwrap_or_default()
    }
}

/// A time as Kubernetes writes it.
pub fn seconds(at: Timestamp) -> Value {
    at.strftime("%FT%TZ").to_string().into()
}
