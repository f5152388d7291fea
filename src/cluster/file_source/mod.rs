//! `schedule.yml` as a source of schedules: its entries become ScheduledContainers, and stay what
//! the file says while it is edited. Runs nothing itself.
//!
//! ```text
//! files ── text ──> read ─> tree, typed, entry, template ──> Reading ──> sync ──> API server
//!   └ looks twice a second         (pure)                      └ problems
//! ```

mod entry;
mod files;
mod objects;
pub(super) mod path;
mod problem;
mod read;
mod sync;
pub(super) mod template;
pub(super) mod tree;
pub(super) mod typed;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::core::{almanac::Almanac, backoff};
use crate::metrics::Metrics;

pub use files::Files;
pub use objects::{CallError, SOURCE_LABEL, SOURCE_LINE_ANNOTATION};
pub use problem::Problem;
pub use read::{FileEntry, MAX_FILE_BYTES, Reading, read};
pub use sync::{Round, Sync};
pub use tree::Place;

/// The name of a source that isn't given another.
pub const DEFAULT_SOURCE: &str = "schedule-file";

/// How often the cluster is compared with the file when neither is known to have changed: what
/// somebody deleted by hand comes back.
const RESYNC: Duration = Duration::from_secs(60);

/// How often a schedule that is no longer in the file is asked whether its run has ended.
const RETIRE: Duration = Duration::from_secs(1);

/// A schedule file that is to be applied to a cluster.
#[derive(Clone)]
pub struct FileSource {
    /// The schedule file. It may be a link, and may not exist yet.
    pub path: PathBuf,
    /// The namespace of the entries that name none.
    pub default_namespace: String,
    /// If set, the only namespace that entries may name, and in which anything is looked for.
    pub only_namespace: Option<String>,
    /// The name of the source, a label's value: two files for one cluster need two names.
    pub source: String,
    /// What the entries are read with. Its calendars may be none: entries name those of the cluster.
    pub almanac: Arc<Almanac>,
    pub client: kube::Client,
    pub metrics: Metrics,
}

impl FileSource {
    /// Applies the file at once and whenever it changes, until `shutdown`.
    ///
    /// `on_problem` is told each problem once, and again when it has changed or come back.
    pub async fn run(
        self,
        on_problem: impl Fn(&Problem) + Send + std::marker::Sync,
        shutdown: CancellationToken,
    ) {
        let sync = Sync::new(self.client, self.source, self.only_namespace);
        let files = Files::new(self.path, None, self.default_namespace, self.almanac);
        let (sender, receiver) = watch::channel(None);
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = files.watch(sender) => {}
            () = follow(sync, receiver, on_problem, &self.metrics) => {}
        }
        // Whoever reads the file now counts them.
        self.metrics.set_schedule_file_problems(0);
    }
}

/// Brings the cluster to each reading, and keeps it there.
async fn follow(
    mut sync: Sync,
    mut receiver: watch::Receiver<Option<Arc<Reading>>>,
    on_problem: impl Fn(&Problem),
    metrics: &Metrics,
) {
    let mut current: Option<Arc<Reading>> = None;
    let mut in_file = Told::default();
    let mut in_cluster = Told::default();
    let mut failures: u32 = 0;
    let mut next_round = Instant::now();
    let mut next_look = Instant::now();
    loop {
        let wake = if sync.is_leaving() {
            next_round.min(next_look)
        } else {
            next_round
        };
        tokio::select! {
            changed = receiver.changed() => {
                if changed.is_err() {
                    return;
                }
                let Some(reading) = receiver.borrow_and_update().clone() else { continue };
                in_file.tell(&reading.problems, &on_problem);
                metrics.set_schedule_file_problems(in_file.0.len() + in_cluster.0.len());
                // A file that can't be read says nothing: what it said before stays.
                if !reading.unreadable {
                    tracing::info!(
                        entries = reading.entries.len(),
                        problems = reading.problems.len(),
                        "read the schedule file"
                    );
                    current = Some(reading);
                    failures = 0;
                    next_round = Instant::now();
                }
            }
            () = sleep_until(wake), if current.is_some() => {
                let Some(reading) = current.as_ref() else { continue };
                let failed = if Instant::now() >= next_round {
                    match sync.round(reading).await {
                        Ok(round) => {
                            in_cluster.tell(&round.problems, &on_problem);
                            round.failed
                        }
                        Err(error) => {
                            tracing::warn!(error = &error as &dyn std::error::Error, "can't list the schedules of the schedule file; trying again");
                            true
                        }
                    }
                } else {
                    sync.retire_ended().await
                };
                next_look = Instant::now() + RETIRE;
                metrics.set_schedule_file_problems(in_file.0.len() + in_cluster.0.len());
                if failed {
                    failures = failures.saturating_add(1);
                    next_round = Instant::now() + backoff::delay(failures, spread(failures));
                } else if Instant::now() >= next_round {
                    failures = 0;
                    next_round = Instant::now() + RESYNC;
                }
            }
        }
    }
}

/// Which problems were told.
#[derive(Default)]
struct Told(HashSet<Problem>);

impl Told {
    /// Tells those that were not there the last time.
    fn tell(&mut self, problems: &[Problem], on_problem: &impl Fn(&Problem)) {
        for problem in problems {
            if !self.0.contains(problem) {
                on_problem(problem);
            }
        }
        self.0 = problems.iter().cloned().collect();
    }
}

/// Differs between controllers and between tries.
fn spread(failures: u32) -> u64 {
    u64::from(std::process::id()).wrapping_mul(2_654_435_761) ^ u64::from(failures)
}
