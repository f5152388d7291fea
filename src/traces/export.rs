//! Brings spans to a collector, in the background, many at a time.
//!
//! The collector may be away, slow or out of its mind: then spans are dropped and counted, and the log
//! says so once.

use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    SpanQueue,
    collector::{Collector, Refusal},
    otlp,
    span::Span,
};
use crate::{core::backoff, metrics::Metrics};

/// How many spans go in one request.
const BATCH: usize = 512;
/// How long the first of them waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// How often a batch is sent, over 12.75 seconds: ten of them a collector may take to be restarted.
const TRIES: u32 = 9;
/// How long is left after the stop for what was told until then.
const LAST_SPANS: Duration = Duration::from_secs(1);

/// Exports what is queued until `stop`, and for at most one more second what is left then. `about` are
/// attributes that say who tells.
pub async fn run(
    queue: SpanQueue,
    collector: Collector,
    about: Vec<(String, String)>,
    stop: CancellationToken,
) {
    let mut exporter = Exporter {
        resource: otlp::resource(about),
        metrics: queue.metrics.clone(),
        collector,
        losing: false,
    };
    let overdue = async {
        stop.cancelled().await;
        sleep(LAST_SPANS).await;
    };
    tokio::select! {
        () = exporter.work(queue, &stop) => {}
        () = overdue => {}
    }
}

struct Exporter {
    collector: Collector,
    resource: Resource,
    metrics: Metrics,
    /// Whether the last batch was lost, so that a collector that is away gives one warning.
    losing: bool,
}

impl Exporter {
    async fn work(&mut self, mut queue: SpanQueue, stop: &CancellationToken) {
        loop {
            let batch = queue.batch(stop).await;
            if batch.is_empty() {
                return;
            }
            let count = batch.len() as u64;
            let request = otlp::request(&self.resource, batch).encode_to_vec();
            let answer = self.deliver(request.into(), stop).await;
            let (rejected, why) = match answer {
                Ok(0) => (0, None),
                Ok(rejected) => {
                    let rejected = rejected.min(count);
                    (rejected, Some(format!("it rejects {rejected} of {count}")))
                }
                Err(refusal) => (count, Some(refusal.why)),
            };
            self.metrics.spans_exported(count - rejected);
            self.metrics.spans_dropped(rejected);
            self.tell(why);
        }
    }

    /// Sends a batch until it is taken, or refused for good, or that takes too long.
    async fn deliver(&self, batch: Bytes, stop: &CancellationToken) -> Result<u64, Refusal> {
        let mut tries = 1;
        loop {
            match self.collector.send(batch.clone()).await {
                Err(refusal) if refusal.passing && tries < TRIES && !stop.is_cancelled() => {}
                answer => return answer,
            }
            let wait = backoff::delay(tries, 0);
            // After the stop there is one more try, without the wait.
            let _ = timeout(wait, stop.cancelled()).await;
            tries += 1;
        }
    }

    fn tell(&mut self, trouble: Option<String>) {
        let losing = trouble.is_some();
        match (self.losing, trouble) {
            (false, Some(why)) => tracing::warn!(
                error = why,
                "the collector doesn't take spans, which are lost; punctual_spans_dropped_total counts them"
            ),
            (true, None) => tracing::info!("the collector takes spans again"),
            (true, Some(_)) | (false, None) => {}
        }
        self.losing = losing;
    }
}

impl SpanQueue {
    /// What is told next, as soon as it is enough or has waited for long; nothing when all is told after
    /// the stop.
    async fn batch(&mut self, stop: &CancellationToken) -> Vec<Span> {
        let mut batch = Vec::new();
        let gather = async {
            self.spans.recv_many(&mut batch, BATCH).await;
            let more = async {
                while batch.len() < BATCH {
                    let room = BATCH - batch.len();
                    if self.spans.recv_many(&mut batch, room).await == 0 {
                        return;
                    }
                }
            };
            let _ = timeout(LINGER, more).await;
        };
        // Each of both may be given up without a loss.
        tokio::select! {
            () = gather => {}
            () = stop.cancelled() => {}
        }
        if stop.is_cancelled() {
            self.spans.close();
            while batch.len() < BATCH
                && let Ok(span) = self.spans.try_recv()
            {
                batch.push(span);
            }
        }
        batch
    }
}

#[cfg(test)]
mod tests;
