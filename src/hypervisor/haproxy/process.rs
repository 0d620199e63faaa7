//! HAProxy's master process. It is a service of systemd where that is installed; elsewhere its log is its standard output, and
//! a lock on it, which the process inherits, tells whether it lives.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::Read,
    os::unix::{fs::OpenOptionsExt, net::UnixStream, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::{
    files::{self, alert, program},
    socket,
};
use crate::{
    hypervisor::program::run,
    model::{Code, Error, ProxyConfiguration, Result},
};

/// How long a worker may take to come, with 100 sites 0.6 s, or a process to end.
const LIMIT: Duration = Duration::from_secs(15);
/// How often it is looked at.
const AGAIN: Duration = Duration::from_millis(20);
/// systemd's service, which the package brings, and the folder that it is for.
const SERVICE: (&str, &str) = ("lite-proxy.service", "/var/lib/lite/proxy");

/// The log, and whether a process holds it.
fn log(folder: &Path) -> Result<(File, bool)> {
    let fail = |e: std::io::Error| Error::new(Code::ProxyFailed, "cannot open the log of HAProxy").cause(e);
    let path = folder.join(files::LOG);
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(fail)?;
    match file.try_lock() {
        Ok(()) => Ok((file, false)),
        Err(TryLockError::WouldBlock) => Ok((file, true)),
        Err(TryLockError::Error(e)) => Err(fail(e)),
    }
}

/// Whether a process holds the log.
fn lives(folder: &Path) -> Result<bool> {
    let (log, held) = log(folder)?;
    if !held {
        // Closing the file would not do while a process that another thread is just starting holds a copy of it.
        let _ = log.unlock();
    }
    Ok(held)
}

/// Starts HAProxy on the files of a folder, and waits until its worker tells `digest`.
///
/// # Errors
/// What HAProxy says.
pub fn start(folder: &Path, digest: &str) -> Result<()> {
    if by_service(folder, "restart")? {
        return await_digest(folder, digest);
    }
    let (log, held) = log(folder)?;
    if held {
        // Its worker does not answer: a reload replaces it.
        return reload(folder, digest);
    }
    let failed = |e: std::io::Error| Error::new(Code::ProxyFailed, "cannot run `haproxy`").cause(e);
    log.set_len(0).map_err(failed)?;
    let mut command = Command::new(program()?);
    let socket = format!("unix@{},mode,600", ProxyConfiguration::MASTER_SOCKET);
    command.args(["-W", "-S", &socket, "-C"]).arg(folder).args(["-f", "haproxy.cfg"]);
    // Ctrl-C ends lite, not the sites.
    command.process_group(0).stdin(Stdio::null());
    let streams = log.try_clone().and_then(|out| Ok((out, log.try_clone()?))).map_err(failed)?;
    let mut child = command.stdout(streams.0).stderr(streams.1).spawn().map_err(failed)?;
    // Whoever ends while lite runs is waited for.
    thread::spawn(move || child.wait());
    // From here on the lock is the process's alone.
    drop((command, log));
    await_digest(folder, digest)
}

/// Makes the master start a worker on the files as they are now, or starts a master if none lives, and waits until the worker
/// tells `digest`.
///
/// # Errors
/// What HAProxy says. The worker before goes on then.
pub fn reload(folder: &Path, digest: &str) -> Result<()> {
    let Some(master) = master(folder)? else { return start(folder, digest) };
    socket::exchange(master, "reload", socket::MOST).map_err(silent)?;
    await_digest(folder, digest)
}

/// A connection to the master; none: no master lives. After a reload the master runs its program anew, and refuses for up to
/// 0.2 s: so it is asked again as long as it lives.
fn master(folder: &Path) -> Result<Option<UnixStream>> {
    let limit = Instant::now() + LIMIT;
    loop {
        match UnixStream::connect(folder.join(ProxyConfiguration::MASTER_SOCKET)) {
            Ok(stream) => return Ok(Some(stream)),
            Err(_) if !(is_service(folder) || lives(folder)?) => return Ok(None),
            Err(error) if Instant::now() > limit => return Err(silent(error)),
            Err(_) => thread::sleep(AGAIN),
        }
    }
}

fn silent(error: std::io::Error) -> Error {
    Error::new(Code::ProxyFailed, "HAProxy does not answer").cause(error)
}

fn await_digest(folder: &Path, digest: &str) -> Result<()> {
    let (end, is_service) = (Instant::now() + LIMIT, is_service(folder));
    while socket::digest(folder).as_deref() != Some(digest) {
        let (mut log, lives) = log(folder)?;
        if Instant::now() > end || !lives && !is_service {
            let error = Error::new(Code::ProxyFailed, "HAProxy does not serve what it is to");
            if is_service {
                return Err(error.hint(format!("what it says: `journalctl --unit {}`", SERVICE.0)));
            }
            let mut said = String::new();
            let _ = log.by_ref().take(1 << 20).read_to_string(&mut said);
            return Err(error.cause(alert(&said)));
        }
        thread::sleep(AGAIN);
    }
    Ok(())
}

/// Ends HAProxy and removes its files. Content if it does not run.
///
/// # Errors
/// It does not end.
pub fn end(folder: &Path) -> Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    // One that was started before the service was installed is none of it.
    by_service(folder, "stop")?;
    if lives(folder)?
        && let Some(socket) = master(folder)?
    {
        // The kernel tells who listens.
        let ended = rustix::net::sockopt::socket_peercred(socket)
            .and_then(|master| pidfd_send_signal(&pidfd_open(master.pid, PidfdFlags::empty())?, Signal::TERM));
        ended.map_err(|e| Error::new(Code::ProxyFailed, "HAProxy cannot be ended").cause(e))?;
        let limit = Instant::now() + LIMIT;
        while lives(folder)? {
            if Instant::now() > limit {
                return Err(Error::new(Code::ProxyFailed, "HAProxy does not end"));
            }
            thread::sleep(AGAIN);
        }
    }
    files::remove(folder)
}

fn is_service(folder: &Path) -> bool {
    folder == Path::new(SERVICE.1)
        && Path::new("/run/systemd/system").is_dir()
        && systemctl(&["cat", SERVICE.0]).is_ok_and(|out| out.status.success())
}

fn systemctl(arguments: &[&str]) -> std::io::Result<std::process::Output> {
    let mut command = Command::new("systemctl");
    command.args(arguments);
    run(command, "", LIMIT)
}

/// Has systemd do it, if HAProxy is its service; whether it is.
fn by_service(folder: &Path, verb: &str) -> Result<bool> {
    if !is_service(folder) {
        return Ok(false);
    }
    let failed = || Error::new(Code::ProxyFailed, format!("`systemctl {verb} {}` failed", SERVICE.0));
    let out = systemctl(&[verb, SERVICE.0]).map_err(|e| failed().cause(e))?;
    match out.status.success() {
        true => Ok(true),
        false => Err(failed().cause(String::from_utf8_lossy(&out.stderr).trim())),
    }
}
