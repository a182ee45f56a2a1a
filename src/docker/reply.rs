//! Replies of the Docker daemon: the HTTP envelope as read so far from its socket, and what `/info` says.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Asks whether the daemon's HTTP loop is alive; it touches no storage driver. HTTP/1.0: one plain body, then the end.
pub const PING_REQUEST: &[u8] = b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";
/// The cheapest request that takes the storage driver's lock.
pub const INFO_REQUEST: &[u8] = b"GET /info HTTP/1.0\r\nHost: docker\r\n\r\n";
/// Largest body taken. A daemon's `/info` is a few KiB.
pub const MAX_BODY: usize = 4 << 20;
/// Largest head taken.
pub const MAX_HEAD: usize = 64 << 10;
/// Bytes after which reading is pointless: [`parse`] refuses more. A chunked body may be twice its content's size.
pub const MAX_REPLY: usize = MAX_HEAD + 2 * MAX_BODY;
const MAX_HEADERS: usize = 64;

/// A reply whose head has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// The whole body is here. If not at the end of the stream, the daemon broke off.
    pub complete: bool,
    /// The body as far as it is here, without chunk marks.
    pub body: Vec<u8>,
}

impl Reply {
    /// The daemon answered with a success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Reads what has come from the socket so far; `eof` says that nothing more will come. `None` while the head is not whole.
/// The body ends as RFC 9112 §6.3 says: with its last chunk, at its Content-Length, or else at the end of the stream.
///
/// # Errors
/// Says why these bytes are no reply we take: not HTTP, cut off inside the head, or too large.
pub fn parse(bytes: &[u8], eof: bool) -> Result<Option<Reply>, String> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let window = &bytes[..bytes.len().min(MAX_HEAD)];
    let head_len = match head.parse(window) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() > MAX_HEAD => return Err("the reply's head is too large".into()),
        Ok(httparse::Status::Partial) if eof && bytes.is_empty() => return Err("closed without a reply".into()),
        Ok(httparse::Status::Partial) if eof => return Err("closed inside the reply's head".into()),
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(format!("not an HTTP reply: {error}")),
    };
    let status = head.code.ok_or("an HTTP reply without a status code")?;
    let rest = &bytes[head_len..];
    if status == 204 || status == 304 {
        return Ok(Some(Reply {
            status,
            complete: true,
            body: Vec::new(),
        }));
    }
    let (body, complete) = match framing(head.headers)? {
        Framing::Chunked => unchunk(rest)?,
        Framing::Length(length) if length > MAX_BODY => return Err(too_large()),
        Framing::Length(length) => (rest[..rest.len().min(length)].to_vec(), rest.len() >= length),
        Framing::Stream if rest.len() > MAX_BODY => return Err(too_large()),
        Framing::Stream => (rest.to_vec(), eof),
    };
    Ok(Some(Reply { status, complete, body }))
}

enum Framing {
    Chunked,
    Length(usize),
    Stream,
}

fn framing(headers: &[httparse::Header<'_>]) -> Result<Framing, String> {
    let mut length: Option<usize> = None;
    for header in headers {
        let value = std::str::from_utf8(header.value).unwrap_or("").trim();
        if header.name.eq_ignore_ascii_case("transfer-encoding") && value.to_ascii_lowercase().ends_with("chunked") {
            return Ok(Framing::Chunked);
        }
        if header.name.eq_ignore_ascii_case("content-length") {
            let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
            match value
                .parse()
                .ok()
                .filter(|n| digits && length.is_none_or(|old| old == *n))
            {
                Some(number) => length = Some(number),
                None if digits && length.is_none() => return Err(too_large()),
                None => return Err("a Content-Length that makes no sense".into()),
            }
        }
    }
    Ok(length.map_or(Framing::Stream, Framing::Length))
}

/// The content of a chunked body as far as it is here, and whether the last chunk is.
fn unchunk(mut rest: &[u8]) -> Result<(Vec<u8>, bool), String> {
    let mut body = Vec::new();
    loop {
        let (start, size) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) if rest.len() > MAX_HEAD => return Err("a chunk mark is too large".into()),
            Ok(httparse::Status::Partial) => return Ok((body, false)),
            Err(_) => return Err("a chunk mark that makes no sense".into()),
        };
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size == 0 {
            return Ok((body, true));
        }
        if size > MAX_BODY || body.len() + size > MAX_BODY {
            return Err(too_large());
        }
        let content = &rest[start..];
        body.extend_from_slice(&content[..content.len().min(size)]);
        // Behind the content stands one line end.
        match content.get(size..size + 2) {
            Some(b"\r\n") => rest = &content[size + 2..],
            Some(_) => return Err("a chunk that does not end where it said".into()),
            None => return Ok((body, false)),
        }
    }
}

fn too_large() -> String {
    format!("the reply's body is larger than {} MiB", MAX_BODY >> 20)
}

/// What `GET /info` says that we need (moby `api/types.Info`). A field that is absent or of another type is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info {
    /// `Driver`: the storage driver in use.
    pub driver: Option<String>,
    /// `DriverStatus`: rows of name and value, whose order and number differ between versions.
    pub driver_status: Vec<(String, String)>,
    /// `ServerVersion`, from 1.10.
    pub server_version: Option<String>,
    /// `LiveRestoreEnabled`, from 1.13 in this form.
    pub live_restore: Option<bool>,
    /// `ContainersRunning`, from 1.10.
    pub containers_running: Option<u64>,
}

/// Which thin pool a daemon works on, by its own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolSaid {
    /// None: its driver is another one.
    None,
    /// The pool with this device-mapper name.
    Named(String),
}

impl Info {
    /// The pool that the daemon names; `None` where it does not say.
    pub fn pool(&self) -> Option<PoolSaid> {
        match self.driver.as_deref()? {
            "devicemapper" => self.row("Pool Name").map(|name| PoolSaid::Named(name.to_owned())),
            _ => Some(PoolSaid::None),
        }
    }

    /// The value of the row of this name, `Pool Name` or `Data loop file`. Sizes among them are rounded and in powers of
    /// 1000: never compare them with options.
    pub fn row(&self, name: &str) -> Option<&str> {
        self.driver_status
            .iter()
            .find(|(row, _)| row == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Reads the body of a reply to [`INFO_REQUEST`].
///
/// # Errors
/// Says why the body is no JSON object.
pub fn parse_info(body: &[u8]) -> Result<Info, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| format!("/info is not JSON: {error}"))?;
    let Value::Object(info) = value else {
        return Err("/info is not a JSON object".into());
    };
    let text = |key: &str| info.get(key).and_then(Value::as_str).map(str::to_owned);
    let rows = info
        .get("DriverStatus")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    Ok(Info {
        driver: text("Driver"),
        driver_status: rows.iter().filter_map(row).collect(),
        server_version: text("ServerVersion"),
        live_restore: info.get("LiveRestoreEnabled").and_then(Value::as_bool),
        containers_running: info.get("ContainersRunning").and_then(Value::as_u64),
    })
}

fn row(row: &Value) -> Option<(String, String)> {
    match row.as_array()?.as_slice() {
        [Value::String(name), Value::String(value), ..] => Some((name.clone(), value.clone())),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
