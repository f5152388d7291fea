//! What becomes of a state in which nothing goes wrong any more: one controller, a clock that goes
//! right, views that are true, pods that end.

use super::{
    config::Config,
    controllers::Controllers,
    real::{Moment, View},
    server::{Action, Request},
    state::{Decision, Phase, Run, State},
};

/// So many rounds are far more than any state needs.
const ROUNDS: usize = 60;

/// Whether the state comes to rest, with every fire decided that is due, whatever is due: nothing is
/// left to do, no run is active, none waits, and no pod is left but one that is held for a fire to come.
pub fn comes_to_rest(state: &State, controllers: &Controllers, config: &Config) -> bool {
    (0..=config.fires).all(|due| settles(state.clone(), due, controllers, config))
}

fn settles(mut state: State, due: u8, controllers: &Controllers, config: &Config) -> bool {
    // What the API server has answered since the last write.
    let mut told = vec![];
    for _ in 0..ROUNDS {
        state.normalize();
        let seen = state.pods.iter().enumerate();
        let views: Vec<_> = seen
            .map(|(uid, pod)| View {
                shown: Some(pod.phase).filter(|_| pod.exists()),
                gone: told.contains(&(uid as u8)),
                undated: false,
            })
            .collect();
        let moment = Moment {
            due,
            retry_due: true,
        };
        let steps = controllers.plan(&state.status, &state.pods, &views, moment);
        let Some(step) = steps.into_iter().next() else {
            match next_report(&state).and_then(|report| report.apply(&state, config)) {
                Some(next) => state = next,
                None => return rests(&state, due, config),
            }
            continue;
        };
        if let Request::Verify(uid) = step {
            // It asks only for what it doesn't see, and it sees what there is.
            told.push(uid);
            continue;
        }
        let Some(next) = Action::Apply(step).apply(&state, config) else {
            // A step that changes nothing would be taken again for ever.
            return false;
        };
        told.clear();
        state = next;
        if state.wrong.decided_anew || state.active_pods() > config.capacity() {
            return false;
        }
    }
    false
}

fn next_report(state: &State) -> Option<Action> {
    let mut pods = state.pods.iter().enumerate();
    pods.find_map(|(uid, pod)| match pod.phase {
        Phase::Started => Some(Action::Kubelet(uid as u8, Phase::Succeeded)),
        Phase::Stopping => Some(Action::Kubelet(uid as u8, Phase::Gone)),
        Phase::Held | Phase::Succeeded | Phase::Failed | Phase::Gone => None,
    })
}

fn rests(state: &State, due: u8, config: &Config) -> bool {
    let status = &state.status;
    let held_for_later = |run: Run| status.decision(run.fire) == Decision::None;
    status.last_fire >= due
        && (status.by_hand || !config.by_hand)
        && status.active.is_empty()
        && status.queued.is_empty()
        && state
            .pods
            .iter()
            .filter(|pod| pod.exists())
            .all(|pod| pod.phase == Phase::Held && held_for_later(pod.run))
}
