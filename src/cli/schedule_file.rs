//! The flags that say where the schedule file is.

use std::path::PathBuf;

use clap::Args;
use punctual::cluster::file_source::DEFAULT_SOURCE;

/// Where the schedule file is.
#[derive(Args)]
pub struct ScheduleFile {
    /// A schedule file whose entries are kept as ScheduledContainers. It is watched for edits.
    #[arg(long, env = "PUNCTUAL_SCHEDULE_FILE", value_name = "FILE")]
    schedule_file: Option<PathBuf>,

    /// The folder of the schedule file: with --schedule-name another way to say --schedule-file.
    #[arg(
        long,
        env = "PUNCTUAL_SCHEDULE_PATH",
        value_name = "FOLDER",
        conflicts_with = "schedule_file"
    )]
    schedule_path: Option<PathBuf>,

    /// The name of the schedule file in that folder. Default there: schedule.yml.
    #[arg(
        long,
        env = "PUNCTUAL_SCHEDULE_NAME",
        value_name = "NAME",
        conflicts_with = "schedule_file"
    )]
    schedule_name: Option<PathBuf>,

    /// The namespace of entries that name none. Default: the one of --namespace, the kubeconfig's
    /// context, or the pod that this runs in.
    #[arg(long, env = "PUNCTUAL_SCHEDULE_NAMESPACE", value_name = "NAME")]
    pub schedule_namespace: Option<String>,

    /// What marks the schedules of this file as its own. Give each install its own if several share
    /// a cluster.
    #[arg(
        long,
        env = "PUNCTUAL_SCHEDULE_SOURCE",
        value_name = "LABEL",
        default_value = DEFAULT_SOURCE
    )]
    pub schedule_source: String,
}

impl ScheduleFile {
    /// The file; none if there is none.
    pub fn path(&self) -> Option<PathBuf> {
        if let Some(file) = &self.schedule_file {
            return Some(file.clone());
        }
        if self.schedule_path.is_none() && self.schedule_name.is_none() {
            return None;
        }
        let folder = self.schedule_path.clone().unwrap_or_default();
        Some(
            folder.join(
                self.schedule_name
                    .as_deref()
                    .unwrap_or("schedule.yml".as_ref()),
            ),
        )
    }
}
