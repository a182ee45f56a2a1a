//! Writing the figures for Prometheus: now and then, by a child, since the file's disk may hang. Nothing waits for it.

use super::Guard;
use crate::commands::reports;
use crate::judge::Verdict;
use crate::judge::guard::metrics_not_written;
use crate::kernel::errand::{Kind, Request, Slot, Undone, decode};
use crate::model::{Code, Finding, Probe, Seen, Snapshot};
use crate::report::json::DaemonReport;
use crate::report::metrics::{self, Figures};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Prometheus asks no more often than this by its own examples. No timer of its own: the round that comes next writes.
const SELDOM: Duration = Duration::from_secs(15);

/// How the writing goes.
#[derive(Debug, Default)]
pub(super) struct TextFile {
    /// The child that writes, and to which file.
    out: Slot,
    path: String,
    /// When the last one was sent, to which file, with these codes among its findings.
    last: Option<(Duration, String, Vec<Code>)>,
    /// The file that could not be written, and why.
    failing: Option<(String, String)>,
}

impl TextFile {
    /// It is time again: another file, other findings, or a while since the last.
    fn is_due(&self, path: &str, codes: &[Code], now: Duration) -> bool {
        !self.out.is_out()
            && self.last.as_ref().is_none_or(|(at, last, told)| {
                now.saturating_sub(*at) >= SELDOM || last != path || told.as_slice() != codes
            })
    }

    /// Takes in how the newest write goes.
    fn learn(&mut self, said: Result<(), Undone>) {
        self.failing = said.err().map(|why| (self.path.clone(), why.to_string()));
    }

    /// The file cannot be written.
    pub fn finding(&self) -> Option<Finding> {
        let (path, why) = self.failing.as_ref()?;
        Some(metrics_not_written(path, why))
    }

    /// Takes in what the child has said; one that does not end is like one that fails. No second one starts beside it.
    pub fn collect(&mut self, now: Duration, deadline: Duration) {
        if let Some((said, _)) = self.out.collect() {
            self.learn(said.and_then(|answer| decode(&answer)));
        } else if let Some(waited) = self.out.out_for(now).filter(|waited| *waited > deadline) {
            let why = format!("the write has been stuck for {} s", waited.as_secs());
            self.learn(Err(Undone::Failed(why)));
        }
    }
}

impl Guard {
    /// Sends a child out with the figures of this round, where a file is asked for and the last child is back.
    pub(super) fn write_metrics(&mut self, seen: &Snapshot, verdict: &Verdict, now: Duration) {
        let path = self.settings.metrics.textfile.clone();
        let codes: Vec<_> = verdict.findings.iter().map(|finding| finding.code).collect();
        if path.is_empty() {
            self.metrics.failing = None;
            return;
        }
        if !self.metrics.is_due(&path, &codes, now) {
            return;
        }
        let stuck = self.memory.stuck_tasks(seen, now);
        let watch = &self.settings.watch;
        let daemon = DaemonReport::new(&seen.daemon, &self.settings.docker.unit, stuck, watch.silent_after);
        let text = metrics::text(&self.figures(seen, verdict, &daemon, now));
        let request = Request::new(Kind::Metrics, &(&path, text));
        self.metrics.path.clone_from(&path);
        if let Err(why) = self.metrics.out.send(&self.porter, &request, now) {
            self.metrics.learn(Err(why));
        }
        self.metrics.last = Some((now, path, codes));
    }

    fn figures<'a>(
        &self,
        seen: &Snapshot,
        verdict: &'a Verdict,
        daemon: &'a DaemonReport,
        now: Duration,
    ) -> Figures<'a> {
        let (settings, fill) = (&self.settings, &self.memory.fill);
        let spent = u32::try_from(self.memory.kept.restarts.len()).unwrap_or(u32::MAX);
        Figures {
            looked_at: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            pool: match &seen.pool {
                Seen::Known(pool) => {
                    Seen::Known(pool.as_ref().map(|pool| {
                        reports::with_rates(reports::pool(pool, seen, settings), pool, seen, fill, settings)
                    }))
                }
                Seen::Unknown(why) => Seen::unknown(why),
            },
            host: (
                fill.host.is_known().then(|| fill.host.smoothed()),
                fill.host_full(seen, settings).map(|it| it.full_in.as_secs()),
            ),
            daemon,
            info_took: match &seen.daemon.info {
                Probe::Answered { took, .. } => Some(*took),
                _ => None,
            },
            tasks_known: seen.daemon.tasks.known().is_some(),
            findings: &verdict.findings,
            done: self.memory.kept.counts,
            restarts_left: settings.restart.budget.saturating_sub(spent),
            stuck_errands: self.observer.stuck(now).len() + self.hands.stuck(),
        }
    }
}

/// Writes the file, in the child. May block for ever. In one rename, so that no reader finds half of it. The draft lies in the same directory, under a name that the collector does not
/// read, and is made anew: a link that somebody has put there is not followed.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs::File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .map_err(|error| match (error.kind(), path.parent()) {
            (io::ErrorKind::NotFound, Some(directory)) => {
                io::Error::other(format!("there is no directory {}", directory.display()))
            }
            _ => error,
        })?;
    // Whatever the umask: node_exporter is another user.
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.set_permissions(fs::Permissions::from_mode(0o644)))
        .and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // On a full disk not even the draft need stay.
        let _ = fs::remove_file(&draft);
    }
    written
}

#[cfg(test)]
mod tests;
