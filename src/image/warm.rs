//! Keeps the memory of a machine beside its disk.

use std::{
    fs::File,
    io::{Read as _, Write},
    path::Path,
    sync::atomic::AtomicBool,
};

use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::{
    Baked, Image, Images, Lock,
    bake::packed,
    digest::digest_of,
    files::io,
    memory::{Memory, memory_name},
    registry::{adopt_baked, volume_name},
};
use crate::{
    clock::Clock,
    kill_point,
    model::{Observer, Result, SaveImage, hex},
};

/// Keeps the disk of a machine as [`super::flatten`] does, and its memory with it, which was saved to `memory`, a file of the work folder.
///
/// # Errors
/// As [`super::flatten`], and `invalid_saved_memory`.
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
