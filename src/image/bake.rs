//! Packs the disk of a guest that is off into a file that lies on nothing.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use tempfile::NamedTempFile;

use super::Lock;
use super::files::io;
use super::import::{check_qcow2, gate_file};
use super::registry::adopt_baked;
use super::tools::{self, Need};
use super::{Baked, Image, Images};
use crate::model::{Observer, Result, Stage};
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
pub(super) fn packed(
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
