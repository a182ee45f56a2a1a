//! Requests and replies on bytes, the hostile ones above all. No device-mapper is needed.

mod door;

use super::wire::{self, Reply, request};
use super::*;
use proptest::prelude::*;

/// Places of `struct dm_ioctl`, written down a second time from linux/dm-ioctl.h.
const DATA_SIZE: usize = 12;
const DATA_START: usize = 16;
const TARGET_COUNT: usize = 20;
const FLAGS: usize = 28;
const EVENT_NR: usize = 32;
const DEV: usize = 40;
const NAME: usize = 48;
const UUID: usize = 176;

fn pool_line(length: u64) -> TargetLine {
    TargetLine {
        start: 0,
        length,
        kind: "thin-pool".into(),
        params: "7:1 7:0 128 32768 1 skip_block_zeroing ".into(),
    }
}

fn set(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
}

fn get(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// A reply to `DM_TABLE_STATUS`. In a request `next` counts from the target it stands in, in a reply from the first one.
fn status_reply(lines: &[TargetLine]) -> Vec<u8> {
    let mut bytes = request("docker-pool", wire::ACTIVE_PRESENT, 7, lines, 0).unwrap();
    let mut at = 0;
    for _ in lines {
        let next = at + get(&bytes, 312 + at + 20) as usize;
        set(&mut bytes, 312 + at + 20, next as u32);
        at = next;
    }
    bytes
}

/// A reply to `DM_LIST_DEVICES`.
fn list_reply(devices: &[(u64, &str)]) -> Vec<u8> {
    let mut bytes = request("", 0, 0, &[], 0).unwrap();
    for (index, (dev, name)) in devices.iter().enumerate() {
        let length = (12 + name.len() + 1).next_multiple_of(8);
        let next = if index + 1 == devices.len() { 0 } else { length as u32 };
        bytes.extend(dev.to_ne_bytes());
        bytes.extend(next.to_ne_bytes());
        bytes.extend(name.as_bytes());
        bytes.resize(bytes.len() + length - 12 - name.len(), 0);
    }
    let size = bytes.len() as u32;
    set(&mut bytes, DATA_SIZE, size);
    bytes
}

#[test]
fn a_request_has_every_field_where_the_kernel_looks() {
    let bytes = request("docker-pool", wire::NOFLUSH, 9, &[pool_line(2457600)], 0).unwrap();
    assert_eq!([get(&bytes, 0), get(&bytes, 4), get(&bytes, 8)], [4, 0, 0]);
    assert_eq!(get(&bytes, DATA_SIZE) as usize, bytes.len());
    assert_eq!(get(&bytes, DATA_START), 312);
    assert_eq!(get(&bytes, TARGET_COUNT), 1);
    assert_eq!(get(&bytes, FLAGS), 1 << 11);
    assert_eq!(get(&bytes, EVENT_NR), 9);
    assert_eq!(&bytes[NAME..NAME + 12], b"docker-pool\0");
    assert_eq!(bytes[UUID], 0, "a name and a UUID at once are refused by the kernel");
    assert_eq!(&bytes[312..320], &[0; 8]);
    assert_eq!(&bytes[320..328], &2457600u64.to_ne_bytes());
    assert_eq!(&bytes[336..346], b"thin-pool\0");
    assert!(bytes[352..].starts_with(b"7:1 7:0 128 32768 1 skip_block_zeroing \0"));
    assert_eq!((bytes.len() - 312) % 8, 0);
    assert_eq!(get(&bytes, 312 + 20) as usize, bytes.len() - 312);
}

#[test]
fn a_request_leaves_the_room_asked_for() {
    let bytes = request("p", 0, 0, &[], 16384).unwrap();
    assert_eq!((bytes.len(), get(&bytes, DATA_SIZE)), (16384, 16384));
}

#[test]
fn names_and_tables_that_do_not_fit_are_refused() {
    assert!(request(&"n".repeat(127), 0, 0, &[], 0).is_ok());
    for bad in ["n".repeat(128), "n".repeat(5000), "a\0b".into()] {
        assert!(matches!(request(&bad, 0, 0, &[], 0), Err(Error::BadName(_))), "{bad}");
    }
    for (kind, params) in [
        ("", ""),
        ("sixteen-letters!", ""),
        ("a\0b", ""),
        ("thin-pool", "7:1\0 7:0"),
    ] {
        let line = TargetLine {
            start: 0,
            length: 8,
            kind: kind.into(),
            params: params.into(),
        };
        assert!(
            matches!(request("p", 0, 0, &[line], 0), Err(Error::BadTable(_))),
            "{kind} {params}"
        );
    }
}

#[test]
fn status_lines_come_back_as_sent() {
    let short = TargetLine {
        start: 2457600,
        length: 8,
        kind: "error".into(),
        params: String::new(),
    };
    for lines in [
        vec![],
        vec![pool_line(2457600)],
        vec![pool_line(2457600), short.clone()],
        vec![short, pool_line(1)],
    ] {
        assert_eq!(Reply(&status_reply(&lines)).targets(), Ok(lines));
    }
}

#[test]
fn a_reply_with_a_header_only_has_no_targets() {
    let mut bytes = status_reply(&[]);
    set(&mut bytes, DATA_SIZE, 305);
    set(&mut bytes, TARGET_COUNT, 3);
    assert_eq!(Reply(&bytes).targets(), Ok(vec![]));
    assert_eq!(Reply(&bytes).names(), Ok(vec![]));
}

#[test]
fn info_reads_flags_and_numbers() {
    let mut bytes = request("docker-254:0-394414-pool", 0, 3, &[], 0).unwrap();
    set(&mut bytes, FLAGS, (1 << 1) | (1 << 5) | (1 << 6));
    bytes[DEV..DEV + 8].copy_from_slice(&((254u64 << 8) | 0x34 | (0x12 << 20)).to_ne_bytes());
    let info = Reply(&bytes).info().unwrap();
    assert_eq!((info.major, info.minor, info.event_nr), (254, 0x1234, 3));
    assert_eq!(info.name, "docker-254:0-394414-pool");
    assert!(info.suspended && info.has_live_table && info.has_inactive_table && !info.read_only);
}

#[test]
fn info_with_texts_that_do_not_end_is_refused() {
    for (from, to) in [(NAME, UUID), (UUID, 305)] {
        let mut bytes = request("p", 0, 0, &[], 0).unwrap();
        bytes[from..to].fill(b'x');
        assert!(Reply(&bytes).info().is_err());
    }
    assert!(Reply(&[0; 311]).info().is_err());
}

#[test]
fn the_list_reads_all_devices() {
    let names = Reply(&list_reply(&[((254 << 8) | 1, "a"), ((254 << 8) | 2, "docker-pool")]))
        .names()
        .unwrap();
    assert_eq!(
        names[1],
        Listed {
            name: "docker-pool".into(),
            major: 254,
            minor: 2
        }
    );
    assert_eq!(names.len(), 2);
    assert_eq!(Reply(&list_reply(&[])).names(), Ok(vec![]));
    assert_eq!(Reply(&list_reply(&[(0, "")])).names(), Ok(vec![]));
}

#[test]
fn lying_replies_are_refused_and_end() {
    let two = status_reply(&[pool_line(8), pool_line(16)]);
    let second = get(&two, 312 + 20);
    for (what, at, value) in [
        ("next is zero", 312 + 20, 0),
        ("next points into the first target", 312 + 20, 39),
        ("next is out of bounds", 312 + 20, second + 4096),
        ("next is the largest number", 312 + 20, u32::MAX),
        ("more targets than there are", TARGET_COUNT, u32::MAX),
        ("data end past the buffer", DATA_SIZE, u32::MAX),
        ("data start past their end", DATA_START, two.len() as u32 + 8),
        ("data start in the header", DATA_START, 8),
    ] {
        let mut bytes = two.clone();
        set(&mut bytes, at, value);
        assert!(Reply(&bytes).targets().is_err(), "{what}");
    }
    let mut unterminated = status_reply(&[pool_line(8)]);
    unterminated[352..].fill(b'7');
    assert!(Reply(&unterminated).targets().is_err());
    let mut no_kind_end = status_reply(&[pool_line(8)]);
    no_kind_end[336..352].fill(b't');
    assert!(Reply(&no_kind_end).targets().is_err());

    for next in [1, 12, 4096, u32::MAX] {
        let mut bytes = list_reply(&[(258, "one"), (259, "two")]);
        set(&mut bytes, 312 + 8, next);
        assert!(Reply(&bytes).names().is_err(), "next {next}");
    }
}

#[test]
fn an_absent_device_mapper_is_named() {
    let error = Control::open(Path::new("/nonexistent/control"))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("device-mapper is not available: /nonexistent/control: No such file"),
        "{error}"
    );
    assert!(error.ends_with("modprobe dm_mod"), "{error}");
}

#[test]
fn a_device_that_is_no_control_device_refuses() {
    let control = Control::open(Path::new("/dev/null")).unwrap();
    assert!(matches!(
        control.list(),
        Err(Error::Refused {
            errno: Errno::ENOTTY,
            ..
        })
    ));
    assert!(matches!(control.info(&"x".repeat(128)), Err(Error::BadName(_))));
}

#[test]
fn request_numbers_are_those_of_the_header_file() {
    // DM_DEV_SUSPEND and DM_TABLE_STATUS as strace shows them on x86-64.
    assert_eq!(
        nix::request_code_readwrite!(0xfd, Command::Resume as u8, wire::HEADER) as u32,
        0xc138fd06
    );
    assert_eq!(
        nix::request_code_readwrite!(0xfd, Command::Status as u8, wire::HEADER) as u32,
        0xc138fd0c
    );
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
        let reply = Reply(&bytes);
        let _ = (reply.version(), reply.info(), reply.targets(), reply.names(), reply.is_full());
    }

    #[test]
    fn any_damage_to_a_true_reply_is_survived(at in 0usize..520, value: u32, list: bool) {
        let mut bytes = if list {
            list_reply(&[(258, "one"), (259, "docker-pool"), (260, "three")])
        } else {
            status_reply(&[pool_line(8), pool_line(16), pool_line(32)])
        };
        let at = at.min(bytes.len() - 4);
        set(&mut bytes, at, value);
        let reply = Reply(&bytes);
        let _ = (reply.info(), reply.targets(), reply.names());
    }

    #[test]
    fn what_is_loaded_is_what_is_read(length: u64, params in "[ -~]{0,200}") {
        let line = TargetLine { start: 0, length, kind: "thin-pool".into(), params };
        prop_assert_eq!(Reply(&status_reply(std::slice::from_ref(&line))).targets(), Ok(vec![line]));
    }
}
