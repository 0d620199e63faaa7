//! `lite console`.
//!
//! One thread reads the guest, one reads the keyboard, and this one moves what they bring. Each may block for ever; only
//! this one is waited for.

use std::{
    io::{self, IsTerminal, Read, Write},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use super::{Env, common, terminal::Raw};
use crate::{
    app::instance::console::{self, ConsoleStream},
    model::{Code, Error, Result},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite console nginx-1
      Its serial console; leave it with Ctrl-]";

/// `^]`, as in `virsh console` and telnet.
const ESCAPE: u8 = 0x1d;

/// Open the serial console of an instance
///
/// Connects this terminal to the serial console of an instance. It works without
/// a network and while the instance boots. Leave it with Ctrl-]. What the
/// console said before is in `lite logs NAME`.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    pub instance: common::OneName,
}

/// Connects the terminal to the console.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let name = &args.instance.name;
    let stream = console::open(&env.app()?, &env.caller(), name, &mut env.progress())?;
    if env.ui.stdin_tty {
        env.ui.status(&format!("the console of `{name}`; leave it with Ctrl-]"));
    }
    attach(stream)
}

/// Connects the process's standard input and output to a console until the escape character or the end of the guest.
/// Where standard input is not a terminal nothing is typed: the console is printed until the guest stops or standard input
/// ends.
pub fn attach(console: ConsoleStream) -> Result<()> {
    let failed = |e: io::Error| Error::new(Code::Terminal, "the terminal cannot be used for the console").cause(e);
    let interactive = io::stdin().is_terminal();
    let raw = if interactive { Some(Raw::enter().map_err(failed)?) } else { None };
    let ConsoleStream { output, mut input } = console;
    let (send, events) = channel();
    read_guest(output, send.clone());
    read_keys(io::stdin(), send);
    let outcome = converse(&events, &mut *input, interactive, &mut io::stdout().lock());
    drop(raw);
    outcome.map_err(failed)
}

enum Event {
    Guest(Vec<u8>),
    GuestGone,
    Keys(Vec<u8>),
    KeysEnded,
}

fn read_guest(mut output: impl Read + Send + 'static, events: Sender<Event>) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            let count = output.read(&mut buffer).unwrap_or(0);
            let event = if count == 0 { Event::GuestGone } else { Event::Guest(buffer[..count].to_vec()) };
            if events.send(event).is_err() || count == 0 {
                return;
            }
        }
    });
}

fn read_keys(mut keys: impl Read + Send + 'static, events: Sender<Event>) {
    thread::spawn(move || {
        let mut buffer = [0; 1024];
        loop {
            let count = keys.read(&mut buffer).unwrap_or(0);
            let event = if count == 0 { Event::KeysEnded } else { Event::Keys(buffer[..count].to_vec()) };
            if events.send(event).is_err() || count == 0 {
                return;
            }
        }
    });
}

fn converse(
    events: &Receiver<Event>,
    guest: &mut dyn Write,
    interactive: bool,
    screen: &mut impl Write,
) -> io::Result<()> {
    while let Ok(event) = events.recv() {
        match event {
            Event::Guest(bytes) => {
                screen.write_all(&bytes)?;
                screen.flush()?;
            }
            Event::Keys(_) if !interactive => {}
            Event::Keys(keys) => {
                let (typed, leave) = until_escape(&keys);
                // A guest that takes no keys any more is gone.
                if guest.write_all(typed).is_err() || leave {
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

#[cfg(test)]
mod tests {
    use super::{Event, converse, until_escape};

    #[test]
    fn stops_at_the_escape_character() {
        assert_eq!(until_escape(b"ls\r"), (&b"ls\r"[..], false));
        assert_eq!(until_escape(b"ls\x1dmore"), (&b"ls"[..], true));
    }

    #[test]
    fn moves_both_ways_and_types_nothing_without_a_terminal() {
        let told = |interactive| {
            let (send, events) = std::sync::mpsc::channel();
            let all = [Event::Guest(b"login: ".into()), Event::Keys(b"root\r".into()), Event::Guest(b"hi".into())];
            all.into_iter().chain([Event::GuestGone]).for_each(|e| send.send(e).unwrap());
            let (mut typed, mut screen) = (Vec::new(), Vec::new());
            converse(&events, &mut typed, interactive, &mut screen).unwrap();
            (typed, screen)
        };
        assert_eq!(told(true), (b"root\r".to_vec(), b"login: hi".to_vec()));
        assert_eq!(told(false), (vec![], b"login: hi".to_vec()));
    }
}
