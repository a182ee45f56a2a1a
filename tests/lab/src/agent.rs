//! The command channel into the guest: qemu-guest-agent over a virtio-serial socket.

use std::io::{BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::qmp;

/// The agent answers small requests at once; even a starved guest gets to it in this time.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// What a finished program left.
#[derive(Debug, Clone)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A connection to the guest's agent.
pub struct Agent {
    stream: BufReader<UnixStream>,
    next_id: i64,
}

impl Agent {
    pub fn connect(path: &Path, limit: Duration) -> Result<Agent> {
        Ok(Agent {
            stream: BufReader::new(qmp::connect(path, limit)?),
            next_id: i64::from(std::process::id()) * 1000,
        })
    }

    /// Finds the start of the conversation again: after a boot, a restored snapshot, or an answer that came too late.
    pub fn sync(&mut self, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            self.next_id += 1;
            let id = self.next_id;
            let request = json!({ "execute": "guest-sync-delimited", "arguments": { "id": id } });
            // The leading 0xFF makes the agent's parser drop what it had of an unfinished request.
            self.send(b"\xff", &request)?;
            let wait_until = deadline.min(Instant::now() + Duration::from_millis(700));
            while let Ok(line) = qmp::read_line(&mut self.stream, wait_until) {
                let line = line.rsplit(|byte| *byte == 0xff).next().unwrap_or_default();
                if serde_json::from_slice::<Value>(line).is_ok_and(|answer| answer["return"] == id) {
                    return Ok(());
                }
            }
            if Instant::now() >= deadline {
                bail!("the guest's agent does not answer within {} s", limit.as_secs());
            }
        }
    }

    /// Starts a program and gives its pid in the guest.
    pub fn exec(&mut self, program: &str, arguments: &[&str]) -> Result<i64> {
        let request = json!({ "path": program, "arg": arguments, "capture-output": true });
        let answer = self.request("guest-exec", request)?;
        answer["pid"]
            .as_i64()
            .ok_or_else(|| anyhow!("guest-exec gives no pid: {answer}"))
    }

    /// The result of a started program, once it and all who write to its output have ended. It is given only once.
    pub fn exec_status(&mut self, pid: i64) -> Result<Option<Ended>> {
        let answer = self.request("guest-exec-status", json!({ "pid": pid }))?;
        if answer["exited"] != true {
            return Ok(None);
        }
        let signal = answer["signal"].as_i64().map(|signal| 128 + signal);
        let code = answer["exitcode"].as_i64().or(signal).unwrap_or(-1);
        let text = |key: &str| -> Result<String> {
            let bytes = BASE64.decode(answer[key].as_str().unwrap_or_default())?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        Ok(Some(Ended {
            code: i32::try_from(code)?,
            stdout: text("out-data")?,
            stderr: text("err-data")?,
        }))
    }

    fn request(&mut self, name: &str, arguments: Value) -> Result<Value> {
        self.send(b"", &json!({ "execute": name, "arguments": arguments }))?;
        let line = match qmp::read_line(&mut self.stream, Instant::now() + ANSWER_LIMIT) {
            Ok(line) => line,
            Err(error) => {
                self.sync(ANSWER_LIMIT)?;
                return Err(error).with_context(|| format!("the guest's agent gives no answer to {name}"));
            }
        };
        let mut answer: Value = serde_json::from_slice(&line).context("the agent's answer is not JSON")?;
        if let Some(error) = answer.get("error") {
            bail!("the guest's agent refuses {name}: {error}");
        }
        Ok(answer["return"].take())
    }

    fn send(&mut self, prefix: &[u8], request: &Value) -> Result<()> {
        let mut line = prefix.to_vec();
        line.extend_from_slice(request.to_string().as_bytes());
        line.push(b'\n');
        self.stream
            .get_mut()
            .write_all(&line)
            .context("cannot write to the guest's agent")
    }
}
