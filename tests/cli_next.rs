//! `punctual next` and `punctual explain`, as a person or a script calls them.

use std::{
    fs,
    io::Write,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

const FROM: [&str; 2] = ["--from", "2026-03-27T12:00:00Z"];

#[test]
fn an_expression_shows_its_fires_with_offset_weekday_and_distance() -> Result<()> {
    let text = good(&[
        "next",
        "30 2 * * *",
        "--time-zone",
        "Europe/Berlin",
        "-n",
        "3",
    ])?;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "2026-03-28T02:30:00+01:00 Sat  in 13h 30m");
    assert_eq!(
        lines[1],
        "2026-03-29T03:00:00+02:00 Sun  in 1d 13h     # clock change: 02:30 does not exist, runs \
         after the gap"
    );
    assert_eq!(lines[2], "2026-03-30T02:30:00+02:00 Mon  in 2d 12h");
    assert_eq!(lines.len(), 3);
    Ok(())
}

#[test]
fn five_fires_are_shown_unless_a_number_is_given() -> Result<()> {
    assert_eq!(good(&["next", "* * * * *"])?.lines().count(), 5);
    assert_eq!(
        good(&["next", "* * * * * *", "-n", "10000"])?
            .lines()
            .count(),
        10_000
    );
    for count in ["0", "10001", "x"] {
        assert_eq!(
            call(&["next", "* * * * *", "-n", count])?.status.code(),
            Some(2)
        );
    }
    Ok(())
}

#[test]
fn json_is_an_array_of_times_with_offset() -> Result<()> {
    let text = good(&[
        "next",
        "0 9 * * *",
        "-n",
        "2",
        "-o",
        "json",
        "--time-zone",
        "Asia/Kolkata",
    ])?;
    let expected = json!(["2026-03-28T09:00:00+05:30", "2026-03-29T09:00:00+05:30"]);
    assert_eq!(serde_json::from_str::<Value>(&text)?, expected);
    Ok(())
}

#[test]
fn from_may_be_local_time() -> Result<()> {
    let zone = ["--time-zone", "Europe/Berlin", "-n", "1", "-o", "json"];
    for from in [
        "2026-06-01T12:00",
        "2026-06-01 12:00:00",
        "2026-06-01T10:00:00Z",
    ] {
        let text = run(Command::new(PUNCTUAL)
            .args(["next", "1 12 * * *", "--from", from])
            .args(zone))?;
        assert!(text.contains("2026-06-01T12:01:00+02:00"), "{from}: {text}");
    }
    let wrong = Command::new(PUNCTUAL)
        .args(["next", "* * * * *", "--from", "tomorrow"])
        .output()?;
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8(wrong.stderr)?.contains("--from: \"tomorrow\" is no time"));
    Ok(())
}

#[test]
fn no_fire_left_is_an_error() -> Result<()> {
    let error = bad(&["next", "0 0 9 1 1 ? 2020"], 1)?;
    assert!(error.contains("no fire is left"), "{error}");
    let text = good(&["next", "0 0 9 1 1 ? 2030"])?;
    assert!(text.ends_with("\nno more fires\n"), "{text}");
    Ok(())
}

#[test]
fn what_cannot_be_read_is_told_and_nothing_is_printed() -> Result<()> {
    for (expression, expected) in [
        ("75 * * * *", "minute: 75 is not in 0-59"),
        ("", "empty"),
        ("@reboot", "@reboot"),
        ("0 0 30 2 *", "never fires"),
    ] {
        let error = bad(&["next", expression], 1)?;
        assert!(error.contains(expected), "{expression}: {error}");
    }
    Ok(())
}

#[test]
fn wrong_usage_has_an_exit_code_of_its_own() -> Result<()> {
    for (arguments, expected) in [
        (
            &["next", "30", "2", "*", "*", "*"][..],
            "in quotes, as in '30 2 * * *'",
        ),
        (
            &["next", "30", "2", "Cargo.toml", "src", "tests"],
            "in quotes, as in '30 2 * * *'",
        ),
        (
            &["explain", "30", "2", "*", "*", "*"],
            "in quotes, as in '30 2 * * *'",
        ),
        (&["next", "@every", "1h"], "in quotes, as in '@every 1h30m'"),
        (&["next", "backup", "0 0 * * *"], "backup is a name"),
        (&["next"], "give an expression in quotes"),
        (
            &["next", "* * * * *", "--time-zone", "Berlin"],
            "punctual: --time-zone: \"Berlin\" is not known",
        ),
        (
            &["explain", "* * * * *", "--time-zone", "Berlin"],
            "punctual: --time-zone: \"Berlin\" is not known",
        ),
        (
            &["next", "* * * * *", "-n", "0"],
            "\"0\" is no whole number from 1 to 10000",
        ),
        (
            &[
                "next",
                "* * * * *",
                "--clock-changes",
                "gap=Skip,gap=RunAfter",
            ],
            "gap is given twice: remove one",
        ),
    ] {
        let error = bad(arguments, 2)?;
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    Ok(())
}

#[test]
fn an_expression_without_its_at_sign_is_named() -> Result<()> {
    let error = bad(&["next", "daily", "--kubeconfig", "/nowhere/at/all"], 1)?;
    assert!(error.contains("did you mean '@daily'?"), "{error}");
    Ok(())
}

#[test]
fn one_schedule_that_is_held_off_on_purpose_is_shown() -> Result<()> {
    for (text, why) in [
        ("a: {cron: '', image: i}\n", "spec.schedule is empty"),
        (
            "a: {cron: 0 3 * * *, image: i, suspend: true}\n",
            "spec.suspend is true",
        ),
    ] {
        let said = with_stdin(&["next", "-f", "-"], text)?;
        assert!(said.starts_with(&format!("never fires: {why}")), "{said}");
        let json = with_stdin(&["next", "-f", "-", "-o", "json"], text)?;
        assert_eq!(serde_json::from_str::<Value>(&json)?, json!([]));
    }
    Ok(())
}

#[test]
fn a_mistake_in_a_manifest_is_shown_with_its_line_and_a_caret() -> Result<()> {
    let manifest = |spec: &str| {
        format!(
            "apiVersion: punctual.dev/v1alpha1\nkind: ScheduledContainer\nmetadata: {{name: a}}\n\
             spec:\n  template: {{spec: {{containers: [{{name: a, image: b}}]}}}}\n  {spec}\n"
        )
    };
    let one = manifest("schedule: 0 3 * * *");
    for (text, expected) in [
        (
            manifest("schedule: 75 * * * *"),
            "stdin:6:13: default/a: spec.schedule: minute: 75 is not in 0-59 (character 1 of \"75 * * * \
             *\")\n    75 * * * *\n    ^^\n",
        ),
        (
            manifest("schedule: 0 0 9 1 1 ? 2020"),
            "stdin:6:13: default/a: spec.schedule: never fires: every matching time is past",
        ),
        (
            manifest("schedule: 0 3 * * *\n  calendars: [{name: c}]"),
            "stdin:7:15: default/a: spec.calendars[0]: the ScheduleCalendar c is not in these files, \
             so its days are not known; give its manifest with -f too",
        ),
        (
            format!("{one}---\n{one}"),
            "stdin:8:1: default/a: the schedule is given twice: first at stdin:1",
        ),
    ] {
        let output = output_with_stdin(&["next", "-f", "-"], &text)?;
        let error = String::from_utf8(output.stderr)?;
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains(expected), "{error}");
        assert_eq!(
            error.contains("never fires"),
            expected.contains("never fires")
        );
    }
    Ok(())
}

#[test]
fn hostile_expressions_are_refused_at_once() -> Result<()> {
    let digits = "9".repeat(4096);
    for expression in [
        digits.as_str(),
        "TZ=",
        "CRON_TZ=UTC",
        "@every",
        "@every -1s",
        "*/0 * * * *",
        "*/9223372036854775807 * * * *",
        "\u{7f}\u{1b}[31m * * * *",
        "* * * * * * * *",
    ] {
        for command in ["next", "explain"] {
            let error = bad(&[command, expression], 1)?;
            assert!(error.len() < 2000, "{error}");
            assert!(
                !error.contains("panicked") && !error.contains('\u{1b}'),
                "{error}"
            );
        }
    }
    Ok(())
}

#[test]
fn clock_changes_jitter_and_calendars_are_marked() -> Result<()> {
    let fold = good(&[
        "next",
        "*/30 2 * * *",
        "--time-zone",
        "Europe/Berlin",
        "-n",
        "4",
        "--clock-changes",
        "overlap=Both",
        "--from",
        "2026-10-25T00:10:00Z",
    ])?;
    let expected = [
        "2026-10-25T02:30:00+02:00 Sun  in 20m        # clock change: first of two 02:30",
        "2026-10-25T02:00:00+01:00 Sun  in 50m        # clock change: last of two 02:00",
        "2026-10-25T02:30:00+01:00 Sun  in 1h 20m     # clock change: last of two 02:30",
        "2026-10-26T02:00:00+01:00 Mon  in 1d",
    ];
    assert_eq!(fold.lines().collect::<Vec<_>>(), expected);

    let text = "
apiVersion: punctual.dev/v1alpha1
kind: ScheduledContainer
metadata: {name: a}
spec:
  schedule: 0 3 * * SAT
  jitterSeconds: 600
  calendars: [{name: closed, action: NextBusinessDay}]
  template: {spec: {containers: [{name: a, image: b}]}}
---
apiVersion: punctual.dev/v1alpha1
kind: ScheduleCalendar
metadata: {name: closed}
spec: {dates: [2026-03-28]}
";
    let text = with_stdin(&["next", "-f", "-", "-n", "1"], text)?;
    assert!(text.starts_with("2026-03-29T03:0"), "{text}");
    assert!(
        text.contains("# moved from Sat 2026-03-28; jitter +"),
        "{text}"
    );
    Ok(())
}

#[test]
fn several_expressions_are_one_resource() -> Result<()> {
    let text = good(&[
        "next",
        "0 9 * * *",
        "30 9 * * *",
        "0 9 * * SAT",
        "-n",
        "3",
        "-o",
        "json",
    ])?;
    let expected = json!([
        "2026-03-28T09:00:00+00:00",
        "2026-03-28T09:30:00+00:00",
        "2026-03-29T09:00:00+00:00",
    ]);
    assert_eq!(serde_json::from_str::<Value>(&text)?, expected);
    Ok(())
}

#[test]
fn every_schedule_of_a_file_is_shown_under_its_name() -> Result<()> {
    let text = with_stdin(
        &["next", "-f", "-", "-n", "1"],
        "a: {cron: '0 3 * * *', image: i}\nb: {cron: '', image: i}\n",
    )?;
    assert_eq!(
        text,
        "default/a\n  2026-03-28T03:00:00+00:00 Sat  in 15h\n\n\
         default/b\n  never fires: spec.schedule is empty, so the schedule never runs\n"
    );
    Ok(())
}

#[test]
fn json_of_files_is_an_array_for_one_schedule_and_an_object_for_several() -> Result<()> {
    let arguments = ["next", "-f", "-", "-n", "1", "-o", "json"];
    let manifest = |name: &str, hour: u8| {
        format!(
            "---\napiVersion: punctual.dev/v1alpha1\nkind: ScheduledContainer\n\
             metadata: {{name: {name}, namespace: docs}}\n\
             spec:\n  schedule: 0 {hour} * * *\n  template: \
             {{spec: {{containers: [{{name: a, image: b}}]}}}}\n"
        )
    };
    let one = with_stdin(&arguments, &manifest("a", 3))?;
    assert_eq!(
        serde_json::from_str::<Value>(&one)?,
        json!(["2026-03-28T03:00:00+00:00"])
    );
    let two = with_stdin(&arguments, &(manifest("a", 3) + &manifest("b", 4)))?;
    let expected = json!({
        "docs/a": ["2026-03-28T03:00:00+00:00"],
        "docs/b": ["2026-03-28T04:00:00+00:00"],
    });
    assert_eq!(serde_json::from_str::<Value>(&two)?, expected);
    Ok(())
}

#[test]
fn a_problem_in_a_file_does_not_hide_the_other_schedules() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("schedule.yml");
    fs::write(
        &file,
        "a: {cron: '75 * * * *', image: i}\nb: {cron: '0 3 * * *', image: i}\n",
    )?;
    let output = call(&[
        "next",
        "-f",
        file.to_str().context("it is text")?,
        "-n",
        "1",
    ])?;
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout)?.contains("2026-03-28T03:00:00+00:00"));
    let error = String::from_utf8(output.stderr)?;
    assert!(
        error.contains("schedule.yml:1:11: default/a: minute: 75"),
        "{error}"
    );
    Ok(())
}

#[test]
fn a_name_is_asked_of_the_cluster() -> Result<()> {
    let error = bad(&["next", "backup", "--kubeconfig", "/nowhere/at/all"], 1)?;
    assert!(error.contains("kubeconfig"), "{error}");
    Ok(())
}

#[test]
fn an_expression_is_explained_in_words_with_its_next_fires() -> Result<()> {
    let text = good(&[
        "explain",
        "30 2 * * MON-FRI",
        "--time-zone",
        "Europe/Berlin",
    ])?;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "At 02:30 on every day from Monday to Friday, in Europe/Berlin."
    );
    assert!(lines[1].starts_with("Fixed: "), "{text}");
    assert_eq!(lines[2], "  2026-03-30T02:30:00+02:00 Mon  in 2d 12h");
    assert_eq!(lines.len(), 5);
    let json = good(&["explain", "30 2 * * *", "-o", "json"])?;
    let json: Value = serde_json::from_str(&json)?;
    assert_eq!(json["words"], "At 02:30 on every day, in UTC");
    assert_eq!(json["next"].as_array().map(Vec::len), Some(3));
    Ok(())
}

#[test]
fn called_by_kubectl_it_is_named_as_kubectl_calls_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let plugin = folder.path().join("kubectl-punctual");
    std::os::unix::fs::symlink(PUNCTUAL, &plugin)?;
    let help = run(Command::new(&plugin).args(["next", "--help"]))?;
    assert!(help.contains("Usage: kubectl punctual next "), "{help}");
    let help = run(Command::new(PUNCTUAL).args(["next", "--help"]))?;
    assert!(help.contains("Usage: punctual next "), "{help}");
    Ok(())
}

const PUNCTUAL: &str = env!("CARGO_BIN_EXE_punctual");

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(PUNCTUAL);
    // Where the command line names a zone, it wins.
    command.args(arguments);
    if !arguments.contains(&"--from") {
        command.args(FROM);
    }
    command.env("PUNCTUAL_TIME_ZONE", "UTC");
    command
}

fn call(arguments: &[&str]) -> Result<Output> {
    Ok(command(arguments).output()?)
}

/// What it prints, when it succeeds.
fn good(arguments: &[&str]) -> Result<String> {
    run(&mut command(arguments))
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    let error = String::from_utf8(output.stderr)?;
    ensure!(output.status.success(), "{command:?}: {error}");
    Ok(String::from_utf8(output.stdout)?)
}

/// What it says, when it fails with this exit code and prints nothing else.
fn bad(arguments: &[&str], code: i32) -> Result<String> {
    let output = call(arguments)?;
    let error = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    assert_eq!(String::from_utf8(output.stdout)?, "", "{arguments:?}");
    Ok(error)
}

fn with_stdin(arguments: &[&str], text: &str) -> Result<String> {
    let output = output_with_stdin(arguments, text)?;
    let error = String::from_utf8(output.stderr)?;
    ensure!(output.status.success(), "{arguments:?}: {error}");
    Ok(String::from_utf8(output.stdout)?)
}

fn output_with_stdin(arguments: &[&str], text: &str) -> Result<Output> {
    let mut child = command(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .context("it is piped")?
        .write_all(text.as_bytes())?;
    Ok(child.wait_with_output()?)
}
