//! Random expressions, for tests and benches.

use super::random::Random;

/// Five fields that every dialect of cron reads: values, ranges, steps, lists, names.
pub fn expression(random: &mut Random) -> String {
    // Times of day that are often `*` and days that mostly are, as people write them.
    let fields = [
        field(random, 0, 59, 3, &[]),
        field(random, 0, 23, 3, &[]),
        field(random, 1, 31, 2, &[]),
        field(random, 1, 12, 2, &MONTHS),
        field(random, 0, 6, 2, &WEEKDAYS),
    ];
    fields.join(" ")
}

const MONTHS: [&str; 12] = [
    "JAN", "feb", "Mar", "APR", "may", "Jun", "JUL", "aug", "Sep", "OCT", "nov", "Dec",
];
const WEEKDAYS: [&str; 7] = ["SUN", "mon", "Tue", "WED", "thu", "Fri", "SAT"];

fn field(random: &mut Random, min: u64, max: u64, any: u64, names: &[&str]) -> String {
    if random.one_in(any) {
        return random.of(&["*", "*", "*", "*", "?", "*/1"]).to_owned();
    }
    let items = if random.one_in(4) { 3 } else { 1 };
    let items: Vec<String> = (0..items).map(|_| item(random, min, max, names)).collect();
    items.join(",")
}

fn item(random: &mut Random, min: u64, max: u64, names: &[&str]) -> String {
    let (a, b) = (random.below(max - min + 1), random.below(max - min + 1));
    let (low, high) = (a.min(b), a.max(b));
    let step = 1 + random.below(max - min);
    let mut value = |n: u64| match names.get(n as usize) {
        Some(name) if random.one_in(3) => (*name).to_owned(),
        _ => (min + n).to_string(),
    };
    let (a, low, high) = (value(a), value(low), value(high));
    match random.below(8) {
        0 => format!("*/{step}"),
        1 => format!("{a}/{step}"),
        2 => format!("{low}-{high}/{step}"),
        3 => format!("{low}-{high}"),
        4 if random.one_in(3) => "*".to_owned(),
        _ => a,
    }
}
