//! The serial console on this process's standard input and output.
//!
//! One thread reads the guest, one reads the keyboard, and this one moves what they bring. Each may block for ever; only
//! this one is waited for. The console has a connection of its own, so that nothing else waits behind it.

use std::{
    io::{self, IsTerminal, Read, Write},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::Duration,
};

use uuid::Uuid;
use virt::{connect::Connect, error::ErrorNumber, stream::Stream};

use super::{
    connect::{Link, ORDINARY},
    errors::{Outcome, Problem, present, translate},
    terminal::Raw,
    worker::{Verdict, Workers},
};
use crate::model::{Code, Error, Result};

/// `^]`, as in `virsh console` and telnet.
const ESCAPE: u8 = 0x1d;

enum Event {
    Guest(Vec<u8>),
    GuestGone,
    Keys(Vec<u8>),
    KeysEnded,
}

/// Connects until the escape character, the end of input, or the end of the guest.
pub fn run(link: &Link, uuid: Uuid) -> Result<()> {
    let connection = link.open_new()?;
    let what = format!("open the console of domain {uuid}");
    let workers = Workers::default();
    let stream = match workers.within(ORDINARY, move || open(&connection, uuid)) {
        Verdict::Done(answer) => answer.map_err(|p| translate(&what, p))?,
        Verdict::Late | Verdict::Hung | Verdict::Broken => return Err(super::errors::late(&what, ORDINARY.as_secs())),
    };
    let failed = |e: io::Error| Error::new(Code::Terminal, "the terminal cannot be used for the console").cause(e);
    let interactive = io::stdin().is_terminal();
    let raw = if interactive { Some(Raw::enter().map_err(failed)?) } else { None };
    let (send, events) = channel();
    read_guest(stream.clone(), send.clone());
    read_keys(send);
    let outcome = converse(&events, &stream, interactive, &mut io::stdout().lock());
    drop(raw);
    // Ends the reader of the guest; a hung daemon must not keep us.
    let _ = workers.within(Duration::from_secs(1), move || stream.abort());
    outcome.map_err(failed)
}

fn open(connection: &Connect, uuid: Uuid) -> Outcome<Stream> {
    let Some(domain) = present(connection.lookup_domain_by_uuid(uuid), ErrorNumber::NoDomain)? else {
        return Err(Error::new(Code::NoDomain, format!("libvirt has no domain {uuid}")).into());
    };
    if !domain.is_active()? {
        return Err(Error::failed(Code::NotRunning, format!("domain {uuid} is not running")).into());
    }
    let stream = Stream::new(connection, 0)?;
    match domain.open_console(None, &stream, 0) {
        // libvirt allows one session; its code for a second is that of any refused operation.
        Err(error) if error.message().contains("Active console session") => {
            Err(Problem::Ours(Error::new(Code::ConsoleBusy, "somebody else has this console open")))
        }
        answer => answer.map(|()| stream).map_err(Into::into),
    }
}

fn read_guest(stream: Stream, events: Sender<Event>) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            let count = stream.recv(&mut buffer).ok().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            let event = if count == 0 { Event::GuestGone } else { Event::Guest(buffer[..count].to_vec()) };
            if events.send(event).is_err() || count == 0 {
                return;
            }
        }
    });
}

fn read_keys(events: Sender<Event>) {
    thread::spawn(move || {
        let mut buffer = [0; 1024];
        loop {
            let event = match io::stdin().lock().read(&mut buffer) {
                Ok(0) | Err(_) => Event::KeysEnded,
                Ok(count) => Event::Keys(buffer[..count].to_vec()),
            };
            let last = matches!(event, Event::KeysEnded);
            if events.send(event).is_err() || last {
                return;
            }
        }
    });
}

fn converse(events: &Receiver<Event>, guest: &Stream, interactive: bool, screen: &mut impl Write) -> io::Result<()> {
    while let Ok(event) = events.recv() {
        match event {
            Event::Guest(bytes) => {
                screen.write_all(&bytes)?;
                screen.flush()?;
            }
            Event::Keys(_) if !interactive => {}
            Event::Keys(keys) => {
                let (typed, leave) = until_escape(&keys);
                if !send_all(guest, typed) || leave {
                    return Ok(());
                }
            }
            Event::GuestGone | Event::KeysEnded => return Ok(()),
        }
    }
    Ok(())
}

/// What to send, and whether the escape character came.
fn until_escape(keys: &[u8]) -> (&[u8], bool) {
    match keys.iter().position(|k| *k == ESCAPE) {
        Some(at) => (&keys[..at], true),
        None => (keys, false),
    }
}

fn send_all(guest: &Stream, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match guest.send(bytes).map(usize::try_from) {
            Ok(Ok(sent)) if sent > 0 => bytes = bytes.get(sent..).unwrap_or_default(),
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::until_escape;

    #[test]
    fn stops_at_the_escape_character() {
        assert_eq!(until_escape(b"ls\r"), (&b"ls\r"[..], false));
        assert_eq!(until_escape(b"ls\x1dmore"), (&b"ls"[..], true));
    }
}
