//! What a schedule file says → ScheduledContainers in the cluster: applied when they are in the
//! file, retired when they are not. Touches only what carries the label of its source.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt, stream};

use super::objects::{CallError, Key, Objects, SOURCE_LABEL, Seen};
use super::problem::Problem;
use super::read::{FileEntry, Reading};

/// How many calls are under way at once.
const AT_ONCE: usize = 8;

/// What came of one round.
#[derive(Debug, Default)]
pub struct Round {
    /// What the user has to change.
    pub problems: Vec<Problem>,
    /// Whether something failed, so that the round must be repeated.
    pub failed: bool,
}

/// Keeps the cluster at what a file says.
pub struct Sync {
    objects: Objects,
    /// What this process has applied, so that it isn't applied again.
    applied: HashMap<Key, Arc<FileEntry>>,
    /// What is to be deleted when its run has ended.
    leaving: BTreeMap<Key, Seen>,
}

enum Applied {
    Done,
    Foreign(Option<String>),
}

impl Sync {
    /// Keeps what is labelled with `source`, in all namespaces or in one only.
    pub fn new(client: kube::Client, source: String, only_namespace: Option<String>) -> Self {
        Self {
            objects: Objects::new(client, source, only_namespace),
            applied: HashMap::new(),
            leaving: BTreeMap::new(),
        }
    }

    /// Whether something waits for its run to end.
    pub fn is_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Applies every entry that isn't applied yet, and retires what is no longer in the file.
    ///
    /// # Errors
    ///
    /// Only if the cluster's state can't be had at all; what fails for one entry fails for it alone.
    pub async fn round(&mut self, reading: &Reading) -> Result<Round, CallError> {
        let seen = self.objects.list().await?;
        let mut round = Round::default();
        let mut wanted = HashSet::new();
        let mut to_apply = Vec::new();
        for entry in &reading.entries {
            let key = (entry.namespace.clone(), entry.name.clone());
            let found = seen.get(&key);
            let done = found.is_some_and(|found| !found.held_off)
                && self.applied.get(&key).is_some_and(|known| known == entry);
            if let Some(only) = self
                .objects
                .only_namespace
                .as_ref()
                .filter(|only| **only != key.0)
            {
                let message = format!(
                    "namespace: \"{}\" isn't looked after here, only \"{only}\" is",
                    key.0
                );
                round.problems.push(problem(entry, &message));
            } else if !done {
                to_apply.push((key.clone(), Arc::clone(entry), found.cloned()));
            }
            wanted.insert(key);
        }
        let this = &*self;
        let results: Vec<_> = stream::iter(to_apply)
            .map(|(key, entry, found)| async move {
                let result = this.apply(&key, &entry, found).await;
                (key, entry, result)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for (key, entry, result) in results {
            self.record(&mut round, key, &entry, result);
        }
        self.applied.retain(|key, _| wanted.contains(key));
        self.leaving = seen
            .into_iter()
            .filter(|(key, _)| !wanted.contains(key) && !reading.kept.contains(&key.1))
            .collect();
        round.failed |= self.retire().await;
        round.problems.sort_by_key(|problem| problem.line);
        Ok(round)
    }

    /// Looks again at what waits for its run to end. True if something failed.
    pub async fn retire_ended(&mut self) -> bool {
        let this = &*self;
        let looks: Vec<_> = stream::iter(this.leaving.keys().cloned().collect::<Vec<_>>())
            .map(|key| async move {
                let result = this.objects.get(&key).await;
                (key, result)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut failed = false;
        for (key, result) in looks {
            match result {
                Ok(Some(found)) if self.is_ours(&found) => {
                    self.leaving.insert(key, found);
                }
                Ok(_) => {
                    self.leaving.remove(&key);
                }
                Err(error) => {
                    failed = true;
                    tracing::warn!(
                        namespace = key.0,
                        schedule = key.1,
                        error = &error as &dyn std::error::Error,
                        "can't look at a schedule that is retired; trying again"
                    );
                }
            }
        }
        self.retire().await | failed
    }

    fn record(
        &mut self,
        round: &mut Round,
        key: Key,
        entry: &Arc<FileEntry>,
        result: Result<Applied, CallError>,
    ) {
        match result {
            Ok(Applied::Done) => {
                tracing::info!(
                    namespace = key.0,
                    schedule = key.1,
                    line = entry.place.line,
                    "applied from the schedule file"
                );
                self.applied.insert(key, Arc::clone(entry));
            }
            Ok(Applied::Foreign(other)) => {
                round.failed = true;
                round
                    .problems
                    .push(problem(entry, &self.foreign(&key, other)));
            }
            Err(error) => {
                round.failed = true;
                match error.final_answer() {
                    Some(answer) => {
                        let message = format!("Kubernetes refused it: {answer}");
                        round.problems.push(problem(entry, &message));
                    }
                    None => {
                        tracing::warn!(
                            namespace = key.0,
                            schedule = key.1,
                            error = &error as &dyn std::error::Error,
                            "can't apply an entry; trying again"
                        );
                    }
                }
            }
        }
    }

    fn foreign(&self, (namespace, name): &Key, other: Option<String>) -> String {
        let source = &self.objects.source;
        let whose = match other {
            Some(other) => format!("comes from the source \"{other}\""),
            None => "doesn't come from a schedule file".to_owned(),
        };
        format!(
            "the ScheduledContainer of this name in {namespace} {whose}, so it is left alone: rename the entry, delete that one (kubectl delete schc -n {namespace} {name}), or hand it over (kubectl label schc -n {namespace} {name} --overwrite {SOURCE_LABEL}={source})"
        )
    }

    /// One step for each that is leaving. True if something failed.
    async fn retire(&mut self) -> bool {
        let this = &*self;
        let results: Vec<_> = stream::iter(this.leaving.clone())
            .map(|(key, found)| async move {
                let result = this.retire_one(&key, &found).await;
                (key, result)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let mut failed = false;
        for (key, result) in results {
            match result {
                Ok(true) => {
                    tracing::info!(
                        namespace = key.0,
                        schedule = key.1,
                        "retired: it is no longer in the schedule file"
                    );
                    self.leaving.remove(&key);
                }
                Ok(false) => {}
                Err(error) => {
                    failed = true;
                    tracing::warn!(
                        namespace = key.0,
                        schedule = key.1,
                        error = &error as &dyn std::error::Error,
                        "can't retire a schedule; trying again"
                    );
                }
            }
        }
        failed
    }

    /// True when it is gone.
    async fn retire_one(&self, key: &Key, found: &Seen) -> Result<bool, CallError> {
        if found.active && found.suspended {
            return Ok(false);
        }
        // A run that is claimed after this was read changes the version, and the delete is refused.
        let result = if found.active {
            let held_off = self.objects.hold_off(key, &found.uid).await;
            held_off.map(|()| false)
        } else {
            let deleted = self.objects.delete(key, found).await;
            deleted.map(|()| true)
        };
        match result {
            Err(error) if error.is(404) => Ok(true),
            Err(error) if error.is(409) => Ok(false),
            other => other,
        }
    }

    async fn apply(
        &self,
        key: &Key,
        entry: &FileEntry,
        mut found: Option<Seen>,
    ) -> Result<Applied, CallError> {
        if found.is_none() {
            found = self.objects.get(key).await?;
        }
        let Some(found) = found else {
            // It isn't forced: one that somebody creates in this very moment is a conflict, and
            // stays theirs.
            return match self.objects.apply(entry, None).await {
                Err(error) if error.is(409) => Ok(Applied::Foreign(None)),
                other => other.map(|()| Applied::Done),
            };
        };
        if !self.is_ours(&found) {
            return Ok(Applied::Foreign(found.source));
        }
        self.objects.apply(entry, Some(&found.uid)).await?;
        if found.held_off {
            // After the entry is applied, so that what it said before never runs once more.
            self.objects.let_on(key, &found.uid).await?;
        }
        Ok(Applied::Done)
    }

    fn is_ours(&self, found: &Seen) -> bool {
        found.source.as_ref() == Some(&self.objects.source)
    }
}

fn problem(entry: &FileEntry, message: &str) -> Problem {
    Problem::of_entry(
        &entry.file,
        Some(entry.place),
        &entry.name,
        &entry.namespace,
        message,
    )
}
