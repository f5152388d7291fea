//! One field: what it allows, and its text in the dialect of the `cron` crate.

use super::dialect::{Question, Rules, Steps};
use super::error::Mistake;
use super::quote::value;
use super::{hash, hint};

/// A field: its name in messages and what it allows.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) min: u32,
    max: u32,
    allowed: &'static str,
    /// In order from `min`, in full.
    pub(super) names: &'static [&'static str],
    /// The range that `H` alone takes its value from; none if it can't stand here.
    hashed: Option<(u32, u32)>,
}

pub(super) const MONTHS: [&str; 12] = [
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
];
pub(super) const WEEKDAYS: [&str; 7] = [
    "SUNDAY",
    "MONDAY",
    "TUESDAY",
    "WEDNESDAY",
    "THURSDAY",
    "FRIDAY",
    "SATURDAY",
];

pub(super) const SECOND: Field = Field {
    name: "second",
    min: 0,
    max: 59,
    allowed: "0-59",
    names: &[],
    hashed: Some((0, 59)),
};
pub(super) const MINUTE: Field = Field {
    name: "minute",
    ..SECOND
};
pub(super) const HOUR: Field = Field {
    name: "hour",
    max: 23,
    allowed: "0-23",
    hashed: Some((0, 23)),
    ..SECOND
};
pub(super) const DAY_OF_MONTH: Field = Field {
    name: "day of month",
    min: 1,
    max: 31,
    allowed: "1-31",
    names: &[],
    // The days that every month has.
    hashed: Some((1, 28)),
};
pub(super) const MONTH: Field = Field {
    name: "month",
    min: 1,
    max: 12,
    allowed: "1-12 or JAN-DEC",
    names: &MONTHS,
    hashed: Some((1, 12)),
};
/// Its values are 0 for Sunday to 6 however the dialect numbers them, and 7 for Sunday as the end
/// of a range (see `spans`). What it allows is the dialect's to say.
pub(super) const DAY_OF_WEEK: Field = Field {
    name: "day of week",
    min: 0,
    max: 6,
    allowed: "",
    names: &WEEKDAYS,
    hashed: Some((0, 6)),
};
/// Its last value and what it allows are the dialect's to say.
pub(super) const YEAR: Field = Field {
    name: "year",
    min: 1970,
    max: 2100,
    allowed: "",
    names: &[],
    hashed: None,
};

/// A field as a dialect reads it.
pub(super) struct Reader {
    pub(super) field: &'static Field,
    pub(super) rules: &'static Rules,
    /// What `H` stands for is made from this.
    pub(super) seed: Option<u64>,
}

impl Reader {
    /// All items of a field in the `cron` crate's dialect.
    pub(super) fn items<'a>(&self, text: &'a str) -> Result<String, Mistake<'a>> {
        Ok(self.others(text, |_, _| Ok(false))?.unwrap_or_default())
    }

    /// The items of a field in the `cron` crate's dialect, without those that `take` takes; none if
    /// it takes all.
    pub(super) fn others<'a>(
        &self,
        text: &'a str,
        mut take: impl FnMut(&'a str, &Self) -> Result<bool, Mistake<'a>>,
    ) -> Result<Option<String>, Mistake<'a>> {
        // Most fields are this, and that crate has its set ready.
        if text == "*" || text == "?" && self.rules.question == Question::Star {
            return Ok(Some("*".to_owned()));
        }
        let mut items = Vec::new();
        let empty = |item: &&str| item.is_empty();
        let mut read = || {
            // A field of nothing but commas has no value in any dialect.
            let lenient = self.rules.empty_items && !text.split(',').all(|item| empty(&item));
            if !lenient && text.split(',').any(|item| empty(&item)) {
                return Err(Mistake::new(text, "a comma has no value beside it"));
            }
            for item in text.split(',').filter(|item| !empty(item)) {
                if !take(item, self)? {
                    self.item(item, &mut items)?;
                }
            }
            Ok(())
        };
        read().map_err(|mistake| mistake.within(self.field.name))?;
        Ok((!items.is_empty()).then(|| items.join(",")))
    }

    /// Rewrites a value, a range or a step.
    fn item<'a>(&self, item: &'a str, items: &mut Vec<String>) -> Result<(), Mistake<'a>> {
        if self.rules.hash && item.starts_with(['H', 'h']) {
            return self.hashed(item, items);
        }
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step, item)?)),
            None => (item, None),
        };
        let (from, to) = match range.split_once('-') {
            None if self.is_any(range, step) => (self.field.min, self.max()),
            None => match (self.value(range, item)?, step) {
                (from, None) => (from, from),
                (from, Some(_)) if self.rules.open_step => (from, self.max().max(from)),
                (from, Some(_)) => {
                    let from = if from > self.max() { "0" } else { range };
                    let (value, largest) = (value(item), self.largest());
                    let step = &item[range.len()..];
                    let why = format!(
                        "{value} needs a range before the step, as in {from}-{largest}{step}"
                    );
                    return Err(Mistake::new(item, why));
                }
            },
            Some((from, to)) => (self.value(from, item)?, self.value(to, item)?),
        };
        let named = range.bytes().any(|b| b.is_ascii_alphabetic());
        if named && step.is_some() && !self.rules.named_step {
            let why = format!("{} has a step after names; write numbers", value(item));
            return Err(Mistake::new(item, why));
        }
        if range.contains('-') {
            self.within(step, from, to, item)?;
        }
        self.spans(from, to, step.unwrap_or(1), items)
            .map_err(|()| Mistake::new(item, self.backwards(range)))
    }

    /// Refuses a step that leaves only the first value of its range, if the dialect does.
    fn within<'a>(
        &self,
        step: Option<u32>,
        from: u32,
        to: u32,
        item: &'a str,
    ) -> Result<(), Mistake<'a>> {
        let values = self.values(self.unwound(from, to));
        let Some(step) = step.filter(|step| *step > values) else {
            return Ok(());
        };
        let (range, text) = match (self.rules.steps, item.split_once('/')) {
            (Steps::Values, Some(parts)) => parts,
            (Steps::Values | Steps::Largest | Steps::Any, _) => return Ok(()),
        };
        let alone = match range.split_once('-') {
            Some((from, _)) if !range.ends_with(')') => from,
            _ => range,
        };
        let (range, alone) = (value(range), value(alone));
        let why = format!(
            "a step of {step} is larger than the range {range}; write {alone} alone, or a step of at \
             most {values}"
        );
        Err(Mistake::new(text, why))
    }

    fn is_any(&self, range: &str, step: Option<u32>) -> bool {
        match range {
            "*" => true,
            // Quartz's own is dealt with before: here it would be part of a list.
            "?" => self.rules.question == Question::Star,
            "" => self.rules.bare_step && step.is_some(),
            _ => false,
        }
    }

    /// Rewrites `H`, `H(0-29)`, `H/15` or `H(0-29)/10`.
    fn hashed<'a>(&self, item: &'a str, items: &mut Vec<String>) -> Result<(), Mistake<'a>> {
        let Some(all) = self.field.hashed else {
            return Err(Mistake::new(item, "H can't stand here; write the year"));
        };
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step, item)?)),
            None => (item, None),
        };
        let within = &range[1..];
        let (from, to) = if within.is_empty() {
            all
        } else {
            let (from, to) = within
                .strip_prefix('(')
                .and_then(|rest| rest.strip_suffix(')'))
                .and_then(|range| range.split_once('-'))
                .ok_or_else(|| {
                    let (value, (from, to)) = (value(item), all);
                    let why = format!("{value} is not H, H({from}-{to}), H/5 or H({from}-{to})/5");
                    Mistake::new(item, why)
                })?;
            (self.value(from, item)?, self.value(to, item)?)
        };
        self.within(step, from, to, item)?;
        let (from, to) = self.unwound(from, to);
        let values = self.values((from, to));
        let Some(seed) = self.seed else {
            let why = "H stands for a value made from the schedule's name, which is not known here; \
                       name it with --name";
            return Err(Mistake::new(item, why));
        };
        let first = from + hash::pick(seed, self.field.name, step.unwrap_or(values));
        let first = if first > self.max() {
            first - self.all_values()
        } else {
            first
        };
        let to = if step.is_some() { to } else { first };
        self.spans(first, to, step.unwrap_or(1), items)
            .map_err(|()| Mistake::new(item, self.backwards(range)))
    }

    fn backwards(&self, range: &str) -> String {
        let hint = hint::backwards(range, self.field, self.rules, self.largest());
        format!("{} runs backwards{hint}", value(range))
    }

    /// Reads a value; 7 as a day of the week may stay 7. `item` is what it belongs to.
    pub(super) fn value<'a>(&self, text: &'a str, item: &'a str) -> Result<u32, Mistake<'a>> {
        if let Some(n) = self.named(text) {
            return Ok(self.field.min + n as u32);
        }
        let days = self.rules.weekdays;
        let found = match number(text) {
            Some(n) if self.field.name == DAY_OF_WEEK.name => days.day(n),
            Some(n) => (self.field.min..=self.max()).contains(&n).then_some(n),
            None => None,
        };
        found.ok_or_else(|| {
            let at = if text.is_empty() { item } else { text };
            let hint = hint::value(at, self.field, self.rules);
            let why = format!("{} is not in {}{hint}", value(at), self.allowed());
            Mistake::new(at, why)
        })
    }

    fn named(&self, text: &str) -> Option<usize> {
        self.field.names.iter().position(|name| {
            name[..3].eq_ignore_ascii_case(text)
                || self.rules.full_names && name.eq_ignore_ascii_case(text)
        })
    }

    fn step<'a>(&self, text: &'a str, item: &'a str) -> Result<u32, Mistake<'a>> {
        let values = self.all_values();
        let most = match self.rules.steps {
            Steps::Values => Some(values),
            Steps::Largest => Some(self.largest()),
            Steps::Any => None,
        };
        if text.is_empty() {
            let why = format!("{} has no step after the /", value(item));
            return Err(Mistake::new(item, why));
        }
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let larger = |most| {
            let hint = hint::step(text, self.field, self.rules);
            let (value, allowed) = (value(text), self.allowed());
            if most < values {
                format!("a step of {value} is not in 1-{most}{hint}")
            } else {
                format!("a step of {value} is larger than the range {allowed}{hint}")
            }
        };
        match (number(text), most) {
            (Some(0), _) => Err("a step of 0 leads nowhere; take 1 or more".to_owned()),
            (Some(n), Some(most)) if n > most => Err(larger(most)),
            (Some(n), _) => Ok(n),
            (None, Some(most)) if digits => Err(larger(most)),
            // No set has so many values, so it only matters that it is large.
            (None, None) if digits => Ok(u32::MAX),
            (None, _) => Err(format!("a step of {} is not a number", value(text))),
        }
        .map_err(|why| Mistake::new(text, why))
    }

    pub(super) fn max(&self) -> u32 {
        if self.field.name == YEAR.name {
            self.rules.last_year
        } else {
            self.field.max
        }
    }

    /// The largest value as the dialect writes it.
    fn largest(&self) -> u32 {
        if self.field.name == DAY_OF_WEEK.name {
            self.rules.weekdays.largest()
        } else {
            self.max()
        }
    }

    fn allowed(&self) -> String {
        if self.field.name == DAY_OF_WEEK.name {
            self.rules.weekdays.allowed().to_owned()
        } else if self.field.name == YEAR.name {
            format!("{}-{}", self.field.min, self.max())
        } else {
            self.field.allowed.to_owned()
        }
    }
}

/// Digits as a number; `parse` alone takes a sign, crontabs do not.
pub(super) fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().ok()
    } else {
        None
    }
}
