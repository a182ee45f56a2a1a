//! `cargo lab demo`: the main job on one screen: a pool that grows before it runs out, and a hang that growth cures.

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::host::Host;
use crate::machine::Snapshot;
use crate::{fault, progress, snapshots, watch};

/// Shows both, step by step, with what the guard itself says.
pub fn demo() -> Result<ExitCode> {
    let mut host = snapshots::restored(Snapshot::Running)?;
    progress::step("builds thinguard as it is released", || host.build_guard())?;
    let begun = Instant::now();
    prevention(&mut host)?;
    host.restore(Snapshot::Low);
    cure(&mut host)?;
    println!(
        "\nThat was it, in {:.0} s. `cargo lab shell` gives you such a host to play with.",
        begun.elapsed().as_secs_f32()
    );
    Ok(ExitCode::SUCCESS)
}

fn prevention(host: &mut Host) -> Result<()> {
    heading("1. A pool that grows before it runs out");
    let daemon = host.dockerd()?;
    let first = host.pool_status()?.data.total;
    println!(
        "A Docker host on a loop-lvm pool of {} MiB. The guard is started:",
        first >> 4
    );
    host.install_guard()?;
    watch::start(host)?;
    let mut told = tell_news(host, 0)?;
    println!("Two containers write three times that, as fast as they can:");
    // All are started before any writes: the kernel activates no thin device in the moment in which a growth has the pool suspended.
    for name in fault::WRITERS {
        host.sh(&format!(
            "docker run -d --name {name} --network none busybox sleep 100000"
        ))?;
    }
    for name in fault::WRITERS {
        host.sh(&format!(
            "docker exec -d {name} dd if=/dev/zero of=/f bs=4M count=192 oflag=direct conv=fsync"
        ))?;
    }
    let limit = Instant::now() + Duration::from_secs(240);
    loop {
        let pool = host.pool_status()?;
        bar(pool.data.used, pool.data.total, &pool.mode);
        ensure!(pool.mode == "rw", "the pool ran out");
        told = tell_news(host, told)?;
        if pool.data.used >= 3 * first - first / 16 {
            break;
        }
        ensure!(Instant::now() < limit, "the containers are too slow");
        thread::sleep(Duration::from_secs(4));
    }
    let running = host.sh("docker ps --quiet | wc -l")?;
    ensure!(
        running.trim() == "2" && host.dockerd()? == daemon,
        "a container or the daemon has ended"
    );
    println!(
        "Both containers run, dockerd is the same process ({}), and the pool was never full.",
        daemon.pid
    );
    Ok(())
}

fn cure(host: &mut Host) -> Result<()> {
    heading("2. The hang of the field reports, cured by growth");
    println!(
        "A fresh host, no guard. Two containers fill the pool; then `docker rm -f` has dockerd unmount their layers:"
    );
    let mut hang = fault::hang_dockerd(host, Duration::from_secs(5))?;
    let pool = host.pool_status()?;
    bar(pool.data.used, pool.data.total, &pool.mode);
    println!(
        "dockerd (process {}) has its thread {} in D state in {}; `docker info` is silent, and would be for ever.",
        hang.daemon.pid, hang.task.tid, hang.task.wchan
    );
    host.install_guard()?;
    println!("The guard is started:");
    let seconds = watch::start_and_await_info(host)?;
    host.wait_for("docker rm to come back", Duration::from_secs(60), |host| {
        hang.remove.done(host)
    })?;
    tell_news(host, 0)?;
    let pool = host.pool_status()?;
    bar(pool.data.used, pool.data.total, &pool.mode);
    ensure!(host.dockerd()? == hang.daemon, "dockerd was restarted");
    println!(
        "`docker info` answered {seconds:.1} s after the guard's start, `docker rm` has come back, and dockerd is still process {}.",
        hang.daemon.pid
    );
    Ok(())
}

fn heading(text: &str) {
    println!("\n{text}\n{}", "-".repeat(text.len()));
}

/// The guard's lines from number `told` on; gives the number of lines so far.
fn tell_news(host: &mut Host, told: usize) -> Result<usize> {
    let journal = watch::journal(host)?;
    for line in journal.lines().skip(told) {
        println!("    thinguard: {line}");
    }
    Ok(journal.lines().count())
}

fn bar(used: u64, total: u64, mode: &str) {
    let filled = (used * 40 / total.max(1)) as usize;
    println!(
        "  [{}{}] {:4} of {:4} MiB, {mode}",
        "#".repeat(filled),
        ".".repeat(40 - filled.min(40)),
        used >> 4,
        total >> 4
    );
}
