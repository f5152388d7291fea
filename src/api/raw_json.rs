//! A JSON value kept as its text.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A JSON value kept as compact text: cheap to clone, a fraction of the memory of a tree, and it
/// loses no field that this program doesn't know. The pod template of a schedule is one.
#[derive(Clone, PartialEq, Eq)]
pub struct RawJson(Arc<str>);

impl RawJson {
    /// How many bytes its text has.
    #[expect(clippy::len_without_is_empty, reason = "no JSON value is empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value as a tree, to read or to change a copy of it.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).expect("a RawJson is made from a JSON value only")
    }
}

impl From<&Value> for RawJson {
    fn from(value: &Value) -> Self {
        Self(value.to_string().into())
    }
}

impl std::fmt::Debug for RawJson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(Self::from(&value))
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: Value = serde_json::from_str(&self.0).map_err(|error| {
            serde::ser::Error::custom(format_args!("template is not JSON: {error}"))
        })?;
        value.serialize(serializer)
    }
}
