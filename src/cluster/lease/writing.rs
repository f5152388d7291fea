//! What an election writes: each of its moves as one request.

use std::{future::Future, sync::Arc};

use futures::future::{join, join_all};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Duration, Instant, sleep, timeout};

use super::{
    Election,
    requests::{Answer, Failure, Role},
    stamps::Stamp,
};
use crate::{core::shards::Moves, metrics::LeaseChange};

/// One write.
#[derive(Clone, Copy)]
pub enum Write {
    Announce,
    Renew(usize),
    Release(usize),
    Take,
    Bury,
}

/// How a write went.
pub struct Answered {
    pub name: String,
    pub write: Write,
    pub begun: Instant,
    pub result: Result<(), Failure>,
}

impl Election {
    /// The moves as writes, each with the name of its Lease: to take comes after to bury.
    pub(super) fn writes(&self, moves: &Moves) -> Vec<(String, Write)> {
        let shard = |shard: &usize, write: fn(usize) -> Write| {
            let name = self.terms.shard_name(*shard);
            (name, write(*shard))
        };
        let announce = moves.announce.then(|| self.terms.member_name());
        let announce = announce.map(|name| (name, Write::Announce)).into_iter();
        announce
            .chain(moves.renew.iter().map(|it| shard(it, Write::Renew)))
            .chain(moves.release.iter().map(|it| shard(it, Write::Release)))
            .chain(moves.bury.iter().map(|name| (name.clone(), Write::Bury)))
            .chain(moves.take.iter().map(|it| shard(it, |_| Write::Take)))
            .collect()
    }

    pub(super) async fn write(&self, name: String, write: Write) -> Answered {
        let begun = Instant::now();
        let result = match write {
            Write::Announce => self.announce(&name).await,
            Write::Renew(_) => self.renew(&name).await,
            Write::Release(shard) => self.release(shard).await,
            Write::Take => self.take(&name).await,
            Write::Bury => self.bury(&name).await,
        };
        Answered {
            name,
            write,
            begun,
            result,
        }
    }

    async fn announce(&self, name: &str) -> Result<(), Failure> {
        let stamp = self.stamp(name, self.clock.now());
        let known = self.known(name);
        let answer = async {
            match &known {
                Some(known) => {
                    let renewed = self.requests.renew(name, Role::Member, known, &stamp);
                    renewed.await
                }
                None => self.requests.create(name, Role::Member, &stamp).await,
            }
        };
        self.until_known(name, &stamp, answer).await
    }

    async fn renew(&self, name: &str) -> Result<(), Failure> {
        let Some(known) = self.known(name) else {
            return Ok(());
        };
        let stamp = self.stamp(name, self.clock.now());
        let renewed = self.requests.renew(name, Role::Shard, &known, &stamp);
        self.until_known(name, &stamp, renewed).await
    }

    async fn take(&self, name: &str) -> Result<(), Failure> {
        let known = self.known(name);
        // What the replica before has done, it did before it last wrote its Lease or soon after.
        let now = self.clock.now();
        let idle = known.as_ref().map(|known| known.changed.elapsed());
        let idle = idle.and_then(|idle| SignedDuration::try_from(idle).ok());
        let since = now.checked_sub(idle.unwrap_or_default()).unwrap_or(now);
        let stamp = self.stamp(name, since);
        let answer = async {
            match &known {
                Some(known) => self.requests.take(name, known, &stamp).await,
                None => self.requests.create(name, Role::Shard, &stamp).await,
            }
        };
        self.until_known(name, &stamp, answer).await
    }

    /// Gives a shard back: first it isn't led any more, then that is written.
    async fn release(&self, shard: usize) -> Result<(), Failure> {
        let name = self.terms.shard_name(shard);
        self.stamps().forget(&name);
        if self.leadership.lose(shard) {
            self.metrics.lease_changed(LeaseChange::released);
            tracing::info!(lease = name, "gave the Lease back");
        }
        match self.known(&name) {
            Some(known) => {
                let answer = self.requests.release(&name, &known).await;
                self.take_note(&name, answer)
            }
            None => Ok(()),
        }
    }

    async fn bury(&self, name: &str) -> Result<(), Failure> {
        if let Some(known) = self.known(name) {
            self.requests.delete(name, &known).await?;
            self.view().remove(name);
        }
        Ok(())
    }

    /// Gives everything back at once. What isn't answered soon expires.
    pub(super) async fn give_back(&self) {
        self.leadership.without(false);
        let releases = join_all(self.held().into_iter().map(|shard| self.release(shard)));
        let member = self.terms.member_name();
        let all = join(self.bury(&member), releases);
        let failed = match timeout(self.terms.duration, all).await {
            Ok((left, released)) => released.into_iter().chain([left]).any(|it| it.is_err()),
            Err(_) => true,
        };
        if failed {
            tracing::warn!("couldn't give every Lease back: others wait until it expires");
        }
        self.metrics.set_shards_led(0);
    }

    fn held(&self) -> Vec<usize> {
        let view = self.view();
        let mine = |shard: &usize| {
            let known = view.get(&self.terms.shard_name(*shard));
            known.is_some_and(|known| known.holder == self.terms.me)
        };
        (0..self.terms.shards).filter(mine).collect()
    }

    /// What is about to be written, remembered before anybody can see it.
    fn stamp(&self, name: &str, since: Timestamp) -> Stamp {
        let mut stamps = self.stamps();
        let stamp = Stamp {
            time: self.clock.now(),
            sent: Instant::now(),
            lasts: self.terms.lasts(stamps.latency),
            since,
            seen: Arc::default(),
        };
        stamps.add(name, stamp.clone());
        stamp
    }

    /// Waits for an answer, or for the write to be seen: then its answer may have been lost.
    async fn until_known(
        &self,
        name: &str,
        stamp: &Stamp,
        answer: impl Future<Output = Answer>,
    ) -> Result<(), Failure> {
        let seen = async {
            stamp.seen.notified().await;
            // Seen only because another was made after it, it says nothing about the server.
            let latest = self.stamps().is_latest(name, stamp);
            let took = latest.then(|| stamp.sent.elapsed());
            // Most answers come soon after, and connections are kept by waiting for them.
            sleep(self.terms.patience(Duration::ZERO)).await;
            took
        };
        tokio::select! {
            biased;
            answer = answer => {
                let answer = answer?;
                self.stamps().latency = stamp.sent.elapsed();
                self.take_note(name, Ok(answer))
            }
            took = seen => {
                let mut stamps = self.stamps();
                stamps.latency = took.unwrap_or(stamps.latency);
                Ok(())
            }
        }
    }

    fn take_note(&self, name: &str, answer: Answer) -> Result<(), Failure> {
        match answer? {
            Some(lease) => self.learn(*lease, Instant::now()),
            None => self.view().remove(name),
        }
        Ok(())
    }
}
