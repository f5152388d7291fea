//! From what a user wrote of time to a `Timetable`, once. Every message says where in the spec.

use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};

use super::{Jitter, Limits, SECOND, Timetable, whole};
use crate::{
    api::{CalendarKind, CalendarUse, TimingSpec},
    core::{
        almanac::{Almanac, CalendarRef},
        calendar::Calendar,
        cron::{Dialect, Filter, Options, Timing},
        reason::Reason,
        run::seed,
        schedule::Idle,
    },
};

/// What the definition allows; a schedule file is not checked against it.
const MOST_SCHEDULES: usize = 32;
const MOST_EXCLUDES: usize = 64;
const MOST_CALENDARS: usize = 16;
const MOST_JITTER: i64 = 86_400;

impl Timetable {
    /// Reads what a spec says of time. `name` is the schedule's `namespace/name`, from which `H`
    /// and jitter are made; without it `H` is refused and there is no jitter.
    ///
    /// # Errors
    ///
    /// Why it never fires, and where in the spec: `spec.schedules[1].schedule: …`.
    pub fn parse(
        spec: &TimingSpec,
        almanac: &Almanac,
        name: Option<(&str, &str)>,
    ) -> Result<Self, Idle> {
        Self::parse_as(spec, almanac, name, Dialect::Punctual)
    }

    /// As [`Timetable::parse`], for expressions in another tool's language.
    ///
    /// # Errors
    ///
    /// As [`Timetable::parse`].
    pub fn parse_as(
        spec: &TimingSpec,
        almanac: &Almanac,
        name: Option<(&str, &str)>,
        dialect: Dialect,
    ) -> Result<Self, Idle> {
        let default = zone(spec.time_zone.as_deref(), "spec", almanac)?
            .unwrap_or_else(|| almanac.local.clone());
        let options = Options {
            clock_changes: spec.clock_changes,
            seed: name.map(|(namespace, name)| seed(namespace, name)),
            dialect,
        };
        let items = items(spec)?;
        let mut timings: Vec<(&str, Timing)> = Vec::with_capacity(items.len());
        for (path, expression, own_zone) in &items {
            let zone = zone(*own_zone, path, almanac)?.unwrap_or_else(|| default.clone());
            let timing = Timing::read(expression, zone, &options)
                .map_err(|why| invalid(format!("{path}.schedule: {why}")))?;
            // What two schedules mean for one instant is one fire: so is all of it for two alike.
            if timings.iter().all(|(_, known)| *known != timing) {
                timings.push((path, timing));
            }
        }
        if let Some((path, _)) = timings.iter().find(|(_, it)| it.period().is_some()) {
            alone(spec, path)?;
        }
        if let Some(filter) = filter(spec, almanac, name, &options)? {
            timings = timings
                .into_iter()
                .map(|(path, timing)| match timing.restricted(&filter) {
                    Ok(timing) => Ok((path, timing)),
                    Err(why) => Err(invalid(format!("{path}.schedule: {why}"))),
                })
                .collect::<Result<_, _>>()?;
        }
        for (path, timing) in &timings {
            if timing.next(Timestamp::MIN).is_none() {
                return Err(invalid(format!("{path}.schedule: {}", skipped(timing))));
            }
        }
        let timetable = Self {
            timings: timings.into_iter().map(|(_, timing)| timing).collect(),
            limits: limits(spec, options.seed)?.map(Box::new),
        };
        timetable.check_window(spec)?;
        Ok(timetable)
    }

    /// Why no schedule fires after `t`, if that is for the clock alone: local times match, but the
    /// clock of their zone skips each of them.
    pub fn skipped_after(&self, t: Timestamp) -> Option<String> {
        self.timings
            .iter()
            .find(|timing| timing.is_skipped_after(t))
            .filter(|_| self.timings.iter().all(|it| it.next(t).is_none()))
            .map(skipped)
    }

    /// The start of a window is known, and so is whether anything fires from then on.
    fn check_window(&self, spec: &TimingSpec) -> Result<(), Idle> {
        let Some(not_before) = spec.not_before else {
            return Ok(());
        };
        let before = not_before.checked_sub(SECOND).unwrap_or(Timestamp::MIN);
        if self.elapsed().is_some() || self.base_after(before).is_some() {
            return Ok(());
        }
        let why = match (spec.not_after, self.skipped_after(before)) {
            (Some(not_after), _) => format!(
                "spec.notAfter: never fires: no matching time lies between notBefore {not_before} \
                 and notAfter {not_after}"
            ),
            (None, Some(why)) => format!("spec.notBefore: {not_before}: {why}"),
            (None, None) => format!(
                "spec.notBefore: never fires: no matching time is at or after {not_before}; correct \
                 spec.notBefore or the schedule"
            ),
        };
        Err(invalid(why))
    }
}

fn skipped(timing: &Timing) -> String {
    format!(
        "never fires: the clock of {} skips every matching time; choose another one (with \
         spec.clockChanges.gap RunAfter, what a gap of up to 3 h skips fires after it)",
        timing.zone_name()
    )
}

/// Each schedule: where it stands, its expression and its own zone.
type Item<'a> = (String, &'a str, Option<&'a str>);

fn items(spec: &TimingSpec) -> Result<Vec<Item<'_>>, Idle> {
    let several = &spec.schedules;
    match &spec.schedule {
        Some(_) if !several.is_empty() => Err(invalid(
            "spec.schedule and spec.schedules are both set: make the one an item of the other, or \
             delete one of them"
                .into(),
        )),
        Some(expression) if is_blank(expression) => Err(Idle {
            reason: Reason::Disabled,
            message: "spec.schedule is empty, so the schedule never runs".into(),
        }),
        Some(expression) => Ok(vec![("spec".into(), expression, None)]),
        None if several.is_empty() => Err(invalid(
            "spec.schedule is missing: write a cron expression such as 0 3 * * *, or \"\" for a \
             schedule that is disabled"
                .into(),
        )),
        None if several.len() > MOST_SCHEDULES => Err(invalid(format!(
            "spec.schedules: {} are too many: at most {MOST_SCHEDULES} are allowed; join some, or \
             make a second resource",
            several.len()
        ))),
        None => (0..)
            .zip(several)
            .map(|(n, item)| {
                let path = format!("spec.schedules[{n}]");
                if is_blank(&item.schedule) {
                    return Err(invalid(format!(
                        "{path}.schedule is empty: delete the item, or write a cron expression \
                         such as 0 3 * * *"
                    )));
                }
                Ok((path, &*item.schedule, item.time_zone.as_deref()))
            })
            .collect(),
    }
}

/// A line break is no blank: like the API server, the grammar refuses it.
fn is_blank(expression: &str) -> bool {
    expression.bytes().all(|b| matches!(b, b' ' | b'\t'))
}

fn zone(name: Option<&str>, path: &str, almanac: &Almanac) -> Result<Option<TimeZone>, Idle> {
    name.map(|name| almanac.zones.get(name))
        .transpose()
        .map_err(|why| Idle {
            reason: Reason::InvalidTimeZone,
            message: format!("{path}.timeZone: {why}"),
        })
}

/// `@every` counts from the last fire of the resource, so nothing may take fires away from it, add
/// some or move them: each of that would move all that follow.
fn alone(spec: &TimingSpec, path: &str) -> Result<(), Idle> {
    let (field, instead) = if spec.schedules.len() > 1 {
        (
            "spec.schedules",
            "write a cron expression such as */15 * * * *, or make a second resource",
        )
    } else if !spec.excludes.is_empty() {
        (
            "spec.excludes",
            "write a cron expression such as */15 * * * *",
        )
    } else if !spec.calendars.is_empty() {
        (
            "spec.calendars",
            "write a cron expression such as */15 * * * *",
        )
    } else if spec.jitter_seconds.is_some_and(|seconds| seconds != 0) {
        (
            "spec.jitterSeconds",
            "leave it out: such schedules are spread by when they were created",
        )
    } else {
        return Ok(());
    };
    let beside = if field == "spec.schedules" {
        "other items of spec.schedules"
    } else {
        field
    };
    Err(invalid(format!(
        "{path}.schedule: @every counts from the last fire, so it can't be combined with {beside}; \
         {instead}"
    )))
}

fn filter(
    spec: &TimingSpec,
    almanac: &Almanac,
    name: Option<(&str, &str)>,
    options: &Options,
) -> Result<Option<Arc<Filter>>, Idle> {
    for (field, length, most) in [
        ("excludes", spec.excludes.len(), MOST_EXCLUDES),
        ("calendars", spec.calendars.len(), MOST_CALENDARS),
    ] {
        if length > most {
            return Err(invalid(format!(
                "spec.{field}: {length} are too many: at most {most} are allowed; a calendar holds \
                 any number of days"
            )));
        }
    }
    if spec.excludes.is_empty() && spec.calendars.is_empty() {
        return Ok(None);
    }
    let mut filter = Filter::default();
    for (n, exclude) in spec.excludes.iter().enumerate() {
        filter
            .exclude(exclude, options)
            .map_err(|why| invalid(format!("spec.excludes[{n}]: {why}")))?;
    }
    let namespace = name.map_or("", |(namespace, _)| namespace);
    for (n, used) in spec.calendars.iter().enumerate() {
        filter.add(calendar(used, n, namespace, almanac)?, used.action);
    }
    Ok(Some(Arc::new(filter)))
}

fn calendar(
    used: &CalendarUse,
    n: usize,
    namespace: &str,
    almanac: &Almanac,
) -> Result<Arc<Calendar>, Idle> {
    let (shown, list) = match used.kind {
        CalendarKind::ScheduleCalendar => (
            format!("ScheduleCalendar {namespace}/{}", used.name),
            format!("kubectl get schedulecalendars -n {namespace}"),
        ),
        CalendarKind::ClusterScheduleCalendar => (
            format!("ClusterScheduleCalendar {}", used.name),
            "kubectl get clusterschedulecalendars".to_owned(),
        ),
    };
    match almanac.calendars.get(&CalendarRef::of(used, namespace)) {
        Some(Ok(calendar)) => Ok(calendar.clone()),
        Some(Err(why)) => Err(Idle {
            reason: Reason::InvalidCalendar,
            message: format!("spec.calendars[{n}]: {shown} can't be read: {why}"),
        }),
        None => Err(Idle {
            reason: Reason::CalendarNotFound,
            message: format!(
                "spec.calendars[{n}]: {shown} does not exist; create it, or correct kind and name \
                 to one of those that `{list}` shows"
            ),
        }),
    }
}

fn limits(spec: &TimingSpec, seed: Option<u64>) -> Result<Option<Limits>, Idle> {
    if let (Some(not_before), Some(not_after)) = (spec.not_before, spec.not_after)
        && not_after < not_before
    {
        return Err(invalid(format!(
            "spec.notAfter: {not_after} is before spec.notBefore {not_before}, so nothing lies \
             between them; swap them or correct one"
        )));
    }
    let most = spec.jitter_seconds.unwrap_or_default();
    if !(0..=MOST_JITTER).contains(&most) {
        return Err(invalid(format!(
            "spec.jitterSeconds: {most} is not in 0-{MOST_JITTER}"
        )));
    }
    let jitter = seed.filter(|_| most > 0).map(|seed| Jitter { most, seed });
    if spec.not_before.is_none() && spec.not_after.is_none() && jitter.is_none() {
        return Ok(None);
    }
    // Fires are on whole seconds, so the window may as well be.
    let last = spec.not_after.map_or(Timestamp::MAX, whole);
    let first = spec.not_before.map_or(Timestamp::MIN, |t| {
        let whole = whole(t);
        if whole < t {
            whole.checked_add(SECOND).unwrap_or(t)
        } else {
            whole
        }
    });
    Ok(Some(Limits {
        not_before: first,
        not_after: last,
        jitter,
    }))
}

fn invalid(message: String) -> Idle {
    Idle {
        reason: Reason::InvalidSchedule,
        message,
    }
}
