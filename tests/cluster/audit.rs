//! The judge that reads the API server's audit log: what was really written to a schedule and its
//! pods, by whom, in the order of the resource versions, and whether that keeps the promise. Each
//! fire gets one start or one recorded reason, no two runs overlap, nothing stays held.

mod unanswered;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom},
    path::PathBuf,
    time::Duration,
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use punctual::{
    api::{ScheduledContainer, ScheduledContainerStatus},
    core::run::{ATTEMPT_ANNOTATION, FIRE_ANNOTATION},
};
use serde::Deserialize;
use serde_json::Value;

use unanswered::{Patch, Patches};

use super::{history::is_held, place::Place, proxy::HAND, until, until_or};

/// How long after the last fault a pod may still be held.
const HELD: Duration = Duration::from_secs(30);

/// What our controllers call themselves.
const PROGRAM: &str = "punctual/";

/// Who may write besides the test: our controllers, and what Kubernetes is made of.
const HANDS: [&str; 5] = [
    HAND,
    PROGRAM,
    "kwok/",
    "kube-controller-manager/",
    "kube-scheduler/",
];

/// The part of the log that is written from now on about a place.
pub struct AuditLog {
    path: PathBuf,
    start: u64,
    namespace: String,
}

/// What may happen once at most: the fire, and which attempt at it.
type Start = (Timestamp, u32);

/// What was written, as the API server answered.
#[derive(Clone, Debug)]
pub struct Write {
    version: u64,
    at: Timestamp,
    /// The user agent.
    hand: String,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Pod {
        uid: String,
        start: Start,
        held: bool,
        /// Its phase is final.
        ended: bool,
        /// It is deleted without any grace.
        gone: bool,
    },
    Status(Box<ScheduledContainerStatus>),
}

/// What became of a schedule's fires.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    pub fires: u64,
    pub starts: u64,
    /// How many fires got no run, by reason.
    pub skips: BTreeMap<String, u64>,
    /// How long a pod was held at most, counted from the last fault on if it is older.
    pub held: Duration,
    /// Every way in which the promise was broken.
    pub crimes: Vec<String>,
}

impl AuditLog {
    /// None where the API server keeps no log that we can read.
    pub fn from_now(place: &Place) -> Option<Self> {
        let path = PathBuf::from(std::env::var_os("CLUSTER_AUDIT_LOG")?);
        let start = path.metadata().expect("the audit log").len();
        let namespace = place.namespace.clone();
        Some(Self {
            path,
            start,
            namespace,
        })
    }

    /// Judges a schedule that fires every second, when all about it is quiet; the last fault was at
    /// `calm`.
    pub async fn judge(&self, place: &Place, schedule: &str, calm: Timestamp) -> Verdict {
        let object = place.get(schedule).await;
        let created = object.creation_timestamp().expect("a time").0;
        let last = object.status.and_then(|status| status.last_fire_time);
        // The log may be a moment behind.
        let look = async || {
            let writes = self.read(schedule);
            let has_last = |write: &Write| match &write.what {
                What::Status(status) => status.last_fire_time == last && idle(status),
                What::Pod { .. } => false,
            };
            writes.iter().any(has_last).then_some(writes)
        };
        let why = || {
            "The log has no bodies if the cluster was started with an older audit policy: \
             take it down and up again"
                .into()
        };
        let writes = until_or("the audit log shows the last status", look, why).await;
        judge(&writes, created, calm)
    }

    /// Waits until the controllers write nothing but their Leases, that again and again.
    pub async fn until_only_leases(&self) {
        const IN_A_ROW: usize = 8;
        let look = async || {
            let hands = [PROGRAM, HAND];
            let is_ours = |hand: &str| hands.iter().any(|ours| hand.starts_with(ours));
            let ours = |line: &Line| line.is_write() && is_ours(&line.user_agent);
            let lines: Vec<_> = self.lines().filter(ours).collect();
            let last = lines.len().checked_sub(IN_A_ROW)?;
            let leases = |line: &Line| line.object_ref.resource == "leases";
            lines[last..].iter().all(leases).then_some(())
        };
        until("the controllers write nothing but Leases", look).await;
    }

    /// What was written to a schedule's status and to its pods, in the order in which it took effect.
    fn read(&self, schedule: &str) -> Vec<Write> {
        let (mut writes, mut patches) = (BTreeMap::new(), Patches::default());
        for line in self.lines() {
            patches.take_in(&line, schedule);
            if let Some(write) = write(line, schedule) {
                // What changed nothing has the version of an earlier write.
                writes.entry(write.version).or_insert(write);
            }
        }
        patches.recover(&mut writes);
        writes.into_values().collect()
    }

    /// What the log says of the place.
    fn lines(&self) -> impl Iterator<Item = Line> {
        let mut file = File::open(&self.path).expect("the audit log");
        file.seek(SeekFrom::Start(self.start))
            .expect("a place in it");
        // Most lines are about other places; to parse them would take long.
        let ours = format!("\"namespace\":\"{}\"", self.namespace);
        BufReader::new(file).lines().filter_map(move |line| {
            let line = line.expect("the audit log is text");
            // The API server may be writing the last line.
            let line = line.contains(&ours).then_some(line)?;
            serde_json::from_str(&line).ok()
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    stage: String,
    verb: String,
    #[serde(rename = "requestURI")]
    uri: String,
    #[serde(default)]
    user_agent: String,
    object_ref: ObjectRef,
    #[serde(default)]
    request_object: Value,
    #[serde(default)]
    response_object: Value,
    stage_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct ObjectRef {
    resource: String,
    subresource: Option<String>,
    name: Option<String>,
}

impl Line {
    /// Whether it is about a write that was answered.
    fn is_write(&self) -> bool {
        let writes = ["create", "patch", "update", "delete"].contains(&self.verb.as_str());
        self.stage == "ResponseComplete" && writes && !self.uri.contains("dryRun")
    }
}

fn write(line: Line, schedule: &str) -> Option<Write> {
    if !line.is_write() {
        return None;
    }
    let object = line.response_object;
    let version = object["metadata"]["resourceVersion"].as_str()?.parse();
    let of = (
        line.object_ref.resource.as_str(),
        line.object_ref.subresource.as_deref(),
    );
    let what = match of {
        ("pods", None | Some("status")) => {
            let pod: Pod = serde_json::from_value(object).ok()?;
            if pod.owner_references().first()?.name != schedule {
                return None;
            }
            let phase = pod.status.as_ref().and_then(|it| it.phase.as_deref());
            What::Pod {
                uid: pod.uid()?,
                start: (
                    pod.annotations().get(FIRE_ANNOTATION)?.parse().ok()?,
                    pod.annotations().get(ATTEMPT_ANNOTATION)?.parse().ok()?,
                ),
                held: is_held(&pod),
                ended: matches!(phase, Some("Succeeded" | "Failed")),
                gone: pod.metadata.deletion_grace_period_seconds == Some(0),
            }
        }
        ("scheduledcontainers", Some("status")) => {
            let object: ScheduledContainer = serde_json::from_value(object).ok()?;
            if object.name_any() != schedule {
                return None;
            }
            What::Status(Box::new(object.status?))
        }
        _ => return None,
    };
    Some(Write {
        version: version.ok()?,
        at: line.stage_timestamp,
        hand: line.user_agent,
        what,
    })
}

fn idle(status: &ScheduledContainerStatus) -> bool {
    status.active.is_empty() && status.queued.is_empty()
}

/// What is known of a pod so far.
struct Known {
    start: Start,
    since: Timestamp,
    started: bool,
    over: bool,
}

struct Court {
    calm: Timestamp,
    verdict: Verdict,
    pods: HashMap<String, Known>,
    /// What each uid was claimed for.
    claims: HashMap<String, Start>,
    status: ScheduledContainerStatus,
    /// The latest fire that is decided, at first the creation.
    decided: Timestamp,
    started: BTreeSet<Start>,
}

/// Judges a schedule that fires every second.
fn judge(writes: &[Write], created: Timestamp, calm: Timestamp) -> Verdict {
    let mut court = Court {
        calm,
        verdict: Verdict::default(),
        pods: HashMap::new(),
        claims: HashMap::new(),
        status: ScheduledContainerStatus::default(),
        decided: created,
        started: BTreeSet::new(),
    };
    for write in writes {
        if !HANDS.iter().any(|hand| write.hand.starts_with(hand)) {
            court.accuse(format!("a hand that isn't ours: {write:?}"));
        }
        match &write.what {
            What::Pod { .. } => court.pod(write),
            What::Status(status) => court.decision(status),
        }
    }
    let last = writes.iter().map(|write| write.at).max();
    court.end(last.map_or(calm, |last| last.max(calm)))
}

impl Court {
    fn accuse(&mut self, crime: String) {
        self.verdict.crimes.push(crime);
    }

    fn pod(&mut self, write: &Write) {
        let What::Pod {
            uid,
            start,
            held,
            ended,
            gone,
        } = &write.what
        else {
            return;
        };
        let known = self.pods.entry(uid.clone()).or_insert(Known {
            start: *start,
            since: write.at,
            started: false,
            over: false,
        });
        let (was_held, starts) = (!known.started && !known.over, !held && !known.started);
        known.started |= starts;
        known.over |= ended | gone;
        if was_held && (known.started || known.over) {
            let since = known.since;
            self.was_held(since, write.at);
        }
        if starts {
            self.start(uid, *start);
        }
    }

    fn start(&mut self, uid: &str, start: Start) {
        self.verdict.starts += 1;
        let others: Vec<_> = self
            .pods
            .iter()
            .filter(|(other, known)| *other != uid && known.started && !known.over)
            .map(|(_, known)| known.start)
            .collect();
        for other in others {
            self.accuse(format!(
                "overlap: {start:?} started while {other:?} went on"
            ));
        }
        if !self.started.insert(start) {
            self.accuse(format!("twice: a second start for {start:?}"));
        }
        if self.claims.get(uid) != Some(&start) {
            self.accuse(format!("unclaimed: {start:?} started without a claim"));
        }
    }

    fn was_held(&mut self, since: Timestamp, until: Timestamp) {
        let held = until.duration_since(since.max(self.calm));
        let held = Duration::try_from(held).unwrap_or_default();
        self.verdict.held = self.verdict.held.max(held);
    }

    /// A write of the status decides the fires up to its `lastFireTime`.
    fn decision(&mut self, status: &ScheduledContainerStatus) {
        let before = std::mem::replace(&mut self.status, status.clone());
        let mut claimed = 0;
        for run in &status.active {
            if before.active.iter().any(|old| old.uid == run.uid) {
                continue;
            }
            claimed += i64::from(run.attempt == 1);
            let start = (run.fire_time, run.attempt);
            let again = self.claims.values().any(|other| *other == start);
            if self.claims.insert(run.uid.clone(), start).is_some() || again {
                self.accuse(format!("claimed twice: {start:?}"));
            }
        }
        let still = |fire| status.active.iter().any(|run| run.fire_time == fire);
        let gone = before.active.iter().filter(|run| !still(run.fire_time));
        let gone = gone.count() as u64;
        let ended =
            |status: &ScheduledContainerStatus| status.counts.succeeded + status.counts.failed;
        if ended(status) != ended(&before) + gone {
            self.accuse(format!(
                "{gone} runs ended, and {:?} became {:?}",
                before.counts, status.counts
            ));
        }

        let last = status.last_fire_time.unwrap_or(self.decided);
        let fires = last.as_second() - self.decided.as_second();
        let skipped = status.counts.skipped as i64 - before.counts.skipped as i64;
        // Those that wait are decided, and are claimed or skipped later.
        let queued = status.queued.len() as i64 - before.queued.len() as i64;
        if fires < 0 || skipped < 0 || fires != claimed + skipped + queued {
            self.accuse(format!(
                "unaccounted: from {} to {last} are {fires} fires, of which {claimed} were \
                 claimed, {skipped} skipped and {queued} queued",
                self.decided
            ));
        }
        self.decided = last;
        self.verdict.fires += fires.max(0) as u64;
        let mut left = skipped.max(0) as u64;
        for skip in &status.recent_skips {
            let of_this = left.min(skip.count);
            if of_this > 0 {
                let reason = self.verdict.skips.entry(skip.reason.clone());
                *reason.or_default() += of_this;
            }
            left -= of_this;
        }
        if left > 0 {
            self.accuse(format!("{left} skips have no reason: {status:?}"));
        }
    }

    fn end(mut self, now: Timestamp) -> Verdict {
        let held: Vec<_> = self
            .pods
            .values()
            .filter(|known| !known.started && !known.over)
            .map(|known| known.since)
            .collect();
        for since in held {
            self.was_held(since, now);
        }
        if self.verdict.held > HELD {
            let held = self.verdict.held;
            self.accuse(format!("a pod was held for {held:?} without any fault"));
        }
        let lost: Vec<_> = self
            .claims
            .values()
            .filter(|start| !self.started.contains(start))
            .copied()
            .collect();
        for start in lost {
            self.accuse(format!("lost: {start:?} was claimed and never started"));
        }
        if !idle(&self.status) {
            self.accuse(format!("a run is still active: {:?}", self.status));
        }
        self.verdict
    }
}

/// What a judge is worth that has never seen a crime.
pub async fn the_judge_of_the_audit_log_sees_what_is_wrong() {
    let good = good_trace();
    let verdict = judged(&good);
    assert_eq!(verdict.crimes, Vec::<String>::new());
    assert_eq!((verdict.fires, verdict.starts), (4, 2));
    assert_eq!(verdict.skips, BTreeMap::from([("StillActive".into(), 2)]));

    type Change = fn(&mut Vec<Write>);
    let crimes: [(&str, Change); 9] = [
        // The end of the first run comes after the start of the second.
        ("overlap", |all| {
            let end = all.remove(4);
            all.insert(7, end);
        }),
        ("twice", |all| {
            for at in [6, 7, 8] {
                set_fire(&mut all[at], second(1));
            }
        }),
        ("unclaimed", |all| all.swap(2, 3)),
        ("unaccounted", |all| {
            set_status(&mut all[5], |status| status.counts.skipped = 1);
        }),
        ("unaccounted", |all| {
            set_status(&mut all[5], |status| {
                status.last_fire_time = Some(second(5));
            });
        }),
        ("runs ended", |all| {
            set_status(&mut all[9], |status| status.counts.succeeded = 3);
        }),
        ("no reason", |all| {
            set_status(&mut all[5], |status| status.recent_skips.clear());
        }),
        ("lost", |all| drop(all.drain(7..9))),
        ("a hand", |all| all[3].hand = "kubectl/v1.37".into()),
    ];
    for (name, change) in crimes {
        let mut all = good.clone();
        change(&mut all);
        let crimes = judged(&all).crimes;
        assert!(
            crimes.iter().any(|crime| crime.contains(name)),
            "{name} was not seen, but {crimes:?}"
        );
    }

    // A claim of which the log has no object took effect if anything was decided from it.
    for (decided_from, crimes) in [(None, 1), (Some(2), 0)] {
        let mut writes: BTreeMap<_, _> = good.iter().map(|it| (it.version, it.clone())).collect();
        let Some(Write {
            at,
            hand,
            what: What::Status(status),
            ..
        }) = writes.remove(&2)
        else {
            panic!("it is the claim")
        };
        let status = serde_json::to_value(status).expect("a status");
        let patches = Patches {
            shown: BTreeSet::from([1, 5, 9]),
            decided_from: BTreeSet::from_iter([1, 5].into_iter().chain(decided_from)),
            unanswered: vec![Patch {
                from: 1,
                at,
                hand,
                status,
            }],
        };
        patches.recover(&mut writes);
        let writes: Vec<_> = writes.into_values().collect();
        let found = judged(&writes).crimes;
        let unclaimed = found.iter().filter(|crime| crime.contains("unclaimed"));
        assert_eq!(unclaimed.count(), crimes, "{found:?}");
        assert_eq!(found.is_empty(), crimes == 0, "{found:?}");
    }

    // One that is held for long, and then released or swept, or never.
    let long = |writes: &[Write]| judged(writes).held >= Duration::from_secs(50);
    let mut late = good.clone();
    late[0].at = second(-50);
    assert!(long(&late), "{:?}", judged(&late));
    let mut litter = good.clone();
    litter.push(pod(10, -50, "c", 9, true, false));
    assert!(long(&litter));
    litter.push(pod(11, -40, "c", 9, true, false));
    set_gone(&mut litter[11]);
    assert!(!long(&litter));
}

/// A run, two fires that it leaves no room for, and another run.
fn good_trace() -> Vec<Write> {
    let status = |version, json: Value| Write {
        version,
        at: second(version as i64),
        hand: HAND.into(),
        what: What::Status(serde_json::from_value(json).expect("a status")),
    };
    let active = |uid: &str, fire| serde_json::json!({"name": uid, "uid": uid, "fireTime": second(fire), "claimTime": second(fire)});
    let skips = serde_json::json!([{
        "fireTime": second(2), "lastFireTime": second(3), "count": 2,
        "reason": "StillActive", "message": ""}]);
    vec![
        pod(0, 0, "a", 1, true, false),
        status(1, serde_json::json!({"conditions": []})),
        status(
            2,
            serde_json::json!({"lastFireTime": second(1), "active": [active("a", 1)]}),
        ),
        pod(3, 1, "a", 1, false, false),
        pod(4, 3, "a", 1, false, true),
        status(
            5,
            serde_json::json!({"lastFireTime": second(4), "active": [active("b", 4)],
                "counts": {"succeeded": 1, "skipped": 2}, "recentSkips": skips}),
        ),
        pod(6, 4, "b", 4, true, false),
        pod(7, 4, "b", 4, false, false),
        pod(8, 5, "b", 4, false, true),
        status(
            9,
            serde_json::json!({"lastFireTime": second(4),
                "counts": {"succeeded": 2, "skipped": 2}, "recentSkips": skips}),
        ),
    ]
}

fn judged(writes: &[Write]) -> Verdict {
    judge(writes, second(0), second(-60))
}

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).expect("a time")
}

fn pod(version: u64, at: i64, uid: &str, fire: i64, held: bool, ended: bool) -> Write {
    Write {
        version,
        at: second(at),
        hand: HAND.into(),
        what: What::Pod {
            uid: uid.into(),
            start: (second(fire), 1),
            held,
            ended,
            gone: false,
        },
    }
}

fn set_fire(write: &mut Write, to: Timestamp) {
    let What::Pod { start, .. } = &mut write.what else {
        panic!("no pod: {write:?}")
    };
    start.0 = to;
}

fn set_gone(write: &mut Write) {
    let What::Pod { gone, .. } = &mut write.what else {
        panic!("no pod: {write:?}")
    };
    *gone = true;
}

fn set_status(write: &mut Write, change: impl FnOnce(&mut ScheduledContainerStatus)) {
    let What::Status(status) = &mut write.what else {
        panic!("no status: {write:?}")
    };
    change(status);
}
