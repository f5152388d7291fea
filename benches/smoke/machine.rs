//! The machine that was measured on, in the words that a reader needs to compare figures.

use std::{collections::BTreeMap, env, fs, path::PathBuf, thread};

use anyhow::Context;

pub struct Machine {
    pub cores: usize,
    pub processor: String,
    pub memory_gib: u64,
    pub kernel: String,
    pub kubernetes: String,
    /// How many processes wanted to run, over the last minute before the measurement.
    pub load: String,
}

impl Machine {
    pub fn look(kubernetes: String) -> anyhow::Result<Self> {
        let read = |path: &str| fs::read_to_string(path).with_context(|| path.to_owned());
        let memory = value(&read("/proc/meminfo")?, "MemTotal");
        let kib: u64 = memory.trim_end_matches(" kB").parse()?;
        Ok(Self {
            cores: thread::available_parallelism()?.get(),
            processor: value(&read("/proc/cpuinfo")?, "model name"),
            memory_gib: (kib + (1 << 19)) >> 20,
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            kubernetes,
            load: read("/proc/loadavg")?
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
        })
    }
}

/// How long each process of the control plane has worked so far, in hundredths of a second; empty
/// for a cluster whose processes are not this machine's.
pub fn control_plane_ticks() -> BTreeMap<String, u64> {
    let Some(folder) = env::var_os("CLUSTER_DIR") else {
        return BTreeMap::new();
    };
    let records = fs::read_dir(PathBuf::from(folder).join("run"));
    let records = records.into_iter().flatten().flatten();
    let ticks = records.filter_map(|record| {
        let path = record.path();
        let name = path.file_name()?.to_str()?.strip_suffix(".pid")?.to_owned();
        // The process id, and when it was started.
        let recorded = fs::read_to_string(&path).ok()?;
        let pid = recorded.split_whitespace().next()?.parse().ok()?;
        Some((name, process_ticks(pid).ok()?))
    });
    ticks.collect()
}

/// How long a process has worked so far, in hundredths of a second: Linux counts so everywhere.
pub fn process_ticks(pid: u32) -> anyhow::Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may hold anything; after it come the state and then numbers.
    let numbers = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<_> = numbers.split_whitespace().collect();
    let (user, system) = fields.get(11).zip(fields.get(12)).context("a short stat")?;
    Ok(user.parse::<u64>()? + system.parse::<u64>()?)
}

/// The value in a line such as `MemTotal:  1234 kB`.
fn value(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}
