//! What the earlier turns of each schedule have left: when the next one, or a step of it, would only be
//! undone again. It is in memory alone: whoever starts anew tries everything once.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    cluster::cache::Key,
    core::{
        backoff,
        run::{RunId, spread},
        schedule::Schedule,
    },
    error::Error,
};

/// After how many failures in a row, some three seconds in, users are told, and not even a fire that
/// falls due makes it try before its time.
pub const TELLING: u32 = 6;

/// How long a pod is remembered after its attempt may have another: longer than any wait.
const MEMORY: SignedDuration = SignedDuration::from_secs(60);

/// From when until when something waits. A clock that was put back before it ends it.
type Wait = Range<Timestamp>;

/// The earlier turns of all schedules.
#[derive(Default)]
pub struct Past {
    turns: Mutex<HashMap<Key, Turns>>,
}

#[derive(Default)]
struct Turns {
    /// How many have failed since the last that did not.
    failed: u32,
    /// The last one was not answered.
    unanswered: bool,
    /// Others write faster than we read: not even a change that is seen makes us try sooner.
    contended: Option<Wait>,
    made: Vec<Made>,
}

/// An attempt whose pod was made.
struct Made {
    schedule: String,
    generation: i64,
    run: RunId,
    times: u32,
    /// Who wants it again so soon makes what others remove.
    wait: Wait,
}

impl Made {
    fn is_of(&self, schedule: &Schedule, run: RunId) -> bool {
        self.run == run
            && self.generation == schedule.generation
            && self.schedule == schedule.identity.uid
    }
}

impl Past {
    /// Whether the last turn was not answered.
    pub fn hangs(&self, key: &Key) -> bool {
        self.lock().get(key).is_some_and(|turns| turns.unanswered)
    }

    /// Until when nothing is tried for this schedule.
    pub fn contended(&self, key: &Key, now: Timestamp) -> Option<Timestamp> {
        let turns = self.lock();
        let wait = turns.get(key)?.contended.as_ref()?;
        wait.contains(&now).then_some(wait.end)
    }

    /// A turn has not failed.
    pub fn succeeded(&self, key: &Key) {
        let mut all = self.lock();
        if let Some(turns) = all.get_mut(key) {
            let made = std::mem::take(&mut turns.made);
            *turns = Turns {
                made,
                ..Turns::default()
            };
            if turns.made.is_empty() {
                all.remove(key);
            }
        }
    }

    /// A turn has failed, and would have slept until `wake_at`. When to try again, and how many there
    /// were in a row.
    pub fn failed(
        &self,
        key: &Key,
        error: &Error,
        wake_at: Option<Timestamp>,
        now: Timestamp,
    ) -> (Timestamp, u32) {
        let mut all = self.lock();
        let turns = all.entry(key.clone()).or_default();
        turns.failed = turns.failed.saturating_add(1);
        turns.unanswered = matches!(error, Error::Unanswered { .. });
        let again = match error {
            Error::Undone { again } => *again,
            _ => later(now, turns.failed, key),
        };
        // A fire that falls due before the next try is not kept waiting for it, but a schedule that
        // fires every second would never wait at all. What one pod waits for concerns no other fire.
        let alone = matches!(error, Error::Undone { .. });
        let keeps = |wake: &Timestamp| (now..again).contains(wake);
        let sooner = wake_at.filter(|wake| keeps(wake) && (alone || turns.failed < TELLING));
        let again = sooner.unwrap_or(again);
        turns.contended = error.is_contention().then_some(now..again);
        (again, turns.failed)
    }

    /// The schedule is no longer ours to look after.
    pub fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    /// The held pod of an attempt was made.
    pub fn made(&self, schedule: &Schedule, run: RunId, now: Timestamp) {
        let key = Key::from(&schedule.identity);
        let mut all = self.lock();
        let made = &mut all.entry(key.clone()).or_default().made;
        made.retain(|made| now.duration_since(made.wait.end).abs() < MEMORY);
        let known = made.iter().position(|made| made.is_of(schedule, run));
        let before = known.map_or(0, |place| made.swap_remove(place).times);
        let times = before.saturating_add(1);
        made.push(Made {
            schedule: schedule.identity.uid.clone(),
            generation: schedule.generation,
            run,
            times,
            wait: now..later(now, times, &key),
        });
    }

    /// When the pod of an attempt may be made again: it was made just now, and somebody has removed it.
    pub fn undone(&self, schedule: &Schedule, run: RunId, now: Timestamp) -> Option<Timestamp> {
        let all = self.lock();
        let turns = all.get(&Key::from(&schedule.identity))?;
        let mut made = turns.made.iter();
        let made = made.find(|made| made.is_of(schedule, run))?;
        made.wait.contains(&now).then_some(made.wait.end)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Turns>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When to try again what was in vain so many times.
fn later(now: Timestamp, times: u32, key: &Key) -> Timestamp {
    let seed = spread(&format!("{key} {times}"));
    now.checked_add(backoff::delay(times, seed)).unwrap_or(now)
}
