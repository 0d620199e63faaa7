//! Files that a user or the operator names, read with a limit.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileTypeExt as _,
    path::Path,
};

use crate::model::{Code, Error, Result};

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
