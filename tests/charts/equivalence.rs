//! `kubectl apply -k deploy` and the charts with their own values and a schedule file make the same
//! objects, but for what is listed here.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::render::{CRDS, Objects, PUNCTUAL, Render, run};

/// What helm adds to every object.
const LABELS_OF_HELM: [&str; 3] = [
    "helm.sh/chart",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
];

const NAMESPACE: &str = "punctual-system";

#[test]
fn deploy_and_the_charts_make_the_same_objects() {
    let mut charts = of_the_chart("scheduleFile: {content: \"{}\"}");
    let definitions = Render::new(CRDS, "").released_as("punctual-crds", NAMESPACE);
    charts.0.extend(definitions.objects().0);
    same("deploy", charts);
}

#[test]
fn deploy_and_the_chart_make_the_same_policies() {
    let mut charts =
        of_the_chart("admissionPolicies: {requirePodRights: true, limitController: true}");
    let is_of_policy = |kind: &str| kind.starts_with("ValidatingAdmission");
    charts
        .0
        .retain(|it| is_of_policy(it["kind"].as_str().unwrap()));
    assert_eq!(charts.0.len(), 4, "two policies, each with its binding");
    same("deploy/policies", charts);
}

fn of_the_chart(values: &str) -> Objects {
    let chart = Render::new(PUNCTUAL, values);
    chart.released_as("punctual", NAMESPACE).objects()
}

fn same(folder: &str, charts: Objects) {
    let built = run("kubectl", &["kustomize", folder], "").unwrap();
    let deploy = by_name(Objects::read(&built));
    let charts = by_name(charts);

    let names = |all: &BTreeMap<String, Value>| all.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&deploy), names(&charts));
    for (name, object) in &deploy {
        let mut differences = Vec::new();
        compare("", object, &charts[name], &mut differences);
        assert!(
            differences.is_empty(),
            "{name}: {folder} and the chart differ:\n{}",
            differences.join("\n")
        );
    }
}

/// The objects without what may differ, each by its kind and name.
fn by_name(objects: Objects) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for mut object in objects.0 {
        let kind = object["kind"].as_str().unwrap().to_owned();
        // `helm --create-namespace` makes it.
        if kind == "Namespace" {
            continue;
        }
        let metadata = object["metadata"].as_object_mut().unwrap();
        let labels = metadata["labels"].as_object_mut().unwrap();
        labels.retain(|label, _| !LABELS_OF_HELM.contains(&label.as_str()));
        if kind == "CustomResourceDefinition" {
            // They are of a release of their own, which may go without them.
            labels.remove("app.kubernetes.io/instance");
            metadata.remove("annotations");
        }
        if kind == "ConfigMap" {
            // The file of deploy/ explains itself in comments.
            let file = &mut object["data"]["schedule.yml"];
            *file = serde_yaml::from_str(file.as_str().unwrap()).unwrap();
        }
        let name = object["metadata"]["name"].as_str().unwrap();
        all.insert(format!("{kind} {name}"), object);
    }
    all
}

/// Each field that isn't the same, by its path.
fn compare(path: &str, deploy: &Value, chart: &Value, differences: &mut Vec<String>) {
    match (deploy, chart) {
        (Value::Object(deploy), Value::Object(chart)) => {
            let known = |map: &Map<String, Value>| map.keys().cloned().collect::<Vec<_>>();
            let mut keys = [known(deploy), known(chart)].concat();
            keys.sort();
            keys.dedup();
            for key in keys {
                let of = |map: &Map<String, Value>| map.get(&key).cloned().unwrap_or_default();
                compare(
                    &format!("{path}.{key}"),
                    &of(deploy),
                    &of(chart),
                    differences,
                );
            }
        }
        (Value::Array(these), Value::Array(those)) if these.len() == those.len() => {
            for (index, (this, that)) in these.iter().zip(those).enumerate() {
                compare(&format!("{path}[{index}]"), this, that, differences);
            }
        }
        (deploy, chart) if deploy == chart => {}
        (deploy, chart) => differences.push(format!("{path}: {deploy} and {chart}")),
    }
}
