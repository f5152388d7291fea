//! The calendars of the cache, and which schedules a change of them reaches.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

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
        self.lock().change([(calendar, Some(read))])
    }

    /// Forgets a calendar. Returns the schedules that were read anew without it.
    pub fn remove_calendar(&self, calendar: CalendarRef) -> Vec<Key> {
        self.lock().change([(calendar, None)])
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
        inner.change(
            there
                .map(|(calendar, read)| (calendar, Some(read)))
                .chain(gone),
        )
    }
}

impl Inner {
    /// Changes calendars, and reads the schedules that use one of them anew.
    fn change(
        &mut self,
        changes: impl IntoIterator<Item = (CalendarRef, Option<Read>)>,
    ) -> Vec<Key> {
        let mut calendars = self.almanac.calendars.clone();
        let mut changed = BTreeSet::new();
        for (calendar, read) in changes {
            let before = match &read {
                Some(read) => calendars.insert(calendar.clone(), read.clone()),
                None => calendars.remove(&calendar),
            };
            // A list shows again what is known already.
            if before != read {
                changed.insert(calendar);
            }
        }
        if changed.is_empty() {
            return Vec::new();
        }
        self.almanac = Arc::new(Almanac {
            calendars,
            ..(*self.almanac).clone()
        });
        let mut reread = Vec::new();
        for (key, entry) in &mut self.schedules {
            // All take on the new almanac, so that none keeps an old one in memory.
            let observed = entry.status.observed_schedule.as_deref();
            if Arc::make_mut(&mut entry.schedule).reread(&self.almanac, &changed, observed) {
                reread.push(key.clone());
            }
        }
        reread
    }
}
