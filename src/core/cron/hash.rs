//! What `H` stands for: a value made from the schedule's name, so that schedules that only want
//! "some minute" do not all take the same one.

use crate::core::run::{mixed, spread};

/// A number below `count` (at least 1) for a schedule and a field: the same in every version of
/// this program, and unrelated for two fields of one schedule.
pub(super) fn pick(seed: u64, field: &str, count: u32) -> u32 {
    let salted = spread(field) ^ seed;
    let high = mixed(salted) >> 32;
    // The high half as a fraction of one, times the count: always below it.
    ((high * u64::from(count)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: [&str; 6] = [
        "second",
        "minute",
        "hour",
        "day of month",
        "month",
        "day of week",
    ];

    #[test]
    fn values_never_change() {
        for (name, values) in [
            ("default/backup", [11, 36, 26, 4, 58, 10]),
            ("default/backup2", [3, 59, 32, 43, 18, 5]),
            ("a/b", [36, 39, 40, 1, 12, 3]),
        ] {
            let found = FIELDS.map(|field| pick(spread(name), field, 60));
            assert_eq!(found, values, "{name}");
        }
    }

    #[test]
    fn ten_thousand_names_spread_evenly_over_a_field() {
        for field in FIELDS {
            for count in [60, 24, 28, 12, 7, 15] {
                let mut found = vec![0_u32; count as usize];
                for n in 0..10_000 {
                    let seed = spread(&format!("team-{}/report-{n}", n % 10));
                    found[pick(seed, field, count) as usize] += 1;
                }
                // Chi squared of a fair die stays below its mean plus five deviations.
                let expected = 10_000.0 / f64::from(count);
                let off: f64 = found
                    .iter()
                    .map(|&n| (f64::from(n) - expected).powi(2) / expected)
                    .sum();
                let free = f64::from(count - 1);
                assert!(off < free + 5.0 * (2.0 * free).sqrt(), "{field}: {found:?}");
            }
        }
    }

    #[test]
    fn two_fields_of_a_schedule_have_nothing_to_do_with_each_other() {
        let same = (0..10_000)
            .map(|n| spread(&format!("default/sync-{n}")))
            .filter(|&seed| pick(seed, "minute", 60) == pick(seed, "second", 60))
            .count();
        // One in sixty, give or take.
        assert!((100..240).contains(&same), "{same}");
    }
}
