//! What is printed for people: they do what Helm tells them, and look at their schedules.

use crate::{
    SHOP,
    command::{checked, kubectl, run, step, until},
};

/// Runs each command of the chart's notes as it stands there, in their order.
pub fn what_helm_says_works(notes: &str) {
    step("do what Helm says");
    let notes = notes.split_once("NOTES:").expect("notes").1;
    println!("{}", notes.trim_end());
    for line in notes.lines() {
        assert_eq!(line, line.trim_end(), "it ends with a space");
    }
    for command in commands(notes) {
        // It takes a file of the user's.
        if command.contains("schedule.yml") {
            continue;
        }
        if command.contains(" delete ") {
            until("the schedule of the notes runs", || {
                let succeeded = "jsonpath={.status.counts.succeeded}";
                let hello = ["get", "schedule", "hello", "-n", "default", "-o", succeeded];
                kubectl(&hello).parse().is_ok_and(|count: u32| count > 0)
            });
        }
        checked(&command, run("sh", &["-c", &command], None));
    }
    let left = kubectl(&["get", "schedules", "-n", "default", "-o", "name"]);
    assert_eq!(left, "", "what they make is removed by them");
}

/// The commands in a text, each with its here-document.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let line = line.trim();
        if !line.starts_with("kubectl ") && !line.starts_with("helm ") {
            continue;
        }
        let mut command = line.to_owned();
        if let Some((_, end)) = line.split_once("<<") {
            for line in lines.by_ref() {
                command = format!("{command}\n{line}");
                if line == end {
                    break;
                }
            }
        }
        commands.push(command);
    }
    assert!(commands.len() >= 6, "too few commands: {commands:?}");
    commands
}

/// The columns of `kubectl get`, as far as they go, for one that succeeds and one that fails.
pub fn columns_say_how_a_schedule_is() {
    step("kubectl get schedules");
    until("each column says what it should", || {
        let table = kubectl(&["get", "schedules", "-n", SHOP]);
        let mut lines = table.lines();
        let heading = lines.next().expect("a heading");
        let cell = |name: &str, heading_of: &str| {
            let row = table.lines().find(|line| line.starts_with(name));
            let row = row.expect("a row for each schedule");
            let from = heading.find(heading_of).expect("this column");
            let text = row.get(from..).unwrap_or_default();
            text.split("   ")
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let as_it_should = [
            cell("beat", "SCHEDULE") == "* * * * * *",
            cell("beat", "TIME ZONE") == "UTC",
            cell("beat", "SUSPENDED") == "false",
            cell("beat", "LAST OUTCOME") == "Succeeded",
            cell("beat", "NEXT RUN").parse::<jiff::Timestamp>().is_ok(),
            cell("leaky", "LAST OUTCOME") == "NonZeroExit",
            cell("file-first", "SCHEDULE") == "*/5 * * * * *",
        ];
        let right = as_it_should.iter().all(|it| *it);
        if right {
            println!("{table}");
        }
        right
    });
}
