//! stub
use jiff::SignedDuration;
#[derive(Clone)]
pub struct Metrics;
impl Metrics {
    pub fn api_request(&self, _verb: &'static str, _resource: &'static str, _code: u16) {}
    pub fn census(&self, _census: &crate::cluster::cache::Census) {}
    pub fn reconciled(&self, _took: SignedDuration, _ok: bool) {}
    pub fn watch_restarted(&self, _resource: &'static str) {}
}
