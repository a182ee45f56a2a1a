//! Tests of `start_command`: trees of hosts from their unit and files to the daemon's words.

use super::*;
use crate::model::UnitFault;
use crate::observe::test_tree::TestTree;
use std::collections::BTreeMap;

const UNIT: &str = "docker.service";

fn question(tree: &TestTree, inside_unit: bool, exec_line: Option<&str>) -> Question {
    Question {
        root: tree.path().display().to_string(),
        unit: UNIT.into(),
        inside_unit,
        exec_line: exec_line.map(str::to_owned),
    }
}

fn readings(tree: &TestTree, exec_line: Option<&str>) -> Vec<Reading> {
    let question = question(tree, false, exec_line);
    look(&question, &Source::Tree, units::version(tree.path()))
}

fn texts(reading: &Reading) -> Vec<&str> {
    let words = reading.command.as_ref().map(Vec::as_slice).unwrap_or_default();
    words.iter().map(|word| word.value.as_str()).collect()
}

/// CentOS 7.2 with the operator's file of the original report.
fn centos() -> TestTree {
    let tree = TestTree::new();
    tree.write("/usr/lib64/libsystemd.so.0.6.0", "");
    tree.link("/usr/lib64/libsystemd.so.0", "libsystemd.so.0.6.0");
    tree.write(
        "/usr/lib/systemd/system/docker.service",
        "[Service]\nEnvironment=GOTRACEBACK=crash\nEnvironmentFile=-/etc/sysconfig/docker\n\
         EnvironmentFile=-/etc/sysconfig/docker-storage\nEnvironmentFile=-/etc/sysconfig/docker-network\n\
         ExecStart=/bin/sh -c '/usr/bin/docker-current daemon $OPTIONS $DOCKER_STORAGE_OPTIONS 2>&1 | /usr/bin/forward-journald'\n",
    );
    tree.write("/etc/sysconfig/docker", "# x\nOPTIONS='--selinux-enabled'\n");
    tree.write(
        "/etc/sysconfig/docker-storage",
        "\nDOCKER_STORAGE_OPTIONS=--storage-driver=devicemapper --graph=/home/docker\n",
    );
    tree
}

#[test]
fn from_unit_and_files_to_words() {
    let readings = readings(&centos(), None);
    assert_eq!(readings.len(), 1);
    let reading = &readings[0];
    assert_eq!(
        texts(reading).join(" "),
        "/usr/bin/docker-current daemon --selinux-enabled --storage-driver=devicemapper --graph=/home/docker"
    );
    let places = [0, 2, 4].map(|word| reading.command.as_ref().unwrap()[word].place.as_str());
    assert_eq!(
        places,
        [
            "/usr/lib/systemd/system/docker.service:6",
            "/etc/sysconfig/docker:2",
            "/etc/sysconfig/docker-storage:2"
        ]
    );
    assert_eq!(reading.odd, []);
}

#[test]
fn a_line_by_hand_has_the_units_environment() {
    let readings = readings(&centos(), Some("@/usr/bin/dockerd docker \"$OPTIONS\" -D"));
    assert_eq!(texts(&readings[0]), ["/usr/bin/dockerd", "--selinux-enabled", "-D"]);
    assert_eq!(readings[0].command.as_ref().unwrap()[0].place, "--exec-line");
}

#[test]
fn an_empty_tree_tells_nothing() {
    let readings = readings(&TestTree::new(), None);
    assert_eq!(readings.len(), 1);
    assert!(readings[0].command.is_err());
    assert_eq!(readings[0].driver, None);
}

/// Without a version all generations are tried; where they agree there is one reading.
#[test]
fn an_unknown_version() {
    let tree = TestTree::new();
    tree.write(
        "/lib/systemd/system/docker.service",
        "[Service]\nEnvironmentFile=/e\nExecStart=/usr/bin/dockerd $X\n",
    );
    tree.write("/e", "X=-s devicemapper\n");
    assert_eq!(readings(&tree, None).len(), 1);
    tree.write("/e", "# old \\\nX=-s devicemapper\n");
    let found = readings(&tree, None);
    let words: Vec<usize> = found.iter().map(|reading| texts(reading).len()).collect();
    assert_eq!(words, [1, 3]);
    tree.write("/usr/lib/systemd/libsystemd-shared-252.so", "");
    assert_eq!(readings(&tree, None).len(), 1);
}

#[test]
fn what_is_dropped_is_told_with_its_place() {
    let tree = centos();
    tree.write(
        "/etc/sysconfig/docker-storage",
        "X=1\nexport DOCKER_STORAGE_OPTIONS=\"-s devicemapper\"\n",
    );
    tree.write("/etc/sysconfig/docker-network", "A=1\nX=\u{ffff}\n");
    let odd = readings(&tree, None).remove(0).odd;
    let told: Vec<_> = odd.iter().map(|it| (it.place.as_str(), it.dropped)).collect();
    let expected = [
        ("/etc/sysconfig/docker-storage:2", true),
        ("/etc/sysconfig/docker-network", true),
    ];
    assert_eq!(told, expected, "{odd:?}");
}

#[test]
fn the_managers_word() {
    let tree = TestTree::new();
    tree.write("/e", "X=-s devicemapper\n");
    let exec = ExecStart {
        argv: vec!["/usr/bin/dockerd".into(), "$X".into(), "--label=%p".into()],
        environment: vec!["DOCKER_DRIVER=overlay2".into()],
        environment_files: vec![("/e".into(), false), ("/none".into(), true), ("/gone".into(), false)],
        fault: None,
    };
    let question = question(&tree, false, None);
    for (version, label) in [(219, "--label=docker"), (252, "--label=%p")] {
        let readings = look(&question, &Source::Manager(Ok(exec.clone())), Version::known(version));
        assert_eq!(texts(&readings[0]), ["/usr/bin/dockerd", "-s", "devicemapper", label]);
        assert_eq!(readings[0].command.as_ref().unwrap()[1].place, "/e:1");
        let driver = Sourced::new("overlay2".to_owned(), "DOCKER_DRIVER in Environment= of docker.service");
        assert_eq!(readings[0].driver, Some(driver));
        assert_eq!(readings[0].odd.len(), 1);
    }
    let readings = look(&question, &Source::Manager(Err("away".into())), Version::known(219));
    assert_eq!(readings[0].command, Err("away".to_owned().into()));
    let masked = ExecStart {
        fault: Some(UnitFault::Masked),
        ..ExecStart::default()
    };
    let readings = look(&question, &Source::Manager(Ok(masked)), Version::known(219));
    let no_command = readings[0].command.as_ref().unwrap_err();
    assert_eq!(no_command.fault, Some(UnitFault::Masked));
}

/// In the unit the values are this process' own, and a file that agrees tells the place.
#[test]
fn own_environment_tells_values_and_files_places() {
    let mut variables = Variables::default();
    for (name, value) in [("A", "1"), ("B", "2"), ("C", "3")] {
        variables.set(name.into(), value.into(), format!("/e:{value}"));
    }
    let own = [("A", "1"), ("B", "other"), ("D", "4")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    variables.take(own.clone().into());
    assert_eq!(variables.values, BTreeMap::from(own));
    assert_eq!(variables.places, BTreeMap::from([("A".to_owned(), "/e:1".to_owned())]));
}

/// Within the start itself the unit is loaded: that it has been masked or edited since refuses nothing.
#[test]
fn a_start_that_is_under_way_is_not_refused_over_its_unit() {
    let tree = TestTree::new();
    for (inside_unit, fault) in [(false, Some(UnitFault::Masked)), (true, None)] {
        let question = question(&tree, inside_unit, None);
        let source = Source::Manager(Ok(ExecStart {
            fault: Some(UnitFault::Masked),
            ..ExecStart::default()
        }));
        let readings = look(&question, &source, Version::UNKNOWN);
        let no = readings[0].command.as_ref().unwrap_err();
        assert_eq!(no.fault, fault);
    }
}
