//! Threads for what blocks: few for looks, one for each change, and a bounded number of those who wait.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::spawn_blocking,
};

use super::fault::{Answer, Fault};
use crate::kill_point::inherited;

/// Looks at a time.
const READERS: usize = 4;
/// Changes at a time.
const CHANGES: usize = 64;
/// Most that wait for each of both.
const WAITING: usize = 256;

/// What is left of a change once it was answered.
pub type Work = Box<dyn FnOnce() + Send>;

/// Some threads, and who waits for them.
struct Pool {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Pool {
    fn of(threads: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(threads)), waiting: AtomicUsize::new(0) }
    }

    /// Waits for so many threads; refused where too many wait already.
    async fn take(&self, threads: usize) -> Answer<OwnedSemaphorePermit> {
        /// Waits no more, however that ends.
        struct Waits<'a>(&'a AtomicUsize);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waits = Waits(&self.waiting);
        if before >= WAITING {
            return Err(Fault::throttled("too many requests wait already").tip("try again in a moment"));
        }
        let wanted = u32::try_from(threads).unwrap_or(1);
        self.free.clone().acquire_many_owned(wanted).await.map_err(|_| gone())
    }
}

/// The threads of the API.
pub struct Pools {
    readers: Pool,
    changes: Pool,
}

impl Default for Pools {
    fn default() -> Self {
        Self { readers: Pool::of(READERS), changes: Pool::of(CHANGES) }
    }
}

impl Pools {
    /// Looks at something on a thread of its own.
    ///
    /// # Errors
    /// Too many wait, or the work met a fault of ours.
    pub async fn read<T: Send + 'static>(&self, work: impl FnOnce() -> Answer<T> + Send + 'static) -> Answer<T> {
        let turn = self.readers.take(1).await?;
        let work = move || {
            let _turn = turn;
            work()
        };
        spawn_blocking(work).await.unwrap_or_else(|_| Err(gone()))
    }

    /// Accepts a change on a thread of its own, which then does what was accepted, each thing but the first on one more. Whoever asked
    /// may be gone by then.
    ///
    /// # Errors
    /// Too many wait, or the change was refused.
    pub async fn change<T: Send + 'static>(
        &self,
        threads: usize,
        accept: impl FnOnce() -> Answer<(T, Vec<Work>)> + Send + 'static,
    ) -> Answer<T> {
        let turn = Arc::new(self.changes.take(threads.clamp(1, CHANGES)).await?);
        let (tell, told) = oneshot::channel();
        let change = move || {
            let accepted = catch_unwind(AssertUnwindSafe(accept)).unwrap_or_else(|_| Err(gone()));
            let (answer, works) = accepted.map_or_else(|fault| (Err(fault), Vec::new()), |(t, works)| (Ok(t), works));
            let _ = tell.send(answer);
            let mut works = works.into_iter();
            let first = works.next();
            for work in works {
                let turn = turn.clone();
                // What gets no thread is cut off: the next change finishes or undoes it.
                let _ = spawn(move || {
                    let _turn = turn;
                    work();
                });
            }
            if let Some(work) = first {
                work();
            }
            drop(turn);
        };
        spawn(change)?;
        told.await.unwrap_or_else(|_| Err(gone()))
    }

    /// How many changes are at work.
    pub fn at_work(&self) -> usize {
        CHANGES.saturating_sub(self.changes.free.available_permits())
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Answer<()> {
    let builder = std::thread::Builder::new().name("api".to_owned());
    builder.spawn(inherited(work)).map(drop).map_err(|_| Fault::throttled("this host has no thread for it just now"))
}

fn gone() -> Fault {
    Fault::of_service("lite met a fault of its own: its log has more")
}
