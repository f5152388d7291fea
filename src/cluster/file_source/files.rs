//! The schedule file and its templates on disk: reads them, and notices when they change. Decides
//! nothing about what they say.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::problem::Problem;
use super::read::{MAX_FILE_BYTES, Reading, read};
use crate::core::almanac::Almanac;

/// How often the files are looked at. A change is taken up when it has stood still for one such
/// span, so that a file that is being written isn't read by halves.
const LOOK: Duration = Duration::from_millis(500);

/// After how many looks a file that never stands still is read nevertheless.
const PATIENCE: u32 = 5;

/// How large all templates of one schedule file may be together, in bytes.
const MAX_TEMPLATES_BYTES: usize = 4 * 1024 * 1024;

/// A schedule file and the folder of its templates.
#[derive(Clone, Debug)]
pub struct Files {
    path: PathBuf,
    folder: PathBuf,
    default_namespace: String,
    almanac: Arc<Almanac>,
}

/// What tells one state of a file from another, symbolic links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The files that were looked at; no stamp for one that isn't there.
type Stamps = BTreeMap<PathBuf, Option<Stamp>>;

impl Files {
    /// The schedule file at `path`, with its templates in `templates`, by default in its own folder.
    /// `almanac` is what its entries are read with.
    pub fn new(
        path: PathBuf,
        templates: Option<PathBuf>,
        default_namespace: String,
        almanac: Arc<Almanac>,
    ) -> Self {
        let own = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        Self {
            path,
            folder: templates.unwrap_or(own),
            default_namespace,
            almanac,
        }
    }

    /// Reads the schedule file and the templates that it names. Blocks on the disk.
    pub fn read(&self) -> Reading {
        self.load().0
    }

    /// Sends what the files say, at once and whenever that changes, until it is dropped.
    pub async fn watch(self, sender: watch::Sender<Option<Arc<Reading>>>) {
        let files = Arc::new(self);
        let mut known: Option<Stamps> = None;
        let mut moving: Option<Stamps> = None;
        let mut looks = 0;
        loop {
            let now = match &known {
                None => None,
                Some(known) => {
                    let paths: Vec<PathBuf> = known.keys().cloned().collect();
                    let Some(now) = off_thread(move || stamps(paths)).await else {
                        return;
                    };
                    Some(now)
                }
            };
            if now.is_some() && now == known {
                moving = None;
                looks = 0;
            } else if now.is_none() || now == moving || looks >= PATIENCE {
                let loading = Arc::clone(&files);
                let Some((reading, before, after)) = off_thread(move || {
                    let (reading, before) = loading.load();
                    let after = stamps(before.keys().cloned().collect());
                    (reading, before, after)
                })
                .await
                else {
                    return;
                };
                if before == after || looks >= PATIENCE {
                    known = Some(before);
                    moving = None;
                    looks = 0;
                    publish(&sender, reading);
                } else {
                    // It changed while it was being read: what was read may be of two states.
                    moving = None;
                    looks += 1;
                }
            } else {
                moving = now;
                looks += 1;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn load(&self) -> (Reading, Stamps) {
        let mut stamps = Stamps::from([(self.path.clone(), stamp(&self.path))]);
        let file = self.path.file_name().unwrap_or(self.path.as_os_str());
        let file = file.to_string_lossy();
        let text = match read_text(&self.path) {
            Ok(text) => text,
            Err(message) => {
                let message = format!("{message}; the schedules stay as they are");
                let problem = Problem::of_file(&file, None, &self.default_namespace, &message);
                return (Reading::unreadable(problem), stamps);
            }
        };
        let mut room = MAX_TEMPLATES_BYTES;
        let reading = read(
            &text,
            &file,
            &self.default_namespace,
            &self.almanac,
            |name| {
                let path = self.folder.join(name);
                stamps.insert(path.clone(), stamp(&path));
                let text = self.template(name)?;
                room = room
                    .checked_sub(text.len())
                    .ok_or("is one template too many: together they are larger than 4 MiB")?;
                Ok(text)
            },
        );
        (reading, stamps)
    }

    /// The text of the template that an entry names by `name`, or why it can't be had.
    pub fn template(&self, name: &str) -> Result<String, String> {
        read_text(&self.inside(&self.folder.join(name))?)
    }

    /// The file that a path leads to, which must be in the folder. A mounted ConfigMap is a folder
    /// of links to links, all within it.
    fn inside(&self, path: &Path) -> Result<PathBuf, String> {
        let folder = self.folder.canonicalize().map_err(|e| unreadable(&e))?;
        let real = path.canonicalize().map_err(|e| unreadable(&e))?;
        if real.starts_with(&folder) {
            Ok(real)
        } else {
            Err(
                "is a link that leads out of the folder: put the file itself into the folder"
                    .to_owned(),
            )
        }
    }
}

fn publish(sender: &watch::Sender<Option<Arc<Reading>>>, reading: Reading) {
    sender.send_if_modified(|known| {
        let same = known.as_deref() == Some(&reading);
        if !same {
            *known = Some(Arc::new(reading));
        }
        !same
    });
}

/// Runs what blocks where it may block. None if the program is ending.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => None,
        },
    }
}

fn stamps(paths: Vec<PathBuf>) -> Stamps {
    paths
        .into_iter()
        .map(|path| {
            let stamp = stamp(&path);
            (path, stamp)
        })
        .collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = fs::metadata(path).ok()?;
    Some(Stamp {
        file: (found.dev(), found.ino()),
        length: found.len(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}

fn read_text(path: &Path) -> Result<String, String> {
    // Looked at before it is opened: opening a pipe would wait for its writer.
    let found = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !found.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| {
            let limit = MAX_FILE_BYTES as u64 + 1;
            file.take(limit).read_to_end(&mut bytes)
        })
        .map_err(|error| unreadable(&error))?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err("is larger than 1 MiB".to_owned());
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..good].iter().filter(|b| **b == b'\n');
        format!("is not UTF-8 text (see line {})", line.count() + 1)
    })
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        _ => format!("can't be read: {error}"),
    }
}
