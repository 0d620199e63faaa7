//! What is known of standard output alone before `main`: Rust's runtime opens `/dev/null` in the place of a descriptor that is
//! closed (`lite list >&-`), and all that is written there would seem to have arrived.

use std::{
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use rustix::{
    io::{Errno, fcntl_getfd},
    stdio,
};

static CLOSED: AtomicBool = AtomicBool::new(false);

// Asks the kernel for a number alone: nothing here needs the runtime.
#[ctor::ctor(unsafe)]
fn look() {
    CLOSED.store(fcntl_getfd(stdio::stdout()).is_err(), Relaxed);
}

/// Standard output as the process got it.
pub(super) fn stdout() -> Box<dyn Write + Send> {
    if CLOSED.load(Relaxed) { Box::new(Closed) } else { Box::new(io::stdout()) }
}

/// An output that is closed.
struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(Errno::BADF.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
