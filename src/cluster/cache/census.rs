//! The numbers of the schedules in the cache.

use jiff::Timestamp;

use super::{Cache, Entry};
use crate::{
    api::{ConditionStatus, ScheduledContainerStatus},
    core::{
        breaker::{Circuit, FAILING},
        overdue::OVERDUE,
        readiness::quiet,
        reason::Reason,
        status::condition,
    },
    metrics::ScheduleNumbers,
};

/// How many schedules are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    // Each schedule is one of these.
    pub ready: usize,
    pub suspended: usize,
    pub disabled: usize,
    pub invalid: usize,
    // And may be any of these besides.
    pub overdue: usize,
    pub failing: usize,
    pub paused: usize,
    /// Their runs that are active.
    pub active: usize,
    /// Their fires that wait for the end of a run.
    pub queued: usize,
    /// The earliest of their next fires.
    pub next_fire: Option<Timestamp>,
}

impl Cache {
    /// How many schedules are in which state `now`, of those whose uid is one of these.
    pub fn census(&self, now: Timestamp, is_one: impl Fn(&str) -> bool) -> Census {
        let mut census = Census::default();
        let inner = self.lock();
        let all = inner.schedules.values();
        for entry in all.filter(|entry| is_one(&entry.schedule.identity.uid)) {
            census.count(entry, now);
        }
        census
    }

    /// The numbers of each schedule whose uid is one of these.
    pub fn numbers(&self, is_one: impl Fn(&str) -> bool) -> Vec<ScheduleNumbers> {
        let inner = self.lock();
        let all = inner.schedules.iter();
        all.filter(|(_, entry)| is_one(&entry.schedule.identity.uid))
            .map(|(key, entry)| ScheduleNumbers {
                namespace: key.namespace.clone(),
                name: key.name.clone(),
                next_fire: next_fire(&entry.status),
                last_success: entry.status.last_success_time,
                consecutive_failures: entry.status.consecutive_failures,
            })
            .collect()
    }
}

impl Census {
    fn count(&mut self, entry: &Entry, now: Timestamp) {
        let Entry {
            schedule, status, ..
        } = entry;
        match schedule.timing.as_ref().map_err(|idle| idle.reason) {
            Ok(_) => self.ready += 1,
            Err(Reason::Suspended) => self.suspended += 1,
            Err(Reason::Disabled) => self.disabled += 1,
            Err(_) => self.invalid += 1,
        }
        self.overdue += usize::from(is_true(status, OVERDUE));
        // Whoever stops a schedule knows of its failures; the condition stays, for those who look.
        let stopped = schedule
            .timing
            .as_ref()
            .is_err_and(|idle| quiet(idle.reason));
        self.failing += usize::from(!stopped && is_true(status, FAILING));
        let circuit = Circuit::of(schedule, status, now);
        self.paused += usize::from(matches!(circuit, Circuit::Open(_)));
        self.active += status.active.len();
        self.queued += status.queued.len();
        let fires = [self.next_fire, next_fire(status)];
        self.next_fire = fires.into_iter().flatten().min();
    }
}

fn is_true(status: &ScheduledContainerStatus, kind: &str) -> bool {
    condition(status, kind).is_some_and(|it| it.status == ConditionStatus::True)
}

fn next_fire(status: &ScheduledContainerStatus) -> Option<Timestamp> {
    status.next_fire_time.as_deref()?.parse().ok()
}
