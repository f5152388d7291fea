//! `punctual validate` and `punctual diff`, as a person or a script calls them.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context, Result};
use serde_json::Value;

#[test]
fn good_files_are_good() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let examples = root.join("examples");
    for path in [examples.as_path(), &root.join("schedule.yml.sample")] {
        let (code, text) = validate(path)?;
        assert_eq!(code, Some(0), "{text}");
        assert!(text.ends_with("; problems: 0\n"), "{text}");
    }
    Ok(())
}

#[test]
fn each_problem_of_a_manifest_has_its_line_and_column() -> Result<()> {
    for (text, expected) in [
        (
            manifest("schedule: '75 * * * *'"),
            "6:13: default/a: spec.schedule: minute: 75 is not in 0-59",
        ),
        (
            manifest("shedule: '* * * * *'"),
            "6:3: default/a: spec: unknown field \"shedule\"; did you mean \"schedule\"?",
        ),
        (
            manifest("schedule: 5"),
            "6:13: default/a: spec.schedule: must be a string, but is the number 5; put it in quotes",
        ),
        (
            manifest("schedule: '* * * * *'\n  timeZone: Berlin"),
            "7:13: default/a: spec.timeZone: ",
        ),
        (
            manifest("schedule: '* * * * *'\n  suspend: 'no'"),
            "7:12: default/a: spec.suspend: must be true or false",
        ),
        (
            manifest("schedule: '* * * * *'\n  jitterSeconds: -1"),
            "7:18: default/a: spec.jitterSeconds: -1 is not in 0-86400",
        ),
        (
            manifest("schedule: '* * * * *'\n  missedFires: Never"),
            "7:16: default/a: spec.missedFires: \"Never\" is not one of Skip, RunLatest, RunAll",
        ),
        (
            manifest("schedule: '* * * * *'\n  notBefore: soon"),
            "7:14: default/a: spec.notBefore: ",
        ),
        (
            manifest("schedule: '* * * * *'\n  concurrencyPolicy: Allow"),
            "7:22: default/a: spec.concurrencyPolicy: Allow is reserved",
        ),
        (
            manifest("schedule: '* * * * *'\n  schedule: ''"),
            "7:3: \"schedule\" is given twice",
        ),
        (
            manifest("schedule: '* * * * *'").replace("name: a}", "name: A_b}"),
            "4:18: default/A_b: metadata.name: ",
        ),
        (
            manifest("schedule: '* * * * *'")
                .replace("name: a}", &format!("name: {}}}", "a".repeat(64))),
            "metadata.name: 64 characters are more than 63",
        ),
        (
            manifest("schedule: '* * * * *'").replace("image: b", "restartPolicy: Always"),
            "has no image",
        ),
        (
            manifest("schedule: '* * * * *'")
                .replace("{containers", "{restartPolicy: Always, containers"),
            "restartPolicy: Always would never end",
        ),
        (
            manifest("schedule: '* * * * *'").replace("v1alpha1", "v1"),
            "2:13: default/a: apiVersion: \"punctual.dev/v1\" is not known",
        ),
        (
            manifest("schedule: '* * * * *'").replace("ScheduledC", "ScheduleC"),
            "3:7: a: kind: \"ScheduleContainer\" is none of ours; did you mean ScheduledContainer?",
        ),
        (
            "# a\n---\nkind: ScheduledContainer\n".to_owned(),
            "3:1: has no apiVersion",
        ),
        ("# a\n---\na: b: c\n".to_owned(), "3:5: not valid YAML"),
        (
            "\n\na: {cron: '61 * * * *', image: i}\n".to_owned(),
            "3:11: default/a: minute: 61",
        ),
        (
            "a: {cron: '1 * * * *'}\n".to_owned(),
            "1:1: default/a: says nothing to run",
        ),
    ] {
        let (code, said) = validate_text(&text)?;
        assert!(
            said.contains(expected),
            "{expected:?} is not in {said}of\n{text}"
        );
        assert_eq!(code, Some(1), "{text}");
        // The same in the third of three documents.
        let above = "kind: Other\n---\n# nothing\n---\n";
        let (_, below) = validate_text(&format!("{above}{text}"))?;
        if let Some((line, rest)) = expected.split_once(':')
            && let Ok(line) = line.parse::<u32>()
        {
            let moved = format!("file.yaml:{}:{rest}", line + 4);
            assert!(below.contains(&moved), "{moved:?} is not in {below}");
        }
    }
    Ok(())
}

#[test]
fn what_is_not_ours_is_passed_over() -> Result<()> {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {schedule: nonsense}\n";
    let (code, said) = validate_text(text)?;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("file.yaml:1:1: a: note: ConfigMap is not checked"),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_name_that_is_given_twice_is_a_problem() -> Result<()> {
    let one = manifest("schedule: '* * * * *'");
    let (code, said) = validate_text(&format!("{one}---\n{one}"))?;
    assert_eq!(code, Some(1));
    assert!(
        said.contains("the schedule is given twice: first at "),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_calendar_that_is_not_in_the_files_is_noted_and_not_a_problem() -> Result<()> {
    let text = manifest("schedule: '* * * * *'\n  calendars: [{name: holidays}]");
    let (code, said) = validate_text(&text)?;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("note: the ScheduleCalendar holidays is not in these files"),
        "{said}"
    );
    Ok(())
}

#[test]
fn trouble_has_an_exit_code_of_its_own() -> Result<()> {
    for arguments in [
        &["validate", "-f", "/nowhere/at/all"][..],
        &["validate"],
        &["validate", "--no-such-flag"],
        &["diff", "-f", "/nowhere/at/all", "--against", "/nowhere"],
        &["diff"],
    ] {
        let output = punctual(arguments)?;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
    Ok(())
}

#[test]
fn problems_can_be_read_by_programs() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file.yaml");
    fs::write(&file, manifest("schedule: '75 * * * *'"))?;
    let output = punctual(&["validate", "-o", "json", "-f", path(&file)?])?;
    let json: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(json["problems"][0]["line"], 6);
    assert_eq!(json["problems"][0]["column"], 13);
    assert_eq!(json["problems"][0]["name"], "default/a");
    assert_eq!(output.status.code(), Some(1));
    Ok(())
}

#[test]
fn in_a_folder_only_what_is_ours_is_read() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (name, text) in [
        ("a.yaml", manifest("schedule: '* * * * *'").as_str()),
        (
            "my-schedule.yml",
            "b: {cron: '* * * * *', template: pod.json}\n",
        ),
        (
            "pod.json",
            r#"{"kind": "Pod", "spec": {"containers": [{"name": "a", "image": "b"}]}}"#,
        ),
        ("kustomization.yaml", "resources: [a.yaml]\n"),
        ("README.md", "# Not YAML: at all: {\n"),
    ] {
        fs::write(folder.path().join(name), text)?;
    }
    let (code, said) = validate(folder.path())?;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("good: 2 schedules"), "{said}");
    Ok(())
}

#[test]
fn an_edit_shows_what_appears_vanishes_and_moves() -> Result<()> {
    let old = "moved: {cron: 30 3 * * *, image: i}\nsame: {cron: 0 * * * *, image: i}\n\
               gone: {cron: 0 5 * * *, image: i}\n";
    let new = "moved: {cron: 15 4 * * *, image: i}\nsame: {cron: 0 * * * *, image: j}\n\
               come: {cron: 1 12 * * *, image: i}\n";
    let (code, said) = diff(old, new, &["--for", "1d"])?;
    assert_eq!(code, Some(1));
    assert_eq!(
        said,
        "default/come (new)\n  \
           + 2026-03-27T12:01:00+00:00 Fri\n  \
           fires almost at once: 2026-03-27T12:01:00+00:00 Fri, in 1m\n\n\
         default/gone (removed)\n  \
           - 2026-03-28T05:00:00+00:00 Sat\n\n\
         default/moved\n  \
           ~ 2026-03-28T03:30:00+00:00 Sat -> 2026-03-28T04:15:00+00:00 Sat\n  \
           does not fire at once: first at 2026-03-28T04:15:00+00:00 Sat, in 16h 15m\n\n\
         1 schedule fires as before until 2026-03-28T12:00:00+00:00.\n\
         An edit never makes up for fires before it.\n"
    );
    Ok(())
}

#[test]
fn an_edit_that_moves_no_fire_changes_nothing() -> Result<()> {
    let old = "a: {cron: 0 3 * * *, image: i}\nb: {cron: '@every 7m', image: i}\n";
    let new = "a: {cron: 0 0 3 ? * *, image: j}\nb: {cron: '@every 420s', image: i}\n";
    let (code, said) = diff(old, new, &[])?;
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(
        said,
        "2 schedules fire as before until 2026-04-03T12:00:00+00:00.\n"
    );
    Ok(())
}

#[test]
fn suspending_takes_all_fires_away() -> Result<()> {
    let old = "a: {cron: 0 3 * * *, image: i}\n";
    let new = "a: {cron: 0 3 * * *, image: i, suspend: true}\n";
    let (code, said) = diff(old, new, &["-n", "1"])?;
    assert_eq!(code, Some(1));
    assert!(
        said.contains("  - 2026-03-28T03:00:00+00:00 Sat\n"),
        "{said}"
    );
    assert!(
        said.contains("  fires no more: spec.suspend is true"),
        "{said}"
    );
    Ok(())
}

#[test]
fn many_changes_are_counted() -> Result<()> {
    let old = "a: {cron: '* * * * * *', image: i}\n";
    let (_, said) = diff(old, "{}", &["--for", "1h"])?;
    assert!(said.contains("  … and 3550 more changes\n"), "{said}");
    assert!(said.lines().count() < 60, "{said}");
    // More than are compared at all: the end of what was compared is told.
    let (_, said) = diff(old, "{}", &["--for", "52w"])?;
    assert!(
        said.contains("  fires after 2026-03-27T17:33:20+00:00 Fri were not compared"),
        "{said}"
    );
    Ok(())
}

fn manifest(spec: &str) -> String {
    format!(
        "# a manifest\napiVersion: punctual.dev/v1alpha1\nkind: ScheduledContainer\n\
         metadata: {{name: a}}\nspec:\n  {spec}\n  template:\n    \
         spec: {{containers: [{{name: a, image: b}}]}}\n"
    )
}

fn validate_text(text: &str) -> Result<(Option<i32>, String)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("file.yaml");
    fs::write(&file, text)?;
    validate(&file)
}

fn validate(file: &Path) -> Result<(Option<i32>, String)> {
    let output = punctual(&["validate", "-f", path(file)?])?;
    Ok((output.status.code(), String::from_utf8(output.stdout)?))
}

fn diff(old: &str, new: &str, more: &[&str]) -> Result<(Option<i32>, String)> {
    let folder = tempfile::tempdir()?;
    let (before, after) = (folder.path().join("old.yml"), folder.path().join("new.yml"));
    fs::write(&before, old)?;
    fs::write(&after, new)?;
    let mut arguments = vec!["diff", "-f", path(&after)?, "--against", path(&before)?];
    arguments.extend(["--from", "2026-03-27T12:00:00Z"]);
    arguments.extend(more);
    let output = punctual(&arguments)?;
    assert_eq!(String::from_utf8(output.stderr)?, "");
    Ok((output.status.code(), String::from_utf8(output.stdout)?))
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().context("it is text")
}

fn punctual(arguments: &[&str]) -> Result<Output> {
    Ok(Command::new(env!("CARGO_BIN_EXE_punctual"))
        .args(arguments)
        .env("PUNCTUAL_TIME_ZONE", "UTC")
        .output()?)
}
