//! Which times of a day match: a product of seconds, minutes and hours, less what excludes take
//! away from it.

/// Seconds since the day's first reading.
pub(super) const DAY: i64 = 86_400;

/// Every second, minute and hour.
const ALL_OF_60: u64 = (1 << 60) - 1;
const ALL_OF_24: u32 = (1 << 24) - 1;

/// Times of a day whose second, minute and hour are each in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) seconds: u64,
    pub(super) minutes: u64,
    pub(super) hours: u32,
}

/// What is left of some times when others are taken away.
///
/// The difference of two products is no product, so it is never written down: the hours and minutes
/// of `of` are gone through, and the seconds of each are what no other set has of them.
#[derive(Clone, Copy)]
pub(super) struct Rest<'a> {
    pub(super) of: Times,
    pub(super) others: &'a [Times],
    /// Which of the others apply, as bits.
    pub(super) less: u64,
}

impl Times {
    /// Whether every time of a day is in it.
    pub(super) fn is_whole_day(&self) -> bool {
        self.seconds == ALL_OF_60 && self.minutes == ALL_OF_60 && self.hours == ALL_OF_24
    }

    /// The same minutes, with each of their seconds.
    pub(super) fn any_second(self) -> Self {
        Self {
            seconds: ALL_OF_60,
            ..self
        }
    }

    /// How many there are.
    pub(super) fn all(&self) -> u64 {
        self.before(DAY)
    }

    fn from(&self, time: i64) -> Option<i64> {
        let (hour, minute, second) = clock(time);
        let (first_minute, first_second) = (lowest(self.minutes, 0)?, lowest(self.seconds, 0)?);
        if has(self.hours.into(), hour) {
            if has(self.minutes, minute)
                && let Some(second) = lowest(self.seconds, second)
            {
                return Some(time_of(hour, minute, second));
            }
            if let Some(minute) = lowest(self.minutes, minute + 1) {
                return Some(time_of(hour, minute, first_second));
            }
        }
        Some(time_of(
            lowest(self.hours.into(), hour + 1)?,
            first_minute,
            first_second,
        ))
    }

    fn to(&self, time: i64) -> Option<i64> {
        let (hour, minute, second) = clock(time);
        let (last_minute, last_second) = (highest(self.minutes, 60)?, highest(self.seconds, 60)?);
        if has(self.hours.into(), hour) {
            if has(self.minutes, minute)
                && let Some(second) = highest(self.seconds, second + 1)
            {
                return Some(time_of(hour, minute, second));
            }
            if let Some(minute) = highest(self.minutes, minute) {
                return Some(time_of(hour, minute, last_second));
            }
        }
        Some(time_of(
            highest(self.hours.into(), hour)?,
            last_minute,
            last_second,
        ))
    }

    fn before(&self, time: i64) -> u64 {
        let (hour, minute, second) = clock(time);
        let mut minutes = below(self.hours.into(), hour) * self.minutes.count_ones();
        let mut seconds = 0;
        if has(self.hours.into(), hour) {
            minutes += below(self.minutes, minute);
            if has(self.minutes, minute) {
                seconds = below(self.seconds, second);
            }
        }
        u64::from(minutes * self.seconds.count_ones() + seconds)
    }
}

impl Rest<'_> {
    /// The first time that is not before `time`.
    pub(super) fn from(&self, time: i64) -> Option<i64> {
        if self.less == 0 {
            return self.of.from(time);
        }
        let (first, minute, second) = clock(time);
        // Of hours that the same others touch, one tells of all.
        let mut barren = Vec::new();
        for hour in members(u64::from(self.of.hours) >> first << first) {
            let less = self.less_in(hour);
            if barren.contains(&less) {
                continue;
            }
            let (minute, second) = if hour == first {
                (minute, second)
            } else {
                (0, 0)
            };
            if let Some((minute, second)) = self.first_in_hour(less, minute, second) {
                return Some(time_of(hour, minute, second));
            }
            if (minute, second) == (0, 0) {
                barren.push(less);
            }
        }
        None
    }

    /// The last time that is not after `time`.
    pub(super) fn to(&self, time: i64) -> Option<i64> {
        if self.less == 0 {
            return self.of.to(time);
        }
        let (last, minute, second) = clock(time);
        let mut barren = Vec::new();
        let mut later = last + 1;
        while let Some(hour) = highest(self.of.hours.into(), later) {
            later = hour;
            let less = self.less_in(hour);
            if barren.contains(&less) {
                continue;
            }
            let (minute, second) = if hour == last {
                (minute, second)
            } else {
                (59, 59)
            };
            if let Some((minute, second)) = self.last_in_hour(less, minute, second) {
                return Some(time_of(hour, minute, second));
            }
            if (minute, second) == (59, 59) {
                barren.push(less);
            }
        }
        None
    }

    /// How many times there are before `time`.
    pub(super) fn before(&self, time: i64) -> u64 {
        if self.less == 0 {
            return self.of.before(time);
        }
        let (last, minute, second) = clock(time);
        let mut count = 0;
        // Hours that the same others touch have the same number of times.
        let mut known = None;
        for hour in members(self.of.hours.into()).take_while(|&hour| hour < last) {
            let less = self.less_in(hour);
            let in_hour = match known {
                Some((of, in_hour)) if of == less => in_hour,
                _ => self.before_in_hour(less, 60),
            };
            known = Some((less, in_hour));
            count += in_hour;
        }
        if has(self.of.hours.into(), last) {
            let less = self.less_in(last);
            count += self.before_in_hour(less, minute);
            if has(self.of.minutes, minute) {
                count += below(self.seconds(less, minute), second);
            }
        }
        count.into()
    }

    /// The first minute and second of an hour that some others touch, from one on.
    fn first_in_hour(&self, less: u64, minute: u32, second: u32) -> Option<(u32, u32)> {
        members(self.of.minutes >> minute << minute).find_map(|it| {
            let from = if it == minute { second } else { 0 };
            Some((it, lowest(self.seconds(less, it), from)?))
        })
    }

    /// The last minute and second of an hour that some others touch, up to one.
    fn last_in_hour(&self, less: u64, minute: u32, second: u32) -> Option<(u32, u32)> {
        let mut later = minute + 1;
        while let Some(it) = highest(self.of.minutes, later) {
            later = it;
            let to = if it == minute { second } else { 59 };
            if let Some(second) = highest(self.seconds(less, it), to + 1) {
                return Some((it, second));
            }
        }
        None
    }

    /// How many times of an hour that some others touch there are before a minute.
    fn before_in_hour(&self, less: u64, minute: u32) -> u32 {
        if less == 0 {
            return below(self.of.minutes, minute) * self.of.seconds.count_ones();
        }
        members(self.of.minutes)
            .take_while(|&it| it < minute)
            .map(|it| self.seconds(less, it).count_ones())
            .sum()
    }

    /// Some of the others that take everything away, of which none can be spared.
    pub(super) fn culprits(&self) -> u64 {
        members(self.less).fold(self.less, |less, n| {
            let fewer = less & !(1 << n);
            let rest = Rest {
                less: fewer,
                ..*self
            };
            if rest.from(0).is_none() { fewer } else { less }
        })
    }

    /// The seconds that are left of a minute that `of` has, in an hour that some others touch.
    fn seconds(&self, less: u64, minute: u32) -> u64 {
        members(less)
            .map(|n| &self.others[n as usize])
            .filter(|other| has(other.minutes, minute))
            .fold(self.of.seconds, |left, other| left & !other.seconds)
    }

    /// Which others have something of an hour.
    fn less_in(&self, hour: u32) -> u64 {
        members(self.less)
            .filter(|&n| has(self.others[n as usize].hours.into(), hour))
            .fold(0, |less, n| less | 1 << n)
    }
}

/// The bits that are set, lowest first.
pub(super) fn members(mut bits: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let lowest = (bits != 0).then(|| bits.trailing_zeros())?;
        bits &= bits - 1;
        Some(lowest)
    })
}

fn clock(time: i64) -> (u32, u32, u32) {
    let time = time as u32;
    (time / 3600, time / 60 % 60, time % 60)
}

fn time_of(hour: u32, minute: u32, second: u32) -> i64 {
    i64::from(hour * 3600 + minute * 60 + second)
}

fn has(bits: u64, n: u32) -> bool {
    bits >> n & 1 == 1
}

/// The lowest bit from `n` on.
fn lowest(bits: u64, n: u32) -> Option<u32> {
    let rest = bits >> n << n;
    (rest != 0).then(|| rest.trailing_zeros())
}

/// The highest bit below `n`.
fn highest(bits: u64, n: u32) -> Option<u32> {
    (bits & ((1 << n) - 1)).checked_ilog2()
}

/// How many bits are set below `n`.
fn below(bits: u64, n: u32) -> u32 {
    (bits & ((1 << n) - 1)).count_ones()
}
