//! From the image and the charts to runs, as an operator sees it: installed by Helm on a real cluster,
//! edited, upgraded and attacked while a schedule fires every second, and removed again.
//!
//! `make test-e2e` runs it. It looks after all namespaces, so no other controller may.

use std::{
    collections::BTreeSet,
    fs,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How long anything may take: a kubelet looks at a ConfigMap once a minute.
const PATIENCE: Duration = Duration::from_secs(240);
const GLANCE: Duration = Duration::from_millis(500);

const SYSTEM: &str = "punctual-system";
/// Where the users' runs are. It admits only pods that are restricted.
const SHOP: &str = "punctual-e2e";
const ACCOUNT: &str = "system:serviceaccount:punctual-system:punctual";
/// Nobody but the run may ever see it.
const CANARY: &str = "canary-5d1f0c9e";

#[test]
fn an_installation_keeps_its_promise_from_the_first_day_to_the_last() {
    let log = AuditLog::from_now();
    install();
    runs_are_made_told_and_counted();
    an_edit_of_the_schedule_file_is_followed();
    an_upgrade_costs_no_fire();
    a_leader_that_is_killed_costs_no_fire();
    no_secret_is_told();
    rights_are_those_that_are_used(&log);
    all_is_removed();
}

fn install() {
    step("install both charts");
    for namespace in [SYSTEM, SHOP] {
        kubectl(&["create", "namespace", namespace]);
        let level = "pod-security.kubernetes.io/enforce=restricted";
        kubectl(&["label", "namespace", namespace, level]);
    }
    helm(&["install", "punctual-crds", "charts/punctual-crds"]);
    let mut install = vec!["install", "punctual", "charts/punctual", "--wait"];
    let image = image();
    let values = values("file-first");
    install.extend(image.iter().map(String::as_str));
    install.extend(["--values", values.as_str()]);
    helm(&install);
    kubectl(&[
        "-n",
        SYSTEM,
        "rollout",
        "status",
        "deployment/punctual",
        "--timeout=60s",
    ]);
}

fn runs_are_made_told_and_counted() {
    step("runs, Events, log and metrics");
    apply(&json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key", "namespace": SHOP},
        "stringData": {"key": CANARY},
    }));
    apply(&schedule("beat", "* * * * * *", &["sleep", "0.2"]));
    // It fails, so that all that can be told of a run is told.
    apply(&schedule("leaky", "*/5 * * * * *", &["fail", "3"]));
    until("runs succeed", || count("beat", "succeeded") >= 3);
    until("runs fail", || count("leaky", "failed") >= 1);
    until("the schedule file's entry runs", || {
        count("file-first", "succeeded") >= 1
    });
    for (name, reason) in [("beat", "Succeeded"), ("leaky", "NonZeroExit")] {
        until("an Event", || {
            let events = get(&["events", "-n", SHOP]);
            let mut events = events["items"].as_array().into_iter().flatten();
            events.any(|event| event["reason"] == reason && event["involvedObject"]["name"] == name)
        });
    }
    until("the log", || {
        controller_log().contains("\"reason\":\"NonZeroExit\"")
    });
    until("metrics", || {
        metrics().contains("punctual_runs_total{outcome=\"Succeeded\",reason=\"Succeeded\"}")
    });
}

fn an_edit_of_the_schedule_file_is_followed() {
    step("edit the schedule file");
    let mut upgrade = vec!["upgrade", "punctual", "charts/punctual", "--reuse-values"];
    let values = values("file-second");
    upgrade.extend(["--values", values.as_str()]);
    helm(&upgrade);
    until("the new entry runs", || {
        count("file-second", "succeeded") >= 1
    });
    until("the old one is gone", || {
        !succeeds(&["get", "schedule", "file-first", "-n", SHOP])
    });
}

fn an_upgrade_costs_no_fire() {
    step("upgrade while a schedule fires");
    begin("upgraded");
    let mut upgrade = vec![
        "upgrade",
        "punctual",
        "charts/punctual",
        "--reuse-values",
        "--wait",
    ];
    upgrade.extend(["--set", "podAnnotations.upgraded=yes", "--set", "shards=2"]);
    helm(&upgrade);
    goes_on("upgraded");
}

fn a_leader_that_is_killed_costs_no_fire() {
    step("kill the leader");
    begin("led");
    let leases = get(&["leases", "-n", SYSTEM]);
    let leases = leases["items"].as_array().into_iter().flatten();
    let pods = get(&["pods", "-n", SYSTEM]);
    let pods = pods["items"].as_array().into_iter().flatten();
    // The Lease of an earlier number of shards is nobody's.
    let holder = leases
        .filter(|lease| lease["metadata"]["labels"]["punctual.dev/lease-role"] == "shard")
        .filter_map(|lease| lease["spec"]["holderIdentity"].as_str())
        .find(|holder| !holder.is_empty())
        .expect("one leads");
    let leader = pods
        .filter_map(|pod| pod["metadata"]["name"].as_str())
        .find(|name| holder.starts_with(name))
        .unwrap_or_else(|| panic!("{holder} is no pod"));
    kubectl(&[
        "-n",
        SYSTEM,
        "delete",
        "pod",
        leader,
        "--force",
        "--grace-period=0",
    ]);
    goes_on("led");
}

/// Begins a schedule that fires every second.
fn begin(name: &str) {
    apply(&schedule(name, "* * * * * *", &["sleep", "0.2"]));
    until("it runs", || count(name, "succeeded") >= 2);
}

/// Waits until a schedule runs on, then ends it, and sees whether each of its fires was a run or a skip.
fn goes_on(name: &str) {
    let before = count(name, "succeeded");
    until("it goes on", || count(name, "succeeded") >= before + 5);
    let suspend = r#"{"spec":{"suspend":true}}"#;
    kubectl(&[
        "-n",
        SHOP,
        "patch",
        "schedule",
        name,
        "--type=merge",
        "-p",
        suspend,
    ]);
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

fn no_secret_is_told() {
    step("look for the secret in all that is told");
    let told = [
        controller_log(),
        metrics(),
        kubectl(&["get", "events", "-A", "-o", "json"]),
        kubectl(&["get", "schedules", "-A", "-o", "json"]),
        kubectl(&["get", "pods", "-A", "-o", "json"]),
    ];
    for text in told {
        assert!(!text.contains(CANARY), "the secret is told: {text}");
    }
}

/// The rights that were granted, and those that were used: (verb, group, resource).
fn rights_are_those_that_are_used(log: &AuditLog) {
    step("compare the rights with those that were used");
    let mut granted = BTreeSet::new();
    for role in [
        get(&["clusterrole", "punctual"]),
        get(&["role", "punctual-leases", "-n", SYSTEM]),
    ] {
        for rule in role["rules"].as_array().into_iter().flatten() {
            let each = |field: &str| {
                let values = rule[field].as_array().cloned().unwrap_or_default();
                values
                    .into_iter()
                    .map(|it| it.as_str().expect("a text").to_owned())
            };
            for group in each("apiGroups") {
                for resource in each("resources") {
                    granted
                        .extend(each("verbs").map(|verb| (verb, group.clone(), resource.clone())));
                }
            }
        }
    }
    let used = log.used_by(ACCOUNT);
    let missing: Vec<_> = used.difference(&granted).collect();
    assert!(missing.is_empty(), "used and not granted: {missing:?}");
    // What only happens in trouble, or after a while; and what the log names otherwise: a schedule that
    // the file makes is made by a patch, which needs the right to create as well.
    let rare = BTreeSet::from([
        ("create", "punctual.dev", "scheduledcontainers"),
        ("patch", "events.k8s.io", "events"),
        ("get", "", "pods"),
        ("get", "punctual.dev", "scheduledcontainers"),
        ("list", "coordination.k8s.io", "leases"),
        ("delete", "coordination.k8s.io", "leases"),
    ]);
    let idle: Vec<_> = granted
        .difference(&used)
        .filter(|(verb, group, resource)| !rare.contains(&(verb.as_str(), group, resource)))
        .collect();
    assert!(idle.is_empty(), "granted and not used: {idle:?}");
}

fn all_is_removed() {
    step("remove the controller: schedules stay");
    helm(&["uninstall", "punctual", "--wait"]);
    helm(&["uninstall", "punctual-crds"]);
    kubectl(&["get", "schedule", "beat", "-n", SHOP]);
    step("remove everything");
    let label = "app.kubernetes.io/part-of=punctual";
    kubectl(&["delete", "crd", "--selector", label, "--timeout=120s"]);
    kubectl(&["delete", "namespace", SYSTEM, SHOP, "--timeout=180s"]);
}

/// A schedule whose container knows the secret.
fn schedule(name: &str, when: &str, work: &[&str]) -> Value {
    let mut pod = restricted(work);
    pod["containers"][0]["env"] = json!([{
        "name": "KEY", "valueFrom": {"secretKeyRef": {"name": "key", "key": "key"}}}]);
    json!({
        "apiVersion": "punctual.dev/v1alpha1", "kind": "ScheduledContainer",
        "metadata": {"name": name, "namespace": SHOP},
        "spec": {"schedule": when, "timeZone": "UTC", "template": {"spec": pod}},
    })
}

fn restricted(work: &[&str]) -> Value {
    json!({
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 1,
        "containers": [{
            "name": "main", "image": "punctual.local/work:1", "args": work,
            "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
        }],
    })
}

/// A file of values, with a schedule file of this one entry.
fn values(entry: &str) -> String {
    let entries = json!({entry: {
        "cron": "*/5 * * * * *", "namespace": SHOP, "pod": restricted(&["sleep", "0"])}});
    let values = json!({
        "scheduleFile": {"content": entries.to_string()},
        "log": {"format": "json"},
    });
    let path = format!("{}/{entry}.json", env!("CARGO_TARGET_TMPDIR"));
    fs::write(&path, values.to_string()).expect("a file");
    path
}

/// The values that name the image.
fn image() -> [String; 6] {
    let image = std::env::var("PUNCTUAL_TEST_IMAGE").expect("make test-e2e names the image");
    let (repository, tag) = image.rsplit_once(':').expect("a tag");
    let set = || "--set".to_owned();
    [
        set(),
        format!("image.repository={repository}"),
        set(),
        format!("image.tag={tag}"),
        set(),
        "image.pullPolicy=Never".to_owned(),
    ]
}

/// What the API server was asked for since then.
struct AuditLog {
    path: String,
    start: u64,
}

impl AuditLog {
    fn from_now() -> Self {
        let path = std::env::var("CLUSTER_AUDIT_LOG").expect("the cluster of hack/cluster");
        let start = fs::metadata(&path).expect("the audit log").len();
        Self { path, start }
    }

    fn used_by(&self, user: &str) -> BTreeSet<(String, String, String)> {
        let text = fs::read_to_string(&self.path).expect("the audit log");
        let lines = text[self.start as usize..].lines();
        let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ours = lines.filter(|line| line["user"]["username"] == user);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        ours.map(|line| {
            let object = &line["objectRef"];
            let mut resource = text(&object["resource"]);
            if let Some(part) = object["subresource"].as_str() {
                resource = format!("{resource}/{part}");
            }
            (text(&line["verb"]), text(&object["apiGroup"]), resource)
        })
        .collect()
    }
}

fn step(what: &str) {
    println!("==> {what}");
}

fn count(name: &str, kind: &str) -> u64 {
    let object = run(
        "kubectl",
        &["get", "schedule", name, "-n", SHOP, "-o", "json"],
        None,
    );
    let object: Value = serde_json::from_slice(&object.stdout).unwrap_or_default();
    object["status"]["counts"][kind].as_u64().unwrap_or(0)
}

fn controller_log() -> String {
    let pods = "app.kubernetes.io/name=punctual";
    kubectl(&["-n", SYSTEM, "logs", "-l", pods, "--tail=-1"])
}

/// The metrics of all replicas, one after the other.
fn metrics() -> String {
    let pods = get(&[
        "pods",
        "-n",
        SYSTEM,
        "-l",
        "app.kubernetes.io/name=punctual",
    ]);
    let pods = pods["items"].as_array().cloned().unwrap_or_default();
    let page = |pod: Value| {
        let name = pod["metadata"]["name"].as_str().expect("a name");
        let path = format!("/api/v1/namespaces/{SYSTEM}/pods/{name}:8080/proxy/metrics");
        kubectl(&["get", "--raw", &path])
    };
    pods.into_iter().map(page).collect()
}

fn get(what: &[&str]) -> Value {
    let mut all = vec!["get"];
    all.extend(what);
    all.extend(["-o", "json"]);
    serde_json::from_str(&kubectl(&all)).expect("JSON")
}

fn apply(object: &Value) {
    let output = run("kubectl", &["apply", "-f", "-"], Some(&object.to_string()));
    checked("kubectl apply", output);
}

fn kubectl(arguments: &[&str]) -> String {
    checked(
        &format!("kubectl {arguments:?}"),
        run("kubectl", arguments, None),
    )
}

fn succeeds(arguments: &[&str]) -> bool {
    run("kubectl", arguments, None).status.success()
}

fn helm(arguments: &[&str]) {
    let mut all = arguments.to_vec();
    all.extend(["--namespace", SYSTEM, "--timeout", "3m"]);
    checked(&format!("helm {arguments:?}"), run("helm", &all, None));
}

fn run(program: &str, arguments: &[&str], input: Option<&str>) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut pipe = child.stdin.take().expect("its input");
    std::io::Write::write_all(&mut pipe, input.unwrap_or_default().as_bytes()).expect("it reads");
    drop(pipe);
    child.wait_with_output().expect("it ends")
}

fn checked(what: &str, output: Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {text}{errors}");
    text
}

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(
            begun.elapsed() < PATIENCE,
            "{what}: not within {} s",
            PATIENCE.as_secs()
        );
        std::thread::sleep(GLANCE);
    }
}
