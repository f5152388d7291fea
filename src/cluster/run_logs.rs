//! stub
use crate::core::{run::SeenPod, schedule_ref::ScheduleRef};
#[derive(Clone)]
pub struct LogFollower;
impl LogFollower {
    pub fn pod_seen(&self, _: &ScheduleRef, _: &SeenPod) {}
    pub fn pod_gone(&self, _: &str) {}
}
