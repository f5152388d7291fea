//! Runs seeds, several at once, and tells how to see one that failed again.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    panic::{self, AssertUnwindSafe},
    sync::{
        Mutex, Once,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use super::{restless, story::Story, telling};

/// After so many failures the others can wait.
const ENOUGH: usize = 10;

/// Which seeds to run.
pub enum Seeds {
    /// This one, with its story.
    One(u64),
    /// So many, from a first one on.
    Many { first: u64, count: u64 },
}

/// What became of a seed.
pub struct Life {
    /// What is wrong with it.
    pub wrong: Option<String>,
    story: Story,
}

impl Life {
    /// What was done and what came of it, line by line.
    pub fn tale(&self) -> Vec<String> {
        telling::tale(&self.story.world, &self.story.deeds)
    }

    /// Of all changes that were made in it.
    pub fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for change in self.story.world.changes() {
            (change.version, change.at, &change.by, &change.id).hash(&mut hasher);
            let after = change.after.map(|after| after.to_string());
            after.hash(&mut hasher);
        }
        hasher.finish()
    }
}

impl Seeds {
    /// What the environment asks for: `SEED=7`, or `SEEDS=1000` and `FIRST=0`.
    pub fn asked_for(usual: u64) -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
            let number = text.parse();
            Some(number.unwrap_or_else(|_| panic!("{name}={text} is no number")))
        };
        match number("SEED") {
            Some(seed) => Self::One(seed),
            None => Self::Many {
                first: number("FIRST").unwrap_or(0),
                count: number("SEEDS").unwrap_or(usual),
            },
        }
    }

    /// Runs them. What is wrong with those that failed.
    pub fn run(&self) -> BTreeMap<u64, String> {
        match *self {
            Seeds::One(seed) => {
                let life = live(seed);
                println!("{}", life.tale().join("\n"));
                life.wrong.map(|wrong| (seed, wrong)).into_iter().collect()
            }
            Seeds::Many { first, count } => run_many(first, count),
        }
    }
}

fn run_many(first: u64, count: u64) -> BTreeMap<u64, String> {
    let (next, starts) = (AtomicU64::new(first), AtomicU64::new(0));
    let failed = Mutex::new(BTreeMap::new());
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed - first >= count {
            return;
        }
        let life = live(seed);
        starts.fetch_add(life.story.starts, Ordering::Relaxed);
        let Some(wrong) = &life.wrong else {
            continue;
        };
        let mut failed = failed.lock().expect("no panic comes out of a seed");
        if failed.is_empty() {
            println!("{}", life.tale().join("\n"));
        }
        println!("seed {seed}: {wrong}\n  to see it again: make sim SEED={seed}");
        failed.insert(seed, wrong.clone());
        if failed.len() >= ENOUGH {
            // What is left would only say the same.
            next.store(first + count, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    println!("{count} seeds, {} runs started", starts.into_inner());
    failed.into_inner().expect("no panic comes out of a seed")
}

thread_local! {
    /// The first panic of the world on this thread, wherever in it: a task's goes no further.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Lives through one seed.
pub fn live(seed: u64) -> Life {
    remember_panics();
    PANIC.take();
    restless::listen();
    // Back-offs in libraries take their jitter from here.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let mut story = runtime.block_on(async { Story::new(seed) });
    let ending = panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(story.live())));
    let wrong = match ending {
        Ok(Ok(())) => PANIC.take().map(|panic| format!("panicked: {panic}")),
        Ok(Err(wrong)) => Some(wrong),
        Err(_) => Some(PANIC.take().unwrap_or_else(|| "panicked".into())),
    };
    Life { wrong, story }
}

fn remember_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let named = thread::current().name().is_some();
            let text = panic.to_string();
            PANIC.with_borrow_mut(|first| {
                first.get_or_insert(text);
            });
            // A test's own thread has a name, a seed's has none.
            if named {
                usual(panic);
            }
        }));
    });
}
