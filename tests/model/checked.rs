//! The model as the checker takes it: states, what happens in them, and what must be true of them.

use std::sync::Arc;

use stateright::{Model, Property};

use super::{
    config::{Config, Policy, Protocol},
    controllers::{Controllers, Known},
    recovery,
    server::{Action, Request},
    state::{Phase, Pod, Run, Stage, State, Status},
};

pub const STARTS_ONCE: &str = "a run starts at most once";
pub const NOT_TOO_MANY: &str = "never more runs are active than may be";
pub const DECIDED_ONCE: &str = "a fire is decided once";
pub const COMES_TO_REST: &str = "without faults, every fire is decided and all comes to rest";

/// A model to be checked.
pub struct Checked {
    pub config: Config,
    pub controllers: Arc<Controllers>,
    rest: Known<(Status, Vec<Pod>), bool>,
}

impl Checked {
    /// The controllers may be those of an earlier model: they know more then.
    pub fn new(config: Config, controllers: &Arc<Controllers>) -> Self {
        Self {
            config,
            controllers: controllers.clone(),
            rest: Known::default(),
        }
    }

    fn comes_to_rest(&self, state: &State) -> bool {
        if !self.config.decides() {
            return true;
        }
        // What was asked for plays no part: it is never applied.
        let faultless = State {
            status: state.status.clone(),
            pods: state.pods.iter().map(|pod| pod.visible()).collect(),
            ..State::default()
        };
        let key = (faultless.status.clone(), faultless.pods.clone());
        self.rest.get(&key, || {
            recovery::comes_to_rest(&faultless, &self.controllers, &self.config)
        })
    }
}

impl Model for Checked {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = State::default();
        self.controllers.ask(&mut state);
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let create = match self.config.decides() {
            true => Request::Prepare,
            false => Request::Start,
        };
        let mut requests: Vec<_> = state.asked.iter().map(create).collect();
        requests.extend(state.released.iter().map(Request::ReleaseByName));
        // A write that was decided from another version than the present one is refused.
        let records = match self.config.protocol {
            Protocol::ClaimWithoutVersion => state.late.clone(),
            _ => self.controllers.asked(state).records,
        };
        requests.extend(records.into_iter().map(Request::Record));
        actions.extend(requests.into_iter().map(Action::Apply));
        for (uid, pod) in (0..).zip(&state.pods) {
            let requests = [
                pod.release.then_some(Request::Release(uid)),
                pod.stop.then_some(Request::Stop(uid)),
                (pod.phase == Phase::Held).then_some(Request::Sweep(uid)),
                pod.phase.ended().then_some(Request::Collect(uid)),
            ];
            actions.extend(requests.into_iter().flatten().map(Action::Apply));
            if pod.phase.active() {
                actions.push(Action::Kubelet(uid, Phase::Succeeded));
                actions.push(Action::User(uid));
            }
            if pod.phase.active() && self.config.retries > 0 {
                actions.push(Action::Kubelet(uid, Phase::Failed));
            }
            if pod.phase == Phase::Stopping {
                actions.push(Action::Kubelet(uid, Phase::Gone));
            }
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = action.apply(state, &self.config)?;
        next.normalize();
        self.controllers.ask(&mut next);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(STARTS_ONCE, |_, state: &State| !state.wrong.started_twice),
            Property::always(NOT_TOO_MANY, |model: &Self, state: &State| {
                state.active_pods() <= model.config.capacity()
            }),
            Property::always(DECIDED_ONCE, |_, state: &State| !state.wrong.decided_anew),
            Property::always(COMES_TO_REST, Self::comes_to_rest),
        ];
        if self.config.protocol == Protocol::Ours {
            properties.extend(self.what_happens());
        }
        properties
    }
}

impl Checked {
    /// What must be possible, lest a model in which nothing happens be a good one.
    fn what_happens(&self) -> Vec<Property<Self>> {
        let mut happens = vec![
            Property::sometimes("every fire gets a run", |model: &Self, state: &State| {
                model
                    .config
                    .all_fires()
                    .all(|fire| state.started.has(Run::first(fire)))
            }),
            Property::sometimes("every fire is skipped", |model: &Self, state: &State| {
                state.status.last_fire == model.config.fires
                    && state.started.iter().next().is_none()
            }),
            Property::sometimes("a run is stopped", |_, state: &State| {
                state.pods.iter().any(|pod| pod.phase == Phase::Stopping)
            }),
            Property::sometimes(
                "what is claimed is gone before it starts",
                |_, state: &State| {
                    state.pods.iter().enumerate().any(|(uid, pod)| {
                        state.status.names(uid) && !pod.exists() && !state.started.has(pod.run)
                    })
                },
            ),
            Property::sometimes(
                "a pod of a decided fire is made late",
                |_, state: &State| {
                    state.status.last_fire > 0
                        && state.status.active.is_empty()
                        && state
                            .pods
                            .iter()
                            .any(|pod| pod.phase == Phase::Held && state.started.has(pod.run))
                },
            ),
        ];
        if self.config.retries > 0 {
            happens.push(Property::sometimes(
                "a second attempt starts",
                |_, state: &State| state.started.iter().any(|run| run.attempt == 2),
            ));
        }
        if self.config.catches_up {
            happens.push(Property::sometimes(
                "a run is claimed while a later fire is due",
                |_, state: &State| state.status.active.iter().any(|run| run.late),
            ));
        }
        match self.config.policy {
            Policy::Forbid => {}
            Policy::Queue => happens
                .push(Property::sometimes("a fire waits", |_, state: &State| {
                    !state.status.queued.is_empty()
                })),
            Policy::Replace => happens.push(Property::sometimes(
                "a run is replaced",
                |_, state: &State| {
                    let active = &state.status.active;
                    active.iter().any(|run| run.stage == Stage::Stopping)
                },
            )),
            Policy::Allow => happens.push(Property::sometimes(
                "two runs are active",
                |_, state: &State| state.active_pods() == 2,
            )),
        }
        happens
    }
}
