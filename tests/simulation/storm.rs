//! What goes wrong between controllers and server.

use std::time::Duration;

use super::memory::{
    Fault, Verb,
    faults::{Dice, EventFault, Faults, ReadFault},
};

/// How bad it is, and for how long.
#[derive(Clone, Debug)]
pub struct Storm {
    /// One write in so many goes wrong; none if zero.
    pub writes: u64,
    pub reads: u64,
    pub events: u64,
    /// The longest time that a write takes to arrive.
    pub latest: Duration,
}

impl Storm {
    pub fn draw(dice: &mut Dice) -> Self {
        Self {
            writes: dice.one(&[0, 40, 12, 5, 3]),
            reads: dice.one(&[0, 0, 20, 5]),
            events: dice.one(&[0, 0, 40, 8]),
            latest: Duration::from_secs(dice.one(&[1, 5, 5, 20, 20, 60, 600])),
        }
    }

    /// Whether nothing goes wrong at all.
    pub fn is_none(&self) -> bool {
        (self.writes, self.reads, self.events) == (0, 0, 0)
    }

    /// The faults of this storm while `blows` says so.
    pub fn faults(
        &self,
        dice: &mut Dice,
        blows: impl Fn() -> bool + Clone + Send + 'static,
    ) -> Faults {
        let (mut one, mut two, mut three) = (dice.fork(), dice.fork(), dice.fork());
        let (storm, still) = (self.clone(), blows.clone());
        let faults = Faults::new(
            move |_| match storm.hits(storm.writes, &mut one) && still() {
                true => storm.write(&mut one),
                false => Fault::None,
            },
        );
        let (storm, still) = (self.clone(), blows.clone());
        let faults = faults.reads(
            move |verb| match storm.hits(storm.reads, &mut two) && still() {
                true => storm.read(verb, &mut two),
                false => ReadFault::None,
            },
        );
        let storm = self.clone();
        faults.events(
            move || match storm.hits(storm.events, &mut three) && blows() {
                true => three.one(&[
                    EventFault::Dropped,
                    EventFault::Twice,
                    EventFault::Overtaken,
                    EventFault::Overtaken,
                    EventFault::Broken,
                ]),
                false => EventFault::None,
            },
        )
    }

    fn hits(&self, once_in: u64, dice: &mut Dice) -> bool {
        once_in > 0 && dice.once_in(once_in)
    }

    fn write(&self, dice: &mut Dice) -> Fault {
        let late = Duration::from_millis(dice.below(self.latest.as_millis() as u64));
        let pause = Duration::from_millis(dice.below(4_000));
        match dice.below(11) {
            0 => Fault::Before,
            1 => Fault::After,
            2 => Fault::Silence,
            3 | 4 => Fault::Late(late),
            5 => Fault::Twice(late),
            6 => Fault::Answer(dice.one(&[409, 429, 500, 503, 504])),
            7 => Fault::ApplyAndAnswer(dice.one(&[500, 504])),
            8 => Fault::CrashBefore(pause),
            _ => Fault::CrashAfter(pause),
        }
    }

    fn read(&self, verb: Verb, dice: &mut Dice) -> ReadFault {
        let stale = ReadFault::Stale(1 + dice.below(40));
        let refused = ReadFault::Answer(dice.one(&[410, 429, 500, 504]));
        match (dice.below(6), verb) {
            (0..3, Verb::List) => stale,
            (3, _) => ReadFault::Broken,
            (4, _) => ReadFault::Silence,
            _ => refused,
        }
    }
}
