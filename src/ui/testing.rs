//! A printer whose output can be read back: for tests, in this crate and in `tests/`.

use std::{
    io::{self, Cursor, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{ColorEnv, Shared, Streams, Ui, locked};

/// What was printed.
#[derive(Debug, Clone, Default)]
pub struct Capture {
    stdout: Shared<Vec<u8>>,
    stderr: Shared<Vec<u8>>,
    clock: Shared<Duration>,
}

struct Sink(Shared<Vec<u8>>);

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        locked(&self.0).extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Capture {
    /// Streams into this capture: no terminal, 80 columns, UTF-8, no colour, a clock that stands still.
    pub fn streams(&self) -> Streams {
        let clock = Arc::clone(&self.clock);
        Streams {
            stdout: Box::new(Sink(Arc::clone(&self.stdout))),
            stderr: Box::new(Sink(Arc::clone(&self.stderr))),
            stdin: Box::new(Cursor::new(Vec::new())),
            stdout_tty: false,
            stderr_tty: false,
            stdin_tty: false,
            width: 80,
            utf8: true,
            color: ColorEnv::default(),
            elapsed: Arc::new(move || *locked(&clock)),
        }
    }

    /// A printer into this capture.
    pub fn ui(&self) -> Ui {
        Ui::new(self.streams())
    }

    /// A printer and its capture, on a terminal that answers questions with `input`.
    pub fn terminal(input: &str) -> (Ui, Self) {
        let capture = Self::default();
        let stdin = Box::new(Cursor::new(input.as_bytes().to_vec()));
        let streams = Streams { stdin, stdout_tty: true, stderr_tty: true, stdin_tty: true, ..capture.streams() };
        (Ui::new(streams), capture)
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        *locked(&self.clock) += time;
    }

    /// What is on stdout.
    pub fn stdout(&self) -> String {
        text(&self.stdout)
    }

    /// What is on stderr.
    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }
}

fn text(bytes: &Mutex<Vec<u8>>) -> String {
    String::from_utf8_lossy(&locked(bytes)).into_owned()
}
