//! Packs the disk of a sealed guest into an image that lies on nothing.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::Lock;
use super::files::io;
use super::import::{check_qcow2, gate_file};
use super::registry::adopt_baked;
use super::tools::{self, Need};
use super::{Baked, Image, Images};
use crate::model::{Observer, Result, Stage};
use crate::{clock::Clock, kill_point};

/// Flattens `overlay`, the qcow2 disk of a guest that is off and lies on `base`, compresses it, and keeps it as a baked image.
/// QEMU could write to both, so both are looked at before a tool opens them. The caller holds the lock on its id, and has it from [`super::begin`]; a copy that is cut off is swept by the next.
pub fn flatten(
    images: &Images,
    (overlay, base): (&Path, &Path),
    baked: Baked,
    lock: &Lock,
    clock: &dyn Clock,
    cancel: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Image> {
    tools::require(&[Need("qemu-img", "qemu-utils"), Need("prlimit", "util-linux")])?;
    let (id, work) = (baked.id(), images.work());
    let temporary = || {
        let made = tempfile::Builder::new().prefix(&format!(".bake-{id}_")).tempfile_in(work);
        made.map_err(|e| io("write in", work, e))
    };
    let (packed, scratch) = (temporary()?, temporary()?);
    kill_point::reached("intent");
    observer.begin(Stage::Compressing);
    let disk = images.store().disk(overlay, &id, scratch.path())?;
    // A copy that libvirt made lies on nothing.
    let base = (disk == overlay).then_some(base);
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
    // The name is gone after adopting; the guard finds nothing to remove.
    adopt_baked(images, packed.path(), baked, clock.now())
}
