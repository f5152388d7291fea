//! What of a schedule says when its runs are in trouble, and what is done about it then.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long a schedule may go without a success before it is overdue. With both limits, the first that
/// is passed counts.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1))]
pub struct OverdueAfter {
    /// How long, in seconds, after the last success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 315_360_000))]
    pub seconds: Option<i64>,

    /// How many fires in a row may pass without a success: it is overdue when one more falls due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub fires: Option<i64>,
}

/// When a schedule whose runs fail pauses. After the pause one run shows whether it works again: if it
/// succeeds, the schedule goes on, if not, it pauses anew.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CircuitBreaker {
    /// How many runs in a row must fail. A run that is tried again counts once.
    #[schemars(range(min = 1, max = 100))]
    pub failures: i64,

    /// How long, in seconds, no fire of the schedule starts a run then; runs by hand do. Default: 300.
    #[serde(default = "five_minutes")]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub pause_seconds: i64,
}

fn five_minutes() -> i64 {
    300
}
