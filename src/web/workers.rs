//! Who works for requests: threads beside those that move bytes, few at a time.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use crate::model::{Code, Error, Result};

/// Pages that are made at a time, and sessions that are looked up.
const AT_A_TIME: usize = 4;
/// Passwords that are hashed at a time: each takes memory and a core for a while.
const HASHING: usize = 2;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// The room for bodies of the API, in KiB.
const ROOM: usize = 32 * 1024;

/// The turns of requests. A page that waits for a host which hangs keeps nobody from logging in.
pub struct Workers {
    pages: Arc<Semaphore>,
    doors: Arc<Semaphore>,
    hashing: Arc<Semaphore>,
    bodies: Semaphore,
}

impl Default for Workers {
    fn default() -> Self {
        let of = |count| Arc::new(Semaphore::new(count));
        Self { pages: of(AT_A_TIME), doors: of(AT_A_TIME), hashing: of(HASHING), bodies: Semaphore::new(ROOM) }
    }
}

impl Workers {
    /// Makes what a page shows.
    ///
    /// # Errors
    /// Those of the work, or that there are too many.
    pub async fn page<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        beside(&self.pages, work).await
    }

    /// Looks whether somebody may come in.
    ///
    /// # Errors
    /// Those of the work, or that there are too many.
    pub async fn door<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        beside(&self.doors, work).await
    }

    /// The same, where a password is hashed.
    ///
    /// # Errors
    /// Those of the work, or that there are too many.
    pub async fn hash<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        beside(&self.hashing, work).await
    }

    /// Waits for the room that a body of the API of so many bytes takes.
    pub(super) async fn room_for(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        // Never closed.
        self.bodies.acquire_many(kib).await.ok()
    }
}

/// Works on a thread that may wait. The turn is the thread's: whoever asked may have left meanwhile.
async fn beside<T: Send + 'static>(
    turns: &Arc<Semaphore>,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let Ok(Ok(turn)) = timeout(PATIENCE, turns.clone().acquire_owned()).await else {
        return Err(Error::new(Code::TooManyRequests, "there is too much to do just now").hint("try again in a while"));
    };
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    done.await.unwrap_or_else(|e| Err(Error::new(Code::Internal, "this could not be done").cause(e)))
}
