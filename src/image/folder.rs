//! The store of images that is a folder of this machine: the one of libvirt's pool.

use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use super::{
    files::{NOFOLLOW, for_qemu_alone, io},
    store::{ImageStore, Stored, sidecar_name},
};
use crate::{kill_point, model::Result};

/// Most bytes read of a sidecar.
const SIDECAR_MAX: u64 = 1 << 20;

/// A folder.
pub struct Folder(PathBuf);

impl Folder {
    /// The store in `folder`, which need not be there yet.
    pub fn new(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    fn stored(&self, name: &str, meta: &Metadata) -> Stored {
        let path = self.0.join(name).display().to_string();
        let length = Some(if meta.is_file() { meta.len() } else { 0 });
        Stored { name: name.to_owned(), path, length, takes: meta.len() }
    }

    fn sync(&self) -> Result<()> {
        File::open(&self.0).and_then(|dir| dir.sync_all()).map_err(|e| io("write the folder", &self.0, e))
    }
}

impl ImageStore for Folder {
    fn entries(&self) -> Result<Vec<Stored>> {
        let failed = |e| io("read the folder", &self.0, e);
        let entries = match fs::read_dir(&self.0) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if !name.starts_with("base-") {
                continue;
            }
            match entry.metadata() {
                // One may go while we look.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                meta => found.push(self.stored(&name, &meta.map_err(|e| io("look at", &entry.path(), e))?)),
            }
        }
        Ok(found)
    }

    fn find(&self, name: &str) -> Result<Option<Stored>> {
        let at = self.0.join(name);
        match fs::symlink_metadata(&at) {
            Ok(meta) => Ok(Some(self.stored(name, &meta))),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(io("look at", &at, e)),
        }
    }

    fn put(&self, name: &str, file: &Path) -> Result<String> {
        let at = self.0.join(name);
        kill_point::reached("intent");
        fs::rename(file, &at).map_err(|e| io("keep", file, e))?;
        self.sync()?;
        kill_point::reached("effect");
        Ok(at.display().to_string())
    }

    fn sidecar(&self, id: &str) -> Result<Option<Vec<u8>>> {
        let at = self.0.join(sidecar_name(id));
        let read = || {
            let mut text = Vec::new();
            File::open(&at)?.take(SIDECAR_MAX).read_to_end(&mut text).map(|_| text)
        };
        match read() {
            Ok(text) => Ok(Some(text)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(io("read", &at, e)),
        }
    }

    fn set_sidecar(&self, id: &str, text: &[u8]) -> Result<()> {
        let at = self.0.join(sidecar_name(id));
        let failed = |e| io("write", &at, e);
        let prefix = format!(".sidecar-{id}_");
        let mut temp = tempfile::Builder::new().prefix(&prefix).tempfile_in(&self.0).map_err(failed)?;
        temp.write_all(text).map_err(failed)?;
        let mode = Permissions::from_mode(0o644);
        temp.as_file().set_permissions(mode).and_then(|()| temp.as_file().sync_all()).map_err(failed)?;
        kill_point::reached("intent");
        temp.persist(&at).map_err(|e| failed(e.error))?;
        self.sync()?;
        kill_point::reached("effect");
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<bool> {
        let at = self.0.join(name);
        match fs::remove_file(&at) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
            removed => removed.map_err(|e| io("remove", &at, e)).and_then(|()| self.sync()).map(|()| true),
        }
    }

    fn take_back(&self, name: &str) -> Result<()> {
        let at = self.0.join(name);
        let mut options = OpenOptions::new();
        let file = match options.read(true).custom_flags(NOFOLLOW).open(&at) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(io("open", &at, e)),
        };
        let give = || {
            let me = rustix::process::geteuid();
            if me.is_root() && file.metadata()?.uid() != me.as_raw() {
                fchown(&file, Some(me.as_raw()), None).and_then(|()| for_qemu_alone(&file))?;
            }
            Ok(())
        };
        give().map_err(|e| io("take back", &at, e))
    }

    fn disk(&self, path: &Path, _: &str, _: &Path) -> Result<PathBuf> {
        Ok(path.to_owned())
    }
}
