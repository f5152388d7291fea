//! What a spec says of time as one line of text, which status keeps: an edit is seen by it, and the
//! fires before the edit are found by it.
//!
//! One expression with its zone is written as a person would write it. Anything more is JSON, with a
//! fingerprint of each calendar, since an edit of a calendar is an edit of its schedules.

use serde::{Deserialize, Serialize};

use super::almanac::{Almanac, CalendarRef};
use crate::api::TimingSpec;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Words {
    #[serde(flatten)]
    timing: TimingSpec,
    /// In the order of the calendars.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fingerprints: Vec<String>,
}

/// The words of a schedule of this namespace; none while the days of a calendar that it names are
/// not known.
pub fn of(written: &TimingSpec, almanac: &Almanac, namespace: &str) -> Option<String> {
    let zone = written.time_zone.as_deref().or(almanac.local.iana_name());
    let zone = zone.unwrap_or("local");
    let expression = written.schedule.as_deref().unwrap_or_default().trim();
    let timing = TimingSpec {
        schedule: written.schedule.as_ref().map(|_| expression.into()),
        time_zone: Some(zone.into()),
        jitter_seconds: written.jitter_seconds.filter(|seconds| *seconds != 0),
        ..written.clone()
    };
    let plain = TimingSpec {
        schedule: timing.schedule.clone(),
        time_zone: timing.time_zone.clone(),
        ..TimingSpec::default()
    };
    if timing == plain {
        return Some(format!("{expression} {zone}"));
    }
    let fingerprint = |calendar| {
        let known = almanac.calendars.get(&CalendarRef::of(calendar, namespace));
        let known = known?.as_ref().ok()?;
        Some(format!("{:016x}", known.fingerprint()))
    };
    let fingerprints = timing.calendars.iter().map(fingerprint);
    let words = Words {
        fingerprints: fingerprints.collect::<Option<_>>()?,
        timing,
    };
    Some(serde_json::to_string(&words).expect("it is made of texts, numbers and lists"))
}

/// What the words of a schedule of this namespace say of time; none of a form that never fired, whose
/// words end in the reason, and of one whose calendars had other days than now: nobody keeps those.
pub fn timing(words: &str, almanac: &Almanac, namespace: &str) -> Option<TimingSpec> {
    if words.starts_with('{') {
        let Words { timing, .. } = serde_json::from_str(words).ok()?;
        let same = timing.calendars.is_empty()
            || of(&timing, almanac, namespace).as_deref() == Some(words);
        return same.then_some(timing);
    }
    // A reason, in brackets, is read as a zone here and is none.
    let (expression, zone) = words.rsplit_once(' ')?;
    Some(TimingSpec {
        schedule: Some(expression.into()),
        time_zone: Some(zone.into()),
        ..TimingSpec::default()
    })
}

/// What a message says of the form that these words are of.
pub fn past(words: &str) -> String {
    match words.starts_with('{') {
        true => "the schedule, or a calendar that it names, was another one then".into(),
        false => format!("the schedule was \"{words}\" then"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::tz::TimeZone;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        api::{CalendarKind, CalendarSpec},
        core::calendar::Calendar,
    };

    fn written(timing: Value) -> TimingSpec {
        serde_json::from_value(timing).unwrap()
    }

    fn words(timing: Value) -> Option<String> {
        of(&written(timing), &Almanac::new(TimeZone::UTC), "shop")
    }

    fn timing_of(words: &str) -> Option<TimingSpec> {
        timing(words, &Almanac::new(TimeZone::UTC), "shop")
    }

    fn with_calendar(kind: CalendarKind, namespace: &str, days: CalendarSpec) -> Almanac {
        let mut almanac = Almanac::new(TimeZone::UTC);
        let reference = CalendarRef {
            kind,
            namespace: namespace.into(),
            name: "holidays".into(),
        };
        let calendar = Calendar::parse(&days).map(Arc::new);
        almanac.calendars.insert(reference, calendar);
        almanac
    }

    #[test]
    fn one_expression_and_its_zone_are_written_as_a_person_would() {
        for (timing, expected) in [
            (json!({"schedule": " 0 3 * * * "}), "0 3 * * * UTC"),
            (
                json!({"schedule": "@daily", "timeZone": "Asia/Tokyo"}),
                "@daily Asia/Tokyo",
            ),
            (json!({"schedule": "", "jitterSeconds": 0}), " UTC"),
        ] {
            assert_eq!(words(timing).as_deref(), Some(expected));
        }
    }

    #[test]
    fn whatever_moves_a_fire_changes_the_words_and_is_read_back_from_them() {
        let plain = json!({"schedule": "0 3 * * *"});
        let mut seen = vec![words(plain.clone()).unwrap()];
        for (field, value) in [
            ("schedule", json!("0 4 * * *")),
            ("timeZone", json!("Asia/Tokyo")),
            ("notBefore", json!("2026-01-01T00:00:00Z")),
            ("notAfter", json!("2026-01-01T00:00:00Z")),
            ("jitterSeconds", json!(30)),
            ("excludes", json!(["12-25"])),
            ("clockChanges", json!({"gap": "Skip"})),
            ("clockChanges", json!({"overlap": "Both"})),
        ] {
            let mut timing = plain.clone();
            timing[field] = value.clone();
            let words = words(timing).unwrap();
            let read = serde_json::to_value(timing_of(&words).unwrap()).unwrap();
            assert_eq!(read[field], value, "{field} of {words}");
            assert!(!seen.contains(&words), "{words}");
            seen.push(words);
        }
        let several = json!({"schedules": [{"schedule": "0 3 * * *"}, {"schedule": "0 4 * * *", "timeZone": "Asia/Tokyo"}]});
        let words = words(several.clone()).unwrap();
        assert_eq!(
            timing_of(&words).unwrap().schedules,
            written(several).schedules
        );
    }

    #[test]
    fn there_are_none_while_a_calendar_is_not_known_or_not_readable() {
        let timing = written(json!({"schedule": "@daily", "calendars": [{"name": "holidays"}]}));
        let namespaced = CalendarKind::ScheduleCalendar;
        let there = with_calendar(namespaced, "shop", CalendarSpec::default());
        assert!(of(&timing, &there, "shop").is_some());
        for (what, almanac) in [
            ("not there", Almanac::new(TimeZone::UTC)),
            (
                "in another namespace",
                with_calendar(namespaced, "other", CalendarSpec::default()),
            ),
            (
                "of another kind",
                with_calendar(
                    CalendarKind::ClusterScheduleCalendar,
                    "",
                    CalendarSpec::default(),
                ),
            ),
        ] {
            assert_eq!(of(&timing, &almanac, "shop"), None, "{what}");
        }
        let mut broken = there;
        for calendar in broken.calendars.values_mut() {
            *calendar = Err("dates[0]: no".into());
        }
        assert_eq!(of(&timing, &broken, "shop"), None);
    }

    #[test]
    fn a_form_that_never_fired_has_no_timing() {
        for words in [
            "0 3 * * * UTC (Suspended)",
            "{\"schedule\":\"@daily\"} (Suspended)",
        ] {
            let zone = timing_of(words).and_then(|timing| timing.time_zone);
            assert!(zone.is_none_or(|zone| zone == "(Suspended)"), "{words}");
        }
    }

    #[test]
    fn a_form_with_other_days_than_now_is_not_guessed() {
        let written = written(json!({"schedule": "@daily", "calendars": [{"name": "holidays"}]}));
        let on = |date: &str| {
            let days = CalendarSpec {
                dates: vec![date.into()],
                ..CalendarSpec::default()
            };
            with_calendar(CalendarKind::ScheduleCalendar, "shop", days)
        };
        let (then, now) = (on("12-25"), on("12-26"));
        let words = of(&written, &then, "shop").unwrap();
        assert!(timing(&words, &then, "shop").is_some());
        assert_eq!(timing(&words, &now, "shop"), None);
        assert_eq!(timing(&words, &Almanac::new(TimeZone::UTC), "shop"), None);
    }
}
