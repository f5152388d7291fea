//! The log as its readers see it.

use jiff::tz::{Offset, TimeZone};
use serde_json::json;
use tracing::{debug, error, info, warn};

use super::capture::{self, Captured};
use super::record::LONGEST;
use super::*;

fn clock() -> Clock {
    Clock::simulated("2026-11-20T17:45:10.123456Z".parse().unwrap())
}

/// What a person sees in a zone an hour east of UTC.
fn text(colour: bool, log: impl FnOnce()) -> String {
    let captured = Captured::default();
    let zone = TimeZone::fixed(Offset::constant(1));
    let subscriber = Subscriber::builder()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(captured.clone())
        .event_format(Text::new(clock(), zone, colour))
        .finish();
    tracing::subscriber::with_default(subscriber, log);
    captured.text()
}

#[tokio::test(start_paused = true)]
async fn news_read_as_rows_for_a_person() {
    let rows = text(false, || {
        info!(
            event = "started",
            namespace = "default",
            schedule = "hello",
            run = "hello-20261120-184510",
            reason = "Started",
            fire = "2026-11-20T17:45:10Z",
            "started"
        );
        info!(target: "punctual::run", event = "log", namespace = "default", schedule = "hello",
            run = "hello-20261120-184510", container = "hello", "Hello from Punctual");
        warn!(
            event = "refused",
            namespace = "default",
            schedule = "slow",
            reason = "StillActive",
            fire = "2026-11-20T17:45:20Z",
            last_fire = "2026-11-20T17:45:20Z",
            count = 1,
            "slow-20261120-184500 is still active"
        );
        warn!(
            event = "refused",
            namespace = "default",
            schedule = "slow",
            reason = "Missed",
            fire = "2026-11-19T17:45:20Z",
            last_fire = "2026-11-20T17:45:00Z",
            count = 24,
            "nobody watched"
        );
        warn!(
            event = "failed",
            namespace = "default",
            schedule = "flaky",
            run = "flaky-20261120-184520",
            reason = "NonZeroExit",
            exit_code = 3,
            node = "node-1",
            fire = "2026-11-20T17:45:20Z",
            last_lines = "first line\nlast line",
            r#"container "flaky" exited with code 3"#
        );
        info!(
            event = "ready",
            namespace = "default",
            schedule = "a-schedule-with-a-long-name",
            reason = "Ready",
            "next fire 18:45:20"
        );
    });
    let expected = "\
18:45:10  started    default/hello        hello-20261120-184510
18:45:10  log        default/hello        hello | Hello from Punctual
18:45:10  refused    default/slow         fire of 18:45:20: StillActive: slow-20261120-184500 is still active
18:45:10  refused    default/slow         24 fires from 2026-11-19 18:45:20 to 18:45:00: Missed: nobody watched
18:45:10  failed     default/flaky        flaky-20261120-184520: NonZeroExit: container \"flaky\" exited with code 3: last line
18:45:10  ready      default/a-schedule-with-a-long-name  next fire 18:45:20
";
    assert_eq!(rows, expected);
}

#[tokio::test(start_paused = true)]
async fn other_records_read_as_level_message_and_fields() {
    let rows = text(false, || {
        info!(schedules = 7, synced = true, "watching");
        error!(
            namespace = "default",
            schedule = "hello",
            error = "no answer",
            "can't write"
        );
        debug!(url = %"http://a");
    });
    let expected = "\
18:45:10  INFO       watching schedules=7 synced=true
18:45:10  ERROR      default/hello        can't write error=no answer
18:45:10  DEBUG      url=http://a
";
    assert_eq!(rows, expected);
}

#[tokio::test(start_paused = true)]
async fn colour_marks_the_time_and_the_word_and_nothing_foreign() {
    let rows = text(true, || {
        warn!(
            event = "failed",
            namespace = "a",
            schedule = "b",
            run = "b-1",
            "\x1b[32mfine"
        );
    });
    let expected = "\x1b[2m18:45:10\x1b[0m  \x1b[1;31mfailed   \x1b[0m  \
                    a/b                  b-1: \\x1b[32mfine\n";
    assert_eq!(rows, expected);
}

#[tokio::test(start_paused = true)]
async fn a_line_of_text_is_bounded_and_stays_one_line() {
    let huge = "ü\n".repeat(LONGEST);
    let rows = text(false, || info!(other = %huge, "{huge}"));
    assert_eq!(rows.lines().count(), 1);
    assert!(rows.len() <= LONGEST + 1, "{}", rows.len());
    assert!(rows.ends_with("… (cut)\n"));
}

#[tokio::test(start_paused = true)]
async fn json_is_one_flat_object_a_line() {
    let (captured, guard) = capture::json(clock());
    let cause = std::io::Error::other(std::io::Error::other("no route"));
    warn!(target: "punctual::run", event = "failed", namespace = "default", exit_code = 3_i64,
        node = None::<&str>, last_lines = "a\n\x1b[0mb\u{9b}\u{202e}ü", "exited");
    error!(
        error = &cause as &(dyn std::error::Error + 'static),
        level = "high",
        ok = false
    );
    drop(guard);
    let text = captured.text();
    assert_eq!(
        text.lines().next().unwrap(),
        concat!(
            r#"{"timestamp":"2026-11-20T17:45:10.123456Z","level":"WARN","message":"exited","#,
            r#""target":"punctual::run","event":"failed","namespace":"default","exit_code":3,"#,
            r#""last_lines":"a\n\u001b[0mb\u009b\u202eü"}"#
        )
    );
    let rows = captured.json();
    assert_eq!(rows[0]["last_lines"], "a\n\x1b[0mb\u{9b}\u{202e}ü");
    assert_eq!(rows[1]["level"], "ERROR");
    assert_eq!(rows[1]["field_level"], "high");
    assert_eq!(rows[1]["ok"], json!(false));
    assert_eq!(rows[1].get("message"), None);
    assert!(rows[1]["error"].as_str().unwrap().starts_with("no route"));
}

#[tokio::test(start_paused = true)]
async fn every_text_in_json_is_bounded() {
    let (captured, guard) = capture::json(clock());
    let huge = "ü".repeat(LONGEST);
    info!(as_text = huge.as_str(), as_value = %huge, "{huge}");
    drop(guard);
    let row = &captured.json()[0];
    for name in ["message", "as_text", "as_value"] {
        let text = row[name].as_str().unwrap();
        assert!(text.len() <= LONGEST && text.ends_with("… (cut)"), "{name}");
    }
}

#[test]
fn a_reader_that_takes_nothing_delays_nobody_and_what_is_dropped_is_counted() {
    /// A writer that waits for ever, like a full pipe.
    struct Stuck(std::sync::mpsc::Receiver<()>);
    impl std::io::Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let (release, stuck) = std::sync::mpsc::channel();
    let (writer, worker) = NonBlockingBuilder::default()
        .buffered_lines_limit(10)
        .finish(Stuck(stuck));
    let dropped = DroppedLines(writer.error_counter());
    let subscriber = Subscriber::builder().with_writer(writer).finish();
    tracing::subscriber::with_default(subscriber, || {
        for line in 0..100 {
            info!(line);
        }
    });
    // Ten wait, one may be in the writer's hands.
    assert!((89..=90).contains(&dropped.count()), "{}", dropped.count());
    let metrics = crate::metrics::Metrics::new();
    metrics.watch_dropped_lines(dropped.clone());
    let shown = format!("punctual_log_lines_dropped_total {}\n", dropped.count());
    assert!(metrics.encode().contains(&shown));
    drop(release);
    drop(worker);
}

#[test]
fn a_filter_that_can_t_be_read_is_an_error_that_shows_it() {
    let error = init(LogFormat::Json, "punctual=loud", TimeZone::UTC)
        .err()
        .unwrap();
    assert!(error.to_string().contains("punctual=loud"), "{error}");
}
