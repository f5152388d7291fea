//! Zones by name, from the database in the binary: no file is ever looked at, so no name is a path.

use super::{TimingError, quote::quote};
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Longer than every name in the database.
const MAX_NAME: usize = 64;

/// A database of zones.
#[derive(Clone, Debug)]
pub struct Zones(TimeZoneDatabase);

impl Zones {
    /// The database in this program.
    pub fn built_in() -> Self {
        Self(TimeZoneDatabase::bundled())
    }

    /// The zone of an IANA name such as `Europe/Berlin`.
    ///
    /// # Errors
    ///
    /// A name that the database does not have.
    pub fn get(&self, name: &str) -> Result<TimeZone, TimingError> {
        find(&self.0, name)
    }
}

/// The zone of an IANA name such as `Europe/Berlin` or `UTC`, written as the database writes it.
///
/// # Errors
///
/// A name that the bundled database does not have; the message suggests the names that differ from
/// it only in case or separators, or that end in it (`europe/berlin`, `Berlin`).
pub fn zone(name: &str) -> Result<TimeZone, TimingError> {
    find(&TimeZoneDatabase::bundled(), name)
}

fn find(database: &TimeZoneDatabase, name: &str) -> Result<TimeZone, TimingError> {
    let plausible = name.len() <= MAX_NAME
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/_+-".contains(&b));
    if plausible
        && let Ok(found) = database.get(name)
        // The lookup ignores case, but other tools that read the same name do not.
        && found.iana_name() == Some(name)
        && !found.is_unknown()
    {
        return Ok(found);
    }
    Err(TimingError::new(match alike(database, name).as_slice() {
        [] => format!(
            "time zone: {} is not known; use an IANA name such as Europe/Berlin, or UTC",
            quote(name)
        ),
        names => format!(
            "time zone: {} is not known; did you mean {}?",
            quote(name),
            names.join(" or ")
        ),
    }))
}

/// Up to three names that a person may have meant.
fn alike(database: &TimeZoneDatabase, name: &str) -> Vec<String> {
    if name.is_empty() || name.len() > MAX_NAME {
        return Vec::new();
    }
    let plain = |s: &str| s.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    let wanted = plain(name);
    let mut known: Vec<String> = database
        .available()
        .map(|n| n.as_str().to_owned())
        .collect();
    known.sort();
    known.retain(|known| {
        let known = plain(known);
        known == wanted || known.rsplit('/').next() == Some(&wanted)
    });
    known.truncate(3);
    known
}
