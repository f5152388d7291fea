//! Hears which turns of the drivers come to no end: nothing that is stored shows it.

use std::{cell::Cell, sync::Once};

use punctual::error::Error;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::set_global_default,
};

thread_local! {
    /// How many there were in the world on this thread.
    static TURNS: Cell<usize> = const { Cell::new(0) };
}

/// Forgets what was heard, and goes on hearing.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let alone = set_global_default(Ear);
        alone.expect("nobody else listens in this test");
    });
    TURNS.set(0);
}

/// How many turns came to no end since `listen`.
pub fn turns() -> usize {
    TURNS.get()
}

/// Takes in the warnings of the driver.
struct Ear;

impl Subscriber for Ear {
    fn enabled(&self, about: &Metadata<'_>) -> bool {
        *about.level() == Level::WARN && about.target() == "punctual::driver"
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Errors);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Errors;

impl Visit for Errors {
    fn record_error(&mut self, _: &Field, error: &(dyn std::error::Error + 'static)) {
        if error.downcast_ref().is_some_and(Error::is_contention) {
            TURNS.set(TURNS.get() + 1);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}
