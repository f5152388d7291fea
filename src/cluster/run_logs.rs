//! stub
use crate::core::{run::SeenPod, schedule::Identity};
#[derive(Clone)]
pub struct LogFollower;
impl LogFollower {
    pub fn pod_seen(&self, _: &Identity, _: &SeenPod) {}
    pub fn pod_gone(&self, _: &str) {}
}
