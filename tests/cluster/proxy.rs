//! A proxy before the API server that does to chosen writes what networks, servers and machines do:
//! it loses them or their answers, answers in the server's place, kills the controller, or delivers
//! a write much later.

use std::{
    convert::Infallible,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use http_body_util::BodyExt;
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

use super::{PATIENCE, controller::Killer, place::Place};

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
}

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

/// What is done to the next write of a kind, and who waits for it.
struct Planned {
    write: Write,
    fault: Fault,
    hit: oneshot::Sender<Option<Delayed>>,
}

struct State {
    client: Client,
    /// How many milliseconds each write is under way, in turn.
    delays: &'static [u64],
    fault: Mutex<Option<Planned>>,
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
        let (hit, waits) = oneshot::channel();
        let what = format!("{fault:?}");
        *self.state.fault.lock().expect("the fault") = Some(Planned { write, fault, hit });
        match tokio::time::timeout(PATIENCE, waits).await {
            Ok(Ok(delayed)) => delayed,
            _ => panic!("no {write:?} came for {what}: {:?}", self.writes()),
        }
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
enum Broken {
    #[error("it was to break")]
    Wanted,
    #[error("the controller's request broke off")]
    Request(#[from] hyper::Error),
    #[error("the API server doesn't answer")]
    Server(#[from] kube::Error),
    #[error("never")]
    Never(#[from] Infallible),
}

async fn handle(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, Broken> {
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
    let kind = kind(&head, &body);
    let request = Request::from_parts(head, body);
    let Some(kind) = kind else {
        return Ok(forward(&state.client, request).await?);
    };
    let fault = {
        let mut waiting = state.fault.lock().expect("the fault");
        waiting.take_if(|planned| kind.contains(&planned.write))
    };
    let count = state.writes.lock().expect("the writes").len();
    tokio::time::sleep(Duration::from_millis(
        state.delays[count % state.delays.len()],
    ))
    .await;
    let client = &state.client;
    let mut delayed = None;
    if let Some(Planned {
        fault: Fault::Hang,
        hit,
        ..
    }) = fault
    {
        let _ = hit.send(None);
        return std::future::pending().await;
    }
    let answer = match fault.as_ref().map(|planned| &planned.fault) {
        None | Some(Fault::Hang) => Ok(forward(client, request).await?),
        Some(Fault::KillBefore(killer)) => {
            killer.kill();
            Err(Broken::Wanted)
        }
        Some(Fault::KillAfter(killer)) => {
            forward(client, request).await?;
            killer.kill();
            Err(Broken::Wanted)
        }
        Some(Fault::KillAndDelay(killer)) => {
            killer.kill();
            let client = client.clone();
            delayed = Some(Delayed { client, request });
            Err(Broken::Wanted)
        }
        Some(Fault::LoseBefore) => Err(Broken::Wanted),
        Some(Fault::LoseAfter) => {
            forward(client, request).await?;
            Err(Broken::Wanted)
        }
        Some(Fault::Answer(code)) => Ok(refusal(*code)),
        Some(Fault::ApplyAndAnswer(code)) => {
            forward(client, request).await?;
            Ok(refusal(*code))
        }
    };
    let status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
    let mut writes = state.writes.lock().expect("the writes");
    writes.extend(kind.into_iter().map(|kind| (kind, status)));
    if let Some(Planned { hit, .. }) = fault {
        // The test may have given up waiting.
        let _ = hit.send(delayed);
    }
    answer
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
            let claim = status["active"][0]["uid"]
                .is_string()
                .then_some(Write::Claim);
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

async fn forward(client: &Client, request: Request<Bytes>) -> Result<Response<Body>, kube::Error> {
    client.send(request.map(Body::from)).await
}

fn refusal(code: u16) -> Response<Body> {
    let reason = match code {
        409 => "Conflict",
        429 => "TooManyRequests",
        504 => "Timeout",
        _ => "InternalError",
    };
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "the test says so", "reason": reason, "code": code,
    });
    let mut response = Response::new(Body::from(status.to_string().into_bytes()));
    *response.status_mut() = StatusCode::from_u16(code).expect("a status");
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
