//! Owners of volumes in trees of Docker's records, and what is made of them.

use super::*;
use crate::observe::test_tree::TestTree;

fn id(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn docker_1_10(tree: &TestTree, container: &str, layer: &str, name: &str) {
    let mounts = "image/devicemapper/layerdb/mounts";
    tree.write(&format!("{mounts}/{container}/mount-id"), layer);
    tree.write(
        &format!("containers/{container}/config.v2.json"),
        &format!("{{\"Name\":\"/{name}\"}}"),
    );
}

#[test]
fn containers_are_found_by_their_layers() {
    let tree = TestTree::new();
    docker_1_10(&tree, &id('a'), &id('1'), "web");
    docker_1_10(&tree, &id('b'), &id('2'), "db");
    // What is none of Docker's is passed over.
    docker_1_10(&tree, "not-an-id", &id('3'), "odd");
    tree.write(
        &format!("image/devicemapper/layerdb/mounts/{}/mount-id", id('c')),
        "../../x",
    );
    tree.write(
        &format!("image/devicemapper/layerdb/mounts/{}/mount-id", id('d')),
        &id('4'),
    );

    let wanted = [id('1'), id('3'), id('4'), "../../../etc".into()];
    let owners = owners(tree.path(), &wanted);
    assert_eq!(owners.unread, None);
    let mut found: Vec<_> = owners
        .found
        .iter()
        .map(|it| (it.container.clone(), it.name.as_deref()))
        .collect();
    found.sort();
    assert_eq!(found, [(id('a'), Some("web")), (id('d'), None)]);
}

#[test]
fn docker_before_1_10_names_the_layer_after_the_container() {
    let tree = TestTree::new();
    tree.write(&format!("containers/{}/config.json", id('a')), "{\"Name\":\"/old\"}");
    let owners = owners(tree.path(), &[id('a'), id('b')]);
    assert_eq!(owners.found.len(), 1);
    assert_eq!(owners.found[0].name.as_deref(), Some("old"));
}

#[test]
fn what_cannot_be_read_is_told() {
    let tree = TestTree::new();
    tree.write("image/devicemapper/layerdb/mounts", "no directory");
    let owners = owners(tree.path(), &[id('a')]);
    assert!(owners.found.is_empty());
    assert!(owners.unread.is_some_and(|why| why.contains("os error")));
}

#[test]
fn the_largest_come_first() {
    let volume = |name: &str, mapped| Volume {
        name: name.into(),
        mapped: Bytes(mapped),
    };
    let mut volumes: Vec<_> = (0..30).map(|n| volume(&format!("v{n:02}"), n)).collect();
    volumes.push(volume("a", 29));
    let largest = largest(volumes);
    assert_eq!(largest.len(), NAMED);
    let names: Vec<_> = largest.iter().take(3).map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["a", "v29", "v28"]);
}
