//! Whether anything happens on a connection: a client that reads nothing holds it for no longer than one that says nothing, and one that
//! has begun to ask has to come to an end with it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
    time::{Instant, sleep, timeout_at},
};

/// Counts how often bytes went through.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Returns once nothing went through for so long, or a little longer.
    pub async fn ends(&self, idle: Duration) {
        let mut last = self.0.load(Ordering::Relaxed);
        loop {
            sleep(idle).await;
            let now = self.0.load(Ordering::Relaxed);
            if now == last {
                return;
            }
            last = now;
        }
    }
}

/// How far a client is with asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    /// It has begun with a head, at this time.
    Head(Instant),
    /// Its head is whole, and is not answered yet.
    Asked,
    /// It was answered, and has said nothing since.
    Answered,
}

/// The heads on a connection. The first begins with the connection, each other with its first byte: between two a client may be
/// silent for longer.
#[derive(Debug, Clone)]
pub struct Heads(Arc<(Mutex<Asking>, Notify)>);

impl Heads {
    /// The connection begins.
    pub fn begin() -> Self {
        Self(Arc::new((Mutex::new(Asking::Head(Instant::now())), Notify::new())))
    }

    fn asking(&self) -> Asking {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, asking: Asking) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = asking;
        self.0.1.notify_one();
    }

    /// A head is whole.
    pub fn asked(&self) {
        self.set(Asking::Asked);
    }

    /// Its answer is there.
    pub fn answered(&self) {
        self.set(Asking::Answered);
    }

    /// Bytes came.
    fn read(&self) {
        if self.asking() == Asking::Answered {
            self.set(Asking::Head(Instant::now()));
        }
    }

    /// Returns once a head takes longer than that.
    pub async fn late(&self, most: Duration) {
        loop {
            match self.asking() {
                Asking::Head(begun) => {
                    let changed = timeout_at(begun + most, self.0.1.notified()).await;
                    if changed.is_err() && self.asking() == Asking::Head(begun) {
                        return;
                    }
                }
                Asking::Asked | Asking::Answered => self.0.1.notified().await,
            }
        }
    }
}

/// A stream that is counted.
pub struct Counting<S> {
    stream: S,
    progress: Progress,
    heads: Heads,
}

impl<S> Counting<S> {
    /// Counts what goes through.
    pub fn new(stream: S, progress: Progress, heads: Heads) -> Self {
        Self { stream, progress, heads }
    }

    fn count(&self, done: &Poll<io::Result<usize>>) {
        if matches!(done, Poll::Ready(Ok(1..))) {
            self.progress.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counting<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let done = Pin::new(&mut self.stream).poll_read(cx, buf);
        let read = buf.filled().len() - before;
        self.count(&Poll::Ready(Ok(read)));
        if read > 0 {
            self.heads.read();
        }
        done
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counting<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.count(&done);
        done
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.count(&done);
        done
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
