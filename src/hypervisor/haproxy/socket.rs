//! HAProxy's sockets: one of the worker for its run-time commands, one of the master for reloads.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use serde::Deserialize;

use crate::model::{ProxyConfiguration, ProxyFile};

/// How long an answer may take.
pub const LIMIT: Duration = Duration::from_secs(5);
/// Most bytes that are read of one.
pub const MOST: u64 = 1 << 20;

/// The answer of a socket's listener to a command.
///
/// # Errors
/// Nobody listens, or nobody answers in time.
pub fn ask(socket: &Path, command: &str) -> io::Result<String> {
    ask_for(socket, command, MOST)
}

/// The same, of so many bytes at most.
///
/// # Errors
/// Nobody listens, or nobody answers in time.
pub fn ask_for(socket: &Path, command: &str, most: u64) -> io::Result<String> {
    exchange(UnixStream::connect(socket)?, command, most)
}

/// The answer to a command, of so many bytes at most.
///
/// # Errors
/// Nobody answers in time.
pub fn exchange(mut stream: UnixStream, command: &str, most: u64) -> io::Result<String> {
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.write_all(command.as_bytes())?;
    stream.write_all(b"\n")?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    stream.take(most).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// A field of what `show info json` and `show stat … json` print, as far as lite reads it.
#[derive(Deserialize)]
pub(super) struct Entry {
    pub field: Field,
    pub value: Value,
}

#[derive(Deserialize)]
pub(super) struct Field {
    pub name: String,
}

#[derive(Deserialize)]
pub(super) struct Value {
    pub value: serde_json::Value,
}

/// The digest that the worker was started with; none: no worker answers.
pub fn digest(folder: &Path) -> Option<String> {
    let answer = ask(&folder.join(ProxyConfiguration::WORKER_SOCKET), "show info json").ok()?;
    let all: Vec<Entry> = serde_json::from_str(&answer).ok()?;
    let found = all.into_iter().find(|info| info.field.name == "description")?;
    found.value.value.as_str().map(str::to_owned)
}

/// Tells the worker in what its maps and certificates differ from the files that it knows; whether all of it was taken.
pub fn tell_difference(wanted: &ProxyConfiguration) -> bool {
    let socket = wanted.folder.join(ProxyConfiguration::WORKER_SOCKET);
    let tell = |command: &str| ask(&socket, command).unwrap_or_else(|error| error.to_string());
    // A key may be there twice, or not at all: a command that died has told half of it.
    let maps = wanted.maps.iter().all(|map| {
        let [gone, new] = difference(&wanted.folder, map);
        let key = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
        gone.iter().chain(&new).for_each(|line| drop(tell(&format!("del map {} {}", map.name, key(line)))));
        new.iter().all(|line| tell(&format!("add map {} {line}", map.name)).trim().is_empty())
    });
    let list = &wanted.certificates;
    let [gone, new] = difference(&wanted.folder, list);
    let done = |answer: String| answer.contains("Success!");
    let added = new.iter().all(|file| {
        let Ok(pem) = fs::read_to_string(wanted.folder.join(file)) else { return false };
        // An empty line would end the text.
        let pem: Vec<&str> = pem.lines().filter(|line| !line.trim().is_empty()).collect();
        tell(&format!("new ssl cert {file}"));
        tell(&format!("set ssl cert {file} <<\n{}\n", pem.join("\n")));
        done(tell(&format!("commit ssl cert {file}"))) && done(tell(&format!("add ssl crt-list {} {file}", list.name)))
    });
    for file in gone {
        tell(&format!("del ssl crt-list {} {file}", list.name));
        tell(&format!("del ssl cert {file}"));
    }
    maps && added
}

/// The lines of a file that are gone, and those that are new.
fn difference(folder: &Path, file: &ProxyFile) -> [Vec<String>; 2] {
    let now = fs::read_to_string(folder.join(file.name)).unwrap_or_default();
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (now, wanted) = (lines(&now), lines(&file.text));
    [now.difference(&wanted).cloned().collect(), wanted.difference(&now).cloned().collect()]
}
