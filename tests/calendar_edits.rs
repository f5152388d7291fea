//! What an edit of a calendar does to the schedules that name it: exactly those are read anew, none
//! fires for the time before, and nothing is decided while a calendar is not known.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use punctual::{
    api::{CalendarKind, CalendarSpec, ScheduledContainerSpec, ScheduledContainerStatus},
    cluster::{
        cache::{Cache, Key, Read},
        observe::ObservedSchedule,
    },
    core::{
        almanac::{Almanac, CalendarRef},
        calendar::Calendar,
        decide::decide,
        plan::{Learned, Plan, Seen, Step},
        schedule::Schedule,
        schedule_ref::ScheduleRef,
    },
};
use serde_json::{Value, json};

const NAMESPACED: CalendarKind = CalendarKind::ScheduleCalendar;
const CLUSTERED: CalendarKind = CalendarKind::ClusterScheduleCalendar;

fn calendar(kind: CalendarKind, namespace: &str, name: &str) -> CalendarRef {
    CalendarRef {
        kind,
        namespace: namespace.into(),
        name: name.into(),
    }
}

fn off() -> CalendarRef {
    calendar(NAMESPACED, "shop", "off")
}

fn dates(dates: &[&str]) -> Read {
    let spec = CalendarSpec {
        dates: dates.iter().map(|date| (*date).to_owned()).collect(),
        ..CalendarSpec::default()
    };
    Calendar::parse(&spec).map(Arc::new)
}

fn at(time: &str) -> Timestamp {
    format!("2026-11-20T{time}Z").parse().unwrap()
}

/// Every hour, with these fields besides.
fn spec(more: Value) -> Value {
    let mut spec = json!({
        "schedule": "0 * * * *", "timeZone": "UTC",
        "template": {"spec": {"containers": [{"name": "a", "image": "b"}]}},
    });
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    spec
}

fn put(cache: &Cache, namespace: &str, name: &str, calendars: Value) {
    let object = json!({
        "apiVersion": "punctual.dev/v1alpha1", "kind": "ScheduledContainer",
        "metadata": {
            "namespace": namespace, "name": name, "uid": format!("{namespace}-{name}"),
            "resourceVersion": "1", "generation": 1, "creationTimestamp": at("08:30:00"),
        },
        "spec": spec(json!({"calendars": calendars})),
    });
    let object: ObservedSchedule = serde_json::from_str(&object.to_string()).unwrap();
    cache.put_schedule(object).unwrap();
}

fn next(cache: &Cache, namespace: &str, name: &str) -> Option<String> {
    let key = Key {
        namespace: namespace.into(),
        name: name.into(),
    };
    let (entry, _) = cache.observe(&key).unwrap();
    let timing = entry.schedule.timing.as_ref().ok()?;
    Some(timing.next(at("09:30:00"))?.to_string())
}

fn sorted(keys: Vec<Key>) -> Vec<String> {
    let mut keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
    keys.sort();
    keys
}

#[test]
fn exactly_the_schedules_that_name_a_changed_calendar_are_read_anew() {
    let cache = Cache::new(Arc::new(Almanac::new(TimeZone::UTC)));
    put(&cache, "shop", "local", json!([{"name": "off"}]));
    put(&cache, "other", "same-name", json!([{"name": "off"}]));
    put(
        &cache,
        "shop",
        "wide",
        json!([{"kind": "ClusterScheduleCalendar", "name": "off"}]),
    );
    put(&cache, "shop", "none", json!([]));
    assert_eq!(next(&cache, "shop", "local"), None);

    let today = dates(&["2026-11-20"]);
    let reread = cache.set_calendar(off(), today.clone());
    assert_eq!(sorted(reread), ["shop/local"]);
    let tomorrow = Some("2026-11-21T00:00:00Z".to_owned());
    assert_eq!(next(&cache, "shop", "local"), tomorrow);
    assert_eq!(next(&cache, "other", "same-name"), None);

    // The same days once more, as every list shows them, are no change.
    assert_eq!(sorted(cache.set_calendar(off(), today.clone())), [""; 0]);

    let listed = BTreeMap::from([(calendar(CLUSTERED, "", "off"), today.clone())]);
    assert_eq!(
        sorted(cache.keep_calendars(CLUSTERED, listed)),
        ["shop/wide"]
    );
    assert_eq!(next(&cache, "shop", "wide"), tomorrow);
    assert_eq!(
        next(&cache, "shop", "local"),
        tomorrow,
        "the other kind stays"
    );

    let listed = BTreeMap::from([(calendar(NAMESPACED, "other", "off"), today)]);
    let reread = cache.keep_calendars(NAMESPACED, listed);
    assert_eq!(sorted(reread), ["other/same-name", "shop/local"]);
    assert_eq!(next(&cache, "shop", "local"), None);

    let reread = cache.remove_calendar(calendar(CLUSTERED, "", "off"));
    assert_eq!(sorted(reread), ["shop/wide"]);
    assert_eq!(sorted(cache.remove_calendar(off())), [""; 0]);
    assert_eq!(
        next(&cache, "shop", "none"),
        Some("2026-11-20T10:00:00Z".into())
    );
}

#[test]
fn a_schedule_that_comes_after_a_calendar_is_read_with_it() {
    let cache = Cache::new(Arc::new(Almanac::new(TimeZone::UTC)));
    cache.set_calendar(off(), dates(&["2026-11-20"]));
    put(&cache, "shop", "late", json!([{"name": "off"}]));
    assert_eq!(
        next(&cache, "shop", "late"),
        Some("2026-11-21T00:00:00Z".into())
    );
}

/// A schedule that names a calendar, and what its status says after each turn.
struct Story {
    schedule: Schedule,
    status: ScheduledContainerStatus,
}

impl Story {
    /// Hourly, made at 08:30, with the calendar as it is then.
    fn begin(days: Option<Read>) -> Self {
        Self {
            schedule: read(&almanac(days), json!({"calendars": [{"name": "off"}]})),
            status: ScheduledContainerStatus::default(),
        }
    }

    /// The calendar changes.
    fn edit(&mut self, days: Option<Read>) {
        assert!(self.schedule.reread(&almanac(days)));
    }

    /// Another controller, which knows nothing but the status.
    fn restart(&mut self, days: Option<Read>) {
        self.schedule = Self::begin(days).schedule;
    }

    /// A turn at this time. Returns whether a fire wants its pod, and when it is looked at again.
    fn turn(&mut self, time: &str) -> (Option<Timestamp>, Option<Timestamp>) {
        let mut fire = None;
        for _ in 0..10 {
            let seen = Seen {
                status: self.status.clone(),
                deleting: false,
                pods: Vec::new(),
            };
            let ahead = SignedDuration::ZERO;
            let Plan { steps, wake_at } =
                decide(&self.schedule, &seen, &Learned::default(), ahead, at(time));
            match steps.into_iter().next() {
                Some(Step::Record { status, .. }) => self.status = *status,
                Some(Step::Prepare { fire: wanted, .. }) => {
                    fire = Some(wanted);
                    return (fire, wake_at);
                }
                _ => return (fire, wake_at),
            }
        }
        panic!("no end to the records");
    }

    fn skips(&self) -> Vec<(String, u64)> {
        let skips = self.status.recent_skips.iter();
        skips
            .map(|skip| (skip.reason.clone(), skip.count))
            .collect()
    }
}

fn almanac(days: Option<Read>) -> Arc<Almanac> {
    let mut almanac = Almanac::new(TimeZone::UTC);
    almanac.calendars.extend(days.map(|days| (off(), days)));
    Arc::new(almanac)
}

fn read(almanac: &Arc<Almanac>, more: Value) -> Schedule {
    let identity = ScheduleRef {
        namespace: "shop".into(),
        name: "hourly".into(),
        uid: "u".into(),
    };
    let spec: ScheduledContainerSpec = serde_json::from_value(spec(more)).unwrap();
    Schedule::parse(identity, 1, at("08:30:00"), &spec, almanac)
}

#[test]
fn a_day_that_is_taken_out_of_a_calendar_is_not_made_up_for() {
    let mut story = Story::begin(Some(dates(&["2026-11-20"])));
    let midnight = Some("2026-11-21T00:00:00Z".parse().unwrap());
    assert_eq!(story.turn("12:30:00"), (None, midnight));
    story.edit(Some(dates(&["2026-11-19"])));
    assert_eq!(story.turn("12:30:05"), (None, Some(at("13:00:00"))));
    assert_eq!(story.skips(), [], "there was no fire that day");
    assert_eq!(story.turn("13:00:00").0, Some(at("13:00:00")));
}

#[test]
fn a_fire_that_was_due_before_the_edit_is_skipped_as_the_earlier_forms() {
    let mut story = Story::begin(Some(dates(&["2026-11-19"])));
    story.turn("08:30:05");
    story.edit(Some(dates(&["2026-11-20"])));
    assert_eq!(story.turn("10:00:05").0, None);
    assert_eq!(story.skips(), [("ScheduleChanged".into(), 2)]);
}

#[test]
fn what_a_calendar_said_while_nobody_watched_is_not_guessed() {
    for (then, now) in [("2026-11-19", "2026-11-20"), ("2026-11-20", "2026-11-19")] {
        let mut story = Story::begin(Some(dates(&[then])));
        story.turn("08:30:05");
        story.restart(Some(dates(&[now])));
        assert_eq!(story.turn("12:30:00").0, None, "{then} to {now}");
        assert_eq!(story.skips(), [], "{then} to {now}");
        assert_eq!(story.status.observed_since, Some(at("12:30:00")));
    }
}

#[test]
fn nothing_is_decided_while_the_calendar_is_away_and_all_is_when_it_is_back() {
    let days = || Some(dates(&["2026-11-19"]));
    for broken in [None, Some(Err("spec.dates[0]: no".to_owned()))] {
        for restarted in [false, true] {
            let mut story = Story::begin(days());
            story.turn("08:30:05");
            let before = story.status.observed_schedule.clone();
            match restarted {
                false => story.edit(broken.clone()),
                true => story.restart(broken.clone()),
            }
            assert_eq!(story.turn("12:30:00"), (None, None));
            assert_eq!(story.status.observed_schedule, before);
            assert_eq!((story.skips(), story.status.last_fire_time), (vec![], None));
            let reason = &story.status.conditions[0].reason;
            let expected = ["InvalidCalendar", "CalendarNotFound"][usize::from(broken.is_none())];
            assert_eq!(reason, expected);

            // The same days: what fell due is decided now, as if nobody had watched.
            story.edit(days());
            assert_eq!(story.turn("12:31:00").0, Some(at("12:00:00")));
        }
    }
}

#[test]
fn a_calendar_that_comes_back_with_other_days_is_an_edit() {
    let mut story = Story::begin(Some(dates(&["2026-11-19"])));
    story.turn("08:30:05");
    story.edit(None);
    story.turn("10:30:00");
    story.edit(Some(dates(&["2026-11-18"])));
    assert_eq!(story.turn("12:30:00").0, None);
    assert_eq!(story.skips(), [("ScheduleChanged".into(), 4)]);
}

#[test]
fn an_edited_calendar_makes_a_schedule_that_is_not_ready_be_tried_again() {
    let mut story = Story::begin(None);
    story.turn("08:30:05");
    story.edit(Some(dates(&["2026-11-19"])));
    let seen = Seen {
        status: story.status.clone(),
        deleting: false,
        pods: Vec::new(),
    };
    story.turn("08:30:06");
    let ahead = SignedDuration::ZERO;
    let seen = Seen {
        status: story.status.clone(),
        ..seen
    };
    let plan = decide(
        &story.schedule,
        &seen,
        &Learned::default(),
        ahead,
        at("08:30:06"),
    );
    assert!(
        matches!(plan.steps[..], [Step::Try { generation: 1 }]),
        "{:?}",
        plan.steps
    );
}

#[test]
fn mistakes_are_told_before_suspension() {
    for (more, expected) in [
        (json!({}), "Suspended"),
        (json!({"schedule": "61 * * * *"}), "InvalidSchedule"),
        (json!({"timeZone": "Mars/Olympus"}), "InvalidTimeZone"),
        (json!({"calendars": [{"name": "off"}]}), "CalendarNotFound"),
    ] {
        let mut more = more;
        more["suspend"] = json!(true);
        let schedule = read(&almanac(None), more);
        assert_eq!(schedule.timing.unwrap_err().reason.name(), expected);
    }
}

#[test]
fn an_almanac_that_is_taken_on_twice_is_taken_on_once() {
    let mut story = Story::begin(Some(dates(&["2026-11-19"])));
    story.turn("08:30:05");
    let edited = almanac(Some(dates(&["2026-11-20"])));
    assert!(story.schedule.reread(&edited));
    assert!(!story.schedule.reread(&edited));
    assert!(
        !story
            .schedule
            .reread(&almanac(Some(dates(&["2026-11-20"]))))
    );
    story.turn("10:00:05");
    assert_eq!(story.skips(), [("ScheduleChanged".into(), 2)]);
}

#[test]
fn whatever_changes_at_once_every_schedule_ends_up_with_the_latest_days() {
    const SCHEDULES: usize = 40;
    let cache = Cache::new(Arc::new(Almanac::new(TimeZone::UTC)));
    let of_both = json!([{"name": "off"}, {"kind": "ClusterScheduleCalendar", "name": "off"}]);
    let put_all =
        || (0..SCHEDULES).for_each(|n| put(&cache, "shop", &n.to_string(), of_both.clone()));
    put_all();
    for round in 0..100 {
        let (local, wide, first) = match round % 2 {
            0 => (
                &["2026-11-20", "2026-11-21"][..],
                "2026-11-22",
                "2026-11-23",
            ),
            _ => (&["2026-11-20"][..], "2026-11-21", "2026-11-22"),
        };
        std::thread::scope(|scope| {
            scope.spawn(|| cache.set_calendar(off(), dates(local)));
            scope.spawn(|| cache.set_calendar(calendar(CLUSTERED, "", "off"), dates(&[wide])));
            scope.spawn(put_all);
        });
        for n in 0..SCHEDULES {
            let next = next(&cache, "shop", &n.to_string());
            let expected = Some(format!("{first}T00:00:00Z"));
            assert_eq!(next, expected, "schedule {n} in round {round}");
        }
    }
}
