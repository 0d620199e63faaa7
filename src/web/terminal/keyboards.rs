//! Who types into which serial console: one at a time, and all who watch know who.

use std::{
    collections::HashMap,
    io::{Read, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    app::instance::console::ConsoleStream,
    model::{Code, Error, Result},
};

/// Pieces of what is typed that wait for a guest that takes none.
const PIECES: usize = 64;
/// How long a console may take to close before another opens it.
const CLOSING: Duration = Duration::from_secs(2);

/// Who types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    seat: u64,
    pub name: String,
}

/// An open console, on a thread that may block.
struct Keys {
    send: SyncSender<Vec<u8>>,
    closed: Receiver<()>,
}

impl Keys {
    fn of(stream: ConsoleStream) -> Result<Self> {
        let ConsoleStream { mut output, mut input } = stream;
        let (send, typed) = sync_channel::<Vec<u8>>(PIECES);
        let (tell, closed) = sync_channel(1);
        let failed = |e: std::io::Error| Error::new(Code::Internal, "cannot begin to type").cause(e);
        let typing = move || {
            for bytes in typed {
                if input.write_all(&bytes).is_err() {
                    break;
                }
            }
            drop(input);
            let _ = tell.send(());
        };
        thread::Builder::new().name("keys".to_owned()).spawn(typing).map_err(failed)?;
        // What the guest writes is in its log; here it is only made room for.
        let drain = move || {
            let mut buffer = [0; 4096];
            while output.read(&mut buffer).is_ok_and(|count| count > 0) {}
        };
        thread::Builder::new().name("drain".to_owned()).spawn(drain).map_err(failed)?;
        Ok(Self { send, closed })
    }

    /// Closes the console, and waits until it is.
    fn close(self) {
        drop(self.send);
        let _ = self.closed.recv_timeout(CLOSING);
    }
}

/// A console that somebody watches.
struct Board {
    holder: watch::Sender<Option<Holder>>,
    keys: Option<Keys>,
    seats: usize,
}

/// Those of all instances that are watched.
#[derive(Default)]
pub(super) struct Keyboards {
    boards: Mutex<(HashMap<Uuid, Board>, u64)>,
}

/// A place before a console. Dropped, it is left, and the keyboard with it.
pub(super) struct Seat {
    all: Arc<Keyboards>,
    of: Uuid,
    seat: u64,
    /// Who types there.
    pub holder: watch::Receiver<Option<Holder>>,
}

impl Keyboards {
    fn boards(&self) -> MutexGuard<'_, (HashMap<Uuid, Board>, u64)> {
        self.boards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place before a console.
    pub fn sit(self: &Arc<Self>, of: Uuid) -> Seat {
        let mut boards = self.boards();
        boards.1 += 1;
        let seat = boards.1;
        let new = || Board { holder: watch::Sender::new(None), keys: None, seats: 0 };
        let board = boards.0.entry(of).or_insert_with(new);
        board.seats += 1;
        Seat { all: self.clone(), of, seat, holder: board.holder.subscribe() }
    }
}

impl Seat {
    /// Changes the board, on which this seat is.
    fn with<T>(&self, change: impl FnOnce(&mut Board) -> T) -> Option<T> {
        self.all.boards().0.get_mut(&self.of).map(change)
    }

    /// Whether it is this seat that types.
    pub fn is_own(&self, holder: Option<&Holder>) -> bool {
        holder.is_some_and(|holder| holder.seat == self.seat)
    }

    /// Takes the keyboard from whoever has it. May block.
    ///
    /// # Errors
    /// The console cannot be opened: then nobody types.
    pub fn take(&self, name: &str, open: impl FnOnce() -> Result<ConsoleStream>) -> Result<()> {
        if self.is_own(self.holder.borrow().as_ref()) {
            return Ok(());
        }
        if let Some(keys) = self.with(|board| board.keys.take()).flatten() {
            keys.close();
        }
        let opened = open().and_then(Keys::of);
        self.with(|board| match opened {
            Ok(keys) => {
                board.keys = Some(keys);
                board.holder.send_replace(Some(Holder { seat: self.seat, name: name.to_owned() }));
                Ok(())
            }
            Err(error) => {
                let nobody = board.keys.is_none();
                board.holder.send_if_modified(|holder| nobody && holder.take().is_some());
                Err(error)
            }
        })
        .unwrap_or(Ok(()))
    }

    /// Gives the keyboard back, if it is here. May block.
    pub fn give(&self) {
        let given = self.with(|board| {
            let is_own = self.is_own(board.holder.borrow().as_ref());
            is_own.then(|| {
                board.holder.send_replace(None);
                board.keys.take()
            })
        });
        if let Some(keys) = given.flatten().flatten() {
            keys.close();
        }
    }

    /// Types, if the keyboard is here. What a guest does not take is lost, as on a serial line.
    pub fn types(&self, bytes: &[u8]) {
        self.with(|board| {
            let is_own = self.is_own(board.holder.borrow().as_ref());
            if let Some(keys) = board.keys.as_ref().filter(|_| is_own) {
                let _ = keys.send.try_send(bytes.to_vec());
            }
        });
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.give();
        let mut boards = self.all.boards();
        if let Some(board) = boards.0.get_mut(&self.of) {
            board.seats -= 1;
            if board.seats == 0 {
                boards.0.remove(&self.of);
            }
        }
    }
}
