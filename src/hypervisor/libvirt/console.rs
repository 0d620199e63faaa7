//! The serial console as a stream. It has a connection of its own, so that nothing else waits behind it.

use std::{
    io::{self, Read, Write},
    time::Duration,
};

use uuid::Uuid;
use virt::{connect::Connect, domain::Domain, error::Error as VirtError, stream::Stream};

use super::{
    Libvirt,
    connect::{ORDINARY, no_nul},
    errors::{Outcome, Problem, late, translate},
    lifecycle::absent,
    lookup,
    worker::{Verdict, run_beside},
};
use crate::{
    hypervisor::{Console, ConsoleStream},
    model::{Code, Error, Result, escaped},
};

/// How long closing may take: a hung daemon must not keep the caller.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

impl Console for Libvirt {
    fn open_console(&self, uuid: Uuid) -> Result<ConsoleStream> {
        self.open_stream(format!("open the console of domain {uuid}"), move |connection| open(connection, uuid))
    }

    fn open_channel(&self, uuid: Uuid, name: &str) -> Result<ConsoleStream> {
        no_nul(&[name])?;
        let (name, what) = (name.to_owned(), format!("open channel `{}` of domain {uuid}", escaped(name)));
        self.open_stream(what, move |connection| {
            let domain = running(connection, uuid)?;
            let stream = Stream::new(connection, 0)?;
            domain.open_channel(Some(&name), &stream, 0)?;
            Ok(stream)
        })
    }
}

impl Libvirt {
    fn open_stream(
        &self,
        what: String,
        open: impl FnOnce(&Connect) -> Outcome<Stream> + Send + 'static,
    ) -> Result<ConsoleStream> {
        let connection = self.link.open_new()?;
        let stream = match run_beside(ORDINARY, move || open(&connection)) {
            Verdict::Done(answer) => answer.map_err(|p| translate(&what, p))?,
            _ => return Err(late(&what, ORDINARY.as_secs())),
        };
        Ok(ConsoleStream { output: Box::new(Output(stream.clone())), input: Box::new(Input(stream)) })
    }
}

fn running(connection: &Connect, uuid: Uuid) -> Outcome<Domain> {
    let Some(domain) = lookup::domain(connection, uuid)? else {
        return Err(absent(uuid).into());
    };
    match domain.is_active()? {
        true => Ok(domain),
        false => Err(Error::failed(Code::NotRunning, format!("domain {uuid} is not running")).into()),
    }
}

fn open(connection: &Connect, uuid: Uuid) -> Outcome<Stream> {
    let domain = running(connection, uuid)?;
    let stream = Stream::new(connection, 0)?;
    match domain.open_console(None, &stream, 0) {
        // libvirt allows one session; its code for a second is that of any refused operation.
        Err(error) if error.message().contains("Active console session") => {
            Err(Problem::Ours(Error::new(Code::ConsoleBusy, "somebody else has this console open")))
        }
        answer => answer.map(|()| stream).map_err(Into::into),
    }
}

/// What the guest writes.
struct Output(Stream);

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A guest that stopped reads as an error as well as an end.
        Ok(self.0.recv(buffer).ok().and_then(|n| usize::try_from(n).ok()).unwrap_or(0))
    }
}

/// What is typed.
struct Input(Stream);

impl Write for Input {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let broken = |e: VirtError| io::Error::new(io::ErrorKind::BrokenPipe, e.message().to_owned());
        // Negative: the stream does not block and is full. Ours blocks.
        self.0.send(bytes).map_err(broken).map(|sent| usize::try_from(sent).unwrap_or(0))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        let stream = self.0.clone();
        // Ends the reader of the guest's output.
        let _ = run_beside(CLOSE_TIMEOUT, move || stream.abort());
    }
}
