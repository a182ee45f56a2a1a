//! Progress: slow is not stuck. What only a daemon at work changes resets the count of its silence.
//!
//! A full device fills no further, and a container may fill it while the daemon hangs: that more is used is no sign of the daemon's
//! life. That less is used is one only while a task of the daemon's discards blocks: fstrim and `discard` mounts free them too.

use super::{Case, Memory};
use crate::model::{Probe, Seen, Snapshot, StuckTask, Task};
use std::time::Duration;

/// A task that was in D state for this long and came out of it has done something; shorter waits are every writer's.
pub(super) const LONG_WAIT: Duration = Duration::from_secs(5);

impl Memory {
    /// For how long `/info` must be silent to be judged. A task of the daemon's that stays in D state on a pool that is in trouble
    /// says why it is silent, so that a shorter time will do; no deed follows from it, and any sign of life puts it off.
    pub(super) fn patience(&self, case: Case<'_>, stuck: &[StuckTask]) -> Duration {
        let in_full = case.settings.watch.silent_after;
        let sooner = in_full * 2 / 3;
        let pool_in_trouble = self.kept.incident.is_some_and(|incident| incident.cured.is_none());
        let stays_in_d = stuck.iter().any(|task| task.state_since_s >= LONG_WAIT.as_secs());
        match pool_in_trouble && stays_in_d && self.progress.silence(case.seen, case.now) >= Some(sooner) {
            true => sooner,
            false => in_full,
        }
    }
}

/// The newest sign of life, and what the next look is compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Progress {
    last: Option<Duration>,
    /// The newest sign that whoever holds the driver's lock gets on.
    worked: Option<Duration>,
    /// Docker counts it up with each device that it makes or removes.
    transaction_id: Option<u64>,
    used_blocks: Option<u64>,
    ping_silent: bool,
    /// The daemon that has answered `/info` once: it has started.
    started: Option<u32>,
    /// From when on its silence was looked at.
    watched: Option<Duration>,
    /// The three kinds of silence at the newest look: whole, without a sign of life, without a sign of work.
    at_look: [Duration; 3],
}

impl Progress {
    /// Compares this look with the one before. `came_out`: a task has left D state after a long wait.
    pub fn learn(&mut self, seen: &Snapshot, came_out: bool, now: Duration) {
        let mut moved = came_out;
        if let Some(pool) = seen.pool() {
            moved |= self.transaction_id.is_some_and(|before| before != pool.transaction_id);
            let freed = self.used_blocks.is_some_and(|before| pool.data.used_blocks < before);
            moved |= freed && daemon_discards(seen);
            self.transaction_id = Some(pool.transaction_id);
            self.used_blocks = Some(pool.data.used_blocks);
        }
        if moved {
            self.worked = Some(now);
        }
        // It answers this without the driver: a sign of life, and none of work.
        let silent = matches!(seen.daemon.ping, Probe::Silent(waited) if waited >= Duration::from_secs(1));
        moved |= self.ping_silent && matches!(seen.daemon.ping, Probe::Answered { .. });
        self.ping_silent = silent || (self.ping_silent && matches!(seen.daemon.ping, Probe::Silent(_)));
        if let (Seen::Known(unit), Probe::Answered { .. }) = (&seen.daemon.unit, &seen.daemon.info) {
            self.started = Some(unit.main_pid);
        }
        if moved {
            self.last = Some(now);
        }
        let kinds = [
            self.waited(seen, now),
            self.silence(seen, now),
            self.stands_still(seen, now),
        ];
        self.at_look = kinds.map(Option::unwrap_or_default);
    }

    /// Nobody has looked for longer than `credit` until now.
    pub fn leave_out(&mut self, credit: Duration, now: Duration) {
        for (sign, silence) in [&mut self.watched, &mut self.last, &mut self.worked]
            .into_iter()
            .zip(self.at_look)
        {
            let counted = now.saturating_sub(silence.saturating_add(credit));
            *sign = Some(sign.map_or(counted, |at| at.max(counted)));
        }
    }

    /// How long `/info` has been silent, as far as somebody looked.
    pub fn waited(&self, seen: &Snapshot, now: Duration) -> Option<Duration> {
        waited_since(self.watched, seen, now)
    }

    /// How long `/info` has waited without a sign that the driver is at work.
    pub fn stands_still(&self, seen: &Snapshot, now: Duration) -> Option<Duration> {
        waited_since(self.worked, seen, now)
    }

    /// How long the daemon has been silent without a sign of life.
    pub fn silence(&self, seen: &Snapshot, now: Duration) -> Option<Duration> {
        waited_since(self.last, seen, now)
    }

    /// Whether this daemon has ever answered.
    pub fn has_started(&self, main_pid: u32) -> bool {
        self.started == Some(main_pid)
    }
}

/// A task of the daemon's is in the kernel to have a device discard blocks: it removes an image or a container.
fn daemon_discards(seen: &Snapshot) -> bool {
    let stacks = seen.evidence.stacks.known().map(Vec::as_slice).unwrap_or_default();
    let stack_of = |task: &Task| {
        stacks
            .iter()
            .find(|stack| (stack.tid, stack.start_ticks) == (task.tid, task.start_ticks))
    };
    seen.daemon.in_d().any(|task| {
        is_discard(&task.wchan)
            || stack_of(task).is_some_and(|stack| stack.frames.iter().any(|frame| is_discard(frame)))
    })
}

/// `blkdev_issue_discard`, `blk_ioctl_discard`, `blkdev_common_ioctl` calling the former: block/blk-lib.c and block/ioctl.c, 3.10 to 6.19.
fn is_discard(function: &str) -> bool {
    function.starts_with("blkdev_issue_discard") || function.starts_with("blk_ioctl_discard")
}

/// How long `/info` has waited, as far as that was after this sign.
fn waited_since(sign: Option<Duration>, seen: &Snapshot, now: Duration) -> Option<Duration> {
    let waited = seen.daemon.info.silent_for()?;
    Some(sign.map_or(waited, |at| waited.min(now.saturating_sub(at))))
}
