//! Tests of `config`: whole trees, from the unit's files to options with their places.

use super::*;
use crate::model::Code;
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

fn learn(tree: &TestTree, exec_line: Option<&str>) -> Learnt {
    let raw = look(tree.path(), "docker.service", false, exec_line).expect("texts");
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
    let effective = &learnt.effective;
    assert_eq!(learnt.unit_unknown, None);
    assert_eq!(effective.data_root.value, "/data");
    assert_eq!(effective.data_root.place, "flag -g of /etc/sysconfig/docker-storage:2");
    assert_eq!(
        effective.live_restore.as_ref().map(|flag| flag.place.as_str()),
        Some("flag --live-restore of /usr/lib/systemd/system/docker.service:4")
    );
    assert_eq!(
        effective.driver.as_ref().map(|driver| driver.place.as_str()),
        Some("DOCKER_DRIVER in /usr/lib/systemd/system/docker.service:2")
    );
    assert_eq!(
        effective.storage_opts[0].place,
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
    assert_eq!(learnt.effective.data_root.value, "/var/lib/docker");
    let codes: Vec<_> = learnt
        .findings
        .iter()
        .map(|finding| (finding.code, finding.place.as_str()))
        .collect();
    let dropped = (Code::EnvironmentFileLineDropped, "/etc/sysconfig/docker-storage:1");
    assert_eq!(codes, [dropped]);
    assert!(learnt.findings.iter().all(|finding| !finding.remedy.is_empty()));
    let new = learn(&tree(text, Some(252)), None);
    assert_eq!(new.effective.data_root.value, "/data");
}

#[test]
fn readings_that_differ_leave_the_flags_unknown() {
    let text = "# old \\\nDOCKER_STORAGE_OPTIONS=-g /data\n";
    let known = learn(&tree(text, Some(254)), None);
    assert_eq!(known.effective.data_root.value, "/data");
    assert_eq!(known.unit_unknown, None);
    let unknown = learn(&tree(text, None), None);
    assert!(
        unknown
            .unit_unknown
            .is_some_and(|why| why.starts_with("systemd of unknown version"))
    );
    assert!(
        unknown
            .findings
            .iter()
            .all(|finding| finding.severity < Severity::Refuse)
    );
    let point_releases = learn(&tree("DOCKER_STORAGE_OPTIONS=\"-g /a\\\\b\"\n", Some(246)), None);
    assert!(
        point_releases
            .unit_unknown
            .is_some_and(|why| why.starts_with("systemd 246"))
    );
}

#[test]
fn what_cannot_be_known_refuses_nothing() {
    for exec_line in [None, Some("dockerd 'x"), Some("/usr/bin/wrapper -g"), Some("")] {
        let learnt = learn(&TestTree::new(), exec_line);
        assert!(learnt.unit_unknown.is_some(), "{exec_line:?}");
        assert!(
            learnt
                .findings
                .iter()
                .all(|finding| finding.severity < Severity::Refuse)
        );
    }
    let learnt = learn(&TestTree::new(), Some("dockerd -g /x --storage-opt \"dm.fs=xfs\""));
    assert_eq!(
        (learnt.unit_unknown, learnt.effective.data_root.value.as_str()),
        (None, "/x")
    );
}

/// Nobody writes to the pipe: to open it as a file is opened would wait for ever.
#[test]
fn a_file_that_only_we_do_not_read_is_no_ground_for_a_refusal() {
    let said = |make: &dyn Fn(&std::path::Path)| {
        let tree = tree("", Some(252));
        std::fs::create_dir_all(tree.path().join("etc/docker")).unwrap();
        make(&tree.path().join("etc/docker/daemon.json"));
        let learnt = learn(&tree, None);
        assert!(learnt.effective.uncertain.is_some());
        let finding = learnt.findings.iter().find(|it| it.code == Code::DaemonJsonUnreadable);
        finding.map(|finding| finding.severity)
    };
    let directory = said(&|path| std::fs::create_dir(path).unwrap());
    assert_eq!(directory, Some(Severity::Refuse));
    let pipe = said(&|path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap());
    assert_eq!(pipe, Some(Severity::Warn));
    let endless = said(&|path| std::fs::File::create(path).unwrap().set_len(MOST_JSON + 1).unwrap());
    assert_eq!(endless, Some(Severity::Warn));
}
