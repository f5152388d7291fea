//! What a spec says of time as one line of text, which status keeps: an edit is seen by it, and the
//! fires before the edit are found by it.
//!
//! One expression with its zone is written as a person would write it. Anything more is JSON, with a
//! fingerprint of each calendar, since an edit of a calendar is an edit of its schedules.

use serde::{Deserialize, Serialize};

use super::{
    almanac::{Almanac, CalendarRef},
    reason::Reason,
    version::later,
};
use crate::api::{CalendarKind, TimingSpec};

/// The longest words, in bytes: twice those of as many schedules, excludes and calendars as there may
/// be, each as long as it may be.
pub const LONGEST: usize = 128 * 1024;

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Words {
    #[serde(flatten)]
    timing: TimingSpec,
    /// In the order of the calendars.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    fingerprints: Vec<String>,
    /// The resource versions at which the calendars were seen, in their order: of two controllers
    /// that see other days, the one with the later version is right. No part of the form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    versions: Vec<String>,
}

/// The words of a schedule of this namespace; none while the days of a calendar that it names are
/// not known.
pub fn of(written: &TimingSpec, almanac: &Almanac, namespace: &str) -> Option<String> {
    let known = |calendar| {
        let known = almanac.calendars.get(&CalendarRef::of(calendar, namespace));
        let known = known?.as_ref().ok()?;
        let fingerprint = format!("{:016x}", known.fingerprint());
        Some((fingerprint, known.version().to_owned()))
    };
    let known: Option<Vec<_>> = written.calendars.iter().map(known).collect();
    let (fingerprints, versions) = known?.into_iter().unzip();
    let words = Words {
        timing: normal(written, almanac),
        fingerprints,
        versions,
    };
    Some(words.text())
}

/// The words of a schedule that never fires for this reason, whatever its calendars say.
pub fn resting(written: &TimingSpec, almanac: &Almanac, reason: Reason) -> String {
    let words = Words {
        timing: normal(written, almanac),
        ..Words::default()
    };
    idle(&words.text(), reason)
}

/// The words of a form that never fires for this reason.
pub fn idle(words: &str, reason: Reason) -> String {
    format!("{words} ({reason})")
}

/// Whether these are the words of a form that fired.
pub fn fired(words: &str) -> bool {
    !words.ends_with(')')
}

/// What the words in the status are to those of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// They are of the same form, however it is written.
    Same,
    /// They are of an earlier form.
    Earlier,
    /// Who wrote them saw a later version of a calendar than we do.
    Ahead,
}

/// Compares the words in the status with a schedule's own.
pub fn compare(own: &str, observed: &str) -> Observed {
    if own == observed {
        return Observed::Same;
    }
    let (Some((own, why)), Some((observed, why_observed))) = (read(own), read(observed)) else {
        return Observed::Earlier;
    };
    let same = why == why_observed
        && own.timing == observed.timing
        && own.fingerprints == observed.fingerprints;
    let ahead = || {
        let version = |calendar| {
            own.seen()
                .find(|seen| seen.0 == calendar)
                .map(|seen| seen.1)
        };
        let mut theirs = observed.seen();
        theirs.any(|(calendar, theirs)| version(calendar).is_some_and(|own| later(theirs, own)))
    };
    match same {
        true => Observed::Same,
        false if ahead() => Observed::Ahead,
        false => Observed::Earlier,
    }
}

/// What the words of a schedule of this namespace say of time, and whether its calendars have the
/// same days now: nobody keeps earlier ones. None of a form that never fired.
pub fn timing(words: &str, almanac: &Almanac, namespace: &str) -> Option<(TimingSpec, bool)> {
    let (Words { timing, .. }, _) = read(words).filter(|_| fired(words))?;
    let now = of(&timing, almanac, namespace);
    let same = now.is_some_and(|now| compare(&now, words) == Observed::Same);
    Some((timing, same))
}

/// Leaves out what says nothing, and says what is left to the controller.
fn normal(written: &TimingSpec, almanac: &Almanac) -> TimingSpec {
    let zone = written.time_zone.as_deref().or(almanac.local.iana_name());
    let expression = written.schedule.as_deref().map(str::trim);
    TimingSpec {
        schedule: expression.map(Into::into),
        time_zone: Some(zone.unwrap_or("local").into()),
        jitter_seconds: written.jitter_seconds.filter(|seconds| *seconds != 0),
        ..written.clone()
    }
}

impl Words {
    fn text(&self) -> String {
        let plain = plain(
            self.timing.schedule.clone(),
            self.timing.time_zone.as_deref(),
        );
        if self.timing == plain {
            let [expression, zone] =
                [&plain.schedule, &plain.time_zone].map(|part| part.as_deref().unwrap_or_default());
            return format!("{expression} {zone}");
        }
        serde_json::to_string(self).expect("it is made of texts, numbers and lists")
    }

    /// The calendars, with the versions at which they were seen.
    fn seen(&self) -> impl Iterator<Item = ((CalendarKind, &str), &str)> {
        let named = self.timing.calendars.iter();
        let named = named.map(|calendar| (calendar.kind, calendar.name.as_str()));
        named.zip(self.versions.iter().map(String::as_str))
    }
}

/// Reads words, with the reason in brackets that a form which never fires ends in. Whatever a later
/// version may add to them that says nothing is read as nothing: it is no edit.
fn read(words: &str) -> Option<(Words, Option<&str>)> {
    let (words, why) = match words.rsplit_once(" (") {
        Some((words, why)) if why.ends_with(')') => (words, Some(why)),
        _ => (words, None),
    };
    if words.len() > LONGEST {
        return None;
    }
    if words.starts_with('{') {
        return Some((serde_json::from_str(words).ok()?, why));
    }
    let (expression, zone) = words.rsplit_once(' ')?;
    let timing = plain(Some(expression.into()), Some(zone));
    let words = Words {
        timing,
        ..Words::default()
    };
    Some((words, why))
}

/// One expression with its zone.
fn plain(schedule: Option<String>, zone: Option<&str>) -> TimingSpec {
    TimingSpec {
        schedule,
        time_zone: zone.map(Into::into),
        ..TimingSpec::default()
    }
}

/// What a message says of the form that these words are of. `certain` is whether its fires are
/// exactly known.
pub fn past(words: &str, certain: bool) -> String {
    if !certain {
        "a calendar was edited while no controller watched; counted by its present days".into()
    } else if words.starts_with('{') {
        "the schedule, or a calendar that it names, was another one then".into()
    } else {
        format!("the schedule was \"{words}\" then")
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
        timing(words, &Almanac::new(TimeZone::UTC), "shop").map(|(timing, _)| timing)
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
        let almanac = Almanac::new(TimeZone::UTC);
        let one = json!({"schedule": "0 3 * * *"});
        let more = json!({"schedule": "0 3 * * *", "calendars": [{"name": "away"}]});
        for timing in [one, more] {
            let words = resting(&written(timing), &almanac, Reason::Suspended);
            assert!(words.ends_with(" (Suspended)"), "{words}");
            assert!(!fired(&words), "{words}");
            assert_eq!(timing_of(&words), None, "{words}");
        }
        assert!(fired("0 3 * * * UTC"));
    }

    /// Off on these days, as seen at this version.
    fn off(date: &str, version: &str) -> Almanac {
        let days = CalendarSpec {
            dates: vec![date.into()],
            ..CalendarSpec::default()
        };
        let mut almanac = with_calendar(CalendarKind::ScheduleCalendar, "shop", days);
        for calendar in almanac.calendars.values_mut() {
            let days = Calendar::clone(calendar.as_ref().unwrap());
            *calendar = Ok(days.seen_at(version.into()).into());
        }
        almanac
    }

    #[test]
    fn a_form_with_other_days_than_now_says_so() {
        let written = written(json!({"schedule": "@daily", "calendars": [{"name": "holidays"}]}));
        let (then, now) = (off("12-25", "1"), off("12-26", "2"));
        let words = of(&written, &then, "shop").unwrap();
        for (almanac, same) in [
            (then, true),
            (off("12-25", "7"), true),
            (now, false),
            (Almanac::new(TimeZone::UTC), false),
        ] {
            let (timing, known) = timing(&words, &almanac, "shop").unwrap();
            assert_eq!((timing.calendars.len(), known), (1, same));
        }
    }

    #[test]
    fn words_are_compared_by_what_they_say() {
        let daily = json!({"schedule": "@daily", "calendars": [{"name": "holidays"}]});
        let weekly = json!({"schedule": "@weekly", "calendars": [{"name": "holidays"}]});
        let christmas = |version| of(&written(daily.clone()), &off("12-25", version), "shop");
        let boxing = |version| of(&written(daily.clone()), &off("12-26", version), "shop");
        let own = christmas("20").unwrap();
        let by_others = |words: &str| words.replace("\"20\"", "\"21\"");
        for (what, observed, expected) in [
            ("the very same", Some(own.clone()), Observed::Same),
            (
                "a later version, the same days",
                christmas("21"),
                Observed::Same,
            ),
            (
                "a later version, other days",
                boxing("100"),
                Observed::Ahead,
            ),
            (
                "an earlier version, other days",
                boxing("3"),
                Observed::Earlier,
            ),
            (
                "the same version, other days",
                boxing("20"),
                Observed::Earlier,
            ),
            ("no number", boxing("x"), Observed::Earlier),
            (
                "another expression and an earlier version",
                of(&written(weekly.clone()), &off("12-25", "3"), "shop"),
                Observed::Earlier,
            ),
            (
                "another expression and a later version",
                of(&written(weekly), &off("12-25", "21"), "shop"),
                Observed::Ahead,
            ),
            (
                "suspended then",
                Some(idle(&by_others(&own), Reason::Suspended)),
                Observed::Ahead,
            ),
            (
                "without days then",
                Some(resting(
                    &written(daily.clone()),
                    &off("12-25", "21"),
                    Reason::Suspended,
                )),
                Observed::Earlier,
            ),
            (
                "not readable",
                Some("(InvalidSpec)".into()),
                Observed::Earlier,
            ),
        ] {
            assert_eq!(compare(&own, &observed.unwrap()), expected, "{what}");
        }
    }

    #[test]
    fn what_another_version_writes_besides_is_no_edit() {
        let own = words(json!({"schedule": "0 3 * * *", "excludes": ["12-25"]})).unwrap();
        assert!(!own.contains("clockChanges"), "{own}");
        let open = own.strip_suffix('}').unwrap();
        for more in [
            r#","clockChanges":{}"#,
            r#","later":null,"fingerprints":[]"#,
        ] {
            let observed = format!("{open}{more}}}");
            assert_eq!(compare(&own, &observed), Observed::Same, "{observed}");
        }
        let plain = r#"{"schedule":"0 3 * * *","timeZone":"UTC","clockChanges":{}}"#;
        assert_eq!(compare("0 3 * * * UTC", plain), Observed::Same);
        let suspended = format!("{plain} (Suspended)");
        assert_eq!(compare("0 3 * * * UTC", &suspended), Observed::Earlier);
        assert_eq!(
            compare("0 3 * * * UTC (Suspended)", &suspended),
            Observed::Same
        );
    }
}
