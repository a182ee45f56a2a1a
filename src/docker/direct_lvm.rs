//! What dockerd remembers of a pool that it made itself on `dm.directlvm_device`: `<root>/devicemapper/setup-config.json`, since 17.06.

use super::device_json;
use super::options::StorageOptions;
use serde::{Deserialize, Serialize};

/// The file's name below the driver's directory.
pub const FILE: &str = "setup-config.json";

/// The pool's name is this constant (moby v20.10.24 `deviceset.go:1728`).
pub const POOL: &str = "docker-thinpool";

/// The options that a later start must name again (moby v17.06.0-ce to v24.0.9 `device_setup.go`, `directLVMConfig`). All of it empty is
/// "not set up", or "not asked for". `dm.directlvm_device_force` is not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectLvm {
    /// `dm.directlvm_device`.
    pub device: String,
    /// `dm.thinp_percent` and its kin as [`super::options::DIRECT_LVM`] has them; 0 is "not set".
    pub numbers: [u64; 4],
}

/// The file's names of [`DirectLvm::numbers`].
const NUMBERS: [&str; 4] = [
    "ThinpPercent",
    "ThinpMetaPercent",
    "AutoExtendPercent",
    "AutoExtendThreshold",
];

impl DirectLvm {
    /// Nothing is set, as Go compares with the struct's zero value.
    pub fn is_empty(&self) -> bool {
        *self == DirectLvm::default()
    }

    /// As storage options, for the operator to copy.
    pub fn as_options(&self) -> String {
        let device = format!("dm.directlvm_device={}", self.device);
        let numbers = super::options::DIRECT_LVM.iter().zip(self.numbers);
        let numbers = numbers
            .filter(|(_, number)| *number != 0)
            .map(|(name, number)| format!("{name}={number}"));
        std::iter::once(device).chain(numbers).collect::<Vec<_>>().join(" ")
    }
}

/// What the options ask for.
pub fn asked(options: &StorageOptions) -> DirectLvm {
    DirectLvm {
        device: options
            .direct_lvm_device
            .as_ref()
            .map_or_else(String::new, |device| device.value.clone()),
        numbers: options
            .direct_lvm_numbers
            .each_ref()
            .map(|number| number.as_ref().map_or(0, |number| number.value)),
    }
}

/// Reads the file as dockerd does (moby v20.10.24 `device_setup.go`, `readLVMConfig`): an empty one is none, `null` changes nothing, names
/// are compared without regard to case.
///
/// # Errors
/// Why dockerd would not take it; then it ends at every start with this driver, on loop files too.
pub fn stored(text: &[u8]) -> Result<DirectLvm, String> {
    let mut stored = DirectLvm::default();
    if text.is_empty() {
        return Ok(stored);
    }
    let Some(object) = device_json::object(text)? else {
        return Ok(stored);
    };
    for (key, value) in object.iter().filter(|(_, value)| !value.is_null()) {
        if key.eq_ignore_ascii_case("Device") {
            value
                .as_str()
                .ok_or_else(|| format!("{key} is no text"))?
                .clone_into(&mut stored.device);
        } else if let Some((_, number)) = NUMBERS
            .iter()
            .zip(&mut stored.numbers)
            .find(|(name, _)| key.eq_ignore_ascii_case(name))
        {
            *number = value
                .as_u64()
                .ok_or_else(|| format!("{key} is no whole number above or equal to 0"))?;
        }
    }
    Ok(stored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::build::{Build, Flavour, Version};
    use crate::docker::{Sourced, options};

    #[test]
    fn reads_what_docker_writes() {
        // As `json.Marshal` writes a directLVMConfig.
        let text = br#"{"Device":"/dev/xvdf","ThinpPercent":95,"ThinpMetaPercent":1,"AutoExtendPercent":0,"AutoExtendThreshold":80}"#;
        let read = stored(text).unwrap();
        assert_eq!((read.device.as_str(), read.numbers), ("/dev/xvdf", [95, 1, 0, 80]));
        assert_eq!(
            read.as_options(),
            "dm.directlvm_device=/dev/xvdf dm.thinp_percent=95 dm.thinp_metapercent=1 dm.thinp_autoextend_threshold=80"
        );
    }

    #[test]
    fn as_go_reads_into_a_struct() {
        for text in [
            "",
            "null",
            "{}",
            r#"{"Device":null,"more":[1]}"#,
            r#"{"Device":"","ThinpPercent":0}"#,
        ] {
            assert!(stored(text.as_bytes()).unwrap().is_empty(), "{text}");
        }
        assert_eq!(stored(br#"{"device":"/dev/sdb"}"#).unwrap().device, "/dev/sdb");
        for text in [
            " ",
            "[]",
            "\"x\"",
            "{",
            "{} {}",
            r#"{"Device":5}"#,
            r#"{"ThinpPercent":"95"}"#,
            r#"{"ThinpPercent":-1}"#,
            r#"{"ThinpPercent":95.0}"#,
        ] {
            assert!(stored(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_asked_for() {
        let build = Build {
            version: Some(Version::new(17, 6, 0)),
            flavour: Flavour::Upstream,
            evidence: String::new(),
        };
        let options = [
            "dm.directlvm_device=/dev/xvdf",
            "dm.thinp_percent=95%",
            "dm.thinp_metapercent=1",
            "dm.directlvm_device_force=true",
        ]
        .map(|option| Sourced::new(option.to_owned(), "here"));
        let asked = asked(&options::parse(&options, &build));
        assert_eq!((asked.device.as_str(), asked.numbers), ("/dev/xvdf", [95, 1, 0, 0]));
    }
}
