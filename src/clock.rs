//! The only place that asks what time it is.

use std::time::Duration;

use jiff::Timestamp;

/// A wall clock.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The system's.
    System,
    /// One that starts at an instant and goes as fast as the runtime's own time, which a test can pause.
    Simulated {
        start: Timestamp,
        since: tokio::time::Instant,
    },
}

impl Clock {
    /// A clock that shows `start` now and goes as fast as the runtime's own time.
    pub fn simulated(start: Timestamp) -> Self {
        Self::Simulated {
            start,
            since: tokio::time::Instant::now(),
        }
    }

    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => Timestamp::now(),
            Clock::Simulated { start, since } => *start + since.elapsed(),
        }
    }

    /// How long it is until `instant`: zero when it is past.
    pub fn until(&self, instant: Timestamp) -> Duration {
        Duration::try_from(instant.duration_since(self.now())).unwrap_or(Duration::ZERO)
    }
}
