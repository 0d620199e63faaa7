//! Older versions of images: files whose sidecar names another one.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::Lock;
use super::{
    files::io,
    registry::{self, is_version_of},
};
use crate::kill_point;
use crate::model::Result;

/// An older version of an image that is there in a newer one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The image's id.
    pub id: String,
    /// Name of the file in the folder of the pool.
    pub volume: String,
    /// Bytes it takes.
    pub size: u64,
}

/// All older versions, by id. An image that is damaged keeps its: which one is current is not known.
pub fn superseded(dir: &Path) -> Result<Vec<Version>> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|e| io("read the folder", dir, e))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| io("read the folder", dir, e))?;
        let Ok(volume) = entry.file_name().into_string() else { continue };
        let Some(id) = is_version_of(&volume) else { continue };
        if let Ok(Some(current)) = registry::get(dir, id)
            && current.volume != volume
        {
            let size = entry.metadata().map_err(|e| io("look at", &entry.path(), e))?.len();
            found.push(Version { id: id.to_owned(), volume, size });
        }
    }
    found.sort();
    Ok(found)
}

/// Removes an older version; `false` if it is the current one by now, gone, or somebody works on the image. The caller knows
/// that no disk lies on it.
pub fn remove_version(dir: &Path, version: &Version) -> Result<bool> {
    let Some(_lock) = Lock::attempt(dir, &version.id)? else { return Ok(false) };
    if !superseded(dir)?.contains(version) {
        return Ok(false);
    }
    let at = dir.join(&version.volume);
    kill_point::reached("intent");
    match fs::remove_file(&at) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        removed => removed.map_err(|e| io("remove", &at, e))?,
    }
    kill_point::reached("effect");
    Ok(true)
}
