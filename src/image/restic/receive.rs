//! Files that come back from a repository. It may have been changed by others: a file is taken by its digest, and no tool opens it before
//! its header is read.

use std::{fs::File, io::Write, path::Path, sync::atomic::AtomicBool};

use tempfile::NamedTempFile;

use super::super::{
    Images, Lock,
    files::{for_qemu_alone, io},
    gate::{HEADER_MAX, gate_over},
    import::{check_qcow2, gate_file},
    lock,
    registry::volume_name,
    tools,
};
use crate::{
    kill_point,
    model::{Code, Error, Observer, Result},
};

/// What the lock of overlays that come back is called, as if they were an image.
const OVERLAYS: &str = "lite.restore";

/// A file of the work folder that is gone with the value, or is swept once nobody holds the lock on its id, which the value does.
pub struct Received {
    file: NamedTempFile,
    _lock: Lock,
}

/// Writes a file that comes back; refused where it is not the one that was said.
type Fetch<'a> = &'a mut dyn FnMut(&mut dyn Write, &mut dyn Observer) -> Result<()>;

impl Received {
    fn of(
        images: &Images,
        id: &str,
        fetch: Fetch<'_>,
        cancel: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        tools::require(&[tools::Need("qemu-img", "qemu-utils"), tools::Need("prlimit", "util-linux")])?;
        let folder = images.work();
        let held = lock(folder, id, cancel, observer)?;
        let made = tempfile::Builder::new().prefix(&format!(".import-{id}_")).tempfile_in(folder);
        let mut file = made.map_err(|e| io("write in", folder, e))?;
        kill_point::reached("intent");
        fetch(file.as_file_mut(), observer)?;
        kill_point::reached("effect");
        Ok(Self { file, _lock: held })
    }

    /// The overlay of a snapshot, which lay on `before` and lies on `base` from now on, as a disk of `size` bytes.
    ///
    /// # Errors
    /// It is not what was said, or lies on something else.
    pub fn overlay(
        images: &Images,
        (before, base): (&Path, &Path),
        size: u64,
        fetch: Fetch<'_>,
        cancel: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        let received = Self::of(images, OVERLAYS, fetch, cancel, observer)?;
        let path = received.file.path();
        if size_of(path, Some(before))? != size {
            return Err(Error::new(Code::RemoteDamaged, "the disk has another size than was said"));
        }
        // The header alone is written: the image is the same one, somewhere else.
        let mut command = tools::bounded("qemu-img");
        command.args(["rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b"]).arg(base).arg(path);
        tools::run(&mut command, cancel)?;
        gate_file(path, Some(base))?;
        Ok(received)
    }

    /// A disk of `size` bytes that lies on nothing.
    ///
    /// # Errors
    /// It is not what was said, is damaged, or refers to other files.
    pub fn disk(
        images: &Images,
        size: u64,
        fetch: Fetch<'_>,
        cancel: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<Self> {
        let received = Self::of(images, OVERLAYS, fetch, cancel, observer)?;
        let path = received.file.path();
        if size_of(path, None)? != size {
            return Err(Error::new(Code::RemoteDamaged, "the disk has another size than was said"));
        }
        check_qcow2(path, cancel)?;
        Ok(received)
    }

    /// The file, to read it from its beginning, and its length.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open(&self) -> Result<(File, u64)> {
        let failed = |e| io("read", self.file.path(), e);
        let file = File::open(self.file.path()).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        Ok((file, length))
    }
}

/// The size of the disk in a file that lies on `base`, or on nothing.
fn size_of(path: &Path, base: Option<&Path>) -> Result<u64> {
    use std::io::Read as _;
    let failed = |e| io("read", path, e);
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut header = Vec::new();
    (&mut file).take(HEADER_MAX).read_to_end(&mut header).map_err(failed)?;
    Ok(gate_over(&header, length, base)?.virtual_size)
}

/// Brings the image that overlays lie on, of a digest that its name has: a version of `id` that is not the current one, so that nothing
/// new is made of it. It stays as long as something lies on it.
///
/// # Errors
/// It is not what was said, is damaged, or refers to other files.
pub fn receive_image(
    images: &Images,
    (id, digest): (&str, &str),
    fetch: Fetch<'_>,
    cancel: &AtomicBool,
    observer: &mut dyn Observer,
) -> Result<()> {
    let name = volume_name(id, digest);
    let received = Received::of(images, id, fetch, cancel, observer)?;
    let path = received.file.path();
    check_qcow2(path, cancel)?;
    for_qemu_alone(received.file.as_file()).map_err(|e| io("keep", path, e))?;
    received.file.as_file().sync_all().map_err(|e| io("keep", path, e))?;
    images.store().put(&name, path).map(drop)
}
