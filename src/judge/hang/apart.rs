//! One hang told from another, as far as `/proc` tells it: a stopped daemon, a frozen filesystem, a stopped containerd, udev.

use crate::docker::names;
use crate::judge::Case;
use crate::model::{Code, Daemon, Finding, StuckTask, Task, TaskState, Unit};

/// What the daemon waits for, and the next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cause {
    pub words: String,
    pub remedy: String,
    /// Somebody has brought it about and can end it, and no restart is to come between.
    pub by_hand: bool,
}

/// Where a writer waits for a filesystem to thaw: `__sb_start_write` before Linux 4.3 (fs/super.c), `__percpu_down_read` up to 5.6
/// and `percpu_rwsem_wait` since (kernel/locking/percpu-rwsem.c); where those count as the scheduler's own, their caller.
const FROZEN: [&str; 4] = [
    "percpu_rwsem_wait",
    "percpu_down_read",
    "sb_start_write",
    "mnt_want_write",
];

/// libdevmapper waits in semop(2) until udev has made the device's node (libdm-common.c, `_udev_wait`). Nothing else in dockerd does.
const UDEV: &str = "semtimedop";

/// The first cause that shows; `None` where nothing does.
pub(super) fn cause(daemon: &Daemon, unit: &Unit, stuck: &[StuckTask]) -> Option<Cause> {
    let tasks = daemon.tasks.all();
    let by_hand = |words, remedy| {
        let by_hand = true;
        Some(Cause { words, remedy, by_hand })
    };
    let wakened = |task: &Task| format!("find out who stopped it, then let it go on: kill -CONT {}", task.pid);
    let ours = |task: &&Task| task.pid == unit.main_pid || names::is_daemon_comm(&task.comm);
    if let Some(task) = stopped(tasks).find(ours) {
        let (comm, pid) = (&task.comm, task.pid);
        let words = format!("all tasks of {comm}[{pid}] are stopped by a signal or a tracer");
        return by_hand(words, wakened(task));
    }
    let is_frozen = |task: &&StuckTask| FROZEN.iter().any(|place| task.wchan.contains(place));
    if let Some(StuckTask { comm, tid, wchan, .. }) = stuck.iter().find(is_frozen) {
        let words = format!("{comm}[{tid}] waits for a frozen filesystem to thaw ({wchan})");
        let remedy = "end what froze it (a backup, a snapshot of a virtual machine, fsfreeze), or thaw it yourself: \
                      fsfreeze --unfreeze MOUNTPOINT";
        return by_hand(words, remedy.into());
    }
    if let Some(task) = stopped(daemon.containerd.all()).next() {
        let (comm, pid) = (&task.comm, task.pid);
        let words = format!("it waits for {comm}[{pid}], whose tasks are all stopped by a signal or a tracer");
        return by_hand(words, wakened(task));
    }
    let task = tasks.iter().find(|task| task.wchan.contains(UDEV))?;
    Some(Cause {
        words: format!("{}[{}] waits for udev ({})", task.comm, task.tid, task.wchan),
        remedy: "see that systemd-udevd works (systemctl status systemd-udevd; udevadm settle); only where it does and the wait \
                 goes on: dmsetup udevcookies, then dmsetup udevcomplete COOKIE"
            .into(),
        by_hand: false,
    })
}

/// Leaders of the processes all of whose tasks are stopped: one stopped thread may be a debugger's.
fn stopped(tasks: &[Task]) -> impl Iterator<Item = &Task> {
    let is_stopped = |task: &Task| task.state == TaskState::Stopped;
    tasks
        .iter()
        .filter(|leader| leader.tid == leader.pid)
        .filter(move |leader| tasks.iter().filter(|task| task.pid == leader.pid).all(is_stopped))
}

/// `/info` answers, and yet tasks have been in D state for so long that whoever waits for them hangs: `docker cp` into a frozen
/// filesystem, say.
pub(super) fn tasks_stuck(case: Case<'_>, unit: &Unit, stuck: &[StuckTask]) -> Option<Finding> {
    // Far longer than a busy disk keeps one task in every look.
    let long = case.settings.watch.silent_after.saturating_mul(4).as_secs();
    let mut stuck = stuck.to_vec();
    stuck.retain(|task| task.state_since_s >= long);
    let first = stuck.first()?;
    let (about, next) = match cause(&case.seen.daemon, unit, &stuck) {
        Some(cause) => (format!("; {}", cause.words), cause.remedy),
        None => (
            String::new(),
            "no deed without pool evidence; what they wait for is what the kernel function's name says".into(),
        ),
    };
    let tasks = match stuck.len() {
        1 => "a task of the unit is".to_owned(),
        count => format!("{count} tasks of the unit are"),
    };
    Some(
        Finding::warn(Code::DaemonTasksStuck, &unit.name)
            .says(format!(
                "/info answers, but {tasks} in D state for {long} s and more: {}[{}] in {}{about}",
                first.comm, first.tid, first.wchan
            ))
            .at(format!("pid {}", first.pid))
            .next(next),
    )
}
