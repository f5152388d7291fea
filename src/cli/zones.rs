//! The flags that say which zones there are, and which is the local one.

use anyhow::Context;
use clap::Args;
use jiff::tz::TimeZone;
use punctual::core::{almanac::Almanac, cron};

/// Which zones there are.
#[derive(Args)]
pub struct ZoneFlags {
    /// The zone of schedules that name none, such as Europe/Berlin. Default: $TZ, or the system's.
    #[arg(long, env = "PUNCTUAL_TIME_ZONE", value_name = "ZONE")]
    time_zone: Option<String>,
}

impl ZoneFlags {
    /// An almanac with these zones and without calendars.
    pub fn almanac(&self) -> anyhow::Result<Almanac> {
        let local = match &self.time_zone {
            Some(name) => cron::zone(name).context("--time-zone")?,
            None => TimeZone::try_system().unwrap_or(TimeZone::UTC),
        };
        Ok(Almanac::new(local))
    }
}
