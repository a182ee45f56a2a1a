//! Faults of what the guard asks and tells: journald, D-Bus, systemd, `/run`, the daemon, the clock.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::table::{self, Case, Ends};
use crate::figures::Figures;
use crate::host::Host;
use crate::watch;

const CASES: &[Case] = &[
    Case {
        name: "host filesystem full",
        make: "free=$(df --output=avail -B1 /var/lib/docker | tail -n 1); \
               fallocate -l $((free - 900 * 1048576)) /var/lib/docker/filler",
        said: &["host-filesystem-full: "],
        shown: "host room 0 B",
        done: &[],
        undo: "rm /var/lib/docker/filler",
        over: &["host-filesystem-full: "],
    },
    Case {
        name: "D-Bus gone and its daemon stopped",
        make: "mv /run/dbus/system_bus_socket /run/dbus/away; kill -STOP $(pidof dbus-daemon)",
        said: &[],
        shown: "docker answers in",
        done: &[],
        undo: "kill -CONT $(pidof dbus-daemon); mv /run/dbus/away /run/dbus/system_bus_socket",
        over: &[],
    },
    Case {
        name: "systemd executed anew",
        make: "for i in 1 2 3; do systemctl daemon-reexec; sleep 1; done",
        said: &[],
        shown: "docker answers in",
        done: &[],
        undo: "true",
        over: &[],
    },
    Case {
        name: "/run full while the pool is suspended",
        make: "mount -t tmpfs -o size=4k tmpfs /run/thinguard; echo full > /run/thinguard/filler; \
               dmsetup suspend --noflush $(dmsetup ls --target thin-pool | cut -f 1)",
        said: &["pool-suspended: ", "the restart budget would not survive the guard"],
        shown: "",
        done: &[("resume the suspended pool", Ends::Done)],
        // The guard may be writing there just then.
        undo: "umount --lazy /run/thinguard",
        over: &[],
    },
    Case {
        name: "journald restarted",
        make: "systemctl restart systemd-journald",
        said: &[],
        shown: "docker answers in",
        done: &[],
        undo: "dmsetup suspend --noflush $(dmsetup ls --target thin-pool | cut -f 1)",
        over: &["deed-done: resume the suspended pool"],
    },
    Case {
        name: "daemon dead",
        make: "mkdir -p /run/systemd/system/docker.service.d; \
               printf '[Service]\\nRestart=no\\n' > /run/systemd/system/docker.service.d/lab.conf; systemctl daemon-reload; \
               kill -KILL $(systemctl show -p MainPID --value docker.service)",
        said: &["daemon-failed: "],
        shown: "docker.service is failed",
        done: &[],
        // A question to the socket would have had systemd start it again.
        undo: "! pgrep -x dockerd && [ $(systemctl is-active docker.service) = failed ] && \
               [ $(systemctl is-active docker.socket) = active ] && systemctl start docker.service",
        over: &[],
    },
    Case {
        name: "clock set back",
        make: "date -s '-2 hours'",
        said: &[],
        shown: "docker answers in",
        done: &[],
        undo: "date -s '+2 hours'",
        over: &[],
    },
    Case {
        name: "clock set forward",
        make: "date -s '+3 days'",
        said: &[],
        shown: "docker answers in",
        done: &[],
        undo: "date -s '-3 days'",
        over: &[],
    },
];

pub fn run(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard_with(&[watch::OFTEN])?;
    host.put("/etc/thinguard.d/50-lab.toml", 0o644, table::HURRY.as_bytes())?;
    watch::start(host)?;
    is_made_for_trouble(host, figures)?;
    table::run(host, CASES)?;
    journald_stopped(host)
}

/// The guard and its helper: memory locked, and the last to be shot.
fn is_made_for_trouble(host: &mut Host, figures: &mut Figures) -> Result<()> {
    let said = host.sh(
        "main=$(systemctl show -p MainPID --value thinguard); for pid in $main $(pgrep -P $main); do \
           echo $(grep VmLck /proc/$pid/status) oom $(cat /proc/$pid/oom_score_adj) $(grep ^Pss: /proc/$pid/smaps_rollup); done",
    )?;
    let mut pss = 0;
    for line in said.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let ["VmLck:", locked, "kB", "oom", score, "Pss:", share, "kB"] = fields[..] else {
            anyhow::bail!("cannot read: {line}");
        };
        ensure!(score == "-900", "it may be shot when memory runs out: {line}");
        ensure!(locked != "0", "its memory is not locked: {line}");
        pss += share.parse::<u32>()?;
    }
    ensure!(said.lines().count() == 2, "not two processes: {said}");
    figures.add("locked memory of guard and helper (PSS)", pss, "KiB");
    Ok(())
}

/// journald takes nothing while the pool must be resumed (each sender fills only as much of its queue as its own buffer holds, so there
/// are six): the deed is done, its words go to the kernel's log at once and to the journal later, and nothing is executed for any of it.
fn journald_stopped(host: &mut Host) -> Result<()> {
    let guard = table::who(host)?;
    let before = table::lines(host)?.len();
    host.sh(
        "strace -f -qq -e trace=execve,execveat,ioctl -o /root/calls $(pgrep -x thinguard | sed 's/^/-p /') > /dev/null 2>&1 & \
         sleep 1; dmesg --clear; kill -STOP $(pidof systemd-journald); \
         for filler in 1 2 3 4 5 6; do perl -MSocket -e 'socket(my $s, PF_UNIX, SOCK_DGRAM, 0); my $to = sockaddr_un(\"/run/systemd/journal/socket\"); \
           1 while send($s, \"MESSAGE=filler\\n\", MSG_DONTWAIT, $to)'; done; \
         dmsetup suspend --noflush $(dmsetup ls --target thin-pool | cut -f 1)",
    )?;
    let resumed = host.wait_for("the pool to be resumed", Duration::from_secs(60), |host| {
        let suspended =
            host.sh("dmsetup info -c --noheadings -o suspended $(dmsetup ls --target thin-pool | cut -f 1)")?;
        Ok((suspended.trim() == "Active").then_some(()))
    });
    let beat = table::beats(host, &guard).and_then(|()| table::beats(host, &guard));
    let kernel = host.sh("dmesg")?;
    host.sh("kill -CONT $(pidof systemd-journald); kill $(pidof strace)")?;
    resumed.and(beat)?;
    ensure!(
        kernel.contains("thinguard: deed-begun: resume the suspended pool"),
        "no last words in the kernel's log:\n{kernel}"
    );
    table::await_new(host, before, "deed-done: resume the suspended pool")?;
    // That may be the kernel's own line, which journald takes in too.
    host.wait_for("a line that comes late", Duration::from_secs(60), |host| {
        let late =
            host.sh("journalctl -b -t thinguard -o verbose --no-pager | grep -c THINGUARD_LATE_SECONDS= || true")?;
        Ok((late.trim() != "0").then_some(()))
    })?;
    let calls = host.sh("cat /root/calls")?;
    ensure!(calls.contains("DM_DEV_SUSPEND"), "the resume was not traced:\n{calls}");
    ensure!(!calls.contains("execve"), "something was executed:\n{calls}");
    println!("    fault 'journald stopped': 1 deeds, heartbeat");
    Ok(())
}
