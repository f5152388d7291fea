//! Tells turns that wait for an answer from turns that hang.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// How long no turn may get on while there are some. Every request is given up after 10 seconds, and
/// what is computed between two of them takes milliseconds.
const HANGING: Duration = Duration::from_secs(60);

/// Counts what the turns get done. A clone counts the same.
#[derive(Clone, Default)]
pub(super) struct Progress(Arc<AtomicU64>);

impl Progress {
    /// A turn has got on: an answer came, or the turn ended.
    pub fn made(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Looks at the progress.
pub(super) struct Watchdog {
    progress: Progress,
    seen: u64,
    since: Instant,
}

impl Watchdog {
    pub fn new(progress: Progress) -> Self {
        Self {
            progress,
            seen: 0,
            since: Instant::now(),
        }
    }

    /// Whether all is well, with turns under way or without. To be asked every few seconds.
    pub fn is_content(&mut self, without_turns: bool) -> bool {
        let made = self.progress.0.load(Ordering::Relaxed);
        if without_turns || made != self.seen {
            self.seen = made;
            self.since = Instant::now();
        }
        self.since.elapsed() <= HANGING
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_turns_of_which_none_gets_on_hang() {
        let progress = Progress::default();
        let mut watchdog = Watchdog::new(progress.clone());
        for _ in 0..5 {
            advance(HANGING).await;
            assert!(watchdog.is_content(true), "there is nothing to do");
        }
        for _ in 0..5 {
            advance(HANGING).await;
            progress.made();
            assert!(watchdog.is_content(false), "one gets on");
        }
        advance(HANGING).await;
        assert!(watchdog.is_content(false), "not yet too long");
        advance(Duration::from_secs(1)).await;
        assert!(!watchdog.is_content(false), "none gets on");
        progress.made();
        assert!(watchdog.is_content(false), "it went on after all");
    }
}
