//! The controller's own HTTP server: metrics, and whether it is alive and ready.
//!
//! Nothing can be changed through it but which records the log has, and that only from the pod itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::about::About;
use crate::clock::Clock;
use crate::error;
use crate::metrics::{CONTENT_TYPE, Metrics};
use crate::telemetry::LogFilter;

/// How old the last beat may be. Longer than any one step of the driver may take.
const SILENCE: Duration = Duration::from_secs(30);

/// How many bytes a log filter may have.
const LONGEST_FILTER: usize = 4_096;

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

    /// Whether it goes round on complete caches. Whoever stands by has them, too.
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

/// What the server tells of, and the one thing that it changes.
#[derive(Clone)]
pub struct Admin {
    pub health: Health,
    pub metrics: Metrics,
    pub about: About,
    pub log_filter: LogFilter,
}

/// Opens the address that `serve` takes.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, AdminError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| AdminError::Listen { address, source })
}

/// Answers until `stop`; returns at most a second later.
pub async fn serve(
    listener: TcpListener,
    admin: Admin,
    stop: CancellationToken,
) -> Result<(), AdminError> {
    let service = router(admin).into_make_service_with_connect_info::<SocketAddr>();
    let server =
        axum::serve(listener, service).with_graceful_shutdown(stop.clone().cancelled_owned());
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

fn router(admin: Admin) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/version", get(version))
        .route("/log-level", get(log_level).put(set_log_level))
        .layer(DefaultBodyLimit::max(LONGEST_FILTER))
        .with_state(admin)
}

async fn metrics(State(admin): State<Admin>) -> Response {
    let text = admin.metrics.encode();
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

async fn version(State(admin): State<Admin>) -> Response {
    let text = serde_json::to_string(&admin.about).expect("it is plain data");
    ([(header::CONTENT_TYPE, "application/json")], text + "\n").into_response()
}

async fn log_level(State(admin): State<Admin>) -> String {
    admin.log_filter.text() + "\n"
}

/// The port has no authentication, so that only who may open ports of the pod may change something.
async fn set_log_level(
    State(admin): State<Admin>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    filter: String,
) -> (StatusCode, String) {
    if !peer.ip().to_canonical().is_loopback() {
        let why = "only from the pod itself: use kubectl port-forward\n";
        return (StatusCode::FORBIDDEN, why.into());
    }
    let filter = filter.trim();
    if filter.is_empty() {
        let why = "the body is to be a filter, such as debug or info,kube=debug\n";
        return (StatusCode::BAD_REQUEST, why.into());
    }
    if let Err(error) = admin.log_filter.set(filter) {
        return (StatusCode::BAD_REQUEST, error::chain(&error) + "\n");
    }
    // A warning, so that most filters show it.
    tracing::warn!(filter, "the log filter was changed");
    (StatusCode::OK, format!("{filter}\n"))
}

async fn healthz(State(admin): State<Admin>) -> (StatusCode, String) {
    if admin.health.is_alive() {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let seconds = admin.health.silence().as_secs();
    (
        StatusCode::SERVICE_UNAVAILABLE,
        format!("the loop that fires schedules last got on {seconds} s ago\n"),
    )
}

async fn readyz(State(admin): State<Admin>) -> (StatusCode, String) {
    if !admin.health.is_alive() {
        return healthz(State(admin)).await;
    }
    if admin.health.is_ready() {
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

    /// What takes a filter and does nothing with it.
    fn admin(clock: Clock) -> Admin {
        Admin {
            health: Health::new(clock),
            metrics: Metrics::new(),
            about: About::new("2026a (built in)"),
            log_filter: LogFilter::new("info", |_| Ok(())),
        }
    }

    struct Server {
        clock: Clock,
        health: Health,
        router: Router,
    }

    fn server() -> Server {
        let clock = Clock::simulated("2026-11-20T18:45:00Z".parse().unwrap());
        let admin = admin(clock.clone());
        Server {
            health: admin.health.clone(),
            router: router(admin),
            clock,
        }
    }

    impl Server {
        async fn get(&self, path: &str) -> (u16, String) {
            let request = Request::get(path).body(Body::empty()).unwrap();
            self.ask(request).await
        }

        async fn put_log_level(&self, peer: &str, filter: &str) -> (u16, String) {
            let mut request = Request::put("/log-level")
                .body(Body::from(filter.to_owned()))
                .unwrap();
            let peer: SocketAddr = peer.parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(peer));
            self.ask(request).await
        }

        async fn ask(&self, request: Request<Body>) -> (u16, String) {
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
    async fn says_what_it_was_made_from() {
        let (status, text) = server().get("/version").await;
        let told: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(status, 200);
        assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(told["zoneDatabase"], "2026a (built in)");
        assert!(told["commit"].is_string(), "{text}");
    }

    #[tokio::test]
    async fn the_log_filter_is_changed_from_loopback_alone() {
        let server = server();
        let shown = async || server.get("/log-level").await;
        assert_eq!(shown().await, (200, "info\n".to_owned()));
        for stranger in ["10.0.0.7:1", "[fd00::7]:1", "[::ffff:10.0.0.7]:1"] {
            let (status, why) = server.put_log_level(stranger, "trace").await;
            assert_eq!(status, 403, "{stranger}: {why}");
        }
        assert_eq!(shown().await, (200, "info\n".to_owned()));
        let own = ["127.0.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"];
        for (peer, filter) in own.into_iter().zip(["debug", "info,kube=debug", "warn"]) {
            let (status, why) = server.put_log_level(peer, &format!("{filter}\n")).await;
            assert_eq!(status, 200, "{peer}: {why}");
            assert_eq!(shown().await, (200, format!("{filter}\n")));
        }
        for (wrong, status) in [("a=b=c", 400), (" ", 400), (&*"a".repeat(5_000), 413)] {
            let answer = server.put_log_level("127.0.0.1:1", wrong).await;
            assert_eq!(answer.0, status, "{}", answer.1);
        }
        assert_eq!(shown().await, (200, "warn\n".to_owned()));
    }

    #[tokio::test]
    async fn serves_metrics_and_stops_though_a_client_stays_connected() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let listener = listen(([127, 0, 0, 1], 0).into()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(serve(listener, admin(Clock::System), stop.clone()));
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
        // The server knows who asks.
        let put = b"PUT /log-level HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\ndebug";
        client.write_all(put).await.unwrap();
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).ends_with("debug\n") {
            assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
        }
        // A request that never ends.
        client
            .write_all(b"GET /healthz HTTP/1.1\r\nHo")
            .await
            .unwrap();
        stop.cancel();
        served.await.unwrap().unwrap();
    }
}
