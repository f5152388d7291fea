//! The schema of a pod template, as it stands in the custom resource definition.
//!
//! It is Kubernetes' own, made small and made open. Small: without descriptions, so that the
//! definition fits into the annotation of a client-side `kubectl apply`. Open: every object keeps
//! the fields that this version doesn't know, so that a newer Kubernetes loses none. What it still
//! does is to refuse a wrong type or a missing field, with its path, when the schedule is applied.
//! It must not decide what a valid pod is beyond that: the controller asks Kubernetes.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::cel;

const KEEP_UNKNOWN: &str = "x-kubernetes-preserve-unknown-fields";

/// The schema of `spec.template`: structural, with no reference and no description.
pub fn template_schema(_: &mut SchemaGenerator) -> Schema {
    // A generator of its own: the caller's may make references, which a definition can't have.
    let root = SchemaSettings::openapi3()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        })
        .into_generator()
        .into_root_schema_for::<PodTemplateSpec>();
    let mut template = root.to_value();
    slim(&mut template);

    template["required"] = json!(["spec"]);
    template["properties"]["metadata"]["description"] =
        json!("The labels and annotations of each run's pod.");
    let pod = &mut template["properties"]["spec"];
    pod["description"] =
        json!("The pod, as everywhere in Kubernetes: see `kubectl explain pod.spec`.");
    pod["x-kubernetes-validations"] = cel::pod();
    pod["properties"]["containers"]["minItems"] = json!(1);
    Schema::try_from(template).expect("the schema of a struct is an object")
}

/// Takes out what only people read, and lets unknown fields in, here and below.
fn slim(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    schema.remove("description");
    schema.remove("title");
    if let Some(properties) = object(schema, "properties") {
        // Kubernetes fills in most of an object's metadata and ignores it in a template; tools
        // write some of it there all the same, such as `creationTimestamp: null`.
        if properties.contains_key("managedFields") {
            properties.retain(|name, _| name == "labels" || name == "annotations");
        }
        properties.values_mut().for_each(slim);
        schema.insert(KEEP_UNKNOWN.to_owned(), true.into());
    }
    for below in ["items", "additionalProperties"] {
        if let Some(below) = schema.get_mut(below) {
            slim(below);
        }
    }
}

fn object<'a>(schema: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    schema.get_mut(key)?.as_object_mut()
}
