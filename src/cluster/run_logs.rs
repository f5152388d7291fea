//! stub
use crate::core::{run::SeenPod, schedule_ref::ScheduleRef};
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum RunLogs {
    Off,
    Failed,
    All,
}
#[derive(Clone)]
pub struct LogFollower;
impl LogFollower {
    pub fn new(
        _: RunLogs,
        _: kube::Client,
        _: crate::metrics::Metrics,
        _: jiff::Timestamp,
    ) -> Self {
        Self
    }
    pub fn pod_seen(&self, _: &ScheduleRef, _: &SeenPod) {}
    pub fn pod_gone(&self, _: &str) {}
}
