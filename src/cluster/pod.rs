//! Build: from a schedule and a fire to the held pod of its run. Pure.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::core::{
    run::{GENERATION_ANNOTATION, HOLD, MAIN_ANNOTATION, RunId, SCHEDULE_LABEL, TOLD, Told},
    schedule::Schedule,
};

/// The variable by which a program is told of its trace.
const TRACEPARENT: &str = "TRACEPARENT";

/// The pod for an attempt at a fire. It is held: it has our scheduling gate, so it starts only when that goes.
///
/// Its containers are told of the fire by environment variables, and whoever looks at the pod by
/// annotations of the same meaning. A template's own of these names are replaced.
pub fn pod(schedule: &Schedule, run: RunId, name: &str) -> Value {
    let mut template = schedule.template.value();
    let mut metadata = match template.get_mut("metadata").map(Value::take) {
        Some(Value::Object(metadata)) => metadata,
        _ => Map::new(),
    };
    let mut spec = match template.get_mut("spec").map(Value::take) {
        Some(Value::Object(spec)) => spec,
        _ => Map::new(),
    };
    // Name, place and owner are ours to give, and nothing of ours may hang on a finalizer.
    for key in [
        "name",
        "generateName",
        "namespace",
        "uid",
        "creationTimestamp",
        "ownerReferences",
        "finalizers",
    ] {
        metadata.remove(key);
    }
    metadata.insert("name".into(), name.into());
    metadata.insert(
        "namespace".into(),
        schedule.identity.namespace.as_str().into(),
    );
    set(
        &mut metadata,
        "labels",
        SCHEDULE_LABEL,
        &schedule.identity.name,
    );
    let facts = facts(schedule, run, name);
    for (_, annotation, value) in &facts {
        match value {
            Some(value) => set(&mut metadata, "annotations", annotation, value),
            None => drop(object(&mut metadata, "annotations").remove(*annotation)),
        }
    }
    set(
        &mut metadata,
        "annotations",
        GENERATION_ANNOTATION,
        &schedule.generation.to_string(),
    );
    match &schedule.main_container {
        Some(main) => set(&mut metadata, "annotations", MAIN_ANNOTATION, main),
        None => drop(object(&mut metadata, "annotations").remove(MAIN_ANNOTATION)),
    }
    metadata.insert("ownerReferences".into(), json!([owner(schedule)]));

    let gates = list(&mut spec, "schedulingGates");
    gates.retain(|gate| gate["name"] != HOLD);
    gates.push(json!({"name": HOLD}));
    spec.entry("restartPolicy").or_insert("Never".into());
    if let Some(deadline) = schedule.active_deadline {
        spec.insert("activeDeadlineSeconds".into(), deadline.as_secs().into());
    }
    for kind in ["containers", "initContainers"] {
        let containers = spec.get_mut(kind).and_then(Value::as_array_mut);
        let containers = containers.into_iter().flatten();
        for container in containers.filter_map(Value::as_object_mut) {
            keep_last_lines(container);
            tell(container, &facts);
        }
    }
    bind_by_affinity(&mut spec);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// Deleting the schedule deletes its pods. It does not wait for them: nothing may hang on us.
fn owner(schedule: &Schedule) -> Value {
    json!({
        "apiVersion": "punctual.dev/v1alpha1",
        "kind": "ScheduledContainer",
        "name": schedule.identity.name,
        "uid": schedule.identity.uid,
        "controller": true,
        "blockOwnerDeletion": false,
    })
}

/// Environment variable, annotation and value, if there is one.
type Fact = (&'static str, &'static str, Option<String>);

/// What the run of a fire is told of itself.
fn facts(schedule: &Schedule, run: RunId, name: &str) -> Vec<Fact> {
    let fire = run.fire;
    let timing = schedule.timing.as_ref().ok();
    let local = |time: Timestamp| {
        timing.map_or_else(|| time.to_string(), |timing| timing.describe_local(time))
    };
    let value = |told| match told {
        Told::Fire => Some(local(fire)),
        Told::PreviousFire => timing?.previous(fire).map(local),
        Told::NextFire => timing?.next(fire).map(local),
        Told::Schedule => Some(schedule.identity.name.clone()),
        Told::Run => Some(name.to_owned()),
        Told::Attempt => Some(run.attempt.to_string()),
    };
    let facts = TOLD.into_iter();
    facts
        .map(|(told, variable, annotation)| (variable, annotation, value(told)))
        .collect()
}

/// Sets the environment variables. They come first, so that the container's arguments and its other
/// variables may refer to them; what has no value is empty, so that scripts may name it under `set -u`.
fn tell(container: &mut Map<String, Value>, facts: &[Fact]) {
    let others = match container.remove("env") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(variables)) => variables,
        // No list: the API server refuses it, in words that the user understands.
        Some(other) => {
            container.insert("env".into(), other);
            return;
        }
    };
    let ours = |variable: &Value| facts.iter().any(|(name, ..)| variable["name"] == *name);
    let told = facts.iter().map(|(name, _, value)| {
        let value = value.as_deref().unwrap_or_default();
        json!({"name": name, "value": value})
    });
    let others = others.into_iter().filter(|variable| !ours(variable));
    container.insert("env".into(), told.chain(others).collect());
}

/// Tells every container which span its own ones are part of, by the name that OpenTelemetry gives the
/// variable. One that the template sets stays: whoever wrote it has a trace of their own.
///
/// Pods are never compared with what they would be now, so controllers that do this and others that
/// don't get on: whoever makes the pod decides.
pub fn join_trace(pod: &mut Value, traceparent: &str) {
    for kind in ["containers", "initContainers"] {
        let containers = pod["spec"].get_mut(kind).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            let variables = container.get_mut("env").and_then(Value::as_array_mut);
            if let Some(variables) = variables
                && !variables.iter().any(|it| it["name"] == TRACEPARENT)
            {
                variables.insert(0, json!({"name": TRACEPARENT, "value": traceparent}));
            }
        }
    }
}

/// The last lines of a container that fails outlive its pod in the termination message.
fn keep_last_lines(container: &mut Map<String, Value>) {
    container
        .entry("terminationMessagePolicy")
        .or_insert("FallbackToLogsOnError".into());
}

/// Kubernetes refuses a gated pod that names its node, so the name becomes a required affinity.
fn bind_by_affinity(spec: &mut Map<String, Value>) {
    let Some(Value::String(node)) = spec.remove("nodeName") else {
        return;
    };
    if node.is_empty() {
        return;
    }
    let field = json!({"key": "metadata.name", "operator": "In", "values": [node]});
    let affinity = object(object(spec, "affinity"), "nodeAffinity");
    let required = object(affinity, "requiredDuringSchedulingIgnoredDuringExecution");
    let terms = list(required, "nodeSelectorTerms");
    if terms.is_empty() {
        terms.push(json!({}));
    }
    // Terms are alternatives, so each of them must name the node.
    for term in terms.iter_mut().filter_map(Value::as_object_mut) {
        list(term, "matchFields").push(field.clone());
    }
}

fn set(parent: &mut Map<String, Value>, kind: &str, key: &str, value: &str) {
    object(parent, kind).insert(key.into(), value.into());
}

/// The object under this key, made if it is missing. What is there but no object is replaced: the
/// API server has refused such a template long before.
fn object<'a>(parent: &'a mut Map<String, Value>, key: &str) -> &'a mut Map<String, Value> {
    let value = parent.entry(key).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it was just made an object")
}

fn list<'a>(parent: &'a mut Map<String, Value>, key: &str) -> &'a mut Vec<Value> {
    let value = parent.entry(key).or_insert_with(|| json!([]));
    if !value.is_array() {
        *value = json!([]);
    }
    value.as_array_mut().expect("it was just made a list")
}
