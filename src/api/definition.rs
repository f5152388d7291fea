//! The custom resource definitions, as they are installed.

use kube::CustomResourceExt;
use serde_json::Value;

use super::{ClusterScheduleCalendar, ScheduleCalendar, ScheduledContainer};

/// Every definition with the plural of its kind, each ready to be printed or applied.
pub fn definitions() -> [(&'static str, Value); 3] {
    [
        ("scheduledcontainers", definition::<ScheduledContainer>()),
        ("schedulecalendars", definition::<ScheduleCalendar>()),
        (
            "clusterschedulecalendars",
            definition::<ClusterScheduleCalendar>(),
        ),
    ]
}

/// The definition of one kind.
pub fn definition<K: CustomResourceExt>() -> Value {
    let mut definition =
        serde_json::to_value(K::crd()).expect("a definition is made of strings, numbers and lists");
    tidy(&mut definition);
    definition
}

/// Writes whole numbers as such (a limit of `100.0` reads odd) and joins the lines of a
/// description, which are those of the source.
fn tidy(value: &mut Value) {
    match value {
        Value::Number(number) => {
            if let Some(float) = number.as_f64().filter(|float| float.fract() == 0.0)
                && number.is_f64()
                && float.abs() < 9e15
            {
                *value = Value::from(float as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(text) if name == "description" => *text = join_lines(text),
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::String(_)
                    | Value::Array(_)
                    | Value::Object(_) => tidy(field),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// One line for each paragraph.
fn join_lines(text: &str) -> String {
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|paragraph| paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    paragraphs.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whole_numbers_have_no_fraction() {
        let mut value = json!({"minimum": 0.0, "maximum": 31_536_000.0, "other": 1.5});
        tidy(&mut value);
        assert_eq!(
            value.to_string(),
            r#"{"maximum":31536000,"minimum":0,"other":1.5}"#
        );
    }

    #[test]
    fn a_description_has_one_line_for_each_paragraph() {
        let mut value = json!({"description": "One\nline.\n\nAnother\n one."});
        tidy(&mut value);
        assert_eq!(value["description"], "One line.\n\nAnother one.");
    }
}
