//! Ids and files of images: what every part of the room needs.

use std::path::Path;

use crate::model::{Code, Error, Result, escaped};

pub(super) const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits() as i32;

/// Refuses an id that is not lower-case letters, digits, `.` and `-`, at most 63.
pub fn check_id(id: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let first = id.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if first && id.len() <= 63 && id.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::new(Code::InvalidImageId, format!("`{}` cannot name an image", escaped(id)))
        .hint("1 to 63 of a-z, 0-9, `.` and `-`, the first a letter or digit: `debian-13`"))
}

/// An error of the file system.
pub(super) fn io(what: &str, path: &Path, e: std::io::Error) -> Error {
    Error::new(Code::ImageIo, format!("cannot {what} `{}`", path.display())).cause(e)
}
