//! What the printer writes to and reads from.

use std::{
    io::{BufRead, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use super::ColorEnv;

/// The streams of the process, or of a test, and what is known of them.
pub struct Streams {
    /// For data.
    pub stdout: Box<dyn Write + Send>,
    /// For everything else.
    pub stderr: Box<dyn Write + Send>,
    /// For answers to questions.
    pub stdin: Box<dyn BufRead + Send>,
    /// Whether stdout is a terminal.
    pub stdout_tty: bool,
    /// Whether stderr is a terminal.
    pub stderr_tty: bool,
    /// Whether stdin is a terminal.
    pub stdin_tty: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Whether the locale is UTF-8.
    pub utf8: bool,
    /// What the environment says about colour.
    pub color: ColorEnv,
    /// A clock that only moves forward, for the times of stages.
    pub elapsed: Arc<dyn Fn() -> Duration + Send + Sync>,
}

/// The real monotonic clock.
pub fn monotonic() -> Arc<dyn Fn() -> Duration + Send + Sync> {
    let start = Instant::now();
    Arc::new(move || start.elapsed())
}
