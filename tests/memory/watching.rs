//! A watch: a body that streams the changes after a version, for as long as it was asked to.

use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use http_body::Frame;
use serde_json::{Value, json};
use tokio::{sync::watch, time::Instant};

use super::{
    call::Call,
    server::{Outage, Server, selects},
    store::Change,
};

struct Watching {
    server: Server,
    call: Call,
    seen: u64,
    until: Instant,
    changes: watch::Receiver<u64>,
    frozen: watch::Receiver<bool>,
    outages: watch::Receiver<Outage>,
    over: bool,
}

/// The changes after the version that the call names; nothing comes through while `frozen`.
pub fn stream(
    server: Server,
    call: Call,
    frozen: watch::Receiver<bool>,
) -> impl Stream<Item = Result<Frame<Bytes>, std::io::Error>> {
    let seconds = call
        .query
        .get("timeoutSeconds")
        .and_then(|text| text.parse().ok());
    let watching = Watching {
        seen: call.since(),
        until: Instant::now() + Duration::from_secs(seconds.unwrap_or(300)),
        changes: server.changes(),
        outages: server.outages(),
        server,
        call,
        frozen,
        over: false,
    };
    futures::stream::unfold(watching, next)
}

async fn next(mut watching: Watching) -> Option<(Result<Frame<Bytes>, std::io::Error>, Watching)> {
    if watching.over {
        return None;
    }
    loop {
        // A watch that nothing comes through looks to its reader like one without news.
        if watching.frozen.wait_for(|frozen| !frozen).await.is_err() {
            return None;
        }
        watching.changes.borrow_and_update();
        let lines = news(&mut watching);
        if !lines.is_empty() {
            return Some((Ok(Frame::data(lines.into())), watching));
        }
        let changed = async {
            tokio::select! {
                changed = watching.changes.changed() => changed.is_ok(),
                _ = watching.outages.changed() => false,
            }
        };
        match tokio::time::timeout_at(watching.until, changed).await {
            Ok(true) => {}
            Ok(false) => return None,
            Err(_) => {
                watching.over = true;
                let (version, kind) = watching.call.resource.kind();
                let object = json!({
                    "apiVersion": version, "kind": kind,
                    "metadata": {"resourceVersion": watching.seen.to_string(), "creationTimestamp": null},
                    "spec": {"schedule": "", "template": {}, "containers": []},
                });
                let bookmark = line("BOOKMARK", &object);
                return Some((Ok(Frame::data(bookmark.into())), watching));
            }
        }
    }
}

fn news(watching: &mut Watching) -> String {
    let inner = watching.server.lock();
    let mut lines = String::new();
    let from = inner
        .store
        .changes
        .partition_point(|change| change.version <= watching.seen);
    for change in &inner.store.changes[from..] {
        if let Some(event) = event(&watching.call, change) {
            lines.push_str(&event);
        }
    }
    watching.seen = inner.store.version;
    lines
}

/// What a change looks like through this watch's selector: what is no longer selected was deleted,
/// as far as its reader is told.
fn event(call: &Call, change: &Change) -> Option<String> {
    let selected = |object: &Option<Value>| {
        object
            .as_ref()
            .is_some_and(|object| selects(call, &change.id, object))
    };
    let (kind, object) = match (selected(&change.before), selected(&change.after)) {
        (false, false) => return None,
        (false, true) => ("ADDED", &change.after),
        (true, true) => ("MODIFIED", &change.after),
        (true, false) => ("DELETED", &change.before),
    };
    let mut object = object.clone()?;
    object["metadata"]["resourceVersion"] = change.version.to_string().into();
    Some(line(kind, &object))
}

/// An event as the API server writes it: the type before the object.
fn line(kind: &str, object: &Value) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}
