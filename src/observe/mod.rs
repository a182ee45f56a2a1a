//! The senses. Each look is an errand with a deadline; a look that fails or stays away is `Unknown(why)`, not an error.

mod ask;
mod build;
pub mod config;
pub mod consumers;
mod docker_socket;
mod host;
pub mod journal;
mod kernel_lines;
mod lvm;
mod pools;
mod slot;
pub mod start_command;
mod state;
#[cfg(test)]
mod test_tree;
mod tree;
mod units;
mod witnesses;

pub use ask::{Ask, REQUEST_TAG, answer, request};

use crate::docker::direct_lvm;
use crate::docker::names::{DEFAULT_PIDFILE, DEFAULT_SOCKET};
use crate::docker::state::RootState;
use crate::kernel::errand::Porter;
use crate::kernel::lvm::VolumeGroup;
use crate::kernel::process;
use crate::kernel::superblock::{self, Superblock};
use crate::model::{
    ActiveState, Backing, Containers, Daemon, Disk, Evidence, Mode, Pool, Probe, Seen, Settings, Snapshot, Stack, Task,
    Unit, Witnesses,
};
use kernel_lines::KernelLines;
use serde::de::DeserializeOwned;
use slot::Slot;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// A sense: one kind of look, of which at most one is out at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sense {
    /// Thin pools, from device-mapper.
    Pools,
    /// Files of the pool and the filesystem below them.
    Host,
    /// Docker's unit, from systemd.
    Unit,
    /// Tasks of Docker's unit.
    Tasks,
    /// Tasks of containerd.
    Containerd,
    /// Tasks around Docker, while something is wrong.
    Witnesses,
    /// Their stacks.
    Stacks,
    /// `GET /_ping`
    Ping,
    /// `GET /info`
    Info,
    /// The kernel's next event of the pool. Waits as long as it takes.
    Event,
    /// Docker's configuration.
    Config,
    /// The superblock of a metadata file whose pool is not active.
    Superblock,
    /// Docker's data root.
    State,
    /// Room of the volume group of a pool of LVM's.
    VolumeGroup,
    /// A pool of LVM's, as LVM sees it.
    Lvm,
    /// Active volumes on the pool.
    Volumes,
    /// The containers that they belong to.
    Owners,
}

impl Sense {
    const ALL: [Sense; 17] = [
        Sense::Pools,
        Sense::Host,
        Sense::Unit,
        Sense::Tasks,
        Sense::Containerd,
        Sense::Witnesses,
        Sense::Stacks,
        Sense::Ping,
        Sense::Info,
        Sense::Event,
        Sense::Config,
        Sense::Superblock,
        Sense::State,
        Sense::VolumeGroup,
        Sense::Lvm,
        Sense::Volumes,
        Sense::Owners,
    ];
}

/// How old an answer may be before the daemon, whose state moves slowly, is asked again.
const DAEMON_FRESH: Duration = Duration::from_secs(5);

/// The same while the pool is in trouble or a task of the daemon's is in D state: a hang may begin.
const DAEMON_FRESH_IN_TROUBLE: Duration = Duration::from_secs(2);

/// How old the unit's state may be when a request is sent to the daemon.
const UNIT_FRESH: Duration = Duration::from_secs(1);

/// All senses with what each last brought back.
#[derive(Debug)]
pub struct Observer {
    slots: [Slot; Sense::ALL.len()],
    settings: Settings,
    config: Option<config::Learnt>,
    /// What the daemon last said of its containers, with its process: it holds while that one lives, answering or not.
    containers: Option<(u32, Containers)>,
    /// The tree that files are read from; `/` but for a preflight of another one.
    root: String,
    kernel_lines: KernelLines,
    /// The newest look at the daemon's tasks saw one in D state.
    task_in_d: bool,
}

impl Observer {
    /// Senses that have seen nothing yet.
    pub fn new(settings: Settings) -> Observer {
        Observer {
            slots: Default::default(),
            settings,
            config: None,
            containers: None,
            root: "/".into(),
            kernel_lines: KernelLines::default(),
            task_in_d: false,
        }
    }

    /// Looks at the tree below `root` instead: its files, and no pool, unit or daemon of this host.
    pub fn of_tree(settings: Settings, root: &str) -> Observer {
        Observer {
            root: root.to_owned(),
            ..Observer::new(settings)
        }
    }

    /// Goes on with other settings; whether another daemon or data root is watched from now on, of which nothing has been seen yet.
    pub fn take_settings(&mut self, settings: Settings) -> bool {
        let another = settings.docker != self.settings.docker;
        self.settings = settings;
        if another {
            self.config = None;
            for sense in [Sense::Unit, Sense::Tasks, Sense::Config, Sense::Host] {
                self.slots[sense as usize].disown();
            }
            // Their children end with the connection, so none is left beside the next.
            for sense in [Sense::Ping, Sense::Info] {
                self.slots[sense as usize] = Slot::default();
            }
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

    /// Sends out the looks at the pool and the files below it.
    pub fn look_at_storage(&mut self, porter: &Porter, now: Duration) {
        if self.root == "/" {
            self.ask(porter, Sense::Pools, &Ask::Pools, now);
        }
        self.look_at_host(porter, now);
    }

    /// Sends out the look at the files, if it could not be sent with the pool's for want of knowing where they are.
    pub fn look_at_files(&mut self, porter: &Porter, now: Duration) {
        if self.slot(Sense::Host).last().is_none() {
            self.look_at_host(porter, now);
        }
    }

    fn look_at_host(&mut self, porter: &Porter, now: Duration) {
        let files = match self.pool(now) {
            Seen::Known(Some(pool)) => loop_files(&pool),
            _ => Vec::new(),
        };
        if let Some(config) = self.config() {
            let ask = Ask::Host {
                root: self.root.clone(),
                data_root: config.data_root.clone(),
                files,
            };
            self.ask(porter, Sense::Host, &ask, now);
        }
    }

    /// Sends out the looks at the daemon whose answers have aged, unless the last one is still out.
    pub fn look_at_daemon(&mut self, porter: &Porter, now: Duration) {
        // A request connects, and systemd starts a stopped daemon for a connection to its socket (law 3): before one is sent, the
        // unit's state must have been learnt in this very look.
        let request_due = [Sense::Ping, Sense::Info]
            .iter()
            .any(|sense| self.request_is_due(*sense, now));
        let daemon_fresh = self.daemon_fresh(now);
        let fresh = if request_due { UNIT_FRESH } else { daemon_fresh };
        if self.slot(Sense::Unit).is_due(now, fresh) {
            let name = self.settings.docker.unit.clone();
            self.ask(porter, Sense::Unit, &Ask::Unit { name }, now);
        }
        if self.slot(Sense::Unit).out_for(now).is_some() {
            return;
        }
        let unit = self.unit(now);
        let Some(unit) = unit.known() else { return };
        if unit.active_state == ActiveState::Active && !unit.job_pending && !unit.host_stopping {
            if self.slot(Sense::Tasks).is_due(now, daemon_fresh) || self.is_silent(now) {
                let ask = Ask::Tasks {
                    control_group: unit.control_group.clone(),
                    main_pid: unit.main_pid,
                    sleepers: self.is_silent(now),
                };
                self.ask(porter, Sense::Tasks, &ask, now);
            }
            match self.is_silent(now) {
                true => drop(self.ask(porter, Sense::Containerd, &Ask::Containerd, now)),
                false => self.slots[Sense::Containerd as usize].forget(),
            }
            for (sense, path) in [(Sense::Ping, "/_ping"), (Sense::Info, "/info")] {
                if self.request_is_due(sense, now) {
                    let ask = Ask::Get {
                        socket: self.socket(),
                        path: path.into(),
                        main_pid: unit.main_pid,
                    };
                    self.ask(porter, sense, &ask, now);
                }
            }
        } else {
            // What a daemon said before it was stopped says nothing of the next one. A request that is still out is dropped, its
            // child ends with the connection; a look at tasks is not, for a second one could get stuck beside it.
            self.slots[Sense::Ping as usize] = Slot::default();
            self.slots[Sense::Info as usize] = Slot::default();
            self.slots[Sense::Tasks as usize].forget();
            self.slots[Sense::Containerd as usize].forget();
        }
    }

    /// A refusal is asked about again sooner than an answer.
    fn request_is_due(&self, sense: Sense, now: Duration) -> bool {
        let refused = matches!(docker_socket::probe(self.slot(sense), now), Probe::Refused(_));
        let fresh = if refused { UNIT_FRESH } else { self.daemon_fresh(now) };
        self.slot(sense).is_due(now, fresh)
    }

    /// How old an answer of the daemon's or of its tasks may be.
    fn daemon_fresh(&self, now: Duration) -> Duration {
        match self.task_in_d || self.is_pool_in_trouble(now) {
            true => DAEMON_FRESH_IN_TROUBLE,
            false => DAEMON_FRESH,
        }
    }

    /// While something is wrong: sends out the look at the tasks around Docker, and once they are known the one at their stacks.
    pub fn look_at_witnesses(&mut self, porter: &Porter, now: Duration) {
        if !self.is_suspicious(now) {
            self.slots[Sense::Witnesses as usize].forget();
            self.slots[Sense::Stacks as usize].forget();
            return;
        }
        let came = |sense| self.slot(sense).last().map(|answer| answer.came);
        if self.slot(Sense::Witnesses).is_due(now, DAEMON_FRESH) {
            let unit = self.unit(now).known_or_none();
            let control_group = unit.map(|unit| unit.control_group).unwrap_or_default();
            self.ask(porter, Sense::Witnesses, &Ask::Witnesses { control_group }, now);
        } else if came(Sense::Stacks) < came(Sense::Witnesses) {
            let witnesses = self.seen::<Witnesses>(Sense::Witnesses, now).known_or_none();
            let wanted = witnesses.unwrap_or_default().tasks.iter().map(Into::into).collect();
            self.ask(porter, Sense::Stacks, &Ask::Stacks(wanted), now);
        }
    }

    /// Stacks, as last read.
    pub fn stacks(&self, now: Duration) -> Seen<Vec<Stack>> {
        self.seen(Sense::Stacks, now)
    }

    /// Whether stacks are wanted and may yet come soon.
    pub fn awaits_stacks(&self, now: Duration) -> bool {
        const SOON: Duration = Duration::from_secs(1);
        let [witnesses, stacks] = [Sense::Witnesses, Sense::Stacks].map(|sense| self.slot(sense));
        let out = [witnesses, stacks]
            .iter()
            .any(|slot| slot.out_for(now).is_some_and(|waited| waited < SOON));
        let to_ask = stacks.last().map(|answer| answer.came) < witnesses.last().map(|answer| answer.came);
        out || (to_ask && stacks.out_for(now).is_none())
    }

    /// The pool is in trouble, or the daemon takes long to answer.
    fn is_suspicious(&self, now: Duration) -> bool {
        self.is_pool_in_trouble(now) || self.is_silent(now)
    }

    fn is_pool_in_trouble(&self, now: Duration) -> bool {
        match self.pool(now) {
            Seen::Known(Some(pool)) => pool.is_exhausted() || pool.suspended || pool.mode != Mode::Rw,
            Seen::Known(None) | Seen::Unknown(_) => false,
        }
    }

    /// Asks for Docker's configuration, unless that question is out already. `inside_unit`: this process runs in
    /// the unit's own surroundings, as `ExecStartPre=` does.
    pub fn learn_config(&mut self, porter: &Porter, inside_unit: bool, exec_line: Option<&str>, now: Duration) -> bool {
        let ask = Ask::Config {
            root: self.root.clone(),
            unit: self.settings.docker.unit.clone(),
            inside_unit,
            exec_line: exec_line.map(str::to_owned),
        };
        self.ask(porter, Sense::Config, &ask, now)
    }

    /// Waits for the pool's next event, unless that errand is out already.
    pub fn await_event(&mut self, porter: &Porter, now: Duration) {
        let Seen::Known(Some(pool)) = self.pool(now) else {
            return;
        };
        let ask = Ask::Event {
            pool: pool.name,
            event_nr: pool.event_nr,
        };
        self.ask(porter, Sense::Event, &ask, now);
    }

    /// Takes what has come back; the senses that have something new.
    pub fn collect(&mut self, now: Duration) -> Vec<Sense> {
        let fresh: Vec<_> = Sense::ALL
            .into_iter()
            .filter(|sense| self.slots[*sense as usize].collect(now))
            .collect();
        if fresh.contains(&Sense::Pools)
            && let Some(look) = self.slot(Sense::Pools).last_value::<pools::Look>()
        {
            self.kernel_lines.set_volumes(&look.volumes);
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
                    if learnt.unit_unknown.is_none() || self.config.is_none() {
                        self.config = Some(learnt);
                    }
                }
                Seen::Unknown(why) => log::warn!("Docker's configuration cannot be read: {why}"),
            }
        }
        if fresh.contains(&Sense::Info)
            && let Some(unit) = self.unit(now).known()
            && let Some(said) = docker_socket::containers(self.slot(Sense::Info))
        {
            self.containers = Some((unit.main_pid, said));
        }
        fresh
    }

    /// Whether the kernel has raised an event, rather than refused to wait for one.
    pub fn event_came(&self) -> bool {
        self.slot(Sense::Event).last_value::<u32>().is_some()
    }

    /// Descriptors that become readable when a look comes back.
    pub fn fds(&self) -> Vec<BorrowedFd<'_>> {
        self.slots.iter().filter_map(Slot::fd).collect()
    }

    /// Whether a look that the verdict waits for is out and within its deadline. The daemon's own answers are waited for only
    /// briefly: their silence is for the judge to weigh, and a full pool does not wait for a hung daemon.
    pub fn is_waiting(&self, now: Duration) -> bool {
        const BRIEFLY: Duration = Duration::from_millis(300);
        let deadline = self.settings.watch.look_deadline;
        [
            (Sense::Pools, deadline),
            (Sense::Host, deadline),
            (Sense::Unit, deadline),
            (Sense::Tasks, deadline),
            (Sense::Containerd, deadline),
            (Sense::Config, deadline),
            (Sense::Superblock, deadline),
            (Sense::State, deadline),
            (Sense::VolumeGroup, deadline),
            (Sense::Lvm, self.patience_with_lvm()),
            (Sense::Volumes, consumers::PATIENCE),
            (Sense::Owners, consumers::PATIENCE),
            (Sense::Ping, BRIEFLY),
            (Sense::Info, BRIEFLY),
            (Sense::Witnesses, BRIEFLY / 3),
        ]
        .iter()
        .any(|(sense, limit)| self.slot(*sense).out_for(now).is_some_and(|waited| waited < *limit))
    }

    /// Senses whose errand is out past the deadline, with the time it has been out.
    pub fn stuck(&self, now: Duration) -> Vec<(Sense, Duration)> {
        [
            Sense::Pools,
            Sense::Host,
            Sense::Unit,
            Sense::Tasks,
            Sense::Config,
            Sense::Lvm,
        ]
        .into_iter()
        .filter_map(|sense| Some((sense, self.slot(sense).out_for(now)?)))
        .filter(|(_, waited)| *waited > self.settings.watch.look_deadline)
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
                (Backing::Device(_), _) => Seen::unknown("not on a file"),
            };
            pool.data_file = file(&pool.data_backing);
            pool.metadata_file = file(&pool.metadata_backing);
            pool.lvm = self.lvm(pool, now);
        }
        let host = match look {
            Seen::Known(look) => Seen::Known(look.host),
            Seen::Unknown(why) => Seen::Unknown(why),
        };
        Snapshot {
            pool,
            host,
            daemon: self.daemon(now),
            evidence: Evidence {
                kernel: self.kernel_lines.seen(),
                kernel_lost: self.kernel_lines.lost(),
                witnesses: self.seen(Sense::Witnesses, now),
                stacks: self.stacks(now),
            },
        }
    }

    /// The pool's files and the filesystem below them, as last seen.
    pub fn disk(&self, now: Duration) -> Seen<Disk> {
        self.seen(Sense::Host, now)
    }

    /// The superblock that was asked for.
    pub fn superblock(&self, now: Duration) -> Seen<Result<Superblock, superblock::Error>> {
        self.seen(Sense::Superblock, now)
    }

    /// Docker's data root, as asked for.
    pub fn root_state(&self, now: Duration) -> Seen<RootState> {
        self.seen(Sense::State, now)
    }

    /// The volume group of the pool that `dm.thinpooldev` names, as asked for.
    pub fn volume_group(&self, now: Duration) -> Seen<VolumeGroup> {
        self.seen(Sense::VolumeGroup, now)
    }

    /// Asks for the room of a volume group.
    pub fn look_at_volume_group(&mut self, porter: &Porter, name: &str, now: Duration) {
        self.ask(
            porter,
            Sense::VolumeGroup,
            &Ask::VolumeGroup { name: name.to_owned() },
            now,
        );
    }

    /// Asks what lies in Docker's data root.
    pub fn look_at_root(&mut self, porter: &Porter, now: Duration) {
        let Some(config) = self.config() else { return };
        let ask = Ask::State(state::Question {
            root: self.root.clone(),
            data_root: config.data_root.clone(),
            pidfile: config
                .effective
                .pidfile
                .as_ref()
                .map_or(DEFAULT_PIDFILE.into(), |pidfile| pidfile.value.clone()),
            thin_pool_device: config.thin_pool_device.clone().or_else(|| {
                let direct = config.options.direct_lvm_device.is_some();
                direct.then(|| direct_lvm::POOL.to_owned())
            }),
            devices: [
                &config.options.data_dev,
                &config.options.metadata_dev,
                &config.options.direct_lvm_device,
            ]
            .into_iter()
            .flatten()
            .map(|device| device.value.clone())
            .filter(|device| !device.is_empty())
            .collect(),
            driver: config.effective.driver.as_ref().map(|driver| driver.value.clone()),
        });
        self.ask(porter, Sense::State, &ask, now);
    }

    /// Asks for the superblock of a metadata file whose pool is not active.
    pub fn read_superblock(&mut self, porter: &Porter, path: &str, now: Duration) {
        self.ask(
            porter,
            Sense::Superblock,
            &Ask::Superblock {
                root: self.root.clone(),
                path: path.to_owned(),
            },
            now,
        );
    }

    /// Docker's configuration, once learnt.
    pub fn config(&self) -> Option<&config::Learnt> {
        self.config.as_ref()
    }

    fn daemon(&self, now: Duration) -> Daemon {
        let unit = self.unit(now);
        let asked = unit
            .known()
            .is_some_and(|unit| unit.active_state == ActiveState::Active);
        let probe = |sense| {
            if asked {
                docker_socket::probe(self.slot(sense), now)
            } else {
                Probe::NotAsked
            }
        };
        Daemon {
            tasks: self.seen(Sense::Tasks, now),
            containerd: self.seen(Sense::Containerd, now),
            ping: probe(Sense::Ping),
            info: probe(Sense::Info),
            containers: self.containers(&unit),
            unit,
        }
    }

    /// What this daemon has said of its containers; of one that never answered, what it was started with.
    fn containers(&self, unit: &Seen<Unit>) -> Containers {
        let pid = unit.known().map(|unit| unit.main_pid);
        let said = self.containers.filter(|(of, _)| Some(*of) == pid);
        let said = said.map(|(_, said)| said).unwrap_or_default();
        let certain = self.config().map(|config| &config.effective);
        let configured = certain
            .filter(|effective| effective.uncertain.is_none())
            .map(|effective| effective.live_restore.as_ref().is_some_and(|on| on.value));
        Containers {
            live_restore: said.live_restore.or(configured),
            ..said
        }
    }

    fn unit(&self, now: Duration) -> Seen<Unit> {
        self.seen(Sense::Unit, now)
    }

    /// The socket that the settings name, or else the one that Docker's own configuration does.
    fn socket(&self) -> String {
        let named = &self.settings.docker.socket;
        let configured = self.config().and_then(|config| config.effective.socket_path());
        match configured {
            Some(path) if named == DEFAULT_SOCKET => path,
            _ => named.clone(),
        }
    }

    fn is_silent(&self, now: Duration) -> bool {
        self.slot(Sense::Info)
            .out_for(now)
            .is_some_and(|waited| waited > Duration::from_secs(1))
    }

    fn pool(&self, now: Duration) -> Seen<Option<Pool>> {
        if self.root != "/" {
            return Seen::Known(None);
        }
        let expected = pools::Expected {
            name: self
                .slot(Sense::Host)
                .last_value::<Disk>()
                .and_then(|look| look.pool_name),
            data_root: self.config().map(|config| config.data_root.clone()),
            thin_pool_device: self.config().and_then(config::Learnt::pool_of_lvm),
        };
        match self.seen::<pools::Look>(Sense::Pools, now) {
            Seen::Known(look) => pools::select(&look.pools, &expected).into(),
            Seen::Unknown(why) => Seen::Unknown(why),
        }
    }

    fn seen<T: DeserializeOwned>(&self, sense: Sense, now: Duration) -> Seen<T> {
        self.slot(sense).seen(now, self.settings.watch.look_deadline)
    }

    fn slot(&self, sense: Sense) -> &Slot {
        &self.slots[sense as usize]
    }

    fn ask(&mut self, porter: &Porter, sense: Sense, ask: &Ask, now: Duration) -> bool {
        self.slots[sense as usize].ask(porter, ask, now)
    }
}

/// The files below the pool's devices.
fn loop_files(pool: &Pool) -> Vec<String> {
    [&pool.data_backing, &pool.metadata_backing]
        .into_iter()
        .filter_map(|backing| match backing {
            Backing::Loop { file, .. } => Some(file.clone()),
            Backing::Device(_) => None,
        })
        .collect()
}
