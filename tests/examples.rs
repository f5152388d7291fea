//! Every file in examples/ is a schedule that the controller would take. Whether Kubernetes takes
//! them too, and what they do, is for the tests that have a cluster.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use jiff::tz::TimeZone;
use punctual::{api::ScheduledContainer, core::cron::Timing};
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
    let written: Value = serde_saphyr::from_str(text)?;
    let typed: ScheduledContainer = serde_saphyr::from_str(text)?;
    let zone = match &typed.spec.time_zone {
        Some(name) => TimeZone::get(name)?,
        None => TimeZone::UTC,
    };
    Timing::parse(typed.spec.schedule.as_deref().unwrap_or_default(), zone)?;

    let read = serde_json::to_value(&typed)?;
    for (field, value) in written["spec"].as_object().context("there is no spec")? {
        assert_eq!(&read["spec"][field], value, "spec.{field} was not read");
    }
    Ok(())
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
