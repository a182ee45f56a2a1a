//! `[metrics]`: what is told to a fleet's monitoring.

use serde::Deserialize;

/// `[metrics]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSettings {
    /// File in the directory of node_exporter's textfile collector, `/…/thinguard.prom`. Empty: none is written.
    pub textfile: String,
}
