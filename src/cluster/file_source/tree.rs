//! YAML or JSON text → a tree in which every value knows its place. Bounded on any input; knows
//! nothing of schedules.

mod duplicates;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_saphyr::{DuplicateKeyPolicy, Error, Location, MessageFormatter, NonFiniteFloatPolicy};
use serde_saphyr::{Spanned, UserMessageFormatter};

/// How many maps and lists may be in one another.
const MAX_DEPTH: usize = 32;

/// How many values a text may have: room for some thousand entries, some megabytes of memory, and a
/// tenth of a second.
pub const MAX_VALUES: usize = 40_000;

/// How many lines a text may have.
const MAX_LINES: usize = 100_000;

/// How much the texts of a tree may come to, in bytes, and how much an alias may repeat.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Where something stands in a text. Both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub line: u32,
    /// In characters.
    pub column: u32,
}

/// A value and its place. A value that came through an alias stands where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    pub place: Place,
    pub kind: Kind,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Tree>),
    /// In the order of the text. Keys are distinct; merge keys are resolved.
    Map(Vec<(Key, Tree)>),
}

/// A key of a map and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub text: String,
    pub place: Place,
}

/// A key that stands twice in one map. The tree has the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The key of the outermost map under which it stands, or which it is.
    pub top: String,
    /// The key itself, if it isn't that of the outermost map.
    pub inner: Option<String>,
    pub first: Place,
    pub second: Place,
}

/// Why a text is no tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub place: Option<Place>,
    pub message: String,
}

/// Reads one document of at most so many values, those that aliases repeat included.
pub fn parse(text: &str, most: usize) -> Result<(Tree, Vec<Duplicate>), Unreadable> {
    // The parser keeps a hundred bytes of each comment. Files of real entries have more of a line.
    if text.lines().count() > MAX_LINES {
        let message = format!("has more than {MAX_LINES} lines: split it");
        return Err(Unreadable {
            place: None,
            message,
        });
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            // A pod needs some 15. Each level takes 40 KiB of stack in a debug build, of the 2 MiB
            // that a thread of the runtime has.
            max_depth: MAX_DEPTH,
            max_nodes: most,
            max_total_scalar_bytes: MAX_BYTES,
            max_recorded_anchor_bytes: MAX_BYTES,
            // Each of these takes some hundred bytes.
            max_recorded_anchor_events: 30_000,
            max_anchors: 10_000,
            max_aliases: 10_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: most,
        },
        // Reported by `duplicates`, which knows both places and doesn't end the reading.
        duplicate_keys: DuplicateKeyPolicy::FirstWins,
        // `defaultMode: 0644` is octal to kubectl.
        legacy_octal_numbers: true,
        // `y`, `no` and `on` are words, and no more than that.
        strict_booleans: true,
        // JSON has neither .inf nor .nan: they are words like any other.
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        // `!include` and the like would be taken as the text after them.
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let tree = serde_saphyr::from_str_with_options::<Tree>(text, options)
        .map_err(|error| explain(text, &error))?;
    Ok((tree, duplicates::find(text)))
}

impl Tree {
    /// The value under a key of a map.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        self.entry(key).map(|(_, value)| value)
    }

    /// A key of a map, with its value.
    pub fn entry(&self, key: &str) -> Option<(&Key, &Tree)> {
        let mut entries = self.entries().iter();
        let found = entries.find(|(found, _)| found.text == key);
        found.map(|(key, value)| (key, value))
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Whether a text stands under a key of a map.
    pub fn has_text(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| value.text().is_some())
    }

    /// The values of a list.
    pub fn items(&self) -> &[Tree] {
        match &self.kind {
            Kind::List(items) => items,
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::Map(_) => &[],
        }
    }

    /// The value at a place of a list.
    pub fn item(&self, index: usize) -> Option<&Tree> {
        self.items().get(index)
    }

    /// The keys and values of a map.
    pub fn entries(&self) -> &[(Key, Tree)] {
        match &self.kind {
            Kind::Map(entries) => entries,
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) | Kind::List(_) => &[],
        }
    }

    /// How many values it has, itself included.
    pub fn size(&self) -> usize {
        let inner = match &self.kind {
            Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Text(_) => 0,
            Kind::List(items) => items.iter().map(Tree::size).sum(),
            Kind::Map(entries) => entries.iter().map(|(_, value)| value.size()).sum(),
        };
        inner + 1
    }

    /// The value without its places.
    pub fn value(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(value) => Value::Number(value.clone()),
            Kind::Text(value) => Value::String(value.clone()),
            Kind::List(items) => items.iter().map(Tree::value).collect(),
            Kind::Map(entries) => entries
                .iter()
                .map(|(key, value)| (key.text.clone(), value.value()))
                .collect(),
        }
    }
}

/// No text that is read has more lines or columns.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl From<Location> for Place {
    fn from(location: Location) -> Self {
        Self {
            line: small(location.line()),
            column: small(location.column()),
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kind = Spanned::<Kind>::deserialize(deserializer)?;
        Ok(Self {
            place: kind.defined.into(),
            kind: kind.value,
        })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Kind, E> {
        // What is no JSON number stays readable as what it is.
        Ok(Number::from_f64(value).map_or_else(|| Kind::Text(value.to_string()), Kind::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Kind::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = access.next_entry::<Spanned<String>, Tree>()? {
            let place = key.referenced.into();
            let text = key.value;
            entries.push((Key { text, place }, value));
        }
        Ok(Kind::Map(entries))
    }
}

/// The error in our words, with the way out where it is known.
fn explain(text: &str, error: &Error) -> Unreadable {
    let place = error.location().map(Place::from);
    let mut error = error.without_snippet();
    while let Error::AliasError { error: inner, .. } = error {
        error = inner;
    }
    let message = match error {
        Error::MultipleDocuments { .. } => {
            "holds more than one YAML document: put everything into one, without `---` between"
                .to_owned()
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => format!(
            "is too large, too deep, or repeats its anchors too often ({}): split it, or repeat less",
            UserMessageFormatter.format_message(error)
        ),
        // What the parser itself could not read.
        Error::UnknownAnchor { .. } | Error::ExternalMessage { .. } => place
            .and_then(|place| quoting_hint(text, place))
            .unwrap_or_else(|| invalid(error)),
        _ => invalid(error),
    };
    Unreadable { place, message }
}

fn invalid(error: &Error) -> String {
    let what = UserMessageFormatter.format_message(error);
    format!("not valid YAML: {what}")
}

/// What to write where an unquoted value begins with a character that YAML keeps for itself.
fn quoting_hint(text: &str, place: Place) -> Option<String> {
    let line = text.lines().nth(usize::try_from(place.line).ok()? - 1)?;
    let at = usize::try_from(place.column).ok()?.checked_sub(1)?;
    let value: String = line.chars().skip(at).collect();
    let first = value.chars().next().filter(|c| "*@?%`".contains(*c))?;
    let before: String = line.chars().take(at).collect();
    let key = before.trim_end().strip_suffix(':')?;
    let key = key.rsplit([' ', '{', ',']).next().unwrap_or(key);
    if !matches!(key, "cron" | "schedule") {
        return Some(format!(
            "an unquoted value can't begin with {first} in YAML: put it in quotes"
        ));
    }
    let value = value.split(['#', '}', '"', '\'']).next().unwrap_or("");
    let value: String = value.trim_end().chars().take(64).collect();
    Some(format!(
        "an unquoted {first} means something else in YAML: quote the schedule, as in {key}: \"{value}\""
    ))
}
