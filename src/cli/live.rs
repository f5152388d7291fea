//! Schedules as they are in the cluster, for the commands that name it.

use std::{collections::BTreeMap, future::Future, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;
use kube::{Api, Client, api::ListParams};
use punctual::{
    api::{CalendarKind, ClusterScheduleCalendar, ScheduleCalendar, ScheduledContainer},
    cluster::{connect, manifest::Wanted},
    core::{
        almanac::{Almanac, CalendarRef},
        calendar::Calendar,
        schedule::Idle,
        timetable::Timetable,
    },
    metrics::Metrics,
};

/// How long the cluster may take for everything that one command asks of it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which cluster.
#[derive(Args)]
pub struct ClusterFlags {
    /// The kubeconfig to use. Default: $KUBECONFIG, or ~/.kube/config.
    #[arg(long, env = "PUNCTUAL_KUBECONFIG", value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig to use. Default: its current one.
    #[arg(long, env = "PUNCTUAL_CONTEXT", value_name = "NAME")]
    context: Option<String>,
}

/// A schedule as it is in the cluster.
pub struct Live {
    pub schedule: Wanted,
    pub created: Option<Timestamp>,
    /// From when on `@every` counts.
    pub counts_from: Option<Timestamp>,
}

impl Live {
    /// When it fires, or why not.
    pub fn timetable(&self, almanac: &Almanac) -> Result<Timetable, Idle> {
        self.schedule.timetable(almanac, self.created)
    }
}

/// A cluster that was reached.
pub struct Cluster {
    client: Client,
    /// The namespace that the kubeconfig's context names.
    pub namespace: String,
}

impl ClusterFlags {
    /// The namespace that the kubeconfig's context names. Asks no cluster.
    pub fn namespace(&self) -> anyhow::Result<String> {
        self.ask(async |cluster| Ok(cluster.namespace))
    }

    /// Runs what asks the cluster, for as long as there is patience.
    pub fn ask<T, F: Future<Output = anyhow::Result<T>>>(
        &self,
        question: impl FnOnce(Cluster) -> F,
    ) -> anyhow::Result<T> {
        let runtime = tokio::runtime::Runtime::new().context("can't start the runtime")?;
        let answer = runtime.block_on(async {
            let asking = async {
                let config =
                    connect::config(self.kubeconfig.as_deref(), self.context.as_deref()).await?;
                let namespace = config.default_namespace.clone();
                let client = connect::client(config, Metrics::new())?;
                question(Cluster { client, namespace }).await
            };
            match tokio::time::timeout(PATIENCE, asking).await {
                Ok(answer) => answer,
                Err(_) => bail!("no answer from the cluster within {} s", PATIENCE.as_secs()),
            }
        });
        runtime.shutdown_background();
        answer
    }
}

impl Cluster {
    /// The schedule of a name, if there is one.
    pub async fn schedule(&self, namespace: &str, name: &str) -> anyhow::Result<Option<Live>> {
        let api: Api<ScheduledContainer> = Api::namespaced(self.client.clone(), namespace);
        let found = api.get_opt(name).await;
        let found = found.with_context(|| format!("can't read the schedule {namespace}/{name}"))?;
        Ok(found.map(live))
    }

    /// The schedules with a label.
    pub async fn labelled(&self, selector: &str) -> anyhow::Result<Vec<Live>> {
        let api: Api<ScheduledContainer> = Api::all(self.client.clone());
        let list = api.list(&ListParams::default().labels(selector)).await;
        let list = list.context("can't list the schedules")?;
        Ok(list.items.into_iter().map(live).collect())
    }

    /// Gives the almanac the calendars that are named and that it does not have.
    pub async fn add_calendars(
        &self,
        almanac: &mut Almanac,
        wanted: impl IntoIterator<Item = CalendarRef>,
    ) -> anyhow::Result<()> {
        let mut found = BTreeMap::new();
        for reference in wanted {
            if almanac.calendars.contains_key(&reference) || found.contains_key(&reference) {
                continue;
            }
            let spec = match reference.kind {
                CalendarKind::ScheduleCalendar => {
                    let api: Api<ScheduleCalendar> =
                        Api::namespaced(self.client.clone(), &reference.namespace);
                    api.get_opt(&reference.name)
                        .await
                        .map(|it| it.map(|it| it.spec))
                }
                CalendarKind::ClusterScheduleCalendar => {
                    let api: Api<ClusterScheduleCalendar> = Api::all(self.client.clone());
                    api.get_opt(&reference.name)
                        .await
                        .map(|it| it.map(|it| it.spec.0))
                }
            };
            let spec =
                spec.with_context(|| format!("can't read the calendar {}", reference.name))?;
            if let Some(spec) = spec {
                found.insert(reference, Calendar::parse(&spec).map(Arc::new));
            }
        }
        almanac.calendars.extend(found);
        Ok(())
    }
}

fn live(object: ScheduledContainer) -> Live {
    let status = object.status.unwrap_or_default();
    let created = object.metadata.creation_timestamp.map(|time| time.0);
    Live {
        schedule: Wanted {
            namespace: object.metadata.namespace.unwrap_or_default(),
            name: object.metadata.name.unwrap_or_default(),
            spec: object.spec,
        },
        created,
        counts_from: [status.last_fire_time, status.observed_since, created]
            .into_iter()
            .flatten()
            .max(),
    }
}
