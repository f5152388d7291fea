//! The requests that we make, each with a deadline of its own.
//!
//! The client behind them must not retry: a request that is repeated behind our back for minutes
//! would be late, and we repeat with knowledge of what has changed.

use std::{future::Future, time::Duration};

use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    core::Status,
};
use serde_json::Value;

use super::{
    names::is_subdomain,
    observe::{ObservedPod, ObservedSchedule},
};
use crate::error::Error;

/// The name under which our writes stand in `managedFields`.
pub const FIELD_MANAGER: &str = "punctual";

const DEADLINE: Duration = Duration::from_secs(10);

/// The API server, as far as a run needs it.
#[derive(Clone)]
pub struct Requests {
    client: Client,
}

/// The answer to a request: what it gave, or the API server's refusal.
pub type Answered<T> = Result<Result<T, Box<Status>>, Error>;

impl Requests {
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Creates a pod, or with `trial` only asks whether it could be created.
    pub async fn create_pod(
        &self,
        namespace: &str,
        pod: &Value,
        trial: bool,
    ) -> Answered<ObservedPod> {
        let what = if trial {
            "try the pod template"
        } else {
            "create the pod"
        };
        let dry = if trial { "&dryRun=All" } else { "" };
        let uri = format!(
            "/api/v1/namespaces/{namespace}/pods?fieldManager={FIELD_MANAGER}&fieldValidation=Strict{dry}"
        );
        let body = pod.to_string().into_bytes();
        let request = http::Request::post(uri)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(body)
            .expect("a namespace that holds a schedule is a valid part of a path");
        ask(what, self.client.request(request)).await
    }

    pub async fn get_pod(&self, namespace: &str, name: &str) -> Answered<ObservedPod> {
        if let Err(none) = can_be(name) {
            return Ok(Err(none));
        }
        let pods = self.pods(namespace);
        ask("read the pod", pods.get(name)).await
    }

    /// Patches a pod: to do `what`, as errors call it.
    pub async fn patch_pod(
        &self,
        what: &'static str,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> Answered<ObservedPod> {
        if let Err(none) = can_be(name) {
            return Ok(Err(none));
        }
        let pods = self.pods(namespace);
        let params = PatchParams::apply(FIELD_MANAGER);
        let patch = Patch::Strategic(patch);
        ask(what, pods.patch(name, &params, &patch)).await
    }

    /// Deletes a pod if it still has this uid, and this version if one is given.
    pub async fn delete_pod(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        version: Option<&str>,
    ) -> Answered<()> {
        if let Err(none) = can_be(name) {
            return Ok(Err(none));
        }
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(uid.into()),
                resource_version: version.map(Into::into),
            }),
            ..DeleteParams::default()
        };
        let pods = self.pods(namespace);
        let answer = ask("delete the pod", pods.delete(name, &params)).await?;
        Ok(answer.map(|_| ()))
    }

    pub async fn get_schedule(&self, namespace: &str, name: &str) -> Answered<ObservedSchedule> {
        let schedules = self.schedules(namespace);
        ask("read the schedule", schedules.get(name)).await
    }

    /// Patches a schedule's status. The patch must carry a resource version: without one it is
    /// unconditional, and two of us could claim.
    pub async fn patch_status(
        &self,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> Answered<ObservedSchedule> {
        debug_assert!(patch["metadata"]["resourceVersion"].is_string());
        let schedules = self.schedules(namespace);
        let params = PatchParams::apply(FIELD_MANAGER);
        let patch = Patch::Merge(patch);
        let request = schedules.patch_status(name, &params, &patch);
        ask("write the status", request).await
    }

    fn pods(&self, namespace: &str) -> Api<ObservedPod> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn schedules(&self, namespace: &str) -> Api<ObservedSchedule> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

/// The name of a pod may come from a status that anybody may have written, and it becomes part of a
/// path: what can't be a name names no pod, and leads nowhere else.
fn can_be(name: &str) -> Result<(), Box<Status>> {
    match is_subdomain(name) {
        true => Ok(()),
        false => Err(Status::failure("no pod can have this name", "NotFound")
            .with_code(404)
            .boxed()),
    }
}

/// Waits for an answer. What will be different next time (overload, a fault, no answer at all)
/// is an error; what the API server has said about this very request is an answer.
async fn ask<T>(
    what: &'static str,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Answered<T> {
    let answer = tokio::time::timeout(DEADLINE, request).await;
    match answer {
        Ok(Ok(value)) => Ok(Ok(value)),
        Ok(Err(kube::Error::Api(status))) if is_final(&status) => Ok(Err(status)),
        Ok(Err(source)) => Err(Error::Request {
            what,
            source: Box::new(source),
        }),
        Err(_) => Err(Error::Unanswered {
            what,
            limit: DEADLINE,
        }),
    }
}

/// Whether the same request would be answered like this again.
fn is_final(status: &Status) -> bool {
    let passing = matches!(status.code, 401 | 408 | 429);
    (400..500).contains(&status.code) && !passing
}
