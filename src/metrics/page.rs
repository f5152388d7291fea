//! The registry, and beside it the table of what is in it.

use std::fmt::Write as _;

use prometheus_client::encoding::EncodeMetric;
use prometheus_client::registry::{Registry, Unit};

use super::each_schedule::{EachSchedule, LABELS, LEFT_OUT, LEFT_OUT_HELP, SERIES};
use super::numbers::Numbers;
use crate::about::About;

/// Every metric as a Markdown page: name, type, labels, meaning.
pub fn table() -> String {
    let mut page = Page::new();
    Numbers::new().register(&mut page, &About::new("unknown"));
    let mut out = String::from(
        "# Metrics\n\n\
         Served at `/metrics` in the OpenMetrics text form. A `reason` is one of [these](reasons.md).\n\n\
         | metric | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for row in page.rows {
        let labels: Vec<_> = row
            .labels
            .iter()
            .map(|label| format!("`{label}`"))
            .collect();
        // Writing to a String can't fail.
        let _ = writeln!(
            out,
            "| `{}` | {} | {} | {}. |",
            row.name,
            row.kind,
            labels.join(", "),
            row.help
        );
    }
    out
}

/// A registry that remembers what was registered, for the table.
pub(super) struct Page {
    pub registry: Registry,
    pub rows: Vec<Row>,
}

/// A metric as its user sees it: the name with its unit and suffix.
pub(super) struct Row {
    pub name: String,
    pub kind: &'static str,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

trait Metric: EncodeMetric + std::fmt::Debug + Clone + Send + Sync + 'static {}
impl<T: EncodeMetric + std::fmt::Debug + Clone + Send + Sync + 'static> Metric for T {}

#[allow(private_bounds, reason = "the bound only shortens the signatures")]
impl Page {
    pub fn new() -> Self {
        Self {
            registry: Registry::default(),
            rows: Vec::new(),
        }
    }

    /// Registers a counter; its name gets the suffix `_total`.
    pub fn counter(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        metric: &impl Metric,
    ) {
        self.registry.register(name, help, metric.clone());
        self.row(format!("{name}_total"), "counter", labels, help);
    }

    pub fn gauge(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        metric: &impl Metric,
    ) {
        self.registry.register(name, help, metric.clone());
        self.row(name.to_owned(), "gauge", labels, help);
    }

    /// Registers a histogram of seconds; its name gets the suffix `_seconds`.
    pub fn histogram(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        metric: &impl Metric,
    ) {
        self.registry
            .register_with_unit(name, help, Unit::Seconds, metric.clone());
        self.row(format!("{name}_seconds"), "histogram", labels, help);
    }

    /// Registers the metrics of single schedules.
    pub fn each_schedule(&mut self, metrics: &EachSchedule) {
        self.registry.register_collector(Box::new(metrics.clone()));
        for series in SERIES {
            self.row(series.full_name(), "gauge", &LABELS, series.help);
        }
        self.row(LEFT_OUT.into(), "gauge", &[], LEFT_OUT_HELP);
    }

    /// Registers a constant that is known by its labels; its name gets the suffix `_info`.
    pub fn info(
        &mut self,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        metric: impl EncodeMetric + std::fmt::Debug + Send + Sync + 'static,
    ) {
        self.registry.register(name, help, metric);
        self.row(format!("{name}_info"), "info", labels, help);
    }

    fn row(
        &mut self,
        name: String,
        kind: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) {
        self.rows.push(Row {
            name,
            kind,
            labels,
            help,
        });
    }
}
