//! The ScheduledContainers of one source in the cluster, each request with a deadline of its own.
//! Decides nothing.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use kube::api::{
    Api, ApiResource, DeleteParams, ListParams, Patch, PatchParams, Preconditions,
    ValidationDirective,
};
use kube::core::{Object, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::read::FileEntry;
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

const PAGE: u32 = 500;

/// Namespace and name.
pub type Key = (String, String);

/// Why a call to the API failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    #[error("the API server did not answer within {} s", PATIENCE.as_secs())]
    TimedOut,
    #[error("{0}")]
    Refused(Box<Status>),
    #[error(transparent)]
    Other(kube::Error),
}

/// The little of a ScheduledContainer that is needed here.
type Small = Object<SmallSpec, SmallStatus>;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct SmallSpec {
    suspend: Option<bool>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct SmallStatus {
    #[serde(default)]
    active: Vec<Value>,
}

/// What is seen of a ScheduledContainer.
#[derive(Clone, Debug)]
pub struct Seen {
    pub uid: String,
    pub resource_version: String,
    /// The source that its label names.
    pub source: Option<String>,
    /// Whether it has an active run.
    pub active: bool,
    pub suspended: bool,
    /// Whether its suspension is that of [`Objects::hold_off`].
    pub held_off: bool,
}

/// The ScheduledContainers of one source.
pub struct Objects {
    client: kube::Client,
    resource: ApiResource,
    /// The name of the source, as the label has it.
    pub source: String,
    /// The only namespace that is looked at, if there is one.
    pub only_namespace: Option<String>,
}

impl CallError {
    /// The API server's answer, if it is one that stays the same until somebody changes something.
    pub fn final_answer(&self) -> Option<&str> {
        match self {
            CallError::Refused(status)
                if (400..500).contains(&status.code) && !matches!(status.code, 408 | 409 | 429) =>
            {
                Some(&status.message)
            }
            CallError::Refused(_) | CallError::TimedOut | CallError::Other(_) => None,
        }
    }

    /// Whether the API server answered with this code.
    pub fn is(&self, code: u16) -> bool {
        matches!(self, CallError::Refused(status) if status.code == code)
    }
}

impl Objects {
    pub fn new(client: kube::Client, source: String, only_namespace: Option<String>) -> Self {
        Self {
            client,
            resource: ApiResource::erase::<ScheduledContainer>(&()),
            source,
            only_namespace,
        }
    }

    /// Everything with the label of the source.
    pub async fn list(&self) -> Result<BTreeMap<Key, Seen>, CallError> {
        let api: Api<Small> = match &self.only_namespace {
            Some(only) => self.api(only),
            None => Api::all_with(self.client.clone(), &self.resource),
        };
        let selector = format!("{SOURCE_LABEL}={}", self.source);
        let mut params = ListParams::default().labels(&selector).limit(PAGE);
        let mut all = BTreeMap::new();
        loop {
            let page = call(api.list(&params)).await?;
            for mut object in page.items {
                let namespace = object.metadata.namespace.take().unwrap_or_default();
                let name = object.metadata.name.take().unwrap_or_default();
                all.insert((namespace, name), Seen::from(object));
            }
            match page.metadata.continue_ {
                Some(token) if !token.is_empty() => params = params.continue_token(&token),
                _ => return Ok(all),
            }
        }
    }

    /// One, whatever its source.
    pub async fn get(&self, (namespace, name): &Key) -> Result<Option<Seen>, CallError> {
        let object = call(self.api(namespace).get_opt(name)).await?;
        Ok(object.map(Seen::from))
    }

    /// Makes it what the entry says. With a uid it must be that object, and every field that the
    /// entry names becomes the entry's; without, it must not exist, or what it says must not be
    /// somebody else's: then the answer is 409.
    pub async fn apply(&self, entry: &FileEntry, uid: Option<&str>) -> Result<(), CallError> {
        let mut body = self.body(&entry.namespace, &entry.name, uid);
        let line = format!("{}:{}", entry.file, entry.place.line);
        body["metadata"]["labels"] = json!({SOURCE_LABEL: self.source});
        body["metadata"]["annotations"] = json!({SOURCE_LINE_ANNOTATION: line});
        body["spec"] = entry.spec.value();
        self.patch(&entry.namespace, &entry.name, MANAGER, uid.is_some(), body)
            .await
    }

    /// Suspends it, beside what its entry says of suspension.
    pub async fn hold_off(&self, (namespace, name): &Key, uid: &str) -> Result<(), CallError> {
        let mut body = self.body(namespace, name, Some(uid));
        body["spec"] = json!({"suspend": true});
        self.patch(namespace, name, RETIRER, true, body).await
    }

    /// Takes [`Objects::hold_off`] back.
    pub async fn let_on(&self, (namespace, name): &Key, uid: &str) -> Result<(), CallError> {
        let body = self.body(namespace, name, Some(uid));
        self.patch(namespace, name, RETIRER, true, body).await
    }

    /// Deletes it if it is still exactly what was seen; else the answer is 409.
    pub async fn delete(&self, (namespace, name): &Key, seen: &Seen) -> Result<(), CallError> {
        let exactly_this = Preconditions {
            uid: Some(seen.uid.clone()),
            resource_version: Some(seen.resource_version.clone()),
        };
        let params = DeleteParams::background().preconditions(exactly_this);
        let api = self.api(namespace);
        call(api.delete(name, &params)).await.map(drop)
    }

    /// With a uid it is refused for any other object of that name, and when there is none.
    fn body(&self, namespace: &str, name: &str, uid: Option<&str>) -> Value {
        let mut body = json!({
            "apiVersion": self.resource.api_version,
            "kind": self.resource.kind,
            "metadata": {"namespace": namespace, "name": name},
        });
        if let Some(uid) = uid {
            body["metadata"]["uid"] = json!(uid);
        }
        body
    }

    async fn patch(
        &self,
        namespace: &str,
        name: &str,
        manager: &str,
        force: bool,
        body: Value,
    ) -> Result<(), CallError> {
        let params = PatchParams {
            force,
            field_manager: Some(manager.to_owned()),
            // A field that the definition in the cluster doesn't have is told, not dropped.
            field_validation: Some(ValidationDirective::Strict),
            ..PatchParams::default()
        };
        let patch = Patch::Apply(body);
        let api = self.api(namespace);
        call(api.patch(name, &params, &patch)).await.map(drop)
    }

    fn api(&self, namespace: &str) -> Api<Small> {
        Api::namespaced_with(self.client.clone(), namespace, &self.resource)
    }
}

impl From<Small> for Seen {
    fn from(object: Small) -> Self {
        let meta = object.metadata;
        let mut managers = meta.managed_fields.iter().flatten();
        let held_off = managers.any(|fields| fields.manager.as_deref() == Some(RETIRER));
        Self {
            uid: meta.uid.unwrap_or_default(),
            resource_version: meta.resource_version.unwrap_or_default(),
            source: meta.labels.and_then(|mut all| all.remove(SOURCE_LABEL)),
            active: object
                .status
                .is_some_and(|status| !status.active.is_empty()),
            suspended: object.spec.suspend == Some(true),
            held_off,
        }
    }
}

async fn call<T>(future: impl Future<Output = kube::Result<T>>) -> Result<T, CallError> {
    match tokio::time::timeout(PATIENCE, future).await {
        Err(_elapsed) => Err(CallError::TimedOut),
        Ok(Err(kube::Error::Api(status))) => Err(CallError::Refused(status)),
        Ok(Err(error)) => Err(CallError::Other(error)),
        Ok(Ok(value)) => Ok(value),
    }
}
