//! What `lvs` and `lvm dumpconfig` say of a thin pool, and the arguments that have them say it.

use crate::model::{Autoextend, Bytes, LvmPool, Target};
use std::path::{Path, PathBuf};

/// Figures of a pool. `--readonly` takes no lock, so it cannot wait for another command's.
pub const FIGURES: [&str; 10] = [
    "--readonly",
    "--noheadings",
    "--nosuffix",
    "--units",
    "b",
    "--separator",
    "|",
    "-o",
    "vg_size,vg_free,vg_extent_size,lv_size,lv_profile",
    "--",
];

/// Whether dmeventd watches a pool. To be asked only where a dmeventd runs: to answer, LVM starts one where there is none
/// (lvm2 `daemons/dmeventd/libdevmapper-event.c`, `_start_daemon`). Takes the group's lock for reading.
pub const MONITORED: [&str; 4] = ["--noheadings", "-o", "seg_monitor", "--"];

/// Where dmeventd says that it runs (lvm2 `daemons/dmeventd/dmeventd.c`, `DMEVENTD_PIDFILE`).
pub const DMEVENTD_PIDFILE: &str = "/run/dmeventd.pid";

/// Where a command of LVM's is below `root`: EL6's place is `/sbin`, which later is a link to `/usr/sbin`.
pub fn program(command: &str, root: &Path) -> Option<PathBuf> {
    ["usr/sbin", "sbin"]
        .iter()
        .map(|directory| root.join(directory).join(command))
        .find(|path| path.exists())
}

/// What [`parse_figures`] reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// All extents of the group.
    pub group_size: Bytes,
    /// Those that no volume has.
    pub group_free: Bytes,
    /// One extent.
    pub extent: Bytes,
    /// The pool's data.
    pub data_size: Bytes,
    /// The profile of the volume; empty where it has none.
    pub profile: String,
}

/// Reads what `lvs` printed with [`FIGURES`].
pub fn parse_figures(text: &str) -> Option<Figures> {
    let line = text.lines().find(|line| !line.trim().is_empty())?;
    let mut fields = line.trim().split('|');
    let mut bytes = || fields.next()?.trim().parse().ok().map(Bytes);
    let (group_size, group_free, extent, data_size) = (bytes()?, bytes()?, bytes()?, bytes()?);
    Some(Figures {
        group_size,
        group_free,
        extent,
        data_size,
        profile: fields.next()?.trim().to_owned(),
    })
}

/// Reads what `lvs` printed with [`MONITORED`]. LVM says nothing where it does not know.
pub fn parse_monitored(text: &str) -> bool {
    text.lines().any(|line| line.trim() == "monitored")
}

/// Arguments of `lvm` that show the settings which hold for a volume with this profile. The name `dumpconfig` is the older one and
/// is still taken.
pub fn settings(profile: &str) -> Vec<String> {
    let mut arguments = vec!["dumpconfig".into(), "--type".into(), "full".into()];
    if !profile.is_empty() {
        arguments.extend(["--mergedconfig".into(), "--metadataprofile".into(), profile.into()]);
    }
    arguments.push("activation/thin_pool_autoextend_threshold".into());
    arguments.push("activation/thin_pool_autoextend_percent".into());
    arguments
}

/// Reads what `lvm dumpconfig` printed with [`settings`]: threshold and percentage.
pub fn parse_settings(text: &str) -> Option<(u8, u32)> {
    let value = |key: &str| -> Option<u32> {
        text.lines()
            .filter_map(|line| line.trim().split_once('='))
            .find(|(name, _)| name.trim() == key)
            .and_then(|(_, value)| value.trim().parse().ok())
    };
    let threshold = value("thin_pool_autoextend_threshold")?.clamp(50, 100);
    Some((u8::try_from(threshold).ok()?, value("thin_pool_autoextend_percent")?))
}

/// The whole of it.
pub fn pool(group: &str, volume: &str, figures: Figures, settings: (u8, u32), monitored: bool) -> LvmPool {
    LvmPool {
        group: group.to_owned(),
        volume: volume.to_owned(),
        group_size: figures.group_size,
        group_free: figures.group_free,
        extent: figures.extent,
        data_size: figures.data_size,
        autoextend: Autoextend {
            threshold: settings.0,
            percent: settings.1,
            monitored,
        },
    }
}

/// Arguments of `lvextend` that make one of the pool's volumes this large. The size is absolute: said twice, the second time LVM
/// refuses, for it never shrinks in this command. It asks no question, and keeps the operator's own settings for archives,
/// monitoring and udev.
pub fn extend(group: &str, volume: &str, target: Target, to: Bytes) -> Vec<String> {
    let option = match target {
        Target::Data => "--size",
        Target::Metadata => "--poolmetadatasize",
    };
    vec![
        option.into(),
        format!("{}b", to.0),
        "--".into(),
        format!("{group}/{volume}"),
    ]
}

/// The same as a line for an operator.
pub fn extend_line(pool: &LvmPool, target: Target, to: Bytes) -> String {
    let arguments = extend(&pool.group, &pool.volume, target, to);
    format!("lvextend {}", arguments.join(" ").replace(" -- ", " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn figures_of_a_pool() {
        // lvm2 2.03.16, Debian 12.
        let figures = parse_figures("  3217031168|2646605824|4194304|536870912|docker-thinpool\n").unwrap();
        assert_eq!(figures.group_free, Bytes(2646605824));
        assert_eq!((figures.extent, figures.data_size), (Bytes::mib(4), Bytes::mib(512)));
        assert_eq!(figures.profile, "docker-thinpool");
        assert_eq!(parse_figures("  1|2|3|4|\n").unwrap().profile, "");
        for bad in ["", "\n", "1|2|3", "1|2|3|4", "a|2|3|4|", "-1|2|3|4|"] {
            assert_eq!(parse_figures(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn monitoring() {
        for (said, monitored) in [
            ("  monitored\n", true),
            ("  not monitored\n", false),
            ("  \n", false),
            ("", false),
        ] {
            assert_eq!(parse_monitored(said), monitored, "{said:?}");
        }
    }

    #[test]
    fn autoextend() {
        for (said, settings) in [
            (
                "thin_pool_autoextend_threshold=80\nthin_pool_autoextend_percent=20\n",
                Some((80, 20)),
            ),
            (
                "thin_pool_autoextend_threshold=100\nthin_pool_autoextend_percent=20\n",
                Some((100, 20)),
            ),
            (
                "\tthin_pool_autoextend_threshold = 10\n thin_pool_autoextend_percent = 0\n",
                Some((50, 0)),
            ),
            ("thin_pool_autoextend_threshold=80\n", None),
            (
                "thin_pool_autoextend_threshold=x\nthin_pool_autoextend_percent=20\n",
                None,
            ),
            ("", None),
        ] {
            assert_eq!(parse_settings(said), settings, "{said:?}");
        }
    }

    #[test]
    fn lines_for_an_operator() {
        let figures = parse_figures("9|8|4194304|1|").unwrap();
        let pool = pool("vg", "thin", figures, (100, 20), false);
        assert_eq!(
            extend_line(&pool, Target::Data, Bytes::mib(8)),
            "lvextend --size 8388608b vg/thin"
        );
        assert_eq!(
            extend_line(&pool, Target::Metadata, Bytes::mib(8)),
            "lvextend --poolmetadatasize 8388608b vg/thin"
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,60}") {
            let _ = (parse_figures(&text), parse_monitored(&text), parse_settings(&text));
        }
    }
}
