//! Who works for requests: threads beside those that move bytes, few at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::sleep,
};

use crate::{
    app::{
        Accepted, App,
        turns::{Turns, Work},
    },
    model::{Code, Error, Result, Unobserved},
};

/// Pages that are made at a time, and sessions that are looked up.
const AT_A_TIME: usize = 4;
/// Passwords that are hashed at a time: each takes memory and a core for a while.
const HASHING: usize = 2;
/// Places outside this host that are asked at a time, and how long one may take to answer.
const OUTSIDE: usize = 2;
const PATIENCE: Duration = Duration::from_secs(15);
/// The room for bodies of the API, in KiB.
const ROOM: usize = 32 * 1024;

/// The turns of requests. A page that waits for a host which hangs keeps nobody from logging in.
pub struct Workers {
    pages: Turns,
    doors: Turns,
    hashing: Turns,
    outside: Turns,
    changes: Arc<Turns>,
    bodies: Semaphore,
}

impl Workers {
    /// Those whose changes take turns with others of the process.
    pub fn new(changes: Arc<Turns>) -> Self {
        Self {
            pages: Turns::of(AT_A_TIME),
            doors: Turns::of(AT_A_TIME),
            hashing: Turns::of(HASHING),
            outside: Turns::of(OUTSIDE),
            changes,
            bodies: Semaphore::new(ROOM),
        }
    }

    /// Makes what a page shows.
    ///
    /// # Errors
    /// Those of the work, or that there are too many.
    pub async fn page<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        self.pages.beside(work).await
    }

    /// Looks whether somebody may come in.
    ///
    /// # Errors
    /// Those of the work, or that there are too many.
    pub async fn door<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        self.doors.beside(work).await
    }

    /// The same, where a password is hashed.
    ///
    /// # Errors
    /// Those of the work, or that there are too many.
    pub async fn hash<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        self.hashing.beside(work).await
    }

    /// Asks somebody outside this host, who may take long or never answer: that keeps no page waiting, and is given up after a while.
    ///
    /// # Errors
    /// Those of the work, that it takes too long, or that there are too many.
    pub async fn outside<T: Send + 'static>(
        &self,
        app: &App,
        work: impl FnOnce(&App) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (mut own, enough) = (app.clone(), Arc::new(AtomicBool::new(false)));
        own.cancel = enough.clone();
        let ends = enough.clone();
        let timer = tokio::spawn(async move {
            sleep(PATIENCE).await;
            ends.store(true, Ordering::Relaxed);
        });
        let done = self.outside.beside(move || work(&own)).await;
        timer.abort();
        match done {
            Err(_) if enough.load(Ordering::Relaxed) => {
                let text = format!("there was no answer within {} s", PATIENCE.as_secs());
                Err(Error::new(Code::Timeout, text).hint("on the host the command waits for as long as it takes"))
            }
            done => done,
        }
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
        let begin = move || {
            let accepted = accept()?;
            let Some(id) = accepted.operation().map(|operation| operation.id.clone()) else {
                return accepted.run(&mut Unobserved).map(|_| (None, Vec::new()));
            };
            // How it ends is in its operation.
            let work: Work = Box::new(move || drop(accepted.run(&mut Unobserved)));
            Ok((Some(id), vec![work]))
        };
        self.changes.change(begin).await
    }

    /// Waits for the room that a body of the API of so many bytes takes.
    pub(super) async fn room_for(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        // Never closed.
        self.bodies.acquire_many(kib).await.ok()
    }
}
