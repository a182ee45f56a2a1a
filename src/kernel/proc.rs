//! `/proc`: tasks of a process with their state, and nothing that takes the target's memory lock.
//!
//! Only `stat`, `wchan` and `stack` of tasks are read. `cmdline`, `environ`, `maps` and `exe` wait for the target's `mmap` lock, and a
//! watcher of hung processes would hang with them (moby/moby#15204).

use crate::model::{Task, TaskState};
use procfs::FromRead;
use procfs::process::Stat;
use std::fs;
use std::io;
use std::path::Path;

/// Reads one `/proc/PID/task/TID/stat` text. The name may hold anything, closing brackets and newlines too.
pub fn parse_stat(pid: u32, text: &[u8], wchan: &str) -> Option<Task> {
    task(pid, sound_stat(text)?, wchan)
}

/// The parent of every thread of the kernel's (`kthreadd`).
const KTHREADD: i32 = 2;

/// The same, if the process is a thread of the kernel's.
pub fn parse_kernel_thread(pid: u32, text: &[u8]) -> Option<Task> {
    sound_stat(text)
        .filter(|stat| stat.ppid == KTHREADD)
        .and_then(|stat| task(pid, stat, ""))
}

fn sound_stat(text: &[u8]) -> Option<Stat> {
    // procfs takes for granted that the name stands between a number and a state.
    let name_begins = text.iter().position(|byte| *byte == b'(')?;
    let name_ends = text
        .iter()
        .rposition(|byte| *byte == b')')
        .filter(|end| *end > name_begins)?;
    let number = text.get(..name_begins)?.strip_suffix(b" ")?;
    let state = text.get(name_ends + 1..)?.strip_prefix(b" ")?;
    let sound = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    state.first().filter(|state| sound && state.is_ascii_alphabetic())?;
    Stat::from_read(text).ok()
}

fn task(pid: u32, stat: Stat, wchan: &str) -> Option<Task> {
    Some(Task {
        pid,
        tid: u32::try_from(stat.pid).ok()?,
        state: match stat.state {
            'D' => TaskState::Uninterruptible,
            'T' | 't' => TaskState::Stopped,
            'Z' | 'X' | 'x' => TaskState::Dead,
            _ => TaskState::Alive,
        },
        start_ticks: stat.starttime,
        wchan: wchan.trim().to_owned(),
        comm: stat.comm,
    })
}

/// `PF_EXITING` of the kernel's `sched.h`: the task ends just now.
const EXITING: u32 = 4;

/// Whether the process is there and is not ending. A process that has ended stays in `/proc` until its parent has read its status. The
/// first thread of a Go program, which this looks at, lives as long as the program.
pub fn runs(root: &Path, pid: u32) -> bool {
    let text = fs::read(root.join(format!("proc/{pid}/stat"))).ok();
    let stat = text.as_deref().and_then(sound_stat);
    stat.is_some_and(|stat| !matches!(stat.state, 'Z' | 'X' | 'x') && stat.flags & EXITING == 0)
}

/// All tasks of one process; empty when it has ended. A task that ends while we look is simply not there.
///
/// # Errors
/// When `/proc` cannot be read at all.
pub fn tasks_of(root: &Path, pid: u32) -> io::Result<Vec<Task>> {
    let entries = match fs::read_dir(root.join(format!("proc/{pid}/task"))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut tasks = Vec::new();
    for entry in entries.flatten() {
        let Ok(text) = fs::read(entry.path().join("stat")) else {
            continue;
        };
        let Some(mut task) = parse_stat(pid, &text, "") else {
            continue;
        };
        if task.state == TaskState::Uninterruptible {
            let wchan = fs::read_to_string(entry.path().join("wchan")).unwrap_or_default();
            task.wchan = wchan.trim().to_owned();
        }
        tasks.push(task);
    }
    Ok(tasks)
}

/// Adds to each task the kernel function it sleeps in, where that was not read with its state.
pub fn add_wchan(root: &Path, tasks: &mut [Task]) {
    for task in tasks.iter_mut().filter(|task| task.wchan.is_empty()) {
        let path = root.join(format!("proc/{}/task/{}/wchan", task.pid, task.tid));
        task.wchan = fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    }
}

/// All threads of the kernel's that `matters` picks. One that ends while we look is not there.
///
/// # Errors
/// When `/proc` cannot be read at all.
pub fn kernel_threads(root: &Path, matters: impl Fn(&Task) -> bool) -> io::Result<Vec<Task>> {
    let mut tasks = Vec::new();
    for entry in fs::read_dir(root.join("proc"))?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Ok(text) = fs::read(entry.path().join("stat")) else {
            continue;
        };
        if let Some(mut task) = parse_kernel_thread(pid, &text).filter(|task| matters(task)) {
            task.wchan = fs::read_to_string(entry.path().join("wchan"))
                .unwrap_or_default()
                .trim()
                .to_owned();
            tasks.push(task);
        }
    }
    Ok(tasks)
}

/// Deepest frame of a stack that is kept.
const MOST_FRAMES: usize = 24;

/// The stack of a task, if it is still the one that began at `start_ticks`. Besides root's rights this takes the task's
/// `cred_guard_mutex`, which an `execve` that hangs holds: for an errand of its own.
pub fn stack_of(root: &Path, pid: u32, tid: u32, start_ticks: u64) -> Option<Vec<String>> {
    let directory = root.join(format!("proc/{pid}/task/{tid}"));
    let stat = fs::read(directory.join("stat")).ok()?;
    parse_stat(pid, &stat, "").filter(|task| task.start_ticks == start_ticks)?;
    let text = fs::read_to_string(directory.join("stack")).ok()?;
    Some(parse_stack(&text))
}

/// Reads `[<ffffffffa02d3f2e>] xfs_ail_push_all_sync+0x7e/0xb0 [xfs]` lines (fs/proc/base.c, `proc_pid_stack`; `[<0>]` from 4.15
/// on) down to functions with their modules.
pub fn parse_stack(text: &str) -> Vec<String> {
    text.lines()
        .filter_map(|line| {
            let (_, place) = line.split_once("] ")?;
            let (function, rest) = place.split_once('+')?;
            let module = rest.split_once(" [").map(|(_, module)| module.trim_end_matches(']'));
            let frame = match module {
                Some(module) => format!("{function} [{module}]"),
                None => function.to_owned(),
            };
            Some(frame.chars().take(64).collect())
        })
        .take(MOST_FRAMES)
        .collect()
}

/// Processes of a unit's control group, in the unified hierarchy or, on systemd before 232 and in hybrid set-ups, in systemd's
/// own (`name=systemd`). `None` where neither has it.
pub fn processes_of_group(root: &Path, group: &str) -> Option<Vec<u32>> {
    // A group's name comes from systemd, but a path that climbs out of the hierarchy is refused all the same.
    if group.is_empty() || group.split('/').any(|part| part == "..") {
        return None;
    }
    let inside = group.trim_start_matches('/');
    HIERARCHIES
        .iter()
        .find_map(|hierarchy| processes_in(&root.join(hierarchy).join(inside)))
}

/// Where systemd's own groups are: the unified hierarchy, or on version 1 the one by name.
const HIERARCHIES: [&str; 3] = ["sys/fs/cgroup", "sys/fs/cgroup/systemd", "sys/fs/cgroup/unified"];

fn processes_in(directory: &Path) -> Option<Vec<u32>> {
    let text = fs::read_to_string(directory.join("cgroup.procs")).ok()?;
    Some(text.lines().filter_map(|line| line.trim().parse().ok()).collect())
}

/// Directories of groups that are looked at.
const MOST_GROUPS: usize = 4096;

/// Processes of all groups whose path `picks` takes, with what it made of the path, in the hierarchy in which systemd keeps its
/// groups. A host with more groups than anyone should have is seen in part.
pub fn processes_of_groups<T: Copy>(root: &Path, picks: impl Fn(&str) -> Option<T>) -> Vec<(T, u32)> {
    // On version 1 the first one holds nothing but the mount points of the others.
    let Some(top) = HIERARCHIES
        .iter()
        .map(|hierarchy| root.join(hierarchy))
        .find(|top| top.join("cgroup.procs").exists())
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut waiting = vec![top.clone()];
    for _ in 0..MOST_GROUPS {
        let Some(directory) = waiting.pop() else { break };
        let path = directory
            .strip_prefix(&top)
            .ok()
            .and_then(Path::to_str)
            .unwrap_or_default();
        if let Some(what) = picks(path) {
            let processes = processes_in(&directory).unwrap_or_default();
            found.extend(processes.into_iter().map(|pid| (what, pid)));
        }
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        let below = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        waiting.extend(below.map(|entry| entry.path()));
    }
    found
}

#[cfg(test)]
mod tests;
