//! The command of a job in its guest: how it is run there, waited for, and asked how it ended.

use std::{
    io,
    os::{fd::AsFd, unix::process::CommandExt},
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::output::bounded;
use crate::clock::Clock;

/// How often it is asked whether the command is to end.
const TICK: Duration = Duration::from_secs(1);
/// Longest a guest may take to say how a command ended.
const ANSWER: Duration = Duration::from_secs(30);
/// Most that it says.
const MOST: u64 = 64;

/// Runs its arguments as they are, with a folder for what is to be brought back, and notes how far it is: `ssh` ends with 255 too where it
/// could not log in, or lost the guest.
const RUN: &str = "LITE_OUT=$HOME/out; export LITE_OUT
mkdir -p -- \"$LITE_OUT\" && echo started > \"$HOME/.lite-job\" || exit 255
\"$@\"
code=$?
echo \"$code\" > \"$HOME/.lite-job\"
exit \"$code\"";
/// Tells what was noted.
const STATE: &str = "cat -- \"$HOME/.lite-job\" 2>&- || echo none";
/// Packs what is to be brought back.
const PACK: &str = "exec tar -C \"$HOME/out\" --format=gnu --hard-dereference -cf - .";

/// How far a command came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It was not begun.
    Nowhere,
    /// It was begun, and its end is not known.
    Begun,
    /// It ended with this exit code.
    Ended(u8),
}

fn shell(script: &str, arguments: &[String]) -> Vec<String> {
    let words = ["sh", "-c", script, "lite"].map(str::to_owned).into_iter();
    words.chain(arguments.iter().cloned()).collect()
}

/// The words that run the command of a job.
pub fn run_words(command: &[String]) -> Vec<String> {
    shell(RUN, command)
}

/// The words that tell how far it came.
pub fn state_words() -> Vec<String> {
    shell(STATE, &[])
}

/// The words that pack what it left.
pub fn pack_words() -> Vec<String> {
    shell(PACK, &[])
}

/// Runs a command, whose output is that of this process, to its end; none: it was to stop, and is killed. Ctrl-C on the terminal is for
/// this process alone.
///
/// # Errors
/// The system's own.
pub fn run(command: &mut Command, stop: &mut dyn FnMut() -> bool, clock: &dyn Clock) -> io::Result<Option<ExitStatus>> {
    let mut child = command.process_group(0).spawn()?;
    let mut ended = || -> io::Result<bool> {
        let process = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
        loop {
            if clock.wait_readable(process.as_fd(), TICK)? {
                return Ok(true);
            }
            if stop() {
                return Ok(false);
            }
        }
    };
    let ended = ended();
    if !matches!(ended, Ok(true)) {
        // It may have ended just now.
        let _ = child.kill();
    }
    let status = child.wait()?;
    ended.map(|ended| ended.then_some(status))
}

/// How far a command came, by the command that tells it; none: the guest does not say.
pub fn came(command: &mut Command, clock: &dyn Clock) -> Option<Came> {
    let told = bounded(command, &[], MOST, ANSWER, clock).ok().filter(|told| told.status.success())?;
    match std::str::from_utf8(&told.stdout).ok()?.trim() {
        "none" => Some(Came::Nowhere),
        "started" => Some(Came::Begun),
        code => code.parse().ok().map(Came::Ended),
    }
}

/// Where its input comes from: that of this process, or none.
pub fn input(passed_on: bool) -> Stdio {
    if passed_on { Stdio::inherit() } else { Stdio::null() }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::clock::SystemClock;

    fn local(home: &std::path::Path, words: &[String]) -> Command {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).env("HOME", home).stdin(input(false));
        command
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn each_word_arrives_as_it_is_and_the_end_is_noted() {
        let home = tempfile::tempdir().unwrap();
        let said = home.path().join("said");
        let hostile = ["printf", "%s|", "a b", "$HOME", "';exit 9;'", "\"", "`id`", "-n", "é\n"];
        let mut command = local(home.path(), &run_words(&words(&hostile)));
        command.stdout(std::fs::File::create(&said).unwrap());
        let status = run(&mut command, &mut || false, &SystemClock).unwrap().unwrap();
        assert_eq!(status.code(), Some(0));
        assert_eq!(std::fs::read_to_string(&said).unwrap(), "a b|$HOME|';exit 9;'|\"|`id`|-n|é\n|");
        let ends = |script: &str| {
            let mut command = local(home.path(), &run_words(&words(&["sh", "-c", script])));
            let code = run(&mut command, &mut || false, &SystemClock).unwrap().unwrap().code();
            (code, came(&mut local(home.path(), &state_words()), &SystemClock))
        };
        assert_eq!(ends("exit 3"), (Some(3), Some(Came::Ended(3))));
        assert_eq!(ends("exit 255"), (Some(255), Some(Came::Ended(255))));
        assert_eq!(ends("kill -TERM $$"), (Some(143), Some(Came::Ended(143))));
        assert_eq!(ends("test -d \"$LITE_OUT\""), (Some(0), Some(Came::Ended(0))));
        let missing = local(home.path(), &run_words(&words(&["/no/such/program"]))).status().unwrap();
        assert_eq!(missing.code(), Some(127));
    }

    #[test]
    fn a_guest_that_says_anything_else_says_nothing() {
        let home = tempfile::tempdir().unwrap();
        let told = || came(&mut local(home.path(), &state_words()), &SystemClock);
        assert_eq!(told(), Some(Came::Nowhere));
        for (noted, wanted) in
            [("started\n", Some(Came::Begun)), ("256", None), ("-1", None), ("", None), ("7 7", None), ("\u{1b}", None)]
        {
            std::fs::write(home.path().join(".lite-job"), noted).unwrap();
            assert_eq!(told(), wanted, "{noted:?}");
        }
        std::fs::write(home.path().join(".lite-job"), "7".repeat(1000)).unwrap();
        assert_eq!(told(), None);
    }

    #[test]
    fn one_that_is_to_stop_is_killed() {
        let mut command = Command::new("sleep");
        let status = run(command.arg("600"), &mut || true, &SystemClock).unwrap();
        assert_eq!(status, None);
    }
}
