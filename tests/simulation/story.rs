//! One seed's world: who is in it, what they do, and how all calms down.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use punctual::core::run::REQUEST_ANNOTATION;
use serde_json::{Value, json};

use super::{
    judge,
    memory::{Options, Resource, World, faults::Dice, schedule, schedule_id},
    restless,
    storm::Storm,
};

/// How often somebody may do something.
const BEAT: f64 = 0.5;
/// Within this time after all has calmed down, all must be as it should be.
const MENDED: f64 = 60.0;
/// Then nobody may write for this long.
const IDLE: f64 = 20.0;

/// A world, and what is done to it.
pub struct Story {
    pub world: World,
    /// The latest version and the time before each deed, and the deed.
    pub deeds: Vec<(u64, Timestamp, String)>,
    /// How many pods were started in it.
    pub starts: u64,
    /// Whether nothing goes wrong in it, nobody does anything, and one controller is alone.
    quiet: bool,
    dice: Dice,
    blows: Arc<AtomicBool>,
    controllers: Vec<&'static str>,
    /// The latest time that any clock has shown.
    high: Timestamp,
    /// One beat in so many somebody does something.
    unrest: u64,
    beats: u64,
}

impl Story {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let storm = Storm::draw(&mut dice);
        let blows = Arc::new(AtomicBool::new(true));
        let still = blows.clone();
        let faults = storm.faults(&mut dice, move || still.load(Ordering::Relaxed));
        let options = Options {
            ahead: SignedDuration::from_secs(dice.one(&[0, 0, 1, 3])),
            delay: Duration::from_millis(dice.one(&[2, 10, 50, 150, 400])),
            seed,
            faults,
            concurrency: 8,
            garbage: Duration::from_millis(dice.one(&[0, 300, 5_000])),
            ..Options::default()
        };
        let controllers = dice.one(&[&["a"][..], &["a", "b"], &["a", "b"], &["a", "b", "c"]]);
        let unrest = dice.one(&[2, 4, 4, 16, u64::MAX]);
        let beats = 20 + dice.below(40);
        // Two controllers without a Lease may undo each other's work while one's view is old.
        let quiet = unrest == u64::MAX && storm.is_none() && controllers.len() == 1;
        let summary = format!(
            "seed {seed}: {storm:?}, controllers {controllers:?}, prepared {} ahead, delays up to {:?}, \
             garbage after {:?}, unrest {unrest}, {beats} beats",
            options.ahead, options.delay, options.garbage
        );
        let world = World::empty(options);
        let mut story = Self {
            high: world.now(),
            world,
            deeds: Vec::new(),
            starts: 0,
            quiet,
            dice,
            blows,
            controllers: controllers.to_vec(),
            unrest,
            beats,
        };
        story.tell(summary);
        story
    }

    /// Lives through it. What is wrong, if anything is.
    pub async fn live(&mut self) -> Result<(), String> {
        self.create("one");
        if self.dice.once_in(5) {
            self.create("two");
        }
        for name in self.controllers.clone() {
            self.world.start(name);
        }
        for _ in 0..self.beats {
            if self.unrest < u64::MAX && self.dice.once_in(self.unrest) {
                self.disturb();
            }
            self.pass(BEAT).await;
        }
        self.calm();
        if self.dice.once_in(8) {
            self.pass(MENDED).await;
            judge::caught_up(&self.world)?;
        }
        self.suspend_all();
        self.pass(MENDED).await;
        let longest = 700;
        for _ in 0..longest / 5 {
            if self.world.server.underway() == 0 {
                break;
            }
            self.pass(5.0).await;
        }
        self.pass(IDLE).await;
        let since = self.world.now();
        self.pass(IDLE).await;
        self.starts = judge::history(&self.world)?;
        judge::effort(&self.world, self.quiet, restless::turns())?;
        judge::rest(&self.world, since)
    }

    async fn pass(&mut self, seconds: f64) {
        self.high = self.high.max(self.world.latest());
        self.world.pass(seconds).await;
        self.high = self.high.max(self.world.latest());
    }

    fn tell(&mut self, deed: String) {
        let version = self.world.server.lock().store.version;
        self.deeds.push((version, self.world.now(), deed));
    }

    /// The names of the schedules that there are.
    fn schedules(&self) -> Vec<String> {
        let inner = self.world.server.lock();
        let ids = inner.store.objects.keys();
        ids.filter(|id| id.resource == Resource::Schedules)
            .map(|id| id.name.clone())
            .collect()
    }

    fn create(&mut self, name: &str) {
        let dice = &mut self.dice;
        let period = 1 + dice.below(5);
        let takes = dice.below(period * 2_000) as f64 / 1_000.0;
        let mut made = schedule(name, &expression(dice, period))
            .takes(takes)
            .exits(dice.one(&[0, 0, 0, 1]))
            .with("successfulRunsHistoryLimit", dice.below(3))
            .with("failedRunsHistoryLimit", dice.below(2))
            .with("missedFires", missed(dice))
            .with("concurrencyPolicy", policy(dice));
        if dice.once_in(2) {
            made = made.with("queueLimit", 1 + dice.below(3));
            made = made.with("maxActive", 1 + dice.below(4));
        }
        if dice.once_in(3) {
            made = made.with("retry", retry(dice));
        }
        if dice.once_in(2) {
            made = made.with("missedFiresLimit", 1 + dice.below(5));
        }
        if dice.once_in(5) {
            made = made.with("startingDeadlineSeconds", 1 + dice.below(5));
        }
        if dice.once_in(5) {
            made = made.with("activeDeadlineSeconds", 1 + dice.below(6));
            // What is stuck ends by this or by that, and by no other way.
            made = match dice.below(4) {
                0 => made
                    .stuck("ImagePullBackOff")
                    .with("stuckAfter", stuck_after(dice)),
                1 => made.unschedulable().with("stuckAfter", stuck_after(dice)),
                _ => made,
            };
        } else if dice.once_in(8) {
            // The kubelet in memory knows no deadline for those that go on beside the main container.
            made = made.helped();
        }
        if dice.once_in(6) {
            made = made.with("ttlSecondsAfterFinished", dice.below(10));
        }
        self.tell(format!("create {name}: {}", made.spec));
        self.world.apply(&made);
    }

    fn disturb(&mut self) {
        let who = self.dice.one(&self.controllers);
        let schedules = self.schedules();
        match self.dice.below(24) {
            0..3 => {
                let frozen = self.dice.once_in(2);
                self.tell(format!("watches of {who} stand still: {frozen}"));
                self.world.freeze(who, frozen);
            }
            3..5 => {
                let pause = Duration::from_millis(self.dice.below(8_000));
                self.tell(format!("{who} is killed for {pause:?}"));
                self.world.crash(who, pause);
            }
            5..9 => self.disturb_pod(),
            9..15 if !schedules.is_empty() => {
                let name = self.dice.one(&schedules);
                self.edit(&name);
            }
            15..17 if !schedules.is_empty() => {
                let name = self.dice.one(&schedules);
                self.tell(format!("delete {name}"));
                self.world.delete_schedule(&name);
                if self.dice.once_in(2) {
                    self.create(&name);
                }
            }
            17 | 18 if schedules.is_empty() => self.create("one"),
            17 | 18 => {
                let name = self.dice.one(&schedules);
                self.tell(format!("ask for a run of {name} by hand"));
                let now = self.world.now().to_string();
                self.world.change(schedule_id(&name), |object| {
                    object["metadata"]["annotations"][REQUEST_ANNOTATION] = now.into();
                });
            }
            18..21 => self.step_clocks(who),
            21 => {
                self.tell("the server forgets old versions".into());
                self.world.server.with(|store, _| store.compact());
            }
            22 => {
                self.tell("all watches break".into());
                self.world.server.break_watches();
            }
            _ => {}
        }
    }

    fn disturb_pod(&mut self) {
        let pods: Vec<String> = self.world.pods().into_keys().collect();
        if pods.is_empty() {
            return;
        }
        let name = self.dice.one(&pods);
        match self.dice.below(8) {
            0..4 => {
                self.tell(format!("delete pod {name}"));
                self.world.delete_pod(&name);
            }
            4 | 5 => {
                self.tell(format!("delete pod {name} by force"));
                self.world.force_delete_pod(&name);
            }
            6 => {
                self.tell(format!("take the labels from pod {name}"));
                self.world.unlabel(&name);
            }
            _ => {
                let uid = self.world.pods()[&name]["metadata"]["uid"].clone();
                let fire = self.world.now().as_second() + 1 + self.dice.below(5) as i64;
                let fire = Timestamp::from_second(fire).expect("a time");
                let name = fire.strftime("one-%Y%m%d-%H%M%S").to_string();
                if !pods.contains(&name) {
                    self.tell(format!("a stranger comes with the name {name}, not {uid}"));
                    self.world.stranger(&name);
                }
            }
        }
    }

    fn edit(&mut self, name: &str) {
        let dice = &mut self.dice;
        let (field, value): (&str, Value) = match dice.below(10) {
            0..2 => {
                let period = 1 + dice.below(5);
                ("schedule", expression(dice, period).into())
            }
            2..4 => ("suspend", dice.once_in(2).into()),
            4 => ("missedFires", missed(dice).into()),
            8 => ("concurrencyPolicy", policy(dice).into()),
            9 => ("retry", retry(dice)),
            5 => ("schedule", "0 0 30 2 *".into()),
            _ => {
                let image = format!("busybox:{}", dice.below(1_000));
                ("image", image.into())
            }
        };
        self.tell(format!("edit {name}: {field} {value}"));
        self.world.edit(name, |spec| match field {
            "image" => spec["template"]["spec"]["containers"][0]["image"] = value,
            field => spec[field] = value,
        });
    }

    fn step_clocks(&mut self, who: &str) {
        let by = self.dice.one(&[1, 1, 2, 5, 60, 3_600]);
        let by = if self.dice.once_in(2) { by } else { -by };
        match self.dice.below(3) {
            0 => {
                self.tell(format!("all clocks step by {by} s"));
                self.world.step(by);
            }
            1 => {
                self.tell(format!("the server's clock steps by {by} s"));
                self.world.step_server(by);
            }
            _ => {
                self.tell(format!("the clock of {who} steps by {by} s"));
                self.world.step_one(who, by);
            }
        }
        self.high = self.high.max(self.world.latest());
    }

    /// No more faults; all clocks show the latest time that any of them has shown; every watch lists
    /// anew, since that is how what it never told comes out.
    fn calm(&mut self) {
        self.tell("all calms down".into());
        self.blows.store(false, Ordering::Relaxed);
        for name in &self.controllers {
            self.world.freeze(name, false);
        }
        self.world.server.with(|store, _| store.compact());
        self.world.server.break_watches();
        self.world.set_clocks(self.high);
    }

    fn suspend_all(&mut self) {
        for name in self.schedules() {
            self.tell(format!("suspend {name}"));
            self.world.edit(&name, |spec| {
                spec["suspend"] = true.into();
            });
        }
    }
}

fn expression(dice: &mut Dice, period: u64) -> String {
    match dice.below(4) {
        0 => format!("@every {period}s"),
        _ => format!("*/{period} * * * * *"),
    }
}

fn policy(dice: &mut Dice) -> &'static str {
    dice.one(&["Forbid", "Forbid", "Queue", "Queue", "Replace", "Allow"])
}

fn retry(dice: &mut Dice) -> Value {
    json!({
        "limit": dice.below(4),
        "backoffSeconds": dice.below(3),
        "maxBackoffSeconds": 1 + dice.below(4),
        "onReasons": dice.one(&[&[][..], &[], &["PodDeleted"], &["NonZeroExit", "PodDeleted"]]),
        "uncountedReasons": dice.one(&[&[][..], &[], &["PodDeleted"]]),
    })
}

fn stuck_after(dice: &mut Dice) -> Value {
    json!({
        "imagePullSeconds": 1 + dice.below(8),
        "unschedulableSeconds": 1 + dice.below(8),
        "action": "Fail",
    })
}

fn missed(dice: &mut Dice) -> &'static str {
    dice.one(&["RunLatest", "RunLatest", "Skip", "RunAll"])
}
