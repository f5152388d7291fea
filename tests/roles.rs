//! What docs/security.md says of the controller's rights is what deploy/rbac.yaml grants.

use std::{fs, path::Path};

use serde::Deserialize as _;
use serde_json::Value;

const HEADING: &str = "| API group | resources | verbs | why |";

#[test]
fn the_page_on_security_lists_every_right_of_the_controller_and_no_other() {
    assert_eq!(told(), granted());
}

/// API group, resources and verbs, as the page has them.
fn told() -> Vec<[String; 3]> {
    let page = read("docs/security.md");
    let lines = page.lines().skip_while(|line| *line != HEADING).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row.split('|').skip(1).map(|cell| cell.replace('`', ""));
        [(); 3].map(|()| cells.next().unwrap().trim().to_owned())
    })
    .collect()
}

/// The same of every rule, in the order of the file.
fn granted() -> Vec<[String; 3]> {
    let manifests = read("deploy/rbac.yaml");
    let objects = serde_yaml::Deserializer::from_str(&manifests)
        .map(|document| Value::deserialize(document).unwrap());
    let mut rights = Vec::new();
    for object in objects {
        for rule in object["rules"].as_array().into_iter().flatten() {
            rights.push(["apiGroups", "resources", "verbs"].map(|field| words(&rule[field])));
        }
    }
    assert!(rights.len() > 5, "only {} rules were found", rights.len());
    rights
}

fn words(list: &Value) -> String {
    let all = list.as_array().unwrap().iter();
    let all = all.map(|word| match word.as_str().unwrap() {
        "" => "core",
        word => word,
    });
    all.collect::<Vec<_>>().join(", ")
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}
