//! `thinguard preflight`: may Docker start, and what should the operator know before it does?

pub mod paper;
mod start;

use super::look::Once;
use super::{reports, settings};
use crate::act::{Order, RUN_DIR};
use crate::docker::drivers::Choice;
use crate::judge;
use crate::kernel::process;
use crate::model::{Code, Deed, Disk, Finding, Outcome, Pool, Seen, Settings, Severity, Snapshot, Target};
use crate::report::json::{self, HeadroomReport, PreflightReport};
use crate::report::{Event, Journal, overrule, sight, text};
use anyhow::{Context, Result};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    /// `--root`: the tree to read.
    pub root: String,
    /// `--unit`
    pub unit: Option<String>,
    /// `--exec-line`: the daemon's start command, as it stands behind `ExecStart=`.
    pub exec_line: Option<String>,
    /// `--json`
    pub json: bool,
}

/// Exit codes of the contract.
const START: u8 = 0;
const REFUSE: u8 = 1;
const UNKNOWN: u8 = 3;

/// Seconds after which preflight is over in any case; its own deadline comes long before.
const LAST_RESORT: u32 = 60;

/// A file is enough for a shell's `test` to enforce a refusal; see the drop-in.
const DENY: &str = "deny-docker";

/// Judges one start.
///
/// # Errors
/// When it could not judge at all; Docker then starts.
pub fn run(args: &Args) -> Result<ExitCode> {
    let began = process::since_boot();
    // Before a start it grows and enforces; by hand, or in another tree, it only says what it would do.
    let inside_unit = args.root == "/" && nix::unistd::getppid().as_raw() == 1;
    if inside_unit {
        // Docker's units set no limit to a start. Whatever this process itself may wait for, a file or its output, ends here.
        nix::unistd::alarm::set(LAST_RESORT);
    }
    let mut settings = match settings::load(Path::new(&args.root)) {
        Ok(settings) => settings,
        Err(error) => {
            if inside_unit {
                tell_unjudged(&error.to_string(), process::since_boot().saturating_sub(began));
            }
            return Err(error.into());
        }
    };
    if let Some(unit) = &args.unit {
        settings.docker.unit.clone_from(unit);
    }
    let mut once = Once::of_tree(&settings, &args.root, settings.preflight.deadline)?;
    once.learn_config(inside_unit, args.exec_line.as_deref());
    let mut told = Told::default();
    once.ask_for_root();
    let seen = once.look_at_storage();
    let (findings, seen) = judge_and_grow(&mut once, seen, inside_unit, &mut told)?;
    let verdict = match findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Refuse) => "refuse",
        _ if once.is_late() || findings.iter().any(|finding| finding.code.leaves_start_unjudged()) => "unknown",
        _ => "start",
    };
    let disk = once.observer.disk(process::since_boot());
    let root = once.observer.root_state(process::since_boot());
    let config = once.observer.config();
    let choice = config.map(|config| start::choose(config, &root).0);
    // Of a pool that another driver leaves alone there is nothing to tell.
    let superblock = match once.observer.superblock(process::since_boot()) {
        Seen::Known(Ok(superblock)) if choice.as_ref().is_some_and(start::uses_files) => Some(superblock),
        _ => None,
    };
    let report = PreflightReport {
        verdict,
        findings: &findings,
        docker: config.map(|config| (&config.build).into()),
        driver: choice.as_ref().and_then(Choice::certain),
        driver_found: matches!(choice, Some(Choice::Prior(_))),
        data_root: config.map(|config| config.data_root.as_str()),
        pool: match (pool(&seen), superblock, &disk) {
            (Some(pool), ..) => Some(reports::pool(pool, &seen, &settings)),
            (None, Some(superblock), Seen::Known(disk)) => {
                Some(reports::inactive_pool(disk, &superblock, args.root == "/"))
            }
            _ => None,
        },
        headroom: headroom(&seen, &disk, &settings),
        elapsed_ms: process::since_boot().saturating_sub(began).as_millis() as u64,
        // The line is for this host, and not for another one's tree.
        overrule: (verdict == "refuse" && args.root == "/").then(|| overrule::command(&settings.docker.unit)),
    };
    if inside_unit {
        enforce(&report, &settings, &told, process::since_boot().saturating_sub(began))?;
    }
    match args.json {
        true => super::say(&format!(
            "{}
",
            json::line(&report)?
        )),
        // In the unit the journal has been told; the unit's output would only say it twice.
        false if inside_unit => {}
        false => super::show(&text::preflight(&report)),
    }
    Ok(ExitCode::from(match verdict {
        "start" => START,
        "refuse" => REFUSE,
        _ => UNKNOWN,
    }))
}

/// Some of Docker's units throw away what their commands print; the journal itself must say that nothing was checked.
fn tell_unjudged(why: &str, elapsed: Duration) {
    let journal = Journal::open(&Settings::default().docker.unit);
    let finding = Finding::warn(Code::SettingsInvalid, "thinguard.toml")
        .says(why)
        .at("/etc/thinguard.toml and /etc/thinguard.d")
        .next("correct it; 'thinguard preflight' shows the same");
    journal.tell(&Event::preflight_verdict("unknown", &[finding], elapsed));
    journal.finish(Duration::from_secs(1));
}

/// Growths that were made, for the journal.
#[derive(Debug, Default)]
struct Told {
    deeds: Vec<(Deed, Outcome, Duration)>,
}

/// Judges, grows where that is called for, and judges again: metadata and data, so at most twice.
fn judge_and_grow(
    once: &mut Once,
    mut seen: Snapshot,
    may_grow: bool,
    told: &mut Told,
) -> Result<(Vec<Finding>, Snapshot)> {
    const GROWTHS: usize = 2;
    let mut verdict = start::judge(once, &seen);
    for _ in 0..if may_grow { GROWTHS } else { 0 } {
        let Some(first) = verdict.deed.take() else { break };
        // Two looks must agree before anything is done (law 11).
        seen = once.look_at_storage();
        verdict = start::judge(once, &seen);
        let Some(deed) = verdict.deed.take().filter(|second| judge::agrees(&first, Some(second))) else {
            break;
        };
        let began = process::since_boot();
        let (outcome, after) = match pool(&seen) {
            Some(_) => once.perform(&deed, &seen),
            None => lengthen(once, &deed)?,
        };
        let failed = outcome != Outcome::Done;
        told.deeds
            .push((deed, outcome, process::since_boot().saturating_sub(began)));
        seen = after;
        verdict = start::judge(once, &seen);
        if failed {
            break;
        }
    }
    Ok((verdict.findings, seen))
}

/// Lengthens the file of a pool that is not active: dockerd makes the pool as large as the files are.
fn lengthen(once: &mut Once, deed: &Deed) -> Result<(Outcome, Snapshot)> {
    let Deed::Grow { target, to, .. } = deed else {
        return Ok((
            Outcome::Failed("only growth is done before a start".into()),
            once.look_at_storage(),
        ));
    };
    let disk = once.observer.disk(process::since_boot());
    let disk = disk.known().context("the files cannot be seen")?;
    let file = match target {
        Target::Data => disk.data_path.clone(),
        Target::Metadata => disk.metadata_path.clone(),
    };
    let said = once.send(&Order::Lengthen {
        file: file.clone(),
        to: *to,
    });
    let after = once.look_at_storage();
    let size = once
        .observer
        .disk(process::since_boot())
        .known()
        .and_then(|disk| disk.file(&file).known_or_none());
    let outcome = match (size, said) {
        (Some(file), _) if file.size_bytes >= *to => Outcome::Done,
        (_, Err(why)) => Outcome::Failed(why),
        (_, Ok(_)) => Outcome::Failed("the file is no longer than before".into()),
    };
    Ok((outcome, after))
}

fn pool(seen: &Snapshot) -> Option<&Pool> {
    match &seen.pool {
        Seen::Known(Some(pool)) => Some(pool),
        _ => None,
    }
}

fn headroom(seen: &Snapshot, disk: &Seen<Disk>, settings: &Settings) -> Option<HeadroomReport> {
    if let Some(pool) = pool(seen) {
        return Some(reports::headroom(pool, seen, settings));
    }
    let disk = disk.known()?;
    let file = disk.file(&disk.data_path).known_or_none();
    let owed = file.map_or(crate::model::Bytes(0), |file| {
        file.size_bytes.saturating_sub(file.allocated_bytes)
    });
    Some(HeadroomReport {
        headroom_bytes: crate::judge::growth::room(&disk.host, &settings.host),
        overcommit_bytes: owed.saturating_sub(disk.host.free_bytes),
        host: Some(reports::host(&disk.host, settings)),
    })
}

/// Tells the journal, and leaves the file that stops Docker, or sees that there is none.
fn enforce(report: &PreflightReport<'_>, settings: &Settings, told: &Told, elapsed: Duration) -> Result<()> {
    let journal = Journal::open(&settings.docker.unit);
    if let Some(pool) = &report.pool {
        let below = report.headroom.as_ref().and_then(|headroom| headroom.host.as_ref());
        journal.sees(sight::of_report(pool, below));
    }
    for (deed, outcome, took) in &told.deeds {
        journal.tell(&match outcome {
            Outcome::Done => Event::deed_done(deed, took.as_secs_f64(), "the file is that long"),
            Outcome::Failed(why) | Outcome::Stuck(why) | Outcome::NotBegun(why) => Event::deed_failed(deed, why),
        });
    }
    for finding in report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Warn)
    {
        journal.tell(&Event::raised(finding));
    }
    let verdict = Event::preflight_verdict(report.verdict, report.findings, elapsed);
    journal.tell(&verdict.overruled_by(report.overrule.as_deref()));
    journal.finish(Duration::from_secs(1));
    if report.verdict == "refuse" {
        std::fs::create_dir_all(RUN_DIR).context(RUN_DIR)?;
        let path = format!("{RUN_DIR}/{DENY}");
        let why: Vec<_> = report
            .findings
            .iter()
            .filter(|f| f.severity == Severity::Refuse)
            .map(|f| format!("{}: {}\n", f.code, f.message))
            .chain(
                report
                    .overrule
                    .iter()
                    .map(|command| format!("To overrule it: {command}\n")),
            )
            .collect();
        std::fs::write(&path, why.concat()).context(path)?;
    }
    Ok(())
}
