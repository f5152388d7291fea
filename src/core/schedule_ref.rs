//! Which schedule something is about.

use std::fmt;

/// The identity of a `ScheduledContainer`: enough to name it in an Event and in a log line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScheduleRef {
    pub namespace: String,
    pub name: String,
    pub uid: String,
}

/// As `namespace/name`.
impl fmt::Display for ScheduleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
