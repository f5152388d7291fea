//! The output of runs, as an API server that misbehaves gives it.

mod server;

use std::time::Duration;

use jiff::SignedDuration;

use server::Answer::{self, Cut, End, NotFound, Refused, Silence};
use server::Server;

use super::*;
use crate::clock::Clock;
use crate::core::run::{Restarts, Terminated};
use crate::telemetry::LONGEST_TEXT;
use crate::telemetry::capture::{self, Captured};

/// A follower, its server and its log; the controller started at second 30.
struct Setup {
    server: Server,
    follower: LogFollower,
    metrics: Metrics,
    places: usize,
    log: Captured,
    _guard: tracing::subscriber::DefaultGuard,
}

fn setup(mode: RunLogs, streams: usize, answers: &[Answer]) -> Setup {
    let server = Server::default();
    *server.answers.lock().unwrap() = answers.iter().cloned().collect();
    let metrics = Metrics::new();
    let follower =
        LogFollower::with_streams(streams, mode, server.client(), metrics.clone(), at(30.0));
    let (log, guard) = capture::json(Clock::simulated(at(30.0)));
    Setup {
        server,
        places: streams + WAITING,
        follower,
        metrics,
        log,
        _guard: guard,
    }
}

impl Setup {
    fn see(&self, pod: &SeenPod) {
        let schedule = ScheduleRef {
            namespace: "team".to_owned(),
            name: "hello".to_owned(),
            uid: "u-1".to_owned(),
        };
        self.follower.pod_seen(&schedule, pod);
    }

    /// Waits, in the runtime's time, until this holds.
    async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let wait = async {
            while !condition(self) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let limit = Duration::from_secs(1_000);
        let end = tokio::time::timeout(limit, wait).await;
        end.unwrap_or_else(|_| panic!("{:?}\n{}", self.server.requests(), self.log.text()));
    }

    async fn until_idle(&self) {
        let places = self.follower.inner.places.clone();
        self.until(|setup| places.available_permits() == setup.places)
            .await;
    }

    async fn pod_gone_and_idle(&self, uid: &str) {
        self.follower.pod_gone(uid);
        self.until_idle().await;
        assert!(self.follower.inner.lock().is_empty());
    }

    /// The lines of runs that were logged.
    fn printed(&self) -> Vec<String> {
        let rows = self.log.json();
        rows.iter()
            .filter(|row| row["target"] == "punctual::run")
            .map(|row| row["message"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    fn warnings(&self) -> usize {
        let rows = self.log.json();
        rows.iter().filter(|row| row["level"] == "WARN").count()
    }
}

fn at(seconds: f64) -> Timestamp {
    let minute: Timestamp = "2026-11-20T18:45:00Z".parse().unwrap();
    minute + SignedDuration::from_secs_f64(seconds)
}

fn line(seconds: f64, text: &str) -> String {
    format!("{} {text}\n", at(seconds))
}

fn running(since: f64) -> ContainerState {
    ContainerState::Running {
        since: Some(at(since)),
    }
}

fn ended(started: f64, finished: f64) -> ContainerState {
    ContainerState::Terminated(Terminated {
        started: Some(at(started)),
        finished: Some(at(finished)),
        ..Terminated::default()
    })
}

fn pod(uid: &str, phase: Phase, state: ContainerState) -> SeenPod {
    SeenPod {
        held: false,
        phase,
        containers: vec![SeenContainer {
            name: "main".to_owned(),
            state,
            restarts: Restarts::Never,
            ready: true,
        }],
        ..SeenPod::just_made(format!("hello-{uid}"), uid.to_owned(), at(31.0))
    }
}

#[tokio::test(start_paused = true)]
async fn every_line_of_a_run_is_one_record_that_says_whose_it_is() {
    let all = line(32.1, "Hello") + &line(32.2, "\x1b[1mWorld");
    let setup = setup(RunLogs::All, 64, &[End(all)]);
    let waiting = ContainerState::Waiting {
        reason: "ContainerCreating".to_owned(),
        message: String::new(),
    };
    setup.see(&pod("1", Phase::Pending, waiting));
    setup.see(&pod("1", Phase::Running, running(32.0)));
    setup.until(|setup| setup.printed().len() == 2).await;
    setup.see(&pod("1", Phase::Succeeded, ended(32.0, 33.0)));
    setup.until_idle().await;
    setup.see(&pod("1", Phase::Succeeded, ended(32.0, 33.0)));
    setup.until_idle().await;
    assert_eq!(setup.printed(), ["Hello", "\x1b[1mWorld"]);
    let rows = setup.log.json();
    let row = rows.iter().find(|row| row["message"] == "Hello").unwrap();
    for (field, value) in [
        ("level", "INFO"),
        ("target", "punctual::run"),
        ("event", "log"),
        ("namespace", "team"),
        ("schedule", "hello"),
        ("run", "hello-1"),
        ("container", "main"),
    ] {
        assert_eq!(row[field], value, "{field}");
    }
    let path = "/api/v1/namespaces/team/pods/hello-1/log?&container=main&follow=true";
    assert_eq!(
        setup.server.requests(),
        [
            format!("{path}&timestamps=true"),
            format!("{path}&sinceTime=2026-11-20T18%3A45%3A32Z&timestamps=true"),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn after_a_broken_connection_no_line_is_missing_and_none_comes_twice() {
    let first = line(32.1, "a") + &line(32.9, "b") + &line(33.2, "c") + &line(33.2, "d");
    let again = line(33.2, "c") + &line(33.2, "d") + &line(33.2, "e") + &line(34.0, "f");
    let half = line(33.2, "e").trim_end()[..20].to_owned();
    let answers = [Cut(first + &half), Refused, End(again)];
    let setup = setup(RunLogs::All, 64, &answers);
    setup.see(&pod("1", Phase::Running, running(32.0)));
    setup
        .until(|setup| setup.server.requests().len() == 3)
        .await;
    setup.see(&pod("1", Phase::Succeeded, ended(32.0, 35.0)));
    setup.until(|setup| setup.printed().len() >= 6).await;
    setup.pod_gone_and_idle("1").await;
    assert_eq!(setup.printed(), ["a", "b", "c", "d", "e", "f"]);
    let resumed = &setup.server.requests()[1];
    assert!(
        resumed.contains("sinceTime=2026-11-20T18%3A45%3A33Z"),
        "{resumed}"
    );
    assert_eq!(setup.warnings(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ends_before_its_container_is_taken_up_again() {
    let answers = [
        End(String::new()),
        End(line(40.0, "a")),
        End(line(40.0, "a") + &line(50.0, "b")),
    ];
    let setup = setup(RunLogs::All, 64, &answers);
    setup.see(&pod("1", Phase::Running, running(32.0)));
    setup.until(|setup| setup.printed() == ["a", "b"]).await;
    setup.see(&pod("1", Phase::Succeeded, ended(32.0, 60.0)));
    setup.until_idle().await;
    assert_eq!(setup.printed(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_last_line_without_its_end_is_printed_once_the_container_has_ended() {
    let part = line(32.5, "no newline").trim_end().to_owned();
    let setup = setup(RunLogs::All, 64, &[End(line(32.1, "a") + &part), NotFound]);
    setup.see(&pod("1", Phase::Running, running(32.0)));
    setup.until(|setup| setup.printed() == ["a"]).await;
    setup.pod_gone_and_idle("1").await;
    assert_eq!(setup.printed(), ["a", "no newline"]);
    assert_eq!(setup.warnings(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_gone_is_read_to_its_end_and_no_further() {
    let setup = setup(RunLogs::All, 64, &[End(line(32.1, "a"))]);
    setup.see(&pod("1", Phase::Running, running(32.0)));
    setup.until(|setup| setup.printed() == ["a"]).await;
    setup.pod_gone_and_idle("1").await;
    assert!(setup.server.requests().len() <= 3);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_is_restarted_is_read_on() {
    let answers = [
        End(line(32.1, "a")),
        End(line(32.1, "a")),
        Silence(line(35.0, "b")),
    ];
    let setup = setup(RunLogs::All, 64, &answers);
    setup.see(&pod("1", Phase::Running, running(32.0)));
    setup.see(&pod("1", Phase::Running, ended(32.0, 33.0)));
    setup.until_idle().await;
    setup.see(&pod("1", Phase::Running, running(34.0)));
    setup.until(|setup| setup.printed().len() >= 2).await;
    assert_eq!(setup.printed(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_printed_before_the_controller_started_is_not_printed_again() {
    let both = line(29.9, "before") + &line(30.2, "after");
    let setup = setup(RunLogs::All, 64, &[Silence(both)]);
    setup.see(&pod("ended", Phase::Failed, ended(20.0, 29.0)));
    setup.see(&pod("active", Phase::Running, running(20.0)));
    setup.until(|setup| !setup.printed().is_empty()).await;
    assert_eq!(setup.printed(), ["after"]);
    let requests = setup.server.requests();
    assert_eq!(requests.len(), 1);
    let since =
        "pods/hello-active/log?&container=main&follow=true&sinceTime=2026-11-20T18%3A45%3A30Z";
    assert!(requests[0].contains(since), "{requests:?}");
}

#[tokio::test(start_paused = true)]
async fn no_more_streams_than_allowed_and_the_next_takes_its_turn() {
    let setup = setup(RunLogs::All, 2, &[Silence(line(31.0, "x"))]);
    for uid in ["1", "2", "3"] {
        setup.see(&pod(uid, Phase::Running, running(31.0)));
    }
    setup.until(|setup| setup.printed().len() == 2).await;
    tokio::time::advance(Duration::from_secs(100)).await;
    assert_eq!(setup.server.requests().len(), 2);
    // Its stream is given half a minute for what is under way.
    setup.follower.pod_gone("1");
    setup
        .until(|setup| {
            setup
                .server
                .requests()
                .iter()
                .any(|uri| uri.contains("hello-3"))
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_place_is_counted_once_and_followed_when_there_is_one() {
    let setup = setup(RunLogs::All, 1, &[Silence(String::new())]);
    for uid in 0..WAITING + 3 {
        setup.see(&pod(&uid.to_string(), Phase::Running, running(31.0)));
    }
    let last = pod(&(WAITING + 2).to_string(), Phase::Running, running(31.0));
    setup.see(&last);
    let shown = setup.metrics.encode();
    assert!(
        shown.contains("punctual_log_streams_dropped_total 2\n"),
        "{shown}"
    );
    // A list without any of them.
    *setup.server.answers.lock().unwrap() = [NotFound].into();
    setup.follower.keep(&HashSet::new());
    setup.until_idle().await;
    assert!(setup.follower.inner.lock().is_empty());
    setup.see(&last);
    let uri = format!("hello-{}", WAITING + 2);
    setup
        .until(|setup| setup.server.requests().iter().any(|one| one.contains(&uri)))
        .await;
}

#[tokio::test(start_paused = true)]
async fn in_mode_failed_the_last_lines_of_failed_runs_are_printed_once() {
    let setup = setup(RunLogs::Failed, 64, &[End(line(32.0, "why"))]);
    setup.see(&pod("1", Phase::Running, running(31.0)));
    setup.see(&pod("2", Phase::Succeeded, ended(31.0, 32.0)));
    setup.see(&pod("3", Phase::Failed, ended(20.0, 29.0)));
    for _ in 0..3 {
        setup.see(&pod("4", Phase::Failed, ended(31.0, 32.0)));
        setup.until_idle().await;
    }
    assert_eq!(setup.printed(), ["why"]);
    let path = "/api/v1/namespaces/team/pods/hello-4/log?&container=main";
    let query = "&tailLines=100&timestamps=true";
    assert_eq!(setup.server.requests(), [format!("{path}{query}")]);
}

#[tokio::test(start_paused = true)]
async fn in_mode_off_nothing_is_asked_for() {
    let setup = setup(RunLogs::Off, 64, &[End(line(32.0, "x"))]);
    setup.see(&pod("1", Phase::Running, running(31.0)));
    setup.see(&pod("1", Phase::Failed, ended(31.0, 32.0)));
    setup.until_idle().await;
    assert_eq!(setup.server.requests().len(), 0);
    assert!(setup.follower.inner.lock().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_log_that_can_t_be_read_is_given_up_with_one_warning() {
    let setup = setup(RunLogs::All, 64, &[Refused]);
    let seen = pod("1", Phase::Succeeded, ended(31.0, 32.0));
    setup.see(&seen);
    setup.until_idle().await;
    setup.see(&seen);
    setup.until_idle().await;
    assert_eq!(setup.server.requests().len(), 11);
    assert_eq!(setup.warnings(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_hangs_after_the_end_of_its_container_is_taken_up_again() {
    let answers = [
        Silence(line(31.5, "a")),
        End(line(31.5, "a") + &line(31.6, "b")),
    ];
    let setup = setup(RunLogs::All, 64, &answers);
    setup.see(&pod("1", Phase::Running, running(31.0)));
    setup.until(|setup| setup.printed() == ["a"]).await;
    setup.see(&pod("1", Phase::Succeeded, ended(31.0, 32.0)));
    setup.until_idle().await;
    assert_eq!(setup.printed(), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_line_is_bounded_and_says_that_it_was_cut() {
    let long = line(31.5, &"x".repeat(1_000_000)) + &line(31.6, "next");
    let setup = setup(RunLogs::All, 64, &[End(long)]);
    setup.see(&pod("1", Phase::Succeeded, ended(31.0, 32.0)));
    setup.until_idle().await;
    let printed = setup.printed();
    assert!(printed[0].len() <= LONGEST_TEXT && printed[0].ends_with("x… (cut)"));
    assert_eq!(printed[1], "next");
}
