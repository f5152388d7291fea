//! The keys that stand twice in one map.

use std::{borrow::Cow, collections::HashMap};

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle};

use super::{Duplicate, Place, small};

/// A map or list that has begun and not ended.
enum Open<'t> {
    List,
    Map {
        keys: HashMap<Cow<'t, str>, Place>,
        /// The key whose value comes next.
        key: Option<Cow<'t, str>>,
    },
}

/// The keys that stand twice in one map. Only for a text that was read without an error.
pub fn find(text: &str) -> Vec<Duplicate> {
    let mut found = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        let place = Place {
            line: small(span.start.line() as u64),
            column: small(span.start.col() as u64 + 1),
        };
        match event {
            Event::Scalar(value, style, ..) => {
                if let Some(Open::Map {
                    keys,
                    key: key @ None,
                }) = open.last_mut()
                {
                    let merges = value == "<<" && style == ScalarStyle::Plain;
                    *key = Some(value.clone());
                    if let Some(&first) = keys.get(&value).filter(|_| !merges) {
                        found.push(duplicate(&open, value.into_owned(), first, place));
                    } else {
                        keys.insert(value, place);
                    }
                } else {
                    value_ended(&mut open);
                }
            }
            Event::Alias(_) => {
                // An alias as a key has no text here: such a key is not looked at.
                if let Some(Open::Map {
                    key: key @ None, ..
                }) = open.last_mut()
                {
                    *key = Some(Cow::default());
                } else {
                    value_ended(&mut open);
                }
            }
            Event::MappingStart(..) => open.push(Open::Map {
                keys: HashMap::new(),
                key: None,
            }),
            Event::SequenceStart(..) => open.push(Open::List),
            Event::MappingEnd | Event::SequenceEnd => {
                open.pop();
                value_ended(&mut open);
            }
            // Marks and comments are no values.
            _ => {}
        }
    }
    found
}

fn value_ended(open: &mut [Open<'_>]) {
    if let Some(Open::Map { key, .. }) = open.last_mut() {
        *key = None;
    }
}

fn duplicate(open: &[Open<'_>], text: String, first: Place, second: Place) -> Duplicate {
    let (top, inner) = match open.first() {
        Some(Open::Map { key: Some(top), .. }) if open.len() > 1 => {
            (top.clone().into_owned(), Some(text))
        }
        _ => (text, None),
    };
    Duplicate {
        top,
        inner,
        first,
        second,
    }
}
