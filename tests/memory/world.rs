//! A world: one server, its users and kubelet, and the controllers that run against it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use kube::Client;
use punctual::{
    api::{ScheduledContainer, ScheduledContainerStatus},
    clock::Clock,
    driver::Settings,
    traces::Span,
};
use serde_json::Value;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

use super::{
    controller::{Busy, Link, keep_running},
    faults::{Dice, Faults},
    kubelet::kubelet,
    server::{Server, Written, gated},
    store::Resource,
    users::schedule_id,
};

/// When every world begins: a quarter of a second after a full minute, so that what a test does
/// falls between the fires.
pub const BEGIN: &str = "2026-11-20T12:00:00.25Z";

/// How a world is.
#[derive(Clone)]
pub struct Options {
    /// How long before a fire its pod may be created.
    pub ahead: SignedDuration,
    /// How long a request takes at most, there and back each.
    pub delay: Duration,
    pub seed: u64,
    pub faults: Faults,
    /// How many schedules a controller works on at once.
    pub concurrency: usize,
    /// How long the garbage collector takes.
    pub garbage: Duration,
    /// Whether the controllers tell traces.
    pub traced: bool,
    /// How many requests the server works on at once, and how long each takes then; the others wait in
    /// the order in which they came. Without it the server is never busy.
    pub capacity: Option<(usize, Duration)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ahead: SignedDuration::ZERO,
            delay: Duration::from_millis(4),
            seed: 1,
            faults: Faults::none(),
            concurrency: 8,
            garbage: Duration::ZERO,
            traced: false,
            capacity: None,
        }
    }
}

/// A server with its kubelet, and controllers.
pub struct World {
    pub server: Server,
    pub options: Options,
    links: BTreeMap<String, Link>,
    spans: Arc<Mutex<Vec<Span>>>,
    busy: Option<Busy>,
    tasks: JoinSet<()>,
}

impl World {
    /// A world without a controller.
    pub fn empty(options: Options) -> Self {
        let begin: Timestamp = BEGIN.parse().expect("a time");
        let server = Server::new(Clock::simulated(begin));
        let mut tasks = JoinSet::new();
        tasks.spawn(kubelet(server.clone(), options.garbage));
        Self {
            server,
            busy: options.capacity.map(|(at_once, takes)| Busy {
                places: Arc::new(Semaphore::new(at_once)),
                takes,
            }),
            options,
            links: BTreeMap::new(),
            spans: Arc::default(),
            tasks,
        }
    }

    /// A world with one controller, named "a".
    pub fn new(options: Options) -> Self {
        let mut world = Self::empty(options);
        world.start("a");
        world
    }

    /// Starts a controller under this name.
    pub fn start(&mut self, name: &str) {
        let (crash, crashes) = mpsc::unbounded_channel();
        let link = self.link(name, crash);
        let settings = Settings {
            concurrency: self.options.concurrency,
            prepare_ahead: self.options.ahead,
        };
        self.links.insert(name.into(), link.clone());
        self.tasks.spawn(keep_running(link, settings, crashes));
    }

    /// A client of the server for somebody else.
    pub fn client(&self, name: &str) -> Client {
        let (nobody, _) = mpsc::unbounded_channel();
        self.link(name, nobody).client()
    }

    fn link(&self, name: &str, crash: mpsc::UnboundedSender<Duration>) -> Link {
        let seed = self.options.seed ^ (self.links.len() as u64) << 32;
        Link {
            by: name.into(),
            server: self.server.clone(),
            clock: Clock::simulated(self.server.clock.now()),
            faults: self.options.faults.clone(),
            delay: self.options.delay,
            busy: self.busy.clone(),
            dice: Arc::new(Mutex::new(Dice::new(seed))),
            frozen: Arc::default(),
            metrics: Arc::default(),
            spans: self.options.traced.then(|| self.spans.clone()),
            crash,
        }
    }

    /// Kills a controller; another takes its place after `pause`.
    pub fn crash(&self, name: &str, pause: Duration) {
        let sent = self.links[name].crash.send(pause);
        sent.expect("the controllers run as long as the world");
    }

    /// The value of a metric of a controller, by its name with its labels; none if it isn't shown.
    pub fn metric(&self, name: &str, series: &str) -> Option<f64> {
        let metrics = self.links[name].metrics.lock();
        let text = metrics.expect("no test goes on after a panic").encode();
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        Some(value.parse().expect("a number"))
    }

    /// What the controllers have told as traces, in the order in which they told it.
    pub fn spans(&self) -> Vec<Span> {
        let spans = self.spans.lock();
        spans.expect("no test goes on after a panic").clone()
    }

    /// Lets nothing more through the watches of a controller, or everything again.
    pub fn freeze(&self, name: &str, frozen: bool) {
        self.links[name].frozen.store(frozen, Ordering::Relaxed);
        self.server.bell().notify_waiters();
    }

    /// Lets time pass until this time of the first day, such as "12:00:10.5".
    pub async fn until(&self, time: &str) {
        let instant: Timestamp = format!("2026-11-20T{time}Z").parse().expect("a time");
        tokio::time::sleep(self.server.clock.until(instant)).await;
    }

    /// Lets time pass.
    pub async fn pass(&self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    }

    pub fn now(&self) -> Timestamp {
        self.server.clock.now()
    }

    /// Puts every clock forward, or back, by so many seconds: the controllers', the server's and the
    /// node's. The time that runs take, and that requests take, just goes on, as it does for a
    /// machine that wakes up from its sleep.
    pub fn step(&self, seconds: i64) {
        for clock in self.clocks() {
            clock.step(SignedDuration::from_secs(seconds));
        }
    }

    /// Puts the clock of one controller forward or back.
    pub fn step_one(&self, name: &str, seconds: i64) {
        let clock = &self.links[name].clock;
        clock.step(SignedDuration::from_secs(seconds));
    }

    /// Puts the server's clock forward or back.
    pub fn step_server(&self, seconds: i64) {
        self.server.clock.step(SignedDuration::from_secs(seconds));
    }

    /// The latest time that any clock shows.
    pub fn latest(&self) -> Timestamp {
        let times = self.clocks().map(Clock::now);
        times.fold(Timestamp::MIN, Timestamp::max)
    }

    /// Sets every clock to this time.
    pub fn set_clocks(&self, time: Timestamp) {
        for clock in self.clocks() {
            clock.step(time.duration_since(clock.now()));
        }
    }

    fn clocks(&self) -> impl Iterator<Item = &Clock> {
        let links = self.links.values().map(|link| &link.clock);
        std::iter::once(&self.server.clock).chain(links)
    }

    pub fn status(&self, name: &str) -> ScheduledContainerStatus {
        let object = self.object(name);
        let object: ScheduledContainer = serde_json::from_value(object).expect("a schedule");
        object.status.unwrap_or_default()
    }

    pub fn object(&self, name: &str) -> Value {
        let inner = self.server.lock();
        let object = inner.store.get(&schedule_id(name));
        object.expect("the schedule exists").clone()
    }

    /// All pods, by name.
    pub fn pods(&self) -> BTreeMap<String, Value> {
        let inner = self.server.lock();
        let pods = inner.store.objects.iter();
        pods.filter(|(id, _)| id.resource == Resource::Pods)
            .map(|(id, pod)| (id.name.clone(), (**pod).clone()))
            .collect()
    }

    /// The names of the pods that are held.
    pub fn held(&self) -> Vec<String> {
        let pods = self.pods().into_iter().filter(|(_, pod)| gated(pod));
        pods.map(|(name, _)| name).collect()
    }

    /// What controllers have written since `since`.
    pub fn written(&self, since: Timestamp) -> Vec<Written> {
        let inner = self.server.lock();
        let written = inner.written.iter().filter(|written| written.at >= since);
        written.cloned().collect()
    }
}
