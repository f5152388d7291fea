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
        active,
        almanac::{Almanac, CalendarRef},
        calendar::Calendar,
        decide::decide,
        plan::{Learned, Plan, Seen, Step},
        run::{Phase, RunId, SeenPod, pod_name},
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

    // At a later version they are one: who sees other days since then has to know it.
    let later = || dates_at("7", &["2026-11-20"]);
    assert_eq!(sorted(cache.set_calendar(off(), later())), ["shop/local"]);
    assert_eq!(sorted(cache.set_calendar(off(), later())), [""; 0]);

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

/// As `dates`, seen at this version.
fn dates_at(version: &str, dates: &[&str]) -> Read {
    let days = self::dates(dates)?;
    Ok(Arc::new(Calendar::clone(&days).seen_at(version.to_owned())))
}

fn with_calendar(mut more: Value) -> Value {
    if more.get("calendars").is_none() {
        more["calendars"] = json!([{"name": "off"}]);
    }
    more
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
        let observed = self.status.observed_schedule.as_deref();
        assert!(self.schedule.reread(&almanac(days), observed));
    }

    /// Another controller, which knows nothing but the status.
    fn restart(&mut self, days: Option<Read>) {
        self.restart_as(days, json!({}));
    }

    /// The same, of a spec that was edited.
    fn restart_as(&mut self, days: Option<Read>, more: Value) {
        self.schedule = read(&almanac(days), with_calendar(more));
    }

    /// The spec changes.
    fn respec(&mut self, days: Option<Read>, more: Value) {
        let mut schedule = read(&almanac(days), with_calendar(more));
        schedule.follow(&self.schedule, self.status.observed_schedule.as_deref());
        self.schedule = schedule;
    }

    /// The turn of another controller that shares nothing but the status.
    fn turn_of(&mut self, other: &Schedule, time: &str) -> (Option<Timestamp>, Option<Timestamp>) {
        let own = std::mem::replace(&mut self.schedule, other.clone());
        let turn = self.turn(time);
        self.schedule = own;
        turn
    }

    /// A turn at this time. Returns whether a fire wants its pod, and when it is looked at again.
    fn turn(&mut self, time: &str) -> (Option<Timestamp>, Option<Timestamp>) {
        let mut fire = None;
        for _ in 0..10 {
            let Plan { steps, wake_at } = self.plan(&self.schedule, Vec::new(), time);
            match steps.into_iter().next() {
                Some(Step::Record { status, .. }) => self.status = *status,
                Some(Step::Prepare { run: wanted, .. }) => {
                    fire = Some(wanted.fire);
                    return (fire, wake_at);
                }
                _ => return (fire, wake_at),
            }
        }
        panic!("no end to the records");
    }

    /// What a controller would do that sees these pods.
    fn plan(&self, schedule: &Schedule, pods: Vec<SeenPod>, time: &str) -> Plan {
        let seen = Seen {
            status: self.status.clone(),
            deleting: false,
            requested: None,
            pods,
        };
        let ahead = SignedDuration::ZERO;
        decide(schedule, &seen, &Learned::default(), ahead, at(time))
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
fn what_a_calendar_said_while_nobody_watched_is_counted_by_its_present_days() {
    for (then, now, more, expected) in [
        ("2026-11-19", "2026-11-20", json!({}), None),
        ("2026-11-20", "2026-11-19", json!({}), Some(4)),
        (
            "2026-11-20",
            "2026-11-19",
            json!({"suspend": true}),
            Some(4),
        ),
        (
            "2026-11-20",
            "2026-11-19",
            json!({"schedule": "30 * * * *"}),
            Some(4),
        ),
        // The calendar is not there any more, but it isn't named either.
        ("2026-11-20", "", json!({"calendars": []}), Some(4)),
    ] {
        let mut story = Story::begin(Some(dates(&[then])));
        story.turn("08:30:05");
        let days = Some(dates(&[now])).filter(|_| !now.is_empty());
        story.restart_as(days, more.clone());
        assert_eq!(story.turn("12:30:00").0, None, "{then} to {now} {more}");
        let skips = expected.map(|count| ("ScheduleChanged".to_owned(), count));
        assert_eq!(
            story.skips(),
            Vec::from_iter(skips),
            "{then} to {now} {more}"
        );
        assert_eq!(story.status.observed_since, Some(at("12:30:00")));
        if let Some(skip) = story.status.recent_skips.first() {
            let message = "a calendar was edited while no controller watched; counted by its \
                           present days";
            assert_eq!(skip.message, message);
        }
    }
}

#[test]
fn what_a_suspended_form_left_out_stays_out_after_a_restart() {
    let mut story = Story::begin(Some(dates(&["2026-11-19"])));
    let suspended = json!({"suspend": true});
    story.restart_as(Some(dates(&["2026-11-19"])), suspended);
    story.turn("08:30:05");
    story.restart(Some(dates(&["2026-11-18"])));
    assert_eq!(story.turn("12:30:00").0, None);
    assert_eq!(story.skips(), []);
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
    story.turn("08:30:06");
    let plan = story.plan(&story.schedule, Vec::new(), "08:30:06");
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
    let observed = story.status.observed_schedule.clone();
    let observed = observed.as_deref();
    assert!(story.schedule.reread(&edited, observed));
    assert!(!story.schedule.reread(&edited, observed));
    let again = almanac(Some(dates(&["2026-11-20"])));
    assert!(!story.schedule.reread(&again, observed));
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

const WORKING: &[&str] = &["2026-11-19"];
const CLOSED: &[&str] = &["2026-11-20"];

/// A controller whose calendar is of this version.
fn controller(version: &str, days: &[&str]) -> Schedule {
    read(
        &almanac(Some(dates_at(version, days))),
        with_calendar(json!({})),
    )
}

#[test]
fn of_two_controllers_the_one_with_the_earlier_calendar_stays_out_of_it() {
    for (early, late) in [(WORKING, CLOSED), (CLOSED, WORKING)] {
        let mut story = Story::begin(Some(dates_at("9", early)));
        let behind = story.schedule.clone();
        let ahead = controller("10", late);
        story.turn("08:30:05");
        story.turn_of(&ahead, "08:30:06");
        let status = story.status.clone();
        assert_eq!(status.observed_since, Some(at("08:30:06")));
        for _ in 0..3 {
            assert_eq!(story.turn_of(&behind, "10:30:00"), (None, None));
            assert_eq!(story.status, status, "who is behind writes nothing");
        }
        // What fell due is for the other to say, and for who is behind once it has caught up.
        let fire = (late == WORKING).then(|| at("10:00:00"));
        assert_eq!(story.turn_of(&ahead, "10:30:00").0, fire);
        story.edit(Some(dates_at("10", late)));
        assert_eq!(story.turn("10:30:00").0, fire);
        assert_eq!(story.status.observed_since, Some(at("08:30:06")));
    }
}

#[test]
fn a_later_version_with_the_same_days_is_not_written_down() {
    let mut story = Story::begin(Some(dates_at("9", WORKING)));
    story.turn("08:30:05");
    let status = story.status.clone();
    story.edit(Some(dates_at("12", WORKING)));
    story.turn("08:30:06");
    assert_eq!(story.status, status);

    // But it is known: other days of a version in between are not ahead.
    story.turn_of(&controller("11", CLOSED), "08:40:00");
    assert_ne!(
        story.status, status,
        "who has just seen other days can't know"
    );
    story.turn("08:50:00");
    assert_eq!(story.status.observed_since, Some(at("08:50:00")));
    assert_eq!(story.turn("09:00:00").0, Some(at("09:00:00")));
}

#[test]
fn a_controller_that_is_behind_still_looks_after_the_active_run() {
    let mut story = Story::begin(Some(dates_at("9", CLOSED)));
    let behind = controller("8", WORKING);
    story.turn("08:30:05");
    let pod = held("09:00:00");
    story.status.active = vec![active::claimed(&pod, pod.fire)];
    story.status.last_fire_time = Some(pod.fire);
    let plan = story.plan(&behind, vec![pod.clone()], "09:00:00");
    assert!(
        matches!(plan.steps[..], [Step::Release { .. }]),
        "{:?}",
        plan.steps
    );
    let ended = SeenPod {
        held: false,
        phase: Phase::Succeeded,
        ..pod
    };
    let plan = story.plan(&behind, vec![ended], "11:30:00");
    let [Step::Record { status, news }] = &plan.steps[..] else {
        panic!("{:?}", plan.steps);
    };
    assert_eq!((status.active.len(), news.len()), (0, 1));
    let decided = status.last_fire_time;
    assert_eq!(decided, Some(at("09:00:00")), "not by days of the past");
}

#[test]
fn who_does_not_know_the_fires_leaves_their_pods_alone() {
    let mut story = Story::begin(Some(dates_at("9", WORKING)));
    story.turn("08:30:05");
    let away = read(&almanac(None), with_calendar(json!({})));
    let behind = controller("8", CLOSED);
    for unknowing in [away, behind] {
        // What is wrong is said first.
        story.turn_of(&unknowing, "08:59:00");
        let sweeps = |pod| {
            let plan = story.plan(&unknowing, vec![pod], "08:59:59");
            matches!(plan.steps[..], [Step::Sweep { .. }])
        };
        assert!(!sweeps(held("09:00:00")), "of a coming fire");
        assert!(sweeps(held("08:00:00")), "of one that is decided");
        let of_an_earlier_spec = SeenPod {
            attempt: 1,
            generation: 0,
            ..held("09:00:00")
        };
        assert!(sweeps(of_an_earlier_spec), "of an earlier spec");
    }
}

fn held(fire: &str) -> SeenPod {
    let fire = at(fire);
    let identity = controller("1", &[]).identity;
    let name = pod_name(&identity, RunId::first(fire), 0);
    SeenPod::just_made(name, "pod".into(), fire)
}

#[test]
fn the_form_in_the_status_is_kept_over_any_number_of_edits() {
    let mut story = Story::begin(Some(dates(WORKING)));
    story.turn("08:30:05");
    // All before the next turn.
    story.edit(Some(dates(CLOSED)));
    story.edit(Some(dates(&["2026-11-20", "2026-11-21"])));
    story.edit(None);
    story.respec(Some(dates(CLOSED)), json!({"schedule": "30 * * * *"}));
    story.respec(Some(dates(CLOSED)), json!({"suspend": true}));
    let observed = story.status.observed_schedule.clone().unwrap();
    assert_eq!(story.turn("12:30:00").0, None);
    assert_eq!(story.skips(), [("ScheduleChanged".into(), 4)]);
    assert!(
        story.status.recent_skips[0]
            .message
            .starts_with("the schedule, or a calendar")
    );
    assert!(story.schedule.earlier(&observed).unwrap().certain);

    // And it is forgotten once another form is adopted.
    let now = story.status.observed_schedule.clone();
    assert!(story.schedule.has_settled(now.as_deref()));
    story.schedule.settle();
    assert!(!story.schedule.earlier(&observed).unwrap().certain);
}

#[test]
fn the_cache_keeps_the_form_in_the_status_until_another_is_adopted() {
    let cache = Cache::new(Arc::new(Almanac::new(TimeZone::UTC)));
    cache.set_calendar(off(), dates(WORKING));
    let show = |version: u64, more: Value, observed: &str| {
        let object = json!({
            "apiVersion": "punctual.dev/v1alpha1", "kind": "ScheduledContainer",
            "metadata": {
                "namespace": "shop", "name": "hourly", "uid": "u",
                "resourceVersion": version.to_string(), "generation": version,
                "creationTimestamp": at("08:30:00"),
            },
            "spec": spec(with_calendar(more)),
            "status": {"observedSchedule": observed},
        });
        cache.put_schedule(serde_json::from_str(&object.to_string()).unwrap());
    };
    let schedule = || {
        let key = Key {
            namespace: "shop".into(),
            name: "hourly".into(),
        };
        cache.observe(&key).unwrap().0.schedule
    };
    show(1, json!({}), "");
    let first = schedule().words.clone().unwrap();
    show(1, json!({}), &first);
    let certain = || schedule().earlier(&first).unwrap().certain;

    cache.set_calendar(off(), dates(CLOSED));
    assert!(certain(), "the calendar was edited");
    cache.remove_calendar(off());
    assert!(certain(), "it was removed");
    cache.set_calendar(off(), dates(&[]));
    assert!(certain(), "it came back");
    show(2, json!({"schedule": "30 * * * *"}), &first);
    assert!(certain(), "the schedule was edited");
    show(3, json!({"concurrencyPolicy": 7}), &first);
    assert!(certain(), "the schedule can't be read");
    show(4, json!({"schedule": "30 * * * *"}), &first);
    assert!(certain(), "it is mended");
    let last = schedule().words.clone().unwrap();
    show(4, json!({"schedule": "30 * * * *"}), &last);
    assert!(!certain(), "the edit is adopted");
}

#[test]
fn a_form_that_rests_is_seen_also_while_the_calendar_is_away() {
    for rest in [
        json!({"suspend": true}),
        json!({"schedule": ""}),
        json!({"schedule": "61 * * * *"}),
        json!({"template": {"spec": {"restartPolicy": "Always", "containers": []}}}),
    ] {
        let mut story = Story::begin(Some(dates(WORKING)));
        story.turn("08:30:05");
        story.respec(None, rest.clone());
        story.turn("09:30:00");
        let skips = [("ScheduleChanged".to_owned(), 1)];
        assert_eq!(story.skips(), skips, "{rest}");
        story.respec(None, json!({}));
        story.turn("11:30:00");
        story.edit(Some(dates(WORKING)));
        let turn = story.turn("11:40:00");
        assert_eq!(turn, (None, Some(at("12:00:00"))), "{rest}");
        assert_eq!(story.skips(), skips, "{rest}");
    }
}

#[test]
fn a_form_that_rests_has_the_same_words_whatever_the_calendar_says() {
    let words = |days| read(&almanac(days), with_calendar(json!({"suspend": true}))).words;
    let without = words(None);
    assert!(without.is_some());
    assert_eq!(words(Some(dates_at("1", WORKING))), without);
    assert_eq!(words(Some(Err("spec.dates[0]: no".to_owned()))), without);
}
