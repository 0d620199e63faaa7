//! Files that one key alone reads, by Debian's `age`: it is given the public key, and bytes through a pipe.

use std::{
    fs::File,
    io::{BufWriter, Write},
    process::{Child, Stdio},
};

use super::tools::{self, Need};
use crate::model::{Code, Error, Recipient, Result};

/// A child that does not outlive the value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Lets `write` write to a file what only the recipient can read.
///
/// # Errors
/// Refused: `age` is not installed. What `write` fails by, or `age` does.
pub fn encrypted(recipient: &Recipient, to: &File, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    tools::require(&[Need("age", "age")])?;
    let failed = |what: &str| Error::new(Code::ToolFailed, format!("age {what}"));
    let out = to.try_clone().map_err(|e| failed("cannot be given its file").cause(e))?;
    let mut command = tools::command("age");
    command
        .args(["--encrypt", "--recipient", recipient.as_str()])
        .stdin(Stdio::piped())
        .stdout(out)
        .stderr(Stdio::null());
    let mut age = Running(command.spawn().map_err(|e| failed("cannot be run").cause(e))?);
    let input = age.0.stdin.take().ok_or_else(|| failed("has no input"))?;
    let mut input = BufWriter::with_capacity(1 << 20, input);
    write(&mut input)?;
    input.flush().map_err(|e| failed("does not take the file").cause(e))?;
    drop(input);
    let status = age.0.wait().map_err(|e| failed("cannot be waited for").cause(e))?;
    if status.success() { Ok(()) } else { Err(failed(&format!("failed ({status})"))) }
}
