//! What an election sees of the Leases: by the watch, by a list now and then, and by the answers to
//! what it writes. A write of ours makes a Lease ours wherever it is seen.

use std::collections::HashSet;

use futures::StreamExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::runtime::watcher::{self, Event, watcher};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Election, stamps::Stamp};
use crate::{
    cluster::{patient::patient, watch::WATCH_SECONDS},
    metrics::{LeaseChange, Resource},
};

/// The Leases are listed so many of their durations apart, in case the watch shows nothing any more.
const LIST_EVERY: u32 = 5;

impl Election {
    /// Watches the Leases for ever.
    pub(super) async fn watch(&self) {
        let config = watcher::Config::default()
            .labels(&self.requests.selector())
            .timeout(WATCH_SECONDS);
        let mut events = patient(watcher(self.requests.api(), config).boxed());
        let mut listed = HashSet::new();
        let mut told = false;
        while let Some(event) = events.next().await {
            let now = Instant::now();
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(lease)) => {
                    listed.extend(lease.metadata.name.clone());
                    self.learn(lease, now);
                }
                Ok(Event::InitDone) => {
                    told = false;
                    self.view().keep(&std::mem::take(&mut listed));
                    self.listed.notify_one();
                }
                Ok(Event::Apply(lease)) => self.learn(lease, now),
                Ok(Event::Delete(lease)) => {
                    self.view().remove(&lease.metadata.name.unwrap_or_default());
                }
                Err(error) => {
                    self.metrics.watch_restarted(Resource::leases);
                    if !std::mem::replace(&mut told, true) {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "can't watch the Leases; trying again");
                    }
                }
            }
            self.changed.notify_one();
        }
    }

    pub(super) async fn list_now_and_then(&self) {
        let mut time = interval(self.terms.duration * LIST_EVERY);
        time.set_missed_tick_behavior(MissedTickBehavior::Delay);
        time.tick().await;
        loop {
            time.tick().await;
            // A failure is the watch's to tell.
            for lease in self.requests.list().await.unwrap_or_default() {
                self.learn(lease, Instant::now());
            }
            self.changed.notify_one();
        }
    }

    /// Takes note of a Lease as it is `now`, and leads its shard if it is as we wrote it.
    pub(super) fn learn(&self, lease: Lease, now: Instant) {
        let stamp = self.stamp_of(&lease);
        // What we wrote is as old as our request, whenever we see it.
        let changed = stamp.as_ref().map_or(now, |stamp| stamp.sent);
        let name = lease.metadata.name.clone().unwrap_or_default();
        if !self.view().take_in(lease, changed) {
            return;
        }
        let mut shards = 0..self.terms.shards;
        let shard = shards.find(|shard| self.terms.shard_name(*shard) == name);
        let (
            Some(Stamp {
                sent, lasts, since, ..
            }),
            Some(shard),
        ) = (stamp, shard)
        else {
            return;
        };
        let until = sent + lasts;
        if now < until && self.leadership.hold(shard, until, since) {
            self.metrics.lease_changed(LeaseChange::gained);
            self.metrics.set_shards_led(self.leadership.count());
            tracing::info!(
                lease = name,
                shard,
                shards = self.terms.shards,
                "leads from here on"
            );
        }
    }

    /// The write of ours that left a Lease like this.
    fn stamp_of(&self, lease: &Lease) -> Option<Stamp> {
        let spec = lease.spec.as_ref()?;
        let is_ours = spec.holder_identity.as_deref() == Some(self.terms.me.as_str());
        let time = spec.renew_time.as_ref().filter(|_| is_ours)?;
        self.stamps().find(lease.metadata.name.as_deref()?, time.0)
    }
}
