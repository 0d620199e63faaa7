//! Follows a file that virtlogd writes, by inotify: no polling.

use std::{
    fs::File,
    io,
    io::{Read, Seek, SeekFrom},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::fs::MetadataExt,
    },
    path::{Path, PathBuf},
};

use inotify::{Inotify, WatchMask};

use super::machine::FileTail;

/// Most bytes read at once.
const CHUNK: u64 = 256 << 10;

/// A file being followed. It may be rotated: a new file of the same name is then read from its start.
pub struct Tail {
    path: PathBuf,
    inotify: Inotify,
    file: Option<(u64, File)>,
    start: u64,
}

impl Tail {
    /// Follows `path` from byte `start` on; the file need not exist yet, its folder must.
    pub fn open(path: &Path, start: u64) -> io::Result<Self> {
        let inotify = Inotify::init()?;
        let dir = path.parent().unwrap_or(Path::new("."));
        inotify.watches().add(dir, WatchMask::MODIFY | WatchMask::CREATE | WatchMask::MOVED_TO)?;
        Ok(Self { path: path.to_owned(), inotify, file: None, start })
    }
}

impl FileTail for Tail {
    fn bytes(&mut self) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        if let Some((_, file)) = &mut self.file {
            file.take(CHUNK).read_to_end(&mut out)?;
            if !out.is_empty() {
                return Ok(out);
            }
        }
        let inode = match std::fs::metadata(&self.path) {
            Ok(meta) => meta.ino(),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(out),
            Err(e) => return Err(e),
        };
        if self.file.as_ref().is_none_or(|(open, _)| *open != inode) {
            let mut file = File::open(&self.path)?;
            let length = file.metadata()?.len();
            // Shorter than where to start: rotated since, and all of it is new.
            let start = Some(std::mem::take(&mut self.start)).filter(|s| *s <= length).unwrap_or(0);
            file.seek(SeekFrom::Start(start))?;
            file.by_ref().take(CHUNK).read_to_end(&mut out)?;
            self.file = Some((inode, file));
        }
        Ok(out)
    }

    fn changes(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }

    fn clear(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        match self.inotify.read_events(&mut buffer) {
            Err(e) if e.kind() != io::ErrorKind::WouldBlock => Err(e),
            _ => Ok(()),
        }
    }
}
