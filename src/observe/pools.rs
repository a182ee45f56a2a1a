//! Thin pools as device-mapper and sysfs show them, and which of them is Docker's.

use crate::docker::names;
use crate::docker::reply::PoolSaid;
use crate::kernel::loop_device::{self, LoopBacking};
use crate::kernel::{dm, thin_pool};
use crate::model::{Backing, Bytes, Lvm, Mode, Pool, Seen, Usage};
use anyhow::{Context, Result, anyhow};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How LVM begins the UUID of each device that it makes (lvm2 `lib/misc/lvm-string.c`, `UUID_PREFIX`).
const LVM_UUID: &str = "LVM-";

/// A pool as the child saw it: the kernel's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raw {
    info: dm::Info,
    status: Vec<dm::TargetLine>,
    table: Vec<dm::TargetLine>,
    data: Option<LoopBacking>,
    metadata: Option<LoopBacking>,
}

/// One look at device-mapper.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// All thin pools.
    pub pools: Vec<Raw>,
    /// Minor numbers and names of Docker's devices on them.
    pub volumes: Vec<(u32, String)>,
}

/// What is known beforehand of Docker's pool.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// What the daemon that runs says of it: nothing else counts then.
    pub said: Option<PoolSaid>,
    /// Docker's name for the pool of the data root.
    pub name: Option<String>,
    /// `dm.thinpooldev`: a pool that LVM made.
    pub thin_pool_device: Option<String>,
    /// Docker's data root.
    pub data_root: Option<String>,
}

/// Looks at all thin pools, in the child. Status is read without a flush (law 8).
pub fn look() -> Result<Look> {
    let control = match dm::Control::open(Path::new(dm::CONTROL)) {
        Ok(control) => control,
        // A host whose device-mapper was never loaded has no pool; that is knowledge, not ignorance.
        Err(_) if !Path::new("/sys/class/misc/device-mapper").exists() => return Ok(Look::default()),
        Err(error) => return Err(error.into()),
    };
    let mut look = Look::default();
    for device in control.list()? {
        if names::is_docker_volume_name(&device.name) {
            look.volumes.push((device.minor, device.name));
            continue;
        }
        let Some((_, table)) = there(control.table(&device.name))? else {
            continue;
        };
        let [line] = table.as_slice() else { continue };
        if line.kind != thin_pool::KIND {
            continue;
        }
        let (info, status) = control.status(&device.name)?;
        let below = thin_pool::Table::parse(&line.params).ok();
        look.pools.push(Raw {
            data: below.as_ref().and_then(|table| loop_device::below(&table.data_device)),
            metadata: below
                .as_ref()
                .and_then(|table| loop_device::below(&table.metadata_device)),
            info,
            status,
            table,
        });
    }
    Ok(look)
}

/// What was seen of a device; `None` where it went away between the list and the look.
pub(super) fn there<T>(seen: Result<T, dm::Error>) -> Result<Option<T>> {
    match seen {
        Err(dm::Error::NoSuchDevice(_)) => Ok(None),
        seen => Ok(Some(seen?)),
    }
}

/// Docker's pool among those that were seen: the one that the daemon names; else by name where that is known, or by the place of its data
/// file. A pool that was left active when Docker moved away from it (`userns-remap`, another driver) is not Docker's any more.
pub fn select(pools: &[Raw], expected: &Expected) -> Result<Option<Pool>> {
    let named = expected.thin_pool_device.as_ref().or(expected.name.as_ref());
    let root = Path::new(expected.data_root.as_deref().unwrap_or(names::DEFAULT_DATA_ROOT));
    let by_name = named.and_then(|name| pools.iter().find(|raw| raw.info.name == *name));
    // With userns-remap Docker's root is a directory below the data root; the place of the data file tells the pool all the same.
    let mut below_root = pools.iter().filter(|raw| {
        names::is_docker_pool_name(&raw.info.name)
            && raw.data.as_ref().is_some_and(|data| {
                let file = Path::new(&data.file);
                file.starts_with(root) && file.ends_with("devicemapper/devicemapper/data")
            })
    });
    let mut by_guess = || by_name.or_else(|| below_root.next().filter(|_| below_root.next().is_none()));
    let found = match &expected.said {
        Some(PoolSaid::None) => None,
        Some(PoolSaid::Named(name)) => pools.iter().find(|raw| raw.info.name == *name),
        None => by_guess(),
    };
    let mut pool = found.map(parse).transpose()?;
    if let Some(pool) = &mut pool {
        for (backing, name) in [
            (&mut pool.data_backing, "data"),
            (&mut pool.metadata_backing, "metadata"),
        ] {
            if let Backing::Loop { file, .. } = backing
                && let Some(whole) = cut_off(file, root, name)
            {
                *file = whole;
            }
        }
    }
    Ok(pool)
}

/// The whole path of a file of which sysfs shows the end alone. A dockerd with mounts of its own (`MountFlags=slave`, in its unit up to
/// 1.11 and in Red Hat's) has the loop device opened there; once it has died and left the pool behind, its mounts hang on nothing, and a
/// path on one begins at that mount (fs/d_path.c, `prepend_path`). Whether it is that file is proved by its inode before it grows.
fn cut_off(shown: &str, root: &Path, name: &str) -> Option<String> {
    let whole = root.join("devicemapper/devicemapper").join(name);
    let rest = Path::new(shown.strip_prefix('/')?);
    let is_end = whole.ends_with(rest) && rest.ends_with(Path::new("devicemapper").join(name));
    (is_end && whole != Path::new(shown)).then(|| whole.to_string_lossy().into_owned())
}

/// Reads the kernel's words for one pool.
pub fn parse(raw: &Raw) -> Result<Pool> {
    let name = &raw.info.name;
    let [table_line] = raw.table.as_slice() else {
        return Err(anyhow!(
            "{name} has {} table lines; a thin pool has one",
            raw.table.len()
        ));
    };
    let table = thin_pool::Table::parse(&table_line.params)
        .map_err(|why| anyhow!("table of {name}: '{}': {why}", table_line.params))?;
    let mut pool = Pool {
        name: name.clone(),
        mode: Mode::Fail,
        needs_check: false,
        suspended: raw.info.suspended,
        table_waits: raw.info.has_inactive_table,
        event_nr: raw.info.event_nr,
        transaction_id: 0,
        data: Usage {
            block_bytes: table.block_sectors.saturating_mul(Bytes::SECTOR),
            ..Usage::default()
        },
        metadata: Usage {
            block_bytes: 4096,
            ..Usage::default()
        },
        queue_if_no_space: true,
        low_water_blocks: table.low_water_blocks,
        table_params: table_line.params.clone(),
        table_sectors: table_line.length,
        data_backing: backing(&raw.data, &table.data_device),
        metadata_backing: backing(&raw.metadata, &table.metadata_device),
        data_file: Seen::unknown("not looked at yet"),
        metadata_file: Seen::unknown("not looked at yet"),
        lvm: match raw.info.uuid.starts_with(LVM_UUID) {
            true => Lvm::NotAsked,
            false => Lvm::No,
        },
    };
    // A suspended pool has a status line too; a pool without one tells nothing that could be judged.
    let line = raw.status.first().with_context(|| format!("{name} shows no status"))?;
    let status =
        thin_pool::Status::parse(&line.params).map_err(|why| anyhow!("status of {name}: '{}': {why}", line.params))?;
    match status {
        thin_pool::Status::Fail | thin_pool::Status::Error => {}
        thin_pool::Status::Active(status) => {
            pool.mode = status.mode;
            pool.needs_check = status.needs_check;
            pool.transaction_id = status.transaction_id;
            pool.queue_if_no_space = status.queue_if_no_space;
            pool.data.used_blocks = status.data_used;
            pool.data.total_blocks = status.data_total;
            pool.metadata.used_blocks = status.metadata_used;
            pool.metadata.total_blocks = status.metadata_total;
        }
    }
    Ok(pool)
}

fn backing(found: &Option<LoopBacking>, device: &str) -> Backing {
    match found {
        Some(LoopBacking { device, file, deleted }) => {
            let (device, file) = (device.clone(), file.clone());
            match deleted {
                true => Backing::Deleted { device, file },
                false => Backing::Loop { device, file },
            }
        }
        None => Backing::Device(device.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(name: &str, file: &str) -> Raw {
        Raw {
            info: dm::Info {
                name: name.into(),
                ..dm::Info::default()
            },
            status: vec![dm::TargetLine {
                params: "1 9/4096 5/8192 - rw discard_passdown queue_if_no_space - ".into(),
                ..dm::TargetLine::default()
            }],
            table: vec![dm::TargetLine {
                kind: thin_pool::KIND.into(),
                params: "7:1 7:0 128 32768 1 skip_block_zeroing".into(),
                ..dm::TargetLine::default()
            }],
            data: Some(LoopBacking {
                device: "loop0".into(),
                file: file.into(),
                deleted: false,
            }),
            metadata: None,
        }
    }

    #[test]
    fn the_daemon_decides_which_pool_is_its_own() {
        let old = "/var/lib/docker/devicemapper/devicemapper/data";
        let pools = [
            raw("docker-253:0-1-pool", old),
            raw(
                "docker-253:0-2-pool",
                "/var/lib/docker/100000.100000/devicemapper/devicemapper/data",
            ),
        ];
        let named = |name: &str| Some(PoolSaid::Named(name.into()));
        for (what, pools, name, said, found) in [
            (
                "userns-remap was switched on",
                &pools[..],
                Some("docker-253:0-1-pool"),
                named("docker-253:0-2-pool"),
                Some("docker-253:0-2-pool"),
            ),
            (
                "moved to overlay2",
                &pools[..],
                Some("docker-253:0-1-pool"),
                Some(PoolSaid::None),
                None,
            ),
            (
                "a dockerd in a container shows the same path",
                &pools[..1],
                None,
                Some(PoolSaid::None),
                None,
            ),
            (
                "its pool is gone",
                &pools[..1],
                None,
                named("docker-253:0-2-pool"),
                None,
            ),
            (
                "it has said nothing yet: by name",
                &pools[..],
                Some("docker-253:0-1-pool"),
                None,
                Some("docker-253:0-1-pool"),
            ),
            (
                "or by the place of the only one",
                &pools[..1],
                None,
                None,
                Some("docker-253:0-1-pool"),
            ),
            ("two are no proof", &pools[..], None, None, None),
        ] {
            let expected = Expected {
                said,
                name: name.map(str::to_owned),
                ..Expected::default()
            };
            let pool = select(pools, &expected).unwrap();
            assert_eq!(pool.map(|pool| pool.name).as_deref(), found, "{what}");
        }
    }

    #[test]
    fn a_path_that_begins_at_a_lost_mount_is_made_whole() {
        let root = Path::new("/var/lib/docker");
        let whole = "/var/lib/docker/devicemapper/devicemapper/data";
        for (shown, made) in [
            ("/lib/docker/devicemapper/devicemapper/data", Some(whole)),
            ("/docker/devicemapper/devicemapper/data", Some(whole)),
            ("/devicemapper/devicemapper/data", Some(whole)),
            ("/devicemapper/data", Some(whole)),
            (whole, None),
            ("/data", None),
            ("/", None),
            ("", None),
            ("devicemapper/devicemapper/data", None),
            ("/devicemapper/devicemapper/metadata", None),
            ("/srv/docker/devicemapper/devicemapper/data", None),
            ("/var/lib/docker/165536.165536/devicemapper/devicemapper/data", None),
        ] {
            assert_eq!(cut_off(shown, root, "data").as_deref(), made, "{shown}");
        }
    }
}
