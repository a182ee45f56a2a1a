//! The daemon's API socket: one request an errand, and what its answer or its silence means.

use super::slot::Slot;
use crate::docker::containers;
use crate::docker::names::is_id;
use crate::docker::reply::{self, PoolSaid, Reply};
use crate::kernel::{proc, process};
use crate::model::{ActiveState, Containers, Probe, Seen};
use crate::systemd::bus::Manager;
use anyhow::{Context, Result, anyhow, bail};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// More than this is no answer of a daemon's.
const MAX_REPLY: u64 = reply::MAX_BODY as u64;

/// The daemon that is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whom {
    /// Path of its socket.
    pub socket: String,
    /// Its unit.
    pub unit: String,
    /// Its main process.
    pub main_pid: u32,
}

impl Whom {
    /// The socket may be systemd's: a connection that no daemon accepts any more starts another one, though an operator has just
    /// stopped it. systemd's word is as new as can be; where it gives none, the process tells.
    fn ensure_active(&self) -> Result<()> {
        if !proc::runs(Path::new("/"), self.main_pid) {
            bail!("the daemon (process {}) has gone", self.main_pid);
        }
        let unit = Manager::connect().and_then(|mut manager| manager.unit(&self.unit));
        match unit {
            Ok(unit) if unit.active_state != ActiveState::Active || unit.job_pending => {
                bail!("{} is being stopped or started", self.unit)
            }
            _ => Ok(()),
        }
    }
}

/// What a daemon has said in a good answer to `/info`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Said {
    /// Which daemon.
    pub main_pid: u32,
    /// When it was asked.
    pub asked: Duration,
    pub containers: Containers,
    /// Its pool, where it says.
    pub pool: Option<PoolSaid>,
}

/// Sends the request and reads the whole reply, in the child; waits as long as the daemon does. HTTP/1.0, so that the daemon
/// closes the connection behind its answer. What is not `/info`'s is an answer that says nothing.
///
/// # Errors
/// What came is no whole answer, or no success.
pub fn get(whom: &Whom, path: &str) -> Result<Option<Said>> {
    whom.ensure_active()?;
    let socket = &whom.socket;
    let asked = process::since_boot();
    let mut stream = UnixStream::connect(socket).with_context(|| format!("cannot connect to {socket}"))?;
    // In one piece: a peer that answers after the first and closes would leave an error of ours in place of its words.
    let request = format!("GET {path} HTTP/1.0\r\nHost: docker\r\nUser-Agent: thinguard\r\n\r\n");
    stream.write_all(request.as_bytes()).context("cannot send")?;
    let mut bytes = Vec::new();
    stream
        .take(MAX_REPLY + 1)
        .read_to_end(&mut bytes)
        .context("cannot read the reply")?;
    if bytes.len() as u64 > MAX_REPLY {
        bail!("the reply is longer than {MAX_REPLY} bytes");
    }
    let info = reply::parse_info(&whole(&bytes)?.body).ok();
    Ok(info.map(|info| Said {
        main_pid: whom.main_pid,
        asked,
        pool: info.pool(),
        containers: Containers {
            live_restore: info.live_restore,
            running: info.containers_running,
        },
    }))
}

/// A daemon's whole and good answer, if all that came is one.
fn whole(bytes: &[u8]) -> Result<Reply> {
    match reply::parse(bytes, true).map_err(|why| anyhow!("no HTTP reply: {why}"))? {
        Some(reply) if !reply.is_success() => bail!("HTTP status {}", reply.status),
        Some(reply) if reply.complete => Ok(reply),
        Some(_) | None => bail!("the connection was closed before the reply was complete"),
    }
}

/// Asks for something that takes the storage driver's lock, as `/info` does, and nothing else that `/info` waits for (Red Hat's runs `rpm`
/// in it): to describe an image, dockerd asks the driver for its device (moby `daemon/images/image_inspect.go`, `GetMetadata`). Before
/// 1.10 a container has to do.
pub fn ask_driver(whom: &Whom, data_root: &Path) -> Result<Option<Said>> {
    let one = |directory: &Path| -> Option<String> {
        let names = fs::read_dir(directory).ok()?.flatten();
        names
            .filter_map(|entry| entry.file_name().into_string().ok())
            .find(|name| is_id(name))
    };
    let image = one(&containers::images_dir(data_root)).map(|id| format!("/images/sha256:{id}/json"));
    let container = || one(&containers::containers_dir(data_root)).map(|id| format!("/containers/{id}/json"));
    let path = image.or_else(container).context("there is no image to ask for")?;
    get(whom, &path)
}

/// What the newest request to this endpoint came to. While one is out, an older answer says nothing any more.
pub(super) fn probe(slot: &Slot, now: Duration) -> Probe {
    if let Some(waited) = slot.out_for(now) {
        return Probe::Silent(waited);
    }
    let Some(answer) = slot.last() else {
        return Probe::NotAsked;
    };
    match slot.last_seen::<IgnoredAny>() {
        Seen::Unknown(why) => Probe::Refused(why),
        Seen::Known(_) => answer.answered(now),
    }
}

#[cfg(test)]
mod tests {
    use super::{Whom, get, whole};
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    /// A connection that nobody takes would have systemd start the daemon again.
    #[test]
    fn a_daemon_that_has_ended_is_not_asked() {
        let directory = crate::observe::test_tree::TestTree::new();
        let socket = directory.path().join("socket");
        let listener = UnixListener::bind(&socket).unwrap();
        listener.set_nonblocking(true).unwrap();
        let mut daemon = Command::new("sleep").arg("60").spawn().unwrap();
        daemon.kill().unwrap();
        let stat = format!("/proc/{}/stat", daemon.id());
        while !std::fs::read_to_string(&stat).unwrap().contains(") Z ") {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let whom = Whom {
            socket: socket.to_str().unwrap().into(),
            unit: "docker.service".into(),
            main_pid: daemon.id(),
        };
        let why = get(&whom, "/info").unwrap_err();
        assert!(why.to_string().contains("has gone"), "{why}");
        assert!(listener.accept().is_err(), "it connected");
        daemon.wait().unwrap();
    }

    #[test]
    fn only_a_whole_success_is_an_answer() {
        for (reply, why) in [
            ("HTTP/1.0 200 OK\r\n\r\n{}", ""),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", ""),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nOK",
                "before the reply was complete",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
                "before the reply was complete",
            ),
            ("HTTP/1.0 200 OK\r\nContent-Le", "closed inside the reply's head"),
            ("HTTP/1.0 500 Internal Server Error\r\n\r\n", "HTTP status 500"),
            ("", "closed without a reply"),
            ("\u{16}\u{3} hello", "no HTTP reply"),
        ] {
            match whole(reply.as_bytes()) {
                Ok(_) => assert_eq!(why, "", "{reply:?}"),
                Err(told) => assert!(!why.is_empty() && told.to_string().contains(why), "{reply:?}: {told}"),
            }
        }
    }
}
