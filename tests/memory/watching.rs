//! A watch: a body that streams the changes after a version, for as long as it was asked to.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::Stream;
use http_body::Frame;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    call::Call,
    faults::{EventFault, Faults},
    server::{Refusal, Server, selects},
    store::{Change, Id},
};

/// How often a watch without news says how far it is.
const BOOKMARKS: Duration = Duration::from_secs(60);

struct Watching {
    server: Server,
    call: Call,
    faults: Faults,
    seen: u64,
    until: Instant,
    bookmark: Instant,
    /// How often all watches had been broken when this one began.
    breaks: usize,
    frozen: Arc<AtomicBool>,
    /// Whether it was found that it can start from where it was asked to.
    opened: bool,
    /// Events that later ones overtake.
    overtaken: Vec<(Id, String)>,
    over: bool,
}

/// The changes after the version that the call names; nothing comes through while `frozen`.
pub fn stream(
    server: Server,
    call: Call,
    faults: Faults,
    frozen: Arc<AtomicBool>,
) -> impl Stream<Item = Result<Frame<Bytes>, std::io::Error>> {
    let seconds = call
        .query
        .get("timeoutSeconds")
        .and_then(|text| text.parse().ok());
    let watching = Watching {
        seen: call.since(),
        until: Instant::now() + Duration::from_secs(seconds.unwrap_or(300)),
        bookmark: Instant::now() + BOOKMARKS,
        breaks: server.breaks(),
        server,
        call,
        faults,
        frozen,
        opened: false,
        overtaken: Vec::new(),
        over: false,
    };
    futures::stream::unfold(watching, next)
}

async fn next(mut watching: Watching) -> Option<(Result<Frame<Bytes>, std::io::Error>, Watching)> {
    let bell = watching.server.bell();
    loop {
        let mut rung = pin!(bell.notified());
        rung.as_mut().enable();
        if watching.over {
            return None;
        }
        // A watch that nothing comes through looks to its reader like one without news.
        if watching.frozen.load(Ordering::Relaxed) {
            rung.await;
            continue;
        }
        if watching.server.breaks() != watching.breaks {
            return None;
        }
        let lines = news(&mut watching);
        if !lines.is_empty() {
            return Some((Ok(Frame::data(lines.into())), watching));
        }
        if watching.over {
            return None;
        }
        let pause = watching.until.min(watching.bookmark);
        if tokio::time::timeout_at(pause, rung).await.is_err() {
            watching.over = watching.until <= pause;
            watching.bookmark = pause + BOOKMARKS;
            let mut lines = late_lines(&mut watching);
            lines.push_str(&bookmark(&watching));
            return Some((Ok(Frame::data(lines.into())), watching));
        }
    }
}

fn news(watching: &mut Watching) -> String {
    let server = watching.server.clone();
    let inner = server.lock();
    // A watch that goes on has been told everything, and is never too old.
    if !std::mem::replace(&mut watching.opened, true) && watching.seen < inner.store.compacted {
        watching.over = true;
        let message = format!("too old resource version: {}", watching.seen);
        return line(
            "ERROR",
            &Refusal::new(410, "Expired", message).body().to_string(),
        );
    }
    let mut lines = String::new();
    let from = inner
        .store
        .changes
        .partition_point(|change| change.version <= watching.seen);
    for change in &inner.store.changes[from..] {
        let Some(event) = event(&watching.call, change) else {
            continue;
        };
        // Of one object, what came first is told first.
        watching.overtaken.retain(|(id, earlier)| {
            let same = *id == change.id;
            if same {
                lines.push_str(earlier);
            }
            !same
        });
        match watching.faults.next_event() {
            EventFault::None => lines.push_str(&event),
            EventFault::Dropped => {}
            EventFault::Twice => {
                lines.push_str(&event);
                lines.push_str(&event);
            }
            EventFault::Overtaken => {
                watching.overtaken.push((change.id.clone(), event));
                continue;
            }
            EventFault::Broken => {
                watching.over = true;
                return lines;
            }
        }
        for (_, earlier) in watching.overtaken.drain(..) {
            lines.push_str(&earlier);
        }
    }
    watching.seen = inner.store.version;
    lines
}

fn late_lines(watching: &mut Watching) -> String {
    let late = watching.overtaken.drain(..);
    late.map(|(_, line)| line).collect()
}

/// What a change looks like through this watch's selector: what is no longer selected was deleted,
/// as far as its reader is told.
fn event(call: &Call, change: &Change) -> Option<String> {
    let selected = |object: &Option<Arc<Value>>| {
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
    let object = object.as_ref()?;
    if kind != "DELETED" {
        return Some(line(kind, change.text()));
    }
    // The last state, at the version that it went with.
    let mut object = (**object).clone();
    object["metadata"]["resourceVersion"] = change.version.to_string().into();
    Some(line(kind, &object.to_string()))
}

fn bookmark(watching: &Watching) -> String {
    let (version, kind) = watching.call.resource.kind();
    let object = json!({
        "apiVersion": version, "kind": kind,
        "metadata": {"resourceVersion": watching.seen.to_string(), "creationTimestamp": null},
        "spec": {"schedule": "", "template": {}, "containers": []},
    });
    line("BOOKMARK", &object.to_string())
}

/// An event as the API server writes it: the type before the object.
fn line(kind: &str, object: &str) -> String {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n")
}
