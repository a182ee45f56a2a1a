//! Storage options in files that packages have for them, whether or not a unit reads them.

use super::Sourced;
use serde::{Deserialize, Serialize};

/// Where packages keep the daemon's options: Red Hat's, what rpm saves of them, Debian's. Variables in them reach the daemon only where
/// its unit names both file and variable.
pub const FILES: [&str; 4] = [
    "/etc/sysconfig/docker-storage",
    "/etc/sysconfig/docker",
    "/etc/sysconfig/docker-storage.rpmsave",
    "/etc/default/docker",
];

/// A storage option in such a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionElsewhere {
    /// The option, with file and line.
    pub option: Sourced<String>,
    /// rpm has put the file aside (`.rpmsave`) since its package is gone.
    pub set_aside: bool,
}

/// The storage options in the text of the file `path`: what follows `--storage-opt` on lines that are no comments.
pub fn options(path: &str, text: &str) -> Vec<OptionElsewhere> {
    let set_aside = path.ends_with(".rpmsave");
    let lines = text.lines().zip(1..);
    let lines = lines.filter(|(line, _)| !line.trim_start().starts_with(['#', ';']));
    lines
        .flat_map(|(line, number)| {
            let behind = line.split("--storage-opt").skip(1);
            behind.filter_map(move |rest| {
                let option = rest.trim_start_matches(['=', ' ', '\t']);
                let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '\\');
                let option = option.trim_start_matches(['"', '\'']).split(ends).next()?;
                let kept = || OptionElsewhere {
                    option: Sourced::new(option.to_owned(), format!("{path}:{number}")),
                    set_aside,
                };
                (!option.is_empty()).then(kept)
            })
        })
        .collect()
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
        let found = options("/etc/sysconfig/docker-storage", text);
        assert!(found.iter().all(|it| !it.set_aside));
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

    proptest! {
        #[test]
        fn never_panics(text in "(--storage-opt|[ ='\"#\n]|dm.x|\\PC){0,20}") {
            options("x", &text);
        }
    }
}
