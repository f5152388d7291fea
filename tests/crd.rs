//! What the custom resource definitions promise, seen without a cluster.

use std::sync::LazyLock;

use punctual::api::definitions;
use serde_json::{Value, json};

/// The most that an annotation may hold: `kubectl apply` keeps a copy of the object in one.
const ANNOTATION_LIMIT: usize = 262_144;

#[test]
fn each_is_small_enough_for_a_client_side_apply() {
    for (plural, definition) in definitions() {
        let size = definition.to_string().len();
        assert!(
            size < ANNOTATION_LIMIT / 2,
            "{plural}: {size} bytes: leave room for the fields that Kubernetes adds each year"
        );
    }
}

#[test]
fn they_use_only_what_a_structural_schema_may() {
    each_schema_of_all(|schema, path| {
        for keyword in [
            "$ref",
            "$defs",
            "definitions",
            "allOf",
            "anyOf",
            "oneOf",
            "not",
            "const",
            "patternProperties",
            "uniqueItems",
            "additionalItems",
        ] {
            assert!(schema.get(keyword).is_none(), "{keyword} at {path}");
        }
        let typed = schema.get("type").is_some_and(Value::is_string);
        let int_or_string = schema.get("x-kubernetes-int-or-string").is_some();
        assert!(typed != int_or_string, "no type, or two, at {path}");
        assert!(
            schema.get("properties").is_none() || schema.get("additionalProperties").is_none(),
            "both a struct and a map at {path}"
        );
    });
}

#[test]
fn they_use_only_formats_that_the_api_server_knows() {
    each_schema_of_all(|schema, path| {
        if let Some(format) = schema.get("format") {
            let format = format.as_str().unwrap_or_default();
            assert!(
                ["int32", "int64", "double", "byte", "date-time"].contains(&format),
                "format {format} at {path}: kubectl would warn about it"
            );
        }
    });
}

#[test]
fn limits_are_whole_numbers() {
    each_schema_of_all(|schema, path| {
        for limit in ["minimum", "maximum"] {
            if let Some(value) = schema.get(limit) {
                assert!(value.is_i64(), "{limit} of {value} at {path}");
            }
        }
    });
}

#[test]
fn every_object_of_the_template_keeps_unknown_fields() {
    each_schema(&spec("template"), "template", &mut |schema, path| {
        if schema.get("properties").is_some() {
            assert_eq!(
                schema.get("x-kubernetes-preserve-unknown-fields"),
                Some(&json!(true)),
                "{path} would lose the fields of a newer Kubernetes"
            );
        }
    });
}

#[test]
fn our_own_fields_keep_none() {
    each_schema_of_ours(|schema, path| {
        assert!(
            schema.get("x-kubernetes-preserve-unknown-fields").is_none(),
            "a typo at {path} would pass"
        );
    });
}

#[test]
fn the_template_is_typed_and_has_its_containers() {
    let pod = &spec("template")["properties"]["spec"];
    let container = &pod["properties"]["containers"]["items"];
    assert_eq!(spec("template")["required"], json!(["spec"]));
    assert_eq!(pod["required"], json!(["containers"]));
    assert_eq!(pod["properties"]["containers"]["minItems"], 1);
    assert_eq!(container["required"], json!(["name"]));
    assert_eq!(container["properties"]["args"]["items"]["type"], "string");
    assert_eq!(
        spec("template")["properties"]["metadata"]["properties"]["labels"]["additionalProperties"],
        json!({"type": "string"})
    );
}

#[test]
fn what_is_left_out_has_a_default() {
    for (field, default) in [
        ("suspend", json!(false)),
        ("concurrencyPolicy", json!("Forbid")),
        ("successfulRunsHistoryLimit", json!(3)),
        ("failedRunsHistoryLimit", json!(1)),
    ] {
        assert_eq!(spec(field)["default"], default, "default of {field}");
    }
}

#[test]
fn two_conditions_of_one_type_are_impossible() {
    let conditions = &root()["properties"]["status"]["properties"]["conditions"];
    assert_eq!(conditions["x-kubernetes-list-type"], "map");
    assert_eq!(conditions["x-kubernetes-list-map-keys"], json!(["type"]));
}

#[test]
fn our_fields_are_explained_in_whole_sentences() {
    each_schema_of_ours(|schema, path| {
        if path.ends_with("[]") && schema["type"] != "object" {
            return; // told by the list itself
        }
        let text = schema.get("description").and_then(Value::as_str);
        let text = text.unwrap_or_else(|| panic!("nothing explains {path}"));
        assert!(text.ends_with('.'), "no sentence at {path}: {text}");
        for markup in ["[`", "`]", "](", "::", "\n\n\n"] {
            assert!(!text.contains(markup), "source markup at {path}: {text}");
        }
    });
}

#[test]
fn every_rule_says_the_way_out() {
    each_schema_of_all(|schema, path| {
        for rule in schema
            .get("x-kubernetes-validations")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let message = rule["message"].as_str().unwrap_or_default();
            assert!(message.len() > 40, "a rule at {path} only says {message:?}");
            assert!(
                !message.contains('\n'),
                "a rule at {path} says more than a line"
            );
        }
    });
}

#[test]
fn both_kinds_of_calendars_say_the_same() {
    let [_, (_, namespaced), (_, clustered)] = &*DEFINITIONS;
    assert_eq!(namespaced["spec"]["scope"], "Namespaced");
    assert_eq!(clustered["spec"]["scope"], "Cluster");
    let columns = |of: &Value| of["spec"]["versions"][0]["additionalPrinterColumns"].clone();
    assert_eq!(columns(namespaced), columns(clustered));
    let fields = |of: &Value| schema_of(of)["properties"]["spec"]["properties"].clone();
    assert_eq!(fields(namespaced), fields(clustered));
}

#[test]
fn whatever_has_a_rule_is_bounded() {
    // The API server refuses a definition whose rules could take too long.
    each_schema_of_ours(|schema, path| {
        let ruled = schema.get("x-kubernetes-validations").is_some();
        if ruled && schema["type"] == "string" {
            assert!(schema.get("maxLength").is_some(), "no limit at {path}");
        }
        if schema["type"] == "array" && path.contains("spec") {
            assert!(schema.get("maxItems").is_some(), "no limit at {path}");
        }
    });
}

static DEFINITIONS: LazyLock<[(&str, Value); 3]> = LazyLock::new(definitions);

fn schema_of(definition: &Value) -> &Value {
    &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
}

/// That of the schedules.
fn root() -> Value {
    schema_of(&DEFINITIONS[0].1).clone()
}

/// Calls `check` on every schema of every definition.
fn each_schema_of_all(mut check: impl FnMut(&Value, &str)) {
    for (plural, definition) in &*DEFINITIONS {
        each_schema(schema_of(definition), plural, &mut check);
    }
}

/// The same without what is Kubernetes' own: the pod template.
fn each_schema_of_ours(mut check: impl FnMut(&Value, &str)) {
    for (plural, definition) in &*DEFINITIONS {
        let mut schema = schema_of(definition).clone();
        if let Some(template) = schema.pointer_mut("/properties/spec/properties/template") {
            template["properties"] = json!({});
            let template = template.as_object_mut().unwrap();
            template.remove("x-kubernetes-preserve-unknown-fields");
        }
        each_schema(&schema, plural, &mut check);
    }
}

fn spec(field: &str) -> Value {
    root()["properties"]["spec"]["properties"][field].clone()
}

/// Calls `check` on a schema and on all below it, with their paths.
fn each_schema(schema: &Value, path: &str, check: &mut impl FnMut(&Value, &str)) {
    check(schema, path);
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            each_schema(property, &format!("{path}.{name}"), check);
        }
    }
    for below in ["items", "additionalProperties"] {
        if let Some(below) = schema.get(below) {
            each_schema(below, &format!("{path}[]"), check);
        }
    }
}
