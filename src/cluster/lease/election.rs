//! The election: keeps an eye on the Leases, and takes, renews and gives back those of our shards.

use std::{
    collections::HashSet,
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::{
    FutureExt, StreamExt,
    future::{join, join_all},
};
use jiff::{SignedDuration, Timestamp};
use kube::{
    Client,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use tokio::{
    sync::Notify,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Leadership, Terms,
    requests::{Failure, LeaseRequests, Role, Written},
    view::{Known, View},
};
use crate::{
    clock::Clock,
    cluster::watch::WATCH_SECONDS,
    core::{
        run::{mixed, spread},
        shards::{Moves, SeenLease, decide},
    },
    metrics::{LeaseChange, Metrics, Resource},
};

/// How long we wait until we ask again for what we were forbidden.
const FORBIDDEN: Duration = Duration::from_secs(30);
/// The Leases are listed so many of their durations apart, in case the watch shows nothing any more.
const LIST_EVERY: u32 = 5;

/// One replica's part in who leads what.
pub struct Election {
    terms: Terms,
    clock: Clock,
    requests: LeaseRequests,
    leadership: Leadership,
    metrics: Metrics,
    view: Mutex<View>,
    /// The view has changed.
    changed: Notify,
    /// It is complete.
    listed: Notify,
}

/// How the writes of one round went.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Round {
    Good,
    Failed,
    Forbidden,
}

impl Election {
    /// Nothing is led before `run`.
    pub fn new(client: Client, terms: Terms, clock: Clock, metrics: Metrics) -> Self {
        Self {
            requests: LeaseRequests::new(client, terms.clone(), clock.clone()),
            leadership: Leadership::of(terms.shards),
            terms,
            clock,
            metrics,
            view: Mutex::default(),
            changed: Notify::new(),
            listed: Notify::new(),
        }
    }

    /// What this election decides.
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Takes part until `stop`; then gives back what is ours, so that others take it at once.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::select! {
            () = self.watch() => {}
            () = self.list_now_and_then() => {}
            () = self.go_round(&stop) => {}
        }
        self.give_back().await;
    }

    /// Decides and writes, again and again until `stop`: not in the midst of a write, whose answer says
    /// what is to be given back.
    async fn go_round(&self, stop: &CancellationToken) {
        // Who knows nothing yet would grasp at everything. Without an answer it goes on: a write says
        // better what is the matter.
        wait(stop, self.terms.duration, self.listed.notified()).await;
        let mut last = Round::Good;
        let (mut rounds, mut stands_by) = (0, false);
        while !stop.is_cancelled() {
            let jitter = mixed(spread(&self.terms.suffix) ^ rounds);
            let moves = self.decide(jitter);
            if moves.is_none() {
                if !stands_by && rounds > 0 && self.leadership.count() == 0 {
                    stands_by = true;
                    tracing::info!(lease = self.terms.name, "stands by: others lead");
                }
                wait(stop, moves.look_again, self.changed.notified()).await;
                continue;
            }
            rounds += 1;
            last = self.carry_out(&moves, last).await;
            let pause = match last {
                Round::Good => continue,
                Round::Failed => self.terms.retry_after(jitter),
                Round::Forbidden => FORBIDDEN,
            };
            wait(stop, pause, std::future::pending()).await;
        }
    }

    fn decide(&self, jitter: u64) -> Moves {
        for shard in self.leadership.lapse() {
            let lease = self.terms.shard_name(shard);
            self.metrics.lease_changed(LeaseChange::lost);
            tracing::warn!(
                lease,
                "couldn't renew the Lease in time: nothing new is begun until it is ours again"
            );
        }
        let renew_after = self.terms.renew_after(jitter);
        let standing = self
            .view()
            .standing(&self.terms, renew_after, Instant::now());
        for (shard, lease) in standing.shards.iter().enumerate() {
            let others = lease.as_ref().filter(|lease| lease.holder != self.terms.me);
            if let Some(SeenLease { holder, .. }) = others
                && self.leadership.lose(shard)
            {
                let lease = self.terms.shard_name(shard);
                self.metrics.lease_changed(LeaseChange::lost);
                tracing::warn!(lease, holder, "lost the Lease");
            }
        }
        self.metrics.set_shards_led(self.leadership.count());
        decide(&standing)
    }

    async fn carry_out(&self, moves: &Moves, last: Round) -> Round {
        let announce = moves.announce.then(|| self.announce().boxed());
        let renew = moves.renew.iter().map(|it| self.renew(*it).boxed());
        let release = moves.release.iter().map(|it| self.release(*it).boxed());
        let mine = join_all(announce.into_iter().chain(renew).chain(release));
        let others = async {
            let buried = join_all(moves.bury.iter().map(|it| self.bury(it))).await;
            let taken = join_all(moves.take.iter().map(|it| self.take(*it))).await;
            buried.into_iter().chain(taken).collect()
        };
        // What is ours must not wait for what is not. If an answer is lost so, the watch gives it.
        let others = timeout(self.terms.duration / 2, others).map(|done| {
            done.unwrap_or_else(|_| vec![Err(Failure::Passing("no answer in time".into()))])
        });
        let (mine, others) = join(mine, others).await;
        let results: Vec<_> = mine.into_iter().chain(others).collect();
        self.judge(results, last)
    }

    /// Says once what keeps the Leases from being written, and once that it is over.
    fn judge(&self, results: Vec<Result<(), Failure>>, last: Round) -> Round {
        let mut round = Round::Good;
        for failure in results.into_iter().filter_map(Result::err) {
            match failure {
                Failure::Forbidden(why) => {
                    if self.leadership.without(true) {
                        tracing::warn!(
                            namespace = self.terms.namespace,
                            lease = self.terms.name,
                            why,
                            "can't write Leases, so this replica looks after every schedule by \
                             itself, whatever others do: no harm, but work done twice. Let the \
                             controller's service account get, list, watch, create, patch and \
                             delete Leases there as in deploy/rbac.yaml, name another namespace \
                             with --lease-namespace, or say --no-lease"
                        );
                    }
                    round = round.max(Round::Forbidden);
                }
                Failure::Passing(why) => {
                    if last == Round::Good && round == Round::Good {
                        tracing::warn!(
                            namespace = self.terms.namespace,
                            lease = self.terms.name,
                            why,
                            "can't write a Lease; trying again"
                        );
                    }
                    round = round.max(Round::Failed);
                }
            }
        }
        if round == Round::Good && self.leadership.without(false) {
            tracing::info!(lease = self.terms.name, "Leases can be written now");
        }
        self.metrics.set_shards_led(self.leadership.count());
        round
    }

    async fn announce(&self) -> Result<(), Failure> {
        let name = self.terms.member_name();
        let written = match self.known(&name) {
            Some(known) => self.requests.renew(&name, &known).await?,
            None => self.requests.create(&name, Role::Member).await?,
        };
        self.learn(&name, written);
        Ok(())
    }

    async fn renew(&self, shard: usize) -> Result<(), Failure> {
        let name = self.terms.shard_name(shard);
        let Some(known) = self.known(&name) else {
            return Ok(());
        };
        let written = self.requests.renew(&name, &known).await?;
        self.hold(shard, &name, written, self.clock.now());
        Ok(())
    }

    async fn take(&self, shard: usize) -> Result<(), Failure> {
        let name = self.terms.shard_name(shard);
        let known = self.known(&name);
        let written = match &known {
            Some(known) => self.requests.take(&name, known).await?,
            None => self.requests.create(&name, Role::Shard).await?,
        };
        // What the replica before has done, it did before it last wrote its Lease or soon after.
        let now = self.clock.now();
        let idle = known.map(|known| known.changed.elapsed());
        let idle = idle.and_then(|idle| SignedDuration::try_from(idle).ok());
        let since = now.checked_sub(idle.unwrap_or_default()).unwrap_or(now);
        self.hold(shard, &name, written, since);
        Ok(())
    }

    /// Gives a shard back: first it isn't led any more, then that is written.
    async fn release(&self, shard: usize) -> Result<(), Failure> {
        let name = self.terms.shard_name(shard);
        if self.leadership.lose(shard) {
            self.metrics.lease_changed(LeaseChange::released);
            tracing::info!(lease = name, "gave the Lease back");
        }
        if let Some(known) = self.known(&name) {
            let written = self.requests.release(&name, &known).await?;
            self.learn(&name, written);
        }
        Ok(())
    }

    async fn bury(&self, name: &str) -> Result<(), Failure> {
        if let Some(known) = self.known(name) {
            self.requests.delete(name, &known).await?;
            self.view().remove(name);
        }
        Ok(())
    }

    /// Gives everything back at once. What isn't answered soon expires.
    async fn give_back(&self) {
        self.leadership.without(false);
        let releases = join_all(self.held().into_iter().map(|shard| self.release(shard)));
        let member = self.terms.member_name();
        let all = join(self.bury(&member), releases);
        let (left, released) = all.await;
        let failed = released.into_iter().chain([left]).any(|it| it.is_err());
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

    /// Leads a shard if the Lease was written so.
    fn hold(&self, shard: usize, name: &str, written: Written, since: Timestamp) {
        if let Written::Done(_, sent) = &written
            && self
                .leadership
                .hold(shard, *sent + self.terms.duration, since)
        {
            self.metrics.lease_changed(LeaseChange::gained);
            tracing::info!(
                lease = name,
                shard,
                shards = self.terms.shards,
                "leads from here on"
            );
        }
        self.learn(name, written);
    }

    fn learn(&self, name: &str, written: Written) {
        let mut view = self.view();
        match written {
            Written::Done(lease, sent) => view.take_in(*lease, sent),
            Written::Changed(lease) => view.take_in(*lease, Instant::now()),
            Written::Gone => view.remove(name),
        }
    }

    /// Watches the Leases for ever.
    async fn watch(&self) {
        let config = watcher::Config::default()
            .labels(&self.requests.selector())
            .timeout(WATCH_SECONDS);
        let mut events = watcher(self.requests.api(), config)
            .default_backoff()
            .boxed();
        let mut listed = HashSet::new();
        let mut told = false;
        while let Some(event) = events.next().await {
            let now = Instant::now();
            match event {
                Ok(Event::Init) => listed.clear(),
                Ok(Event::InitApply(lease)) => {
                    listed.extend(lease.metadata.name.clone());
                    self.view().take_in(lease, now);
                }
                Ok(Event::InitDone) => {
                    told = false;
                    self.view().keep(&std::mem::take(&mut listed));
                    self.listed.notify_one();
                }
                Ok(Event::Apply(lease)) => self.view().take_in(lease, now),
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

    async fn list_now_and_then(&self) {
        let mut time = interval(self.terms.duration * LIST_EVERY);
        time.set_missed_tick_behavior(MissedTickBehavior::Delay);
        time.tick().await;
        loop {
            time.tick().await;
            // A failure is the watch's to tell.
            for lease in self.requests.list().await.unwrap_or_default() {
                self.view().take_in(lease, Instant::now());
            }
            self.changed.notify_one();
        }
    }

    fn known(&self, name: &str) -> Option<Known> {
        self.view().get(name).cloned()
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a while, or until `event` or `stop`.
async fn wait(stop: &CancellationToken, at_most: Duration, event: impl Future<Output = ()>) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = sleep(at_most) => {}
        () = event => {}
    }
}
