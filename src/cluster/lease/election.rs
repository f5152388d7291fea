//! The election: keeps an eye on the Leases, and takes, renews and gives back those of our shards.

use std::sync::{Mutex, MutexGuard, PoisonError};

use futures::{StreamExt, stream::FuturesUnordered};
use kube::Client;
use tokio::{
    sync::Notify,
    time::{Duration, Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    Leadership, Terms,
    desk::Desk,
    requests::{Failure, LeaseRequests},
    stamps::Stamps,
    view::{Known, View},
    writing::{Answered, Write},
};
use crate::{
    clock::Clock,
    core::{
        run::{mixed, spread},
        shards::{Moves, decide},
    },
    metrics::{LeaseChange, Metrics},
};

/// How long we wait until we ask again for what was refused.
const REFUSED: Duration = Duration::from_secs(30);

/// One replica's part in who leads what.
pub struct Election {
    pub(super) terms: Terms,
    pub(super) clock: Clock,
    pub(super) requests: LeaseRequests,
    pub(super) leadership: Leadership,
    pub(super) metrics: Metrics,
    view: Mutex<View>,
    stamps: Mutex<Stamps>,
    /// The view has changed.
    pub(super) changed: Notify,
    /// It is complete.
    pub(super) listed: Notify,
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
            stamps: Mutex::default(),
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

    /// Decides and writes, again and again until `stop`. Each Lease is written for itself: none waits
    /// for the answer about another.
    async fn go_round(&self, stop: &CancellationToken) {
        // Who knows nothing yet would grasp at everything. Without an answer it goes on: a write says
        // better what is the matter.
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(self.terms.duration) => {}
            () = self.listed.notified() => {}
        }
        let (mut desk, mut answers) = (Desk::default(), FuturesUnordered::new());
        let (mut begun, mut stands_by) = (0, false);
        while !stop.is_cancelled() {
            let jitter = mixed(spread(&self.terms.suffix) ^ begun);
            let moves = self.decide(jitter);
            let writes = self.writes(&moves);
            let wanted = writes.iter().map(|(name, _)| name.as_str()).collect();
            desk.keep(&wanted);
            self.go_without(&desk);
            if !stands_by && moves.is_none() && begun > 0 && desk.is_idle() && self.leads_none() {
                stands_by = true;
                tracing::info!(lease = self.terms.name, "stands by: others lead");
            }
            let now = Instant::now();
            let patience = self.terms.patience(self.stamps().latency);
            for (name, write) in writes {
                let buries = moves.bury.iter().any(|it| desk.is_fresh(it, now));
                if desk.may_begin(&name, now) && !(buries && matches!(write, Write::Take)) {
                    begun += 1;
                    desk.begin(&name, now + patience);
                    answers.push(self.write(name, write));
                }
            }
            let next = desk.next(now);
            let next = next.map_or(moves.look_again, |it| moves.look_again.min(it - now));
            tokio::select! {
                () = stop.cancelled() => {}
                Some(answer) = answers.next() => self.judge(&mut desk, answer, jitter),
                () = self.changed.notified() => {}
                () = sleep(next) => {}
            }
        }
        // What an answer says to be ours is to be given back.
        let patience = self.terms.patience(self.stamps().latency);
        let _ = timeout(patience, answers.for_each(async |_| ())).await;
    }

    fn leads_none(&self) -> bool {
        self.leadership.count() == 0
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
        let mut standing = self
            .view()
            .standing(&self.terms, renew_after, Instant::now());
        for (shard, lease) in standing.shards.iter_mut().enumerate() {
            if lease.holder == self.terms.me {
                // What is ours and not led is renewed at once.
                if !self.leadership.holds(shard) {
                    lease.age = lease.age.max(renew_after);
                }
                continue;
            }
            let holder = &lease.holder;
            if self.leadership.lose(shard) {
                let lease = self.terms.shard_name(shard);
                self.metrics.lease_changed(LeaseChange::lost);
                tracing::warn!(lease, holder, "lost the Lease");
            }
        }
        self.metrics.set_shards_led(self.leadership.count());
        decide(&standing)
    }

    /// Says once what keeps the Leases from being written, and sees to when it is tried again.
    fn judge(&self, desk: &mut Desk, answer: Answered, jitter: u64) {
        let Answered {
            name,
            write,
            begun,
            result,
        } = answer;
        let now = Instant::now();
        let is_ours = !matches!(write, Write::Bury);
        match result {
            Ok(()) => desk.done(&name, now),
            // That can wait, and says nothing about our own.
            Err(_) if !is_ours => desk.put_off(&name, now + REFUSED),
            Err(Failure::Refused(why)) => {
                if self.leadership.without(true) {
                    self.tell_without(&why);
                }
                // What is held is not let go for it.
                let held = matches!(write, Write::Renew(shard) if self.leadership.holds(shard));
                let pause = match held {
                    true => self.terms.retry_after(jitter),
                    false => REFUSED,
                };
                desk.failed(&name, begun, true, now + pause);
            }
            Err(Failure::Passing(why)) => {
                if !desk.is_troubled() {
                    tracing::warn!(
                        namespace = self.terms.namespace,
                        lease = name,
                        why,
                        "can't write a Lease; trying again"
                    );
                }
                let pause = self.terms.retry_after(jitter);
                desk.failed(&name, begun, false, now + pause);
                if desk.is_hopeless(now, self.terms.hopeless_after())
                    && self.leadership.without(true)
                {
                    self.tell_without(&why);
                }
            }
        }
        self.metrics.set_shards_led(self.leadership.count());
    }

    fn tell_without(&self, why: &str) {
        tracing::warn!(
            namespace = self.terms.namespace,
            lease = self.terms.name,
            why,
            "can't write Leases, so this replica looks after every schedule by itself, whatever \
             others do: no harm, but work done twice. Let the controller's service account get, list, \
             watch, create, patch and delete Leases there as in deploy/rbac.yaml, see that no policy or \
             webhook refuses them, name another namespace with --lease-namespace, or say --no-lease"
        );
    }

    /// No longer leads without Leases once they can be had.
    fn go_without(&self, desk: &Desk) {
        let hopeless = desk.is_hopeless(Instant::now(), self.terms.hopeless_after());
        if !hopeless && self.leadership.without(false) {
            tracing::info!(lease = self.terms.name, "Leases can be written now");
            self.metrics.set_shards_led(self.leadership.count());
        }
    }

    pub(super) fn known(&self, name: &str) -> Option<Known> {
        self.view().get(name).cloned()
    }

    pub(super) fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn stamps(&self) -> MutexGuard<'_, Stamps> {
        self.stamps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
