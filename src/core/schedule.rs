//! Parse: from what a user wrote to a `Schedule`, once. After this nobody reads the raw spec for
//! timing or policy.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{
    almanac::{Almanac, CalendarRef},
    reason::Reason,
    run::spread,
    schedule_ref::ScheduleRef,
    timetable::Timetable,
    words,
};
use crate::api::{ConcurrencyPolicy, MissedFires, RawJson, ScheduledContainerSpec, TimingSpec};

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
    /// The words and the fires before a calendar changed: it keeps its earlier days nowhere else.
    before: Option<(String, Timetable)>,
    almanac: Arc<Almanac>,
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
        let written = Written {
            timing: TimingSpec::from(spec),
            obstacle: obstacle(spec).err(),
            suspended: spec.suspend,
        };
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
            active_deadline: None,
            keep_succeeded: usize::MAX,
            keep_failed: usize::MAX,
            keep_for: None,
            template: RawJson::from(&serde_json::Value::Null),
            spread: spread(&identity.uid),
            identity,
        }
    }

    /// Takes on an almanac in which these calendars have changed. Says whether the schedule uses one
    /// of them, and so was read anew.
    pub fn reread(&mut self, almanac: &Arc<Almanac>, changed: &BTreeSet<CalendarRef>) -> bool {
        self.almanac = almanac.clone();
        let Some(written) = &self.written else {
            return false;
        };
        let namespace = &self.identity.namespace;
        let mut used = written.timing.calendars.iter();
        let uses = used.any(|calendar| changed.contains(&CalendarRef::of(calendar, namespace)));
        if uses {
            let (timing, words) = written.read(almanac, &self.identity, self.created);
            let timing = std::mem::replace(&mut self.timing, timing);
            let words = std::mem::replace(&mut self.words, words);
            // Without words nothing was decided by it: then what was before it is still the last form.
            if let Some(words) = words {
                self.before = timing.ok().map(|timing| (words, timing));
            }
        }
        uses
    }

    /// The fires of an earlier form of this schedule, by the words that status kept of it; none if
    /// they can't be told any more, since a calendar was edited while nobody watched.
    pub fn earlier_timing(&self, words: &str) -> Option<Timetable> {
        if let Some((_, timing)) = self.before.as_ref().filter(|before| before.0 == words) {
            return Some(timing.clone());
        }
        let ScheduleRef {
            namespace, name, ..
        } = &self.identity;
        let written = words::timing(words, &self.almanac, namespace)?;
        Timetable::parse(&written, &self.almanac, Some((namespace, name))).ok()
    }
}

impl Written {
    fn read(
        &self,
        almanac: &Almanac,
        identity: &ScheduleRef,
        created: Timestamp,
    ) -> (Result<Timetable, Idle>, Option<String>) {
        let timing = self.timing(almanac, identity, created);
        let words = words::of(&self.timing, almanac, &identity.namespace);
        let words = words.map(|words| match &timing {
            Ok(_) => words,
            Err(idle) => format!("{words} ({})", idle.reason),
        });
        (timing, words)
    }

    /// Mistakes come before suspension: who suspends a schedule to mend it wants to see them.
    fn timing(
        &self,
        almanac: &Almanac,
        identity: &ScheduleRef,
        created: Timestamp,
    ) -> Result<Timetable, Idle> {
        if let Some(obstacle) = &self.obstacle {
            return Err(obstacle.clone());
        }
        let name = (identity.namespace.as_str(), identity.name.as_str());
        let timetable = Timetable::parse(&self.timing, almanac, Some(name))?;
        if timetable.next(created).is_none() {
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

/// What keeps a schedule from running, whenever it fires.
fn obstacle(spec: &ScheduledContainerSpec) -> Result<(), Idle> {
    if spec.concurrency_policy != ConcurrencyPolicy::Forbid {
        return Err(Idle {
            reason: Reason::UnsupportedPolicy,
            message: format!(
                "spec.concurrencyPolicy: {:?} is reserved for a later version; use Forbid",
                spec.concurrency_policy
            ),
        });
    }
    check_template(&spec.template).map_err(|message| Idle {
        reason: Reason::InvalidPod,
        message,
    })
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

/// What we must know of a template before Kubernetes is asked about the rest of it.
fn check_template(template: &RawJson) -> Result<(), String> {
    let template = template.value();
    let Some(spec) = template.get("spec").filter(|spec| spec.is_object()) else {
        return Err("spec.template.spec is missing: it holds the pod's containers".into());
    };
    match spec.get("restartPolicy").and_then(|policy| policy.as_str()) {
        Some("Always") => Err(
            "spec.template.spec.restartPolicy: Always would never end; use Never or OnFailure"
                .into(),
        ),
        _ => Ok(()),
    }
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}
