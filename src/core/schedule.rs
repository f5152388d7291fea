//! Parse: from what a user wrote to a `Schedule`, once. After this nobody reads the raw spec for
//! timing or policy.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{
    almanac::Almanac, reason::Reason, run::spread, schedule_ref::ScheduleRef, timetable::Timetable,
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
    /// alike. `None` while a calendar that it names is not known, and so neither are its fires.
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
    almanac: Arc<Almanac>,
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
        let written = TimingSpec::from(spec);
        let timing = timing(spec, &written, almanac, &identity, created);
        let mut words = words(&written, almanac);
        if let Err(idle) = &timing {
            words = format!("{words} ({})", idle.reason);
        }
        Self {
            generation,
            created,
            timing,
            words: Some(words),
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

    /// The fires of an earlier form of this schedule, by the words that status kept of it.
    pub fn earlier_timing(&self, words: &str) -> Option<Timetable> {
        let (expression, zone) = words.rsplit_once(' ')?;
        // A form that never fired ends in its reason, in brackets, which is no zone.
        let written = TimingSpec {
            schedule: Some(expression.into()),
            time_zone: Some(zone.into()),
            ..TimingSpec::default()
        };
        let ScheduleRef {
            namespace, name, ..
        } = &self.identity;
        Timetable::parse(&written, &self.almanac, Some((namespace, name))).ok()
    }
}

/// What a spec says of time, in one line.
fn words(written: &TimingSpec, almanac: &Almanac) -> String {
    let zone = written.time_zone.as_deref().or(almanac.local.iana_name());
    let expression = written.schedule.as_deref().unwrap_or_default().trim();
    format!("{expression} {}", zone.unwrap_or("local"))
}

fn timing(
    spec: &ScheduledContainerSpec,
    written: &TimingSpec,
    almanac: &Almanac,
    identity: &ScheduleRef,
    created: Timestamp,
) -> Result<Timetable, Idle> {
    let idle = |reason, message: String| Err(Idle { reason, message });
    if spec.concurrency_policy != ConcurrencyPolicy::Forbid {
        return idle(
            Reason::UnsupportedPolicy,
            format!(
                "spec.concurrencyPolicy: {:?} is reserved for a later version; use Forbid",
                spec.concurrency_policy
            ),
        );
    }
    if let Err(message) = check_template(&spec.template) {
        return idle(Reason::InvalidPod, message);
    }
    let timetable = Timetable::parse(
        written,
        almanac,
        Some((&identity.namespace, &identity.name)),
    )?;
    if timetable.next(created).is_none() {
        return idle(Reason::InvalidSchedule, all_past(written));
    }
    if spec.suspend {
        return idle(
            Reason::Suspended,
            "spec.suspend is true: no new run starts".into(),
        );
    }
    Ok(timetable)
}

/// What is said of a schedule that had no fire left when it was made.
fn all_past(written: &TimingSpec) -> String {
    let field = if written.schedules.is_empty() {
        "spec.schedule"
    } else {
        "spec.schedules"
    };
    match written.not_after {
        Some(not_after) => format!(
            "{field}: never fires: every matching time up to notAfter {not_after} is past; correct \
             spec.notAfter or the schedule"
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
