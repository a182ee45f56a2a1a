//! syslog, for hosts without a journal: the `syslog` crate on a thread of its own, since its send may block and it never
//! connects again by itself.

use super::event::Priority;
use super::text::printable;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use syslog::{Facility, Formatter3164, Logger, LoggerBackend};

/// Lines that wait for the thread; more are dropped.
const WAITING: usize = 64;

/// The sending thread.
#[derive(Debug)]
pub(super) struct SyslogThread {
    lines: Option<SyncSender<(Priority, String)>>,
    unsent: Arc<AtomicUsize>,
}

impl SyslogThread {
    /// Starts it; `path` is the socket, `None` is `/dev/log` and its kin.
    pub(super) fn start(path: Option<&Path>) -> Self {
        let (lines, waiting) = sync_channel(WAITING);
        let unsent = Arc::new(AtomicUsize::new(0));
        let (path, count) = (path.map(Path::to_path_buf), Arc::clone(&unsent));
        // Not smaller: formatting the time takes some stack.
        let thread = std::thread::Builder::new().name("syslog".into()).stack_size(128 * 1024);
        let started = thread.spawn(move || send_all(&waiting, path, &count));
        SyslogThread {
            lines: started.ok().map(|_| lines),
            unsent,
        }
    }

    /// Leaves a line; false when it was dropped.
    pub(super) fn send(&self, priority: Priority, message: &str) -> bool {
        let Some(lines) = &self.lines else { return false };
        self.unsent.fetch_add(1, Ordering::AcqRel);
        let left = lines.try_send((priority, printable(message).into_owned())).is_ok();
        if !left {
            self.unsent.fetch_sub(1, Ordering::AcqRel);
        }
        left
    }

    /// Lines that the thread has not dealt with yet.
    pub(super) fn unsent(&self) -> usize {
        self.unsent.load(Ordering::Acquire)
    }
}

type Connection = Logger<LoggerBackend, Formatter3164>;

fn send_all(lines: &Receiver<(Priority, String)>, path: Option<PathBuf>, unsent: &AtomicUsize) {
    let mut connection = None;
    for (priority, line) in lines {
        // The second try is for a syslogd that was restarted: the old connection is dead, a new one is not.
        for _ in 0..2 {
            let open = connection.take().or_else(|| connect(path.as_deref()));
            connection = open.and_then(|mut open| write(&mut open, priority, &line).ok().map(|()| open));
            if connection.is_some() {
                break;
            }
        }
        unsent.fetch_sub(1, Ordering::AcqRel);
    }
}

fn connect(path: Option<&Path>) -> Option<Connection> {
    let formatter = Formatter3164 {
        facility: Facility::LOG_DAEMON,
        hostname: None,
        process: "thinguard".into(),
        pid: std::process::id(),
    };
    match path {
        Some(path) => syslog::unix_custom(formatter, path).ok(),
        None => syslog::unix(formatter).ok(),
    }
}

fn write(connection: &mut Connection, priority: Priority, line: &str) -> syslog::Result<()> {
    match priority {
        Priority::Critical => connection.crit(line),
        Priority::Error => connection.err(line),
        Priority::Warning => connection.warning(line),
        Priority::Notice => connection.notice(line),
        Priority::Info => connection.info(line),
        Priority::Debug => connection.debug(line),
    }
}
