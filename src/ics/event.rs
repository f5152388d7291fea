//! Properties → events: when each begins and ends on the clock of its own zone.

use std::collections::HashMap;

use jiff::{
    Span,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};

use super::{
    ImportError,
    lines::{Line, lines},
};

/// The properties that are read.
const READ: [&str; 15] = [
    "BEGIN",
    "END",
    "X-WR-CALNAME",
    "X-WR-TIMEZONE",
    "UID",
    "RECURRENCE-ID",
    "STATUS",
    "SUMMARY",
    "DTSTART",
    "DTEND",
    "DURATION",
    "RRULE",
    "EXRULE",
    "RDATE",
    "EXDATE",
];

/// How many events a file may have: each takes some hundred bytes.
const MOST_EVENTS: usize = 10_000;

/// How many properties all events may have together, of those that are read; each date of a list is one.
const MOST_LINES: usize = 50_000;

/// How many components may be in one another: three are usual.
const MOST_DEPTH: usize = 32;

/// An event that takes place.
#[derive(Clone, Debug)]
pub struct Event {
    /// Where it begins in the file.
    pub line: usize,
    pub name: String,
    pub start: DateTime,
    /// From its start to its end, on the clock.
    pub length: Span,
    /// The rule by which it recurs, and its line.
    pub rule: Option<(usize, String)>,
    /// Where `rule` says UTC, which zone is meant.
    pub zone: Zone,
    pub more_starts: Vec<DateTime>,
    pub not_starts: Vec<Start>,
}

/// What a file says.
#[derive(Debug)]
pub struct File {
    pub title: Option<String>,
    pub events: Vec<Event>,
}

/// A start that an event names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Day(Date),
    Time(DateTime),
}

/// The zone of an event.
#[derive(Clone, Debug)]
pub enum Zone {
    Known(TimeZone),
    /// A name that no zone has: it stands for itself, and nothing can be brought into it.
    Unknown(String),
}

impl Event {
    /// Whether it has a rule.
    pub fn recurs(&self) -> bool {
        self.rule.is_some()
    }

    /// The last day that it touches if it begins then. Its end is not part of it.
    pub fn last_day(&self, start: DateTime) -> Date {
        let end = start.saturating_add(self.length);
        let ends_at_midnight = end > start && end.time() == Time::midnight();
        match ends_at_midnight {
            true => end.date().yesterday().unwrap_or(end.date()),
            false => end.date(),
        }
    }
}

/// The events of a file that take place. One that stands for a single time of another takes its place.
pub fn read(text: &str) -> Result<File, ImportError> {
    let mut title = None;
    let mut home = TimeZone::UTC;
    let mut components: Vec<(usize, String)> = Vec::new();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut kept = 0;
    for line in lines(text, &READ)? {
        let line = line?;
        let inside = components.last().map(|(_, name)| name.as_str());
        match (line.name.as_str(), inside) {
            ("BEGIN", _) => {
                let name = line.value.trim().to_ascii_uppercase();
                if name == "VEVENT" {
                    drafts.push(Draft::new(line.number));
                }
                if drafts.len() > MOST_EVENTS {
                    let message = format!("there are more than {MOST_EVENTS} events: export fewer");
                    return Err(ImportError::at(line.number, message));
                }
                components.push((line.number, name));
                if components.len() > MOST_DEPTH {
                    let message = "this is in too many others";
                    return Err(ImportError::at(line.number, message));
                }
            }
            ("END", Some(name)) if line.value.trim().eq_ignore_ascii_case(name) => {
                components.pop();
            }
            ("END", _) => {
                let message = format!("END:{} ends nothing that has begun", line.value.trim());
                return Err(ImportError::at(line.number, message));
            }
            ("X-WR-CALNAME", Some("VCALENDAR")) => title = Some(line.text()),
            ("X-WR-TIMEZONE", Some("VCALENDAR")) => {
                home = TimeZone::get(line.value.trim()).unwrap_or(TimeZone::UTC);
            }
            (_, Some("VEVENT")) => {
                kept += 1 + line.value.matches(',').count();
                if kept > MOST_LINES {
                    let message = "its events have too many dates: export fewer events";
                    return Err(ImportError::at(line.number, message));
                }
                if let Some(draft) = drafts.last_mut() {
                    draft.lines.push(line);
                }
            }
            _ => {}
        }
    }
    if let Some((number, name)) = components.last() {
        let message = format!("{name} has no END: the file is cut off");
        return Err(ImportError::at(*number, message));
    }
    let mut events = Vec::new();
    let mut replaced: HashMap<&str, Vec<Start>> = HashMap::new();
    let mut uids = Vec::new();
    for draft in &drafts {
        let uid = draft.find("UID").map_or("", |line| line.value.trim());
        if let Some(line) = draft.find("RECURRENCE-ID") {
            let zone = draft.zone(&home);
            replaced.entry(uid).or_default().push(moment(line, &zone)?);
        }
        if let Some(event) = draft.event(&home)? {
            uids.push(uid);
            events.push(event);
        }
    }
    for (event, uid) in events.iter_mut().zip(uids) {
        if event.recurs() {
            let single = replaced.get(uid).into_iter().flatten();
            event.not_starts.extend(single);
        }
    }
    Ok(File { title, events })
}

struct Draft {
    number: usize,
    lines: Vec<Line>,
}

impl Draft {
    fn new(number: usize) -> Self {
        let lines = Vec::new();
        Self { number, lines }
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.name == name)
    }

    fn find(&self, name: &str) -> Option<&Line> {
        self.all(name).next()
    }

    /// The zone of its start.
    fn zone(&self, home: &TimeZone) -> Zone {
        match self.find("DTSTART").and_then(|line| line.parameter("TZID")) {
            None => Zone::Known(home.clone()),
            // Some programs write a slash before the names that everybody knows.
            Some(name) => match TimeZone::get(name.trim_start_matches('/')) {
                Ok(zone) => Zone::Known(zone),
                Err(_) => Zone::Unknown(name.to_owned()),
            },
        }
    }

    /// None if it is called off.
    fn event(&self, home: &TimeZone) -> Result<Option<Event>, ImportError> {
        let status = self.find("STATUS").map(|line| line.value.trim());
        if status.is_some_and(|status| status.eq_ignore_ascii_case("CANCELLED")) {
            return Ok(None);
        }
        let name = self.find("SUMMARY").map(Line::text).unwrap_or_default();
        let named = |error: ImportError| ImportError {
            message: format!("event \"{}\": {}", shown(&name), error.message),
            ..error
        };
        let zone = self.zone(home);
        let Some(start) = self.find("DTSTART") else {
            return Err(named(ImportError::at(self.number, "has no DTSTART")));
        };
        if let Some(line) = self.find("EXRULE") {
            let message = "EXRULE is not supported: name the days with EXDATE";
            return Err(named(ImportError::at(line.number, message)));
        }
        let begin = moment(start, &zone).map_err(named)?;
        let mut rules = self.all("RRULE");
        let rule = rules
            .next()
            .map(|line| (line.number, line.value.trim().to_owned()));
        if let Some(line) = rules.next() {
            let message = "has a second RRULE: make it two events";
            return Err(named(ImportError::at(line.number, message)));
        }
        let event = Event {
            line: self.number,
            start: begin.time(),
            length: self.length(begin, &zone).map_err(named)?,
            rule,
            more_starts: starts(self.all("RDATE"), &zone)
                .map_err(named)?
                .into_iter()
                .map(Start::time)
                .collect(),
            not_starts: starts(self.all("EXDATE"), &zone).map_err(named)?,
            zone,
            name: name.clone(),
        };
        Ok(Some(event))
    }

    fn length(&self, start: Start, zone: &Zone) -> Result<Span, ImportError> {
        if let Some(line) = self.find("DTEND") {
            let end = moment(line, zone)?.time();
            // Some programs end a day on that day.
            if end < start.time() {
                let message = "DTEND is before DTSTART: correct one of them";
                return Err(ImportError::at(line.number, message));
            }
            let length = end.since(start.time());
            return length.map_err(|error| ImportError::at(line.number, error.to_string()));
        }
        let Some(line) = self.find("DURATION") else {
            return Ok(Span::new());
        };
        let length: Result<Span, _> = line.value.trim().parse();
        match length {
            Ok(length) if !length.is_negative() => Ok(length),
            _ => {
                let message = format!(
                    "DURATION: \"{}\" is no length of time: write one such as P1D or PT1H30M",
                    shown(line.value.trim())
                );
                Err(ImportError::at(line.number, message))
            }
        }
    }
}

impl Start {
    /// A day begins with itself.
    pub fn time(self) -> DateTime {
        match self {
            Self::Day(day) => day.to_datetime(Time::midnight()),
            Self::Time(time) => time,
        }
    }
}

impl Zone {
    /// What the clock of this zone shows when that of another shows `time`.
    pub fn bring(&self, time: DateTime, from: &TimeZone) -> Result<DateTime, String> {
        match self {
            Self::Known(zone) if zone == from => Ok(time),
            Self::Known(zone) => {
                let instant = from.to_timestamp(time).map_err(|error| error.to_string())?;
                Ok(zone.to_datetime(instant))
            }
            Self::Unknown(name) => Err(format!(
                "the zone \"{}\" of its DTSTART is no IANA time zone, such as Europe/Berlin, so a \
                 time of another zone can't be brought into it",
                shown(name)
            )),
        }
    }
}

fn starts<'a>(
    lines: impl Iterator<Item = &'a Line>,
    zone: &Zone,
) -> Result<Vec<Start>, ImportError> {
    let mut starts = Vec::new();
    for line in lines {
        for value in line.value.split(',') {
            starts.push(one_moment(line, value, zone)?);
        }
    }
    Ok(starts)
}

fn moment(line: &Line, zone: &Zone) -> Result<Start, ImportError> {
    one_moment(line, &line.value, zone)
}

/// A date, or a time on the clock of `zone`.
fn one_moment(line: &Line, value: &str, zone: &Zone) -> Result<Start, ImportError> {
    let value = value.trim();
    let fail = |message: String| ImportError::at(line.number, message);
    let unread = || {
        fail(format!(
            "{}: \"{}\" is neither a date such as 20261225 nor a time such as 20261225T090000",
            line.name,
            shown(value)
        ))
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (day, time) = match value.split_once(['T', 't']) {
        None => (value, None),
        Some((day, time)) => (day, Some(time)),
    };
    if day.len() != 8 || !digits(day) {
        return Err(unread());
    }
    let number = |text: &str| text.parse::<i16>().map_err(|_| unread());
    let small = |text: &str| text.parse::<i8>().map_err(|_| unread());
    let day = Date::new(number(&day[..4])?, small(&day[4..6])?, small(&day[6..])?)
        .map_err(|_| unread())?;
    let Some(time) = time else {
        return Ok(Start::Day(day));
    };
    let (time, utc) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, true),
        None => (time, false),
    };
    if time.len() != 6 || !digits(time) {
        return Err(unread());
    }
    // A leap second is the second before it.
    let second = small(&time[4..])?.min(59);
    let time =
        Time::new(small(&time[..2])?, small(&time[2..4])?, second, 0).map_err(|_| unread())?;
    let time = day.to_datetime(time);
    let from = match (utc, line.parameter("TZID")) {
        (true, _) => TimeZone::UTC,
        (false, None) => return Ok(Start::Time(time)),
        (false, Some(name)) => match (TimeZone::get(name.trim_start_matches('/')), zone) {
            (Ok(zone), _) => zone,
            // Of the same name, whatever it stands for.
            (Err(_), Zone::Unknown(same)) if same == name => return Ok(Start::Time(time)),
            (Err(_), _) => {
                return Err(fail(format!(
                    "{}: the zone \"{}\" is no IANA time zone, such as Europe/Berlin",
                    line.name,
                    shown(name)
                )));
            }
        },
    };
    let time = zone.bring(time, &from).map_err(fail)?;
    Ok(Start::Time(time))
}

/// So much of a text as a message can repeat.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}
