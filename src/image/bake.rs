//! Packs the disk of a guest that is off into a file that lies on nothing.

use std::fs::File;
use std::io::{Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::Lock;
use super::files::io;
use super::import::{check_qcow2, gate_file};
use super::tools::{self, Need};
use super::{Baked, Image, Images};
use super::{
    digest::digest_of,
    memory::{Memory, memory_name},
    registry::{adopt_baked, volume_name},
};
use crate::model::{Observer, Result, SaveImage, Stage, hex};
use crate::{clock::Clock, kill_point};

/// What the lock of exports is called, as if they were an image.
const EXPORTS: &str = "lite.export";

/// Flattens `overlay`, the qcow2 disk of a guest that is off and lies on `base`, compresses it, and keeps it as a baked image.
/// The caller holds the lock on its id, and has it from [`super::begin`]; a copy that is cut off is swept by the next.
pub fn flatten(
    images: &Images,
    (overlay, base): (&Path, &Path),
    baked: Baked,
    lock: &Lock,
    clock: &dyn Clock,
    cancel: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Image> {
    let packed = packed(images, (overlay, Some(base)), ("bake", &baked.id()), lock, cancel, observer)?;
    // The name is gone after adopting; the guard finds nothing to remove.
    adopt_baked(images, packed.path(), (baked, None), clock.now())
}

/// The same for the disk of a machine whose memory was saved to `memory`, a file of the work folder, which goes along.
///
/// # Errors
/// As [`flatten`], and `invalid_saved_memory`.
pub fn keep_warm(
    images: &Images,
    (overlay, base): (&Path, &Path),
    (memory, of): (&Path, Memory),
    baked: Baked,
    (lock, clock, cancel): (&Lock, &dyn Clock, &AtomicBool),
    observer: &mut dyn Observer,
) -> Result<Image> {
    let packed = packed(images, (overlay, Some(base)), ("warm", &baked.id()), lock, cancel, observer)?;
    let digest = digest_of(packed.path())?;
    let (file, size, sum) = with_room(images, memory, &baked.id())?;
    let volume = volume_name(&baked.id(), &digest);
    images.store().put(&memory_name(&volume), file.path())?;
    kill_point::reached("effect");
    let memory = Memory { size, digest: sum, ..of };
    adopt_baked(images, packed.path(), (baked, Some(memory)), clock.now())
}

/// A file of the work folder that memory can be saved to for [`keep_warm`]; gone with the value.
///
/// # Errors
/// The folder cannot be written.
pub fn place_for_memory(images: &Images, id: &str) -> Result<NamedTempFile> {
    let folder = images.work();
    let made = tempfile::Builder::new().prefix(&format!(".warm-{id}_")).tempfile_in(folder);
    made.map_err(|e| io("write in", folder, e))
}

/// A copy of saved memory whose head has room for that of any domain; its size, and its digest.
fn with_room(images: &Images, memory: &Path, id: &str) -> Result<(NamedTempFile, u64, String)> {
    let failed = |e| io("copy", memory, e);
    let mut from = File::open(memory).map_err(failed)?;
    let mut head = vec![0; SaveImage::FIXED];
    from.read_exact(&mut head).map_err(failed)?;
    let length = SaveImage::length(&head)?;
    head.resize(length, 0);
    from.read_exact(&mut head[SaveImage::FIXED..]).map_err(failed)?;
    let read = SaveImage::parse(&head)?;
    let file = place_for_memory(images, id)?;
    let mut to = Hashing { file: file.as_file(), hasher: Sha256::new(), size: 0 };
    to.write_all(&read.head(&read.xml)?).map_err(failed)?;
    std::io::copy(&mut from, &mut to).map_err(failed)?;
    let (size, digest) = (to.size, hex(&to.hasher.finalize()));
    file.as_file().sync_all().map_err(failed)?;
    Ok((file, size, digest))
}

/// Writes and hashes.
struct Hashing<'a> {
    file: &'a File,
    hasher: Sha256,
    size: u64,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// The same for copies that leave the host: files of the work folder that are gone with the value, or are swept once nobody holds the
/// lock on their id, which the value does.
pub struct Packed {
    files: Vec<NamedTempFile>,
    _lock: Lock,
}

impl Packed {
    /// Packs disks, each with what it lies on. Those of a host take turns.
    ///
    /// # Errors
    /// A disk is not as it was made, the tool fails, or no room is left.
    pub fn of(
        images: &Images,
        disks: &[(PathBuf, Option<PathBuf>)],
        cancel: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        let lock = super::lock(images.work(), EXPORTS, cancel, observer)?;
        let mut files = Vec::new();
        for (disk, base) in disks {
            let places = (disk.as_path(), base.as_deref());
            files.push(packed(images, places, ("export", EXPORTS), &lock, cancel, observer)?);
        }
        Ok(Self { files, _lock: lock })
    }

    /// The files, in the order of their disks, to read each from its beginning.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(&self) -> Result<Vec<File>> {
        let open = |file: &NamedTempFile| File::open(file.path()).map_err(|e| io("read", file.path(), e));
        self.files.iter().map(open).collect()
    }
}

/// QEMU could write to the disk and to what it lies on, so both are looked at before a tool opens them.
fn packed(
    images: &Images,
    (overlay, base): (&Path, Option<&Path>),
    (work, id): (&str, &str),
    lock: &Lock,
    cancel: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<NamedTempFile> {
    tools::require(&[Need("qemu-img", "qemu-utils"), Need("prlimit", "util-linux")])?;
    let folder = images.work();
    let temporary = || {
        let made = tempfile::Builder::new().prefix(&format!(".{work}-{id}_")).tempfile_in(folder);
        made.map_err(|e| io("write in", folder, e))
    };
    let (packed, scratch) = (temporary()?, temporary()?);
    kill_point::reached("intent");
    observer.begin(Stage::Compressing);
    let disk = images.store().disk(overlay, id, scratch.path())?;
    // A copy that libvirt made lies on nothing.
    let base = base.filter(|_| disk == overlay);
    base.map_or(Ok(()), |base| gate_file(base, None))?;
    gate_file(&disk, base)?;
    let mut command = tools::bounded("qemu-img");
    // Should this process be killed, the lock stays held until the copy has ended.
    command.stdin(lock.share()?);
    command.args(["convert", "-f", "qcow2", "-O", "qcow2", "-c", "-o", "compression_type=zstd"]);
    command.arg(disk).arg(packed.path());
    tools::run(&mut command, cancel)?;
    drop(scratch);
    kill_point::reached("effect");
    observer.begin(Stage::Checking);
    check_qcow2(packed.path(), cancel)?;
    Ok(packed)
}
