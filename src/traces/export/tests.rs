//! Spans, as a collector gets them over a real connection, and what happens when it is not well.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    },
    common::v1::any_value,
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use super::*;
use crate::clock::Clock;
use crate::core::{run::RunId, schedule_ref::ScheduleRef};
use crate::telemetry::capture;
use crate::traces::{Endpoint, Period, Traces};

/// Longer than anything here takes, and shorter than the patience with a request that hangs.
const BOUND: Duration = Duration::from_secs(8);

/// How the collector answers.
#[derive(Clone, Copy)]
enum Answer {
    Status(u16),
    /// 200, and what is no answer of a collector.
    Rubbish,
    /// So many are rejected.
    Rejects(i64),
    Never,
}

/// A collector that answers so in turn, and with 200 after that.
#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<(http::request::Parts, ExportTraceServiceRequest)>>>,
}

impl Server {
    async fn start(answers: &[Answer]) -> (Self, String) {
        let server = Self::default();
        server.answers.lock().unwrap().extend(answers);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let kept = server.clone();
        let app = Router::new().fallback(move |request: Request<Body>| {
            let server = kept.clone();
            async move { server.answer(request).await }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        (server, url)
    }

    async fn answer(self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let spans = ExportTraceServiceRequest::decode(body).unwrap();
        self.requests.lock().unwrap().push((parts, spans));
        let answer = self.answers.lock().unwrap().pop_front();
        let (status, body) = match answer.unwrap_or(Answer::Status(200)) {
            Answer::Status(status) => (status, Vec::new()),
            Answer::Rubbish => (200, b"<html>what?</html>".repeat(100)),
            Answer::Rejects(rejected_spans) => {
                let partial_success = Some(ExportTracePartialSuccess {
                    rejected_spans,
                    error_message: "no".into(),
                });
                let answer = ExportTraceServiceResponse { partial_success };
                (200, answer.encode_to_vec())
            }
            Answer::Never => std::future::pending().await,
        };
        let status = StatusCode::from_u16(status).unwrap();
        let response = Response::builder().status(status);
        response.body(Body::from(body)).unwrap()
    }

    fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

/// An exporter at work.
struct Setup {
    traces: Traces,
    metrics: Metrics,
    stop: CancellationToken,
    work: JoinHandle<()>,
    captured: capture::Captured,
    /// A place that logs where nobody listens is left out from then on, for all threads: so each test
    /// listens.
    _guard: tracing::subscriber::DefaultGuard,
}

impl Setup {
    fn new(url: &str, variables: &[(&str, &str)]) -> Self {
        let (captured, guard) = capture::json(Clock::System);
        let metrics = Metrics::new();
        let (traces, queue) = Traces::new(Clock::System, metrics.clone());
        let value = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name)?;
            Some(found.1.to_owned())
        };
        let endpoint = Endpoint::find(Some(url), value).unwrap().unwrap();
        let collector = Collector::new(endpoint).unwrap();
        let stop = CancellationToken::new();
        let about = vec![("service.name".to_owned(), "punctual".to_owned())];
        let work = tokio::spawn(run(queue, collector, about, stop.clone()));
        Self {
            traces,
            metrics,
            stop,
            work,
            captured,
            _guard: guard,
        }
    }

    /// Tells one span.
    fn tell(&self) {
        let schedule = ScheduleRef {
            namespace: "default".into(),
            name: "backup".into(),
            uid: "0b5ff1f1-6b1c-4d0c-8d8e-3a8e1c3cf1d8".into(),
        };
        let fire: Timestamp = "2026-11-20T18:45:10Z".parse().unwrap();
        let request = Period::new(fire, fire + Duration::from_millis(2));
        let run = RunId::first(fire);
        self.traces
            .released(&schedule, "backup-1", "uid-1", run, request);
    }

    fn counted(&self, what: &str) -> u64 {
        let name = format!("punctual_spans_{what}_total ");
        let text = self.metrics.encode();
        let value = text.lines().find_map(|line| line.strip_prefix(&name));
        value.unwrap().parse().unwrap()
    }

    /// Waits until so many spans were exported, and so many dropped.
    async fn until(&self, exported: u64, dropped: u64) {
        let reached = async {
            while (self.counted("exported"), self.counted("dropped")) != (exported, dropped) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let reached = timeout(BOUND, reached).await;
        let counts = (self.counted("exported"), self.counted("dropped"));
        assert!(reached.is_ok(), "{counts:?}, not {:?}", (exported, dropped));
    }

    async fn stop(self) {
        self.stop.cancel();
        let ended = timeout(BOUND, self.work).await;
        ended.expect("nothing holds up the exit").unwrap();
    }
}

#[tokio::test]
async fn a_collector_gets_spans_with_their_names_times_and_ids_and_the_headers() {
    let (server, url) = Server::start(&[]).await;
    let secret = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20key");
    let setup = Setup::new(&url, &[secret]);
    setup.tell();
    setup.until(1, 0).await;
    setup.stop().await;
    let requests = server.requests.lock().unwrap();
    let (parts, body) = &requests[0];
    assert_eq!(parts.uri.path(), "/v1/traces");
    assert_eq!(parts.method, http::Method::POST);
    assert_eq!(parts.headers["content-type"], "application/x-protobuf");
    assert_eq!(parts.headers["authorization"], "Bearer key");
    let of = &body.resource_spans[0];
    let resource = of.resource.as_ref().unwrap();
    assert_eq!(resource.attributes[0].key, "service.name");
    let scope = of.scope_spans[0].scope.as_ref().unwrap();
    assert_eq!(scope.name, "punctual");
    let span = &of.scope_spans[0].spans[0];
    assert_eq!(span.name, "release");
    assert_eq!((span.trace_id.len(), span.span_id.len()), (16, 8));
    assert_eq!(span.parent_span_id.len(), 8);
    assert_eq!(span.start_time_unix_nano, 1_795_200_310_000_000_000);
    assert_eq!(
        span.end_time_unix_nano - span.start_time_unix_nano,
        2_000_000
    );
    let pod = span.attributes.iter().find(|it| it.key == "k8s.pod.name");
    let pod = pod.unwrap().value.as_ref().unwrap().value.as_ref().unwrap();
    assert_eq!(*pod, any_value::Value::StringValue("backup-1".into()));
}

#[tokio::test]
async fn what_was_told_until_the_stop_is_exported_after_it() {
    let (server, url) = Server::start(&[]).await;
    let setup = Setup::new(&url, &[]);
    for _ in 0..2_000 {
        setup.tell();
    }
    let metrics = setup.metrics.clone();
    setup.stop().await;
    assert!(
        metrics
            .encode()
            .contains("punctual_spans_exported_total 2000\n")
    );
    assert_eq!(server.count(), 4);
}

/// What this program has logged, and not the client of HTTP.
fn ours(captured: &capture::Captured) -> Vec<Value> {
    let mut rows = captured.json();
    rows.retain(|row| {
        row["target"]
            .as_str()
            .is_some_and(|it| it.starts_with("punctual"))
    });
    rows
}

#[tokio::test]
async fn a_collector_in_trouble_gets_the_same_again_and_nothing_is_lost() {
    let (server, url) = Server::start(&[Answer::Status(503), Answer::Status(429)]).await;
    let setup = Setup::new(&url, &[]);
    setup.tell();
    setup.until(1, 0).await;
    let requests = server.requests.lock().unwrap();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|(_, body)| *body == requests[0].1));
    assert_eq!(ours(&setup.captured), Vec::<Value>::new());
}

#[tokio::test]
async fn a_collector_that_takes_nothing_is_told_once_and_so_is_its_recovery() {
    let broken = [500, 400, 404, 307].map(Answer::Status);
    let (server, url) = Server::start(&broken).await;
    let setup = Setup::new(&url, &[]);
    let captured = setup.captured.clone();
    for lost in 1..=4 {
        setup.tell();
        setup.until(0, lost).await;
    }
    setup.tell();
    setup.until(1, 4).await;
    // It is told after it is counted.
    setup.stop().await;
    assert_eq!(server.count(), 5);
    let rows = ours(&captured);
    let levels: Vec<_> = rows.iter().map(|row| row["level"].as_str()).collect();
    assert_eq!(levels, [Some("WARN"), Some("INFO")], "{rows:?}");
    assert_eq!(rows[0]["error"], "it answers 500 Internal Server Error");
}

#[tokio::test]
async fn a_collector_that_answers_rubbish_has_taken_them_and_one_may_reject_some() {
    let (_server, url) = Server::start(&[Answer::Rubbish, Answer::Rejects(1)]).await;
    let setup = Setup::new(&url, &[]);
    setup.tell();
    setup.until(1, 0).await;
    setup.tell();
    setup.tell();
    setup.until(2, 1).await;
    // It rejects more than it got.
    let (_server, url) = Server::start(&[Answer::Rejects(i64::MAX), Answer::Rejects(-1)]).await;
    let setup = Setup::new(&url, &[]);
    setup.tell();
    setup.until(0, 1).await;
    setup.tell();
    setup.until(1, 1).await;
}

#[tokio::test]
async fn a_collector_that_never_answers_holds_up_no_exit() {
    let (server, url) = Server::start(&[Answer::Never; 4]).await;
    let setup = Setup::new(&url, &[]);
    setup.tell();
    let asked = async {
        while server.count() == 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(BOUND, asked).await.expect("it is asked");
    setup.tell();
    setup.stop().await;
}

#[tokio::test]
async fn a_collector_that_is_away_holds_up_no_exit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let setup = Setup::new(&nobody, &[]);
    setup.tell();
    setup.stop().await;
}
