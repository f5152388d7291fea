//! In which ways robfig/cron v3 and we differ. docs/dialects.md says why.

use super::{Difference, Question};

/// A way to differ.
pub struct Class {
    pub name: &'static str,
    /// An example that differs in this way.
    pub expression: &'static str,
    pub zone: &'static str,
    pub from: &'static str,
    pub explains: fn(&Question, &Difference) -> bool,
}

pub const CLASSES: &[Class] = &[];
