//! The machine that was measured on, in the words that a reader needs to compare figures.

use std::{fs, thread};

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

/// How long the machine's cores have worked so far, all together, in hundredths of a second.
pub fn busy_ticks() -> anyhow::Result<u64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let line = stat.lines().next().context("/proc/stat is empty")?;
    let ticks = line.split_whitespace().skip(1).map(str::parse::<u64>);
    // user nice system idle iowait irq softirq steal; guests are part of user.
    let ticks: Vec<u64> = ticks.take(8).collect::<Result<_, _>>()?;
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    Ok(ticks.iter().sum::<u64>() - idle)
}

/// The value in a line such as `MemTotal:  1234 kB`.
fn value(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}
