//! What the documents say is so: links lead somewhere, tables of fires are what the code computes,
//! YAML can be read, and what is named exists.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};
use punctual::{
    api::{ClockChanges, ScheduleCalendar, ScheduledContainer, TimingSpec},
    cluster::file_source,
    core::{
        almanac::Almanac,
        calendar::Calendar,
        cron::{Options, Timing, Zones},
        reason::Reason,
        timetable::Timetable,
    },
};

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    for page in pages() {
        for link in page.links() {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => page.path.clone(),
                path => page.path.parent().unwrap().join(path),
            };
            assert!(
                target.exists(),
                "{} links to {link}, which isn't there",
                page.name
            );
            if !heading.is_empty() {
                let text = fs::read_to_string(&target).unwrap();
                let found = headings(&text).any(|known| known == heading);
                assert!(found, "{} links to {link}: no such heading", page.name);
            }
        }
    }
}

#[test]
fn every_path_that_is_named_exists() {
    let rooms = [
        "src/",
        "tests/",
        "hack/",
        "docs/",
        "deploy/",
        "crds/",
        "charts/",
        "examples/",
    ];
    for page in pages() {
        for name in page.code_spans() {
            let path = name.split(['*', ' ']).next().unwrap_or_default();
            if !rooms.iter().any(|room| path.starts_with(room)) {
                continue;
            }
            // `tests/cron_*.rs`: some file begins like that.
            let there = if name.contains('*') {
                begins_a_file(path)
            } else {
                root().join(path).exists()
            };
            assert!(there, "{} names {name}, which isn't there", page.name);
        }
    }
}

#[test]
fn every_schedule_that_is_shown_can_be_read() {
    const NAME: Option<(&str, &str)> = Some(("default", "shown"));
    let almanac = Almanac::new(TimeZone::UTC);
    let mut shown = 0;
    for page in pages() {
        for block in page.blocks("yaml") {
            if block.contains("kind: ScheduledContainer") {
                let typed: ScheduledContainer = typed(&page, &block);
                Timetable::parse(&TimingSpec::from(&typed.spec), &almanac, NAME).unwrap();
            } else if block.contains("kind: ScheduleCalendar") {
                let typed: ScheduleCalendar = typed(&page, &block);
                Calendar::parse(&typed.spec).unwrap();
            } else if block.starts_with("schedules:") {
                let part: TimingSpec = typed(&page, &block);
                Timetable::parse(&part, &almanac, NAME).unwrap();
            } else if block.starts_with("calendars:") {
                let part: TimingSpec = typed(&page, &block);
                assert!(!part.calendars.is_empty(), "{}: {block}", page.name);
            } else {
                let pod =
                    "{kind: Pod, spec: {containers: [{name: a, image: b}], restartPolicy: Never}}";
                let reading =
                    file_source::read(&block, "schedule.yml", "default", &almanac, |_| {
                        Ok(pod.to_owned())
                    });
                let problems: Vec<_> = reading.problems.iter().map(ToString::to_string).collect();
                assert!(problems.is_empty(), "{}: {problems:#?}", page.name);
                assert!(!reading.entries.is_empty(), "{}: {block}", page.name);
            }
            shown += 1;
        }
    }
    assert!(shown >= 3, "only {shown} blocks of YAML were found");
}

#[test]
fn every_make_target_that_is_named_exists() {
    let known = targets();
    for page in pages() {
        for line in page
            .code_spans()
            .into_iter()
            .chain(page.blocks("sh").iter().flat_map(|block| lines(block)))
        {
            let mut words = line.split_whitespace().skip_while(|word| *word != "make");
            for target in words
                .by_ref()
                .skip(1)
                .take_while(|word| *word != "#")
                // A setting of a target is none.
                .filter(|word| !word.contains('='))
            {
                assert!(
                    known.iter().any(|known| known == target),
                    "{} names make {target}, which isn't in the Makefile",
                    page.name
                );
            }
        }
    }
}

#[test]
fn contributors_are_told_of_every_make_target() {
    let text = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    for target in targets() {
        let told = target == "help" || text.contains(&format!("| `make {target}` |"));
        assert!(told, "CONTRIBUTING.md has no row for make {target}");
    }
}

#[test]
fn every_test_that_is_named_exists() {
    let mut all = String::new();
    for folder in ["src", "tests"] {
        read_all(&root().join(folder), &mut all);
    }
    for page in pages() {
        for name in page.code_spans() {
            let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            // Metrics have underscores as well.
            if name.matches('_').count() < 3
                || !name.chars().all(is_name)
                || name.starts_with("punctual_")
            {
                continue;
            }
            let found = all.contains(&format!("fn {name}(")) || all.contains(&format!("{name}:"));
            assert!(found, "{} names the test {name}: there is none", page.name);
        }
    }
}

#[test]
fn every_metric_that_is_named_exists() {
    let known = fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    for page in pages() {
        for name in page.code_spans() {
            let known = known.contains(&format!("`{name}`"));
            let ours = name.starts_with("punctual_");
            assert!(
                !ours || known,
                "{} names the metric {name}: there is none",
                page.name
            );
        }
    }
}

#[test]
fn trouble_has_a_row_for_every_reason_that_is_trouble() {
    let page = page("docs/troubleshooting.md");
    let rows: Vec<&str> = page
        .text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let told = |reason: &str| {
        rows.iter()
            .any(|row| spans(row.split('|').nth(1).unwrap()).any(|it| it == reason))
    };
    for reason in Reason::ALL {
        let fine = [
            Reason::Started,
            Reason::Succeeded,
            Reason::Replaced,
            Reason::Retrying,
            Reason::Queued,
            Reason::CircuitClosed,
            Reason::InTime,
            Reason::Ready,
            Reason::NameTaken,
            Reason::InvalidEntry,
            Reason::InvalidFile,
        ];
        assert!(
            fine.contains(reason) || told(reason.name()),
            "no row tells of {reason}"
        );
    }
    for row in rows {
        for name in spans(row.split('|').nth(1).unwrap()) {
            let known = Reason::ALL.iter().any(|reason| reason.name() == name);
            let word = name.chars().all(|c| c.is_ascii_alphabetic()) && name != "READINESS";
            assert!(!word || known, "{name} is no reason: {row}");
        }
    }
}

#[test]
fn the_fires_in_tables_are_what_the_code_computes() {
    let page = page("docs/schedules.md");
    let mut checked = 0;
    for row in page.rows("| schedule | fires |") {
        let (schedule, fires) = (unquoted(&row[0]), &row[1]);
        let timing = Timing::parse(&schedule, TimeZone::UTC).unwrap();
        let mut after: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let mut found = Vec::new();
        for _ in fires.split(", ") {
            let Some(fire) = timing.next(after) else {
                found.push("never".to_owned());
                break;
            };
            let text = fire.strftime("%F %T").to_string();
            found.push(text.strip_suffix(":00").unwrap_or(&text).to_owned());
            after = fire;
        }
        assert_eq!(found.join(", "), *fires, "{schedule}");
        checked += 1;
    }
    for row in page.rows("| schedule | zone | day | fires |") {
        day_is_right(&row[0], &row[1], &row[2], ClockChanges::default(), &row[3]);
        checked += 1;
    }
    for row in page.rows("| schedule | zone | day | clockChanges | fires |") {
        let (field, value) = row[3].split_once('=').unwrap();
        let changes = serde_json::from_value(serde_json::json!({ field: value })).unwrap();
        day_is_right(&row[0], &row[1], &row[2], changes, &row[4]);
        checked += 1;
    }
    assert!(checked > 24, "only {checked} rows were found");
}

fn typed<T: serde::de::DeserializeOwned>(page: &Page, block: &str) -> T {
    serde_saphyr::from_str(block).unwrap_or_else(|error| panic!("{}: {error}\n{block}", page.name))
}

/// Checks all fires of one local day.
fn day_is_right(schedule: &str, place: &str, day: &str, clock_changes: ClockChanges, fires: &str) {
    let schedule = unquoted(schedule);
    let options = Options {
        clock_changes,
        ..Options::default()
    };
    let zone = Zones::built_in().get(place).unwrap();
    let timing = Timing::read(&schedule, zone, &options).unwrap();
    let noon: Timestamp = format!("{day}T12:00:00Z").parse().unwrap();
    let mut after = noon - jiff::SignedDuration::from_hours(36);
    let end = noon + jiff::SignedDuration::from_hours(36);
    let mut found = Vec::new();
    while let Some(fire) = timing.next(after).filter(|fire| *fire < end) {
        let local = timing.describe_local(fire);
        if let Some(time) = local.strip_prefix(&format!("{day}T")) {
            found.push(format!("{}{}", &time[..5], &time[8..]));
        }
        after = fire;
    }
    if found.is_empty() {
        found.push("none".to_owned());
    }
    assert_eq!(found.join(", "), fires, "{schedule} in {place} on {day}");
}

#[test]
fn commands_print_what_is_shown() {
    let mut checked = 0;
    for page in pages() {
        for block in page.blocks("console") {
            for (command, shown) in commands(&block) {
                assert_eq!(printed(&command), shown, "{}: $ {command}", page.name);
                checked += 1;
            }
        }
    }
    assert!(checked >= 8, "only {checked} commands were found");
}

/// The commands of a block, each with what it prints. A line that ends in `\\` goes on.
fn commands(block: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut goes_on = false;
    for line in block.lines() {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push((command.to_owned(), String::new())),
            (None, Some((command, _))) if goes_on => *command += &format!("\n{line}"),
            (None, Some((_, shown))) => *shown += &format!("{line}\n"),
            (None, None) => panic!("a console block begins with a command: {line}"),
        }
        goes_on = line.ends_with('\\') && (goes_on || line.starts_with("$ "));
    }
    found
}

/// What a shell prints for a command line, in the root of the repository, in UTC.
fn printed(command: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_punctual"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(program.parent().unwrap().to_owned());
    let path = std::env::join_paths(folders.chain(std::env::split_paths(&path))).unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(root())
        .env("PATH", path)
        .env("PUNCTUAL_TIME_ZONE", "UTC")
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

struct Page {
    /// Its path in the repository.
    name: String,
    path: PathBuf,
    text: String,
}

impl Page {
    /// The targets of its links, outside of blocks of code.
    fn links(&self) -> Vec<String> {
        let mut found = Vec::new();
        for line in self.prose() {
            for rest in line.split("](").skip(1) {
                found.extend(rest.split(')').next().map(str::to_owned));
            }
            // `[name]: target`
            if let Some((_, target)) = line.strip_prefix('[').and_then(|it| it.split_once("]: ")) {
                found.push(target.trim().to_owned());
            }
        }
        found
    }

    /// What stands in backticks, outside of blocks of code.
    fn code_spans(&self) -> Vec<&str> {
        self.prose().flat_map(spans).collect()
    }

    /// The lines outside of blocks of code.
    fn prose(&self) -> impl Iterator<Item = &str> {
        let mut within = false;
        self.text.lines().filter(move |line| {
            let fence = line.trim_start().starts_with("```");
            within ^= fence;
            !within && !fence
        })
    }

    /// The blocks of code in this language.
    fn blocks(&self, language: &str) -> Vec<String> {
        let opening = format!("```{language}\n");
        let parts = self.text.split(&opening).skip(1);
        parts
            .filter_map(|rest| Some(rest.split_once("```")?.0.to_owned()))
            .collect()
    }

    /// The cells of the rows of all tables with this heading.
    fn rows(&self, heading: &str) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            if line != heading {
                continue;
            }
            let table = lines
                .by_ref()
                .skip(1)
                .take_while(|line| line.starts_with('|'));
            rows.extend(table.map(|row| {
                let cells = row.trim_matches('|').split('|');
                cells.map(|cell| cell.trim().to_owned()).collect()
            }));
        }
        rows
    }
}

fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn lines(block: &str) -> Vec<&str> {
    block.lines().collect()
}

fn unquoted(cell: &str) -> String {
    cell.trim_matches('`').to_owned()
}

/// The anchors of all headings, as they are made from their text.
fn headings(text: &str) -> impl Iterator<Item = String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let text = line.trim_start_matches('#').trim().to_lowercase();
            let kept = text
                .chars()
                .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-' || *c == '_');
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
}

fn targets() -> Vec<String> {
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let named = makefile.lines().filter_map(|line| {
        let (name, rest) = line.split_once(':')?;
        let plain = name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        (plain && rest.contains("## ")).then(|| name.to_owned())
    });
    let found: Vec<String> = named.collect();
    assert!(found.len() > 5, "{found:?}");
    found
}

fn begins_a_file(prefix: &str) -> bool {
    let path = root().join(prefix);
    let (folder, start) = (path.parent().unwrap(), path.file_name().unwrap());
    let mut entries = fs::read_dir(folder).unwrap();
    entries.any(|entry| {
        let name = entry.unwrap().file_name();
        name.to_string_lossy()
            .starts_with(&*start.to_string_lossy())
    })
}

fn read_all(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, into);
        } else if path.extension().is_some_and(|it| it == "rs") {
            into.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

fn page(name: &str) -> Page {
    let path = root().join(name);
    let text = fs::read_to_string(&path).unwrap();
    let name = name.to_owned();
    Page { name, path, text }
}

/// Every Markdown file of the repository.
fn pages() -> Vec<Page> {
    let mut found = Vec::new();
    collect("", &mut found);
    assert!(found.len() > 8, "only {} pages were found", found.len());
    found
}

fn collect(folder: &str, found: &mut Vec<Page>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        // What isn't ours: builds, and what is hidden.
        if name.starts_with('.') || name == "target" {
            continue;
        }
        let name = match folder {
            "" => name,
            folder => format!("{folder}/{name}"),
        };
        if entry.file_type().unwrap().is_dir() {
            collect(&name, found);
        } else if name.ends_with(".md") {
            found.push(page(&name));
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
