//! Figures for Prometheus, in its text format (prometheus.io/docs/instrumenting/exposition_formats), as node_exporter's textfile
//! collector reads it. What is not known is left out: a 0 would be a lie.

mod families;
#[cfg(test)]
mod tests;

pub use families::FAMILIES;

use super::json::{DaemonReport, PoolReport};
use crate::model::{Bytes, DeedCounts, Finding, Seen};
use std::fmt::{self, Write};
use std::time::Duration;

/// What Prometheus makes of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Goes up and down.
    Gauge,
    /// Only goes up, but for a reset to 0.
    Counter,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Gauge => "gauge",
            Type::Counter => "counter",
        })
    }
}

/// One metric with all its series. Names and labels are a contract: dashboards and alerts rely on them.
#[derive(Debug)]
pub struct Family {
    /// `thinguard_pool_data_used_bytes`
    pub name: &'static str,
    /// Gauge or counter.
    pub kind: Type,
    /// Names of its labels, of which Prometheus makes series.
    pub labels: &'static [&'static str],
    /// One line for people.
    pub help: &'static str,
    /// Its series; none where nothing is known.
    pub series: fn(&Figures<'_>) -> Vec<Series>,
}

/// One series: the values of its labels, and the figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Values of the family's labels: any text.
    pub labels: Vec<String>,
    /// The figure. Bytes and counts are written whole: as floating-point numbers large ones would lose their last digits here already.
    pub value: String,
}

/// Everything that is told.
#[derive(Debug)]
pub struct Figures<'a> {
    /// When the guard last looked, since 1970.
    pub looked_at: Duration,
    /// The pool, with its rates; `Known(None)` when there is certainly none.
    pub pool: Seen<Option<PoolReport>>,
    /// How fast the filesystem below fills, in bytes per second, and in how many seconds it is down to its reserve.
    pub host: (Option<Bytes>, Option<u64>),
    /// Docker.
    pub daemon: &'a DaemonReport,
    /// What its newest answer to `/info` took.
    pub info_took: Option<Duration>,
    /// Whether its tasks could be seen.
    pub tasks_known: bool,
    /// What is wrong.
    pub findings: &'a [Finding],
    /// What the guard has done since the host booted.
    pub done: DeedCounts,
    /// Restarts that its budget still allows.
    pub restarts_left: u32,
    /// Looks and deeds that have not come back in time.
    pub stuck_errands: usize,
}

/// All that is known, as one text.
pub fn text(figures: &Figures<'_>) -> String {
    let mut text = String::new();
    for family in FAMILIES {
        let series = (family.series)(figures);
        if series.is_empty() {
            continue;
        }
        let Family { name, kind, help, .. } = family;
        // Writing into a string cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for Series { labels, value } in series {
            let _ = writeln!(text, "{name}{} {value}", braced(family.labels, &labels));
        }
    }
    text
}

/// `{device="data",…}`; nothing where there are no labels.
fn braced(names: &[&str], values: &[String]) -> String {
    let labels = names.iter().zip(values);
    let labels: Vec<_> = labels
        .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
        .collect();
    match labels.is_empty() {
        true => String::new(),
        false => format!("{{{}}}", labels.join(",")),
    }
}

/// The format's own escapes, and none besides; other control characters would only harm those who look at the file.
fn escaped(value: &str) -> String {
    value
        .chars()
        .map(|c| match c {
            '\\' => "\\\\".to_owned(),
            '"' => "\\\"".to_owned(),
            '\n' => "\\n".to_owned(),
            c if c.is_control() => "?".to_owned(),
            c => c.to_string(),
        })
        .collect()
}
