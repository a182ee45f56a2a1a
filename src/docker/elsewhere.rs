//! Storage options in files that packages and operators have for them, whether or not a unit reads them.

use super::Sourced;
use serde::{Deserialize, Serialize};

/// Where packages keep the daemon's options: Red Hat's, what rpm saves of them, Debian's. Variables in them reach the daemon only where
/// its unit names both file and variable.
pub const FILES: [(&str, Origin); 4] = [
    ("/etc/sysconfig/docker-storage", Origin::Package),
    ("/etc/sysconfig/docker", Origin::Package),
    ("/etc/sysconfig/docker-storage.rpmsave", Origin::SetAside),
    ("/etc/default/docker", Origin::Package),
];

/// What Red Hat's docker-storage-setup is to make a pool of. It writes the options that result into docker-storage.
pub const SETUP: &str = "/etc/sysconfig/docker-storage-setup";

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// A package's.
    Package,
    /// rpm has put it aside (`.rpmsave`) since its package is gone.
    SetAside,
    /// It lies beside the drop-ins of the unit.
    DropIn,
    /// [`SETUP`]; what is found there is no option yet.
    Setup,
}

/// A storage option in such a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionElsewhere {
    /// The option, with file and line.
    pub option: Sourced<String>,
    /// Whose file that is.
    pub origin: Origin,
}

/// The storage options in the text of the file `path`: what follows `--storage-opt` on lines that are no comments.
pub fn options(path: &str, text: &str, origin: Origin) -> Vec<OptionElsewhere> {
    let found = lines(text).flat_map(|(line, number)| {
        let behind = line.split("--storage-opt").skip(1);
        behind.filter_map(move |rest| {
            let option = rest.trim_start_matches(['=', ' ', '\t']);
            let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\');
            let option = option.trim_start_matches(['"', '\'']).split(ends).next()?;
            (!option.is_empty()).then(|| (option.to_owned(), number))
        })
    });
    found.map(|found| kept(path, found, origin)).collect()
}

/// The disks (`DEVS=`) and the volume group (`VG=`) that [`SETUP`] names, as assignments of a shell.
pub fn setup(text: &str) -> Vec<OptionElsewhere> {
    let found = lines(text).filter_map(|(line, number)| {
        let (name, value) = line.trim().split_once('=')?;
        let value = value.trim_matches(['"', '\'']).trim();
        (matches!(name, "DEVS" | "VG") && !value.is_empty()).then(|| (format!("{name}={value}"), number))
    });
    found.map(|found| kept(SETUP, found, Origin::Setup)).collect()
}

/// Whether an option in a file of this name, beside a unit's drop-ins, was meant to count: not what editors, packages or operators put
/// aside there. systemd reads `*.conf` alone.
pub fn is_meant(name: &str) -> bool {
    !name.starts_with('.')
        && name
            .rsplit_once('.')
            .is_none_or(|(_, kind)| matches!(kind, "conf" | "cfg" | "cnf"))
        && !name.ends_with('~')
}

fn lines(text: &str) -> impl Iterator<Item = (&str, u32)> {
    let lines = text.lines().zip(1..);
    lines.filter(|(line, _)| !line.trim_start().starts_with(['#', ';']))
}

fn kept(path: &str, (value, line): (String, u32), origin: Origin) -> OptionElsewhere {
    OptionElsewhere {
        option: Sourced::new(value, format!("{path}:{line}")),
        origin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn options_of_a_text() {
        let text = "# DOCKER_STORAGE_OPTIONS=\"--storage-opt dm.fs=ext4\"\n\
                    DOCKER_STORAGE_OPTIONS=\"--storage-driver devicemapper --storage-opt dm.fs=xfs --storage-opt=dm.thinpooldev=/dev/mapper/vg-pool \"\n\
                    DOCKER_OPTS=\"--storage-opt 'dm.basesize=20G'\"\nDEVS=/dev/vdb\n--storage-opt\n";
        let found = options("/etc/sysconfig/docker-storage", text, Origin::Package);
        let found = found
            .iter()
            .map(|it| (it.option.value.as_str(), it.option.place.as_str()));
        let found: Vec<_> = found.collect();
        assert_eq!(
            found,
            [
                ("dm.fs=xfs", "/etc/sysconfig/docker-storage:2"),
                ("dm.thinpooldev=/dev/mapper/vg-pool", "/etc/sysconfig/docker-storage:2"),
                ("dm.basesize=20G", "/etc/sysconfig/docker-storage:3"),
            ]
        );
    }

    #[test]
    fn what_is_to_be_set_up() {
        let found =
            setup("# VG=no\nVG=\"docker\"\n DEVS='/dev/vdb /dev/vdc'\nDEVS=\nSTORAGE_DRIVER=devicemapper\nVG\n");
        let found: Vec<_> = found
            .iter()
            .map(|it| (it.option.value.as_str(), it.option.place.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("VG=docker", "/etc/sysconfig/docker-storage-setup:2"),
                ("DEVS=/dev/vdb /dev/vdc", "/etc/sysconfig/docker-storage-setup:3"),
            ]
        );
    }

    #[test]
    fn what_was_put_aside_was_not_meant() {
        for (name, meant) in [
            ("storage.conf", true),
            ("storage", true),
            ("storage.cfg", true),
            (".storage.conf.swp", false),
            (".storage.conf", false),
            ("storage.conf~", false),
            ("storage~", false),
            ("storage.conf.rpmsave", false),
            ("storage.conf.bak", false),
            ("storage.disabled", false),
        ] {
            assert_eq!(is_meant(name), meant, "{name}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "(--storage-opt|[ ='\"#\n]|dm.x|\\PC){0,20}") {
            options("x", &text, Origin::DropIn);
            setup(&text);
        }
    }
}
