//! Protocols that are known to be wrong, so that the checker is known to find it.

use super::{
    config::{Config, Protocol},
    controllers::Asked,
    server::Request,
    state::{Active, Decision, Pod, Record, Run, Stage, Status},
};

/// All that may be asked for by one of these protocols, at any time on the clock. What `prepares`
/// names are pods that start as they are created.
pub fn asked(config: &Config, status: &Status, pods: &[Pod]) -> Asked {
    let mut asked = Asked::default();
    // A fire is due if the clock says so, and the clock may say anything.
    for fire in status.last_fire + 1..=config.fires {
        match config.protocol {
            Protocol::NameAsLock | Protocol::ConstantName => {
                start_then_tell(fire, status, pods, &mut asked)
            }
            Protocol::ClaimThenCreate if status.active.is_empty() => {
                asked.records.push(claim(fire, status));
            }
            Protocol::ClaimThenCreate => {}
            Protocol::Ours
            | Protocol::ClaimWithoutVersion
            | Protocol::ReleaseWithoutUid
            | Protocol::AbsenceIsEvidence
            | Protocol::NeverSweeps
            | Protocol::NeverFinishes => unreachable!("core::decide decides"),
        }
    }
    // What is claimed is created by anybody, and is over when its pod is seen to have ended.
    for active in &status.active {
        asked.prepares.insert(active.run);
        let ends = |pod: &Pod| pod.run == active.run && pod.past().any(|phase| phase.ended());
        if pods.iter().any(ends) {
            asked.records.push(Record {
                to: Status {
                    active: Vec::new(),
                    ..status.clone()
                },
                skipped: 0,
            });
        }
    }
    asked
}

/// Whether a protocol never asks for this, which `core::decide` asks for.
pub fn leaves_out(config: &Config, status: &Status, request: &Request) -> bool {
    let ends = |record: &Record| {
        let goes_on = |run: &Active| record.to.decision(run.run.fire) != Decision::Over;
        !status.active.iter().all(goes_on)
    };
    match (config.protocol, request) {
        (Protocol::NeverSweeps, Request::Sweep(_)) => true,
        (Protocol::NeverFinishes, Request::Record(record)) => ends(record),
        _ => false,
    }
}

/// Creates the pod if none is seen to be active, and writes down that it has been created.
fn start_then_tell(fire: u8, status: &Status, pods: &[Pod], asked: &mut Asked) {
    let run = Run::first(fire);
    // A cache that is old enough shows no pod; and none that is new enough shows one that has ended.
    asked.prepares.insert(run);
    if pods.iter().any(|pod| pod.run == run) {
        asked.records.push(Record {
            to: Status {
                last_fire: fire,
                ..status.clone()
            },
            skipped: passed(status, fire),
        });
    }
}

fn claim(fire: u8, status: &Status) -> Record {
    let active = Active {
        run: Run::first(fire),
        uid: None,
        stage: Stage::Claimed,
        late: false,
    };
    Record {
        to: Status {
            last_fire: fire,
            active: vec![active],
            ..status.clone()
        },
        skipped: passed(status, fire - 1),
    }
}

/// The fires that are decided together with a later one.
fn passed(status: &Status, up_to: u8) -> u8 {
    (status.last_fire + 1..=up_to).fold(0, |passed, fire| passed | 1 << fire)
}
