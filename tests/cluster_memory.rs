//! The API server in memory beside a real one: the same requests get the same answers, as far as a
//! controller can tell. What the driver's tests and the simulation prove, they prove on the former.
//!
//! Run with `cargo test --test cluster_memory`, on the cluster that `KUBECONFIG` names.

mod cluster;
mod memory;

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use cluster::{block_on, place::Place, until};
use http_body_util::BodyExt;
use kube::{Client, client::Body};
use memory::{Options, World};
use serde_json::{Value, json};

const LABEL: &str = "punctual.dev/schedule";
const HOLD: &str = "punctual.dev/hold";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";

#[test]
fn the_server_in_memory_answers_as_a_real_one_does() {
    block_on(async {
        let place = Place::new("memory").await;
        let account = async || {
            let path = format!(
                "/api/v1/namespaces/{}/serviceaccounts/default",
                place.namespace
            );
            let (code, _) = send(&place.client, "GET", &path, "", Value::Null).await;
            (code == 200).then_some(())
        };
        until("pods can be created", account).await;
        let real = Script::new(place.client.clone(), &place.namespace)
            .run()
            .await;

        let world = World::empty(Options {
            delay: Duration::from_millis(1),
            garbage: Duration::from_millis(50),
            ..Options::default()
        });
        // As on a real one, much has happened before.
        for _ in 0..10 {
            world.server.with(|store, _| store.compact());
        }
        let ours = Script::new(world.client("script"), "default").run().await;

        let differences: Vec<String> = real
            .iter()
            .zip(&ours)
            .filter(|(real, ours)| real != ours)
            .map(|(real, ours)| format!("{}:\n  real {}\n  ours {}", real.0, real.1, ours.1))
            .collect();
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        assert_eq!(real.len(), ours.len());
        println!("{} answers are the same", real.len());
    });
}

/// What was asked, and what of the answer a controller can tell.
type Told = (String, Value);

/// The requests, on one server.
struct Script {
    client: Client,
    namespace: String,
    told: Vec<Told>,
    /// Names for uids, in the order in which they were first seen.
    uids: Vec<String>,
    /// The latest version of each object that was shown.
    versions: HashMap<String, String>,
}

impl Script {
    fn new(client: Client, namespace: &str) -> Self {
        Self {
            client,
            namespace: namespace.into(),
            told: Vec::new(),
            uids: Vec::new(),
            versions: HashMap::new(),
        }
    }

    async fn run(mut self) -> Vec<Told> {
        self.pods().await;
        self.deletions().await;
        self.schedules().await;
        self.garbage().await;
        self.watches().await;
        self.told
    }

    async fn pods(&mut self) {
        let pods = self.pods_path();
        let one = self.pod("one", true);
        let made = self.ask("create a held pod", "POST", &pods, &one).await;
        self.ask("create it again", "POST", &pods, &one).await;
        let dry = format!("{pods}?dryRun=All");
        self.ask("try to create it", "POST", &dry, &one).await;
        let two = self.pod("two", true);
        self.ask("try to create another", "POST", &dry, &two).await;
        self.ask(
            "read what was only tried",
            "GET",
            &format!("{pods}/two"),
            &Value::Null,
        )
        .await;
        let mut bound = self.pod("bound", true);
        bound["spec"]["nodeName"] = "elsewhere".into();
        self.ask("create a held pod on a node", "POST", &pods, &bound)
            .await;
        let path = format!("{pods}/one");
        self.ask("read it", "GET", &path, &Value::Null).await;
        let labelled = format!("{pods}?labelSelector={}", LABEL.replace('/', "%2F"));
        self.ask("list by label", "GET", &labelled, &Value::Null)
            .await;
        let strangers = format!("{pods}?labelSelector=elsewhere");
        self.ask("list by another label", "GET", &strangers, &Value::Null)
            .await;

        let uid = made["metadata"]["uid"].clone();
        let release = |uid: &Value| {
            json!({"metadata": {"uid": uid},
                   "spec": {"schedulingGates": [{"name": HOLD, "$patch": "delete"}]}})
        };
        let wrong = release(&"00000000-0000-4000-8000-0123456789ab".into());
        self.ask("release with a wrong uid", STRATEGIC, &path, &wrong)
            .await;
        let mut old = release(&uid);
        old["metadata"]["resourceVersion"] = "1".into();
        self.ask("release at an old version", STRATEGIC, &path, &old)
            .await;
        self.ask("release", STRATEGIC, &path, &release(&uid)).await;
        self.ask("release again", STRATEGIC, &path, &release(&uid))
            .await;
        let hold = json!({"spec": {"schedulingGates": [{"name": HOLD}]}});
        self.ask("hold what was released", STRATEGIC, &path, &hold)
            .await;
        let nowhere = format!("{pods}/nowhere");
        self.ask(
            "release what is not there",
            STRATEGIC,
            &nowhere,
            &release(&uid),
        )
        .await;

        let mut gated = self.pod("gated", true);
        gated["spec"]["schedulingGates"] = json!([{"name": HOLD}, {"name": "else.where/gate"}]);
        let gated = self
            .ask("create a pod with two gates", "POST", &pods, &gated)
            .await;
        let path = format!("{pods}/gated");
        let release = release(&gated["metadata"]["uid"]);
        self.ask("release our gate only", STRATEGIC, &path, &release)
            .await;
    }

    async fn deletions(&mut self) {
        let pods = self.pods_path();
        let path = format!("{pods}/held");
        let held = self.pod("held", true);
        let made = self
            .ask("create another held pod", "POST", &pods, &held)
            .await;
        let only = |uid: &Value, version: &Value| json!({"preconditions": {"uid": uid, "resourceVersion": version}});
        let (uid, version) = (&made["metadata"]["uid"], self.version("held").await);
        let other = json!("00000000-0000-4000-8000-0123456789ab");
        self.ask(
            "delete with a wrong uid",
            "DELETE",
            &path,
            &only(&other, &version),
        )
        .await;
        self.ask(
            "delete at an old version",
            "DELETE",
            &path,
            &only(uid, &"1".into()),
        )
        .await;
        let version = self.version("held").await;
        self.ask("delete a held pod", "DELETE", &path, &only(uid, &version))
            .await;
        self.ask("read what was deleted", "GET", &path, &Value::Null)
            .await;
        self.ask("delete it again", "DELETE", &path, &only(uid, &version))
            .await;
        self.ask("create the same name again", "POST", &pods, &held)
            .await;
        let late = json!({"preconditions": {"uid": uid}});
        self.ask("delete its predecessor", "DELETE", &path, &late)
            .await;

        let runs = self.running_pod("runs").await;
        self.ask("create a pod that runs", "POST", &pods, &runs)
            .await;
        let path = format!("{pods}/runs");
        self.until(&path, "it runs", |code, pod| {
            code == 200 && pod["status"]["phase"] == "Running"
        })
        .await;
        let deleted = send(&self.client, "DELETE", &path, "", json!({})).await;
        let dies = deleted.1["metadata"]["deletionTimestamp"].is_string();
        self.told
            .push(("delete a running pod".into(), json!([deleted.0, dies])));
        self.until(&path, "it is gone", |code, _| code == 404).await;
        self.ask("read it when it is gone", "GET", &path, &Value::Null)
            .await;
    }

    async fn schedules(&mut self) {
        let schedules = self.schedules_path();
        let beat = schedule("beat");
        let made = self
            .ask("create a schedule", "POST", &schedules, &beat)
            .await;
        self.ask("create the schedule again", "POST", &schedules, &beat)
            .await;
        let path = format!("{schedules}/beat");
        let status = format!("{path}/status");
        let version = &made["metadata"]["resourceVersion"];
        let claim = json!({"metadata": {"resourceVersion": version},
                           "status": {"lastOutcome": "One", "lastFireTime": "2026-01-01T00:00:00Z",
                                      // What the definition puts in where it is missing.
                                      "counts": {"failed": 0, "skipped": 0, "succeeded": 0}}});
        self.ask("write a status", MERGE, &status, &claim).await;
        self.ask("write it at an old version", MERGE, &status, &claim)
            .await;
        let free = json!({"status": {"lastOutcome": "Two", "lastFireTime": null}});
        self.ask("write it at any version", MERGE, &status, &free)
            .await;
        self.ask("write the same again", MERGE, &status, &free)
            .await;
        let spec = json!({"spec": {"suspend": true}, "status": {"lastOutcome": "Three"}});
        self.ask("write a spec with the status", MERGE, &status, &spec)
            .await;
        let spec = json!({"spec": {"suspend": false}, "status": {"lastOutcome": "Four"}});
        self.ask("write a status with the spec", MERGE, &path, &spec)
            .await;
        self.ask("write the same spec again", MERGE, &path, &spec)
            .await;
        // The status changes as well: for the label alone, which it doesn't take, Kubernetes 1.30 makes
        // a new version, and a newer one doesn't.
        let label = json!({"metadata": {"labels": {"a": "b"}}, "status": {"lastOutcome": "Five"}});
        self.ask("write a label with the status", MERGE, &status, &label)
            .await;
        let label = json!({"metadata": {"labels": {"a": "b"}}});
        self.ask("write a label", MERGE, &path, &label).await;
        let missing = format!("{schedules}/missing");
        let status = format!("{missing}/status");
        self.ask("write the status of none", MERGE, &status, &free)
            .await;
        self.ask(
            "read a schedule that is not there",
            "GET",
            &missing,
            &Value::Null,
        )
        .await;
        self.ask(
            "list the schedules",
            "GET",
            &format!("{schedules}?resourceVersion=0"),
            &Value::Null,
        )
        .await;
    }

    async fn garbage(&mut self) {
        let (pods, schedules) = (self.pods_path(), self.schedules_path());
        let owner = schedule("owner");
        let owner = self
            .ask("create an owner", "POST", &schedules, &owner)
            .await;
        let owned = self.owned("owned", &owner["metadata"]["uid"]);
        self.ask("create what it owns", "POST", &pods, &owned).await;
        let path = format!("{schedules}/owner");
        let (code, _) = send(&self.client, "DELETE", &path, "", json!({})).await;
        self.told.push(("delete the owner".into(), code.into()));
        let path = format!("{pods}/owned");
        self.until(&path, "what it owned is gone", |code, _| code == 404)
            .await;
        let orphan = self.owned("orphan", &"00000000-0000-4000-8000-0123456789ab".into());
        self.ask("create what nobody owns", "POST", &pods, &orphan)
            .await;
        let path = format!("{pods}/orphan");
        self.until(&path, "what nobody owned is gone", |code, _| code == 404)
            .await;
    }

    async fn watches(&mut self) {
        let pods = self.pods_path();
        let (_, list) = send(&self.client, "GET", &pods, "", Value::Null).await;
        let since = list["metadata"]["resourceVersion"]
            .as_str()
            .expect("a version")
            .to_owned();
        let seen = self.pod("seen", true);
        let seen = self
            .ask("create what is watched", "POST", &pods, &seen)
            .await;
        let path = format!("{pods}/seen");
        let release = json!({"metadata": {"uid": seen["metadata"]["uid"]},
                   "spec": {"schedulingGates": [{"name": HOLD, "$patch": "delete"}]}});
        self.ask("release what is watched", STRATEGIC, &path, &release)
            .await;
        let unlabel = json!({"metadata": {"labels": {LABEL: null}}});
        self.ask("take its label", STRATEGIC, &path, &unlabel).await;
        let relabel = json!({"metadata": {"labels": {LABEL: "beat"}}});
        self.ask("give its label back", STRATEGIC, &path, &relabel)
            .await;
        self.ask("delete what is watched", "DELETE", &path, &json!({}))
            .await;
        let selector = LABEL.replace('/', "%2F");
        let watch = format!(
            "{pods}?watch=true&allowWatchBookmarks=true&timeoutSeconds=2&labelSelector={selector}&resourceVersion={since}"
        );
        let mut last = Value::Null;
        for line in self.lines(&watch).await {
            let object = &line["object"];
            if line["type"] == "BOOKMARK" || object["metadata"]["name"] != "seen" {
                continue;
            }
            let told = json!([gates(object), labels(object)]);
            // The real scheduler says in the status what it thinks of the pod.
            if told != last || line["type"] != "MODIFIED" {
                let told = json!([line["type"], told]);
                self.told.push(("an event".into(), told));
            }
            last = told;
        }
        let path = self.schedules_path();
        let watch = format!("{path}?watch=true&timeoutSeconds=2&resourceVersion=1");
        let lines = self.lines(&watch).await;
        let object = &lines[0]["object"];
        let told = json!([
            lines.len(),
            lines[0]["type"],
            object["code"],
            object["reason"]
        ]);
        self.told.push(("watch from long ago".into(), told));
    }

    /// The events of a watch until its end.
    async fn lines(&self, path: &str) -> Vec<Value> {
        let (code, text) = send_raw(&self.client, "GET", path, "", Value::Null).await;
        assert_eq!(code, 200, "{path}");
        let lines = text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_slice(line).expect("an event"))
            .collect()
    }

    /// Asks, keeps what can be told of the answer, and gives it. `how` is a method, or the kind of a
    /// patch.
    async fn ask(&mut self, what: &str, how: &str, path: &str, body: &Value) -> Value {
        let (method, kind) = match how {
            MERGE | STRATEGIC => ("PATCH", how),
            method => (method, "application/json"),
        };
        let (code, answer) = send(&self.client, method, path, kind, body.clone()).await;
        let told = if code >= 300 {
            json!([code, answer["reason"]])
        } else if let Some(items) = answer["items"].as_array() {
            let names = items.iter().map(|item| item["metadata"]["name"].clone());
            json!([code, answer["kind"], Value::Array(names.collect())])
        } else {
            json!([code, self.object(&answer)])
        };
        self.told.push((what.into(), told));
        answer
    }

    /// What can be told of an object on any server.
    fn object(&mut self, object: &Value) -> Value {
        let meta = &object["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let key = text(&object["kind"]) + "/" + &text(&meta["name"]);
        let uid = text(&meta["uid"]);
        let place = self.uids.iter().position(|known| *known == uid);
        let place = place.unwrap_or_else(|| {
            self.uids.push(uid);
            self.uids.len() - 1
        });
        let version = text(&meta["resourceVersion"]);
        let before = self.versions.insert(key.clone(), version.clone());
        let mut told = json!({
            "what": key,
            "uid": place,
            "deleting": meta["deletionTimestamp"].is_string(),
            "labels": labels(object),
        });
        if object["kind"] == "Pod" {
            // The real scheduler writes pods too, so their versions tell nothing.
            told["gates"] = gates(object);
        } else {
            told["same version"] = (before.as_ref() == Some(&version)).into();
            told["generation"] = meta["generation"].clone();
            told["suspend"] = object["spec"]["suspend"].clone();
            told["status"] = object["status"].clone();
        }
        told
    }

    async fn until(&self, path: &str, what: &str, is: impl Fn(u16, &Value) -> bool) {
        let look = async || {
            let (code, object) = send(&self.client, "GET", path, "", Value::Null).await;
            is(code, &object).then_some(())
        };
        until(what, look).await;
    }

    /// The version of a pod now.
    async fn version(&self, name: &str) -> Value {
        let path = format!("{}/{name}", self.pods_path());
        let (_, pod) = send(&self.client, "GET", &path, "", Value::Null).await;
        pod["metadata"]["resourceVersion"].clone()
    }

    fn pods_path(&self) -> String {
        format!("/api/v1/namespaces/{}/pods", self.namespace)
    }

    fn schedules_path(&self) -> String {
        let namespace = &self.namespace;
        format!("/apis/punctual.dev/v1alpha1/namespaces/{namespace}/scheduledcontainers")
    }

    /// A pod that no node takes.
    fn pod(&self, name: &str, held: bool) -> Value {
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": name,
                "labels": {LABEL: "beat"},
                "annotations": {"memory/unschedulable": ""},
            },
            "spec": {
                "nodeSelector": {"punctual.dev/no-such-node": ""},
                "containers": [{"name": "main", "image": "busybox"}],
            },
        });
        if held {
            pod["spec"]["schedulingGates"] = json!([{"name": HOLD}]);
        }
        pod
    }

    async fn running_pod(&self, name: &str) -> Value {
        let mut pod = self.pod(name, false);
        let template = cluster::short_run(600_000).await;
        pod["spec"] = template["spec"].clone();
        pod["metadata"]["annotations"] = template["metadata"]["annotations"].clone();
        pod["metadata"]["annotations"]["memory/takes"] = "600000".into();
        pod
    }

    fn owned(&self, name: &str, owner: &Value) -> Value {
        let mut pod = self.pod(name, true);
        pod["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "punctual.dev/v1alpha1", "kind": "ScheduledContainer",
            "name": "owner", "uid": owner, "controller": true,
        }]);
        pod
    }
}

fn schedule(name: &str) -> Value {
    json!({
        "apiVersion": "punctual.dev/v1alpha1", "kind": "ScheduledContainer",
        "metadata": {"name": name},
        "spec": {
            "schedule": "0 0 0 1 1 ? 2099", "suspend": false,
            "template": {"spec": {"containers": [{"name": "main", "image": "busybox"}]}},
        },
    })
}

fn gates(pod: &Value) -> Value {
    let gates = pod["spec"]["schedulingGates"].as_array();
    let names = gates.into_iter().flatten().map(|gate| gate["name"].clone());
    Value::Array(names.collect())
}

/// The labels of an object, where none is as good as an empty list of them.
fn labels(object: &Value) -> Value {
    let labels = &object["metadata"]["labels"];
    match labels.as_object().is_some_and(|labels| !labels.is_empty()) {
        true => labels.clone(),
        false => Value::Null,
    }
}

async fn send(client: &Client, method: &str, path: &str, kind: &str, body: Value) -> (u16, Value) {
    let (code, text) = send_raw(client, method, path, kind, body).await;
    (code, serde_json::from_slice(&text).expect("an object"))
}

async fn send_raw(
    client: &Client,
    method: &str,
    path: &str,
    kind: &str,
    body: Value,
) -> (u16, Bytes) {
    let body = match body {
        Value::Null => Body::empty(),
        body => Body::from(body.to_string().into_bytes()),
    };
    let mut request = http::Request::builder().method(method).uri(path);
    if !kind.is_empty() {
        request = request.header(http::header::CONTENT_TYPE, kind);
    }
    let request = request.body(body).expect("a request");
    let answer = client.send(request).await.expect("an answer");
    let code = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a whole answer");
    (code, body.to_bytes())
}
