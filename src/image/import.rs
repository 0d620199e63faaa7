//! An operator's own image: checked through one open file, copied, checked again, kept.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::files::{NOFOLLOW, check_id, io};
use super::gate::gate_over;
use super::registry::{adopt, begin};
use super::tools::{self, Need};
use super::{HEADER_MAX, Image, Images, Origin, gate};
use crate::model::{Code, Error, Observer, Result, Stage};
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
    observer.begin(Stage::Copying);
    let mut temp = tempfile::Builder::new()
        .prefix(&format!(".import-{id}_"))
        .tempfile_in(images.work())
        .map_err(|e| io("write in", images.work(), e))?;
    let mut source = header.as_slice().chain(&mut open);
    let (mut done, mut buffer) = (0, vec![0; 1 << 20]);
    loop {
        tools::check(cancel)?;
        let count = source.read(&mut buffer).map_err(|e| io("read", file, e))?;
        let read = buffer.get(..count).unwrap_or_default();
        if read.is_empty() {
            break;
        }
        temp.write_all(read).map_err(|e| io("write in", images.work(), e))?;
        done += count as u64;
        observer.bytes(done, Some(length));
    }

    kill_point::reached("effect");
    observer.begin(Stage::Checking);
    check_qcow2(temp.path(), cancel)?;
    // The name is gone after adopting; the guard finds nothing to remove.
    adopt(images, id, temp.path(), Origin::Imported, Some(file.display().to_string()), clock.now())
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
