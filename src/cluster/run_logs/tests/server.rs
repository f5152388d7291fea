//! An API server that answers requests for logs as a test says.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::{Body as Reply, Bytes};
use futures::{StreamExt as _, stream};
use http::{Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use tower::service_fn;

/// How a request for a log is answered: with these lines, and then…
#[derive(Clone)]
pub enum Answer {
    /// … the end of the stream.
    End(String),
    /// … a broken connection.
    Cut(String),
    /// … nothing more, as by a container that sleeps.
    Silence(String),
    NotFound,
    Refused,
}

/// An API server that gives these answers in turn, and after them the last again and again.
#[derive(Clone, Default)]
pub struct Server {
    pub answers: Arc<Mutex<VecDeque<Answer>>>,
    /// The path and query of each request.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn client(&self) -> Client {
        let server = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.answer(request.uri().to_string())) }
        });
        Client::new(service, "default")
    }

    fn answer(&self, uri: String) -> Response<Reply> {
        self.requests.lock().unwrap().push(uri);
        let mut answers = self.answers.lock().unwrap();
        let answer = match answers.len() {
            0 | 1 => answers.front().cloned().unwrap_or(Answer::NotFound),
            _ => answers.pop_front().unwrap(),
        };
        let broken = || Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        let text = |text| stream::iter([Ok(Bytes::from(text))]);
        match answer {
            Answer::End(lines) => Response::new(Reply::from_stream(text(lines))),
            Answer::Cut(lines) => {
                let body = text(lines).chain(stream::once(async move { broken() }));
                Response::new(Reply::from_stream(body))
            }
            Answer::Silence(lines) => {
                let body = text(lines).chain(stream::pending::<std::io::Result<Bytes>>());
                Response::new(Reply::from_stream(body))
            }
            Answer::NotFound => failure(StatusCode::NOT_FOUND, "NotFound"),
            Answer::Refused => failure(StatusCode::BAD_REQUEST, "BadRequest"),
        }
    }

    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn failure(status: StatusCode, reason: &str) -> Response<Reply> {
    let body = serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": status.as_u16(), "reason": reason, "message": "no"});
    let body = Reply::from(serde_json::to_vec(&body).unwrap());
    Response::builder().status(status).body(body).unwrap()
}
