//! How many schedules are worked on at once: as many as the API server answers without making them
//! wait for one another.
//!
//! Requests that wait in the API server wait in its order, and a schedule that falls due waits behind
//! all of them. Requests that wait here wait in ours. So there are no more places than keep the API
//! server busy: their number grows while its answers take hardly longer than with few of them, and
//! shrinks when they take more than half as long again.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// How few places there are at least. With fewer, answers that take longer since others have the API
/// server do much would stop us alone.
const LEAST: usize = 16;

/// How few there are at least while more is due for long than gets done, which others feel. With more,
/// no more runs start where the API server has no time for more, and it answers the others later.
const FEW: usize = 1;

/// How many answers are looked at together, at least.
const SOME: usize = 16;

/// After how long it is measured anew how long answers take with few places: the API server may have
/// become slower or faster, which can't be told while there are many.
const FRESH: Duration = Duration::from_secs(60);

/// How long an answer is waited for in a place while there are as many places as may be: it may never
/// come. With fewer places it is less, so that requests that are never answered keep nobody else waiting
/// longer; but not less than `PATIENCE` times as long as answers take now: were places given back since
/// all answers are slow, still more would be asked for.
const SLOW: Duration = Duration::from_millis(250);
const PATIENCE: u32 = 8;

/// No API server answers quicker: what took less was not asked for.
const QUICKEST: Duration = Duration::from_micros(200);

/// The places. All clones of the `Arc` are the same ones.
pub(super) struct Places {
    state: Mutex<State>,
    free: Notify,
}

/// A place, until it is free again.
pub(super) struct Place {
    places: Arc<Places>,
    is_free: bool,
}

struct State {
    taken: usize,
    pace: Pace,
}

impl Places {
    /// At most so many places.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                taken: 0,
                pace: Pace::new(most, Instant::now()),
            }),
            free: Notify::new(),
        })
    }

    /// Waits for a place. For one who waits at a time.
    pub async fn take(self: &Arc<Self>) -> Place {
        loop {
            if self.lock().take() {
                return self.place();
            }
            self.free.notified().await;
        }
    }

    /// Says whether there may be even fewer than usual.
    pub fn may_be_few(&self, may_be_few: bool) {
        let least = if may_be_few { FEW } else { LEAST };
        self.lock().pace.set_least(least, Instant::now());
    }

    /// Whether there is a place beside those for one who is owed much: there are as many as usual then.
    pub fn has_another(&self) -> bool {
        let state = self.lock();
        state.taken < LEAST.min(state.pace.most)
    }

    /// Takes that place.
    pub fn take_another(self: &Arc<Self>) -> Place {
        self.lock().taken += 1;
        self.place()
    }

    fn place(self: &Arc<Self>) -> Place {
        Place {
            places: self.clone(),
            is_free: false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// How long to wait for an answer before the place is given back.
    pub fn patience(&self) -> Duration {
        self.places.lock().pace.patience()
    }

    /// What was asked for at this instant is answered, be it after the place was given back.
    pub fn answered(&self, begun: Instant) {
        let mut state = self.places.lock();
        let taken = state.taken;
        let more = state.pace.answered(begun, Instant::now(), taken);
        drop(state);
        if more {
            self.places.free.notify_one();
        }
    }

    /// Gives the place back.
    pub fn free(&mut self) {
        if !std::mem::replace(&mut self.is_free, true) {
            self.places.lock().taken -= 1;
            self.places.free.notify_one();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.free();
    }
}

impl State {
    fn take(&mut self) -> bool {
        let free = self.taken < self.pace.limit;
        self.taken += usize::from(free);
        self.pace.full |= self.taken >= self.pace.limit;
        free
    }
}

/// How many places there may be, by how long the answers take.
struct Pace {
    most: usize,
    least: usize,
    limit: usize,
    /// The last answers, at least as many as there are places.
    answers: Vec<Duration>,
    /// Whether all places were taken meanwhile: else more of them would be of no use.
    full: bool,
    /// How long answers take with few places, as last measured.
    alone: Duration,
    /// When that was. None while it is measured.
    measured: Option<Instant>,
    /// How long the last answers took.
    lately: Duration,
    /// How many places there are again when that is measured.
    usual: usize,
    /// Since when there have been so many places.
    since: Instant,
}

impl Pace {
    fn new(most: usize, now: Instant) -> Self {
        let least = LEAST.min(most);
        Self {
            most,
            least,
            limit: least,
            answers: Vec::new(),
            full: false,
            alone: Duration::ZERO,
            measured: None,
            lately: Duration::ZERO,
            usual: least,
            since: now,
        }
    }

    fn set_least(&mut self, least: usize, now: Instant) {
        let least = least.min(self.most);
        if least == self.least {
            return;
        }
        *self = Self {
            least,
            limit: least,
            usual: least,
            alone: self.alone,
            lately: self.lately,
            ..Self::new(self.most, now)
        };
    }

    fn patience(&self) -> Duration {
        let share = SLOW.mul_f64(self.limit as f64 / self.most as f64);
        share.max(self.lately.max(self.alone) * PATIENCE)
    }

    /// Takes in that what was asked for at one instant was answered at another, with so many places
    /// taken. True if there are more places by now.
    fn answered(&mut self, begun: Instant, now: Instant, taken: usize) -> bool {
        // Turns that began when there were more places go on for a few requests.
        if taken > self.limit {
            self.since = now;
            self.answers.clear();
            return false;
        }
        let took = now.duration_since(begun);
        // What was asked for when there were more places or fewer says nothing of how many there are.
        if took < QUICKEST || begun < self.since {
            return false;
        }
        self.answers.push(took);
        if self.answers.len() < self.limit.max(SOME) {
            return false;
        }
        // Of some schedules every answer is slow, as where a webhook looks at their pods. The quicker ones
        // say whether requests wait.
        let quarter = self.answers.len() / 4;
        let (_, took, _) = self.answers.select_nth_unstable(quarter);
        self.lately = *took;
        // It may have been measured while much else was under way. A herd asks for all it can have.
        if self.least < LEAST {
            self.alone = self.alone.min(*took);
        }
        let limit = match self.measured {
            None => {
                self.alone = *took;
                self.measured = Some(now);
                self.usual
            }
            Some(measured) if now.duration_since(measured) > FRESH => {
                self.measured = None;
                self.usual = self.limit;
                self.least
            }
            Some(_) if *took > self.alone * 3 / 2 => self.limit * 3 / 4,
            Some(_) if self.full => (self.limit * 5).div_ceil(4),
            Some(_) => self.limit,
        };
        let before = self.limit;
        self.limit = limit.clamp(self.least, self.most);
        if self.limit != before {
            self.since = now;
        }
        self.answers.clear();
        self.full = false;
        self.limit > before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that works on so many requests at once, each of them for 10 ms, and always has as many
    /// as there are places. The limits that it leads to, one for each second.
    fn limits(pace: &mut Pace, at_once: usize, seconds: u64, begun: Instant) -> Vec<usize> {
        let mut limits = Vec::new();
        let mut passed = Duration::ZERO;
        while passed < Duration::from_secs(seconds) {
            // All that are under way take this long, and come one after the other.
            let took =
                Duration::from_millis(10) * (pace.limit.max(at_once) as u32) / (at_once as u32);
            passed += took / pace.limit as u32;
            pace.full = true;
            pace.answered(begun + passed - took, begun + passed, pace.limit);
            if passed.as_secs() as usize >= limits.len() {
                limits.push(pace.limit);
            }
        }
        limits
    }

    #[test]
    fn there_are_as_many_places_as_keep_the_server_busy() {
        let now = Instant::now();
        for at_once in [16, 24, 32] {
            let limits = limits(&mut Pace::new(64, now), at_once, 50, now);
            let steady = &limits[5..];
            let enough = at_once * 3 / 4..=at_once * 2;
            assert!(
                steady.iter().all(|limit| enough.contains(limit)),
                "{at_once}: {limits:?}"
            );
        }
    }

    /// Answers that take so many milliseconds each, one after the other. Says when the last one came.
    fn answers(pace: &mut Pace, begun: Instant, took: impl IntoIterator<Item = u64>) -> Instant {
        took.into_iter().fold(begun, |begun, took| {
            let now = begun + Duration::from_millis(took);
            pace.answered(begun, now, pace.limit);
            now
        })
    }

    fn busy(pace: &mut Pace, begun: Instant, took: impl IntoIterator<Item = u64>) -> Instant {
        took.into_iter().fold(begun, |begun, took| {
            pace.full = true;
            answers(pace, begun, [took])
        })
    }

    #[test]
    fn a_server_that_has_become_slower_has_as_many_places_as_before() {
        let now = Instant::now();
        let mut pace = Pace::new(64, now);
        let now = busy(&mut pace, now, [10; 2_000]);
        assert_eq!(pace.limit, 64);
        busy(&mut pace, now, [100; 1_000]);
        assert_eq!(pace.limit, 64);
    }

    #[test]
    fn how_long_answers_take_is_measured_when_those_under_way_have_ended() {
        let now = Instant::now();
        let mut pace = Pace::new(64, now);
        let now = busy(&mut pace, now, [10; 2_000]);
        let mut now = busy(&mut pace, now, [10; 4_500]);
        while pace.measured.is_some() {
            now = busy(&mut pace, now, [10]);
        }
        for _ in 0..100 {
            let begun = now;
            now += Duration::from_millis(80);
            pace.answered(begun, now, 64);
        }
        assert_eq!(pace.patience(), Duration::from_millis(80), "as before");
        let now = busy(&mut pace, now, [10; 16]);
        assert_eq!(pace.limit, 64);
        busy(&mut pace, now, [80; 64]);
        assert_eq!(pace.limit, 48, "eight times as long is too long");
    }

    #[test]
    fn no_place_is_given_back_where_all_answers_are_slow() {
        let now = Instant::now();
        let mut pace = Pace::new(64, now);
        let now = busy(&mut pace, now, [10; 1_000]);
        assert_eq!(pace.patience(), SLOW);
        busy(&mut pace, now, [200; 200]);
        assert_eq!(pace.patience(), Duration::from_millis(1_600));
    }

    #[test]
    fn a_few_slow_answers_take_no_place_away() {
        let now = Instant::now();
        let mut pace = Pace::new(64, now);
        busy(&mut pace, now, [10, 10, 200, 0].repeat(250));
        assert_eq!(pace.limit, 64);
    }

    #[test]
    fn places_that_nobody_needs_are_not_made() {
        let now = Instant::now();
        let mut pace = Pace::new(64, now);
        answers(&mut pace, now, [10; 1_000]);
        assert_eq!(pace.limit, LEAST);
        assert_eq!(Pace::new(1, now).limit, 1);
    }

    #[test]
    fn where_there_may_be_few_there_are_no_more_than_keep_the_server_busy() {
        let now = Instant::now();
        for at_once in [2, 8, 32] {
            let mut pace = Pace::new(64, now);
            pace.set_least(FEW, now);
            assert_eq!(pace.limit, FEW);
            let limits = limits(&mut pace, at_once, 50, now);
            let steady = &limits[5..];
            let enough = at_once * 3 / 4..=at_once * 2;
            assert!(
                steady.iter().all(|limit| enough.contains(limit)),
                "{at_once}: {limits:?}"
            );
            pace.set_least(LEAST, now + Duration::from_secs(50));
            assert_eq!(pace.limit, LEAST);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_free_again_when_it_is_dropped() {
        let places = Places::new(64);
        let mut taken = Vec::new();
        for _ in 0..LEAST {
            taken.push(places.take().await);
        }
        let second = Duration::from_secs(1);
        assert!(tokio::time::timeout(second, places.take()).await.is_err());
        taken[0].free();
        taken.swap_remove(0);
        taken.push(places.take().await);
        assert!(tokio::time::timeout(second, places.take()).await.is_err());
        assert!(!places.has_another());
        places.may_be_few(true);
        taken.truncate(FEW);
        assert!(tokio::time::timeout(second, places.take()).await.is_err());
        while places.has_another() {
            taken.push(places.take_another());
        }
        assert_eq!(taken.len(), LEAST);
        taken.truncate(FEW);
        assert!(tokio::time::timeout(second, places.take()).await.is_err());
        taken.pop();
        places.take().await;
    }
}
