//! Two lists of fires → what appears, vanishes and moves between them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use punctual::core::timetable::Timetable;

use super::preview;

/// How many changes of one schedule are told; the rest is counted.
const MOST_LINES: usize = 50;

/// The fires of one form of a schedule.
#[derive(Default)]
pub struct Fires {
    /// The first of them all, even if it is beyond what is compared.
    pub first: Option<Timestamp>,
    compared: BTreeSet<Timestamp>,
    /// Fires after this were not looked at, since there are too many.
    cut: Option<Timestamp>,
}

/// The fires after `from`, up to the end of the local day of `until`, at most `most`: a fire that
/// moves beyond `until` on that day has not vanished.
pub fn fires(
    timetable: &Timetable,
    counts_from: Option<Timestamp>,
    from: Timestamp,
    until: Timestamp,
    most: usize,
) -> Fires {
    let start = preview::start(timetable, counts_from, from);
    let found = preview::fires(timetable, start, 1);
    let next = |fire: &Timestamp| timetable.next(*fire);
    let last_day = day(timetable, until);
    let compared: BTreeSet<Timestamp> = std::iter::successors(found.first().copied(), next)
        .take_while(|fire| *fire <= until || day(timetable, *fire) == last_day)
        .take(most)
        .collect();
    let full = compared.len() == most;
    Fires {
        first: found.first().copied(),
        cut: compared.last().copied().filter(|_| full),
        compared,
    }
}

/// What changes up to `until`, a line for each change, in the order of time. A fire has moved if it vanishes while
/// another appears on the same local day, the first with the first and so on.
pub fn lines(local: &Timetable, old: &Fires, new: &Fires, until: Timestamp) -> Vec<String> {
    let cuts = [old.cut, new.cut].into_iter().flatten();
    let cut = cuts.min().filter(|cut| *cut < until);
    let within = |fire: &&Timestamp| cut.is_none_or(|cut| **fire <= cut);
    let mut days: BTreeMap<String, [Vec<Timestamp>; 2]> = BTreeMap::new();
    for fire in old.compared.difference(&new.compared).filter(within) {
        days.entry(day(local, *fire)).or_default()[0].push(*fire);
    }
    for fire in new.compared.difference(&old.compared).filter(within) {
        days.entry(day(local, *fire)).or_default()[1].push(*fire);
    }
    let mut changes: Vec<(Timestamp, String)> = Vec::new();
    let shown = |fire: &Timestamp| preview::moment(local, *fire);
    for [gone, come] in days.values() {
        for index in 0..gone.len().max(come.len()) {
            changes.extend(match (gone.get(index), come.get(index)) {
                (Some(old), Some(new)) => {
                    let line = format!("  ~ {} -> {}", shown(old), shown(new));
                    Some((*old.min(new), line))
                }
                (Some(old), None) => Some((*old, format!("  - {}", shown(old)))),
                (None, Some(new)) => Some((*new, format!("  + {}", shown(new)))),
                (None, None) => None,
            });
        }
    }
    changes.retain(|(first, _)| *first <= until);
    changes.sort();
    let more = changes.len().saturating_sub(MOST_LINES);
    let lines = changes.into_iter().take(MOST_LINES);
    let mut lines: Vec<String> = lines.map(|(_, line)| line).collect();
    if more > 0 {
        lines.push(format!("  … and {more} more changes"));
    }
    if let Some(cut) = cut.filter(|_| !lines.is_empty()) {
        lines.push(format!("  fires after {} were not compared", shown(&cut)));
    }
    lines
}

/// The local day of an instant.
fn day(local: &Timetable, t: Timestamp) -> String {
    local.describe_local(t).chars().take(10).collect()
}
