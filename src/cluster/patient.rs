//! A watch that waits ever longer while it can't be had. kube's own back-off takes the beginning of each
//! try for a success, so that a watch that is refused was tried once a second for ever.

use std::time::Duration;

use futures::{
    StreamExt,
    stream::{self, BoxStream},
};
use kube::runtime::watcher::{Event, Result};
use tokio::time::Instant;

use crate::core::backoff;

/// The same events, with a pause after each that is an error, from 100 ms to 30 s.
pub fn patient<K: Send + 'static>(
    events: BoxStream<'static, Result<Event<K>>>,
) -> BoxStream<'static, Result<Event<K>>> {
    let begun = Instant::now();
    let begin = (events, 0, Duration::ZERO);
    stream::unfold(begin, move |(mut events, failures, pause)| async move {
        // Even no time at all would take a timer up to a millisecond.
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let event = events.next().await?;
        let next = match &event {
            Err(_) => {
                let failures = failures + 1;
                // As good as chance, so that replicas that failed together don't return together.
                let seed = begun.elapsed().as_nanos() as u64;
                (events, failures, backoff::delay(failures, seed))
            }
            Ok(Event::Init | Event::InitApply(_)) => (events, failures, Duration::ZERO),
            Ok(Event::InitDone | Event::Apply(_) | Event::Delete(_)) => (events, 0, Duration::ZERO),
        };
        Some((event, next))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher::Error;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_is_had_ends_the_row_of_failures() {
        let refused = || Err(Error::NoResourceVersion);
        let begins = || Ok(Event::<()>::Init);
        let events = vec![
            begins(),
            refused(),
            begins(),
            refused(),
            begins(),
            Ok(Event::InitApply(())),
            refused(),
            begins(),
            Ok(Event::InitDone),
            refused(),
            Ok(Event::Apply(())),
        ];
        let mut events = patient(stream::iter(events).boxed());
        let mut pauses = Vec::new();
        loop {
            let asked = Instant::now();
            if events.next().await.is_none() {
                break;
            }
            let pause = asked.elapsed();
            if !pause.is_zero() {
                pauses.push(pause.as_millis());
            }
        }
        let within = |range: std::ops::RangeInclusive<u128>, pause| range.contains(pause);
        let [first, second, third, after] = pauses.as_slice() else {
            panic!("{pauses:?}")
        };
        // The timer counts in milliseconds, and rounds up.
        assert!(within(50..=101, first), "{pauses:?}");
        assert!(within(100..=201, second), "{pauses:?}");
        assert!(within(200..=401, third), "{pauses:?}");
        assert!(within(50..=101, after), "{pauses:?}");
    }
}
