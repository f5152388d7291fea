//! The protocol on a real API server: whatever stops, breaks, arrives late or comes from elsewhere,
//! a fire starts at most one run, no two runs overlap, and no fire is lost.
//!
//! Run with `cargo test --test cluster_protocol`, on the cluster that `KUBECONFIG` names.
//! No other controller may look after its namespaces meanwhile: one that is installed on the
//! cluster, or `make demo`.

mod cluster;

use cluster::{
    controller::{Controller, Killer},
    history::{History, the_judge_sees_what_is_wrong},
    place::{self, Place},
    proxy::{Fault, Proxy, Write},
    short_run, until_at_once,
};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use punctual::api::{Outcome, ScheduledContainerStatus};
use serde_json::{Value, json};

fn main() {
    cluster::run(tests![
        the_judge_sees_what_is_wrong,
        a_stop_or_loss_at_prepare_does_no_harm,
        a_stop_or_loss_at_claim_does_no_harm,
        a_stop_or_loss_at_release_does_no_harm,
        a_stop_or_loss_at_finish_does_no_harm,
        a_stop_or_loss_at_collect_does_no_harm,
        two_controllers_at_once_start_no_fire_twice,
        somebody_else_who_writes_the_status_costs_no_fire,
        a_stranger_who_has_the_name_of_a_run_keeps_it,
        a_controller_that_is_told_to_stop_stops_and_the_next_goes_on,
        a_controller_that_gets_no_answer_stops_nevertheless,
        a_run_goes_on_while_the_controller_restarts,
        the_pods_of_a_deleted_schedule_go_with_it,
        a_deleted_pod_is_a_failed_run_and_does_not_start_again,
        a_running_pod_that_loses_its_label_is_not_started_again,
        an_edited_schedule_fires_from_then_on,
        a_suspended_schedule_makes_up_for_nothing,
        an_idle_schedule_is_not_written_to,
        fires_missed_while_nobody_watched_are_counted_and_the_latest_runs,
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
            let stands_in_the_way: &[u16] = match write {
                // Its name, or what the sweep is for.
                Write::Prepare => &[409, 201],
                // Its version.
                Write::Claim | Write::Finish => &[409],
                // Nothing: the gate is gone already, or the pod.
                Write::Release => &[200, 404],
                // Its identity.
                Write::Collect => &[404, 409],
                Write::Other => &[],
            };
            assert!(
                stands_in_the_way.contains(&code),
                "a late {write:?}: {code}"
            );
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

async fn two_controllers_at_once_start_no_fire_twice() {
    let place = Place::new("two").await;
    let history = History::watch(&place).await;
    let one = Controller::start(&place, &[]).await;
    // The other is always behind: what it writes was decided long before it arrives.
    let proxy = Proxy::slow(&place, &[0, 2_500, 400, 1_200, 100]).await;
    let two = start_behind(&place, &proxy).await;
    place.put("beat", every_second().await).await;
    place.until_ended("beat", 20).await;
    let (runs, _) = history.settle(&place, "beat", 1).await;
    assert!(runs >= 20);
    let late = proxy.writes();
    assert!(late.contains(&(Write::Claim, 409)), "{late:?}");
    drop((one, two));
}

async fn somebody_else_who_writes_the_status_costs_no_fire() {
    let place = Place::new("conflict").await;
    let history = History::watch(&place).await;
    let proxy = Proxy::start(&place).await;
    let controller = start_behind(&place, &proxy).await;
    place.put("beat", every_second().await).await;
    let mut count = 0;
    let meddled = async || {
        count += 1;
        let status = json!({"status": {"lastOutcome": format!("Meddled{count}")}});
        place
            .schedules()
            .patch_status("beat", &PatchParams::default(), &Patch::Merge(status))
            .await
            .expect("anybody may write it");
        let lost = proxy.writes().contains(&(Write::Claim, 409));
        lost.then_some(())
    };
    // A conflict must come up by itself, so it is asked for as often as the API server takes it.
    until_at_once("a claim meets a conflict", meddled).await;
    // Who writes faster than anybody can read holds every claim up; after that it goes on.
    let ended = place.status("beat").await.counts.succeeded;
    place.until_ended("beat", ended + 2).await;
    history.settle(&place, "beat", 1).await;
    drop(controller);
}

async fn a_stranger_who_has_the_name_of_a_run_keeps_it() {
    let place = Place::new("stranger").await;
    let history = History::watch(&place).await;
    let mut spec = every_second().await;
    // Far enough for the stranger to come first, whatever else the machine does.
    let fire = place.in_seconds(8);
    spec["schedule"] = place::only_at(fire).into();
    let name = format!("once-{}", fire.strftime("%Y%m%d-%H%M%S"));
    let mut stranger = spec["template"].clone();
    stranger["metadata"]["name"] = name.clone().into();
    stranger["spec"]["schedulingGates"] = json!([{"name": "stranger.example/wait"}]);
    let stranger: Pod = serde_json::from_value(stranger).expect("a pod");
    let stranger = place
        .pods()
        .create(&PostParams::default(), &stranger)
        .await
        .expect("the stranger should come first");

    let controller = Controller::start(&place, &[]).await;
    place.put("once", spec).await;
    let status = place.until_ended("once", 1).await;
    let run = &status.recent_runs[0];
    assert_eq!(run.fire_time, fire);
    assert!(run.name.starts_with(&format!("{name}-")), "{}", run.name);
    assert_eq!(run.outcome, Outcome::Succeeded);
    let event = place.until_event("once", "NameTaken").await;
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    assert!(event.note.is_some_and(|note| note.contains(&name)));
    controller
        .until_record("once", "renamed", "NameTaken")
        .await;

    let after = place.pods().get(&name).await.expect("the stranger stays");
    assert_eq!(
        after.metadata.resource_version,
        stranger.metadata.resource_version
    );
    assert_eq!(history.starts("once").len(), 1);
}

async fn a_controller_that_is_told_to_stop_stops_and_the_next_goes_on() {
    let place = Place::new("restart").await;
    let history = History::watch(&place).await;
    let mut controller = Controller::start(&place, &[]).await;
    place.put("beat", every_second().await).await;
    let mut runs = 0;
    for _ in 0..4 {
        runs += 2;
        place.until_ended("beat", runs).await;
        let end = controller.terminate().await;
        assert!(end.success(), "it ended with {end}");
        controller
            .until_line("its last word", |line| line["message"] == "stopped")
            .await;
        controller = Controller::start(&place, &[]).await;
    }
    place.until_ended("beat", runs + 2).await;
    history.settle(&place, "beat", 1).await;
}

async fn a_controller_that_gets_no_answer_stops_nevertheless() {
    let place = Place::new("hang").await;
    let history = History::watch(&place).await;
    let proxy = Proxy::start(&place).await;
    let controller = start_behind(&place, &proxy).await;
    place.put("beat", every_second().await).await;
    proxy.next(Write::Release, Fault::Hang).await;
    let end = controller.terminate().await;
    assert!(end.success(), "it ended with {end}");
    controller
        .until_line("it didn't wait for the answer", |line| {
            let message = line["message"].as_str().unwrap_or_default();
            message.starts_with("stopped with requests under way")
        })
        .await;
    let controller = start_behind(&place, &proxy).await;
    place.until_ended("beat", 2).await;
    history.settle(&place, "beat", 1).await;
    drop(controller);
}

async fn a_run_goes_on_while_the_controller_restarts() {
    let place = Place::new("goes-on").await;
    let history = History::watch(&place).await;
    let controller = Controller::start(&place, &[]).await;
    let mut spec = every_second().await;
    spec["template"] = cluster::short_run(4_000).await;
    place.put("long", spec).await;
    place.until_running("long").await;
    controller.kill();
    let controller = Controller::start(&place, &[]).await;
    let status = place.until_ended("long", 1).await;
    assert_eq!(status.counts.succeeded, 1, "{status:?}");
    place.until_event("long", "StillActive").await;
    history.settle(&place, "long", 1).await;
    drop(controller);
}

async fn the_pods_of_a_deleted_schedule_go_with_it() {
    let place = Place::new("deleted").await;
    let history = History::watch(&place).await;
    let controller = Controller::start(&place, &[]).await;
    let mut spec = every_second().await;
    spec["template"] = cluster::short_run(600_000).await;
    place.put("gone", spec).await;
    place.until_running("gone").await;
    place
        .schedules()
        .delete("gone", &DeleteParams::default())
        .await
        .expect("it should be deleted");
    place
        .until_runs("gone", "its pods are gone", |pods| pods.is_empty())
        .await;
    assert_eq!(history.starts("gone").len(), 1);

    // The same name again is another schedule, whose fires nobody has decided.
    place.put("gone", every_second().await).await;
    place.until_ended("gone", 2).await;
    drop(controller);
}

async fn a_deleted_pod_is_a_failed_run_and_does_not_start_again() {
    let place = Place::new("pod-deleted").await;
    let history = History::watch(&place).await;
    let controller = Controller::start(&place, &[]).await;
    let mut spec = every_second().await;
    spec["template"] = cluster::short_run(600_000).await;
    place.put("victim", spec).await;
    for run in 1..=3 {
        let pod = place.until_running("victim").await;
        place.delete_pod(&pod).await;
        let status = place.until_ended("victim", run).await;
        let record = &status.recent_runs[0];
        assert_eq!(
            (record.name.as_str(), record.reason.as_str()),
            (pod.as_str(), "PodDeleted")
        );
    }
    controller
        .until_record("victim", "failed", "PodDeleted")
        .await;
    assert!(history.starts("victim").len() >= 3);
}

async fn a_running_pod_that_loses_its_label_is_not_started_again() {
    let place = Place::new("label").await;
    let history = History::watch(&place).await;
    let controller = Controller::start(&place, &[]).await;
    let mut spec = every_second().await;
    spec["template"] = cluster::short_run(5_000).await;
    place.put("bare", spec).await;
    let pod = place.until_running("bare").await;
    let bare = Patch::Merge(json!({"metadata": {"labels": {"punctual.dev/schedule": null}}}));
    place
        .pods()
        .patch(&pod, &PatchParams::default(), &bare)
        .await
        .expect("anybody may take a label away");
    let status = place.until_ended("bare", 1).await;
    let record = &status.recent_runs[0];
    assert_eq!(
        (record.name.as_str(), record.reason.as_str()),
        (pod.as_str(), "Succeeded")
    );
    history.settle(&place, "bare", 1).await;
    drop(controller);
}

async fn an_edited_schedule_fires_from_then_on() {
    let place = Place::new("edited").await;
    let history = History::watch(&place).await;
    let mut controller = Controller::start(&place, &[]).await;
    let mut spec = every_second().await;
    spec["schedule"] = "0 0 0 1 1 ? 2099".into();
    place.put("late", spec).await;
    place.until_ready("late", true, "Ready").await;

    // While the controller watches, and while it doesn't. `@every` counts from long ago.
    for schedule in ["* * * * * *", "@every 1s"] {
        let earlier = history.starts("late");
        let edited = place.now();
        let never = json!({"schedule": "0 0 0 1 1 ? 2099"});
        place.edit("late", json!({"schedule": schedule})).await;
        let known = |status: &ScheduledContainerStatus| {
            status.observed_schedule.as_deref() == Some(&format!("{schedule} UTC"))
        };
        let before = place
            .until_status("late", "the edit is seen", known)
            .await
            .counts;
        place.until_ended("late", before.succeeded + 2).await;
        for fire in history.starts("late").difference(&earlier) {
            assert!(
                fire.as_second() >= edited.as_second(),
                "{fire} was before {edited}"
            );
        }
        place.edit("late", never.clone()).await;
        let quiet = |status: &ScheduledContainerStatus| {
            status.active.is_empty()
                && status.observed_schedule.as_deref() == Some("0 0 0 1 1 ? 2099 UTC")
        };
        place.until_status("late", "it is quiet again", quiet).await;
        let end = controller.terminate().await;
        assert!(end.success());
        let pause = place.now();
        place.edit("late", json!({"schedule": "* * * * * *"})).await;
        // Some fires of the new form pass before anybody reads it.
        let passed = async || (place.now().as_second() > pause.as_second() + 2).then_some(());
        cluster::until("some seconds pass", passed).await;
        let back = place.now();
        let starts_before = history.starts("late");
        controller = Controller::start(&place, &[]).await;
        let runs = place.status("late").await.counts.succeeded;
        let status = place.until_ended("late", runs + 2).await;
        assert!(
            status
                .observed_since
                .is_some_and(|since| since.as_second() >= back.as_second()),
            "it was back at {back}: {status:?}"
        );
        for fire in history.starts("late").difference(&starts_before) {
            assert!(
                fire.as_second() >= back.as_second(),
                "{fire} was before {back}"
            );
        }
        place.edit("late", never).await;
        place.until_status("late", "it is quiet again", quiet).await;
    }
}

async fn a_suspended_schedule_makes_up_for_nothing() {
    let place = Place::new("suspend").await;
    let history = History::watch(&place).await;
    let controller = Controller::start(&place, &[]).await;
    place.put("beat", every_second().await).await;
    place.put("clock", every_second().await).await;
    place.until_ended("beat", 2).await;

    let (_, skipped) = history.settle(&place, "beat", 1).await;
    let before = history.starts("beat");
    let since = place.now();
    assert_eq!(place.status("beat").await.next_fire_time, None);
    // Another schedule shows that time passes.
    let runs = place.status("clock").await.counts.succeeded;
    place.until_ended("clock", runs + 3).await;
    assert_eq!(
        history.starts("beat"),
        before,
        "it started while it was suspended"
    );

    let resumed = place.now();
    place.edit("beat", json!({"suspend": false})).await;
    let ended = place.status("beat").await.counts;
    let status = place.until_ended("beat", ended.succeeded + 2).await;
    for fire in history.starts("beat").difference(&before) {
        assert!(
            fire.as_second() >= resumed.as_second(),
            "{fire}: suspended {since} to {resumed}"
        );
    }
    let made_up = status
        .recent_skips
        .iter()
        .find(|skip| skip.last_fire_time > since && skip.fire_time < resumed);
    assert_eq!(made_up, None, "{skipped} skips before");
    drop(controller);
}

async fn an_idle_schedule_is_not_written_to() {
    let place = Place::new("idle").await;
    let controller = Controller::start(&place, &[]).await;
    let mut spec = every_second().await;
    spec["schedule"] = "@yearly".into();
    place.put("idle", spec.clone()).await;
    spec["suspend"] = true.into();
    place.put("suspended", spec.clone()).await;
    spec["schedule"] = "0 0 30 2 *".into();
    place.put("wrong", spec).await;
    place.until_ready("idle", true, "Ready").await;
    place.until_ready("suspended", true, "Suspended").await;
    place.until_ready("wrong", false, "InvalidSchedule").await;
    let versions = async || {
        let mut versions = Vec::new();
        for name in ["idle", "suspended", "wrong"] {
            versions.push(place.get(name).await.metadata.resource_version);
        }
        versions
    };
    let before = versions().await;
    // Another schedule shows that the controller has been at work meanwhile.
    place.put("clock", every_second().await).await;
    for runs in 1..=4 {
        place.until_ended("clock", runs).await;
        assert_eq!(versions().await, before);
    }
    // Nor does a new controller find anything to write.
    controller.kill();
    let controller = Controller::start(&place, &[]).await;
    let runs = place.status("clock").await.counts.succeeded;
    place.until_ended("clock", runs + 3).await;
    assert_eq!(versions().await, before);
    drop(controller);
}

async fn fires_missed_while_nobody_watched_are_counted_and_the_latest_runs() {
    let place = Place::new("missed").await;
    let history = History::watch(&place).await;
    let controller = Controller::start(&place, &[]).await;
    place.put("beat", every_second().await).await;
    place.until_ended("beat", 1).await;
    controller.terminate().await;
    let last = place.status("beat").await.last_fire_time.expect("a fire");
    let passed = async || (place.now().as_second() > last.as_second() + 4).then_some(());
    cluster::until("some fires are missed", passed).await;
    let controller = Controller::start(&place, &[]).await;
    let runs = place.status("beat").await.counts.succeeded;
    let status = place.until_ended("beat", runs + 2).await;
    assert!(
        status
            .recent_skips
            .iter()
            .any(|skip| skip.reason == "Missed" && skip.count >= 2),
        "{status:?}"
    );
    history.settle(&place, "beat", 1).await;
    drop(controller);
}
