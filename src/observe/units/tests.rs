//! Tests of `units`: trees like those of the hosts.

use super::*;
use crate::observe::test_tree::TestTree;

const UNIT: &str = "docker.service";
const STOCK: &str = "[Service]\nEnvironmentFile=-/etc/sysconfig/docker\nExecStart=/usr/bin/dockerd $OPTIONS\n";

fn command(tree: &TestTree) -> Result<String, String> {
    let service = service(tree.path(), UNIT, 219).map_err(|no| no.why)?;
    let line = service.command().map_err(|no| no.why)?;
    Ok(format!("{} {}", line.place, line.value.argv.join(" ")))
}

fn fault(tree: &TestTree) -> Option<UnitFault> {
    match service(tree.path(), UNIT, 219) {
        Ok(service) => service.command().err()?.fault,
        Err(no) => no.fault,
    }
}

#[test]
fn the_first_directory_wins() {
    let tree = TestTree::new();
    assert!(command(&tree).is_err_and(|why| why.starts_with("there is no docker.service")));
    assert_eq!(fault(&tree), Some(UnitFault::Missing));
    tree.write("/usr/lib/systemd/system/docker.service", STOCK);
    tree.link("/lib", "/usr/lib");
    assert_eq!(
        command(&tree).as_deref(),
        Ok("/usr/lib/systemd/system/docker.service:3 /usr/bin/dockerd $OPTIONS")
    );
    tree.write("/etc/systemd/system/docker.service", "[Service]\nExecStart=/x\n");
    assert_eq!(command(&tree).as_deref(), Ok("/etc/systemd/system/docker.service:2 /x"));
}

#[test]
fn links_and_masks() {
    let tree = TestTree::new();
    tree.write("/usr/lib/systemd/system/docker.service", STOCK);
    tree.link("/etc/systemd/system/docker.service", "/nowhere");
    assert!(command(&tree).is_ok());
    let masked = TestTree::new();
    masked.write("/usr/lib/systemd/system/docker.service", STOCK);
    masked.link("/etc/systemd/system/docker.service", "/dev/null");
    assert!(command(&masked).is_err_and(|why| why.contains("masked")));
    assert_eq!(fault(&masked), Some(UnitFault::Masked));
    let alias = TestTree::new();
    alias.write("/usr/lib/systemd/system/docker-latest.service", STOCK);
    alias.link(
        "/etc/systemd/system/docker.service",
        "/usr/lib/systemd/system/docker-latest.service",
    );
    alias.write(
        "/etc/systemd/system/docker-latest.service.d/a.conf",
        "[Service]\nExecStart=\nExecStart=/y\n",
    );
    assert_eq!(
        command(&alias).as_deref(),
        Ok("/etc/systemd/system/docker-latest.service.d/a.conf:3 /y")
    );
    let out = TestTree::new();
    out.link("/etc/systemd/system/docker.service", "/proc/self/cmdline");
    assert!(command(&out).is_err_and(|why| why.starts_with("there is no")));
}

/// Oracle Linux 7: the vendor's drop-in in /etc resets the command and adds the files.
#[test]
fn oracle_linux() {
    let tree = TestTree::new();
    tree.write(
        "/usr/lib/systemd/system/docker.service",
        "[Service]\nExecStart=/usr/bin/dockerd\n",
    );
    tree.write(
        "/etc/systemd/system/docker.service.d/docker-sysconfig.conf",
        "[Service]\nEnvironmentFile=-/etc/sysconfig/docker\nEnvironmentFile=-/etc/sysconfig/docker-storage\nExecStart=\n\
         ExecStart=/usr/bin/dockerd \\\n    $OPTIONS \\\n    $DOCKER_STORAGE_OPTIONS\n",
    );
    tree.write(
        "/run/systemd/system/docker.service.d/docker-sysconfig.conf",
        "[Service]\nExecStart=/z\n",
    );
    tree.link("/run/systemd/system/docker.service.d/zz.conf", "/dev/null");
    tree.write(
        "/usr/lib/systemd/system/docker.service.d/zz.conf",
        "[Service]\nExecStart=/z\n",
    );
    assert_eq!(
        command(&tree).as_deref(),
        Ok(
            "/etc/systemd/system/docker.service.d/docker-sysconfig.conf:5 /usr/bin/dockerd $OPTIONS $DOCKER_STORAGE_OPTIONS"
        )
    );
}

#[test]
fn versions() {
    for (files, links, expected) in [
        (&["/usr/lib/systemd/libsystemd-shared-239.so"][..], &[][..], Some(239)),
        (
            &["/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so"],
            &[],
            Some(252),
        ),
        (
            &[
                "/usr/lib/systemd/libsystemd-shared-239.so",
                "/usr/lib64/systemd/libsystemd-shared-255.4-1.fc40.so",
            ],
            &[],
            None,
        ),
        (
            &["/usr/lib64/libsystemd.so.0.6.0"],
            &[
                ("/usr/lib64/libsystemd.so.0", "libsystemd.so.0.6.0"),
                ("/lib64", "usr/lib64"),
            ],
            Some(219),
        ),
        (&[], &[], None),
    ] {
        let tree = TestTree::new();
        files.iter().for_each(|path| tree.write(path, ""));
        links.iter().for_each(|(path, target)| tree.link(path, target));
        assert_eq!(version(tree.path()).number(), expected, "{files:?}");
    }
}
