//! What the API server does with a request, by its own rules; and what kubelets and users do.

use super::{
    config::Config,
    state::{Decision, Phase, Pod, Record, Run, Stage, State, Status},
};

/// A request. A pod's uid is its place in the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// Create a pod with our gate.
    Prepare(Run),
    /// Create a pod without: only wrong protocols do.
    Start(Run),
    /// Write the status, at the version from which that was decided.
    Record(Record),
    /// Take the gate away from the pod with this uid.
    Release(u8),
    /// Take the gate away from whichever pod has the name: only a wrong protocol does.
    ReleaseByName(Run),
    Stop(u8),
    Sweep(u8),
    Collect(u8),
    Verify(u8),
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A request that was issued some time ago is applied.
    Apply(Request),
    /// The kubelet reports.
    Kubelet(u8, Phase),
    /// A user deletes a pod.
    User(u8),
}

impl Action {
    /// The state after it; `None` if it is refused or changes nothing.
    pub fn apply(self, state: &State, config: &Config) -> Option<State> {
        let mut next = state.clone();
        let done = match self {
            Self::Apply(request) => next.request(request, config),
            Self::Kubelet(uid, phase) => next.report(uid, phase),
            Self::User(uid) => next.delete(uid),
        };
        done.then_some(next)
    }
}

impl State {
    fn request(&mut self, request: Request, config: &Config) -> bool {
        match request {
            Request::Prepare(run) => self.create(run, Phase::Held, config),
            Request::Start(run) => {
                let created = self.create(run, Phase::Started, config);
                if created {
                    self.start(run);
                }
                created
            }
            // That it is decided from the present version is seen to where it is taken from.
            Request::Record(record) => {
                self.wrong.decided_anew |= !follows(&self.status, &record, config);
                let changed = self.status != record.to;
                self.status = record.to;
                changed
            }
            Request::Release(uid) => self.release(uid as usize),
            Request::ReleaseByName(run) => {
                let named = |pod: &Pod| pod.exists() && config.same_name(pod.run, run);
                let uid = self.pods.iter().position(named);
                uid.is_some_and(|uid| self.release(uid))
            }
            Request::Stop(uid) => self.delete(uid),
            // It names the version of the pod while it was held.
            Request::Sweep(uid) => self.pods[uid as usize].phase == Phase::Held && self.delete(uid),
            Request::Collect(uid) => self.delete(uid),
            Request::Verify(_) => false,
        }
    }

    fn create(&mut self, run: Run, phase: Phase, config: &Config) -> bool {
        let mut existing = self.pods.iter().filter(|pod| pod.exists());
        let taken = existing.any(|pod| config.same_name(pod.run, run));
        if !taken {
            self.pods.push(Pod::new(run, phase));
        }
        !taken
    }

    fn release(&mut self, uid: usize) -> bool {
        let Pod { run, phase, .. } = self.pods[uid];
        let held = phase == Phase::Held;
        if held {
            self.pods[uid].turn(Phase::Started);
            self.start(run);
        }
        held
    }

    fn start(&mut self, run: Run) {
        self.wrong.started_twice |= self.started.has(run);
        self.started.insert(run);
    }

    /// Deletes a pod: one that runs gets its grace, others are gone at once.
    fn delete(&mut self, uid: u8) -> bool {
        let pod = &mut self.pods[uid as usize];
        let phase = match pod.phase {
            Phase::Held | Phase::Succeeded | Phase::Failed => Phase::Gone,
            Phase::Started => Phase::Stopping,
            Phase::Stopping | Phase::Gone => return false,
        };
        pod.turn(phase);
        true
    }

    fn report(&mut self, uid: u8, phase: Phase) -> bool {
        let pod = &mut self.pods[uid as usize];
        let can = match phase {
            Phase::Succeeded | Phase::Failed => pod.phase.active(),
            Phase::Gone => pod.phase == Phase::Stopping,
            Phase::Held | Phase::Started | Phase::Stopping => false,
        };
        if can {
            pod.turn(phase);
        }
        can
    }
}

/// Whether a record says of each fire what may be said after what the status says: what is undecided
/// or waits gets a run or a reason why not, once; and nothing goes back. So no status ever comes again,
/// which is why the model needs no number to tell versions apart.
fn follows(before: &Status, record: &Record, config: &Config) -> bool {
    use Decision::{Active, None, Over, Queued};
    config.all_fires().all(|fire| {
        let skips = record.skips(fire);
        match (before.decision(fire), record.to.decision(fire)) {
            // A claim may carry its own end, if what replaces it is decided in the same write.
            (None, None)
            | (None | Queued, Queued | Active(1, Stage::Claimed | Stage::Stopping)) => !skips,
            (None | Queued, Over) => skips,
            (was @ Active(..), is @ (Active(..) | Over)) => was <= is && !skips,
            (Over, Over) => !skips,
            _ => false,
        }
    })
}
