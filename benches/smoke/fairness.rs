//! Two tenants: what one with a few schedules feels of another with thousands that fire every second.
//! Alone and beside the other by turns, since what else the machine does changes from minute to minute.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    time::Duration,
};

use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Resource,
    api::{DeleteParams, ListParams, PostParams},
};
use punctual::{api::ScheduledContainer, clock::Clock};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::{
    audit::{self, Request},
    cluster::Cluster,
    controller::Controller,
    figures::percentile,
    machine::Machine,
    page_section,
    settings::{Settings, number, say},
};

/// How many schedules the modest tenant has, each of which fires every five seconds.
const FEW: usize = 20;

/// How long each measurement takes.
const SPAN: Duration = Duration::from_secs(40);

/// How long anything may take that is waited for between the measurements.
const LIMIT: Duration = Duration::from_secs(300);

/// How late the runs of one measurement started, in milliseconds and in order.
struct Measured {
    claimed: Vec<f64>,
    released: Vec<f64>,
    /// Writes of the controller in a second, for both tenants.
    writes: f64,
}

/// Measures and prints; `BENCH_MANY` (2000) and `BENCH_ROUNDS` (3) change how much.
pub async fn bench(settings: &Settings, cluster: &Cluster) -> anyhow::Result<()> {
    let many = number("BENCH_MANY")?.unwrap_or(2_000);
    let rounds = number("BENCH_ROUNDS")?.unwrap_or(3);
    cluster.prepare(2).await?;
    let machine = Machine::look(cluster.version().await?)?;
    let kubeconfig = cluster.controller_kubeconfig().await?;
    let controller = Controller::start(kubeconfig.path(), &settings.controller_flags).await?;
    let log = audit::Log::from_now()?;
    create(cluster, 0, FEW, "*/5 * * * * *", "Allow").await?;
    fired(cluster, &log, 0, FEW).await?;
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        say(&format!("round {round} of {rounds}: alone"));
        alone.push(measure(cluster).await?);
        say(&format!("round {round} of {rounds}: beside {many}"));
        let log = audit::Log::from_now()?;
        create(cluster, 1, many, "* * * * * *", "Forbid").await?;
        // Each wants to fire every second; the API server can't do more than some of them.
        fired(cluster, &log, 1, many / 10).await?;
        beside.push(measure(cluster).await?);
        delete(cluster, 1).await?;
    }
    controller.stop().await?;
    let section = section(&machine, many, &alone, &beside);
    println!("\n{section}");
    if settings.write {
        page_section::write("bench-fairness", &section)?;
        say("written to docs/performance.md");
    }
    Ok(())
}

/// Makes the schedules of a tenant.
async fn create(
    cluster: &Cluster,
    tenant: usize,
    count: usize,
    expression: &str,
    policy: &str,
) -> anyhow::Result<()> {
    let namespace = cluster.namespace(tenant);
    let api = Api::<ScheduledContainer>::namespaced(cluster.client.clone(), &namespace);
    let made = stream::iter(0..count).map(|number| {
        let api = api.clone();
        let schedule = serde_json::from_value(json!({
            "metadata": {"name": format!("beat-{number:05}")},
            "spec": {
                "schedule": expression,
                "timeZone": "UTC",
                "concurrencyPolicy": policy,
                "successfulRunsHistoryLimit": 0,
                "template": {
                    "metadata": {"annotations": {"punctual.dev/kwok-complete-after": "100ms"}},
                    "spec": {
                        "nodeSelector": {"type": "kwok"},
                        "tolerations": [
                            {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"},
                        ],
                        "containers": [{"name": "main", "image": "busybox:1.36", "args": ["true"]}],
                    },
                },
            },
        }));
        async move {
            api.create(&PostParams::default(), &schedule?).await?;
            anyhow::Ok(())
        }
    });
    made.buffer_unordered(16)
        .try_collect::<()>()
        .await
        .context("can't make the schedules")
}

/// Waits until so many schedules of a tenant have fired, all of which were made since `log` began. Their
/// pods tell it: an answer with 2,000 schedules would be one more load, and might break off.
async fn fired(
    cluster: &Cluster,
    log: &audit::Log,
    tenant: usize,
    count: usize,
) -> anyhow::Result<()> {
    let namespace = cluster.namespace(tenant);
    let all = async || {
        let requests = done(cluster, log, &namespace)?;
        let releases = requests.iter().filter_map(release);
        let fired: BTreeSet<&str> = releases.map(|(schedule, _)| schedule).collect();
        say(&format!("{} of {count} have fired", fired.len()));
        anyhow::Ok(fired.len() >= count)
    };
    until("enough schedules have fired", all).await
}

/// Deletes the schedules of a tenant and their pods, and waits until they are gone.
async fn delete(cluster: &Cluster, tenant: usize) -> anyhow::Result<()> {
    let (client, namespace) = (&cluster.client, cluster.namespace(tenant));
    let schedules = Api::<ScheduledContainer>::namespaced(client.clone(), &namespace);
    until("the schedules are gone", async || gone(&schedules).await).await?;
    let pods = Api::<Pod>::namespaced(client.clone(), &namespace);
    until("the pods are gone", async || gone(&pods).await).await
}

/// Deletes some of what there is, and says whether there was nothing. One by one: the API server takes
/// no longer than a minute over one answer.
async fn gone<K>(api: &Api<K>) -> anyhow::Result<bool>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let some = ListParams::default().limit(500);
    let found = api.list_metadata(&some).await?.items;
    let names = found.iter().filter_map(|object| object.meta().name.clone());
    let deleted = stream::iter(names).map(async |name| {
        match api.delete(&name, &DeleteParams::default()).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
            other => other.map(|_| ()),
        }
    });
    deleted.buffer_unordered(16).try_collect::<()>().await?;
    Ok(found.is_empty())
}

/// An error is told, and only the time ends the wait: the machine has more to do than it can.
async fn until(what: &str, reached: impl AsyncFn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    let end = tokio::time::Instant::now() + LIMIT;
    loop {
        match reached().await {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => say(&format!("asked again: {error:#}")),
        }
        let in_time = tokio::time::Instant::now() < end;
        ensure!(in_time, "not within {} s: {what}", LIMIT.as_secs());
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

async fn measure(cluster: &Cluster) -> anyhow::Result<Measured> {
    let (log, since) = (audit::Log::from_now()?, Clock::System.now());
    tokio::time::sleep(SPAN).await;
    let mut requests = done(cluster, &log, &cluster.prefix)?;
    let writes = requests.iter().filter(|request| {
        matches!(request.verb.as_str(), "create" | "patch" | "delete")
            && request.resource != "events"
    });
    let writes = writes.count() as f64 / SPAN.as_secs_f64();
    requests.retain(|request| request.namespace == cluster.namespace(0));
    Ok(measured(&requests, since, writes))
}

/// What the controller has asked for and got in namespaces whose names begin like this.
fn done(cluster: &Cluster, log: &audit::Log, namespaces: &str) -> anyhow::Result<Vec<Request>> {
    let user = cluster.controller_user();
    let mut requests = log.read(namespaces)?;
    requests.retain(|request| request.user == user && request.succeeded());
    Ok(requests)
}

/// A pod's first patch is the release, and the schedule's last status before that is the claim: the log
/// has no bodies that would tell.
fn measured(requests: &[Request], since: Timestamp, writes: f64) -> Measured {
    let mut statuses = BTreeMap::<&str, Vec<Timestamp>>::new();
    let mut releases = BTreeMap::<(&str, Timestamp), Timestamp>::new();
    for request in requests {
        let at = request.answered;
        if (request.verb.as_str(), request.resource.as_str())
            == ("patch", "scheduledcontainers/status")
        {
            statuses.entry(&request.name).or_default().push(at);
        } else if let Some(run) = release(request) {
            let first = releases.entry(run).or_insert(at);
            *first = at.min(*first);
        }
    }
    releases.retain(|(_, fire), _| *fire >= since);
    let (mut claimed, mut released) = (Vec::new(), Vec::new());
    for ((schedule, fire), at) in releases {
        let late = |at: Timestamp| at.duration_since(fire).as_secs_f64() * 1000.0;
        released.push(late(at));
        let before = statuses.get(schedule).into_iter().flatten();
        let claim = before.filter(|claim| **claim <= at).max();
        claimed.extend(claim.map(|claim| late(*claim)));
    }
    claimed.sort_by(f64::total_cmp);
    released.sort_by(f64::total_cmp);
    Measured {
        claimed,
        released,
        writes,
    }
}

/// The schedule and the fire of the pod that a request patches, which is called
/// SCHEDULE-YYYYMMDD-HHMMSS. A pod is patched when it is released.
fn release(request: &Request) -> Option<(&str, Timestamp)> {
    if (request.verb.as_str(), request.resource.as_str()) != ("patch", "pods") {
        return None;
    }
    let mut parts = request.name.rsplitn(3, '-');
    let (time, day) = (parts.next()?, parts.next()?);
    let fire = DateTime::strptime("%Y%m%d%H%M%S", format!("{day}{time}")).ok()?;
    let fire = TimeZone::UTC.to_timestamp(fire).ok()?;
    Some((parts.next()?, fire))
}

fn section(machine: &Machine, many: usize, alone: &[Measured], beside: &[Measured]) -> String {
    let today = Clock::System.now().strftime("%Y-%m-%d");
    let rounds = alone.len();
    let mut out = format!(
        "Measured on {today}: {FEW} schedules that fire every five seconds, alone and beside {many} of \
         another namespace that fire every second, by turns {rounds} times for {} s each; the medians. {} \
         cores ({}), Kubernetes {}, everything on one machine; load average before: {}.\n\n\
         | from the due time until | p50 | p99 | last | runs | writes a second |\n|---|---|---|---|---|---|\n",
        SPAN.as_secs(),
        machine.cores,
        machine.processor,
        machine.kubernetes,
        machine.load,
    );
    type Step = fn(&Measured) -> &Vec<f64>;
    let steps: [(&str, Step); 2] = [("claimed", |m| &m.claimed), ("released", |m| &m.released)];
    let mut ratios = Vec::new();
    for (name, step) in steps {
        let mut p99 = Vec::new();
        for (who, all) in [("alone", alone), ("beside them", beside)] {
            let at = |percent| median(all.iter().map(|one| percentile(step(one), percent)));
            p99.push(at(99.0));
            out += &format!(
                "| {name}, {who} | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} | {:.0} |\n",
                at(50.0),
                at(99.0),
                at(100.0),
                median(all.iter().map(|one| step(one).len() as f64)),
                median(all.iter().map(|one| one.writes)),
            );
        }
        ratios.push(format!("{name} {:.1} times as late", p99[1] / p99[0]));
    }
    out + &format!("\nAt p99: {}.\n", ratios.join(", "))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
