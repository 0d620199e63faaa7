//! HAProxy's files: each is written whole, for root alone.

use std::{
    fs::{self, DirBuilder},
    io::{self, ErrorKind, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    hypervisor::{LocalMachine, Machine, program::run},
    model::{Code, Error, ProxyConfiguration, ProxyFile, Result, escaped},
};

/// How long a check may take: 140 ms with 100 sites.
const CHECK: Duration = Duration::from_secs(20);
/// The log of a HAProxy that is no service of systemd's.
pub const LOG: &str = "haproxy.log";
/// What a configuration is called until it was checked.
const UNCHECKED: &str = "unchecked.cfg";

/// Where HAProxy is installed.
///
/// # Errors
/// [`Code::ToolsMissing`].
pub fn program() -> Result<PathBuf> {
    LocalMachine::of("").program("haproxy").ok_or_else(|| {
        Error::new(Code::ToolsMissing, "`haproxy` is not installed: it serves the domains that are published")
            .hint("install the package `haproxy` (`apt install haproxy`)")
    })
}

fn not_written(folder: &Path, error: io::Error) -> Error {
    Error::new(Code::NotWritable, format!("cannot write the files of HAProxy in `{}`", folder.display())).cause(error)
}

fn write(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    if fs::read(folder.join(name)).is_ok_and(|now| now == text.as_bytes()) {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // Mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(folder.join(name)).map(drop).map_err(|e| e.error)
}

/// Writes what changes while HAProxy runs.
///
/// # Errors
/// The system's own.
pub fn write_live(wanted: &ProxyConfiguration) -> Result<()> {
    let mut all = wanted.maps.iter().chain([&wanted.certificates]);
    all.try_for_each(|ProxyFile { name, text }| write(&wanted.folder, name, text))
        .map_err(|e| not_written(&wanted.folder, e))
}

/// Writes what HAProxy reads at its start; the configuration takes the place of the one before if HAProxy finds no fault in it.
///
/// # Errors
/// What HAProxy finds wrong, or the system's own.
pub fn write_fixed(wanted: &ProxyConfiguration) -> Result<()> {
    let folder = &wanted.folder;
    let Some((configuration, others)) = wanted.fixed.split_first() else { return Ok(()) };
    for ProxyFile { name, text } in others {
        write(folder, name, text).map_err(|e| not_written(folder, e))?;
    }
    write(folder, UNCHECKED, &configuration.text).map_err(|e| not_written(folder, e))?;
    let mut command = Command::new(program()?);
    command.args(["-c", "-C"]).arg(folder).args(["-f", UNCHECKED]);
    let out = run(command, "", CHECK).map_err(|e| Error::new(Code::ProxyFailed, "cannot run `haproxy`").cause(e))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        return Err(Error::new(Code::ProxyFailed, "HAProxy refuses its configuration").cause(alert(&said)));
    }
    fs::rename(folder.join(UNCHECKED), folder.join(configuration.name)).map_err(|e| not_written(folder, e))
}

/// The last alert that HAProxy wrote.
pub fn alert(said: &str) -> String {
    let alert = said.lines().rev().find(|line| line.starts_with("[ALERT]") && !line.contains("exited with code"));
    escaped(alert.or(said.lines().last()).unwrap_or("it says nothing").trim())
}

/// Removes what HAProxy, which has ended, read and wrote, but no certificate.
///
/// # Errors
/// The system's own.
pub fn remove(folder: &Path) -> Result<()> {
    let names =
        ["haproxy.cfg", UNCHECKED, "sites.map", "503.http", "https.map", "challenges.map", "certificates.list", LOG];
    let sockets = [ProxyConfiguration::WORKER_SOCKET, ProxyConfiguration::MASTER_SOCKET];
    for name in names.into_iter().chain(sockets) {
        match fs::remove_file(folder.join(name)) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(not_written(folder, e)),
            _ => {}
        }
    }
    Ok(())
}
