//! The program as a person or a script calls it. What its commands do is tested elsewhere.

use std::{
    fs,
    io::Read,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result};
use serde_json::Value;

#[test]
fn version_names_everything_that_a_bug_report_needs() -> Result<()> {
    let output = punctual().arg("version").output()?;
    let text = String::from_utf8(output.stdout)?;
    for line in [
        concat!("punctual ", env!("CARGO_PKG_VERSION")),
        "commit: ",
        "time zones: 20",
        "Kubernetes: 1.30 to 1.37",
    ] {
        assert!(
            text.lines().any(|l| l.starts_with(line)),
            "no {line:?} in {text}"
        );
    }
    Ok(())
}

/// Charts refuse an older Kubernetes, and the tests' own clusters are the newest and the oldest.
#[test]
fn the_versions_of_kubernetes_are_those_of_the_charts_and_of_the_tests() -> Result<()> {
    let output = punctual().args(["version", "--output", "json"]).output()?;
    let told: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    let zones = told["timeZones"][0].as_str().context("the first zones")?;
    assert!(zones.ends_with(" (built in)"), "{zones}");

    let oldest = told["kubernetes"]["oldest"].as_str().context("oldest")?;
    let newest = told["kubernetes"]["newest"].as_str().context("newest")?;
    let oldest_modules = format!("hack/cluster/kube/{oldest}.mod");
    for (file, line) in [
        (
            "charts/punctual/Chart.yaml",
            format!("kubeVersion: \">={oldest}.0-0\""),
        ),
        (
            "charts/punctual-crds/Chart.yaml",
            format!("kubeVersion: \">={oldest}.0-0\""),
        ),
        ("hack/test-charts", format!("oldest={oldest}.")),
        (
            "hack/cluster/kube/go.mod",
            format!("k8s.io/kubernetes v{newest}."),
        ),
        (
            oldest_modules.as_str(),
            format!("k8s.io/kubernetes v{oldest}."),
        ),
        ("hack/cluster/lib/settings.sh", format!("newest={newest} ")),
        ("hack/test-oldest", format!("CLUSTER_KUBERNETES={oldest} ")),
    ] {
        let text = fs::read_to_string(file)?;
        assert!(text.contains(&line), "{file} has no {line}");
    }
    Ok(())
}

#[test]
fn no_command_shows_the_commands_and_fails() -> Result<()> {
    let Output { status, stderr, .. } = punctual().output()?;
    let text = String::from_utf8(stderr)?;
    assert_eq!(status.code(), Some(2));
    assert!(
        text.contains("Commands:") && text.contains("  crd "),
        "{text}"
    );
    Ok(())
}

#[test]
fn output_that_nobody_reads_to_its_end_is_no_error() -> Result<()> {
    let mut child = punctual()
        .arg("crd")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut first = [0; 1];
    child
        .stdout
        .take()
        .context("it is piped")?
        .read_exact(&mut first)?;
    let output = child.wait_with_output()?;
    assert_eq!(String::from_utf8(output.stderr)?, "");
    assert!(output.status.success());
    Ok(())
}

fn punctual() -> Command {
    Command::new(env!("CARGO_BIN_EXE_punctual"))
}
