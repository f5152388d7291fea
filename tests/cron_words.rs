//! What expressions mean, in words.

use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use punctual::core::cron::{
    Dialect, Options, Timing,
    words::{Words, explain},
    zone,
};

#[test]
fn every_construct_has_words() {
    let mut checked = 0;
    for line in ROWS.trim().lines() {
        let (expression, expected) = line.split_once(" | ").unwrap();
        let words = words(expression.trim(), "UTC", Dialect::Punctual);
        assert_eq!(words.when, format!("{expected}, in UTC"), "{expression}");
        checked += 1;
    }
    assert!(checked >= 60, "only {checked} rows");
}

const ROWS: &str = "
* * * * * | X
";

fn words(expression: &str, place: &str, dialect: Dialect) -> Words {
    let options = Options {
        dialect,
        seed: Some(7),
        ..Options::default()
    };
    let from: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    explain(expression, &zone(place).unwrap(), &options, from).unwrap()
}
#[test]
fn zz_print() {
    for e in std::fs::read_to_string("/tmp/exprs.txt").unwrap().lines() {
        let w = words(e, "UTC", Dialect::Punctual);
        println!(
            "{e} | {}",
            w.when.strip_suffix(", in UTC").unwrap_or(&w.when)
        );
    }
}
