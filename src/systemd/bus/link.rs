//! One D-Bus connection: connect, authenticate, ask one question, read its answer, each within a time limit.
//!
//! `rustbus` marshals and unmarshals; its own connection type is not used: its authentication has no time limit and spins
//! for ever when the peer hangs up, its sender panics after a short write, and it can only reach two fixed addresses.

use anyhow::{Context, Result, bail, ensure};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use rustbus::message_builder::MarshalledMessage;
use rustbus::wire::{marshal, unmarshal};
use rustbus::{MessageBuilder, MessageType, standard_messages};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Where the system bus listens.
const SYSTEM_BUS: &str = "/run/dbus/system_bus_socket";
/// systemd's own socket, for root only; it needs no dbus-daemon.
const PRIVATE_SOCKET: &str = "/run/systemd/private";
/// How long one question may take. The parent's own deadline for the whole child stands above this.
pub(super) const LIMIT: Duration = Duration::from_secs(4);
/// Longest answer that is read; what we ask for fits into a few kilobytes.
const LARGEST_MESSAGE: usize = 4 << 20;
/// Longest line of the authentication.
const LONGEST_LINE: usize = 1024;

/// An error that the other side answered with, as opposed to one of the connection.
#[derive(Debug)]
pub(super) struct Refused {
    /// D-Bus name of the error, `org.freedesktop.systemd1.NoSuchUnit`.
    pub(super) name: String,
    text: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.text, self.name)
    }
}

impl std::error::Error for Refused {}

/// What the other side made of a call.
pub(super) type Answer = Result<MarshalledMessage, Refused>;

/// An authenticated connection.
#[derive(Debug)]
pub(super) struct Link {
    stream: UnixStream,
    serial: u32,
    limit: Duration,
}

impl Link {
    /// Connects to the system bus and says hello.
    pub(super) fn system_bus() -> Result<Self> {
        let hello = |mut link: Link| link.call(standard_messages::hello()).map(|_| link);
        Link::open(SYSTEM_BUS).and_then(hello).context("system bus")
    }

    /// Connects to systemd itself, without a bus between: no hello.
    pub(super) fn private() -> Result<Self> {
        Link::open(PRIVATE_SOCKET).context(PRIVATE_SOCKET)
    }

    fn open(path: &str) -> Result<Self> {
        // Not blocking: a peer that stopped accepting answers EAGAIN here, where a blocking connect would wait without limit.
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None).context("socket")?;
        connect(socket.as_raw_fd(), &UnixAddr::new(path)?).context("connect")?;
        let stream = UnixStream::from(socket);
        stream.set_nonblocking(false)?;
        Link::authenticate(stream, LIMIT)
    }

    /// Does the EXTERNAL handshake over a connected stream. `BEGIN` goes with the first line, as from systemd's own clients: what
    /// arrives together with `BEGIN` systemd leaves in its buffer until more comes, and it would be our first call
    /// (`bus_socket_auth_verify_server` in sd-bus).
    pub(super) fn authenticate(stream: UnixStream, limit: Duration) -> Result<Self> {
        let mut link = Link {
            stream,
            serial: 0,
            limit,
        };
        let end = Instant::now() + limit;
        let uid = nix::unistd::geteuid().to_string();
        let hex: String = uid.bytes().map(|digit| format!("{digit:02x}")).collect();
        link.write(format!("\0AUTH EXTERNAL {hex}\r\nBEGIN\r\n").as_bytes(), end)?;
        let line = link.read_line(end)?;
        ensure!(
            line.starts_with("OK"),
            "authentication refused: {}",
            line.escape_debug()
        );
        Ok(link)
    }

    /// Sends a call and waits for its answer.
    pub(super) fn call(&mut self, message: MarshalledMessage) -> Result<MarshalledMessage> {
        let answer = self.call_all(&[message])?.pop();
        Ok(answer.context("no answer")??)
    }

    /// Sends calls at once and waits for all their answers, which come in the calls' order; everything else that arrives is passed
    /// over. A peer far away, or a busy one, is waited for once.
    pub(super) fn call_all(&mut self, messages: &[MarshalledMessage]) -> Result<Vec<Answer>> {
        let end = Instant::now() + self.limit;
        let first = self.serial + 1;
        let mut bytes = Vec::new();
        for message in messages {
            self.serial += 1;
            let mut one = Vec::new();
            marshal::marshal(message, self.serial, &mut one)?;
            bytes.extend(one);
            bytes.extend_from_slice(message.get_buf());
        }
        self.write(&bytes, end)?;
        let mut answers: Vec<Option<Answer>> = messages.iter().map(|_| None).collect();
        while answers.iter().any(Option::is_none) {
            let answer = self.read_message(end)?;
            let to = answer.dynheader.response_serial.and_then(|to| to.checked_sub(first));
            let Some(place) = to.and_then(|to| answers.get_mut(to as usize)) else {
                continue;
            };
            *place = Some(match answer.typ {
                MessageType::Reply => Ok(answer),
                MessageType::Error => Err(Refused {
                    text: answer.body.parser().get::<String>().unwrap_or_default(),
                    name: answer.dynheader.error_name.unwrap_or_default(),
                }),
                _ => bail!("an answer that is neither a reply nor an error"),
            });
        }
        Ok(answers.into_iter().flatten().collect())
    }

    fn read_message(&mut self, end: Instant) -> Result<MarshalledMessage> {
        let mut bytes = vec![0; 16];
        self.read(&mut bytes, end)?;
        let (fixed, header) = unmarshal::unmarshal_header(&bytes, 0)?;
        let (_, fields) = rustbus::wire::util::parse_u32(&bytes[fixed..], header.byteorder)?;
        // Fixed part, length word, header fields, padding to 8, body.
        let total = (16 + fields as usize)
            .next_multiple_of(8)
            .saturating_add(header.body_len as usize);
        ensure!(total <= LARGEST_MESSAGE, "an answer of {total} bytes");
        bytes.resize(total, 0);
        self.read(&mut bytes[16..], end)?;
        let (dynamic, fields) = unmarshal::unmarshal_dynamic_header(&header, &bytes, fixed)?;
        Ok(unmarshal::unmarshal_next_message(&header, fields, &bytes, fixed + dynamic)?.1)
    }

    fn read_line(&mut self, end: Instant) -> Result<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            ensure!(line.len() < LONGEST_LINE, "authentication: the line has no end");
            let mut byte = [0];
            self.read(&mut byte, end)?;
            line.push(byte[0]);
        }
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    fn read(&mut self, mut wanted: &mut [u8], end: Instant) -> Result<()> {
        while !wanted.is_empty() {
            self.stream.set_read_timeout(Some(left(end)?))?;
            match self.stream.read(wanted) {
                Ok(0) => bail!("the other side closed the connection"),
                Ok(count) => wanted = &mut wanted[count..],
                Err(error) => retry(error)?,
            }
        }
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8], end: Instant) -> Result<()> {
        while !bytes.is_empty() {
            self.stream.set_write_timeout(Some(left(end)?))?;
            match self.stream.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) => retry(error)?,
            }
        }
        Ok(())
    }
}

/// Time left until `end`; an error when there is none.
fn left(end: Instant) -> Result<Duration> {
    let left = end.saturating_duration_since(Instant::now());
    ensure!(!left.is_zero(), "no answer in time");
    Ok(left)
}

fn retry(error: io::Error) -> Result<()> {
    match error.kind() {
        io::ErrorKind::Interrupted => Ok(()),
        io::ErrorKind::WouldBlock => bail!("no answer in time"),
        _ => Err(error.into()),
    }
}

/// A call to a method of systemd (`org.freedesktop.systemd1`).
pub(super) fn method(path: &str, interface: &str, member: &str) -> MarshalledMessage {
    MessageBuilder::new()
        .call(member)
        .on(path)
        .with_interface(interface)
        .at("org.freedesktop.systemd1")
        .build()
}
