//! The fires of several schedules as those of one, within a window. What two of them mean for one
//! instant is one fire.

use jiff::{SignedDuration, Timestamp};

use super::{SECOND, Timetable};
use crate::core::cron::{Due, Timing};

/// Up to so many fires of several schedules are compared with each other to be counted.
const MOST_COMPARED: u64 = 10_000;

impl Timetable {
    /// The first fire after `after`, before it is spread.
    pub(super) fn base_after(&self, after: Timestamp) -> Option<Timestamp> {
        let (from, to) = self.window();
        if let Some((every, period)) = self.elapsed() {
            return Some(elapsed_due(every, period, after, from, to)?.first);
        }
        let after = after.max(less_a_second(from));
        self.timings
            .iter()
            .filter_map(|timing| timing.next(after))
            .min()
            .filter(|&fire| fire <= to)
    }

    /// The last fire before `before`, before it is spread.
    pub(super) fn base_before(&self, before: Timestamp) -> Option<Timestamp> {
        let (from, to) = self.window();
        let last = match self.elapsed() {
            Some((every, period)) => {
                let last = every.previous(before)?;
                last.checked_sub(up_to(last, to, period)).ok()?
            }
            None => {
                let before = before.min(to.checked_add(SECOND).unwrap_or(Timestamp::MAX));
                let fires = self.timings.iter().filter_map(|it| it.previous(before));
                fires.max()?
            }
        };
        Some(last).filter(|&fire| fire >= from)
    }

    /// The fires after `after` up to and including `until`, before they are spread.
    pub(super) fn base_due(&self, after: Timestamp, until: Timestamp) -> Option<Due> {
        let (from, to) = self.window();
        let until = until.min(to);
        if let Some((every, period)) = self.elapsed() {
            return elapsed_due(every, period, after, from, until);
        }
        let after = after.max(less_a_second(from));
        let found: Vec<(&Timing, Due)> = match &*self.timings {
            [only] => return only.due(after, until),
            several => several
                .iter()
                .filter_map(|timing| Some((timing, timing.due(after, until)?)))
                .collect(),
        };
        let sum = found.iter().map(|(_, due)| due.count).sum();
        let count = if found.len() > 1 && sum <= MOST_COMPARED {
            distinct(&found)
        } else {
            sum
        };
        Some(Due {
            first: found.iter().map(|(_, due)| due.first).min()?,
            latest: found.iter().map(|(_, due)| due.latest).max()?,
            count,
        })
    }

    fn window(&self) -> (Timestamp, Timestamp) {
        self.limits
            .as_ref()
            .map_or((Timestamp::MIN, Timestamp::MAX), |limits| {
                (limits.not_before, limits.not_after)
            })
    }

    /// The one schedule and its period, if it is `@every`, which has no others beside it.
    pub(super) fn elapsed(&self) -> Option<(&Timing, SignedDuration)> {
        let timing = self.timings.first()?;
        Some((timing, timing.period()?))
    }
}

/// How many different fires there are.
fn distinct(found: &[(&Timing, Due)]) -> u64 {
    let mut fires = Vec::new();
    for (timing, due) in found {
        let mut next = Some(due.first);
        while let Some(fire) = next.filter(|&fire| fire <= due.latest) {
            fires.push(fire);
            next = timing.next(fire);
        }
    }
    fires.sort_unstable();
    fires.dedup();
    fires.len() as u64
}

/// The multiples of a period, counted from `after`, up to `until` that are not before `from`.
fn elapsed_due(
    every: &Timing,
    period: SignedDuration,
    after: Timestamp,
    from: Timestamp,
    until: Timestamp,
) -> Option<Due> {
    let due = every.due(after, until)?;
    let early = up_to(from, due.first, period);
    let count = due
        .count
        .checked_sub(early.as_secs() as u64 / period.as_secs() as u64)?;
    Some(Due {
        first: due.first.checked_add(early).ok()?,
        latest: due.latest,
        count,
    })
    .filter(|due| due.count > 0)
}

/// The fewest whole periods that cover the time from `start` to `end`; none if that is no time.
fn up_to(end: Timestamp, start: Timestamp, period: SignedDuration) -> SignedDuration {
    let seconds = end.duration_since(start).as_secs().max(0);
    let period = period.as_secs();
    SignedDuration::from_secs((seconds + period - 1) / period * period)
}

fn less_a_second(t: Timestamp) -> Timestamp {
    t.checked_sub(SECOND).unwrap_or(Timestamp::MIN)
}
