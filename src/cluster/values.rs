//! How many values a JSON text has. Each costs memory, however short it is: a map of one key takes
//! a hundred times as much as the text of it.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// The most values that are read of a spec, or of a status. A pod of three containers has about a hundred.
pub const MOST: usize = 10_000;

/// The text of a part of an object, if it has few enough values to be read; else that it has more, and
/// the way out.
pub fn text<'t>(part: Option<&'t RawValue>, way_out: &str) -> Result<&'t str, String> {
    let text = part.map_or("null", RawValue::get);
    match at_most(text) <= MOST {
        true => Ok(text),
        false => Err(format!("it has more than {MOST} values: {way_out}")),
    }
}

/// What a part of an object says, or why it can't be read.
pub fn decoded<T: DeserializeOwned>(part: Option<&RawValue>, way_out: &str) -> Result<T, String> {
    serde_json::from_str(text(part, way_out)?).map_err(|error| error.to_string())
}

/// No fewer values than a JSON text has: each is the first of its list or map, or comes after a comma.
fn at_most(text: &str) -> usize {
    let (mut values, mut in_text, mut escaped) = (1, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => values += 1,
            _ => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_what_stands_in_a_text_is_none() {
        for (text, values) in [
            ("5", 1),
            (r#"{"a": [1, 2], "b": "x, [y], {z}"}"#, 5),
            (r#"["\",[", "\\"]"#, 3),
            ("[]", 2),
        ] {
            assert_eq!(at_most(text), values, "{text}");
        }
        let list = |commas| RawValue::from_string(format!("[{}0]", "0,".repeat(commas))).unwrap();
        assert!(text(Some(&list(MOST - 2)), "").is_ok());
        assert!(text(Some(&list(MOST - 1)), "").is_err());
    }
}
