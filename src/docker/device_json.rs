//! Docker's own JSON below `<root>/devicemapper/metadata`: one file a thin device, `base`, `deviceset-metadata`. What dockerd
//! cannot read of it ends its start.

use serde::{Deserialize, Serialize};

/// Where the driver keeps what it remembers of all devices (moby `deviceset.go`, `deviceSetMetaFile`).
pub const DEVICE_SET: &str = "deviceset-metadata";

/// The open transaction; dockerd passes over one that it cannot read (moby v20.10.27 `deviceset.go`, `loadTransactionMetaData`).
const TRANSACTION: &str = "transaction-metadata";

/// The file of the base device, from which all layers descend.
pub const BASE: &str = "base";

/// Device ids have 24 bits (moby `deviceset.go`, `maxDeviceID`).
const MAX_DEVICE_ID: i64 = 0xff_ffff;

/// One thin device (moby `deviceset.go`, `devInfo`). Go's zero values stand for what is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Device {
    /// Id within the pool.
    pub device_id: i64,
    /// Size in bytes.
    pub size: u64,
    /// The pool's transaction that made it.
    pub transaction_id: u64,
    /// It has its filesystem. A base device without is made anew.
    pub initialized: bool,
    /// To be deleted.
    pub deleted: bool,
}

/// What the driver remembers of the whole (moby `deviceset.go`, `DeviceSet`, as far as it is written).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceSet {
    /// Id that the next device gets.
    pub next_device_id: i64,
    /// UUID of the base device's filesystem; empty before Docker 1.8.
    #[serde(rename = "BaseDeviceUUID")]
    pub base_uuid: String,
    /// `xfs` or `ext4`; empty before Docker 1.9.1.
    #[serde(rename = "BaseDeviceFilesystem")]
    pub base_filesystem: String,
}

/// Whether the driver takes a file of this name for a device's (moby v20.10.27 `deviceset.go:415-450`).
pub fn is_device_file(name: &str) -> bool {
    !name.starts_with('.') && !name.ends_with(".migrated") && name != DEVICE_SET && name != TRANSACTION
}

/// Reads the file of a device.
///
/// # Errors
/// Why dockerd would not take it: then it ends with "Unknown device" (moby v20.10.27 `deviceset.go:954-975`).
pub fn device(text: &[u8]) -> Result<Device, String> {
    if text.is_empty() {
        return Err("it is empty".into());
    }
    // What dockerd writes is read at once; the rest, with nulls or repeated keys, as Go would. serde takes a list for a struct, too.
    let at_once = text
        .starts_with(b"{")
        .then(|| serde_json::from_slice(text).ok())
        .flatten();
    let device: Device = at_once.map_or_else(|| without_nulls(text), Ok)?;
    match device.device_id > MAX_DEVICE_ID {
        true => Err(format!("its device_id {} has more than 24 bits", device.device_id)),
        false => Ok(device),
    }
}

/// Reads `deviceset-metadata`.
///
/// # Errors
/// Why dockerd would not take it, and end (moby v20.10.27 `deviceset.go`, `loadDeviceSetMetaData`).
pub fn device_set(text: &[u8]) -> Result<DeviceSet, String> {
    match text.is_empty() {
        true => Err("it is empty".into()),
        false => without_nulls(text),
    }
}

/// As Go's `json.Unmarshal` reads into a struct: a null leaves the field alone, unknown keys are passed over.
fn without_nulls<T: for<'de> Deserialize<'de>>(text: &[u8]) -> Result<T, String> {
    let mut object = object(text)?.ok_or("it is no JSON object")?;
    object.retain(|_, value| !value.is_null());
    serde_json::from_value(object.into()).map_err(|error| error.to_string())
}

/// The JSON object of a text; `None` for `null`, which Go's `json.Unmarshal` lets pass.
///
/// # Errors
/// It is something else.
pub(super) fn object(text: &[u8]) -> Result<Option<serde_json::Map<String, serde_json::Value>>, String> {
    let text = String::from_utf8_lossy(text);
    match serde_json::from_str(&text).map_err(|error| format!("it is no JSON: {error}"))? {
        serde_json::Value::Object(object) => Ok(Some(object)),
        serde_json::Value::Null => Ok(None),
        _ => Err("it is no JSON object".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_docker_writes() {
        let text = br#"{"device_id":1,"size":3221225472,"transaction_id":1,"initialized":true,"deleted":false}"#;
        let read = device(text).unwrap();
        assert_eq!(
            (read.device_id, read.size, read.initialized, read.deleted),
            (1, 3 << 30, true, false)
        );
        let text = br#"{"next_device_id":4,"BaseDeviceUUID":"5e1c1a35","BaseDeviceFilesystem":"xfs","more":[1]}"#;
        let read = device_set(text).unwrap();
        assert_eq!(
            (read.base_uuid.as_str(), read.base_filesystem.as_str()),
            ("5e1c1a35", "xfs")
        );
        assert_eq!(device(b"{}"), Ok(Device::default()));
        assert_eq!(device_set(br#"{"BaseDeviceUUID":null}"#), Ok(DeviceSet::default()));
    }

    #[test]
    fn what_ends_a_start() {
        for text in [
            &b""[..],
            b" ",
            b"garbage",
            b"{\"device_id\":1",
            b"null",
            b"[]",
            br#"{"device_id":"1"}"#,
            br#"{"device_id":16777216}"#,
            br#"{"size":-1}"#,
            br#"{"device_id":1} x"#,
        ] {
            assert!(device(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
        assert!(device(br#"{"device_id":16777215}"#).is_ok());
        assert!(device_set(b"").is_err() && device_set(br#"{"BaseDeviceUUID":5}"#).is_err());
    }

    #[test]
    fn files_of_devices() {
        for (name, is) in [
            ("base", true),
            ("4f1a-init", true),
            (".tmp123", false),
            ("x.migrated", false),
            ("deviceset-metadata", false),
            ("transaction-metadata", false),
        ] {
            assert_eq!(is_device_file(name), is, "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = (device(&text), device_set(&text));
        }
    }
}
