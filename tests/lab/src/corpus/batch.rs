//! The cases as shell for the guest, and what came of them: dockerd one case a fresh host, preflight all cases in one host.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::cases::Case;
use super::normal;
use super::record::{Entry, Outcome};
use crate::host::Host;
use crate::machine::Snapshot;

const PRELUDE: &str = include_str!("guest.sh");
/// dockerd's own limit of 60 s, its stop, and the steps before it.
const CASE_LIMIT: Duration = Duration::from_secs(150);
/// All cases before preflight; under emulation on a busy computer.
const BATCH_LIMIT: Duration = Duration::from_secs(900);
const BATCH: &str = "/run/corpus-batch.sh";

/// Starts dockerd on one case and says what came of it. The host is put back for it unless the case before has left no trace
/// there, which `untouched` remembers from one to the next.
pub fn start(host: &mut Host, case: &Case, untouched: &mut bool) -> Result<Entry> {
    if !std::mem::take(untouched) {
        host.restore(Snapshot::Stopped);
    }
    let unit = format!("load_unit {}\n", quoted(&case.exec_start()));
    let script = format!("{PRELUDE}\n{unit}{}start_case\n", set_up(case));
    let output = host.sh_timeout(&script, CASE_LIMIT)?;
    let said = output.stdout;
    let (outcome, log) = match said
        .split_once("OUTCOME ")
        .map(|(_, rest)| rest.split_once('\n').unwrap_or((rest, "")))
    {
        Some(("started", log)) => (Outcome::Started, log),
        Some(("not-run", log)) => (Outcome::NotRun, log),
        Some(("hangs", log)) => (Outcome::Hangs, log),
        Some((refused, log)) if refused.starts_with("refused") => (Outcome::Refused, log),
        // The host as a whole stands still.
        None if output.code.is_none() && !said.contains("SETUP-FAILED") => (Outcome::Hangs, ""),
        _ => bail!("the case {} could not be made: {said}{}", case.name, output.stderr),
    };
    *untouched = said.starts_with("UNTOUCHED\n");
    Ok(Entry {
        name: case.name.clone(),
        outcome,
        driver: (outcome == Outcome::Started).then(|| normal::driver(log)).flatten(),
        reason: matches!(outcome, Outcome::Refused | Outcome::NotRun).then(|| normal::reason(log)),
    })
}

/// What preflight says of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub name: String,
    pub code: i32,
    pub report: Value,
}

/// Has preflight judge all cases in one host. The order is the batch's own: a change of unit or of the disk costs time.
pub fn judge(host: &mut Host, cases: &[Case]) -> Result<Vec<Judged>> {
    host.restore(Snapshot::Stopped);
    host.install_guard()?;
    let mut ordered: Vec<&Case> = cases.iter().collect();
    ordered.sort_by_key(|case| (case.state.is_some(), case.base));
    // All units are loaded at once: each reload of systemd takes a second under emulation.
    let units: String = ordered
        .iter()
        .enumerate()
        .map(|(index, case)| {
            format!(
                "write_unit /run/systemd/system/{} {}\n",
                unit(index),
                quoted(&case.exec_start())
            )
        })
        .collect();
    let blocks: String = ordered
        .iter()
        .enumerate()
        .map(|(index, case)| {
            format!(
                "echo 'CASE {}'\n{}judge_case {}\ntake_down\n",
                case.name,
                set_up(case),
                unit(index)
            )
        })
        .collect();
    let script =
        format!("{PRELUDE}\nkeep_pristine\nmkdir -p /run/systemd/system\n{units}systemctl daemon-reload\n{blocks}");
    host.put(BATCH, 0o700, script.as_bytes())?;
    // The agent carries no more than a few megabytes of output.
    let output = host.sh_timeout(&format!("bash {BATCH}"), BATCH_LIMIT)?;
    ensure!(
        output.code.is_some(),
        "preflight did not come through all cases in time: {}",
        output.stdout
    );
    let judged = read(&output.stdout)?;
    ensure!(
        judged.len() == cases.len(),
        "{} of {} cases were judged; stderr: {}",
        judged.len(),
        cases.len(),
        output.stderr
    );
    Ok(judged)
}

/// Reads what the batch printed.
pub fn read(said: &str) -> Result<Vec<Judged>> {
    let mut parts = said.split("CASE ");
    parts.next();
    parts
        .map(|part| {
            let (name, rest) = part.split_once('\n').context("a case without lines")?;
            ensure!(
                !rest.contains("SETUP-FAILED"),
                "the case {name} could not be made: {rest}"
            );
            let (json, code) = rest
                .rsplit_once("CODE ")
                .with_context(|| format!("{name}: no exit code: {rest}"))?;
            let json = json.trim();
            Ok(Judged {
                name: name.to_owned(),
                code: code.trim().parse()?,
                report: serde_json::from_str(json).with_context(|| format!("{name}: not JSON: {json}"))?,
            })
        })
        .collect()
}

fn unit(index: usize) -> String {
    format!("corpus-{index}.service")
}

fn set_up(case: &Case) -> String {
    let given = |text: Option<String>| text.map_or("-".to_owned(), |text| quoted(&text));
    format!(
        "set_up {} {} {} {}\n",
        case.base.name(),
        given(case.daemon_json()),
        given(case.environment_file.clone()),
        given(case.state.clone())
    )
}

/// For the shell, to the letter.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
