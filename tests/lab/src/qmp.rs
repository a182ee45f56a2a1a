//! QEMU's control socket (QMP).

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

/// A connection that has been greeted and is ready for commands.
pub struct Qmp {
    stream: BufReader<UnixStream>,
}

impl Qmp {
    /// Connects as soon as QEMU listens.
    pub fn connect(path: &Path, limit: Duration) -> Result<Qmp> {
        let stream = connect(path, limit)?;
        let mut qmp = Qmp {
            stream: BufReader::new(stream),
        };
        qmp.read(Instant::now() + limit).context("no greeting from QEMU")?;
        qmp.command("qmp_capabilities", json!({}), limit)?;
        Ok(qmp)
    }

    /// One command and its answer; events that come in between are passed over.
    pub fn command(&mut self, name: &str, arguments: Value, limit: Duration) -> Result<Value> {
        let deadline = Instant::now() + limit;
        let line = json!({ "execute": name, "arguments": arguments }).to_string();
        self.stream
            .get_mut()
            .write_all(line.as_bytes())
            .with_context(|| format!("cannot send {name} to QEMU"))?;
        loop {
            let mut answer = self
                .read(deadline)
                .with_context(|| format!("QEMU gives no answer to {name}"))?;
            if let Some(error) = answer.get("error") {
                bail!("QEMU refuses {name}: {error}");
            }
            if answer.get("return").is_some() {
                return Ok(answer["return"].take());
            }
        }
    }

    fn read(&mut self, deadline: Instant) -> Result<Value> {
        let line = read_line(&mut self.stream, deadline)?;
        serde_json::from_slice(&line).context("QEMU's answer is not JSON")
    }
}

/// Connects to a socket that another process is about to open.
pub fn connect(path: &Path, limit: Duration) -> Result<UnixStream> {
    let deadline = Instant::now() + limit;
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => {
                stream.set_write_timeout(Some(limit))?;
                return Ok(stream);
            }
            Err(error) if Instant::now() > deadline => {
                return Err(error).with_context(|| format!("cannot connect to {}", path.display()));
            }
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Reads up to and including a line's end, but never past the deadline.
pub fn read_line(stream: &mut BufReader<UnixStream>, deadline: Instant) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            bail!("timed out");
        }
        stream
            .get_ref()
            .set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match stream.read_until(b'\n', &mut line) {
            Ok(0) => return Err(anyhow!("the connection was closed")),
            Ok(_) if line.ends_with(b"\n") => return Ok(line),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
