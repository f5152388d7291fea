//! The ids of traces and spans: the same whoever makes them, so that a controller that takes over goes
//! on with the trace that another began, and nobody has to remember one.
//!
//! The id of a trace is the first 16 bytes of the SHA-256 of `UID FIRE`, that of a span the first 8
//! bytes of the SHA-256 of `UID FIRE PART`: the schedule's uid, the fire in RFC 3339 in UTC, and which
//! part of the fire it is. They are as good as drawn, which samplers ask for.

use std::fmt;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};

use crate::core::run::RunId;

/// So many bytes, shown as hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id<const N: usize>(pub [u8; N]);

/// The trace of one fire.
pub type TraceId = Id<16>;

/// One span of it.
pub type SpanId = Id<8>;

impl TraceId {
    pub fn of(schedule_uid: &str, fire: Timestamp) -> Self {
        Self::hashed(&format!("{schedule_uid} {fire}"))
    }
}

impl SpanId {
    pub fn of(schedule_uid: &str, fire: Timestamp, part: &str) -> Self {
        Self::hashed(&format!("{schedule_uid} {fire} {part}"))
    }

    /// That of an attempt at a fire.
    pub fn of_attempt(schedule_uid: &str, run: RunId) -> Self {
        Self::of(schedule_uid, run.fire, &attempt(run.attempt))
    }
}

/// What a run is told so that its own spans join the trace, in the form of W3C Trace Context.
pub fn traceparent(schedule_uid: &str, run: RunId) -> String {
    let trace = TraceId::of(schedule_uid, run.fire);
    let span = SpanId::of_attempt(schedule_uid, run);
    // 01: we record it.
    format!("00-{trace}-{span}-01")
}

/// The part of a fire that an attempt is.
pub(super) fn attempt(number: u32) -> String {
    format!("attempt-{number}")
}

impl<const N: usize> Id<N> {
    fn hashed(text: &str) -> Self {
        let hash = digest(&SHA256, text.as_bytes());
        let mut id = [0; N];
        id.copy_from_slice(&hash.as_ref()[..N]);
        Self(id)
    }
}

impl<const N: usize> fmt::Display for Id<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> fmt::Debug for Id<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UID: &str = "0b5ff1f1-6b1c-4d0c-8d8e-3a8e1c3cf1d8";

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn ids_never_change_and_sha256sum_gives_the_same() {
        // printf '%s' '0b5ff1f1-6b1c-4d0c-8d8e-3a8e1c3cf1d8 2026-11-20T18:45:10Z' | sha256sum | cut -c1-32
        let fire = at("2026-11-20T18:45:10Z");
        let trace = TraceId::of(UID, fire).to_string();
        assert_eq!(trace, "6f36a2c71ce8a47d47cc28a82d057018");
        // The same with ' attempt-2' at the end, and 16 characters of it.
        let second = RunId { fire, attempt: 2 };
        assert_eq!(
            SpanId::of_attempt(UID, second).to_string(),
            "5102f2af4331e75e"
        );
        let parent = traceparent(UID, second);
        assert_eq!(parent, format!("00-{trace}-5102f2af4331e75e-01"));
    }

    #[test]
    fn another_schedule_fire_or_part_has_another_id() {
        let fire = at("2026-11-20T18:45:10Z");
        let by_hand = at("2026-11-20T18:45:10.001Z");
        let traces = [
            TraceId::of(UID, fire),
            TraceId::of(UID, by_hand),
            TraceId::of("another", fire),
        ];
        let spans = [
            SpanId::of(UID, fire, "fire"),
            SpanId::of(UID, by_hand, "fire"),
            SpanId::of("another", fire, "fire"),
            SpanId::of(UID, fire, "attempt-1"),
            SpanId::of(UID, fire, "attempt-1 claim"),
        ];
        for (place, id) in traces.iter().enumerate() {
            assert!(!traces[..place].contains(id));
        }
        for (place, id) in spans.iter().enumerate() {
            assert!(!spans[..place].contains(id));
        }
    }
}
