//! The journal against a journald that is well, stuck, restarted or absent.

use super::event::{Event, Kind, Priority};
use super::journal::{Journal, Places};
use super::native::put;
use super::tests::finding;
use crate::model::Deed;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

fn scratch(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("thinguard-report-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(dir.join("journal")).unwrap();
    dir
}

fn places(dir: &std::path::Path) -> Places {
    std::fs::write(dir.join("kmsg"), "").unwrap();
    Places {
        journal: dir.join("journal/socket"),
        syslog: Some(dir.join("log")),
        kmsg: dir.join("kmsg"),
    }
}

fn receive(socket: &UnixDatagram) -> String {
    let mut buffer = vec![0; 1 << 16];
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let count = socket.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..count].to_vec()).unwrap()
}

fn started(words: &str) -> Event {
    Event::of(Kind::GuardStarted, Priority::Info, words)
}

#[test]
fn fields_follow_the_native_protocol() {
    for (name, value, wanted) in [
        ("A_1", "x=y", &b"A_1=x=y\n"[..]),
        ("A", "", b"A=\n"),
        ("A", "two\nlines", b"A\n\x09\0\0\0\0\0\0\0two\nlines\n"),
    ] {
        let mut entry = Vec::new();
        put(&mut entry, name, value);
        assert_eq!(entry, wanted, "{name:?}");
    }
    let mut entry = Vec::new();
    put(&mut entry, "A", &"ü".repeat(10_000));
    assert!(entry.len() < 9000 && std::str::from_utf8(&entry).is_ok());
}

#[test]
fn an_event_reaches_the_journal_with_its_fields() {
    let dir = scratch("sent");
    let server = UnixDatagram::bind(dir.join("journal/socket")).unwrap();
    let journal = Journal::open_at("docker.service", places(&dir));
    journal.tell(&Event::raised(&finding()));
    let entry = receive(&server);
    for field in [
        "PRIORITY=4\n",
        "SYSLOG_IDENTIFIER=thinguard\n",
        "OBJECT_SYSTEMD_UNIT=docker.service\n",
    ] {
        assert!(entry.contains(field), "{field} in {entry}");
    }
    assert!(entry.starts_with("MESSAGE=pool-low: ") && entry.contains("THINGUARD_CODE=pool-low\n"));
    assert!(entry.contains(&format!("MESSAGE_ID={}\n", Kind::FindingRaised.message_id().unwrap())));
    assert!(entry.contains(&format!("SYSLOG_PID={}\n", std::process::id())));
    journal.tell(&Event::plain(Priority::Info, "evil\nPRIORITY=0"));
    let entry = receive(&server);
    assert!(entry.starts_with("MESSAGE=evil\\nPRIORITY=0\n") && !entry.contains("MESSAGE_ID"));
}

#[test]
fn a_stuck_journal_never_blocks_and_tells_later_what_was_lost() {
    let dir = scratch("stuck");
    let server = UnixDatagram::bind(dir.join("journal/socket")).unwrap();
    let journal = Journal::open_at("docker.service", places(&dir));
    let deed = Event::deed_begun(&Deed::Resume, "it was left suspended");
    journal.tell(&started("docker.service"));
    for _ in 0..1000 {
        journal.tell(&deed);
    }
    assert_eq!(journal.flush(), 64);
    let kmsg = std::fs::read_to_string(dir.join("kmsg")).unwrap();
    assert!(kmsg.starts_with("<5>thinguard: deed-begun: resume the suspended pool, because it was left suspended"));
    // journald wakes up.
    server.set_nonblocking(true).unwrap();
    let mut entries = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    for _ in 0..200 {
        while let Ok(count) = server.recv(&mut buffer) {
            entries.push(String::from_utf8_lossy(&buffer[..count]).into_owned());
        }
        journal.flush();
    }
    assert_eq!(journal.flush(), 0);
    let lost = entries
        .iter()
        .position(|entry| entry.contains("earlier lines were lost"))
        .unwrap();
    let told: u64 = entries[lost]["MESSAGE=".len()..]
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(
        told + entries.len() as u64 - 1,
        1001,
        "each line was either told or counted"
    );
    assert!(entries[lost + 1].contains("THINGUARD_LATE_SECONDS="));
}

#[test]
fn the_journal_may_restart() {
    let dir = scratch("restart");
    let journal = Journal::open_at("docker.service", places(&dir));
    journal.tell(&started("first"));
    assert_eq!(journal.flush(), 1, "no socket yet, but systemd's directory: kept");
    let server = UnixDatagram::bind(dir.join("journal/socket")).unwrap();
    assert_eq!(journal.finish(Duration::from_secs(1)), 0);
    assert!(receive(&server).contains("first"));
    drop(server);
    journal.tell(&started("second"));
    assert_eq!(journal.flush(), 1, "refused: kept");
    std::fs::remove_file(dir.join("journal/socket")).unwrap();
    let server = UnixDatagram::bind(dir.join("journal/socket")).unwrap();
    assert_eq!(journal.flush(), 0);
    assert!(receive(&server).contains("second"));
}

#[test]
fn without_systemd_syslog_gets_the_line_and_may_restart() {
    let dir = scratch("syslog");
    std::fs::remove_dir(dir.join("journal")).unwrap();
    let journal = Journal::open_at("docker.service", places(&dir));
    for round in 0..2 {
        let server = UnixDatagram::bind(dir.join("log")).unwrap();
        journal.tell(&Event::raised(&finding()));
        let line = receive(&server);
        assert!(
            line.starts_with("<28>") && line.contains("thinguard["),
            "round {round}: {line}"
        );
        assert!(line.contains("]: pool-low: docker-254:16-131074-pool: data 82%"));
        std::fs::remove_file(dir.join("log")).unwrap();
    }
    // No syslogd at all: nothing hangs, and the kernel's log has what matters.
    journal.tell(&Event::plain(Priority::Info, "idle talk"));
    journal.tell(&Event::raised(&finding()));
    assert_eq!(journal.finish(Duration::from_secs(2)), 0);
    let kernel_log = std::fs::read_to_string(dir.join("kmsg")).unwrap();
    assert!(
        kernel_log.starts_with("<4>thinguard: pool-low: docker-254:16-131074-pool: data 82%"),
        "{kernel_log}"
    );
    assert!(!kernel_log.contains("idle talk"));
    assert!(
        kernel_log.ends_with('\n'),
        "or the kernel holds it back until the next line"
    );
}

/// Without journald on a host that systemd runs: it is given a few seconds to come back, then syslog gets all that was kept.
#[test]
fn syslog_takes_the_place_of_a_journald_that_stays_away() {
    for leaves_its_socket in [false, true] {
        let dir = scratch("away");
        if leaves_its_socket {
            drop(UnixDatagram::bind(dir.join("journal/socket")).unwrap());
        }
        let server = UnixDatagram::bind(dir.join("log")).unwrap();
        let journal = Journal::open_at("docker.service", places(&dir));
        journal.tell(&Event::deed_begun(&Deed::Resume, "it was left suspended"));
        journal.tell(&Event::raised(&finding()));
        assert_eq!(journal.flush(), 2, "it may come back");
        let kernel_log = || std::fs::read_to_string(dir.join("kmsg")).unwrap();
        assert!(kernel_log().starts_with("<5>thinguard: deed-begun: "));
        std::thread::sleep(Duration::from_millis(5100));
        assert_eq!(journal.flush(), 0);
        assert!(receive(&server).contains("]: deed-begun: resume the suspended pool"));
        assert!(receive(&server).contains("]: pool-low: docker-254:16-131074-pool: data 82%"));
        journal.tell(&started("third"));
        assert!(receive(&server).contains("third"), "and nothing is kept any more");
        drop(server);
        journal.tell(&Event::raised(&finding()));
        assert_eq!(journal.finish(Duration::from_secs(2)), 0);
        let told = kernel_log();
        assert_eq!(told.matches("deed-begun").count(), 1, "{told}");
        assert_eq!(told.matches("pool-low").count(), 1, "{told}");
        // journald is started.
        let _ = std::fs::remove_file(dir.join("journal/socket"));
        let journald = UnixDatagram::bind(dir.join("journal/socket")).unwrap();
        journal.tell(&started("fourth"));
        assert!(receive(&journald).contains("fourth"));
    }
}

/// A process that ends does not wait for journald to come back.
#[test]
fn a_short_lived_process_tells_syslog_at_once() {
    let dir = scratch("short");
    let server = UnixDatagram::bind(dir.join("log")).unwrap();
    let journal = Journal::open_at("docker.service", places(&dir));
    journal.tell(&Event::preflight_verdict(
        crate::model::Answer::Start,
        &[],
        Duration::from_millis(7),
        None,
    ));
    assert_eq!(journal.finish(Duration::from_secs(2)), 0);
    assert!(receive(&server).contains("]: preflight-verdict: Docker may start (7 ms)"));
}

/// The figures are those of the moment when a thing was told, whenever the journal takes it.
#[test]
fn the_pool_in_sight_stands_beside_each_line() {
    let dir = scratch("sight");
    let journal = Journal::open_at("docker.service", places(&dir));
    journal.tell(&Event::plain(Priority::Info, "none"));
    journal.sees(vec![
        ("THINGUARD_POOL", "one".to_owned()),
        ("THINGUARD_DATA_USED", "7".to_owned()),
    ]);
    journal.tell(&Event::raised(&finding()));
    journal.sees(Vec::new());
    journal.tell(&Event::plain(Priority::Info, "gone"));
    let server = UnixDatagram::bind(dir.join("journal/socket")).unwrap();
    assert_eq!(journal.flush(), 0);
    assert!(!receive(&server).contains("THINGUARD_POOL"));
    let entry = receive(&server);
    assert!(entry.contains("THINGUARD_POOL=one\nTHINGUARD_DATA_USED=7\n"), "{entry}");
    assert!(!receive(&server).contains("THINGUARD_POOL"));
}

#[test]
fn log_records_reach_the_journal() {
    use log::Log;
    let dir = scratch("log");
    let server = UnixDatagram::bind(dir.join("journal/socket")).unwrap();
    let sink = super::log_sink::LogSink {
        journal: Journal::open_at("docker.service", places(&dir)),
        terminal: false,
    };
    for (level, told) in [(log::Level::Debug, false), (log::Level::Warn, true)] {
        sink.log(
            &log::Record::builder()
                .level(level)
                .args(format_args!("line {told}"))
                .build(),
        );
    }
    assert!(receive(&server).starts_with("MESSAGE=line true\nPRIORITY=4\n"));
}
