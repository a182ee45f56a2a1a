//! What scenarios ask about the pool and the daemon, parsed from the guest's own tools.

use anyhow::{Context, Result, anyhow, bail};
use serde::{Deserialize, Serialize};

/// Used and total blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub used: u64,
    pub total: u64,
}

/// One line of `dmsetup status` of a thin pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolStatus {
    pub name: String,
    /// Length of the table in sectors.
    pub sectors: u64,
    /// `rw`, `ro`, `out_of_data_space` or `Fail`.
    pub mode: String,
    pub transaction: u64,
    pub metadata: Usage,
    pub data: Usage,
    /// Whether I/O beyond the end fails now; before that it waits.
    pub errors_if_no_space: bool,
    pub needs_check: bool,
}

impl PoolStatus {
    /// Reads the line of Docker's pool; there must be exactly one.
    pub fn parse(said: &str) -> Result<PoolStatus> {
        let pools: Vec<&str> = said
            .lines()
            .filter(|line| line.starts_with("docker-") && line.contains("-pool: "))
            .collect();
        match pools.as_slice() {
            [line] => parse_line(line).with_context(|| format!("cannot read: {line}")),
            [] => bail!("Docker's pool is not there: {}", said.trim()),
            _ => bail!("more than one pool: {said}"),
        }
    }
}

impl PoolStatus {
    /// Reads what `dmsetup status NAME` said, which has no name in front.
    pub fn parse_only(name: &str, said: &str) -> Result<PoolStatus> {
        let parsed = parse_line(&format!("docker-lvm-pool: {said}")).with_context(|| format!("cannot read: {said}"))?;
        Ok(PoolStatus {
            name: name.to_owned(),
            ..parsed
        })
    }
}

fn parse_line(line: &str) -> Result<PoolStatus> {
    let (name, rest) = line.split_once("-pool: ").context("no name")?;
    let name = format!("{name}-pool");
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let sectors = fields.get(1).context("no length")?.parse()?;
    if fields.get(3) == Some(&"Fail") {
        let none = Usage { used: 0, total: 0 };
        let mode = "Fail".to_owned();
        return Ok(PoolStatus {
            name,
            sectors,
            mode,
            transaction: 0,
            metadata: none,
            data: none,
            errors_if_no_space: true,
            needs_check: true,
        });
    }
    let ["thin-pool", transaction, metadata, data, _held_root, mode, ..] = &fields[2..] else {
        bail!("not a thin pool's status");
    };
    Ok(PoolStatus {
        name,
        sectors,
        mode: (*mode).to_owned(),
        transaction: transaction.parse()?,
        metadata: usage(metadata)?,
        data: usage(data)?,
        errors_if_no_space: fields.contains(&"error_if_no_space"),
        needs_check: fields.contains(&"needs_check"),
    })
}

fn usage(text: &str) -> Result<Usage> {
    let (used, total) = text.split_once('/').ok_or_else(|| anyhow!("not USED/TOTAL: {text}"))?;
    Ok(Usage {
        used: used.parse()?,
        total: total.parse()?,
    })
}

/// Which process dockerd is: two daemons with the same pid differ in their start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    pub pid: u32,
    /// Field 22 of `/proc/PID/stat`: clock ticks since boot.
    pub started: u64,
}

impl Daemon {
    /// Reads the pid and, on the next line, `/proc/PID/stat`.
    pub fn parse(said: &str) -> Result<Daemon> {
        let (pid, stat) = said.split_once('\n').context("dockerd has no pid")?;
        // The name in parentheses may contain spaces; what follows it starts with field 3.
        let (_, fields) = stat.rsplit_once(") ").context("not a stat line")?;
        let started = fields.split_whitespace().nth(22 - 3).context("a short stat line")?;
        Ok(Daemon {
            pid: pid.trim().parse()?,
            started: started.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_full_pool() {
        let line = "docker-254:16-131074-pool: 0 2457600 thin-pool 14 1758/16384 19200/19200 - out_of_data_space \
                    discard_passdown error_if_no_space needs_check 1024\n";
        let pool = PoolStatus::parse(line).unwrap();
        assert_eq!(pool.name, "docker-254:16-131074-pool");
        assert_eq!(
            (pool.mode.as_str(), pool.transaction, pool.sectors),
            ("out_of_data_space", 14, 2_457_600)
        );
        assert_eq!(
            pool.data,
            Usage {
                used: 19_200,
                total: 19_200
            }
        );
        assert!(pool.errors_if_no_space && pool.needs_check);
    }

    #[test]
    fn reads_a_failed_pool() {
        assert_eq!(
            PoolStatus::parse("docker-8:1-2-pool: 0 2457600 thin-pool Fail")
                .unwrap()
                .mode,
            "Fail"
        );
    }

    #[test]
    fn reads_the_daemons_start_behind_a_hostile_name() {
        let stat = "362\n362 (a ) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21\n";
        assert_eq!(
            Daemon::parse(stat).unwrap(),
            Daemon {
                pid: 362,
                started: 4711
            }
        );
    }
}
