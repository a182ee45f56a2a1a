//! Who fills the pool: its active volumes with what is mapped of each, and the containers that they belong to. Two looks, since
//! the second one reads Docker's directories, and their filesystem may hang.

use super::pools::there;
use super::{Ask, Observer, Sense, tree};
use crate::docker::{containers, names};
use crate::kernel::errand::Porter;
use crate::kernel::{dm, thin_pool};
use crate::model::{Backing, Consumer, Pool, Seen};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

/// Of so many devices of device-mapper each is asked whether it is a volume on the pool; a host has some hundred.
const MOST_DEVICES: usize = 4096;

/// Volumes whose container is looked for: the largest.
pub const NAMED: usize = 20;

/// Directories of containers that are read through …
const MOST_CONTAINERS: usize = 4096;

/// … and for how long at the most.
const LONGEST: Duration = Duration::from_millis(500);

/// A container's configuration has some kilobytes; its environment may be long.
const CONFIG_BYTES: u64 = 1 << 20;

/// How long `status` waits for either look.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// The volumes whose containers were looked for.
#[derive(Debug, Serialize, Deserialize)]
pub struct Owned {
    volumes: Vec<Consumer>,
    /// Why not all that is there was read.
    unread: Option<String>,
}

/// Who fills the pool, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consumers {
    /// The largest first, no more than [`NAMED`].
    pub largest: Seen<Vec<Consumer>>,
    /// Active volumes in all.
    pub active: u64,
    /// Why names of containers are missing.
    pub nameless: Option<String>,
}

/// Looks at all volumes on the pool that are active, in the child. Without a flush (law 8).
pub fn volumes(pool: &str) -> Result<Vec<Consumer>> {
    let control = dm::Control::open(Path::new(dm::CONTROL))?;
    let info = control.info(pool)?;
    let mut volumes = Vec::new();
    for device in control.list()?.into_iter().take(MOST_DEVICES) {
        let Some((_, table)) = there(control.table(&device.name))? else {
            continue;
        };
        let [line] = table.as_slice() else { continue };
        let on_pool = thin_pool::thin::pool_of(&line.params) == Some((info.major, info.minor));
        if line.kind != thin_pool::thin::KIND || !on_pool {
            continue;
        }
        let Some((_, status)) = there(control.status(&device.name))? else {
            continue;
        };
        if let Some(mapped_bytes) = status.first().and_then(|line| thin_pool::thin::mapped(&line.params)) {
            volumes.push(Consumer {
                device: device.name,
                container: None,
                name: None,
                mapped_bytes,
            });
        }
    }
    Ok(volumes)
}

/// Looks for the containers of these volumes in Docker's own records, in the child. May block for ever.
pub fn owners(data_root: &Path, mut volumes: Vec<Consumer>) -> Owned {
    let end = Instant::now() + LONGEST;
    let layer = |volume: &Consumer| names::layer_of(&volume.device).map(str::to_owned);
    let layers = volumes.iter_mut().filter_map(|volume| Some((layer(volume)?, volume)));
    let mut wanted: BTreeMap<String, &mut Consumer> = layers.collect();
    let mut unread = None;
    match fs::read_dir(containers::mounts_dir(data_root)) {
        Ok(entries) => {
            for (index, entry) in entries.flatten().enumerate() {
                if wanted.is_empty() {
                    break;
                }
                if index >= MOST_CONTAINERS || Instant::now() > end {
                    unread = Some(format!("only {index} of Docker's containers were read"));
                    break;
                }
                let path = entry.path().join(containers::MOUNT_ID);
                let name = entry.file_name();
                let Some(container) = name.to_str().filter(|name| names::is_id(name)) else {
                    continue;
                };
                let text = tree::plain(&path, 256).unwrap_or_default();
                if let Some(volume) = containers::mount_id(&text).and_then(|layer| wanted.remove(layer)) {
                    volume.container = Some(container.to_owned());
                    volume.name = name_of(data_root, container);
                }
            }
        }
        // Docker before 1.10: the layer has the container's own id.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            for (layer, volume) in wanted {
                volume.name = name_of(data_root, &layer);
                volume.container = volume.name.is_some().then_some(layer);
            }
        }
        Err(error) => unread = Some(format!("{}: {error}", data_root.display())),
    }
    Owned { volumes, unread }
}

fn name_of(data_root: &Path, container: &str) -> Option<String> {
    let files = containers::config_files(data_root, container);
    files
        .iter()
        .find_map(|path| containers::name(&tree::plain(path, CONFIG_BYTES).ok()?))
}

impl Observer {
    /// Sends out the look at the pool's active volumes.
    pub fn look_at_volumes(&mut self, porter: &Porter, now: Duration) {
        if let Seen::Known(Some(pool)) = self.pool(now) {
            self.ask(porter, Sense::Volumes, &Ask::Volumes { pool: pool.name }, now);
        }
    }

    /// Once they are known, sends out the look for the containers of the largest.
    pub fn look_at_owners(&mut self, porter: &Porter, now: Duration) {
        self.slots[Sense::Owners as usize].forget();
        let Seen::Known(volumes) = self.volumes(now) else {
            return;
        };
        let volumes = largest(volumes);
        if let Some(data_root) = self.docker_root(now).filter(|_| !volumes.is_empty()) {
            self.ask(porter, Sense::Owners, &Ask::Owners { data_root, volumes }, now);
        }
    }

    /// Who fills the pool, as last seen.
    pub fn consumers(&self, now: Duration) -> Consumers {
        let volumes = self.volumes(now);
        let active = volumes.known().map_or(0, Vec::len) as u64;
        let slot = self.slot(Sense::Owners);
        let asked = slot.last().is_some() || slot.out_for(now).is_some();
        let (owned, nameless) = match slot.seen::<Owned>(now, PATIENCE) {
            Seen::Known(owned) => (Some(owned.volumes), owned.unread),
            Seen::Unknown(why) => (None, asked.then_some(why)),
        };
        Consumers {
            largest: match volumes {
                Seen::Known(volumes) => Seen::Known(owned.unwrap_or_else(|| largest(volumes))),
                Seen::Unknown(why) => Seen::Unknown(why),
            },
            active,
            nameless,
        }
    }

    fn volumes(&self, now: Duration) -> Seen<Vec<Consumer>> {
        self.slot(Sense::Volumes).seen(now, PATIENCE)
    }

    /// Docker's directory: that of the pool's own file, which with userns-remap lies below the data root, else the data root.
    pub(super) fn docker_root(&self, now: Duration) -> Option<String> {
        let pool = self.pool(now).known_or_none().flatten();
        let own = pool.as_ref().and_then(root_of_file);
        own.or_else(|| self.config().map(|config| config.data_root.value.clone()))
    }
}

/// The largest volumes, the largest first; of two that are alike the first by name.
fn largest(mut volumes: Vec<Consumer>) -> Vec<Consumer> {
    volumes.sort_by(|one, other| (other.mapped_bytes, &one.device).cmp(&(one.mapped_bytes, &other.device)));
    volumes.truncate(NAMED);
    volumes
}

fn root_of_file(pool: &Pool) -> Option<String> {
    let Backing::Loop { file, .. } = &pool.data_backing else {
        return None;
    };
    let root = file.strip_suffix("/devicemapper/devicemapper/data")?;
    Some(root.to_owned())
}

#[cfg(test)]
mod tests;
