//! What the host is made of: packages, files, the steps up to each snapshot, and the key under which the result is kept.

use std::time::Duration;

/// Raise this when the code that builds the image changes in a way that the texts below do not show.
const FORMAT: u32 = 4;

/// Always this release, whatever the developer's: its dockerd, 20.10, is Debian's newest line with devicemapper.
pub const RELEASE: &str = "bookworm";

/// Size of the root filesystem, which is sparse.
pub const ROOT_SIZE: &str = "6G";

/// Size of the filesystem at /var/lib/docker: small enough to fill with `fallocate`, much larger than the pool's 1200 MB.
pub const DOCKER_SIZE: &str = "16G";

/// The largest file that can be put into the guest.
pub const PARCEL_SIZE: u64 = 64 << 20;

/// Without the HPET, which an emulated kernel would take for its clock: each reading of it stops all processors.
pub const MACHINE: &str = "pc,hpet=off";

/// For one program of the preparations.
pub const TOOL_LIMIT: Duration = Duration::from_secs(120);

/// Memory and processors of the host.
pub const MEMORY_MB: u32 = 3072;
pub const PROCESSORS: u32 = 2;

/// `apparmor=0` saves installing apparmor_parser, without which dockerd refuses containers. `mitigations=off` because page
/// table isolation makes every system call flush the emulator's TLB. The last three spare an emulated host a tenth of its work: page
/// tables of five levels to walk, pages to be cleared that are written next, and a record of each system call.
pub const KERNEL_LINE: &str = "root=/dev/vda rw console=ttyS0 apparmor=0 mitigations=off quiet systemd.show_status=0 panic=-1 \
                               no5lvl init_on_alloc=0 audit=0";

pub const PACKAGES: &[&str] = &[
    "systemd",
    "systemd-sysv",
    "udev",
    "dbus",
    "kmod",
    "util-linux",
    "linux-image-cloud-amd64",
    "initramfs-tools",
    "lz4",
    "docker.io",
    "xfsprogs",
    "e2fsprogs",
    "dmsetup",
    "thin-provisioning-tools",
    "lvm2",
    "procps",
    "strace",
    "fio",
    "busybox-static",
    "qemu-guest-agent",
    "jq",
    "rpm",
];

/// Not needed in the guest; they would only cost time and room.
pub const EXCLUDED: &[&str] = &[
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
];

/// Files that are there before the packages. The initramfs has what this machine's root disk needs: a large one takes an emulated host
/// seconds to unpack.
pub const EARLY_FILES: &[(&str, &str)] = &[
    ("/etc/initramfs-tools/conf.d/lab.conf", "MODULES=list\nCOMPRESS=lz4\n"),
    (
        "/usr/share/initramfs-tools/modules.d/lab",
        "virtio_pci\nvirtio_blk\next4\n",
    ),
];

/// A file of the host: path and content.
pub const FILES: &[(&str, &str)] = &[
    ("/etc/hostname", "lab\n"),
    ("/etc/hosts", "127.0.0.1 localhost lab\n"),
    (
        "/etc/fstab",
        "/dev/vda / ext4 defaults,noatime 0 0\n/dev/vdb /var/lib/docker ext4 defaults,noatime 0 0\n",
    ),
    // What systemd's generators would make of fstab and of the console: without them a reload of systemd takes half the time.
    (
        "/etc/systemd/system/var-lib-docker.mount",
        "[Unit]\nBefore=local-fs.target\n[Mount]\nWhat=/dev/vdb\nWhere=/var/lib/docker\nType=ext4\nOptions=noatime\n\
         [Install]\nRequiredBy=local-fs.target\n",
    ),
    // In memory, so that no scenario's journal waits for a disk that the scenario has filled or frozen.
    (
        "/etc/systemd/journald.conf.d/lab.conf",
        "[Journal]\nStorage=volatile\nRateLimitBurst=0\n",
    ),
    (
        "/etc/sysctl.d/90-lab.conf",
        "kernel.hung_task_timeout_secs = 20\nkernel.hung_task_warnings = -1\n",
    ),
    (
        "/etc/systemd/system/serial-getty@ttyS0.service.d/lab.conf",
        "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root --noclear --keep-baud 115200 - $TERM\n",
    ),
    (
        "/etc/docker/daemon.json",
        r#"{
  "storage-driver": "devicemapper",
  "storage-opts": ["dm.loopdatasize=512M", "dm.loopmetadatasize=64M", "dm.fs=xfs", "dm.basesize=3G"],
  "iptables": false,
  "bridge": "none",
  "ip-forward": false,
  "ip-masq": false
}
"#,
    ),
];

/// Run in the new tree, once all is installed. Docker waits: its first start belongs to the snapshot's steps.
pub const FINISH_TREE: &str = "\
systemctl disable docker.service docker.socket >/dev/null 2>&1
systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer dpkg-db-backup.timer \
    systemd-timesyncd.service systemd-logind.service e2scrub_reap.service modprobe@fuse.service modprobe@efi_pstore.service \
    modprobe@drm.service dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
    sys-kernel-config.mount sys-fs-fuse-connections.mount >/dev/null 2>&1
systemctl enable var-lib-docker.mount serial-getty@ttyS0.service >/dev/null 2>&1
rm -f /lib/systemd/system-generators/*
passwd -d root >/dev/null
: > /etc/machine-id
cp -L /vmlinuz /boot/lab-kernel
cp -L /initrd.img /boot/lab-initrd
rm -rf /var/cache/apt /var/lib/apt/lists/* /var/log/journal
";

/// From a booted host to the snapshot `running`: dockerd up, pool live, an image there, no container.
pub const TO_RUNNING: &str = "\
set -e
mountpoint -q /var/lib/docker
systemctl start docker.service
tree=$(mktemp -d)
mkdir -p $tree/bin $tree/etc $tree/tmp $tree/proc $tree/sys $tree/dev
cp /bin/busybox $tree/bin/busybox
$tree/bin/busybox --install $tree/bin
tar -C $tree -cf /root/busybox.tar .
rm -rf $tree
docker import --change 'CMD [\"sh\"]' /root/busybox.tar busybox
docker run --rm --network none busybox true
docker info >/dev/null
[ -z \"$(docker ps -aq)\" ]
dmsetup status --noflush | grep -q -- '-pool: .* thin-pool .* rw '
sync
";

/// From `running` to the snapshot `stopped`: no dockerd, no socket that would start it, no pool, no loop devices.
pub const TO_STOPPED: &str = "\
set -e
systemctl stop docker.socket docker.service
for i in $(seq 100); do
    dmsetup ls | grep -q docker- || [ -n \"$(losetup -l --noheadings)\" ] || break
    sleep 0.1
done
! dmsetup ls | grep docker-
[ -z \"$(losetup -l --noheadings)\" ]
sync
";

/// From `stopped` to the snapshot `small`: a new pool of 128 MiB, with metadata that some dozen snapshots fill.
pub const TO_SMALL: &str = "\
set -e
rm -rf /var/lib/docker/devicemapper /var/lib/docker/image
sed -i 's/loopdatasize=512M/loopdatasize=128M/; s/loopmetadatasize=64M/loopmetadatasize=2M/' /etc/docker/daemon.json
systemctl start docker.service
docker import --change 'CMD [\"sh\"]' /root/busybox.tar busybox
docker run --rm --network none busybox true
dmsetup status --noflush | grep -q -- '-pool: .* thin-pool .* rw '
sync
";

/// The other states are made by code, in `snapshots.rs` and `fault.rs`. Raise this number when that code changes.
const STATES: u32 = 2;

/// The key of the root tree.
pub fn tree_key() -> String {
    let mut text = format!("{FORMAT}\n{RELEASE}\n{ROOT_SIZE}\n{FINISH_TREE}\n");
    text.extend(PACKAGES.iter().chain(EXCLUDED).map(|word| format!("{word}\n")));
    text.extend(
        EARLY_FILES
            .iter()
            .chain(FILES)
            .map(|(path, content)| format!("{path}\n{content}\n")),
    );
    key(&text)
}

/// The key of the snapshots, which are tied to the `machine` too: QEMU, the accelerator, the processor.
pub fn host_key(tree: &str, machine: &str) -> String {
    key(&format!(
        "{tree}\n{machine}\n{DOCKER_SIZE}\n{MEMORY_MB}\n{PROCESSORS}\n{KERNEL_LINE}\n{MACHINE}\n{STATES}\n{TO_RUNNING}\n{TO_STOPPED}\n{TO_SMALL}\n"
    ))
}

/// FNV-1a: the standard library's hash may change with the compiler, and then every image would be built anew.
fn key(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    format!("{hash:016x}")
}
