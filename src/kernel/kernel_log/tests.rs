//! Records as kernels write them, hostile ones, and the count of what was lost.

use super::*;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;

fn record(text: &[u8]) -> Option<(u32, u64, u64, String)> {
    parse(text).map(|r| (r.facility, r.sequence, r.when.as_micros() as u64, r.text))
}

#[test]
fn records_of_old_and_new_kernels() {
    for (text, wanted) in [
        (
            &b"6,339,5140900,-;NET: Registered protocol family 10\n"[..],
            (0, 339, 5_140_900, "NET: Registered protocol family 10"),
        ),
        (
            b"3,1,7,-,caller=T1;I/O error, dev loop0, sector 8\n SUBSYSTEM=block\n DEVICE=b7:0\n",
            (0, 1, 7, "I/O error, dev loop0, sector 8"),
        ),
        (b"30,2,8,-;systemd[1]: a; b, c\n", (3, 2, 8, "systemd[1]: a; b, c")),
        (
            b"4,3,9,c;tab\\x09 back\\x5cslash \\xc3\\xa9 \\xzz \\x1",
            (0, 3, 9, "tab\t back\\slash \u{e9} \\xzz \\x1"),
        ),
        (b"0,4,9,-;", (0, 4, 9, "")),
    ] {
        let (facility, sequence, when, said) = wanted;
        assert_eq!(record(text), Some((facility, sequence, when, said.to_owned())));
    }
}

#[test]
fn what_is_no_record() {
    for text in [
        &b""[..],
        b"\n",
        b";",
        b"6;x",
        b"6,1;x",
        b"6,1,-;x",
        b"-6,1,2,-;x",
        b"6,1,2,-",
        b" KEY=value",
        b"6,99999999999999999999,2,-;x",
        b"\xff,1,2,-;x",
    ] {
        assert_eq!(record(text), None, "{}", String::from_utf8_lossy(text));
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, text in "[\\\\x0-9a-f;, \n]{0,40}") {
        parse(&bytes);
        let mut whole = b"6,1,2,-;".to_vec();
        whole.extend(text.as_bytes());
        let said = parse(&whole).unwrap().text;
        proptest::prop_assert!(said.len() <= 3 * text.len());
    }
}

#[test]
fn what_was_overwritten_is_counted() {
    let (ours, theirs) = UnixDatagram::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    let mut log = KernelLog::from(File::from(OwnedFd::from(theirs)));
    for text in [
        "6,5,1,-;five",
        "not a record",
        "6,6,1,-;six",
        "6,10,1,-;ten",
        "6,9,1,-;late",
    ] {
        ours.send(text.as_bytes()).unwrap();
    }
    let mut said = Vec::new();
    while let Some(record) = log.read_next().unwrap() {
        said.push(record.text);
    }
    assert_eq!((said.join(" ").as_str(), log.lost), ("five six ten late", 3));
}

#[test]
fn a_log_that_is_not_there_is_an_error() {
    assert!(KernelLog::open(Path::new("/nonexistent/kmsg")).is_err());
}
