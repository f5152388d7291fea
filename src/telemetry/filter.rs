//! Which records the log has: set at the start, and changed while the program runs.

use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::{EnvFilter, reload};

use super::TelemetryError;

/// The filter of the log. A clone is the same one.
#[derive(Clone)]
pub struct LogFilter(Arc<Shared>);

struct Shared {
    text: Mutex<String>,
    put: Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>,
}

impl LogFilter {
    /// A filter that has this text now, and puts each new one where `put` says.
    pub fn new(
        text: &str,
        put: impl Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Shared {
            text: Mutex::new(text.into()),
            put: Box::new(put),
        }))
    }

    /// The filter as it was given.
    pub fn text(&self) -> String {
        self.0
            .text
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts another one in its place, in the language of `RUST_LOG`.
    pub fn set(&self, text: &str) -> Result<(), TelemetryError> {
        let filter = parsed(text)?;
        let mut now = self.0.text.lock().unwrap_or_else(PoisonError::into_inner);
        (self.0.put)(filter).map_err(TelemetryError::Change)?;
        *now = text.into();
        Ok(())
    }
}

pub(super) fn parsed(text: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(text).map_err(|source| TelemetryError::Filter {
        filter: text.to_owned(),
        source,
    })
}
