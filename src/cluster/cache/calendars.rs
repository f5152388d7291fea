//! The calendars of the cache, and which schedules a change of them reaches.

use std::{collections::BTreeMap, sync::Arc};

use super::{Cache, Inner, Key};
use crate::{
    api::CalendarKind,
    core::{
        almanac::{Almanac, CalendarRef},
        calendar::Calendar,
    },
};

/// A calendar, or what is wrong with it.
pub type Read = Result<Arc<Calendar>, String>;

impl Cache {
    /// Takes in a calendar. Returns the schedules that were read anew with it.
    pub fn set_calendar(&self, calendar: CalendarRef, read: Read) -> Vec<Key> {
        let stale = self.lock().change([(calendar, Some(read))]);
        self.reread(stale)
    }

    /// Forgets a calendar. Returns the schedules that were read anew without it.
    pub fn remove_calendar(&self, calendar: CalendarRef) -> Vec<Key> {
        let stale = self.lock().change([(calendar, None)]);
        self.reread(stale)
    }

    /// Takes in a complete list of the calendars of a kind, and forgets every other one. Returns the
    /// schedules that were read anew.
    pub fn keep_calendars(
        &self,
        kind: CalendarKind,
        listed: BTreeMap<CalendarRef, Read>,
    ) -> Vec<Key> {
        let mut inner = self.lock();
        let known = inner.almanac.calendars.keys();
        let gone: Vec<_> = known
            .filter(|known| known.kind == kind && !listed.contains_key(known))
            .map(|known| (known.clone(), None))
            .collect();
        let there = listed.into_iter();
        let stale = inner.change(
            there
                .map(|(calendar, read)| (calendar, Some(read)))
                .chain(gone),
        );
        drop(inner);
        self.reread(stale)
    }

    /// Has schedules take on the almanac as it is by then. Returns those that were read anew with it.
    fn reread(&self, stale: Vec<Key>) -> Vec<Key> {
        let mut reread = Vec::new();
        for key in stale {
            // Each under a lock of its own: a calendar that all schedules name holds up no fire.
            let mut inner = self.lock();
            let almanac = inner.almanac.clone();
            if let Some(entry) = inner.schedules.get_mut(&key) {
                let observed = entry.status.observed_schedule.as_deref();
                if Arc::make_mut(&mut entry.schedule).reread(&almanac, observed) {
                    reread.push(key);
                }
            }
            drop(inner);
        }
        reread
    }
}

impl Inner {
    /// Changes calendars. Returns the schedules that have not taken on the new almanac: all of them,
    /// so that none keeps an old one in memory.
    fn change(
        &mut self,
        changes: impl IntoIterator<Item = (CalendarRef, Option<Read>)>,
    ) -> Vec<Key> {
        let mut calendars = self.almanac.calendars.clone();
        let mut changed = false;
        for (calendar, read) in changes {
            let before = match &read {
                Some(read) => calendars.insert(calendar, read.clone()),
                None => calendars.remove(&calendar),
            };
            // A list shows again what is known already.
            changed |= before != read;
        }
        if !changed {
            return Vec::new();
        }
        self.almanac = Arc::new(Almanac {
            calendars,
            ..(*self.almanac).clone()
        });
        self.schedules.keys().cloned().collect()
    }
}
