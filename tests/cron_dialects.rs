//! What each tool's language reads, and where it differs from the others.

use jiff::{Timestamp, tz::TimeZone};
use punctual::core::cron::{
    Dialect::{self, Cronexpr, Crontab, Punctual, Quartz, Robfig},
    Options, Timing, TimingError,
};

const DIALECTS: [Dialect; 5] = [Punctual, Crontab, Robfig, Cronexpr, Quartz];

fn read(dialect: Dialect, expression: &str) -> Result<Timing, TimingError> {
    let options = Options {
        dialect,
        ..Options::default()
    };
    Timing::read(expression, TimeZone::UTC, &options)
}

/// The first fires in UTC after Friday 2026-11-20 12:00; or why it is refused.
fn fires(dialect: Dialect, expression: &str, count: usize) -> String {
    let timing = match read(dialect, expression) {
        Ok(timing) => timing,
        Err(error) => return format!("refused: {}", error.message()),
    };
    let mut after: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let mut found = Vec::new();
    while found.len() < count
        && let Some(fire) = timing.next(after)
    {
        found.push(fire.strftime("%F %T").to_string().replace(":00:00", ":00"));
        after = fire;
    }
    found.join(", ")
}

/// A row: an expression, and what it is in some dialects. In all others it is refused.
#[track_caller]
fn row(expression: &str, meanings: &[(&[Dialect], &str)]) {
    for dialect in DIALECTS {
        let meaning = meanings
            .iter()
            .find(|(dialects, _)| dialects.contains(&dialect));
        let found = fires(dialect, expression, 3);
        match meaning {
            Some((_, meaning)) => assert_eq!(&found, meaning, "{dialect:?} {expression:?}"),
            None => assert!(
                found.starts_with("refused: "),
                "{dialect:?} {expression:?}: {found}"
            ),
        }
    }
}

#[test]
fn rows() {
    row(
        "0 0 * * 1",
        &[(&[Punctual, Crontab, Robfig, Cronexpr], "?")],
    );
}
