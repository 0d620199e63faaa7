//! What is typed into consoles.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

use crate::model::{Code, Error, Result};

/// The console of one domain.
#[derive(Debug, Default)]
struct Typed {
    is_open: bool,
    bytes: Vec<u8>,
}

type Shared = Arc<Mutex<Typed>>;

fn lock(typed: &Shared) -> MutexGuard<'_, Typed> {
    typed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The consoles of a host.
#[derive(Debug, Default)]
pub(super) struct Keys(BTreeMap<Uuid, Shared>);

impl Keys {
    /// Opens one, if it is not open.
    pub fn open(&mut self, uuid: Uuid) -> Result<Input> {
        let typed = self.0.entry(uuid).or_default().clone();
        if std::mem::replace(&mut lock(&typed).is_open, true) {
            return Err(Error::new(Code::ConsoleBusy, "somebody else has this console open"));
        }
        Ok(Input(typed))
    }

    /// What was typed into one.
    pub fn typed(&self, uuid: Uuid) -> Vec<u8> {
        self.0.get(&uuid).map(|typed| lock(typed).bytes.clone()).unwrap_or_default()
    }
}

/// An open console. Dropped, it is closed.
pub(super) struct Input(Shared);

impl Write for Input {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        lock(&self.0).is_open = false;
    }
}
