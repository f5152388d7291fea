//! Jitter: each fire moves later by its own number of seconds, always the same one, so that
//! schedules of one time of day don't all start at once.
//!
//! A fire stays before the next one and within the window, so that fires keep their order and their
//! number, and whoever looks for one has to look no further than the fire before.

use jiff::{SignedDuration, Timestamp};

use super::{Jitter, SECOND, Timetable, whole};
use crate::core::run::mixed;

impl Timetable {
    /// Where a fire is, once it is spread.
    pub(super) fn moved(&self, base: Timestamp) -> Timestamp {
        let Some(jitter) = self.jitter() else {
            return base;
        };
        let mut room = SignedDuration::from_secs(jitter.most);
        if let Some(next) = self.base_after(base) {
            room = room.min(next.duration_since(base) - SECOND);
        }
        if let Some(limits) = &self.limits {
            room = room.min(limits.not_after.duration_since(base));
        }
        let drawn = mixed(jitter.seed ^ base.as_second() as u64);
        let seconds = drawn % (room.as_secs().unsigned_abs() + 1);
        base.checked_add(SignedDuration::from_secs(seconds as i64))
            .unwrap_or(base)
    }

    /// The fire, before it is spread, that is at `t` once it is; `t` itself if there is none.
    pub(super) fn base_of(&self, t: Timestamp) -> Timestamp {
        if self.jitter().is_none() {
            return t;
        }
        self.base_to(t)
            .filter(|&base| self.moved(base) == t)
            .unwrap_or(t)
    }

    /// The last fire, before it is spread, that is not after `t`.
    pub(super) fn base_to(&self, t: Timestamp) -> Option<Timestamp> {
        self.base_before(whole(t).checked_add(SECOND).unwrap_or(Timestamp::MAX))
    }

    pub(super) fn jitter(&self) -> Option<&Jitter> {
        self.limits.as_ref()?.jitter.as_ref()
    }
}
