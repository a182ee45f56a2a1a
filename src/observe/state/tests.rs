//! Tests of `state`: real directories in, facts out.

use super::own::{BOLT_MAGIC, MOST_DEVICES};
use super::*;
use nix::sys::stat;

struct Tree(PathBuf);

impl Tree {
    fn new(name: &str) -> Tree {
        let path = std::env::temp_dir().join(format!("thinguard-state-{name}-{}-delete-me", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Tree(path)
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn look(&self) -> RootState {
        look(&Question {
            root: self.0.to_string_lossy().into_owned(),
            data_root: "/var/lib/docker".into(),
            pidfile: "/run/docker.pid".into(),
            thin_pool_device: None,
            devices: Vec::new(),
            driver: Some("nonsense".into()),
            unit: "docker.service".into(),
        })
        .unwrap()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const METADATA: &str = "var/lib/docker/devicemapper/metadata";

#[test]
fn nothing_there() {
    let state = Tree::new("nothing").look();
    assert_eq!(state.drivers, Some(vec![]));
    assert_eq!((state.base, state.device_set, state.devices_seen), (None, None, 0));
    assert!(state.all_devices_seen && state.filesystem.is_some() && !state.not_a_directory);
}

#[test]
fn a_used_root() {
    let tree = Tree::new("used");
    tree.put(
        &format!("{METADATA}/base"),
        r#"{"device_id":1,"size":1073741824,"initialized":true}"#,
    );
    tree.put(&format!("{METADATA}/0123"), "");
    tree.put(&format!("{METADATA}/.tmp1"), "");
    tree.put(
        &format!("{METADATA}/deviceset-metadata"),
        r#"{"BaseDeviceFilesystem":"xfs"}"#,
    );
    fs::create_dir_all(tree.0.join("var/lib/docker/overlay2")).unwrap();
    let state = tree.look();
    let empty: Vec<_> = state
        .drivers
        .unwrap()
        .into_iter()
        .map(|dir| (dir.driver, dir.empty))
        .collect();
    assert_eq!(
        empty,
        [("overlay2".to_owned(), true), ("devicemapper".to_owned(), false)]
    );
    assert_eq!(state.base.unwrap().unwrap().size, 1 << 30);
    assert_eq!(state.device_set.unwrap().unwrap().base_filesystem, "xfs");
    assert_eq!(
        state.unreadable_devices,
        [("0123".to_owned(), "it is empty".to_owned())]
    );
    assert_eq!((state.devices_seen, state.all_devices_seen), (2, true));
}

/// Mounted read-only for a rescue, a tree says nothing of how the host mounts it.
#[test]
fn a_tree_is_not_read_only() {
    let tree = Tree::new("read-only");
    fs::create_dir_all(tree.0.join("var/lib/docker")).unwrap();
    assert!(!tree.look().read_only);
}

/// The data root's own filesystem is named by fstab and not mounted in the tree.
#[test]
fn what_is_not_mounted_is_not_judged() {
    let tree = Tree::new("unmounted");
    fs::create_dir_all(tree.0.join("var/lib/docker")).unwrap();
    fs::create_dir_all(tree.0.join("etc")).unwrap();
    let fstab =
        "# a comment\n/dev/sda1 / xfs defaults 0 0\n/dev/sdb1 /var/lib/docker xfs defaults 0 0\n/dev/sdc1 swap swap\n";
    fs::write(tree.0.join("etc/fstab"), fstab).unwrap();
    let state = tree.look();
    assert_eq!(
        state.unmounted.map(|found| found.place).as_deref(),
        Some("/etc/fstab:3")
    );
    assert_eq!((state.filesystem, state.drivers), (None, None));
}

#[test]
fn what_stands_where_the_files_should() {
    let tree = Tree::new("odd");
    let directory = tree.0.join("var/lib/docker/devicemapper/devicemapper");
    fs::create_dir_all(directory.join("metadata")).unwrap();
    std::os::unix::fs::symlink("/no/such/file", directory.join("data")).unwrap();
    let odd = tree.look().odd_files;
    assert_eq!(odd[0].path, "/var/lib/docker/devicemapper/devicemapper/data");
    assert!(
        odd[0].what == Odd::LinkToNothing("/no/such/file".into()) && odd[1].what == Odd::Directory,
        "{odd:?}"
    );
}

/// Longer than what dockerd writes, and behind a link: read all the same, as dockerd would.
#[test]
fn unusual_files_of_devices() {
    let tree = Tree::new("unusual");
    let padded = |text: &str| format!("{}{text}", " ".repeat(5000));
    tree.put(&format!("{METADATA}/long"), &padded("{}"));
    tree.put(&format!("{METADATA}/long-and-cut"), &padded("{"));
    tree.put("elsewhere", "x");
    std::os::unix::fs::symlink(tree.0.join("elsewhere"), tree.0.join(METADATA).join("link")).unwrap();
    let state = tree.look();
    let mut unreadable: Vec<_> = state.unreadable_devices.iter().map(|(name, _)| name.as_str()).collect();
    unreadable.sort_unstable();
    assert_eq!((state.devices_seen, unreadable), (3, vec!["link", "long-and-cut"]));
}

#[test]
fn more_devices_than_are_read() {
    let tree = Tree::new("many");
    for number in 0..MOST_DEVICES + 10 {
        tree.put(&format!("{METADATA}/{number}"), "{}");
    }
    let state = tree.look();
    assert!(!state.all_devices_seen && state.devices_seen <= MOST_DEVICES);
}

#[test]
fn a_plugin_of_that_name() {
    let tree = Tree::new("plugin");
    assert!(!tree.look().driver_plugin);
    tree.put("etc/docker/plugins/nonsense.spec", "unix:///run/nonsense.sock");
    assert!(tree.look().driver_plugin);
}

#[test]
fn what_a_crash_leaves_of_the_list_of_images() {
    let tree = Tree::new("images");
    let list = "var/lib/docker/image/devicemapper/repositories.json";
    for (text, readable) in [
        (r#"{"Repositories":{}}"#, true),
        ("", false),
        (r#"{"Repositor"#, false),
        ("{nonsense", false),
    ] {
        tree.put(list, text);
        assert_eq!(tree.look().image_list.is_none(), readable, "{text:?}");
    }
}

#[test]
fn a_database_of_volumes_and_what_is_none() {
    let tree = Tree::new("volumes");
    let mut bolt = vec![0_u8; 16_384];
    bolt[16..20].copy_from_slice(&BOLT_MAGIC);
    let second = [vec![0_u8; 4096], bolt.clone()].concat();
    for (bytes, broken) in [
        (bolt, false),
        (second, false),
        (vec![], false),
        (vec![0; 32_768], true),
        (vec![7; 10], true),
    ] {
        tree.put("var/lib/docker/volumes/metadata.db", "");
        fs::write(tree.0.join("var/lib/docker/volumes/metadata.db"), &bytes).unwrap();
        assert_eq!(tree.look().volume_store_broken, broken, "{} bytes", bytes.len());
    }
}

#[test]
fn a_data_root_below_a_file() {
    let tree = Tree::new("below");
    tree.put("var/lib", "");
    assert!(tree.look().not_a_directory);
}

#[test]
fn a_data_root_that_is_a_file() {
    let tree = Tree::new("file");
    tree.put("var/lib/docker", "");
    assert!(tree.look().not_a_directory);
}

/// Nobody writes to the pipes: to open them as files are opened would wait for ever.
#[test]
fn pipes_in_place_of_dockers_own_files() {
    let tree = Tree::new("pipes");
    let metadata = tree.0.join(METADATA);
    fs::create_dir_all(&metadata).unwrap();
    for name in ["base", "deviceset-metadata", "0123"] {
        nix::unistd::mkfifo(&metadata.join(name), stat::Mode::S_IRWXU).unwrap();
    }
    let state = tree.look();
    assert!(matches!(state.base, Some(Err(_))), "it is there");
    // dockerd may fare otherwise.
    assert_eq!(state.device_set, None);
    assert_eq!(state.unreadable_devices, []);
    fs::remove_file(metadata.join("deviceset-metadata")).unwrap();
    fs::create_dir(metadata.join("deviceset-metadata")).unwrap();
    assert!(matches!(tree.look().device_set, Some(Err(_))));
    fs::remove_dir_all(metadata.parent().unwrap()).unwrap();
    tree.put("var/lib/docker/devicemapper", "");
    assert!(matches!(tree.look().device_set, Some(Err(_))), "a file above");
}

#[test]
fn what_interrupted_pulls_leave() {
    let tree = Tree::new("leftovers");
    let root = tree.0.join("var/lib/docker");
    fs::create_dir_all(root.join("tmp")).unwrap();
    assert!(!has_leftovers(&root));
    tree.put("var/lib/docker/tmp/GetImageBlob1", "x");
    assert!(has_leftovers(&root));
}
