//! A controller under test: the real driver and the real watches on a link to the server.

use std::{
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use jiff::tz::TimeZone;
use kube::Client;
use punctual::{
    admin::Health,
    clock::Clock,
    cluster::{
        cache::Cache,
        report::Reporter,
        requests::Requests,
        run_logs::{LogFollower, RunLogs},
        watch::Watch,
    },
    core::almanac::Almanac,
    driver::{Driver, Settings},
    metrics::Metrics,
    queue::Queue,
    traces::{Span, Traces},
};
use serde_json::Value;
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{
    call::{Call, Verb},
    faults::{Dice, Fault, Faults, ReadFault},
    refusal::reason,
    server::{Outage, Refusal, Server},
    watching,
};

/// The way from a controller to the server, and what goes wrong on it.
#[derive(Clone)]
pub struct Link {
    pub by: String,
    pub server: Server,
    /// What the controller takes for the time.
    pub clock: Clock,
    pub faults: Faults,
    /// How long a request takes at most, there and back each.
    pub delay: Duration,
    pub busy: Option<Busy>,
    pub dice: Arc<Mutex<Dice>>,
    /// Nothing comes through the watches while this is true.
    pub frozen: Arc<AtomicBool>,
    /// Those of the controller that runs now.
    pub metrics: Arc<Mutex<Metrics>>,
    /// What it tells as traces goes here, if anywhere.
    pub spans: Option<Arc<Mutex<Vec<Span>>>>,
    /// Kills the controller; another comes after the time that is sent.
    pub crash: mpsc::UnboundedSender<Duration>,
}

/// A server that is busy with a few requests at a time. All clones are one.
#[derive(Clone)]
pub struct Busy {
    /// Given in the order in which they are asked for.
    pub places: Arc<Semaphore>,
    /// How long a request takes in its place.
    pub takes: Duration,
}

/// Runs controllers, one after the other, for ever: each until it is killed.
pub async fn keep_running(
    link: Link,
    settings: Settings,
    mut crashes: mpsc::UnboundedReceiver<Duration>,
) {
    loop {
        let client = link.clone().client();
        let clock = link.clock.clone();
        let metrics = Metrics::new();
        *link.metrics.lock().expect("no test goes on after a panic") = metrics.clone();
        let traces = traces(&link, metrics.clone());
        let tasks = start(client, clock, settings.clone(), metrics, traces);
        let Some(pause) = crashes.recv().await else {
            return;
        };
        drop(tasks); // Which ends them where they stand.
        tokio::time::sleep(pause).await;
    }
}

/// Traces that are taken as they are told, also after their controller is killed.
fn traces(link: &Link, metrics: Metrics) -> Traces {
    let Some(spans) = link.spans.clone() else {
        return Traces::default();
    };
    let (traces, mut queue) = Traces::new(link.clock.clone(), metrics);
    tokio::spawn(async move {
        while let Some(span) = queue.next().await {
            spans
                .lock()
                .expect("no test goes on after a panic")
                .push(span);
        }
    });
    traces
}

/// The one place that knows how the parts of a controller are put together.
fn start(
    client: Client,
    clock: Clock,
    settings: Settings,
    metrics: Metrics,
    traces: Traces,
) -> JoinSet<()> {
    // Nobody reads the Events, so they are dropped.
    let (reporter, _) = Reporter::new(metrics.clone());
    let logs = LogFollower::new(RunLogs::Off, client.clone(), metrics.clone(), clock.now());
    let health = Health::new(clock.clone());
    let cache = Cache::new(Arc::new(Almanac::new(TimeZone::UTC)));
    let queue = Arc::new(Queue::new(clock.clone()));
    let requests = Requests::new(client.clone());
    let watching = Watch {
        client,
        namespace: None,
        cache: cache.clone(),
        queue: queue.clone(),
        metrics: metrics.clone(),
        traces: traces.clone(),
    };
    let driver = Driver::new(
        settings, clock, cache, queue, requests, reporter, metrics, health,
    )
    .traced_by(traces);
    let (schedules_known, mut schedules) = watch::channel(false);
    let (pods_known, mut pods) = watch::channel(false);
    let mut tasks = JoinSet::new();
    tasks.spawn(watching.clone().schedules(schedules_known));
    tasks.spawn(watching.pods(logs, pods_known));
    tasks.spawn(async move {
        for known in [&mut schedules, &mut pods] {
            if known.wait_for(|known| *known).await.is_err() {
                return;
            }
        }
        driver.run(CancellationToken::new()).await;
    });
    tasks
}

/// How long a server says nothing before its connection breaks.
const SILENCE: Duration = Duration::from_secs(20);

type Answer = http::Response<UnsyncBoxBody<Bytes, std::io::Error>>;

impl Link {
    pub fn client(self) -> Client {
        let service = tower::service_fn(move |request| {
            let link = self.clone();
            async move { link.carry(Call::read(request).await).await }
        });
        Client::new(service, "default")
    }

    async fn carry(self, call: Call) -> Result<Answer, std::io::Error> {
        self.travel().await;
        match self.server.outage() {
            Outage::None => {}
            Outage::Down => return Err(std::io::ErrorKind::ConnectionRefused.into()),
            Outage::Overloaded => return Ok(refusal(429)),
        }
        if let Some(busy) = self.busy.as_ref().filter(|_| call.verb != Verb::Watch) {
            let place = busy.places.acquire().await;
            tokio::time::sleep(busy.takes).await;
            drop(place);
        }
        if !call.writes() {
            return self.read(call).await;
        }
        let fault = self
            .faults
            .next(&self.by, call.verb, call.resource, call.named());
        match fault {
            Fault::Before => return Err(std::io::ErrorKind::ConnectionRefused.into()),
            Fault::Hang => return std::future::pending().await,
            Fault::CrashBefore(pause) => return self.die(pause).await,
            Fault::Late(pause) => {
                self.server.answer_in(pause, &self.by, call);
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
            Fault::Answer(code) => return Ok(refusal(code)),
            Fault::None
            | Fault::After
            | Fault::Silence
            | Fault::ApplyAndAnswer(_)
            | Fault::Twice(_)
            | Fault::CrashAfter(_) => {}
        }
        let made = call.verb == Verb::Create;
        let answer = self.server.answer(&self.by, &call);
        match fault {
            Fault::After => return Err(std::io::ErrorKind::ConnectionReset.into()),
            Fault::Silence => return std::future::pending().await,
            Fault::CrashAfter(pause) => return self.die(pause).await,
            Fault::ApplyAndAnswer(code) => return Ok(refusal(code)),
            Fault::Twice(pause) => self.server.answer_in(pause, &self.by, call),
            Fault::None
            | Fault::Before
            | Fault::Hang
            | Fault::CrashBefore(_)
            | Fault::Late(_)
            | Fault::Answer(_) => {}
        }
        self.travel().await;
        Ok(response(made, answer))
    }

    async fn read(self, call: Call) -> Result<Answer, std::io::Error> {
        let fault = match call.dry_run() {
            true => ReadFault::None,
            false => self.faults.next_read(call.verb),
        };
        let versions_ago = match fault {
            ReadFault::None => 0,
            ReadFault::Stale(versions) => versions,
            ReadFault::Broken => return Err(std::io::ErrorKind::ConnectionReset.into()),
            ReadFault::Answer(code) => return Ok(refusal(code)),
            ReadFault::Silence => {
                tokio::time::sleep(SILENCE).await;
                return Err(std::io::ErrorKind::TimedOut.into());
            }
        };
        if call.verb == Verb::Watch {
            let frozen = self.frozen.clone();
            let stream = watching::stream(self.server.clone(), call, self.faults, frozen);
            return Ok(http::Response::new(StreamBody::new(stream).boxed_unsync()));
        }
        let answer = match call.verb {
            Verb::List => Ok(self.server.list(&call, versions_ago)),
            _ => self.server.answer(&self.by, &call),
        };
        self.travel().await;
        Ok(response(call.verb == Verb::Create, answer))
    }

    async fn travel(&self) {
        let limit = self.delay.as_micros() as u64;
        let micros = self
            .dice
            .lock()
            .expect("no test goes on after a panic")
            .below(limit);
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }

    async fn die(&self, pause: Duration) -> Result<Answer, std::io::Error> {
        // The receiver is gone when the world is.
        let _ = self.crash.send(pause);
        std::future::pending().await
    }
}

fn response(made: bool, answer: Result<Value, Refusal>) -> Answer {
    match answer {
        Ok(object) => whole(if made { 201 } else { 200 }, &object),
        Err(refusal) => whole(refusal.code, &refusal.body()),
    }
}

/// What the server answers when it refuses whatever it is asked.
fn refusal(code: u16) -> Answer {
    let refusal = Refusal::new(code, reason(code), "the server is in trouble");
    let mut response = whole(code, &refusal.body());
    if code == 429 {
        let second = http::HeaderValue::from_static("1");
        response
            .headers_mut()
            .insert(http::header::RETRY_AFTER, second);
    }
    response
}

fn whole(code: u16, body: &Value) -> Answer {
    let body = Full::new(Bytes::from(body.to_string()));
    let body = body.map_err(|never| match never {}).boxed_unsync();
    let response = http::Response::builder().status(code).body(body);
    response.expect("codes are valid")
}
