//! For tests: what was logged, as the reader of the log sees it.

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::{MakeWriter, Subscriber};

use super::Json;
use crate::clock::Clock;

/// The lines that were logged.
#[derive(Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    pub fn json(&self) -> Vec<serde_json::Value> {
        let text = self.text();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Captures, as JSON, what this thread logs until the guard is dropped.
pub fn json(clock: Clock) -> (Captured, tracing::subscriber::DefaultGuard) {
    let captured = Captured::default();
    let subscriber = Subscriber::builder()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(captured.clone())
        .event_format(Json::new(clock))
        .finish();
    (captured, tracing::subscriber::set_default(subscriber))
}
