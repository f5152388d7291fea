//! Spans in the words of OpenTelemetry's protocol. Pure.

use jiff::Timestamp;
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    resource::v1::Resource,
    trace::v1::{
        self as proto, ResourceSpans, ScopeSpans, Status, span::SpanKind, status::StatusCode,
    },
};

use super::span::{Span, Value};

/// W3C's flag of a trace that is recorded.
const SAMPLED: u32 = 1;

/// Who tells.
pub(super) fn resource(attributes: impl IntoIterator<Item = (String, String)>) -> Resource {
    let attributes = attributes.into_iter();
    Resource {
        attributes: attributes
            .map(|(name, value)| attribute(&name, Value::Text(value)))
            .collect(),
        ..Resource::default()
    }
}

/// The request that brings spans to a collector.
pub(super) fn request(resource: &Resource, spans: Vec<Span>) -> ExportTraceServiceRequest {
    let spans = ScopeSpans {
        scope: Some(InstrumentationScope {
            name: env!("CARGO_PKG_NAME").into(),
            version: env!("CARGO_PKG_VERSION").into(),
            ..InstrumentationScope::default()
        }),
        spans: spans.into_iter().map(span).collect(),
        ..ScopeSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource.clone()),
            scope_spans: vec![spans],
            ..ResourceSpans::default()
        }],
    }
}

fn span(span: Span) -> proto::Span {
    let Span {
        trace,
        id,
        parent,
        name,
        period,
        error,
        attributes,
    } = span;
    let attributes = attributes.into_iter();
    proto::Span {
        trace_id: trace.0.into(),
        span_id: id.0.into(),
        parent_span_id: parent.map(|parent| parent.0.into()).unwrap_or_default(),
        flags: SAMPLED,
        name: name.into(),
        kind: SpanKind::Internal.into(),
        start_time_unix_nano: nanoseconds(period.start),
        end_time_unix_nano: nanoseconds(period.end),
        attributes: attributes
            .map(|(name, value)| attribute(name, value))
            .collect(),
        // What ended well has no status: that is for whoever looks at it to say.
        status: error.map(|reason| Status {
            message: format!("{}: {}", reason.name(), reason.meaning()),
            code: StatusCode::Error.into(),
        }),
        ..proto::Span::default()
    }
}

fn attribute(name: &str, value: Value) -> KeyValue {
    let value = match value {
        Value::Text(text) => any_value::Value::StringValue(text),
        Value::Count(count) => any_value::Value::IntValue(count),
    };
    KeyValue {
        key: name.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn nanoseconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanosecond()).unwrap_or(0)
}
