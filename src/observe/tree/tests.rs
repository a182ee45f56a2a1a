//! Tests of `tree`: links that would lead out, circles, odd files, patterns.

use super::*;
use crate::observe::test_tree::TestTree;

#[test]
fn links_stay_inside() {
    let tree = TestTree::new();
    tree.write("/usr/lib/x/file", "inside");
    tree.link("/lib", "/usr/lib");
    tree.link("/etc/a", "../../../../lib/x/file");
    tree.link("/etc/b", "/etc/a");
    tree.link("/etc/up", "/../../usr");
    tree.link("/etc/circle", "circle");
    tree.link("/etc/out", "/proc/self/environ");
    for path in [
        "/lib/x/file",
        "/etc/a",
        "/etc/b",
        "/etc/up/lib/x/file",
        "/../etc/../etc/b",
        "etc/a",
    ] {
        assert_eq!(
            read(tree.path(), path, 100).ok().as_deref(),
            Some(&b"inside"[..]),
            "{path}"
        );
    }
    for path in ["/etc/circle", "/etc/out", "/none", "/usr/lib/x/file/y"] {
        assert!(read(tree.path(), path, 100).is_err(), "{path}");
    }
    let missing = read(tree.path(), "/etc/out", 100).map_err(|error| error.kind());
    assert_eq!(missing, Err(ErrorKind::NotFound));
}

#[test]
fn only_plain_files_of_a_bounded_size() {
    let tree = TestTree::new();
    tree.write("/f", "12345");
    nix::unistd::mkfifo(&tree.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    assert!(read(tree.path(), "/f", 5).is_ok());
    assert!(read(tree.path(), "/f", 4).is_err());
    assert!(read(tree.path(), "/pipe", 4).is_err());
    assert!(read(tree.path(), "/", 4).is_err());
}

#[test]
fn patterns() {
    let tree = TestTree::new();
    for name in ["docker", "docker-storage", "docker-network", ".docker", "other"] {
        tree.write(&format!("/etc/sysconfig/{name}"), "");
    }
    let found = |pattern: &str| matching(tree.path(), &format!("/etc/sysconfig/{pattern}"), 100);
    let all = ["docker", "docker-network", "docker-storage"].map(|name| format!("/etc/sysconfig/{name}"));
    assert_eq!(found("docker*"), Ok(all.to_vec()));
    assert_eq!(found("docker?s*e"), Ok(all[2..].to_vec()));
    assert_eq!(found("*x"), Ok(vec![]));
    assert_eq!(found("none"), Ok(vec!["/etc/sysconfig/none".into()]));
    assert!(found("[d]ocker").is_err());
    assert!(matching(tree.path(), "/etc/*/docker", 100).is_err());
    for (name, pattern, fits) in [
        ("", "", true),
        ("", "*", true),
        ("a", "", false),
        ("abcbc", "a*bc", true),
        ("ab", "a*c", false),
    ] {
        assert_eq!(matches(name.as_bytes(), pattern.as_bytes()), fits, "{name} {pattern}");
    }
}
