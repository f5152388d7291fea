//! How we reach the API server: from flags to clients.

use std::{
    error::Error,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::{Future, FutureExt};
use http::{HeaderValue, Request, Response, header::USER_AGENT};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder},
    config::{KubeConfigOptions, Kubeconfig},
};
use tower::{Layer, Service};

use crate::metrics::{ApiRequest, Metrics};

/// How long a server may say nothing before its connection is given up.
const SILENCE: Duration = Duration::from_secs(240);

/// By which audit logs and API Priority and Fairness know us.
const NAME: &str = concat!("punctual/", env!("CARGO_PKG_VERSION"));

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("can't read the kubeconfig; name another with --kubeconfig or --context")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    #[error("no cluster to work on: name a kubeconfig with --kubeconfig or in $KUBECONFIG")]
    Nowhere(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("can't make a client")]
    Client(#[from] kube::Error),
}

/// The configuration of the cluster to work on: the kubeconfig and context that are named, else
/// what the environment says (`KUBECONFIG`, the usual file, or the pod that this runs in).
pub async fn config(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
) -> Result<Config, ConnectError> {
    if kubeconfig.is_none() && context.is_none() {
        return Config::infer().await.map_err(|error| {
            // It tells of the pod's own account too, which is not missed outside of a pod.
            ConnectError::Nowhere(match error.source() {
                Some(kubeconfig) => kubeconfig.to_string().into(),
                None => error.to_string().into(),
            })
        });
    }
    let file = match kubeconfig {
        Some(path) => Kubeconfig::read_from(path)?,
        None => Kubeconfig::read()?,
    };
    let options = KubeConfigOptions {
        context: context.map(Into::into),
        ..KubeConfigOptions::default()
    };
    Ok(Config::from_custom_kubeconfig(file, &options).await?)
}

/// Whether this is the account of the pod that this runs in, whose namespace is the configuration's.
pub fn is_of_pod(config: &Config) -> bool {
    let token = config.auth_info.token_file.as_deref();
    token.is_some_and(|it| it.starts_with("/var/run/secrets/kubernetes.io/serviceaccount/"))
}

/// A client whose requests are counted. It never repeats a request by itself: the driver knows
/// better when to, and what has changed by then.
pub fn client(mut config: Config, metrics: Metrics) -> Result<Client, ConnectError> {
    config.default_retry = false;
    config
        .headers
        .push((USER_AGENT, HeaderValue::from_static(NAME)));
    // Longer than any watch is silent, since bookmarks come every minute: who says nothing for so long
    // is not there any more.
    config.read_timeout = config.read_timeout.or(Some(SILENCE));
    config.reset_reader_on_write = true;
    let client = ClientBuilder::try_from(config)?
        .with_layer(&Counted(metrics))
        .build();
    Ok(client)
}

/// Counts requests and their answers.
#[derive(Clone)]
struct Counted(Metrics);

impl<S> Layer<S> for Counted {
    type Service = Counting<S>;

    fn layer(&self, inner: S) -> Counting<S> {
        Counting {
            inner,
            metrics: self.0.clone(),
        }
    }
}

/// A service whose requests are counted.
#[derive(Clone)]
struct Counting<S> {
    inner: S,
    metrics: Metrics,
}

impl<S, B> Service<Request<Body>> for Counting<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let asked = ApiRequest::read(request.method(), request.uri());
        let metrics = self.metrics.clone();
        let answer = self.inner.call(request);
        answer
            .inspect(move |answer| {
                let code = answer.as_ref().ok().map(|answer| answer.status().as_u16());
                metrics.api_request(asked, code);
            })
            .boxed()
    }
}
