//! `Timetable` against a reference that goes from day to day and from time to time with plain dates:
//! several schedules, excludes, calendars, a window and jitter, at random, around clock changes and
//! the turn of the year.

mod random;

use std::{collections::BTreeSet, sync::Arc};

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, DateTime, date},
    tz::{AmbiguousOffset, TimeZone},
};
use punctual::{
    api::{
        CalendarAction, CalendarKind, CalendarSpec, CalendarUse, DateRange, ScheduleItem,
        TimingSpec,
    },
    core::{
        almanac::{Almanac, CalendarRef},
        calendar::Calendar,
        cron::{Due, Zones},
        timetable::Timetable,
    },
};
use random::Random;

const DAY: i64 = 86_400;

/// Days around which clocks change or years end, in the zones below.
const STARTS: [Date; 8] = [
    Date::constant(2026, 3, 29),
    Date::constant(2026, 10, 25),
    Date::constant(2027, 3, 14),
    Date::constant(2026, 11, 1),
    Date::constant(2026, 12, 31),
    Date::constant(2028, 2, 29),
    Date::constant(2018, 11, 4),
    Date::constant(2027, 4, 4),
];
const ZONES: [&str; 6] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
];

#[test]
fn one_plain_schedule_fires_when_the_reference_does() {
    check_many(1, 60, |random| Case::random(random, 1, false, false));
}

#[test]
fn several_schedules_in_several_zones_fire_when_the_reference_does() {
    check_many(2, 60, |random| Case::random(random, 3, false, false));
}

#[test]
fn excludes_and_calendars_leave_out_and_move_what_the_reference_does() {
    check_many(3, 100, |random| Case::random(random, 2, true, false));
}

#[test]
fn with_a_window_and_jitter_fires_are_where_the_reference_has_them() {
    check_many(4, 60, |random| Case::random(random, 2, false, true));
}

#[test]
fn all_of_it_together_is_what_the_reference_says() {
    check_many(5, 70, |random| Case::random(random, 3, true, true));
}

/// Days at which an expression is due: `day of month`, `month`, `day of week`.
#[derive(Clone, Debug)]
struct Days {
    text: String,
    /// None for `*`.
    of_month: Option<Vec<i8>>,
    last: bool,
    months: Option<Vec<i8>>,
    of_week: Option<Vec<i8>>,
}

/// Seconds, minutes and hours.
#[derive(Clone, Debug)]
struct Times {
    /// The second field, and its end in a sixth one.
    second: Option<(String, Vec<i8>)>,
    minute: (String, Vec<i8>),
    hour: (String, Vec<i8>),
}

#[derive(Clone, Debug)]
struct Expression {
    times: Times,
    days: Days,
}

#[derive(Clone, Debug)]
struct Set {
    spec: CalendarSpec,
    dates: Vec<Date>,
    yearly: Vec<(i8, i8)>,
    ranges: Vec<(Date, Date)>,
    yearly_ranges: Vec<((i8, i8), (i8, i8))>,
    weekdays: Vec<i8>,
}

#[derive(Clone, Debug)]
struct Case {
    around: Date,
    schedules: Vec<(Expression, &'static str)>,
    /// Dates left out.
    dates: Set,
    excludes: Vec<Expression>,
    calendars: Vec<(Set, CalendarAction)>,
    window: (Option<Timestamp>, Option<Timestamp>),
    jitter: i64,
}

fn check_many(seed: u64, cases: usize, case: impl Fn(&mut Random) -> Case) {
    let mut random = Random(seed);
    let mut compared = 0;
    for _ in 0..cases {
        let case = case(&mut random);
        compared += check(&case, &mut random);
    }
    assert!(compared > cases * 10, "only {compared} answers had a fire");
}

fn check(case: &Case, random: &mut Random) -> usize {
    let spec = case.spec();
    let start = midnight(case.around - 60.days());
    let end = start + 120 * DAY;
    let fires = case.fires(case.around - 60.days(), 120);
    let timetable = match Timetable::parse(&spec, &case.almanac(), Some(("team-a", "report"))) {
        Ok(timetable) => timetable,
        Err(idle) => {
            // One of several schedules of which nothing is left is a mistake as well.
            assert!(idle.message.contains("never fires"), "{idle:?}\n{spec:?}");
            let idle = case.schedules.iter().any(|schedule| {
                let alone = Case {
                    schedules: vec![schedule.clone()],
                    ..case.clone()
                };
                alone.fires(case.around - 60.days(), 120).is_empty()
            });
            assert!(idle, "{spec:?}");
            return 0;
        }
    };
    let mut compared = 0;
    for _ in 0..12 {
        let mut instant = || {
            let any = start + 4 * DAY + random.below(112 * DAY as u64) as i64;
            let near = match random.below(3) {
                0 => any,
                // At a fire, a second before it, and a second after it.
                _ => fires
                    .get(random.below(fires.len().max(1) as u64) as usize)
                    .map_or(any, |fire| fire + random.below(3) as i64 - 1),
            };
            near.clamp(start + 4 * DAY, end - 4 * DAY)
        };
        let (a, b) = (instant(), instant());
        let (a, b) = (a.min(b), a.max(b));
        let stamp = |t: i64| Timestamp::from_second(t).unwrap();

        let next = timetable.next(stamp(a)).map(Timestamp::as_second);
        match fires.iter().find(|&&fire| fire > a) {
            Some(&fire) if fire < end - 2 * DAY => {
                assert_eq!(next, Some(fire), "next after {} of {spec:?}", stamp(a));
                compared += 1;
            }
            _ => assert!(
                next.is_none_or(|next| next >= end - 3 * DAY),
                "next after {} of {spec:?}: {next:?}",
                stamp(a)
            ),
        }
        let previous = timetable.previous(stamp(b)).map(Timestamp::as_second);
        match fires.iter().rev().find(|&&fire| fire < b) {
            Some(&fire) if fire > start + 2 * DAY => {
                assert_eq!(previous, Some(fire), "previous to {} of {spec:?}", stamp(b));
                compared += 1;
            }
            _ => assert!(
                previous.is_none_or(|previous| previous <= start + 3 * DAY),
                "previous to {} of {spec:?}: {previous:?}",
                stamp(b)
            ),
        }
        let within: Vec<i64> = fires
            .iter()
            .copied()
            .filter(|&fire| a < fire && fire <= b)
            .collect();
        let due = timetable.due(stamp(a), stamp(b));
        let expected = within.first().map(|&first| Due {
            first: stamp(first),
            latest: stamp(*within.last().unwrap()),
            count: within.len() as u64,
        });
        // Beyond so many, several schedules are not compared with each other.
        if case.schedules.len() == 1 || within.len() < 3000 {
            assert_eq!(due, expected, "{} to {} of {spec:?}", stamp(a), stamp(b));
        }
    }
    compared
}

impl Case {
    fn random(random: &mut Random, most: u64, days: bool, ends: bool) -> Self {
        let around = STARTS[random.below(8) as usize];
        let schedules = (0..1 + random.below(most))
            .map(|_| {
                (
                    Expression::random(random, false),
                    ZONES[random.below(6) as usize],
                )
            })
            .collect();
        let mut excludes = Vec::new();
        let mut calendars = Vec::new();
        let mut dates = Set::empty();
        if days {
            for _ in 0..random.below(4) {
                excludes.push(Expression::random(random, true));
            }
            if random.below(2) == 0 {
                dates = Set::random(random, around);
                dates.spec.weekdays.clear();
                dates.weekdays.clear();
            }
            for _ in 0..random.below(4) {
                let action = match random.below(7) {
                    0 => CalendarAction::Exclude,
                    1 => CalendarAction::Include,
                    2..=4 => CalendarAction::NextBusinessDay,
                    _ => CalendarAction::PreviousBusinessDay,
                };
                calendars.push((Set::random(random, around), action));
            }
        }
        let mut end = |days: i64| {
            (random.below(2) == 0).then(|| {
                let fraction = SignedDuration::from_millis(500 * random.below(2) as i64);
                let at = midnight(around + days.days()) + random.below(10 * DAY as u64) as i64;
                Timestamp::from_second(at).unwrap() + fraction
            })
        };
        let window = if ends {
            (end(-30), end(20))
        } else {
            (None, None)
        };
        let jitter = if ends {
            [0, 1, 30, 600, 7200, 86_400][random.below(6) as usize]
        } else {
            0
        };
        Self {
            around,
            schedules,
            dates,
            excludes,
            calendars,
            window,
            jitter,
        }
    }

    fn spec(&self) -> TimingSpec {
        let items: Vec<ScheduleItem> = self
            .schedules
            .iter()
            .map(|(expression, zone)| ScheduleItem {
                schedule: expression.text(),
                time_zone: Some((*zone).into()),
            })
            .collect();
        let dates = &self.dates.spec;
        let ranges = dates
            .ranges
            .iter()
            .map(|it| format!("{}/{}", it.first, it.last));
        let excludes = self.excludes.iter().map(Expression::text);
        TimingSpec {
            schedules: items,
            not_before: self.window.0,
            not_after: self.window.1,
            jitter_seconds: Some(self.jitter),
            excludes: dates
                .dates
                .iter()
                .cloned()
                .chain(ranges)
                .chain(excludes)
                .collect(),
            calendars: (0..)
                .zip(&self.calendars)
                .map(|(n, (_, action))| CalendarUse {
                    kind: CalendarKind::ClusterScheduleCalendar,
                    name: format!("calendar-{n}"),
                    action: *action,
                })
                .collect(),
            ..TimingSpec::default()
        }
    }

    fn almanac(&self) -> Almanac {
        let mut almanac = Almanac::new(TimeZone::UTC);
        for (n, (set, _)) in self.calendars.iter().enumerate() {
            let calendar = Arc::new(Calendar::parse(&set.spec).unwrap());
            let meant = CalendarRef {
                kind: CalendarKind::ClusterScheduleCalendar,
                namespace: String::new(),
                name: format!("calendar-{n}"),
            };
            almanac.calendars.insert(meant, Ok(calendar));
        }
        almanac
    }

    /// All fires of so many days, as Unix seconds.
    fn fires(&self, first: Date, days: i32) -> Vec<i64> {
        let mut fires = BTreeSet::new();
        for (expression, zone) in &self.schedules {
            let zone = Zones::built_in().get(zone).unwrap();
            for day in self.days(expression, first - 2.days(), days + 4) {
                for reading in self.readings(expression, day) {
                    fires.extend(instants(&zone, reading, expression.is_fixed()));
                }
            }
        }
        let ceiling = |t: Timestamp| t.as_second() + i64::from(t.subsec_nanosecond() > 0);
        let not_before = self.window.0.map_or(i64::MIN, ceiling);
        let not_after = self.window.1.map_or(i64::MAX, Timestamp::as_second);
        let fires: Vec<i64> = fires
            .into_iter()
            .filter(|fire| (not_before..=not_after).contains(fire))
            .collect();
        fires
            .iter()
            .enumerate()
            .map(|(n, &fire)| {
                let mut most = self.jitter.min(not_after.saturating_sub(fire));
                if let Some(next) = fires.get(n + 1) {
                    most = most.min(next - fire - 1);
                }
                fire + drawn(fire, most)
            })
            .collect()
    }

    /// The days on which an expression fires, from day to day.
    fn days(&self, expression: &Expression, first: Date, days: i32) -> BTreeSet<Date> {
        let moving = |day: Date| {
            self.calendars
                .iter()
                .find_map(|(set, action)| match action {
                    CalendarAction::NextBusinessDay if set.has(day) => Some(1),
                    CalendarAction::PreviousBusinessDay if set.has(day) => Some(-1),
                    _ => None,
                })
        };
        let mut found = BTreeSet::new();
        let far = if self.calendars.is_empty() { 0 } else { 367 };
        for n in -far..days + far {
            let day = first + n.days();
            if !expression.days.has(day) || self.is_left_out(day) {
                continue;
            }
            let Some(step) = moving(day) else {
                found.insert(day);
                continue;
            };
            let business = (1..=366)
                .map(|n| day + (n * step).days())
                .find(|&day| !self.is_left_out(day) && moving(day).is_none());
            found.extend(business);
        }
        found.retain(|day| (first..first + days.days()).contains(day));
        found
    }

    fn is_left_out(&self, day: Date) -> bool {
        let of = |wanted| {
            self.calendars
                .iter()
                .filter(move |(_, action)| *action == wanted)
        };
        self.dates.has(day)
            || self
                .excludes
                .iter()
                .any(|exclude| exclude.times.is_whole_day() && exclude.days.has(day))
            || of(CalendarAction::Exclude).any(|(set, _)| set.has(day))
            || (of(CalendarAction::Include).next().is_some()
                && !of(CalendarAction::Include).any(|(set, _)| set.has(day)))
    }

    fn readings(&self, expression: &Expression, day: Date) -> Vec<DateTime> {
        let excludes: Vec<&Expression> = self
            .excludes
            .iter()
            .filter(|exclude| exclude.days.has(day))
            .collect();
        let times = &expression.times;
        let seconds = times.second.as_ref().map_or(&[0][..], |(_, set)| set);
        let mut readings = Vec::new();
        for &hour in &times.hour.1 {
            for &minute in &times.minute.1 {
                for &second in seconds {
                    if !excludes
                        .iter()
                        .any(|exclude| exclude.times.has(hour, minute, second))
                    {
                        readings.push(day.at(hour, minute, second, 0));
                    }
                }
            }
        }
        readings
    }
}

/// The instants at which a reading fires.
fn instants(zone: &TimeZone, reading: DateTime, fixed: bool) -> Vec<i64> {
    let ambiguous = zone.to_ambiguous_timestamp(reading);
    let at = |t: Timestamp| t.as_second();
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => vec![at(ambiguous.compatible().unwrap())],
        AmbiguousOffset::Fold { .. } if fixed => vec![at(ambiguous.earlier().unwrap())],
        AmbiguousOffset::Fold { .. } => vec![
            at(ambiguous.earlier().unwrap()),
            at(ambiguous.later().unwrap()),
        ],
        AmbiguousOffset::Gap { .. } if fixed => {
            // It may be the instant of the change itself.
            let after = ambiguous.later().unwrap() + 1.second();
            vec![at(zone.preceding(after).next().unwrap().timestamp())]
        }
        AmbiguousOffset::Gap { .. } => Vec::new(),
    }
}

/// How many seconds the jitter of `team-a/report` adds to a fire. Another formula would move the
/// fires of everybody's schedules.
fn drawn(fire: i64, most: i64) -> i64 {
    let seed = "team-a/report"
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    let n = (seed ^ fire as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((n ^ (n >> 31)) % (most as u64 + 1)) as i64
}

impl Expression {
    fn random(random: &mut Random, exclude: bool) -> Self {
        let times = match random.below(3) {
            0 if exclude => Times::whole_day(),
            _ => Times::random(random),
        };
        Self {
            times,
            days: Days::random(random),
        }
    }

    fn text(&self) -> String {
        let Times {
            second,
            minute,
            hour,
        } = &self.times;
        let fields = format!("{} {} {}", minute.0, hour.0, self.days.text);
        match second {
            Some((second, _)) => format!("{second} {fields}"),
            None => fields,
        }
    }

    fn is_fixed(&self) -> bool {
        !self.times.minute.0.starts_with('*') && !self.times.hour.0.starts_with('*')
    }
}

impl Times {
    fn random(random: &mut Random) -> Self {
        let field = |random: &mut Random, size: i8, any: bool| match random.below(5) {
            0 if any => ("*".to_owned(), (0..size).collect()),
            1 => {
                let step = [7, 10, 15][random.below(3) as usize];
                (format!("*/{step}"), (0..size).step_by(step).collect())
            }
            2 => {
                let from = random.below(size as u64 - 2) as i8;
                let to = (from + 3).min(size - 1);
                (format!("{from}-{to}"), (from..=to).collect())
            }
            _ => list(random, 0, size - 1),
        };
        let second = (random.below(4) == 0).then(|| list(random, 0, 59));
        Self {
            minute: field(random, 60, true),
            hour: field(random, 24, second.is_none()),
            second,
        }
    }

    fn whole_day() -> Self {
        let all = |size: i8| ("*".to_owned(), (0..size).collect());
        Self {
            second: None,
            minute: all(60),
            hour: all(24),
        }
    }

    fn is_whole_day(&self) -> bool {
        self.second.is_none() && self.minute.1.len() == 60 && self.hour.1.len() == 24
    }

    /// As an exclude.
    fn has(&self, hour: i8, minute: i8, second: i8) -> bool {
        self.hour.1.contains(&hour)
            && self.minute.1.contains(&minute)
            && self
                .second
                .as_ref()
                .is_none_or(|(_, seconds)| seconds.contains(&second))
    }
}

impl Days {
    fn random(random: &mut Random) -> Self {
        let some = |random: &mut Random, rate, first, last| {
            (random.below(rate) == 0).then(|| list(random, first, last))
        };
        let last = random.below(6) == 0;
        let of_month = some(random, 3, 1, 31);
        let months = some(random, 4, 1, 12);
        let of_week = some(random, 3, 0, 6);
        let text = |field: &Option<(String, Vec<i8>)>| {
            field
                .as_ref()
                .map_or("*".to_owned(), |(text, _)| text.clone())
        };
        let mut day = text(&of_month);
        if last {
            day = match &of_month {
                Some((list, _)) => format!("{list},L"),
                None => "L".into(),
            };
        }
        Self {
            text: format!("{day} {} {}", text(&months), text(&of_week)),
            of_month: of_month.map(|it| it.1),
            last,
            months: months.map(|it| it.1),
            of_week: of_week.map(|it| it.1),
        }
    }

    fn has(&self, day: Date) -> bool {
        let in_month = (self.last && day == day.last_of_month())
            || self
                .of_month
                .as_ref()
                .is_some_and(|it| it.contains(&day.day()));
        let weekday = day.weekday().to_sunday_zero_offset();
        let in_week = self
            .of_week
            .as_ref()
            .is_some_and(|it| it.contains(&weekday));
        let restricted = (self.last || self.of_month.is_some(), self.of_week.is_some());
        self.months
            .as_ref()
            .is_none_or(|it| it.contains(&day.month()))
            && match restricted {
                (false, false) => true,
                (true, false) => in_month,
                (false, true) => in_week,
                (true, true) => in_month || in_week,
            }
    }
}

impl Set {
    fn empty() -> Self {
        Self {
            spec: CalendarSpec::default(),
            dates: Vec::new(),
            yearly: Vec::new(),
            ranges: Vec::new(),
            yearly_ranges: Vec::new(),
            weekdays: Vec::new(),
        }
    }

    fn random(random: &mut Random, around: Date) -> Self {
        let mut set = Self::empty();
        let mut near =
            |spread: i64| around + (random.below(2 * spread as u64) as i64 - spread).days();
        for _ in 0..3 {
            set.dates.push(near(40));
            set.yearly.push((near(40).month(), near(40).day().min(28)));
        }
        let first = near(30);
        set.ranges.push((first, first + 6.days()));
        if random.below(3) == 0 {
            let far = first + (random.below(500) as i64).days();
            set.ranges.push((first, far));
        }
        if random.below(3) == 0 {
            let first = around + (random.below(30) as i64 - 15).days();
            let last = first + 10.days();
            set.yearly_ranges
                .push(((first.month(), first.day()), (last.month(), last.day())));
        }
        if random.below(2) == 0 {
            set.weekdays = list(random, 0, 6).1;
        }
        if random.below(4) == 0 {
            set.weekdays = vec![6, 0];
        }
        set.spec = set.written();
        set
    }

    fn written(&self) -> CalendarSpec {
        let yearly = |&(month, day): &(i8, i8)| format!("{month:02}-{day:02}");
        let dated = self.ranges.iter().map(|(first, last)| DateRange {
            first: first.to_string(),
            last: last.to_string(),
        });
        let of_year = self.yearly_ranges.iter().map(|(first, last)| DateRange {
            first: yearly(first),
            last: yearly(last),
        });
        let names = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
        CalendarSpec {
            dates: self
                .dates
                .iter()
                .map(Date::to_string)
                .chain(self.yearly.iter().map(yearly))
                .collect(),
            ranges: dated.chain(of_year).collect(),
            weekdays: self
                .weekdays
                .iter()
                .map(|&day| names[day as usize].into())
                .collect(),
            description: None,
        }
    }

    fn has(&self, day: Date) -> bool {
        let of_year = (day.month(), day.day());
        self.dates.contains(&day)
            || self.yearly.contains(&of_year)
            || self
                .ranges
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&day))
            || self.yearly_ranges.iter().any(|(first, last)| {
                if first <= last {
                    (*first..=*last).contains(&of_year)
                } else {
                    of_year >= *first || of_year <= *last
                }
            })
            || self
                .weekdays
                .contains(&day.weekday().to_sunday_zero_offset())
    }
}

/// One to three different values.
fn list(random: &mut Random, first: i8, last: i8) -> (String, Vec<i8>) {
    let values: BTreeSet<i8> = (0..1 + random.below(3))
        .map(|_| first + random.below((last - first + 1) as u64) as i8)
        .collect();
    let text: Vec<String> = values.iter().map(i8::to_string).collect();
    (text.join(","), values.into_iter().collect())
}

fn midnight(day: Date) -> i64 {
    let days = day.since(date(1970, 1, 1)).unwrap().get_days();
    i64::from(days) * DAY
}
