//! Threads beside those that move bytes, for what blocks: few at a time of each kind, and a bounded number of those who wait for one.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::spawn_blocking,
    time::timeout,
};

use crate::{
    kill_point::inherited,
    model::{Code, Error, Result},
};

/// Changes at a time, of all front ends of a process.
pub const CHANGES: usize = 64;
/// Most that wait for a turn.
const WAITING: usize = 256;
/// How long one waits.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is left of a change once it was answered.
pub type Work = Box<dyn FnOnce() + Send>;

/// Turns of one kind.
pub struct Turns {
    at_a_time: usize,
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Turns {
    /// So many at a time.
    pub fn of(at_a_time: usize) -> Self {
        Self { at_a_time, free: Arc::new(Semaphore::new(at_a_time)), waiting: AtomicUsize::new(0) }
    }

    /// Waits for a turn; refused where too many wait already, or it takes too long.
    async fn take(&self) -> Result<OwnedSemaphorePermit> {
        /// Waits no more, however that ends.
        struct Waits<'a>(&'a AtomicUsize);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waits = Waits(&self.waiting);
        let turn =
            if before < WAITING { timeout(PATIENCE, self.free.clone().acquire_owned()).await.ok() } else { None };
        // Never closed.
        turn.and_then(std::result::Result::ok).ok_or_else(|| {
            Error::new(Code::TooManyRequests, "there is too much to do just now").hint("try again in a while")
        })
    }

    /// Works on a thread that may wait. The turn is the thread's: whoever asked may have left meanwhile.
    ///
    /// # Errors
    /// Those of the work, or that there is too much to do.
    pub async fn beside<T, E>(
        &self,
        work: impl FnOnce() -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let turn = self.take().await?;
        let work = move || {
            let _turn = turn;
            work()
        };
        spawn_blocking(work).await.unwrap_or_else(|_| Err(broken().into()))
    }

    /// Accepts a change on a thread of its own, which then does what was accepted, each thing but the first on one more. Whoever asked
    /// may be gone by then.
    ///
    /// # Errors
    /// The change was refused, or there is too much to do.
    pub async fn change<T, E>(
        &self,
        accept: impl FnOnce() -> std::result::Result<(T, Vec<Work>), E> + Send + 'static,
    ) -> std::result::Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let turn = Arc::new(self.take().await?);
        let (tell, told) = oneshot::channel();
        let change = move || {
            let accepted = catch_unwind(AssertUnwindSafe(accept)).unwrap_or_else(|_| Err(broken().into()));
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
        told.await.unwrap_or_else(|_| Err(broken().into()))
    }

    /// How many are at work.
    pub fn at_work(&self) -> usize {
        self.at_a_time.saturating_sub(self.free.available_permits())
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Result<()> {
    let builder = std::thread::Builder::new().name("change".to_owned());
    builder.spawn(inherited(work)).map(drop).map_err(|e| {
        Error::new(Code::TooManyRequests, "this host has no thread for it just now")
            .cause(e)
            .hint("try again in a while")
    })
}

fn broken() -> Error {
    Error::new(Code::Internal, "lite met a fault of its own: its log has more")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc::channel};

    use super::{Turns, WAITING, Work};
    use crate::model::{Code, Result};

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
    }

    #[test]
    fn a_change_is_answered_before_it_is_done_and_each_of_its_works_is() {
        let turns = Turns::of(1);
        let ((begin, begun), (done, all)) = (channel::<()>(), channel());
        let accept = move || -> Result<(u8, Vec<Work>)> {
            let again = done.clone();
            let first: Work = Box::new(move || {
                let _ = begun.recv();
                let _ = done.send(1);
            });
            let second: Work = Box::new(move || {
                let _ = again.send(2);
            });
            Ok((7, vec![first, second]))
        };
        assert_eq!(runtime().block_on(turns.change(accept)), Ok(7));
        assert_eq!((all.recv(), turns.at_work()), (Ok(2), 1));
        drop(begin);
        assert_eq!((all.recv(), all.recv().is_err()), (Ok(1), true));
    }

    #[test]
    fn a_fault_of_ours_is_told_and_gives_the_turn_back() {
        let (turns, runtime) = (Turns::of(1), runtime());
        let code = |told: Result<u8>| told.map_err(|e| e.code);
        assert_eq!(code(runtime.block_on(turns.beside(|| panic!("on purpose")))), Err(Code::Internal));
        assert_eq!(code(runtime.block_on(turns.change(|| panic!("on purpose")))), Err(Code::Internal));
        assert_eq!(runtime.block_on(turns.beside(|| Result::Ok(1))), Ok(1));
    }

    #[test]
    fn who_comes_where_too_many_wait_is_refused_at_once() {
        let (turns, runtime) = (Arc::new(Turns::of(1)), runtime());
        let ((free, held), (begin, begun)) = (channel::<()>(), channel());
        let first = turns.clone();
        let first = runtime.spawn(async move {
            let work = move || -> Result<()> {
                let _ = (begin.send(()), held.recv());
                Ok(())
            };
            first.beside(work).await
        });
        assert_eq!(begun.recv(), Ok(()), "it has the turn");
        let other = |_| {
            let turns = turns.clone();
            runtime.spawn(async move { turns.beside(|| Result::Ok(())).await.map_err(|e| e.code) })
        };
        let others: Vec<_> = (0..=WAITING).map(other).collect();
        // One is too many, and is told before the turn is free.
        while !others.iter().any(tokio::task::JoinHandle::is_finished) {
            std::thread::yield_now();
        }
        drop(free);
        let told: Vec<_> = others.into_iter().map(|one| runtime.block_on(one).unwrap()).collect();
        assert_eq!(told.iter().filter(|told| **told == Err(Code::TooManyRequests)).count(), 1);
        assert_eq!(told.iter().filter(|told| told.is_ok()).count(), WAITING);
        assert_eq!(runtime.block_on(first).unwrap(), Ok(()));
    }
}
