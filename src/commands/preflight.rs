//! `thinguard preflight`: may Docker start, and what should the operator know before it does?

mod start;

use super::look::Once;
use super::{reports, settings, terminal};
use crate::act::{Order, RUN_DIR};
use crate::docker::drivers::Choice;
use crate::judge::before::Before;
use crate::judge::preflight;
use crate::judge::{self, Verdict};
use crate::kernel::process;
use crate::model::{Answer, Bytes, Deed, Disk, Outcome, Settings, Snapshot, Target};
use crate::report::json::{HeadroomReport, PreflightReport};
use crate::report::{Event, Journal, overrule, sight, text};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    /// `--root`: the tree to read.
    pub root: String,
    pub unit: Option<String>,
    /// `--exec-line`: the daemon's start command, as it stands behind `ExecStart=`.
    pub exec_line: Option<String>,
    pub json: bool,
}

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
    let elapsed = || process::since_boot().saturating_sub(began);
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
                tell_unjudged(&error.to_string(), elapsed());
            }
            return Err(error.into());
        }
    };
    if let Some(unit) = &args.unit {
        settings.docker.unit.clone_from(unit);
    }
    let mut once = Once::new(&settings, &args.root, settings.preflight.deadline)?;
    once.learn_config(inside_unit, args.exec_line.as_deref());
    once.observer.look_to_the_next_start();
    once.ask_for_root();
    let seen = once.look_at_storage();
    let judged = judge_and_grow(&mut once, seen, inside_unit)?;
    let report = report(&once, &judged, elapsed());
    if inside_unit {
        enforce(&report, &settings, &judged.growths, elapsed())?;
    }
    match args.json {
        true => {
            super::say(&format!("{}\n", serde_json::to_string(&report)?));
        }
        // In the unit the journal has been told; the unit's output would only say it twice.
        false if inside_unit => {}
        false => {
            super::say(&text::preflight(&report, terminal::of_stdout().colour));
        }
    }
    // The contract's.
    Ok(ExitCode::from(match report.verdict {
        Answer::Start => 0,
        Answer::Refuse => 1,
        Answer::Unknown => 3,
    }))
}

/// Some of Docker's units throw away what their commands print; the journal itself must say that nothing was checked.
fn tell_unjudged(why: &str, elapsed: Duration) {
    let journal = Journal::open(&Settings::default().docker.unit);
    let finding = judge::guard::settings_invalid(why);
    journal.tell(&Event::preflight_verdict(Answer::Unknown, &[finding], elapsed, None));
    journal.finish(Duration::from_secs(1));
}

/// The answer.
fn report<'a>(once: &Once, judged: &'a Judged, elapsed: Duration) -> PreflightReport<'a> {
    let (settings, seen, before) = (&once.observer.settings, &judged.seen, judged.before.as_ref());
    let here = once.observer.is_of_this_host();
    let verdict = judged.verdict.answer(once.is_late());
    // Of a pool that another driver leaves alone there is nothing to tell.
    let uses_files = |before: &&Before| before.uses_files() && before.on_loop_files();
    let superblock = before.filter(uses_files).and_then(|before| before.superblock.as_ref());
    let superblock = superblock.and_then(|seen| seen.known()?.as_ref().ok());
    let disk = before.and_then(|before| before.disk.known());
    PreflightReport {
        verdict,
        findings: &judged.verdict.findings,
        docker: before.map(|before| &before.config.build),
        driver: before.and_then(|before| before.choice.certain()),
        driver_found: before.is_some_and(|before| matches!(before.choice, Choice::Prior(_))),
        data_root: before.map(|before| before.config.data_root.value.as_str()),
        pool: match (seen.pool(), superblock, disk) {
            (Some(pool), ..) => Some(reports::pool(pool, seen, settings)),
            (None, Some(superblock), Some(disk)) => Some(reports::inactive_pool(disk, superblock, here)),
            _ => None,
        },
        headroom: headroom(seen, disk, settings),
        elapsed_ms: elapsed.as_millis() as u64,
        // The line is for this host, and not for another one's tree.
        overrule: (verdict == Answer::Refuse && here).then(|| overrule::command(&settings.docker.unit)),
    }
}

/// The growths before a start: each with its outcome and the time it took.
type Growths = Vec<(Deed, Outcome, Duration)>;

/// What came of judging, and growing where that was called for.
struct Judged {
    verdict: Verdict,
    seen: Snapshot,
    before: Option<Before>,
    growths: Growths,
}

/// Judges, grows where that is called for, and judges again: metadata and data, so at most twice.
fn judge_and_grow(once: &mut Once, mut seen: Snapshot, may_grow: bool) -> Result<Judged> {
    const GROWTHS: usize = 2;
    let settings = once.observer.settings.clone();
    let judge = |once: &mut Once, seen: &Snapshot| match start::gather(once, seen) {
        Some(before) => {
            let verdict = preflight::judge(&before, seen, &settings, process::since_boot());
            (verdict, Some(before))
        }
        None => (preflight::unknown(&settings), None),
    };
    let mut growths = Growths::new();
    let (mut verdict, mut before) = judge(once, &seen);
    for _ in 0..if may_grow { GROWTHS } else { 0 } {
        let Some(first) = verdict.deed.take() else { break };
        // Two looks must agree before anything is done (law 11).
        seen = once.look_at_storage();
        (verdict, before) = judge(once, &seen);
        let Some(deed) = verdict.deed.take().filter(|second| judge::agrees(&first, Some(second))) else {
            break;
        };
        let began = process::since_boot();
        let (outcome, after) = match seen.pool() {
            Some(_) => once.perform(&deed, &seen),
            None => lengthen(once, &deed)?,
        };
        let failed = outcome != Outcome::Done;
        growths.push((deed, outcome, process::since_boot().saturating_sub(began)));
        seen = after;
        (verdict, before) = judge(once, &seen);
        if failed {
            break;
        }
    }
    Ok(Judged {
        verdict,
        seen,
        before,
        growths,
    })
}

/// Lengthens the file of a pool that is not active: dockerd makes the pool as large as the files are.
fn lengthen(once: &mut Once, deed: &Deed) -> Result<(Outcome, Snapshot)> {
    let Deed::Grow { target, to, .. } = deed else {
        bail!("only growth is done before a start");
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
    let disk = once.observer.disk(process::since_boot());
    let outcome = match (disk.known().and_then(|disk| disk.file(&file).known_or_none()), said) {
        (Some(file), _) if file.size_bytes >= *to => Outcome::Done,
        (_, Err(why)) => Outcome::Failed(why.to_string()),
        (_, Ok(_)) => Outcome::Failed("the file is no longer than before".into()),
    };
    Ok((outcome, after))
}

fn headroom(seen: &Snapshot, disk: Option<&Disk>, settings: &Settings) -> Option<HeadroomReport> {
    if let Some(pool) = seen.pool() {
        return Some(reports::headroom(pool, seen, settings));
    }
    let disk = disk?;
    let file = disk.file(&disk.data_path).known_or_none();
    let owed = file.map_or(Bytes(0), |file| file.size_bytes.saturating_sub(file.allocated_bytes));
    Some(HeadroomReport {
        headroom_bytes: judge::growth::room(&disk.host, &settings.host),
        overcommit_bytes: owed.saturating_sub(disk.host.free_bytes),
        host: Some(reports::host(&disk.host, settings)),
    })
}

/// Tells the journal, and leaves the file that stops Docker, or sees that there is none.
fn enforce(
    report: &PreflightReport<'_>,
    settings: &Settings,
    growths: &[(Deed, Outcome, Duration)],
    elapsed: Duration,
) -> Result<()> {
    let journal = Journal::open(&settings.docker.unit);
    if let Some(pool) = &report.pool {
        let below = report.headroom.as_ref().and_then(|headroom| headroom.host.as_ref());
        journal.sees(sight::fields(pool, below));
    }
    for (deed, outcome, took) in growths {
        journal.tell(&Event::deed_ended(deed, outcome, *took, "the file is that long"));
    }
    for finding in report.findings.iter().filter(|finding| finding.is_warning()) {
        journal.tell(&Event::raised(finding));
    }
    let overrule = report.overrule.as_deref();
    let verdict = Event::preflight_verdict(report.verdict, report.findings, elapsed, overrule);
    journal.tell(&verdict);
    journal.finish(Duration::from_secs(1));
    if report.verdict == Answer::Refuse {
        std::fs::create_dir_all(RUN_DIR).context(RUN_DIR)?;
        let path = format!("{RUN_DIR}/{DENY}");
        let why: Vec<_> = report
            .findings
            .iter()
            .filter(|f| f.is_refusal())
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
