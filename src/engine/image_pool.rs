//! The images of a host: files of this machine's pool, or volumes of a pool that only libvirt reaches.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    hypervisor::{Hypervisor, Upload, VolumeInfo, is_local},
    image::{ImageStore, Images, Stored, sidecar_name},
    kill_point,
    model::{Code, Error, Result, Settings, Size},
    plan,
};

/// Most bytes of a sidecar.
const MOST: u64 = 1 << 20;

/// The images of a host; `host` is asked for only where the pool is not a folder of this machine.
///
/// # Errors
/// Those of `host`.
pub fn images_of(settings: &Settings, host: impl FnOnce() -> Result<Arc<dyn Hypervisor>>) -> Result<Images> {
    if is_local(&settings.host.connect) {
        return Ok(Images::in_folder(&settings.host.folders.pool));
    }
    let store = ImagePool { host: host()?, pool: settings.host.pool.clone() };
    Ok(Images::of_store(settings.paths.state.join("images"), Arc::new(store)))
}

/// A pool that only libvirt reaches.
struct ImagePool {
    host: Arc<dyn Hypervisor>,
    pool: String,
}

fn stored(volume: VolumeInfo) -> Stored {
    // A capacity is that of the disk inside; the length of the file libvirt does not tell here.
    Stored { name: volume.name, path: volume.path, length: None, takes: volume.allocation }
}

fn unreadable(file: &Path, e: std::io::Error) -> Error {
    Error::new(Code::ImageIo, format!("cannot read `{}`", file.display())).cause(e)
}

/// Name of the copy of a disk that an image is made of.
fn copy_name(id: &str) -> String {
    format!(".bake-{id}_copy")
}

impl ImagePool {
    /// Writes a volume anew. libvirt finds out the format by itself, once the bytes are there.
    fn write(&self, name: &str, upload: Upload<'_>) -> Result<()> {
        self.host.remove_volume(&self.pool, name)?;
        kill_point::reached("intent");
        self.host.ensure_volume(&self.pool, name, &plan::image_xml(name, upload.length)?)?;
        kill_point::reached("effect");
        let written = self.host.upload_from(&self.pool, name, upload);
        kill_point::reached("effect");
        if written.is_err() {
            // What stays has no sidecar, and goes with the next look.
            let _ = self.host.remove_volume(&self.pool, name);
        }
        written
    }

    /// Copies a volume of the pool into a file of this machine.
    fn fetch(&self, name: &str, file: &Path) -> Result<()> {
        let failed = |e| Error::failed(Code::ImageIo, format!("cannot copy volume `{name}`")).cause(e);
        let mut to = File::create(file).map_err(failed)?;
        let mut from = self.host.download(&self.pool, name)?;
        std::io::copy(&mut from, &mut to).map(drop).map_err(failed)
    }
}

impl ImageStore for ImagePool {
    fn entries(&self) -> Result<Vec<Stored>> {
        let volumes = match self.host.volumes(&self.pool) {
            Err(e) if e.code == Code::NoPool => Vec::new(),
            volumes => volumes?,
        };
        let ours = |v: &VolumeInfo| v.name.starts_with("base-") || v.name.starts_with(".bake-");
        Ok(volumes.into_iter().filter(ours).map(stored).collect())
    }

    fn find(&self, name: &str) -> Result<Option<Stored>> {
        Ok(self.host.volume(&self.pool, name)?.map(stored))
    }

    fn put(&self, name: &str, file: &Path) -> Result<String> {
        let mut source = File::open(file).map_err(|e| unreadable(file, e))?;
        let length = source.metadata().map_err(|e| unreadable(file, e))?.len();
        self.write(name, Upload { source: &mut source, length })?;
        // Whole in the pool by now. A file that stays is work left over, which the next look removes.
        let _ = std::fs::remove_file(file);
        let found = self.host.volume(&self.pool, name)?;
        found.map(|v| v.path).ok_or_else(|| {
            Error::failed(Code::NoVolume, format!("volume `{name}` is gone from pool `{}`", self.pool))
                .hint("somebody else has removed it; do it again")
        })
    }

    fn sidecar(&self, id: &str) -> Result<Option<Vec<u8>>> {
        let name = sidecar_name(id);
        if self.host.volume(&self.pool, &name)?.is_none() {
            return Ok(None);
        }
        let mut text = Vec::new();
        let reader = self.host.download(&self.pool, &name)?;
        reader
            .take(MOST)
            .read_to_end(&mut text)
            .map_err(|e| Error::failed(Code::ImageIo, format!("cannot read volume `{name}`")).cause(e))?;
        // A volume begins as zeros: nothing was written to it.
        Ok(Some(text).filter(|text| text.iter().any(|byte| *byte != 0)))
    }

    fn set_sidecar(&self, id: &str, text: &[u8]) -> Result<()> {
        let (mut source, length) = (text, text.len() as u64);
        self.write(&sidecar_name(id), Upload { source: &mut source, length })
    }

    fn remove(&self, name: &str) -> Result<bool> {
        let was_there = self.host.volume(&self.pool, name)?.is_some();
        self.host.remove_volume(&self.pool, name)?;
        Ok(was_there)
    }

    fn take_back(&self, _: &str) -> Result<()> {
        Ok(())
    }

    fn disk(&self, path: &Path, id: &str, scratch: &Path) -> Result<PathBuf> {
        let source = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        let Some(disk) = self.host.volume(&self.pool, source)? else {
            return Err(Error::new(Code::NoVolume, format!("pool `{}` has no volume `{source}`", self.pool))
                .hint("somebody else has removed it; bake again"));
        };
        let copy = copy_name(id);
        self.host.remove_volume(&self.pool, &copy)?;
        kill_point::reached("intent");
        // The copy lies on nothing: libvirt reads what the disk lies on too.
        let xml = plan::empty_xml(&copy, Size::bytes(disk.capacity))?;
        let copied = self.host.clone_volume(&self.pool, source, &copy, &xml);
        kill_point::reached("effect");
        let fetched = copied.and_then(|()| self.fetch(&copy, scratch));
        let removed = self.host.remove_volume(&self.pool, &copy);
        fetched.and(removed).map(|()| scratch.to_owned())
    }
}
