//! Hostile input for every reader at once: no panic, no unbounded memory, always an answer. The fuzzer in tests/fuzz goes through the
//! same door for as long as one lets it.

#[path = "hostile/every.rs"]
mod every;

use every::every;
use proptest::prelude::*;
use std::fs;

/// Texts near to what the readers expect: their own grammars get further into them than random bytes do.
const SEEDS: [&str; 14] = [
    "10G",
    "dm.loopdatasize=300G\ndm.basesize=10 GB\ndm.fs=ext4\ndm.blocksize=64k\ndm.min_free_space=10%",
    r#"{"storage-driver":"devicemapper","storage-opts":["dm.fs=xfs",null],"hosts":["fd://"],"default-ulimits":{"a":{"Hard":1}}}"#,
    "DOCKER_STORAGE_OPTIONS=\"--storage-opt dm.fs=ext4 \\\n --graph='/home/docker'\"\n# \\\nexport X=$Y\n",
    "[Service]\nEnvironment=\"A=b c\" 'D=\\x41'\nEnvironmentFile=-/etc/sysconfig/docker*\nExecStart=\nExecStart=-@/bin/sh -c 'a $B ${C} %n \\\n | d' ; /bin/x\n",
    "/bin/sh -c '/usr/bin/docker-current daemon $OPTIONS \"a\\\" b\" 2>&1 | /usr/bin/forward-journald -tag docker'",
    r#"{"device_id":7,"size":10737418240,"transaction_id":13,"initialized":true,"deleted":false}"#,
    r#"{"Devices":{"":{"device_id":1,"size":1}},"open_transaction_id":3,"device_id":2}"#,
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1a\r\n{\"DriverStatus\":[[\"a\",\"b\"]]}\r\n0\r\n\r\n",
    "Package: docker.io\nStatus: install ok installed\nVersion: 20.10.24+dfsg1-1+deb12u1\n\nID=\"centos\"\nID_LIKE='rhel fedora'\n",
    "1d2e3f-docker-1.13.1-209.git7d71120.el7.centos-x86_64",
    "Docker version 1.10.3, build cb079f6-unsupported",
    "0 4161/524288 7078/819200 - rw discard_passdown queue_if_no_space - 1024",
    "512 (dockerd) D 1 512 512 0 -1 1077936128 1 0 0 0 1 1 0 0 20 0 9 0 100 0 0 1844674407370955161 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0",
];

/// A seed with some of its bytes changed, taken out, doubled, or another seed put in.
fn near_a_seed() -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>(), 0..5_u8, 0..SEEDS.len());
    (0..=SEEDS.len(), prop::collection::vec(change, 0..8)).prop_map(|(seed, changes)| {
        let mut data = SEEDS.get(seed).map_or_else(superblock, |seed| seed.as_bytes().to_vec());
        for (at, byte, kind, other) in changes {
            if data.is_empty() {
                break;
            }
            let at = at.index(data.len());
            match kind {
                0 => data[at] = byte,
                1 => drop(data.remove(at)),
                2 => data.truncate(at),
                3 => drop(data.splice(at..at, SEEDS[other].bytes())),
                _ => data.extend_from_within(..at),
            }
        }
        data
    })
}

fn superblock() -> Vec<u8> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/thin-superblock.bin");
    fs::read(path).expect("the fixture is there")
}

/// The most memory this process ever had, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let figure = line.and_then(|line| line.trim().strip_suffix(" kB"));
    figure.and_then(|figure| figure.parse().ok()).expect("a figure")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn near_to_the_grammars(data in near_a_seed()) {
        every(&data);
    }

    #[test]
    fn any_bytes(data in prop::collection::vec(any::<u8>(), 0..2048)) {
        every(&data);
    }
}

/// What nests, repeats or runs on: each reader's memory stays in proportion to its input.
#[test]
fn long_input_takes_memory_in_proportion() {
    every(b"");
    let before = peak();
    for piece in [
        "[",
        "{\"a\":",
        "\"",
        "'",
        "\\\n",
        "$X ",
        "${X}",
        "--storage-opt dm.fs=xfs ",
        "a=b\n",
        "9",
        "%",
        " ; ",
        "é",
    ] {
        every(piece.repeat((1 << 15) / piece.len()).as_bytes());
    }
    let grown = peak() - before;
    assert!(grown < 32 << 10, "{grown} KiB more at the peak, for input of 32 KiB");
}
