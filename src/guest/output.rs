//! What a command says that a guest answers, bounded in size and time.

use std::{
    io::{self, Read, Write},
    process::{Command, ExitStatus, Stdio},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::Duration,
};

use crate::clock::Clock;

/// How often it is looked whether a command that said all has ended.
const POLL: Duration = Duration::from_millis(20);

/// What a command said.
#[derive(Debug, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// The start of its stdout.
    pub stdout: Vec<u8>,
    /// The start of its stderr.
    pub stderr: Vec<u8>,
}

/// Runs a command with this as its input and reads at most `most` bytes of stdout and of stderr. It is killed when it says more, or has
/// not ended within `limit`.
///
/// # Errors
/// `FileTooLarge`, `TimedOut`, or the system's own.
pub fn bounded(
    command: &mut Command,
    input: &[u8],
    most: u64,
    limit: Duration,
    clock: &dyn Clock,
) -> io::Result<Output> {
    let end = clock.instant() + limit;
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // One that does not read all of it has its reason, and says so by how it ends.
        thread::spawn(move || stdin.write_all(&input).ok());
    }
    let (tell, told) = channel();
    let read = |number: usize, pipe: Option<Box<dyn Read + Send>>| {
        let tell = tell.clone();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let done = pipe.map_or(Ok(0), |pipe| pipe.take(most + 1).read_to_end(&mut bytes));
            // Nobody listens any more after the time is over.
            let _ = tell.send((number, done.map(|_| bytes)));
        });
    };
    read(0, child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    read(1, child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>));
    let mut said = [Vec::new(), Vec::new()];
    let mut collect = || -> io::Result<ExitStatus> {
        for _ in 0..said.len() {
            let (number, bytes) = match told.recv_timeout(end.saturating_duration_since(clock.instant())) {
                Ok((number, bytes)) => (number, bytes?),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Err(late(limit)),
            };
            if bytes.len() as u64 > most {
                let why = format!("it says more than {} KiB", most >> 10);
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
            }
            said[number] = bytes;
        }
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if clock.instant() >= end {
                return Err(late(limit));
            }
            clock.sleep(POLL);
        }
    };
    let ended = collect();
    if ended.is_err() {
        // It may have ended just now.
        let _ = child.kill();
        let _ = child.wait();
    }
    let [stdout, stderr] = said;
    ended.map(|status| Output { status, stdout, stderr })
}

fn late(limit: Duration) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("it does not end within {} s", limit.as_secs()))
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, process::Command, time::Duration};

    use super::bounded;
    use crate::clock::SystemClock;

    fn run(script: &str, seconds: u64) -> Result<(Option<i32>, usize, usize), ErrorKind> {
        run_with(script, &[], seconds)
    }

    fn run_with(script: &str, input: &[u8], seconds: u64) -> Result<(Option<i32>, usize, usize), ErrorKind> {
        let mut command = Command::new("sh");
        let output = bounded(command.args(["-c", script]), input, 1024, Duration::from_secs(seconds), &SystemClock);
        output.map(|o| (o.status.code(), o.stdout.len(), o.stderr.len())).map_err(|e| e.kind())
    }

    #[test]
    fn neither_size_nor_time_is_without_bounds() {
        assert_eq!(run("echo one; echo two >&2; exit 3", 60), Ok((Some(3), 4, 4)));
        assert_eq!(run_with("cat >/dev/null; echo read", &[b'x'; 1 << 20], 60), Ok((Some(0), 5, 0)));
        assert_eq!(run_with("exit 4", &[b'x'; 1 << 20], 60), Ok((Some(4), 0, 0)));
        assert_eq!(run("exec yes", 60), Err(ErrorKind::FileTooLarge));
        assert_eq!(run("exec yes >&2", 60), Err(ErrorKind::FileTooLarge));
        assert_eq!(run("exec sleep 600", 1), Err(ErrorKind::TimedOut));
        assert_eq!(run("exec >&- 2>&-; exec sleep 600", 1), Err(ErrorKind::TimedOut));
    }
}
