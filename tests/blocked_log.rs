//! A reader of the log that stops reading must not keep the process from working or from ending.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use punctual::telemetry::{self, LogFormat};

/// Says that this process is the one whose log nobody reads.
const CHILD: &str = "PUNCTUAL_TEST_BLOCKED_LOG";

#[test]
fn a_process_whose_log_nobody_reads_ends() {
    if std::env::var_os(CHILD).is_some() {
        let guard = telemetry::init(LogFormat::Json, "info", jiff::tz::TimeZone::UTC)
            .expect("nothing logs here yet");
        // More than the pipe and the queue hold.
        for line in 0..20_000 {
            tracing::info!(line, "{}", "x".repeat(100));
        }
        assert!(guard.dropped_lines().count() > 0);
        drop(guard);
        std::process::exit(0);
    }
    let mut child = Command::new(std::env::current_exe().expect("it runs"))
        .args([
            "--exact",
            "a_process_whose_log_nobody_reads_ends",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it started once already");
    // Held open, and not read.
    let _stdout = child.stdout.take();
    // Only a process that never ends makes this fail.
    let limit = Instant::now() + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = child.try_wait().expect("it is our child") {
            break status;
        }
        if Instant::now() > limit {
            child.kill().expect("it is our child");
            panic!("the process hangs at its end");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success(), "{status}");
}
