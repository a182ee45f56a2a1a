//! One look for the commands that run once: the senses of the daemon, one overall deadline, nothing remembered.

use super::errands::{Errands, TICK};
use crate::act;
use crate::docker::state::RootState;
use crate::judge;
use crate::kernel::errand::{Kind, Request, Undone};
use crate::kernel::process::since_boot;
use crate::kernel::superblock::{self, Superblock};
use crate::model::{Deed, Outcome, Seen, Settings, Snapshot};
use crate::observe::consumers::Consumers;
use crate::observe::{Ask, Observer, Sense};
use anyhow::Result;
use std::time::Duration;

/// A command's eyes and hands.
pub struct Once {
    pub errands: Errands,
    pub observer: Observer,
    until: Duration,
    /// The look at Docker's data root is out, or has just come back.
    root_asked: bool,
}

impl Once {
    /// Starts the helper, for the tree below `root`; all that follows is to be done within `deadline`.
    pub fn new(settings: &Settings, root: &str, deadline: Duration) -> Result<Once> {
        Ok(Once {
            errands: Errands::start()?,
            observer: Observer::new(settings.clone(), root),
            until: since_boot() + deadline,
            root_asked: false,
        })
    }

    /// Whether the deadline is over, or nobody waits any more.
    pub fn is_late(&self) -> bool {
        self.errands.interrupted || since_boot() >= self.until
    }

    /// Begins anew with what has been seen: all that follows is to be done within `deadline`. Looks that are still out stay out.
    pub fn begin(&mut self, deadline: Duration) {
        self.until = since_boot() + deadline;
    }

    /// Rests; whether a signal ended it.
    pub fn rest(&mut self, pause: Duration) -> bool {
        let end = since_boot() + pause;
        while !self.errands.interrupted && since_boot() < end {
            self.pump(end);
        }
        self.errands.interrupted
    }

    /// Learns Docker's configuration. `exec_line` stands for the unit's `ExecStart=`.
    pub fn learn_config(&mut self, inside_unit: bool, exec_line: Option<&str>) {
        self.observer
            .learn_config(&self.errands.porter, inside_unit, exec_line, since_boot());
        self.wait();
    }

    /// Sends out the look at Docker's data root, which takes the longest, to be at work beside others.
    pub fn ask_for_root(&mut self) {
        self.observer.look_at_root(&self.errands.porter, since_boot());
        self.root_asked = true;
    }

    /// Looks at Docker's data root.
    pub fn look_at_root(&mut self) -> Seen<RootState> {
        if !self.root_asked {
            self.ask_for_root();
        }
        self.root_asked = false;
        self.wait();
        self.observer.seen(Sense::State, since_boot())
    }

    /// Looks at the pool and its files.
    pub fn look_at_storage(&mut self) -> Snapshot {
        // Twice, since only the first look at the pool tells which files it is on.
        for _ in 0..2 {
            self.observer.look_at_storage(&self.errands.porter, since_boot());
            self.wait();
        }
        self.snapshot()
    }

    /// What has been seen so far.
    pub fn snapshot(&self) -> Snapshot {
        self.observer.snapshot(since_boot())
    }

    /// Looks at the pool as LVM sees it, where it is LVM's.
    pub fn look_at_lvm(&mut self) -> Snapshot {
        self.observer.look_at_lvm(&self.errands.porter, since_boot());
        self.wait();
        self.snapshot()
    }

    /// Looks at who fills the pool: its active volumes, then whose they are.
    pub fn look_at_consumers(&mut self) -> Consumers {
        self.observer.look_at_volumes(&self.errands.porter, since_boot());
        self.wait();
        self.observer.look_at_owners(&self.errands.porter, since_boot());
        self.wait();
        self.observer.consumers(since_boot())
    }

    /// Looks at the daemon: its unit first, which tells where its tasks are and whether its socket may be asked.
    pub fn look_at_daemon(&mut self) {
        for _ in 0..2 {
            let _ = self.observer.look_at_daemon(&self.errands.porter, since_boot());
            self.wait();
        }
    }

    /// Waits longer for answers of the daemon than for its first word: until `/info` has been out for so long.
    pub fn wait_for_daemon(&mut self, longest: Duration) {
        let silent = |once: &Once| once.snapshot().daemon.info.silent_for();
        while !self.is_late() && silent(self).is_some_and(|waited| waited < longest) {
            self.pump(self.until);
        }
        self.observer.listen_to_kernel();
        self.observer.hear_kernel(since_boot());
    }

    /// Reads the superblock of metadata whose pool is not active. What may hang has a sense of its own.
    pub fn superblock(&mut self, sense: Sense, path: &str) -> Seen<Result<Superblock, superblock::Error>> {
        let (root, path) = (self.observer.root.clone(), path.to_owned());
        self.observer.ask(
            &self.errands.porter,
            sense,
            &Ask::Superblock { root, path },
            since_boot(),
        );
        self.wait();
        self.observer.seen(sense, since_boot())
    }

    /// Does one order and waits for the child's word, which a fresh look must bear out.
    ///
    /// # Errors
    /// Why there is no word, or what the child found wrong.
    pub fn send(&mut self, order: &act::Order) -> Result<String, Undone> {
        let limit = self.until.saturating_sub(since_boot());
        let word = self.errands.ask(&Request::new(Kind::Deed, order), limit);
        self.observer.collect(since_boot());
        word
    }

    /// Does a deed at a live pool and says what a fresh look shows.
    pub fn perform(&mut self, deed: &Deed, seen: &Snapshot) -> (Outcome, Snapshot) {
        let said = act::order(deed, seen)
            .map_err(Undone::Failed)
            .and_then(|order| self.send(&order));
        let after = self.look_at_storage();
        let outcome = match (judge::verify(deed, &after), said) {
            (Ok(_), _) => Outcome::Done,
            (Err(shown), Ok(_)) => Outcome::Failed(shown),
            (Err(shown), Err(why)) => Outcome::Failed(format!("{why}; {shown}")),
        };
        (outcome, after)
    }

    fn wait(&mut self) {
        while self.observer.is_waiting(since_boot()) && !self.is_late() {
            self.pump(self.until);
        }
    }

    fn pump(&mut self, end: Duration) {
        let left = end.saturating_sub(since_boot());
        self.errands.rest(self.observer.fds(), left.min(TICK));
        self.observer.collect(since_boot());
    }
}
