//! The custom resource definition and the manifests on a real API server, through a real kubectl.
//!
//! Run with `cargo test --test cluster_crd`, on the cluster that `KUBECONFIG` names. It installs
//! the definition and leaves it there; all else is in namespaces of its own, or a dry run.

mod cluster;

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
    sync::LazyLock,
    time::Duration,
};

use serde_json::{Value, json};

/// The folder of the definitions.
const DEFINITIONS: &str = "crds";

#[test]
fn a_client_side_apply_installs_the_definition_without_a_warning() {
    let cluster = cluster();
    let answer = cluster.run(&["apply", "--server-side=false", "-k", DEFINITIONS], "");
    assert!(answer.ok, "{}", answer.text);
    assert!(!answer.text.contains("Warning"), "{}", answer.text);
}

#[test]
fn what_is_right_is_accepted() {
    for (what, path, value) in [
        (
            "five fields",
            "/spec/schedule",
            json!("*/5 9-17 * * mon-fri"),
        ),
        ("six fields", "/spec/schedule", json!("0 */5 * * * ?")),
        ("seven fields", "/spec/schedule", json!("0 0 12 1 1 ? 2099")),
        ("last Friday", "/spec/schedule", json!("0 18 * * 5L")),
        ("blanks around", "/spec/schedule", json!("  0\t3 * * *  ")),
        ("a name", "/spec/schedule", json!("@daily")),
        ("an interval", "/spec/schedule", json!("@every 1h30m")),
        ("disabled", "/spec/schedule", json!("")),
        ("no several", "/spec/schedules", json!([])),
        ("a window", "/spec", {
            let mut spec = schedule("example")["spec"].clone();
            spec["notBefore"] = json!("2026-01-01T00:00:00+01:00");
            spec["notAfter"] = json!("2026-01-01T00:00:00Z");
            spec
        }),
        ("several", "/spec", {
            let mut spec = schedule("example")["spec"].clone();
            spec["schedule"] = json!(null);
            spec["schedules"] = json!(vec![
                json!({"schedule": "@daily", "timeZone": "Asia/Tokyo"});
                32
            ]);
            spec
        }),
        (
            "a zone in three parts",
            "/spec/timeZone",
            json!("America/Argentina/Buenos_Aires"),
        ),
        ("an offset zone", "/spec/timeZone", json!("Etc/GMT+5")),
        ("an old zone", "/spec/timeZone", json!("EST5EDT")),
        ("no zone", "/spec/timeZone", json!(null)),
        ("the longest name", "/metadata/name", json!("n".repeat(63))),
        (
            "the longest deadline",
            "/spec/activeDeadlineSeconds",
            json!(31_536_000),
        ),
        ("no history", "/spec/failedRunsHistoryLimit", json!(0)),
        (
            "restarts",
            "/spec/template/spec/restartPolicy",
            json!("OnFailure"),
        ),
        (
            "what `kubectl create` prints",
            "/spec/template/metadata",
            json!({"creationTimestamp": null}),
        ),
        ("a queue that there is not", "/spec/queueLimit", json!(2)),
        ("a limit of another policy", "/spec/maxActive", json!(2)),
        (
            "exit codes of one kind",
            "/spec/retry",
            json!({"limit": 1, "onExitCodes": [], "notOnExitCodes": [64]}),
        ),
        (
            "a number or a name",
            "/spec/template/spec/containers/0/livenessProbe",
            json!({"httpGet": {"port": "web"}}),
        ),
        (
            "a quantity",
            "/spec/template/spec/containers/0/resources",
            json!({"limits": {"cpu": 1, "memory": "1Gi"}}),
        ),
    ] {
        let answer = cluster().dry_run(&with(path, value));
        assert!(answer.ok, "{what}: {}", answer.text);
    }
}

#[test]
fn what_is_wrong_is_refused_and_the_answer_says_the_way_out() {
    for (what, path, value, says) in [
        (
            "a block of text",
            "/spec/schedule",
            json!("0 3 * * *\n"),
            "in YAML write it in quotes",
        ),
        (
            "a letter of no field",
            "/spec/schedule",
            json!("ä * * * *"),
            "one line of plain characters",
        ),
        (
            "a zone before it",
            "/spec/schedule",
            json!("TZ=UTC 0 3 * * *"),
            "set spec.timeZone instead",
        ),
        (
            "a zone before a name",
            "/spec/schedule",
            json!(" CRON_TZ=UTC @daily"),
            "set spec.timeZone instead",
        ),
        (
            "four fields",
            "/spec/schedule",
            json!("* * * *"),
            "must have 5 fields",
        ),
        (
            "eight fields",
            "/spec/schedule",
            json!("* * * * * * * *"),
            "must have 5 fields",
        ),
        (
            "a long text",
            "/spec/schedule",
            json!(format!("@every {}s", "1".repeat(1024))),
            "spec.schedule: Too long",
        ),
        (
            "no text",
            "/spec/schedule",
            json!(5),
            "spec.schedule in body must be of type string",
        ),
        (
            "nothing",
            "/spec/schedule",
            json!(null),
            "give exactly one of schedule and schedules",
        ),
        (
            "a path as zone",
            "/spec/timeZone",
            json!("../etc/passwd"),
            "name of an IANA time zone",
        ),
        (
            "an absolute zone",
            "/spec/timeZone",
            json!("/Europe/Berlin"),
            "name of an IANA time zone",
        ),
        (
            "a zone with a blank",
            "/spec/timeZone",
            json!("Europe/New York"),
            "name of an IANA time zone",
        ),
        ("an empty zone", "/spec/timeZone", json!(""), "leave it out"),
        (
            "a long name",
            "/metadata/name",
            json!("n".repeat(64)),
            "at most 63 characters",
        ),
        (
            "an endless run",
            "/spec/template/spec/restartPolicy",
            json!("Always"),
            "use Never or OnFailure",
        ),
        (
            "another policy",
            "/spec/concurrencyPolicy",
            json!("forbid"),
            r#"supported values: "Forbid""#,
        ),
        (
            "no time at all",
            "/spec/activeDeadlineSeconds",
            json!(0),
            "greater than or equal to 1",
        ),
        (
            "two years",
            "/spec/startingDeadlineSeconds",
            json!(63_072_000),
            "less than or equal to 31536000",
        ),
        (
            "half a second",
            "/spec/ttlSecondsAfterFinished",
            json!(1.5),
            "must be of type int", // int64, or in 1.30: integer
        ),
        (
            "a long history",
            "/spec/successfulRunsHistoryLimit",
            json!(101),
            "less than or equal to 100",
        ),
        (
            "no container",
            "/spec/template/spec/containers",
            json!([]),
            "at least 1 items",
        ),
        (
            "no template",
            "/spec/template",
            json!(null),
            "spec.template: Required value",
        ),
        (
            "args that are no list",
            "/spec/template/spec/containers/0/args",
            json!("echo"),
            "spec.template.spec.containers[0].args in body must be of type array",
        ),
        (
            "a mount without a path",
            "/spec/template/spec/containers/0/volumeMounts",
            json!([{"name": "v"}]),
            "spec.template.spec.containers[0].volumeMounts[0].mountPath: Required value",
        ),
        (
            "a label that is no text",
            "/spec/template/metadata",
            json!({"labels": {"a": 1}}),
            "spec.template.metadata.labels.a in body must be of type string",
        ),
        (
            "schedule and schedules",
            "/spec/schedules",
            json!([{"schedule": "@daily"}]),
            "give exactly one of schedule and schedules",
        ),
        (
            "too many schedules",
            "/spec/schedules",
            json!(vec![json!({"schedule": "@daily"}); 33]),
            "must have at most 32 items",
        ),
        (
            "a long exclude",
            "/spec/excludes",
            json!(["*".repeat(257)]),
            "spec.excludes[0]: Too long",
        ),
        (
            "an empty exclude",
            "/spec/excludes",
            json!([""]),
            "at least 1 chars long",
        ),
        (
            "much jitter",
            "/spec/jitterSeconds",
            json!(86_401),
            "less than or equal to 86400",
        ),
        (
            "an action that there is not",
            "/spec/calendars",
            json!([{"name": "a", "action": "skip"}]),
            r#"supported values: "Exclude""#,
        ),
        (
            "a typo in a calendar",
            "/spec/calendars",
            json!([{"name": "a", "use": "Include"}]),
            r#"unknown field "spec.calendars[0].use""#,
        ),
        (
            "exit codes of both kinds",
            "/spec/retry",
            json!({"limit": 1, "onExitCodes": [1], "notOnExitCodes": [64]}),
            "give either onExitCodes or notOnExitCodes",
        ),
        (
            "a typo of our field",
            "/spec/timezone",
            json!("UTC"),
            r#"unknown field "spec.timezone""#,
        ),
    ] {
        let answer = cluster().dry_run(&with(path, value));
        assert!(!answer.ok, "{what} was accepted");
        assert!(answer.text.contains(says), "{what}: {}", answer.text);
    }
}

#[test]
fn a_window_that_ends_before_it_begins_is_refused() {
    let mut object = with("/spec/notBefore", json!("2026-01-01T00:00:00Z"));
    object["spec"]["notAfter"] = json!("2026-01-01T00:00:00+01:00");
    let answer = cluster().dry_run(&object);
    assert!(
        !answer.ok && answer.text.contains("notAfter is before notBefore"),
        "{}",
        answer.text
    );
}

#[test]
fn fields_of_a_newer_kubernetes_are_kept() {
    for path in [
        "/spec/template/spec/novel",
        "/spec/template/metadata/novel",
        "/spec/template/spec/containers/0/novel",
        "/spec/template/spec/containers/0/resources/novel",
    ] {
        let novel = json!({"level": ["deep"]});
        let kept = cluster().dry_run(&with(path, novel.clone())).json();
        assert_eq!(kept.pointer(path), Some(&novel), "{path}");
    }
}

#[test]
fn what_is_left_out_is_filled_in() {
    let spec = cluster().dry_run(&schedule("defaults")).json()["spec"].clone();
    assert_eq!(spec["suspend"], false);
    assert_eq!(spec["concurrencyPolicy"], "Forbid");
    assert_eq!(spec["successfulRunsHistoryLimit"], 3);
    assert_eq!(spec["failedRunsHistoryLimit"], 1);
    assert_eq!(spec.get("timeZone"), None);
}

#[test]
fn the_examples_are_accepted() {
    let answer = cluster().run(&["apply", "--dry-run=server", "-f", "examples"], "");
    assert!(answer.ok, "{}", answer.text);
}

#[test]
fn kubectl_explains_the_fields() {
    let answer = cluster().run(&["explain", "scheduledcontainer.spec"], "");
    for says in [
        "timeZone\t<string>",
        "enum: Forbid, Queue, Replace, Allow",
        "Europe/Berlin",
    ] {
        assert!(answer.text.contains(says), "{says}: {}", answer.text);
    }
}

#[test]
fn status_is_written_apart_from_the_spec_and_shown_in_columns() {
    let namespace = Namespace::create("status");
    let put = |object: &Value| namespace.run(&["apply", "-f", "-"], &object.to_string());

    let mut written = with("/spec/description", json!("Says hello."));
    written["status"] = json!({"lastOutcome": "Forged"});
    let answer = put(&written);
    assert!(answer.ok, "{}", answer.text);
    assert_eq!(
        namespace.get("example").get("status"),
        None,
        "a user wrote status"
    );

    let status = json!({
        "spec": {"suspend": true},
        "status": {
            "lastOutcome": "Succeeded",
            "nextFireTime": "2099-01-01T00:00:00+01:00",
            "active": [{"name": "example-1", "uid": "u", "fireTime": "2026-01-01T00:00:00Z", "claimTime": "2026-01-01T00:00:00Z"}],
            "counts": {"succeeded": 1},
            "conditions": [condition("Ready")],
        },
    });
    let answer = namespace.patch_status(&status);
    assert!(answer.ok, "{}", answer.text);
    let stored = namespace.get("example");
    assert_eq!(
        stored["spec"]["suspend"], false,
        "a write of status changed the spec"
    );
    assert_eq!(stored["metadata"]["generation"], 1);
    assert_eq!(
        stored["status"]["counts"],
        json!({"succeeded": 1, "failed": 0, "skipped": 0})
    );

    let twice = json!({"status": {"conditions": [condition("Ready"), condition("Ready")]}});
    let answer = namespace.patch_status(&twice);
    assert!(answer.text.contains("Duplicate value"), "{}", answer.text);

    let table = namespace.run(&["get", "schc", "-o", "wide"], "").text;
    let mut lines = table.lines();
    let head = lines.next().unwrap_or_default();
    for column in [
        "NAME",
        "SCHEDULE",
        "TIME ZONE",
        "SUSPENDED",
        "ACTIVE",
        "LAST RUN",
        "LAST OUTCOME",
        "NEXT RUN",
        "AGE",
        "READINESS",
        "SCHEDULES",
        "DESCRIPTION",
    ] {
        assert!(head.contains(column), "no {column} in: {head}");
    }
    let row = lines.next().unwrap_or_default();
    for cell in [
        "* * * * *",
        "example-1",
        "Succeeded",
        "2099-01-01T00:00:00+01:00",
        "AsTold",
        "Says hello.",
    ] {
        assert!(row.contains(cell), "no {cell} in: {row}");
    }
}

#[test]
fn the_manifests_are_accepted_and_ask_for_little() {
    let namespace = Namespace::create("deploy");
    // The strictest level of Pod Security says what is wrong with the Deployment's pods.
    let label = "pod-security.kubernetes.io/warn=restricted";
    namespace.run(&["label", "namespace", &namespace.0, label], "");

    let manifests = cluster().run(&["kustomize", "deploy"], "").text;
    let moved = manifests.replace("punctual-system", &namespace.0);
    let answer = namespace.run(&["apply", "--dry-run=server", "-f", "-"], &moved);
    assert!(answer.ok, "{}", answer.text);
    assert!(answer.text.contains("deployment.apps/punctual created"));
    assert!(!answer.text.contains("would violate"), "{}", answer.text);

    let role = fs::read_to_string(root().join("deploy/rbac.yaml")).unwrap();
    assert!(!role.contains('*'), "a wildcard in deploy/rbac.yaml");
}

struct Cluster;

struct Answer {
    ok: bool,
    /// What kubectl printed, and then what it complained of.
    text: String,
    out: String,
}

impl Answer {
    fn json(&self) -> Value {
        assert!(self.ok, "{}", self.text);
        serde_json::from_str(&self.out).unwrap()
    }
}

impl Cluster {
    /// Runs kubectl in the repository.
    fn run(&self, arguments: &[&str], input: &str) -> Answer {
        let mut kubectl = Command::new("kubectl")
            .arg(format!("--context={}", cluster::context()))
            .args(arguments)
            .current_dir(root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("these tests need kubectl in PATH");
        let mut stdin = kubectl.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        let output = kubectl.wait_with_output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        Answer {
            ok: output.status.success(),
            text: format!("{out}{}", String::from_utf8_lossy(&output.stderr)),
            out,
        }
    }

    fn dry_run(&self, object: &Value) -> Answer {
        let arguments = ["apply", "--dry-run=server", "-o", "json", "-f", "-"];
        self.run(&arguments, &object.to_string())
    }
}

/// The cluster, with the definition on it.
fn cluster() -> &'static Cluster {
    static INSTALLED: LazyLock<Cluster> = LazyLock::new(|| {
        let cluster = Cluster;
        let applied = cluster.run(&["apply", "-k", DEFINITIONS], "");
        assert!(applied.ok, "{}", applied.text);
        let kinds = [
            "scheduledcontainers",
            "schedulecalendars",
            "clusterschedulecalendars",
        ];
        for (kind, condition) in kinds
            .into_iter()
            .flat_map(|kind| ["NamesAccepted", "Established"].map(|condition| (kind, condition)))
        {
            let crd = &format!("crd/{kind}.punctual.dev");
            let condition = format!("--for=condition={condition}");
            // A definition that is so new that it has no conditions yet is an error to `kubectl wait`.
            let waited = (0..100).any(|_| {
                let ok = cluster
                    .run(&["wait", &condition, crd, "--timeout=60s"], "")
                    .ok;
                if !ok {
                    std::thread::sleep(Duration::from_millis(100));
                }
                ok
            });
            assert!(waited, "the definition is not established");
        }
        // The API server publishes a new definition's texts a moment after it is established.
        let published = || cluster.run(&["explain", "scheduledcontainer.spec"], "");
        let published = (0..100).any(|_| {
            let ok = published().ok;
            if !ok {
                std::thread::sleep(Duration::from_millis(200));
            }
            ok
        });
        assert!(published, "kubectl explain doesn't know the definition");
        cluster
    });
    &INSTALLED
}

/// A namespace that goes with the test.
struct Namespace(String);

impl Namespace {
    fn create(what: &str) -> Self {
        let name = format!("punctual-crd-{what}-{}", std::process::id());
        let created = cluster().run(&["create", "namespace", &name], "");
        assert!(created.ok, "{}", created.text);
        Self(name)
    }

    fn run(&self, arguments: &[&str], input: &str) -> Answer {
        let mut all = vec!["--namespace", &self.0];
        all.extend(arguments);
        Cluster.run(&all, input)
    }

    fn get(&self, name: &str) -> Value {
        self.run(&["get", "scheduledcontainer", name, "-o", "json"], "")
            .json()
    }

    fn patch_status(&self, patch: &Value) -> Answer {
        let patch = patch.to_string();
        let arguments = [
            "patch",
            "scheduledcontainer",
            "example",
            "--subresource=status",
            "--type=merge",
            "-p",
            &patch,
        ];
        self.run(&arguments, "")
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        Cluster.run(&["delete", "namespace", &self.0, "--wait=false"], "");
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn schedule(name: &str) -> Value {
    json!({
        "apiVersion": "punctual.dev/v1alpha1",
        "kind": "ScheduledContainer",
        "metadata": {"name": name},
        "spec": {
            "schedule": "* * * * *",
            "template": {
                "metadata": {},
                "spec": {"containers": [{"name": "main", "image": "busybox:1.36", "resources": {}}]},
            },
        },
    })
}

/// A schedule with one field set, or taken out by null.
fn with(path: &str, value: Value) -> Value {
    let mut object = schedule("example");
    let (parent, field) = path.rsplit_once('/').unwrap();
    let parent = object.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => parent.remove(field),
        value => parent.insert(field.to_owned(), value),
    };
    object
}

fn condition(r#type: &str) -> Value {
    json!({
        "type": r#type, "status": "True", "reason": "AsTold", "message": "As told.",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}
