//! The protocol, checked in every state that it can get into.
//!
//! Any controller may ask for anything that `core::decide` says to a view that was ever true; what was
//! asked for is applied late, repeatedly or never; users delete pods, and clocks show anything. The only
//! bounds are the numbers of fires and of attempts. See `controllers` for who may ask for what, and
//! `server` for what becomes of it. Not in it are edits and deletions of the schedule, refused pods,
//! names that strangers have, and deadlines.
//!
//! Wrong protocols are checked by the same rules, so that it is known what they find.
//!
//! `cargo test --test model -- --nocapture --test-threads 1` shows how many states each has, and how the
//! wrong ones are broken; `make model` runs the long ones.

#[path = "model/checked.rs"]
mod checked;
#[path = "model/config.rs"]
mod config;
#[path = "model/controllers.rs"]
mod controllers;
#[path = "model/real.rs"]
mod real;
#[path = "model/recovery.rs"]
mod recovery;
#[path = "model/server.rs"]
mod server;
#[path = "model/state.rs"]
mod state;
#[path = "model/wrong.rs"]
mod wrong;

use std::{sync::Arc, time::Instant};

use checked::{COMES_TO_REST, Checked, DECIDED_ONCE, NOT_TOO_MANY, STARTS_ONCE};
use config::{Config, Policy, Protocol};
use controllers::Controllers;
use stateright::{Checker, Model};

/// Each wrong protocol is found out in fewer steps.
const DEEPEST: usize = 14;

fn ours(policy: Policy, fires: u8, retries: u8) -> Config {
    Config {
        protocol: Protocol::Ours,
        policy,
        fires,
        retries,
        by_hand: false,
        catches_up: false,
    }
}

fn by_hand(config: Config) -> Config {
    Config {
        by_hand: true,
        ..config
    }
}

fn catches_up(config: Config) -> Config {
    Config {
        catches_up: true,
        ..config
    }
}

fn wrong(protocol: Protocol) -> Config {
    Config {
        protocol,
        ..ours(Policy::Forbid, 2, 0)
    }
}

/// Goes through every state, and finds nothing.
#[track_caller]
fn holds(config: Config) {
    let begun = Instant::now();
    let controllers = Arc::new(Controllers::new(config));
    let model = Checked::new(config, &controllers);
    let checker = model.checker().threads(2).spawn_bfs().join();
    println!(
        "{config:?}: {} states, {} transitions, depth {}, {} views decided on, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        controllers.decided(),
        begun.elapsed().as_secs_f64(),
    );
    checker.assert_properties();
}

/// Finds a shortest way to break this property.
#[track_caller]
fn breaks(config: Config, property: &'static str) {
    let controllers = Arc::new(Controllers::new(config));
    for depth in 1..DEEPEST {
        let checker = Checked::new(config, &controllers).checker();
        let checker = checker.target_max_depth(depth + 1).spawn_bfs().join();
        let Some(path) = checker.discovery(property) else {
            continue;
        };
        let states = checker.unique_state_count();
        println!("{config:?}: within {states} states, \"{property}\" is broken by:");
        for action in path.into_actions() {
            println!("  {action:?}");
        }
        return;
    }
    panic!("{config:?}: \"{property}\" was not broken");
}

#[test]
fn forbid_holds_for_three_fires() {
    holds(ours(Policy::Forbid, 3, 0));
}

#[test]
fn queue_holds_for_three_fires() {
    holds(ours(Policy::Queue, 3, 0));
}

#[test]
fn replace_holds_for_three_fires() {
    holds(ours(Policy::Replace, 3, 0));
}

#[test]
fn allow_holds_for_three_fires() {
    holds(ours(Policy::Allow, 3, 0));
}

#[test]
fn forbid_holds_with_a_second_attempt() {
    holds(ours(Policy::Forbid, 2, 1));
}

#[test]
fn queue_holds_with_a_second_attempt() {
    holds(ours(Policy::Queue, 2, 1));
}

#[test]
fn replace_holds_with_a_second_attempt() {
    holds(ours(Policy::Replace, 2, 1));
}

#[test]
fn forbid_holds_while_missed_fires_run_one_after_the_other() {
    holds(catches_up(ours(Policy::Forbid, 3, 0)));
}

#[test]
fn queue_holds_while_missed_fires_run_one_after_the_other() {
    holds(catches_up(ours(Policy::Queue, 3, 0)));
}

#[test]
fn replace_holds_while_missed_fires_run_one_after_the_other() {
    holds(catches_up(ours(Policy::Replace, 3, 0)));
}

#[test]
fn forbid_holds_with_a_run_by_hand() {
    holds(by_hand(ours(Policy::Forbid, 2, 0)));
}

#[test]
fn queue_holds_with_a_run_by_hand() {
    holds(by_hand(ours(Policy::Queue, 2, 0)));
}

#[test]
fn replace_holds_with_a_run_by_hand() {
    holds(by_hand(ours(Policy::Replace, 2, 0)));
}

#[test]
fn allow_holds_with_a_run_by_hand() {
    holds(by_hand(ours(Policy::Allow, 2, 0)));
}

#[test]
#[ignore = "takes minutes: make model"]
fn forbid_holds_with_a_second_attempt_and_a_run_by_hand() {
    holds(by_hand(ours(Policy::Forbid, 2, 1)));
}

#[test]
#[ignore = "takes minutes: make model"]
fn queue_holds_with_a_second_attempt_and_a_run_by_hand() {
    holds(by_hand(ours(Policy::Queue, 2, 1)));
}

#[test]
#[ignore = "takes minutes: make model"]
fn replace_holds_with_a_second_attempt_and_a_run_by_hand() {
    holds(by_hand(ours(Policy::Replace, 2, 1)));
}

#[test]
fn a_name_is_no_lock_against_a_second_start() {
    breaks(wrong(Protocol::NameAsLock), STARTS_ONCE);
}

#[test]
fn a_name_per_fire_is_no_lock_against_two_at_once() {
    breaks(wrong(Protocol::NameAsLock), NOT_TOO_MANY);
}

#[test]
fn one_name_for_all_fires_is_no_lock_against_a_second_start() {
    breaks(wrong(Protocol::ConstantName), STARTS_ONCE);
}

#[test]
fn a_claim_does_not_hold_back_a_late_create() {
    breaks(wrong(Protocol::ClaimThenCreate), STARTS_ONCE);
}

#[test]
fn a_claim_does_not_keep_a_late_create_from_the_next_run() {
    breaks(wrong(Protocol::ClaimThenCreate), NOT_TOO_MANY);
}

#[test]
fn a_claim_without_a_version_decides_a_fire_again() {
    breaks(wrong(Protocol::ClaimWithoutVersion), DECIDED_ONCE);
}

#[test]
fn a_claim_without_a_version_starts_two_at_once() {
    breaks(wrong(Protocol::ClaimWithoutVersion), NOT_TOO_MANY);
}

#[test]
fn a_release_without_uid_starts_a_pod_that_was_made_late() {
    breaks(wrong(Protocol::ReleaseWithoutUid), STARTS_ONCE);
}

#[test]
fn absence_from_a_cache_is_no_evidence() {
    breaks(wrong(Protocol::AbsenceIsEvidence), NOT_TOO_MANY);
}

#[test]
fn without_sweeping_a_pod_is_held_for_ever() {
    breaks(wrong(Protocol::NeverSweeps), COMES_TO_REST);
}

#[test]
fn without_finishing_a_run_is_active_for_ever() {
    breaks(wrong(Protocol::NeverFinishes), COMES_TO_REST);
}
