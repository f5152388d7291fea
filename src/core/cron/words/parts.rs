//! The text of one field → its parts. Lenient, since the grammar has taken the text before.

use super::super::dialect::Rules;

/// Which field it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Seconds or minutes.
    Sixty,
    Hour,
    Day,
    Month,
    Weekday,
    Year,
}

/// One of the parts that stand between commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All values.
    Every,
    One(u32),
    /// With more than one value. Where `to` is less than `from`, it goes on over the end.
    Span {
        from: u32,
        to: u32,
        step: u32,
    },
    /// `L` (0), `L-3`: so many days before the last of the month.
    BeforeLast(u32),
    /// `LW`.
    LastWeekday,
    /// `15W`.
    WeekdayNear(u32),
    /// `5L`: the last such day of the month.
    LastOf(u32),
    /// `FRI#2`: day and count.
    Nth(u32, u32),
}

/// The parts of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) parts: Vec<Part>,
}

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

impl Kind {
    fn bounds(self) -> (u32, u32) {
        match self {
            Kind::Sixty => (0, 59),
            Kind::Hour => (0, 23),
            Kind::Day => (1, 31),
            Kind::Month => (1, 12),
            Kind::Weekday => (0, 6),
            Kind::Year => (1970, 2100),
        }
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Kind::Month => &MONTHS,
            Kind::Weekday => &WEEKDAYS,
            Kind::Sixty | Kind::Hour | Kind::Day | Kind::Year => &[],
        }
    }
}

/// Whether a part of the field is `H` in one of its forms.
pub(super) fn is_hashed(text: &str) -> bool {
    text.split(',')
        .any(|part| part.trim_start_matches('+').starts_with(['H', 'h']))
}

impl Part {
    /// A day by the month's end or by weekdays.
    fn is_special(&self) -> bool {
        match self {
            Self::BeforeLast(_)
            | Self::LastWeekday
            | Self::WeekdayNear(_)
            | Self::LastOf(_)
            | Self::Nth(..) => true,
            Self::Every | Self::One(_) | Self::Span { .. } => false,
        }
    }
}

impl Field {
    /// Reads a field. `found` are the values that the grammar made of it: where `H` is in it, they
    /// are what it means.
    pub(super) fn read(text: &str, kind: Kind, rules: &Rules, found: &[u32]) -> Self {
        let written = text.trim_start_matches('+').split(',');
        let written = written.filter_map(|part| read(part, kind, rules));
        let parts: Vec<Part> = if is_hashed(text) {
            // Days that are counted from the end or by weeks are not among the values.
            let special = written.filter(Part::is_special);
            progression(found).into_iter().chain(special).collect()
        } else {
            written.collect()
        };
        // One part that is everything makes the others idle.
        if parts.is_empty() || parts.contains(&Part::Every) {
            return Self::every();
        }
        Self { parts }
    }

    pub(super) fn every() -> Self {
        Self {
            parts: vec![Part::Every],
        }
    }

    pub(super) fn is_every(&self) -> bool {
        self.parts == [Part::Every]
    }

    pub(super) fn single(&self) -> Option<u32> {
        match self.parts[..] {
            [Part::One(value)] => Some(value),
            _ => None,
        }
    }

    /// The values, in order, if it is a plain list of them.
    pub(super) fn values(&self) -> Option<Vec<u32>> {
        let one = |part: &Part| match part {
            Part::One(value) => Some(*value),
            _ => None,
        };
        let mut values: Vec<u32> = self.parts.iter().map(one).collect::<Option<_>>()?;
        values.sort_unstable();
        values.dedup();
        Some(values)
    }
}

/// The last value of a span in a field of `size` values that begins with `min`.
pub(super) fn last(from: u32, to: u32, step: u32, (min, size): (u32, u32)) -> u32 {
    let width = (to + size - from) % size;
    let back = width % step;
    if back + min <= to {
        to - back
    } else {
        to + size - back
    }
}

/// The values of a field as numbers or names, for the note on `H`.
pub(super) fn shown(field: &Field, kind: Kind) -> String {
    let (min, _) = kind.bounds();
    let name = |value: u32| match kind.names().get(value.saturating_sub(min) as usize) {
        Some(name) => (*name).to_owned(),
        None => value.to_string(),
    };
    let part = |part: &Part| match part {
        Part::One(value) => name(*value),
        Part::Span { from, to, step: 1 } => format!("{} to {}", name(*from), name(*to)),
        Part::Span { from, to, step } => {
            format!("{} to {} in steps of {step}", name(*from), name(*to))
        }
        Part::Every => "all".to_owned(),
        Part::BeforeLast(0) => "L".to_owned(),
        Part::BeforeLast(n) => format!("L-{n}"),
        Part::LastWeekday => "LW".to_owned(),
        Part::WeekdayNear(day) => format!("{day}W"),
        Part::LastOf(day) => format!("the last {}", name(*day)),
        Part::Nth(day, n) => format!("{}#{n}", name(*day)),
    };
    let shown: Vec<String> = field.parts.iter().map(part).collect();
    super::list(&shown)
}

/// Values as one span if they are evenly apart, else one by one.
fn progression(values: &[u32]) -> Vec<Part> {
    if let [first, second, .., last] = *values {
        let step = second - first;
        if values.windows(2).all(|pair| pair[1] - pair[0] == step) {
            let (from, to) = (first, last);
            return vec![Part::Span { from, to, step }];
        }
    }
    values.iter().map(|value| Part::One(*value)).collect()
}

fn read(part: &str, kind: Kind, rules: &Rules) -> Option<Part> {
    match kind {
        Kind::Day => day(part).or_else(|| plain(part, kind, rules)),
        Kind::Weekday => weekday(part, rules).or_else(|| plain(part, kind, rules)),
        Kind::Sixty | Kind::Hour | Kind::Month | Kind::Year => plain(part, kind, rules),
    }
}

fn day(part: &str) -> Option<Part> {
    let part = part.to_ascii_uppercase();
    if part == "L" {
        return Some(Part::BeforeLast(0));
    }
    if part == "LW" || part == "WL" {
        return Some(Part::LastWeekday);
    }
    if let Some(before) = part.strip_prefix("L-") {
        return Some(Part::BeforeLast(before.parse().ok()?));
    }
    let day = part.strip_suffix('W')?;
    Some(Part::WeekdayNear(day.parse().ok()?))
}

fn weekday(part: &str, rules: &Rules) -> Option<Part> {
    if let Some((day, n)) = part.split_once('#') {
        let day = value(day, Kind::Weekday, rules)?;
        return Some(Part::Nth(day % 7, n.parse().ok()?));
    }
    let day = part.strip_suffix(['L', 'l'])?;
    if day.is_empty() {
        return Some(Part::One(6)); // Quartz: the last day of the week
    }
    Some(Part::LastOf(value(day, Kind::Weekday, rules)? % 7))
}

fn plain(part: &str, kind: Kind, rules: &Rules) -> Option<Part> {
    let (min, max) = kind.bounds();
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step.parse::<u32>().ok()?.max(1))),
        None => (part, None),
    };
    let (from, to) = match range.split_once('-') {
        None if matches!(range, "*" | "?" | "") => (min, max),
        None => match (value(range, kind, rules)?, step) {
            (from, Some(_)) => (from, max.max(from)),
            (one, None) => (one, one),
        },
        Some((from, to)) => (value(from, kind, rules)?, value(to, kind, rules)?),
    };
    // Sunday as 7: as the end of a range that begins with 0 it adds nothing, else it is 0.
    let (from, to) = match kind {
        Kind::Weekday if from == 0 && to == 7 => (0, 6),
        Kind::Weekday => (from % 7, to % 7),
        Kind::Sixty | Kind::Hour | Kind::Day | Kind::Month | Kind::Year => (from, to),
    };
    let step = step.unwrap_or(1);
    let width = if to < from {
        max - from + 1 + to - min
    } else {
        to - from
    };
    Some(match step {
        1 if (from, to) == (min, max) && matches!(range, "*" | "?") => Part::Every,
        _ if step > width => Part::One(from),
        _ => Part::Span { from, to, step },
    })
}

/// A number, or a name by its first three letters. A day of the week is 0 or 7 for Sunday.
fn value(text: &str, kind: Kind, rules: &Rules) -> Option<u32> {
    let (min, max) = kind.bounds();
    let named = kind.names().iter().position(|name| {
        name.get(..3)
            .is_some_and(|short| short.eq_ignore_ascii_case(text))
            || name.eq_ignore_ascii_case(text)
    });
    if let Some(index) = named {
        return Some(min + index as u32);
    }
    let number: u32 = text.parse().ok()?;
    match kind {
        Kind::Weekday => rules.weekdays.day(number),
        Kind::Sixty | Kind::Hour | Kind::Day | Kind::Month | Kind::Year => {
            (min..=max).contains(&number).then_some(number)
        }
    }
}
