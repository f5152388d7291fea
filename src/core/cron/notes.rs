//! What is odd about a fire: that its local time was not the one that was meant, or is not alone.

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, DateTime},
    tz::{AmbiguousOffset, Offset},
};

use super::{Rule, Timing, fields::Fields, second, times::DAY};

impl Timing {
    /// The elapsed time of `@every`, whose fires depend on where one counts from; none for schedules
    /// of local times.
    pub fn period(&self) -> Option<SignedDuration> {
        match &self.rule {
            Rule::Every(seconds) => Some(SignedDuration::from_secs(*seconds)),
            Rule::At(_) | Rule::Local(_) => None,
        }
    }

    /// The local time that a fire makes up for, if the clock skipped it: the first of them if several
    /// were skipped together. The fire may be due at its own local time as well.
    pub fn meant(&self, fire: Timestamp) -> Option<DateTime> {
        match &self.rule {
            Rule::Every(_) => None,
            Rule::At(at) => at.local.filter(|&local| {
                at.fire == second(fire) && local != self.zone.to_offset(fire).to_datetime(fire)
            }),
            Rule::Local(_) => reading_date_time(self.meant_reading(second(fire))?),
        }
    }

    /// Whether a fire is the first at its local time, if the clock shows that time twice.
    pub fn is_first_of_two(&self, fire: Timestamp) -> Option<bool> {
        match &self.rule {
            Rule::Every(_) => return None,
            Rule::At(_) | Rule::Local(_) => {}
        }
        let shown = self.zone.to_offset(fire);
        match self
            .zone
            .to_ambiguous_timestamp(shown.to_datetime(fire))
            .offset()
        {
            AmbiguousOffset::Fold { before, .. } => Some(shown == before),
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Gap { .. } => None,
        }
    }

    /// The date from which a calendar moved a fire; the nearest if several were moved together.
    pub fn moved_from(&self, fire: Timestamp) -> Option<Date> {
        let fire = second(fire);
        let reading = match self.meant_reading(fire) {
            Some(reading) => reading,
            None => fire + self.offset(fire)?,
        };
        let day = self.fields()?.moved_from(reading.div_euclid(DAY))?;
        Some(reading_date_time(day * DAY)?.date())
    }

    fn meant_reading(&self, fire: i64) -> Option<i64> {
        self.fires(self.fields()?).made_up_at(fire)
    }

    fn offset(&self, instant: i64) -> Option<i64> {
        let offset: Offset = self.zone.to_offset(Timestamp::from_second(instant).ok()?);
        Some(offset.seconds().into())
    }

    fn fields(&self) -> Option<&Fields> {
        match &self.rule {
            Rule::Local(fields) => Some(fields),
            Rule::At(_) | Rule::Every(_) => None,
        }
    }
}

fn reading_date_time(reading: i64) -> Option<DateTime> {
    let (days, seconds) = (reading.div_euclid(DAY), reading.rem_euclid(DAY));
    let epoch = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
    let days = i32::try_from(days).ok()?;
    epoch.checked_add(days.days().seconds(seconds)).ok()
}
