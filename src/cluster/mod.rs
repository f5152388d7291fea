//! What we touch: the cluster, read and written through the Kubernetes API.

pub mod report;
pub mod run_logs;
