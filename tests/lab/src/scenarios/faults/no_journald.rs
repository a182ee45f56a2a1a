//! A host without journald: the lines go to syslog, and where nobody is there either, those that matter to the kernel's log.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::table;
use crate::figures::Figures;
use crate::host::Host;
use crate::watch;

/// journald and all its sockets.
const JOURNALD: &str =
    "systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket";

/// What a syslogd does: it takes datagrams at /dev/log, and writes down each.
const SYSLOGD: &str = "use Socket; use IO::Handle; unlink '/dev/log'; socket(my $s, PF_UNIX, SOCK_DGRAM, 0); \
     bind($s, sockaddr_un('/dev/log')) or die; open(my $f, '>>', '/root/syslog'); $f->autoflush; \
     while (defined recv($s, my $line, 65536, 0)) { print $f \"$line\\n\" }";

const FULL: &str = "free=$(df --output=avail -B1 /var/lib/docker | tail -n 1); fallocate -l $((free - 900 * 1048576)) /var/lib/docker/filler";
const NO_LONGER: &str = "rm /var/lib/docker/filler";

/// journald counts as away only after a few seconds.
const SAYS: Duration = Duration::from_secs(40);

pub fn run(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard_with(&[watch::OFTEN])?;
    host.put("/etc/thinguard.d/50-lab.toml", 0o644, b"[watch]\ninterval = \"2s\"\n")?;
    watch::start(host)?;
    let guard = table::who(host)?;
    let before = table::lines(host)?.len();
    host.put("/root/syslogd.pl", 0o644, SYSLOGD.as_bytes())?;
    host.sh(&format!(
        "systemctl --quiet mask --runtime {JOURNALD}; systemctl stop {JOURNALD}; ! pidof systemd-journald && \
         systemd-run --quiet --collect --unit=lab-syslogd -p StandardOutput=null -p StandardError=null perl /root/syslogd.pl && \
         until [ -S /dev/log ] && [ ! -L /dev/log ]; do sleep 0.1; done"
    ))
    .context("journald's end")?;

    host.sh(FULL)?;
    let line = await_syslog(host, "host-filesystem-full: ")?;
    ensure!(
        (line.starts_with("<26>") || line.starts_with("<28>"))
            && line.contains(" MiB free of ")
            && line.contains(" are kept in reserve"),
        "not the finding with its figures, as a critical line of a daemon: {line}"
    );
    // systemd is its parent, as before Docker's start.
    host.sh("systemd-run --quiet --wait --collect -p StandardOutput=null thinguard preflight")?;
    let line = await_syslog(host, "preflight-verdict: ")?;
    ensure!(line.contains("thinguard["), "{line}");
    table::beats(host, &guard)?;

    host.sh("systemctl stop lab-syslogd; rm /dev/log; dmesg --clear")?;
    host.sh(NO_LONGER)?;
    table::beats(host, &guard)?;
    host.sh(FULL)?;
    host.wait_for("the finding in the kernel's log", SAYS, |host| {
        let kernel = host.sh("dmesg")?;
        Ok(kernel.contains("thinguard: host-filesystem-full: ").then_some(()))
    })?;
    host.sh("systemd-run --quiet --wait --collect -p StandardOutput=null thinguard preflight")?;
    let kernel = host.sh("dmesg")?;
    ensure!(
        kernel.contains("thinguard: preflight-verdict: "),
        "nothing of preflight's warning in:\n{kernel}"
    );
    table::beats(host, &guard)?;

    host.sh(&format!(
        "systemctl --quiet unmask --runtime {JOURNALD}; systemctl start {JOURNALD}; {NO_LONGER}"
    ))?;
    // The kernel's log is read by journald too: what follows is told to it directly.
    let over = "over after";
    table::await_new(host, before, over).context("journald is back")?;
    let entry = host.sh("journalctl -b -t thinguard -o json --no-pager | grep 'over after' | tail -n 1")?;
    ensure!(entry.contains("\"THINGUARD_HOST_FREE\""), "{entry}");
    Ok(())
}

fn await_syslog(host: &mut Host, part: &str) -> Result<String> {
    host.wait_for(&format!("a syslog line with '{part}'"), SAYS, |host| {
        let lines = host.sh("cat /root/syslog 2> /dev/null || true")?;
        Ok(lines.lines().rev().find(|line| line.contains(part)).map(str::to_owned))
    })
}
