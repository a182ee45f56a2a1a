//! The senses. Each look is an errand with a deadline; a look that fails or stays away is `Unknown(why)`, not an error.

mod answer;
mod ask;
mod build;
pub mod config;
pub(crate) mod consumers;
mod daemon;
mod docker_socket;
mod host;
pub(crate) mod journal;
mod kernel_lines;
mod lvm;
mod once;
mod pools;
mod sense;
mod slot;
pub mod start_command;
mod state;
mod storage;
#[cfg(test)]
mod test_tree;
mod tree;
mod units;
mod witnesses;

pub(crate) use answer::answer;
pub(crate) use ask::Ask;
pub(crate) use sense::Sense;

use crate::docker::configuration::Configuration;
use crate::kernel::errand::Porter;
use crate::kernel::process;
use crate::model::{Backing, Evidence, Pool, Seen, Settings, Snapshot, Task};
use kernel_lines::KernelLines;
use serde::de::{DeserializeOwned, IgnoredAny};
use slot::Slot;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// All senses with what each last brought back.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    slots: [Slot; Sense::ALL.len()],
    pub settings: Settings,
    config: Option<Configuration>,
    /// Docker's pool in the newest look at pools, as far as is known which one that is.
    pool: Seen<Option<Pool>>,
    /// When the pool was last seen in trouble.
    trouble: Option<Duration>,
    /// An errand that does nothing, where no other has come back for a while; and when one last did.
    helper: Slot,
    heard_of: Option<Duration>,
    /// A second `/info`, put by a new child before the daemon is stopped.
    info_anew: Slot,
    /// What the daemon last said of its containers and its pool: it holds while that one lives, answering or not.
    said: Option<docker_socket::Said>,
    /// Docker's devices on its pools, and when they were last seen to be others than before.
    volumes: Option<Vec<(u32, String)>>,
    volumes_changed: Option<Duration>,
    /// The tree that files are read from; `/` but for a preflight of another one.
    pub root: String,
    kernel_lines: KernelLines,
    /// The newest look at the daemon's tasks saw one in D state.
    task_in_d: bool,
    /// The newest verdict asks for a deed, whose evidence shall not be old.
    pub deed_due: bool,
}

impl Observer {
    /// Senses that have seen nothing yet. Another root than `/` is that of a tree: its files are looked at, and no pool, unit or daemon of
    /// this host.
    pub fn new(settings: Settings, root: &str) -> Observer {
        Observer {
            settings,
            root: root.to_owned(),
            ..Observer::default()
        }
    }

    /// What is seen is this host's, and not a tree's.
    pub fn is_of_this_host(&self) -> bool {
        self.root == "/"
    }

    /// Goes on with other settings; whether another daemon or data root is watched from now on, of which nothing has been seen yet.
    pub fn take_settings(&mut self, settings: Settings) -> bool {
        let another = settings.docker != self.settings.docker;
        self.settings = settings;
        if another {
            self.config = None;
            self.said = None;
            for sense in [Sense::Unit, Sense::Tasks, Sense::Config, Sense::Host] {
                self.slots[sense as usize].disown();
            }
            self.drop_requests();
            self.find_pool();
        }
        another
    }

    /// Reads the kernel's log too, from its oldest line on.
    pub fn listen_to_kernel(&mut self) {
        self.kernel_lines = KernelLines::open();
    }

    /// Takes in what the kernel has said. Never blocks.
    pub fn hear_kernel(&mut self, now: Duration) {
        self.kernel_lines.read(now, process::awake());
    }

    /// Takes what has come back; the senses that have something new.
    pub fn collect(&mut self, now: Duration) -> Vec<Sense> {
        let mut fresh: Vec<_> = Sense::ALL
            .into_iter()
            .filter(|sense| self.slots[*sense as usize].collect(now))
            .collect();
        if self.helper.collect(now) || !fresh.is_empty() {
            self.heard_of = Some(now);
        }
        if self.info_anew.collect(now) && self.info_anew.last_value::<IgnoredAny>().is_some() {
            // The child of the first one hangs, and not Docker.
            self.slots[Sense::Info as usize] = std::mem::take(&mut self.info_anew);
            fresh.push(Sense::Info);
        }
        if fresh.contains(&Sense::Event)
            && let Some(answer) = self.look_of_event(now)
        {
            self.slots[Sense::Pools as usize].take_over(answer);
            fresh.push(Sense::Pools);
        }
        if fresh.contains(&Sense::Pools)
            && let Some(look) = self.slot(Sense::Pools).last_value::<pools::Look>()
        {
            self.kernel_lines.set_volumes(&look.volumes);
            if self.volumes.as_ref().is_some_and(|before| *before != look.volumes) {
                self.volumes_changed = Some(now);
            }
            self.volumes = Some(look.volumes);
        }
        if fresh.contains(&Sense::Tasks) {
            let tasks = self.seen::<Vec<Task>>(Sense::Tasks, now).known_or_none();
            self.task_in_d = tasks.is_some_and(|tasks| tasks.iter().any(Task::is_in_d));
        }
        if fresh.contains(&Sense::Config) {
            match self.seen::<config::Raw>(Sense::Config, now) {
                Seen::Known(raw) => {
                    let learnt = config::parse(&raw, &self.settings);
                    // A command line that was known once is not given up for one look at systemd that failed.
                    if learnt.line_unknown.is_none() || self.config.is_none() {
                        self.config = Some(learnt);
                    }
                }
                Seen::Unknown(why) => log::warn!("Docker's configuration cannot be read: {why}"),
            }
        }
        if [Sense::Pools, Sense::Host, Sense::Config]
            .iter()
            .any(|sense| fresh.contains(sense))
        {
            self.find_pool();
            if self.is_pool_in_trouble(now) {
                self.trouble = Some(now);
            }
        }
        if fresh.contains(&Sense::Info)
            && let Some(said) = self.slot(Sense::Info).last_value::<Option<docker_socket::Said>>()
            && said.is_some()
        {
            self.said = said;
            self.find_pool();
        }
        fresh
    }

    /// Descriptors that become readable when a look comes back.
    pub fn fds(&self) -> Vec<BorrowedFd<'_>> {
        let slots = self.slots.iter().chain([&self.info_anew, &self.helper]);
        slots.filter_map(Slot::fd).collect()
    }

    /// Whether a look that the verdict waits for is out and within its deadline. The daemon's own answers are waited for only
    /// briefly: their silence is for the judge to weigh, and a full pool does not wait for a hung daemon.
    pub fn is_waiting(&self, now: Duration) -> bool {
        const BRIEFLY: Duration = Duration::from_millis(300);
        let limit = |sense| match sense {
            Sense::Stacks | Sense::Driver | Sense::Event => Duration::ZERO,
            Sense::Ping | Sense::Info => BRIEFLY,
            Sense::Witnesses => BRIEFLY / 3,
            Sense::Lvm => self.patience_with_lvm(),
            Sense::Volumes | Sense::Owners => consumers::PATIENCE,
            _ => self.settings.watch.look_deadline,
        };
        let waits = |sense| self.slot(sense).is_awaited(limit(sense), now);
        Sense::ALL.into_iter().any(waits)
    }

    /// For how long the helper has not made the child that was asked for: errands may all be stuck in what they look at, but this one does
    /// nothing. It is sent where no other has come back for a while.
    pub fn helper_silent_for(&mut self, porter: &Porter, now: Duration) -> Option<Duration> {
        const A_WHILE: Duration = Duration::from_secs(20);
        let heard_of = *self.heard_of.get_or_insert(now);
        if now.saturating_sub(heard_of) >= A_WHILE {
            self.helper.ask(porter, &Ask::Nothing, now);
        }
        self.helper.out_for(now)
    }

    /// What is looked at by errands that are out past the deadline, as operators call it, with the time they have been out.
    pub fn stuck(&self, now: Duration) -> Vec<(&'static str, Duration)> {
        let deadline = self.settings.watch.look_deadline;
        [
            (Sense::Pools, "the thin pools (device-mapper)"),
            (Sense::Host, "the pool's files and the filesystem below them"),
            (Sense::Unit, "Docker's unit (systemd)"),
            (Sense::Tasks, "the tasks of Docker's unit (/proc)"),
            (Sense::Config, "Docker's configuration"),
            (Sense::Lvm, "the pool's volumes (LVM)"),
        ]
        .into_iter()
        .filter_map(|(sense, name)| Some((name, self.slot(sense).stuck_for(now, deadline)?)))
        .collect()
    }

    /// Everything as last seen.
    pub fn snapshot(&self, now: Duration) -> Snapshot {
        let look = self.disk(now);
        let mut pool = self.pool(now);
        if let Seen::Known(Some(pool)) = &mut pool {
            let file = |backing: &Backing| match (backing, &look) {
                (Backing::Loop { file, .. }, Seen::Known(look)) => look.file(file),
                (Backing::Loop { .. }, Seen::Unknown(why)) => Seen::unknown(why),
                (Backing::Deleted { .. }, _) => Seen::unknown("it was deleted"),
                (Backing::Device(_), _) => Seen::unknown("not on a file"),
            };
            pool.data_file = file(&pool.data_backing);
            pool.metadata_file = file(&pool.metadata_backing);
            pool.lvm = self.lvm(pool, now);
        }
        let names_gone = match (&look, &pool) {
            (Seen::Known(look), Seen::Known(Some(pool))) => self.names_gone(look, pool),
            _ => Vec::new(),
        };
        let (host, metadata_host) = match look {
            Seen::Known(look) => (Seen::Known(look.host), look.metadata_host),
            Seen::Unknown(why) => (Seen::Unknown(why), None),
        };
        Snapshot {
            pool,
            host,
            metadata_host,
            names_gone,
            daemon: self.daemon(now),
            evidence: Evidence {
                kernel: self.kernel_lines.seen(),
                kernel_lost: self.kernel_lines.lost(),
                witnesses: self.seen(Sense::Witnesses, now),
                stacks: self.stacks(now),
            },
        }
    }

    /// What this sense last brought back, unless the next look is stuck.
    pub fn seen<T: DeserializeOwned>(&self, sense: Sense, now: Duration) -> Seen<T> {
        self.slot(sense).seen(now, self.settings.watch.look_deadline)
    }

    fn slot(&self, sense: Sense) -> &Slot {
        &self.slots[sense as usize]
    }

    /// Sends out a look, unless the last one is still out. Whether it went out.
    pub fn ask(&mut self, porter: &Porter, sense: Sense, ask: &Ask, now: Duration) -> bool {
        self.slots[sense as usize].ask(porter, ask, now)
    }
}
