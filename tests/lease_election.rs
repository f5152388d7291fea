//! Elections on an API server in memory that is slow, silent, refuses or shows nothing: somebody leads
//! soon, goes on to, and leaves it to another when it ends.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use jiff::Timestamp;
use kube::{Client, client::Body};
use punctual::{
    clock::Clock,
    cluster::lease::{Election, Leadership, Terms},
    metrics::Metrics,
};
use serde_json::{Value, json};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

const LASTS: Duration = Duration::from_secs(2);
const STEP: Duration = Duration::from_millis(20);

/// What happens to a write.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    /// It is carried out after half of this time, and answered after the other half.
    Slow(u64),
    /// It is carried out, and not answered; what is refused is.
    Silence,
    /// It never arrives.
    Hang,
    Answer(u16),
}

const NONE: Fault = Fault::Slow(10);

type Plan = Box<dyn FnMut(&str, &str) -> Fault + Send>;

/// The API server, for Leases alone.
#[derive(Clone)]
struct Server(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    bell: Notify,
}

struct State {
    version: u64,
    leases: BTreeMap<String, Value>,
    /// Every change: its version, its kind, and the Lease after it.
    changes: Vec<(u64, &'static str, Value)>,
    /// By verb and name of the Lease.
    plan: Plan,
    /// Nothing comes through the watches.
    frozen: bool,
}

type Response = http::Response<UnsyncBoxBody<Bytes, std::io::Error>>;

impl Server {
    fn new() -> Self {
        let state = State {
            version: 1,
            leases: BTreeMap::new(),
            changes: Vec::new(),
            plan: Box::new(|_, _| NONE),
            frozen: false,
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            bell: Notify::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no test goes on after a panic")
    }

    fn plan(&self, plan: impl FnMut(&str, &str) -> Fault + Send + 'static) {
        self.lock().plan = Box::new(plan);
    }

    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request| server.clone().answer(request));
        Client::new(service, "default")
    }

    async fn answer(self, request: http::Request<Body>) -> Result<Response, std::io::Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await.expect("bodies are whole");
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let name = parts.uri.path().split("/leases").nth(1).unwrap_or_default();
        let name = name.trim_start_matches('/');
        let query = parts.uri.query().unwrap_or_default();
        let method = parts.method.as_str();
        match (method, name) {
            ("GET", "") if query.contains("watch=") => return Ok(self.watch(query)),
            ("GET", _) => {
                sleep(Duration::from_millis(5)).await;
                return Ok(self.read(name));
            }
            _ => {}
        }
        let made = body["metadata"]["name"].as_str();
        let named = if name.is_empty() { made } else { Some(name) };
        let named = named.expect("a write is about a Lease").to_owned();
        let fault = (self.lock().plan)(method, &named);
        match fault {
            Fault::Slow(milliseconds) => {
                let half = Duration::from_millis(milliseconds / 2);
                sleep(half).await;
                let answer = self.write(method, &named, body);
                sleep(half).await;
                Ok(answer)
            }
            Fault::Silence => {
                let answer = self.write(method, &named, body);
                match answer.status().is_success() {
                    true => std::future::pending().await,
                    false => Ok(answer),
                }
            }
            Fault::Hang => std::future::pending().await,
            Fault::Answer(code) => Ok(refusal(code)),
        }
    }

    fn read(&self, name: &str) -> Response {
        let state = self.lock();
        if !name.is_empty() {
            let lease = state.leases.get(name);
            return lease.map_or_else(|| refusal(404), |lease| whole(200, lease));
        }
        let items: Vec<_> = state.leases.values().collect();
        let version = state.version.to_string();
        let list = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "LeaseList",
            "metadata": {"resourceVersion": version}, "items": items,
        });
        whole(200, &list)
    }

    fn write(&self, method: &str, name: &str, body: Value) -> Response {
        let mut state = self.lock();
        let before = state.leases.get(name).cloned();
        let wanted = match method {
            "DELETE" => &body["preconditions"]["resourceVersion"],
            _ => &body["metadata"]["resourceVersion"],
        };
        let (kind, mut lease) = match (method, before) {
            ("POST", Some(_)) => return refusal(409),
            ("POST", None) => ("ADDED", body),
            (_, None) => return refusal(404),
            (_, Some(lease)) if lease["metadata"]["resourceVersion"] != *wanted => {
                return refusal(409);
            }
            ("DELETE", Some(lease)) => ("DELETED", lease),
            (_, Some(mut lease)) => {
                for (field, value) in body["spec"].as_object().into_iter().flatten() {
                    lease["spec"][field] = value.clone();
                }
                ("MODIFIED", lease)
            }
        };
        state.version += 1;
        lease["metadata"]["resourceVersion"] = state.version.to_string().into();
        lease["metadata"]["namespace"] = "default".into();
        match kind {
            "DELETED" => state.leases.remove(name),
            _ => state.leases.insert(name.into(), lease.clone()),
        };
        let version = state.version;
        state.changes.push((version, kind, lease.clone()));
        drop(state);
        self.0.bell.notify_waiters();
        whole(200, &lease)
    }

    fn watch(self, query: &str) -> Response {
        let since = query
            .split('&')
            .find_map(|it| it.strip_prefix("resourceVersion="))
            .and_then(|it| it.parse::<u64>().ok());
        let lines = stream::unfold((self, since.unwrap_or(0)), async |(server, seen)| {
            loop {
                let inner = server.0.clone();
                let mut rung = std::pin::pin!(inner.bell.notified());
                rung.as_mut().enable();
                let news = {
                    let state = server.lock();
                    let mut changes = state.changes.iter().filter(|_| !state.frozen);
                    changes.find(|(version, ..)| *version > seen).cloned()
                };
                if let Some((version, kind, lease)) = news {
                    let line = format!("{}\n", json!({"type": kind, "object": lease}));
                    return Some((Ok(Frame::data(Bytes::from(line))), (server, version)));
                }
                rung.await;
            }
        });
        http::Response::new(StreamBody::new(lines.boxed()).boxed_unsync())
    }
}

fn refusal(code: u16) -> Response {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": code, "reason": "Trouble", "message": "no",
    });
    whole(code, &status)
}

fn whole(code: u16, body: &Value) -> Response {
    let body = Full::new(Bytes::from(body.to_string()));
    let body = body.map_err(|never| match never {}).boxed_unsync();
    let response = http::Response::builder().status(code).body(body);
    response.expect("codes are valid")
}

/// One replica's election.
struct Replica {
    leadership: Leadership,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Replica {
    fn start(server: &Server) -> Self {
        let terms = Terms::new("default".into(), "punctual".into(), 1, LASTS, "host");
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
        let terms = terms.expect("these are possible");
        let election = Election::new(server.client(), terms, clock, Metrics::new());
        let (leadership, stop) = (election.leadership(), CancellationToken::new());
        let stopped = stop.clone();
        let task = tokio::spawn(async move { election.run(stopped).await });
        Self {
            leadership,
            stop,
            task,
        }
    }

    fn leads(&self) -> bool {
        self.leadership.leads("x")
    }
}

/// The first that leads, within so many durations.
async fn until_led<'a>(replicas: &[&'a Replica], durations: u32) -> &'a Replica {
    let end = Instant::now() + LASTS * durations;
    while Instant::now() < end {
        if let Some(leader) = replicas.iter().find(|it| it.leads()) {
            return leader;
        }
        sleep(STEP).await;
    }
    panic!("nobody leads after {durations} durations");
}

/// In how many of 1000 looks during so many durations nobody leads.
async fn unled(replicas: &[&Replica], durations: u32) -> u32 {
    let (mut looks, mut none) = (0, 0);
    let end = Instant::now() + LASTS * durations;
    while Instant::now() < end {
        looks += 1;
        none += u32::from(!replicas.iter().any(|it| it.leads()));
        sleep(STEP).await;
    }
    none * 1_000 / looks
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_leaves_nobody_without_a_leader() {
    for slow in [300, 700, 1_000, 1_400, 1_900, 3_000] {
        let server = Server::new();
        let (one, two) = (Replica::start(&server), Replica::start(&server));
        until_led(&[&one, &two], 1).await;
        server.plan(move |_, _| Fault::Slow(slow));
        // One gap at most, until it is known how slow the server is.
        sleep(LASTS * 8).await;
        assert_eq!(unled(&[&one, &two], 20).await, 0, "writes take {slow} ms");
        server.plan(|_, _| NONE);
        sleep(LASTS * 8).await;
        assert_ne!(one.leads(), two.leads(), "one of them, once it is fast");
    }
}

#[tokio::test(start_paused = true)]
async fn two_renewals_that_hang_or_fail_lose_nothing() {
    for fault in [
        Fault::Hang,
        Fault::Silence,
        Fault::Answer(500),
        Fault::Answer(403),
    ] {
        let server = Server::new();
        let one = Replica::start(&server);
        until_led(&[&one], 1).await;
        let mut writes = 0;
        server.plan(move |_, name| {
            writes += u32::from(name == "punctual");
            match name == "punctual" && writes % 5 < 2 {
                true => fault,
                false => NONE,
            }
        });
        assert_eq!(unled(&[&one], 30).await, 0, "{fault:?}");
        let lost = one.leadership.led().borrow()[0];
        assert!(lost.is_some(), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_or_fails_for_long_ends_in_leading_without() {
    for fault in [
        Fault::Answer(403),
        Fault::Answer(422),
        Fault::Answer(400),
        Fault::Answer(500),
        Fault::Answer(429),
        Fault::Hang,
        Fault::Slow(20_000),
    ] {
        let server = Server::new();
        server.plan(move |_, _| fault);
        let (one, two) = (Replica::start(&server), Replica::start(&server));
        sleep(LASTS * 15).await;
        assert_eq!(unled(&[&one, &two], 20).await, 0, "{fault:?}");
        server.plan(|_, _| NONE);
        // What was refused is tried again after half a minute.
        sleep(LASTS * 20).await;
        assert_ne!(one.leads(), two.leads(), "{fault:?} is over: one of them");
    }
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_buried_is_nobodys_trouble() {
    let server = Server::new();
    server.plan(|method, _| match method {
        "DELETE" => Fault::Answer(403),
        _ => NONE,
    });
    let (one, two) = (Replica::start(&server), Replica::start(&server));
    let dead = until_led(&[&one, &two], 1).await;
    let lives = if dead.leads() == one.leads() {
        &two
    } else {
        &one
    };
    dead.task.abort();
    sleep(LASTS * 2).await;
    let three = Replica::start(&server);
    let alive = [lives, &three];
    until_led(&alive, 2).await;
    assert_eq!(unled(&alive, 40).await, 0);
    assert_ne!(lives.leads(), three.leads(), "by its Lease");
}

#[tokio::test(start_paused = true)]
async fn a_write_about_others_that_hangs_costs_nothing_of_ours() {
    let server = Server::new();
    let one = Replica::start(&server);
    until_led(&[&one], 1).await;
    // A member that is dead for long is buried by who leads.
    let dead = json!({
        "metadata": {"name": "punctual-member-dead", "labels": {
            "punctual.dev/lease": "punctual", "punctual.dev/lease-role": "member",
        }},
        "spec": {"holderIdentity": "dead", "leaseDurationSeconds": 1},
    });
    server.write("POST", "punctual-member-dead", dead);
    server.plan(|method, _| match method {
        "DELETE" => Fault::Hang,
        _ => NONE,
    });
    assert_eq!(unled(&[&one], 30).await, 0);
}

#[tokio::test(start_paused = true)]
async fn one_whose_answers_and_watch_show_nothing_leads_by_what_it_reads() {
    let server = Server::new();
    server.plan(|_, name| match name {
        "punctual" => Fault::Silence,
        _ => NONE,
    });
    let one = Replica::start(&server);
    until_led(&[&one], 2).await;
    assert_eq!(unled(&[&one], 8).await, 0, "by the watch alone");
    server.lock().frozen = true;
    sleep(LASTS).await;
    assert_eq!(unled(&[&one], 20).await, 0, "by what conflicts show");
}

#[tokio::test(start_paused = true)]
async fn whoever_dies_or_stops_is_followed() {
    let server = Server::new();
    let (one, two, three) = (
        Replica::start(&server),
        Replica::start(&server),
        Replica::start(&server),
    );
    let mut all = vec![&one, &two, &three];
    sleep(LASTS).await;
    let leader = all.iter().position(|it| it.leads()).expect("one leads");
    let leader = all.remove(leader);
    leader.stop.cancel();
    until_led(&all, 1).await;
    // The leader and a standby die at once: the one that is left leads within twice the duration.
    let next = all.iter().position(|it| it.leads()).expect("one leads");
    all.remove(next).task.abort();
    let last = all[0];
    until_led(&[last], 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_stranger_keeps_a_lease_for_a_minute_at_most() {
    let server = Server::new();
    let one = Replica::start(&server);
    until_led(&[&one], 1).await;
    let version = server.lock().leases["punctual"]["metadata"]["resourceVersion"].clone();
    let meddled = json!({
        "metadata": {"resourceVersion": version},
        "spec": {"holderIdentity": "stranger", "leaseDurationSeconds": 3_600},
    });
    server.write("PATCH", "punctual", meddled);
    sleep(LASTS).await;
    assert!(!one.leads());
    until_led(&[&one], 32).await;
}
