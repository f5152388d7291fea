//! Whatever happens when, every fire is decided once: for random schedules, outages, runs and steps
//! of the clock, the runs and the skips together are as many as the fires.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use proptest::{prelude::*, sample::select};
use punctual::{
    api::{ScheduledContainerSpec, ScheduledContainerStatus},
    core::{
        almanac::Almanac,
        decide::decide,
        news::News,
        plan::{Learned, Plan, Seen, Step, Trial},
        run::{Phase, SeenPod},
        schedule::Schedule,
        schedule_ref::ScheduleRef,
    },
};
use serde_json::{Value, json};

/// Half an hour before the clocks of Europe go back.
const CREATED: &str = "2026-10-25T00:30:00Z";

/// What happens to the controller. Times are in seconds.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// It works for so long.
    Works(i64),
    /// It is away for so long.
    Away(i64),
    /// The clock is put forward, or back.
    Step(i64),
}

/// A schedule with its pods, as the cluster has them.
struct Cluster {
    schedule: Schedule,
    seen: Seen,
    ahead: SignedDuration,
    /// How long runs take, over and over.
    runs: Vec<i64>,
    now: Timestamp,
    claims: Vec<Timestamp>,
    skipped: u64,
}

impl Cluster {
    fn new(spec: &Value, ahead: i64, runs: Vec<i64>) -> Self {
        let spec: ScheduledContainerSpec = serde_json::from_value(spec.clone()).unwrap();
        let identity = ScheduleRef {
            namespace: "default".into(),
            name: "hello".into(),
            uid: "1".into(),
        };
        let created = CREATED.parse().unwrap();
        let almanac = Almanac::new(TimeZone::UTC);
        Self {
            schedule: Schedule::parse(identity, 1, created, &spec, &almanac.into()),
            seen: Seen {
                status: ScheduledContainerStatus::default(),
                deleting: false,
                requested: None,
                pods: Vec::new(),
            },
            ahead: SignedDuration::from_secs(ahead),
            runs,
            now: created,
            claims: Vec::new(),
            skipped: 0,
        }
    }

    fn meets(&mut self, event: Event) {
        match event {
            Event::Works(seconds) => self.works(seconds),
            Event::Away(seconds) => self.now += SignedDuration::from_secs(seconds),
            Event::Step(seconds) => {
                let end_of = |pod: &mut SeenPod| {
                    // A run goes on as long as it would have, whatever clocks show.
                    pod.started = pod
                        .started
                        .map(|end| end + SignedDuration::from_secs(seconds));
                };
                self.seen.pods.iter_mut().for_each(end_of);
                self.now += SignedDuration::from_secs(seconds);
            }
        }
    }

    /// The controller looks whenever it asked to be woken and whenever a run ends.
    fn works(&mut self, seconds: i64) {
        let until = self.now + SignedDuration::from_secs(seconds);
        loop {
            let wake = self.turn();
            let pods = self.seen.pods.iter();
            let ends = pods
                .filter(|pod| !pod.ended())
                .filter_map(|pod| pod.started);
            match ends.chain(wake).min() {
                Some(next) if next < until => self.now = self.now.max(next),
                _ => break,
            }
        }
        self.now = until;
        self.turn();
    }

    /// Does what is decided until there is nothing left to do. Says when to look again.
    fn turn(&mut self) -> Option<Timestamp> {
        for pod in &mut self.seen.pods {
            // `started` holds the end of the run here; nothing that is decided depends on it.
            if pod.started.is_some_and(|end| end <= self.now) {
                pod.phase = Phase::Succeeded;
            }
        }
        let mut learned = Learned::default();
        for _ in 0..20 {
            let Plan { steps, wake_at } =
                decide(&self.schedule, &self.seen, &learned, self.ahead, self.now);
            if steps.is_empty() {
                assert!(wake_at.is_none_or(|wake| wake > self.now), "wakes at once");
                return wake_at;
            }
            for step in steps {
                self.take(step, &mut learned);
            }
        }
        panic!("never at rest");
    }

    fn take(&mut self, step: Step, learned: &mut Learned) {
        let pods = &mut self.seen.pods;
        match step {
            Step::Prepare { run, name } => pods.push(pod(run.fire, name)),
            Step::Record { status, news } => {
                for news in news {
                    if let News::Skipped { skip, .. } = news {
                        self.skipped += skip.count;
                    }
                }
                if let Some(active) = status.active.first()
                    && self.seen.status.active.first() != Some(active)
                {
                    self.claims.push(active.fire_time);
                }
                self.seen.status = *status;
            }
            Step::Release { uid, .. } => {
                let takes = self.runs[self.claims.len() % self.runs.len()];
                let pod = pods.iter_mut().find(|pod| pod.uid == uid).unwrap();
                pod.held = false;
                pod.phase = Phase::Running;
                pod.started = Some(self.now + SignedDuration::from_secs(takes));
            }
            Step::Sweep { uid, .. } | Step::Collect { uid, .. } => {
                pods.retain(|pod| pod.uid != uid);
            }
            Step::Try { generation } => {
                let result = Ok(());
                learned.trial = Some(Trial { generation, result });
            }
            Step::Verify { uid, .. } => learned.found.push(uid),
            Step::Stop { .. } | Step::StopOthers { .. } => panic!("nothing is stopped here"),
        }
    }

    /// The fires after the creation up to the last one that is decided.
    fn fires(&self) -> Vec<Timestamp> {
        let timing = self.schedule.timing.as_ref().unwrap();
        let decided = self.seen.status.last_fire_time.unwrap_or(Timestamp::MIN);
        let next = |fire: &Timestamp| timing.next(*fire);
        let fires = std::iter::successors(timing.next(self.schedule.created), next);
        fires.take_while(|fire| *fire <= decided).collect()
    }
}

fn pod(fire: Timestamp, name: String) -> SeenPod {
    let uid = format!("uid of {name}");
    SeenPod::just_made(name, uid, fire)
}

fn event() -> impl Strategy<Value = Event> {
    let second = select(vec![1, 60, 61, 3600, 86400]);
    prop_oneof![
        (1..2000i64).prop_map(Event::Works),
        (1..9000i64).prop_map(Event::Away),
        (second, any::<bool>()).prop_map(|(by, back)| Event::Step(if back { -by } else { by })),
    ]
}

fn spec() -> impl Strategy<Value = Value> {
    let schedules = vec![
        "*/30 * * * * *",
        "17 */5 * * * *",
        "0 30 * * * *",
        "0 0 2,3 * * *",
        "@every 47s",
        "@every 1h1s",
        "0 0/7 1-4 * * SUN",
    ];
    let zones = select(vec!["UTC", "Europe/Berlin"]);
    let policies = select(vec!["Skip", "RunLatest", "RunAll"]);
    let deadline = prop::option::of(select(vec![1i64, 30, 60, 3600]));
    let limit = prop::option::of(select(vec![1i64, 2, 7]));
    let jitter = prop::option::of(select(vec![20i64]));
    let other = select(vec!["0 10 * * * *", "0 30 2 * * *", "25 */7 * * * *"]);
    (
        select(schedules),
        prop::option::of(other),
        zones,
        policies,
        deadline,
        limit,
        jitter,
    )
        .prop_map(|(schedule, other, zone, missed, deadline, limit, jitter)| {
            // Elapsed time stands alone: it counts from the last fire.
            let (other, jitter) = match schedule.starts_with('@') {
                true => (None, None),
                false => (other, jitter),
            };
            let schedules = [Some(schedule), other].into_iter().flatten();
            let schedules: Vec<Value> = schedules.map(|one| json!({"schedule": one})).collect();
            json!({
                "schedules": schedules, "jitterSeconds": jitter, "timeZone": zone, "missedFires": missed,
                "startingDeadlineSeconds": deadline, "missedFiresLimit": limit,
                "successfulRunsHistoryLimit": 1,
                "template": {"spec": {"containers": [{"name": "main"}]}},
            })
        })
}

proptest! {
    #[test]
    fn runs_and_skips_are_as_many_as_the_fires_and_in_their_order(
        spec in spec(),
        ahead in select(vec![0i64, 3, 40]),
        runs in prop::collection::vec(select(vec![0i64, 2, 29, 31, 200, 4000]), 1..5),
        events in prop::collection::vec(event(), 1..12),
    ) {
        let mut cluster = Cluster::new(&spec, ahead, runs);
        for event in events {
            cluster.meets(event);
        }
        // What is under way now may end.
        cluster.works(300);
        let fires = cluster.fires();
        prop_assert_eq!(cluster.claims.len() as u64 + cluster.skipped, fires.len() as u64);
        prop_assert_eq!(cluster.seen.status.counts.skipped, cluster.skipped);
        prop_assert!(cluster.claims.is_sorted_by(|one, next| one < next));
        for claim in &cluster.claims {
            prop_assert!(fires.contains(claim), "{} is no fire", claim);
        }
        let status = &cluster.seen.status;
        if status.active.is_empty() {
            let timing = cluster.schedule.timing.as_ref().unwrap();
            let decided = status.last_fire_time.unwrap_or(cluster.schedule.created);
            prop_assert_eq!(timing.due(decided, cluster.now), None, "something waits for nothing");
        }
    }
}

/// After an outage so long that its fires can't be counted one by one, exactly the latest run.
#[test]
fn after_a_long_outage_as_many_fires_run_as_the_limit_says() {
    let schedules = |each: &[&str]| -> Value {
        let each = each.iter().map(|one| json!({"schedule": one}));
        each.collect()
    };
    for (each, jitter) in [
        (&["*/20 * * * * *", "*/30 * * * * *"][..], None),
        (&["*/20 * * * * *", "*/30 * * * * *"], Some(7)),
        // The same fires many times over: they are fewer than they are counted as.
        (&["0 0/15 * * * *"; 20], None),
        (&["*/10 * * * * *"], None),
        (&["@every 7s"], None),
    ] {
        let mut cluster = Cluster::new(
            &json!({
                "schedules": schedules(each), "jitterSeconds": jitter, "timeZone": "UTC",
                "missedFires": "RunAll", "missedFiresLimit": 100,
                "template": {"spec": {"containers": [{"name": "main"}]}},
            }),
            0,
            vec![0],
        );
        cluster.meets(Event::Away(200 * 3600 + 1));
        let back = cluster.now;
        cluster.works(1);
        let fires: Vec<_> = cluster
            .fires()
            .into_iter()
            .filter(|fire| *fire <= back)
            .collect();
        // One that has fallen due since then is not missed.
        cluster.claims.retain(|claim| *claim <= back);
        assert_eq!(cluster.claims.len(), 100, "{each:?}");
        assert_eq!(cluster.claims, fires[fires.len() - 100..], "{each:?}");
    }
}
