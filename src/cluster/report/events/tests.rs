//! Events, as an API server gets them.

use std::sync::Arc;

use http::{Method, Request, Response, StatusCode};
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

use super::super::words;
use super::*;
use crate::clock::Clock;
use crate::core::news::News;
use crate::core::reason::Reason;
use crate::core::schedule_ref::ScheduleRef;
use crate::telemetry::capture;

type Requests = Arc<Mutex<Vec<(Method, String, Value)>>>;

/// An API server that keeps what it is asked and answers with the status that `answer` returns;
/// none: never.
fn server(
    answer: impl Fn(&Method) -> Option<StatusCode> + Send + Sync + 'static,
) -> (Client, Requests) {
    let requests = Requests::default();
    let kept = requests.clone();
    let answer = Arc::new(answer);
    let service = service_fn(move |request: Request<Body>| {
        let (kept, answer) = (kept.clone(), answer.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect_bytes().await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            let method = parts.method.clone();
            let path = parts.uri.path().to_owned();
            kept.lock().unwrap().push((method, path, body.clone()));
            let Some(status) = answer(&parts.method) else {
                return std::future::pending().await;
            };
            let reply = if status.is_success() {
                body
            } else {
                json!({"status": "Failure", "code": status.as_u16(), "message": "no",
                    "reason": if status == StatusCode::CONFLICT { "AlreadyExists" } else { "" }})
            };
            let reply = Body::from(serde_json::to_vec(&reply).unwrap());
            let response = Response::builder().status(status).body(reply).unwrap();
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    (Client::new(service, "default"), requests)
}

fn at(seconds: i64) -> Timestamp {
    let start: Timestamp = "2026-11-20T18:45:00Z".parse().unwrap();
    start + SignedDuration::from_secs(seconds)
}

fn schedule() -> ScheduleRef {
    ScheduleRef {
        namespace: "team".to_owned(),
        name: "slow".to_owned(),
        uid: "u-1".to_owned(),
    }
}

fn started(uid: &str) -> Words {
    let news = News::Started {
        run: "slow-1".to_owned(),
        uid: uid.to_owned(),
        fire: at(0),
        attempt: 1,
    };
    words::of_news(&schedule(), &news, at(0))
}

fn refused(run: &str, seconds: i64) -> Words {
    let skip = crate::api::SkipRecord {
        fire_time: at(seconds),
        last_fire_time: at(seconds),
        count: 1,
        reason: "StillActive".to_owned(),
        message: format!("{run} is still active"),
    };
    let reason = Reason::StillActive;
    words::of_news(&schedule(), &News::Skipped { skip, reason }, at(seconds))
}

#[tokio::test]
async fn an_event_names_the_schedule_the_run_and_who_says_so() {
    let (client, requests) = server(|_| Some(StatusCode::CREATED));
    assert!(
        Publisher::new(client, "pod-7".to_owned())
            .publish(started("p-1"))
            .await
    );
    let mut requests = requests.lock().unwrap();
    let (method, path, mut body) = requests.pop().unwrap();
    assert_eq!(method, Method::POST);
    assert_eq!(path, "/apis/events.k8s.io/v1/namespaces/team/events");
    let name = body["metadata"]["name"].take();
    assert!(name.as_str().unwrap().starts_with("slow."), "{name}");
    let expected = json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": null, "namespace": "team"},
        "action": "Start",
        "eventTime": "2026-11-20T18:45:00.000000Z",
        "note": "Run slow-1 started for the fire of 2026-11-20T18:45:00Z.",
        "reason": "Started",
        "regarding": {"apiVersion": "punctual.dev/v1alpha1", "kind": "ScheduledContainer",
            "namespace": "team", "name": "slow", "uid": "u-1"},
        "related": {"apiVersion": "v1", "kind": "Pod",
            "namespace": "team", "name": "slow-1", "uid": "p-1"},
        "reportingController": "punctual.dev/controller",
        "reportingInstance": "pod-7",
        "type": "Normal",
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn refusals_for_one_cause_are_one_event_with_a_count_written_every_ten_seconds() {
    let (client, requests) = server(|_| Some(StatusCode::OK));
    let publisher = Publisher::new(client, "i".to_owned());
    for seconds in 0..=20 {
        assert!(publisher.publish(refused("slow-1", seconds)).await);
    }
    // Another cause, and after a long silence the first again.
    assert!(publisher.publish(refused("slow-2", 21)).await);
    assert!(publisher.publish(refused("slow-1", 20 + 360)).await);
    let requests = requests.lock().unwrap();
    let seen: Vec<_> = requests
        .iter()
        .map(|(method, _, body)| (method.as_str(), body["series"]["count"].as_i64()))
        .collect();
    assert_eq!(
        seen,
        [
            ("POST", None),
            ("PATCH", Some(11)),
            ("PATCH", Some(21)),
            ("POST", None),
            ("POST", None),
        ]
    );
    let first = requests[0].2["metadata"]["name"].as_str().unwrap();
    assert!(requests[1].1.ends_with(first), "{}", requests[1].1);
    let series =
        json!({"series": {"count": 11, "lastObservedTime": "2026-11-20T18:45:10.000000Z"}});
    assert_eq!(requests[1].2, series);
}

#[tokio::test]
async fn the_ends_of_two_runs_are_two_events_and_the_same_end_twice_is_one() {
    let name = |words: &Words| event_name(words);
    assert_ne!(name(&started("p-1")), name(&started("p-2")));
    assert_eq!(name(&started("p-1")), name(&started("p-1")));
    let (client, _) = server(|_| Some(StatusCode::CONFLICT));
    let publisher = Publisher::new(client, "i".to_owned());
    assert!(
        publisher.publish(started("p-1")).await,
        "already told is told"
    );
}

#[test]
fn an_event_has_a_valid_name_whatever_an_entry_is_called() {
    let long = "x".repeat(300);
    for (entry, start) in [
        ("hello", "hello."),
        ("My Job!", "my-job."),
        ("a..b", "a.b."),
        ("-.-", ""),
        ("世界", ""),
        (long.as_str(), "xxxx"),
    ] {
        let reason = Reason::InvalidEntry;
        let words = words::of_problem(Some("team"), Some(entry), reason, "bad", at(0));
        let name = event_name(&words);
        assert!(name.starts_with(start), "{entry}: {name}");
        assert!(name.len() <= 253, "{entry}: {name}");
        let valid = |part: &str| {
            !part.is_empty()
                && !part.starts_with('-')
                && !part.ends_with('-')
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        assert!(name.split('.').all(valid), "{entry}: {name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_or_is_silent_gets_one_request_an_event_and_the_log_one_warning() {
    for answer in [Some(StatusCode::INTERNAL_SERVER_ERROR), None] {
        let (captured, guard) = capture::json(Clock::simulated(at(0)));
        let (client, requests) = server(move |_| answer);
        let publisher = Publisher::new(client, "i".to_owned());
        let begin = tokio::time::Instant::now();
        for uid in ["p-1", "p-2", "p-3"] {
            assert!(!publisher.publish(started(uid)).await);
        }
        // In the runtime's own time, which doesn't pass while there is work.
        assert!(begin.elapsed() <= 3 * PATIENCE + Duration::from_millis(10));
        drop(guard);
        assert_eq!(requests.lock().unwrap().len(), 3);
        let rows = captured.json();
        let warnings = rows.iter().filter(|row| row["level"] == "WARN").count();
        assert_eq!(warnings, 1, "{rows:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_expired_starts_a_new_series() {
    let (client, requests) = server(|method| {
        Some(if *method == Method::PATCH {
            StatusCode::NOT_FOUND
        } else {
            StatusCode::OK
        })
    });
    let publisher = Publisher::new(client, "i".to_owned());
    for seconds in [0, 10, 20] {
        publisher.publish(refused("slow-1", seconds)).await;
    }
    let requests = requests.lock().unwrap();
    let methods: Vec<_> = requests
        .iter()
        .map(|(method, _, _)| method.as_str())
        .collect();
    assert_eq!(methods, ["POST", "PATCH", "POST"]);
}

#[test]
fn the_memory_of_series_is_bounded() {
    let (client, _) = {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let _inside = runtime.enter();
        server(|_| None)
    };
    let publisher = Publisher::new(client, "i".to_owned());
    for key in 0..3 * SERIES as u64 {
        publisher.step(key, "a", at(0));
        assert!(publisher.lock().len() <= SERIES);
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_stop_the_worker_publishes_what_is_left_but_waits_for_no_silent_server() {
    let (reporter, queue) = super::super::Reporter::new(Metrics::new());
    let (client, requests) = server(|_| Some(StatusCode::CREATED));
    let news = News::NameTaken {
        name: "slow-1".to_owned(),
    };
    reporter.tell(&schedule(), &news, at(0));
    let stop = CancellationToken::new();
    stop.cancel();
    run_worker(queue, client, "i".to_owned(), stop.clone()).await;
    assert_eq!(requests.lock().unwrap().len(), 1);

    let metrics = Metrics::new();
    let (reporter, queue) = super::super::Reporter::new(metrics);
    let (client, _) = server(|_| None);
    reporter.tell(&schedule(), &news, at(0));
    let begin = tokio::time::Instant::now();
    run_worker(queue, client, "i".to_owned(), stop).await;
    assert!(begin.elapsed() <= LAST_EVENTS + Duration::from_millis(10));
}
