//! What image work that was killed has left in the work folder and in the pool.
//!
//! Whoever works on an image holds its lock until the last process that writes is gone, so what lies there while the lock
//! is free belongs to nobody. A download that was cut off (`.pull-ID.part`) is none of it: the next one goes on with it.

use std::{
    fs::{self, File, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{
    build::clear_once,
    files::{check_id, io},
    images::Images,
    lock::{Lock, lock_path},
    registry::is_version_of,
};
use crate::model::Result;

/// What is left over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A folder or file that only a build, pull or import under way needs.
    Work,
    /// An image file without a sidecar, which is therefore no image. A disk may still lie on it.
    Version,
    /// A volume that a bake had libvirt make of a disk, in a pool that is not a folder of this machine.
    Copy,
}

/// Something that image work left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The image it was for.
    pub id: String,
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
}

impl Leftover {
    /// Name of the file.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|n| n.to_str()).unwrap_or_default()
    }
}

/// All that is left over of images that nobody works on, by path.
pub fn leftovers(images: &Images) -> Result<Vec<Leftover>> {
    let mut found = work_in(images.work())?;
    for entry in images.store().entries()? {
        let Some((id, kind)) = read_stored(&entry.name) else { continue };
        found.push(Leftover { id: id.to_owned(), path: entry.path.into(), kind });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    let mut left = Vec::new();
    for leftover in found {
        // In this order: looking at a lock takes it for an instant, so only where there is something to look for.
        if is_left(images, &leftover)? && !is_busy(images.work(), &leftover.id)? {
            left.push(leftover);
        }
    }
    Ok(left)
}

/// What work has left in a folder.
fn work_in(dir: &Path) -> Result<Vec<Leftover>> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|e| io("read the folder", dir, e))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| io("read the folder", dir, e))?.path();
        let Some(id) = path.file_name().and_then(|n| n.to_str()).and_then(read_work) else { continue };
        found.push(Leftover { id: id.to_owned(), path, kind: Kind::Work });
    }
    Ok(found)
}

/// Removes what is left over; `false` if somebody works on the image now, or it is left over no more.
pub fn discard(images: &Images, leftover: &Leftover) -> Result<bool> {
    let Some(_lock) = Lock::attempt(images.work(), &leftover.id)? else { return Ok(false) };
    if !is_left(images, leftover)? {
        return Ok(false);
    }
    if leftover.kind != Kind::Work {
        return images.store().remove(leftover.name());
    }
    match fs::symlink_metadata(&leftover.path).map(|m| m.is_dir()) {
        Ok(true) => clear_once(&leftover.path)?,
        Ok(false) => fs::remove_file(&leftover.path).map_err(|e| io("remove", &leftover.path, e))?,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(io("look at", &leftover.path, e)),
    }
    Ok(true)
}

/// Discards all that nobody can need, and says so: work of the dead, and image files without a sidecar that `used` does
/// not know of.
pub fn tidy(images: &Images, used: &dyn Fn(&str) -> Result<bool>) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for leftover in leftovers(images)? {
        if leftover.kind == Kind::Version && used(leftover.name())? {
            continue;
        }
        if discard(images, &leftover)? {
            told.push(format!("removed what work on image `{}` that was cut off had left", leftover.id));
        }
    }
    Ok(told)
}

/// Whether somebody works on an image.
pub fn is_busy(dir: &Path, id: &str) -> Result<bool> {
    let at = lock_path(dir, id);
    let file = match File::open(&at) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        file => file.map_err(|e| io("read", &at, e))?,
    };
    match file.try_lock_shared() {
        // As in `Drop for Lock`.
        Ok(()) => file.unlock().map(|()| false).map_err(|e| io("unlock", &at, e)),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(io("lock", &at, e)),
    }
}

/// The image a file or folder of image work is for, whatever its path: `.build-ID_…`, `.import-ID_…`, `.bake-ID_…`, `.export-ID_…`,
/// `.pull-ID.part`.
pub fn image_of(name: &str) -> Option<&str> {
    let id = ["build", "import", "sidecar", "bake", "export", "pull"]
        .iter()
        .find_map(|kind| name.strip_prefix('.')?.strip_prefix(kind))?;
    // `_` is in no id.
    let id = id.strip_prefix('-')?.split('_').next()?;
    let id = id.strip_suffix(".part").or_else(|| id.strip_suffix(".verified")).unwrap_or(id);
    check_id(id).is_ok().then_some(id)
}

/// The image of something in the work folder that may be left over, by its name.
fn read_work(name: &str) -> Option<&str> {
    let work = name.starts_with(".pull-") && name.ends_with(".verified") || !name.starts_with(".pull-");
    image_of(name).filter(|_| work)
}

/// The image and the kind of something in the pool that may be left over, by its name.
fn read_stored(name: &str) -> Option<(&str, Kind)> {
    let version = is_version_of(name).map(|id| (id, Kind::Version));
    version.or_else(|| image_of(name).map(|id| (id, Kind::Copy)))
}

/// An older version stays as long as the image does: only one of an image that is not there is left over.
fn is_left(images: &Images, leftover: &Leftover) -> Result<bool> {
    match leftover.kind {
        Kind::Work | Kind::Copy => Ok(true),
        Kind::Version => Ok(images.store().sidecar(&leftover.id)?.is_none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<(String, Kind)> {
        let name = |l: &Leftover| l.name().to_owned();
        leftovers(&Images::in_folder(dir)).unwrap().iter().map(|l| (name(l), l.kind)).collect()
    }

    #[test]
    fn what_nobody_works_on_is_left_over_and_goes() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at(".build-debian-13_x1/mnt")).unwrap();
        let kept = [
            ".pull-a.part",
            ".pull-a.part.etag",
            ".lock-a",
            ".pull-a.lock",
            "base-b-00112233aabb.qcow2",
            "base-b.json",
            "lite-web.qcow2",
            ".hidden",
            "base-a-0011.qcow2",
        ];
        for name in kept.iter().chain(&[
            ".export-a_w",
            ".import-a_y",
            ".sidecar-a_z",
            ".pull-a.verified",
            "base-a-00112233aabb.qcow2",
        ]) {
            fs::write(at(name), "").unwrap();
        }
        let wanted = [
            (".build-debian-13_x1", Kind::Work),
            (".export-a_w", Kind::Work),
            (".import-a_y", Kind::Work),
            (".pull-a.verified", Kind::Work),
            (".sidecar-a_z", Kind::Work),
            ("base-a-00112233aabb.qcow2", Kind::Version),
        ];
        let wanted = wanted.map(|(name, kind)| (name.to_owned(), kind));
        assert_eq!(names(dir.path()), wanted);
        let all = leftovers(&Images::in_folder(dir.path())).unwrap();
        let lock = Lock::attempt(dir.path(), "a").unwrap().unwrap();
        assert_eq!((is_busy(dir.path(), "a"), is_busy(dir.path(), "b")), (Ok(true), Ok(false)));
        assert_eq!(names(dir.path()), &wanted[..1]);
        assert_eq!(discard(&Images::in_folder(dir.path()), &all[1]), Ok(false));
        drop(lock);
        for leftover in &all {
            assert_eq!(discard(&Images::in_folder(dir.path()), leftover), Ok(true), "{leftover:?}");
            assert_eq!(discard(&Images::in_folder(dir.path()), leftover), Ok(false), "{leftover:?}");
        }
        assert_eq!(names(dir.path()), []);
        assert!(kept.iter().all(|name| at(name).exists()));
    }

    #[test]
    fn the_image_of_a_piece_of_work() {
        assert_eq!(image_of(".build-debian-13_Ab_c"), Some("debian-13"));
        assert_eq!(image_of(".pull-debian-13.part"), Some("debian-13"));
        for foreign in [".build-", ".build-A_x", ".lock-a", "build-a_x", ".pullover"] {
            assert_eq!(image_of(foreign), None, "{foreign}");
        }
    }
}
