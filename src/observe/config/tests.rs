//! Tests of `config`: whole trees, from the unit's files to options with their places.

use super::*;
use crate::observe::test_tree::TestTree;

const UNIT: &str = "[Service]\nEnvironment=DOCKER_DRIVER=devicemapper\nEnvironmentFile=-/etc/sysconfig/docker-storage\n\
                    ExecStart=/usr/bin/dockerd --live-restore $DOCKER_STORAGE_OPTIONS\n";

fn tree(storage: &str, systemd: Option<u16>) -> TestTree {
    let tree = TestTree::new();
    tree.write("/usr/lib/systemd/system/docker.service", UNIT);
    tree.write("/etc/sysconfig/docker-storage", storage);
    if let Some(version) = systemd {
        tree.write(&format!("/usr/lib/systemd/libsystemd-shared-{version}.so"), "");
    }
    tree
}

fn learn(tree: &TestTree, exec_line: Option<&str>) -> Configuration {
    let raw = look(&Question {
        root: tree.path().display().to_string(),
        unit: "docker.service".into(),
        inside_unit: false,
        exec_line: exec_line.map(str::to_owned),
    });
    let bytes = serde_json::to_vec(&raw).expect("JSON");
    parse(&serde_json::from_slice(&bytes).expect("the same"), &Settings::default())
}

#[test]
fn each_value_has_its_place() {
    let learnt = learn(
        &tree(
            "# c\nDOCKER_STORAGE_OPTIONS=\"-g /data --storage-opt dm.fs=ext4\"\n",
            Some(239),
        ),
        None,
    );
    assert_eq!(learnt.line_unknown, None);
    assert_eq!(learnt.data_root.value, "/data");
    assert_eq!(learnt.data_root.place, "flag -g of /etc/sysconfig/docker-storage:2");
    assert_eq!(
        learnt.live_restore.as_ref().map(|flag| flag.place.as_str()),
        Some("flag --live-restore of /usr/lib/systemd/system/docker.service:4")
    );
    assert_eq!(
        learnt.driver.as_ref().map(|driver| driver.place.as_str()),
        Some("DOCKER_DRIVER in /usr/lib/systemd/system/docker.service:2")
    );
    assert_eq!(
        learnt.storage_opts[0].place,
        "flag --storage-opt of /etc/sysconfig/docker-storage:2"
    );
}

/// The classic typo: 219 drops the value, and Docker starts on its default driver; later ones take the line ends with it.
#[test]
fn a_quote_that_is_not_closed() {
    let text = "DOCKER_STORAGE_OPTIONS=\"-g /data\nOPTIONS=--b\n";
    let old = TestTree::new();
    old.write("/lib/systemd/system/docker.service", UNIT);
    old.write("/etc/sysconfig/docker-storage", text);
    old.write("/lib64/libsystemd.so.0.6.0", "");
    old.link("/lib64/libsystemd.so.0", "libsystemd.so.0.6.0");
    let learnt = learn(&old, None);
    assert_eq!(learnt.data_root.value, "/var/lib/docker");
    let [odd] = learnt.odd.as_slice() else {
        panic!("{:?}", learnt.odd)
    };
    assert_eq!(
        (odd.dropped, odd.place.as_str()),
        (true, "/etc/sysconfig/docker-storage:1")
    );
    assert!(!odd.remedy.is_empty());
    let new = learn(&tree(text, Some(252)), None);
    assert_eq!(new.data_root.value, "/data");
}

#[test]
fn readings_that_differ_leave_the_flags_unknown() {
    let text = "# old \\\nDOCKER_STORAGE_OPTIONS=-g /data\n";
    let known = learn(&tree(text, Some(254)), None);
    assert_eq!(known.data_root.value, "/data");
    assert_eq!(known.line_unknown, None);
    let unknown = learn(&tree(text, None), None);
    assert!(
        unknown
            .line_unknown
            .is_some_and(|why| why.starts_with("systemd of unknown version"))
    );
    let point_releases = learn(&tree("DOCKER_STORAGE_OPTIONS=\"-g /a\\\\b\"\n", Some(246)), None);
    assert!(
        point_releases
            .line_unknown
            .is_some_and(|why| why.starts_with("systemd 246"))
    );
}

#[test]
fn what_cannot_be_known_is_unknown() {
    for exec_line in [None, Some("dockerd 'x"), Some("/usr/bin/wrapper -g"), Some("")] {
        let learnt = learn(&TestTree::new(), exec_line);
        assert!(learnt.line_unknown.is_some(), "{exec_line:?}");
    }
    let learnt = learn(&TestTree::new(), Some("dockerd -g /x --storage-opt \"dm.fs=xfs\""));
    assert_eq!((learnt.line_unknown, learnt.data_root.value.as_str()), (None, "/x"));
}

/// Nobody writes to the pipe: to open it as a file is opened would wait for ever.
#[test]
fn a_file_that_only_we_do_not_read_is_no_ground_for_a_refusal() {
    let said = |make: &dyn Fn(&std::path::Path)| {
        let tree = tree("", Some(252));
        std::fs::create_dir_all(tree.path().join("etc/docker")).unwrap();
        make(&tree.path().join("etc/docker/daemon.json"));
        let learnt = learn(&tree, None);
        assert!(learnt.uncertain().is_some());
        learnt.file.problems[0].refused
    };
    let directory = said(&|path| std::fs::create_dir(path).unwrap());
    assert_eq!(directory, Some(true));
    let pipe = said(&|path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap());
    assert_eq!(pipe, None);
    let endless = said(&|path| std::fs::File::create(path).unwrap().set_len(MOST_JSON + 1).unwrap());
    assert_eq!(endless, None);
}

/// Up to 242 a line without '=' ends the reading of the unit, later ones pass over it: where the version is not known, so is the unit's fate.
#[test]
fn a_unit_that_only_some_releases_refuse_is_not_refused() {
    let made = |version| {
        let tree = tree("", version);
        let unit = "[Service]\nstray\nExecStart=/usr/local/bin/start-docker.sh\n";
        tree.write("/usr/lib/systemd/system/docker.service", unit);
        learn(&tree, None).unit_fault
    };
    assert!(made(Some(239)).is_some());
    assert_eq!(made(Some(252)), None);
    assert_eq!(made(None), None);
}
