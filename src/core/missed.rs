//! Whose turn it is when several fires are due, by what `missedFires` says.
//!
//! The watermark moves from fire to fire and never back, so what is undecided is always what lies
//! after it: the missed fires need no list, only the question which of them comes next.

use jiff::{SignedDuration, Timestamp};

use super::{cron::Due, reason::Reason, schedule::Schedule, timetable::Timetable};
use crate::api::{ActiveRun, MissedFires};

/// How late a fire may start that must not be made up for, where no deadline says it: Quartz's
/// misfire threshold, long enough for a controller that restarts.
pub const IN_TIME: SignedDuration = SignedDuration::from_secs(60);

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// Fires that get no run, with the reason and a sentence for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    pub due: Due,
    pub reason: Reason,
    pub message: String,
}

/// Whose turn it is among the fires that are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The fire that runs next.
    pub fire: Timestamp,
    /// Those before it, oldest first: they never get a run.
    pub before: Vec<Passed>,
    /// It and those after it.
    pub waiting: Due,
}

/// Whose turn it is among `due`, the fires after `watermark` up to `now`. The latest of them is in
/// time: the rules have not objected to it.
pub fn turn(
    schedule: &Schedule,
    timing: &Timetable,
    watermark: Timestamp,
    due: Due,
    now: Timestamp,
) -> Turn {
    let mut queue = Queue {
        timing,
        watermark,
        waiting: due,
        passed: Vec::new(),
    };
    match schedule.missed {
        MissedFires::Skip | MissedFires::RunLatest => {
            let message = || "a later fire takes its place".into();
            queue.pass(before(due.latest), Reason::Missed, message);
        }
        MissedFires::RunAll => {
            if let Some(deadline) = schedule.starting_deadline
                && let Ok(too_late) = now.checked_sub(deadline)
            {
                let message = || too_late_to_start(deadline);
                queue.pass(before(too_late), Reason::StartingDeadlineExceeded, message);
            }
            let most = schedule.most_missed.max(1);
            if let Some(last) = queue.beyond(most) {
                let message =
                    || format!("more than missedFiresLimit ({most}) waited for their run");
                queue.pass(last, Reason::Missed, message);
            }
        }
    }
    Turn {
        fire: queue.waiting.first,
        before: queue.passed,
        waiting: queue.waiting,
    }
}

/// Whether what falls due while this run is active waits for its end: the run was started when a
/// later fire was due as well, so the schedule is still catching up. `edited` is when the schedule
/// got its present form: what an earlier one missed is decided, and nothing of it is left to catch
/// up with.
pub fn catching_up(
    schedule: &Schedule,
    timing: &Timetable,
    edited: Option<Timestamp>,
    active: &ActiveRun,
) -> bool {
    match schedule.missed {
        MissedFires::Skip | MissedFires::RunLatest => false,
        MissedFires::RunAll => {
            edited.is_none_or(|edited| edited < active.claim_time)
                && timing.due(active.fire_time, active.claim_time).is_some()
        }
    }
}

/// Why a fire that is later than its deadline gets no run.
pub fn too_late_to_start(deadline: SignedDuration) -> String {
    let seconds = deadline.as_secs();
    format!("it could not start within startingDeadlineSeconds ({seconds} s)")
}

/// One fire, as what is due.
pub fn alone(fire: Timestamp) -> Due {
    Due {
        first: fire,
        latest: fire,
        count: 1,
    }
}

/// The undecided fires, from which the oldest are let pass.
struct Queue<'a> {
    timing: &'a Timetable,
    watermark: Timestamp,
    waiting: Due,
    passed: Vec<Passed>,
}

impl Queue<'_> {
    /// Lets pass what is due up to and including `until`, but never all.
    fn pass(&mut self, until: Timestamp, reason: Reason, message: impl FnOnce() -> String) {
        let until = until.min(before(self.waiting.latest));
        let Some(due) = self.timing.due(self.watermark, until) else {
            return;
        };
        let Some(waiting) = self.timing.due(due.latest, self.waiting.latest) else {
            return;
        };
        self.passed.push(Passed {
            due,
            reason,
            message: message(),
        });
        (self.watermark, self.waiting) = (due.latest, waiting);
    }

    /// The last of the oldest fires that are more than `most`. Found by halving: counting is cheap,
    /// and elapsed time can only be counted from where it began.
    fn beyond(&self, most: u64) -> Option<Timestamp> {
        let excess = self.waiting.count.checked_sub(most).filter(|&n| n > 0)?;
        let (mut low, mut high) = (self.waiting.first, self.waiting.latest);
        while low < high {
            let half = (high.as_second() - low.as_second()) / 2;
            let middle = low.checked_add(SignedDuration::from_secs(half)).ok()?;
            let count = self.timing.due(self.watermark, middle)?.count;
            if count < excess {
                low = middle.checked_add(SECOND).ok()?;
            } else {
                high = middle;
            }
        }
        Some(low)
    }
}

/// The last whole second before an instant: fires are on whole seconds.
fn before(instant: Timestamp) -> Timestamp {
    let just = instant.checked_sub(SignedDuration::from_nanos(1));
    just.unwrap_or(instant)
}
