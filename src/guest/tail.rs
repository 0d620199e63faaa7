//! Follows a log file that virtlogd writes, by inotify: no polling.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    os::{fd::AsFd, unix::fs::MetadataExt},
    path::{Path, PathBuf},
    time::Duration,
};

use inotify::{Inotify, WatchMask};

use super::lines::{Lines, Source};
use crate::{
    clock::Clock,
    model::{Code, Error, Result},
};

/// How much of the end of a log [`recent`] reads.
const RECENT: u64 = 64 << 10;
/// Most bytes read at once.
const CHUNK: u64 = 256 << 10;

/// A file being followed. virtlogd may rotate it: a new file of the same name is then read from its start.
pub struct Tail {
    path: PathBuf,
    inotify: Inotify,
    file: Option<(u64, File)>,
    start: u64,
}

impl Tail {
    /// Follows `path` from byte `start` on; the file need not exist yet, its folder must.
    pub fn open(path: &Path, start: u64) -> Result<Self> {
        let fail =
            |e: std::io::Error| Error::new(Code::LogUnreadable, format!("cannot follow `{}`", path.display())).cause(e);
        let inotify = Inotify::init().map_err(fail)?;
        let dir = path.parent().unwrap_or(Path::new("."));
        inotify.watches().add(dir, WatchMask::MODIFY | WatchMask::CREATE | WatchMask::MOVED_TO).map_err(fail)?;
        Ok(Self { path: path.to_owned(), inotify, file: None, start })
    }
}

/// Follows what a guest writes, from byte `start` of its log on; the log need not exist yet, its folder must.
///
/// # Errors
/// `log_unreadable`.
pub fn follow(log: &Path, start: u64) -> Result<Lines> {
    Ok(Lines::of(Box::new(Tail::open(log, start)?)))
}

impl Source for Tail {
    fn bytes(&mut self) -> Result<Vec<u8>> {
        let fail = |e: std::io::Error| {
            Error::new(Code::LogUnreadable, "cannot read a guest's log")
                .cause(e)
                .hint("run lite as root (`sudo lite …`)")
        };
        let mut out = Vec::new();
        if let Some((_, file)) = &mut self.file {
            file.take(CHUNK).read_to_end(&mut out).map_err(fail)?;
            if !out.is_empty() {
                return Ok(out);
            }
        }
        let inode = match std::fs::metadata(&self.path) {
            Ok(meta) => meta.ino(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(out),
            Err(e) => return Err(fail(e)),
        };
        if self.file.as_ref().is_none_or(|(open, _)| *open != inode) {
            let mut file = File::open(&self.path).map_err(fail)?;
            let length = file.metadata().map_err(fail)?.len();
            // Shorter than where to start: rotated since, and all of it is new.
            let start = Some(std::mem::take(&mut self.start)).filter(|s| *s <= length).unwrap_or(0);
            file.seek(SeekFrom::Start(start)).map_err(fail)?;
            file.by_ref().take(CHUNK).read_to_end(&mut out).map_err(fail)?;
            self.file = Some((inode, file));
        }
        Ok(out)
    }

    fn wait(&mut self, clock: &dyn Clock, limit: Duration) -> Result<()> {
        let fail = |e: std::io::Error| Error::new(Code::LogUnreadable, "cannot wait for a guest's log").cause(e);
        if clock.wait_readable(self.inotify.as_fd(), limit).map_err(fail)? {
            let mut buffer = [0; 4096];
            match self.inotify.read_events(&mut buffer) {
                Ok(events) => drop(events),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(fail(e)),
            }
        }
        Ok(())
    }
}

/// The last whole lines of a log, at most 64 KiB of them, and when it was last written to. Of a log that virtlogd has just
/// rotated and that holds no whole line yet, those of the file before. Does not cost more for a log that has grown.
pub fn recent(path: &Path) -> std::io::Result<(Vec<Vec<u8>>, std::time::SystemTime)> {
    let now = end_of(path);
    match &now {
        Ok((lines, _)) if !lines.is_empty() => now,
        _ => {
            let mut before = path.as_os_str().to_owned();
            before.push(".0");
            end_of(Path::new(&before)).or(now)
        }
    }
}

fn end_of(path: &Path) -> std::io::Result<(Vec<Vec<u8>>, std::time::SystemTime)> {
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    let start = meta.len().saturating_sub(RECENT);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(RECENT).read_to_end(&mut bytes)?;
    let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
    // Behind the last line feed is a line that is not whole; and the first may have begun before.
    lines.pop();
    if start > 0 && !lines.is_empty() {
        lines.remove(0);
    }
    Ok((lines, meta.modified()?))
}

/// The last lines of a text log, control characters removed; fewer if it is shorter, none if it is not there.
pub fn last_lines(path: &Path, count: usize) -> Vec<String> {
    let Ok(mut file) = File::open(path) else { return Vec::new() };
    let length = file.metadata().map_or(0, |m| m.len());
    let mut bytes = Vec::new();
    let read = file
        .seek(SeekFrom::Start(length.saturating_sub(16 << 10)))
        .and_then(|_| file.take(16 << 10).read_to_end(&mut bytes));
    if read.is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<String> = text
        .lines()
        .map(|l| l.chars().filter(|c| !c.is_control()).take(300).collect::<String>())
        .filter(|l| !l.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(count)..].to_vec()
}

#[cfg(test)]
mod tests {
    use crate::clock::SystemClock;
    use std::io::Write;

    use super::*;

    #[test]
    fn follows_a_file_that_comes_later_and_is_rotated() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        let mut tail = follow(&path, 0).unwrap();
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
        assert_eq!(follow(&path, 100).unwrap().lines().unwrap(), [b"new".to_vec()]);
    }

    #[test]
    fn the_end_of_a_log_that_has_grown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report");
        assert!(recent(&path).is_err());
        std::fs::write(&path, b"one\ntwo\npart").unwrap();
        assert_eq!(recent(&path).unwrap().0, [b"one".to_vec(), b"two".to_vec()]);
        std::fs::write(&path, [vec![b'x'; 1 << 20], b"\nlast\n".to_vec()].concat()).unwrap();
        assert_eq!(recent(&path).unwrap().0, [b"last".to_vec()]);
        std::fs::rename(&path, dir.path().join("report.0")).unwrap();
        assert_eq!(recent(&path).unwrap().0, [b"last".to_vec()]);
        std::fs::write(&path, b"part").unwrap();
        assert_eq!(recent(&path).unwrap().0, [b"last".to_vec()]);
        std::fs::write(&path, b"whole\n").unwrap();
        assert_eq!(recent(&path).unwrap().0, [b"whole".to_vec()]);
    }
}
