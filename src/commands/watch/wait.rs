//! The one `poll`: a wait for timers, signals and answers, and the taking in of what came.

use super::{Guard, now};
use crate::kernel::errand;
use crate::observe::Sense;
use anyhow::{Context, Result, bail};
use nix::libc;
use std::os::fd::AsFd;
use std::time::Duration;

impl Guard {
    /// Rests until the time is over or something happens; the heartbeat goes on only as long as rounds do.
    pub(super) fn rest(&mut self, longest: Duration) -> Result<()> {
        let longest = self.beat_every.map_or(longest, |beat| longest.min(beat));
        let until = now() + longest;
        while !self.stopping && !self.woken && !self.reload.is_due() {
            let left = until.saturating_sub(now());
            if left.is_zero() {
                break;
            }
            self.pump(left)?;
        }
        Ok(())
    }

    /// One wait for whatever comes first, and the taking in of all that came.
    pub(super) fn pump(&mut self, longest: Duration) -> Result<()> {
        let fds = [self.signals.as_fd(), self.porter.as_fd()].into_iter();
        let answers = self.observer.fds().into_iter().chain(self.hands.fds());
        let answers = answers.chain(self.reload.fd()).chain(self.evidence.dump.fd());
        let ready = errand::wait(fds.chain(answers), longest).context("poll")?;
        let (signalled, helper_gone) = (ready[0], ready[1]);
        if helper_gone {
            bail!("the helper process has died; systemd starts the guard again");
        }
        if signalled && let Some(signal) = self.signals.read_signal().ok().flatten() {
            if signal.ssi_signo == libc::SIGHUP as u32 {
                self.notifier.reloading();
                self.reload.ask();
            } else {
                self.stopping = true;
            }
        }
        self.reload.collect();
        let fresh = self.observer.collect(now());
        if fresh.contains(&Sense::Event) && self.observer.event_came() {
            self.woken = true;
            self.pool_event = fresh.contains(&Sense::Pools);
        }
        if self.hands.collect(now()) {
            self.woken = true;
        }
        self.collect_goroutines();
        self.teller.journal.flush();
        Ok(())
    }
}
