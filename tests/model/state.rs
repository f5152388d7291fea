//! A state of the model: what the API server holds, and what was ever asked of it.
//!
//! It is as small as the protocol allows, and in one form only: uids are places in a sorted list, and a
//! pod that is gone and that nobody can name any more is forgotten.

/// An attempt at a fire; both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Run {
    pub fire: u8,
    pub attempt: u8,
}

/// Stands for the fire of a run that is asked for by hand.
pub const BY_HAND: u8 = 5;

/// The most attempts that a set of runs has room for.
const ATTEMPTS: u8 = 3;

impl Run {
    pub fn first(fire: u8) -> Self {
        Self { fire, attempt: 1 }
    }

    /// Its place in a set of runs.
    fn bit(self) -> u16 {
        assert!(self.fire <= BY_HAND && self.attempt <= ATTEMPTS);
        1 << ((self.fire - 1) * ATTEMPTS + self.attempt - 1)
    }
}

/// A set of runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Runs(u16);

impl Runs {
    pub fn insert(&mut self, run: Run) {
        self.0 |= run.bit();
    }

    pub fn has(self, run: Run) -> bool {
        self.0 & run.bit() != 0
    }

    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn iter(self) -> impl Iterator<Item = Run> {
        let runs =
            (1..=BY_HAND).flat_map(|fire| (1..=ATTEMPTS).map(move |attempt| Run { fire, attempt }));
        runs.filter(move |&run| self.has(run))
    }
}

/// How far a pod is. What has lost its gate counts as started: the kubelet may be as quick as that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    Held,
    Started,
    /// Started, and asked to stop.
    Stopping,
    Succeeded,
    Failed,
    Gone,
}

impl Phase {
    /// Those in which a cache can show a pod.
    pub const SHOWN: [Self; 5] = [
        Self::Held,
        Self::Started,
        Self::Stopping,
        Self::Succeeded,
        Self::Failed,
    ];

    pub fn ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }

    /// Whether its containers may be running.
    pub fn active(self) -> bool {
        matches!(self, Self::Started | Self::Stopping)
    }
}

/// One pod; its uid is its place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pod {
    pub run: Run,
    pub phase: Phase,
    /// The phases in which it was ever shown: a cache may still show it so.
    past: u8,
    /// Whether its release was ever asked for.
    pub release: bool,
    /// Whether its end was ever asked for.
    pub stop: bool,
}

impl Pod {
    pub fn new(run: Run, phase: Phase) -> Self {
        let mut pod = Self {
            run,
            phase,
            past: 0,
            release: false,
            stop: false,
        };
        pod.turn(phase);
        pod
    }

    pub fn turn(&mut self, phase: Phase) {
        self.phase = phase;
        if phase == Phase::Gone {
            // No request has an effect on it any more.
            (self.release, self.stop) = (false, false);
        } else {
            self.past |= 1 << phase as u8;
        }
    }

    pub fn past(self) -> impl Iterator<Item = Phase> {
        let shown = Phase::SHOWN.into_iter();
        shown.filter(move |&phase| self.past & (1 << phase as u8) != 0)
    }

    pub fn exists(self) -> bool {
        self.phase != Phase::Gone
    }

    /// What can be seen of it: without what was asked for.
    pub fn visible(self) -> Self {
        Self {
            release: false,
            stop: false,
            ..self
        }
    }
}

/// What an active run is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    Claimed,
    /// It shall stop.
    Stopping,
    /// The attempt has failed, the next one is to come.
    Retrying,
    /// The attempt has failed, and the next one shall not come.
    GivenUp,
}

/// An entry of `status.active`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Active {
    pub run: Run,
    /// The place of its pod; `None` where a wrong protocol claims before there is a pod.
    pub uid: Option<u8>,
    pub stage: Stage,
    /// Whether a later fire was due when it was claimed: only where missed fires run one after the other.
    pub late: bool,
}

/// The status, without what only people read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Status {
    /// 0 before the first.
    pub last_fire: u8,
    /// Whether the run that is asked for by hand is decided.
    pub by_hand: bool,
    pub active: Vec<Active>,
    pub queued: Vec<u8>,
}

/// What a status says of a fire, in the order in which it may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    None,
    Queued,
    Active(u8, Stage),
    Over,
}

impl Status {
    pub fn decision(&self, fire: u8) -> Decision {
        if let Some(active) = self.active.iter().find(|active| active.run.fire == fire) {
            Decision::Active(active.run.attempt, active.stage)
        } else if self.queued.contains(&fire) {
            Decision::Queued
        } else {
            let decided = match fire {
                BY_HAND => self.by_hand,
                _ => fire <= self.last_fire,
            };
            match decided {
                true => Decision::Over,
                false => Decision::None,
            }
        }
    }

    pub fn names(&self, uid: usize) -> bool {
        self.active
            .iter()
            .any(|active| active.uid == Some(uid as u8))
    }

    /// Whether a claim of this run may still come.
    pub fn awaits(&self, run: Run) -> bool {
        match self.decision(run.fire) {
            Decision::None | Decision::Queued => run.attempt == 1,
            Decision::Active(attempt, _) => run.attempt > attempt,
            Decision::Over => false,
        }
    }
}

/// A write of the status.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Record {
    pub to: Status,
    /// The fires, one bit each, that it says got no run.
    pub skipped: u8,
}

impl Record {
    pub fn skips(&self, fire: u8) -> bool {
        self.skipped & (1 << fire) != 0
    }
}

/// What must never happen and can't be seen in the objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Wrong {
    /// A run was started that had been started before.
    pub started_twice: bool,
    /// A fire that was decided was decided again, or one passed without a decision.
    pub decided_anew: bool,
}

/// A state of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct State {
    pub status: Status,
    pub pods: Vec<Pod>,
    /// The runs for which a pod was ever asked for.
    pub asked: Runs,
    /// The runs whose release was ever asked for by name: only where that is the (wrong) protocol.
    pub released: Runs,
    /// The status writes that were ever asked for: only where they are (wrongly) not bound to a version.
    pub late: Vec<Record>,
    /// The runs that were ever started.
    pub started: Runs,
    pub wrong: Wrong,
}

impl State {
    pub fn active_pods(&self) -> usize {
        self.pods.iter().filter(|pod| pod.phase.active()).count()
    }

    /// Brings it into its one form.
    pub fn normalize(&mut self) {
        let named_late = |uid| self.late.iter().any(|record| record.to.names(uid));
        let kept = |(uid, pod): &(usize, Pod)| {
            pod.exists()
                || self.status.names(*uid)
                || self.status.awaits(pod.run)
                || named_late(*uid)
        };
        let mut pods: Vec<_> = self.pods.iter().copied().enumerate().filter(kept).collect();
        pods.sort_by_key(|&(uid, pod)| (pod, self.status.names(uid), uid));
        // Of two that are gone and look alike, it makes no difference which one is claimed by mistake.
        let free = |uid| !self.status.names(uid) && !named_late(uid);
        pods.dedup_by(|b, a| a.1 == b.1 && !a.1.exists() && free(a.0) && free(b.0));
        let place = |uid: u8| {
            let place = pods.iter().position(|&(before, _)| before == uid as usize);
            place.expect("a pod that is named is kept") as u8
        };
        let move_uids = |status: &mut Status| {
            for active in &mut status.active {
                active.uid = active.uid.map(place);
            }
        };
        move_uids(&mut self.status);
        self.late
            .iter_mut()
            .for_each(|record| move_uids(&mut record.to));
        self.late.sort();
        self.pods = pods.into_iter().map(|(_, pod)| pod).collect();
    }
}
