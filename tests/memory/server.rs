//! The API server: answers calls from the store, by the rules that a run depends on.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use punctual::clock::Clock;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    call::{Call, Verb},
    patch,
    store::{Id, Resource, Store, seconds},
};

/// A refusal by the API server.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
        }
    }

    pub fn not_found(id: &Id) -> Self {
        Self::new(404, "NotFound", format!("\"{}\" not found", id.name))
    }

    pub fn already_exists(id: &Id) -> Self {
        Self::new(
            409,
            "AlreadyExists",
            format!("\"{}\" already exists", id.name),
        )
    }

    fn conflict(what: &str) -> Self {
        Self::new(409, "Conflict", format!("the {what} has changed"))
    }

    pub fn body(&self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "code": self.code, "reason": self.reason, "message": self.message,
        })
    }
}

/// May refuse a pod that is about to be created. The second argument says whether it is a trial.
pub type Admission = Box<dyn FnMut(&Value, bool) -> Option<Refusal> + Send>;

/// A write by a controller that was carried out or refused.
#[derive(Clone, Debug)]
pub struct Written {
    pub at: Timestamp,
    pub by: String,
    pub verb: Verb,
    pub resource: Resource,
    pub name: String,
    pub code: u16,
}

/// The API server. All clones are one.
#[derive(Clone)]
pub struct Server {
    pub clock: Clock,
    inner: Arc<Mutex<Inner>>,
    /// Rings when something has changed. Wakes who waits in the order in which they came.
    bell: Arc<Notify>,
    /// How often all watches were broken.
    broken: Arc<AtomicUsize>,
    /// How many writes nobody waits for are still to arrive.
    underway: Arc<AtomicUsize>,
}

/// What is the matter with the server as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    None,
    /// Nobody listens.
    Down,
    /// It answers 429 to everything.
    Overloaded,
}

pub struct Inner {
    pub outage: Outage,
    pub store: Store,
    pub admission: Admission,
    pub written: Vec<Written>,
}

impl Server {
    pub fn new(clock: Clock) -> Self {
        let inner = Inner {
            outage: Outage::None,
            store: Store::default(),
            admission: Box::new(|_, _| None),
            written: Vec::new(),
        };
        Self {
            clock,
            inner: Arc::new(Mutex::new(inner)),
            bell: Arc::default(),
            broken: Arc::default(),
            underway: Arc::default(),
        }
    }

    /// Looks at the state, or changes it as nobody else could.
    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no test goes on after a panic")
    }

    /// Breaks every watch, and from now on does this to every request.
    pub fn begin_outage(&self, outage: Outage) {
        self.lock().outage = outage;
        self.break_watches();
    }

    pub fn outage(&self) -> Outage {
        self.lock().outage
    }

    /// Rings when something has changed.
    pub fn bell(&self) -> Arc<Notify> {
        self.bell.clone()
    }

    /// Answers a call later. Nobody waits for the answer any more.
    pub fn answer_in(&self, pause: Duration, by: &str, call: Call) {
        let (server, by) = (self.clone(), by.to_owned());
        server.underway.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let _ = server.answer(&by, &call);
            server.underway.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// How many writes nobody waits for are still to arrive.
    pub fn underway(&self) -> usize {
        self.underway.load(Ordering::Relaxed)
    }

    /// Ends every watch, as a server that restarts does.
    pub fn break_watches(&self) {
        self.broken.fetch_add(1, Ordering::Relaxed);
        self.bell.notify_waiters();
    }

    /// How often all watches were broken.
    pub fn breaks(&self) -> usize {
        self.broken.load(Ordering::Relaxed)
    }

    /// Does something to the store on behalf of `by`, and tells the watches.
    pub fn with<T>(&self, act: impl FnOnce(&mut Store, Timestamp) -> T) -> T {
        let now = self.clock.now();
        let mut inner = self.lock();
        let result = act(&mut inner.store, now);
        drop(inner);
        self.bell.notify_waiters();
        result
    }

    /// Answers a call other than a watch.
    pub fn answer(&self, by: &str, call: &Call) -> Result<Value, Refusal> {
        let answer = self.decide(by, call);
        if call.writes() && call.resource != Resource::Events {
            let code = answer.as_ref().map_or_else(|refusal| refusal.code, |_| 200);
            let written = Written {
                at: self.clock.now(),
                by: by.into(),
                verb: call.verb,
                resource: call.resource,
                name: call.name.clone(),
                code,
            };
            self.lock().written.push(written);
        }
        answer
    }

    fn decide(&self, by: &str, call: &Call) -> Result<Value, Refusal> {
        let id = call.id();
        match call.verb {
            Verb::Get => self.lock().store.get(&id).cloned(),
            Verb::List => Ok(self.list(call, 0)),
            Verb::Create => self.create(by, call),
            Verb::Patch => self.with(|store, now| {
                let mut object = store.get(&id)?.clone();
                apply_patch(&mut object, call)?;
                store.update(by, now, &id, object)
            }),
            Verb::Delete => self.with(|store, now| delete(store, by, now, &id, &call.body)),
            Verb::Watch => unreachable!("watches are streams"),
        }
    }

    /// A list as of so many versions ago, unless the call wants the latest.
    pub fn list(&self, call: &Call, versions_ago: u64) -> Value {
        let inner = self.lock();
        let fresh = call.query.get("resourceVersion").map(String::as_str) != Some("0");
        let (latest, objects) = inner.store.past(if fresh { 0 } else { versions_ago });
        let selected = objects.iter();
        let items: Vec<&Value> = selected
            .filter(|(id, object)| selects(call, id, object))
            .map(|(_, object)| &**object)
            .collect();
        let (version, kind) = call.resource.kind();
        json!({
            "apiVersion": version, "kind": format!("{kind}List"),
            "metadata": {"resourceVersion": latest.to_string()}, "items": items,
        })
    }

    fn create(&self, by: &str, call: &Call) -> Result<Value, Refusal> {
        let mut id = call.id();
        id.name = call.body["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .into();
        if call.resource == Resource::Pods {
            let refusal = (self.lock().admission)(&call.body, call.dry_run());
            if let Some(refusal) = refusal {
                return Err(refusal);
            }
            if call.body["spec"]["nodeName"].is_string() {
                return Err(Refusal::new(
                    422,
                    "Invalid",
                    "spec.nodeName cannot be set with scheduling gates",
                ));
            }
        }
        if call.dry_run() {
            return match self.lock().store.get(&id) {
                Ok(_) => Err(Refusal::already_exists(&id)),
                Err(_) => Ok(call.body.clone()),
            };
        }
        self.with(|store, now| store.create(by, now, id, call.body.clone()))
    }
}

fn apply_patch(object: &mut Value, call: &Call) -> Result<(), Refusal> {
    let metadata = &call.body["metadata"];
    if let Some(version) = metadata["resourceVersion"].as_str()
        && object["metadata"]["resourceVersion"] != version
    {
        return Err(Refusal::conflict("resource version"));
    }
    if let Some(uid) = metadata["uid"].as_str()
        && object["metadata"]["uid"] != uid
    {
        return Err(Refusal::new(
            422,
            "Invalid",
            "metadata.uid: field is immutable",
        ));
    }
    let mut body = call.body.clone();
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("resourceVersion");
        metadata.remove("uid");
    }
    if call.status {
        if let Some(status) = body.get("status") {
            patch::merge(&mut object["status"], status);
        }
    } else if call.strategic {
        let before = gates(object);
        patch::strategic(object, &body);
        if gates(object).iter().any(|gate| !before.contains(gate)) {
            let message = "spec.schedulingGates: Forbidden: only deletion is allowed";
            return Err(Refusal::new(422, "Invalid", message));
        }
    } else {
        let status = object["status"].clone();
        patch::merge(object, &body);
        object["status"] = status;
    }
    Ok(())
}

/// Deletes an object, or a started pod in two steps: first it is told, then the kubelet lets it go.
pub fn delete(
    store: &mut Store,
    by: &str,
    now: Timestamp,
    id: &Id,
    options: &Value,
) -> Result<Value, Refusal> {
    let mut object = store.get(id)?.clone();
    for condition in ["uid", "resourceVersion"] {
        if let Some(wanted) = options["preconditions"][condition].as_str()
            && object["metadata"][condition] != wanted
        {
            return Err(Refusal::conflict(condition));
        }
    }
    let runs = object["status"]["startTime"].is_string() && !ended(&object);
    let kept = object["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|kept| !kept.is_empty());
    if object["metadata"]["deletionTimestamp"].is_null() {
        object["metadata"]["deletionTimestamp"] = seconds(now);
    }
    if !runs && !kept {
        store.remove(by, now, id);
        return Ok(object);
    }
    store.update(by, now, id, object)
}

/// Whether a pod's phase can no longer change.
pub fn ended(pod: &Value) -> bool {
    matches!(
        pod["status"]["phase"].as_str(),
        Some("Succeeded" | "Failed")
    )
}

/// Whether a pod has a gate.
pub fn gated(pod: &Value) -> bool {
    !gates(pod).is_empty()
}

fn gates(pod: &Value) -> Vec<Value> {
    let gates = pod["spec"]["schedulingGates"].as_array();
    gates.cloned().unwrap_or_default()
}

/// Whether a list or a watch shows this object.
pub fn selects(call: &Call, id: &Id, object: &Value) -> bool {
    let label = call.query.get("labelSelector");
    id.resource == call.resource
        && (call.namespace.is_empty() || call.namespace == id.namespace)
        && label.is_none_or(|label| object["metadata"]["labels"][label].is_string())
}
