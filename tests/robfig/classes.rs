//! In which ways robfig/cron v3 and we differ. docs/dialects.md says why.

use jiff::Timestamp;

use super::{Difference, Question, zone};

/// A way to differ.
pub struct Class {
    pub name: &'static str,
    /// An example that differs in this way.
    pub expression: &'static str,
    pub zone: &'static str,
    pub from: &'static str,
    pub explains: fn(&Question, &Difference) -> bool,
}

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// The first that explains a difference is its class.
pub const CLASSES: &[Class] = &[
    Class {
        name: "a zone without a schedule",
        expression: "CRON_TZ=Europe/Berlin",
        zone: "UTC",
        from: "2026-01-01T00:00:00Z",
        explains: |question, difference| match difference {
            // Behind what it takes for the zone's name there is no space.
            Difference::Panics => {
                is_zoned(&question.expression) && !question.expression.contains(' ')
            }
            _ => false,
        },
    },
    Class {
        name: "an empty zone",
        expression: "TZ= 0 0 * * *",
        zone: "UTC",
        from: "2026-01-01T00:00:00Z",
        explains: |question, difference| {
            matches!(difference, Difference::OnlyRobfig { .. })
                && ["TZ= ", "CRON_TZ= "]
                    .iter()
                    .any(|prefix| question.expression.starts_with(prefix))
        },
    },
    Class {
        name: "never",
        expression: "0 0 30 2 *",
        zone: "UTC",
        from: "2026-01-01T00:00:00Z",
        explains: |_, difference| matches!(difference, Difference::OnlyRobfig { why } if why.contains("never fires")),
    },
    Class {
        name: "nothing but commas",
        expression: ", * * * *",
        zone: "UTC",
        from: "2026-01-01T00:00:00Z",
        explains: |_, difference| {
            matches!(difference, Difference::OnlyRobfig { why }
                if why.contains("a comma has no value"))
        },
    },
    Class {
        name: "a part of an item",
        expression: "*-5 * * * *",
        zone: "UTC",
        from: "2026-01-01T00:00:00Z",
        explains: |question, difference| {
            // `*` is taken, whatever follows a hyphen.
            matches!(difference, Difference::OnlyRobfig { .. })
                && ["*-", "?-"]
                    .iter()
                    .any(|part| question.expression.contains(part))
        },
    },
    Class {
        name: "a sign",
        expression: "+5 * * * *",
        zone: "UTC",
        from: "2026-01-01T00:00:00Z",
        explains: |question, difference| {
            matches!(difference, Difference::OnlyRobfig { .. }) && question.expression.contains('+')
        },
    },
    Class {
        name: "characters beyond ASCII, line breaks",
        expression: "@every 1500000µs",
        zone: "UTC",
        from: "2026-01-01T00:00:00Z",
        explains: |_, difference| {
            matches!(difference, Difference::OnlyRobfig { why }
                if why.starts_with("the schedule has"))
        },
    },
    Class {
        name: "less than a second",
        expression: "@every 10ms",
        zone: "UTC",
        from: "2026-01-01T00:00:00Z",
        explains: |_, difference| {
            matches!(difference, Difference::OnlyRobfig { why }
                if why.starts_with("@every") && ["shorter than 1s", "negative", "whole number of", "more digits"]
                    .iter().any(|reason| why.contains(reason)))
        },
    },
    Class {
        name: "capitals and spaces",
        expression: "@Daily",
        zone: "UTC",
        from: "2026-01-01T00:00:00Z",
        explains: |question, difference| {
            let text = &question.expression;
            let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let rest = plain.split_once(' ').map_or("", |(_, rest)| rest);
            let named =
                plain.starts_with('@') || rest.starts_with('@') || is_zoned(&plain.to_uppercase());
            matches!(difference, Difference::OnlyOurs { .. })
                && named
                && (text.chars().any(|c| c.is_ascii_uppercase()) || plain != *text)
        },
    },
    Class {
        name: "beyond five years",
        expression: "0 0 29 2 *",
        zone: "UTC",
        from: "2097-01-01T00:00:00Z",
        explains: |_, difference| match difference {
            // It ends the search when the year is over five years on.
            Difference::Fires {
                after,
                robfig: None,
                ours: Some(ours),
                circle: false,
            } => ours - after > 5 * 365 * DAY,
            _ => false,
        },
    },
    Class {
        name: "a day that never was",
        expression: "0 12 31 12 *",
        zone: "Pacific/Apia",
        from: "2011-12-28T12:00:00Z",
        explains: |question, difference| match difference {
            Difference::Fires { circle, .. } => {
                *circle
                    && changes(question, difference).any(|change| change.to - change.from >= DAY)
            }
            _ => false,
        },
    },
    Class {
        name: "a midnight that never was",
        expression: "0 5 3 11 *",
        zone: "America/Sao_Paulo",
        from: "2018-11-03T12:00:00Z",
        explains: |question, difference| {
            // A search for another month starts at the first day of this one.
            changes_from(question, difference, 31 * DAY).any(|change| {
                // The first reading of a day is among those that are passed by.
                change.to > change.from && (change.to - 1).div_euclid(DAY) * DAY >= change.from
            })
        },
    },
    Class {
        name: "a midnight that is shown twice",
        expression: "30 0 * * SAT",
        zone: "Asia/Gaza",
        from: "2016-10-28T12:00:00Z",
        explains: |question, difference| {
            changes(question, difference).any(|change| {
                change.to < change.from && (change.from - 1).div_euclid(DAY) * DAY >= change.to
            })
        },
    },
    Class {
        name: "a clock that is put back two hours",
        expression: "0 2 * * *",
        zone: "Antarctica/Troll",
        from: "2029-10-27T23:06:33Z",
        explains: |question, difference| {
            changes(question, difference).any(|change| change.from - change.to > HOUR)
        },
    },
    Class {
        name: "a change off the hour",
        expression: "0 3 * * *",
        zone: "Australia/Lord_Howe",
        from: "2026-10-03T00:00:00Z",
        explains: |question, difference| {
            changes(question, difference)
                .any(|change| change.from % HOUR != 0 || change.to % HOUR != 0)
        },
    },
];

/// The clock shows `from` no more, but `to`: seconds as if it were in UTC.
struct Change {
    from: i64,
    to: i64,
}

/// What the clock does between what both agree on and the later of what they don't.
fn changes(question: &Question, difference: &Difference) -> impl Iterator<Item = Change> {
    changes_from(question, difference, 0)
}

/// The same from so many seconds earlier.
fn changes_from(
    question: &Question,
    difference: &Difference,
    earlier: i64,
) -> impl Iterator<Item = Change> {
    let span = match difference {
        Difference::Fires {
            after,
            robfig,
            ours,
            circle,
        } => {
            let later = (*robfig).max(*ours).unwrap_or(*after);
            Some((
                after - earlier,
                if *circle { after + 366 * DAY } else { later },
            ))
        }
        Difference::Panics | Difference::OnlyRobfig { .. } | Difference::OnlyOurs { .. } => None,
    };
    span.into_iter().flat_map(|(after, until)| {
        let zone = zone(&question.zone);
        let before = Timestamp::from_second(after).unwrap();
        let all: Vec<i64> = zone
            .following(before)
            .map(|change| change.timestamp().as_second())
            .take_while(|at| *at <= until)
            .collect();
        all.into_iter().map(move |at| {
            let reading = |at| {
                let offset = zone.to_offset(Timestamp::from_second(at).unwrap());
                at + i64::from(offset.seconds())
            };
            Change {
                from: reading(at - 1) + 1,
                to: reading(at),
            }
        })
    })
}

fn is_zoned(expression: &str) -> bool {
    ["TZ=", "CRON_TZ="]
        .iter()
        .any(|prefix| expression.starts_with(prefix))
}
