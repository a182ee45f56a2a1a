//! `/proc`: tasks of a process with their state, and nothing that takes the target's memory lock.
//!
//! Only `stat` and `wchan` of tasks are read. `cmdline`, `environ`, `maps` and `exe` wait for the target's `mmap` lock, and a
//! watcher of hung processes would hang with them (moby/moby#15204).

use crate::model::{Task, TaskState};
use procfs::FromRead;
use procfs::process::Stat;
use std::fs;
use std::io;
use std::path::Path;

/// Reads one `/proc/PID/task/TID/stat` text. The name may hold anything, closing brackets and newlines too.
pub fn parse_stat(pid: u32, text: &[u8], wchan: &str) -> Option<Task> {
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
    let stat = Stat::from_read(text).ok()?;
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

/// Processes with one of these names, as the kernel cuts them off (15 bytes).
///
/// # Errors
/// When `/proc` cannot be read at all.
pub fn processes_named(root: &Path, names: &[&str]) -> io::Result<Vec<u32>> {
    let entries = fs::read_dir(root.join("proc"))?.flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_named = |pid: &u32| {
        fs::read_to_string(root.join(format!("proc/{pid}/comm"))).is_ok_and(|comm| names.contains(&comm.trim_end()))
    };
    Ok(pids.filter(is_named).collect())
}

/// Processes of a unit's control group, in the unified hierarchy or, on systemd before 232 and in hybrid set-ups, in systemd's
/// own (`name=systemd`). `None` where neither has it.
pub fn processes_of_group(root: &Path, group: &str) -> Option<Vec<u32>> {
    // A group's name comes from systemd, but a path that climbs out of the hierarchy is refused all the same.
    if group.is_empty() || group.split('/').any(|part| part == "..") {
        return None;
    }
    let inside = group.trim_start_matches('/');
    ["sys/fs/cgroup", "sys/fs/cgroup/systemd", "sys/fs/cgroup/unified"]
        .iter()
        .find_map(|hierarchy| fs::read_to_string(root.join(hierarchy).join(inside).join("cgroup.procs")).ok())
        .map(|text| text.lines().filter_map(|line| line.trim().parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(comm: &str, state: char) -> String {
        format!(
            "77 ({comm}) {state} 1 77 77 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 20 0 4242 1 2 18446744073709551615 1 1 0 0 0 0 0 0 \
             2143420159 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
        )
    }

    #[test]
    fn names_that_look_like_fields_are_names() {
        for comm in ["dockerd", "foo) Z ", "a b) D 1 2 (", "))))", "", "\n"] {
            let task = parse_stat(7, line(comm, 'D').as_bytes(), " xfs_ail_push_all_sync\n").expect(comm);
            assert_eq!(
                (task.tid, task.comm.as_str(), task.state),
                (77, comm, TaskState::Uninterruptible)
            );
            assert_eq!((task.start_ticks, task.wchan.as_str()), (4242, "xfs_ail_push_all_sync"));
        }
    }

    #[test]
    fn broken_lines_are_no_task() {
        for text in [
            "",
            "77",
            "77 (x",
            "77 (x) ",
            "77 (x)",
            "77 x)",
            ")",
            "x (y) S 1",
            "77 (dockerd) D 1 2 3",
        ] {
            assert_eq!(parse_stat(7, text.as_bytes(), ""), None, "{text}");
        }
    }

    #[test]
    fn brackets_in_odd_places_are_no_task() {
        for text in [
            ") (\0",
            "(a) S",
            " (a) S",
            "1 (a)   ",
            "1 (a)",
            "\u{e9}(a) S 1",
            "1\u{e9} (a) S",
            "1 )a( S",
            "1 () ",
        ] {
            assert_eq!(parse_stat(1, text.as_bytes(), ""), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text: Vec<u8>, name in "[() a-zSD0-9]{0,20}", cut in 0usize..200) {
            parse_stat(7, &text, "");
            let whole = line(&name, 'S');
            parse_stat(7, &whole.as_bytes()[..cut.min(whole.len())], "");
        }
    }

    #[test]
    fn groups_are_found_in_either_hierarchy_and_never_outside() {
        let root = std::env::temp_dir().join(format!("thinguard-proc-{}", std::process::id()));
        let group = root.join("sys/fs/cgroup/systemd/system.slice/docker.service");
        fs::create_dir_all(&group).unwrap();
        fs::write(group.join("cgroup.procs"), "12\n345\n").unwrap();
        fs::write(root.join("sys/cgroup.procs"), "1\n").unwrap();
        assert_eq!(
            processes_of_group(&root, "/system.slice/docker.service"),
            Some(vec![12, 345])
        );
        for bad in ["", "/system.slice/other.service", "/../..", "/../../../sys"] {
            assert_eq!(processes_of_group(&root, bad), None, "{bad}");
        }
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn our_own_tasks_are_seen() {
        let tasks = tasks_of(Path::new("/"), std::process::id()).unwrap();
        assert!(tasks.iter().any(|task| task.tid == std::process::id()));
        assert_eq!(tasks_of(Path::new("/"), u32::MAX).unwrap(), Vec::new());
    }
}
