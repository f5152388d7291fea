//! The API server's audit log: who asked for what, when, and when it was answered.

use std::{
    env,
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom},
    path::PathBuf,
};

use anyhow::Context;
use jiff::Timestamp;
use serde::Deserialize;

/// The part of the log that is written from now on.
pub struct Log {
    path: PathBuf,
    start: u64,
}

/// A request that was answered.
pub struct Request {
    pub user: String,
    pub verb: String,
    /// With its subresource, such as `pods/binding`.
    pub resource: String,
    pub namespace: String,
    pub name: String,
    pub code: u16,
    /// When the answer was complete: what was written is durable by then.
    pub answered: Timestamp,
}

impl Request {
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.code)
    }
}

impl Log {
    pub fn from_now() -> anyhow::Result<Self> {
        let path = env::var_os("CLUSTER_AUDIT_LOG")
            .context("CLUSTER_AUDIT_LOG is not set: eval \"$(hack/cluster/cluster env)\" first")?;
        let path = PathBuf::from(path);
        let start = path
            .metadata()
            .with_context(|| format!("can't read the audit log {}", path.display()))?
            .len();
        Ok(Self { path, start })
    }

    /// The requests since then in namespaces whose names begin like this. Those that are never
    /// done, watches, are left out.
    pub fn read(&self, namespaces: &str) -> anyhow::Result<Vec<Request>> {
        let mut file = File::open(&self.path).context("can't read the audit log")?;
        file.seek(SeekFrom::Start(self.start))?;
        let mut requests = Vec::new();
        for line in BufReader::new(file).lines() {
            // The API server may be writing the last line.
            let Ok(line) = serde_json::from_str::<Line>(&line?) else {
                continue;
            };
            if line.stage != "ResponseComplete"
                || line.verb == "watch"
                || !line.object_ref.namespace.starts_with(namespaces)
            {
                continue;
            }
            let object = line.object_ref;
            let resource = match object.subresource {
                Some(sub) => format!("{}/{sub}", object.resource),
                None => object.resource,
            };
            requests.push(Request {
                user: line.user.username,
                verb: line.verb,
                resource,
                namespace: object.namespace,
                name: object.name,
                code: line.response_status.code,
                answered: line.stage_timestamp,
            });
        }
        Ok(requests)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    stage: String,
    verb: String,
    user: User,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: ResponseStatus,
    stage_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct User {
    username: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ObjectRef {
    resource: String,
    subresource: Option<String>,
    namespace: String,
    name: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ResponseStatus {
    code: u16,
}
