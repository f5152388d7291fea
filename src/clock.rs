//! The only place that asks what time it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

/// A wall clock.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The system's.
    System,
    /// One that starts at an instant and goes as fast as the runtime's own time, which a test can pause.
    Simulated {
        start: Timestamp,
        since: tokio::time::Instant,
        /// By how many milliseconds it was put forward since, for all its clones.
        put_forward: Arc<AtomicI64>,
    },
}

impl Clock {
    /// A clock that shows `start` now and goes as fast as the runtime's own time.
    pub fn simulated(start: Timestamp) -> Self {
        Self::Simulated {
            start,
            since: tokio::time::Instant::now(),
            put_forward: Arc::default(),
        }
    }

    /// Puts a simulated clock and all its clones forward, or back, as people and time servers do;
    /// the runtime's own time just goes on. To the millisecond. The system's clock stays as it is.
    pub fn step(&self, by: SignedDuration) {
        match self {
            Clock::System => {}
            Clock::Simulated { put_forward, .. } => {
                let milliseconds = i64::try_from(by.as_millis()).unwrap_or(0);
                put_forward.fetch_add(milliseconds, Ordering::Relaxed);
            }
        }
    }

    /// The time now.
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => Timestamp::now(),
            Clock::Simulated {
                start,
                since,
                put_forward,
            } => {
                let put_forward = put_forward.load(Ordering::Relaxed);
                *start + since.elapsed() + SignedDuration::from_millis(put_forward)
            }
        }
    }

    /// How long it is until `instant`: zero when it is past.
    pub fn until(&self, instant: Timestamp) -> Duration {
        Duration::try_from(instant.duration_since(self.now())).unwrap_or(Duration::ZERO)
    }
}
