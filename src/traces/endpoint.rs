//! Where traces go, and as whom: from the flag and the variables that OpenTelemetry names. Pure.

use http::{HeaderMap, HeaderName, HeaderValue, Uri, uri::PathAndQuery};
use percent_encoding::percent_decode_str;

/// Where a collector takes traces, below its address.
const PATH: &str = "/v1/traces";

/// Where traces go, and what goes along with each request.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub uri: Uri,
    /// They may be secret: none is ever shown.
    pub headers: HeaderMap,
}

/// What is wrong with where traces shall go. No value of a header is in it, nor a password.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    #[error(
        "{name} is no address of a collector: {why}; an address looks like http://collector:4318"
    )]
    Url { name: String, why: &'static str },
    #[error(
        "entry {number} of {name} can't be read; write NAME=VALUE, separated by commas, and what is special as in a URL"
    )]
    Entry { name: &'static str, number: usize },
    #[error(
        "{name} asks for {value}, and traces are sent by http/protobuf alone: leave it away, and name the collector's port for that, mostly 4318"
    )]
    Protocol { name: &'static str, value: String },
}

impl Endpoint {
    /// What `flag` and the environment say; none if they say nothing, or that there shall be none.
    pub fn find(
        flag: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, EndpointError> {
        // An empty variable is as good as none, by OpenTelemetry's rules.
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        if variable("OTEL_SDK_DISABLED").is_some_and(|it| it.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let whole = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        let base = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let flag = flag.filter(|url| !url.is_empty());
        let uri = if let Some(url) = flag {
            address("--otlp-endpoint", url, true)?
        } else if let Some(url) = variable(whole) {
            address(whole, &url, false)?
        } else if let Some(url) = variable(base) {
            address(base, &url, true)?
        } else {
            return Ok(None);
        };
        if flag.is_none() {
            for name in [
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
                "OTEL_EXPORTER_OTLP_PROTOCOL",
            ] {
                if let Some(value) = variable(name) {
                    if value != "http/protobuf" {
                        return Err(EndpointError::Protocol { name, value });
                    }
                    break;
                }
            }
        }
        let mut headers = HeaderMap::new();
        for name in [
            "OTEL_EXPORTER_OTLP_HEADERS",
            "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        ] {
            let list = variable(name).unwrap_or_default();
            for (number, entry) in entries(&list) {
                let (key, value) = header(entry).ok_or(EndpointError::Entry { name, number })?;
                headers.insert(key, value);
            }
        }
        Ok(Some(Self { uri, headers }))
    }

    /// The address for a log: without what comes after the path, which may be a secret.
    pub fn shown(&self) -> String {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let authority = self.uri.authority().map_or("", |it| it.as_str());
        format!("{scheme}://{authority}{}", self.uri.path())
    }
}

/// The attributes of the resource that OpenTelemetry's variables give, and its name, which comes last.
pub fn resource_attributes(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, EndpointError> {
    let name = "OTEL_RESOURCE_ATTRIBUTES";
    let list = variable(name).unwrap_or_default();
    let mut attributes = Vec::new();
    for (number, entry) in entries(&list) {
        let pair = pair(entry).ok_or(EndpointError::Entry { name, number })?;
        attributes.push(pair);
    }
    let service = variable("OTEL_SERVICE_NAME").filter(|service| !service.is_empty());
    attributes.extend(service.map(|service| ("service.name".to_owned(), service)));
    Ok(attributes)
}

/// An address; with `base` one below which the path of traces is.
fn address(name: &str, url: &str, base: bool) -> Result<Uri, EndpointError> {
    let wrong = |why| EndpointError::Url {
        name: name.into(),
        why,
    };
    let uri: Uri = url.trim().parse().map_err(|_| wrong("it can't be read"))?;
    let mut parts = uri.into_parts();
    match parts.scheme.as_ref().map(|scheme| scheme.as_str()) {
        Some("http" | "https") => {}
        Some(_) => return Err(wrong("it begins neither with http:// nor with https://")),
        None => return Err(wrong("it has no http:// or https:// before it")),
    }
    let authority = parts.authority.as_ref().map_or("", |it| it.as_str());
    if authority.contains('@') {
        return Err(wrong(
            "it has a password; put that into OTEL_EXPORTER_OTLP_HEADERS",
        ));
    }
    if base {
        let path = parts.path_and_query.as_ref().map_or("", |it| it.path());
        let path = path.trim_end_matches('/');
        let path = match path.ends_with(PATH) {
            true => path.to_owned(),
            false => format!("{path}{PATH}"),
        };
        let path: PathAndQuery = path.parse().map_err(|_| wrong("its path can't be read"))?;
        parts.path_and_query = Some(path);
    }
    Uri::from_parts(parts).map_err(|_| wrong("it can't be read"))
}

/// The entries of a list, with their numbers from 1.
fn entries(list: &str) -> impl Iterator<Item = (usize, &str)> {
    let entries = list.split(',').map(str::trim);
    (1..).zip(entries).filter(|(_, entry)| !entry.is_empty())
}

/// A name and its decoded value.
fn pair(entry: &str) -> Option<(String, String)> {
    let (name, value) = entry.split_once('=')?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    Some((name.trim().to_owned(), value.into_owned()))
}

fn header(entry: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = pair(entry)?;
    let mut value = HeaderValue::try_from(value).ok()?;
    value.set_sensitive(true);
    Some((name.parse().ok()?, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(flag: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<Endpoint>, String> {
        let value = |name: &str| {
            let found = variables.iter().find(|(key, _)| *key == name)?;
            Some(found.1.to_owned())
        };
        Endpoint::find(flag, value).map_err(|error| error.to_string())
    }

    /// Where traces go, if anywhere.
    #[track_caller]
    fn check(flag: Option<&str>, variables: &[(&str, &str)], expected: Option<&str>) {
        let found = find(flag, variables).unwrap();
        let found = found.map(|endpoint| endpoint.uri.to_string());
        assert_eq!(found.as_deref(), expected, "{flag:?} {variables:?}");
    }

    #[test]
    fn the_flag_comes_before_the_variables_and_the_own_one_of_traces_before_the_common_one() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://base:4318");
        let traces = (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://own:1/as/it/is",
        );
        let off = ("OTEL_SDK_DISABLED", "true");
        check(None, &[], None);
        check(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")], None);
        check(Some(""), &[], None);
        check(None, &[base], Some("http://base:4318/v1/traces"));
        check(None, &[base, traces], Some("http://own:1/as/it/is"));
        check(
            Some("https://flag"),
            &[base, traces],
            Some("https://flag/v1/traces"),
        );
        check(Some("https://flag"), &[base, off], None);
    }

    #[test]
    fn the_path_of_traces_is_added_once() {
        for (given, expected) in [
            ("http://a:4318", "http://a:4318/v1/traces"),
            ("http://a:4318/", "http://a:4318/v1/traces"),
            ("http://a/otlp/", "http://a/otlp/v1/traces"),
            ("http://a:4318/v1/traces", "http://a:4318/v1/traces"),
        ] {
            check(Some(given), &[], Some(expected));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (url, said) in [
            (
                "collector:4318",
                "--otlp-endpoint is no address of a collector: it",
            ),
            ("grpc://a:4317", "neither with http:// nor with https://"),
            ("http://", "it can't be read"),
            ("http://a b", "it can't be read"),
            ("/v1/traces", "it has no http:// or https:// before it"),
        ] {
            let error = find(Some(url), &[]).unwrap_err();
            assert!(error.contains(said), "{url}: {error}");
        }
    }

    #[test]
    fn a_secret_is_neither_taken_from_the_address_nor_told() {
        let error = find(Some("http://me:hunter2@a"), &[]).unwrap_err();
        assert!(error.contains("OTEL_EXPORTER_OTLP_HEADERS"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        let list = "x=hunter2,hunter2";
        let error = find(Some("http://a"), &[("OTEL_EXPORTER_OTLP_HEADERS", list)]).unwrap_err();
        assert!(error.contains("entry 2"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
        let whole = (
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            "http://a/p?key=hunter2",
        );
        let secret = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hunter2");
        let endpoint = find(None, &[whole, secret]).unwrap().unwrap();
        assert_eq!(endpoint.shown(), "http://a/p");
        let debug = format!("{:?}", endpoint.headers);
        assert!(!debug.contains("hunter2"), "{debug}");
    }

    #[test]
    fn headers_are_decoded_and_those_for_traces_come_first() {
        let common = (
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Basic%20YTpi, x-scope=a,",
        );
        let own = ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "X-Scope=b");
        let found = find(Some("http://a"), &[common, own]).unwrap().unwrap();
        assert_eq!(found.headers["authorization"], "Basic YTpi");
        assert_eq!(found.headers["x-scope"], "b");
    }

    #[test]
    fn another_protocol_is_refused_unless_the_flag_says_where_to() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:4317");
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        let own = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf");
        let error = find(None, &[base, grpc]).unwrap_err();
        assert!(error.contains("asks for grpc"), "{error}");
        check(None, &[base, grpc, own], Some("http://a:4317/v1/traces"));
        check(Some("http://b"), &[grpc], Some("http://b/v1/traces"));
    }
}
