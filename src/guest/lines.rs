//! What a guest writes, as it comes: its reports line by line, or the bytes of its console.

use std::time::Duration;

use crate::{clock::Clock, model::Result};

/// Longest line kept; a guest is untrusted and may write without end.
const MAX_LINE: usize = 64 << 10;
/// Bytes after which a call returns what it has: a guest may write faster than it is read.
const MOST: usize = 4 << 20;

/// Where the bytes come from. Today a file that virtlogd writes on this machine (`tail`); a channel of libvirt's would do
/// for a guest on another one.
pub trait Source: Send {
    /// New bytes since the last call, at most 256 KiB; empty if there are none.
    ///
    /// # Errors
    /// `log_unreadable`.
    fn bytes(&mut self) -> Result<Vec<u8>>;

    /// Waits until something was written or `limit` has passed.
    ///
    /// # Errors
    /// `log_unreadable`.
    fn wait(&mut self, clock: &dyn Clock, limit: Duration) -> Result<()>;
}

/// The lines of a source.
pub struct Lines {
    source: Box<dyn Source>,
    partial: Vec<u8>,
}

impl Lines {
    /// The lines of this source.
    pub fn of(source: Box<dyn Source>) -> Self {
        Self { source, partial: Vec::new() }
    }

    /// New whole lines since the last call; of a longer one its first 64 KiB.
    ///
    /// # Errors
    /// Those of the source.
    pub fn lines(&mut self) -> Result<Vec<Vec<u8>>> {
        let (mut lines, mut read) = (Vec::new(), 0);
        loop {
            let bytes = self.source.bytes()?;
            read += bytes.len();
            if bytes.is_empty() {
                return Ok(lines);
            }
            for byte in bytes {
                if byte == b'\n' {
                    lines.push(std::mem::take(&mut self.partial));
                } else if self.partial.len() < MAX_LINE {
                    self.partial.push(byte);
                }
            }
            if read >= MOST {
                return Ok(lines);
            }
        }
    }

    /// New bytes since the last call, for what has no lines; empty if there are none.
    ///
    /// # Errors
    /// Those of the source.
    pub fn bytes(&mut self) -> Result<Vec<u8>> {
        self.source.bytes()
    }

    /// Waits until something was written or `limit` has passed.
    ///
    /// # Errors
    /// Those of the source.
    pub fn wait(&mut self, clock: &dyn Clock, limit: Duration) -> Result<()> {
        self.source.wait(clock, limit)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// A channel that has brought these pieces.
    struct Pieces(VecDeque<Vec<u8>>);

    impl Source for Pieces {
        fn bytes(&mut self) -> Result<Vec<u8>> {
            Ok(self.0.pop_front().unwrap_or_default())
        }
        fn wait(&mut self, _: &dyn Clock, _: Duration) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_whole_and_bounded() {
        let endless = vec![b'x'; MAX_LINE + 1];
        let pieces = [&b"one\ntw"[..], b"o\n", &endless, b"\n", b"part"].map(<[u8]>::to_vec);
        let mut lines = Lines::of(Box::new(Pieces(pieces.into())));
        assert_eq!(lines.lines().unwrap(), [b"one".to_vec(), b"two".to_vec(), endless[1..].to_vec()]);
        assert_eq!(lines.lines().unwrap(), Vec::<Vec<u8>>::new());
    }
}
