//! Bytes on their way, with their digest, and how many there are.

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{Observer, hex};

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// Its bytes.
    pub length: u64,
    /// Their SHA-256, hexadecimal.
    pub sha256: String,
}

/// Bytes that are read, which are told of.
pub struct Hashed<'a> {
    source: &'a mut dyn Read,
    digest: Sha256,
    done: u64,
    total: Option<u64>,
    observer: &'a mut dyn Observer,
}

impl<'a> Hashed<'a> {
    /// Bytes of which nothing was read; `total`: about how many there are.
    pub fn new(source: &'a mut dyn Read, total: Option<u64>, observer: &'a mut dyn Observer) -> Self {
        Self { source, digest: Sha256::new(), done: 0, total, observer }
    }

    /// What was read.
    pub fn content(self) -> Content {
        Content { length: self.done, sha256: hex(&self.digest.finalize()) }
    }
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.digest.update(buffer.get(..count).unwrap_or_default());
        self.done += count as u64;
        self.observer.bytes(self.done, self.total.map(|total| total.max(self.done)));
        Ok(count)
    }
}

/// Bytes that are written: no more than were said, which are told of.
pub struct Expected<'a> {
    to: &'a mut dyn Write,
    digest: Sha256,
    done: u64,
    wanted: &'a Content,
    observer: &'a mut dyn Observer,
}

impl<'a> Expected<'a> {
    /// Bytes that are to be these.
    pub fn new(to: &'a mut dyn Write, wanted: &'a Content, observer: &'a mut dyn Observer) -> Self {
        Self { to, digest: Sha256::new(), done: 0, wanted, observer }
    }

    /// Whether they are.
    pub fn ends_whole(self) -> bool {
        self.done == self.wanted.length && hex(&self.digest.finalize()) == self.wanted.sha256
    }
}

impl Write for Expected<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.done + bytes.len() as u64 > self.wanted.length {
            return Err(std::io::Error::other("there is more of it than was said"));
        }
        let count = self.to.write(bytes)?;
        self.digest.update(bytes.get(..count).unwrap_or_default());
        self.done += count as u64;
        self.observer.bytes(self.done, Some(self.wanted.length));
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Unobserved;

    #[test]
    fn what_was_read_is_what_is_wanted_and_no_more_is_taken() {
        let (mut source, mut sink) = (&b"abc"[..], Vec::new());
        let (mut one, mut two) = (Unobserved, Unobserved);
        let mut hashed = Hashed::new(&mut source, None, &mut one);
        std::io::copy(&mut hashed, &mut std::io::sink()).unwrap();
        let content = hashed.content();
        assert_eq!(content.length, 3);
        assert!(content.sha256.starts_with("ba7816bf"), "{content:?}");
        let written = |bytes: &[u8], sink: &mut Vec<u8>, observer: &mut Unobserved| {
            let mut expected = Expected::new(sink, &content, observer);
            (expected.write_all(bytes).is_ok(), expected.ends_whole())
        };
        assert_eq!(written(b"abc", &mut sink, &mut two), (true, true));
        assert_eq!(written(b"abd", &mut sink, &mut two), (true, false));
        assert_eq!(written(b"ab", &mut sink, &mut two), (true, false));
        assert_eq!(written(b"abcd", &mut sink, &mut two), (false, false));
    }
}
