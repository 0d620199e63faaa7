//! The programs that images are made with: looked for before any work, run as arguments, stopped when the user says so.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use crate::{
    clock::{Clock, SystemClock},
    model::{Code, Error, Result, escaped},
};

/// Programs of the administrator are not on everybody's path.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(100);
/// How long a program may clean up after it was told to stop.
const GRACE: Duration = Duration::from_secs(5);
/// How many of its last lines explain why it failed.
const CAUSES: usize = 5;
/// How much of its output is kept.
const OUTPUT_MAX: usize = 1 << 20;

/// Arguments of `setpriv` that start a program as the head of a [`family`].
const FAMILY: [&str; 6] = ["--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child"];
/// Arguments of `prlimit` that start a program which is [`bounded`]: bytes of address space, and seconds of CPU. A whole disk of the
/// largest bundle takes minutes.
const BOUNDS: [&str; 2] = ["--as=4294967296", "--cpu=3600"];

/// Something that has to be installed: a program by its name, or a file by its path; and the package that brings it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Need(pub &'static str, pub &'static str);

/// Refuses when something is missing, with the one line that installs it all.
pub(super) fn require(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| find(need.0).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|need| need.0).collect();
    let mut packages: Vec<&str> = missing.iter().map(|need| need.1).collect();
    packages.sort_unstable();
    packages.dedup();
    Err(Error::new(Code::ToolsMissing, format!("this host lacks {}", names.join(", ")))
        .hint(format!("install what is missing: `apt-get install {}`", packages.join(" "))))
}

/// Where a program or file is.
fn find(name: &str) -> Option<PathBuf> {
    if name.starts_with('/') {
        return Some(PathBuf::from(name)).filter(|path| path.exists());
    }
    PATH.split(':')
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0))
}

/// A program to [`run`], in an environment that does not depend on the caller's language.
pub(super) fn command(program: &str) -> Command {
    let mut command = Command::new(find(program).unwrap_or_else(|| PathBuf::from(program)));
    command.env("PATH", PATH).env("LC_ALL", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command
}

/// A program with many children, to [`run`] as root: when this process dies, by `kill -9` too, the kernel kills them all.
///
/// The program is the first process of a PID namespace, which ends with it; it ends with `unshare`, and that with the thread here.
pub(super) fn family(program: &str) -> Command {
    let mut command = command("setpriv");
    command.args(FAMILY).arg(program);
    command
}

/// A program to [`run`] over a file that somebody else wrote: it cannot take all of the host's memory, nor compute for ever.
pub(super) fn bounded(program: &str) -> Command {
    let mut command = command("prlimit");
    command.args(BOUNDS).arg(program);
    command
}

/// What the user knows a program by, also when another one starts it.
fn name(command: &Command) -> String {
    let started_by = |start: &[&str]| {
        let starts = command.get_args().take(start.len()).eq(start.iter().copied());
        command.get_args().nth(start.len()).filter(|_| starts)
    };
    let program = started_by(&FAMILY).or_else(|| started_by(&BOUNDS)).unwrap_or(command.get_program());
    Path::new(program).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The error of somebody who pressed Ctrl-C.
pub(super) fn check(cancel: &AtomicBool) -> Result<()> {
    if cancel.load(Ordering::SeqCst) {
        return Err(Error::new(Code::Interrupted, "interrupted; what was begun is removed"));
    }
    Ok(())
}

/// Runs a program to its end and gives its standard output; a failure carries the last lines of its standard error.
/// When `cancel` is set, the program and its children are stopped.
pub(super) fn run(command: &mut Command, cancel: &AtomicBool) -> Result<Vec<u8>> {
    check(cancel)?;
    let name = name(command);
    let failed = |message: String| Error::new(Code::ToolFailed, message);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = Group(command.spawn().map_err(|e| failed(format!("cannot run {name}")).cause(e))?);
    let output = drain(child.0.stdout.take(), OUTPUT_MAX);
    let errors = drain(child.0.stderr.take(), OUTPUT_MAX);
    let status = loop {
        check(cancel)?;
        match child.0.try_wait().map_err(|e| failed(format!("cannot wait for {name}")).cause(e))? {
            Some(status) => break status,
            None => SystemClock.sleep(POLL),
        }
    };
    let (output, errors) = (joined(output), joined(errors));
    if status.success() {
        return Ok(output);
    }
    Err(last_lines(&errors).into_iter().fold(failed(format!("{name} failed ({status})")), Error::cause))
}

/// The last lines of what a program said, for people.
pub(super) fn last_lines(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(CAUSES)..).unwrap_or_default();
    last.iter().map(|line| escaped(line)).collect()
}

/// A child in a process group of its own, which does not outlive the value.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(Some(_))) {
            return;
        }
        let group = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        let signal = |signal| group.map(|group| kill_process_group(group, signal));
        // The results do not matter: the group may be gone at any moment.
        let _ = signal(Signal::TERM);
        let end = SystemClock.instant() + GRACE;
        while SystemClock.instant() < end && !matches!(self.0.try_wait(), Ok(Some(_))) {
            SystemClock.sleep(POLL);
        }
        let _ = signal(Signal::KILL);
        let _ = self.0.wait();
        // Its children may still be writing for a moment.
        let end = SystemClock.instant() + GRACE;
        while SystemClock.instant() < end && group.is_some_and(|group| test_kill_process_group(group).is_ok()) {
            SystemClock.sleep(POLL);
        }
    }
}

/// Reads a pipe to its end, keeping the last `most` bytes or somewhat more.
pub(super) fn drain(pipe: Option<impl Read + Send + 'static>, most: usize) -> Option<JoinHandle<Vec<u8>>> {
    let mut pipe = pipe?;
    Some(std::thread::spawn(move || {
        let (mut kept, mut buffer) = (Vec::new(), [0; 8192]);
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
            if kept.len() > 2 * most {
                kept.drain(..most);
            }
        }
        kept
    }))
}

fn joined(reader: Option<JoinHandle<Vec<u8>>>) -> Vec<u8> {
    reader.and_then(|reader| reader.join().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_program_that_the_user_knows() {
        assert_eq!(name(command("qemu-img").arg("check")), "qemu-img");
        assert_eq!(name(family("mmdebstrap").arg("--mode=root")), "mmdebstrap");
        assert_eq!(name(bounded("qemu-img").arg("check")), "qemu-img");
    }

    #[test]
    fn what_is_bounded_has_no_more_than_its_share() {
        let mut shell = bounded("sh");
        let out = run(shell.args(["-c", "ulimit -v; ulimit -t"]), &AtomicBool::new(false)).expect("runs");
        assert_eq!(String::from_utf8_lossy(&out), "4194304\n3600\n");
    }
}
