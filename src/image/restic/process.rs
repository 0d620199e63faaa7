//! A run of restic: given bytes or asked for them, stopped when the user says so or when nothing moves.

use std::{
    io::{Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::super::tools::{check, drain, last_lines};
use crate::{
    clock::{Clock, SystemClock},
    model::{Code, Error, Result},
};

/// How often a run is looked at.
const POLL: Duration = Duration::from_millis(50);
/// How long it may take its lock back after it was told to stop.
const GRACE: Duration = Duration::from_secs(10);
/// Most bytes of an answer.
const ANSWER: usize = 32 << 20;
/// Most bytes of its errors.
const ERRORS: usize = 64 << 10;

/// What goes through a run beside its answer.
pub(super) enum Flow<'a> {
    /// Nothing.
    None,
    /// Bytes that it is given.
    In(&'a mut dyn Read),
    /// Bytes that it gives.
    Out(&'a mut dyn Write),
}

/// What came of a run.
pub(super) struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// What it answered; nothing where its bytes went elsewhere.
    pub answer: Vec<u8>,
    errors: Vec<u8>,
}

impl Ended {
    /// The error of a run that failed, with the last lines of what it said: for people, nobody reads them.
    pub fn failure(&self, message: &str) -> Error {
        let error = Error::new(Code::RemoteFailed, message);
        last_lines(&self.errors).into_iter().fold(error, Error::cause)
    }

    /// How it ended, or that a signal ended it.
    pub fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }
}

/// A child that does not outlive the value.
struct Running(Mutex<Child>);

impl Running {
    fn child(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How it ended; none: it runs.
    fn ended(&self) -> Result<Option<ExitStatus>> {
        self.child().try_wait().map_err(|e| Error::new(Code::ToolFailed, "cannot wait for restic").cause(e))
    }

    /// Tells it to take its lock back and end; what does not is killed, with all that it started.
    fn stop(&self) {
        let signal = |all: bool, signal| {
            let mut child = self.child();
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
            // While it was not waited for, nobody else has its number. Whether it got the signal is seen by its end.
            if let (Ok(None), Some(pid)) = (child.try_wait(), pid) {
                let _ = if all { kill_process_group(pid, signal) } else { kill_process(pid, signal) };
            }
        };
        // The one program alone: its ssh has to carry what it still says.
        signal(false, Signal::INT);
        let end = SystemClock.instant() + GRACE;
        while SystemClock.instant() < end && matches!(self.ended(), Ok(None)) {
            SystemClock.sleep(POLL);
        }
        signal(true, Signal::KILL);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.ended(), Ok(None)) {
            self.stop();
        }
        let _ = self.child().wait();
    }
}

/// Why a run was stopped.
const CANCELLED: u64 = 1;
const STALLED: u64 = 2;

/// Runs it to its end. Stopped when `cancel` is set, and when for `idle` no byte went through and it did not end.
pub(super) fn drive(command: &mut Command, flow: Flow<'_>, idle: Duration, cancel: &AtomicBool) -> Result<Ended> {
    check(cancel)?;
    let failed = |what: &str| Error::new(Code::ToolFailed, format!("{what} restic"));
    let stdin = if matches!(flow, Flow::In(_)) { Stdio::piped() } else { Stdio::null() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn().map_err(|e| failed("cannot run").cause(e))?;
    let (stdin, mut stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let running = Running(Mutex::new(child));
    let errors = drain(stderr, ERRORS);
    let answer = if matches!(flow, Flow::Out(_)) { None } else { drain(stdout.take(), ANSWER) };
    let (moved, over, why) = (AtomicU64::new(0), AtomicBool::new(false), AtomicU64::new(0));
    let (carried, ended) = thread::scope(|scope| {
        scope.spawn(|| watch(&running, idle, cancel, &moved, &over, &why));
        let carried = match flow {
            Flow::None => Ok(()),
            Flow::In(source) => stdin.map_or(Ok(()), |to| carry(source, to, &moved, &running)),
            Flow::Out(to) => stdout.map_or(Ok(()), |from| carry(from, to, &moved, &running)),
        };
        let ended = wait(&running);
        over.store(true, Ordering::Relaxed);
        (carried, ended)
    });
    match why.load(Ordering::Relaxed) {
        CANCELLED => check(cancel)?,
        STALLED => {
            let text = format!("nothing moved for {} s: the remote, or the way to it, hangs", idle.as_secs());
            return Err(Error::new(Code::RemoteStalled, text).hint("try again later; nothing of it counts"));
        }
        _ => {}
    }
    let joined =
        |reader: Option<thread::JoinHandle<Vec<u8>>>| reader.and_then(|reader| reader.join().ok()).unwrap_or_default();
    let ended = Ended { status: ended?, answer: joined(answer), errors: joined(errors) };
    // One that went away took no more of its bytes: then what it said is the reason.
    match carried {
        Err(Cut::Here(error)) => Err(error),
        Err(Cut::There) if ended.status.success() => Err(failed("not all bytes went through")),
        _ => Ok(ended),
    }
}

/// Why not all bytes went through.
enum Cut {
    /// restic went away.
    There,
    /// What gives or takes the bytes here failed.
    Here(Error),
}

fn carry(
    mut from: impl Read,
    mut to: impl Write,
    moved: &AtomicU64,
    running: &Running,
) -> std::result::Result<(), Cut> {
    let mut buffer = vec![0; 256 << 10];
    loop {
        let here = |e: std::io::Error| {
            // Before its input ends, or it would keep what it has by then.
            running.stop();
            Cut::Here(Error::new(Code::Read, "a copy was cut off").cause(e))
        };
        let count = match from.read(&mut buffer) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.map_err(here)?,
        };
        let Some(read) = buffer.get(..count).filter(|read| !read.is_empty()) else { break };
        match to.write_all(read) {
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => return Err(Cut::There),
            written => written.map_err(here)?,
        }
        moved.fetch_add(count as u64, Ordering::Relaxed);
    }
    to.flush().map_err(|_| Cut::There)
}

fn wait(running: &Running) -> Result<ExitStatus> {
    loop {
        match running.ended()? {
            Some(status) => return Ok(status),
            None => SystemClock.sleep(POLL),
        }
    }
}

fn watch(
    running: &Running,
    idle: Duration,
    cancel: &AtomicBool,
    moved: &AtomicU64,
    over: &AtomicBool,
    why: &AtomicU64,
) {
    let (mut last, mut since) = (0, SystemClock.instant());
    while !over.load(Ordering::Relaxed) {
        let now = moved.load(Ordering::Relaxed);
        if now != last {
            (last, since) = (now, SystemClock.instant());
        }
        let reason = match () {
            () if cancel.load(Ordering::Relaxed) => CANCELLED,
            () if SystemClock.instant() - since > idle => STALLED,
            () => 0,
        };
        if reason != 0 && !over.load(Ordering::Relaxed) {
            why.store(reason, Ordering::Relaxed);
            running.stop();
            return;
        }
        SystemClock.sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        // Who tests in the background has interrupts ignored.
        let mut command = Command::new("env");
        command.args(["--default-signal=INT", "sh", "-c", script]);
        command
    }

    fn long() -> Duration {
        Duration::from_secs(60)
    }

    #[test]
    fn bytes_go_in_and_out() {
        let (go_on, mut source, mut sink) = (AtomicBool::new(false), &b"abc"[..], Vec::new());
        let ended = drive(&mut shell("cat"), Flow::In(&mut source), long(), &go_on).expect("runs");
        assert_eq!((ended.code(), ended.answer.as_slice()), (0, &b"abc"[..]));
        let ended = drive(&mut shell("echo out; exit 3"), Flow::Out(&mut sink), long(), &go_on).expect("runs");
        assert_eq!((ended.code(), ended.answer.len(), sink.as_slice()), (3, 0, &b"out\n"[..]));
        let ended = drive(&mut shell("echo no >&2; exit 1"), Flow::None, long(), &go_on).expect("runs");
        assert_eq!(ended.failure("not done").causes, ["no"]);
    }

    #[test]
    fn what_hangs_is_stopped() {
        let go_on = AtomicBool::new(false);
        let error = drive(&mut shell("exec sleep 600"), Flow::None, Duration::ZERO, &go_on).map(drop);
        assert_eq!(error.map_err(|e| (e.code, e.exit_code())), Err((Code::RemoteStalled, 1)));
    }

    #[test]
    fn who_gives_the_bytes_may_fail_and_nothing_is_kept() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                // By then the program listens.
                SystemClock.sleep(Duration::from_millis(300));
                Err(std::io::Error::other("broken"))
            }
        }
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = shell("trap 'touch stopped; exit' INT; while :; do sleep 0.05; done");
        let ran = drive(command.current_dir(folder.path()), Flow::In(&mut Broken), long(), &AtomicBool::new(false));
        assert_eq!(ran.map(drop).map_err(|e| e.code), Err(Code::Read));
        assert!(folder.path().join("stopped").exists(), "its input ended before it was told to stop");
    }
}
