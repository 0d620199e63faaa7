//! Who works for requests: threads beside those that move bytes, few at a time.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, oneshot},
    time::timeout,
};

use crate::{
    app::Accepted,
    model::{Code, Error, Result, Unobserved},
};

/// Pages that are made at a time, and sessions that are looked up.
const AT_A_TIME: usize = 4;
/// Passwords that are hashed at a time: each takes memory and a core for a while.
const HASHING: usize = 2;
/// Changes that are at work at a time.
const CHANGES: usize = 64;
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// The room for bodies of the API, in KiB.
const ROOM: usize = 32 * 1024;

/// The turns of requests. A page that waits for a host which hangs keeps nobody from logging in.
pub struct Workers {
    pages: Arc<Semaphore>,
    doors: Arc<Semaphore>,
    hashing: Arc<Semaphore>,
    changes: Arc<Semaphore>,
    bodies: Semaphore,
}

impl Default for Workers {
    fn default() -> Self {
        let of = |count| Arc::new(Semaphore::new(count));
        Self {
            pages: of(AT_A_TIME),
            doors: of(AT_A_TIME),
            hashing: of(HASHING),
            changes: of(CHANGES),
            bodies: Semaphore::new(ROOM),
        }
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

    /// Accepts a change, and goes on with it on a thread of its own: the id of its operation, or none where there was nothing to
    /// do. Whoever asked may leave meanwhile.
    ///
    /// # Errors
    /// The change was refused, or there are too many.
    pub async fn change<V: 'static>(
        &self,
        accept: impl FnOnce() -> Result<Accepted<V>> + Send + 'static,
    ) -> Result<Option<String>> {
        let turn = turn(&self.changes).await?;
        let (tell, told) = oneshot::channel();
        let work = move || {
            let _turn = turn;
            let accepted = match accept() {
                Ok(accepted) => accepted,
                Err(error) => {
                    let _ = tell.send(Err(error));
                    return;
                }
            };
            match accepted.operation().map(|operation| operation.id.clone()) {
                Some(id) => {
                    let _ = tell.send(Ok(Some(id)));
                    // How it ends is in its operation.
                    let _ = accepted.run(&mut Unobserved);
                }
                None => {
                    let _ = tell.send(accepted.run(&mut Unobserved).map(|_| None));
                }
            }
        };
        let broke_off = |e: &dyn std::fmt::Display| Error::new(Code::Internal, "this could not be done").cause(e);
        std::thread::Builder::new().name("change".to_owned()).spawn(work).map_err(|e| broke_off(&e))?;
        told.await.unwrap_or_else(|e| Err(broke_off(&e)))
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
    let turn = turn(turns).await?;
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        work()
    });
    done.await.unwrap_or_else(|e| Err(Error::new(Code::Internal, "this could not be done").cause(e)))
}

async fn turn(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
    let Ok(Ok(turn)) = timeout(PATIENCE, turns.clone().acquire_owned()).await else {
        return Err(Error::new(Code::TooManyRequests, "there is too much to do just now").hint("try again in a while"));
    };
    Ok(turn)
}
