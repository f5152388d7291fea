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
            "7:14: default/a: spec.notBefore: \"soon\" is no instant; write it as in 2026-12-01T00:00:00Z",
        ),
        (
            manifest("schedule: '* * * * *'\n  notAfter: 2026-12-01"),
            "7:13: default/a: spec.notAfter: \"2026-12-01\" is no instant; write it as 2026-12-01T00:00:00Z",
        ),
        (
            manifest("schedule: '0 0 9 1 1 ? 2020'"),
            "6:13: default/a: spec.schedule: never fires: every matching time is past; correct the year",
        ),
        (
            manifest("schedule: '* * * * *'\n  notAfter: 2020-01-01T00:00:00Z"),
            "6:13: default/a: spec.schedule: never fires: every matching time up to notAfter",
        ),
        (
            manifest("schedule: '@every 5m'\n  calendars: [{name: not-here}]"),
            "6:13: default/a: spec.schedule: @every counts from the last fire",
        ),
        (
            manifest("schedule: '* * * * *'\n  concurrencyPolicy: allow"),
            "7:22: default/a: spec.concurrencyPolicy: \"allow\" is not one of Forbid, Queue, Replace, Allow",
        ),
        (
            manifest("schedule: '* * * * *'\n  retry: {limit: 1, onExitCodes: [1], notOnExitCodes: [2]}"),
            "7:55: default/a: spec.retry.notOnExitCodes: give either onExitCodes or notOnExitCodes",
        ),
        (
            manifest("schedule: '* * * * *'\n  mainContainer: c"),
            "7:18: default/a: spec.mainContainer: \"c\" is none of spec.template.spec.containers",
        ),
        (
            manifest(&format!("schedule: '* * * * *'\n  mainContainer: {}", "m".repeat(64))),
            "7:18: default/a: spec.mainContainer: 64 characters are more than 63",
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
        (
            "a: {cron: '@at 2020-01-01T00:00:00Z', image: i}\n".to_owned(),
            "1:11: default/a: never fires: every matching time is past",
        ),
        (
            "a: {cron: 1 * * * *, image: i, retry: {limit: 1, onExitCodes: [1], notOnExitCodes: [2]}}\n"
                .to_owned(),
            "1:39: default/a: retry: notOnExitCodes: give either onExitCodes or notOnExitCodes",
        ),
        (
            "a: {cron: 1 * * * *, image: i, mainContainer: c}\n".to_owned(),
            "1:47: default/a: mainContainer: \"c\" is none of ",
        ),
        (
            "a: {cron: 1 * * * *, pod: {restartPolicy: Always, containers: [{name: a, image: i}]}}\n"
                .to_owned(),
            "1:43: default/a: template.spec.restartPolicy: Always would never end",
        ),
        (
            "a: {cron: 1 * * * *, image: i}\n---\nb: {cron: 1 * * * *, image: i}\n".to_owned(),
            "holds more than one YAML document",
        ),
        (String::new(), "is empty, so nothing is changed: write {}"),
        ("# nothing\n".to_owned(), "is empty, so nothing is changed"),
        ("null\n".to_owned(), "is empty, so nothing is changed"),
    ] {
        let (code, said) = validate_text(&text)?;
        assert!(
            said.contains(expected),
            "{expected:?} is not in {said}of\n{text}"
        );
        assert_eq!(code, Some(1), "{text}");
        if !text.contains("kind:") {
            continue; // a schedule file is one document
        }
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
        said.contains("file.yaml:7:15: default/a: note: spec.calendars[0]: the ScheduleCalendar holidays is not in \
             these files"),
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

#[test]
fn a_schedule_file_beside_manifests_is_a_problem() -> Result<()> {
    let text = manifest("schedule: '* * * * *'") + "---\na: {cron: '* * * * *', image: i}\n";
    let (code, said) = validate_text(&text)?;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("file.yaml:10:1: has neither apiVersion nor kind"),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_mistake_in_an_expression_has_a_caret_wherever_the_expression_stands() -> Result<()> {
    for text in [
        "a: {schedules: [{schedule: 75 * * * *}], image: i}\n".to_owned(),
        "a: {cron: 1 * * * *, image: i, excludes: [75 * * * *]}\n".to_owned(),
        manifest("schedules: [{schedule: 75 * * * *}]"),
        manifest("schedule: 1 * * * *\n  excludes: [75 * * * *]"),
    ] {
        let (_, said) = validate_text(&text)?;
        assert!(
            said.contains("\n    75 * * * *\n    ^^\n"),
            "{said}of {text}"
        );
    }
    Ok(())
}

#[test]
fn what_is_no_expression_has_no_caret() -> Result<()> {
    for field in ["timeZone: Berlin", "notAfter: soon"] {
        let (_, said) = validate_text(&manifest(&format!("schedule: 1 * * * *\n  {field}")))?;
        assert!(!said.contains('^'), "{said}");
    }
    Ok(())
}

#[test]
fn a_cron_without_a_value_is_noted() -> Result<()> {
    let (code, said) = validate_text("a:\n  cron:\n  image: i\nb: {cron: '', image: i}\n")?;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains(
            "note: cron has no value, so the schedule never runs by itself; write cron: \"\" if"
        ),
        "{said}"
    );
    assert_eq!(said.lines().count(), 2, "{said}");
    Ok(())
}

#[test]
fn items_of_a_list_have_the_kind_of_the_list() -> Result<()> {
    let item = "{metadata: {name: a}, spec: {schedule: 75 * * * *, template: {spec: {containers: \
                [{name: a, image: b}]}}}}";
    let version = "apiVersion: punctual.dev/v1alpha1\n";
    let text = format!("{version}kind: ScheduledContainerList\nitems: [{item}]\n");
    let (code, said) = validate_text(&text)?;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("default/a: spec.schedule: minute: 75"),
        "{said}"
    );
    let text = "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: []}]\n";
    let (_, said) = validate_text(text)?;
    assert!(
        said.contains("note: a List in a List is passed over"),
        "{said}"
    );
    Ok(())
}

#[test]
fn a_file_that_the_controller_refuses_takes_nothing_away() -> Result<()> {
    let old = "a: {cron: 0 3 * * *, image: i}\n";
    let twice = "a: {cron: 0 3 * * *, image: i}\n---\nb: {cron: 0 3 * * *, image: i}\n";
    let same = manifest("schedule: 0 3 * * *");
    let same = format!("{same}---\n{same}");
    for (new, why) in [
        ("", "is empty, so nothing is changed"),
        ("null\n", "is empty, so nothing is changed"),
        (twice, "holds more than one YAML document"),
        (&same, "the schedule is given twice"),
    ] {
        let output = diff_of(old, new, &[])?;
        assert_eq!(output.status.code(), Some(2), "{new}");
        assert_eq!(String::from_utf8(output.stdout)?, "", "{new}");
        let error = String::from_utf8(output.stderr)?;
        assert!(error.contains(why), "{error}");
    }
    Ok(())
}

#[test]
fn a_fire_that_moves_past_the_end_on_its_day_has_not_vanished() -> Result<()> {
    let old = "a: {cron: 0 11 * * *, image: i}\n";
    let new = "a: {cron: 0 13 * * *, image: i}\n";
    let (_, said) = diff(old, new, &["--for", "1d"])?;
    assert!(
        said.contains("  ~ 2026-03-28T11:00:00+00:00 Sat -> 2026-03-28T13:00:00+00:00 Sat\n"),
        "{said}"
    );
    let (code, said) = diff(
        new,
        new,
        &["--for", "1d", "--from", "2026-03-27T12:00:00.5Z"],
    )?;
    assert_eq!(code, Some(0));
    assert!(
        said.ends_with("until 2026-03-28T12:00:00+00:00.\n"),
        "{said}"
    );
    // What happens only after the end is not told.
    let later = "a: {cron: 0 14 * * *, image: i}\n";
    let (_, said) = diff(new, later, &["--for", "1h"])?;
    assert!(!said.contains("2026-03-28"), "{said}");
    Ok(())
}

#[test]
fn fires_that_are_all_past_are_no_trouble_to_compare() -> Result<()> {
    let old = "a: {cron: '@at 2020-01-01T00:00:00Z', image: i}\n";
    assert_eq!(diff(old, old, &[])?.0, Some(0));
    Ok(())
}

#[test]
fn the_cluster_is_asked_for_all_that_is_of_the_file_in_the_right_namespace() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("schedule.yml");
    fs::write(&file, "{}\n")?;
    // A cluster that never answers: the question is what matters.
    let kubeconfig = folder.path().join("config");
    fs::write(
        &kubeconfig,
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         contexts: [{name: c, context: {cluster: c, namespace: of-context}}]\n\
         clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n",
    )?;
    let diff = |text: &str| -> Result<String> {
        fs::write(&file, text)?;
        let flags = [
            "diff",
            "-f",
            path(&file)?,
            "--kubeconfig",
            path(&kubeconfig)?,
        ];
        let output = punctual(&flags)?;
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        Ok(String::from_utf8(output.stderr)?)
    };
    let error = diff("{}\n")?;
    assert!(error.contains("can't list the schedules"), "{error}");
    fs::write(&file, "a: {cron: '', image: i}\n")?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_punctual"));
    let flags = [
        "diff",
        "-f",
        path(&file)?,
        "--kubeconfig",
        path(&kubeconfig)?,
    ];
    let output = command
        .args(flags)
        .env("PUNCTUAL_NAMESPACE", "of-env")
        .output()?;
    let error = String::from_utf8(output.stderr)?;
    assert!(
        error.contains("can't read the schedule of-env/a"),
        "{error}"
    );
    let error = diff("a: {cron: '', image: i}\n")?;
    assert!(
        error.contains("can't read the schedule of-context/a"),
        "{error}"
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
    let output = diff_of(old, new, more)?;
    assert_eq!(String::from_utf8(output.stderr)?, "");
    Ok((output.status.code(), String::from_utf8(output.stdout)?))
}

fn diff_of(old: &str, new: &str, more: &[&str]) -> Result<Output> {
    let folder = tempfile::tempdir()?;
    let (before, after) = (folder.path().join("old.yml"), folder.path().join("new.yml"));
    fs::write(&before, old)?;
    fs::write(&after, new)?;
    let mut arguments = vec!["diff", "-f", path(&after)?, "--against", path(&before)?];
    if !more.contains(&"--from") {
        arguments.extend(["--from", "2026-03-27T12:00:00Z"]);
    }
    arguments.extend(more);
    punctual(&arguments)
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
