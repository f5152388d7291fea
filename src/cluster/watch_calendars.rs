//! Watch: keeps the calendars of the cache up to date. Schedules run without them: an API server that
//! doesn't know them, or doesn't show them to us, holds up only the schedules that name one; where it
//! doesn't say why, the others after [`PATIENCE`].

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, future::join_all};
use kube::{
    Api, ResourceExt,
    api::ApiResource,
    runtime::watcher::{self, Event, watcher},
};
use tokio::sync::watch;

use super::{
    cache::Read,
    observe::ObservedCalendar,
    patient::patient,
    values,
    watch::{WATCH_SECONDS, Watch},
};
use crate::{
    api::{CalendarKind, CalendarSpec, ClusterScheduleCalendar, ScheduleCalendar},
    core::{almanac::CalendarRef, calendar::Calendar},
    metrics::Resource,
};

/// How long all schedules wait for calendars of which it is not known whether they can be had. Those
/// that name one wait on.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits, but not for ever, until the watches of calendars have synced. Nothing that is decided
/// without calendars is wrong: it is only said, of each schedule that names one, that it isn't found,
/// and taken back when it is.
pub async fn wait_for(watches: Vec<watch::Receiver<bool>>) {
    // A watch that ended syncs no more, which is for its owner to notice.
    let all = watches.into_iter().map(|mut synced| async move {
        let _ = synced.wait_for(|synced| *synced).await;
    });
    if tokio::time::timeout(PATIENCE, join_all(all)).await.is_err() {
        tracing::warn!(
            "calendars can't be listed, so schedules that name one wait, and all others run"
        );
    }
}

impl Watch {
    /// Watches the calendars of a kind for ever. `synced` turns true once all of them are known, or
    /// once it is known that none can be had; then, and after any other trouble, they are asked for
    /// again and again.
    pub async fn calendars(self, kind: CalendarKind, synced: watch::Sender<bool>) {
        let config = watcher::Config::default()
            .any_semantic()
            .timeout(WATCH_SECONDS);
        let mut events = patient(watcher(self.calendars_of(kind), config).boxed());
        let mut listed = BTreeMap::new();
        let mut told = None;
        while let Some(event) = events.next().await {
            let reread = match event {
                Ok(Event::Init) => {
                    listed.clear();
                    Vec::new()
                }
                Ok(Event::InitApply(object)) => {
                    listed.insert(reference(kind, &object), read(object));
                    Vec::new()
                }
                Ok(Event::InitDone) => {
                    told = None;
                    let listed = std::mem::take(&mut listed);
                    let reread = self.cache.keep_calendars(kind, listed);
                    synced.send_replace(true);
                    reread
                }
                Ok(Event::Apply(object)) => {
                    let calendar = reference(kind, &object);
                    self.cache.set_calendar(calendar, read(object))
                }
                Ok(Event::Delete(object)) => self.cache.remove_calendar(reference(kind, &object)),
                Err(error) => {
                    self.metrics.watch_restarted(resource(kind));
                    let trouble = Trouble::of(&error);
                    if told != Some(trouble) {
                        tracing::warn!(
                            resource = ?resource(kind),
                            error = &error as &dyn std::error::Error,
                            "{}",
                            trouble.words()
                        );
                    }
                    match trouble {
                        Trouble::Unknown | Trouble::Forbidden => {
                            told = Some(trouble);
                            synced.send_replace(true);
                        }
                        Trouble::Other => {}
                    }
                    Vec::new()
                }
            };
            for key in reread {
                self.queue.push(key);
            }
        }
    }

    fn calendars_of(&self, kind: CalendarKind) -> Api<ObservedCalendar> {
        let client = self.client.clone();
        match (kind, &self.namespace) {
            (CalendarKind::ScheduleCalendar, Some(namespace)) => {
                let resource = ApiResource::erase::<ScheduleCalendar>(&());
                Api::namespaced_with(client, namespace, &resource)
            }
            (CalendarKind::ScheduleCalendar, None) => {
                Api::all_with(client, &ApiResource::erase::<ScheduleCalendar>(&()))
            }
            (CalendarKind::ClusterScheduleCalendar, _) => {
                Api::all_with(client, &ApiResource::erase::<ClusterScheduleCalendar>(&()))
            }
        }
    }
}

fn reference(kind: CalendarKind, object: &ObservedCalendar) -> CalendarRef {
    CalendarRef {
        kind,
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

/// What a calendar says. One that can't be read must not keep the others from being read.
pub fn read(object: ObservedCalendar) -> Read {
    let version = object.resource_version().unwrap_or_default();
    let way_out = "put some of its days into a second calendar";
    let spec: CalendarSpec = values::decoded(object.spec.as_deref(), way_out)
        .map_err(|error| format!("can't be read by this version of the controller: {error}"))?;
    Calendar::parse(&spec).map(|calendar| calendar.seen_at(version).into())
}

fn resource(kind: CalendarKind) -> Resource {
    match kind {
        CalendarKind::ScheduleCalendar => Resource::schedulecalendars,
        CalendarKind::ClusterScheduleCalendar => Resource::clusterschedulecalendars,
    }
}

/// What keeps calendars from being seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// Their definition is not installed.
    Unknown,
    /// We may not see them.
    Forbidden,
    /// It passes.
    Other,
}

impl Trouble {
    fn of(error: &watcher::Error) -> Self {
        match error {
            watcher::Error::InitialListFailed(kube::Error::Api(status)) => match status.code {
                404 => Self::Unknown,
                403 => Self::Forbidden,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Unknown => {
                "the API server knows no calendars of this kind, so schedules that name one wait: \
                 install them with kubectl apply -k crds"
            }
            Self::Forbidden => {
                "calendars of this kind can't be seen, so schedules that name one wait: let the \
                 controller's service account list and watch them, as in deploy/rbac.yaml"
            }
            Self::Other => "the watch broke and is opened anew",
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calendars_are_waited_for_as_long_as_they_may_come_but_not_for_ever() {
        let start = Instant::now();
        let ((first, known), (second, unknown)) = (watch::channel(true), watch::channel(false));
        let come = async {
            tokio::time::sleep(PATIENCE / 2).await;
            second.send_replace(true);
        };
        tokio::join!(wait_for(vec![known.clone(), unknown]), come);
        assert_eq!(start.elapsed(), PATIENCE / 2, "once all are known");

        let (never, unknown) = watch::channel(false);
        let start = Instant::now();
        wait_for(vec![known, unknown.clone()]).await;
        assert_eq!(start.elapsed(), PATIENCE, "though one kind never is");

        drop((first, never));
        let start = Instant::now();
        wait_for(vec![unknown]).await;
        assert_eq!(start.elapsed(), Duration::ZERO, "no longer than its watch");
    }

    #[test]
    fn a_calendar_is_read_with_its_version() {
        let object = serde_json::json!({
            "apiVersion": "punctual.dev/v1alpha1", "kind": "ScheduleCalendar",
            "metadata": {"name": "off", "namespace": "shop", "resourceVersion": "12"},
            "spec": {"dates": ["2026-12-25"]},
        });
        let calendar = read(serde_json::from_value(object).unwrap()).unwrap();
        assert_eq!(calendar.version(), "12");
        assert!(!calendar.is_empty());
    }
}
