//! What each value changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    EVERYTHING,
    render::{CRDS, Objects, PUNCTUAL, Render},
};

const POD: &str = "/spec/template/spec";

/// What is rendered with these values, and what stands in it.
struct Case {
    values: &'static str,
    /// Kind and name.
    object: (&'static str, &'static str),
    /// Where, and what; null: nothing.
    fields: Vec<(String, Value)>,
}

fn deployment<const N: usize>(values: &'static str, fields: [(&str, Value); N]) -> Case {
    object(values, ("Deployment", "release-punctual"), fields)
}

fn object<const N: usize>(
    values: &'static str,
    object: (&'static str, &'static str),
    fields: [(&str, Value); N],
) -> Case {
    let fields = fields.map(|(path, value)| (path.replace("POD", POD), value));
    let fields = fields.into();
    Case {
        values,
        object,
        fields,
    }
}

/// Helm takes longer than all else here.
fn render_once<'a>(
    all: &'a mut BTreeMap<&'static str, Objects>,
    values: &'static str,
) -> &'a Objects {
    all.entry(values)
        .or_insert_with(|| Render::new(PUNCTUAL, values).objects())
}

#[test]
fn each_value_says_what_it_means() {
    let cases = [
        deployment(
            "",
            [
                ("/spec/replicas", json!(2)),
                ("POD/serviceAccountName", json!("release-punctual")),
                ("POD/securityContext/runAsNonRoot", json!(true)),
                (
                    "POD/securityContext/seccompProfile/type",
                    json!("RuntimeDefault"),
                ),
                (
                    "POD/containers/0/securityContext/readOnlyRootFilesystem",
                    json!(true),
                ),
                (
                    "POD/containers/0/securityContext/capabilities/drop",
                    json!(["ALL"]),
                ),
                (
                    "POD/containers/0/livenessProbe/httpGet/path",
                    json!("/healthz"),
                ),
                ("POD/containers/0/livenessProbe/failureThreshold", json!(6)),
                ("POD/containers/0/resources/limits/cpu", json!(null)),
                (
                    "POD/topologySpreadConstraints/0/labelSelector/matchLabels/app.kubernetes.io~1instance",
                    json!("release"),
                ),
                (
                    "POD/topologySpreadConstraints/1/topologyKey",
                    json!("topology.kubernetes.io/zone"),
                ),
                ("POD/containers/0/image", json!("punctual:0.1.0")),
                // An edit of the file is no reason to restart.
                ("/spec/template/metadata/annotations", json!(null)),
            ],
        ),
        deployment(
            EVERYTHING,
            [
                ("/spec/replicas", json!(3)),
                ("/metadata/annotations/of", json!("deployment")),
                ("/metadata/labels/team", json!("platform")),
                ("/spec/template/metadata/labels/team", json!("other")),
                ("/spec/selector/matchLabels/team", json!(null)),
                (
                    "POD/containers/0/image",
                    json!("registry.example/punctual:1"),
                ),
                (
                    "POD/containers/0/args",
                    json!([
                        "controller",
                        "--listen=[::]:9090",
                        "--schedule-file=/etc/punctual/other.yml",
                        "--schedule-source=other",
                        "--schedule-namespace=team-a",
                        "--lease=other",
                        "--shards=8",
                        "--lease-duration=5s",
                        "--concurrency=128",
                        "--prepare-ahead=10s",
                        "--schedule-metrics",
                        "--otlp-endpoint=http://collector.monitoring:4318",
                        "--log-level=info,punctual::driver=debug",
                        "--log-format=json",
                        "--run-logs=failed",
                        "--zone-database=system"
                    ]),
                ),
                (
                    "POD/containers/0/env/0",
                    json!({"name": "TZ", "value": "Europe/Berlin"}),
                ),
                ("POD/containers/0/env/2", json!({"name": "A", "value": "b"})),
                ("POD/containers/0/ports/0/containerPort", json!(9090)),
                ("POD/volumes/1/name", json!("zones")),
                (
                    "POD/topologySpreadConstraints/0/labelSelector",
                    json!({"matchLabels": {"a": "b"}}),
                ),
                ("POD/priorityClassName", json!("system-cluster-critical")),
            ],
        ),
        deployment(
            "image: {repository: r.example/p, tag: ignored, digest: \"sha256:\
             0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}",
            [(
                "POD/containers/0/image",
                json!(
                    "r.example/p@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                ),
            )],
        ),
        deployment(
            "podSecurityContext: {runAsUser: null}",
            [("POD/securityContext/runAsUser", json!(null))],
        ),
        deployment(
            "serviceAccount: {create: false}",
            [("POD/serviceAccountName", json!("default"))],
        ),
        deployment(
            "scheduleFile: {existingConfigMap: mine}",
            [("POD/volumes/0/configMap/name", json!("mine"))],
        ),
        deployment(
            "",
            [
                ("POD/volumes", json!(null)),
                ("POD/containers/0/args/1", json!("--listen=0.0.0.0:8080")),
                ("POD/containers/0/args/2", json!("--lease=release-punctual")),
            ],
        ),
        deployment(
            "lease: {enabled: false}",
            [("POD/containers/0/args/2", json!("--no-lease"))],
        ),
        deployment(
            "watchNamespace: team-a",
            [("POD/containers/0/args/2", json!("--namespace=team-a"))],
        ),
        object(
            EVERYTHING,
            ("ConfigMap", "release-punctual-schedule"),
            [
                (
                    "/data/other.yml",
                    json!("hello: {cron: \"@hourly\", template: hello.yaml}\n"),
                ),
                ("/data/hello.yaml", json!("kind: Pod\n")),
            ],
        ),
        object(
            // What looks like a template in a schedule is none.
            "scheduleFile: {content: \"a: {args: ['{{ .Values }}']}\"}",
            ("ConfigMap", "release-punctual-schedule"),
            [("/data/schedule.yml", json!("a: {args: ['{{ .Values }}']}"))],
        ),
        object(
            "scheduleFile: {content: \"{}\"}",
            ("ClusterRole", "release-punctual"),
            [(
                "/rules/0/verbs",
                json!(["get", "list", "watch", "create", "patch", "delete"]),
            )],
        ),
        object(
            "",
            ("ClusterRole", "release-punctual"),
            [("/rules/0/verbs", json!(["get", "list", "watch"]))],
        ),
        object(
            "watchNamespace: team-a",
            ("Role", "release-punctual"),
            [
                ("/metadata/namespace", json!("team-a")),
                ("/rules/2/resources", json!(["schedulecalendars"])),
            ],
        ),
        object(
            "watchNamespace: team-a",
            ("RoleBinding", "release-punctual"),
            [
                ("/metadata/namespace", json!("team-a")),
                ("/subjects/0/namespace", json!("home")),
                ("/roleRef/kind", json!("Role")),
            ],
        ),
        object(
            "watchNamespace: team-a",
            ("Role", "release-punctual-leases"),
            [("/metadata/namespace", json!("home"))],
        ),
        object(
            "",
            ("ClusterRole", "release-punctual-edit"),
            [(
                "/metadata/labels/rbac.authorization.k8s.io~1aggregate-to-edit",
                json!("true"),
            )],
        ),
        object(
            EVERYTHING,
            ("NetworkPolicy", "release-punctual"),
            [
                ("/spec/policyTypes", json!(["Ingress", "Egress"])),
                (
                    "/spec/egress",
                    json!([
                        {"ports": [{"port": 16443}], "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}]},
                        {"ports": [{"port": 4318}], "to": [{"podSelector": {"matchLabels": {"app": "collector"}}}]},
                    ]),
                ),
                ("/spec/ingress/0/ports", json!([{"port": "http"}])),
                (
                    "/spec/ingress/0/from/0/namespaceSelector/matchLabels",
                    json!({"kubernetes.io/metadata.name": "monitoring"}),
                ),
            ],
        ),
        object(
            "networkPolicy: {enabled: true}",
            ("NetworkPolicy", "release-punctual"),
            [
                (
                    "/spec/egress",
                    json!([{"ports": [{"port": 443}, {"port": 6443}]}]),
                ),
                ("/spec/ingress", json!([{"ports": [{"port": "http"}]}])),
            ],
        ),
        object(
            EVERYTHING,
            ("ServiceMonitor", "release-punctual"),
            [
                ("/metadata/labels/release", json!("prometheus")),
                ("/spec/endpoints/0/interval", json!("30s")),
            ],
        ),
        object(
            EVERYTHING,
            ("ConfigMap", "release-punctual-dashboard"),
            [("/metadata/labels/grafana_dashboard", json!("1"))],
        ),
        object(
            "serviceAccount: {automount: false}",
            ("ServiceAccount", "release-punctual"),
            [("/automountServiceAccountToken", json!(false))],
        ),
        object(
            "{fullnameOverride: short, podDisruptionBudget: {maxUnavailable: 2}}",
            ("PodDisruptionBudget", "short"),
            [("/spec/maxUnavailable", json!(2))],
        ),
    ];
    let mut all = BTreeMap::new();
    for case in cases {
        let rendered = render_once(&mut all, case.values);
        let (kind, name) = case.object;
        let object = rendered.one(kind, name);
        for (path, expected) in case.fields {
            let found = object.pointer(&path).unwrap_or(&Value::Null);
            assert_eq!(
                *found, expected,
                "{path} of {kind} {name} with {:?}",
                case.values
            );
        }
    }
}

#[test]
fn what_is_off_is_not_there() {
    let rows = [
        ("", "NetworkPolicy", "release-punctual"),
        ("", "ServiceMonitor", "release-punctual"),
        ("", "PrometheusRule", "release-punctual"),
        ("", "ConfigMap", "release-punctual-dashboard"),
        ("service: {enabled: false}", "Service", "release-punctual"),
        (
            "podDisruptionBudget: {enabled: false}",
            "PodDisruptionBudget",
            "release-punctual",
        ),
        (
            "serviceAccount: {create: false}",
            "ServiceAccount",
            "release-punctual",
        ),
        // A forgotten value must not be a file without entries: that would remove the schedules.
        ("", "ConfigMap", "release-punctual-schedule"),
        (
            "scheduleFile: {existingConfigMap: mine}",
            "ConfigMap",
            "release-punctual-schedule",
        ),
        (
            "rbac: {aggregate: false}",
            "ClusterRole",
            "release-punctual-view",
        ),
        ("lease: {enabled: false}", "Role", "release-punctual-leases"),
    ];
    let mut all = BTreeMap::new();
    for (values, kind, name) in rows {
        let rendered = render_once(&mut all, values);
        assert!(
            rendered.find(kind, name).is_none(),
            "{kind} {name} with {values:?}"
        );
    }
    let kinds = |rendered: Objects| -> Vec<String> {
        let kinds = rendered
            .0
            .iter()
            .map(|object| object["kind"].as_str().unwrap().to_owned());
        kinds.filter(|kind| kind.contains("Role")).collect()
    };
    assert!(kinds(Render::new(PUNCTUAL, "rbac: {create: false}").objects()).is_empty());
    let of_one_namespace = kinds(Render::new(PUNCTUAL, "watchNamespace: team-a").objects());
    assert!(!of_one_namespace.is_empty());
    for kind in of_one_namespace {
        assert!(!kind.contains("Cluster"), "{kind} with watchNamespace");
    }
}

#[test]
fn a_service_monitor_brings_its_service() {
    let values = "{service: {enabled: false}, serviceMonitor: {enabled: true}}";
    let rendered = Render::new(PUNCTUAL, values).objects();
    let selector = &rendered.one("ServiceMonitor", "release-punctual")["spec"]["selector"];
    let labels = &rendered.one("Service", "release-punctual")["metadata"]["labels"];
    for (label, value) in selector["matchLabels"].as_object().unwrap() {
        assert_eq!(labels[label], *value);
    }
}

#[test]
fn names_fit_whatever_the_release_is_called() {
    let named = |release: &str| {
        let rendered = Render::new(PUNCTUAL, "")
            .released_as(release, "home")
            .objects();
        let mut accounts = rendered
            .0
            .iter()
            .filter(|object| object["kind"] == "ServiceAccount");
        accounts.next().unwrap()["metadata"]["name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(named("punctual"), "punctual");
    assert_eq!(named("my-punctual"), "my-punctual");
    assert_eq!(named("v1.2"), "v1-2-punctual");
    let longest = named("a-release-whose-name-is-as-long-as-helm-lets-it-be");
    assert_eq!(longest, "a-release-whose-name-is-as-long-as-helm");
}

#[test]
fn definitions_are_kept_unless_they_may_go() {
    for (values, policy) in [("", json!("keep")), ("crds: {keep: false}", json!(null))] {
        let rendered = Render::new(CRDS, values).objects();
        assert_eq!(rendered.0.len(), 3);
        for definition in rendered.0 {
            assert_eq!(definition["kind"], "CustomResourceDefinition");
            let annotations = &definition["metadata"]["annotations"];
            assert_eq!(annotations["helm.sh/resource-policy"], policy, "{values}");
            assert_eq!(
                definition["metadata"]["labels"]["app.kubernetes.io/part-of"],
                "punctual"
            );
        }
    }
}
