//! What a request to the Kubernetes API is, read from its method and path.

use http::{Method, Uri};
use prometheus_client::encoding::EncodeLabelValue;

/// What a request asks for, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiRequest {
    pub verb: Verb,
    pub resource: Resource,
}

/// What a request asks for, in the words of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "the names are the label's values")]
pub enum Verb {
    get,
    list,
    watch,
    create,
    update,
    patch,
    delete,
    other,
}

/// The resources that the controller uses; anything else is `other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "the names are the label's values")]
pub enum Resource {
    scheduledcontainers,
    scheduledcontainers_status,
    schedulecalendars,
    clusterschedulecalendars,
    pods,
    pods_log,
    events,
    leases,
    other,
}

impl ApiRequest {
    /// Reads `/api/v1/…` and `/apis/GROUP/VERSION/…`, with or without a namespace.
    pub fn read(method: &Method, uri: &Uri) -> Self {
        let mut parts = uri.path().split('/').filter(|part| !part.is_empty());
        match parts.next() {
            Some("api") => drop(parts.next()),
            Some("apis") => drop(parts.nth(1)),
            Some(_) | None => {}
        }
        let rest: Vec<_> = parts.take(5).collect();
        let path = match rest.as_slice() {
            ["namespaces", _, path @ ..] if !path.is_empty() => path,
            path => path,
        };
        let resource = match path {
            ["scheduledcontainers"] | ["scheduledcontainers", _] => Resource::scheduledcontainers,
            ["scheduledcontainers", _, "status"] => Resource::scheduledcontainers_status,
            ["schedulecalendars"] => Resource::schedulecalendars,
            ["clusterschedulecalendars"] => Resource::clusterschedulecalendars,
            ["pods"] | ["pods", _] => Resource::pods,
            ["pods", _, "log"] => Resource::pods_log,
            ["events"] | ["events", _] => Resource::events,
            ["leases"] | ["leases", _] => Resource::leases,
            _ => Resource::other,
        };
        let named = path.len() > 1;
        let watches = uri
            .query()
            .is_some_and(|query| query.split('&').any(|pair| pair == "watch=true"));
        let verb = match *method {
            Method::GET if watches => Verb::watch,
            Method::GET if named => Verb::get,
            Method::GET => Verb::list,
            Method::POST => Verb::create,
            Method::PUT => Verb::update,
            Method::PATCH => Verb::patch,
            Method::DELETE => Verb::delete,
            _ => Verb::other,
        };
        Self { verb, resource }
    }
}
