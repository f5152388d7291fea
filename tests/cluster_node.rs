//! Real runs on a real node: how each end and each obstacle is told, and the schedule file at work.
//!
//! Run with `cargo test --test cluster_node`, on the cluster that `KUBECONFIG` names and whose node
//! has the images `busybox:1.36` and `punctual.local/work:1`.
//! No other controller may look after its namespaces meanwhile: one that is installed on the
//! cluster, or `make demo`.

mod cluster;

use std::{fs, os::unix::fs::symlink, path::Path};

use cluster::{
    controller::Controller,
    history::{History, is_held},
    place::{Place, only_at},
    shell, work,
};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, ResourceQuota};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, PostParams},
};
use punctual::{
    api::{Condition, ConditionStatus, Outcome, RunRecord, ScheduledContainerStatus},
    core::status,
};
use serde_json::{Value, json};

fn main() {
    cluster::run(tests![
        // The long ones first.
        the_sample_file_runs_as_it_stands,
        a_pod_that_takes_more_disk_than_its_limit_is_told_as_evicted,
        the_schedule_file_is_followed_through_edits,
        a_configmap_mount_is_followed_through_its_links,
        an_entry_that_is_gone_is_retired_when_its_run_has_ended,
        a_wrong_entry_is_told_with_its_line_and_stops_no_other,
        the_pods_of_ended_runs_are_kept_within_limits,
        a_success_and_a_refusal_while_active_are_told,
        an_exit_code_is_told_with_the_last_lines,
        a_container_that_takes_too_much_memory_is_told_as_such,
        a_command_that_does_not_exist_is_told,
        a_run_that_takes_too_long_is_stopped,
        a_run_that_no_node_takes_is_told_and_stopped_at_its_deadline,
        a_pod_that_somebody_deletes_while_it_runs_is_told,
        a_missing_configmap_is_told_until_it_is_there,
        an_image_that_can_not_be_pulled_is_told_while_it_waits,
        an_image_that_must_not_be_pulled_is_told_while_it_waits,
        a_run_whose_image_can_not_be_pulled_is_stopped_if_it_shall_be,
        a_run_that_no_node_takes_is_stopped_if_it_shall_be,
        a_run_that_never_gets_ready_is_stopped_if_it_shall_be,
        a_run_that_waits_too_long_is_told_as_stuck,
        a_schedule_whose_runs_fail_pauses_and_goes_on,
        a_helper_that_outlives_the_main_container_is_stopped_with_its_grace,
        a_main_container_that_fails_ends_its_run,
        a_native_sidecar_does_not_decide_how_a_run_ended,
        a_main_container_that_does_not_exist_is_told,
        a_quota_is_told_before_the_first_fire_and_forgotten_when_it_is_gone,
        a_pod_that_security_forbids_is_told_before_the_first_fire,
        a_template_with_an_unknown_field_is_told_before_the_first_fire,
        every_line_of_every_run_is_in_the_log,
        only_the_lines_of_failed_runs_are_in_the_log_if_told_so,
    ])
}

/// A place and its controller.
struct Lab {
    place: Place,
    controller: Controller,
}

impl Lab {
    async fn start(what: &str) -> Self {
        Self::with(what, &[]).await
    }

    async fn with(what: &str, flags: &[&str]) -> Self {
        let place = Place::new(what).await;
        let controller = Controller::start(&place, flags).await;
        Self { place, controller }
    }

    /// A schedule that fires once, in a moment.
    async fn once(&self, name: &str, template: Value, more: Value) {
        let mut spec = json!({
            "schedule": only_at(self.place.in_seconds(2)), "timeZone": "UTC", "template": template,
        });
        for (field, value) in more.as_object().expect("fields") {
            spec[field] = value.clone();
        }
        self.place.put(name, spec).await;
    }

    /// Waits until a run fails, and sees that it is told everywhere: status, Event, log, metric.
    async fn until_failed(&self, name: &str, reason: &str) -> RunRecord {
        let status = self.place.until_ended(name, 1).await;
        let run = status.recent_runs[0].clone();
        assert_eq!(
            (run.outcome, run.reason.as_str()),
            (Outcome::Failed, reason),
            "{status:?}"
        );
        assert_eq!(status.last_outcome.as_deref(), Some(reason));
        let last = status
            .conditions
            .iter()
            .find(|condition| condition.r#type == "LastRunSucceeded")
            .expect("a condition");
        assert_eq!(
            (format!("{:?}", last.status), last.reason.as_str()),
            ("False".into(), reason)
        );
        let event = self.place.until_event(name, reason).await;
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        let record = self.controller.until_record(name, "failed", reason).await;
        assert_eq!(record["level"], "WARN");
        assert_eq!(record["run"], run.name);
        assert_eq!(record["namespace"], self.place.namespace);
        let metric = format!("punctual_runs_total{{outcome=\"Failed\",reason=\"{reason}\"}} 1");
        self.controller.until_metric(&metric).await;
        run
    }

    /// Waits until a run is told to wait, and sees that it is told everywhere while it does.
    async fn until_waiting(&self, name: &str, reason: &str) -> String {
        let waits = |status: &ScheduledContainerStatus| {
            let waiting = status.active.first().and_then(|run| run.waiting.as_ref());
            waiting.is_some_and(|waiting| waiting.reason == reason)
        };
        let what = format!("the run waits for {reason}");
        let status = self.place.until_status(name, &what, waits).await;
        let event = self.place.until_event(name, reason).await;
        assert_eq!(event.type_.as_deref(), Some("Warning"));
        self.controller.until_record(name, "waiting", reason).await;
        let metric = format!("punctual_runs_waiting_total{{reason=\"{reason}\"}} 1");
        self.controller.until_metric(&metric).await;
        let waiting = status.active.into_iter().next().and_then(|run| run.waiting);
        waiting.expect("it was just seen").message
    }

    /// Waits until every word of `what` is skipped for this reason, and sees that it is told.
    async fn until_skipped(&self, name: &str, reason: &str) {
        let skipped = |status: &ScheduledContainerStatus| {
            status.recent_skips.iter().any(|skip| skip.reason == reason)
        };
        let what = format!("a fire is skipped for {reason}");
        self.place.until_status(name, &what, skipped).await;
        self.place.until_event(name, reason).await;
        self.controller.until_record(name, "refused", reason).await;
    }
}

async fn an_exit_code_is_told_with_the_last_lines() {
    let lab = Lab::start("exit").await;
    let template = shell("exec >&2; echo connecting; echo 'error: refused'; exit 3");
    lab.once("fails", template, json!({})).await;
    let run = lab.until_failed("fails", "NonZeroExit").await;
    assert_eq!(run.exit_code, Some(3));
    assert_eq!(run.last_lines, ["connecting", "error: refused"]);
    assert!(run.started.is_some() && run.node.is_some(), "{run:?}");
    let event = lab.place.until_event("fails", "NonZeroExit").await;
    let note = event.note.unwrap_or_default();
    assert!(
        note.contains("code 3") && note.contains("error: refused"),
        "{note}"
    );
    let record = lab
        .controller
        .until_record("fails", "failed", "NonZeroExit")
        .await;
    assert_eq!(record["exit_code"], 3);
    assert_eq!(record["last_lines"], "connecting\nerror: refused");
}

async fn a_container_that_takes_too_much_memory_is_told_as_such() {
    let lab = Lab::start("oom").await;
    let mut template = work(&["eat", "128", "60"]);
    template["spec"]["containers"][0]["resources"] = json!({"limits": {"memory": "32Mi"}});
    lab.once("greedy", template, json!({})).await;
    let run = lab.until_failed("greedy", "OOMKilled").await;
    assert_eq!(run.exit_code, Some(137));
}

async fn a_command_that_does_not_exist_is_told() {
    let lab = Lab::start("command").await;
    let mut template = work(&[]);
    template["spec"]["containers"][0]["command"] = json!(["/does/not/exist"]);
    lab.once("typo", template, json!({})).await;
    let run = lab.until_failed("typo", "ContainerConfigError").await;
    assert!(
        run.message
            .is_some_and(|message| message.contains("/does/not/exist"))
    );
}

async fn a_run_that_takes_too_long_is_stopped() {
    let lab = Lab::start("deadline").await;
    let template = work(&["sleep", "600"]);
    lab.once("slow", template, json!({"activeDeadlineSeconds": 2}))
        .await;
    lab.until_failed("slow", "DeadlineExceeded").await;
}

async fn a_run_that_no_node_takes_is_told_and_stopped_at_its_deadline() {
    let lab = Lab::start("nowhere").await;
    let mut template = work(&["sleep", "1"]);
    template["spec"]["nodeSelector"] = json!({"punctual.dev/no-node": "has-this"});
    lab.once("homeless", template.clone(), json!({})).await;
    lab.until_waiting("homeless", "Unschedulable").await;

    let lab = Lab::start("nowhere").await;
    lab.once("homeless", template, json!({"activeDeadlineSeconds": 3}))
        .await;
    lab.until_failed("homeless", "DeadlineExceeded").await;
    lab.place.until_event("homeless", "Unschedulable").await;
    lab.place
        .until_runs("homeless", "its pod is gone", |pods| pods.is_empty())
        .await;
}

async fn a_pod_that_somebody_deletes_while_it_runs_is_told() {
    let lab = Lab::start("victim").await;
    lab.once("victim", work(&["sleep", "600"]), json!({})).await;
    let pod = lab.place.until_running("victim").await;
    lab.place.delete_pod(&pod).await;
    lab.until_failed("victim", "PodDeleted").await;
}

async fn a_pod_that_takes_more_disk_than_its_limit_is_told_as_evicted() {
    let lab = Lab::start("evicted").await;
    let template = json!({"spec": {
        "terminationGracePeriodSeconds": 1,
        "containers": [{
            "name": "main", "image": "busybox:1.36",
            "command": ["sh", "-c", "dd if=/dev/zero of=/data/big bs=1M count=16; sleep 600"],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        }],
        "volumes": [{"name": "data", "emptyDir": {"sizeLimit": "1Mi"}}],
    }});
    lab.once("filler", template, json!({})).await;
    let run = lab.until_failed("filler", "Evicted").await;
    assert!(run.message.is_some_and(|message| message.contains("data")));
}

async fn a_missing_configmap_is_told_until_it_is_there() {
    let lab = Lab::start("config").await;
    let mut template = work(&["env", "WORD"]);
    template["spec"]["containers"][0]["env"] = json!([{
        "name": "WORD",
        "valueFrom": {"configMapKeyRef": {"name": "words", "key": "word"}},
    }]);
    lab.once("reader", template, json!({})).await;
    let message = lab.until_waiting("reader", "ContainerConfigError").await;
    assert!(message.contains("\"words\" not found"), "{message}");

    let words: ConfigMap = serde_json::from_value(json!({
        "metadata": {"name": "words"}, "data": {"word": "hello"},
    }))
    .expect("a ConfigMap");
    Api::namespaced(lab.place.client.clone(), &lab.place.namespace)
        .create(&PostParams::default(), &words)
        .await
        .expect("it should be made");
    let status = lab.place.until_ended("reader", 1).await;
    assert_eq!(status.counts.succeeded, 1, "{status:?}");
}

async fn an_image_that_can_not_be_pulled_is_told_while_it_waits() {
    let lab = Lab::start("image").await;
    let mut template = work(&["sleep", "1"]);
    template["spec"]["containers"][0]["image"] = "127.0.0.1:9/no/such:image".into();
    lab.place
        .put(
            "typo",
            json!({"schedule": "*/2 * * * * *", "template": template}),
        )
        .await;
    lab.until_waiting("typo", "ImagePullFailed").await;
    // It holds up the next fires, and that is told too.
    lab.until_skipped("typo", "StillActive").await;
}

async fn an_image_that_must_not_be_pulled_is_told_while_it_waits() {
    let lab = Lab::start("never-pull").await;
    let mut template = work(&["sleep", "1"]);
    let container = &mut template["spec"]["containers"][0];
    container["image"] = "punctual.local/absent:1".into();
    container["imagePullPolicy"] = "Never".into();
    lab.once("absent", template, json!({})).await;
    let message = lab.until_waiting("absent", "ImagePullFailed").await;
    assert!(message.contains("punctual.local/absent:1"), "{message}");
}

async fn a_run_whose_image_can_not_be_pulled_is_stopped_if_it_shall_be() {
    let lab = Lab::start("image-stop").await;
    let mut template = work(&["sleep", "1"]);
    template["spec"]["containers"][0]["image"] = "127.0.0.1:9/no/such:image".into();
    let limit = json!({"stuckAfter": {"imagePullSeconds": 3, "action": "Fail"}});
    lab.once("typo", template, limit).await;
    let run = lab.until_failed("typo", "ImagePullFailed").await;
    let message = run.message.unwrap_or_default();
    assert!(
        message.contains("stuckAfter") && message.contains("no/such:image"),
        "{message}"
    );
    let gone = |pods: &[Pod]| pods.is_empty();
    lab.place.until_runs("typo", "its pod is gone", gone).await;
}

async fn a_run_that_no_node_takes_is_stopped_if_it_shall_be() {
    let lab = Lab::start("nowhere-stop").await;
    let mut template = work(&["sleep", "1"]);
    template["spec"]["nodeSelector"] = json!({"punctual.dev/no-node": "has-this"});
    let limit = json!({"stuckAfter": {"unschedulableSeconds": 3, "action": "Fail"}});
    lab.once("homeless", template, limit).await;
    let run = lab.until_failed("homeless", "Unschedulable").await;
    assert!(run.node.is_none() && run.started.is_none(), "{run:?}");
}

async fn a_run_that_never_gets_ready_is_stopped_if_it_shall_be() {
    let lab = Lab::start("unready").await;
    let mut template = work(&["sleep", "600"]);
    template["spec"]["containers"][0]["readinessProbe"] = json!({
        "exec": {"command": ["/does/not/exist"]}, "periodSeconds": 1,
    });
    let limit = json!({"stuckAfter": {"notReadySeconds": 3, "action": "Fail"}});
    lab.once("unready", template, limit).await;
    let run = lab.until_failed("unready", "NotReady").await;
    assert!(run.started.is_some(), "{run:?}");

    // A container without a probe is ready at once.
    let limit = json!({"stuckAfter": {"notReadySeconds": 1, "action": "Fail"}});
    lab.once("ready", work(&["sleep", "4"]), limit).await;
    let status = lab.place.until_ended("ready", 1).await;
    assert_eq!(status.counts.succeeded, 1, "{status:?}");
}

async fn a_run_that_waits_too_long_is_told_as_stuck() {
    let lab = Lab::start("stuck").await;
    let mut template = work(&["sleep", "1"]);
    template["spec"]["containers"][0]["image"] = "127.0.0.1:9/no/such:image".into();
    let limit = json!({"stuckAfter": {"imagePullSeconds": 2}});
    lab.once("typo", template, limit).await;
    let stuck = |status: &ScheduledContainerStatus| {
        let waiting = status.active.first().and_then(|run| run.waiting.as_ref());
        waiting.is_some_and(|waiting| waiting.stuck)
    };
    lab.place.until_status("typo", "it is stuck", stuck).await;
    let event = lab.place.until_event("typo", "RunStuck").await;
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    lab.controller
        .until_record("typo", "stuck", "RunStuck")
        .await;
    lab.controller
        .until_metric("punctual_runs_waiting_total{reason=\"RunStuck\"} 1")
        .await;
}

/// A pod whose main container does this, beside one that goes on until it is told to end.
fn helped(command: &str) -> Value {
    let container = |name: &str, command: &str| json!({"name": name, "image": "busybox:1.36", "command": ["sh", "-c", command]});
    json!({"spec": {
        "terminationGracePeriodSeconds": 8,
        "containers": [
            container(
                "helper",
                "trap 'echo tidying up; sleep 1; echo tidied up; exit 7' TERM; \
                 while true; do sleep 0.1; done",
            ),
            container("main", command),
        ],
    }})
}

async fn a_schedule_whose_runs_fail_pauses_and_goes_on() {
    let lab = Lab::start("trouble").await;
    let spec = json!({
        "schedule": "* * * * * *",
        "template": work(&["fail", "3"]),
        "circuitBreaker": {"failures": 3, "pauseSeconds": 5},
        "overdueAfter": {"fires": 3},
    });
    lab.place.put("failing", spec).await;
    for reason in ["CircuitOpen", "Overdue"] {
        let event = lab.place.until_event("failing", reason).await;
        assert_eq!(event.type_.as_deref(), Some("Warning"));
    }
    let skips = |status: &ScheduledContainerStatus| {
        let mut skips = status.recent_skips.iter();
        skips.any(|skip| skip.reason == "CircuitOpen") && status.counts.failed > 3
    };
    let what = "fires are skipped, and a run tries and fails";
    let status = lab.place.until_status("failing", what, skips).await;
    let row = u64::from(status.consecutive_failures);
    assert_eq!(row, status.counts.failed, "{status:?}");
    assert!(status::condition(&status, "Failing").is_some_and(is_true));
    assert!(status::condition(&status, "Overdue").is_some_and(is_true));

    let mended = json!({"template": work(&["sleep", "0"])});
    lab.place.edit("failing", mended).await;
    for reason in ["CircuitClosed", "InTime"] {
        let event = lab.place.until_event("failing", reason).await;
        assert_eq!(event.type_.as_deref(), Some("Normal"));
    }
    let works = |status: &ScheduledContainerStatus| status.counts.succeeded >= 2;
    let status = lab.place.until_status("failing", "it goes on", works).await;
    assert_eq!(
        (status.paused_until, status.consecutive_failures),
        (None, 0)
    );
    assert!(!status::condition(&status, "Failing").is_some_and(is_true));
    assert!(!status::condition(&status, "Overdue").is_some_and(is_true));
}

fn is_true(condition: &Condition) -> bool {
    condition.status == ConditionStatus::True
}

async fn a_helper_that_outlives_the_main_container_is_stopped_with_its_grace() {
    let lab = Lab::start("helped").await;
    let main = json!({"mainContainer": "main"});
    lab.once("helped", helped("sleep 1"), main).await;
    let status = lab.place.until_ended("helped", 1).await;
    assert_eq!(status.counts.succeeded, 1, "{status:?}");
    assert_eq!(status.recent_runs[0].exit_code, Some(0));
    // The helper had its grace, and its log is there: the pod was not deleted.
    let spoke = |line: &Value| line["message"] == "tidied up" || line["line"] == "tidied up";
    lab.controller
        .until_line("the helper ends well", spoke)
        .await;
    let pods: Api<Pod> = Api::namespaced(lab.place.client.clone(), &lab.place.namespace);
    let pod = pods.get(&status.recent_runs[0].name).await;
    let ended = pod.expect("it is kept").status.expect("a status");
    assert_eq!(ended.phase.as_deref(), Some("Failed"));
}

async fn a_main_container_that_fails_ends_its_run() {
    let lab = Lab::start("helped").await;
    let main = json!({"mainContainer": "main"});
    lab.once("helped", helped("sleep 1; echo no use >&2; exit 3"), main)
        .await;
    let run = lab.until_failed("helped", "NonZeroExit").await;
    assert_eq!(run.exit_code, Some(3), "not the helper's");
    assert_eq!(run.last_lines, ["no use"]);
    let message = run.message.unwrap_or_default();
    assert!(message.contains("\"main\""), "{message}");
}

async fn a_native_sidecar_does_not_decide_how_a_run_ended() {
    let lab = Lab::start("sidecar").await;
    let beside = |command: &str| {
        let mut template = shell(command);
        template["spec"]["terminationGracePeriodSeconds"] = 1.into();
        template["spec"]["initContainers"] = json!([{
            "name": "sidecar", "image": "busybox:1.36", "restartPolicy": "Always",
            "command": ["sh", "-c", "trap '' TERM; while true; do sleep 0.1; done"],
        }]);
        template
    };
    lab.once("good", beside("sleep 1"), json!({})).await;
    lab.once("bad", beside("sleep 1; exit 3"), json!({})).await;
    let status = lab.place.until_ended("good", 1).await;
    assert_eq!(status.counts.succeeded, 1, "{status:?}");
    let run = lab.until_failed("bad", "NonZeroExit").await;
    assert_eq!(run.exit_code, Some(3), "not the sidecar's");
}

async fn a_main_container_that_does_not_exist_is_told() {
    let lab = Lab::start("no-main").await;
    let main = json!({"mainContainer": "mian"});
    lab.once("typo", helped("true"), main).await;
    let ready = lab.place.until_ready("typo", false, "InvalidPod").await;
    let known = "it has \"helper\", \"main\"";
    assert!(ready.message.contains(known), "{}", ready.message);
}

async fn a_quota_is_told_before_the_first_fire_and_forgotten_when_it_is_gone() {
    let lab = Lab::start("quota").await;
    let quotas: Api<ResourceQuota> =
        Api::namespaced(lab.place.client.clone(), &lab.place.namespace);
    let none: ResourceQuota = serde_json::from_value(json!({
        "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}},
    }))
    .expect("a quota");
    quotas
        .create(&PostParams::default(), &none)
        .await
        .expect("it should be made");
    // Before its controller has counted, the quota is refused for another reason.
    let counted = async || {
        let quota = quotas.get("none").await.ok()?;
        quota.status?.hard.filter(|hard| !hard.is_empty())
    };
    cluster::until("the quota is counted", counted).await;

    let spec = json!({"schedule": "@yearly", "template": work(&["sleep", "0.1"])});
    lab.place.put("poor", spec).await;
    lab.place.until_ready("poor", false, "QuotaExceeded").await;
    assert_eq!(lab.place.status("poor").await.last_fire_time, None);
    lab.place
        .edit("poor", json!({"schedule": "* * * * * *"}))
        .await;
    lab.until_skipped("poor", "QuotaExceeded").await;
    let metrics = lab.controller.metrics().await.expect("metrics");
    let counted = "punctual_fires_total{decision=\"skip\",reason=\"QuotaExceeded\"}";
    assert!(metrics.contains(counted), "{metrics}");

    let gone = quotas.delete("none", &DeleteParams::default()).await;
    gone.expect("it should be deleted");
    lab.place.until_ready("poor", true, "Ready").await;
    let status = lab.place.until_ended("poor", 1).await;
    assert_eq!(status.counts.failed, 0, "{status:?}");
}

async fn a_pod_that_security_forbids_is_told_before_the_first_fire() {
    let strict = json!({"pod-security.kubernetes.io/enforce": "restricted"});
    let place = Place::labelled("security", strict).await;
    let controller = Controller::start(&place, &[]).await;
    let lab = Lab { place, controller };
    let spec = json!({"schedule": "@yearly", "template": work(&["sleep", "0.1"])});
    lab.place.put("loose", spec).await;
    let ready = lab
        .place
        .until_ready("loose", false, "PodSecurityViolation")
        .await;
    assert!(ready.message.contains("runAsNonRoot"), "{}", ready.message);
    lab.place
        .edit("loose", json!({"schedule": "* * * * * *"}))
        .await;
    lab.until_skipped("loose", "PodSecurityViolation").await;

    let mut template = work(&["sleep", "0.1"]);
    template["spec"]["securityContext"] = json!({
        "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"},
    });
    template["spec"]["containers"][0]["securityContext"] = json!({
        "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
    });
    lab.place.edit("loose", json!({"template": template})).await;
    lab.place.until_ready("loose", true, "Ready").await;
    let status = lab.place.until_ended("loose", 1).await;
    assert_eq!(status.counts.failed, 0, "{status:?}");
}

async fn a_template_with_an_unknown_field_is_told_before_the_first_fire() {
    let lab = Lab::start("invalid").await;
    let mut template = work(&["sleep", "0.1"]);
    template["spec"]["restartPolcy"] = "Never".into();
    let spec = json!({"schedule": "@yearly", "template": template});
    lab.place.put("typo", spec).await;
    let ready = lab.place.until_ready("typo", false, "InvalidPod").await;
    assert!(ready.message.contains("restartPolcy"), "{}", ready.message);
    assert_eq!(lab.place.status("typo").await.last_fire_time, None);
    lab.place.until_event("typo", "InvalidPod").await;
    lab.controller
        .until_record("typo", "invalid", "InvalidPod")
        .await;

    lab.place
        .edit("typo", json!({"schedule": "* * * * * *"}))
        .await;
    lab.until_skipped("typo", "InvalidPod").await;
    let right = json!({"template": {"spec": {"restartPolcy": null}}});
    lab.place.edit("typo", right).await;
    lab.place.until_ready("typo", true, "Ready").await;
    lab.place.until_ended("typo", 1).await;
}

async fn a_success_and_a_refusal_while_active_are_told() {
    let lab = Lab::start("told").await;
    let history = History::watch(&lab.place).await;
    let spec = json!({"schedule": "* * * * * *", "template": work(&["sleep", "4"])});
    lab.place.put("long", spec).await;
    let status = lab.place.until_ended("long", 1).await;
    let run = &status.recent_runs[0];
    assert_eq!(
        (run.outcome, run.reason.as_str()),
        (Outcome::Succeeded, "Succeeded")
    );
    assert!(run.exit_code.is_none_or(|code| code == 0), "{run:?}");
    assert_eq!(status.last_success_time, Some(run.finished));
    for reason in ["Started", "Succeeded"] {
        let event = lab.place.until_event("long", reason).await;
        assert_eq!(event.type_.as_deref(), Some("Normal"), "{reason}");
        assert!(
            event
                .related
                .is_some_and(|pod| pod.kind.as_deref() == Some("Pod")),
            "{reason}"
        );
    }
    lab.controller
        .until_record("long", "started", "Started")
        .await;
    lab.controller
        .until_record("long", "succeeded", "Succeeded")
        .await;
    lab.until_skipped("long", "StillActive").await;
    let (runs, skips) = history.settle(&lab.place, "long", 1).await;
    assert!(runs >= 1 && skips >= 1);
}

async fn the_pods_of_ended_runs_are_kept_within_limits() {
    let lab = Lab::start("history").await;
    let spec = |fails| {
        json!({
            "schedule": "* * * * * *",
            "successfulRunsHistoryLimit": 2,
            "failedRunsHistoryLimit": 1,
            "template": match fails {
                true => work(&["fail", "1"]),
                false => work(&["sleep", "0.1"]),
            },
        })
    };
    lab.place.put("good", spec(false)).await;
    lab.place.put("bad", spec(true)).await;
    for (name, limit) in [("good", 2), ("bad", 1)] {
        let ended = lab.place.until_ended(name, 4).await;
        lab.place.edit(name, json!({"suspend": true})).await;
        let idle = |status: &ScheduledContainerStatus| {
            status.active.is_empty() && status.next_fire_time.is_none()
        };
        let status = lab.place.until_status(name, "it is quiet", idle).await;
        assert!(status.recent_runs.len() >= ended.recent_runs.len());
        let kept = |pods: &[Pod]| pods.len() == limit;
        let pods = lab
            .place
            .until_runs(name, "only so many are left", kept)
            .await;
        assert!(!pods.iter().any(is_held));
        // The latest are kept.
        let mut kept: Vec<_> = pods.iter().map(ResourceExt::name_any).collect();
        kept.sort_unstable_by(|a, b| b.cmp(a));
        let latest = status.recent_runs.iter().take(limit);
        let latest: Vec<_> = latest.map(|run| run.name.clone()).collect();
        assert_eq!(kept, latest);

        lab.place
            .edit(name, json!({"ttlSecondsAfterFinished": 1}))
            .await;
        lab.place
            .until_runs(name, "none outlives its time", |pods| pods.is_empty())
            .await;
    }
}

fn run_lines(controller: &Controller, schedule: &str) -> Vec<Value> {
    let mut lines = controller.lines();
    lines.retain(|line| line["event"] == "log" && line["schedule"] == schedule);
    lines
}

async fn every_line_of_every_run_is_in_the_log() {
    let lab = Lab::start("lines").await;
    let two = json!({"spec": {
        "containers": [
            {"name": "first", "image": "punctual.local/work:1", "args": ["print", "100"]},
            {"name": "second", "image": "busybox:1.36",
             "command": ["sh", "-c", r"printf 'red \033[31m\a\n'; echo \u202egnp.exe"]},
        ],
    }});
    lab.once("talks", two, json!({})).await;
    let status = lab.place.until_ended("talks", 1).await;
    let run = &status.recent_runs[0].name;
    let all = async || (run_lines(&lab.controller, "talks").len() >= 102).then_some(());
    cluster::until("all lines are in the log", all).await;
    let lines = run_lines(&lab.controller, "talks");
    assert_eq!(lines.len(), 102, "{lines:?}");
    let said = |container: &str| -> Vec<String> {
        let lines = lines.iter().filter(|line| line["container"] == container);
        let text = lines.map(|line| line["message"].as_str().unwrap_or_default().to_owned());
        text.collect()
    };
    let expected: Vec<_> = (1..=100)
        .map(|line| format!("line {line} of 100"))
        .collect();
    assert_eq!(said("first"), expected);
    assert!(
        said("second")[0].starts_with("red "),
        "{:?}",
        said("second")
    );
    for line in &lines {
        assert_eq!(line["namespace"], lab.place.namespace);
        assert_eq!(line["run"], *run);
    }
    for line in lab.controller.raw_lines() {
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
    }
}

async fn only_the_lines_of_failed_runs_are_in_the_log_if_told_so() {
    let lab = Lab::with("failed-lines", &["--run-logs=failed"]).await;
    lab.once("good", shell("echo all is well"), json!({})).await;
    lab.place.until_ended("good", 1).await;
    lab.once("bad", shell("echo all is lost; exit 1"), json!({}))
        .await;
    let line = lab
        .controller
        .until_line("the failed run's line", |line| {
            line["event"] == "log" && line["message"] == "all is lost"
        })
        .await;
    assert_eq!(line["schedule"], "bad");
    assert_eq!(run_lines(&lab.controller, "good").len(), 0);
}

/// A file with one entry that says one word, every second.
fn speaks(word: &str) -> String {
    format!("speaker:\n  cron: '* * * * * *'\n  image: busybox:1.36\n  args: [echo, {word}]\n")
}

/// Waits until the entry says the word.
async fn until_spoken(controller: &Controller, word: &str) {
    controller
        .until_line(word, |line| {
            line["event"] == "log" && line["message"] == word
        })
        .await;
}

async fn with_file(what: &str, path: &Path) -> Lab {
    let file = path.to_str().expect("a plain path");
    Lab::with(what, &["--schedule-file", file]).await
}

async fn the_schedule_file_is_followed_through_edits() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("schedule.yml");
    fs::write(&path, speaks("first")).expect("written");
    let lab = with_file("reload", &path).await;
    until_spoken(&lab.controller, "first").await;
    // In place, as `echo >` does; then as editors do.
    fs::write(&path, speaks("second")).expect("written");
    until_spoken(&lab.controller, "second").await;
    let new = folder.path().join("schedule.yml.new");
    fs::write(&new, speaks("third")).expect("written");
    fs::rename(&new, &path).expect("replaced");
    until_spoken(&lab.controller, "third").await;
    // What can't be read at all changes nothing.
    fs::write(&path, "speaker: [").expect("written");
    lab.controller
        .until_line("the file can't be read", |line| {
            line["reason"] == "InvalidFile"
        })
        .await;
    let ended = lab.place.status("speaker").await.counts;
    lab.place.until_ended("speaker", ended.succeeded + 2).await;
    fs::write(&path, speaks("fourth")).expect("written");
    until_spoken(&lab.controller, "fourth").await;
}

async fn a_configmap_mount_is_followed_through_its_links() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let publish = |version: &str, text: String| {
        fs::create_dir(at(version)).expect("a folder");
        fs::write(at(version).join("schedule.yml"), text).expect("written");
        symlink(version, at("..data_tmp")).expect("a link");
        fs::rename(at("..data_tmp"), at("..data")).expect("swapped");
    };
    publish("..2026_1", speaks("before"));
    symlink("..data/schedule.yml", at("schedule.yml")).expect("a link");
    let lab = with_file("mount", &at("schedule.yml")).await;
    until_spoken(&lab.controller, "before").await;
    publish("..2026_2", speaks("after"));
    fs::remove_dir_all(at("..2026_1")).expect("removed");
    until_spoken(&lab.controller, "after").await;
}

async fn an_entry_that_is_gone_is_retired_when_its_run_has_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("schedule.yml");
    let long = "long: {cron: '* * * * * *', image: busybox:1.36, args: [sleep, '5']}\n";
    fs::write(&path, format!("{long}{}", speaks("hello"))).expect("written");
    let lab = with_file("retire", &path).await;
    lab.place.until_running("long").await;
    fs::write(&path, speaks("goodbye")).expect("written");
    let gone = async || {
        lab.place
            .schedules()
            .get_opt("long")
            .await
            .ok()?
            .is_none()
            .then_some(())
    };
    cluster::until("the schedule is gone", gone).await;
    // Its run was left to its end, and had its last word.
    let told = lab.controller.lines();
    let told = told
        .iter()
        .find(|line| line["schedule"] == "long" && line["event"] == "succeeded");
    assert!(told.is_some(), "it went while its run was active");
    until_spoken(&lab.controller, "goodbye").await;
}

async fn a_wrong_entry_is_told_with_its_line_and_stops_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("schedule.yml");
    fs::write(&path, speaks("before")).expect("written");
    let lab = with_file("wrong", &path).await;
    until_spoken(&lab.controller, "before").await;
    let wrong = "wrong:\n  cron: '75 * * * *'\n  image: busybox:1.36\n";
    fs::write(&path, format!("{}{wrong}", speaks("after"))).expect("written");
    let record = lab
        .controller
        .until_record("wrong", "invalid", "InvalidEntry")
        .await;
    let message = record["message"].as_str().unwrap_or_default();
    assert!(message.contains("schedule.yml:6"), "{message}");
    let event = lab.place.until_event("wrong", "InvalidEntry").await;
    assert_eq!(event.type_.as_deref(), Some("Warning"));
    assert!(
        event
            .note
            .is_some_and(|note| note.contains("schedule.yml:6"))
    );
    until_spoken(&lab.controller, "after").await;
    lab.controller
        .until_metric("punctual_schedule_file_problems 1")
        .await;
}

async fn the_sample_file_runs_as_it_stands() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let place = Place::new("sample").await;
    let mut text = fs::read_to_string(root.join("schedule.yml.sample")).expect("the sample");
    // As it stands, but in a place of its own, and nobody waits for half past three.
    for (from, to) in [
        (
            "namespace: default",
            format!("namespace: {}", place.namespace).as_str(),
        ),
        ("\"30 3 * * mon-fri\"", "\"*/5 * * * * *\""),
        ("\"0 */5 * * * *\"", "\"*/5 * * * * *\""),
    ] {
        assert!(
            text.contains(from),
            "the sample doesn't say {from} any more"
        );
        text = text.replace(from, to);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("schedule.yml.sample");
    fs::write(&path, text).expect("written");
    let templates = folder.path().join("examples/templates");
    fs::create_dir_all(&templates).expect("a folder");
    fs::copy(
        root.join("examples/templates/report.yaml"),
        templates.join("report.yaml"),
    )
    .expect("copied");

    let history = History::watch(&place).await;
    let file = path.to_str().expect("a plain path");
    let controller = Controller::start(&place, &["--schedule-file", file]).await;
    controller
        .until_line("the file is read", |line| {
            line["message"] == "read the schedule file"
        })
        .await;
    for name in ["hello", "nightly", "counting", "report"] {
        let status = place.until_ended(name, 1).await;
        assert_eq!(status.counts.failed, 0, "{name}: {status:?}");
    }
    let status = place.until_ended("flaky", 1).await;
    assert_eq!(status.recent_runs[0].exit_code, Some(3));
    place.until_event("slow", "StillActive").await;
    let status = place.until_ended("slow", 1).await;
    assert_eq!(status.counts.failed, 0, "slow: {status:?}");
    let resting = [
        ("disabled", "Disabled"),
        ("office", "Suspended"),
        ("paused", "Suspended"),
    ];
    for (name, reason) in resting {
        place.until_ready(name, true, reason).await;
        assert_eq!(history.starts(name).len(), 0);
    }
    let all = place
        .schedules()
        .list(&Default::default())
        .await
        .expect("schedules");
    for schedule in all.iter().map(ResourceExt::name_any) {
        assert!(
            resting.iter().any(|(name, _)| *name == schedule)
                || !history.starts(&schedule).is_empty(),
            "{schedule} did not start"
        );
    }
    let problem = controller
        .lines()
        .into_iter()
        .find(|line| line["reason"] == "InvalidEntry");
    assert_eq!(problem, None);
}
