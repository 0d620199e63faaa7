//! The folder a build happens in: nothing of it outlives the build, and what a killed one left is swept by the next.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tempfile::TempDir;

use super::super::files::io;
use super::super::tools;
use crate::{
    clock::{Clock, SystemClock},
    model::{Code, Error, Result},
};

const RETRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(500);

/// The working folder of one build.
pub(super) struct Workdir(TempDir);

impl Workdir {
    pub(super) fn new(dir: &Path, id: &str) -> Result<Self> {
        let dir = dir.canonicalize().map_err(|e| io("find the folder", dir, e))?;
        // apt fetches as a user of its own, who has to pass through; nobody else can look in.
        let made =
            tempfile::Builder::new().prefix(&prefix(id)).permissions(Permissions::from_mode(0o711)).tempdir_in(&dir);
        made.map(Self).map_err(|e| io("write in", &dir, e))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn folder(&self, name: &str, mode: u32) -> Result<PathBuf> {
        let at = self.path(name);
        DirBuilder::new().mode(mode).create(&at).map_err(|e| io("make the folder", &at, e))?;
        Ok(at)
    }

    /// Mounts the file system that lies in `disk` at an offset.
    pub(super) fn mount(&self, disk: &Path, offset: u64, size: u64, cancel: &AtomicBool) -> Result<Mounted> {
        let mounted = Mounted(self.folder("mnt", 0o700)?);
        let options = format!("loop,offset={offset},sizelimit={size},nodev,nosuid,noexec");
        let mut command = tools::command("mount");
        command.args(["-t", "ext4", "-o"]).arg(options).arg(disk).arg(&mounted.0);
        tools::run(&mut command, cancel).map_err(|e| e.hint("a free loop device is needed: `losetup -f` shows one"))?;
        Ok(mounted)
    }

    /// Removes it; refuses while something is mounted in it.
    pub(super) fn remove(self) -> Result<()> {
        clear(&self.0.keep())
    }
}

/// A mount that ends with the value.
pub(super) struct Mounted(PathBuf);

impl Mounted {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn unmount(self) -> Result<()> {
        unmount_below(&self.0)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Second chance after an error; one that stays is found by the removal of the folder, which says so.
        let _ = unmount_below(&self.0);
    }
}

/// Removes what killed builds of `id` left. The caller holds the lock: no build of it runs.
pub(super) fn sweep(dir: &Path, id: &str) -> Result<()> {
    let dir = dir.canonicalize().map_err(|e| io("find the folder", dir, e))?;
    for entry in fs::read_dir(&dir).map_err(|e| io("read the folder", &dir, e))? {
        let entry = entry.map_err(|e| io("read the folder", &dir, e))?;
        let ours = entry.file_name().to_string_lossy().starts_with(&prefix(id));
        if ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            clear(&entry.path())?;
        }
    }
    Ok(())
}

/// `_` is in no id, so ids that begin alike stay apart.
fn prefix(id: &str) -> String {
    format!(".build-{id}_")
}

/// Unmounts, then removes. A program that is just being stopped may write or mount for another moment, so not only once.
fn clear(folder: &Path) -> Result<()> {
    for _ in 0..RETRIES {
        if clear_once(folder).is_ok() {
            return Ok(());
        }
        SystemClock.sleep(PAUSE);
    }
    clear_once(folder)
}

/// Unmounts, then removes; for a folder that nobody writes in any more.
pub(crate) fn clear_once(folder: &Path) -> Result<()> {
    unmount_below(folder)?;
    fs::remove_dir_all(folder).map_err(|e| io("remove the folder", folder, e))
}

/// Unmounts all there is at or below a folder, the last mounted first; an error while something is left.
fn unmount_below(folder: &Path) -> Result<()> {
    for point in mounts_below(folder)?.iter().rev() {
        // Also when the user has pressed Ctrl-C: this is the cleaning up.
        let never = AtomicBool::new(false);
        let umount = |lazy: &[&str]| tools::run(tools::command("umount").args(lazy).arg(point), &never);
        umount(&[]).or_else(|_| umount(&["--lazy"]))?;
    }
    match mounts_below(folder)?.first() {
        None => Ok(()),
        Some(point) => Err(Error::new(Code::StillMounted, format!("cannot unmount `{}`", point.display()))
            .hint(format!("`umount {}`", point.display()))),
    }
}

fn mounts_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let table = Path::new("/proc/self/mountinfo");
    let lines = fs::read(table).map_err(|e| io("read", table, e))?;
    Ok(lines.split(|b| *b == b'\n').filter_map(mount_point).filter(|point| point.starts_with(folder)).collect())
}

/// The fifth field of a line, its octal escapes undone.
fn mount_point(line: &[u8]) -> Option<PathBuf> {
    let mut rest = line.split(|b| *b == b' ').nth(4)?;
    let mut out = Vec::new();
    while let Some((first, tail)) = rest.split_first() {
        let octal = tail.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = tail.get(3..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    Some(PathBuf::from(OsString::from_vec(out)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_with_their_escapes() {
        let line = br"36 35 98:0 /mnt1 /a\040b\134c/mnt rw,noatime master:1 - ext3 /dev/root rw";
        assert_eq!(mount_point(line), Some(PathBuf::from(r"/a b\c/mnt")));
        assert_eq!(mount_point(b""), None);
    }

    #[test]
    fn root_is_a_mount_point() -> std::result::Result<(), Error> {
        assert!(mounts_below(Path::new("/"))?.contains(&PathBuf::from("/")));
        Ok(())
    }
}
