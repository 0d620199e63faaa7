//! Files that a user or the operator names, read with a limit.

use std::{fs, io::Read, path::Path};

use crate::model::{Code, Error, Result};

/// Reads a file the user named; refused when it is no plain file or larger than `limit` bytes.
pub fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let shown = path.display();
    let fail = |e: std::io::Error| Error::new(Code::FileUnreadable, format!("cannot read `{shown}`")).cause(e);
    let meta = fs::metadata(path).map_err(fail)?;
    if !meta.is_file() {
        return Err(Error::new(Code::FileUnreadable, format!("`{shown}` is not a plain file")));
    }
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(fail)?.take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(Code::FileTooLarge, format!("`{shown}` is larger than {} KiB", limit >> 10)));
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
    /// Reads a file the user named, of at most `limit` bytes.
    pub fn read(path: &Path, limit: u64) -> Result<Self> {
        Ok(Self { name: path.display().to_string(), bytes: read_limited(path, limit)? })
    }

    /// The error with the file's name in front.
    pub fn named_in(&self, mut error: Error) -> Error {
        error.message = format!("`{}`: {}", self.name, error.message);
        error
    }
}
