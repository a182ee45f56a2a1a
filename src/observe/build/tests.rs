//! Tests of `build`: trees of whole hosts in, the build out.

use super::*;
use crate::docker::build::{Flavour, Version};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

struct Tree(PathBuf);

impl Tree {
    fn new(name: &str) -> Tree {
        let path = std::env::temp_dir().join(format!("thinguard-build-{name}-{}-delete-me", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Tree(path)
    }

    fn put(&self, path: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = below(&self.0, path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    fn link(&self, path: &str, target: &str) {
        let path = below(&self.0, path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    fn look(&self, daemon: &str) -> Build {
        look(&self.0, Some(daemon), false)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const CENTOS: &str = "ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"\n";
const YUM: &str = "/var/lib/yum/yumdb/d/0d3b0ea2ba0b2b4fa0ca9b0b4a0bd5ae0c1f9a3c-";
/// docker-1.13.1's, its first lines.
const WRAPPER: &str =
    "#!/bin/sh\n. /etc/sysconfig/docker\n[ -e \"${DOCKERDBINARY}\" ] || DOCKERDBINARY=/usr/bin/dockerd-current\n";

/// A program: what is in it is not read.
const PROGRAM: &[u8] = b"\x7fELF";

fn version(build: &Build) -> Option<String> {
    build.version.map(|version| version.to_string())
}

#[test]
fn centos_7_with_1_10_3() {
    let tree = Tree::new("el7-1.10.3");
    tree.put("/etc/os-release", CENTOS);
    tree.put(&format!("{YUM}docker-1.10.3-46.el7.centos.14-x86_64/installed_by"), "0");
    tree.put("/usr/bin/docker-current", PROGRAM);
    let build = tree.look("/usr/bin/docker-current");
    assert_eq!(
        (version(&build).as_deref(), build.flavour),
        (Some("1.10.3"), Flavour::RedHat)
    );
    assert_eq!(
        build.evidence,
        "package docker 1.10.3-46.el7.centos.14 (/var/lib/yum/yumdb/d)"
    );
}

#[test]
fn centos_7_with_1_13_1_behind_its_wrapper() {
    let tree = Tree::new("el7-1.13.1");
    tree.put("/etc/os-release", CENTOS);
    tree.put("/usr/bin/dockerd", WRAPPER);
    tree.put("/usr/bin/dockerd-current", PROGRAM);
    let build = tree.look("/usr/bin/dockerd");
    assert_eq!((build.version, build.flavour), (None, Flavour::RedHat));
    // docker-latest beside it, chosen in the sysconfig file.
    tree.put("/usr/bin/dockerd-latest", PROGRAM);
    fs::create_dir_all(below(&tree.0, "/usr/share/doc/docker-latest-1.12.6")).unwrap();
    fs::create_dir_all(below(&tree.0, "/usr/share/doc/docker-1.13.1")).unwrap();
    assert_eq!(version(&tree.look("/usr/bin/dockerd")).as_deref(), Some("1.13.1"));
    tree.put(
        "/etc/sysconfig/docker",
        "#DOCKERDBINARY=/x\nDOCKERDBINARY=/usr/bin/dockerd-latest\n",
    );
    assert_eq!(version(&tree.look("/usr/bin/dockerd")).as_deref(), Some("1.12.6"));
}

#[test]
fn docker_ce_behind_absolute_links() {
    let tree = Tree::new("ce-links");
    tree.put("/etc/os-release", CENTOS);
    // As docker-ce 18.09 does with alternatives.
    tree.link("/usr/bin/dockerd", "/etc/alternatives/dockerd");
    tree.link("/etc/alternatives/dockerd", "../../usr/bin/dockerd-ce");
    tree.link("/bin", "usr/bin");
    tree.put("/usr/bin/dockerd-ce", PROGRAM);
    tree.put(&format!("{YUM}docker-ce-18.09.0-3.el7-x86_64/reason"), "user");
    for daemon in ["/usr/bin/dockerd", "/bin/dockerd", "dockerd"] {
        let build = tree.look(daemon);
        assert_eq!(
            (version(&build).as_deref(), build.flavour),
            (Some("18.09.0"), Flavour::Upstream),
            "{daemon}"
        );
    }
    assert_eq!(
        resolve(&tree.0, "/bin/../bin/dockerd").as_deref(),
        Some("/usr/bin/dockerd-ce")
    );
    assert_eq!(resolve(&tree.0, "/../../usr/bin/nothing"), None);
}

#[test]
fn debian_12() {
    let tree = Tree::new("debian");
    tree.link("/etc/os-release", "../usr/lib/os-release");
    tree.put("/usr/lib/os-release", "ID=debian\n");
    tree.put("/usr/sbin/dockerd", PROGRAM);
    let status = "Package: docker.io\nStatus: install ok installed\nVersion: 20.10.24+dfsg1-1+deb12u1\n";
    tree.put("/var/lib/dpkg/status", status);
    tree.put("/var/lib/dpkg/info/docker.io.list", "/.\n/usr/sbin/dockerd\n");
    let build = look(&tree.0, None, false);
    assert_eq!(build.version, Some(Version::new(20, 10, 24)));
    assert_eq!(build.flavour, Flavour::Debian);
    assert!(build.is_upstream());
    // A daemon that the package does not hold is not its.
    tree.put("/usr/bin/dockerd", PROGRAM);
    assert_eq!(tree.look("/usr/bin/dockerd"), Build::unknown());
}

#[test]
fn an_rpm_database_tells_whose_build_it_is() {
    let tree = Tree::new("rpmdb");
    tree.put(
        "/etc/os-release",
        "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"8.9\"\n",
    );
    let mut database = vec![b'x'; (1 << 20) - 12];
    database.extend_from_slice(b"C\0docker-ce\x0024.0.9\x001.el8\0\0The");
    database.extend_from_slice(b"C\0docker-ce\x0020.10.24\x003.el8\0\0The");
    tree.put("/var/lib/rpm/Packages", database);
    tree.put("/usr/bin/dockerd", PROGRAM);
    let late = Instant::now() + READING;
    let found = rpm_database(&tree.0, "/usr/bin/dockerd", late);
    let versions: Vec<_> = found.iter().map(|package| package.version.as_str()).collect();
    assert_eq!(versions, ["24.0.9", "20.10.24"]);
    assert!(
        rpm_database(&tree.0, "/usr/bin/dockerd", Instant::now()).is_empty(),
        "time is over"
    );
    // It may hold what is removed, so alone it tells nothing.
    assert_eq!(tree.look("/usr/bin/dockerd"), Build::unknown());
}

#[test]
fn what_is_no_daemon_tells_nothing() {
    let tree = Tree::new("hostile");
    assert_eq!(look(&tree.0, None, false), Build::unknown());
    tree.link("/usr/bin/dockerd", "dockerd");
    assert_eq!(tree.look("/usr/bin/dockerd"), Build::unknown(), "a link to itself");
    tree.put("/opt/dockerd", "#!/bin/sh\nexec dockerd\n");
    assert_eq!(tree.look("/opt/dockerd"), Build::unknown(), "somebody's script");
    let pipe = below(&tree.0, "/opt/pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
    assert_eq!(tree.look("/opt/pipe"), Build::unknown(), "a pipe that nobody writes to");
    fs::create_dir_all(below(&tree.0, "/opt/directory")).unwrap();
    assert_eq!(tree.look("/opt/directory"), Build::unknown());
}

#[test]
fn a_note_of_yums_that_is_older_than_the_daemon_does_not_count() {
    assert!(!is_outdated(Some(1000), Some(1010)), "installed, then noted");
    assert!(!is_outdated(Some(1000), Some(1000 - 3600)));
    assert!(is_outdated(Some(1000), Some(1000 - 3601)), "rpm -U since");
    assert!(!is_outdated(None, Some(0)) && !is_outdated(Some(9999), None));
    assert!(!is_outdated(Some(i64::MAX), Some(i64::MAX)));
}

#[test]
fn only_a_program_is_run_and_only_where_files_tell_nothing() {
    let tree = Tree::new("run");
    let ran = below(&tree.0, "/ran");
    let script = tree.put(
        "/opt/dockerd",
        format!(
            "#!/bin/sh\n: > {}\necho Docker version 1.13.1, build x\n",
            ran.display()
        ),
    );
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(said(&tree.0, "/opt/dockerd"), None);
    assert!(!ran.exists());
    // A program that says something else.
    fs::copy("/bin/true", &script).unwrap();
    assert_eq!(said(&tree.0, "/opt/dockerd"), None);
    assert_eq!(look(&tree.0, Some("/opt/dockerd"), true), Build::unknown());
}
