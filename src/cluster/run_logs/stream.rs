//! Follows the output of one container to its end, over broken connections.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, LogParams};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::lines::{LineEnd, Position, read_line, split};
use crate::core::backoff;
use crate::telemetry::bounded;

/// How long the API server may take to begin an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// How long after the end of a stream the end of its container is waited for. When it is not seen by
/// then, only the connection has ended.
const END_SEEN: Duration = Duration::from_secs(5);

/// How long a stream may go on after its container has ended or its pod is gone.
const END_READ: Duration = Duration::from_secs(30);

/// How often in a row a stream may fail before it is given up: about a minute and a half.
const TRIES: u32 = 11;

/// Whose output it is, and which part of it is wanted.
pub struct Output {
    pub client: Client,
    pub namespace: String,
    pub schedule: String,
    pub run: String,
    pub container: String,
    /// From when on.
    pub since: Option<Timestamp>,
    /// Only so many of the last lines, without following.
    pub tail: Option<i64>,
}

/// What is known of a container: which instance of it (a container may be restarted), by its start,
/// and whether it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    pub instance: Option<Timestamp>,
    pub ended: bool,
}

/// How far the output was printed.
#[derive(Debug, Default)]
pub struct Progress {
    position: Option<Position>,
    /// A last line without its end, which the container may still complete.
    part: Vec<u8>,
    /// What was known when all of it had been printed.
    pub done: Option<Seen>,
}

/// How a stream ended.
enum End {
    /// As the output of a container that has ended does, and as that of one whose node was cut off.
    Clean,
    /// There is no such pod or container any more.
    Gone,
    Broken(String),
}

/// Prints the output, each line as one record, until the container has ended or is gone. `changes`
/// says what is known of it now; its sender is dropped when the pod is gone.
pub async fn follow(
    output: Output,
    streams: &Semaphore,
    progress: &Mutex<Progress>,
    mut changes: watch::Receiver<Seen>,
) {
    let mut failures = 0;
    loop {
        let seen = known(&mut changes);
        let Ok(stream) = streams.acquire().await else {
            return;
        };
        let mut news = false;
        let end = tokio::select! {
            end = read(&output, progress, &mut news) => end,
            () = overdue(changes.clone()) => End::Broken("it went on after the end".to_owned()),
        };
        drop(stream);
        if news {
            failures = 0;
        }
        match end {
            // All of it was there before this stream began.
            End::Clean if seen.ended && known(&mut changes) == seen => {
                return finish(&output, progress, seen);
            }
            End::Clean => {
                failures = 0;
                if !seen.ended {
                    // Either way the output is read again from here: what the container printed
                    // last may be missing.
                    let _ = timeout(END_SEEN, changes.changed()).await;
                }
            }
            End::Gone => return finish(&output, progress, seen),
            End::Broken(failure) => {
                failures += 1;
                if failures >= TRIES {
                    tracing::warn!(
                        namespace = output.namespace,
                        schedule = output.schedule,
                        run = output.run,
                        container = output.container,
                        failure,
                        "can't read the rest of the run's output"
                    );
                    return finish(&output, progress, seen);
                }
                sleep(backoff::delay(failures, seed(&output))).await;
            }
        }
    }
}

/// What is known of the container now: it has ended if its pod is gone.
fn known(changes: &mut watch::Receiver<Seen>) -> Seen {
    let gone = changes.has_changed().is_err();
    let mut seen = *changes.borrow_and_update();
    seen.ended |= gone;
    seen
}

/// Reads one stream from where the last one ended.
async fn read(output: &Output, progress: &Mutex<Progress>, news: &mut bool) -> End {
    let since = lock(progress)
        .position
        .get_or_insert_with(|| Position::new(output.since))
        .resume();
    let parameters = LogParams {
        container: Some(output.container.clone()),
        follow: output.tail.is_none(),
        since_time: since,
        tail_lines: output.tail,
        timestamps: true,
        ..LogParams::default()
    };
    let pods = Api::<Pod>::namespaced(output.client.clone(), &output.namespace);
    let reader = match timeout(PATIENCE, pods.log_stream(&output.run, &parameters)).await {
        Ok(Ok(reader)) => reader,
        Ok(Err(kube::Error::Api(status))) if status.is_not_found() => return End::Gone,
        Ok(Err(error)) => return End::Broken(crate::error::chain(&error)),
        Err(_) => return End::Broken(format!("no answer within {} s", PATIENCE.as_secs())),
    };
    let mut reader = std::pin::pin!(reader);
    let mut line = Vec::new();
    loop {
        match read_line(&mut reader, &mut line).await {
            Ok(LineEnd::Newline) => *news |= print_new(output, progress, &line),
            Ok(LineEnd::Stream) => {
                lock(progress).part = line;
                return End::Clean;
            }
            // A part of a line comes again, whole, with the next stream.
            Err(error) => return End::Broken(crate::error::chain(&error)),
        }
    }
}

/// Notes that all is printed, a last line without its end included.
fn finish(output: &Output, progress: &Mutex<Progress>, seen: Seen) {
    let part = std::mem::take(&mut lock(progress).part);
    if !part.is_empty() {
        print_new(output, progress, &part);
    }
    lock(progress).done = Some(seen);
}

/// Prints a line unless it was printed before; says whether it was new.
fn print_new(output: &Output, progress: &Mutex<Progress>, line: &[u8]) -> bool {
    let Some((at, text)) = split(line) else {
        tracing::debug!(
            namespace = output.namespace,
            run = output.run,
            container = output.container,
            "instead of a log line: {}",
            String::from_utf8_lossy(line)
        );
        return false;
    };
    let new = lock(progress)
        .position
        .get_or_insert_with(|| Position::new(output.since))
        .take(at);
    if new {
        tracing::info!(
            target: "punctual::run",
            event = "log",
            namespace = output.namespace,
            schedule = output.schedule,
            run = output.run,
            container = output.container,
            "{}",
            bounded(&text)
        );
    }
    new
}

/// Ends some time after the container has ended or its pod is gone.
async fn overdue(mut changes: watch::Receiver<Seen>) {
    // An error says that the pod is gone.
    let _ = changes.wait_for(|seen| seen.ended).await;
    sleep(END_READ).await;
}

/// Spreads the retries of streams that broke together.
fn seed(output: &Output) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&output.run, &output.container).hash(&mut hasher);
    hasher.finish()
}

pub fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    // No panic can leave it half changed.
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}
