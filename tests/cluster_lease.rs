//! Several replicas on a real API server: one after the other, and side by side. However they end, no
//! fire is lost or started twice, and another goes on.
//!
//! Run with `cargo test --test cluster_lease`, on the cluster that `KUBECONFIG` names.

mod cluster;

use std::sync::{Arc, Mutex};

use cluster::{
    controller::Controller,
    history::{History, the_judge_sees_what_is_wrong},
    place::Place,
    short_run, until,
};
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PatchParams, WatchEvent, WatchParams},
};
use serde_json::{Value, json};

/// How often each way to hand over is tried.
const TIMES: usize = 4;
/// How often a time is looked for in which who leads goes on to.
const WINDOWS: usize = 6;

fn main() {
    cluster::run(tests![
        the_judge_sees_what_is_wrong,
        a_replica_that_is_told_to_stop_hands_over,
        a_replica_that_is_killed_is_followed_by_another,
        replicas_share_the_shards_while_they_come_and_go,
        a_lease_that_somebody_meddles_with_costs_no_fire,
        a_replica_that_stands_by_writes_only_its_lease,
        without_the_right_to_leases_a_replica_leads_and_says_so,
    ])
}

async fn every_second() -> Value {
    json!({
        "schedule": "* * * * * *",
        "successfulRunsHistoryLimit": 1,
        "template": short_run(100).await,
    })
}

fn leases(place: &Place) -> Api<Lease> {
    Api::namespaced(place.client.clone(), &place.namespace)
}

/// Who holds each shard.
async fn holders(place: &Place) -> Vec<String> {
    let shards = ListParams::default().labels("punctual.dev/lease-role=shard");
    let Ok(shards) = leases(place).list(&shards).await else {
        return Vec::new();
    };
    let spec = shards.items.into_iter().filter_map(|lease| lease.spec);
    spec.map(|spec| spec.holder_identity.unwrap_or_default())
        .collect()
}

/// Whoever holds the Lease from now on, one after the other, as a watch tells it.
async fn holders_seen(place: &Place) -> Arc<Mutex<Vec<String>>> {
    let api = leases(place);
    let now = api.get("punctual").await.expect("there is one");
    let version = now.metadata.resource_version.unwrap_or_default();
    let params = WatchParams::default().fields("metadata.name=punctual");
    let events = api
        .watch(&params, &version)
        .await
        .expect("it can be watched");
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let told = seen.clone();
    tokio::spawn(events.for_each(move |event| {
        if let Ok(WatchEvent::Modified(lease)) = event {
            let holder = lease.spec.and_then(|spec| spec.holder_identity);
            told.lock().unwrap().push(holder.unwrap_or_default());
        }
        std::future::ready(())
    }));
    seen
}

/// How many shards each of so many replicas has, once all of the shards are held.
async fn until_shared(place: &Place, shards: usize, replicas: usize) -> Vec<usize> {
    let look = async || {
        let mut counts = std::collections::BTreeMap::<String, usize>::new();
        let holders = holders(place).await;
        if holders.len() != shards || holders.iter().any(String::is_empty) {
            return None;
        }
        for holder in holders {
            *counts.entry(holder).or_default() += 1;
        }
        let counts: Vec<_> = counts.into_values().collect();
        let parts = shards / replicas..=shards.div_ceil(replicas);
        let fair = counts.iter().all(|count| parts.contains(count));
        (counts.len() == replicas && fair).then_some(counts)
    };
    until(&format!("{shards} shards of {replicas} replicas"), look).await
}

async fn until_leads(controller: &Controller) {
    controller.until_metric("punctual_shards_led 1").await;
}

async fn until_stands_by(controller: &Controller) {
    let is = |line: &Value| line["message"] == "stands by: others lead";
    controller.until_line("it stands by", is).await;
}

/// A time that a record tells.
fn time(line: &Value, field: &str) -> Timestamp {
    let time = line[field].as_str().and_then(|it| it.parse().ok());
    time.expect("the record has a time")
}

async fn a_replica_that_is_told_to_stop_hands_over() {
    hand_over("lease-stop", "SIGTERM", async |place, leader| {
        let seen = holders_seen(place).await;
        let end = leader.terminate().await;
        assert!(end.success(), "it ended with {end}");
        let gave = |line: &Value| line["message"] == "gave the Lease back";
        leader.until_line("it gives its Lease back", gave).await;
        let given_back = async || {
            seen.lock()
                .unwrap()
                .iter()
                .any(String::is_empty)
                .then_some(())
        };
        until("the Lease is nobody's", given_back).await;
    })
    .await;
}

async fn a_replica_that_is_killed_is_followed_by_another() {
    hand_over("lease-kill", "kill -9", async |_, leader| leader.kill()).await;
}

/// Ends the leader several times, each time with another in wait, and shortly before a fire.
async fn hand_over(place: &str, how: &str, end: impl AsyncFn(&Place, &Controller)) {
    let place = Place::new(place).await;
    let history = History::watch(&place).await;
    let mut leader = Controller::replica(&place, &[]).await;
    until_leads(&leader).await;
    place.put("beat", every_second().await).await;
    let mut spec = every_second().await;
    spec["schedule"] = "*/5 * * * * *".into();
    place.put("slow", spec).await;
    for _ in 0..TIMES {
        let standby = Controller::replica(&place, &[]).await;
        until_stands_by(&standby).await;
        let before = place.status("beat").await.counts;
        place.until_ended("beat", before.succeeded + 2).await;
        let near = async || (place.now().as_millisecond().rem_euclid(5_000) > 4_700).then_some(());
        until("a fire is near", near).await;
        let ended = place.now();
        end(&place, &leader).await;
        until_leads(&standby).await;
        let led = standby.until_line("it leads", |line| line["message"] == "leads from here on");
        let led = time(&led.await, "timestamp").duration_since(ended);
        let next = standby.until_record("slow", "started", "Started").await;
        let late = time(&next, "timestamp").duration_since(time(&next, "fire"));
        println!(
            "{how}: another led {} ms after; its first fire was {} ms late",
            led.as_millis(),
            late.as_millis()
        );
        leader = standby;
    }
    for (name, period) in [("beat", 1), ("slow", 5)] {
        let (runs, skips) = history.settle(&place, name, period).await;
        println!("{how}: {name}: {runs} runs, {skips} skips");
    }
}

async fn replicas_share_the_shards_while_they_come_and_go() {
    const SHARDS: usize = 8;
    const SCHEDULES: usize = 6;
    let place = Place::new("lease-shards").await;
    let history = History::watch(&place).await;
    let start = async || Controller::replica(&place, &["--shards=8", "--run-logs=off"]).await;
    let names: Vec<String> = (0..SCHEDULES).map(|n| format!("beat-{n}")).collect();
    for name in &names {
        let mut spec = every_second().await;
        // Every three seconds, so that a small machine keeps up.
        spec["schedule"] = "*/3 * * * * *".into();
        place.put(name, spec).await;
    }
    let goes_on = async || {
        for name in &names {
            let ended = place.status(name).await.counts;
            place.until_ended(name, ended.succeeded + 1).await;
        }
    };
    let mut replicas = Vec::new();
    for count in 1..=3 {
        replicas.push(start().await);
        until_shared(&place, SHARDS, count).await;
    }
    goes_on().await;
    for round in 0..3 {
        replicas.remove(0).kill();
        until_shared(&place, SHARDS, 2).await;
        goes_on().await;
        if round == 1 {
            replicas.remove(0).terminate().await;
            until_shared(&place, SHARDS, 1).await;
            goes_on().await;
            replicas.push(start().await);
        }
        replicas.push(start().await);
        let shared = until_shared(&place, SHARDS, 3).await;
        println!("3 replicas hold {shared:?} of {SHARDS} shards");
        goes_on().await;
    }
    for name in &names {
        let (runs, skips) = history.settle(&place, name, 3).await;
        println!("{name}: {runs} runs, {skips} skips");
    }
}

async fn a_lease_that_somebody_meddles_with_costs_no_fire() {
    let place = Place::new("lease-meddled").await;
    let history = History::watch(&place).await;
    let one = Controller::replica(&place, &[]).await;
    until_leads(&one).await;
    let two = Controller::replica(&place, &[]).await;
    place.put("beat", every_second().await).await;
    place.until_ended("beat", 1).await;

    // Given to a stranger who never renews it, for however long, it comes back.
    let spec = json!({"holderIdentity": "stranger", "leaseDurationSeconds": 3_600});
    let stranger = Patch::Merge(json!({"spec": spec}));
    leases(&place)
        .patch("punctual", &PatchParams::default(), &stranger)
        .await
        .expect("anybody may write it");
    one.until_line("it was lost", |line| line["message"] == "lost the Lease")
        .await;
    let back = async || {
        let holders = holders(&place).await;
        (holders.first()? != "stranger").then_some(())
    };
    until("somebody takes it", back).await;
    let ended = place.status("beat").await.counts;
    place.until_ended("beat", ended.succeeded + 2).await;

    // All are deleted, and made anew.
    leases(&place)
        .delete_collection(&DeleteParams::default(), &ListParams::default())
        .await
        .expect("anybody may delete them");
    let again = async || {
        (leases(&place)
            .list(&ListParams::default())
            .await
            .ok()?
            .items
            .len()
            == 3)
            .then_some(())
    };
    until("they are there again", again).await;
    let ended = place.status("beat").await.counts;
    place.until_ended("beat", ended.succeeded + 2).await;
    history.settle(&place, "beat", 1).await;
    drop((one, two));
}

async fn a_replica_that_stands_by_writes_only_its_lease() {
    let place = Place::new("lease-idle").await;
    let one = Controller::replica(&place, &[]).await;
    until_leads(&one).await;
    let two = Controller::replica(&place, &[]).await;
    until_stands_by(&two).await;
    place.put("beat", every_second().await).await;
    let pages =
        async || [one.metrics().await, two.metrics().await].map(|it| it.expect("the metrics"));
    // A leader that stalls on a slow machine is followed, and both write: then it is looked at anew.
    for _ in 0..WINDOWS {
        let (before, since) = (pages().await, place.now());
        let ended = place.status("beat").await.counts.succeeded;
        place.until_ended("beat", ended + 10).await;
        let (after, took) = (pages().await, place.now().duration_since(since));
        if [0, 1]
            .iter()
            .any(|n| changes(&before[*n]) != changes(&after[*n]))
        {
            println!("another leads: once more");
            continue;
        }
        let wrote = [0, 1].map(|n| {
            let ((leases, others), before) = (writes(&after[n]), writes(&before[n]));
            let rate = (leases - before.0) as f64 / took.as_secs_f64();
            println!("replica {n} writes {rate:.2} Leases each second");
            others - before.1
        });
        // By then another may lead than at first.
        assert!(
            wrote.iter().any(|others| *others > 0),
            "who leads writes for its runs"
        );
        assert!(
            wrote.contains(&0),
            "who stands by writes nothing but its Lease: {wrote:?}"
        );
        return;
    }
    panic!("no rest in {WINDOWS} windows");
}

/// What a page of metrics tells of the changes of who leads.
fn changes(page: &str) -> Vec<&str> {
    let is = |line: &&str| line.starts_with("punctual_lease_changes_total");
    page.lines().filter(is).collect()
}

/// How many writes of Leases, and of anything else, a page of metrics tells of.
fn writes(page: &str) -> (u64, u64) {
    let lines = page
        .lines()
        .filter(|line| line.starts_with("punctual_api_requests_total"))
        .filter(|line| {
            ["create", "patch", "update", "delete"]
                .iter()
                .any(|verb| line.contains(&format!("\"{verb}\"")))
        });
    lines.fold((0, 0), |(leases, others), line| {
        let count = line
            .rsplit(' ')
            .next()
            .and_then(|it| it.parse::<u64>().ok());
        let count = count.expect("a count");
        match line.contains("\"leases\"") {
            true => (leases + count, others),
            false => (leases, others + count),
        }
    })
}

async fn without_the_right_to_leases_a_replica_leads_and_says_so() {
    let place = Place::new("lease-forbidden").await;
    let history = History::watch(&place).await;
    // Nobody may write to a namespace that isn't there.
    let flags = ["--lease-namespace", "punctual-test-nowhere"];
    let one = Controller::replica(&place, &flags).await;
    let two = Controller::replica(&place, &flags).await;
    for controller in [&one, &two] {
        let says = |line: &Value| {
            let message = line["message"].as_str().unwrap_or_default();
            line["level"] == "WARN" && message.starts_with("can't write Leases")
        };
        let line = controller
            .until_line("that it can't write Leases", says)
            .await;
        assert!(
            line["why"]
                .as_str()
                .is_some_and(|why| why.contains("nowhere")),
            "{line}"
        );
        until_leads(controller).await;
    }
    place.put("beat", every_second().await).await;
    place.until_ended("beat", 5).await;
    history.settle(&place, "beat", 1).await;
    drop((one, two));
}
