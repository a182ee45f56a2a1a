//! The screens of `thinguard status` as real hosts show them, held against the recorded ones in `tests/screens`.
//!
//! `NAME.json` is the report of a host in the lab, `NAME-80.txt` and its like are drawn from it by `cargo test`. Here the live
//! screen of the same state must say the same, but for figures.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::host::Host;
use crate::runner;

/// Scenarios that make a state whose screen is recorded.
const MADE_BY: &[&str] = &[
    "screens",
    "stuck-after-the-cure",
    "hang-cured-by-growth",
    "direct-lvm-grows",
    "full-speed-to-the-reserve",
];

/// Ten seconds are all that `status` takes, whatever hangs; an emulated host needs some more to start it and to tell its end.
const LONGEST: Duration = Duration::from_secs(15);

/// Looks at a host before its screen counts as another one.
const TRIES: u32 = 4;

/// Reports are written down, not compared.
static RECORDS: AtomicBool = AtomicBool::new(false);

/// `cargo lab screens`: makes the recorded reports anew. What is drawn from them is made by `UPDATE=1 cargo test --test screens`.
pub fn record(filter: Option<&str>) -> Result<ExitCode> {
    RECORDS.store(true, Ordering::Relaxed);
    let wanted = |name: &&&str| filter.is_none_or(|part| name.contains(part));
    runner::named(&MADE_BY.iter().filter(wanted).copied().collect::<Vec<_>>())
}

/// Holds the host's screen against the recorded one of this state.
pub fn check(host: &mut Host, state: &str) -> Result<()> {
    record_if_asked(host, state)?;
    let recorded = file(host, &format!("{state}-80.txt"));
    let wanted = match fs::read_to_string(&recorded) {
        Err(_) if RECORDS.load(Ordering::Relaxed) => return Ok(()),
        text => text.with_context(|| format!("{}: `cargo lab screens` makes it", recorded.display()))?,
    };
    let wanted = normal(&wanted);
    // A thread of dockerd may be in D state for a moment, and docker info late for once: that passes.
    for left in (0..TRIES).rev() {
        let shown = screen(host, state)?;
        let seen = normal(&shown);
        if RECORDS.load(Ordering::Relaxed) || seen == wanted {
            break;
        }
        ensure!(
            left > 0,
            "the screen of '{state}' is another one. Recorded:\n{wanted}\nSeen:\n{seen}\n{shown}"
        );
        host.pass(Duration::from_secs(2));
    }
    Ok(())
}

/// The screen as it is now, which must fit and come in time.
fn screen(host: &mut Host, state: &str) -> Result<String> {
    let begun = Instant::now();
    let shown = host.sh_timeout("LC_ALL=C COLUMNS=80 thinguard status", Duration::from_secs(60))?;
    let took = begun.elapsed();
    println!("    the screen of '{state}' took {:.1} s", took.as_secs_f32());
    ensure!(took < LONGEST, "status took {took:?}");
    ensure!(shown.stdout.lines().all(|line| line.len() <= 80), "{}", shown.stdout);
    Ok(shown.stdout)
}

/// Writes the report down, where that was asked for: of states whose screens differ each time it is all there is to do.
pub fn record_if_asked(host: &mut Host, state: &str) -> Result<()> {
    if !RECORDS.load(Ordering::Relaxed) {
        return Ok(());
    }
    let said = host.sh_timeout("thinguard status --json", Duration::from_secs(60))?;
    let report: Value = serde_json::from_str(&said.stdout).with_context(|| format!("{said:?}"))?;
    let path = file(host, &format!("{state}.json"));
    fs::write(&path, format!("{report:#}\n")).with_context(|| path.display().to_string())?;
    println!("    {}", path.display());
    Ok(())
}

fn file(host: &Host, name: &str) -> PathBuf {
    host.paths().root.join("tests/screens").join(name)
}

/// A screen without what differs between two hosts in the same state: figures and their units, paths (which are shortened to what the
/// figures leave of the line), rates, how many tasks are stuck, how many containers have written, and where lines are broken.
fn normal(screen: &str) -> String {
    let mut task_seen = false;
    let lines = screen.lines().filter(|line| {
        let is_task = line.trim_start().starts_with("task ") || line.contains("more tasks in D state");
        let again = is_task && std::mem::replace(&mut task_seen, true);
        // The first stands behind `filled by`.
        let another_writer = line.trim_start().starts_with("writer-");
        !again && !another_writer && !line.starts_with("  filling ") && !line.starts_with("  forecast ")
    });
    let joined = lines.collect::<Vec<_>>().join(" ");
    let mut words: Vec<String> = Vec::new();
    for word in joined.split_whitespace() {
        let after_figure = words.last().is_some_and(|last| last.ends_with('N'));
        words.push(normal_word(word, after_figure));
    }
    words
        .join(" ")
        .replace("one of its tasks is stuck", "N of its tasks are stuck")
}

fn normal_word(word: &str, after_figure: bool) -> String {
    let bare = word.trim_start_matches('(').trim_end_matches([',', ':', ';', ')', '.']);
    let unit = bare.trim_end_matches("/s");
    if after_figure && matches!(unit, "B" | "KiB" | "MiB" | "GiB" | "TiB" | "s" | "min" | "h" | "days") {
        return word.replacen(unit, "U", 1);
    }
    if bare.starts_with('/') {
        return word.replacen(bare, "PATH", 1);
    }
    if bare.starts_with('[') && bare.ends_with(']') {
        return "[bar]".to_owned();
    }
    let mut normal = String::new();
    for c in word.chars() {
        match (c.is_ascii_digit(), c, normal.ends_with('N')) {
            (true, _, true) => {}
            (true, _, false) => normal.push('N'),
            (false, '.', true) => {}
            (false, c, _) => normal.push(c),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn figures_and_lines_make_no_difference() {
        let one = "\
thinguard CRITICAL: pool-exhausted
  Docker has not answered for 5 s: one of its tasks is stuck in the kernel. It
  is so.
  daemon     docker.service active, process 349, answers
             task 12 (dockerd) in D state for 0 s in xfs_ail
  data       [####|..]  13% of 512 MiB used, 442 MiB free
  file       /var/lib/d...data (512 MiB, 69.0 MiB allocated)
  filling    data at 5 KiB/s
  filled by  writer-2                                   83 MiB
             (running containers only)
";
        let other = "\
thinguard CRITICAL: pool-exhausted
  Docker has not answered for 12 s: 2 of its tasks are stuck in the kernel. It is
  so.
  daemon     docker.service active, process 9, answers
             task 7 (dockerd) in D state for 3 s in xfs_ail
             task 8 (dockerd) in D state for 3 s in xfs_ail
  data       [#...|..]   9% of 1.50 GiB used, 1.23 GiB free
  file       /var/lib/docker/data (1 GiB, 804 KiB allocated)
  filling    not at present
  forecast   data full in 2 h at 5 KiB/s
  filled by  writer-1                                   1.2 GiB
             writer-2                                   83 MiB
             (running containers only)
";
        assert_eq!(normal(one), normal(other));
        for changed in [
            other.replace("answers", "does not answer"),
            other.replace("CRITICAL", "WARNING"),
            other.replace("xfs_ail", "folio_wait"),
            other.replace("  file ", "  guard "),
        ] {
            assert_ne!(normal(one), normal(&changed));
        }
    }
}
