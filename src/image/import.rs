//! An operator's own image, or the disk of an export: checked as it comes, copied, checked again, kept.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::archive::unreadable;
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

/// The disk of an export, on its way out of the file. Its header passed the gate.
pub struct Arriving {
    /// Its bytes.
    pub source: Box<dyn Read + Send>,
    /// How many they are.
    pub length: u64,
    /// Their SHA-256, hexadecimal, as the export says.
    pub sha256: String,
}

/// Brings the disk of an export, as a file that nothing names yet: it is swept as work left over as soon as the lock is free and no disk
/// lies on it.
///
/// # Errors
/// Refused: it is not what the export says, or damaged.
pub fn receive(
    images: &Images,
    id: &str,
    mut arriving: Arriving,
    clock: &dyn Clock,
    cancel: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<(Image, Lock)> {
    tools::require(&[Need("qemu-img", "qemu-utils"), Need("prlimit", "util-linux")])?;
    let (lock, _) = begin(images, id, false, cancel, observer)?;
    let source = (&mut *arriving.source as &mut dyn Read, arriving.length);
    let (temp, sha256) = copied(images, id, source, &unreadable, cancel, observer)?;
    if sha256 != arriving.sha256 {
        return Err(Error::new(
            Code::InvalidExport,
            "the disk in the export is not the one that it says: its digest differs",
        )
        .hint("the file was changed, or damaged on its way: bring it again"));
    }
    observer.begin(Stage::Checking);
    check_qcow2(temp.path(), cancel)?;
    Ok((adopt_disk(images, id, temp.path(), clock.now())?, lock))
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
