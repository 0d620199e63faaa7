//! Older versions of images: files whose sidecar names another one.

use super::{
    Images, Lock, hold,
    memory::memory_name,
    registry::{self, is_version_of},
};
use crate::kill_point;
use crate::model::Result;

/// An older version of an image that is there in a newer one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The image's id.
    pub id: String,
    /// Name of the volume.
    pub volume: String,
    /// Bytes it takes.
    pub size: u64,
}

/// All older versions, by id. An image that is damaged keeps its: which one is current is not known.
pub fn superseded(images: &Images) -> Result<Vec<Version>> {
    let mut found = Vec::new();
    for entry in images.store().entries()? {
        let Some(id) = is_version_of(&entry.name) else { continue };
        if let Ok(Some(current)) = registry::get(images, id)
            && entry.name != current.volume
            && (current.memory.is_none() || entry.name != memory_name(&current.volume))
        {
            found.push(Version { id: id.to_owned(), volume: entry.name, size: entry.takes });
        }
    }
    found.sort();
    Ok(found)
}

/// Removes an older version; `false` if it is the current one by now, gone, somebody works on the image, or a disk lies on it.
/// `users` names the instances on a volume.
pub fn remove_version(images: &Images, version: &Version, users: &dyn Fn(&str) -> Result<Vec<String>>) -> Result<bool> {
    let Some(_lock) = Lock::attempt(images.work(), &version.id)? else { return Ok(false) };
    let Some(_alone) = hold::alone(images.work(), &version.id)? else { return Ok(false) };
    if !superseded(images)?.contains(version) || !users(&version.volume)?.is_empty() {
        return Ok(false);
    }
    kill_point::reached("intent");
    let removed = images.store().remove(&version.volume)?;
    kill_point::reached("effect");
    Ok(removed)
}
