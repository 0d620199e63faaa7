//! The terminal of this process in raw mode, put back when the guard goes. The only unsafe code towards the terminal.

use std::{io, mem::MaybeUninit};

/// Keeps the terminal on standard input raw; dropping it restores what was.
pub struct Raw(libc::termios);

impl Raw {
    /// Switches to raw mode. Fails if standard input is not a terminal.
    pub fn enter() -> io::Result<Self> {
        let mut before = MaybeUninit::<libc::termios>::uninit();
        // SAFETY: the pointer is valid; `before` is read only if the call filled it.
        let before = unsafe {
            if libc::tcgetattr(libc::STDIN_FILENO, before.as_mut_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            before.assume_init()
        };
        let mut raw = before;
        // SAFETY: changes the copy.
        unsafe { libc::cfmakeraw(&raw mut raw) };
        set(&raw)?;
        Ok(Self(before))
    }
}

fn set(mode: &libc::termios) -> io::Result<()> {
    // SAFETY: the pointer is valid for the call.
    if unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSADRAIN, mode) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = set(&self.0);
    }
}
