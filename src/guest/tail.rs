//! What a guest wrote into a log of virtlogd's: as it comes, or its end.

use std::{io, path::Path, time::Duration};

use anstream::adapter::strip_bytes;
use jiff::Timestamp;

use super::lines::{Lines, Source};
use crate::{
    clock::Clock,
    hypervisor::{FileTail, Machine},
    model::{Code, Error, Hint, Result, is_hidden},
};

/// How much of the end of a log [`recent`] reads.
const RECENT: u64 = 64 << 10;
/// How much of the end of a log [`last_lines`] reads.
const LAST: u64 = 16 << 10;

/// A log that is followed.
struct Log(Box<dyn FileTail>);

/// Follows what a guest writes, from byte `start` of its log on; the log need not exist yet, its folder must.
///
/// # Errors
/// `log_unreadable`.
pub fn follow(machine: &dyn Machine, log: &Path, start: u64) -> Result<Lines> {
    let tail = machine
        .tail(log, start)
        .map_err(|e| Error::new(Code::LogUnreadable, format!("cannot follow `{}`", log.display())).cause(e))?;
    Ok(Lines::of(Box::new(Log(tail))))
}

impl Source for Log {
    fn bytes(&mut self) -> Result<Vec<u8>> {
        self.0.bytes().map_err(|e| {
            Error::new(Code::LogUnreadable, "cannot read a guest's log").cause(e).hint(Hint::again_as_root())
        })
    }

    fn wait(&mut self, clock: &dyn Clock, limit: Duration) -> Result<()> {
        let fail = |e: io::Error| Error::new(Code::LogUnreadable, "cannot wait for a guest's log").cause(e);
        if clock.wait_readable(self.0.changes(), limit).map_err(fail)? {
            self.0.clear().map_err(fail)?;
        }
        Ok(())
    }
}

/// The last whole lines of a log, at most 64 KiB of them, and when it was last written to. Of a log that virtlogd has just
/// rotated and that holds no whole line yet, those of the file before. Does not cost more for a log that has grown.
pub fn recent(machine: &dyn Machine, path: &Path) -> io::Result<(Vec<Vec<u8>>, Timestamp)> {
    let now = end_of(machine, path);
    match &now {
        Ok((lines, _)) if !lines.is_empty() => now,
        _ => {
            let mut before = path.as_os_str().to_owned();
            before.push(".0");
            end_of(machine, Path::new(&before)).or(now)
        }
    }
}

fn end_of(machine: &dyn Machine, path: &Path) -> io::Result<(Vec<Vec<u8>>, Timestamp)> {
    let (bytes, info) = machine.read_end(path, RECENT)?;
    let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    // Behind the last line feed is a line that is not whole; and the first may have begun before.
    lines.pop();
    if info.length > RECENT && !lines.is_empty() {
        lines.remove(0);
    }
    Ok((lines, info.modified))
}

/// Text of a log without the sequences that steer a terminal.
pub fn plain(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&strip_bytes(bytes).into_vec()).into_owned()
}

/// The end of a text log, at most so many bytes, escape sequences and control characters removed; empty if it is not there.
pub fn text(machine: &dyn Machine, path: &Path, most: u64) -> String {
    let Ok((bytes, _)) = machine.read_end(path, most) else { return String::new() };
    plain(&bytes).chars().filter(|c| *c == '\n' || *c == '\t' || !is_hidden(*c)).collect()
}

/// The last lines of a text log, escape sequences and control characters removed; fewer if it is shorter, none if it is not there.
pub fn last_lines(machine: &dyn Machine, path: &Path, count: usize) -> Vec<String> {
    let Ok((bytes, info)) = machine.read_end(path, LAST) else { return Vec::new() };
    // The first line may have begun before, in the midst of an escape sequence.
    let whole = match bytes.iter().position(|b| *b == b'\n') {
        Some(end) if info.length > LAST => &bytes[end + 1..],
        _ => &bytes,
    };
    let text = plain(whole);
    let lines: Vec<String> = text
        .lines()
        .map(|l| l.chars().filter(|c| !is_hidden(*c)).take(300).collect::<String>())
        .filter(|l| !l.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(count)..].to_vec()
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write};

    use super::*;
    use crate::{clock::SystemClock, hypervisor::LocalMachine};

    fn here() -> LocalMachine {
        LocalMachine::of("qemu:///system")
    }

    #[test]
    fn follows_a_file_that_comes_later_and_is_rotated() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        let mut tail = follow(&here(), &path, 0).unwrap();
        assert_eq!(tail.lines().unwrap(), Vec::<Vec<u8>>::new());
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        tail.wait(&SystemClock, Duration::from_secs(5)).unwrap();
        assert_eq!(tail.lines().unwrap(), [b"one".to_vec()]);
        file.write_all(b"o\n").unwrap();
        assert_eq!(tail.lines().unwrap(), [b"two".to_vec()]);
        std::fs::rename(&path, dir.path().join("report.0")).unwrap();
        std::fs::write(&path, b"three\n").unwrap();
        assert_eq!(tail.lines().unwrap(), [b"three".to_vec()]);
    }

    #[test]
    fn a_log_rotated_before_it_was_opened_is_read_from_its_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        std::fs::write(&path, b"new\n").unwrap();
        assert_eq!(follow(&here(), &path, 100).unwrap().lines().unwrap(), [b"new".to_vec()]);
    }

    #[test]
    fn last_lines_hold_no_rest_of_an_escape_sequence() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("console");
        let boot = b"\x1bc\x1b[?7l\x1b[2J[\x1b[0;32m  OK  \x1b[0m] Started \x1b[0;1;39mgetty\x1b[0m.\r\n\x1b]0;title\x07login:\xc2\xad\r\n";
        std::fs::write(&path, boot).unwrap();
        assert_eq!(last_lines(&here(), &path, 5), ["[  OK  ] Started getty.", "login:"]);
        std::fs::write(&path, [b"\x1b[3".to_vec(), vec![b'x'; 20_000], b"\nlast\n".to_vec()].concat()).unwrap();
        assert_eq!(last_lines(&here(), &path, 5), ["last"]);
    }

    #[test]
    fn the_text_of_a_log_is_its_end_and_hides_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("console");
        assert_eq!(text(&here(), &path, 64), "");
        std::fs::write(&path, b"old\r\n\x1b[0;32mOK\x1b[0m\tdone\r\n\x1b]0;t\x07\xe2\x80\xaelogin: ").unwrap();
        assert_eq!(text(&here(), &path, 64), "old\nOK\tdone\nlogin: ");
        assert_eq!(text(&here(), &path, 7), "login: ");
    }

    #[test]
    fn the_end_of_a_log_that_has_grown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        assert!(recent(&here(), &path).is_err());
        std::fs::write(&path, b"one\ntwo\npart").unwrap();
        assert_eq!(recent(&here(), &path).unwrap().0, [b"one".to_vec(), b"two".to_vec()]);
        std::fs::write(&path, [vec![b'x'; 1 << 20], b"\nlast\n".to_vec()].concat()).unwrap();
        assert_eq!(recent(&here(), &path).unwrap().0, [b"last".to_vec()]);
        std::fs::rename(&path, dir.path().join("report.0")).unwrap();
        assert_eq!(recent(&here(), &path).unwrap().0, [b"last".to_vec()]);
        std::fs::write(&path, b"part").unwrap();
        assert_eq!(recent(&here(), &path).unwrap().0, [b"last".to_vec()]);
        std::fs::write(&path, b"whole\n").unwrap();
        assert_eq!(recent(&here(), &path).unwrap().0, [b"whole".to_vec()]);
    }
}
