//! How long to wait before the next try.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(30);

/// The wait before the try that follows `failures` failures in a row: doubling from 100 ms to 30 s,
/// spread by `seed` over its upper half so that many that failed together don't return together.
pub fn delay(failures: u32, seed: u64) -> Duration {
    let full = FIRST
        .saturating_mul(
            1_u32
                .checked_shl(failures.saturating_sub(1))
                .unwrap_or(u32::MAX),
        )
        .min(LAST);
    let half = full / 2;
    let spread = half.as_millis() as u64;
    half + Duration::from_millis(seed % (spread + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_its_limit() {
        let upper = |failures| (0..5_000).map(|seed| delay(failures, seed)).max().unwrap();
        assert_eq!(upper(1), Duration::from_millis(100));
        assert_eq!(upper(3), Duration::from_millis(400));
        assert!(upper(9) <= LAST);
        assert!((0..60_000).map(|seed| delay(u32::MAX, seed)).max().unwrap() == LAST);
    }

    #[test]
    fn never_waits_less_than_half() {
        assert!((0..1_000).all(|seed| delay(2, seed) >= Duration::from_millis(100)));
        assert!((0..1_000).all(|seed| delay(40, seed) >= LAST / 2));
    }
}
