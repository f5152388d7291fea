//! Apply: one arm per step, no choices left. Says what the API server answered.

use jiff::Timestamp;
use kube::core::Status;
use serde_json::{Map, Value, json};

use super::{
    observe::{ObservedPod, ObservedSchedule, owner, seen_pod},
    pod::{join_trace, pod},
    requests::Requests,
};
use crate::{
    api::ScheduledContainerStatus,
    core::{
        outcome::cut,
        plan::{Refused, Step, Trial},
        reason::Reason,
        run::{ENDED_DEADLINE, HOLD, Presence, RunId, is_name_of},
        schedule::Schedule,
    },
    error::Error,
    traces::traceparent,
};

const RELEASE: &str = "release the pod";
const STOP_OTHERS: &str = "stop the run's other containers";

/// What the API server answered to a step.
#[derive(Debug)]
pub enum Answer {
    /// The pod as it is now: created, found, released.
    Pod(Box<ObservedPod>),
    /// The pod with this uid does not exist, or no longer.
    NoPod { uid: String },
    /// The pod with this uid is being deleted.
    Deleting { uid: String },
    /// The status was written.
    Recorded(Box<ObservedSchedule>),
    /// The status was not written: the schedule has changed since. This is what it is now.
    Changed(Box<ObservedSchedule>),
    /// The schedule does not exist any more.
    NoSchedule,
    /// The pod of a fire was refused, for good.
    Refused(Refused),
    /// A pod that isn't ours has this name.
    NameTaken { run: RunId, name: String },
    /// What a trial of the template gave.
    Tried(Trial),
}

/// Takes one step. Errors are passing: the same step may be taken again. `traced`: runs are told of
/// which trace they are a part.
pub async fn apply(
    requests: &Requests,
    schedule: &Schedule,
    status: &ScheduledContainerStatus,
    resource_version: &str,
    step: &Step,
    traced: bool,
) -> Result<Answer, Error> {
    let namespace = schedule.identity.namespace.as_str();
    match step {
        // Before this write there is nothing; after it a pod that can't start. A stop here leaves a
        // held pod that the next controller finds by its name and uses, or sweeps.
        Step::Prepare { run, name } => prepare(requests, schedule, *run, name, traced).await,

        // The claim, when the status names a new active run. Before it nobody may release the pod;
        // after it anybody may. If the answer is lost, the same resource version wins only once, so
        // whoever asks again learns from the conflict what was written.
        Step::Record {
            status: new,
            news: _,
        } => {
            let patch = status_patch(resource_version, status, new);
            match requests
                .patch_status(namespace, &schedule.identity.name, patch)
                .await?
            {
                Ok(object) => Ok(Answer::Recorded(Box::new(object))),
                // Another version, or no such schedule: what is true now decides what is next.
                Err(refusal) if matches!(refusal.code, 404 | 409) => {
                    reread(requests, schedule).await
                }
                Err(refusal) => Err(passing("write the status", refusal)),
            }
        }

        // Before this write the run is claimed and held; after it, it starts. A stop on either side
        // leaves a claim whose release can be repeated by anybody.
        Step::Release { name, uid, run: _ } => {
            let patch = release_patch(uid);
            let answer = requests.patch_pod(RELEASE, namespace, name, patch);
            match answer.await? {
                Ok(pod) => Ok(Answer::Pod(Box::new(pod))),
                // 404: there is none. 422 or 409: another pod has the name, or a webhook objects.
                Err(refusal) => verify(requests, schedule, name, uid, Some(refusal)).await,
            }
        }

        Step::Verify { name, uid } => verify(requests, schedule, name, uid, None).await,

        Step::Try { generation } => {
            let name = format!("{}-trial", schedule.identity.name);
            let trial = pod(schedule, RunId::first(Timestamp::UNIX_EPOCH), &name);
            let result = match requests.create_pod(namespace, &trial, true).await? {
                Ok(_) => Ok(()),
                // A pod of that name says nothing against the template.
                Err(refusal) if refusal.reason == "AlreadyExists" => Ok(()),
                Err(refusal) => Err(refused(refusal, &name)?),
            };
            Ok(Answer::Tried(Trial {
                generation: *generation,
                result,
            }))
        }

        Step::Stop { name, uid } | Step::Collect { name, uid } => {
            delete(requests, schedule, name, uid, None).await
        }

        // Before this write all containers but the main one go on; after it the kubelet ends them. A
        // stop on either side leaves a pod that whoever comes next asks again, or finds ended.
        Step::StopOthers { name, uid } => stop_others(requests, schedule, name, uid).await,

        // The version makes sure that it is still held and unclaimed, as far as the pod can tell.
        Step::Sweep {
            name,
            uid,
            resource_version,
        } => delete(requests, schedule, name, uid, Some(resource_version)).await,
    }
}

async fn prepare(
    requests: &Requests,
    schedule: &Schedule,
    run: RunId,
    name: &str,
    traced: bool,
) -> Result<Answer, Error> {
    let namespace = schedule.identity.namespace.as_str();
    let mut pod = pod(schedule, run, name);
    if traced {
        join_trace(&mut pod, &traceparent(&schedule.identity.uid, run));
    }
    let refusal = match requests.create_pod(namespace, &pod, false).await? {
        Ok(pod) => return Ok(Answer::Pod(Box::new(pod))),
        Err(refusal) => refusal,
    };
    if refusal.reason != "AlreadyExists" {
        let (reason, message) = refused(refusal, name)?;
        return Ok(Answer::Refused(Refused {
            run,
            reason,
            message,
        }));
    }
    // Ours, from an earlier try whose answer was lost or from another controller, or a stranger's.
    match requests.get_pod(namespace, name).await? {
        // It has the name until it is gone.
        Ok(found) if found.metadata.deletion_timestamp.is_some() => {
            Err(passing("create the pod", refusal))
        }
        Ok(found) if is_ours(schedule, run, &found) => Ok(Answer::Pod(Box::new(found))),
        Ok(_) => Ok(Answer::NameTaken {
            run,
            name: name.into(),
        }),
        Err(refusal) => Err(passing("read the pod", refusal)),
    }
}

fn is_ours(schedule: &Schedule, run: RunId, found: &ObservedPod) -> bool {
    owner(&found.metadata).as_ref() == Some(&schedule.identity) && {
        let seen = seen_pod(found.clone());
        // Without our label no watch shows it, so nobody could look after it.
        seen.run() == run && seen.presence == Presence::Here
    }
}

/// Whether a pod that the status names is a run of this schedule. Anybody may write a status: what
/// stands there must never make us wait for a stranger's pod, start it or delete it. One that lost its
/// owner is still a run, if it has the name of one; another's owner makes it another's.
fn is_run(schedule: &Schedule, found: &ObservedPod) -> bool {
    let identity = &schedule.identity;
    let mut owners = found.metadata.owner_references.iter().flatten();
    match owners.any(|owner| owner.controller == Some(true)) {
        true => owner(&found.metadata).as_ref() == Some(identity),
        false => {
            let found = seen_pod(found.clone());
            is_name_of(identity, found.run(), &found.name)
        }
    }
}

/// Asks the API server itself about a pod. `refusal` is why we ask; if the pod is there after all,
/// with its gate, that refusal is what stands in the way.
async fn verify(
    requests: &Requests,
    schedule: &Schedule,
    name: &str,
    uid: &str,
    refusal: Option<Box<Status>>,
) -> Result<Answer, Error> {
    let namespace = schedule.identity.namespace.as_str();
    match requests.get_pod(namespace, name).await? {
        Ok(found) if found.metadata.uid.as_deref() != Some(uid) || !is_run(schedule, &found) => {
            Ok(Answer::NoPod { uid: uid.into() })
        }
        Ok(found) => {
            let held = found
                .spec
                .scheduling_gates
                .iter()
                .any(|gate| gate.name == HOLD);
            match refusal.filter(|_| held && found.metadata.deletion_timestamp.is_none()) {
                Some(refusal) => Err(passing(RELEASE, refusal)),
                None => Ok(Answer::Pod(Box::new(found))),
            }
        }
        Err(refusal) if refusal.code == 404 => Ok(Answer::NoPod { uid: uid.into() }),
        Err(refusal) => Err(passing("read the pod", refusal)),
    }
}

/// Ends a pod by a deadline that has passed: the kubelet gives its containers their grace and lets the
/// pod stay, with the main container's end and all that was printed. Deleting it would lose both.
async fn stop_others(
    requests: &Requests,
    schedule: &Schedule,
    name: &str,
    uid: &str,
) -> Result<Answer, Error> {
    let patch = json!({
        "metadata": {"uid": uid},
        "spec": {"activeDeadlineSeconds": ENDED_DEADLINE.as_secs()},
    });
    let answer = requests.patch_pod(STOP_OTHERS, &schedule.identity.namespace, name, patch);
    let refusal = match answer.await? {
        Ok(pod) => return Ok(Answer::Pod(Box::new(pod))),
        Err(refusal) => refusal,
    };
    match verify(requests, schedule, name, uid, None).await? {
        // It is there, and it is not on its way out: the refusal stands.
        Answer::Pod(found) if found.metadata.deletion_timestamp.is_none() => {
            Err(passing(STOP_OTHERS, refusal))
        }
        answer => Ok(answer),
    }
}

async fn delete(
    requests: &Requests,
    schedule: &Schedule,
    name: &str,
    uid: &str,
    version: Option<&str>,
) -> Result<Answer, Error> {
    let namespace = schedule.identity.namespace.as_str();
    match requests.delete_pod(namespace, name, uid, version).await? {
        Ok(()) => Ok(Answer::Deleting { uid: uid.into() }),
        Err(refusal) if refusal.code == 404 => Ok(Answer::NoPod { uid: uid.into() }),
        Err(refusal) if refusal.code == 409 => verify(requests, schedule, name, uid, None).await,
        Err(refusal) => Err(passing("delete the pod", refusal)),
    }
}

async fn reread(requests: &Requests, schedule: &Schedule) -> Result<Answer, Error> {
    let identity = &schedule.identity;
    match requests
        .get_schedule(&identity.namespace, &identity.name)
        .await?
    {
        Ok(object) if object.metadata.uid.as_deref() == Some(&identity.uid) => {
            Ok(Answer::Changed(Box::new(object)))
        }
        Ok(_) => Ok(Answer::NoSchedule),
        Err(refusal) if refusal.code == 404 => Ok(Answer::NoSchedule),
        Err(refusal) => Err(passing("read the schedule", refusal)),
    }
}

/// Takes our gate away and no other, from the pod with this uid and no other.
fn release_patch(uid: &str) -> Value {
    json!({
        "metadata": {"uid": uid},
        "spec": {"schedulingGates": [{"name": HOLD, "$patch": "delete"}]},
    })
}

/// A merge patch from one status to another, valid only at this resource version.
fn status_patch(
    resource_version: &str,
    before: &ScheduledContainerStatus,
    after: &ScheduledContainerStatus,
) -> Value {
    let tree = |status| serde_json::to_value(status).expect("a status is plain data");
    let difference = merge_patch(&tree(before), &tree(after));
    json!({"metadata": {"resourceVersion": resource_version}, "status": difference})
}

/// What makes one value into the other by the rules of a JSON merge patch (RFC 7386).
fn merge_patch(before: &Value, after: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return after.clone();
    };
    let mut patch = Map::new();
    for (key, value) in after {
        match before.get(key) {
            Some(same) if same == value => {}
            Some(other) => {
                patch.insert(key.clone(), merge_patch(other, value));
            }
            None => {
                patch.insert(key.clone(), value.clone());
            }
        }
    }
    for key in before.keys().filter(|key| !after.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    Value::Object(patch)
}

/// Why a pod was refused, in our words; an error if the refusal is one that passes.
/// The pod's own name is left out: it is another one for each fire, and the refusal is the same.
fn refused(refusal: Box<Status>, pod: &str) -> Result<(Reason, String), Error> {
    let said = refusal.message.as_str();
    let reason = match refusal.code {
        403 if said.contains("exceeded quota") => Reason::QuotaExceeded,
        403 if said.contains("violates PodSecurity") => Reason::PodSecurityViolation,
        403 if said.contains("being terminated") => Reason::NamespaceTerminating,
        403 => Reason::CreateForbidden,
        // The policy's doing, not the template's.
        422 if said.contains("ValidatingAdmissionPolicy") => Reason::CreateRefused,
        400 | 413 | 422 => Reason::InvalidPod,
        409 => return Err(passing("create the pod", refusal)),
        _ => Reason::CreateRefused,
    };
    let message = if said.is_empty() {
        refusal.reason.as_str()
    } else {
        said
    };
    let message = cut(&message.replace(&format!(" \"{pod}\""), ""));
    Ok((reason, message))
}

fn passing(what: &'static str, status: Box<Status>) -> Error {
    Error::Request {
        what,
        source: Box::new(kube::Error::Api(status)),
    }
}
