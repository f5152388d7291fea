//! The language of expressions: what stands before the fields or in their place, and which word is
//! which field. What dialects differ in is in `dialect`; what the fields mean is for `sets`.

use super::dialect::{Layout, Rules};
use super::error::Mistake;
use super::quote::value;
use super::sets::{Words, sets};
use super::{Dialect, MAX_LENGTH, Options, Rule, TimingError, at, every};
use jiff::tz::TimeZone;

/// What the names stand for.
const NAMES: [(&str, Words<'static>); 7] = [
    ("@yearly", ["0", "0", "0", "1", "1", "*", "*"]),
    ("@annually", ["0", "0", "0", "1", "1", "*", "*"]),
    ("@monthly", ["0", "0", "0", "1", "*", "*", "*"]),
    ("@weekly", ["0", "0", "0", "*", "*", "0", "*"]),
    ("@daily", ["0", "0", "0", "*", "*", "*", "*"]),
    ("@midnight", ["0", "0", "0", "*", "*", "*", "*"]),
    ("@hourly", ["0", "0", "*", "*", "*", "*", "*"]),
];

/// Reads an expression, and in which zone: in the one given, unless the expression names another.
pub(super) fn read(
    expression: &str,
    zone: TimeZone,
    options: &Options,
) -> Result<(Rule, TimeZone), TimingError> {
    if expression.len() > MAX_LENGTH {
        let why = format!("the schedule is longer than {MAX_LENGTH} bytes");
        return Err(TimingError::new(why));
    }
    plain(expression).map_err(|mistake| TimingError::of(expression, mistake))?;
    let text = expression.trim();
    if text.is_empty() {
        return Err(TimingError::new("the schedule is empty"));
    }
    let rules = options.dialect.rules();
    let read = || {
        let (zone, text) = zoned(text, zone, rules)?;
        let rule = if text.starts_with('@') {
            named(text, &zone, rules, options)?
        } else {
            Rule::Local(sets(words(text, rules)?, rules, options.seed)?)
        };
        Ok((rule, zone))
    };
    read().map_err(|mistake| TimingError::of(expression, mistake))
}

/// The words of the fields of an expression that [`read`] reads, and the rules that they follow;
/// none if it has no fields.
pub(super) fn fields(expression: &str, dialect: Dialect) -> Option<(Words<'_>, &'static Rules)> {
    let rules = dialect.rules();
    let (_, text) = zoned(expression.trim(), TimeZone::UTC, rules).ok()?;
    if !text.starts_with('@') {
        return Some((words(text, rules).ok()?, rules));
    }
    let known = NAMES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(text));
    known.map(|(_, words)| (*words, Dialect::Punctual.rules()))
}

/// Refuses what is not a tab or one of the characters from the space to `~`, which are all that the
/// API server lets pass. Each of the others looks like one of these, or like nothing.
fn plain(text: &str) -> Result<(), Mistake<'_>> {
    let is_plain = |c: char| matches!(c, '\t' | ' '..='~');
    let Some((start, first)) = text.char_indices().find(|(_, c)| !is_plain(*c)) else {
        return Ok(());
    };
    let rest = &text[start..];
    let code = u32::from(first);
    let (end, why) = match first {
        // A line may end in two characters.
        '\n' | '\r' => (
            rest.find(|c| !matches!(c, '\n' | '\r')),
            "the schedule has a line break: write it on one line, in quotes, not as a block (| or >)"
                .to_owned(),
        ),
        // Some are as wide as a space, some have no width at all.
        _ if first.is_whitespace() || is_invisible(first) => (
            rest.find(|c: char| c != first),
            format!("the schedule has a character that looks like a space or like nothing \
                     (U+{code:04X}): write a plain space, or delete it"),
        ),
        _ if first.is_control() => (
            rest.find(|c: char| !c.is_control()),
            format!("the schedule has a control character (U+{code:04X}): delete it"),
        ),
        'µ' | 'μ' => (
            rest.find(|c: char| c != first),
            format!("the schedule has {first} (U+{code:04X}), which is not plain ASCII: write us"),
        ),
        _ => (
            rest.find(is_plain),
            format!("the schedule has {first:?} (U+{code:04X}): write it with the letters, digits \
                     and signs of ASCII"),
        ),
    };
    Err(Mistake::new(&rest[..end.unwrap_or(rest.len())], why))
}

/// Spaces, joiners and marks of direction without a width, and the mark of byte order.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// The zone of an expression, and what follows a prefix with one.
fn zoned<'a>(
    text: &'a str,
    zone: TimeZone,
    rules: &Rules,
) -> Result<(TimeZone, &'a str), Mistake<'a>> {
    let (prefix, rest) = split(text);
    let Some((key, name)) = prefix.split_once('=') else {
        return Ok((zone, text));
    };
    if !["TZ", "CRON_TZ"]
        .iter()
        .any(|known| key.eq_ignore_ascii_case(known))
    {
        return Ok((zone, text));
    }
    if !rules.zone_prefix {
        let why = "the time zone goes into timeZone, not before the schedule";
        return Err(Mistake::new(prefix, why));
    }
    let zone = super::Zones::built_in().get(name).map_err(|error| {
        let at = if name.is_empty() { prefix } else { name };
        Mistake::new(at, error.message())
    })?;
    if rest.is_empty() {
        let why = format!("{} has no schedule behind it", value(prefix));
        return Err(Mistake::new(prefix, why));
    }
    Ok((zone, rest))
}

/// Reads what begins with an `@`.
fn named<'a>(
    text: &'a str,
    zone: &TimeZone,
    rules: &Rules,
    options: &Options,
) -> Result<Rule, Mistake<'a>> {
    let (name, rest) = split(text);
    let argument = if rest.is_empty() { text } else { rest };
    match name.to_ascii_lowercase().as_str() {
        "@every" if rules.every => every::parse(rest)
            .map(Rule::Every)
            .map_err(|why| Mistake::new(argument, why)),
        "@at" if rules.at => at::parse(rest, zone, options)
            .map(Rule::At)
            .map_err(|mistake| mistake.or_at(argument)),
        "@reboot" => {
            let why = "@reboot is not a time: a cluster does not reboot";
            Err(Mistake::new(name, why))
        }
        lower => {
            let known = NAMES
                .iter()
                .find(|(known, _)| *known == lower && rules.names.contains(known));
            match known {
                // Their words are in our own dialect.
                Some((_, words)) if rest.is_empty() => {
                    sets(*words, Dialect::Punctual.rules(), None).map(Rule::Local)
                }
                Some(_) => {
                    let why = format!("{name} stands alone, without {}", value(rest));
                    Err(Mistake::new(rest, why))
                }
                None => {
                    let names = names(rules);
                    let why = if names.is_empty() {
                        format!("{} is not in this dialect: {}", value(name), rules.shape)
                    } else {
                        format!("{} is not one of {}", value(name), names.join(", "))
                    };
                    Err(Mistake::new(name, why))
                }
            }
        }
    }
}

/// All forms that begin with an `@`.
fn names(rules: &Rules) -> Vec<&'static str> {
    let mut names = rules.names.to_vec();
    if rules.every {
        names.push("@every <duration>");
    }
    if rules.at {
        names.push("@at <date and time>");
    }
    names
}

/// Which word is which field.
fn words<'a>(text: &'a str, rules: &Rules) -> Result<Words<'a>, Mistake<'a>> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let count = words.len();
    let Some(Layout { second, year }) = rules.layouts.iter().find(|l| l.count() == count) else {
        return Err(wrong_count(text, &words, rules));
    };
    let mut words = words.into_iter();
    let mut word =
        |written, otherwise| if written { words.next() } else { None }.unwrap_or(otherwise);
    Ok([
        word(*second, "0"),
        word(true, "*"),
        word(true, "*"),
        word(true, "*"),
        word(true, "*"),
        word(true, "*"),
        word(*year, "*"),
    ])
}

fn wrong_count<'a>(text: &'a str, words: &[&'a str], rules: &Rules) -> Mistake<'a> {
    let most = rules.layouts.iter().map(Layout::count).max().unwrap_or(0);
    let at = match words.get(most) {
        // All that is too much: from the first word that has no field.
        Some(word) => &text[word.as_ptr() as usize - text.as_ptr() as usize..],
        None => text,
    };
    let named = format!("@{text}").to_ascii_lowercase();
    let hint = if rules.names.contains(&named.as_str()) {
        format!("; did you mean {named}?")
    } else if words.len() < 5 {
        "; if a shell took the * for file names, quote the schedule".to_owned()
    } else if words.len() > most {
        "; a command does not belong behind them".to_owned()
    } else {
        String::new()
    };
    Mistake::new(at, format!("{}, not {}{hint}", rules.shape, words.len()))
}

/// The first word, and what follows the space behind it.
fn split(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}
