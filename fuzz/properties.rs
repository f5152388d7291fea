//! What must hold for any input. The fuzz targets and, so that every test run sees the seeds too,
//! tests/fuzz_seeds.rs run these.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use punctual::{
    api::{ClockChanges, Gap, Overlap},
    core::cron::{Dialect, Due, Options, Timing, Zones},
};

const DIALECTS: [Dialect; 5] = [
    Dialect::Punctual,
    Dialect::Crontab,
    Dialect::Robfig,
    Dialect::Cronexpr,
    Dialect::Quartz,
];

/// Clock changes in whole hours, in half ones, of midnights, of a whole day; and none.
const ZONES: [&str; 8] = [
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Antarctica/Troll",
    "Africa/Casablanca",
    "Pacific/Chatham",
    "UTC",
];

/// Whatever the text is, it is read or refused in every dialect: in a message that is not long.
pub fn parse(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for dialect in DIALECTS {
        for seed in [None, Some(0), Some(u64::MAX)] {
            let options = Options {
                dialect,
                seed,
                ..Options::default()
            };
            if let Err(error) = Timing::read(&text, TimeZone::UTC, &options) {
                let message = error.to_string();
                assert!(!message.is_empty());
                assert!(message.len() < 2000, "{} bytes", message.len());
                if let Some(span) = error.span() {
                    assert!(text.get(span.clone()).is_some(), "{span:?} of {text:?}");
                    assert!(error.pointer().is_some_and(|shown| shown.contains('^')));
                }
            }
        }
    }
    // A name from outside as well: it is looked up, and never a path.
    if let Err(error) = Zones::built_in().get(&text) {
        assert!(error.to_string().len() < 2000);
    }
}

/// Three lines, the expression, the zone and the instant: fires are later than what they are asked
/// for, in order, and `due` and `previous` agree with `next`.
pub fn next(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (expression, zone_name, instant) = (line(), line(), line());
    // What is no zone and no instant still makes one of each.
    let number = |text: &str| {
        text.bytes()
            .fold(0i64, |n, byte| n.wrapping_mul(257) + i64::from(byte))
    };
    let pick = number(zone_name).rem_euclid(ZONES.len() as i64) as usize;
    let zones = Zones::built_in();
    let zone = zones
        .get(zone_name)
        .or_else(|_| zones.get(ZONES[pick]))
        .expect("the database has it");
    let after: Timestamp = instant.parse().unwrap_or_else(|_| {
        let seconds = instant.parse().unwrap_or_else(|_| number(instant));
        let (first, last) = (Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        Timestamp::from_second(first + (seconds.saturating_sub(first)).rem_euclid(last - first))
            .expect("it is in between")
    });
    for dialect in DIALECTS {
        for clock_changes in clock_changes() {
            let options = Options {
                dialect,
                clock_changes,
                seed: Some(number(instant) as u64),
            };
            if let Ok(timing) = Timing::read(expression, zone.clone(), &options) {
                fires(&timing, expression, after);
            }
        }
    }
}

fn clock_changes() -> impl Iterator<Item = ClockChanges> {
    let gaps = [None, Some(Gap::Skip), Some(Gap::RunAfter)];
    let overlaps = [
        None,
        Some(Overlap::First),
        Some(Overlap::Last),
        Some(Overlap::Both),
    ];
    gaps.into_iter()
        .flat_map(move |gap| overlaps.map(|overlap| ClockChanges { gap, overlap }))
}

fn fires(timing: &Timing, expression: &str, mut after: Timestamp) {
    let second = SignedDuration::from_secs(1);
    for _ in 0..5 {
        let Some(fire) = timing.next(after) else {
            // Not to the end of time: each clock change until then would be looked at.
            let later = after.saturating_add(SignedDuration::from_hours(30 * 8766));
            let later = later.expect("a duration only saturates");
            assert_eq!(timing.due(after, later), None, "{expression:?}");
            return;
        };
        let about = || format!("{expression:?} after {after}: {fire}");
        assert!(fire > after, "{}", about());
        assert_eq!(fire.subsec_nanosecond(), 0, "{}", about());
        let one = Due {
            first: fire,
            latest: fire,
            count: 1,
        };
        assert_eq!(timing.due(after, fire), Some(one), "{}", about());
        assert_eq!(timing.due(after, fire - second), None, "{}", about());
        // Elapsed time is counted back from any instant.
        if !expression.trim().to_ascii_lowercase().starts_with("@every")
            && let Ok(later) = fire.checked_add(second)
        {
            assert_eq!(timing.previous(later), Some(fire), "{}", about());
        }
        after = fire;
    }
}
