//! The requests about Leases. Each write of one that is there carries the resource version from which
//! it was decided.

use std::future::Future;

use k8s_openapi::{api::coordination::v1::Lease, apimachinery::pkg::apis::meta::v1::MicroTime};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{GROUP_LABEL, ROLE_LABEL, Terms, stamps::Stamp, view::Known};
use crate::{
    clock::Clock, cluster::requests::FIELD_MANAGER, core::shards::MEMBER_LASTS, error::chain,
};

/// The Leases of one group.
pub struct LeaseRequests {
    api: Api<Lease>,
    terms: Terms,
    clock: Clock,
}

/// The Lease as it is after a write, whether that was carried out or somebody was quicker; `None` if
/// there is none.
pub type Answer = Result<Option<Box<Lease>>, Failure>;

/// Why a request came to nothing.
pub enum Failure {
    /// It is refused, and will be again: we may not, a policy says no, or there is no such namespace.
    Refused(String),
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
        let list = self.ask(self.api.list(&params)).await?;
        list.map(|list| list.items).map_err(|error| failure(&error))
    }

    /// Makes a Lease that is ours.
    pub async fn create(&self, name: &str, role: Role, stamp: &Stamp) -> Answer {
        let mut lease = json!({
            "metadata": {
                "name": name,
                "labels": {
                    GROUP_LABEL: self.terms.group(),
                    ROLE_LABEL: match role { Role::Shard => "shard", Role::Member => "member" },
                },
            },
        });
        lease["spec"] = self.ours(role, 0, stamp);
        let lease: Lease = serde_json::from_value(lease).expect("it is written as one");
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.into()),
            ..PostParams::default()
        };
        self.write(name, self.api.create(&params, &lease)).await
    }

    /// Takes a Lease over at the version at which it was nobody's.
    pub async fn take(&self, name: &str, known: &Known, stamp: &Stamp) -> Answer {
        let spec = self.ours(Role::Shard, known.transitions.saturating_add(1), stamp);
        self.patch(name, known, spec).await
    }

    /// Renews one of ours.
    pub async fn renew(&self, name: &str, role: Role, known: &Known, stamp: &Stamp) -> Answer {
        let spec = json!({
            "renewTime": MicroTime(stamp.time),
            "leaseDurationSeconds": seconds(role, stamp),
        });
        self.patch(name, known, spec).await
    }

    /// Gives one of ours back.
    pub async fn release(&self, name: &str, known: &Known) -> Answer {
        let spec = json!({"holderIdentity": "", "renewTime": MicroTime(self.clock.now())});
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
        match self.ask(self.api.delete(name, &params)).await? {
            Ok(_) => Ok(()),
            // It is gone, or its replica is not: the watch will say.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            Err(error) => Err(failure(&error)),
        }
    }

    /// A Lease's spec that says that it is ours. Others don't go by its times, which are for people;
    /// we know our own writes by them.
    fn ours(&self, role: Role, transitions: i32, stamp: &Stamp) -> Value {
        let time = MicroTime(stamp.time);
        json!({
            "holderIdentity": self.terms.me,
            "leaseDurationSeconds": seconds(role, stamp),
            "acquireTime": time,
            "renewTime": time,
            "leaseTransitions": transitions,
        })
    }

    async fn patch(&self, name: &str, known: &Known, spec: Value) -> Answer {
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
    ) -> Answer {
        match self.ask(request).await? {
            Ok(lease) => Ok(Some(Box::new(lease))),
            // Somebody was quicker, or it was us and the answer was lost: it says so itself.
            Err(kube::Error::Api(status)) if status.code == 409 => self.reread(name).await,
            // Of a patch: there is no such Lease. Of a creation: no such namespace.
            Err(kube::Error::Api(status)) if status.code == 404 => {
                match status.details.as_ref().map(|it| it.kind.as_str()) {
                    Some("namespaces") => Err(Failure::Refused(status.message)),
                    _ => Ok(None),
                }
            }
            Err(error) => Err(failure(&error)),
        }
    }

    async fn reread(&self, name: &str) -> Answer {
        let lease = self.ask(self.api.get_opt(name)).await?;
        let lease = lease.map_err(|error| failure(&error))?;
        Ok(lease.map(Box::new))
    }

    /// The answer to a request, if it comes in time.
    async fn ask<T>(
        &self,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<Result<T, kube::Error>, Failure> {
        let limit = self.terms.longest_request();
        let silence = |_| Failure::Passing(format!("no answer within {} ms", limit.as_millis()));
        timeout(limit, request).await.map_err(silence)
    }
}

fn seconds(role: Role, stamp: &Stamp) -> u64 {
    let times = match role {
        Role::Shard => 1,
        Role::Member => MEMBER_LASTS,
    };
    (stamp.lasts * times).as_millis().div_ceil(1_000) as u64
}

fn failure(error: &kube::Error) -> Failure {
    match error {
        // What was wrong with the request then is wrong with it the next time too.
        kube::Error::Api(status)
            if (400..500).contains(&status.code)
                && !matches!(status.code, 404 | 408 | 409 | 429) =>
        {
            Failure::Refused(status.message.clone())
        }
        _ => Failure::Passing(chain(error)),
    }
}
