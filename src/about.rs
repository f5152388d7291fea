//! What this program was made from, and which zones it works with.

use serde::Serialize;

/// What a bug report names.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    pub version: &'static str,
    pub commit: &'static str,
    pub zone_database: String,
}

impl About {
    /// This program with these zones.
    pub fn new(zone_database: &str) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("PUNCTUAL_COMMIT").unwrap_or("unknown"),
            zone_database: zone_database.into(),
        }
    }
}
