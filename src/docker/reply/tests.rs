//! Tests of `reply`: whole, cut off, oversized and hostile replies.

use super::*;
use proptest::prelude::*;

fn read(text: &str, eof: bool) -> Result<Option<(u16, bool, String)>, String> {
    let reply = parse(text.as_bytes(), eof)?;
    Ok(reply.map(|r| (r.status, r.complete, String::from_utf8_lossy(&r.body).into_owned())))
}

#[test]
fn replies() {
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (text, eof, expected) in [
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nOK",
            false,
            (200, true, "OK"),
        ),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nO", true, (200, false, "O")),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nOK and more",
            false,
            (200, true, "OK"),
        ),
        ("HTTP/1.0 200 OK\r\n\r\nOK", false, (200, false, "OK")),
        ("HTTP/1.0 200 OK\r\n\r\nOK", true, (200, true, "OK")),
        ("HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n", false, (500, true, "")),
        ("HTTP/1.1 204 No Content\r\n\r\n", false, (204, true, "")),
        (&format!("{CHUNKED}2\r\nOK\r\n0\r\n\r\n"), false, (200, true, "OK")),
        (&format!("{CHUNKED}2\r\nOK\r\n"), true, (200, false, "OK")),
        (&format!("{CHUNKED}5\r\nOK"), true, (200, false, "OK")),
        (
            &format!("{CHUNKED}2;x=y\r\nOK\r\n3\r\n!!!\r\n0\r\n"),
            false,
            (200, true, "OK!!!"),
        ),
    ] {
        let (status, complete, body) = expected;
        assert_eq!(
            read(text, eof),
            Ok(Some((status, complete, body.to_owned()))),
            "{text:?} {eof}"
        );
    }
}

#[test]
fn half_a_head_is_no_reply_yet() {
    for text in [
        "",
        "H",
        "HTTP/1.0 200",
        "HTTP/1.0 200 OK\r\n",
        "HTTP/1.0 200 OK\r\nContent-Le",
    ] {
        assert_eq!(read(text, false), Ok(None), "{text:?}");
        assert!(read(text, true).is_err(), "{text:?}");
    }
}

#[test]
fn refuses() {
    let huge = format!("HTTP/1.0 200 OK\r\n\r\n{}", "x".repeat(MAX_BODY + 1));
    let many = format!("HTTP/1.0 200 OK\r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1));
    let long = format!("HTTP/1.0 200 OK\r\nA: {}", "b".repeat(MAX_HEAD));
    let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for text in [
        "OK",
        "SSH-2.0-OpenSSH\r\n",
        "\0\0\0",
        "HTTP/1.0 200 OK\r\nContent-Length: 4194305\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: +1\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        &format!("{chunk}ffffffffffffffff\r\n"),
        &format!("{chunk}400001\r\n"),
        &format!("{chunk}xyz\r\n"),
        &format!("{chunk}2\r\nOKOK\r\n"),
        &huge,
        &many,
        &long,
    ] {
        assert!(read(text, false).is_err(), "{:?}", &text[..text.len().min(80)]);
    }
}

#[test]
fn info_of_two_generations() {
    let old = br#"{"Driver":"devicemapper","DriverStatus":[["Pool Name","docker-254:0-394414-pool"],
        ["Data file",""],["odd"],[1,2],"x"],"ServerVersion":"1.10.3","ContainersRunning":3,"Warnings":null}"#;
    let info = parse_info(old).expect("reads");
    assert_eq!(info.driver.as_deref(), Some("devicemapper"));
    assert_eq!(info.row("Pool Name"), Some("docker-254:0-394414-pool"));
    assert_eq!(info.row("Data file"), Some(""));
    assert_eq!(info.row("Data loop file"), None);
    assert_eq!(info.server_version.as_deref(), Some("1.10.3"));
    assert_eq!((info.live_restore, info.containers_running), (None, Some(3)));
    let new = parse_info(br#"{"LiveRestoreEnabled":true,"ContainersRunning":-1,"DriverStatus":null}"#).expect("reads");
    assert_eq!(
        (new.live_restore, new.containers_running, new.driver),
        (Some(true), None, None)
    );
    for bad in [&b""[..], b"[]", b"null", b"{", b"\xff", b"OK"] {
        assert!(parse_info(bad).is_err());
    }
}

proptest! {
    #[test]
    fn never_panics(bytes: Vec<u8>, chunked: bool, eof: bool) {
        let _ = parse(&bytes, eof);
        let head: &[u8] = match chunked {
            true => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            false => b"HTTP/1.1 200 OK\r\n\r\n",
        };
        let _ = parse(&[head, &bytes].concat(), eof);
        let _ = parse_info(&bytes);
    }

    #[test]
    fn complete_only_when_all_is_here(body in "[a-z]{0,40}", cut in 0usize..200) {
        let whole = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let cut = cut.min(whole.len());
        let reply = parse(&whole.as_bytes()[..cut], false);
        prop_assert_eq!(reply.map(|r| r.is_some_and(|r| r.complete)), Ok(cut == whole.len()));
    }
}
