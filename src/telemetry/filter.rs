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

/// The client's own word for each answer that is an error: it names nobody, and we tell the same by the
/// name of the schedule, or of the watch.
const TOLD_ANYWAY: &str = "kube_client::client::builder";

pub(super) fn parsed(text: &str) -> Result<EnvFilter, TelemetryError> {
    let wrong = |source| TelemetryError::Filter {
        filter: text.to_owned(),
        source,
    };
    let filter = EnvFilter::try_new(text).map_err(wrong)?;
    if text.contains("kube_client") {
        return Ok(filter);
    }
    let quiet = format!("{TOLD_ANYWAY}=off").parse().map_err(wrong)?;
    Ok(filter.add_directive(quiet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_we_tell_ourselves_is_left_out_unless_it_is_asked_for() {
        for (filter, has) in [
            ("info", true),
            ("info,kube_client=error", false),
            ("off,punctual=debug", true),
        ] {
            let shown = parsed(filter).unwrap().to_string();
            assert_eq!(shown.contains("builder=off"), has, "{shown}");
        }
    }
}
