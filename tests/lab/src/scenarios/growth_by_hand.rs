//! `thinguard grow` beside what others do: to the file before it, and to the pool while the file is lengthened.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;

pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "longer-file-than-ordered",
        about: "somebody has lengthened the data file: the pool gets what is ordered of it, and a later growth more",
        snapshot: Snapshot::Running,
        slow: None,
        run: longer_file,
    },
    Scenario {
        name: "pool-changed-during-growth",
        about: "somebody suspends, reloads or changes the pool while its file is lengthened: it stays so, and the next run grows it",
        snapshot: Snapshot::Running,
        slow: None,
        run: changed_during_growth,
    },
];

const FILE: &str = "/var/lib/docker/devicemapper/devicemapper/data";

/// Blocks of 64 KiB in one growth.
const STEP: u64 = 1024;

/// The call of a growth after which only the pool itself is changed.
const LAST_OF_THE_FILE: &str = "ioctl:LOOP_SET_CAPACITY";

const GROW: &str = "thinguard grow --data +64M";

fn longer_file(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    let mut before = host.pool_status()?;
    host.sh(&format!("truncate -s +512M {FILE}"))?;
    let size = host.sh(&format!("stat -c %s {FILE}"))?;
    let plan = host.sh(&format!("{GROW} --dry-run"))?;
    ensure!(!plan.contains("ftruncate"), "a longer file is left as it is:\n{plan}");
    for others in ["true", "losetup -c $(losetup -n -O NAME -j $file)", "true"] {
        host.sh(&format!("set -e; file={FILE}; {others}; {GROW}"))?;
        let after = host.pool_status()?;
        ensure!(
            after.data.total == before.data.total + STEP,
            "{} blocks were {}",
            after.data.total,
            before.data.total
        );
        before = after;
    }
    ensure!(
        host.sh(&format!("stat -c %s {FILE}"))? == size,
        "the file has another size"
    );
    Ok(())
}

/// What somebody does, what growth says of it, how it shows that it stays done, and what they do next.
const CHANGES: &[[&str; 4]] = &[
    [
        "dmsetup suspend --noflush $pool",
        "somebody else has suspended",
        "dmsetup info -c --noheadings -o suspended $pool | grep -q Suspended",
        "dmsetup resume --noflush $pool",
    ],
    [
        "dmsetup reload $pool --table \"$other\"",
        "somebody else has loaded a table",
        "dmsetup table --inactive $pool | grep -q error_if_no_space",
        "dmsetup clear $pool",
    ],
    [
        "dmsetup reload $pool --table \"$other\" && dmsetup resume --noflush $pool",
        "has changed while its file was lengthened",
        "dmsetup table $pool | grep -q error_if_no_space",
        "true",
    ],
];

fn changed_during_growth(host: &mut Host, _: &mut Figures) -> Result<()> {
    host.install_guard()?;
    host.install_crash()?;
    let pool = host.pool_status()?.name;
    let daemon = host.dockerd()?;
    for [change, said, stays, next] in CHANGES {
        let before = host.pool_status()?.data.total;
        let output = host.sh_timeout(
            &format!(
                "export pool={pool}
                export other=$(dmsetup table $pool | sed 's/ 1 skip_block_zeroing/ 2 skip_block_zeroing error_if_no_space/')
                crash deed after {LAST_OF_THE_FILE} '{change}' -- {GROW} 2>&1
                {stays} || echo 'the change was taken back'
                {next}"
            ),
            Duration::from_secs(120),
        )?;
        let told = &output.stdout;
        for part in ["hit ", said, "the pool was left as it is"] {
            ensure!(told.contains(part), "{change}: no '{part}': {output:?}");
        }
        ensure!(!told.contains("the change was taken back"), "{change}: {output:?}");
        ensure!(host.pool_status()?.data.total == before, "{change}: it has grown");
        host.sh(GROW)?;
        ensure!(
            host.pool_status()?.data.total == before + STEP,
            "{change}: the next run has not grown it"
        );
    }
    ensure!(
        host.sh(&format!("dmsetup table {pool}"))?.contains("error_if_no_space"),
        "the next growth took the change back"
    );
    ensure!(host.dockerd()? == daemon, "dockerd is another one");
    Ok(())
}
