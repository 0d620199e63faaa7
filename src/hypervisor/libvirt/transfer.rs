//! Bytes into and out of volumes, piece by piece: however long the whole takes, each piece has a deadline.
//!
//! The calls of a stream may block for ever, so a thread of the transfer's own makes them, on a connection of its own.

use std::{
    io::{self, Read},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use virt::{connect::Connect, error::Error as VirtError, storage_vol::StorageVol, stream::Stream};

use super::{
    connect::{LONG, Link},
    errors::{Outcome, late, translate},
    lookup, pool,
};
use crate::{
    hypervisor::Upload,
    model::{Code, Error, Result, escaped},
};

/// Bytes per piece; libvirt's own limit of a message is 4 MiB, its clients use 64 to 256 KiB.
const PIECE: usize = 256 * 1024;
/// Most pieces that may wait for the reader of a download.
const AHEAD: usize = 4;

/// The caller's side of a transfer: what the thread answers, one answer for each step.
struct Answers<T> {
    receive: Receiver<Outcome<T>>,
    what: String,
}

impl<T> Answers<T> {
    /// The next answer.
    fn next(&self) -> Result<T> {
        match self.receive.recv_timeout(LONG) {
            Ok(answer) => answer.map_err(|problem| translate(&self.what, problem)),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err(late(&self.what, LONG.as_secs())),
            Err(_) => Err(Error::new(Code::Internal, format!("the call to {} broke off", self.what))),
        }
    }
}

/// Starts the thread of a transfer.
fn begin<T: Send + 'static>(
    what: String,
    body: impl FnOnce(&SyncSender<Outcome<T>>) -> Outcome<()> + Send + 'static,
) -> Result<Answers<T>> {
    let (send, receive) = sync_channel(AHEAD);
    let run = move || {
        if let Err(problem) = body(&send) {
            // Fails only when the caller gave up.
            let _ = send.send(Err(problem));
        }
    };
    thread::Builder::new()
        .name("libvirt".to_owned())
        .spawn(run)
        .map_err(|e| Error::new(Code::Internal, format!("the call to {what} could not be begun")).cause(e))?;
    Ok(Answers { receive, what })
}

fn find(connection: &Connect, pool: &str, name: &str) -> Outcome<StorageVol> {
    lookup::must_volume(&pool::must(connection, pool)?, name)
}

/// Writes to the start of a volume.
pub fn upload(link: &Link, pool: &str, name: &str, upload: Upload<'_>) -> Result<()> {
    let connection = link.open_new()?;
    let (give, pieces) = sync_channel::<Vec<u8>>(1);
    let (pool, volume, length) = (pool.to_owned(), name.to_owned(), upload.length);
    let answers = begin(format!("write volume `{}`", escaped(name)), move |answer| {
        let volume = find(&connection, &pool, &volume)?;
        check_room(&volume, length)?;
        let stream = Stream::new(&connection, 0)?;
        volume.upload(&stream, 0, length, 0)?;
        let _ = answer.send(Ok(()));
        while let Ok(piece) = pieces.recv() {
            if piece.is_empty() {
                // Errors of the writing side, such as a full disk, come here.
                stream.finish()?;
                let _ = answer.send(Ok(()));
                return Ok(());
            }
            if let Err(problem) = send(&stream, &piece) {
                let _ = stream.abort();
                return Err(problem);
            }
            let _ = answer.send(Ok(()));
        }
        // The caller gave up: its source could not be read.
        let _ = stream.abort();
        Ok(())
    })?;
    answers.next()?;
    let unreadable = |e: io::Error| {
        Error::failed(Code::FileUnreadable, format!("cannot read what was to be written to volume `{}`", escaped(name)))
            .cause(e)
    };
    let mut left = upload.length;
    while left > 0 {
        let size = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; size];
        upload.source.read_exact(&mut piece).map_err(unreadable)?;
        left -= size as u64;
        // Fails only where the thread has ended, and then its error is the next answer.
        let _ = give.send(piece);
        answers.next()?;
    }
    let _ = give.send(Vec::new());
    answers.next()
}

/// Reads a volume from its start to its end.
pub fn download(link: &Link, pool: &str, name: &str) -> Result<Box<dyn Read + Send>> {
    let connection = link.open_new()?;
    let (pool, volume) = (pool.to_owned(), name.to_owned());
    let answers = begin(format!("read volume `{}`", escaped(name)), move |answer| {
        let volume = find(&connection, &pool, &volume)?;
        let stream = Stream::new(&connection, 0)?;
        volume.download(&stream, 0, 0, 0)?;
        if answer.send(Ok(Vec::new())).is_err() {
            let _ = stream.abort();
            return Ok(());
        }
        loop {
            let mut piece = vec![0; PIECE];
            let count = receive(&stream, &mut piece).inspect_err(|_| drop(stream.clone().abort()))?;
            piece.truncate(count);
            if count == 0 {
                stream.finish()?;
                let _ = answer.send(Ok(piece));
                return Ok(());
            }
            if answer.send(Ok(piece)).is_err() {
                let _ = stream.abort();
                return Ok(());
            }
        }
    })?;
    answers.next()?;
    Ok(Box::new(Download { answers, piece: io::Cursor::default(), ended: false }))
}

fn receive(stream: &Stream, piece: &mut [u8]) -> std::result::Result<usize, VirtError> {
    // Negative: the stream does not block and is empty. Ours blocks.
    Ok(usize::try_from(stream.recv(piece)?).unwrap_or(0))
}

/// The caller's side of a download.
struct Download {
    answers: Answers<Vec<u8>>,
    piece: io::Cursor<Vec<u8>>,
    ended: bool,
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.piece.read(buffer)?;
        if count > 0 || self.ended || buffer.is_empty() {
            return Ok(count);
        }
        let piece = self.answers.next().map_err(|e| io::Error::other(e.to_string()))?;
        self.ended = piece.is_empty();
        self.piece = io::Cursor::new(piece);
        self.piece.read(buffer)
    }
}

/// Refused if so many bytes do not fit: libvirt would let the file grow past what the guest sees.
pub fn check_room(volume: &StorageVol, length: u64) -> Outcome<()> {
    let capacity = volume.info()?.capacity;
    if length <= capacity {
        return Ok(());
    }
    let text = format!("{length} bytes do not fit volume `{}` of {capacity} bytes", escaped(&volume.name()?));
    Err(Error::new(Code::VolumeTooSmall, text).into())
}

/// Sends bytes to a stream.
fn send(stream: &Stream, mut bytes: &[u8]) -> Outcome<()> {
    while !bytes.is_empty() {
        match stream.send(&bytes[..bytes.len().min(PIECE)]).map(usize::try_from)? {
            Ok(sent) if sent > 0 => bytes = bytes.get(sent..).unwrap_or_default(),
            _ => return Err(Error::new(Code::UploadStalled, "libvirt took no more bytes").into()),
        }
    }
    Ok(())
}

/// Writes a volume from memory, in one call.
pub fn write(connection: &Connect, volume: &StorageVol, bytes: &[u8]) -> Outcome<()> {
    let stream = Stream::new(connection, 0)?;
    volume.upload(&stream, 0, bytes.len() as u64, 0)?;
    if let Err(problem) = send(&stream, bytes) {
        let _ = stream.abort();
        return Err(problem);
    }
    // Errors of the writing side, such as a full disk, come here.
    Ok(stream.finish()?)
}
