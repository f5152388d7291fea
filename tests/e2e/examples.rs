//! What the repo gives users to begin with.

use crate::{
    SHOP,
    command::{checked, kubectl, run, step, until},
    fires::count_in,
};

/// Most examples are short: they don't say that they are restricted.
const PLAIN: &str = "punctual-e2e-examples";

/// What each does that is due within a minute, by its comment.
const DOES: [(&str, &str); 6] = [
    ("hello", "succeeded"),
    ("never-twice", "skipped"),
    ("failing", "failed"),
    ("queueing", "succeeded"),
    ("retrying", "succeeded"),
    ("main-container", "succeeded"),
];

pub fn each_does_what_it_says() {
    step("apply the examples");
    kubectl(&["create", "namespace", PLAIN]);
    kubectl(&["apply", "-n", PLAIN, "-f", "examples"]);
    for (name, kind) in DOES {
        let what = format!("{name} has {kind}");
        until(&what, || count_in(PLAIN, name, kind) > 0);
    }
    let ready = "--for=condition=Ready";
    let wait = ["wait", ready, "scheduledcontainers", "--all", "-n", PLAIN];
    kubectl(&wait);
    kubectl(&["delete", "namespace", PLAIN, "--timeout=180s"]);
}

pub fn the_hardened_one_runs_where_only_such_may() {
    step("run the hardened example by hand");
    let [file, name] = ["examples/07-hardened.yaml", "nightly-backup"];
    kubectl(&["apply", "-n", SHOP, "-f", file]);
    // As docs/schedules.md says it: it is due at night.
    let now = "punctual.dev/run-requested=$(date -u +%FT%TZ)";
    let command = format!("kubectl -n {SHOP} annotate scheduledcontainer {name} --overwrite {now}");
    checked(&command, run("sh", &["-c", &command], None));
    until("it succeeds", || count_in(SHOP, name, "succeeded") == 1);
    kubectl(&["delete", "-n", SHOP, "-f", file]);
}
