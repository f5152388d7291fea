//! The kubelet, the scheduler and the garbage collector: what happens to pods by itself.
//!
//! What a pod does stands in its annotations, which `schedules::Template` writes.

use std::{collections::HashSet, pin::pin, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    server::{Server, delete, ended, gated},
    store::{Change, Id, Resource, Store, seconds},
};

/// How many milliseconds a pod's container runs.
pub const TAKES: &str = "memory/takes";
/// The exit code of a pod's container.
pub const EXITS: &str = "memory/exits";
/// The reason for which a pod's container waits for ever.
pub const STUCK: &str = "memory/stuck";
/// There, and a second container goes on until it is told to end.
pub const HELPER: &str = "memory/helper";
/// There, and no node takes the pod.
pub const UNSCHEDULABLE: &str = "memory/unschedulable";

/// From the gate's removal to the container's start.
const START: Duration = Duration::from_millis(120);
/// From the deletion of a running pod to its end.
const KILL: Duration = Duration::from_millis(700);

/// Looks after all pods for ever. The garbage collector comes after `garbage`.
pub async fn kubelet(server: Server, garbage: Duration) {
    let bell = server.bell();
    let mut seen = 0;
    let (mut started, mut killed) = (HashSet::new(), HashSet::new());
    let mut expired = HashSet::new();
    let mut tasks = JoinSet::new();
    loop {
        let mut rung = pin!(bell.notified());
        rung.as_mut().enable();
        for change in news(&server, &mut seen) {
            let Change { id, after, .. } = change;
            let Some(pod) = after.filter(|_| id.resource == Resource::Pods) else {
                tasks.spawn(collect_garbage(server.clone(), garbage));
                continue;
            };
            if change.before.is_none() {
                tasks.spawn(collect_garbage(server.clone(), garbage));
            }
            let uid = text(&pod["metadata"]["uid"]);
            let deleting = pod["metadata"]["deletionTimestamp"].is_string();
            if deleting && killed.insert(uid.clone()) {
                tasks.spawn(kill(server.clone(), id, uid));
            } else if out_of_time(&pod) && !ended(&pod) && expired.insert(uid.clone()) {
                tasks.spawn(expire(server.clone(), id, uid));
            } else if !deleting && !gated(&pod) && !ended(&pod) && started.insert(uid.clone()) {
                tasks.spawn(run(server.clone(), id, uid));
            }
        }
        while tasks.try_join_next().is_some() {}
        rung.await;
    }
}

/// The changes since `seen`: those of pods, and deletions of schedules.
fn news(server: &Server, seen: &mut u64) -> Vec<Change> {
    let inner = server.lock();
    let all = &inner.store.changes;
    let from = all.partition_point(|change| change.version <= *seen);
    *seen = inner.store.version;
    let news = all[from..]
        .iter()
        .filter(|change| match change.id.resource {
            Resource::Pods => change.after.is_some(),
            Resource::Schedules => change.after.is_none(),
            Resource::Events => false,
        });
    news.cloned().collect()
}

/// Deletes the pods whose schedule is gone.
async fn collect_garbage(server: Server, after: Duration) {
    if !after.is_zero() {
        tokio::time::sleep(after).await;
    }
    let orphans: Vec<Id> = {
        let objects = &server.lock().store.objects;
        let schedules: HashSet<&str> = objects
            .iter()
            .filter(|(id, _)| id.resource == Resource::Schedules)
            .filter_map(|(_, schedule)| schedule["metadata"]["uid"].as_str())
            .collect();
        let orphaned = |pod: &Arc<Value>| {
            let owner = pod["metadata"]["ownerReferences"][0]["uid"].as_str();
            owner.is_some_and(|owner| !schedules.contains(owner))
        };
        let pods = objects
            .iter()
            .filter(|(id, pod)| id.resource == Resource::Pods && orphaned(pod));
        pods.map(|(id, _)| id.clone()).collect()
    };
    for id in orphans {
        let delete =
            |store: &mut Store, now| delete(store, "garbage collector", now, &id, &json!({}));
        // It was just there. If it is gone now, so much the better.
        let _ = server.with(delete);
    }
}

async fn run(server: Server, id: Id, uid: String) {
    tokio::time::sleep(START).await;
    let unschedulable = change(&server, &id, &uid, |pod, _| {
        let wanted = pod["metadata"]["annotations"][UNSCHEDULABLE].is_string();
        if wanted {
            pod["status"]["conditions"] = json!([{
                "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "0/1 nodes are available",
            }]);
        }
        wanted
    });
    if unschedulable != Some(false) {
        return;
    }
    let annotations = change(&server, &id, &uid, |pod, now| {
        if let Some(reason) = pod["metadata"]["annotations"][STUCK].as_str() {
            let waiting = json!({"waiting": {"reason": reason, "message": "as the test wants it"}});
            pod["status"]["containerStatuses"] = json!([container(waiting)]);
        } else {
            let state = json!({"running": {"startedAt": now}});
            pod["status"]["phase"] = "Running".into();
            pod["status"]["containerStatuses"] = json!([container(state)]);
        }
        pod["status"]["startTime"] = now;
        pod["spec"]["nodeName"] = "node-1".into();
        (
            pod["metadata"]["annotations"].clone(),
            pod["spec"]["activeDeadlineSeconds"].as_u64(),
        )
    });
    let Some((annotations, deadline)) = annotations else {
        return;
    };
    let number = |key: &str| {
        let number = annotations[key].as_str().and_then(|text| text.parse().ok());
        number.unwrap_or(0)
    };
    let takes = match annotations[STUCK].is_null() {
        true => Some(number(TAKES)),
        false => None,
    };
    let deadline = deadline.map(|seconds| seconds * 1_000);
    let Some(passes) = takes.into_iter().chain(deadline).min() else {
        return;
    };
    tokio::time::sleep(Duration::from_millis(passes)).await;
    change(&server, &id, &uid, |pod, now| {
        if pod["metadata"]["deletionTimestamp"].is_string() || ended(pod) {
            return;
        }
        let helped = pod["metadata"]["annotations"][HELPER].is_string();
        let state = json!({"running": {"startedAt": pod["status"]["startTime"]}});
        if takes == Some(passes) {
            end(pod, number(EXITS), now);
            if helped {
                pod["status"]["phase"] = "Running".into();
                let others = pod["status"]["containerStatuses"].as_array_mut();
                others.expect("it has one").push(named("helper", state));
            }
        } else {
            end(pod, 137, now);
            pod["status"]["reason"] = "DeadlineExceeded".into();
        }
    });
}

/// Whether a pod has a deadline of a second: the only one that tests use.
fn out_of_time(pod: &Value) -> bool {
    pod["spec"]["activeDeadlineSeconds"] == 1 && pod["status"]["startTime"].is_string()
}

/// Ends a pod at its deadline: it stays.
async fn expire(server: Server, id: Id, uid: String) {
    tokio::time::sleep(KILL).await;
    change(&server, &id, &uid, |pod, now| {
        let main = pod["status"]["containerStatuses"][0].clone();
        end(pod, 137, now);
        let mut helper = pod["status"]["containerStatuses"][0].take();
        helper["name"] = "helper".into();
        pod["status"]["containerStatuses"] = json!([main, helper]);
        pod["status"]["reason"] = "DeadlineExceeded".into();
    });
}

async fn kill(server: Server, id: Id, uid: String) {
    tokio::time::sleep(KILL).await;
    change(&server, &id, &uid, |pod, now| end(pod, 137, now));
    tokio::time::sleep(Duration::from_millis(10)).await;
    server.with(|store, now| {
        let same = store
            .get(&id)
            .is_ok_and(|pod| pod["metadata"]["uid"] == uid.as_str());
        if same {
            store.remove("kubelet", now, &id);
        }
    });
}

fn end(pod: &mut Value, code: u64, now: Value) {
    let started = pod["status"]["startTime"].clone();
    let reason = if code == 0 { "Completed" } else { "Error" };
    let state = json!({"terminated": {
        "exitCode": code, "reason": reason, "startedAt": started, "finishedAt": now,
        "message": if code == 0 { "" } else { "the last line\n" },
    }});
    pod["status"]["phase"] = if code == 0 { "Succeeded" } else { "Failed" }.into();
    pod["status"]["containerStatuses"] = json!([container(state)]);
}

fn container(state: Value) -> Value {
    named("main", state)
}

fn named(name: &str, state: Value) -> Value {
    json!({
        "name": name, "image": "busybox", "imageID": "", "ready": false, "restartCount": 0,
        "state": state,
    })
}

/// Changes a pod if it is still the same one.
fn change<T>(
    server: &Server,
    id: &Id,
    uid: &str,
    act: impl FnOnce(&mut Value, Value) -> T,
) -> Option<T> {
    server.with(|store, now| {
        let mut pod = store.get(id).ok()?.clone();
        if pod["metadata"]["uid"] != uid {
            return None;
        }
        let result = act(&mut pod, seconds(now));
        store.update("kubelet", now, id, pod).ok()?;
        Some(result)
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
