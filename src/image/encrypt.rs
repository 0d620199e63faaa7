//! Files that one key alone reads, by Debian's `age`: it is given the public key, or the file that holds the secret one, and bytes
//! through a pipe.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    path::Path,
    process::{Child, ChildStdout, Stdio},
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
    let unwritten = |what: &str| Error::new(Code::NotWritable, format!("age {what}"));
    input.flush().map_err(|e| unwritten("does not take the file").cause(e))?;
    drop(input);
    let status = age.0.wait().map_err(|e| failed("cannot be waited for").cause(e))?;
    if status.success() { Ok(()) } else { Err(unwritten(&format!("failed ({status})"))) }
}

/// What a file that is encrypted holds, as `age` reads it with the key in the file `identity`. `from` is the file, none: standard input.
///
/// # Errors
/// Refused: `age` is not installed. That the key is another, or the file was changed, is an error of a read.
pub fn decrypted(identity: &Path, from: Option<File>) -> Result<impl Read + Send + use<>> {
    tools::require(&[Need("age", "age")])?;
    let failed = |what: &str| Error::new(Code::ToolFailed, format!("age {what}"));
    let mut command = tools::command("age");
    command.args(["--decrypt", "--identity"]).arg(identity);
    command.stdin(from.map_or_else(Stdio::inherit, Stdio::from)).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut age = Running(command.spawn().map_err(|e| failed("cannot be run").cause(e))?);
    let output = age.0.stdout.take().ok_or_else(|| failed("has no output"))?;
    Ok(Decrypted { age, output })
}

struct Decrypted {
    age: Running,
    output: ChildStdout,
}

impl Read for Decrypted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.output.read(buffer)?;
        if count == 0 && !buffer.is_empty() && !self.age.0.wait()?.success() {
            let why = "age cannot decrypt it with this key, or it was changed";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(count)
    }
}
