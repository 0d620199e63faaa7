//! Packs the disk of a sealed guest into an image that lies on nothing.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::Lock;
use super::files::io;
use super::import::check_qcow2;
use super::registry::adopt_baked;
use super::tools::{self, Need};
use super::{Baked, Image, Images};
use crate::model::{Observer, Result, Stage};
use crate::{clock::Clock, kill_point};

/// Flattens `overlay`, the qcow2 disk of a guest that is off, compresses it, and keeps it as a baked image. The caller holds
/// the lock on its id, and has it from [`super::begin`]; a copy that is cut off is swept by the next.
pub fn flatten(
    images: &Images,
    overlay: &Path,
    baked: Baked,
    lock: &Lock,
    clock: &dyn Clock,
    cancel: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<Image> {
    tools::require(&[Need("qemu-img", "qemu-utils")])?;
    let (id, work) = (baked.id(), images.work());
    let temporary = || {
        let made = tempfile::Builder::new().prefix(&format!(".bake-{id}_")).tempfile_in(work);
        made.map_err(|e| io("write in", work, e))
    };
    let (packed, scratch) = (temporary()?, temporary()?);
    kill_point::reached("intent");
    observer.begin(Stage::Compressing);
    let disk = images.store().disk(overlay, &id, scratch.path())?;
    // The overlay names its base's format itself: lite wrote it so. Whatever it reads, the result is looked at before it is kept.
    let mut command = tools::command("qemu-img");
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
