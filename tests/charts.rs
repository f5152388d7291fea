//! The Helm charts: what their values make of them, what they refuse, that Kubernetes knows every
//! field of what comes out, and that `deploy/` says the same.
//!
//! It needs helm, kubectl and kubeconform: `make test-charts`.

#[path = "charts/equivalence.rs"]
mod equivalence;
#[path = "charts/policies.rs"]
mod policies;
#[path = "charts/refusals.rs"]
mod refusals;
#[path = "charts/render.rs"]
mod render;
#[path = "charts/values.rs"]
mod values;

use std::{env, fs};

use render::{CRDS, PUNCTUAL, Render, helm, run};

/// Values that bring out every object and every optional field.
const EVERYTHING: &str = include_str!("charts/everything.yaml");
const ONE_NAMESPACE: &str = "watchNamespace: team-a";

/// Between them they render every line of the charts.
const VARIANTS: [(&str, &str); 6] = [
    (PUNCTUAL, ""),
    (PUNCTUAL, EVERYTHING),
    (PUNCTUAL, ONE_NAMESPACE),
    (
        PUNCTUAL,
        "{watchNamespace: team-a, admissionPolicies: {requirePodRights: true}}",
    ),
    (PUNCTUAL, "lease: {enabled: false}"),
    (CRDS, ""),
];

#[test]
fn helm_finds_nothing_to_complain_of() {
    for (chart, values) in VARIANTS {
        let linted = helm(&["lint", "--strict", chart, "--values", "-"], values);
        linted.unwrap_or_else(|told| panic!("{chart} with {values:?}: {told}"));
    }
}

/// kubeconform refuses unknown fields, too.
#[test]
fn the_oldest_and_the_newest_kubernetes_know_every_field() {
    let all = env::var("PUNCTUAL_TEST_SCHEMAS").expect("run this test by `make test-charts`");
    for schemas in all.split(':') {
        let version = schemas
            .rsplit('/')
            .next()
            .expect("it ends with the version");
        let location = format!("{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json");
        let check = |text: &str| {
            let skipped = "ServiceMonitor,PrometheusRule"; // of the Prometheus operator
            let flags = [
                "-strict",
                "-skip",
                skipped,
                "-schema-location",
                &location,
                "-",
            ];
            run("kubeconform", &flags, text)
        };
        for (chart, values) in VARIANTS {
            let text = Render::new(chart, values).of_kubernetes(version).text();
            check(&text).unwrap_or_else(|told| panic!("{version}, {values:?}: {told}"));
        }
        let typo = Render::new(PUNCTUAL, "podSecurityContext: {runAsUzer: 1}").text();
        let told = check(&typo).expect_err("a field that Kubernetes doesn't know");
        assert!(told.contains("runAsUzer"), "{told}");
    }
}

#[test]
fn every_flag_that_the_chart_gives_is_one_of_the_controller() {
    let flags = fs::read_to_string("docs/flags.md").unwrap();
    let start = flags.find("## punctual controller").unwrap();
    let known = flags[start..].split("\n## ").next().unwrap();
    for values in [EVERYTHING, "lease: {enabled: false}", ONE_NAMESPACE] {
        let rendered = Render::new(PUNCTUAL, values).objects();
        let deployment = rendered.one("Deployment", "release-punctual");
        let container = &deployment["spec"]["template"]["spec"]["containers"][0];
        for argument in container["args"].as_array().unwrap().iter().skip(1) {
            let flag = argument.as_str().unwrap().split('=').next().unwrap();
            let is_known = [' ', '`'].map(|end| known.contains(&format!("`{flag}{end}")));
            assert!(is_known.contains(&true), "{flag} is no flag");
        }
    }
}

#[test]
fn alerts_and_dashboard_read_metrics_that_there_are() {
    let known = fs::read_to_string("docs/metrics.md").unwrap();
    for file in ["alerts.yaml", "dashboard.json"] {
        let text = fs::read_to_string(format!("{PUNCTUAL}/files/{file}")).unwrap();
        let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
        let names = text.split(|c| !is_part(c));
        let mut found = 0;
        for name in names.filter(|name| name.starts_with("punctual_")) {
            let base = name.trim_end_matches("_bucket").trim_end_matches("_count");
            let there = known.contains(&format!("`{base}`"));
            assert!(there, "{file} reads {name}: there is no such metric");
            found += 1;
        }
        assert!(found > 3, "{file} names only {found} metrics");
    }
}

#[test]
fn each_alert_fires_for_its_trouble_and_for_nothing_else() {
    let told = run(
        "promtool",
        &["test", "rules", "tests/charts/alerts.yaml"],
        "",
    );
    told.unwrap_or_else(|told| panic!("{told}"));
}

#[test]
fn each_alert_names_a_section_of_the_runbook() {
    let text = fs::read_to_string(format!("{PUNCTUAL}/files/alerts.yaml")).unwrap();
    let alerts: serde_json::Value = serde_yaml::from_str(&text).unwrap();
    let runbook = fs::read_to_string("docs/monitoring.md").unwrap();
    let rules = alerts["groups"][0]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 5);
    for rule in rules {
        let name = rule["alert"].as_str().unwrap();
        assert!(runbook.contains(&format!("\n### {name}\n")), "{name}");
        let link = format!("docs/monitoring.md#{}", name.to_lowercase());
        assert_eq!(rule["annotations"]["runbook"], link.as_str());
    }
}

#[test]
fn the_rule_and_the_dashboard_carry_their_files_as_they_are() {
    let rendered = Render::new(PUNCTUAL, EVERYTHING).objects();
    let file = |name: &str| fs::read_to_string(format!("{PUNCTUAL}/files/{name}")).unwrap();

    let alerts: serde_json::Value = serde_yaml::from_str(&file("alerts.yaml")).unwrap();
    assert_eq!(
        rendered.one("PrometheusRule", "release-punctual")["spec"],
        alerts
    );

    let dashboard = rendered.one("ConfigMap", "release-punctual-dashboard");
    let text = &dashboard["data"]["release-punctual.json"];
    assert_eq!(text.as_str(), Some(&*file("dashboard.json")));
}

#[test]
fn the_notes_say_what_to_do_next() {
    let notes = |values: &str| {
        let flags = [
            "install",
            "release",
            PUNCTUAL,
            "--dry-run=client",
            "--values",
            "-",
        ];
        helm(&flags, values).unwrap()
    };
    let told = notes("");
    for line in [
        "helm -n default install punctual-crds charts/punctual-crds",
        "rollout status deployment/release-punctual",
        "kubectl -n default apply -f - <<END",
    ] {
        assert!(told.contains(line), "no {line:?} in: {told}");
    }
    let told = notes("{watchNamespace: team-a, networkPolicy: {enabled: true}}");
    for line in [
        "the namespace team-a",
        "CalendarNotFound",
        "ports 443, 6443",
    ] {
        assert!(told.contains(line), "no {line:?} in: {told}");
    }
    let traced = "tracing: {endpoint: 'http://a:4318'}, networkPolicy";
    let told = notes(&format!("{{{traced}: {{enabled: true}}}}"));
    assert!(told.contains("keeps traces from http://a:4318"), "{told}");
    let told = notes(&format!(
        "{{{traced}: {{enabled: true, extraEgress: [{{}}]}}}}"
    ));
    assert!(!told.contains("keeps traces"), "{told}");
}
