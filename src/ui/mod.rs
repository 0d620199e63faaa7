//! The one printer: data to stdout, everything else to stderr. Nothing else in lite writes to either.
//!
//! A [`Ui`] is cheap to clone and may be used from any thread. A reader that closed the pipe is no failure of ours: writing to
//! stdout then gives the error `closed_pipe`, on which `cli::run` ends quietly with exit 0. Stderr that cannot be written to is ignored.

mod ascii;
mod block;
mod clean;
mod color;
mod confirm;
mod error;
pub mod print;
mod progress;
mod stages;
mod streams;
mod table;
mod term;
#[doc(hidden)]
#[cfg(any(test, feature = "testing"))]
pub mod testing;

use std::{
    borrow::Cow,
    io::{self, BufRead, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ascii::{ascii, ascii_json};
pub use block::Block;
pub use clean::{clean, clean_lines};
pub use color::{ColorChoice, ColorEnv, Tone};
pub use error::error_text;
pub use progress::ProgressPrinter;
use serde::Serialize;
pub use stages::{Stages, seconds};
pub use streams::{Streams, monotonic};
pub use table::{Cell, Column, Table, display_width};

use crate::{
    model::{Code, Error, Result},
    view::{ErrorView, Versioned},
};

type Shared<T> = Arc<Mutex<T>>;

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The one printer.
#[derive(Clone)]
pub struct Ui {
    stdout: Shared<Box<dyn Write + Send>>,
    stderr: Shared<Box<dyn Write + Send>>,
    stdin: Shared<Box<dyn BufRead + Send>>,
    live: Shared<Option<indicatif::ProgressBar>>,
    elapsed: Arc<dyn Fn() -> Duration + Send + Sync>,
    color_env: ColorEnv,
    color_out: bool,
    color_err: bool,
    /// Whether stdout is a terminal.
    pub stdout_tty: bool,
    /// Whether stderr is a terminal.
    pub stderr_tty: bool,
    /// Whether stdin is a terminal.
    pub stdin_tty: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Whether marks beyond ASCII may be printed.
    pub utf8: bool,
    /// `--json`.
    pub json: bool,
    /// `--quiet`.
    pub quiet: bool,
    /// `--verbose`.
    pub verbose: bool,
}

impl Ui {
    /// A printer on these streams.
    pub fn new(streams: Streams) -> Self {
        let Streams { stdout, stderr, stdin, stdout_tty, stderr_tty, stdin_tty, width, utf8, color, elapsed } = streams;
        let mut ui = Self {
            stdout: Arc::new(Mutex::new(stdout)),
            stderr: Arc::new(Mutex::new(stderr)),
            stdin: Arc::new(Mutex::new(stdin)),
            live: Arc::default(),
            elapsed,
            color_env: color,
            color_out: false,
            color_err: false,
            stdout_tty,
            stderr_tty,
            stdin_tty,
            width,
            utf8,
            json: false,
            quiet: false,
            verbose: false,
        };
        ui.set_color(ColorChoice::Auto);
        ui
    }

    /// Applies the `--color` flag.
    pub fn set_color(&mut self, choice: ColorChoice) {
        self.color_out = self.color_env.decide(choice, self.stdout_tty);
        self.color_err = self.color_env.decide(choice, self.stderr_tty);
    }

    /// Whether stdout is coloured.
    pub fn color(&self) -> bool {
        self.color_out
    }

    /// Whether stderr is coloured.
    pub fn color_err(&self) -> bool {
        self.color_err
    }

    /// Writes text to stdout as it is; the caller has escaped what comes from outside.
    ///
    /// A terminal that is not UTF-8 gets no other characters than ASCII.
    pub fn data(&self, text: &str) -> Result<()> {
        self.bytes(if self.ascii_out() { ascii(text) } else { text.into() }.as_bytes())
    }

    /// Whether stdout is a terminal for ASCII alone.
    fn ascii_out(&self) -> bool {
        self.stdout_tty && !self.utf8
    }

    /// Text as stderr can show it.
    fn on_stderr<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.stderr_tty && !self.utf8 { ascii(text) } else { text.into() }
    }

    /// Writes bytes to stdout as they are.
    pub fn bytes(&self, bytes: &[u8]) -> Result<()> {
        let write = || {
            let mut out = locked(&self.stdout);
            out.write_all(bytes).and_then(|()| out.flush())
        };
        self.beside_progress(self.stdout_tty, write).map_err(|e| match e.kind() {
            io::ErrorKind::BrokenPipe => Error::new(Code::ClosedPipe, "the reader of stdout went away"),
            _ => Error::new(Code::Stdout, "cannot write to stdout").cause(e),
        })
    }

    /// Writes what a guest printed to stdout: as it is into a pipe, without control characters on a terminal.
    pub fn guest(&self, bytes: &[u8]) -> Result<()> {
        if !self.stdout_tty {
            return self.bytes(bytes);
        }
        self.data(&clean_lines(&String::from_utf8_lossy(bytes).replace("\r\n", "\n")))
    }

    /// Prints a table on stdout.
    pub fn table(&self, table: &Table) -> Result<()> {
        let ascii = self.ascii_out().then(|| table.to_ascii());
        self.data(&ascii.as_ref().unwrap_or(table).render(self.stdout_tty.then_some(self.width), self.color_out))
    }

    /// Prints a block on stdout.
    pub fn block(&self, block: &Block) -> Result<()> {
        self.data(&block.render(self.color_out))
    }

    /// Prints a document as JSON on stdout, with the version of its shape.
    pub fn document(&self, document: &impl Serialize) -> Result<()> {
        self.json(&Versioned::new(document))
    }

    /// Prints a value as JSON on stdout.
    fn json(&self, value: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string_pretty(value)
            .map_err(|e| Error::new(Code::Json, "cannot write the JSON form").cause(e))?;
        text.push('\n');
        self.bytes(if self.ascii_out() { ascii_json(&text) } else { text.into() }.as_bytes())
    }

    /// Says how things go, on stderr; not with `--quiet`.
    pub fn status(&self, text: &str) {
        if !self.quiet {
            self.err(&format!("{}\n", clean(text)));
        }
    }

    /// Says what only `--verbose` asks for.
    pub fn detail(&self, text: &str) {
        if self.verbose {
            self.err(&format!("{}\n", Tone::Dim.paint(&clean(text), self.color_err)));
        }
    }

    /// Warns, on stderr, even with `--quiet`.
    pub fn warn(&self, text: &str) {
        self.err(&format!("{} {}\n", Tone::Warn.paint("warning:", self.color_err), clean(text)));
    }

    /// Names a next step, on stderr; not with `--quiet`.
    pub fn hint(&self, text: &str) {
        if !self.quiet {
            self.err(&format!("{} {}\n", Tone::Hint.paint("hint:", self.color_err), clean(text)));
        }
    }

    /// Reports an error on stderr and, with `--json`, in its JSON form on stdout.
    pub fn error(&self, error: &Error) {
        self.err(&error_text(error, self.color_err));
        if self.json {
            // Nobody is left to tell that stdout failed too.
            self.document(&ErrorView::from(error)).ok();
        }
    }

    /// Tells an error that does not end the command, on stderr alone.
    pub fn error_note(&self, error: &Error) {
        self.err(&error_text(error, self.color_err));
    }

    /// Stages of a change as they happen, on stderr.
    pub fn stages(&self) -> Stages {
        Stages::new(self.clone())
    }

    fn err(&self, text: &str) {
        let write = || {
            let mut err = locked(&self.stderr);
            err.write_all(self.on_stderr(text).as_bytes()).and_then(|()| err.flush())
        };
        // Stderr that is gone must not stop a change halfway.
        self.beside_progress(self.stderr_tty, write).ok();
    }

    /// Takes a live progress line off the terminal while something else is written to it.
    fn beside_progress<R>(&self, tty: bool, write: impl FnOnce() -> R) -> R {
        let bar = if tty { locked(&self.live).clone() } else { None };
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}
