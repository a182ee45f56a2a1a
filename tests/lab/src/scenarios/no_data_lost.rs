//! No data lost: fio writes with checksums in containers while the pool grows below it, and the growers are killed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Scenario;
use crate::figures::Figures;
use crate::host::Host;
use crate::machine::Snapshot;
use crate::watch;

pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "no-data-lost",
    about: "fio writes twice the pool's first size in containers while guard and growths are killed again and again: no error",
    snapshot: Snapshot::Small,
    slow: Some("some 300 MiB are written, synced, read back and compared while processes are killed"),
    run: no_data_lost,
}];

const PRELUDE: &str = include_str!("no_data_lost.sh");

/// The containers, with fio's order of writing in each.
const WRITERS: &[(&str, &str)] = &[("in-order", "write"), ("at-random", "randwrite")];

/// Size of each of a container's two files.
const FILE_MIB: u64 = 72;

/// For each part; under emulation on a busy computer.
const LIMIT: Duration = Duration::from_secs(900);

fn no_data_lost(host: &mut Host, figures: &mut Figures) -> Result<()> {
    host.install_guard()?;
    let first = host.pool_status()?.data.total;
    let daemon = host.dockerd()?;
    host.install_crash()?;
    watch::start(host)?;
    host.sh("mkdir /root/go; dmesg --clear")?;
    let begun = Instant::now();
    for (name, order) in WRITERS {
        host.sh(&format!("{PRELUDE}\nwriter {name} {order} {FILE_MIB}"))?;
    }
    let mut trouble = host.spawn(&format!("{PRELUDE}\ntrouble"))?;
    await_all(host, "written")?;
    host.sh("touch /root/go/calm")?;
    let strikes = host.wait_for("the last strike", LIMIT, |host| trouble.done(host))?;
    figures.add("written and synced", bytes(host, "written", "write")? >> 20, "MiB");
    figures.add("in", watch::seconds(begun), "s");
    let (guards, growths) = strikes
        .stdout
        .trim()
        .split_once(' ')
        .with_context(|| format!("no count: {strikes:?}"))?;
    figures.add("guards killed", guards, "");
    figures.add("growths killed", growths, "");
    ensure!(
        guards.parse::<u32>()? >= 3 && growths.parse::<u32>()? >= 3,
        "too few strikes"
    );

    let begun = Instant::now();
    host.sh("sync; echo 3 > /proc/sys/vm/drop_caches; touch /root/go/verify")?;
    await_all(host, "verified")?;
    let verified = bytes(host, "verified", "read")?;
    figures.add("read back and right", verified >> 20, "MiB");
    figures.add("in", watch::seconds(begun), "s");
    let wanted = (WRITERS.len() as u64 * 2 * FILE_MIB) << 20;
    ensure!(
        verified == wanted,
        "{verified} bytes were verified, and {wanted} written"
    );

    let pool = host.pool_status()?;
    ensure!(pool.mode == "rw" && pool.data.used > 2 * first, "{pool:?}");
    figures.add(
        "pool",
        format!("{} MiB, at first {}", pool.data.total >> 4, first >> 4),
        "",
    );
    let kernel = host.sh("dmesg")?;
    for bad in ["I/O error", "writeback error", "Corruption", "blocked for more than"] {
        ensure!(!kernel.contains(bad), "the kernel says '{bad}':\n{kernel}");
    }
    ensure!(host.dockerd()? == daemon, "dockerd is another one");
    Ok(())
}

/// Waits until every container is done with this part, and sees that fio found no error.
fn await_all(host: &mut Host, part: &str) -> Result<()> {
    for (name, _) in WRITERS {
        let code = host.wait_for(&format!("{name} to be {part}"), LIMIT, |host| {
            let code = host.sh(&format!("cat /root/go/{name}.{part} 2> /dev/null || true"))?;
            Ok((!code.is_empty()).then_some(code))
        })?;
        let said = host.sh(&format!("cat /root/go/{name}.said /root/go/{name}.{part}.json"))?;
        ensure!(
            code.trim() == "0",
            "{name} could not be {part}: fio ended with {code}:\n{said}"
        );
        let errors = host.sh(&format!("jq '[.jobs[].error] | add' /root/go/{name}.{part}.json"))?;
        ensure!(errors.trim() == "0", "{name}, {part}: {errors} errors:\n{said}");
    }
    Ok(())
}

/// Sum over all containers of what fio read or wrote in this part.
fn bytes(host: &mut Host, part: &str, direction: &str) -> Result<u64> {
    let said = host.sh(&format!(
        "jq -s '[.[].jobs[].{direction}.io_bytes] | add' /root/go/*.{part}.json"
    ))?;
    said.trim().parse().with_context(|| format!("no bytes: {said}"))
}
