//! The controller's own HTTP server: metrics, and whether it is alive and ready.
//!
//! Reads only; nothing can be changed through it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::metrics::{CONTENT_TYPE, Metrics};

/// How old the last beat may be. Longer than any one step of the driver may take.
const SILENCE: Duration = Duration::from_secs(30);

/// How long requests that are being answered may go on after the stop.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// Whether the controller is alive and ready: written by the driver, read by the kubelet's probes.
#[derive(Clone, Debug)]
pub struct Health {
    clock: Clock,
    state: Arc<HealthState>,
}

#[derive(Debug)]
struct HealthState {
    ready: AtomicBool,
    /// When the driver last showed that it goes round, in microseconds since 1970.
    beat: AtomicI64,
}

impl Health {
    /// Not ready, and alive as of now.
    pub fn new(clock: Clock) -> Self {
        let state = HealthState {
            ready: AtomicBool::new(false),
            beat: AtomicI64::new(clock.now().as_microsecond()),
        };
        Self {
            clock,
            state: Arc::new(state),
        }
    }

    /// Says that the driver goes round. To be called every few seconds from its loop.
    pub fn beat(&self, now: Timestamp) {
        // Stored as it is and not as a maximum: after a clock step back an old beat must not
        // vouch for a loop that hangs.
        self.state
            .beat
            .store(now.as_microsecond(), Ordering::Relaxed);
    }

    /// Says whether the caches hold all there is, so that fires are decided on what is true.
    pub fn set_ready(&self, ready: bool) {
        self.state.ready.store(ready, Ordering::Relaxed);
    }

    /// Whether the driver goes round: its last beat is at most 30 s old.
    pub fn is_alive(&self) -> bool {
        self.silence() <= SILENCE
    }

    /// Whether it goes round on complete caches.
    pub fn is_ready(&self) -> bool {
        self.state.ready.load(Ordering::Relaxed) && self.is_alive()
    }

    fn silence(&self) -> Duration {
        let beat = self.state.beat.load(Ordering::Relaxed);
        let silence = self.clock.now().as_microsecond().saturating_sub(beat);
        Duration::from_micros(u64::try_from(silence).unwrap_or(0))
    }
}

/// Why the server can't go on.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("can't listen for probes and metrics on {address}")]
    Listen {
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("the server for probes and metrics ended")]
    Serve(#[source] std::io::Error),
}

/// Opens the address that `serve` takes.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, AdminError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| AdminError::Listen { address, source })
}

/// Answers `/metrics`, `/healthz` and `/readyz` until `stop`; returns at most a second later.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    metrics: Metrics,
    stop: CancellationToken,
) -> Result<(), AdminError> {
    let server = axum::serve(listener, router(health, metrics))
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    // A client that keeps its connection must not keep the process.
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    tokio::select! {
        end = async { server.await } => end.map_err(AdminError::Serve),
        () = overdue => Ok(()),
    }
}

fn router(health: Health, metrics: Metrics) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .with_state(health)
        .merge(
            Router::new()
                .route("/metrics", get(encode))
                .with_state(metrics),
        )
}

async fn encode(State(metrics): State<Metrics>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.encode()).into_response()
}

async fn healthz(State(health): State<Health>) -> (StatusCode, String) {
    if health.is_alive() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let seconds = health.silence().as_secs();
    (
        StatusCode::SERVICE_UNAVAILABLE,
        format!("the loop that fires schedules was last seen {seconds} s ago\n"),
    )
}

async fn readyz(State(health): State<Health>) -> (StatusCode, String) {
    if !health.is_alive() {
        return healthz(State(health)).await;
    }
    if health.is_ready() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    (
        StatusCode::SERVICE_UNAVAILABLE,
        "the schedules and pods of the cluster are still being read\n".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    struct Server {
        clock: Clock,
        health: Health,
        router: Router,
    }

    fn server() -> Server {
        let clock = Clock::simulated("2026-11-20T18:45:00Z".parse().unwrap());
        let health = Health::new(clock.clone());
        Server {
            router: router(health.clone(), Metrics::new()),
            clock,
            health,
        }
    }

    impl Server {
        async fn get(&self, path: &str) -> (u16, String) {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = self.router.clone().oneshot(request).await.unwrap();
            let status = response.status().as_u16();
            let body = axum::body::to_bytes(response.into_body(), 1 << 20)
                .await
                .unwrap();
            (status, String::from_utf8(body.to_vec()).unwrap())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn alive_while_the_driver_beats_and_not_half_a_minute_after_its_last_beat() {
        let server = server();
        for _ in 0..5 {
            tokio::time::advance(Duration::from_secs(20)).await;
            server.health.beat(server.clock.now());
            assert_eq!(server.get("/healthz").await, (200, "ok\n".to_owned()));
        }
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(server.get("/healthz").await.0, 200);
        tokio::time::advance(Duration::from_secs(1)).await;
        let (status, why) = server.get("/healthz").await;
        assert_eq!(status, 503);
        assert!(why.contains("31 s ago"), "{why}");
        server.health.beat(server.clock.now());
        assert_eq!(server.get("/healthz").await.0, 200);
    }

    #[tokio::test(start_paused = true)]
    async fn ready_once_the_caches_are_complete_and_only_while_alive() {
        let server = server();
        assert_eq!(server.get("/readyz").await.0, 503);
        server.health.set_ready(true);
        assert_eq!(server.get("/readyz").await.0, 200);
        tokio::time::advance(Duration::from_secs(31)).await;
        assert_eq!(server.get("/readyz").await.0, 503);
    }

    #[tokio::test]
    async fn serves_metrics_and_stops_though_a_client_stays_connected() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let health = Health::new(Clock::System);
        let served = tokio::spawn(serve(listener, health, Metrics::new(), stop.clone()));
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        client
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains("# EOF") {
            assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
        }
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.contains("application/openmetrics-text"), "{answer}");
        // A request that never ends.
        client
            .write_all(b"GET /healthz HTTP/1.1\r\nHo")
            .await
            .unwrap();
        stop.cancel();
        served.await.unwrap().unwrap();
    }
}
