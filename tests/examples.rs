//! Every file in examples/ is a schedule that the controller would take. Whether Kubernetes takes
//! them too, and what they do, is for the tests that have a cluster.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use jiff::tz::TimeZone;
use punctual::{
    api::{CalendarKind, ScheduleCalendar, ScheduledContainer, TimingSpec},
    core::{
        almanac::{Almanac, CalendarRef},
        calendar::Calendar,
        timetable::Timetable,
    },
};
use serde_json::Value;

#[test]
fn each_is_a_schedule_that_can_be_read() -> Result<()> {
    for (name, text) in examples()? {
        check(&text).with_context(|| name)?;
    }
    Ok(())
}

#[test]
fn they_are_numbered_without_a_gap_and_begin_with_a_comment() -> Result<()> {
    for (index, (name, text)) in examples()?.iter().enumerate() {
        let number = format!("{:02}-", index + 1);
        assert!(
            name.starts_with(&number),
            "{name} should start with {number}"
        );
        assert!(
            text.starts_with("# "),
            "{name} should say first what it shows"
        );
    }
    Ok(())
}

fn check(text: &str) -> Result<()> {
    let mut almanac = Almanac::new(TimeZone::UTC);
    let mut schedules = 0;
    for document in text.split("\n---\n") {
        let written: Value = serde_saphyr::from_str(document)?;
        let read = match written["kind"].as_str() {
            Some("ScheduleCalendar") => {
                let typed: ScheduleCalendar = serde_saphyr::from_str(document)?;
                let calendar = CalendarRef {
                    kind: CalendarKind::ScheduleCalendar,
                    namespace: "default".into(),
                    name: typed.metadata.name.clone().context("it has no name")?,
                };
                let days = Calendar::parse(&typed.spec).map_err(anyhow::Error::msg)?;
                almanac.calendars.insert(calendar, Ok(days.into()));
                serde_json::to_value(&typed)?
            }
            _ => {
                let typed: ScheduledContainer = serde_saphyr::from_str(document)?;
                let timing = TimingSpec::from(&typed.spec);
                Timetable::parse(&timing, &almanac, Some(("default", "example")))
                    .map_err(|idle| anyhow::anyhow!("{}: {}", idle.reason, idle.message))?;
                schedules += 1;
                serde_json::to_value(&typed)?
            }
        };
        for (field, value) in written["spec"].as_object().context("there is no spec")? {
            let read = &read["spec"][field];
            assert!(says(read, value), "spec.{field} was not read: {read}");
        }
    }
    assert_eq!(schedules, 1, "an example shows one schedule");
    Ok(())
}

/// Whether all that is written was read; what is left out may be filled in.
fn says(read: &Value, written: &Value) -> bool {
    match (read, written) {
        (Value::Object(read), Value::Object(written)) => written
            .iter()
            .all(|(field, value)| read.get(field).is_some_and(|read| says(read, value))),
        (Value::Array(read), Value::Array(written)) => {
            read.len() == written.len() && read.iter().zip(written).all(|(a, b)| says(a, b))
        }
        (read, written) => read == written,
    }
}

/// The examples in the order of their names.
fn examples() -> Result<Vec<(String, String)>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let name = path.file_name().context("a file has a name")?;
            found.push((
                name.to_string_lossy().into_owned(),
                fs::read_to_string(&path)?,
            ));
        }
    }
    found.sort();
    assert!(!found.is_empty(), "there are no examples");
    Ok(found)
}
