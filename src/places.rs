//! Places: how many schedules are worked on at once, so that those that fail or hang take no place
//! from the others.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A turn that takes longer than this waits for an answer that may never come.
const SLOW: Duration = Duration::from_secs(1);

/// How many turns may be slow at once, for each usual place.
const SLOW_FOR_EACH: usize = 3;

/// The places for turns. A turn begins in a usual place, or among the failing if its schedule has
/// failed lately; when it turns out slow, it moves aside.
#[derive(Clone)]
pub struct Places {
    usual: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    failing: Arc<Semaphore>,
}

/// A place that is taken. It is free again when this goes.
pub struct Place(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

impl Places {
    pub fn new(concurrency: usize) -> Self {
        let concurrency = concurrency.clamp(1, Semaphore::MAX_PERMITS / SLOW_FOR_EACH);
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            usual: places(concurrency),
            slow: places(concurrency * SLOW_FOR_EACH),
            failing: places(concurrency),
        }
    }

    /// Waits for a usual place.
    pub async fn usual(&self) -> Option<Place> {
        // Nobody closes it.
        self.usual.clone().acquire_owned().await.ok().map(Place)
    }

    /// Takes one turn, begun in a usual place; one of a schedule that fails waits first for a place
    /// among its like.
    pub async fn take<T>(&self, usual: Place, fails: bool, turn: impl Future<Output = T>) -> T {
        let place = match fails {
            false => Some(usual),
            true => {
                drop(usual);
                self.failing.clone().acquire_owned().await.ok().map(Place)
            }
        };
        let mut turn = pin!(turn);
        if let Ok(done) = tokio::time::timeout(SLOW, &mut turn).await {
            return done;
        }
        // Where there is no place for it, it stays where it is.
        let aside = || self.slow.clone().try_acquire_owned().ok().map(Place);
        let _place = match fails {
            false => aside().or(place),
            true => place,
        };
        turn.await
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    async fn is_free(places: &Places) -> bool {
        let waits = tokio::time::timeout(Duration::from_millis(1), places.usual());
        waits.await.is_ok()
    }

    async fn hang(places: &Places, fails: bool) {
        let place = places.usual().await.unwrap();
        let places = places.clone();
        tokio::spawn(async move { places.take(place, fails, pending::<()>()).await });
        tokio::task::yield_now().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_turn_moves_aside_while_there_is_room() {
        let places = Places::new(1);
        for _ in 0..SLOW_FOR_EACH {
            hang(&places, false).await;
            assert!(!is_free(&places).await);
            tokio::time::sleep(SLOW).await;
            assert!(is_free(&places).await);
        }
        hang(&places, false).await;
        tokio::time::sleep(SLOW * 2).await;
        assert!(!is_free(&places).await, "what is slow is bounded");
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_fail_wait_for_each_other_alone() {
        let places = Places::new(1);
        for _ in 0..5 {
            hang(&places, true).await;
            assert!(is_free(&places).await);
        }
    }
}
