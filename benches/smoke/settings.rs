//! What the environment says about a bench, and how the bench says what it does.

use std::{env, str::FromStr, time::Duration};

use anyhow::{Context, ensure};

/// What to measure.
pub struct Settings {
    pub schedules: usize,
    pub namespaces: usize,
    /// How long a run's pod runs.
    pub run_seconds: u32,
    /// More flags for the controller, to compare its settings.
    pub controller_flags: Vec<String>,
    /// Whether the result goes into docs/performance.md.
    pub write: bool,
    lead: Option<u64>,
}

impl Settings {
    /// Reads `BENCH_SCHEDULES` (1000), `BENCH_NAMESPACES` (10), `BENCH_RUN_SECONDS` (10),
    /// `BENCH_LEAD_SECONDS` (by the number of schedules), `BENCH_CONTROLLER_FLAGS`, `BENCH_WRITE`.
    pub fn from_environment() -> anyhow::Result<Self> {
        let flags = env::var("BENCH_CONTROLLER_FLAGS").unwrap_or_default();
        let settings = Self {
            schedules: number("BENCH_SCHEDULES")?.unwrap_or(1_000),
            namespaces: number("BENCH_NAMESPACES")?.unwrap_or(10),
            run_seconds: number("BENCH_RUN_SECONDS")?.unwrap_or(10),
            controller_flags: flags.split_whitespace().map(Into::into).collect(),
            write: env::var("BENCH_WRITE").is_ok_and(|write| write == "1"),
            lead: number("BENCH_LEAD_SECONDS")?,
        };
        ensure!(
            (1..=100_000).contains(&settings.schedules),
            "BENCH_SCHEDULES: 1 to 100000"
        );
        ensure!(
            (1..=100).contains(&settings.namespaces),
            "BENCH_NAMESPACES: 1 to 100"
        );
        ensure!(
            settings.lead().as_secs() <= 86_400,
            "BENCH_LEAD_SECONDS: a day at most"
        );
        Ok(settings)
    }

    /// How long before the fire the first schedule is made: time to make and try all of them.
    pub fn lead(&self) -> Duration {
        let by_number = 45 + self.schedules as u64 / 30;
        Duration::from_secs(self.lead.unwrap_or(by_number))
    }
}

/// A number that the environment says, if it does.
pub fn number<T: FromStr<Err = std::num::ParseIntError>>(name: &str) -> anyhow::Result<Option<T>> {
    match env::var(name) {
        Ok(text) => text
            .parse()
            .map(Some)
            .with_context(|| format!("{name}={text}")),
        Err(_) => Ok(None),
    }
}

/// Says what is being done.
pub fn say(text: &str) {
    eprintln!("bench-smoke: {text}");
}
