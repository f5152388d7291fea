//! A Prometheus of the test's own, on loopback, set up as the Prometheus operator would by the chart's
//! ServiceMonitor and PrometheusRule.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::{
    SYSTEM,
    command::{checked, get, run, until},
};

/// How long the trouble of an alert must last here, in place of the minutes of the chart. That those are
/// right is proven by promtool (tests/charts/alerts.yaml).
const FOR: &str = "3s";

/// Where the targets are told; in Prometheus' folder.
const TARGETS: &str = "targets.json";

const LOG: &str = "log";

/// It ends with this, by the process that was started.
pub struct Prometheus {
    process: Child,
    url: String,
    folder: PathBuf,
    monitor: Value,
}

impl Prometheus {
    pub fn start() -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("prometheus");
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("the data of an earlier run");
        }
        fs::create_dir_all(&folder).expect("a folder");
        let objects = monitoring_objects();
        let of_kind = |kind: &str| {
            let found = objects.iter().find(|object| object["kind"] == kind);
            found.unwrap_or_else(|| panic!("no {kind}: {objects:?}"))
        };
        // JSON is YAML.
        let write = |name: &str, content: Value| {
            fs::write(folder.join(name), content.to_string()).expect("a file");
        };
        let monitor = of_kind("ServiceMonitor").clone();
        write("prometheus.yml", settings(&monitor));
        write("rules.yml", rules(of_kind("PrometheusRule")));

        let port = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = port.local_addr().expect("its address");
        drop(port);
        let log = fs::File::create(folder.join(LOG)).expect("its log");
        let process = Command::new("prometheus")
            .current_dir(&folder)
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"])
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("make test-e2e puts prometheus into PATH");
        let mut prometheus = Self {
            process,
            url: format!("http://{address}"),
            folder,
            monitor,
        };
        prometheus.discover();
        until("Prometheus is ready", || {
            let ended = prometheus.process.try_wait().expect("whether it has ended");
            assert_eq!(ended, None, "{}", prometheus.log());
            let url = format!("{}/-/ready", prometheus.url);
            let answer = run(
                "curl",
                &["--silent", "--fail", "--noproxy", "*", &url],
                None,
            );
            answer.status.success()
        });
        prometheus
    }

    /// Tells it the targets that there are now.
    pub fn discover(&self) {
        // At once: it reads the file when it changes.
        let new = self.folder.join("targets.new");
        fs::write(&new, targets(&self.monitor).to_string()).expect("a file");
        fs::rename(new, self.folder.join(TARGETS)).expect("the file");
    }

    /// What is under `data` in the answer of its API.
    pub fn ask(&self, path: &str, parameters: &[&str]) -> Value {
        let url = format!("{}/api/v1/{path}", self.url);
        let mut all = vec!["--silent", "--show-error", "--noproxy", "*", "--get", &url];
        for parameter in parameters {
            all.extend(["--data-urlencode", parameter]);
        }
        let answer = checked(&url, run("curl", &all, None));
        let mut answer: Value = serde_json::from_str(&answer).expect("JSON");
        let told = format!("{path} {parameters:?}: {answer}");
        assert_eq!(answer["status"], "success", "{told}");
        assert_eq!(answer["warnings"], Value::Null, "{told}");
        answer["data"].take()
    }

    /// The series that a query finds now.
    pub fn query(&self, query: &str) -> Vec<Value> {
        let data = self.ask("query", &[&format!("query={query}")]);
        assert_eq!(data["resultType"], "vector", "{query}: {data}");
        data["result"].as_array().cloned().unwrap_or_default()
    }

    pub fn finds(&self, query: &str) -> bool {
        !self.query(query).is_empty()
    }

    /// The alerts that are pending or firing.
    pub fn alerts(&self) -> Vec<Value> {
        let data = self.ask("alerts", &[]);
        data["alerts"].as_array().cloned().unwrap_or_default()
    }

    /// Nothing in its log is worse than information.
    pub fn has_no_complaint(&self) {
        let log = self.log();
        let complaints = log.lines().filter(|line| !line.contains("level=info"));
        let complaints: Vec<_> = complaints.collect();
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join(LOG)).expect("its log")
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself, which is as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The objects of the chart that the Prometheus operator reads.
fn monitoring_objects() -> Vec<Value> {
    let template = [
        "template",
        "punctual",
        "charts/punctual",
        "--namespace",
        SYSTEM,
        "--show-only=templates/monitoring.yaml",
        "--set=serviceMonitor.enabled=true,prometheusRule.enabled=true",
    ];
    let text = checked("helm template", run("helm", &template, None));
    let documents = serde_yaml::Deserializer::from_str(&text);
    let objects = documents.map(|document| Value::deserialize(document).expect("YAML"));
    objects.collect()
}

/// What the operator makes of a ServiceMonitor. Debian's Prometheus knows no Kubernetes, so that a file
/// tells it the targets.
fn settings(monitor: &Value) -> Value {
    json!({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "scrape_configs": [{
            "job_name": "punctual",
            "honor_labels": monitor["spec"]["endpoints"][0]["honorLabels"] == true,
            "file_sd_configs": [{"files": [TARGETS]}],
        }],
    })
}

/// The endpoints that a ServiceMonitor means now, with the labels that the operator gives them.
fn targets(monitor: &Value) -> Value {
    let spec = &monitor["spec"];
    let selector = spec["selector"]["matchLabels"].as_object();
    let selector = selector.expect("labels").iter();
    let selector = selector.map(|(name, value)| format!("{name}={}", value.as_str().expect("it")));
    let selector = selector.collect::<Vec<_>>().join(",");
    // A slice has the labels of its Service.
    let slices = get(&["endpointslices", "-n", SYSTEM, "-l", &selector]);
    let mut targets = Vec::new();
    for slice in slices["items"].as_array().into_iter().flatten() {
        let service = &slice["metadata"]["labels"]["kubernetes.io/service-name"];
        let ports = slice["ports"].as_array().cloned().unwrap_or_default();
        let port = |port: &&Value| port["name"] == spec["endpoints"][0]["port"];
        let Some(port) = ports.iter().find(port) else {
            continue;
        };
        for endpoint in slice["endpoints"].as_array().into_iter().flatten() {
            let address = endpoint["addresses"][0].as_str().expect("an address");
            targets.push(json!({
                "targets": [format!("{address}:{}", port["port"])],
                "labels": {
                    "namespace": slice["metadata"]["namespace"],
                    "pod": endpoint["targetRef"]["name"],
                    "service": service,
                    "job": service,
                },
            }));
        }
    }
    json!(targets)
}

/// The rules of a PrometheusRule, whose alerts are in a hurry here.
fn rules(rule: &Value) -> Value {
    let mut spec = rule["spec"].clone();
    for group in spec["groups"].as_array_mut().expect("groups") {
        for rule in group["rules"].as_array_mut().expect("rules") {
            assert!(rule["for"].is_string(), "no duration: {rule}");
            rule["for"] = json!(FOR);
        }
    }
    spec
}
