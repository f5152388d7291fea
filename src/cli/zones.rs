//! The flags that say which zones there are, for every command that reads schedules.

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use punctual::{
    core::{almanac::Almanac, cron::Zones},
    zones,
};

/// Which zones there are, and which one schedules are read in that name none.
#[derive(Args)]
pub struct ZoneFlags {
    /// Where the data of time zones is from: this program, or the system ($TZDIR, or
    /// /usr/share/zoneinfo), whose may be newer.
    #[arg(
        long,
        env = "PUNCTUAL_ZONE_DATABASE",
        value_enum,
        default_value_t = ZoneDatabase::BuiltIn
    )]
    zone_database: ZoneDatabase,

    /// The zone of schedules that name none, such as Europe/Berlin. Default: $TZ, or the system's.
    #[arg(long, env = "PUNCTUAL_TIME_ZONE", value_name = "ZONE")]
    time_zone: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum ZoneDatabase {
    BuiltIn,
    System,
}

impl ZoneFlags {
    /// The zones, and no calendars.
    ///
    /// # Errors
    ///
    /// The system has no zone database but is to be asked, or the zone of a flag or of `$TZ` is not
    /// known.
    pub fn almanac(&self) -> anyhow::Result<Almanac> {
        let zones = match self.zone_database {
            ZoneDatabase::BuiltIn => Zones::built_in(),
            ZoneDatabase::System => zones::system()
                .context("can't use --zone-database system; built-in needs no files")?,
        };
        let local = match &self.time_zone {
            Some(name) => zones.get(name).map_err(|error| {
                let error = error.to_string();
                anyhow!("--time-{}", error.trim_start_matches("time "))
            })?,
            None => local_zone(&zones)?,
        };
        Ok(Almanac {
            zones,
            ..Almanac::new(local)
        })
    }
}

/// The zone of this machine: `$TZ`, else the system's. A container often has neither, and means UTC
/// then.
fn local_zone(zones: &Zones) -> anyhow::Result<TimeZone> {
    let found = if std::env::var_os("TZ").is_some() {
        TimeZone::try_system().context("can't use $TZ; name a zone with --time-zone")?
    } else {
        TimeZone::try_system().unwrap_or(TimeZone::UTC)
    };
    // It was read from whatever the system has. By its name the chosen database may have it too.
    let chosen = found.iana_name().and_then(|name| zones.get(name).ok());
    Ok(chosen.unwrap_or(found))
}
