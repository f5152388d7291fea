//! What follows when this replica begins or ceases to lead: others' work is taken up, and ours is
//! left to them.

use std::{collections::HashSet, future::Future, sync::Arc};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Leadership;
use crate::{
    cluster::{
        cache::{Cache, Key},
        run_logs::LogFollower,
    },
    core::shards::shard_of,
    queue::Queue,
};

/// The shard whose leader does what only one replica should do.
const FIRST: usize = 0;

/// Has every schedule of a shard looked at when this replica comes to lead it, and the output of its
/// runs followed, or no longer when it leads it no more. For ever.
pub async fn follow(
    leadership: Leadership,
    cache: Cache,
    queue: Arc<Queue<Key>>,
    logs: LogFollower,
) {
    let mut changes = leadership.led();
    let mut before = vec![None; changes.borrow().len()];
    loop {
        let led = changes.borrow_and_update().clone();
        let is_led = |uid: &str| led[shard_of(uid, led.len())].is_some();
        // Also one that was lost in between: what woke it then was dropped.
        let is_gained = |uid: &str| {
            let shard = shard_of(uid, led.len());
            led[shard].is_some() && led[shard] != before[shard]
        };
        for key in cache.keys(is_gained) {
            queue.push(key);
        }
        let pods = cache.pods(is_led);
        let mut shards = before.iter().zip(&led);
        if shards.any(|(before, now)| before.is_some() && before != now) {
            let uids: HashSet<String> = pods.iter().map(|(_, pod)| pod.uid.clone()).collect();
            logs.keep(&uids);
        }
        for (schedule, pod) in pods {
            if is_gained(&schedule.uid) {
                logs.pod_seen(&schedule, &pod);
            }
        }
        before = led;
        if changes.changed().await.is_err() {
            return; // Nobody can change it any more.
        }
    }
}

/// Does what only one replica should do: while this one leads the first shard, anew each time, until
/// `stop`. `work` ends when its token is cancelled.
pub async fn while_leading<W: Future<Output = ()>>(
    leadership: Leadership,
    stop: CancellationToken,
    work: impl Fn(CancellationToken) -> W,
) {
    let mut changes = leadership.led();
    loop {
        let begun = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            begun = first(&mut changes, |term| term.is_some()) => begun,
        };
        let term = stop.child_token();
        let mut working = std::pin::pin!(work(term.clone()));
        tokio::select! {
            () = &mut working => {}
            _ = first(&mut changes, |term| term != begun) => {
                term.cancel();
                working.await;
            }
        }
    }
}

/// Waits until what is known of the first shard is like this.
async fn first(
    changes: &mut watch::Receiver<Vec<Option<u64>>>,
    is: impl Fn(Option<u64>) -> bool,
) -> Option<u64> {
    let found = changes.wait_for(|led| is(led[FIRST])).await;
    // It can't end while the leadership that sends it is there.
    found.ok().and_then(|led| led[FIRST])
}
