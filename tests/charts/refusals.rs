//! Values that the schemas refuse, and what is said of them.

use super::render::{CRDS, PUNCTUAL, Render};

#[test]
fn wrong_values_are_refused() {
    let rows = [
        ("replica: 3", "additional properties 'replica' not allowed"),
        (
            "lease: {timeout: 5s}",
            "additional properties 'timeout' not allowed",
        ),
        ("replicas: two", "at '/replicas': got string, want integer"),
        ("shards: 65", "at '/shards'"),
        ("lease: {duration: 5}", "at '/lease/duration'"),
        ("lease: {duration: 5 seconds}", "at '/lease/duration'"),
        ("lease: {name: Upper}", "at '/lease/name'"),
        ("log: {format: xml}", "at '/log/format'"),
        ("image: {digest: \"sha256:12\"}", "at '/image/digest'"),
        ("image: {pullPolicy: Sometimes}", "at '/image/pullPolicy'"),
        (
            "watchNamespace: [a, b]",
            "at '/watchNamespace': got array, want string",
        ),
        // A file, not its content as a map: comments, anchors and line numbers would be lost.
        (
            "scheduleFile: {content: {hello: {}}}",
            "at '/scheduleFile/content': got object, want string",
        ),
        (
            "scheduleFile: {templates: {a/b.yaml: ''}}",
            "invalid propertyName 'a/b.yaml'",
        ),
        (
            "networkPolicy: {apiServerPorts: []}",
            "at '/networkPolicy/apiServerPorts'",
        ),
        (
            "networkPolicy: {apiServerCIDRs: [10.0.0.1]}",
            "at '/networkPolicy/apiServerCIDRs/0'",
        ),
        (
            "tracing: {endpoint: 'collector:4318'}",
            "at '/tracing/endpoint'",
        ),
        // It would stand in the Deployment for all to read.
        (
            "tracing: {endpoint: 'http://me:secret@collector'}",
            "at '/tracing/endpoint'",
        ),
        (
            "commonLabels: {app.kubernetes.io/name: x}",
            "invalid propertyName 'app.kubernetes.io/name'",
        ),
        (
            "commonLabels: {a: 1}",
            "at '/commonLabels/a': got number, want string",
        ),
        (
            "podLabels: {app.kubernetes.io/instance: x}",
            "invalid propertyName 'app.kubernetes.io/instance'",
        ),
        (
            "livenessProbe: {httpGet: {}}",
            "additional properties 'httpGet' not allowed",
        ),
        (
            "admissionPolicies: {limitController: warn}",
            "at '/admissionPolicies/limitController': got string, want boolean",
        ),
        (
            "podDisruptionBudget: {maxUnavailable: half}",
            "at '/podDisruptionBudget/maxUnavailable'",
        ),
    ];
    for (values, message) in rows {
        refused(PUNCTUAL, values, message);
    }
    refused(CRDS, "crds: {keep: 1}", "at '/crds/keep'");
    refused(
        CRDS,
        "crds: {enabled: true}",
        "additional properties 'enabled' not allowed",
    );
}

fn refused(chart: &str, values: &str, message: &str) {
    let told = Render::new(chart, values).result();
    let told = told.expect_err(&format!("{values} should be refused"));
    assert!(
        told.contains(message),
        "{values} is refused otherwise: {told}"
    );
}

#[test]
fn a_kubernetes_that_is_too_old_is_refused() {
    for chart in [PUNCTUAL, CRDS] {
        let told = Render::new(chart, "").of_kubernetes("1.29.14").result();
        let told = told.expect_err("1.29 has no stable scheduling gates");
        assert!(told.contains("kubeVersion: >=1.30.0-0"), "{told}");
    }
}
