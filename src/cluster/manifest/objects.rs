//! A manifest → the schedules and calendars in it. What the API server would refuse is told here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use kube::CustomResourceExt;
use serde_json::Value;

use super::super::file_source::{
    Place,
    path::deepest,
    template::pod_template,
    tree::{Kind, Tree},
    typed,
};
use super::schema::{self, nearest};
use super::{Contents, Finding, Wanted, Written, WrittenCalendar};
use crate::api::{
    CalendarKind, CalendarSpec, EXIT_CODES_MESSAGE, GROUP, Retry, ScheduleCalendar,
    ScheduledContainer, ScheduledContainerSpec,
};
use crate::cluster::names::is_subdomain;
use crate::core::{almanac::CalendarRef, calendar::Calendar};

const VERSION: &str = "punctual.dev/v1alpha1";
const KINDS: [&str; 3] = [
    "ScheduledContainer",
    "ScheduleCalendar",
    "ClusterScheduleCalendar",
];

/// The longest name of a schedule: it becomes a label of its pods.
const MAX_NAME: usize = 63;

/// The schemas of the specs of our kinds.
static SCHEMAS: LazyLock<BTreeMap<&str, Value>> = LazyLock::new(|| {
    let spec = |definition: Value| {
        let path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
        definition.pointer(path).cloned().unwrap_or_default()
    };
    let plain = |value: Result<Value, _>| {
        let _: &Result<Value, serde_json::Error> = &value;
        value.expect("a definition is made of strings, numbers and lists")
    };
    let schedule = spec(plain(serde_json::to_value(ScheduledContainer::crd())));
    let calendar = spec(plain(serde_json::to_value(ScheduleCalendar::crd())));
    BTreeMap::from([
        (KINDS[0], schedule),
        (KINDS[1], calendar.clone()),
        (KINDS[2], calendar),
    ])
});

/// Reads one object, or a `List` of them.
pub(super) fn read(root: &Tree, file: &str, default_namespace: &str, contents: &mut Contents) {
    let kind = root.get("kind").and_then(Tree::text).unwrap_or_default();
    let listed = kind.strip_suffix("List").unwrap_or("none of ours");
    let items = match root.get("items") {
        Some(items) if kind == "List" || KINDS.contains(&listed) => items.items(),
        Some(_) | None => {
            let object = Object::new(root, None, file, default_namespace);
            return object.read_or_say_why_not(contents);
        }
    };
    for item in items {
        // The API server leaves out what the list says of all its items.
        let list = KINDS.contains(&listed).then_some((root, listed));
        let object = Object::new(item, list, file, default_namespace);
        if object.kind == "List" {
            let message = "a List in a List is passed over: put its items into the outer one";
            contents
                .notes
                .push(object.finding(item.place, message.to_owned()));
        } else {
            object.read_or_say_why_not(contents);
        }
    }
}

/// An object whose kind is known.
struct Object<'t> {
    root: &'t Tree,
    kind: &'t str,
    version: Option<&'t Tree>,
    file: &'t str,
    namespace: &'t str,
    name: &'t str,
}

/// Whose an object is.
enum About {
    Ours,
    Foreign,
    Wrong(Place, String),
}

impl<'t> Object<'t> {
    /// `list` is the list that it is an item of, with the kind of its items.
    fn new(
        root: &'t Tree,
        list: Option<(&'t Tree, &'t str)>,
        file: &'t str,
        default_namespace: &'t str,
    ) -> Self {
        let metadata = |field| root.get("metadata")?.get(field)?.text();
        let kind = root.get("kind").and_then(Tree::text);
        let version = || list.and_then(|(list, _)| list.get("apiVersion"));
        Self {
            root,
            kind: kind.or(list.map(|(_, kind)| kind)).unwrap_or_default(),
            version: root.get("apiVersion").or_else(version),
            file,
            namespace: metadata("namespace").unwrap_or(default_namespace),
            name: metadata("name").unwrap_or_default(),
        }
    }

    fn read_or_say_why_not(&self, contents: &mut Contents) {
        match self.about() {
            About::Foreign => {
                let what = if self.kind.is_empty() {
                    "this"
                } else {
                    self.kind
                };
                let message = format!("{what} is not checked");
                contents.notes.push(self.finding(self.root.place, message));
            }
            About::Wrong(place, message) => contents.problems.push(self.finding(place, message)),
            About::Ours => self.read(contents),
        }
    }

    fn about(&self) -> About {
        let version = self.version;
        let place = |tree: Option<&Tree>| tree.unwrap_or(self.root).place;
        let ours = KINDS.contains(&self.kind);
        match version.and_then(Tree::text) {
            Some(VERSION) if ours => About::Ours,
            Some(other) if other.split('/').next() == Some(GROUP) => {
                let message = if other == VERSION {
                    let meant = nearest(self.kind, KINDS).unwrap_or("ScheduledContainer");
                    format!(
                        "kind: \"{}\" is none of ours; did you mean {meant}?",
                        self.kind
                    )
                } else {
                    format!("apiVersion: \"{other}\" is not known; use {VERSION}")
                };
                let at = if other == VERSION {
                    self.root.get("kind")
                } else {
                    version
                };
                About::Wrong(place(at), message)
            }
            None if ours => About::Wrong(
                place(version),
                format!("has no apiVersion; a {} has {VERSION}", self.kind),
            ),
            Some(_) | None => About::Foreign,
        }
    }

    fn finding(&self, place: Place, message: String) -> Finding {
        let name = match self.name {
            "" => None,
            // Of other kinds we don't know whether they have a namespace.
            name if !KINDS[..2].contains(&self.kind) => Some(name.to_owned()),
            name => Some(format!("{}/{name}", self.namespace)),
        };
        Finding {
            file: self.file.to_owned(),
            place: Some(place),
            name,
            message,
            pointer: None,
        }
    }

    fn read(&self, contents: &mut Contents) {
        let before = contents.problems.len();
        self.check_metadata(contents);
        let Some(spec) = self.root.get("spec") else {
            let message = "has no spec".to_owned();
            contents
                .problems
                .push(self.finding(self.root.place, message));
            return;
        };
        let mut faults = schema::Faults::default();
        schema::check(spec, &SCHEMAS[self.kind], "spec", &mut faults);
        // What is under template is told better by those who know pods.
        faults
            .wrong
            .retain(|fault| !fault.path.starts_with("spec.template."));
        for fault in faults.wrong {
            let message = format!("{}: {}", fault.path, fault.message);
            contents.problems.push(self.finding(fault.place, message));
        }
        for fault in faults.unknown {
            let message = format!("{}: {}", fault.path, fault.message);
            contents.notes.push(self.finding(fault.place, message));
        }
        if self.kind == KINDS[0] {
            self.check_pod(spec, contents);
        }
        if contents.problems.len() > before {
            return;
        }
        if self.kind == KINDS[0] {
            self.schedule(spec, contents);
        } else {
            self.calendar(spec, contents);
        }
    }

    fn check_metadata(&self, contents: &mut Contents) {
        let mut wrong = |tree: Option<&Tree>, message: String| {
            let place = tree.unwrap_or(self.root).place;
            contents.problems.push(self.finding(place, message));
        };
        if let Kind::Map(fields) = &self.root.kind {
            let known = ["apiVersion", "kind", "metadata", "spec", "status"];
            for (key, value) in fields {
                if !known.contains(&key.text.as_str()) {
                    let message = schema::unknown(&key.text, known);
                    wrong(Some(value), message);
                }
            }
        }
        let metadata = self.root.get("metadata");
        let name = metadata.and_then(|metadata| metadata.get("name"));
        if self.name.is_empty() {
            wrong(name.or(metadata), "metadata.name is missing".to_owned());
        } else if !is_subdomain(self.name) {
            let message = format!(
                "metadata.name: \"{}\" can't be a name: it may have a-z, 0-9, - and ., and begins \
                 and ends with a letter or digit",
                self.name.escape_debug()
            );
            wrong(name, message);
        } else if self.kind == KINDS[0] && self.name.len() > MAX_NAME {
            let message = format!(
                "metadata.name: {} characters are more than {MAX_NAME}: the name becomes a label of \
                 the schedule's pods",
                self.name.len()
            );
            wrong(name, message);
        }
    }

    fn check_pod(&self, spec: &Tree, contents: &mut Contents) {
        let Some(template) = spec
            .get("template")
            .filter(|tree| tree.get("spec").is_some())
        else {
            return; // the schema has said that it is missing
        };
        if let Err(faults) = pod_template(template, true, "spec.template", false) {
            for fault in faults {
                let place = fault.place.unwrap_or(template.place);
                contents.problems.push(self.finding(place, fault.message));
            }
        }
    }

    fn schedule(&self, tree: &Tree, contents: &mut Contents) {
        let spec = match typed::read::<ScheduledContainerSpec>(&without_nulls(tree)) {
            Ok(spec) => spec,
            Err(mismatch) => {
                contents.problems.push(self.mismatch(&mismatch));
                return;
            }
        };
        let retry = spec.retry.as_ref();
        if retry.is_some_and(Retry::names_both_exit_codes) {
            let path = "retry.notOnExitCodes";
            let place = deepest(self.root, path, false).unwrap_or(tree).place;
            let message = format!("spec.{path}: {EXIT_CODES_MESSAGE}");
            contents.problems.push(self.finding(place, message));
            return;
        }
        contents.schedules.push(Written {
            schedule: Wanted {
                namespace: self.namespace.to_owned(),
                name: self.name.to_owned(),
                spec,
            },
            file: self.file.to_owned(),
            place: self.root.place,
            is_entry: false,
            tree: self.root.clone(),
        });
    }

    fn calendar(&self, spec: &Tree, contents: &mut Contents) {
        let written = match typed::read::<CalendarSpec>(spec) {
            Ok(written) => written,
            Err(mismatch) => {
                contents.problems.push(self.mismatch(&mismatch));
                return;
            }
        };
        if let Err(message) = Calendar::parse(&written) {
            let path = message.split([':', ' ']).next().unwrap_or_default();
            let path = path.strip_prefix("spec.").unwrap_or_default();
            let place = deepest(self.root, path, false).unwrap_or(spec).place;
            contents.problems.push(self.finding(place, message));
            return;
        }
        let (kind, namespace) = if self.kind == KINDS[2] {
            (CalendarKind::ClusterScheduleCalendar, String::new())
        } else {
            (CalendarKind::ScheduleCalendar, self.namespace.to_owned())
        };
        contents.calendars.push(WrittenCalendar {
            reference: CalendarRef {
                kind,
                namespace,
                name: self.name.to_owned(),
            },
            spec: written,
        });
    }

    fn mismatch(&self, mismatch: &typed::Mismatch) -> Finding {
        let path = match mismatch.path.as_str() {
            "" => "spec".to_owned(),
            path => format!("spec.{path}"),
        };
        self.finding(mismatch.place, format!("{path}: {}", mismatch.message))
    }
}

/// The fields of a spec that have a value: the API server takes those with `null` as left out.
fn without_nulls(spec: &Tree) -> Tree {
    let given = spec.entries().iter();
    let given = given.filter(|(_, value)| value.kind != Kind::Null);
    Tree {
        place: spec.place,
        kind: Kind::Map(given.cloned().collect()),
    }
}
