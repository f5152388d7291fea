//! The series of single schedules, for who asks for them: made anew for each scrape.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::gauge::ConstGauge,
    registry::Unit,
};

/// How many schedules have series, so that no scrape grows without end.
pub const MOST: usize = 1_000;

/// What is shown of one schedule.
#[derive(Clone, Debug)]
pub struct ScheduleNumbers {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    pub next_fire: Option<Timestamp>,
    pub last_success: Option<Timestamp>,
    pub consecutive_failures: u32,
}

/// A metric with one series for each schedule.
pub(super) struct Series {
    /// Without its unit.
    name: &'static str,
    unit: Option<Unit>,
    pub help: &'static str,
    value: fn(&ScheduleNumbers) -> Option<i64>,
}

/// The labels of all `SERIES`.
pub(super) const LABELS: [&str; 2] = ["namespace", "schedule"];

pub(super) const SERIES: [Series; 3] = [
    Series {
        name: "punctual_schedule_next_fire_timestamp",
        unit: Some(Unit::Seconds),
        help: "With `--schedule-metrics`: the next fire of a schedule that is led here, in seconds since 1970; absent \
               when there is none",
        value: |numbers| Some(numbers.next_fire?.as_second()),
    },
    Series {
        name: "punctual_schedule_last_success_timestamp",
        unit: Some(Unit::Seconds),
        help: "With `--schedule-metrics`: when its last successful run ended; absent when none did",
        value: |numbers| Some(numbers.last_success?.as_second()),
    },
    Series {
        name: "punctual_schedule_consecutive_failures",
        unit: None,
        help: "With `--schedule-metrics`: how many of its runs have failed since the last success",
        value: |numbers| Some(numbers.consecutive_failures.into()),
    },
];

pub(super) const LEFT_OUT: &str = "punctual_schedule_metrics_left_out";
pub(super) const LEFT_OUT_HELP: &str = "With `--schedule-metrics`: schedules led here that have no series of their \
                                        own, because 1,000 others have";

type Source = Box<dyn Fn() -> Vec<ScheduleNumbers> + Send + Sync>;

/// Shows what its source tells; nothing without one.
#[derive(Clone, Default)]
pub(super) struct EachSchedule(Arc<OnceLock<Source>>);

impl EachSchedule {
    pub fn read_from(&self, source: Source) {
        let _ = self.0.set(source);
    }
}

impl Series {
    /// With its unit.
    pub fn full_name(&self) -> String {
        match &self.unit {
            Some(unit) => format!("{}_{}", self.name, unit.as_str()),
            None => self.name.into(),
        }
    }
}

impl Collector for EachSchedule {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(source) = self.0.get() else {
            return Ok(());
        };
        let mut all = source();
        // The same ones every time, whatever the order of the cache.
        all.sort_unstable_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        let left_out = all.len().saturating_sub(MOST);
        all.truncate(MOST);
        for series in SERIES {
            let gauge = ConstGauge::new(0i64);
            let kind = gauge.metric_type();
            let unit = series.unit.as_ref();
            // The registry ends what it is given as a sentence; here nobody does.
            let help = format!("{}.", series.help);
            let mut family = encoder.encode_descriptor(series.name, &help, unit, kind)?;
            for numbers in &all {
                let Some(value) = (series.value)(numbers) else {
                    continue;
                };
                let [namespace, schedule] = LABELS;
                let labels = [(namespace, &*numbers.namespace), (schedule, &*numbers.name)];
                ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
            }
        }
        let gauge = ConstGauge::new(left_out);
        let kind = gauge.metric_type();
        let help = format!("{LEFT_OUT_HELP}.");
        gauge.encode(encoder.encode_descriptor(LEFT_OUT, &help, None, kind)?)
    }
}

impl fmt::Debug for EachSchedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EachSchedule")
    }
}
