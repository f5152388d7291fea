//! Counts what a thread has on the heap, and compares how long texts of several sizes take.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    time::{Duration, Instant},
};

pub const MIB: usize = 1024 * 1024;

/// What may be on the heap at once, beside the text itself.
const MOST: isize = 16 * MIB as isize;

/// How many times as long a text may take that is eight times as large: more than eight, since the
/// machine has other work too, and far less than the 64 of a search that goes over all for each.
const GROWTH: f64 = 32.0;

/// What takes less than this is not compared: it is as good as nothing.
const NOTHING: Duration = Duration::from_millis(5);

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    HELD.with(|held| {
        held.set(held.get() + bytes);
        PEAK.with(|peak| peak.set(peak.get().max(held.get())));
    });
}

// Safety: all is left to the system's allocator; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // While it moves, both may be there.
        count(size as isize);
        let moved = unsafe { System.realloc(pointer, layout, size) };
        count(-(layout.size() as isize));
        moved
    }
}

/// Has `work` read the text that `make` makes of a size, and checks what that takes.
pub fn check<T>(what: &str, size: usize, make: impl Fn(usize) -> T, work: impl Fn(&T)) {
    let large = make(size);
    let before = HELD.get();
    PEAK.set(before);
    let took = time(&large, &work);
    let peak = PEAK.get() - before;
    let shown = format!(
        "{what}: {:.1} ms, {:.1} MiB",
        took.as_secs_f64() * 1e3,
        peak as f64 / MIB as f64
    );
    println!("{shown}");
    if peak > MOST {
        panic!("more than 16 MiB: {shown}");
    }
    let small = make(size / 8);
    let grown =
        |took: Duration, small: Duration| took.as_secs_f64() / small.max(NOTHING / 8).as_secs_f64();
    let mut best = (took, time(&small, &work));
    for _ in 0..5 {
        if best.0 <= NOTHING || grown(best.0, best.1) <= GROWTH {
            return;
        }
        best = (
            best.0.min(time(&large, &work)),
            best.1.min(time(&small, &work)),
        );
    }
    panic!("{shown}, but only {:?} for an eighth of it", best.1);
}

fn time<T>(text: &T, work: impl Fn(&T)) -> Duration {
    let begun = Instant::now();
    work(text);
    begun.elapsed()
}

/// A text of about `size` bytes: as many times `part` as there is room for between `head` and `tail`.
pub fn filled(size: usize, head: &str, part: &str, tail: &str) -> String {
    let room = size.saturating_sub(head.len() + tail.len());
    format!("{head}{}{tail}", part.repeat(room / part.len()))
}

/// A JSON list of about `size` bytes.
pub fn many(size: usize, part: &serde_json::Value) -> String {
    let part = part.to_string();
    filled(size, &format!("[{part}"), &format!(",{part}"), "]")
}

pub fn nested(depth: usize, open: &str, close: &str) -> String {
    format!("{}0{}", open.repeat(depth), close.repeat(depth))
}
