//! What a service costs while nothing is wrong: processor time, wake-ups and memory of all its processes together.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::host::Host;

/// The guard: the main process, the helper and all errands.
const GUARD: &str = "thinguard.service";

/// Where systemd keeps the control group of a service.
const GROUPS: &str = "/sys/fs/cgroup/system.slice";

/// What a stretch of time cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Processor time of the whole control group, errands that have ended among it, in milliseconds.
    pub cpu_ms: f64,
    /// How often one of the threads that live on went to sleep, and so was woken.
    pub wake_ups: u64,
    /// Processes that were made in that time, over the whole host: errands, and whoever else forks.
    pub forks: u64,
    /// How long it was by the host's own clock, in seconds. An emulated clock may be slower than the one here.
    pub seconds: f64,
}

/// Watches the guard for so long.
pub fn cost(host: &mut Host, time: Duration) -> Result<Cost> {
    cost_of(host, GUARD, time)
}

/// Watches a service for so long.
pub fn cost_of(host: &mut Host, service: &str, time: Duration) -> Result<Cost> {
    let before = counters(host, service)?;
    host.pass(time);
    let after = counters(host, service)?;
    Ok(Cost {
        cpu_ms: after.cpu_ms - before.cpu_ms,
        wake_ups: after.wake_ups - before.wake_ups,
        forks: after.forks - before.forks,
        seconds: after.seconds - before.seconds,
    })
}

fn counters(host: &mut Host, service: &str) -> Result<Cost> {
    let said = host.sh(&format!(
        "GROUP={GROUPS}/{service}; awk '/usage_usec/ {{print $2}}' $GROUP/cpu.stat; \
         for pid in $(cat $GROUP/cgroup.procs); do cat /proc/$pid/task/*/status 2>/dev/null; done | \
         awk '/^voluntary_ctxt_switches/ {{n += $2}} END {{print n}}'; awk '/^processes/ {{print $2}}' /proc/stat; \
         awk '{{print int($1 * 1000)}}' /proc/uptime"
    ))?;
    let mut figures = said.lines().map(str::parse::<u64>);
    let mut next = || figures.next().context("a counter is missing")?.context("not a counter");
    Ok(Cost {
        cpu_ms: next()? as f64 / 1000.0,
        wake_ups: next()?,
        forks: next()?,
        seconds: next()? as f64 / 1000.0,
    })
}

/// Memory of all the guard's processes in KiB, each page counted once (proportional set size); and the part that is locked in.
pub fn memory_kib(host: &mut Host) -> Result<(u64, u64)> {
    memory_kib_of(host, GUARD)
}

/// The same of a service. A child that lives for milliseconds is in one reading and not in the next, so it is the middle one of seven.
pub fn memory_kib_of(host: &mut Host, service: &str) -> Result<(u64, u64)> {
    let said = host.sh(&format!(
        "GROUP={GROUPS}/{service}; for i in 1 2 3 4 5 6 7; do \
         for pid in $(cat $GROUP/cgroup.procs); do cat /proc/$pid/smaps_rollup 2>/dev/null; done | \
         awk '/^Pss:/ {{pss += $2}} /^Locked:/ {{locked += $2}} END {{print pss, locked}}'; sleep 0.3; done | sort -n | sed -n 4p"
    ))?;
    let (pss, locked) = said.trim().split_once(' ').context("no memory figures")?;
    Ok((pss.parse()?, locked.parse()?))
}

/// A shell that makes processes, reads what the kernel says, and ends them, as a guard at rest does; then it tells its times.
const PROCESSES: &str = "i=0; while [ $i -lt 500 ]; do (read -r x < /proc/self/stat); i=$((i + 1)); done; times";

/// Processor time in seconds that this shell takes in the host just now: an emulated one whose computer has other work takes longer for
/// the same.
pub fn cost_of_processes(host: &mut Host) -> Result<f64> {
    processor_time(&host.sh(&format!("dash -c '{PROCESSES}'"))?)
}

/// All that `times` says: of the shell and its children, in user and in kernel mode; in seconds.
fn processor_time(said: &str) -> Result<f64> {
    said.split_whitespace()
        .map(|word| {
            let (minutes, seconds) = word.split_once('m').context("not a time")?;
            Ok(minutes.parse::<f64>()? * 60.0 + seconds.trim_end_matches('s').parse::<f64>()?)
        })
        .sum()
}
