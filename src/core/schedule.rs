//! Parse: from what a user wrote to a `Schedule`, once. After this nobody reads the raw spec for
//! timing or policy.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    cron::{self, Timing},
    reason::Reason,
    run::spread,
    schedule_ref::ScheduleRef,
};
use crate::api::{ConcurrencyPolicy, RawJson, ScheduledContainerSpec};

/// A schedule, ready to decide with.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub identity: ScheduleRef,
    /// The generation of the spec that this was parsed from.
    pub generation: i64,
    pub created: Timestamp,
    /// When it fires, or why it never does.
    pub timing: Result<Timing, Idle>,
    /// Expression and zone and, if it never fires, why: two specs with the same words fire alike.
    pub words: String,
    /// How late a fire may start.
    pub starting_deadline: Option<SignedDuration>,
    /// How long a run may take.
    pub active_deadline: Option<SignedDuration>,
    pub keep_succeeded: usize,
    pub keep_failed: usize,
    /// How long the pod of an ended run is kept at most.
    pub keep_for: Option<SignedDuration>,
    pub template: RawJson,
    /// Spreads what needs no exact instant: stable for a schedule, even over many.
    pub spread: u64,
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
        local: &TimeZone,
    ) -> Self {
        let zone = spec
            .time_zone
            .as_deref()
            .map_or(Ok(local.clone()), cron::zone);
        let timing = timing(spec, zone);
        let zone_name = spec
            .time_zone
            .as_deref()
            .or(local.iana_name())
            .unwrap_or("local");
        let mut words = format!("{} {zone_name}", spec.schedule.trim());
        if let Err(idle) = &timing {
            words = format!("{words} ({})", idle.reason);
        }
        Self {
            generation,
            created,
            timing,
            words,
            starting_deadline: spec.starting_deadline_seconds.map(seconds),
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
            words: format!("({})", Reason::InvalidSpec),
            starting_deadline: None,
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
    pub fn earlier_timing(words: &str) -> Option<Timing> {
        let (expression, zone) = words.rsplit_once(' ')?;
        // A form that never fired ends in its reason, in brackets, which is no zone.
        Timing::parse(expression, cron::zone(zone).ok()?).ok()
    }
}

fn timing(
    spec: &ScheduledContainerSpec,
    zone: Result<TimeZone, cron::TimingError>,
) -> Result<Timing, Idle> {
    let idle = |reason, message: String| Err(Idle { reason, message });
    let zone = match zone {
        Ok(zone) => zone,
        Err(error) => return idle(Reason::InvalidTimeZone, format!("spec.timeZone: {error}")),
    };
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
    if spec.schedule.trim().is_empty() {
        return idle(
            Reason::Disabled,
            "spec.schedule is empty, so the schedule never runs".into(),
        );
    }
    let timing = match Timing::parse(&spec.schedule, zone) {
        Ok(timing) => timing,
        Err(error) => return idle(Reason::InvalidSchedule, format!("spec.schedule: {error}")),
    };
    if spec.suspend {
        return idle(
            Reason::Suspended,
            "spec.suspend is true: no new run starts".into(),
        );
    }
    Ok(timing)
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
