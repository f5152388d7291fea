//! The system's zone database, which may be newer than the one in this program. Nothing else looks
//! for one.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use jiff::tz::TimeZoneDatabase;

use crate::core::cron::Zones;

/// Where systems keep it, if `$TZDIR` does not say.
const FOLDERS: [&str; 3] = [
    "/usr/share/zoneinfo",
    "/usr/share/lib/zoneinfo",
    "/etc/zoneinfo",
];

/// Why there is no zone database of the system.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is no zone database in {}: install one (most systems call it tzdata), or name its folder in $TZDIR",
    .0.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
)]
pub struct NoDatabase(Vec<PathBuf>);

/// The database of the system: in the folder that `$TZDIR` names if it is set, else in the first of
/// the usual ones that has one. Its files are read when their zones are asked for, and again when
/// they have changed.
///
/// # Errors
///
/// There is none.
pub fn system() -> Result<Zones, NoDatabase> {
    let folders = match std::env::var_os("TZDIR").filter(|folder| !folder.is_empty()) {
        // Who names a folder does not want another in its stead.
        Some(folder) => vec![PathBuf::from(folder)],
        None => FOLDERS.iter().map(PathBuf::from).collect(),
    };
    first_of(folders)
}

/// The database in the first of `folders` that has one.
///
/// # Errors
///
/// None of them has a zone.
pub fn first_of(folders: Vec<PathBuf>) -> Result<Zones, NoDatabase> {
    folders
        .iter()
        .find_map(|folder| in_folder(folder))
        .ok_or(NoDatabase(folders))
}

fn in_folder(folder: &Path) -> Option<Zones> {
    // Any file makes it a database at first; the names are those of files that look like zones.
    let database = TimeZoneDatabase::from_dir(folder).ok()?;
    database.available().next()?;
    let version = version(folder).unwrap_or_else(|| "unknown".to_owned());
    let version = format!("{version} (system, {})", folder.display());
    Some(Zones::of(database, &version))
}

/// The release that the files in a folder are from, such as 2025b, where they say it.
fn version(folder: &Path) -> Option<String> {
    let text = first_line(&folder.join("+VERSION")).or_else(|| {
        let line = first_line(&folder.join("tzdata.zi"))?;
        Some(line.strip_prefix("# version ")?.to_owned())
    })?;
    let version = text.trim();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-.+".contains(&b);
    (!version.is_empty() && version.len() <= 32 && version.bytes().all(plain))
        .then(|| version.to_owned())
}

/// The first line of a file, up to a length that suits a version.
fn first_line(path: &Path) -> Option<String> {
    let mut start = Vec::new();
    File::open(path)
        .ok()?
        .take(64)
        .read_to_end(&mut start)
        .ok()?;
    let line = start.split(|b| *b == b'\n').next()?;
    String::from_utf8(line.to_vec()).ok()
}
