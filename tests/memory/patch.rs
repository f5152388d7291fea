//! The two kinds of patches that controllers send.

use serde_json::{Map, Value};

/// Applies a JSON merge patch (RFC 7386).
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let target = target.as_object_mut().expect("it was just made an object");
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.as_str()).or_insert(Value::Null), value);
        }
    }
}

/// Applies a strategic merge patch, as far as lists go only to the lists that merge by `name`.
pub fn strategic(target: &mut Value, patch: &Value) {
    match patch {
        Value::Object(fields) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            let target = target.as_object_mut().expect("it was just made an object");
            for (key, value) in fields {
                if value.is_null() {
                    target.remove(key);
                } else {
                    strategic(target.entry(key.as_str()).or_insert(Value::Null), value);
                }
            }
            target.retain(|_, value| value.as_array().is_none_or(|list| !list.is_empty()));
        }
        Value::Array(items) => {
            let mut list = target.as_array().cloned().unwrap_or_default();
            for item in items {
                list.retain(|known| known["name"] != item["name"]);
                if item["$patch"] != "delete" {
                    list.push(item.clone());
                }
            }
            *target = Value::Array(list);
        }
        other => *target = other.clone(),
    }
}
