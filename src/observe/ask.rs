//! What a look asks, and how the child answers it. The child copies what kernel, files and sockets say; judging the words is
//! the parent's work.

use super::{config, consumers, docker_socket, host, journal, lvm as logical, pools, state, witnesses};
use crate::kernel::{dm, lvm, proc, process, program};
use crate::model::{Task, Unit};
use crate::systemd::bus::Manager;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// First byte of a request that is a look.
pub const REQUEST_TAG: u8 = b'?';

/// One look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// All thin pools with status and table.
    Pools,
    /// The driver's directory, the pool's files and the filesystem below.
    Host {
        /// Root of the tree to read.
        root: String,
        /// Docker's data root.
        data_root: String,
        /// The files of the live pool, where they are known; else Docker's usual ones.
        files: Vec<String>,
    },
    /// Docker's unit.
    Unit {
        /// `docker.service`
        name: String,
    },
    /// All tasks of a unit's processes.
    Tasks {
        /// As systemd names it.
        control_group: String,
        /// Counted too, in case the group cannot be read.
        main_pid: u32,
        /// Tell also where tasks sleep that are not in D state.
        sleepers: bool,
    },
    /// All tasks of containerd, whatever unit or parent it has.
    Containerd,
    /// Tasks around Docker that may tell why something hangs.
    Witnesses {
        /// The unit's, as systemd names it; empty where it is not known.
        control_group: String,
    },
    /// Stacks of tasks.
    Stacks(Vec<witnesses::Wanted>),
    /// An HTTP request to the daemon.
    Get {
        /// Path of the socket.
        socket: String,
        /// `/info`
        path: String,
        /// The daemon that is to answer; if it has gone, nothing is sent.
        main_pid: u32,
    },
    /// The next event of a pool after this one, and a look at all pools right behind it.
    Event {
        /// Name of the pool.
        pool: String,
        /// The newest event seen.
        event_nr: u32,
    },
    /// Docker's configuration.
    Config {
        /// Root of the tree to read.
        root: String,
        /// `docker.service`
        unit: String,
        /// The surroundings of this very process are those of the unit (`ExecStartPre=`).
        inside_unit: bool,
        /// The daemon's start command, where it is given by hand: a line as in a unit.
        exec_line: Option<String>,
    },
    /// What lies in Docker's data root besides the pool's files.
    State(state::Question),
    /// Room of a volume group.
    VolumeGroup {
        /// Its name.
        name: String,
    },
    /// A pool of LVM's.
    Lvm {
        /// Its volume group.
        group: String,
        /// Its logical volume.
        volume: String,
    },
    /// Active volumes on a pool.
    Volumes {
        /// Name of the pool.
        pool: String,
    },
    /// The containers that layers belong to.
    Owners {
        /// Docker's data root.
        data_root: String,
        /// Ids of the layers.
        layers: Vec<String>,
    },
    /// What the guard has told the journal.
    Journal(journal::Question),
    /// Offsets of local time at these times, in seconds since 1970.
    LocalTime(Vec<i64>),
    /// The superblock of a metadata file.
    Superblock {
        /// Root of the tree to read.
        root: String,
        /// The file.
        path: String,
    },
}

/// The bytes of a request.
pub fn request(ask: &Ask) -> Vec<u8> {
    let mut bytes = vec![REQUEST_TAG];
    // Plain data cannot fail to become JSON; an empty request is answered with an error.
    bytes.extend(serde_json::to_vec(ask).unwrap_or_default());
    bytes
}

/// Answers a request (without its tag) in the child. May block for ever.
pub fn answer(request: &[u8]) -> Vec<u8> {
    match serde_json::from_slice(request) {
        Err(error) => encode::<()>(Err(anyhow::anyhow!("unreadable request: {error}"))),
        Ok(Ask::Pools) => encode(pools::look()),
        Ok(Ask::Host { root, data_root, files }) => encode(host::look(Path::new(&root), &data_root, &files)),
        Ok(Ask::Unit { name }) => encode(unit(&name)),
        Ok(Ask::Tasks {
            control_group,
            main_pid,
            sleepers,
        }) => encode(tasks(&control_group, main_pid, sleepers)),
        Ok(Ask::Containerd) => encode(containerd()),
        Ok(Ask::Witnesses { control_group }) => encode(witnesses::look(Path::new("/"), &control_group)),
        Ok(Ask::Stacks(wanted)) => encode(Ok(witnesses::stacks(Path::new("/"), &wanted))),
        Ok(Ask::Get { socket, path, main_pid }) => encode(docker_socket::get(&socket, &path, main_pid)),
        Ok(Ask::Event { pool, event_nr }) => encode(event(&pool, event_nr)),
        Ok(Ask::Config {
            root,
            unit,
            inside_unit,
            exec_line,
        }) => encode(config::look(Path::new(&root), &unit, inside_unit, exec_line.as_deref())),
        Ok(Ask::VolumeGroup { name }) => encode(volume_group(&name)),
        Ok(Ask::Lvm { group, volume }) => encode(logical::look(&group, &volume)),
        Ok(Ask::Journal(question)) => encode(journal::look(&question)),
        Ok(Ask::LocalTime(times)) => {
            encode::<Vec<_>>(Ok(times.into_iter().map(process::offset_of_local_time).collect()))
        }
        Ok(Ask::State(question)) => encode(state::look(&question)),
        Ok(Ask::Volumes { pool }) => encode(consumers::volumes(&pool)),
        Ok(Ask::Owners { data_root, layers }) => encode(Ok(consumers::owners(Path::new(&data_root), &layers))),
        Ok(Ask::Superblock { root, path }) => encode(host::read_superblock(Path::new(&root), &path)),
    }
}

fn encode<T: Serialize>(result: Result<T>) -> Vec<u8> {
    serde_json::to_vec(&result.map_err(|error| format!("{error:#}"))).unwrap_or_default()
}

fn unit(name: &str) -> Result<Unit> {
    Manager::look_at(name)
}

/// Time for `vgs`; it reads each physical volume.
const VGS_SAYS: Duration = Duration::from_secs(4);

/// Asks LVM, which takes no lock for it. A hung disk may keep it all the same; the parent's deadline is for that.
fn volume_group(name: &str) -> Result<lvm::VolumeGroup> {
    let program = ["/usr/sbin/vgs", "/sbin/vgs"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .context("there is no vgs")?;
    let arguments: Vec<_> = lvm::VGS.iter().copied().chain([name]).collect();
    let said = program::says(Path::new(program), &arguments, VGS_SAYS).context(program)?;
    lvm::parse_vgs(&String::from_utf8_lossy(&said)).context(program)
}

fn tasks(control_group: &str, main_pid: u32, sleepers: bool) -> Result<Vec<Task>> {
    let root = Path::new("/");
    // Not to see all of the unit's processes is not to know: its main process may be a mere shell (RHEL 7.2).
    let mut pids = proc::processes_of_group(root, control_group)
        .with_context(|| format!("control group '{control_group}' cannot be read"))?;
    if main_pid != 0 && !pids.contains(&main_pid) {
        pids.push(main_pid);
    }
    let mut tasks = Vec::new();
    for pid in pids {
        tasks.extend(proc::tasks_of(root, pid).with_context(|| format!("tasks of process {pid}"))?);
    }
    if sleepers {
        proc::add_wchan(root, &mut tasks);
    }
    Ok(tasks)
}

/// containerd's names: its own, and the one it had in Docker 1.11 to 18.06, `docker-containerd`, as the kernel cuts it off.
const CONTAINERD: [&str; 2] = ["containerd", "docker-containe"];

fn containerd() -> Result<Vec<Task>> {
    let root = Path::new("/");
    let mut tasks = Vec::new();
    for pid in proc::processes_named(root, &CONTAINERD).context("/proc")? {
        tasks.extend(proc::tasks_of(root, pid).with_context(|| format!("tasks of process {pid}"))?);
    }
    Ok(tasks)
}

/// Whoever hears of an event looks at the pools next, and this child is there already. The event is told even where the look fails.
fn event(pool: &str, event_nr: u32) -> Result<Option<pools::Look>> {
    dm::Control::open(Path::new(dm::CONTROL))?.wait(pool, event_nr)?;
    Ok(pools::look().ok())
}
