//! The flag that says where traces go, and who we say that we are there.

use anyhow::Context;
use clap::Args;
use punctual::{
    about::About,
    cluster::report,
    traces::{Collector, Endpoint},
};

/// Whether there are traces, and where they go.
#[derive(Args)]
pub struct TraceFlags {
    /// The OpenTelemetry collector that gets a trace of each fire, by OTLP over HTTP (protobuf), such as
    /// http://collector:4318. Default: $OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or
    /// $OTEL_EXPORTER_OTLP_ENDPOINT, else no traces.
    #[arg(long, env = "PUNCTUAL_OTLP_ENDPOINT", value_name = "URL")]
    otlp_endpoint: Option<String>,
}

impl TraceFlags {
    /// The collector, and its address for the log; none if nobody asked for traces.
    pub fn collector(&self) -> anyhow::Result<Option<(Collector, String)>> {
        let Some(endpoint) = Endpoint::find(self.otlp_endpoint.as_deref(), variable)? else {
            return Ok(None);
        };
        let shown = endpoint.shown();
        let collector = Collector::new(endpoint).context("can't export traces")?;
        Ok(Some((collector, shown)))
    }
}

/// What a collector is told about this replica. `namespace` is that of the pod that this runs in, if it
/// does. What OpenTelemetry's own variables say comes first.
pub fn about(about: &About, namespace: Option<&str>) -> anyhow::Result<Vec<(String, String)>> {
    let instance = report::instance_name();
    let mut attributes = vec![
        ("service.name", "punctual"),
        ("service.version", about.version),
        ("service.instance.id", &instance),
    ];
    if let Some(namespace) = namespace {
        attributes.push(("k8s.namespace.name", namespace));
        attributes.push(("k8s.pod.name", &instance));
    }
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let mut attributes: Vec<_> = attributes.into_iter().map(owned).collect();
    for (name, value) in punctual::traces::resource_attributes(variable)? {
        attributes.retain(|(known, _)| *known != name);
        attributes.push((name, value));
    }
    Ok(attributes)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
