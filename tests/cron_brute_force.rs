//! `next`, `previous` and `due` against a reference that looks at every minute, or every second, of
//! the local clock around the clock changes of all zones, for random expressions and all rules.

mod random;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, ToSpan};
use punctual::api::{ClockChanges, Gap, Overlap};
use punctual::core::cron::{Due, Options, Timing, Zones};
use random::Random;
use std::collections::{HashMap, HashSet};

const HOUR: i64 = 3600;

/// The longest gap that is made up for.
const LONGEST_GAP: i64 = 3 * HOUR;

/// The default, which depends on the expression, and everything that can be asked for.
const RULES: [ClockChanges; 12] = {
    const fn rule(gap: Option<Gap>, overlap: Option<Overlap>) -> ClockChanges {
        ClockChanges { gap, overlap }
    }
    use {Gap::*, Overlap::*};
    [
        rule(None, None),
        rule(Some(RunAfter), Some(First)),
        rule(Some(RunAfter), Some(Last)),
        rule(Some(RunAfter), Some(Both)),
        rule(Some(Skip), Some(First)),
        rule(Some(Skip), Some(Last)),
        rule(Some(Skip), Some(Both)),
        rule(Some(RunAfter), None),
        rule(Some(Skip), None),
        rule(None, Some(First)),
        rule(None, Some(Last)),
        rule(None, Some(Both)),
    ]
};

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
        let zone = zone(&name);
        let changes = changes(&zone, "1970-01-02T00:00:00Z", "2041-01-01T00:00:00Z");
        if !changes.is_empty() {
            let at = *random_of(&changes, &mut random);
            check_change(&mut random, &zone, at, 60, 2);
        }
    }
}

#[test]
fn around_clock_changes_of_odd_zones_every_minute_is_right() {
    let mut random = Random(2);
    for name in ODD {
        let zone = zone(name);
        for at in changes(&zone, "2006-01-01T00:00:00Z", "2029-01-01T00:00:00Z")
            .into_iter()
            .step_by(9)
        {
            check_change(&mut random, &zone, at, 60, RULES.len());
        }
    }
}

#[test]
fn around_clock_changes_of_odd_zones_every_second_is_right() {
    let mut random = Random(3);
    for name in ["Australia/Lord_Howe", "Antarctica/Troll"] {
        let zone = zone(name);
        let changes = changes(&zone, "2006-01-01T00:00:00Z", "2029-01-01T00:00:00Z");
        let at = *random_of(&changes, &mut random);
        check_change(&mut random, &zone, at, 1, 6);
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
            check_change(&mut random, &zone, at, 60, 5 * RULES.len());
        }
        for changes in RULES {
            // The clock shows 2:45 once, whatever it does around it.
            let once = read("45 2 10 4 *", &zone, changes).unwrap();
            let due = once.due(
                Timestamp::from_second(1_767_225_600).unwrap(),
                Timestamp::from_second(1_798_761_600).unwrap(),
            );
            assert_eq!(due.map(|due| due.count), Some(1), "{changes:?} in {rules}");
        }
    }
}

/// The sweep over everything: `PUNCTUAL_SWEEP=10 cargo test --test cron_brute_force -- --ignored
/// --nocapture` takes about a tenth of the changes, each with all rules; without it, all of them.
#[test]
#[ignore = "takes long; run it after changes to the engine"]
fn around_every_clock_change_of_every_zone_every_minute_is_right() {
    let share = std::env::var("PUNCTUAL_SWEEP").map_or(1, |share| share.parse().unwrap());
    let mut random = Random(4);
    let mut checked = 0;
    for name in names() {
        let zone = zone(&name);
        for at in changes(&zone, "1970-01-02T00:00:00Z", "2041-01-01T00:00:00Z") {
            if random.below(share) == 0 {
                checked += check_change(&mut random, &zone, at, 60, RULES.len());
            }
        }
    }
    println!("{checked} pairs of a clock change and an expression");
    assert!(checked > 0);
}

#[test]
fn dates_match_as_the_calendar_says() {
    let mut random = Random(5);
    for _ in 0..150 {
        let expression = Expression::random(&mut random, false);
        let text = format!("0 0 {}", expression.text.splitn(3, ' ').nth(2).unwrap());
        let timing = match Timing::parse(&text, TimeZone::UTC) {
            Ok(timing) => timing,
            // What is random here may also be a step that leaves its range.
            Err(error) if error.message().contains("is larger than the range") => continue,
            Err(_) => {
                let days = (0..146_097).map(|n| Date::constant(1970, 1, 1) + n.days());
                assert_eq!(
                    days.into_iter().find(|day| expression.has_date(*day)),
                    None,
                    "{text}"
                );
                continue;
            }
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
fn what_is_due_is_what_a_walk_finds_in_either_direction() {
    let mut random = Random(6);
    let names = names();
    for _ in 0..300 {
        let zone = zone(random_of::<String>(&names, &mut random));
        let expression = Expression::random(&mut random, true);
        let changes = *random_of(&RULES, &mut random);
        let Some(timing) = read(&expression.text, &zone, changes) else {
            continue;
        };
        let what = format!("{} in {:?}, {changes:?}", expression.text, zone.iana_name());
        let from = Timestamp::from_second(random.below(2_500_000_000) as i64).unwrap();
        let mut fires = Vec::new();
        let mut after = from;
        while fires.len() < 200
            && let Some(fire) = timing.next(after)
        {
            assert!(fire > after, "{what} after {after}: {fire}");
            assert_eq!(fire.subsec_nanosecond(), 0);
            fires.push(fire);
            after = fire;
        }
        let mut back = walk_back(&timing, from, after);
        back.reverse();
        same(&back, &fires, &what);
        check_due(&mut random, &timing, &what, from, after, &fires);
    }
}

#[test]
fn the_fire_before_is_the_latest_that_was_due() {
    let mut random = Random(10);
    let names = names();
    for _ in 0..600 {
        let zone = zone(random_of::<String>(&names, &mut random));
        let expression = Expression::random(&mut random, true);
        let changes = *random_of(&RULES, &mut random);
        let Some(timing) = read(&expression.text, &zone, changes) else {
            continue;
        };
        let what = format!("{} in {:?}, {changes:?}", expression.text, zone.iana_name());
        let (second, nano) = (SignedDuration::from_secs(1), SignedDuration::from_nanos(1));
        let t = Timestamp::from_second(random.below(2_500_000_000) as i64).unwrap();
        let Some(previous) = timing.previous(t) else {
            assert_eq!(
                timing.due(Timestamp::MIN, t - second),
                None,
                "{what} at {t}"
            );
            continue;
        };
        assert!(previous < t, "{what} at {t}");
        let due = timing.due(previous - second, t - nano);
        assert_eq!(due, due_of(&[previous]), "{what} at {t}");
        assert_eq!(
            timing.next(previous - second),
            Some(previous),
            "{what} at {t}"
        );
        let next = timing.next(previous);
        assert!(next.is_none_or(|next| next >= t), "{what} at {t}");
        if let Some(next) = next {
            assert_eq!(timing.previous(next), Some(previous), "{what} at {t}");
        }
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
        let mut back = walk_back(&timing, from, until);
        back.reverse();
        let first = back.first().map_or(until, |first| *first);
        assert!(first <= from + SignedDuration::from_secs(every as i64));
        let gap = |pair: &[Timestamp]| pair[1].duration_since(pair[0]).as_secs() as u64;
        assert!(back.windows(2).all(|pair| gap(pair) == every), "{every}");
    }
}

#[test]
fn an_earlier_question_has_no_later_answer() {
    let mut random = Random(8);
    let names = names();
    for _ in 0..400 {
        let zone = zone(random_of::<String>(&names, &mut random));
        let expression = Expression::random(&mut random, true);
        let Some(timing) = read(&expression.text, &zone, *random_of(&RULES, &mut random)) else {
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

/// Compares all fires from a little before to a day after a clock change, for random expressions,
/// and says how many it compared.
fn check_change(
    random: &mut Random,
    zone: &TimeZone,
    at: Timestamp,
    step: i64,
    expressions: usize,
) -> usize {
    let Some(clock) = Clock::scan(zone, at.as_second(), step) else {
        return 0;
    };
    let name = zone.iana_name().unwrap_or("?");
    let (from, until) = clock.compared();
    let first_rule = random.below(RULES.len() as u64) as usize;
    let mut checked = 0;
    for changes in RULES.iter().cycle().skip(first_rule).take(expressions) {
        let expression = Expression::random(random, step == 1);
        let Some(timing) = read(&expression.text, zone, *changes) else {
            continue;
        };
        let fires = clock.fires(&expression, *changes);
        let what = format!("{} in {name} at {at}, {changes:?}", expression.text);
        same(&walk(&timing, from, until), &fires, &what);
        let mut back = walk_back(&timing, from, until);
        back.reverse();
        same(&back, &fires, &format!("{what}, backwards"));
        check_due(random, &timing, &what, from, until, &fires);
        checked += 1;
    }
    checked
}

#[track_caller]
fn same(found: &[Timestamp], fires: &[Timestamp], what: &str) {
    let first = found.iter().zip(fires).find(|(found, fire)| found != fire);
    assert_eq!(first, None, "{what}");
    assert_eq!(found.len(), fires.len(), "{what}");
}

/// Compares `due` and `previous` with `fires`, which are all of (from, until], over all and over
/// parts of it.
fn check_due(
    random: &mut Random,
    timing: &Timing,
    what: &str,
    from: Timestamp,
    until: Timestamp,
    fires: &[Timestamp],
) {
    assert_eq!(
        timing.due(from, until),
        due_of(fires),
        "{what} from {from} until {until}"
    );
    let span = (until.as_second() - from.as_second()) as u64 + 1;
    for _ in 0..6 {
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
            "{what} from {a} until {b}"
        );
        // Nothing in the second before `b`, if `b` is in the middle of one.
        let fraction = SignedDuration::from_millis(random.below(2) as i64 * 500);
        let earlier = fires.iter().rfind(|fire| **fire < b + fraction).copied();
        let found = timing.previous(b + fraction).filter(|fire| *fire > from);
        assert_eq!(found, earlier, "{what} before {b} and {fraction:?}");
    }
}

fn read(text: &str, zone: &TimeZone, clock_changes: ClockChanges) -> Option<Timing> {
    let options = Options {
        clock_changes,
        ..Options::default()
    };
    Timing::read(text, zone.clone(), &options).ok()
}

fn walk(timing: &Timing, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let next = |fire: &Timestamp| timing.next(*fire).filter(|fire| *fire <= until);
    std::iter::successors(next(&from), next).collect()
}

/// As `walk`, the latest first.
fn walk_back(timing: &Timing, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let previous = |fire: &Timestamp| timing.previous(*fire).filter(|fire| *fire > from);
    let last = until + SignedDuration::from_nanos(1);
    std::iter::successors(previous(&last), previous).collect()
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
    step: i64,
    /// The first instant to compare, and the first that is not.
    from: i64,
    until: i64,
    instants: Vec<Instant>,
}

/// An instant and the reading at it, both in seconds.
struct Instant {
    at: i64,
    reading: i64,
    /// The clock has not shown the reading before, or does not show it again.
    first: bool,
    last: bool,
    /// Readings that are never shown and that the clock has just passed by for the first time.
    skipped: Vec<i64>,
}

impl Clock {
    /// Scans beyond what is compared, on both sides, by the longest time for which a clock was put
    /// back or forward. A change that is not on the minute needs a step of a second.
    fn scan(zone: &TimeZone, change: i64, step: i64) -> Option<Self> {
        let (margin, before, after) = if step == 60 { (25, 5, 25) } else { (3, 3, 4) };
        let (from, until) = (change - before * HOUR, change + after * HOUR);
        let mut instants: Vec<Instant> = Vec::new();
        let mut shown: HashMap<i64, usize> = HashMap::new();
        for at in (from - margin * HOUR..until + margin * HOUR).step_by(step as usize) {
            let offset = zone.to_offset(Timestamp::from_second(at).unwrap());
            let reading = at + i64::from(offset.seconds());
            if at % step != 0 || reading % step != 0 {
                return None;
            }
            let earlier = shown.insert(reading, instants.len());
            if let Some(earlier) = earlier {
                instants[earlier].last = false;
            }
            instants.push(Instant {
                at,
                reading,
                first: earlier.is_none(),
                last: true,
                skipped: Vec::new(),
            });
        }
        let mut passed = HashSet::new();
        for n in 1..instants.len() {
            let (left, reached) = (instants[n - 1].reading + step, instants[n].reading);
            for reading in (left..reached).step_by(step as usize) {
                if !shown.contains_key(&reading)
                    && passed.insert(reading)
                    && reached - left <= LONGEST_GAP
                {
                    instants[n].skipped.push(reading);
                }
            }
        }
        Some(Self {
            step,
            from,
            until,
            instants,
        })
    }

    /// (from, until]
    fn compared(&self) -> (Timestamp, Timestamp) {
        let before = |at| Timestamp::from_second(at - 1).unwrap();
        (before(self.from), before(self.until))
    }

    fn fires(&self, expression: &Expression, changes: ClockChanges) -> Vec<Timestamp> {
        assert!(
            self.step == 1 || expression.second.set == 1,
            "a minute scan sees whole minutes"
        );
        let fixed = expression.fixed();
        let (gap, overlap) = if fixed {
            (Gap::RunAfter, Overlap::First)
        } else {
            (Gap::Skip, Overlap::Both)
        };
        let (gap, overlap) = (
            changes.gap.unwrap_or(gap),
            changes.overlap.unwrap_or(overlap),
        );
        let mut dates = HashMap::new();
        let mut matches = |reading: i64| {
            let clock = TimeZone::UTC.to_datetime(Timestamp::from_second(reading).unwrap());
            expression.matches_time(clock)
                && *dates
                    .entry(reading.div_euclid(24 * HOUR))
                    .or_insert_with(|| expression.has_date(clock.date()))
        };
        let compared = self.instants.iter();
        compared
            .filter(|instant| (self.from..self.until).contains(&instant.at))
            .filter(|instant| {
                let counts = match overlap {
                    Overlap::First => instant.first,
                    Overlap::Last => instant.last,
                    Overlap::Both => true,
                };
                counts && matches(instant.reading)
                    || gap == Gap::RunAfter && instant.skipped.iter().any(|r| matches(*r))
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

    fn matches_time(&self, reading: DateTime) -> bool {
        self.second.has(reading.second())
            && self.minute.has(reading.minute())
            && self.hour.has(reading.hour())
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

fn zone(name: &str) -> TimeZone {
    Zones::built_in().get(name).unwrap()
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
