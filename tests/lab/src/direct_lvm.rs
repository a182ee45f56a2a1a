//! A pool of LVM's in the guest, made as Docker's documentation says, and ways to fill it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::host::{Host, Job};
use crate::pool::PoolStatus;

/// The pool's device-mapper name.
pub const POOL: &str = "docker-thinpool";

/// What the kernel's log says after each writing.
pub const WRITTEN: &str = "ballast written";

/// Growth takes this long at the most on a busy emulated host: each command of LVM's needs a second or more.
const GROWTH: Duration = Duration::from_secs(120);

/// A volume group of 3 GiB on a loop device, a pool of 512 MiB in it, and Docker's configuration for it. Docker must be stopped.
/// LVM's own extension is off, as it is where nobody has set it.
pub fn set_up(host: &mut Host) -> Result<()> {
    let made = host.sh_timeout(
        "set -e; truncate -s 4G /var/lib/pv.img; loop=$(losetup -f --show /var/lib/pv.img); \
         pvcreate -q $loop; vgcreate -q docker $loop; \
         lvcreate -q --wipesignatures y -n thinpool docker -L 512M; lvcreate -q --wipesignatures y -n thinpoolmeta docker -L 16M; \
         lvconvert -q -y --zero n -c 512K --thinpool docker/thinpool --poolmetadata docker/thinpoolmeta; \
         sed -i -e 's,dm.loopdatasize=512M,dm.thinpooldev=/dev/mapper/docker-thinpool,' -e 's/\"dm.loopmetadatasize=64M\", //' \
         -e 's/dm.basesize=3G/dm.basesize=1G/' -e '1a \"data-root\": \"/var/lib/docker-lvm\",' /etc/docker/daemon.json; \
         echo 300 > /proc/sys/kernel/hung_task_timeout_secs",
        Duration::from_secs(180),
    )?;
    ensure!(made.ok(), "{made:?}");
    Ok(())
}

/// Starts Docker on the new pool, with the image that the other hosts have.
pub fn start_docker(host: &mut Host) -> Result<()> {
    let started = host.sh_timeout(
        "set -e; systemctl start docker.service; docker import --change 'CMD [\"sh\"]' /root/busybox.tar busybox",
        Duration::from_secs(180),
    )?;
    ensure!(started.ok(), "{started:?}");
    Ok(())
}

/// Sets the threshold of LVM's own extension by a profile, as Docker's documentation says; 100 is off. A dmeventd that has read a
/// profile goes by it until it ends, so off is to be unmonitored too.
pub fn autoextend(host: &mut Host, threshold: u8) -> Result<()> {
    let monitor = if threshold < 100 { "y" } else { "n" };
    let set = host.sh_timeout(
        &format!(
            "printf 'activation {{\\nthin_pool_autoextend_threshold={threshold}\\nthin_pool_autoextend_percent=20\\n}}\\n' \
             > /etc/lvm/profile/docker-thinpool.profile && lvchange --metadataprofile docker-thinpool docker/thinpool && \
             lvchange --monitor {monitor} docker/thinpool"
        ),
        Duration::from_secs(120),
    )?;
    ensure!(set.ok(), "{set:?}");
    Ok(())
}

/// The status of the pool, read without flushing.
pub fn pool_status(host: &mut Host) -> Result<PoolStatus> {
    let said = host.sh(&format!("dmsetup status --noflush {POOL}"))?;
    PoolStatus::parse_only(POOL, said.trim())
}

/// Writes until so many hundredths of the pool as it is now are used, past the page cache. What is written comes after what was
/// written before. At an ordinary rate: for faster writers the guard grows more than once.
pub fn fill(host: &mut Host, percent: u64) -> Result<()> {
    const AT_ONCE: u64 = 8;
    let pool = pool_status(host)?;
    // A block has 512 KiB.
    let wanted = (pool.data.total * percent / 100).saturating_sub(pool.data.used) / 2;
    run(host, &write(wanted, AT_ONCE))
}

/// Writes so much as fast as the host can, full pool or not.
pub fn write_mebibytes(host: &mut Host, mebibytes: u64) -> Result<()> {
    run(host, &write(mebibytes, mebibytes))
}

/// Writes 16 MiB more than the pool has room for; the last of them wait until it has grown.
pub fn fill_past_the_end(host: &mut Host) -> Result<Job> {
    let pool = pool_status(host)?;
    let mebibytes = (pool.data.total - pool.data.used) / 2 + 16;
    host.spawn(&write(mebibytes, mebibytes))
}

fn run(host: &mut Host, script: &str) -> Result<()> {
    let wrote = host.sh_timeout(script, Duration::from_secs(300))?;
    ensure!(wrote.ok(), "{wrote:?}");
    Ok(())
}

/// A script that writes so many MiB through a thin device of its own that Docker never meets, and rests after each `at_once` of them.
fn write(mebibytes: u64, at_once: u64) -> String {
    format!(
        "[ -e /dev/mapper/ballast ] || {{ dmsetup message {POOL} 0 'create_thin 200001' && \
         dmsetup create ballast --table '0 8388608 thin /dev/mapper/{POOL} 200001' && echo 0 > /root/written; }} && \
         at=$(cat /root/written) && end=$((at + {mebibytes})) && while [ $at -lt $end ]; do \
         count=$((end - at)); [ $count -le {at_once} ] || count={at_once}; \
         dd if=/dev/zero of=/dev/mapper/ballast bs=1M seek=$at count=$count oflag=direct conv=notrunc status=none || exit 1; \
         at=$((at + count)); [ $at -eq $end ] || sleep 0.3; done && \
         echo {WRITTEN} > /dev/kmsg && echo $end > /root/written"
    )
}

/// Waits until the data device has more than `before` blocks; gives the seconds waited and the status then.
pub fn await_growth(host: &mut Host, before: u64) -> Result<(f32, PoolStatus)> {
    let begun = Instant::now();
    let pool = host
        .wait_for("the pool to grow", GROWTH, |host| {
            let pool = pool_status(host)?;
            Ok((pool.data.total > before).then_some(pool))
        })
        .with_context(|| format!("from {before} blocks"))?;
    Ok((begun.elapsed().as_secs_f32(), pool))
}
