//! Builders of schedules.

use serde_json::{Value, json};

use super::kubelet::{EXITS, HELPER, STUCK, TAKES, UNSCHEDULABLE};

/// A schedule in the making.
#[derive(Clone, Debug)]
pub struct Template {
    pub name: String,
    pub spec: Value,
}

/// A schedule whose runs end at once with exit code 0.
pub fn schedule(name: &str, expression: &str) -> Template {
    let spec = json!({
        "schedule": expression,
        "timeZone": "UTC",
        "template": {
            "metadata": {"annotations": {}},
            "spec": {"containers": [{"name": "main", "image": "busybox"}]},
        },
    });
    Template {
        name: name.into(),
        spec,
    }
}

impl Template {
    /// Its runs take this long.
    pub fn takes(self, seconds: f64) -> Self {
        let milliseconds = (seconds * 1000.0) as u64;
        self.annotated(TAKES, &milliseconds.to_string())
    }

    /// Its runs end with this exit code.
    pub fn exits(self, code: u8) -> Self {
        self.annotated(EXITS, &code.to_string())
    }

    /// The containers of its runs wait for this reason, and never start.
    pub fn stuck(self, reason: &str) -> Self {
        self.annotated(STUCK, reason)
    }

    /// Its runs have a second container, which goes on when the main one has ended.
    pub fn helped(self) -> Self {
        let mut helped = self.annotated(HELPER, "").with("mainContainer", "main");
        let containers = helped.spec["template"]["spec"]["containers"].as_array_mut();
        containers
            .expect("a list")
            .push(json!({"name": "helper", "image": "busybox"}));
        helped
    }

    /// No node takes its runs.
    pub fn unschedulable(self) -> Self {
        self.annotated(UNSCHEDULABLE, "")
    }

    /// With this field in its spec.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.spec[field] = value.into();
        self
    }

    fn annotated(mut self, key: &str, value: &str) -> Self {
        self.spec["template"]["metadata"]["annotations"][key] = value.into();
        self
    }
}
