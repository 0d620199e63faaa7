//! Ctrl-C and SIGTERM.

use std::sync::{Arc, atomic::AtomicBool};

use crate::model::{Code, Error, Result};

/// From now on the first Ctrl-C sets the flag, which is looked at between steps and while waiting; a second one ends the
/// process at once, and the next change cleans up.
pub fn heed(flag: &Arc<AtomicBool>) -> Result<()> {
    let fail = |e: std::io::Error| Error::new(Code::Signals, "cannot listen for Ctrl-C").cause(e);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, flag.clone()).map_err(fail)?;
        signal_hook::flag::register(signal, flag.clone()).map_err(fail)?;
    }
    Ok(())
}
