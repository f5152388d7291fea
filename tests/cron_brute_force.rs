//! `next` and `due` against a reference that looks at every minute, or every second, of the local
//! clock around the clock changes of all zones, for random expressions.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan};
use punctual::core::cron::{Due, Timing, zone};
use std::collections::HashSet;

const HOUR: i64 = 3600;

/// Zones whose clocks are odd in one way or another.
const ODD: [&str; 14] = [
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Europe/Dublin",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Antarctica/Troll",
    "America/St_Johns",
    "Asia/Gaza",
    "Antarctica/Casey",
    "Africa/El_Aaiun",
];

#[test]
fn around_a_clock_change_of_every_zone_every_minute_is_right() {
    let mut random = Random(1);
    for name in names() {
        let zone = zone(&name).unwrap();
        let changes = changes(&zone, "1970-01-02T00:00:00Z", "2041-01-01T00:00:00Z");
        if !changes.is_empty() {
            let at = *random_of(&changes, &mut random);
            check_change(&mut random, &zone, at, 60, 4);
        }
    }
}

#[test]
fn around_clock_changes_of_odd_zones_every_minute_is_right() {
    let mut random = Random(2);
    for name in ODD {
        let zone = zone(name).unwrap();
        for at in changes(&zone, "2006-01-01T00:00:00Z", "2029-01-01T00:00:00Z")
            .into_iter()
            .step_by(4)
        {
            check_change(&mut random, &zone, at, 60, 12);
        }
    }
}

#[test]
fn around_clock_changes_of_odd_zones_every_second_is_right() {
    let mut random = Random(3);
    for name in ODD {
        let zone = zone(name).unwrap();
        let changes = changes(&zone, "1985-01-01T00:00:00Z", "2029-01-01T00:00:00Z");
        let at = *random_of(&changes, &mut random);
        check_change(&mut random, &zone, at, 1, 12);
    }
}

#[test]
fn clock_changes_half_an_hour_apart_do_not_confuse_each_other() {
    // On 10 April the clock goes back from 3 to 2 and, when it shows 2:30, forward to 3:30; or
    // forward from 2 to 3 and, when it shows 3:30, back to 2:30.
    let mut random = Random(9);
    for rules in ["AAA0BBB-1,J100/2:30,J100/3", "AAA0BBB-1,J100/2,J100/3:30"] {
        let zone = TimeZone::posix(rules).unwrap();
        for at in changes(&zone, "2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z") {
            check_change(&mut random, &zone, at, 60, 60);
        }
        let once = Timing::parse("45 2 10 4 *", zone).unwrap();
        let due = once.due(
            Timestamp::from_second(1_767_225_600).unwrap(),
            Timestamp::from_second(1_798_761_600).unwrap(),
        );
        assert_eq!(due.map(|due| due.count), Some(1), "{rules}");
    }
}

#[test]
#[ignore = "takes minutes; run it in a release build after changes to the engine"]
fn around_every_clock_change_of_every_zone_every_minute_is_right() {
    let mut random = Random(4);
    for name in names() {
        let zone = zone(&name).unwrap();
        for at in changes(&zone, "1970-01-02T00:00:00Z", "2041-01-01T00:00:00Z") {
            check_change(&mut random, &zone, at, 60, 20);
        }
    }
}

#[test]
fn dates_match_as_the_calendar_says() {
    let mut random = Random(5);
    for _ in 0..150 {
        let expression = Expression::random(&mut random, false);
        let text = format!("0 0 {}", expression.text.splitn(3, ' ').nth(2).unwrap());
        let Ok(timing) = Timing::parse(&text, TimeZone::UTC) else {
            let days = (0..146_097).map(|n| Date::constant(1970, 1, 1) + n.days());
            assert_eq!(
                days.into_iter().find(|day| expression.has_date(*day)),
                None,
                "{text}"
            );
            continue;
        };
        let start = Date::constant(1970 + random.below(100) as i16, 1, 1);
        let days: Vec<Timestamp> = (0..1000)
            .map(|n| start + n.days())
            .filter(|day| expression.has_date(*day))
            .map(|day| TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap())
            .collect();
        let from = TimeZone::UTC.to_timestamp(start.at(0, 0, 0, 0)).unwrap()
            - SignedDuration::from_secs(1);
        let until = from + SignedDuration::from_hours(24_000);
        assert_eq!(walk(&timing, from, until), days, "{text} from {from}");
        assert_eq!(timing.due(from, until), due_of(&days), "{text} from {from}");
    }
}

#[test]
fn what_is_due_is_what_a_walk_finds() {
    let mut random = Random(6);
    let names = names();
    for _ in 0..400 {
        let zone = zone(random_of::<String>(&names, &mut random)).unwrap();
        let expression = Expression::random(&mut random, true);
        let Ok(timing) = Timing::parse(&expression.text, zone) else {
            continue;
        };
        let from = Timestamp::from_second(random.below(2_500_000_000) as i64).unwrap();
        let mut fires = Vec::new();
        let mut after = from;
        while fires.len() < 300
            && let Some(fire) = timing.next(after)
        {
            assert!(fire > after, "{} after {after}: {fire}", expression.text);
            assert_eq!(fire.subsec_nanosecond(), 0);
            fires.push(fire);
            after = fire;
        }
        check_due(&mut random, &timing, &expression.text, from, after, &fires);
    }
}

#[test]
fn every_is_due_at_each_multiple() {
    let mut random = Random(7);
    for _ in 0..200 {
        let every = 1 + random.below(5000);
        let timing = Timing::parse(&format!("@every {every}s"), TimeZone::UTC).unwrap();
        let from = Timestamp::from_second(random.below(1_000_000) as i64 - 500_000).unwrap();
        let until = from + SignedDuration::from_secs(random.below(100_000) as i64);
        let fires = walk(&timing, from, until);
        assert_eq!(
            timing.due(from, until),
            due_of(&fires),
            "@every {every}s from {from} until {until}"
        );
    }
}

#[test]
fn an_earlier_question_has_no_later_answer() {
    let mut random = Random(8);
    let names = names();
    for _ in 0..400 {
        let zone = zone(random_of::<String>(&names, &mut random)).unwrap();
        let expression = Expression::random(&mut random, true);
        let Ok(timing) = Timing::parse(&expression.text, zone) else {
            continue;
        };
        let after = Timestamp::from_second(random.below(2_500_000_000) as i64).unwrap();
        let Some(fire) = timing.next(after) else {
            continue;
        };
        for _ in 0..5 {
            let between = random.below((fire.as_second() - after.as_second()) as u64) as i64;
            let between = after + SignedDuration::from_secs(between);
            assert_eq!(
                timing.next(between),
                Some(fire),
                "{} after {between}",
                expression.text
            );
        }
    }
}

/// Compares all fires from a little before to a day after a clock change.
fn check_change(
    random: &mut Random,
    zone: &TimeZone,
    at: Timestamp,
    step: i64,
    expressions: usize,
) {
    // Both ends of a gap and of a repeated time are within a few hours; the scan begins earlier so
    // that it knows which readings are new. A change that is not on the minute needs the seconds.
    let Some(clock) = Clock::scan(zone, at.as_second(), step) else {
        return;
    };
    let (from, until) = (clock.from - 1, clock.instants.last().unwrap().at);
    let (from, until) = (
        Timestamp::from_second(from).unwrap(),
        Timestamp::from_second(until).unwrap(),
    );
    for _ in 0..expressions {
        let expression = Expression::random(random, step == 1);
        let Ok(timing) = Timing::parse(&expression.text, zone.clone()) else {
            continue;
        };
        let fires = clock.fires(&expression);
        let found = walk(&timing, from, until);
        let name = zone.iana_name().unwrap_or("?");
        let first = found.iter().zip(&fires).find(|(found, fire)| found != fire);
        assert_eq!(
            found.len(),
            fires.len(),
            "{} in {name} at {at}: {first:?}",
            expression.text
        );
        assert_eq!(first, None, "{} in {name} at {at}", expression.text);
        check_due(random, &timing, &expression.text, from, until, &fires);
    }
}

/// Compares `due` with `fires`, which are all of (from, until], over all and over parts of it.
fn check_due(
    random: &mut Random,
    timing: &Timing,
    text: &str,
    from: Timestamp,
    until: Timestamp,
    fires: &[Timestamp],
) {
    assert_eq!(
        timing.due(from, until),
        due_of(fires),
        "{text} from {from} until {until}"
    );
    let span = (until.as_second() - from.as_second()) as u64 + 1;
    for _ in 0..8 {
        let mut part = || from + SignedDuration::from_secs(random.below(span) as i64);
        let (a, b) = (part(), part());
        let between: Vec<_> = fires
            .iter()
            .copied()
            .filter(|&fire| fire > a && fire <= b)
            .collect();
        assert_eq!(
            timing.due(a, b),
            due_of(&between),
            "{text} from {a} until {b}"
        );
    }
}

fn walk(timing: &Timing, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let next = |fire: &Timestamp| timing.next(*fire).filter(|fire| *fire <= until);
    std::iter::successors(next(&from), next).collect()
}

fn due_of(fires: &[Timestamp]) -> Option<Due> {
    Some(Due {
        first: *fires.first()?,
        latest: *fires.last()?,
        count: fires.len() as u64,
    })
}

/// What a local clock shows around a change.
struct Clock {
    /// The first instant to compare.
    from: i64,
    step: i64,
    instants: Vec<Instant>,
}

struct Instant {
    at: i64,
    reading: DateTime,
    new: bool,
    /// Readings that were never shown and that the clock has just passed by.
    skipped: Vec<DateTime>,
}

impl Clock {
    fn scan(zone: &TimeZone, change: i64, step: i64) -> Option<Self> {
        let (before, compared, later) = if step == 60 { (30, 5, 30) } else { (4, 3, 4) };
        let mut seen = HashSet::new();
        let mut instants: Vec<Instant> = Vec::new();
        for n in -before * HOUR / step..later * HOUR / step {
            let at = change + n * step;
            let t = Timestamp::from_second(at).unwrap();
            let reading = zone.to_datetime(t);
            if i64::from(zone.to_offset(t).seconds()) % step != 0 || at % step != 0 {
                return None;
            }
            let mut skipped = Vec::new();
            if let Some(previous) = instants.last() {
                let mut passed = previous.reading + SignedDuration::from_secs(step);
                while passed < reading {
                    if seen.insert(passed) {
                        skipped.push(passed);
                    }
                    passed += SignedDuration::from_secs(step);
                }
                if skipped.len() as i64 * step > 3 * HOUR {
                    skipped.clear();
                }
            }
            instants.push(Instant {
                at,
                reading,
                new: seen.insert(reading),
                skipped,
            });
        }
        Some(Self {
            from: change - compared * HOUR,
            step,
            instants,
        })
    }

    fn fires(&self, expression: &Expression) -> Vec<Timestamp> {
        assert!(
            self.step == 1 || expression.second.set == 1,
            "a minute scan sees whole minutes"
        );
        self.instants
            .iter()
            .filter(|instant| instant.at >= self.from)
            .filter(|instant| {
                let shown = expression.matches(instant.reading);
                if !expression.fixed() {
                    return shown;
                }
                shown && instant.new
                    || instant
                        .skipped
                        .iter()
                        .any(|skipped| expression.matches(*skipped))
            })
            .map(|instant| Timestamp::from_second(instant.at).unwrap())
            .collect()
    }
}

/// A random expression and, found in another way than by reading its text, what it means.
struct Expression {
    text: String,
    second: Field,
    minute: Field,
    hour: Field,
    day: Field,
    month: Field,
    weekday: Field,
    special_day: Option<SpecialDay>,
    special_weekday: Option<SpecialWeekday>,
}

enum SpecialDay {
    BeforeLast(i8),
    LastWeekday,
    WeekdayNear(i8),
}

enum SpecialWeekday {
    Last(i8),
    Nth(i8, i8),
}

struct Field {
    text: String,
    set: u64,
}

impl Expression {
    fn random(random: &mut Random, seconds: bool) -> Self {
        let second = if seconds && random.below(2) == 0 {
            Field::random(random, 0, 59, 2)
        } else {
            Field::zero()
        };
        let (minute, hour) = (
            Field::random(random, 0, 59, 2),
            Field::random(random, 0, 23, 3),
        );
        let any = if random.below(3) == 0 { 2 } else { 8 };
        let mut day = Field::random(random, 1, 31, any);
        let month = Field::random(random, 1, 12, 8);
        let mut weekday = Field::random(random, 0, 6, any);
        let (mut special_day, mut special_weekday) = (None, None);
        if random.below(6) == 0 {
            let n = 1 + random.below(30) as i8;
            let (special, text) = match random.below(4) {
                0 => (SpecialDay::BeforeLast(0), "L".to_owned()),
                1 => (SpecialDay::BeforeLast(n), format!("L-{n}")),
                2 => (SpecialDay::LastWeekday, "LW".to_owned()),
                _ => (SpecialDay::WeekdayNear(n), format!("{n}W")),
            };
            special_day = Some(special);
            day = if random.below(2) == 0 {
                Field { text, set: 0 }
            } else {
                day.and(&text)
            };
        }
        if random.below(6) == 0 {
            let (of_week, n) = (random.below(7) as i8, 1 + random.below(5) as i8);
            let (special, text) = match random.below(2) {
                0 => (SpecialWeekday::Last(of_week), format!("{of_week}L")),
                _ => (SpecialWeekday::Nth(of_week, n), format!("{of_week}#{n}")),
            };
            special_weekday = Some(special);
            weekday = if random.below(2) == 0 {
                Field { text, set: 0 }
            } else {
                weekday.and(&text)
            };
        }
        let mut text = [&minute, &hour, &day, &month, &weekday]
            .map(|field| field.text.clone())
            .join(" ");
        if seconds {
            text = format!("{} {text}", second.text);
        }
        Self {
            text,
            second,
            minute,
            hour,
            day,
            month,
            weekday,
            special_day,
            special_weekday,
        }
    }

    fn fixed(&self) -> bool {
        !self.minute.starred() && !self.hour.starred()
    }

    fn matches(&self, reading: DateTime) -> bool {
        self.second.has(reading.second())
            && self.minute.has(reading.minute())
            && self.hour.has(reading.hour())
            && self.has_date(reading.date())
    }

    fn has_date(&self, date: Date) -> bool {
        let day = self.day.has(date.day())
            || self
                .special_day
                .as_ref()
                .is_some_and(|special| special.has(date));
        let weekday = self.weekday.has(date.weekday().to_sunday_zero_offset())
            || self
                .special_weekday
                .as_ref()
                .is_some_and(|special| special.has(date));
        let either = !self.day.starred() && !self.weekday.starred();
        self.month.has(date.month())
            && if either {
                day || weekday
            } else {
                day && weekday
            }
    }
}

impl SpecialDay {
    fn has(&self, date: Date) -> bool {
        let weekday = |date: Date| !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        let month: Vec<Date> = date
            .first_of_month()
            .series(1.day())
            .take(date.days_in_month() as usize)
            .collect();
        match *self {
            SpecialDay::BeforeLast(n) => date.day() == date.days_in_month() - n,
            SpecialDay::LastWeekday => {
                month.iter().rev().find(|date| weekday(**date)) == Some(&date)
            }
            SpecialDay::WeekdayNear(n) => {
                let near = month
                    .iter()
                    .filter(|date| weekday(**date))
                    .min_by_key(|date| (date.day() - n).abs());
                n <= date.days_in_month() && near == Some(&date)
            }
        }
    }
}

impl SpecialWeekday {
    fn has(&self, date: Date) -> bool {
        let (n, of_week) = match *self {
            SpecialWeekday::Last(of_week) => (-1, of_week),
            SpecialWeekday::Nth(of_week, n) => (n, of_week),
        };
        let of_week = Weekday::from_sunday_zero_offset(of_week).unwrap();
        date.nth_weekday_of_month(n, of_week)
            .is_ok_and(|nth| nth == date)
    }
}

impl Field {
    fn zero() -> Self {
        Self {
            text: "0".to_owned(),
            set: 1,
        }
    }

    /// One or two items; one in `any` is of the kind that starts with `*`.
    fn random(random: &mut Random, min: u64, max: u64, any: u64) -> Self {
        if any > 2 && random.below(any) > 2 || random.below(4) == 0 {
            return Self::item("*".to_owned(), min, max, min, max, 1);
        }
        let field = Self::one(random, min, max);
        if random.below(3) == 0 {
            field.and_field(&Self::one(random, min, max))
        } else {
            field
        }
    }

    fn one(random: &mut Random, min: u64, max: u64) -> Self {
        let size = max - min + 1;
        let (a, b) = (min + random.below(size), min + random.below(size));
        let most = if random.below(2) == 0 {
            size
        } else {
            6.min(size)
        };
        let step = 1 + random.below(most);
        match random.below(6) {
            0 => Self::item(format!("*/{step}"), min, max, min, max, step),
            1 => Self::item(format!("{a}/{step}"), min, max, a, max, step),
            2 => Self::item(format!("{a}-{b}/{step}"), min, max, a, b, step),
            3 => Self::item(format!("{a}-{b}"), min, max, a, b, 1),
            _ => Self::item(a.to_string(), min, max, a, a, 1),
        }
    }

    /// Goes round the ring of values from `a` to `b`.
    fn item(text: String, min: u64, max: u64, a: u64, b: u64, step: u64) -> Self {
        let size = max - min + 1;
        let ring = (0..=(b + size - a) % size).step_by(step as usize);
        Self {
            text,
            set: ring.fold(0, |set, n| set | 1 << (min + (a - min + n) % size)),
        }
    }

    fn and(&self, text: &str) -> Self {
        Self {
            text: format!("{},{text}", self.text),
            set: self.set,
        }
    }

    fn and_field(&self, other: &Self) -> Self {
        Self {
            text: format!("{},{}", self.text, other.text),
            set: self.set | other.set,
        }
    }

    fn has(&self, n: i8) -> bool {
        self.set >> n & 1 == 1
    }

    fn starred(&self) -> bool {
        self.text.starts_with('*')
    }
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = TimeZoneDatabase::bundled()
        .available()
        .map(|name| name.to_string())
        .collect();
    names.sort();
    names
}

/// The changes of the offset in a span of time.
fn changes(zone: &TimeZone, from: &str, until: &str) -> Vec<Timestamp> {
    let until: Timestamp = until.parse().unwrap();
    let second = SignedDuration::from_secs(1);
    zone.following(from.parse().unwrap())
        .map(|change| change.timestamp())
        .take_while(|at| *at < until)
        .filter(|at| zone.to_offset(*at) != zone.to_offset(*at - second))
        .collect()
}

fn random_of<'a, T>(of: &'a [T], random: &mut Random) -> &'a T {
    &of[random.below(of.len() as u64) as usize]
}

/// SplitMix64: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}
