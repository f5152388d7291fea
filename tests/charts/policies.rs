//! The admission policies: only if they are wanted, for the account of the release, and for its
//! namespace.

use serde_json::{Value, json};

use super::render::{Objects, PUNCTUAL, Render};

const POLICY: &str = "ValidatingAdmissionPolicy";
const BINDING: &str = "ValidatingAdmissionPolicyBinding";

#[test]
fn a_policy_is_made_with_its_binding_only_if_it_is_wanted() {
    let rows = [
        ("", vec![]),
        (
            "admissionPolicies: {requirePodRights: true}",
            vec!["release-punctual-require-pod-rights"],
        ),
        (
            "admissionPolicies: {limitController: true}",
            vec!["release-punctual-limit-controller"],
        ),
    ];
    for (values, wanted) in rows {
        let rendered = Render::new(PUNCTUAL, values).objects();
        for kind in [POLICY, BINDING] {
            assert_eq!(names(&rendered, kind), wanted, "{kind} with {values:?}");
        }
        for name in wanted {
            let binding = rendered.one(BINDING, name);
            assert_eq!(binding["spec"]["policyName"], *name);
            assert_eq!(binding["spec"]["validationActions"], json!(["Deny"]));
            assert_eq!(binding["spec"]["matchResources"], Value::Null);
        }
    }
}

#[test]
fn the_limits_are_for_the_account_of_the_release() {
    let rows = [
        ("", "system:serviceaccount:home:release-punctual"),
        (
            "serviceAccount: {name: mine}",
            "system:serviceaccount:home:mine",
        ),
    ];
    for (account, user) in rows {
        let wanted = "admissionPolicies: {limitController: true}";
        let rendered = Render::new(PUNCTUAL, &format!("{wanted}\n{account}")).objects();
        let policy = rendered.one(POLICY, "release-punctual-limit-controller");
        let condition = &policy["spec"]["matchConditions"][0]["expression"];
        assert_eq!(*condition, format!("request.userInfo.username == '{user}'"));
    }
}

/// The objects are of the whole cluster, so releases for several namespaces need several names.
#[test]
fn with_one_namespace_the_rule_for_users_holds_in_it_alone() {
    let wanted = "admissionPolicies: {requirePodRights: true}";
    let values = format!("{wanted}\nwatchNamespace: team-a");
    let rendered = Render::new(PUNCTUAL, &values).objects();
    let name = "release-punctual-team-a-require-pod-rights";
    assert_eq!(names(&rendered, POLICY), [name]);
    let spec = &rendered.one(BINDING, name)["spec"];
    assert_eq!(spec["policyName"], name);
    assert_eq!(
        spec["matchResources"]["namespaceSelector"]["matchLabels"],
        json!({"kubernetes.io/metadata.name": "team-a"})
    );
}

fn names<'a>(rendered: &'a Objects, kind: &str) -> Vec<&'a str> {
    let of_kind = rendered.0.iter().filter(|object| object["kind"] == kind);
    of_kind
        .map(|object| object["metadata"]["name"].as_str().unwrap())
        .collect()
}
