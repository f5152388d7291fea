//! From a template to the held pod of a run.

use jiff::{Timestamp, tz::TimeZone};
use punctual::{
    api::{RawJson, ScheduledContainerSpec},
    cluster::pod::{join_trace, pod},
    core::{run::RunId, schedule::Schedule, schedule_ref::ScheduleRef},
};
use serde_json::{Value, json};

/// The pod that is built from a template, for a schedule with a deadline of 60 s.
fn built(template: Value) -> Value {
    built_for("@daily", "Europe/Berlin", template)
}

fn built_for(schedule: &str, zone: &str, template: Value) -> Value {
    let template = RawJson::from(&template);
    let spec = json!({
        "schedule": schedule, "timeZone": zone, "activeDeadlineSeconds": 60, "template": template,
    });
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
        RunId::first("2026-11-20T18:45:10Z".parse().unwrap()),
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
        "punctual.dev/attempt": "1",
        "punctual.dev/fire-time": "2026-11-20T19:45:10+01:00",
        "punctual.dev/generation": "7",
        "punctual.dev/next-fire-time": "2026-11-21T00:00:00+01:00",
        "punctual.dev/previous-fire-time": "2026-11-20T00:00:00+01:00",
        "punctual.dev/run": "backup-20261120-184510",
        "punctual.dev/schedule": "backup",
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
        "2026-11-20T19:45:10+01:00"
    );
    assert_eq!(metadata["ownerReferences"].as_array().unwrap().len(), 1);
    for key in ["generateName", "uid", "finalizers"] {
        assert!(!metadata.contains_key(key), "{key}");
    }
}

/// The environment of a container, as `NAME=value` and in its order.
fn environment(container: &Value) -> Vec<String> {
    let variables = container["env"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    variables
        .map(|one| format!("{}={}", text(&one["name"]), text(&one["value"])))
        .collect()
}

#[test]
fn every_container_is_told_of_its_run_before_its_own_variables() {
    let pod = with_spec(json!({
        "containers": [
            {"name": "a", "env": [
                {"name": "SINCE", "value": "$(PUNCTUAL_FIRE_TIME)"},
                {"name": "PUNCTUAL_RUN", "value": "mine"},
                {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            ]},
            {"name": "b"},
        ],
        "initContainers": [
            {"name": "c", "env": null},
            {"name": "sidecar", "restartPolicy": "Always"},
        ],
    }));
    let told = [
        "PUNCTUAL_FIRE_TIME=2026-11-20T19:45:10+01:00",
        "PUNCTUAL_PREVIOUS_FIRE_TIME=2026-11-20T00:00:00+01:00",
        "PUNCTUAL_NEXT_FIRE_TIME=2026-11-21T00:00:00+01:00",
        "PUNCTUAL_SCHEDULE=backup",
        "PUNCTUAL_RUN=backup-20261120-184510",
        "PUNCTUAL_ATTEMPT=1",
    ];
    let spec = &pod["spec"];
    for (container, own) in [
        (
            &spec["containers"][0],
            vec!["SINCE=$(PUNCTUAL_FIRE_TIME)", "SECRET=?"],
        ),
        (&spec["containers"][1], vec![]),
        (&spec["initContainers"][0], vec![]),
        (&spec["initContainers"][1], vec![]),
    ] {
        let environment = environment(container);
        assert_eq!(
            environment,
            [&told[..], &own[..]].concat(),
            "{}",
            container["name"]
        );
    }
    assert_eq!(
        spec["containers"][0]["env"][7]["valueFrom"]["secretKeyRef"]["key"],
        "k"
    );
}

#[test]
fn a_fire_without_a_next_one_leaves_the_variable_empty_and_the_annotation_out() {
    let template = json!({
        "metadata": {"annotations": {"punctual.dev/next-fire-time": "soon"}},
        "spec": {"containers": [{"name": "main"}]},
    });
    let pod = built_for("10 45 18 20 11 ? 2026", "UTC", template);
    let environment = environment(&pod["spec"]["containers"][0]);
    assert_eq!(environment[2], "PUNCTUAL_NEXT_FIRE_TIME=");
    let annotations = pod["metadata"]["annotations"].as_object().unwrap();
    assert!(!annotations.contains_key("punctual.dev/next-fire-time"));
}

#[test]
fn the_annotation_of_the_fire_reads_as_the_same_instant_in_every_zone() {
    for zone in ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"] {
        let pod = built_for("@daily", zone, json!({"spec": {"containers": []}}));
        let shown = &pod["metadata"]["annotations"]["punctual.dev/fire-time"];
        let fire: Timestamp = shown.as_str().unwrap().parse().unwrap();
        assert_eq!(fire.to_string(), "2026-11-20T18:45:10Z", "{zone}");
    }
}

#[test]
fn an_environment_of_the_wrong_shape_is_left_for_the_api_server_to_refuse() {
    let pod = with_spec(json!({"containers": [{"name": "main", "env": {"A": "b"}}, 3]}));
    assert_eq!(pod["spec"]["containers"][0]["env"], json!({"A": "b"}));
}

#[test]
fn every_container_is_told_of_its_trace_unless_the_template_has_one_of_its_own() {
    let mut pod = with_spec(json!({
        "initContainers": [{"name": "first", "image": "busybox"}],
        "containers": [
            {"name": "main", "image": "busybox", "env": [{"name": "A", "value": "$(TRACEPARENT)"}]},
            {"name": "own", "image": "busybox", "env": [{"name": "TRACEPARENT", "value": "00-1"}]},
            {"name": "wrong", "image": "busybox", "env": 1},
        ],
    }));
    let before = pod.clone();
    join_trace(&mut pod, "00-a-b-01");
    let traces = |container: &Value| -> Vec<String> {
        let variables = environment(container).into_iter().enumerate();
        let ours = variables.filter(|(_, it)| it.starts_with("TRACEPARENT="));
        ours.map(|(place, it)| format!("{place} {it}")).collect()
    };
    let spec = &pod["spec"];
    assert_eq!(
        traces(&spec["initContainers"][0]),
        ["0 TRACEPARENT=00-a-b-01"]
    );
    assert_eq!(traces(&spec["containers"][0]), ["0 TRACEPARENT=00-a-b-01"]);
    assert_eq!(spec["containers"][1], before["spec"]["containers"][1]);
    assert_eq!(spec["containers"][2], before["spec"]["containers"][2]);
    assert_eq!(pod["metadata"], before["metadata"]);
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
