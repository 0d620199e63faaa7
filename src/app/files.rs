//! Files that a user or the operator names: read with a limit, or written whole.

use std::{
    fs::{File, Permissions, TryLockError},
    io::{self, Read},
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use crate::model::{Code, Error, Result};

/// Do not wait for the other end of a pipe.
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;
/// No link is followed.
const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
/// The name that means standard input.
const STDIN: &str = "-";

/// Reads what the user named: a plain file, a pipe (`<(command)` is one), or standard input as `-`.
///
/// # Errors
/// Refused: anything else, such as a folder or a device, and more than `limit` bytes.
pub fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let shown = match path.to_str() {
        Some(STDIN) => "standard input".to_owned(),
        _ => format!("`{}`", path.display()),
    };
    let fail = |e: io::Error| {
        let error = Error::new(Code::FileUnreadable, format!("cannot read {shown}")).cause(&e);
        // So a shell writes `<(command)`.
        match e.kind() == io::ErrorKind::NotFound && path.starts_with("/dev/fd") {
            true => error.hint("`sudo` closes such pipes: write `COMMAND | sudo lite …` and name `-` as the file"),
            false => error,
        }
    };
    let mut source: Box<dyn Read> = if path == Path::new(STDIN) {
        Box::new(io::stdin())
    } else {
        let kind = path.metadata().map_err(fail)?.file_type();
        if !kind.is_file() && !kind.is_fifo() {
            return Err(Error::new(Code::FileUnreadable, format!("{shown} is no plain file and no pipe")));
        }
        Box::new(File::open(path).map_err(fail)?)
    };
    let mut bytes = Vec::new();
    source.by_ref().take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(Code::FileTooLarge, format!("{shown} is larger than {} KiB", limit >> 10)));
    }
    Ok(bytes)
}

/// Opens what the user named, to be read once from its beginning: a plain file; none: standard input, which is `-`.
///
/// # Errors
/// Refused: anything else, such as a folder or a device.
pub fn open_source(path: &Path) -> Result<Option<File>> {
    if path == Path::new(STDIN) {
        return Ok(None);
    }
    let shown = format!("`{}`", path.display());
    let fail = |e: io::Error| Error::new(Code::FileUnreadable, format!("cannot read {shown}")).cause(e);
    // Opened first: what is looked at is what is read. A pipe that nobody writes to is not waited for.
    let mut options = File::options();
    let open = options.read(true).custom_flags(NONBLOCK).open(path).map_err(fail)?;
    let kind = open.metadata().map_err(fail)?.file_type();
    if kind.is_file() {
        return Ok(Some(open));
    }
    Err(Error::new(Code::FileUnreadable, format!("{shown} is no plain file"))
        .hint("name a plain file, or `-` for standard input"))
}

/// A file as a request carries it: its bytes, and the name that errors show.
#[derive(Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The name shown.
    pub name: String,
    /// The content.
    pub bytes: Vec<u8>,
}

impl Attachment {
    /// Reads what the user named, of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`read_limited`].
    pub fn read(path: &Path, limit: u64) -> Result<Self> {
        Ok(Self { name: path.display().to_string(), bytes: read_limited(path, limit)? })
    }

    /// The error with the file's name in front.
    pub fn named_in(&self, mut error: Error) -> Error {
        error.message = format!("`{}`: {}", self.name, error.message);
        error
    }
}

/// A file that a user wants: whole under its name, or not at all. Mode 0600.
pub struct NewFile {
    path: PathBuf,
    part: PathBuf,
    file: File,
}

impl NewFile {
    /// Begins one, as `FILE.part`; what a process that died left there is written over.
    ///
    /// # Errors
    /// Refused: something has the name already, another process writes it, or the folder cannot be written.
    pub fn begin(path: &Path) -> Result<Self> {
        refuse_existing(path)?;
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let failed = |e: io::Error| {
            let error = Error::new(Code::InvalidPath, format!("cannot write `{}`", part.display()));
            match e.kind() {
                io::ErrorKind::NotFound => error.cause(e).hint("name a file in a folder that is there"),
                _ => error.cause(e),
            }
        };
        let mut options = File::options();
        options.write(true).create(true).truncate(false).mode(0o600).custom_flags(NOFOLLOW);
        let file = options.open(&part).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(failed(io::Error::other("not a regular file")));
        }
        // Where others may write, too: one of theirs could be read by them, and another name of a file would be written over.
        if metadata.uid() != rustix::process::geteuid().as_raw() || metadata.nlink() != 1 {
            return Err(failed(io::Error::other("it is there already, and somebody else's")));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::new(Code::Busy, format!("another process writes `{}`", part.display())));
            }
            Err(TryLockError::Error(e)) => return Err(failed(e)),
        }
        file.set_permissions(Permissions::from_mode(0o600)).and_then(|()| file.set_len(0)).map_err(failed)?;
        Ok(Self { path: path.to_owned(), part, file })
    }

    /// What is written to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// It is whole: it has its name from now on. How many bytes it has.
    ///
    /// # Errors
    /// Something has the name by now, or the file system fails.
    pub fn finish(self) -> Result<u64> {
        let written = self.file.sync_all().and_then(|()| self.file.metadata()).map_err(|e| self.failed(e));
        let done = written.and_then(|metadata| {
            refuse_existing(&self.path)?;
            std::fs::rename(&self.part, &self.path).map_err(|e| self.failed(e))?;
            Ok(metadata.len())
        });
        done.inspect_err(|_| self.discard())
    }

    /// Nothing is to stay.
    pub fn discard(&self) {
        // What stays is written over by the next.
        let _ = std::fs::remove_file(&self.part);
    }

    fn failed(&self, e: io::Error) -> Error {
        Error::new(Code::NotWritable, format!("cannot write `{}`", self.path.display())).cause(e)
    }
}

/// How many bytes are free where a folder lies; none: nobody can tell.
pub fn free(folder: &Path) -> Option<u64> {
    let seen = rustix::fs::statvfs(folder).ok()?;
    Some(seen.f_bavail.saturating_mul(seen.f_frsize))
}

fn refuse_existing(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Error::new(Code::InvalidPath, format!("cannot write `{}`", path.display())).cause(e)),
        Ok(_) => Err(Error::new(Code::FileExists, format!("`{}` is there already", path.display()))
            .hint("name a file that is not there yet, or remove this one first")),
    }
}
