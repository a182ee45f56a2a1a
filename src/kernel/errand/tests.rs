//! Errands with children that answer, hang, die and panic.

use super::*;
use crate::kernel::program;
use std::path::Path;
use std::time::Instant;

fn request(body: &[u8]) -> Request {
    let body = body.to_vec();
    Request {
        kind: Kind::Drill,
        body,
    }
}

fn worker(_: Kind, request: &[u8]) -> Vec<u8> {
    match request {
        b"hang" => {
            // For as long as the helper lives, and a minute at most where it was gone before this began: the test must leave
            // nobody behind.
            let helper = nix::unistd::getppid();
            let end = Instant::now() + Duration::from_secs(60);
            while nix::unistd::getppid() == helper && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(100));
            }
            end_process()
        }
        b"panic" => panic!("a panic ends this errand alone"),
        b"die" => end_process(),
        b"run" => program::says(Path::new("/bin/echo"), &["heard"], Duration::from_secs(10)).unwrap_or_default(),
        b"streams" => [0, 1, 2]
            .map(|fd| std::fs::read_link(format!("/proc/self/fd/{fd}")).unwrap_or_default())
            .map(|path| path.display().to_string())
            .join(" ")
            .into_bytes(),
        b"large" => vec![b'x'; 300_000],
        b"flood" => vec![b'x'; MAX_ANSWER + 1],
        other => other.to_ascii_uppercase(),
    }
}

fn finish(errand: &mut Errand, limit: Duration) -> Progress {
    let end = Instant::now() + limit;
    loop {
        match errand.progress() {
            Progress::Pending if Instant::now() < end => {
                wait([errand.as_fd()], Duration::from_millis(50)).unwrap();
            }
            progress => return progress,
        }
    }
}

/// The test harness has threads, and a fork of it may inherit a lock that is held; so the whole test runs in one function
/// that forks once, as a program with a single thread would.
#[test]
fn errands_come_back_or_stay_away_alone() {
    let porter = Porter::start(worker, false).unwrap();
    let mut hanging = porter.send(&request(b"hang")).unwrap();
    let limit = Duration::from_secs(20);
    for (body, expected) in [
        (&b"abc"[..], Progress::Answered(b"ABC".to_vec())),
        (b"large", Progress::Answered(vec![b'x'; 300_000])),
        // The kernel reaps an errand's children; how they ended must be known all the same.
        (b"run", Progress::Answered(b"heard\n".to_vec())),
        // Whoever reads the command's output to its end must not wait for a child that is stuck.
        (
            b"streams",
            Progress::Answered(b"/dev/null /dev/null /dev/null".to_vec()),
        ),
        (b"panic", Progress::Lost),
        (b"die", Progress::Lost),
        (b"flood", Progress::Lost),
        (b"still there", Progress::Answered(b"STILL THERE".to_vec())),
    ] {
        let mut errand = porter.send(&request(body)).unwrap();
        assert_eq!(
            finish(&mut errand, limit),
            expected,
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    assert_eq!(hanging.progress(), Progress::Pending);
    assert!(porter.send(&request(&vec![0; MAX_REQUEST])).is_err());

    let mut slot = Slot::default();
    let (sent, later) = (Duration::from_secs(5), Duration::from_secs(7));
    slot.send(&porter, &request(b"hang"), sent).unwrap();
    assert_eq!(slot.send(&porter, &request(b"abc"), later), Err(Undone::StillOut));
    assert_eq!(slot.out_for(later), Some(later - sent));
    assert!(slot.collect().is_none());
}

#[test]
fn a_request_that_is_none_of_ours_is_answered_with_an_error() {
    let said = decode::<u8>(&answer(b"\xff", |number: u8| encode(Ok::<_, Undone>(number))));
    let Err(Undone::Failed(why)) = said else {
        panic!("{said:?}")
    };
    assert!(why.starts_with("unreadable request"), "{why}");
    assert!(matches!(decode::<u8>(b""), Err(Undone::Unreadable(_))));
}
