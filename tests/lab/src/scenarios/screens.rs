//! The screens of `thinguard status` in states that no other scenario makes; those of the others are held against the recorded
//! ones where they come about.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::{screens, watch};

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "screens",
    about: "status of a healthy host, of a full host filesystem and without Docker looks as recorded",
    snapshot: Snapshot::Running,
    slow: Some("four states of a host are shown"),
    run: screens,
}];

fn screens(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    host.sh("thinguard grow --data 8G && docker run -d --name web --network none busybox sleep 100000")?;
    watch::start(host)?;
    host.wait_for("a fill rate", Duration::from_secs(30), |host| {
        let said = host.sh_timeout("thinguard status --json", Duration::from_secs(30))?;
        let status: Value = serde_json::from_str(&said.stdout)?;
        Ok((!status["pool"]["data"]["fill_bytes_per_s"].is_null()).then_some(()))
    })?;
    screens::check(host, "healthy")?;

    // 900 MiB are left, less than the reserve of 1 GiB.
    host.sh(
        "free=$(df --output=avail -B1 /var/lib/docker | tail -n 1); fallocate -l $((free - 900 * 1048576)) /var/lib/docker/filler",
    )?;
    screens::check(host, "host-full")?;

    host.sh("rm /var/lib/docker/filler; systemctl stop thinguard; docker rm -f web; systemctl stop docker.service docker.socket")?;
    host.put(
        "/etc/thinguard.d/90-lab.toml",
        0o644,
        b"[docker]\nunit = \"no-docker-here.service\"\n",
    )?;
    screens::check(host, "no-docker")
}
