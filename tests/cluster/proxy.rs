//! A proxy before the API server that does to chosen writes what networks, servers and machines do:
//! it loses them or their answers, answers in the server's place, kills the controller, delivers a
//! write much later or twice, and freezes the watches.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use kube::{Client, client::Body};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::oneshot,
};

use super::{PATIENCE, controller::Killer, place::Place, refusal::reason, watches::Watches};

/// The hand by which the audit log knows what came through a proxy.
pub const HAND: &str = "punctual-behind-a-proxy";

/// A kind of write that a run is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// A pod is created, held.
    Prepare,
    /// A status names a new active run.
    Claim,
    /// A gate is taken away.
    Release,
    /// A status names no active run any more.
    Finish,
    /// A pod is deleted.
    Collect,
    /// Any other write of a status, or a trial.
    Other,
}

/// What is done to a write.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The controller dies before the write is sent.
    KillBefore(Killer),
    /// The controller dies after the write was applied, before it hears of it.
    KillAfter(Killer),
    /// The controller hears that the write was applied, and dies so long after.
    KillAnswered(Killer, Duration),
    /// The controller dies, and the write arrives when the test says so.
    KillAndDelay(Killer),
    /// The connection breaks before the write arrives.
    LoseBefore,
    /// The connection breaks after the write was applied.
    LoseAfter,
    /// The server answers this and does nothing.
    Answer(u16),
    /// The server applies the write and answers this.
    ApplyAndAnswer(u16),
    /// The server never answers.
    Hang,
    /// The write is under way for so long, whether or not somebody still waits for its answer.
    Delay(Duration),
    /// The write arrives twice; the second answer is the one that counts.
    Twice,
    /// The write arrives, and so long after once more, which nobody hears of.
    Again(Duration),
}

/// Which write something is done to.
#[derive(Clone, Copy, Debug)]
pub enum At {
    /// The next of a kind.
    Next(Write),
    /// The one with this number, from 1, whatever it is.
    Number(usize),
}

/// What to do to a request: to a write of these kinds, or with none to a read or a watch, for which
/// there is only `Answer`, `LoseBefore` and `LoseAfter`.
pub type Choice = Box<dyn FnMut(&[Write]) -> Option<Fault> + Send>;

pub type Answer = Response<UnsyncBoxBody<Bytes, Broken>>;

/// A write that was held back.
pub struct Delayed {
    client: Client,
    request: Request<Bytes>,
}

impl Delayed {
    /// Delivers it now. The status of the answer.
    pub async fn deliver(self) -> u16 {
        let answer = forward(&self.client, self.request).await;
        answer.expect("an answer").status().as_u16()
    }
}

/// The proxy. It ends with the runtime.
pub struct Proxy {
    state: Arc<State>,
    folder: tempfile::TempDir,
}

/// What is done to a write, and who waits for it.
struct Planned {
    at: At,
    fault: Fault,
    hit: oneshot::Sender<Option<Delayed>>,
}

struct State {
    client: Client,
    /// How many milliseconds each write is under way, in turn.
    delays: &'static [u64],
    fault: Mutex<Option<Planned>>,
    /// What is done to all others.
    choice: Mutex<Option<Choice>>,
    watches: Watches,
    /// How many writes have come.
    count: AtomicUsize,
    /// Every write that came, and the status of its answer, 0 for none.
    writes: Mutex<Vec<(Write, u16)>>,
}

impl Proxy {
    pub async fn start(place: &Place) -> Self {
        Self::slow(place, &[0]).await
    }

    /// A proxy through which writes arrive late, in turn by that many milliseconds.
    pub async fn slow(place: &Place, delays: &'static [u64]) -> Self {
        let state = Arc::new(State {
            client: place.client.clone(),
            delays,
            fault: Mutex::default(),
            choice: Mutex::default(),
            watches: Watches::default(),
            count: AtomicUsize::default(),
            writes: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let folder = tempfile::tempdir().expect("a folder");
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "proxy",
            "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "nobody"}}],
            "clusters": [{"name": "proxy", "cluster": {"server": format!("http://{address}")}}],
            "users": [{"name": "nobody", "user": {}}],
        });
        std::fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).expect("a file");
        tokio::spawn(accept(listener, state.clone()));
        Self { state, folder }
    }

    /// The kubeconfig that leads through the proxy.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Does this to the next write of this kind, and waits for that. What was held back, if so.
    pub async fn next(&self, write: Write, fault: Fault) -> Option<Delayed> {
        let what = format!("{fault:?}");
        let waits = self.plan(At::Next(write), fault);
        match tokio::time::timeout(PATIENCE, waits).await {
            Ok(Ok(delayed)) => delayed,
            _ => panic!("no {write:?} came for {what}: {:?}", self.writes()),
        }
    }

    /// Does this to that write, and says when it has come.
    pub fn plan(&self, at: At, fault: Fault) -> oneshot::Receiver<Option<Delayed>> {
        let (hit, waits) = oneshot::channel();
        *self.state.fault.lock().expect("the fault") = Some(Planned { at, fault, hit });
        waits
    }

    /// From now on this is asked for each request; with None nothing is done to any.
    pub fn choose(&self, choice: Option<Choice>) {
        *self.state.choice.lock().expect("the choice") = choice;
    }

    pub fn watches(&self) -> &Watches {
        &self.state.watches
    }

    /// The writes so far, with the status of their answers.
    pub fn writes(&self) -> Vec<(Write, u16)> {
        self.state.writes.lock().expect("the writes").clone()
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, state.clone()));
    }
}

async fn serve(stream: TcpStream, state: Arc<State>) {
    let service = service_fn(|request| handle(state.clone(), request));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // It ends with an error whenever we want it to break.
    let _ = connection.await;
}

/// Why a connection breaks.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    #[error("it was to break")]
    Wanted,
    #[error("the controller's request broke off")]
    Request(#[from] hyper::Error),
    #[error("the API server doesn't answer")]
    Server(#[from] kube::Error),
}

impl State {
    /// What is to be done to a request, and who waits for it if it was planned.
    fn fault(&self, kind: &[Write], number: usize) -> (Option<Fault>, Option<Waiting>) {
        let is_meant = |planned: &mut Planned| match planned.at {
            At::Next(write) => kind.contains(&write),
            At::Number(this) => this == number,
        };
        if let Some(planned) = self.fault.lock().expect("the fault").take_if(is_meant) {
            return (Some(planned.fault), Some(planned.hit));
        }
        let mut choice = self.choice.lock().expect("the choice");
        (choice.as_mut().and_then(|choose| choose(kind)), None)
    }

    async fn forward(&self, request: Request<Bytes>) -> Result<Answer, Broken> {
        Ok(boxed(forward(&self.client, request).await?))
    }

    /// Forwards a write even if its sender doesn't wait for it any more.
    async fn forward_after(
        &self,
        pause: Duration,
        request: Request<Bytes>,
    ) -> Result<Answer, Broken> {
        let client = self.client.clone();
        let late = tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            forward(&client, request).await
        });
        Ok(boxed(late.await.map_err(|_| Broken::Wanted)??))
    }
}

/// Who waits for a planned fault.
type Waiting = oneshot::Sender<Option<Delayed>>;

async fn handle(state: Arc<State>, request: Request<Incoming>) -> Result<Answer, Broken> {
    let (mut head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    for name in [
        header::HOST,
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
    ] {
        head.headers.remove(name);
    }
    let hand = header::HeaderValue::from_static(HAND);
    head.headers.insert(header::USER_AGENT, hand);
    let kind = kind(&head, &body);
    let request = Request::from_parts(head, body);
    let Some(kind) = kind else {
        return read(&state, request).await;
    };
    let number = 1 + state.count.fetch_add(1, Ordering::Relaxed);
    let (fault, mut hit) = state.fault(&kind, number);
    let delay = state.delays[(number - 1) % state.delays.len()];
    tokio::time::sleep(Duration::from_millis(delay)).await;
    let mut delayed = None;
    let answer = match fault {
        None => state.forward(request).await,
        Some(Fault::KillBefore(killer)) => {
            killer.kill();
            Err(Broken::Wanted)
        }
        Some(Fault::KillAfter(killer)) => {
            state.forward(request).await?;
            killer.kill();
            Err(Broken::Wanted)
        }
        Some(Fault::KillAnswered(killer, pause)) => {
            let answer = state.forward(request).await?;
            let hit = hit.take();
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                killer.kill();
                tell(hit, None);
            });
            Ok(answer)
        }
        Some(Fault::KillAndDelay(killer)) => {
            killer.kill();
            let client = state.client.clone();
            delayed = Some(Delayed { client, request });
            Err(Broken::Wanted)
        }
        Some(Fault::LoseBefore) => Err(Broken::Wanted),
        Some(Fault::LoseAfter) => {
            state.forward(request).await?;
            Err(Broken::Wanted)
        }
        Some(Fault::Answer(code)) => Ok(refusal(code)),
        Some(Fault::ApplyAndAnswer(code)) => {
            state.forward(request).await?;
            Ok(refusal(code))
        }
        Some(Fault::Hang) => {
            tell(hit, None);
            return std::future::pending().await;
        }
        Some(Fault::Delay(pause)) => state.forward_after(pause, request).await,
        Some(Fault::Twice) => {
            state.forward(request.clone()).await?;
            state.forward(request).await
        }
        Some(Fault::Again(pause)) => {
            let again = (state.clone(), request.clone());
            let answer = state.forward(request).await;
            tokio::spawn(async move {
                let (state, request) = again;
                // Nobody hears of it, whatever becomes of it.
                let _ = state.forward_after(pause, request).await;
            });
            answer
        }
    };
    let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
    let mut writes = state.writes.lock().expect("the writes");
    writes.extend(kind.into_iter().map(|kind| (kind, status)));
    tell(hit, delayed);
    answer
}

fn tell(waiting: Option<Waiting>, delayed: Option<Delayed>) {
    if let Some(waiting) = waiting {
        // The test may have given up waiting.
        let _ = waiting.send(delayed);
    }
}

/// A read, a watch, or the write of an Event.
async fn read(state: &State, request: Request<Bytes>) -> Result<Answer, Broken> {
    let query = request.uri().query().unwrap_or_default();
    let watch = request.method() == Method::GET && query.contains("watch=");
    let (fault, _) = state.fault(&[], 0);
    match fault {
        Some(Fault::Answer(code)) => Ok(refusal(code)),
        Some(Fault::LoseBefore) => Err(Broken::Wanted),
        Some(Fault::LoseAfter) => {
            state.forward(request).await?;
            Err(Broken::Wanted)
        }
        _ if watch => {
            let answer = forward(&state.client, request).await?;
            Ok(state.watches.control(answer))
        }
        _ => state.forward(request).await,
    }
}

/// What a request writes: one status can end one run and claim the next.
fn kind(head: &http::request::Parts, body: &[u8]) -> Option<Vec<Write>> {
    let path = head.uri.path();
    let pods = path.contains("/pods");
    let dry = head
        .uri
        .query()
        .is_some_and(|query| query.contains("dryRun"));
    Some(match head.method {
        Method::POST if pods && !dry => vec![Write::Prepare],
        Method::PATCH if pods => vec![Write::Release],
        Method::DELETE if pods => vec![Write::Collect],
        Method::PATCH if path.ends_with("/status") => {
            let patch: Value = serde_json::from_slice(body).unwrap_or_default();
            let status = &patch["status"];
            let finish = status["recentRuns"].is_array().then_some(Write::Finish);
            let claim = claims(status).then_some(Write::Claim);
            let kinds: Vec<_> = finish.into_iter().chain(claim).collect();
            match kinds.is_empty() {
                true => vec![Write::Other],
                false => kinds,
            }
        }
        Method::POST if pods => vec![Write::Other],
        // Events, reads and watches.
        _ => return None,
    })
}

/// Whether a change of a status claims: it names active runs. It may do so as well if something else
/// about them has changed.
fn claims(status: &Value) -> bool {
    status["active"][0]["uid"].is_string()
}

fn boxed(answer: Response<Body>) -> Answer {
    answer.map(|body| body.map_err(Broken::from).boxed_unsync())
}

async fn forward(client: &Client, request: Request<Bytes>) -> Result<Response<Body>, kube::Error> {
    client.send(request.map(Body::from)).await
}

fn refusal(code: u16) -> Answer {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "the test says so", "reason": reason(code), "code": code,
    });
    let mut response = Response::new(Body::from(status.to_string().into_bytes()));
    *response.status_mut() = StatusCode::from_u16(code).expect("a status");
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    boxed(response)
}
