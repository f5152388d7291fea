//! What an operator types: kubectl, helm and curl, and waiting for what they show.

use std::{
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::SYSTEM;

/// How long anything may take: a kubelet looks at a ConfigMap once a minute.
const PATIENCE: Duration = Duration::from_secs(240);
const GLANCE: Duration = Duration::from_millis(500);

pub fn step(what: &str) {
    println!("==> {what}");
}

pub fn get(what: &[&str]) -> Value {
    let mut all = vec!["get"];
    all.extend(what);
    all.extend(["-o", "json"]);
    serde_json::from_str(&kubectl(&all)).expect("JSON")
}

pub fn apply(object: &Value) {
    let output = run("kubectl", &["apply", "-f", "-"], Some(&object.to_string()));
    checked("kubectl apply", output);
}

pub fn kubectl(arguments: &[&str]) -> String {
    checked(
        &format!("kubectl {arguments:?}"),
        run("kubectl", arguments, None),
    )
}

/// hack/cluster/cluster, which has made the cluster.
pub fn cluster(arguments: &[&str]) -> String {
    let output = run("hack/cluster/cluster", arguments, None);
    checked(&format!("hack/cluster/cluster {arguments:?}"), output)
}

pub fn succeeds(arguments: &[&str]) -> bool {
    run("kubectl", arguments, None).status.success()
}

/// What helm prints.
pub fn helm(arguments: &[&str]) -> String {
    let mut all = arguments.to_vec();
    all.extend(["--namespace", SYSTEM, "--timeout", "3m"]);
    checked(&format!("helm {arguments:?}"), run("helm", &all, None))
}

pub fn run(program: &str, arguments: &[&str], input: Option<&str>) -> Output {
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

/// What the program printed, unless it failed.
pub fn checked(what: &str, output: Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {text}{errors}");
    text
}

pub fn until(what: &str, mut is: impl FnMut() -> bool) {
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
