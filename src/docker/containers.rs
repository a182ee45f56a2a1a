//! Docker's own records of its containers: which container a thin device belongs to, and what it is called.

use super::names::{self, is_id};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Where Docker from 1.10 on keeps a directory for each container with the id of its layer in it (moby `layer/filestore.go`).
pub fn mounts_dir(data_root: &Path) -> PathBuf {
    data_root.join("image").join(names::DEVICEMAPPER).join("layerdb/mounts")
}

/// Where Docker from 1.10 on keeps each image's configuration under its id (moby `image/fs.go`).
pub fn images_dir(data_root: &Path) -> PathBuf {
    data_root
        .join("image")
        .join(names::DEVICEMAPPER)
        .join("imagedb/content/sha256")
}

/// Where Docker keeps a directory for each container, in every version.
pub fn containers_dir(data_root: &Path) -> PathBuf {
    data_root.join("containers")
}

/// The file in such a directory.
pub const MOUNT_ID: &str = "mount-id";

/// The files that may tell a container's name, the newer one first: Docker before 1.10 writes `config.json`.
pub fn config_files(data_root: &Path, container: &str) -> [PathBuf; 2] {
    let directory = containers_dir(data_root).join(container);
    ["config.v2.json", "config.json"].map(|name| directory.join(name))
}

/// The id in a file `mount-id`.
pub fn mount_id(text: &[u8]) -> Option<&str> {
    let id = std::str::from_utf8(text).ok()?.trim_end();
    is_id(id).then_some(id)
}

/// The name in a container's configuration, without Docker's slash before it (moby `container/container.go`, `Name`).
pub fn name(config: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Config {
        #[serde(rename = "Name")]
        name: String,
    }
    let config: Config = serde_json::from_slice(config).ok()?;
    let name = config.name.strip_prefix('/').unwrap_or(&config.name);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(mount_id(id.as_bytes()), Some(id.as_str()));
        assert_eq!(mount_id(format!("{id}\n").as_bytes()), Some(id.as_str()));
        let upper = id.to_uppercase();
        for bad in [
            "",
            "ab",
            "../../etc/passwd",
            &id[1..],
            &format!("{id}-init"),
            &upper,
            &format!("/{}", &id[1..]),
        ] {
            assert_eq!(mount_id(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(mount_id(b"\xff\xfe"), None);
    }

    #[test]
    fn names_of_containers() {
        for (config, wanted) in [
            (
                r#"{"StreamConfig":{},"Name":"/web-1","Driver":"devicemapper"}"#,
                Some("web-1"),
            ),
            (r#"{"Name":"old"}"#, Some("old")),
            (r#"{"Name":"/a/b"}"#, Some("a/b")),
            (r#"{"Name":"/"}"#, None),
            (r#"{"Name":7}"#, None),
            (r#"{"name":"/x"}"#, None),
            (r#"{"Name":"/cut"#, None),
            ("", None),
        ] {
            assert_eq!(name(config.as_bytes()).as_deref(), wanted, "{config}");
        }
        let deep = format!("{{\"x\":{}", "[".repeat(100_000));
        assert_eq!(name(deep.as_bytes()), None);
    }
}
