//! Whether each fire of a schedule was a run or a skip, whatever happened meanwhile.

use serde_json::Value;

use crate::{
    SHOP, SYSTEM,
    command::{apply, get, kubectl, run, until},
    objects::schedule,
};

/// Begins a schedule that fires every second.
pub fn begin(name: &str) {
    apply(&schedule(name, "* * * * * *", &["sleep", "0.2"]));
    until("it runs", || count(name, "succeeded") >= 2);
}

/// Waits until a schedule runs on, then ends it, and sees whether each of its fires was a run or a skip.
pub fn goes_on(name: &str) {
    let before = count(name, "succeeded");
    until("it goes on", || count(name, "succeeded") >= before + 5);
    let suspend = r#"--patch={"spec":{"suspend":true}}"#;
    let patch = ["patch", "schedule", name, "--type=merge", suspend];
    kubectl(&[["-n", SHOP].as_slice(), &patch].concat());
    until("all is quiet", || {
        let object = get(&["schedule", name, "-n", SHOP]);
        let conditions = object["status"]["conditions"].as_array().cloned();
        let mut conditions = conditions.unwrap_or_default().into_iter();
        let suspended = conditions.any(|it| it["reason"] == "Suspended");
        suspended && object["status"]["active"].is_null()
    });
    let object = get(&["schedule", name, "-n", SHOP]);
    let second = |time: &Value| {
        let time: jiff::Timestamp = time.as_str().expect("a time").parse().expect("a time");
        time.as_second()
    };
    let status = &object["status"];
    let fires = second(&status["lastFireTime"]) - second(&object["metadata"]["creationTimestamp"]);
    let number = |field: &str| status["counts"][field].as_i64().unwrap_or(0);
    let (runs, skips) = (number("succeeded") + number("failed"), number("skipped"));
    assert_eq!(
        runs + skips,
        fires,
        "a fire is lost or counts twice: {status}"
    );
    println!("    {fires} fires: {runs} runs, {skips} skips");
    kubectl(&["-n", SHOP, "delete", "schedule", name]);
}

pub fn count(name: &str, kind: &str) -> u64 {
    count_in(SHOP, name, kind)
}

pub fn count_in(namespace: &str, name: &str, kind: &str) -> u64 {
    let get = ["get", "schedule", name, "-n", namespace, "-o", "json"];
    let object = run("kubectl", &get, None);
    let object: Value = serde_json::from_slice(&object.stdout).unwrap_or_default();
    object["status"]["counts"][kind].as_u64().unwrap_or(0)
}

/// The Lease of a shard, and who holds it. The Lease of an earlier number of shards is nobody's.
pub fn a_led_shard() -> (String, String) {
    let leases = get(&["leases", "-n", SYSTEM]);
    let leases = leases["items"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    leases
        .filter(|lease| lease["metadata"]["labels"]["punctual.dev/lease-role"] == "shard")
        .map(|lease| {
            let (name, holder) = (&lease["metadata"]["name"], &lease["spec"]["holderIdentity"]);
            (text(name), text(holder))
        })
        .find(|(_, holder)| !holder.is_empty())
        .expect("one leads")
}
