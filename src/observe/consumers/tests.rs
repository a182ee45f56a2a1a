//! Owners of volumes in trees of Docker's records, and what is made of them.

use super::*;
use crate::model::Bytes;
use crate::observe::test_tree::TestTree;

fn id(digit: char) -> String {
    digit.to_string().repeat(64)
}

fn volume(layer: &str, mapped: u64) -> Consumer {
    Consumer {
        device: format!("docker-8:1-12-{layer}"),
        container: None,
        name: None,
        mapped_bytes: Bytes(mapped),
    }
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

    let layers = [id('1'), id('3'), id('4'), "../../../etc".into()];
    let owned = owners(tree.path(), layers.iter().map(|layer| volume(layer, 1)).collect());
    assert_eq!(owned.unread, None);
    let found: Vec<_> = owned
        .volumes
        .iter()
        .map(|it| (&it.container, it.name.as_deref()))
        .collect();
    let (web, nameless) = (Some(id('a')), Some(id('d')));
    assert_eq!(
        found,
        [(&web, Some("web")), (&None, None), (&nameless, None), (&None, None)]
    );
}

#[test]
fn docker_before_1_10_names_the_layer_after_the_container() {
    let tree = TestTree::new();
    tree.write(&format!("containers/{}/config.json", id('a')), "{\"Name\":\"/old\"}");
    let owned = owners(tree.path(), vec![volume(&id('a'), 1), volume(&id('b'), 1)]);
    let [old, none] = owned.volumes.as_slice() else {
        panic!("{owned:?}")
    };
    assert_eq!((old.name.as_deref(), &old.container), (Some("old"), &Some(id('a'))));
    assert_eq!((&none.name, &none.container), (&None, &None));
}

#[test]
fn what_cannot_be_read_is_told() {
    let tree = TestTree::new();
    tree.write("image/devicemapper/layerdb/mounts", "no directory");
    let owned = owners(tree.path(), vec![volume(&id('a'), 1)]);
    assert_eq!(owned.volumes[0].container, None);
    assert!(owned.unread.is_some_and(|why| why.contains("os error")));
}

#[test]
fn the_largest_come_first() {
    let mut volumes: Vec<_> = (0..30).map(|n| volume(&format!("v{n:02}"), n)).collect();
    volumes.push(volume("a", 29));
    let largest = largest(volumes);
    assert_eq!(largest.len(), NAMED);
    let names: Vec<_> = largest.iter().take(3).map(|it| it.device.as_str()).collect();
    assert_eq!(names, ["docker-8:1-12-a", "docker-8:1-12-v29", "docker-8:1-12-v28"]);
}
