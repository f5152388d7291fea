//! What controllers may ask for, whoever they are and however old their views.
//!
//! A view is put together from what was ever true: each pod as it is or as it ever was or not at all,
//! and any time on the clock. So nothing needs to be said of which controller has it. Two of them, or
//! a hundred, or one that has crashed and begun anew, ask for nothing that isn't in this set; and what
//! was asked for stays in the state for ever, to be applied late, again, or never.
//!
//! Three things are left out because they are covered:
//!
//! - An old status beside newer pods. Its writes are refused, for another version is there. What it
//!   releases and stops are pods that it names; those were there before it was written, and so could
//!   be asked for when it was. What it prepares needs no pods. Only which pods it sweeps and collects
//!   may be new; so any held pod may be swept and any ended one collected, at any time.
//! - A pod that the watch has lost while the API server still has it: it is asked for, found, and
//!   treated as what it was when it was found.
//! - A write that changes only what people read: to others it is a conflict, as if theirs never came.

use std::{collections::HashMap, hash::Hash, sync::Mutex};

use super::{
    config::{Config, Protocol},
    real::{Moment, Real, View},
    server::Request,
    state::{Phase, Pod, Record, Runs, Stage, State, Status},
    wrong,
};

/// What one controller decides on.
type Sight = (Status, Vec<(Pod, View)>, Moment);

/// All that may be asked for, of what there is.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Good for the present version of the status.
    pub records: Vec<Record>,
    pub prepares: Runs,
    /// Uids.
    pub releases: Vec<u8>,
    pub stops: Vec<u8>,
}

/// The controllers, with what was already worked out.
pub struct Controllers {
    config: Config,
    real: Real,
    asked: Known<(Status, Vec<Pod>), Asked>,
    plans: Known<Sight, Vec<Request>>,
}

impl Controllers {
    pub fn new(config: Config) -> Self {
        Self {
            config,
            real: Real::new(&config),
            asked: Known::default(),
            plans: Known::default(),
        }
    }

    /// All that any controller may ask for in this state.
    pub fn asked(&self, state: &State) -> Asked {
        let pods: Vec<_> = state.pods.iter().map(|pod| pod.visible()).collect();
        let key = (state.status.clone(), pods);
        self.asked.get(&key, || {
            if self.config.decides() {
                self.every_view(&key.0, &key.1)
            } else {
                wrong::asked(&self.config, &key.0, &key.1)
            }
        })
    }

    /// Adds what may be asked for now to what was asked for before.
    pub fn ask(&self, state: &mut State) {
        let asked = self.asked(state);
        state.asked = state.asked.union(asked.prepares);
        for uid in asked.releases {
            state.pods[uid as usize].release = state.pods[uid as usize].exists();
            if self.config.protocol == Protocol::ReleaseWithoutUid {
                state.released.insert(state.pods[uid as usize].run);
            }
        }
        for uid in asked.stops {
            state.pods[uid as usize].stop = state.pods[uid as usize].exists();
        }
        if self.config.protocol == Protocol::ClaimWithoutVersion {
            state.late.extend(asked.records);
            state.late.sort();
            state.late.dedup();
        }
    }

    /// How many different views were decided on.
    pub fn decided(&self) -> usize {
        self.plans.len()
    }

    /// What one controller asks for.
    pub fn plan(
        &self,
        status: &Status,
        pods: &[Pod],
        views: &[View],
        moment: Moment,
    ) -> Vec<Request> {
        let seen = pods.iter().zip(views).map(|(pod, view)| {
            let pod = Pod::new(pod.run, Phase::Held);
            (pod, *view)
        });
        let key = (status.clone(), seen.collect(), moment);
        self.plans.get(&key, || {
            let mut plan = self.real.plan(status, pods, views, moment);
            plan.retain(|request| !wrong::leaves_out(&self.config, status, request));
            plan
        })
    }

    /// Every way to see the pods that are claimed or may yet be; the others are seen as they are, or
    /// not at all, for they should make no difference.
    fn every_view(&self, status: &Status, pods: &[Pod]) -> Asked {
        let waits = status.active.iter().any(|run| run.stage == Stage::Retrying);
        let mut asked = Asked::default();
        for others in [false, true] {
            let views_of = |(uid, pod): (usize, &Pod)| {
                if status.names(uid) || status.awaits(pod.run) {
                    self.views_of(status, *pod, uid)
                } else {
                    let shown = Some(pod.phase).filter(|_| others && pod.exists());
                    vec![View {
                        shown,
                        ..View::default()
                    }]
                }
            };
            let views: Vec<_> = pods.iter().enumerate().map(views_of).collect();
            let choices = choices(&views);
            for due in 0..=self.config.fires {
                for retry_due in [true, false].into_iter().filter(|&due| due || waits) {
                    let moment = Moment { due, retry_due };
                    for view in &choices {
                        for request in self.plan(status, pods, view, moment) {
                            asked.add(request);
                        }
                    }
                }
            }
        }
        asked
    }

    /// All that a controller may know of one pod.
    fn views_of(&self, status: &Status, pod: Pod, uid: usize) -> Vec<View> {
        let mut shown = vec![View::default()];
        for phase in pod.past() {
            for undated in [false, true] {
                // Only of an active run it matters when it ended.
                if !undated || phase.ended() && status.names(uid) {
                    shown.push(View {
                        shown: Some(phase),
                        undated,
                        gone: false,
                    });
                }
            }
        }
        let believes = self.config.protocol == Protocol::AbsenceIsEvidence;
        let mut views = shown.clone();
        if status.names(uid) {
            // Only the pods of active runs are asked for.
            let gone = shown.into_iter().map(|view| View { gone: true, ..view });
            views.extend(gone.filter(|view| !pod.exists() || believes && view.shown.is_none()));
        }
        views
    }
}

impl Asked {
    fn add(&mut self, request: Request) {
        fn once<T: PartialEq>(list: &mut Vec<T>, item: T) {
            if !list.contains(&item) {
                list.push(item);
            }
        }
        match request {
            Request::Prepare(run) => self.prepares.insert(run),
            Request::Record(record) => once(&mut self.records, record),
            Request::Release(uid) => once(&mut self.releases, uid),
            Request::Stop(uid) => once(&mut self.stops, uid),
            // They may be applied at any time anyway.
            Request::Sweep(_) | Request::Collect(_) => {}
            // The answer is in a view.
            Request::Verify(_) => {}
            Request::Start(_) | Request::ReleaseByName(_) => {
                unreachable!("only wrong protocols ask for this, and by other ways")
            }
        }
    }
}

/// Every way to take one of each.
fn choices(of: &[Vec<View>]) -> Vec<Vec<View>> {
    of.iter().fold(vec![Vec::new()], |chosen, next| {
        let longer = chosen.iter().flat_map(|before: &Vec<View>| {
            next.iter().map(move |&one| {
                let mut longer = before.clone();
                longer.push(one);
                longer
            })
        });
        longer.collect()
    })
}

/// What was worked out, by what it was worked out from.
pub struct Known<K, V>(Mutex<HashMap<K, V>>);

impl<K, V> Default for Known<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Known<K, V> {
    /// Another thread may work out the same meanwhile: it comes to the same.
    pub fn get(&self, key: &K, work_out: impl FnOnce() -> V) -> V {
        if let Some(known) = self.0.lock().unwrap().get(key) {
            return known.clone();
        }
        let found = work_out();
        self.0.lock().unwrap().insert(key.clone(), found.clone());
        found
    }

    /// How much was worked out.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}
