//! The guard itself: killed, stopped, and with the filesystem below it frozen.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Scenario;
use crate::fault;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::watch;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "guard-killed-comes-back",
        about: "SIGKILL: systemd starts it again and it goes on growing",
        snapshot: Snapshot::Running,
        slow: None,
        run: killed_comes_back,
    },
    Scenario {
        name: "guard-stopped-is-restarted",
        about: "SIGSTOP: no heartbeat, so systemd's watchdog replaces it; of its helper: it notices and ends, and systemd starts it again",
        snapshot: Snapshot::Running,
        slow: Some("a helper is given 40 s"),
        run: stopped_is_restarted,
    },
    Scenario {
        name: "nobody-switches-it-off",
        about: "a user without rights and a program in a container try: locks, files, signals, notifications, a forged line of the kernel's",
        snapshot: Snapshot::Running,
        slow: None,
        run: nobody_switches_it_off,
    },
    Scenario {
        name: "guard-outlives-a-frozen-filesystem",
        about: "fsfreeze below the pool: a child of the guard hangs, its heartbeat and its restart do not; thawed, it grows",
        snapshot: Snapshot::Running,
        slow: None,
        run: outlives_a_frozen_filesystem,
    },
];

fn main_pid(host: &mut Host) -> Result<u32> {
    Ok(host
        .sh("systemctl show -p MainPID --value thinguard.service")?
        .trim()
        .parse()?)
}

fn is_active(host: &mut Host) -> Result<bool> {
    Ok(host
        .sh_timeout("systemctl is-active --quiet thinguard", Duration::from_secs(10))?
        .ok())
}

/// Waits for another guard than `old` that has said READY.
fn await_another(host: &mut Host, old: u32, limit: Duration) -> Result<u32> {
    host.wait_for("another guard", limit, |host| {
        let pid = main_pid(host)?;
        Ok((pid != 0 && pid != old && is_active(host)?).then_some(pid))
    })
}

/// Writes until the pool is low, so that a guard at work must grow it.
fn write_until_low(host: &mut Host) -> Result<()> {
    fault::ballast(host, 140 << 20)
}

fn killed_comes_back(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    watch::start(host)?;
    let first = host.pool_status()?.data.total;
    let old = main_pid(host)?;
    let begun = Instant::now();
    host.sh(&format!("kill -KILL {old}"))?;
    await_another(host, old, Duration::from_secs(30))?;
    figures.add("from SIGKILL to ready again", watch::seconds(begun), "s");
    let guards = host.sh("pgrep -xc thinguard")?;
    ensure!(
        guards.trim().parse::<u32>()? <= 4,
        "processes of the old guard are left over: {guards}"
    );
    write_until_low(host)?;
    host.wait_for("growth", Duration::from_secs(120), |host| {
        Ok((host.pool_status()?.data.total > first).then_some(()))
    })
}

fn stopped_is_restarted(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard_with(&[watch::OFTEN])?;
    watch::start(host)?;
    let old = main_pid(host)?;
    let begun = Instant::now();
    host.sh(&format!("kill -STOP {old}"))?;
    await_another(host, old, Duration::from_secs(90))?;
    figures.add("from SIGSTOP to another guard", watch::seconds(begun), "s");
    let journal = host.sh("journalctl -b -u thinguard -o cat --no-pager")?;
    ensure!(journal.contains("Watchdog timeout"), "not by the watchdog:\n{journal}");

    let old = main_pid(host)?;
    let begun = Instant::now();
    host.sh(&format!("kill -STOP $(pgrep -P {old} -x thinguard | head -n 1)"))?;
    await_another(host, old, Duration::from_secs(120))?;
    figures.add(
        "from SIGSTOP of the helper to another guard",
        watch::seconds(begun),
        "s",
    );
    let journal = host.sh("journalctl -b -u thinguard -o cat --no-pager")?;
    ensure!(
        journal.contains("the helper process has made no child"),
        "for another reason:\n{journal}"
    );
    let looks = host.sh("systemctl show -p StatusText --value thinguard")?;
    ensure!(looks.contains("docker answers"), "the new guard does not look: {looks}");
    Ok(())
}

/// An executable of 64-bit x86 that writes to address 0: the ELF header, one program header, `xor %eax,%eax; mov %eax,(%rax)`.
fn crasher() -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    for number in [BASE + 120, 64, 0] {
        file.extend(number.to_le_bytes());
    }
    file.extend(b"\0\0\0\0\x40\0\x38\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x05\0\0\0");
    for number in [0, BASE, BASE, 124, 124, 0x1000] {
        file.extend(number.to_le_bytes());
    }
    file.extend(b"\x31\xc0\x89\x00");
    file
}

/// What a user without rights, and whoever is in a container, can try: each try must fail, and the guard must go on.
fn nobody_switches_it_off(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    watch::start(host)?;
    let guard = main_pid(host)?;
    // Whoever wants to restart Docker or to run a drill opens these.
    host.sh("cd /run/thinguard; touch restart.lock drill.lock deed.lock; chmod 600 *.lock")?;
    let tries = [
        "flock -n /run/thinguard/watch.lock true".to_owned(),
        "flock -n /run/thinguard/restart.lock true".to_owned(),
        "flock -n /run/thinguard/deed.lock true".to_owned(),
        "flock -n /run/thinguard/drill.lock true".to_owned(),
        "touch /run/thinguard/deny-docker".to_owned(),
        "mv /run/thinguard/watch.lock /run/thinguard/away".to_owned(),
        "echo '{}' > /run/thinguard/restart-intent.json".to_owned(),
        format!("kill -STOP {guard}"),
        format!("kill -STOP $(pgrep -P {guard})"),
        format!("systemd-notify --pid={guard} WATCHDOG=trigger"),
        "thinguard watch".to_owned(),
        "thinguard grow --data +1G".to_owned(),
        "dmsetup suspend docker-pool".to_owned(),
        "systemctl stop thinguard".to_owned(),
    ];
    for attempt in &tries {
        let output = host.sh_timeout(
            &format!("timeout 10 setpriv --reuid 65534 --regid 65534 --clear-groups sh -c '{attempt}'"),
            Duration::from_secs(60),
        )?;
        ensure!(!output.ok(), "nobody may do this: {attempt}: {output:?}");
    }
    let status = host.sh_timeout(
        "setpriv --reuid 65534 --regid 65534 --clear-groups thinguard status",
        Duration::from_secs(60),
    )?;
    ensure!(
        !status.stdout.contains("not running"),
        "the guard runs, and nobody is told that it does not: {status:?}"
    );

    // A container speaks as the kernel does: the crash of a program of this name, in a file of that one.
    host.put("/root/crasher", 0o755, &crasher())?;
    host.sh(
        "mv /root/crasher '/root/Shutting down filesystem'; ln -s 'Shutting down filesystem' '/root/XFS (dm-3): '; \
         docker run --rm --network none -v /root:/go busybox sh -c '\"/go/XFS (dm-3): \"' || true",
    )?;
    let kernel = host.sh("dmesg")?;
    ensure!(
        kernel.contains("XFS (dm-3): [") && kernel.contains("in Shutting down filesystem["),
        "the kernel does not print it:\n{kernel}"
    );
    host.pass(Duration::from_secs(20));
    let journal = watch::journal(host)?;
    ensure!(
        !journal.contains("container-filesystem-shut-down"),
        "a container spoke for the kernel:\n{journal}"
    );

    ensure!(main_pid(host)? == guard && is_active(host)?, "the guard is another one");
    host.sh("systemctl restart thinguard")?;
    ensure!(is_active(host)?, "it does not start again");
    figures.add("tries of a user without rights", tries.len(), "");
    Ok(())
}

fn outlives_a_frozen_filesystem(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard_with(&[watch::OFTEN])?;
    let first = host.pool_status()?.data.total;
    write_until_low(host)?;
    host.sh("sync; fsfreeze --freeze /var/lib/docker")?;
    let result = frozen(host, figures);
    host.sh("fsfreeze --unfreeze /var/lib/docker")?;
    result?;
    host.wait_for("growth after the thaw", Duration::from_secs(60), |host| {
        Ok((host.pool_status()?.data.total > first).then_some(()))
    })?;
    ensure!(is_active(host)?, "the guard is gone");
    Ok(())
}

fn frozen(host: &mut Host, figures: &mut Figures) -> Result<()> {
    watch::start(host)?;
    let old = main_pid(host)?;
    // Longer than systemd's watchdog waits for a heartbeat.
    host.pass(Duration::from_secs(20));
    ensure!(
        is_active(host)? && main_pid(host)? == old,
        "the guard lost its heartbeat"
    );
    // Which child is stuck depends on who is first: the pool's status waits for a commit that the frozen loop file holds up, a
    // growth waits for the filesystem itself.
    let stuck = host.sh("ps -eo stat=,wchan:32=,comm= | grep '^D.*thinguard'")?;
    println!("    stuck: {}", stuck.trim().replace('\n', "; "));
    let journal = watch::journal(host)?;
    ensure!(
        journal.contains("look-stuck: ") || journal.contains("deed-failed: grow the data device"),
        "the guard did not tell:\n{journal}"
    );
    let size = host.sh("stat -c %s /var/lib/docker/devicemapper/devicemapper/data")?;
    ensure!(size.trim() == (512 << 20).to_string(), "grown on a frozen filesystem");
    let begun = Instant::now();
    let restarted = host.sh_timeout("systemctl restart thinguard", Duration::from_secs(30))?;
    ensure!(restarted.ok(), "systemctl restart thinguard: {restarted:?}");
    figures.add(
        "restart of the guard while a child of it is stuck",
        watch::seconds(begun),
        "s",
    );
    ensure!(main_pid(host)? != old, "the guard is the old one");
    Ok(())
}
