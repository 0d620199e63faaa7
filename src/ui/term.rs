//! The terminal as the progress line sees it: the printer's own stderr, with the few control sequences needed.

use std::{
    fmt,
    io::{self, Write},
    sync::Mutex,
};

use indicatif::TermLike;

use super::{Shared, locked};

/// A terminal on a shared writer. Collects until flushed, so that a frame is one write.
pub struct Term {
    out: Shared<Box<dyn Write + Send>>,
    frame: Mutex<String>,
    width: u16,
}

impl Term {
    /// A terminal of so many columns.
    pub fn new(out: Shared<Box<dyn Write + Send>>, width: usize) -> Self {
        Self { out, frame: Mutex::default(), width: u16::try_from(width).unwrap_or(u16::MAX) }
    }

    fn push(&self, text: &str) -> io::Result<()> {
        locked(&self.frame).push_str(text);
        Ok(())
    }

    fn moved(&self, n: usize, to: char) -> io::Result<()> {
        if n == 0 { Ok(()) } else { self.push(&format!("\x1b[{n}{to}")) }
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Term").field("width", &self.width).finish_non_exhaustive()
    }
}

impl TermLike for Term {
    fn width(&self) -> u16 {
        self.width
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.moved(n, 'D')
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        self.push(s)?;
        self.push("\n")
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        self.push(s)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.push("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        let frame = std::mem::take(&mut *locked(&self.frame));
        let mut out = locked(&self.out);
        // A terminal that is gone must not stop a change halfway.
        out.write_all(frame.as_bytes()).and_then(|()| out.flush()).or(Ok(()))
    }
}
