//! Fires, as a person reads them.

use jiff::{Timestamp, civil::Date};
use punctual::core::timetable::{Note, Timetable};

/// The fires after `after`, at most `most` of them.
pub fn fires(timetable: &Timetable, after: Timestamp, most: usize) -> Vec<Timestamp> {
    std::iter::successors(timetable.next(after), |fire| timetable.next(*fire))
        .take(most)
        .collect()
}

/// Where to count on from, so that `@every` keeps the beat that it has had since `counted_from`.
pub fn start(timetable: &Timetable, counted_from: Option<Timestamp>, from: Timestamp) -> Timestamp {
    match counted_from.filter(|since| *since < from) {
        Some(since) => timetable.due(since, from).map_or(since, |due| due.latest),
        None => from,
    }
}

/// One fire in one line: when, on which day of the week, how far off, and what is odd about it.
pub fn line(timetable: &Timetable, fire: Timestamp, from: Timestamp) -> String {
    let notes: Vec<String> = timetable
        .notes(fire)
        .iter()
        .map(|it| note(it, timetable, fire))
        .collect();
    let line = format!("{}  {:<12}", moment(timetable, fire), away(from, fire));
    if notes.is_empty() {
        line.trim_end().to_owned()
    } else {
        format!("{line}  # {}", notes.join("; "))
    }
}

/// `2026-11-20T19:45:00+01:00 Fri`.
pub fn moment(timetable: &Timetable, fire: Timestamp) -> String {
    let local = timetable.describe_local(fire);
    let day: Option<Date> = local.get(..10).and_then(|day| day.parse().ok());
    match day {
        Some(day) => format!("{local} {}", day.strftime("%a")),
        None => local,
    }
}

/// `in 2h 13m`: the two largest units.
pub fn away(from: Timestamp, fire: Timestamp) -> String {
    let seconds = fire.duration_since(from).as_secs().max(0);
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    let (large, small) = match (days, hours, minutes) {
        (0, 0, 0) => return format!("in {seconds}s"),
        (0, 0, _) => (format!("{minutes}m"), (seconds, "s")),
        (0, _, _) => (format!("{hours}h"), (minutes, "m")),
        (..100, _, _) => (format!("{days}d"), (hours, "h")),
        (_, _, _) => return format!("in {days}d"),
    };
    match small {
        (0, _) => format!("in {large}"),
        (count, unit) => format!("in {large} {count}{unit}"),
    }
}

fn note(note: &Note, timetable: &Timetable, fire: Timestamp) -> String {
    let local = timetable.describe_local(fire);
    match note {
        Note::Gap { meant } => {
            let meant = time(meant);
            format!("clock change: {meant} does not exist, runs after the gap")
        }
        Note::Overlap { first: true } => format!("clock change: first of two {}", time(&local)),
        Note::Overlap { first: false } => format!("clock change: last of two {}", time(&local)),
        Note::Jitter { seconds } => format!("jitter +{seconds}s"),
        Note::Shift { from } => match from.parse::<Date>() {
            Ok(day) => format!("moved from {} {from}", day.strftime("%a")),
            Err(_) => format!("moved from {from}"),
        },
    }
}

/// The time of day in a local time such as `2026-11-20T19:45:00`.
fn time(local: &str) -> &str {
    let time = local.get(11..19).unwrap_or(local);
    time.strip_suffix(":00").unwrap_or(time)
}
