//! The kubelet, the scheduler and the garbage collector: what happens to pods by itself.
//!
//! What a pod does stands in its annotations, which `schedules::Template` writes.

use std::{collections::HashSet, time::Duration};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    server::{Server, delete, ended, gated},
    store::{Id, Resource, Store, seconds},
};

/// How many milliseconds a pod's container runs.
pub const TAKES: &str = "memory/takes";
/// The exit code of a pod's container.
pub const EXITS: &str = "memory/exits";
/// The reason for which a pod's container waits for ever.
pub const STUCK: &str = "memory/stuck";
/// There, and no node takes the pod.
pub const UNSCHEDULABLE: &str = "memory/unschedulable";

/// From the gate's removal to the container's start.
const START: Duration = Duration::from_millis(120);
/// From the deletion of a running pod to its end.
const KILL: Duration = Duration::from_millis(700);

/// Looks after all pods for ever.
pub async fn kubelet(server: Server) {
    let mut changes = server.changes();
    let (mut started, mut killed) = (HashSet::new(), HashSet::new());
    let mut tasks = JoinSet::new();
    loop {
        for (id, pod) in pods(&server) {
            let uid = text(&pod["metadata"]["uid"]);
            if orphaned(&server, &pod) {
                let delete = |store: &mut Store, now| {
                    delete(store, "garbage collector", now, &id, &json!({}))
                };
                // It is there, so it can be deleted; again makes no difference.
                let _ = server.with(delete);
                continue;
            }
            let deleting = pod["metadata"]["deletionTimestamp"].is_string();
            if deleting && killed.insert(uid.clone()) {
                tasks.spawn(kill(server.clone(), id, uid));
            } else if !deleting && !gated(&pod) && !ended(&pod) && started.insert(uid.clone()) {
                tasks.spawn(run(server.clone(), id, uid));
            }
        }
        while tasks.try_join_next().is_some() {}
        if changes.changed().await.is_err() {
            return;
        }
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
        pod["metadata"]["annotations"].clone()
    });
    let Some(annotations) = annotations.filter(|annotations| annotations[STUCK].is_null()) else {
        return;
    };
    let number = |key: &str| {
        annotations[key]
            .as_str()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    };
    tokio::time::sleep(Duration::from_millis(number(TAKES))).await;
    change(&server, &id, &uid, |pod, now| {
        if pod["metadata"]["deletionTimestamp"].is_null() {
            end(pod, number(EXITS), now);
        }
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
    json!({
        "name": "main", "image": "busybox", "imageID": "", "ready": false, "restartCount": 0,
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

fn pods(server: &Server) -> Vec<(Id, Value)> {
    let inner = server.lock();
    let all = inner.store.objects.iter();
    all.filter(|(id, _)| id.resource == Resource::Pods)
        .map(|(id, pod)| (id.clone(), pod.clone()))
        .collect()
}

/// Whether the schedule that owns a pod is gone.
fn orphaned(server: &Server, pod: &Value) -> bool {
    let Some(owner) = pod["metadata"]["ownerReferences"][0]["uid"].as_str() else {
        return false;
    };
    let inner = server.lock();
    let mut schedules = inner
        .store
        .objects
        .iter()
        .filter(|(id, _)| id.resource == Resource::Schedules);
    !schedules.any(|(_, schedule)| schedule["metadata"]["uid"] == owner)
        && pod["metadata"]["deletionTimestamp"].is_null()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
