//! An operator's own image, or the disks of an export: checked as it comes, copied, checked again, kept.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::archive::{Reader, unreadable};
use super::files::{NOFOLLOW, check_id, io};
use super::gate::gate_over;
use super::registry::{adopt, adopt_disk, begin};
use super::tools::{self, Need};
use super::{HEADER_MAX, Image, Images, Lock, Origin, gate};
use crate::model::{Code, Error, Observer, Result, Stage, hex};
use crate::{clock::Clock, kill_point};

/// Do not wait for the other end of a pipe.
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits() as i32;

/// Brings a qcow2 file of the operator's as the image `id`. The file is opened once and only read; no tool sees it, but a copy
/// of it that nobody else can change. With `force` an image that is there is replaced, else it is given back as it is.
pub fn import(
    images: &Images,
    file: &Path,
    id: &str,
    force: bool,
    clock: &dyn Clock,
    cancel: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Image> {
    check_id(id)?;
    tools::require(&[Need("qemu-img", "qemu-utils"), Need("prlimit", "util-linux")])?;
    let mut open = open_regular(file)?;
    let mut header = Vec::new();
    (&mut open).take(HEADER_MAX).read_to_end(&mut header).map_err(|e| io("read", file, e))?;
    let length = open.metadata().map_err(|e| io("read", file, e))?.len();
    gate(&header, length)?;

    let (_lock, ready) = begin(images, id, force, cancel, observer)?;
    if let Some(image) = ready {
        return Ok(image);
    }
    let mut source = header.as_slice().chain(&mut open);
    let (temp, _) = copied(images, id, (&mut source, length), &|e| io("read", file, e), cancel, observer)?;
    observer.begin(Stage::Checking);
    check_qcow2(temp.path(), cancel)?;
    // The name is gone after adopting; the guard finds nothing to remove.
    adopt(images, id, temp.path(), Origin::Imported, Some(file.display().to_string()), clock.now())
}

/// What an export says of a disk in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// How many bytes the file has.
    pub length: u64,
    /// Their SHA-256, hexadecimal.
    pub sha256: String,
    /// What a guest sees of it; none: that was not told.
    pub size: Option<u64>,
}

/// The disks of an export, on their way out of the file, one after the other. The header of the next one passed the gate.
pub struct Arriving {
    reader: Reader<Box<dyn Read + Send>>,
    header: Vec<u8>,
    left: VecDeque<Declared>,
}

impl Arriving {
    /// Begins with the first disk, behind the texts of an export: the disks, and what a guest sees of that one.
    ///
    /// # Errors
    /// Refused: it is not what the export says, or refers to another file.
    pub fn begin(reader: Reader<Box<dyn Read + Send>>, told: Vec<Declared>) -> Result<(Self, u64)> {
        let mut arriving = Self { reader, header: Vec::new(), left: told.into() };
        let size = arriving.check_next()?;
        Ok((arriving, size))
    }

    /// What is told of the next disk.
    pub fn next_declared(&self) -> Option<&Declared> {
        self.left.front()
    }

    /// How many bytes are still to come.
    pub fn bytes(&self) -> u64 {
        self.left.iter().map(|told| told.length).fold(0, u64::saturating_add)
    }

    /// Bytes of the largest disk that is still to come, but for the first.
    pub fn largest_behind(&self) -> u64 {
        self.left.iter().skip(1).map(|told| told.length).max().unwrap_or(0)
    }

    /// Reads the header of the next disk.
    fn check_next(&mut self) -> Result<u64> {
        let Some(told) = self.left.front() else { return Err(differs("number of disks")) };
        if self.reader.disk()? != told.length {
            return Err(differs("disk"));
        }
        self.header.clear();
        self.reader.by_ref().take(HEADER_MAX).read_to_end(&mut self.header).map_err(unreadable)?;
        let header = gate(&self.header, told.length)?;
        if header.snapshots > 0 {
            let text = "a disk in the export holds snapshots of its own, and `lite export` writes none such";
            return Err(Error::new(Code::InvalidExport, text).hint(BRING_AGAIN));
        }
        let size = header.virtual_size;
        match told.size.is_none_or(|told| told == size) {
            true => Ok(size),
            false => Err(differs("size of a disk")),
        }
    }

    /// Copies the next disk into a file of the work folder, and looks at the one after it, or whether it was the last.
    fn copy(
        mut self,
        images: &Images,
        id: &str,
        cancel: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<(NamedTempFile, Option<Self>)> {
        let Some(told) = self.left.pop_front() else { return Err(differs("number of disks")) };
        let header = std::mem::take(&mut self.header);
        let mut source = header.as_slice().chain(&mut self.reader);
        let (temp, sha256) = copied(images, id, (&mut source, told.length), &unreadable, cancel, observer)?;
        if sha256 != told.sha256 {
            let error = Error::new(
                Code::InvalidExport,
                "the disk in the export is not the one that it says: its digest differs",
            );
            return Err(error.hint(BRING_AGAIN));
        }
        observer.begin(Stage::Checking);
        check_qcow2(temp.path(), cancel)?;
        if self.left.is_empty() {
            self.reader.end()?;
            return Ok((temp, None));
        }
        self.check_next()?;
        Ok((temp, Some(self)))
    }
}

const BRING_AGAIN: &str = "the file was changed, or damaged on its way: bring it again";

/// The error of something in an export that is not what the export says of it.
pub fn differs(what: &str) -> Error {
    Error::new(Code::InvalidExport, format!("the {what} in the export is not the one that it says")).hint(BRING_AGAIN)
}

/// Brings the first disk of an export, as a file that nothing names yet: it is swept as work left over as soon as the lock is free and no
/// disk lies on it. What follows it is given back.
///
/// # Errors
/// Refused: it is not what the export says, or damaged.
pub fn receive(
    images: &Images,
    id: &str,
    arriving: Arriving,
    clock: &dyn Clock,
    cancel: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<(Image, Option<Arriving>, Lock)> {
    tools::require(&[Need("qemu-img", "qemu-utils"), Need("prlimit", "util-linux")])?;
    let (lock, _) = begin(images, id, false, cancel, observer)?;
    let (temp, rest) = arriving.copy(images, id, cancel, observer)?;
    Ok((adopt_disk(images, id, temp.path(), clock.now())?, rest, lock))
}

/// A further disk of an export, checked: a file of the work folder that is gone with the value, or is swept with those of the lock.
pub struct ArrivedDisk(NamedTempFile);

impl ArrivedDisk {
    /// Brings the next one. The lock is the one that [`receive`] gave for this id.
    ///
    /// # Errors
    /// As [`receive`].
    pub fn next(
        images: &Images,
        (id, _): (&str, &Lock),
        arriving: Arriving,
        cancel: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<(Self, Option<Arriving>)> {
        let (temp, rest) = arriving.copy(images, id, cancel, observer)?;
        Ok((Self(temp), rest))
    }

    /// The file, to read it from its beginning, and how many bytes it has.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(&self) -> Result<(File, u64)> {
        let failed = |e| io("read", self.0.path(), e);
        let file = File::open(self.0.path()).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        Ok((file, length))
    }
}

/// Copies an image that passed the gate into a file of the work folder, which no tool sees before; gives its SHA-256 too.
fn copied(
    images: &Images,
    id: &str,
    (source, length): (&mut dyn Read, u64),
    unreadable: &dyn Fn(io::Error) -> Error,
    cancel: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<(NamedTempFile, String)> {
    observer.begin(Stage::Copying);
    let failed = |e| io("write in", images.work(), e);
    let mut temp =
        tempfile::Builder::new().prefix(&format!(".import-{id}_")).tempfile_in(images.work()).map_err(failed)?;
    let (mut done, mut buffer, mut digest) = (0, vec![0; 1 << 20], Sha256::new());
    loop {
        tools::check(cancel)?;
        let count = source.read(&mut buffer).map_err(unreadable)?;
        let read = buffer.get(..count).unwrap_or_default();
        if read.is_empty() {
            break;
        }
        temp.write_all(read).map_err(failed)?;
        digest.update(read);
        done += count as u64;
        observer.bytes(done, Some(length));
    }
    kill_point::reached("effect");
    Ok((temp, hex(&digest.finalize())))
}

/// Opens a regular file and nothing else: no link, device or pipe.
fn open_regular(file: &Path) -> Result<File> {
    let refuse = |what: String| {
        Error::new(Code::ImageNotAFile, format!("cannot read `{}`", file.display()))
            .cause(what)
            .hint("name a regular file in qcow2 format, not a link, device or pipe")
    };
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(NOFOLLOW | NONBLOCK);
    let open = options.open(file).map_err(|e| refuse(e.to_string()))?;
    if !open.metadata().map_err(|e| io("read", file, e))?.is_file() {
        return Err(refuse("not a regular file".into()));
    }
    Ok(open)
}

/// Looks at the header of a file before a tool opens it: it lies on `base`, or on nothing.
pub(super) fn gate_file(file: &Path, base: Option<&Path>) -> Result<()> {
    let failed = |e| io("read", file, e);
    let mut open = File::open(file).map_err(failed)?;
    let length = open.metadata().map_err(failed)?.len();
    let mut header = Vec::new();
    (&mut open).take(HEADER_MAX).read_to_end(&mut header).map_err(failed)?;
    gate_over(&header, length, base).map(drop)
}

/// Lets qemu-img check the inner structure of a file of ours that passed the gate.
pub(super) fn check_qcow2(file: &Path, cancel: &AtomicBool) -> Result<()> {
    // Gate first: from here on a tool opens it, and the copy may differ from what was looked at.
    gate_file(file, None)?;
    let mut command = tools::bounded("qemu-img");
    command.args(["check", "-f", "qcow2", "--output=json"]).arg(file);
    match tools::run(&mut command, cancel) {
        Err(e) if e.code == Code::ToolFailed => Err(e
            .causes
            .iter()
            .fold(Error::new(Code::ImageDamaged, "the image is damaged: qemu-img found errors in it"), |e, c| {
                e.cause(c)
            })
            .hint("bring the file again, or repair it where it comes from: `qemu-img check -f qcow2 -r all FILE`")),
        other => other.map(drop),
    }
}
