//! Tasks that may tell why something hangs: those in D state around Docker, and the kernel's threads that serve its pool. In the
//! child: to walk `/proc` may take long, and to read a stack may take for ever. And when they are looked for.

use super::{Ask, Observer, Sense};
use crate::docker::names;
use crate::kernel::errand::Porter;
use crate::kernel::proc;
use crate::model::{Seen, Stack, Task, TaskState, Whose, Witness, Witnesses};
use anyhow::{Context, Result};
use std::path::Path;
use std::time::Duration;

/// How old an answer may be while something may hang.
const FRESH: Duration = Duration::from_secs(5);

/// The same while only the pool is in trouble, which may last for days: all of `/proc` is walked for it.
const FRESH_WHILE_NOTHING_HANGS: Duration = Duration::from_secs(30);

/// Tasks of programs that are looked at.
const MOST_LOOKED_AT: usize = 16_384;
/// Witnesses of one kind that are kept.
const MOST_OF_A_KIND: usize = 12;

/// Finds them.
pub fn look(root: &Path, unit_group: &str) -> Result<Witnesses> {
    let mut found = programs(root, unit_group);
    let threads = proc::kernel_threads(root, serves_a_pool).context("/proc cannot be read")?;
    found.extend(threads.into_iter().map(|task| Witness {
        whose: Whose::Kernel,
        task,
    }));
    Ok(bounded(found))
}

/// Tasks in D state of dockerd, containerd, shims and containers.
fn programs(root: &Path, unit_group: &str) -> Vec<Witness> {
    let unit = unit_group.trim_matches('/');
    let whose = |path: &str| {
        let inside_unit = !unit.is_empty() && (path == unit || path.starts_with(&format!("{unit}/")));
        if names::is_container_group(path) {
            Some(Whose::Container)
        } else if inside_unit {
            Some(Whose::Daemon)
        } else if names::is_containerd_group(path) {
            Some(Whose::Containerd)
        } else {
            None
        }
    };
    let mut processes = proc::processes_of_groups(root, whose);
    processes.sort_unstable();
    let mut found = Vec::new();
    let mut looked_at = 0;
    for (whose, pid) in processes {
        let tasks = proc::tasks_of(root, pid).unwrap_or_default();
        looked_at += tasks.len();
        let stuck = tasks.into_iter().filter(is_stuck);
        found.extend(stuck.map(|task| Witness { whose, task }));
        if looked_at > MOST_LOOKED_AT {
            break;
        }
    }
    found
}

fn is_stuck(task: &Task) -> bool {
    task.state == TaskState::Uninterruptible
}

/// Any thread of the kernel's in D state, and whatever its state: the one that writes back a container's XFS, the ones of loop
/// devices (to 5.13; workers with `loop` in their name after), workers of the thin target.
fn serves_a_pool(task: &Task) -> bool {
    let name = task.comm.as_str();
    let is_loop = name
        .strip_prefix("loop")
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    is_stuck(task)
        || is_loop
        || name.starts_with("xfsaild/dm-")
        || (name.starts_with("kworker/") && (name.contains("dm-thin") || name.contains("loop")))
}

/// The daemon's first; of each kind those in D first.
fn bounded(mut found: Vec<Witness>) -> Witnesses {
    let all = found.len();
    found.sort_by_key(|witness| (witness.whose, !is_stuck(&witness.task), witness.task.tid));
    let mut tasks: Vec<Witness> = Vec::new();
    for witness in found {
        let of_this_kind = tasks.iter().filter(|kept| kept.whose == witness.whose).count();
        if of_this_kind < MOST_OF_A_KIND {
            tasks.push(witness);
        }
    }
    Witnesses {
        left_out: all - tasks.len(),
        tasks,
    }
}

/// Reads their stacks. A task that has ended has none.
pub fn stacks(root: &Path, tasks: &[Task]) -> Vec<Stack> {
    let stack = |task: &Task| {
        Some(Stack {
            tid: task.tid,
            start_ticks: task.start_ticks,
            frames: proc::stack_of(root, task.pid, task.tid, task.start_ticks)?,
        })
    };
    tasks.iter().filter_map(stack).collect()
}

impl Observer {
    /// While something is wrong: sends out the look at the tasks around Docker, and once they are known the one at their stacks.
    pub fn look_at_witnesses(&mut self, porter: &Porter, now: Duration) {
        // The pool is in trouble, or the daemon takes long to answer.
        if !self.is_pool_in_trouble(now) && !self.is_silent(now) {
            self.slots[Sense::Witnesses as usize].forget();
            self.slots[Sense::Stacks as usize].forget();
            return;
        }
        let came = |sense| self.slot(sense).last().map(|answer| answer.came);
        if self.slot(Sense::Witnesses).is_due(now, self.witnesses_fresh(now)) {
            let unit = self.unit(now).known_or_none();
            let control_group = unit.map(|unit| unit.control_group).unwrap_or_default();
            self.ask(porter, Sense::Witnesses, &Ask::Witnesses { control_group }, now);
        } else if came(Sense::Stacks) < came(Sense::Witnesses) {
            let witnesses = self.seen::<Witnesses>(Sense::Witnesses, now).known_or_none();
            let tasks = witnesses.unwrap_or_default().tasks.into_iter();
            let ask = Ask::Stacks(tasks.map(|witness| witness.task).collect());
            self.ask(porter, Sense::Stacks, &ask, now);
        }
    }

    fn witnesses_fresh(&self, now: Duration) -> Duration {
        match self.task_in_d || self.is_silent(now) || self.deed_due {
            true => FRESH,
            false => FRESH_WHILE_NOTHING_HANGS,
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
        let out = witnesses.is_awaited(SOON, now) || stacks.is_awaited(SOON, now);
        let to_ask = stacks.last().map(|answer| answer.came) < witnesses.last().map(|answer| answer.came);
        out || (to_ask && stacks.out_for(now).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witness(whose: Whose, tid: u32, comm: &str, state: TaskState) -> Witness {
        Witness {
            whose,
            task: Task {
                pid: tid,
                tid,
                comm: comm.into(),
                state,
                start_ticks: 1,
                wchan: String::new(),
            },
        }
    }

    #[test]
    fn threads_that_matter() {
        for (comm, state, wanted) in [
            ("xfsaild/dm-3", TaskState::Alive, true),
            ("xfsaild/sda1", TaskState::Alive, false),
            ("xfsaild/sda1", TaskState::Uninterruptible, true),
            ("loop0", TaskState::Alive, true),
            ("loopback", TaskState::Alive, false),
            ("kworker/u4:1-loop0", TaskState::Alive, true),
            ("kworker/u4:1+dm-thin", TaskState::Alive, true),
            ("kworker/0:1-events", TaskState::Alive, false),
            ("kthreadd", TaskState::Alive, false),
        ] {
            let task = witness(Whose::Kernel, 9, comm, state).task;
            assert_eq!(serves_a_pool(&task), wanted, "{comm} {state:?}");
        }
    }

    #[test]
    fn the_daemon_comes_first_and_nobody_crowds_it_out() {
        let stuck = TaskState::Uninterruptible;
        let mut found: Vec<_> = (0..100)
            .map(|tid| witness(Whose::Container, tid, "sh", stuck))
            .collect();
        found.push(witness(Whose::Kernel, 300, "loop0", TaskState::Alive));
        found.push(witness(Whose::Kernel, 400, "xfsaild/dm-3", stuck));
        found.push(witness(Whose::Daemon, 500, "dockerd", stuck));
        let kept = bounded(found);
        let names: Vec<_> = kept.tasks.iter().map(|witness| witness.task.comm.as_str()).collect();
        assert_eq!(
            (names[0], names.len(), kept.left_out),
            ("dockerd", MOST_OF_A_KIND + 3, 88)
        );
        assert_eq!(names[names.len() - 2..], ["xfsaild/dm-3", "loop0"]);
    }

    #[test]
    fn what_may_hang_or_is_to_be_cured_is_looked_at_more_often() {
        let now = Duration::from_secs(1000);
        let mut observer = Observer::new(crate::model::Settings::default(), "/");
        assert_eq!(observer.witnesses_fresh(now), FRESH_WHILE_NOTHING_HANGS);
        observer.deed_due = true;
        assert_eq!(observer.witnesses_fresh(now), FRESH);
        observer.deed_due = false;
        observer.task_in_d = true;
        assert_eq!(observer.witnesses_fresh(now), FRESH);
    }

    #[test]
    fn our_own_host_can_be_looked_at() {
        assert!(look(Path::new("/"), "/no/such.service").is_ok());
        assert!(look(Path::new("/nonexistent"), "").is_err());
        let gone = Task {
            pid: u32::MAX,
            ..witness(Whose::Kernel, 1, "gone", TaskState::Alive).task
        };
        assert_eq!(stacks(Path::new("/"), &[gone]), []);
    }
}
