//! What preflight says of the next start, asked before a stop: what dockerd would refuse to start with is not stopped (law 2).

use crate::kernel::program;
use crate::model::Finding;
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

/// This very program, also where its file has been replaced since.
const OURSELVES: &str = "/proc/self/exe";

/// Preflight's own deadline, which the settings may lengthen, comes before; one that is later waits for what dockerd would wait for too.
const SAYS: Duration = Duration::from_secs(60);

/// Bytes of a report.
const MOST_SAID: usize = 1 << 20;

/// Exit code of a refusal; 3 is that it could not judge, which keeps nobody from a start.
const REFUSES: i32 = 1;

/// Asks, by a process of its own: it reads the disk, and sends errands of its own.
pub(super) fn allows(unit: &str) -> Result<(), String> {
    let arguments = ["preflight", "--json", "--unit", unit];
    let heard = program::hear(Path::new(OURSELVES), &arguments, SAYS, MOST_SAID)
        .map_err(|error| format!("preflight does not say whether it could start again: {error}"))?;
    match heard.status.code() {
        Some(REFUSES) => Err(format!(
            "preflight would refuse the start that follows: {}",
            reasons(&heard.said)
        )),
        _ => Ok(()),
    }
}

/// Codes and messages of a report's refusals.
fn reasons(report: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Report {
        findings: Vec<Finding>,
    }
    let Ok(report) = serde_json::from_slice::<Report>(report) else {
        return "thinguard preflight says why".into();
    };
    let refusals = report.findings.iter().filter(|finding| finding.is_refusal());
    refusals
        .map(|finding| format!("{}: {}", finding.code, finding.message))
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_speaks_against_the_start_is_named() {
        let report = br#"{"version":1,"verdict":"refuse","findings":[
            {"code":"storage-option-unknown","severity":"refuse","subject":"a","message":"dm.foo is unknown","where":"x","remedy":""},
            {"code":"pool-left-active","severity":"note","subject":"a","message":"it is active","where":"","remedy":""}]}"#;
        assert_eq!(reasons(report), "storage-option-unknown: dm.foo is unknown");
        assert_eq!(reasons(b"{"), "thinguard preflight says why");
    }
}
