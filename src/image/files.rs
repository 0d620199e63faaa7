//! Ids and files of images: what every part of the room needs.

use std::{
    fs::{File, Permissions},
    os::unix::fs::{PermissionsExt, fchown},
    path::Path,
};

use crate::model::{Code, Error, Result, escaped};

pub(super) const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits() as i32;

/// Refuses an id that is not lower-case letters, digits, `.` and `-`, at most 63.
pub fn check_id(id: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let first = id.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if first && id.len() <= 63 && id.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::new(Code::InvalidImageId, format!("`{}` cannot name an image", escaped(id)))
        .hint("1 to 63 of a-z, 0-9, `.` and `-`, the first a letter or digit: `debian-13`"))
}

/// An error of the file system.
pub(super) fn io(what: &str, path: &Path, e: std::io::Error) -> Error {
    Error::new(Code::ImageIo, format!("cannot {what} `{}`", path.display())).cause(e)
}

/// Lets QEMU read a finished image, and nobody else but its owner: its name can be computed, and it may hold what is not
/// for everybody. Where there is no group of QEMU's, or this user may not give the file to it, everybody can read it.
pub(super) fn for_qemu_alone(file: &File) -> std::io::Result<()> {
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    let given = qemu_group(&groups).is_some_and(|group| fchown(file, None, Some(group)).is_ok());
    file.set_permissions(Permissions::from_mode(if given { 0o640 } else { 0o644 }))
}

/// The group that libvirt runs QEMU with, in the text of `/etc/group`: that of Debian and its kin, or of Fedora's and SUSE's.
fn qemu_group(groups: &str) -> Option<u32> {
    let number = |name: &str| {
        let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
        let line = groups.lines().map(fields).find(|fields| fields.first().is_some_and(|f| f == name))?;
        line.get(2)?.parse().ok()
    };
    ["libvirt-qemu", "qemu"].into_iter().find_map(number)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::{for_qemu_alone, qemu_group};

    #[test]
    fn the_group_of_qemu() {
        let debian = "root:x:0:\nkvm:x:993:\nlibvirt-qemu:x:64055:libvirt-qemu\n";
        assert_eq!(qemu_group(debian), Some(64055));
        assert_eq!(qemu_group("root:x:0:\nqemu:x:107:\n"), Some(107));
        for other in ["", "qemux:x:1:\n", "qemu:x\n", "qemu:x:many:\n"] {
            assert_eq!(qemu_group(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_finished_image_is_read_by_qemu_alone() {
        let file = tempfile::tempfile().unwrap();
        for_qemu_alone(&file).unwrap();
        let meta = file.metadata().unwrap();
        let group = qemu_group(&std::fs::read_to_string("/etc/group").unwrap());
        match group.filter(|group| *group == meta.gid()) {
            Some(_) => assert_eq!(meta.mode() & 0o777, 0o640),
            None => assert_eq!(meta.mode() & 0o777, 0o644),
        }
        assert!(group.is_none_or(|group| meta.gid() == group) || !rustix::process::geteuid().is_root());
    }
}
