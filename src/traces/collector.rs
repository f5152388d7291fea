//! The way to a collector: one request with spans, and what it answers.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderValue, Request, StatusCode,
    header::{CONTENT_TYPE, USER_AGENT},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::endpoint::Endpoint;
use crate::error::chain;

/// How long one request may take: the default of OpenTelemetry.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of an answer is read. A good one is some bytes long.
const ANSWER: usize = 64 << 10;

const NAME: &str = concat!("punctual/", env!("CARGO_PKG_VERSION"));

/// A collector that takes traces by HTTP.
pub struct Collector {
    endpoint: Endpoint,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// Why there can be no way to a collector.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    #[error("can't use TLS")]
    Tls(#[from] rustls::Error),
    #[error(
        "there are no root certificates to trust a collector by https: name a file in $SSL_CERT_FILE"
    )]
    Roots(#[from] std::io::Error),
}

/// Why spans were not taken.
#[derive(Debug)]
pub(super) struct Refusal {
    pub why: String,
    /// Whether the same request may be taken later.
    pub passing: bool,
}

impl Collector {
    /// The way to this one. Nothing is sent yet.
    pub fn new(endpoint: Endpoint) -> Result<Self, CollectorError> {
        let config = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()?;
        // Without TLS nobody is asked for roots, which an image need not have.
        let config = match endpoint.uri.scheme_str() == Some("https") {
            true => config.with_native_roots()?,
            false => config.with_root_certificates(RootCertStore::empty()),
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(config.with_no_client_auth())
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { endpoint, client })
    }

    /// Sends spans, and says how many of them were rejected.
    pub(super) async fn send(&self, spans: Bytes) -> Result<u64, Refusal> {
        match tokio::time::timeout(PATIENCE, self.ask(spans)).await {
            Ok(answer) => answer,
            Err(_) => Err(Refusal {
                why: format!("it has not answered within {} s", PATIENCE.as_secs()),
                passing: true,
            }),
        }
    }

    async fn ask(&self, spans: Bytes) -> Result<u64, Refusal> {
        let broken = |error: &(dyn std::error::Error + 'static)| Refusal {
            why: chain(error),
            passing: true,
        };
        let mut request = Request::new(Full::new(spans));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.endpoint.uri.clone();
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(NAME));
        headers.extend(self.endpoint.headers.clone());
        let protobuf = HeaderValue::from_static("application/x-protobuf");
        headers.insert(CONTENT_TYPE, protobuf);
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| broken(&error))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(Refusal {
                why: format!("it answers {status}"),
                passing: is_passing(status),
            });
        }
        let body = Limited::new(answer.into_body(), ANSWER).collect().await;
        let body = body.map_err(|error| broken(&*error))?.to_bytes();
        // Whoever says 200 and then something else has taken them, as far as we can tell.
        let answer = ExportTraceServiceResponse::decode(body).unwrap_or_default();
        let rejected = answer.partial_success.map_or(0, |it| it.rejected_spans);
        Ok(u64::try_from(rejected).unwrap_or(0))
    }
}

/// By OpenTelemetry's list. All others mean the same the next time.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}
