//! The failures that thinguard ends, made on purpose; each function proves that it did what it says.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::host::{Host, Job};
use crate::pool::Daemon;
use crate::times::Purpose;

/// Containers that fill the pool, by name.
pub const WRITERS: &[&str] = &["writer-1", "writer-2"];

/// Where a thread of dockerd waits for ever when XFS cannot write back its log items.
pub const STUCK_IN: &str = "xfs_ail_push_all_sync";

/// A thread in D state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StuckTask {
    pub tid: u32,
    pub wchan: String,
}

/// A daemon that hangs: which one, where, and the docker command that waits for it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Hang {
    pub daemon: Daemon,
    pub task: StuckTask,
    pub remove: Job,
    /// The guest's uptime in seconds when dockerd was last seen not to hang yet.
    pub not_before: f64,
}

/// The hang of a host that was restored to the state `Hung`.
pub fn hung(host: &Host) -> Result<Hang> {
    let file = host.hang_file();
    let text = std::fs::read(&file).with_context(|| file.display().to_string())?;
    Ok(serde_json::from_slice(&text)?)
}

/// Waits for the kernel's own report of the hang. It looks every 20 s here, and says 20, 21 or more seconds.
pub fn await_kernels_report(host: &mut Host, hang: &Hang) -> Result<String> {
    let report = format!("INFO: task dockerd:{} blocked for more than", hang.task.tid);
    host.wait_for("the kernel's report of a hung task", Duration::from_secs(90), |host| {
        Ok(host.sh("dmesg")?.contains(&report).then_some(()))
    })?;
    Ok(report)
}

/// Containers write until the pool has no free block. They stay, and so do their mounted layers.
pub fn fill_pool(host: &mut Host) -> Result<()> {
    host.spending(Purpose::Writing, |host| {
        start_writers(host)?;
        until_full(host)
    })
}

/// Containers that are about to write, and so little left in the pool that they will fill it in seconds.
pub fn start_writers(host: &mut Host) -> Result<()> {
    // XFS writes its log items back every 30 s: on a slow computer some would be back before the pool is full, and nothing would hang.
    host.sh("rm -rf /root/go && mkdir /root/go && echo 720000 > /proc/sys/fs/xfs/xfssyncd_centisecs")?;
    for name in WRITERS {
        // They begin together, or the second one's mount would wait for the pool that the first has filled. They outlive their
        // `dd`, or dockerd would unmount their layers before the fault has been set up.
        host.sh(&format!(
            "docker run -d --name {name} --network none -v /root/go:/go busybox \
             sh -c 'until [ -e /go/now ]; do sleep 1; done; dd if=/dev/zero of=/fill bs=1M count=100; exec sleep 100000'"
        ))?;
    }
    ballast(host, 64 << 20)
}

/// Lets these containers write, until the pool has no free block. They stay, and so do their mounted layers.
pub fn finish_filling(host: &mut Host) -> Result<()> {
    host.spending(Purpose::Writing, until_full)
}

fn until_full(host: &mut Host) -> Result<()> {
    host.sh("touch /root/go/now")?;
    host.wait_for("the pool to be full", Duration::from_secs(240), |host| {
        let pool = host.pool_status()?;
        Ok((pool.mode == "out_of_data_space").then_some(()))
    })?;
    let pool = host.pool_status()?;
    ensure!(
        pool.data.used == pool.data.total,
        "out of data space with free blocks: {pool:?}"
    );
    Ok(())
}

/// Fills the pool up to so many bytes, through a thin device of its own that Docker never meets: writing without a filesystem and
/// a page cache above takes an emulated host a tenth of the time. What counts, the last blocks, is left to containers.
pub fn ballast(host: &mut Host, leave: u64) -> Result<()> {
    host.spending(Purpose::Writing, |host| write_ballast(host, leave))
}

fn write_ballast(host: &mut Host, leave: u64) -> Result<()> {
    let pool = host.pool_status()?;
    let free = (pool.data.total - pool.data.used) << 16;
    let chunks = free.saturating_sub(leave) >> 20;
    let name = &pool.name;
    let filled = host.sh_timeout(
        &format!(
            "id=$((200000 + $(date +%s) % 100000)); dmsetup message {name} 0 \"create_thin $id\" && \
             dmsetup create ballast --table \"0 8388608 thin /dev/mapper/{name} $id\" && \
             dd if=/dev/zero of=/dev/mapper/ballast bs=1M count={chunks} oflag=direct status=none && \
             dmsetup remove --retry ballast"
        ),
        Duration::from_secs(240),
    )?;
    ensure!(filled.ok(), "the ballast could not be written: {filled:?}");
    Ok(())
}

/// The whole failure of the field reports on a host whose writers are about to fill the pool (`Low`). `no_space_timeout` is how long a full pool holds
/// writes back before it fails them: 60 s on every kernel unless told otherwise; a shorter time makes a quicker test.
/// Measured under TCG beside a busy compiler, with 60 s: 152 s until the hang; 30 s later it was the same. `docker ps`
/// answers throughout.
pub fn hang_dockerd(host: &mut Host, no_space_timeout: Duration) -> Result<Hang> {
    let daemon = host.dockerd()?;
    set_no_space_timeout(host, no_space_timeout)?;
    finish_filling(host)?;
    watch_for_hang(host, daemon)?;
    let remove = hang_by_unmount(host)?;
    let task = host.wait_for("dockerd to hang", no_space_timeout + Duration::from_secs(120), |host| {
        Ok(stuck_tasks(host, daemon)?
            .into_iter()
            .find(|task| task.wchan == STUCK_IN))
    })?;
    ensure!(
        !info_answers(host, Duration::from_secs(5))?,
        "a thread is stuck and yet `docker info` answers"
    );
    ensure!(host.dockerd()? == daemon, "dockerd was restarted meanwhile");
    let not_before = host.sh(&format!("cat {NOT_BEFORE}"))?.trim().parse()?;
    Ok(Hang {
        daemon,
        task,
        remove,
        not_before,
    })
}

/// Where the guest writes down when it last saw dockerd not to hang.
const NOT_BEFORE: &str = "/run/lab-not-before";

/// Has the guest itself watch for the hang: whoever asks from outside is late by seconds.
fn watch_for_hang(host: &mut Host, daemon: Daemon) -> Result<()> {
    let watcher = format!(
        "while read -r now rest < /proc/uptime; ! grep -qs {STUCK_IN} /proc/{}/task/*/wchan; do \
         echo $now > {NOT_BEFORE}; sleep 0.5; done",
        daemon.pid
    );
    host.spawn(&watcher).map(drop)
}

/// Stops every thread of dockerd, so that it answers nothing and no thread is in D state.
pub fn stop_by_signal(host: &mut Host) -> Result<()> {
    host.sh("kill -STOP $(systemctl show -p MainPID --value docker.service)")
        .map(drop)
}

/// Has `/info` hang for good, and nothing else: dockerd reads os-release for each, and to open a pipe waits for somebody to write to it.
pub fn hold_info(host: &mut Host) -> Result<()> {
    host.sh("rm /etc/os-release && mkfifo /etc/os-release").map(drop)
}

/// Lets `/info` go on.
pub fn release_info(host: &mut Host) -> Result<()> {
    host.sh(
        "mv /etc/os-release /etc/lab-held && ln -s ../usr/lib/os-release /etc/os-release && \
         timeout 10 sh -c 'echo ID=lab > /etc/lab-held'",
    )
    .map(drop)
}

/// Has everything hang that shows whether the storage driver hangs, while no thread is in D state: `/info`, and what describes an image,
/// whose file is a pipe as well. Nobody's hand is in it, and a restart ends it, for the stop puts the files back.
pub fn hold_driver(host: &mut Host) -> Result<()> {
    prepare_to_hold_driver(host)?;
    hold_info(host)?;
    host.sh(&format!(
        "mkdir -p {HELD}; cd {IMAGES} && for id in *; do mv $id {HELD}/ && mkfifo $id; done"
    ))
    .map(drop)
}

/// Lets it all go on.
pub fn release_driver(host: &mut Host) -> Result<()> {
    host.sh(&format!(
        "cd {IMAGES} && for id in *; do mv $id {HELD}/pipe && mv {HELD}/$id . && (timeout 1 sh -c 'echo > {HELD}/pipe' || true); done"
    ))?;
    release_info(host)
}

/// dockerd's images by their ids.
const IMAGES: &str = "/var/lib/docker/image/devicemapper/imagedb/content/sha256";
const HELD: &str = "/var/lib/docker/lab-held";

/// What puts the files back. To be done first where starts are counted: a reload of systemd forgets them.
pub fn prepare_to_hold_driver(host: &mut Host) -> Result<()> {
    const PUTS_BACK: &str = "/etc/systemd/system/docker.service.d/lab-held.conf";
    if host.sh(&format!("test -e {PUTS_BACK} || echo missing"))?.is_empty() {
        return Ok(());
    }
    host.put(
        PUTS_BACK,
        0o644,
        format!(
            "[Service]\nExecStopPost=/bin/ln -sfn ../usr/lib/os-release /etc/os-release\n\
             ExecStopPost=-/bin/sh -c 'mv -f {HELD}/* {IMAGES}/'\n"
        )
        .as_bytes(),
    )?;
    host.sh("systemctl daemon-reload").map(drop)
}

/// A service of the operator's that requires Docker: systemd stops it with Docker, and starts it again only where it restarts Docker itself.
pub fn require_docker(host: &mut Host) -> Result<()> {
    host.put(
        "/etc/systemd/system/lab-app.service",
        0o644,
        b"[Unit]\nRequires=docker.service\nAfter=docker.service\n[Service]\nExecStart=/bin/sleep infinity\n",
    )?;
    host.sh("systemctl daemon-reload; systemctl start lab-app")?;
    ensure!(app_is_up(host)?, "lab-app does not start");
    Ok(())
}

/// Has another such unit hang in its start, since it asks the daemon: its job stands in the way of Docker's stop.
pub fn hang_a_start(host: &mut Host) -> Result<()> {
    host.put(
        "/etc/systemd/system/lab-late.service",
        0o644,
        b"[Unit]\nRequires=docker.service\nAfter=docker.service\n\
          [Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/usr/bin/docker info\n",
    )?;
    host.sh("systemctl daemon-reload; systemctl start --no-block lab-late; sleep 1")?;
    let state = host.sh("systemctl show -p ActiveState --value lab-late")?;
    ensure!(
        state.trim() == "activating",
        "lab-late does not hang in its start: {state}"
    );
    let stop = host.sh_timeout("systemctl --job-mode=fail stop docker.service", Duration::from_secs(30))?;
    ensure!(
        stop.stderr.contains("destructive"),
        "systemd takes a stop beside it: {stop:?}"
    );
    Ok(())
}

/// Whether that service is active.
pub fn app_is_up(host: &mut Host) -> Result<bool> {
    Ok(host.sh("systemctl show -p ActiveState --value lab-app")?.trim() == "active")
}

/// How long a full pool holds writes back, for the whole host; 60 s by default.
pub fn set_no_space_timeout(host: &mut Host, timeout: Duration) -> Result<()> {
    let seconds = timeout.as_secs();
    host.sh(&format!(
        "echo {seconds} > /sys/module/dm_thin_pool/parameters/no_space_timeout"
    ))
    .map(drop)
}

/// On a full pool, lets XFS behave as on EL7, where it never gives up at unmount, and has dockerd unmount the writers.
pub fn hang_by_unmount(host: &mut Host) -> Result<Job> {
    let changed = host.sh("for file in /sys/fs/xfs/dm-*/error/fail_at_unmount; do echo 0 > $file; cat $file; done")?;
    ensure!(
        changed.lines().count() >= WRITERS.len(),
        "fewer mounted layers than writers: {changed:?}"
    );
    ensure!(
        changed.lines().all(|value| value == "0"),
        "XFS still gives up at unmount: {changed:?}"
    );
    host.spawn(&format!("docker rm -f {}", WRITERS.join(" ")))
}

/// The threads of dockerd that are in D state, with the kernel function they wait in.
pub fn stuck_tasks(host: &mut Host, daemon: Daemon) -> Result<Vec<StuckTask>> {
    let said = host.sh(&format!(
        "cd /proc/{}/task && for t in *; do \
         read -r line < $t/stat && state=${{line##*) }} && [ \"${{state%% *}}\" = D ] && echo $t $(cat $t/wchan); \
         done; true",
        daemon.pid
    ))?;
    said.lines()
        .map(|line| {
            let (tid, wchan) = line.split_once(' ').with_context(|| format!("not a task: {line:?}"))?;
            Ok(StuckTask {
                tid: tid.parse()?,
                wchan: wchan.to_owned(),
            })
        })
        .collect()
}

/// Whether `docker info`, which needs the storage driver's lock, answers in this time.
pub fn info_answers(host: &mut Host, limit: Duration) -> Result<bool> {
    let output = host.sh_timeout("docker info --format '{{.Driver}}'", limit)?;
    match output.code {
        None => Ok(false),
        Some(0) if output.stdout.trim() == "devicemapper" => Ok(true),
        Some(_) => bail!(
            "docker info fails rather than hangs: {}{}",
            output.stdout,
            output.stderr
        ),
    }
}
