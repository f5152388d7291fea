//! The requests about Leases. Each has a deadline shorter than the Lease, and each write of one that
//! is there carries the resource version from which it was decided.

use std::future::Future;

use k8s_openapi::{api::coordination::v1::Lease, apimachinery::pkg::apis::meta::v1::MicroTime};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::{GROUP_LABEL, ROLE_LABEL, Terms, view::Known};
use crate::{
    clock::Clock, cluster::requests::FIELD_MANAGER, core::shards::MEMBER_LASTS, error::chain,
};

/// The Leases of one group.
pub struct LeaseRequests {
    api: Api<Lease>,
    terms: Terms,
    clock: Clock,
}

/// What became of a write.
pub enum Written {
    /// It was carried out; sent at this instant.
    Done(Box<Lease>, Instant),
    /// The Lease has changed since, and is this now.
    Changed(Box<Lease>),
    /// There is no such Lease.
    Gone,
}

/// Why a request came to nothing.
pub enum Failure {
    /// We may not, or there is no such namespace.
    Forbidden(String),
    /// It may go better the next time.
    Passing(String),
}

/// What a Lease is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Shard,
    Member,
}

impl LeaseRequests {
    pub fn new(client: Client, terms: Terms, clock: Clock) -> Self {
        Self {
            api: Api::namespaced(client, &terms.namespace),
            terms,
            clock,
        }
    }

    pub fn api(&self) -> Api<Lease> {
        self.api.clone()
    }

    /// Which Leases are of this group, for list and watch.
    pub fn selector(&self) -> String {
        format!("{GROUP_LABEL}={}", self.terms.group())
    }

    pub async fn list(&self) -> Result<Vec<Lease>, Failure> {
        let params = ListParams::default().labels(&self.selector());
        let list = timeout(self.terms.deadline(), self.api.list(&params)).await;
        match list {
            Ok(Ok(list)) => Ok(list.items),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(self.silence()),
        }
    }

    /// Makes a Lease that is ours.
    pub async fn create(&self, name: &str, role: Role) -> Result<Written, Failure> {
        let mut lease = json!({
            "metadata": {
                "name": name,
                "labels": {
                    GROUP_LABEL: self.terms.group(),
                    ROLE_LABEL: match role { Role::Shard => "shard", Role::Member => "member" },
                },
            },
        });
        lease["spec"] = self.ours(role, 0);
        let lease: Lease = serde_json::from_value(lease).expect("it is written as one");
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.into()),
            ..PostParams::default()
        };
        self.write(name, self.api.create(&params, &lease)).await
    }

    /// Takes a Lease over at the version at which it was nobody's.
    pub async fn take(&self, name: &str, known: &Known) -> Result<Written, Failure> {
        let spec = self.ours(Role::Shard, known.transitions.saturating_add(1));
        self.patch(name, known, spec).await
    }

    /// Renews one of ours.
    pub async fn renew(&self, name: &str, known: &Known) -> Result<Written, Failure> {
        let spec = json!({"renewTime": self.now()});
        self.patch(name, known, spec).await
    }

    /// Gives one of ours back.
    pub async fn release(&self, name: &str, known: &Known) -> Result<Written, Failure> {
        let spec = json!({"holderIdentity": "", "renewTime": self.now()});
        self.patch(name, known, spec).await
    }

    /// Deletes a Lease if it has not changed.
    pub async fn delete(&self, name: &str, known: &Known) -> Result<(), Failure> {
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                resource_version: Some(known.version.clone()),
                uid: None,
            }),
            ..DeleteParams::default()
        };
        match timeout(self.terms.deadline(), self.api.delete(name, &params)).await {
            Ok(Ok(_)) => Ok(()),
            // It is gone, or its replica is not: the watch will say.
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => Ok(()),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(self.silence()),
        }
    }

    /// A Lease's spec that says that it is ours. Its times are for people: nobody goes by them.
    fn ours(&self, role: Role, transitions: i32) -> Value {
        let now = self.now();
        let duration = match role {
            Role::Shard => self.terms.duration,
            Role::Member => self.terms.duration * MEMBER_LASTS,
        };
        json!({
            "holderIdentity": self.terms.me,
            "leaseDurationSeconds": duration.as_millis().div_ceil(1_000) as u64,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": transitions,
        })
    }

    async fn patch(&self, name: &str, known: &Known, spec: Value) -> Result<Written, Failure> {
        let patch = json!({"metadata": {"resourceVersion": known.version}, "spec": spec});
        let params = PatchParams::apply(FIELD_MANAGER);
        let patch = Patch::Merge(patch);
        self.write(name, self.api.patch(name, &params, &patch))
            .await
    }

    async fn write(
        &self,
        name: &str,
        request: impl Future<Output = Result<Lease, kube::Error>>,
    ) -> Result<Written, Failure> {
        let sent = Instant::now();
        match timeout(self.terms.deadline(), request).await {
            Ok(Ok(lease)) => Ok(Written::Done(Box::new(lease), sent)),
            // Somebody was quicker, or it was us and the answer was lost: it says so itself.
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => self.reread(name).await,
            // Of a patch: there is no such Lease. Of a creation: no such namespace.
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => {
                match status.details.as_ref().map(|it| it.kind.as_str()) {
                    Some("namespaces") => Err(Failure::Forbidden(status.message)),
                    _ => Ok(Written::Gone),
                }
            }
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(self.silence()),
        }
    }

    async fn reread(&self, name: &str) -> Result<Written, Failure> {
        match timeout(self.terms.deadline(), self.api.get_opt(name)).await {
            Ok(Ok(Some(lease))) => Ok(Written::Changed(Box::new(lease))),
            Ok(Ok(None)) => Ok(Written::Gone),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(self.silence()),
        }
    }

    fn now(&self) -> MicroTime {
        MicroTime(self.clock.now())
    }

    fn silence(&self) -> Failure {
        let limit = self.terms.deadline().as_millis();
        Failure::Passing(format!("no answer within {limit} ms"))
    }
}

fn failure(error: &kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) if status.code == 403 => {
            Failure::Forbidden(status.message.clone())
        }
        _ => Failure::Passing(chain(error)),
    }
}
