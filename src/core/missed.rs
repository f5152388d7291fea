//! Whose turn it is when several fires are due, by what `missedFires` says.
//!
//! The watermark moves from fire to fire and never back, so what is undecided is always what lies
//! after it: the missed fires need no list, only the question which of them comes next.

use jiff::{SignedDuration, Timestamp};

use super::{
    cron::Due, reason::Reason, schedule::Schedule, status::whole_second, timetable::Timetable,
};
use crate::api::{ActiveRun, MissedFires};

/// How late a fire may start that must not be made up for, where no deadline says it: Quartz's
/// misfire threshold, long enough for a controller that restarts.
pub const IN_TIME: SignedDuration = SignedDuration::from_secs(60);

/// How long it may take to make a pod: for so long a fire whose pod is made keeps its turn although
/// more than the limit wait after it.
const MAKING: SignedDuration = SignedDuration::from_secs(60);

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
/// time: the rules have not objected to it. `prepared` says whether the pod of a fire is there.
pub fn turn(
    schedule: &Schedule,
    timing: &Timetable,
    watermark: Timestamp,
    due: Due,
    now: Timestamp,
    prepared: impl Fn(Timestamp) -> bool,
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
                && let Ok(earliest) = whole_second(now).checked_sub(deadline)
            {
                let message = || too_late_to_start(deadline);
                queue.pass(before(earliest), Reason::StartingDeadlineExceeded, message);
            }
            let most = schedule.most_missed.max(1);
            queue.pass_beyond(most, prepared);
        }
    }
    Turn {
        fire: queue.waiting.first,
        before: queue.passed,
        waiting: queue.waiting,
    }
}

/// Whether what falls due while this run is active waits for its end: the run was started when a
/// later fire was due as well, so the schedule is still catching up.
pub fn catching_up(schedule: &Schedule, active: &ActiveRun) -> bool {
    match schedule.missed {
        MissedFires::Skip | MissedFires::RunLatest => false,
        MissedFires::RunAll => active.catching_up,
    }
}

/// How late a fire starts that starts at `now`, in whole seconds, as a clock shows them: fires are on
/// whole seconds, and no controller looks within none.
pub fn lateness(fire: Timestamp, now: Timestamp) -> SignedDuration {
    whole_second(now).duration_since(fire)
}

/// When a queued fire is out of time, if there is a limit: the first instant that is too late.
pub fn expiry(fire: Timestamp, deadline: Option<SignedDuration>) -> Option<Timestamp> {
    let second = SignedDuration::from_secs(1);
    let last = whole_second(fire).checked_add(deadline?).ok()?;
    last.checked_add(second).ok()
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

    /// Lets pass the oldest fires that are more than `most`, but none whose pod was made while it
    /// fell behind: each new fire would take the turn of one whose pod is on its way, and where they
    /// come faster than pods are made none would ever start. Walked back from the latest: it is exact
    /// where a count is not, and no longer than the limit.
    fn pass_beyond(&mut self, most: u64, prepared: impl Fn(Timestamp) -> bool) {
        if self.waiting.count <= most {
            return;
        }
        let mut waiting = alone(self.waiting.latest);
        while waiting.count < most
            && let Some(fire) = self.undecided_before(waiting.first)
        {
            waiting.first = fire;
            waiting.count += 1;
        }
        let mut kept = waiting;
        while let Some(fire) = self.undecided_before(kept.first)
            && waiting.first.duration_since(fire) <= MAKING
        {
            kept.first = fire;
            kept.count += 1;
            if prepared(fire) {
                waiting = kept;
                break;
            }
        }
        if let Some(last) = self.undecided_before(waiting.first)
            && let Some(due) = self.timing.due(self.watermark, last)
        {
            let message = format!("more than missedFiresLimit ({most}) waited for their run");
            self.passed.push(Passed {
                due,
                reason: Reason::Missed,
                message,
            });
            self.watermark = due.latest;
        }
        self.waiting = waiting;
    }

    fn undecided_before(&self, fire: Timestamp) -> Option<Timestamp> {
        let previous = self.timing.previous(fire);
        previous.filter(|&previous| previous > self.watermark)
    }
}

/// The last whole second before an instant: fires are on whole seconds.
fn before(instant: Timestamp) -> Timestamp {
    let just = instant.checked_sub(SignedDuration::from_nanos(1));
    just.unwrap_or(instant)
}
