//! Hostile and unlucky, on a real API server: what it refuses, what goes away, and what somebody
//! else has written. None of it silences a schedule, starts a fire twice or touches a stranger's pod.
//!
//! Run with `cargo test --test cluster_hostile`, on the cluster that `KUBECONFIG` names.

mod cluster;

use cluster::{controller::Controller, history::History, place::Place, short_run};
use k8s_openapi::api::{
    admissionregistration::v1::{
        ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
    },
    core::v1::{Namespace, Pod},
};
use kube::{
    Api, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use punctual::{
    api::{ScheduledContainer, ScheduledContainerStatus},
    cluster::observe::ObservedSchedule,
};
use serde_json::{Value, json};

fn main() {
    cluster::run(tests![
        a_webhook_that_is_down_is_told_and_the_run_starts_when_it_is_gone,
        a_policy_that_refuses_pods_makes_skips_and_is_told,
        a_status_written_by_hand_silences_no_schedule_and_touches_no_stranger,
        a_namespace_that_is_deleted_goes_at_once,
        the_largest_specs_run_or_are_refused_and_stop_no_other,
    ])
}

async fn every_second() -> Value {
    json!({
        "schedule": "* * * * * *",
        "successfulRunsHistoryLimit": 1,
        "template": short_run(100).await,
    })
}

/// An object of the whole cluster that goes with its test.
struct Installed(&'static str, String);

impl Installed {
    async fn new<K>(place: &Place, kind: &'static str, object: Value) -> Self
    where
        K: Resource<DynamicType = ()> + Clone + std::fmt::Debug,
        K: serde::de::DeserializeOwned + serde::Serialize,
    {
        let name = object["metadata"]["name"]
            .as_str()
            .expect("a name")
            .to_owned();
        let object: K = serde_json::from_value(object).expect("an object");
        let api: Api<K> = Api::all(place.client.clone());
        let created = api.create(&PostParams::default(), &object).await;
        created.expect("it should be accepted");
        Self(kind, name)
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        let _ = std::process::Command::new("kubectl")
            .arg(format!("--context={}", cluster::context()))
            .args(["delete", self.0, &self.1])
            .output();
    }
}

fn only_here(place: &Place) -> Value {
    json!({"matchLabels": {"kubernetes.io/metadata.name": place.namespace}})
}

async fn a_webhook_that_is_down_is_told_and_the_run_starts_when_it_is_gone() {
    let (place, other) = (Place::new("webhook").await, Place::new("beside").await);
    let history = History::watch(&place).await;
    let webhook = Installed::new::<ValidatingWebhookConfiguration>(
        &place,
        "validatingwebhookconfiguration",
        json!({
            "metadata": {"name": place.namespace},
            "webhooks": [{
                "name": "down.punctual.dev", "failurePolicy": "Fail", "sideEffects": "None",
                "admissionReviewVersions": ["v1"], "timeoutSeconds": 1,
                // The port of discard: nobody listens.
                "clientConfig": {"url": "https://127.0.0.1:9/"},
                "namespaceSelector": only_here(&place),
                "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"],
                           "resources": ["pods"]}],
            }],
        }),
    )
    .await;
    let controller = Controller::start(&place, &[]).await;
    let beside = Controller::start(&other, &[]).await;
    place.put("beat", every_second().await).await;
    other.put("good", every_second().await).await;
    let event = place.until_event("beat", "CannotProceed").await;
    let note = event.note.unwrap_or_default();
    assert!(note.contains("webhook"), "{note}");
    other.until_ended("good", 3).await;
    assert_eq!(history.starts("beat").len(), 0);
    drop(webhook);
    place.until_ended("beat", 3).await;
    history.settle(&place, "beat", 1).await;
    drop((controller, beside));
}

async fn a_policy_that_refuses_pods_makes_skips_and_is_told() {
    let place = Place::new("policy").await;
    let history = History::watch(&place).await;
    let policy = Installed::new::<ValidatingAdmissionPolicy>(
        &place,
        "validatingadmissionpolicy",
        json!({
            "metadata": {"name": place.namespace},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [{
                    "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"],
                    "resources": ["pods"]}]},
                "validations": [{"expression": "false", "message": "no pods today"}],
            },
        }),
    )
    .await;
    let binding = Installed::new::<ValidatingAdmissionPolicyBinding>(
        &place,
        "validatingadmissionpolicybinding",
        json!({
            "metadata": {"name": place.namespace},
            "spec": {
                "policyName": place.namespace, "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": only_here(&place)},
            },
        }),
    )
    .await;
    // It takes the API server a moment to act on it.
    let pod = json!({"metadata": {"name": "probe"}, "spec": short_run(0).await["spec"]});
    let pod: Pod = serde_json::from_value(pod).expect("a pod");
    let trial = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let refuses = async || {
        place
            .pods()
            .create(&trial, &pod)
            .await
            .is_err()
            .then_some(())
    };
    cluster::until("the policy refuses pods", refuses).await;

    let controller = Controller::start(&place, &[]).await;
    place.put("beat", every_second().await).await;
    let refused = place.until_ready("beat", false, "CreateRefused").await;
    assert!(refused.message.contains("no pods today"), "{refused:?}");
    let skipped = |status: &ScheduledContainerStatus| status.counts.skipped >= 3;
    place
        .until_status("beat", "fires are skipped", skipped)
        .await;
    drop((binding, policy));
    place.until_ended("beat", 2).await;
    place.until_ready("beat", true, "Ready").await;
    history.settle(&place, "beat", 1).await;
    drop(controller);
}

async fn a_status_written_by_hand_silences_no_schedule_and_touches_no_stranger() {
    let place = Place::new("by-hand").await;
    let history = History::watch(&place).await;
    let controller = Controller::start(&place, &[]).await;
    let mut stranger = short_run(600_000).await;
    stranger["metadata"]["name"] = "stranger".into();
    let stranger: Pod = serde_json::from_value(stranger).expect("a pod");
    let stranger = place.pods().create(&PostParams::default(), &stranger).await;
    let stranger = stranger.expect("the stranger").metadata;
    let run = |name: &str, uid: &str| {
        json!([{"name": name, "uid": uid, "stopping": "Replaced",
        "fireTime": "2999-01-01T00:00:00Z", "claimTime": "2999-01-01T00:00:00Z"}])
    };
    let uid = stranger.uid.clone().expect("a uid");
    let mut spec = every_second().await;
    spec["activeDeadlineSeconds"] = 5.into();
    place.put("beat", spec).await;
    let mut ended = place.until_ended("beat", 2).await.counts;
    let mut accepted = 0;
    // What the API server takes is not always what our own types can read.
    let schedules: Api<ObservedSchedule> = Api::namespaced(place.client.clone(), &place.namespace);
    for wrong in [
        json!({"lastFireTime": "2999-01-01T00:00:00Z"}),
        json!({"lastFireTime": "9999-12-31T23:59:59Z"}),
        json!({"lastFireTime": "2026-11-20T12:00:00"}),
        json!({"lastFireTime": null, "lastRunTime": null}),
        json!({"lastRunTime": "2999-01-01T00:00:00Z"}),
        json!({"observedSince": "2999-01-01T00:00:00Z"}),
        json!({"observedSchedule": "(((("}),
        json!({"active": run("stranger", &uid)}),
        json!({"active": run("../../../kube-system/pods/x", &uid)}),
        json!({"active": run("nobody", "00000000-0000-4000-8000-000000000000")}),
        json!({"queued": [{"fireTime": "2999-01-01T00:00:00Z"}]}),
        json!({"counts": {"skipped": i64::MAX}}),
        json!({"lastOutcome": "x".repeat(1_000_000)}),
        // These no API server takes.
        json!({"counts": {"succeeded": -1}}),
        json!({"active": "none"}),
        json!({"lastFireTime": 5}),
    ] {
        let patch = Patch::Merge(json!({"status": wrong}));
        let params = PatchParams::default();
        let patched = async || match schedules.patch_status("beat", &params, &patch).await {
            Ok(_) => Some(true),
            Err(kube::Error::Api(refusal)) if refusal.code == 422 => Some(false),
            Err(_) => None,
        };
        let taken = cluster::until_at_once("it is written", patched).await;
        println!(
            "{taken}: {}",
            wrong.to_string().chars().take(80).collect::<String>()
        );
        accepted += u32::from(taken);
        ended = place
            .until_ended("beat", ended.succeeded + ended.failed + 2)
            .await
            .counts;
    }
    assert!(
        accepted >= 10,
        "the API server took only {accepted} of them"
    );
    place.until_event("beat", "StatusRepaired").await;
    assert!(history.starts("beat").len() > 30);
    let after = place
        .pods()
        .get("stranger")
        .await
        .expect("it is there")
        .metadata;
    assert_eq!((after.uid, after.deletion_timestamp), (stranger.uid, None));
    drop(controller);
}

async fn a_namespace_that_is_deleted_goes_at_once() {
    let (place, other) = (Place::new("going").await, Place::new("staying").await);
    let controller = Controller::start(&place, &[]).await;
    let beside = Controller::start(&other, &[]).await;
    place.put("beat", every_second().await).await;
    other.put("good", every_second().await).await;
    place.until_ended("beat", 2).await;
    let namespaces: Api<Namespace> = Api::all(place.client.clone());
    let deleted = namespaces
        .delete(&place.namespace, &DeleteParams::default())
        .await;
    deleted.expect("it should be deleted");
    let gone = async || {
        let found = namespaces.get_opt(&place.namespace).await.ok()?;
        found.is_none().then_some(())
    };
    cluster::until("the namespace is gone", gone).await;
    let runs = other.status("good").await.counts.succeeded;
    other.until_ended("good", runs + 2).await;
    drop((controller, beside));
}

async fn the_largest_specs_run_or_are_refused_and_stop_no_other() {
    let place = Place::new("large").await;
    let controller = Controller::start(&place, &[]).await;
    place.put("good", every_second().await).await;
    let with_args = async |args: Value| {
        let mut spec = every_second().await;
        spec["template"]["spec"]["containers"][0]["args"] = args;
        spec
    };
    // Short, but each of them would be something in memory.
    let many = with_args(json!(vec!["a"; 30_000])).await;
    place.put("many", many).await;
    let refused = place.until_ready("many", false, "InvalidSpec").await;
    assert!(
        refused.message.contains("more than 10000 values"),
        "{refused:?}"
    );
    let large = with_args(json!(vec!["x".repeat(1_000); 1_000])).await;
    place.put("large", large).await;
    place.until_ended("large", 2).await;
    let larger = with_args(json!(vec!["x".repeat(1_000); 2_000])).await;
    let larger = json!({"metadata": {"name": "larger"}, "spec": larger});
    let larger: ScheduledContainer = serde_json::from_value(larger).expect("a schedule");
    let created = place
        .schedules()
        .create(&PostParams::default(), &larger)
        .await;
    let refusal = created
        .expect_err("etcd takes no more than 1.5 MiB")
        .to_string();
    assert!(refusal.contains("too large"), "{refusal}");
    let runs = place.status("good").await.counts.succeeded;
    place.until_ended("good", runs + 3).await;
    drop(controller);
}
