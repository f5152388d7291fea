//! Parse: from what a user wrote to a `Schedule`, once. After this nobody reads the raw spec for
//! timing or policy.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{
    almanac::{Almanac, CalendarRef},
    concurrency::Concurrency,
    form::{self, Observed},
    obstacle::obstacle,
    reason::Reason,
    run::spread,
    schedule_ref::ScheduleRef,
    timetable::Timetable,
};
use crate::api::{
    CircuitBreaker, MissedFires, OverdueAfter, RawJson, Retry, ScheduledContainerSpec, StuckAfter,
    TimingSpec,
};

/// How many missed fires run where a spec asks for all of them and names no limit.
const MOST_MISSED: u64 = 100;

/// A schedule, ready to decide with.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub identity: ScheduleRef,
    /// The generation of the spec that this was parsed from.
    pub generation: i64,
    pub created: Timestamp,
    /// When it fires, or why it never does.
    pub timing: Result<Timetable, Idle>,
    /// What the spec says of time and, if it never fires, why: two forms with the same words fire
    /// alike. `None` while the days of a calendar that it names are not known, and so neither are its
    /// fires: then nothing is decided, and what falls due waits.
    pub words: Option<String>,
    /// How late a fire may start.
    pub starting_deadline: Option<SignedDuration>,
    /// What becomes of fires that nobody could start when they were due.
    pub missed: MissedFires,
    /// How many of them run at most, where all of them may.
    pub most_missed: u64,
    /// How many runs there may be at once, and what becomes of a fire that finds no room.
    pub concurrency: Concurrency,
    /// Whether and when a failed run is tried again.
    pub retry: Option<Retry>,
    /// When a run that makes no progress is stuck.
    pub stuck_after: StuckAfter,
    pub overdue_after: Option<OverdueAfter>,
    pub circuit_breaker: Option<CircuitBreaker>,
    /// The container whose end is the end of a run.
    pub main_container: Option<String>,
    /// How long a run may take.
    pub active_deadline: Option<SignedDuration>,
    pub keep_succeeded: usize,
    pub keep_failed: usize,
    /// How long the pod of an ended run is kept at most.
    pub keep_for: Option<SignedDuration>,
    pub template: RawJson,
    /// Spreads what needs no exact instant: stable for a schedule, even over many.
    pub spread: u64,
    /// What decides `timing` besides the almanac; `None` of a spec that can't be decoded.
    written: Option<Written>,
    /// The form that is in the status, until this one is adopted: a calendar keeps its earlier days
    /// nowhere else.
    before: Option<Form>,
    almanac: Arc<Almanac>,
}

/// Words, and the fires that they mean.
type Form = (String, Timetable);

/// The fires of an earlier form.
#[derive(Clone, Debug)]
pub struct Earlier {
    pub timing: Timetable,
    /// Whether they are exactly what it would have fired. If a calendar was edited while nobody
    /// watched, its present days have to do.
    pub certain: bool,
}

/// What of a spec decides when it fires, kept so that it can be read again when a calendar changes.
#[derive(Clone, Debug)]
struct Written {
    timing: TimingSpec,
    /// What keeps it from running however its timing is.
    obstacle: Option<Idle>,
    suspended: bool,
}

/// Why a schedule never fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idle {
    pub reason: Reason,
    pub message: String,
}

impl Schedule {
    /// Reads a spec. What is wrong with it ends up in `timing`, so that a schedule with a mistake is
    /// still watched until its active run has ended.
    pub fn parse(
        identity: ScheduleRef,
        generation: i64,
        created: Timestamp,
        spec: &ScheduledContainerSpec,
        almanac: &Arc<Almanac>,
    ) -> Self {
        let written = Written::of(spec);
        let (timing, words) = written.read(almanac, &identity, created);
        Self {
            generation,
            created,
            timing,
            words,
            written: Some(written),
            before: None,
            almanac: almanac.clone(),
            starting_deadline: spec.starting_deadline_seconds.map(seconds),
            missed: spec.missed_fires,
            most_missed: spec
                .missed_fires_limit
                .map_or(MOST_MISSED, |n| n.unsigned_abs()),
            concurrency: Concurrency::of(spec),
            retry: spec.retry.clone(),
            stuck_after: spec.stuck_after.clone().unwrap_or_default(),
            overdue_after: spec.overdue_after.clone(),
            circuit_breaker: spec.circuit_breaker.clone(),
            main_container: spec.main_container.clone(),
            active_deadline: spec.active_deadline_seconds.map(seconds),
            keep_succeeded: spec.successful_runs_history_limit as usize,
            keep_failed: spec.failed_runs_history_limit as usize,
            keep_for: spec.ttl_seconds_after_finished.map(seconds),
            template: spec.template.clone(),
            spread: spread(&identity.uid),
            identity,
        }
    }

    /// A schedule whose spec can't be decoded: it never fires, and says so.
    pub fn unreadable(
        identity: ScheduleRef,
        generation: i64,
        created: Timestamp,
        almanac: &Arc<Almanac>,
        why: &str,
    ) -> Self {
        let message = format!("the spec can't be read by this version of the controller: {why}");
        Self {
            generation,
            created,
            timing: Err(Idle {
                reason: Reason::InvalidSpec,
                message,
            }),
            words: Some(format!("({})", Reason::InvalidSpec)),
            written: None,
            before: None,
            almanac: almanac.clone(),
            starting_deadline: None,
            missed: MissedFires::default(),
            most_missed: MOST_MISSED,
            concurrency: Concurrency::Forbid,
            retry: None,
            stuck_after: StuckAfter::default(),
            overdue_after: None,
            circuit_breaker: None,
            main_container: None,
            active_deadline: None,
            keep_succeeded: usize::MAX,
            keep_failed: usize::MAX,
            keep_for: None,
            template: RawJson::from(&serde_json::Value::Null),
            spread: spread(&identity.uid),
            identity,
        }
    }

    /// Whether its spec can't be decoded, so that not even its policy is known.
    pub fn is_unreadable(&self) -> bool {
        self.written.is_none()
    }

    /// Takes on an almanac, while the status says `observed`. Says whether a calendar that the
    /// schedule names is another one there, and the schedule so was read anew. Once more is no change.
    pub fn reread(&mut self, almanac: &Arc<Almanac>, observed: Option<&str>) -> bool {
        let earlier = std::mem::replace(&mut self.almanac, almanac.clone());
        let Some(written) = &self.written else {
            return false;
        };
        let namespace = &self.identity.namespace;
        let uses = written.timing.calendars.iter().any(|used| {
            let used = CalendarRef::of(used, namespace);
            earlier.calendars.get(&used) != almanac.calendars.get(&used)
        });
        if uses {
            let (timing, words) = written.read(almanac, &self.identity, self.created);
            let timing = std::mem::replace(&mut self.timing, timing);
            let words = std::mem::replace(&mut self.words, words);
            let before = self.before.take();
            self.keep(words.zip(timing.ok()), before, observed);
        }
        uses
    }

    /// Follows on an earlier spec of the same schedule, while the status says `observed`.
    pub fn follow(&mut self, outgoing: &Self, observed: Option<&str>) {
        let (words, timing) = (outgoing.words.clone(), outgoing.timing.clone());
        self.keep(words.zip(timing.ok()), outgoing.before.clone(), observed);
    }

    /// Keeps the form that is in the status: the outgoing one, unless that was never adopted; then it
    /// is still the one before. None if it is this one.
    fn keep(&mut self, outgoing: Option<Form>, before: Option<Form>, observed: Option<&str>) {
        let mut forms = [outgoing, before].into_iter().flatten();
        self.before =
            observed.and_then(|observed| forms.find(|(words, _)| is_same((words, observed))));
        if self.has_settled(observed) {
            self.settle();
        }
    }

    /// Whether it keeps an earlier form that nobody asks for any more, since the status says
    /// `observed`: that it has been adopted.
    pub fn has_settled(&self, observed: Option<&str>) -> bool {
        let own = self.words.as_deref().filter(|_| self.before.is_some());
        own.zip(observed).is_some_and(is_same)
    }

    /// Forgets the earlier form.
    pub fn settle(&mut self) {
        self.before = None;
    }

    /// The fires of an earlier form of this schedule, by the words that status kept of it; none of a
    /// form that never fired.
    pub fn earlier(&self, words: &str) -> Option<Earlier> {
        if !form::fired(words) {
            return None;
        }
        let before = self.before.as_ref();
        if let Some((_, timing)) = before.filter(|before| is_same((&before.0, words))) {
            return Some(Earlier {
                timing: timing.clone(),
                certain: true,
            });
        }
        let ScheduleRef {
            namespace, name, ..
        } = &self.identity;
        let written = form::timing(words, &self.almanac, namespace);
        let earlier = written.and_then(|(written, certain)| {
            let timing = Timetable::parse(&written, &self.almanac, Some((namespace, name)));
            timing.ok().map(|timing| Earlier { timing, certain })
        });
        // It did fire. If not even its expression can be read any more, the present one stands in.
        earlier.or_else(|| {
            let timing = self.timing.clone().ok()?;
            let certain = false;
            Some(Earlier { timing, certain })
        })
    }
}

fn is_same((own, observed): (&str, &str)) -> bool {
    form::compare(own, observed) == Observed::Same
}

/// When a schedule of this spec and `(namespace, name)` fires, as the controller asks it: the one
/// answer for what runs and for what is only shown. Without `created` it may have no fire left.
///
/// # Errors
///
/// Why it never fires: a mistake, no matching time after `created`, or that it is suspended or
/// disabled.
pub fn timetable(
    spec: &ScheduledContainerSpec,
    almanac: &Almanac,
    name: (&str, &str),
    created: Option<Timestamp>,
) -> Result<Timetable, Idle> {
    Written::of(spec).timing(almanac, name, created)
}

impl Written {
    fn of(spec: &ScheduledContainerSpec) -> Self {
        Self {
            timing: TimingSpec::from(spec),
            obstacle: obstacle(spec),
            suspended: spec.suspend,
        }
    }

    fn read(
        &self,
        almanac: &Almanac,
        identity: &ScheduleRef,
        created: Timestamp,
    ) -> (Result<Timetable, Idle>, Option<String>) {
        let name = (identity.namespace.as_str(), identity.name.as_str());
        let timing = self.timing(almanac, name, Some(created));
        let words = match timing
            .as_ref()
            .err()
            .and_then(|_| self.rests(almanac, identity))
        {
            Some(reason) => Some(form::resting(&self.timing, almanac, reason)),
            None => {
                let words = form::of(&self.timing, almanac, &identity.namespace);
                words.map(|words| match &timing {
                    Ok(_) => words,
                    Err(idle) => form::idle(&words, idle.reason),
                })
            }
        };
        (timing, words)
    }

    /// Why it never fires, whatever its calendars say: then it is decided also while they are not
    /// known, so that its fires meanwhile are not made up for later.
    fn rests(&self, almanac: &Almanac, identity: &ScheduleRef) -> Option<Reason> {
        if self.suspended {
            return Some(Reason::Suspended);
        }
        if let Some(obstacle) = &self.obstacle {
            return Some(obstacle.reason);
        }
        let without = TimingSpec {
            calendars: Vec::new(),
            ..self.timing.clone()
        };
        let name = (identity.namespace.as_str(), identity.name.as_str());
        let without = Timetable::parse(&without, almanac, Some(name));
        without.err().map(|idle| idle.reason)
    }

    /// Mistakes come before suspension: who suspends a schedule to mend it wants to see them.
    fn timing(
        &self,
        almanac: &Almanac,
        name: (&str, &str),
        created: Option<Timestamp>,
    ) -> Result<Timetable, Idle> {
        if let Some(obstacle) = &self.obstacle {
            return Err(obstacle.clone());
        }
        let timetable = Timetable::parse(&self.timing, almanac, Some(name))?;
        if let Some(created) = created
            && timetable.next(created).is_none()
        {
            return Err(Idle {
                reason: Reason::InvalidSchedule,
                message: all_past(&self.timing, timetable.skipped_after(created)),
            });
        }
        match self.suspended {
            false => Ok(timetable),
            true => Err(Idle {
                reason: Reason::Suspended,
                message: "spec.suspend is true: no new run starts".into(),
            }),
        }
    }
}

/// What is said of a schedule that had no fire left when it was made.
fn all_past(written: &TimingSpec, skipped: Option<String>) -> String {
    let field = if written.schedules.is_empty() {
        "spec.schedule"
    } else {
        "spec.schedules"
    };
    if let (None, Some(why)) = (written.not_after, skipped) {
        return format!("{field}: {why}");
    }
    match written.not_after {
        Some(not_after) => format!(
            "{field}: never fires: every matching time up to notAfter {not_after} is past; correct \
             spec.notAfter or the schedule"
        ),
        None if !written.calendars.is_empty() => format!(
            "{field}: never fires: every matching time is past, or on a day that spec.calendars leaves \
             out; correct one of them"
        ),
        None => format!("{field}: never fires: every matching time is past; correct the year"),
    }
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}
