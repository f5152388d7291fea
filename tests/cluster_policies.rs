//! The policies of `deploy/policies` on a real API server: who is let through, who is refused, and
//! that the controller, with its own rights and no others, does all its work within them.
//!
//! Run with `cargo test --test cluster_policies`, on the cluster that `KUBECONFIG` names.

mod cluster;

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use cluster::{controller::Controller, kubectl, place::Place, short_run, until};
use kube::ResourceExt;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

const CONTROLLER: &str = "system:serviceaccount:punctual-system:punctual";
const RIGHTS: [&str; 2] = [
    "--filename=deploy/namespace.yaml",
    "--filename=deploy/rbac.yaml",
];
/// They go again: they are rules for others, too.
const POLICIES: &str = "--kustomize=deploy/policies";

static INSTALLED: OnceCell<()> = OnceCell::const_new();

fn main() {
    let tests = tests![
        who_may_not_create_pods_writes_no_template,
        the_controller_is_refused_what_it_never_does,
        the_controller_works_within_its_rights_and_limits,
    ];
    let conclusion = cluster::run_at_once(tests.len(), tests);
    if INSTALLED.initialized() {
        kubectl(&["delete", POLICIES]);
    }
    conclusion.exit()
}

/// A place, with the policies active.
async fn place(what: &str) -> Place {
    let place = Place::new(what).await;
    INSTALLED.get_or_init(async || install(&place).await).await;
    place
}

async fn install(place: &Place) {
    for manifest in RIGHTS.into_iter().chain([POLICIES]) {
        kubectl(&["apply", manifest]);
    }
    allow(place, "probe", "scheduledcontainers.punctual.dev");
    let active = async |user: &str, object: Value, told: &str| {
        until("the policy is active", async || {
            let answer = ask(place, user, &["create", "--dry-run=server"], &object);
            answer.is_err_and(|it| it.contains(told)).then_some(())
        })
        .await;
    };
    active("probe", schedule("probe"), "may not create pods").await;
    active(CONTROLLER, pod("probe", json!({})), "touches no pods").await;
}

async fn who_may_not_create_pods_writes_no_template() {
    let place = place("pod-rights").await;
    for user in ["with", "without"] {
        allow(&place, user, "scheduledcontainers.punctual.dev");
    }
    allow(&place, "with", "pods");

    let create = |user, name| ask(&place, user, &["create"], &schedule(name));
    refused(create("without", "one"), "without may not create pods");
    create("with", "one").unwrap();
    let patch = |user, patch: Value| {
        let patch = format!("--patch={patch}");
        let arguments = ["patch", "schedules", "one", "--type=merge", &patch];
        ask(&place, user, &arguments, &Value::Null)
    };
    let template = json!({"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}});
    refused(patch("without", template.clone()), "may not create pods");
    patch("with", template).unwrap();
    patch("without", json!({"metadata": {"labels": {"a": "b"}}})).unwrap();
    patch("without", json!({"spec": {"suspend": true}})).unwrap();
    // As entries of the schedule file are written.
    let apply = ["apply", "--server-side"];
    ask(&place, CONTROLLER, &apply, &schedule("two")).unwrap();
    refused(
        ask(&place, "without", &apply, &schedule("three")),
        "may not create pods",
    );
}

async fn the_controller_is_refused_what_it_never_does() {
    let place = place("limits").await;
    let owner = place.put("owner", schedule("owner")["spec"].clone()).await;
    let owner = json!([{
        "apiVersion": "punctual.dev/v1alpha1", "kind": "ScheduledContainer", "controller": true,
        "name": "owner", "uid": owner.uid(),
    }]);
    let uid = kubectl(&[
        "get",
        "namespace",
        &place.namespace,
        "-o=jsonpath={.metadata.uid}",
    ]);
    let stranger = json!([{
        "apiVersion": "v1", "kind": "Namespace", "controller": true,
        "name": place.namespace, "uid": uid,
    }]);
    let label = json!({"punctual.dev/schedule": "owner"});
    let hold = json!([{"name": "punctual.dev/hold"}, {"name": "example.com/other"}]);

    let create = |name, metadata: Value, gates: &Value| {
        let mut pod = pod(name, metadata);
        pod["spec"]["schedulingGates"] = gates.clone();
        ask(&place, CONTROLLER, &["create"], &pod)
    };
    let plain = create("plain", json!({}), &json!([]));
    refused(plain, "touches no pods but those of schedules");
    let another = json!({"ownerReferences": stranger, "labels": label});
    refused(create("another", another.clone(), &hold), "touches no pods");
    let orphan = json!({"labels": label});
    refused(create("orphan", orphan.clone(), &hold), "touches no pods");
    let owned = json!({"ownerReferences": owner, "labels": label});
    refused(
        create("free", owned.clone(), &json!([])),
        "only pods that its gate holds",
    );
    create("run", owned, &hold).unwrap();

    let patch = |name, patch: Value| {
        let patch = format!("--patch={patch}");
        ask(
            &place,
            CONTROLLER,
            &["patch", "pod", name, &patch],
            &Value::Null,
        )
    };
    let image = json!({"spec": {"containers": [{"name": "main", "image": "other"}]}});
    let release = |gate| json!({"spec": {"schedulingGates": [{"name": gate, "$patch": "delete"}]}});
    let deadline = |seconds| json!({"spec": {"activeDeadlineSeconds": seconds}});
    let rows = [
        (image.clone(), "nothing in a pod but its gate"),
        (
            json!({"spec": {"tolerations": [{"key": "a", "operator": "Exists"}]}}),
            "nothing in a pod",
        ),
        (
            json!({"spec": {"nodeSelector": {"a": "b"}}}),
            "nothing in a pod",
        ),
        (json!({"metadata": {"labels": {"a": "b"}}}), "no metadata"),
        (
            json!({"metadata": {"annotations": {"a": "b"}}}),
            "no metadata",
        ),
        (
            json!({"metadata": {"finalizers": ["a.example/b"]}}),
            "no metadata",
        ),
        (release("example.com/other"), "no gate away but its own"),
        (deadline(60), "no deadline"),
    ];
    for (change, told) in rows {
        refused(patch("run", change), told);
    }
    patch("run", release("punctual.dev/hold")).unwrap();
    patch("run", deadline(1)).unwrap();

    for (name, metadata) in [
        ("foreign", json!({})),
        ("stolen", another),
        ("lost", orphan),
    ] {
        kubectl_with(&place, &["create"], &pod(name, metadata)).unwrap();
    }
    let delete = |name| {
        let arguments = ["delete", "pod", name, "--wait=false"];
        ask(&place, CONTROLLER, &arguments, &Value::Null)
    };
    refused(patch("foreign", image), "touches no pods");
    for name in ["foreign", "stolen"] {
        refused(delete(name), "touches no pods");
    }
    // A run whose owner somebody took away is still a run.
    for name in ["lost", "run"] {
        delete(name).unwrap();
    }
}

/// It makes, releases, stops and removes runs, tries templates, and writes a file's entries.
async fn the_controller_works_within_its_rights_and_limits() {
    let place = place("limited").await;
    let mut config: Value = serde_json::from_str(&kubectl(&[
        "config", "view", "--raw", "--minify", "-o=json",
    ]))
    .unwrap();
    config["users"][0]["user"]["as"] = CONTROLLER.into();
    let folder = std::env::temp_dir().join(&place.namespace);
    std::fs::create_dir(&folder).unwrap();
    let (kubeconfig, file) = (folder.join("kubeconfig"), folder.join("schedule.yml"));
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    let entry = json!({"cron": "* * * * * *", "template": "run.json"});
    std::fs::write(folder.join("run.json"), run_of(100).await.to_string()).unwrap();
    std::fs::write(&file, json!({"from-file": entry}).to_string()).unwrap();
    let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
    let file = format!("--schedule-file={}", file.display());
    let controller = Controller::start_with(&place, &[&kubeconfig, &file]).await;

    let spec = |policy: &str, template: Value| {
        json!({
            "schedule": "* * * * * *", "successfulRunsHistoryLimit": 1,
            "concurrencyPolicy": policy, "template": template,
        })
    };
    place
        .put("quick", spec("Forbid", short_run(100).await))
        .await;
    place
        .put("replaced", spec("Replace", short_run(600_000).await))
        .await;
    place.until_ended("quick", 3).await;
    place.until_ended("replaced", 2).await;
    place.until_ended("from-file", 2).await;
    place
        .until_runs("quick", "old runs are removed", |pods| pods.len() <= 2)
        .await;
    place.until_ready("quick", true, "Ready").await;
    drop(controller);
    std::fs::remove_dir_all(folder).unwrap();
}

async fn run_of(milliseconds: u32) -> Value {
    let mut pod = short_run(milliseconds).await;
    pod["kind"] = "Pod".into();
    pod
}

fn schedule(name: &str) -> Value {
    json!({
        "apiVersion": "punctual.dev/v1alpha1", "kind": "ScheduledContainer",
        "metadata": {"name": name},
        "spec": {"schedule": "", "template": {"spec": {"containers": [{"name": "main", "image": "a"}]}}},
    })
}

/// One that no node takes.
fn pod(name: &str, mut metadata: Value) -> Value {
    metadata["name"] = name.into();
    let containers = json!([{"name": "main", "image": "a"}]);
    let spec = json!({"containers": containers, "nodeSelector": {"no": "node"}});
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// Lets a user write a resource in a place.
fn allow(place: &Place, user: &str, resource: &str) {
    let name = format!("{user}-{}", resource.split('.').next().unwrap());
    let none = Value::Null;
    let resource = format!("--resource={resource}");
    let verbs = "--verb=get,create,patch";
    kubectl_with(place, &["create", "role", &name, verbs, &resource], &none).unwrap();
    let (role, user) = (format!("--role={name}"), format!("--user={user}"));
    kubectl_with(
        place,
        &["create", "rolebinding", &name, &role, &user],
        &none,
    )
    .unwrap();
}

/// Runs kubectl as this user, with this object unless it is null.
fn ask(place: &Place, user: &str, arguments: &[&str], object: &Value) -> Result<String, String> {
    let user = format!("--as={user}");
    kubectl_with(place, &[arguments, &[&user]].concat(), object)
}

fn kubectl_with(place: &Place, arguments: &[&str], object: &Value) -> Result<String, String> {
    let mut command = Command::new("kubectl");
    command.arg(format!("--context={}", cluster::context()));
    command
        .args(["--namespace", &place.namespace])
        .args(arguments);
    if !object.is_null() {
        command.arg("--filename=-");
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("these tests need kubectl in PATH");
    let mut input = child.stdin.take().expect("its input");
    // It may have failed before it reads.
    let _ = input.write_all(object.to_string().as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("its output");
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    match output.status.success() {
        true => Ok(text(&output.stdout)),
        false => Err(text(&output.stderr)),
    }
}

fn refused(answer: Result<String, String>, told: &str) {
    let refusal = answer.expect_err("it should be refused");
    assert!(refusal.contains(told), "{refusal}");
}
