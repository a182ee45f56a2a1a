//! Our lines in the journal, sent so that no journald, however stuck, can make us wait.
//!
//! `sd_journal_send` and `/dev/log` block when journald waits for its disk, and the disk may be what hangs. So: an unbound
//! socket, the address given anew with each datagram (it survives journald's restart), `MSG_DONTWAIT`, and a bounded ring
//! for what was not taken. A deed's line goes to the kernel's log as well when the journal does not take it.

use super::event::{Event, Kind, Priority};
use super::syslog_thread::SyslogThread;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, sendto, socket};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Entries kept while the journal does not take them.
const RING: usize = 64;
/// Longest value of a field, in bytes: with the few fields we have, a datagram stays below the socket's buffer.
const LONGEST_VALUE: usize = 8 * 1024;
/// Lines of one entry that go to syslog, which knows single lines only.
const MOST_SYSLOG_LINES: usize = 16;
/// The kernel cuts a record at about 1000 bytes.
const LONGEST_KMSG: usize = 900;

/// Where to send to.
#[derive(Debug, Clone)]
pub struct Places {
    /// journald's native socket.
    pub journal: PathBuf,
    /// syslog's socket, where there is no systemd; `None` is wherever the system has it.
    pub syslog: Option<PathBuf>,
    /// The kernel's log.
    pub kmsg: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Places {
            journal: "/run/systemd/journal/socket".into(),
            syslog: None,
            kmsg: "/dev/kmsg".into(),
        }
    }
}

/// A handle on the journal; clones share it.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    socket: Option<OwnedFd>,
    address: Option<UnixAddr>,
    places: Places,
    unit: String,
    ring: VecDeque<(Instant, Vec<u8>)>,
    lost: u64,
    syslog: Option<SyslogThread>,
    kmsg: Option<File>,
}

/// What became of a datagram.
enum Sent {
    Taken,
    /// Try again later.
    Later,
    /// There is no journal on this host.
    Nowhere,
}

impl Journal {
    /// Opens the journal. Never fails: a host without one gets syslog. `unit` is the one watched, so that our lines show in its log.
    pub fn open(unit: &str) -> Self {
        Journal::open_at(unit, Places::default())
    }

    /// Like `open`, elsewhere.
    pub fn open_at(unit: &str, places: Places) -> Self {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        // Opened now: at the worst moment there may be no memory or descriptor for it.
        let kmsg = OpenOptions::new()
            .write(true)
            .custom_flags(nix::libc::O_NONBLOCK)
            .open(&places.kmsg);
        Journal(Arc::new(Mutex::new(Inner {
            socket: socket(AddressFamily::Unix, SockType::Datagram, flags, None).ok(),
            address: UnixAddr::new(&places.journal).ok(),
            kmsg: kmsg.ok(),
            unit: unit.to_owned(),
            ring: VecDeque::new(),
            lost: 0,
            syslog: None,
            places,
        })))
    }

    /// Another unit is watched from now on.
    pub fn watch(&self, unit: &str) {
        self.inner().unit = unit.to_owned();
    }

    /// Tells an event. Does not wait: what the journal does not take now is kept for `flush`.
    pub fn tell(&self, event: &Event) {
        self.inner().tell(event);
    }

    /// Sends what is kept, oldest first; returns how many entries remain.
    pub fn flush(&self) -> usize {
        self.inner().flush()
    }

    /// Before a short-lived process ends: tries until all is sent or `limit` is over; returns how many entries remain.
    pub fn finish(&self, limit: Duration) -> usize {
        let end = Instant::now() + limit;
        loop {
            let mut inner = self.inner();
            let left = inner.flush() + inner.syslog.as_ref().map_or(0, SyslogThread::unsent);
            drop(inner);
            if left == 0 || Instant::now() >= end {
                return left;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing under the lock waits, and a panic under it leaves whole values behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn tell(&mut self, event: &Event) {
        let entry = self.encode(event);
        // Older entries go first.
        let sent = if self.flush() > 0 {
            Sent::Later
        } else {
            self.send(&entry)
        };
        match sent {
            Sent::Taken => {}
            Sent::Later => {
                if event.kind.is_deed() {
                    self.write_kmsg(event.priority, &event.message);
                }
                if self.ring.len() == RING {
                    self.ring.pop_front();
                    self.lost += 1;
                }
                self.ring.push_back((Instant::now(), entry));
            }
            Sent::Nowhere => {
                let path = self.places.syslog.as_deref();
                let syslog = self.syslog.get_or_insert_with(|| SyslogThread::start(path));
                let mut lines = event.message.lines().take(MOST_SYSLOG_LINES);
                if !lines.all(|line| syslog.send(event.priority, line)) && event.kind.is_deed() {
                    self.write_kmsg(event.priority, &event.message);
                }
            }
        }
    }

    fn flush(&mut self) -> usize {
        if self.lost > 0 && !self.ring.is_empty() {
            let message = format!(
                "{} earlier lines were lost while the journal did not take them",
                self.lost
            );
            let entry = self.encode(&Event::plain(Priority::Warning, &message));
            match self.send(&entry) {
                Sent::Taken => self.lost = 0,
                Sent::Later | Sent::Nowhere => return self.ring.len(),
            }
        }
        while let Some((since, entry)) = self.ring.pop_front() {
            let mut late = entry.clone();
            put(
                &mut late,
                "THINGUARD_LATE_SECONDS",
                &since.elapsed().as_secs().to_string(),
            );
            if !matches!(self.send(&late), Sent::Taken) {
                self.ring.push_front((since, entry));
                break;
            }
        }
        self.ring.len()
    }

    fn send(&self, entry: &[u8]) -> Sent {
        let (Some(socket), Some(address)) = (&self.socket, &self.address) else {
            return Sent::Nowhere;
        };
        match sendto(
            socket.as_raw_fd(),
            entry,
            address,
            MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL,
        ) {
            Ok(_) => Sent::Taken,
            // journald's directory exists on every host that systemd runs; without it no journald will come.
            Err(Errno::ENOENT | Errno::ENOTDIR)
                if !self.places.journal.parent().is_some_and(std::path::Path::exists) =>
            {
                Sent::Nowhere
            }
            Err(_) => Sent::Later,
        }
    }

    /// Last resort: it needs neither journald nor a disk, and reaches the console.
    fn write_kmsg(&mut self, priority: Priority, message: &str) {
        if let Some(kmsg) = &mut self.kmsg {
            let mut line = format!("<{}>thinguard: {message}", priority as u8);
            cut(&mut line, LONGEST_KMSG);
            // One record a write; a refusal leaves nowhere else to complain.
            let _ = kmsg.write_all(line.as_bytes());
        }
    }

    fn encode(&self, event: &Event) -> Vec<u8> {
        let mut entry = Vec::with_capacity(512);
        put(&mut entry, "MESSAGE", &event.message);
        put(&mut entry, "PRIORITY", &(event.priority as u8).to_string());
        put(&mut entry, "SYSLOG_IDENTIFIER", "thinguard");
        put(&mut entry, "SYSLOG_PID", &std::process::id().to_string());
        // Believed from root only; shows our lines in `journalctl -u docker`.
        put(&mut entry, "OBJECT_SYSTEMD_UNIT", &self.unit);
        if let Some(id) = event.kind.message_id() {
            put(&mut entry, "MESSAGE_ID", id);
        }
        if event.kind != Kind::Plain && event.fields.iter().all(|(name, _)| *name != "THINGUARD_CODE") {
            put(&mut entry, "THINGUARD_CODE", event.kind.code());
        }
        for (name, value) in &event.fields {
            put(&mut entry, name, value);
        }
        entry
    }
}

/// Adds a field in the native protocol (systemd: docs/JOURNAL_NATIVE_PROTOCOL.md). A name that journald would not take is left out.
pub(super) fn put(entry: &mut Vec<u8>, name: &str, value: &str) {
    let known = |c: u8| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_';
    if name.is_empty() || name.len() > 64 || !name.as_bytes()[0].is_ascii_uppercase() || !name.bytes().all(known) {
        return;
    }
    let mut value = value.to_owned();
    cut(&mut value, LONGEST_VALUE);
    entry.extend(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend((value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend(value.as_bytes());
    entry.push(b'\n');
}

/// Shortens to at most `limit` bytes, at a character's edge.
pub(super) fn cut(text: &mut String, limit: usize) {
    if text.len() > limit {
        let mut end = limit;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
}
