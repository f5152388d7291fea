//! From an HTTP request to what it asks for.

use std::collections::HashMap;

use serde_json::Value;

use super::store::{Id, Resource};

/// What a request asks for.
#[derive(Clone, Debug)]
pub struct Call {
    pub verb: Verb,
    pub resource: Resource,
    pub namespace: String,
    pub name: String,
    /// Whether it is about the status alone.
    pub status: bool,
    pub query: HashMap<String, String>,
    pub strategic: bool,
    pub body: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Patch,
    Delete,
}

impl Verb {
    pub fn name(self) -> &'static str {
        match self {
            Verb::Get => "get",
            Verb::List => "list",
            Verb::Watch => "watch",
            Verb::Create => "create",
            Verb::Patch => "patch",
            Verb::Delete => "delete",
        }
    }
}

impl Call {
    pub async fn read(request: http::Request<kube::client::Body>) -> Self {
        let (parts, body) = request.into_parts();
        let body = body
            .collect_bytes()
            .await
            .expect("bodies of requests are whole");
        let query = query(parts.uri.query().unwrap_or_default());
        let mut path = parts.uri.path().split('/').skip(1);
        // `api/v1/…` or `apis/GROUP/VERSION/…`.
        let skipped = if path.next() == Some("api") { 1 } else { 2 };
        let mut rest: Vec<&str> = path.skip(skipped).collect();
        let mut namespace = String::new();
        if rest.first() == Some(&"namespaces") {
            namespace = rest[1].to_owned();
            rest.drain(..2);
        }
        let resource = Resource::named(rest[0]);
        let name = rest.get(1).copied().unwrap_or_default().to_owned();
        let watches = matches!(
            query.get("watch").map(String::as_str),
            Some("true" | "1" | "")
        );
        let verb = match (parts.method.as_str(), name.is_empty()) {
            ("GET", true) if watches => Verb::Watch,
            ("GET", true) => Verb::List,
            ("GET", false) => Verb::Get,
            ("POST", _) => Verb::Create,
            ("PATCH", _) => Verb::Patch,
            ("DELETE", _) => Verb::Delete,
            (other, _) => panic!("{other} is not known to the server in memory"),
        };
        let kind = parts.headers.get(http::header::CONTENT_TYPE);
        Self {
            verb,
            resource,
            namespace,
            name,
            status: rest.get(2) == Some(&"status"),
            strategic: kind.is_some_and(|kind| kind == "application/strategic-merge-patch+json"),
            query,
            body: serde_json::from_slice(&body).unwrap_or(Value::Null),
        }
    }

    pub fn id(&self) -> Id {
        Id {
            resource: self.resource,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    /// The name of the object that it is about, also of one that it creates.
    pub fn named(&self) -> &str {
        match self.verb {
            Verb::Create => self.body["metadata"]["name"].as_str().unwrap_or_default(),
            _ => &self.name,
        }
    }

    /// Whether it may change something.
    pub fn writes(&self) -> bool {
        matches!(self.verb, Verb::Create | Verb::Patch | Verb::Delete) && !self.dry_run()
    }

    pub fn dry_run(&self) -> bool {
        self.query.contains_key("dryRun")
    }

    /// The version that a watch starts from.
    pub fn since(&self) -> u64 {
        let version = self.query.get("resourceVersion");
        version
            .and_then(|version| version.parse().ok())
            .unwrap_or(0)
    }
}

fn query(text: &str) -> HashMap<String, String> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key), decoded(value))
        })
        .collect()
}

/// Percent decoding, of ASCII only: that is all that our labels have.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, rest) = part.split_at(2);
        shown.push(char::from(
            u8::from_str_radix(code, 16).expect("two hexadecimal digits"),
        ));
        shown.push_str(rest);
    }
    shown
}
