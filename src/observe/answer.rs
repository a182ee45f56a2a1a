//! How the child answers what a look asks: it copies what kernel, files and sockets say; judging the words is the parent's work.

use super::ask::Ask;
use super::{config, consumers, docker_socket, host, journal, lvm, pools, state, witnesses};
use crate::docker::names;
use crate::kernel::errand::encode;
use crate::kernel::{dm, proc, process};
use crate::model::{Task, Unit};
use crate::systemd::bus::Manager;
use anyhow::{Context, Result};
use std::path::Path;

/// Answers a look in the child. May block for ever.
pub fn answer(ask: Ask) -> Vec<u8> {
    match ask {
        Ask::Nothing => encode(known(())),
        Ask::Pools => encode(pools::look()),
        Ask::Host { root, data_root, files } => encode(host::look(Path::new(&root), &data_root, &files)),
        Ask::Unit { name } => encode(unit(&name)),
        Ask::Tasks {
            control_group,
            main_pid,
            sleepers,
        } => encode(tasks(&control_group, main_pid, sleepers)),
        Ask::Containerd => encode(containerd()),
        Ask::Witnesses { control_group } => encode(witnesses::look(Path::new("/"), &control_group)),
        Ask::Stacks(wanted) => encode(known(witnesses::stacks(Path::new("/"), &wanted))),
        Ask::Get { whom, path } => encode(docker_socket::get(&whom, &path)),
        Ask::Driver { whom, data_root } => encode(docker_socket::ask_driver(&whom, Path::new(&data_root))),
        Ask::Event { pool, event_nr } => encode(event(&pool, event_nr)),
        Ask::Config(question) => encode(known(config::look(&question))),
        Ask::Lvm { group, volume } => encode(lvm::look(&group, &volume)),
        Ask::Journal(question) => encode(journal::look(&question)),
        Ask::LocalTime(times) => encode(known::<Vec<_>>(
            times.into_iter().map(process::offset_of_local_time).collect(),
        )),
        Ask::State(question) => encode(state::look(&question)),
        Ask::Volumes { pool } => encode(consumers::volumes(&pool)),
        Ask::Owners { data_root, volumes } => encode(known(consumers::owners(Path::new(&data_root), volumes))),
        Ask::Superblock { root, path } => encode(host::read_superblock(Path::new(&root), &path)),
    }
}

/// What cannot fail.
fn known<T>(value: T) -> Result<T> {
    Ok(value)
}

/// systemd's times do not count while the host sleeps, and the guard's do.
fn unit(name: &str) -> Result<Unit> {
    let asleep = process::since_boot().saturating_sub(process::awake());
    let mut unit = Manager::look_at(name)?;
    unit.inactive_exit = unit.inactive_exit.map(|at| at + asleep);
    Ok(unit)
}

fn tasks(control_group: &str, main_pid: u32, sleepers: bool) -> Result<Vec<Task>> {
    let root = Path::new("/");
    // Not to see all of the unit's processes is not to know: its main process may be a mere shell (RHEL 7.2).
    let mut pids = proc::processes_of_group(root, control_group)
        .with_context(|| format!("control group '{control_group}' cannot be read"))?;
    if main_pid != 0 && !pids.contains(&main_pid) {
        pids.push(main_pid);
    }
    let mut tasks = tasks_of(pids)?;
    if sleepers {
        proc::add_wchan(root, &mut tasks);
    }
    Ok(tasks)
}

/// Tasks of containerd's unit, shims included. One that is a child of dockerd is in Docker's own unit, and any process may be named so.
fn containerd() -> Result<Vec<Task>> {
    let its = |path: &str| names::is_containerd_group(path).then_some(());
    let processes = proc::processes_of_groups(Path::new("/"), its).into_iter();
    tasks_of(processes.map(|((), pid)| pid))
}

fn tasks_of(pids: impl IntoIterator<Item = u32>) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for pid in pids {
        tasks.extend(proc::tasks_of(Path::new("/"), pid).with_context(|| format!("tasks of process {pid}"))?);
    }
    Ok(tasks)
}

/// Whoever hears of an event looks at the pools next, and this child is there already. The event is told even where the look fails.
fn event(pool: &str, event_nr: u32) -> Result<Option<pools::Look>> {
    dm::Control::open(Path::new(dm::CONTROL))?.wait(pool, event_nr)?;
    Ok(pools::look().ok())
}
