//! A pod, written in one of the ways in which people write pods → the pod template of a schedule.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Map, Value, json};

use super::tree::{Kind, Place, Tree};
use super::typed;

/// What is wrong, and where in the text that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub place: Option<Place>,
    pub message: String,
}

/// The pod template in a tree: `metadata` with labels and annotations, and `spec`, which has at
/// least one container. Fields that this program doesn't know are kept.
///
/// The tree is a Pod, PodTemplate, Job or CronJob, as its `kind` says. With `bare`, it may instead
/// be a pod's `metadata` and `spec`, or the fields of `spec` alone. `at` is put before the paths in
/// messages. With `image_comes`, the first container needs no image of its own.
pub fn pod_template(
    tree: &Tree,
    bare: bool,
    at: &str,
    image_comes: bool,
) -> Result<Value, Vec<Fault>> {
    let mut path = at.to_owned();
    let mut template = tree;
    let kind = tree.get("kind").map(|kind| &kind.kind);
    let way: &[&str] = match kind {
        Some(Kind::Text(kind)) => match kind.as_str() {
            "Pod" => &[],
            "PodTemplate" => &["template"],
            "Job" => &["spec", "template"],
            "CronJob" => &["spec", "jobTemplate", "spec", "template"],
            other => {
                return Err(fault(
                    tree.get("kind").unwrap_or(tree),
                    format!("kind {other} has no pod: use a Pod, PodTemplate, Job or CronJob"),
                ));
            }
        },
        _ if bare => &[],
        _ => {
            return Err(fault(
                tree,
                "has no kind: it must be a Pod, PodTemplate, Job or CronJob".to_owned(),
            ));
        }
    };
    for step in way {
        template = below(template, step, &mut path)?;
    }
    let (spec, metadata) = if bare && kind.is_none() && tree.get("spec").is_none() {
        (template, None)
    } else {
        let metadata = template.get("metadata");
        let metadata_path = joined(&path, "metadata");
        let metadata = metadata.map(|tree| labels_and_annotations(tree, &metadata_path));
        (
            below(template, "spec", &mut path)?,
            metadata.transpose()?.flatten(),
        )
    };
    let mut faults = Vec::new();
    if let Err(mismatch) = typed::read::<PodSpec>(spec) {
        faults.push(Fault {
            place: Some(mismatch.place),
            message: format!("{}: {}", joined(&path, &mismatch.path), mismatch.message),
        });
    } else {
        faults.extend(incomplete_containers(spec, &path, image_comes));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut value = Map::new();
    if let Some(metadata) = metadata {
        value.insert("metadata".to_owned(), metadata);
    }
    value.insert("spec".to_owned(), spec.value());
    Ok(Value::Object(value))
}

/// Puts an image and arguments into the first container of a pod template.
pub fn override_first(template: &mut Value, image: Option<&str>, args: Option<&[String]>) {
    let Some(first) = template.pointer_mut("/spec/containers/0") else {
        return;
    };
    if let Some(image) = image {
        first["image"] = json!(image);
    }
    if let Some(args) = args {
        first["args"] = json!(args);
    }
}

fn fault(tree: &Tree, message: String) -> Vec<Fault> {
    vec![Fault {
        place: Some(tree.place),
        message,
    }]
}

fn joined(path: &str, step: &str) -> String {
    match (path.is_empty(), step.is_empty()) {
        (true, _) => step.to_owned(),
        (false, true) => path.to_owned(),
        (false, false) => format!("{path}.{step}"),
    }
}

fn below<'t>(tree: &'t Tree, step: &str, path: &mut String) -> Result<&'t Tree, Vec<Fault>> {
    let parent = if path.is_empty() { "it" } else { path.as_str() };
    let Some(found) = tree.get(step) else {
        return Err(fault(tree, format!("{parent} has no {step}")));
    };
    *path = joined(path, step);
    Ok(found)
}

/// Of a template's metadata only what a run's pod may take over: its name is its own.
fn labels_and_annotations(tree: &Tree, path: &str) -> Result<Option<Value>, Vec<Fault>> {
    let mut kept = Map::new();
    for field in ["labels", "annotations"] {
        let Some(found) = tree.get(field) else {
            continue;
        };
        match typed::read::<Option<BTreeMap<String, String>>>(found) {
            Ok(None) => {}
            Ok(Some(_)) => {
                kept.insert(field.to_owned(), found.value());
            }
            Err(mismatch) => {
                let at = joined(&joined(path, field), &mismatch.path);
                return Err(vec![Fault {
                    place: Some(mismatch.place),
                    message: format!("{at}: {}", mismatch.message),
                }]);
            }
        }
    }
    Ok((!kept.is_empty()).then_some(Value::Object(kept)))
}

/// What every container needs and the types alone don't ask for.
fn incomplete_containers(spec: &Tree, path: &str, image_comes: bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    for list in ["containers", "initContainers"] {
        let at = joined(path, list);
        let containers = match spec.get(list).map(|tree| &tree.kind) {
            Some(Kind::List(containers)) => containers.as_slice(),
            _ => &[],
        };
        if containers.is_empty() && list == "containers" {
            faults.extend(fault(
                spec.get(list).unwrap_or(spec),
                format!("{at}: has no container; give at least one with name and image"),
            ));
        }
        for (index, container) in containers.iter().enumerate() {
            let overridden = image_comes && index == 0 && list == "containers";
            for field in ["name", "image"] {
                let empty = match container.get(field).map(|tree| &tree.kind) {
                    Some(Kind::Text(text)) => text.is_empty(),
                    _ => true,
                };
                if empty && !(field == "image" && overridden) {
                    faults.extend(fault(container, format!("{at}[{index}]: has no {field}")));
                }
            }
        }
    }
    faults
}
