//! A tree against the schema of its kind, as the API server checks it: unknown fields, types, what
//! is required, and bounds. The rules in its expression language are left to who parses the spec.

use std::fmt::Display;

use serde_json::Value;

use super::super::file_source::{
    Place,
    tree::{Kind, Tree},
};

/// How many faults of one object are told.
const MAX_FAULTS: usize = 100;

/// What a tree has that its schema has not, and the other way round.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) wrong: Vec<Fault>,
    /// Fields that are kept although this version doesn't know them.
    pub(super) unknown: Vec<Fault>,
}

#[derive(Debug)]
pub(super) struct Fault {
    pub(super) place: Place,
    /// `spec.schedules[1].timeZone`.
    pub(super) path: String,
    pub(super) message: String,
}

/// Checks a tree, which `path` leads to.
pub(super) fn check(tree: &Tree, schema: &Value, path: &str, faults: &mut Faults) {
    if faults.wrong.len() + faults.unknown.len() >= MAX_FAULTS {
        return;
    }
    let mut wrong = |message: String| {
        faults.wrong.push(Fault {
            place: tree.place,
            path: path.to_owned(),
            message,
        });
    };
    if let Some(expected) = mistyped(tree, schema) {
        let hint = match (&tree.kind, expected) {
            (Kind::Number(_) | Kind::Bool(_), "a string") => "; put it in quotes",
            _ => "",
        };
        wrong(format!(
            "must be {expected}, but is {}{hint}",
            shown(&tree.kind)
        ));
        return;
    }
    match &tree.kind {
        Kind::Null | Kind::Bool(_) => {}
        Kind::Number(number) => {
            let (number, least) = (number.as_f64(), schema["minimum"].as_f64());
            let most = schema["maximum"].as_f64();
            if let Some(number) = number
                && (least.is_some_and(|least| number < least)
                    || most.is_some_and(|most| number > most))
            {
                wrong(format!("{number} is not in {}", bounds(least, most)));
            }
        }
        Kind::Text(text) => {
            let length = text.chars().count() as u64;
            if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
                wrong(format!("{length} characters are more than {most}"));
            }
            if schema["minLength"]
                .as_u64()
                .is_some_and(|least| length < least)
            {
                wrong("is empty".to_owned());
            }
            if let Some(allowed) = schema["enum"].as_array() {
                let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
                if !allowed.is_empty() && !allowed.contains(&text.as_str()) {
                    let text: String = text.chars().take(40).collect();
                    wrong(format!("{text:?} is not one of {}", allowed.join(", ")));
                }
            }
        }
        Kind::List(items) => {
            let length = items.len() as u64;
            if let Some(most) = schema["maxItems"].as_u64().filter(|most| length > *most) {
                wrong(format!("{length} items are more than {most}"));
            }
            if schema["minItems"]
                .as_u64()
                .is_some_and(|least| length < least)
            {
                wrong("has too few items".to_owned());
            }
            for (index, item) in items.iter().enumerate() {
                check(item, &schema["items"], &format!("{path}[{index}]"), faults);
            }
        }
        Kind::Map(_) => fields(tree, schema, path, faults),
    }
}

fn fields(tree: &Tree, schema: &Value, path: &str, faults: &mut Faults) {
    let Kind::Map(fields) = &tree.kind else {
        return;
    };
    let open = schema["x-kubernetes-preserve-unknown-fields"] == true;
    let named = schema["properties"].as_object();
    for (key, value) in fields {
        let below = format!("{path}.{}", key.text);
        if let Some(schema) = named.and_then(|named| named.get(&key.text)) {
            check(value, schema, &below, faults);
        } else if schema["additionalProperties"].is_object() {
            check(value, &schema["additionalProperties"], &below, faults);
        } else if let Some(named) = named {
            let fault = Fault {
                place: key.place,
                path: path.to_owned(),
                message: unknown(&key.text, named.keys().map(String::as_str)),
            };
            if open {
                faults.unknown.push(fault);
            } else {
                faults.wrong.push(fault);
            }
        }
    }
    let required = schema["required"].as_array();
    for field in required.into_iter().flatten().filter_map(Value::as_str) {
        let given = tree.get(field).is_some_and(|tree| tree.kind != Kind::Null);
        if !given {
            faults.wrong.push(Fault {
                place: tree.place,
                path: path.to_owned(),
                message: format!("{field} is missing"),
            });
        }
    }
}

/// What it should be, if it isn't. Nothing at all (`null`) is left out by the API server.
fn mistyped(tree: &Tree, schema: &Value) -> Option<&'static str> {
    if schema["x-kubernetes-int-or-string"] == true {
        return None;
    }
    let (right, expected) = match (schema["type"].as_str()?, &tree.kind) {
        (_, Kind::Null) => (true, ""),
        ("object", kind) => (matches!(kind, Kind::Map(_)), "a map"),
        ("array", kind) => (matches!(kind, Kind::List(_)), "a list"),
        ("string", kind) => (matches!(kind, Kind::Text(_)), "a string"),
        ("boolean", kind) => (matches!(kind, Kind::Bool(_)), "true or false"),
        ("integer", kind) => {
            let whole = matches!(kind, Kind::Number(n) if n.is_i64() || n.is_u64());
            (whole, "a whole number")
        }
        ("number", kind) => (matches!(kind, Kind::Number(_)), "a number"),
        (_, _) => (true, ""),
    };
    (!right).then_some(expected)
}

fn shown(kind: &Kind) -> String {
    match kind {
        Kind::Null => "empty".to_owned(),
        Kind::Bool(value) => value.to_string(),
        Kind::Number(value) => format!("the number {value}"),
        Kind::Text(text) => {
            let text: String = text.chars().take(40).collect();
            format!("the text {text:?}")
        }
        Kind::List(_) => "a list".to_owned(),
        Kind::Map(_) => "a map".to_owned(),
    }
}

fn bounds(least: Option<f64>, most: Option<f64>) -> String {
    let shown = |bound: Option<f64>| bound.map(|n| n.to_string()).unwrap_or_default();
    format!("{}-{}", shown(least), shown(most))
}

/// What to say of a field that is not known.
pub(super) fn unknown<'n>(field: &str, known: impl IntoIterator<Item = &'n str> + Clone) -> String {
    let short: String = field.chars().take(60).collect();
    match nearest(field, known.clone()) {
        Some(meant) => format!("unknown field {short:?}; did you mean \"{meant}\"?"),
        None => {
            let known: Vec<&str> = known.into_iter().collect();
            if known.len() > 30 {
                format!("unknown field {short:?}")
            } else {
                format!("unknown field {short:?}; known are {}", known.join(", "))
            }
        }
    }
}

/// The name that a person most likely meant: one that differs in at most two letters, or in case
/// and separators only.
pub(super) fn nearest<'n>(
    written: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    let bare = |name: &dyn Display| name.to_string().replace(['_', '-'], "").to_lowercase();
    if written.len() > 64 {
        return None;
    }
    let wanted = bare(&written);
    let distances = known
        .into_iter()
        .map(|name| (distance(&wanted, &bare(&name)), name));
    let (changes, name) = distances.min()?;
    (changes <= 2 && changes < wanted.chars().count()).then_some(name)
}

/// How many letters must be put in, taken out or changed to make one word of the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
