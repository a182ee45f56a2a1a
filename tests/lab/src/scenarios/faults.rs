//! The guard's own surroundings: its settings read again, a second guard beside it, faults of all that it asks, and its own end.

mod ending;
mod no_journald;
mod pools;
mod socket;
mod surroundings;
pub mod table;

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::watch;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "settings-are-reloaded",
        about: "systemctl reload: good settings come into force, bad ones change nothing; a second guard says so and leaves",
        snapshot: Snapshot::Running,
        slow: None,
        run: settings_are_reloaded,
    },
    Scenario {
        name: "faults-of-the-socket",
        about: "Docker's socket is away, mute, full, slow or answers rubbish: what is said, and the heartbeat never stops",
        snapshot: Snapshot::Running,
        slow: Some("nine faults, each with two heartbeats awaited"),
        run: socket::run,
    },
    Scenario {
        name: "faults-of-the-surroundings",
        about: "journald, D-Bus, systemd, /run, the daemon and the clock fail: what is said and done, and the heartbeat never stops",
        snapshot: Snapshot::Running,
        slow: Some("nine faults, each with two heartbeats awaited"),
        run: surroundings::run,
    },
    Scenario {
        name: "no-journald",
        about: "journald stopped and masked: syslog gets the lines of guard and preflight; no syslogd either: the kernel's log does",
        snapshot: Snapshot::Running,
        slow: None,
        run: no_journald::run,
    },
    Scenario {
        name: "faults-of-the-pool",
        about: "the pool vanishes, is replaced, suspended, read-only, to be checked, failed, on a disk that does not write",
        snapshot: Snapshot::Running,
        slow: Some("nine faults, each with two heartbeats awaited, and a storm of events"),
        run: pools::run,
    },
    Scenario {
        name: "guard-ended-during-growth",
        about: "SIGTERM and SIGKILL again and again while writers make it grow the pool: grown, live, nothing lost",
        snapshot: Snapshot::Small,
        slow: Some("the guard is ended ten times while 160 MiB are written"),
        run: ending::run,
    },
];

fn settings_are_reloaded(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    watch::start(host)?;
    a_second_guard_leaves(host)?;
    let guard = host.sh("systemctl show -p MainPID --value thinguard")?;
    let first = host.pool_status()?.data.total;

    // Nothing of a file with a mistake: neither its good keys nor the defaults.
    let mistake = "/etc/thinguard.d/50-lab.toml:3: data.step_min: '8 parsecs' is not a size";
    let bad = "[data]\nbelow_free_percent = 90\nstep_min = \"8 parsecs\"\n";
    host.put("/etc/thinguard.d/50-lab.toml", 0o644, bad.as_bytes())?;
    let reload = host.sh_timeout("systemctl reload thinguard", Duration::from_secs(30))?;
    ensure!(!reload.ok(), "a reload of a file with a mistake succeeds");
    watch::await_line(host, &format!("thinguard: {mistake}"), Duration::from_secs(30))?;
    // Nor where the guard itself is told to.
    host.sh("systemctl kill --kill-who main --signal HUP thinguard")?;
    watch::await_line(host, &format!("settings-kept: {mistake}"), Duration::from_secs(30))?;
    let said = host.sh_timeout("thinguard settings", Duration::from_secs(30))?;
    ensure!(
        said.code == Some(1)
            && said.stderr.contains(mistake)
            && said.stdout.contains("50-lab.toml:2")
            && said.stdout.contains("default"),
        "{said:?}"
    );
    host.pass(Duration::from_secs(3));
    ensure!(
        host.pool_status()?.data.total == first,
        "a file with a mistake came into force"
    );
    reload_with(
        host,
        "[data]\nbelow_free_percent = 90\n",
        "settings-reloaded: data.below_free_percent = 90 (was not set)",
    )?;
    host.wait_for("growth by the new threshold", Duration::from_secs(60), |host| {
        Ok((host.pool_status()?.data.total > first).then_some(()))
    })?;
    reload_with(
        host,
        "[watch]\ninterval = \"5s\"\n",
        "settings-reloaded: data.below_free_percent is at its default again (was 90); watch.interval = \"5s\" (was not set)",
    )?;
    // Another socket: the next questions go there.
    reload_with(
        host,
        "[docker]\nsocket = \"/run/nobody.sock\"\n",
        "settings-reloaded: docker.socket = \"/run/nobody.sock\" (was not set)",
    )?;
    status_shows(host, "docker refuses: cannot connect to /run/nobody.sock")?;
    reload_with(host, "", "docker.socket is at its default again")?;
    status_shows(host, "docker answers in")?;

    ensure!(
        host.sh("systemctl show -p MainPID --value thinguard")? == guard,
        "the guard was started anew"
    );
    let state = host.sh("systemctl show -p ActiveState -p SubState -p NRestarts thinguard")?;
    for word in ["ActiveState=active", "SubState=running", "NRestarts=0"] {
        ensure!(state.contains(word), "not {word}:\n{state}");
    }
    Ok(())
}

/// Started by hand beside the service, which goes on.
fn a_second_guard_leaves(host: &mut Host) -> Result<()> {
    let first = host.sh("systemctl show -p MainPID --value thinguard")?;
    let second = host.sh_timeout("thinguard watch", Duration::from_secs(20))?;
    ensure!(
        second.code == Some(4)
            && second
                .stderr
                .contains(&format!("runs already (process {})", first.trim())),
        "the second guard: {second:?}"
    );
    // Two starts that overlap leave one guard, and systemd waits for the old one to end.
    host.sh("systemctl restart thinguard & systemctl restart thinguard; wait; systemctl start thinguard")?;
    Ok(())
}

fn reload_with(host: &mut Host, settings: &str, said: &str) -> Result<()> {
    host.put("/etc/thinguard.d/50-lab.toml", 0o644, settings.as_bytes())?;
    host.sh("systemctl reload thinguard")?;
    watch::await_line(host, said, Duration::from_secs(30)).map(drop)
}

fn status_shows(host: &mut Host, part: &str) -> Result<()> {
    host.wait_for(
        &format!("the status line to show '{part}'"),
        Duration::from_secs(60),
        |host| {
            let status = host.sh("systemctl show -p StatusText --value thinguard")?;
            Ok(status.contains(part).then_some(()))
        },
    )
}
