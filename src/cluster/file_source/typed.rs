//! A tree → any type that serde can read, with errors that say where and what to write instead.

use std::fmt::Display;

use jiff::civil::DateTime;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, Error as _, Expected, IntoDeserializer,
    MapAccess, SeqAccess, Unexpected, Visitor, value::StrDeserializer,
};
use serde::forward_to_deserialize_any;

use super::tree::{Key, Kind, Place, Tree};

/// Why a tree is not what it should be, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    pub place: Place,
    /// The way to the value from the tree's root, such as `containers[0].ports`; empty at the root.
    pub path: String,
    pub message: String,
}

/// Reads a tree as a `T`.
pub fn read<'de, T: Deserialize<'de>>(tree: &'de Tree) -> Result<T, Mismatch> {
    T::deserialize(Reader(tree)).map_err(|fault| Mismatch {
        place: fault.place.unwrap_or(tree.place),
        path: fault
            .path
            .into_iter()
            .rev()
            .collect::<String>()
            .trim_start_matches('.')
            .to_owned(),
        message: fault.message,
    })
}

/// An error on its way from a value to the root.
#[derive(Debug)]
struct Fault {
    place: Option<Place>,
    /// Innermost first.
    path: Vec<String>,
    message: String,
}

impl Fault {
    fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }

    fn under(mut self, step: String) -> Self {
        self.path.push(step);
        self
    }
}

impl std::error::Error for Fault {}

impl Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self {
            place: None,
            path: Vec::new(),
            message: message.to_string(),
        }
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = match expected.to_string().as_str() {
            "i32" | "i64" | "u32" | "u64" => "a whole number".to_owned(),
            "f64" => "a number".to_owned(),
            "a boolean" => "true or false".to_owned(),
            other => other.to_owned(),
        };
        let quotable = matches!(
            unexpected,
            Unexpected::Bool(_)
                | Unexpected::Signed(_)
                | Unexpected::Unsigned(_)
                | Unexpected::Float(_)
        );
        let hint = if quotable && expected.contains("string") {
            "; put it in quotes"
        } else {
            ""
        };
        Self::custom(format_args!(
            "must be {expected}, but is {}{hint}",
            plain(unexpected)
        ))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        let same = known.iter().find(|known| bare(known) == bare(field));
        match same {
            Some(known) => Self::custom(format_args!(
                "unknown field \"{field}\"; did you mean \"{known}\"?"
            )),
            None => Self::custom(format_args!(
                "unknown field \"{field}\"; known are {}",
                known.join(", ")
            )),
        }
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::custom(format_args!(
            "\"{variant}\" is not one of {}",
            known.join(", ")
        ))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::custom(format_args!("\"{field}\" is given twice under two names"))
    }
}

/// A name without what people get wrong in it.
fn bare(name: &str) -> String {
    name.replace(['_', '-'], "").to_lowercase()
}

/// What was found, in YAML's words.
fn plain(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(value) => format!("the number {value}"),
        Unexpected::Signed(value) => format!("the number {value}"),
        Unexpected::Float(value) => format!("the number {value}"),
        Unexpected::Str(value) => format!("the text \"{value}\""),
        Unexpected::Unit | Unexpected::Option => "empty".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a map".to_owned(),
        other => other.to_string(),
    }
}

#[derive(Clone, Copy)]
struct Reader<'de>(&'de Tree);

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let Tree { place, kind } = self.0;
        match kind {
            Kind::Null => visitor.visit_unit(),
            Kind::Bool(value) => visitor.visit_bool(*value),
            Kind::Number(value) => {
                if let Some(value) = value.as_u64() {
                    visitor.visit_u64(value)
                } else if let Some(value) = value.as_i64() {
                    visitor.visit_i64(value)
                } else {
                    visitor.visit_f64(value.as_f64().unwrap_or(f64::NAN))
                }
            }
            Kind::Text(value) => visitor.visit_borrowed_str(value),
            Kind::List(items) => visitor.visit_seq(Items {
                items: items.iter(),
                index: 0,
            }),
            Kind::Map(entries) => visitor.visit_map(Entries {
                entries: entries.iter(),
                value: None,
            }),
        }
        .map_err(|fault: Fault| fault.at(*place))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.kind {
            Kind::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.0.kind {
            // `cpu: 1` is a quantity to Kubernetes, though its type here is a string.
            Kind::Number(value) if name == "Quantity" => {
                let text = value.to_string();
                let text: StrDeserializer<'_, Fault> = text.as_str().into_deserializer();
                visitor.visit_newtype_struct(text)
            }
            _ => visitor.visit_newtype_struct(self),
        }
        .map_err(|fault| fault.at(self.0.place))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.0.kind {
            Kind::Text(value) => visitor.visit_enum(value.as_str().into_deserializer()),
            _ => Err(Fault::custom(format_args!(
                "must be one of {}",
                variants.join(", ")
            ))),
        }
        .map_err(|fault: Fault| fault.at(self.0.place))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string
        bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

struct Items<'de> {
    items: std::slice::Iter<'de, Tree>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Reader(item))
            .map(Some)
            .map_err(|fault| fault.under(format!("[{index}]")))
    }
}

struct Entries<'de> {
    entries: std::slice::Iter<'de, (Key, Tree)>,
    value: Option<&'de (Key, Tree)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.value = self.entries.next();
        let Some((key, _)) = self.value else {
            return Ok(None);
        };
        seed.deserialize(key.text.as_str().into_deserializer())
            .map(Some)
            .map_err(|fault: Fault| fault.at(key.place))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, value) = self
            .value
            .take()
            .ok_or_else(|| Fault::custom("a value was asked for before its key"))?;
        seed.deserialize(Reader(value)).map_err(|mut fault| {
            if ["notBefore", "notAfter"].contains(&key.text.as_str()) {
                fault.message = no_instant(value);
            }
            fault.under(format!(".{}", key.text))
        })
    }
}

/// What to say of a value that should be an instant. A person mostly left out the time or the zone.
fn no_instant(value: &Tree) -> String {
    let shown = match &value.kind {
        Kind::Text(text) => {
            let short: String = text.chars().take(40).collect();
            format!("{short:?}")
        }
        Kind::Number(number) => number.to_string(),
        Kind::Null => "nothing".to_owned(),
        Kind::Bool(_) | Kind::List(_) | Kind::Map(_) => "this".to_owned(),
    };
    let local = value.text().and_then(|text| text.parse::<DateTime>().ok());
    match local {
        Some(local) => format!("{shown} is no instant; write it as {local}Z"),
        None => format!("{shown} is no instant; write it as in 2026-12-01T00:00:00Z"),
    }
}
