//! The schedules: all of them fire once, at the same instant, on fake nodes.

use std::time::Duration;

use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::{Timestamp, tz::TimeZone};
use kube::{
    Api,
    api::{ListParams, PostParams},
};
use punctual::{
    api::{ConditionStatus, ScheduledContainer},
    clock::Clock,
};
use serde_json::json;

use crate::{cluster::Cluster, settings::Settings};

/// The next full second after `now` and `lead`.
pub fn instant(now: Timestamp, lead: Duration) -> Timestamp {
    let second = (now + lead).as_second() + 1;
    Timestamp::from_second(second).expect("a day ahead is in range")
}

/// Makes the schedules, spread evenly over the namespaces.
pub async fn create(cluster: &Cluster, settings: &Settings, due: Timestamp) -> anyhow::Result<()> {
    let made = stream::iter(0..settings.schedules).map(|number| {
        let namespace = cluster.namespace(number % settings.namespaces);
        let api = Api::<ScheduledContainer>::namespaced(cluster.client.clone(), &namespace);
        async move {
            let schedule = schedule(number, settings, due)?;
            api.create(&PostParams::default(), &schedule).await?;
            anyhow::Ok(())
        }
    });
    made.buffer_unordered(16)
        .try_collect::<()>()
        .await
        .context("can't make the schedules")
}

fn schedule(
    number: usize,
    settings: &Settings,
    due: Timestamp,
) -> serde_json::Result<ScheduledContainer> {
    let expression = due
        .to_zoned(TimeZone::UTC)
        .strftime("%-S %-M %-H %-d %-m *")
        .to_string();
    serde_json::from_value(json!({
        "apiVersion": "punctual.dev/v1alpha1",
        "kind": "ScheduledContainer",
        "metadata": {"name": format!("herd-{number:05}")},
        "spec": {
            "schedule": expression,
            "timeZone": "UTC",
            // So that each run costs all the writes that a run ever costs, its pod's deletion too.
            "successfulRunsHistoryLimit": 0,
            "template": {
                "metadata": {"annotations": {
                    "punctual.dev/kwok-complete-after": format!("{}s", settings.run_seconds),
                }},
                "spec": {
                    "nodeSelector": {"type": "kwok"},
                    "tolerations": [
                        {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"},
                    ],
                    "containers": [{
                        "name": "main",
                        "image": "busybox:1.36",
                        "args": ["true"],
                        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
                    }],
                },
            },
        },
    }))
}

/// Waits until every schedule says that it is Ready, at most until `limit`.
pub async fn all_ready(
    cluster: &Cluster,
    settings: &Settings,
    limit: Timestamp,
) -> anyhow::Result<()> {
    let clock = Clock::System;
    loop {
        let schedules = list(cluster).await?;
        let ready = schedules.iter().filter(|schedule| is_ready(schedule));
        let ready = ready.count();
        if ready == settings.schedules {
            return Ok(());
        }
        ensure!(
            clock.now() < limit,
            "only {ready} of {} schedules are Ready, too close to their fire",
            settings.schedules
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn is_ready(schedule: &ScheduledContainer) -> bool {
    let conditions = schedule.status.iter().flat_map(|status| &status.conditions);
    conditions.into_iter().any(|condition| {
        condition.r#type == "Ready" && matches!(condition.status, ConditionStatus::True)
    })
}

/// Makes sure that every schedule has recorded exactly one run, and that it succeeded.
pub async fn all_recorded(cluster: &Cluster, settings: &Settings) -> anyhow::Result<()> {
    let schedules = list(cluster).await?;
    let right = schedules.iter().filter(|schedule| {
        schedule.status.as_ref().is_some_and(|status| {
            status.active.is_empty()
                && status.recent_runs.len() == 1
                && status.counts.succeeded == 1
                && status.counts.failed == 0
                && status.counts.skipped == 0
        })
    });
    let right = right.count();
    ensure!(
        right == settings.schedules,
        "only {right} of {} schedules have recorded one run that succeeded",
        settings.schedules
    );
    Ok(())
}

async fn list(cluster: &Cluster) -> anyhow::Result<Vec<ScheduledContainer>> {
    let api = Api::<ScheduledContainer>::all(cluster.client.clone());
    let all = api.list(&ListParams::default()).await?.items;
    let ours = all.into_iter().filter(|schedule| {
        let namespace = schedule.metadata.namespace.as_deref();
        namespace.is_some_and(|namespace| namespace.starts_with(&cluster.prefix))
    });
    Ok(ours.collect())
}
