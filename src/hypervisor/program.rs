//! Runs a program of this machine, bounded in time and in what is read of it.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    process::{Child, Command, Output},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
};

/// Most bytes that are given of what it prints, of each kind.
const MOST: u64 = 4 << 20;

/// Runs a program with a text as its input; it is killed if it has not ended within `limit`. A daemon may be left behind: what
/// is read and written are files, not pipes, which that would keep open, and nobody waits for the other.
///
/// # Errors
/// `TimedOut`, or the system's own.
pub fn run(mut command: Command, input: &str, limit: Duration) -> io::Result<Output> {
    let (mut stdin, mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?, tempfile::tempfile()?);
    stdin.write_all(input.as_bytes())?;
    stdin.rewind()?;
    let mut child = command.stdin(stdin).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?).spawn()?;
    let ended = ends_within(&child, limit);
    if !matches!(ended, Ok(true)) {
        child.kill()?;
    }
    let status = child.wait()?;
    if !ended? {
        return Err(io::Error::new(io::ErrorKind::TimedOut, format!("it did not end within {} s", limit.as_secs())));
    }
    Ok(Output { status, stdout: content(&mut stdout)?, stderr: content(&mut stderr)? })
}

fn ends_within(child: &Child, limit: Duration) -> io::Result<bool> {
    let (process, end) = (pidfd_open(Pid::from_child(child), PidfdFlags::empty())?, Instant::now() + limit);
    loop {
        let left = Timespec::try_from(end.saturating_duration_since(Instant::now())).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left)) {
            Err(Errno::INTR) => {}
            ready => return Ok(ready? > 0),
        }
    }
}

fn content(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &str, limit: Duration) -> io::Result<Output> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, input, limit)
    }

    #[test]
    fn it_is_read_to_its_end_or_ended() {
        let out = shell("cat; echo b >&2; exit 3", "a", Duration::from_secs(60)).unwrap();
        assert_eq!((out.status.code(), &*out.stdout, &*out.stderr), (Some(3), &b"a"[..], &b"b\n"[..]));
        let late = shell("exec sleep 60", "", Duration::ZERO).map_err(|e| (e.kind(), e.to_string()));
        assert_eq!(late, Err((io::ErrorKind::TimedOut, "it did not end within 0 s".to_owned())));
    }

    #[test]
    fn nobody_waits_for_a_daemon_that_it_leaves() {
        let out = shell("sleep 300 & echo $!", "", Duration::from_secs(60)).unwrap();
        let daemon = String::from_utf8(out.stdout).unwrap().trim().parse().ok().and_then(Pid::from_raw).unwrap();
        // It lives yet.
        rustix::process::kill_process(daemon, rustix::process::Signal::KILL).unwrap();
    }
}
