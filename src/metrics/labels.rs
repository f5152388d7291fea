//! The labels of the metrics: every value is from a closed list.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

use super::api_request::{Resource, Verb};
use crate::api::Outcome;
use crate::core::reason::Reason;

/// What a schedule can be: one of the first four, and any of the last three besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "the names are the label's values")]
pub enum ScheduleState {
    ready,
    suspended,
    disabled,
    invalid,
    overdue,
    failing,
    paused,
}

/// How a Lease ceased to be ours, or came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "the names are the label's values")]
pub enum LeaseChange {
    gained,
    released,
    lost,
}

/// How far a start has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "the names are the label's values")]
pub(super) enum Phase {
    claimed,
    released,
    scheduled,
    running,
}

impl Phase {
    pub fn next(self) -> Option<Self> {
        match self {
            Self::claimed => Some(Self::released),
            Self::released => Some(Self::scheduled),
            Self::scheduled => Some(Self::running),
            Self::running => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "the names are the label's values")]
pub(super) enum Decision {
    run,
    skip,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct FireLabels {
    pub decision: Decision,
    pub reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RunLabels {
    pub outcome: Outcome,
    pub reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ReasonLabel {
    pub reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StateLabel {
    pub state: ScheduleState,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct PhaseLabel {
    pub phase: Phase,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ChangeLabel {
    pub change: LeaseChange,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ResourceLabel {
    pub resource: Resource,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ApiLabels {
    pub verb: Verb,
    pub resource: Resource,
    pub code: u32,
}

impl EncodeLabelValue for Reason {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        EncodeLabelValue::encode(&self.name(), encoder)
    }
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> std::fmt::Result {
        let name = match self {
            Outcome::Succeeded => "Succeeded",
            Outcome::Failed => "Failed",
        };
        EncodeLabelValue::encode(&name, encoder)
    }
}
