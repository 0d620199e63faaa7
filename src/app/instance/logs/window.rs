//! A part of a log, which may have grown without end: from line to line, so that no page ends within a word.

use std::path::PathBuf;

use crate::{
    guest::tail::{follow, plain},
    hypervisor::Machine,
    model::Result,
};

/// Most bytes of a log that are handed on at once to who does not follow it.
pub const WINDOW: u64 = 64 << 10;
/// How long a line of a console may be for a window to begin and end with one: a guest may write without a line end.
pub const A_LINE: u64 = 4 << 10;

/// A part of a log: from where to where, of how much, and its text without what steers a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Window {
    /// Its first byte.
    pub from: u64,
    /// The byte behind its last.
    pub to: u64,
    /// How long the log is.
    pub length: u64,
    /// What stands there.
    pub text: String,
}

impl Window {
    /// The end of the window before this one; none: it is the first.
    pub fn before(&self) -> Option<u64> {
        Some(self.from).filter(|from| *from > 0)
    }

    /// The end of the window after this one; none: it is the last.
    pub fn after(&self) -> Option<u64> {
        (self.to < self.length).then(|| self.to.saturating_add(WINDOW).min(self.length))
    }
}

/// Where a window of a log lies whose files are these, the oldest first, and its bytes, up to byte `end` or to the end of all. It begins and
/// ends with a line, where one is found within `line` bytes of its ends.
pub(super) fn read(machine: &dyn Machine, files: &[PathBuf], end: Option<u64>, line: u64) -> Result<(Window, Vec<u8>)> {
    // There is none before the first start.
    let sizes: Vec<u64> = files.iter().map(|file| machine.info(file).map_or(0, |info| info.length)).collect();
    let length = sizes.iter().sum();
    let to = end.unwrap_or(length).min(length);
    let from = to.saturating_sub(WINDOW);
    // With the byte before, which tells whether a line begins here.
    let start = from.saturating_sub(1);
    let (mut bytes, mut at) = (Vec::new(), 0);
    for (file, size) in files.iter().zip(sizes) {
        let (first, last) = (start.max(at), to.min(at.saturating_add(size)));
        if first < last {
            bytes.extend(part(machine, file, first - at, last - first)?);
        }
        at = at.saturating_add(size);
    }
    let line = usize::try_from(line).unwrap_or(usize::MAX);
    let is_end = |byte: &u8| *byte == b'\n';
    let to = start.saturating_add(bytes.len() as u64);
    if to < length {
        let end = bytes.iter().rev().take(line).position(is_end).unwrap_or_default();
        bytes.truncate(bytes.len().saturating_sub(end));
    }
    let skip = match from {
        0 => 0,
        _ => bytes.iter().take(line).position(is_end).filter(|end| end + 1 < bytes.len()).unwrap_or_default() + 1,
    };
    let bytes = bytes.split_off(skip.min(bytes.len()));
    let from = start.saturating_add(skip as u64);
    Ok((Window { from, to: from.saturating_add(bytes.len() as u64), length, text: String::new() }, bytes))
}

/// So many bytes of a file from one on; fewer if it is another by now.
fn part(machine: &dyn Machine, file: &std::path::Path, from: u64, most: u64) -> Result<Vec<u8>> {
    let (mut written, mut bytes) = (follow(machine, file, from)?, Vec::new());
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    while bytes.len() < most {
        let more = written.bytes()?;
        if more.is_empty() {
            break;
        }
        bytes.extend(more);
    }
    bytes.truncate(most);
    Ok(bytes)
}

/// Text for a page: a carriage return begins a line anew, which there is another line.
pub(super) fn text(bytes: &[u8]) -> String {
    plain(bytes).replace("\r\n", "\n").replace('\r', "\n")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::hypervisor::LocalMachine;

    #[test]
    fn windows_follow_each_other_from_line_to_line_over_all_files() {
        let dir = tempfile::tempdir().unwrap();
        let files = [dir.path().join("log.0"), dir.path().join("log")];
        let all: Vec<u8> = (0..20_000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let (old, new) = all.split_at(100_003);
        for (file, part) in files.iter().zip([old, new]) {
            fs::write(file, part).unwrap();
        }
        let machine = LocalMachine::of("qemu:///system");
        let window = |end| read(&machine, &files, end, A_LINE).unwrap();
        let (mut parts, mut end, mut starts) = (Vec::new(), None, Vec::new());
        loop {
            let (window, bytes) = window(end);
            assert!(bytes.starts_with(b"line ") && bytes.ends_with(b"\n") && bytes.len() <= 64 << 10);
            parts.push(bytes);
            starts.push(window.clone());
            end = window.before();
            if end.is_none() {
                break;
            }
        }
        parts.reverse();
        assert_eq!((parts.len(), parts.concat() == all), (4, true), "nothing is left out, and nothing twice");
        // Onwards as well.
        let mut at = starts.last().unwrap().clone();
        let mut onwards = window(Some(at.to)).1;
        while let Some(end) = at.after() {
            let (next, bytes) = window(Some(end));
            onwards.extend(bytes);
            at = next;
        }
        assert!(onwards == all, "{} of {}", onwards.len(), all.len());
    }

    #[test]
    fn a_log_without_line_ends_is_read_by_bytes_and_one_that_is_not_there_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let files = [dir.path().join("log")];
        let machine = LocalMachine::of("qemu:///system");
        assert_eq!(read(&machine, &files, None, A_LINE).unwrap(), (Window::default(), Vec::new()));
        fs::write(&files[0], vec![b'x'; 100_000]).unwrap();
        let (window, bytes) = read(&machine, &files, None, A_LINE).unwrap();
        assert_eq!(
            (window.from, window.to, window.length, bytes.len()),
            (100_000 - (64 << 10), 100_000, 100_000, 64 << 10)
        );
        let (window, bytes) = read(&machine, &files, window.before(), A_LINE).unwrap();
        assert_eq!((window.from, window.to, bytes.len(), window.after()), (0, 34_464, 34_464, Some(100_000)));
        let (window, _) = read(&machine, &files, Some(u64::MAX), A_LINE).unwrap();
        assert_eq!((window.to, window.after()), (100_000, None));
    }
}
