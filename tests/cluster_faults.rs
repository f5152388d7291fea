//! Attacks on the real controller before a real API server, judged by the API server's audit log: a
//! trace of fires in which the controller is killed at every single write, replicas without a lease
//! that stop and go on, storms of faults, and frozen watches.
//!
//! `cargo test --test cluster_faults`, on the cluster that `KUBECONFIG` names, takes a sample.
//! With `PUNCTUAL_TEST_FAULTS=1/1` it does all of it, with `3/10` the third of ten parts.
//! A trace goes again by its name: `PUNCTUAL_TEST_FAULTS=1/1 cargo test --test cluster_faults --
//! killed_before_write_017`.

mod cluster;
mod random;

use std::{collections::BTreeMap, fmt, sync::Mutex, time::Duration};

use cluster::{
    audit::{AuditLog, the_judge_of_the_audit_log_sees_what_is_wrong},
    controller::{Controller, Killer},
    history::{History, the_judge_sees_what_is_wrong},
    part::Part,
    place::Place,
    proxy::{At, Choice, Fault, Proxy, Write},
    short_run, until_or,
};
use jiff::Timestamp;
use random::Random;
use serde_json::{Value, json};

/// How many fires a trace has, one a second.
const FIRES: i64 = 50;

/// How many writes it consists of: a run costs five.
const WRITES: usize = 250;

/// How many fires are decided after the last fault, at least.
const AFTER: i64 = 5;

/// The sample has one write of so many. It shares no factor with the five writes of a run, so each
/// kind of write is in it.
const SAMPLE: usize = 14;

/// How many traces go at once: as many as two cores carry. They wait for the clock most of the time.
const AT_ONCE: usize = 14;

/// The schedule of each trace.
const BEAT: &str = "beat";

/// Where the controller stands with its write when it is killed.
#[derive(Clone, Copy)]
enum Moment {
    /// The write never arrives.
    Before,
    /// It is applied, and the answer doesn't arrive.
    Unanswered,
    /// It has just been answered.
    Answered,
}

const MOMENTS: [Moment; 3] = [Moment::Before, Moment::Unanswered, Moment::Answered];

type Test = (String, Box<dyn FnOnce() + Send>);

fn main() {
    let part = Part::from_environment();
    let mut tests: Vec<Test> = Vec::new();
    for (name, test) in tests![
        the_judge_sees_what_is_wrong,
        the_judge_of_the_audit_log_sees_what_is_wrong,
    ] {
        tests.push((name.into(), Box::new(test)));
    }
    if part.as_ref().is_none_or(|part| part.part == 1) {
        tests.extend(long_tests(part.is_some()));
    }
    for (number, moment) in kills(part.as_ref()) {
        let name = match moment {
            Moment::Before => "before",
            Moment::Unanswered => "unanswered_at",
            Moment::Answered => "answered_at",
        };
        tests.push((
            format!("killed_{name}_write_{number:03}"),
            Box::new(move || cluster::block_on(killed(number, moment))),
        ));
    }
    let conclusion = cluster::run_at_once(AT_ONCE, tests);
    println!("{}", TALLY.lock().expect("the tally"));
    conclusion.exit();
}

fn long_tests(whole: bool) -> Vec<Test> {
    let (replicas_for, storms, storm_for, frozen_for) = match whole {
        true => (600, 8, 180, 90),
        false => (40, 2, 30, 6),
    };
    let mut tests: Vec<Test> = vec![
        (
            "replicas_that_stop_and_go_on_keep_the_promise".into(),
            Box::new(move || cluster::block_on(replicas(replicas_for))),
        ),
        (
            "frozen_watches_break_no_promise".into(),
            Box::new(move || cluster::block_on(frozen(frozen_for))),
        ),
    ];
    for seed in 1..=storms {
        tests.push((
            format!("storm_{seed}_breaks_no_promise"),
            Box::new(move || cluster::block_on(storm(seed, storm_for))),
        ));
    }
    tests
}

/// The writes at which a controller is killed, and when.
fn kills(part: Option<&Part>) -> Vec<(usize, Moment)> {
    let all = (1..=WRITES).flat_map(|number| MOMENTS.map(|moment| (number, moment)));
    match part {
        Some(part) => part.of_all(all).collect(),
        None => (3..=WRITES)
            .step_by(SAMPLE)
            .zip(MOMENTS.into_iter().cycle())
            .collect(),
    }
}

/// A trace that a fault is part of: a place, a schedule that fires every second, and its judges.
struct Trace {
    place: Place,
    history: History,
    log: Option<AuditLog>,
}

impl Trace {
    async fn new(what: &str) -> Self {
        let place = Place::new(what).await;
        Self {
            history: History::watch(&place).await,
            log: AuditLog::from_now(&place),
            place,
        }
    }

    /// Creates the schedule, with short runs. When.
    async fn begin(&self) -> Timestamp {
        let template = short_run(100).await;
        self.begin_with(json!({"template": template})).await
    }

    /// Creates the schedule, with this in its spec. When.
    async fn begin_with(&self, mut spec: Value) -> Timestamp {
        spec["schedule"] = "* * * * * *".into();
        spec["successfulRunsHistoryLimit"] = 1.into();
        let created = self.place.put(BEAT, spec).await.metadata.creation_timestamp;
        created.expect("the API server sets it").0
    }

    /// Waits until fires start that lie so many seconds after a time. It asks the API server nothing.
    async fn until_started(&self, after: Timestamp, seconds: i64) {
        let look = async || {
            let last = self.history.last_start()?;
            (last.as_second() >= after.as_second() + seconds).then_some(())
        };
        let why = || format!("the last was {:?}", self.history.last_start());
        until_or(
            &format!("fires from {after} + {seconds} s on start"),
            look,
            why,
        )
        .await;
    }

    /// Both judges: the watch, and the audit log where there is one.
    async fn judge(self, what: &str, calm: Timestamp) {
        let (runs, skips) = self.history.settle(&self.place, BEAT, 1).await;
        let mut sums = Sums {
            traces: 1,
            fires: runs + skips,
            starts: runs,
            ..Sums::default()
        };
        if let Some(log) = &self.log {
            let verdict = log.judge(&self.place, BEAT, calm).await;
            assert!(
                verdict.crimes.is_empty(),
                "{what} in {}: {:#?}",
                self.place.namespace,
                verdict.crimes
            );
            assert_eq!(
                (verdict.fires, verdict.starts),
                (runs + skips, runs),
                "the judges differ: {verdict:?}"
            );
            sums.skips = verdict.skips;
            sums.held = verdict.held;
        }
        TALLY.lock().expect("the tally").add(sums);
    }
}

async fn start_behind(place: &Place, proxy: &Proxy) -> Controller {
    let kubeconfig = proxy.kubeconfig();
    let kubeconfig = kubeconfig.to_str().expect("a plain path");
    // A fake node has no output to read.
    Controller::start_with(place, &["--kubeconfig", kubeconfig, "--run-logs=off"]).await
}

/// The controller is killed at one write of its trace; another takes over at once.
async fn killed(number: usize, moment: Moment) {
    let trace = Trace::new("killed").await;
    let proxy = Proxy::start(&trace.place).await;
    let controller = start_behind(&trace.place, &proxy).await;
    let killer: Killer = controller.killer();
    let fault = match moment {
        Moment::Before => Fault::KillBefore(killer),
        Moment::Unanswered => Fault::KillAfter(killer),
        // From the answer's arrival to where the next write is on its way.
        Moment::Answered => {
            let pause = 2 + 7 * (number as u64 % 6);
            Fault::KillAnswered(killer, Duration::from_millis(pause))
        }
    };
    let struck = proxy.plan(At::Number(number), fault);
    let created = trace.begin().await;
    let struck = tokio::time::timeout(2 * cluster::PATIENCE, struck).await;
    let why = || format!("write {number} didn't come: {:?}", proxy.writes());
    struck
        .ok()
        .and_then(Result::ok)
        .unwrap_or_else(|| panic!("{}", why()));

    let next = start_behind(&trace.place, &proxy).await;
    let calm = trace.place.now();
    trace.until_started(calm, AFTER).await;
    trace.until_started(created, FIRES).await;
    trace.judge(&format!("write {number}"), calm).await;
    drop((controller, next));
}

/// Three controllers that know nothing of each other; one after the other is stopped for a while, as
/// by a machine that sleeps, and goes on with what it was about to do.
async fn replicas(seconds: i64) {
    let trace = Trace::new("replicas").await;
    let mut random = Random(7);
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let proxy = Proxy::start(&trace.place).await;
        let controller = start_behind(&trace.place, &proxy).await;
        replicas.push((proxy, controller));
    }
    let created = trace.begin().await;
    let end = Timestamp::from_second(created.as_second() + seconds).expect("a time");
    let late = || {
        let writes = replicas.iter().flat_map(|(proxy, _)| proxy.writes());
        writes.filter(|write| *write == (Write::Claim, 409)).count()
    };
    let mut stops = 0;
    for turn in 0.. {
        // Without a claim that came too late, nobody was put to the test.
        let now = trace.place.now();
        if now >= end && late() > 0 {
            break;
        }
        assert!(now < end + cluster::PATIENCE, "nobody ever came too late");
        let controller = &replicas[turn % 3].1;
        // Where in its second it stops is by chance as well.
        tokio::time::sleep(Duration::from_millis(random.below(500))).await;
        controller.signal("-STOP").await;
        let asleep = match random.one_in(4) {
            true => 3_000 + random.below(12_000),
            false => 50 + random.below(2_500),
        };
        tokio::time::sleep(Duration::from_millis(asleep)).await;
        controller.signal("-CONT").await;
        stops += 1;
    }
    let calm = trace.place.now();
    trace.until_started(calm, AFTER).await;
    println!("{stops} stops; {} claims came too late", late());
    trace.judge("replicas", calm).await;
    drop(replicas);
}

/// Anything that can happen to requests, at random, to two controllers at once. Every other storm is
/// about runs that take longer than a fire leaves them, and fires that wait.
async fn storm(seed: u64, seconds: i64) {
    let trace = Trace::new("storm").await;
    let mut replicas = Vec::new();
    for replica in 0..2 {
        let proxy = Proxy::start(&trace.place).await;
        let controller = start_behind(&trace.place, &proxy).await;
        proxy.choose(Some(weather(seed * 2 + replica, seconds as u64 / 2)));
        replicas.push((proxy, controller));
    }
    let begun = match seed % 2 {
        1 => trace.begin().await,
        _ => {
            let template = short_run(1_300).await;
            let queue = json!({
                "template": template, "concurrencyPolicy": "Queue", "queueLimit": 2});
            trace.begin_with(queue).await
        }
    };
    let mut random = Random(seed);
    while trace.place.now().as_second() < begun.as_second() + seconds {
        let watches = replicas[random.below(2) as usize].0.watches();
        tokio::time::sleep(Duration::from_millis(random.below(4_000))).await;
        watches.freeze();
        tokio::time::sleep(Duration::from_millis(random.below(6_000))).await;
        match random.one_in(2) {
            true => watches.thaw(),
            false => watches.break_off(),
        }
    }
    for (proxy, _) in &replicas {
        proxy.choose(None);
    }
    // What is still under way arrives while it goes on.
    let calm = trace.place.now();
    trace.until_started(calm, AFTER + seconds / 2).await;
    trace.judge(&format!("storm {seed}"), calm).await;
    drop(replicas);
}

/// One request of eight is lost, refused, late or doubled; reads are refused or lost.
fn weather(seed: u64, longest: u64) -> Choice {
    let mut random = Random(seed);
    Box::new(move |write| {
        if !random.one_in(8) {
            return None;
        }
        let code = random.of(&[409, 410, 429, 500, 503, 504]);
        // Most delays are short, some are minutes.
        let seconds = random.of(&[1, 2, 5, longest]);
        let late = Duration::from_millis(random.below(1_000 * seconds));
        let read = write.is_empty();
        Some(match random.below(if read { 3 } else { 8 }) {
            0 => Fault::Answer(code),
            1 => Fault::LoseBefore,
            2 => Fault::LoseAfter,
            3 => Fault::ApplyAndAnswer(code),
            4 => Fault::Twice,
            5 | 6 => Fault::Again(late),
            _ => Fault::Delay(late),
        })
    })
}

/// The watches freeze, and go on or break, while the requests work.
async fn frozen(seconds: u64) {
    let trace = Trace::new("frozen").await;
    let proxy = Proxy::start(&trace.place).await;
    let controller = start_behind(&trace.place, &proxy).await;
    let begun = trace.begin().await;
    trace.until_started(begun, AFTER).await;
    for breaks in [false, true] {
        proxy.watches().freeze();
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        match breaks {
            true => proxy.watches().break_off(),
            false => proxy.watches().thaw(),
        }
        trace.until_started(trace.place.now(), AFTER).await;
    }
    let calm = trace.place.now();
    trace.judge("frozen watches", calm).await;
    drop(controller);
}

/// The figures of all traces.
static TALLY: Mutex<Sums> = Mutex::new(Sums {
    traces: 0,
    fires: 0,
    starts: 0,
    skips: BTreeMap::new(),
    held: Duration::ZERO,
});

#[derive(Default)]
struct Sums {
    traces: u64,
    fires: u64,
    starts: u64,
    skips: BTreeMap<String, u64>,
    held: Duration,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.traces += other.traces;
        self.fires += other.fires;
        self.starts += other.starts;
        for (reason, count) in other.skips {
            *self.skips.entry(reason).or_default() += count;
        }
        self.held = self.held.max(other.held);
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} traces kept the promise: {} fires, {} starts, none twice, no overlap; skips by \
             reason: {:?}; longest held after the faults: {:.1} s",
            self.traces,
            self.fires,
            self.starts,
            self.skips,
            self.held.as_secs_f64()
        )
    }
}
