//! An entry and the template that it names → the spec of its ScheduledContainer, or what is wrong
//! with it. Touches nothing: templates come from a function.

mod limits;
mod timing;
mod unknown;

use std::collections::HashMap;
use std::path::{Component, Path};
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::template::{Fault, override_first, pod_template};
use super::tree::{self, Key, Kind, MAX_VALUES, Place, Tree};
use super::typed;
use crate::api::ScheduleFileEntry;
use crate::cluster::{names::is_label, values};
use crate::core::almanac::Almanac;

/// Something wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The template in which it is wrong; none for the schedule file itself.
    pub template: Option<String>,
    pub place: Option<Place>,
    pub message: String,
}

/// What an entry is read with, besides its own words.
pub struct Surroundings<'a> {
    pub almanac: &'a Almanac,
    /// The namespace of entries that name none.
    pub default_namespace: &'a str,
}

/// The templates that entries name, each read once.
pub struct Templates<F> {
    lookup: F,
    read: HashMap<String, Result<Rc<Tree>, Vec<Finding>>>,
    /// How many values they have together.
    values: usize,
}

impl<F: FnMut(&str) -> Result<String, String>> Templates<F> {
    /// Templates from a function that returns the text of the one that an entry names, or why it
    /// can't be had.
    pub fn new(lookup: F) -> Self {
        Self {
            lookup,
            read: HashMap::new(),
            values: 0,
        }
    }

    fn get(&mut self, name: &str) -> Result<Rc<Tree>, Vec<Finding>> {
        if let Some(known) = self.read.get(name) {
            return known.clone();
        }
        let result = self.load(name);
        self.read.insert(name.to_owned(), result.clone());
        result
    }

    fn load(&mut self, name: &str) -> Result<Rc<Tree>, Vec<Finding>> {
        let within = |place, message| {
            let template = Some(name.to_owned());
            vec![Finding {
                template,
                place,
                message,
            }]
        };
        let text = (self.lookup)(name).map_err(|message| within(None, message))?;
        let (tree, duplicates) =
            tree::parse(&text, values::MOST).map_err(|error| within(error.place, error.message))?;
        self.values += tree.size();
        if self.values > MAX_VALUES {
            let message = format!(
                "is one template too many: together they have more than {MAX_VALUES} values"
            );
            return Err(within(None, message));
        }
        match duplicates.first() {
            None => Ok(Rc::new(tree)),
            Some(twice) => Err(within(
                Some(twice.second),
                format!(
                    "\"{}\" is given twice: first in line {}, again in line {}; remove one",
                    twice.inner.as_ref().unwrap_or(&twice.top),
                    twice.first.line,
                    twice.second.line
                ),
            )),
        }
    }
}

/// The namespace that an entry asks for, as far as that can be read.
pub fn namespace(tree: &Tree) -> Option<&str> {
    match tree.get("namespace").map(|tree| &tree.kind) {
        Some(Kind::Text(namespace)) => Some(namespace),
        _ => None,
    }
}

/// The spec that an entry stands for: what it says, and nothing that it leaves to the defaults.
pub fn spec<F: FnMut(&str) -> Result<String, String>>(
    name: &Key,
    tree: &Tree,
    surroundings: &Surroundings<'_>,
    templates: &mut Templates<F>,
) -> Result<Value, Vec<Finding>> {
    let mut findings = Vec::new();
    if !is_label(&name.text) {
        findings.push(here(name.place, bad_name(&name.text)));
    }
    if tree.size() > values::MOST {
        let most = values::MOST;
        let message = format!("has more than {most} values: make its pod smaller");
        findings.push(here(name.place, message));
        return Err(findings);
    }
    if let (Some(_), Some((again, _))) = (tree.get("cron"), tree.entry("schedule")) {
        let message = "\"cron\" and \"schedule\" are the same field: give one of them".to_owned();
        findings.push(here(again.place, message));
        return Err(findings);
    }
    let entry: ScheduleFileEntry = match typed::read(tree) {
        Ok(entry) => entry,
        Err(mismatch) => {
            let message = match mismatch.path.as_str() {
                "" if matches!(tree.kind, Kind::Map(_)) => mismatch.message,
                "" => "must be a map with cron and what to run".to_owned(),
                path => format!("{path}: {}", mismatch.message),
            };
            findings.push(here(mismatch.place, message));
            return Err(findings);
        }
    };
    let place = |field: &str| tree.get(field).map_or(name.place, |value| value.place);
    findings.extend(unknown::findings(tree));
    findings.extend(timing::findings(name, tree, &entry, surroundings));
    findings.extend(limits::findings(&entry, place));
    if let Some(namespace) = &entry.namespace
        && !is_label(namespace)
    {
        let message = format!("namespace: \"{namespace}\" can't be the name of a namespace");
        findings.push(here(place("namespace"), message));
    }
    match template_of(name, tree, &entry, templates) {
        Ok(template) if findings.is_empty() => Ok(assembled(&entry, tree, template)),
        Ok(_) => Err(findings),
        Err(more) => {
            findings.extend(more);
            Err(findings)
        }
    }
}

fn here(place: Place, message: String) -> Finding {
    Finding {
        template: None,
        place: Some(place),
        message,
    }
}

fn template_of<F: FnMut(&str) -> Result<String, String>>(
    name: &Key,
    tree: &Tree,
    entry: &ScheduleFileEntry,
    templates: &mut Templates<F>,
) -> Result<Value, Vec<Finding>> {
    let image = entry.image.as_deref();
    let args = entry.args.as_deref();
    let found = |faults: Vec<Fault>, template: Option<&str>| {
        let finding = |fault: Fault| Finding {
            template: template.map(str::to_owned),
            place: fault.place,
            message: fault.message,
        };
        faults.into_iter().map(finding).collect::<Vec<_>>()
    };
    let mut template = match (&entry.template, tree.get("pod"), image) {
        (Some(_), Some(_), _) if entry.pod.is_some() => {
            let place = tree.entry("pod").map_or(name.place, |(key, _)| key.place);
            let message = "gives the pod twice, as template and as pod: remove one";
            return Err(vec![here(place, message.to_owned())]);
        }
        (Some(path), _, _) => {
            check_path(path).map_err(|message| {
                let place = tree.get("template").map_or(name.place, |tree| tree.place);
                vec![here(place, format!("template: {message}"))]
            })?;
            let read = templates.get(path)?;
            pod_template(&read, false, "", image.is_some())
                .map_err(|faults| found(faults, Some(path)))?
        }
        (None, Some(pod), _) if entry.pod.is_some() => {
            pod_template(pod, true, "pod", image.is_some()).map_err(|faults| found(faults, None))?
        }
        (None, _, Some(_)) => json!({"spec": {"containers": [{"name": name.text}]}}),
        (None, _, None) => {
            let message = "says nothing to run: give image, template or pod";
            return Err(vec![here(name.place, message.to_owned())]);
        }
    };
    override_first(&mut template, image, args);
    Ok(template)
}

/// Whether a template's path stays in the folder, as far as the path itself tells.
fn check_path(path: &str) -> Result<(), String> {
    let components: Vec<_> = Path::new(path).components().collect();
    if path.is_empty() || path.len() > 1024 || path.contains('\0') {
        return Err("is not a file's path".to_owned());
    }
    let inside = components
        .iter()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if inside {
        Ok(())
    } else {
        Err(format!(
            "\"{path}\" leads out of the folder: name a file in the folder of the schedule file, by a path relative to it"
        ))
    }
}

fn assembled(entry: &ScheduleFileEntry, tree: &Tree, template: Value) -> Value {
    // Every field is named, so that a new one can't be forgotten here.
    let ScheduleFileEntry {
        cron,
        schedules,
        template: _,
        pod: _,
        image: _,
        args: _,
        namespace: _,
        description,
        time_zone,
        clock_changes,
        not_before,
        not_after,
        jitter_seconds,
        excludes,
        calendars,
        missed_fires,
        missed_fires_limit,
        suspend,
        concurrency_policy,
        queue_limit,
        max_active,
        retry: _,
        stuck_after: _,
        overdue_after: _,
        circuit_breaker: _,
        main_container,
        starting_deadline_seconds,
        active_deadline_seconds,
        successful_runs_history_limit,
        failed_runs_history_limit,
        ttl_seconds_after_finished,
    } = entry;
    let cron = cron.as_deref().map(str::trim);
    let all = [
        ("schedule", json!(cron)),
        ("schedules", json!(schedules)),
        ("timeZone", json!(time_zone)),
        ("clockChanges", json!(clock_changes)),
        ("notBefore", json!(not_before)),
        ("notAfter", json!(not_after)),
        ("jitterSeconds", json!(jitter_seconds)),
        ("excludes", json!(excludes)),
        ("calendars", json!(calendars)),
        ("missedFires", json!(missed_fires)),
        ("missedFiresLimit", json!(missed_fires_limit)),
        ("suspend", json!(suspend)),
        ("concurrencyPolicy", json!(concurrency_policy)),
        ("queueLimit", json!(queue_limit)),
        ("maxActive", json!(max_active)),
        ("retry", as_written(tree, "retry")),
        ("stuckAfter", as_written(tree, "stuckAfter")),
        ("overdueAfter", as_written(tree, "overdueAfter")),
        ("circuitBreaker", as_written(tree, "circuitBreaker")),
        ("mainContainer", json!(main_container)),
        ("startingDeadlineSeconds", json!(starting_deadline_seconds)),
        ("activeDeadlineSeconds", json!(active_deadline_seconds)),
        (
            "successfulRunsHistoryLimit",
            json!(successful_runs_history_limit),
        ),
        ("failedRunsHistoryLimit", json!(failed_runs_history_limit)),
        ("ttlSecondsAfterFinished", json!(ttl_seconds_after_finished)),
        ("description", json!(description)),
        ("template", template),
    ];
    let said: Map<String, Value> = all
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(field, value)| (field.to_owned(), value))
        .collect();
    Value::Object(said)
}

/// A field without the defaults that reading it fills in: who applies them owns them.
fn as_written(tree: &Tree, field: &str) -> Value {
    let mut value = tree.get(field).map_or(Value::Null, Tree::value);
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, value| !value.is_null());
    }
    value
}

fn bad_name(name: &str) -> String {
    let mut fixed = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            fixed.push(c.to_ascii_lowercase());
        } else if !fixed.ends_with('-') {
            fixed.push('-');
        }
    }
    let fixed: String = fixed.trim_start_matches('-').chars().take(63).collect();
    let fixed = fixed.trim_end_matches('-');
    let rule = "a name is 1 to 63 of a-z, 0-9 and -, and begins and ends with a letter or digit";
    if fixed.is_empty() {
        rule.to_owned()
    } else {
        format!("{rule}: rename it to {fixed}")
    }
}
