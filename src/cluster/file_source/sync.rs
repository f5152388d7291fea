//! What a schedule file says → ScheduledContainers in the cluster: applied when they are in the
//! file, retired when they are not. Touches only what carries the label of its source.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use kube::api::{
    Api, ApiResource, DeleteParams, ListParams, Patch, PatchParams, Preconditions,
    ValidationDirective,
};
use kube::core::{Object, ObjectMeta};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::problem::Problem;
use super::read::{FileEntry, Reading};
use crate::api::ScheduledContainer;

/// The label with the name of the source, on every ScheduledContainer that comes from a file.
pub const SOURCE_LABEL: &str = "punctual.dev/source";

/// The annotation with the file and line that it comes from.
pub const SOURCE_LINE_ANNOTATION: &str = "punctual.dev/source-line";

/// Owns what the file says.
const MANAGER: &str = "punctual-schedule-file";

/// Owns the suspension of what the file no longer says, while its last run ends. A manager of its
/// own, so that taking the suspension back gives the field back to whoever had it.
const RETIRER: &str = "punctual-schedule-file-retire";

/// The client has no read timeout of its own.
const PATIENCE: Duration = Duration::from_secs(15);

/// How many calls are under way at once.
const AT_ONCE: usize = 8;

const PAGE: u32 = 500;

/// Namespace and name.
type Key = (String, String);

/// Why a call to the API failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the API server did not answer within {} s", PATIENCE.as_secs())]
    TimedOut,
    #[error("{0}")]
    Refused(Box<kube::core::Status>),
    #[error(transparent)]
    Other(kube::Error),
}

/// What came of one round.
#[derive(Debug, Default)]
pub struct Round {
    /// What the user has to change.
    pub problems: Vec<Problem>,
    /// Whether something failed, so that the round must be repeated.
    pub failed: bool,
}

/// Keeps the cluster at what a file says.
pub struct Sync {
    client: kube::Client,
    resource: ApiResource,
    source: String,
    only_namespace: Option<String>,
    /// What this process has applied, so that it isn't applied again.
    applied: HashMap<Key, Arc<FileEntry>>,
    /// What is to be deleted when its run has ended.
    leaving: BTreeMap<Key, Seen>,
}

/// What is seen of a ScheduledContainer: the little that is needed here.
type Small = Object<SmallSpec, SmallStatus>;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct SmallSpec {
    suspend: Option<bool>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct SmallStatus {
    active: Option<Value>,
}

#[derive(Clone, Debug)]
struct Seen {
    uid: String,
    resource_version: String,
    ours: bool,
    active: bool,
    suspended: bool,
    retiring: bool,
}

enum Applied {
    Done,
    Foreign(Option<String>),
}

impl Sync {
    /// Keeps what is labelled with `source`, in all namespaces or in one only.
    pub fn new(client: kube::Client, source: String, only_namespace: Option<String>) -> Self {
        Self {
            client,
            resource: ApiResource::erase::<ScheduledContainer>(&()),
            source,
            only_namespace,
            applied: HashMap::new(),
            leaving: BTreeMap::new(),
        }
    }

    /// Whether something waits for its run to end.
    pub fn is_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Applies every entry that isn't applied yet, and retires what is no longer in the file.
    ///
    /// # Errors
    ///
    /// Only if the cluster's state can't be had at all; what fails for one entry fails for it alone.
    pub async fn round(&mut self, reading: &Reading) -> Result<Round, CallError> {
        let seen = self.list().await?;
        let mut round = Round::default();
        let mut wanted = HashSet::new();
        let mut to_apply = Vec::new();
        for entry in &reading.entries {
            let key = (entry.namespace.clone(), entry.name.clone());
            let found = seen.get(&key);
            let done = found.is_some_and(|found| !found.retiring)
                && self.applied.get(&key).is_some_and(|known| known == entry);
            if let Some(only) = self.only_namespace.as_ref().filter(|only| **only != key.0) {
                let message = format!(
                    "namespace: \"{}\" isn't looked after here, only \"{only}\" is",
                    key.0
                );
                round.problems.push(problem(entry, &message));
            } else if !done {
                to_apply.push((key.clone(), entry, found));
            }
            wanted.insert(key);
        }
        let this = &*self;
        // The futures are made before the stream: a closure in it could not be sent to a runtime.
        let applies = to_apply.into_iter().map(|(key, entry, found)| async move {
            let result = this.apply(entry, found.cloned()).await;
            (key, entry, result)
        });
        let results: Vec<_> = stream::iter(applies.collect::<Vec<_>>())
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (key, entry, result) in results {
            self.record(&mut round, key, entry, result);
        }
        self.applied.retain(|key, _| wanted.contains(key));
        self.leaving = seen
            .into_iter()
            .filter(|(key, _)| !wanted.contains(key) && !reading.kept.contains(&key.1))
            .collect();
        round.failed |= self.retire().await;
        round.problems.sort_by_key(|problem| problem.line);
        Ok(round)
    }

    /// Looks again at what waits for its run to end. True if something failed.
    pub async fn retire_ended(&mut self) -> bool {
        let this = &*self;
        let looks: Vec<_> = stream::iter(this.leaving.keys().cloned().collect::<Vec<_>>())
            .map(|key| async move {
                let result = this.get(&key).await;
                (key, result)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut failed = false;
        for (key, result) in looks {
            match result {
                Ok(Some(found)) if found.ours => {
                    self.leaving.insert(key, found);
                }
                Ok(_) => {
                    self.leaving.remove(&key);
                }
                Err(error) => {
                    failed = true;
                    tracing::warn!(namespace = key.0, schedule = key.1, %error, "can't look at a schedule that is retired; trying again");
                }
            }
        }
        self.retire().await | failed
    }

    fn record(
        &mut self,
        round: &mut Round,
        key: Key,
        entry: &Arc<FileEntry>,
        result: Result<Applied, CallError>,
    ) {
        match result {
            Ok(Applied::Done) => {
                tracing::info!(
                    namespace = key.0,
                    schedule = key.1,
                    line = entry.place.line,
                    "applied from the schedule file"
                );
                self.applied.insert(key, Arc::clone(entry));
            }
            Ok(Applied::Foreign(other)) => {
                round.failed = true;
                round
                    .problems
                    .push(problem(entry, &self.foreign(&key, other)));
            }
            Err(CallError::Refused(status)) if is_final(status.code) => {
                round.failed = true;
                let message = format!("Kubernetes refused it: {}", status.message);
                round.problems.push(problem(entry, &message));
            }
            Err(error) => {
                round.failed = true;
                tracing::warn!(namespace = key.0, schedule = key.1, %error, "can't apply an entry; trying again");
            }
        }
    }

    fn foreign(&self, (namespace, name): &Key, other: Option<String>) -> String {
        let source = &self.source;
        let whose = match other {
            Some(other) => format!("comes from the source \"{other}\""),
            None => "doesn't come from a schedule file".to_owned(),
        };
        format!(
            "the ScheduledContainer of this name in {namespace} {whose}, so it is left alone: rename the entry, delete that one (kubectl delete schc -n {namespace} {name}), or hand it over (kubectl label schc -n {namespace} {name} --overwrite {SOURCE_LABEL}={source})"
        )
    }

    /// One step for each that is leaving. True if something failed.
    async fn retire(&mut self) -> bool {
        let this = &*self;
        let results: Vec<_> = stream::iter(this.leaving.clone())
            .map(|(key, found)| async move {
                let result = this.retire_one(&key, &found).await;
                (key, result)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut failed = false;
        for (key, result) in results {
            match result {
                Ok(true) => {
                    tracing::info!(
                        namespace = key.0,
                        schedule = key.1,
                        "retired: it is no longer in the schedule file"
                    );
                    self.leaving.remove(&key);
                }
                Ok(false) => {}
                Err(error) => {
                    failed = true;
                    tracing::warn!(namespace = key.0, schedule = key.1, %error, "can't retire a schedule; trying again");
                }
            }
        }
        failed
    }

    /// True when it is gone.
    async fn retire_one(&self, (namespace, name): &Key, found: &Seen) -> Result<bool, CallError> {
        let api = self.api(namespace);
        if found.active {
            if !found.suspended {
                let body = self.body(namespace, name, &found.uid, json!({"suspend": true}));
                return match apply(&api, name, RETIRER, true, body).await {
                    Ok(()) => Ok(false),
                    Err(CallError::Refused(status)) if status.code == 404 => Ok(true),
                    Err(error) => Err(error),
                };
            }
            return Ok(false);
        }
        // A run that is claimed after this was read changes the version, and the delete is refused.
        let exactly_this = Preconditions {
            uid: Some(found.uid.clone()),
            resource_version: Some(found.resource_version.clone()),
        };
        let params = DeleteParams::background().preconditions(exactly_this);
        match call(api.delete(name, &params)).await {
            Ok(_) => Ok(true),
            Err(CallError::Refused(status)) if status.code == 404 => Ok(true),
            Err(CallError::Refused(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn apply(
        &self,
        entry: &FileEntry,
        mut found: Option<Seen>,
    ) -> Result<Applied, CallError> {
        let FileEntry {
            name, namespace, ..
        } = entry;
        let api = self.api(namespace);
        if found.is_none()
            && let Some(object) = call(api.get_opt(name)).await?
        {
            let seen = self.seen(&object.metadata, &object);
            if !seen.ours {
                let labels = object.metadata.labels.unwrap_or_default();
                return Ok(Applied::Foreign(labels.get(SOURCE_LABEL).cloned()));
            }
            found = Some(seen);
        }
        let mut document = self.body(
            namespace,
            name,
            found.as_ref().map_or("", |found| &found.uid),
            entry.spec.clone(),
        );
        let line = format!("{}:{}", entry.file, entry.place.line);
        document["metadata"]["labels"] = json!({SOURCE_LABEL: self.source});
        document["metadata"]["annotations"] = json!({SOURCE_LINE_ANNOTATION: line});
        // What isn't there yet is not forced: one that somebody creates in this very moment is
        // then a conflict and stays theirs.
        match apply(&api, name, MANAGER, found.is_some(), document).await {
            Err(CallError::Refused(status)) if status.code == 409 && found.is_none() => {
                return Ok(Applied::Foreign(None));
            }
            other => other?,
        }
        // After the entry is applied, so that what it said before never runs once more.
        if let Some(found) = found.filter(|found| found.retiring) {
            let nothing = self.body(namespace, name, &found.uid, Value::Null);
            apply(&api, name, RETIRER, true, nothing).await?;
        }
        Ok(Applied::Done)
    }

    /// With a uid, it is refused for any other object of that name, and when there is none.
    fn body(&self, namespace: &str, name: &str, uid: &str, spec: Value) -> Value {
        let mut body = json!({
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
            "metadata": {"namespace": namespace, "name": name},
        });
        if !uid.is_empty() {
            body["metadata"]["uid"] = json!(uid);
        }
        if !spec.is_null() {
            body["spec"] = spec;
        }
        body
    }

    fn api(&self, namespace: &str) -> Api<Small> {
        Api::namespaced_with(self.client.clone(), namespace, &self.resource)
    }

    async fn get(&self, (namespace, name): &Key) -> Result<Option<Seen>, CallError> {
        let object = call(self.api(namespace).get_opt(name)).await?;
        Ok(object.map(|object| self.seen(&object.metadata, &object)))
    }

    async fn list(&self) -> Result<BTreeMap<Key, Seen>, CallError> {
        let api: Api<Small> = match &self.only_namespace {
            Some(only) => self.api(only),
            None => Api::all_with(self.client.clone(), &self.resource),
        };
        let selector = format!("{SOURCE_LABEL}={}", self.source);
        let mut params = ListParams::default().labels(&selector).limit(PAGE);
        let mut all = BTreeMap::new();
        loop {
            let page = call(api.list(&params)).await?;
            for object in page.items {
                let seen = self.seen(&object.metadata, &object);
                let meta = object.metadata;
                let key = (
                    meta.namespace.unwrap_or_default(),
                    meta.name.unwrap_or_default(),
                );
                all.insert(key, seen);
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(all),
            }
        }
    }

    fn seen(&self, meta: &ObjectMeta, object: &Small) -> Seen {
        let source = meta.labels.as_ref().and_then(|all| all.get(SOURCE_LABEL));
        let mut managers = meta.managed_fields.iter().flatten();
        Seen {
            uid: meta.uid.clone().unwrap_or_default(),
            resource_version: meta.resource_version.clone().unwrap_or_default(),
            ours: source == Some(&self.source),
            active: object
                .status
                .as_ref()
                .is_some_and(|status| status.active.is_some()),
            suspended: object.spec.suspend == Some(true),
            retiring: managers.any(|fields| fields.manager.as_deref() == Some(RETIRER)),
        }
    }
}

fn problem(entry: &FileEntry, message: &str) -> Problem {
    Problem::of_entry(
        &entry.file,
        Some(entry.place),
        &entry.name,
        &entry.namespace,
        message,
    )
}

async fn apply(
    api: &Api<Small>,
    name: &str,
    manager: &str,
    force: bool,
    document: Value,
) -> Result<(), CallError> {
    let params = PatchParams {
        force,
        field_manager: Some(manager.to_owned()),
        field_validation: Some(ValidationDirective::Strict),
        ..PatchParams::default()
    };
    let patch = Patch::Apply(document);
    call(api.patch(name, &params, &patch)).await.map(drop)
}

async fn call<T>(future: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
    match tokio::time::timeout(PATIENCE, future).await {
        Err(_elapsed) => Err(CallError::TimedOut),
        Ok(Err(kube::Error::Api(status))) => Err(CallError::Refused(status)),
        Ok(Err(error)) => Err(CallError::Other(error)),
        Ok(Ok(value)) => Ok(value),
    }
}

/// Whether an answer stays the same until somebody changes something.
fn is_final(code: u16) -> bool {
    (400..500).contains(&code) && !matches!(code, 408 | 409 | 429)
}
