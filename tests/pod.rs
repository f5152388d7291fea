//! From a template to the held pod of a run.

use jiff::{Timestamp, tz::TimeZone};
use punctual::{
    api::{RawJson, ScheduledContainerSpec},
    cluster::pod::pod,
    core::{schedule::Schedule, schedule_ref::ScheduleRef},
};
use serde_json::{Value, json};

/// The pod that is built from a template, for a schedule with a deadline of 60 s.
fn built(template: Value) -> Value {
    let template = RawJson::from(&template);
    let spec = json!({"schedule": "@daily", "activeDeadlineSeconds": 60, "template": template});
    let spec: ScheduledContainerSpec = serde_json::from_value(spec).unwrap();
    let identity = ScheduleRef {
        namespace: "shop".into(),
        name: "backup".into(),
        uid: "0b5ff1f1-6b1c-4d0c-8d8e-3a8e1c3cf1d8".into(),
    };
    let created = Timestamp::UNIX_EPOCH;
    let schedule = Schedule::parse(
        identity,
        7,
        created,
        &spec,
        &std::sync::Arc::new(punctual::core::almanac::Almanac::new(TimeZone::UTC)),
    );
    pod(
        &schedule,
        "2026-11-20T18:45:10Z".parse().unwrap(),
        "backup-20261120-184510",
    )
}

fn with_spec(spec: Value) -> Value {
    built(json!({"spec": spec}))
}

#[test]
fn a_run_is_named_marked_and_owned() {
    let pod = built(json!({
        "metadata": {"labels": {"team": "storage"}, "annotations": {"note": "n"}},
        "spec": {"containers": [{"name": "main", "image": "busybox"}]},
    }));
    assert_eq!(pod["kind"], "Pod");
    let metadata = &pod["metadata"];
    assert_eq!(metadata["name"], "backup-20261120-184510");
    assert_eq!(metadata["namespace"], "shop");
    let labels = json!({"team": "storage", "punctual.dev/schedule": "backup"});
    assert_eq!(metadata["labels"], labels);
    let annotations = json!({
        "note": "n",
        "punctual.dev/fire-time": "2026-11-20T18:45:10Z",
        "punctual.dev/generation": "7",
    });
    assert_eq!(metadata["annotations"], annotations);
    let owner = &metadata["ownerReferences"][0];
    assert_eq!(owner["uid"], "0b5ff1f1-6b1c-4d0c-8d8e-3a8e1c3cf1d8");
    assert_eq!(owner["blockOwnerDeletion"], false);
}

#[test]
fn a_template_can_t_give_what_is_ours_to_give() {
    let pod = built(json!({
        "metadata": {
            "name": "mine", "namespace": "elsewhere", "generateName": "x-", "uid": "1",
            "finalizers": ["example.com/never"],
            "ownerReferences": [{"uid": "2"}],
            "annotations": {"punctual.dev/fire-time": "2000-01-01T00:00:00Z"},
        },
        "spec": {"containers": []},
    }));
    let metadata = pod["metadata"].as_object().unwrap();
    assert_eq!(metadata["name"], "backup-20261120-184510");
    assert_eq!(metadata["namespace"], "shop");
    assert_eq!(
        metadata["annotations"]["punctual.dev/fire-time"],
        "2026-11-20T18:45:10Z"
    );
    assert_eq!(metadata["ownerReferences"].as_array().unwrap().len(), 1);
    for key in ["generateName", "uid", "finalizers"] {
        assert!(!metadata.contains_key(key), "{key}");
    }
}

#[test]
fn our_gate_joins_those_of_the_template_once() {
    let gates = |spec| with_spec(spec)["spec"]["schedulingGates"].clone();
    let ours = json!({"name": "punctual.dev/hold"});
    assert_eq!(gates(json!({})), json!([ours]));
    let others = json!({"schedulingGates": [{"name": "example.com/wait"}, ours]});
    assert_eq!(gates(others), json!([{"name": "example.com/wait"}, ours]));
}

#[test]
fn what_the_template_leaves_open_is_set_for_a_run() {
    let spec = with_spec(json!({
        "containers": [{"name": "a"}, {"name": "b", "terminationMessagePolicy": "File"}],
        "initContainers": [{"name": "c"}],
    }))["spec"]
        .clone();
    assert_eq!(spec["restartPolicy"], "Never");
    assert_eq!(spec["activeDeadlineSeconds"], 60);
    assert_eq!(
        spec["containers"][0]["terminationMessagePolicy"],
        "FallbackToLogsOnError"
    );
    assert_eq!(spec["containers"][1]["terminationMessagePolicy"], "File");
    assert_eq!(
        spec["initContainers"][0]["terminationMessagePolicy"],
        "FallbackToLogsOnError"
    );
    let chosen = with_spec(json!({"restartPolicy": "OnFailure"}));
    assert_eq!(chosen["spec"]["restartPolicy"], "OnFailure");
}

#[test]
fn a_named_node_becomes_an_affinity_since_a_gated_pod_may_not_name_one() {
    let field = json!({"key": "metadata.name", "operator": "In", "values": ["n1"]});
    let terms = |spec: Value| {
        let spec = with_spec(spec)["spec"].clone();
        assert_eq!(spec.get("nodeName"), None);
        spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
            ["nodeSelectorTerms"]
            .clone()
    };
    assert_eq!(
        terms(json!({"nodeName": "n1"})),
        json!([{"matchFields": [field]}])
    );

    // Terms are alternatives: the node must be in each.
    let zone =
        |name| json!({"matchExpressions": [{"key": "zone", "operator": "In", "values": [name]}]});
    let required = json!({"nodeSelectorTerms": [zone("a"), zone("b")]});
    let affinity = json!({
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required},
    });
    let both = terms(json!({"nodeName": "n1", "affinity": affinity}));
    for term in both.as_array().unwrap() {
        assert_eq!(term["matchFields"], json!([field]));
        assert_eq!(term["matchExpressions"][0]["key"], "zone");
    }
    assert_eq!(both.as_array().unwrap().len(), 2);
}

#[test]
fn fields_that_this_program_does_not_know_pass() {
    let pod = with_spec(json!({"newField": {"deep": [1, 2]}, "containers": [{"newer": true}]}));
    assert_eq!(pod["spec"]["newField"], json!({"deep": [1, 2]}));
    assert_eq!(pod["spec"]["containers"][0]["newer"], true);
}

#[test]
fn a_template_of_the_wrong_shape_makes_a_pod_that_the_api_server_can_refuse() {
    for template in [
        json!({"spec": 1}),
        json!({"metadata": [], "spec": {"affinity": 3}}),
        json!({
            "metadata": {"labels": 1}, "spec": {"nodeName": "n", "affinity": "x", "containers": 1},
        }),
    ] {
        assert_eq!(
            built(template)["spec"]["schedulingGates"][0]["name"],
            "punctual.dev/hold"
        );
    }
}
