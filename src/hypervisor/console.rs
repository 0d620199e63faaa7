//! The serial console of a domain, and its channels.

use std::{
    fmt,
    io::{Read, Write},
};

use uuid::Uuid;

use crate::model::Result;

/// An open console, both directions. Either may block for ever: give each a thread of its own.
pub struct ConsoleStream {
    /// What the guest writes; ends when the guest stops or `input` is dropped.
    pub output: Box<dyn Read + Send>,
    /// What is typed. Dropping it closes the console.
    pub input: Box<dyn Write + Send>,
}

impl fmt::Debug for ConsoleStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleStream").finish_non_exhaustive()
    }
}

/// Serial consoles and channels.
pub trait Console: Send + Sync {
    /// Opens the serial console of a running domain. `no_domain`, `not_running`, or `console_busy` if somebody else has it
    /// open.
    fn open_console(&self, uuid: Uuid) -> Result<ConsoleStream>;
    /// Opens a channel of a running domain, by the name of its virtio-serial port. `no_domain` or `not_running`.
    fn open_channel(&self, uuid: Uuid, name: &str) -> Result<ConsoleStream>;
}
