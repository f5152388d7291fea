//! The days, months and years in words.

use super::parts::{Field, MONTHS, Part, WEEKDAYS, last};
use super::{list, ordinal};

/// On which days; none if on all. With `both`, a day must match both fields.
pub(super) fn days(of_month: &Field, of_week: &Field, month: &Field, both: bool) -> Option<String> {
    let months = months(month);
    // Each phrase names the months itself: `day 1 of June`, `every Monday in June`.
    let (of, within) = match &months {
        None => ("of the month".to_owned(), String::new()),
        Some(months) => (format!("of {months}"), format!(" in {months}")),
    };
    let by_month = (!of_month.is_every()).then(|| list(&day_phrases(of_month, &of)));
    let by_week = (!of_week.is_every()).then(|| weekday_phrases(of_week, &of));
    Some(match (by_month, by_week) {
        (None, None) if within.is_empty() => return None,
        (None, None) => format!("on every day{within}"),
        (Some(days), None) => format!("on {days}"),
        (Some(days), Some(weekdays)) if both => {
            format!("on {days}, but only where it is {}", weekdays.as_one())
        }
        (None, Some(weekdays)) => format!("on {}", weekdays.as_all(&within)),
        (Some(days), Some(weekdays)) => format!("on {days} or on {}", weekdays.as_all(&within)),
    })
}

/// Which months; none if all.
fn months(month: &Field) -> Option<String> {
    if month.is_every() {
        return None;
    }
    let name = |n: u32| MONTHS[(n as usize + 11) % 12];
    Some(match month.parts[..] {
        [Part::Span { from, to, step: 1 }] => {
            format!("each month from {} to {}", name(from), name(to))
        }
        _ => {
            let names = ring(month, 1, 12).into_iter();
            list(&names.map(|n| name(n).to_owned()).collect::<Vec<_>>())
        }
    })
}

/// In which years; none if in all.
pub(super) fn years(year: &Field) -> Option<String> {
    if year.is_every() {
        return None;
    }
    let phrase = |part: &Part| match *part {
        Part::One(year) => format!("in {year}"),
        Part::Span { from, to, step: 1 } => format!("from {from} to {to}"),
        Part::Span { from, to, step } => format!(
            "in every {} year from {from} to {}",
            ordinal(step),
            last(from, to, step, (1970, 131))
        ),
        _ => "in every year".to_owned(),
    };
    match year.values() {
        Some(years) => {
            let years: Vec<String> = years.iter().map(u32::to_string).collect();
            Some(format!("in {}", list(&years)))
        }
        None => Some(list(&year.parts.iter().map(phrase).collect::<Vec<_>>())),
    }
}

fn day_phrases(of_month: &Field, of: &str) -> Vec<String> {
    let mut phrases = Vec::new();
    let mut ones: Vec<u32> = Vec::new();
    for part in &of_month.parts {
        match *part {
            Part::One(day) => ones.push(day),
            Part::Span { from, to, step: 1 } if to < from => {
                phrases.push(format!("days {from} to 31 and 1 to {to} {of}"));
            }
            Part::Span { from, to, step: 1 } => phrases.push(format!("days {from} to {to} {of}")),
            Part::Span { from, to, step } => phrases.push(format!(
                "every {} day from day {from} to {} {of}",
                ordinal(step),
                last(from, to, step, (1, 31))
            )),
            Part::BeforeLast(0) => phrases.push(format!("the last day {of}")),
            Part::BeforeLast(1) => phrases.push(format!("the day before the last {of}")),
            Part::BeforeLast(n) => {
                phrases.push(format!("the {} day before the last {of}", ordinal(n)));
            }
            Part::LastWeekday => phrases.push(format!("the last working day {of}")),
            Part::WeekdayNear(day) => {
                phrases.push(format!("the working day nearest to day {day} {of}"));
            }
            Part::Every | Part::LastOf(_) | Part::Nth(..) => {
                phrases.push(format!("every day {of}"));
            }
        }
    }
    ones.sort_unstable();
    ones.dedup();
    let numbers: Vec<String> = ones.iter().map(u32::to_string).collect();
    match &numbers[..] {
        [] => {}
        [one] => phrases.insert(0, format!("day {one} {of}")),
        several => phrases.insert(0, format!("days {} {of}", list(several))),
    }
    phrases
}

/// Days of the week in words.
struct Weekdays {
    /// `from Monday to Friday`.
    span: Option<String>,
    /// `Monday`.
    plain: Vec<String>,
    /// `the last Friday of the month`.
    counted: Vec<String>,
}

impl Weekdays {
    /// `every Monday in June and the last Friday of June`.
    fn as_all(&self, within: &str) -> String {
        let span = self
            .span
            .iter()
            .map(|span| format!("every day {span}{within}"));
        let plain = match &self.plain[..] {
            [] => None,
            days => Some(format!("every {}{within}", list(days))),
        };
        let counted = self.counted.iter().cloned();
        list(&span.chain(plain).chain(counted).collect::<Vec<_>>())
    }

    /// `a Monday or the last Friday of June`.
    fn as_one(&self) -> String {
        let span = self.span.iter().map(|span| format!("a day {span}"));
        let plain = self.plain.iter().map(|day| format!("a {day}"));
        let all: Vec<String> = span
            .chain(plain)
            .chain(self.counted.iter().cloned())
            .collect();
        all.join(" or ")
    }
}

fn weekday_phrases(of_week: &Field, of: &str) -> Weekdays {
    const NTH: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];
    let name = |day: u32| WEEKDAYS[day as usize % 7];
    let mut found = Weekdays {
        span: None,
        plain: Vec::new(),
        counted: Vec::new(),
    };
    if let [Part::Span { from, to, step: 1 }] = of_week.parts[..] {
        found.span = Some(format!("from {} to {}", name(from), name(to)));
        return found;
    }
    let plain = ring(of_week, 0, 6).into_iter();
    found.plain = plain.map(|day| name(day).to_owned()).collect();
    for part in &of_week.parts {
        match *part {
            Part::LastOf(day) => found.counted.push(format!("the last {} {of}", name(day))),
            Part::Nth(day, n) => {
                let nth = NTH.get(n.saturating_sub(1) as usize).unwrap_or(&"fifth");
                found.counted.push(format!("the {nth} {} {of}", name(day)));
            }
            // Plain ones are told above; the others are no days of the week.
            Part::One(_)
            | Part::Span { .. }
            | Part::Every
            | Part::BeforeLast(_)
            | Part::LastWeekday
            | Part::WeekdayNear(_) => {}
        }
    }
    found
}

/// The plain values of a field whose values are a ring, each once, in order, with spans opened.
fn ring(field: &Field, min: u32, max: u32) -> Vec<u32> {
    let mut values = Vec::new();
    for part in &field.parts {
        match *part {
            Part::One(value) => values.push(value),
            Part::Span { from, to, step } => {
                let size = max - min + 1;
                let width = (to + size - from) % size;
                let steps = (0..=width).step_by(step as usize);
                values.extend(steps.map(|n| min + (from - min + n) % size));
            }
            Part::Every => values.extend(min..=max),
            Part::BeforeLast(_)
            | Part::LastWeekday
            | Part::WeekdayNear(_)
            | Part::LastOf(_)
            | Part::Nth(..) => {}
        }
    }
    values.sort_unstable();
    values.dedup();
    values
}
