//! Ranges of a field whose values are a ring: they may run over its end, and Sunday is both ends.

use super::field::{DAY_OF_WEEK, Reader, YEAR};

impl Reader {
    /// Writes a range as one or two that do not wrap around; refuses one that the dialect does not
    /// wrap.
    pub(super) fn spans(
        &self,
        from: u32,
        to: u32,
        step: u32,
        items: &mut Vec<String>,
    ) -> Result<(), ()> {
        let (min, max) = (self.field.min, self.max());
        let backwards = from > to;
        let (from, to) = self.unwound(from, to);
        if backwards && (!self.rules.wrap || self.field.name == YEAR.name) {
            return Err(());
        }
        if from <= to {
            items.push(self.span(from, to, step));
            return Ok(());
        }
        items.push(self.span(from, max, step));
        // The steps go on over the end as if the values were a ring: 22-2/3 is 22 and 1.
        let over = (step - 1) - (max - from) % step;
        if over <= to - min {
            items.push(self.span(min + over, to, step));
        }
        Ok(())
    }

    /// A range in which Sunday is 0: as 7 it can only be the end of one (1-7) or, alone or as its
    /// start, is 0.
    pub(super) fn unwound(&self, from: u32, to: u32) -> (u32, u32) {
        let (min, max) = (self.field.min, self.max());
        match (from > max, to > max) {
            (false, true) if from == min => (from, max),
            (false, true) => (from, min),
            (true, true) => (min, min),
            (true, false) => (min, to),
            (false, false) => (from, to),
        }
    }

    /// How many values a range has, which may run over the field's end.
    pub(super) fn values(&self, (from, to): (u32, u32)) -> u32 {
        match to.checked_sub(from) {
            Some(more) => more + 1,
            None => self.all_values() + 1 - (from - to),
        }
    }

    pub(super) fn all_values(&self) -> u32 {
        self.max() - self.field.min + 1
    }

    /// One range in the `cron` crate's dialect, which refuses steps that leave the field.
    fn span(&self, from: u32, to: u32, step: u32) -> String {
        let shift = u32::from(self.field.name == DAY_OF_WEEK.name);
        let (from, to) = (from + shift, to + shift);
        match step {
            _ if step > to - from => from.to_string(),
            1 => format!("{from}-{to}"),
            _ => format!("{from}-{to}/{step}"),
        }
    }
}
