//! A chart with values → the objects that helm makes of it.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use serde::Deserialize as _;
use serde_json::Value;

pub const PUNCTUAL: &str = "charts/punctual";
pub const CRDS: &str = "charts/punctual-crds";

/// One `helm template`, of the release `release` in the namespace `home`.
pub struct Render<'a> {
    chart: &'a str,
    values: &'a str,
    release: &'a str,
    namespace: &'a str,
    kubernetes: Option<&'a str>,
}

impl<'a> Render<'a> {
    pub fn new(chart: &'a str, values: &'a str) -> Self {
        Self {
            chart,
            values,
            release: "release",
            namespace: "home",
            kubernetes: None,
        }
    }

    pub fn released_as(mut self, release: &'a str, namespace: &'a str) -> Self {
        self.release = release;
        self.namespace = namespace;
        self
    }

    pub fn of_kubernetes(mut self, version: &'a str) -> Self {
        self.kubernetes = Some(version);
        self
    }

    /// What helm prints, or what it complains of.
    pub fn result(&self) -> Result<String, String> {
        let mut flags = vec!["template", self.release, self.chart, "--values", "-"];
        flags.extend(["--namespace", self.namespace]);
        if let Some(version) = self.kubernetes {
            flags.extend(["--kube-version", version]);
        }
        helm(&flags, self.values)
    }

    pub fn text(&self) -> String {
        let (chart, values) = (self.chart, self.values);
        self.result()
            .unwrap_or_else(|told| panic!("{chart} with {values:?}: {told}"))
    }

    pub fn objects(&self) -> Objects {
        Objects::read(&self.text())
    }
}

/// Objects of Kubernetes, in the order in which they were printed.
pub struct Objects(pub Vec<Value>);

impl Objects {
    pub fn read(text: &str) -> Self {
        let documents = serde_yaml::Deserializer::from_str(text)
            .map(|document| Value::deserialize(document).unwrap());
        Self(documents.filter(|object| !object.is_null()).collect())
    }

    pub fn find(&self, kind: &str, name: &str) -> Option<&Value> {
        let mut all = self.0.iter();
        all.find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
    }

    pub fn one(&self, kind: &str, name: &str) -> &Value {
        self.find(kind, name)
            .unwrap_or_else(|| panic!("no {kind} {name} was made"))
    }
}

pub fn helm(flags: &[&str], input: &str) -> Result<String, String> {
    run("helm", flags, input)
}

/// What the program prints, or, if it fails, all that it said.
pub fn run(program: &str, arguments: &[&str], input: &str) -> Result<String, String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; run this test by `make test-charts`"));
    // Who reads no input may be gone before it is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (printed, told) = (text(output.stdout), text(output.stderr));
    if output.status.success() {
        Ok(printed)
    } else {
        Err(printed + &told)
    }
}
