//! The schema of a pod template, as it stands in the custom resource definition.

use schemars::{Schema, SchemaGenerator, json_schema};

/// The pod template's schema: stub.
pub fn template_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}
