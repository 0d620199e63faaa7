//! A worker that a reload is about to replace, asked for its counters once it takes nothing new.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use super::{
    socket::{self, Entry},
    statistics,
};
use crate::model::{ProxyConfiguration, ProxyStatistics};

/// What ends each answer of a conversation.
const PROMPT: &[u8] = b"\n> ";
/// How long its last requests are waited for. Downloads and WebSockets go on much longer.
const LAST: Duration = Duration::from_millis(300);
/// How often it is asked.
const AGAIN: Duration = Duration::from_millis(10);

/// A conversation with a worker. As long as it is open, the worker lives.
pub struct Leaving(UnixStream);

impl Leaving {
    /// Begins one with the worker that runs; none: no worker answers.
    pub fn of(folder: &Path) -> Option<Self> {
        let stream = UnixStream::connect(folder.join(ProxyConfiguration::WORKER_SOCKET)).ok()?;
        stream.set_read_timeout(Some(socket::LIMIT)).ok()?;
        stream.set_write_timeout(Some(socket::LIMIT)).ok()?;
        let mut own = Self(stream);
        // A reload takes longer than the ten seconds after which HAProxy ends it.
        ["prompt", "set timeout cli 60"].iter().try_for_each(|command| own.ask(command).map(drop)).ok()?;
        Some(own)
    }

    /// What it has counted of these backends, after it was replaced. A request that it still works on is counted, and its
    /// answer is not.
    pub fn counted(mut self, backends: &[String]) -> Vec<ProxyStatistics> {
        let end = Instant::now() + LAST;
        while Instant::now() < end && !self.is_done() {
            thread::sleep(AGAIN);
        }
        // One by one: in a conversation each answer ends with a prompt, also that of a backend which this worker does not know.
        let answers = backends.iter().map_while(|backend| self.ask(&statistics::command(backend)).ok());
        answers.flat_map(|answer| statistics::parse(&answer)).collect()
    }

    /// Whether it takes nothing new, and nobody is connected to it.
    fn is_done(&mut self) -> bool {
        let Ok(answer) = self.ask("show info json") else { return true };
        let all: Vec<Entry> = serde_json::from_str(&answer).unwrap_or_default();
        let number = |name: &str| all.iter().find(|entry| entry.field.name == name)?.value.value.as_u64();
        number("Stopping") == Some(1) && number("CurrConns") == Some(0)
    }

    /// The answer to a command.
    fn ask(&mut self, command: &str) -> io::Result<String> {
        self.0.write_all(format!("{command}\n").as_bytes())?;
        let (mut answer, mut part) = (Vec::new(), vec![0; 1 << 16]);
        while !answer.ends_with(PROMPT) {
            let length = self.0.read(&mut part)?;
            if length == 0 || answer.len() > statistics::MOST {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(&part[..length]);
        }
        answer.truncate(answer.len() - PROMPT.len());
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}
