//! The protocol on a real API server: whatever stops, breaks, arrives late or comes from elsewhere,
//! a fire starts at most one run, no two runs overlap, and no fire is lost.
//!
//! Run with `cargo test --test cluster_protocol`, on the cluster that `KUBECONFIG` names.

mod cluster;

use cluster::{
    controller::{Controller, Killer},
    history::{History, the_judge_sees_what_is_wrong},
    place::Place,
    proxy::{Fault, Proxy, Write},
    short_run,
};
use serde_json::{Value, json};

fn main() {
    cluster::run(tests![
        the_judge_sees_what_is_wrong,
        a_stop_or_loss_at_prepare_does_no_harm,
        a_stop_or_loss_at_claim_does_no_harm,
        a_stop_or_loss_at_release_does_no_harm,
        a_stop_or_loss_at_finish_does_no_harm,
        a_stop_or_loss_at_collect_does_no_harm,
    ])
}

async fn a_stop_or_loss_at_prepare_does_no_harm() {
    survives(Write::Prepare).await;
}

async fn a_stop_or_loss_at_claim_does_no_harm() {
    survives(Write::Claim).await;
}

async fn a_stop_or_loss_at_release_does_no_harm() {
    survives(Write::Release).await;
}

async fn a_stop_or_loss_at_finish_does_no_harm() {
    survives(Write::Finish).await;
}

async fn a_stop_or_loss_at_collect_does_no_harm() {
    survives(Write::Collect).await;
}

/// Fires every second, and keeps the pod of one run, so that each run is followed by a deletion.
async fn every_second() -> Value {
    json!({
        "schedule": "* * * * * *",
        "successfulRunsHistoryLimit": 1,
        "template": short_run(100).await,
    })
}

async fn start_behind(place: &Place, proxy: &Proxy) -> Controller {
    let kubeconfig = proxy.kubeconfig();
    let kubeconfig = kubeconfig.to_str().expect("a plain path");
    Controller::start_with(place, &["--kubeconfig", kubeconfig]).await
}

/// Does everything to one kind of write that can happen to it, one after the other, and judges what
/// became of the fires.
async fn survives(write: Write) {
    let place = Place::new("faults").await;
    let history = History::watch(&place).await;
    let proxy = Proxy::start(&place).await;
    let mut controller = start_behind(&place, &proxy).await;
    place.put("beat", every_second().await).await;
    let mut ended = place.until_ended("beat", 2).await.counts;

    let killing: [fn(Killer) -> Fault; 3] =
        [Fault::KillBefore, Fault::KillAfter, Fault::KillAndDelay];
    for fault in killing {
        let delayed = proxy.next(write, fault(controller.killer())).await;
        controller = start_behind(&place, &proxy).await;
        ended = place.until_ended("beat", ended.succeeded + 2).await.counts;
        if let Some(delayed) = delayed {
            let code = delayed.deliver().await;
            // A name, a version or an identity stands in its way. Only a pod that nobody has made
            // meanwhile can be made, and only a gate that is gone already can be taken away.
            println!("a late {write:?}: {code}");
            ended = place.until_ended("beat", ended.succeeded + 2).await.counts;
        }
    }
    for fault in [
        Fault::LoseBefore,
        Fault::LoseAfter,
        Fault::Answer(409),
        Fault::Answer(429),
        Fault::Answer(500),
        Fault::Answer(504),
        Fault::ApplyAndAnswer(504),
    ] {
        proxy.next(write, fault).await;
        ended = place.until_ended("beat", ended.succeeded + 1).await.counts;
    }
    let (runs, skips) = history.settle(&place, "beat", 1).await;
    println!("{write:?}: {runs} runs, {skips} skips");
    drop(controller);
}
