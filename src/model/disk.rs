//! Disks that are no instance's root: they are attached to one instance after the other, and outlive each.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::{Code, Error, Name, ResourceKind, ResourceRef, Result, Size, escaped, words};

words! {
    /// How far the life of a disk has come.
    DiskState;
    /// It is being made.
    Creating = "creating",
    /// It is there.
    Available = "available",
    /// It is being made larger.
    Resizing = "resizing",
    /// It is being removed.
    Deleting = "deleting",
}

/// A disk. Which instance has it is in the record of that instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: Name,
    /// What the guest sees of it.
    pub size: Size,
    /// The number of its volume, which a restore gives it; none: it has its first.
    pub volume: Option<u32>,
    /// How far its life has come.
    pub state: DiskState,
    /// When it was asked for.
    pub created_at: Timestamp,
}

impl Disk {
    /// Smallest: a file system needs some room.
    pub const LEAST: Size = Size::mib(64);
    /// Largest, as Lightsail has it.
    pub const MOST: Size = Size::mib(16 << 20);

    /// Refuses a size that no disk has.
    ///
    /// # Errors
    /// [`Code::InvalidSize`].
    pub fn check_size(size: Size) -> Result<Size> {
        match (Self::LEAST..=Self::MOST).contains(&size) {
            true => Ok(size),
            false => Err(Error::new(Code::InvalidSize, format!("{size} is no size of a disk")).hint(format!(
                "a disk has {} to {}",
                Self::LEAST,
                Self::MOST
            ))),
        }
    }
}

impl From<&Disk> for ResourceRef {
    fn from(disk: &Disk) -> Self {
        Self { kind: ResourceKind::Disk, id: disk.id, name: disk.name.to_string() }
    }
}

/// A disk that an instance has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskAttachment {
    /// The disk's id.
    pub disk: Uuid,
    /// Its unit on the instance's SCSI controller.
    pub unit: u8,
    /// The number of its volume; none: it has its first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume: Option<u32>,
    /// Where lite mounted it in the guest; none: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mount: Option<MountPoint>,
}

impl DiskAttachment {
    /// Most that an instance has, as in Lightsail.
    pub const MOST: u8 = 15;

    /// The first unit that is free.
    pub fn free_unit(attached: &[Self]) -> Option<u8> {
        (0..Self::MOST).find(|unit| attached.iter().all(|one| one.unit != *unit))
    }

    /// What the guest reads as the serial number of a disk: 20 characters, the most that every bus hands on.
    pub fn serial(disk: Uuid) -> String {
        let id = disk.simple().to_string();
        format!("lite-{}", id.get(..15).unwrap_or(&id))
    }
}

/// A folder of a guest that a disk is mounted on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct MountPoint(String);

impl MountPoint {
    const MOST: usize = 200;
    /// What a guest needs as it is, to run or to let somebody in.
    const NEEDED: [&str; 18] = [
        "/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys",
        "/tmp", "/usr", "/var", "/var/lib", "/var/log",
    ];
    /// Nor below these.
    const ITS_OWN: [&str; 6] = ["/boot/", "/dev/", "/etc/", "/proc/", "/run/", "/sys/"];

    /// Parses an absolute path.
    ///
    /// # Errors
    /// [`Code::InvalidPath`].
    pub fn parse(text: &str) -> Result<Self> {
        let refused = |hint: String| {
            Err(Error::new(Code::InvalidPath, format!("`{}` is no folder for a disk", escaped(text))).hint(hint))
        };
        let path = if text.len() > 1 { text.trim_end_matches('/') } else { text };
        let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
        let shaped = path.len() <= Self::MOST && path.bytes().all(allowed);
        if path != "/" && !(shaped && path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_plain))) {
            return refused(format!(
                "use an absolute path such as `/srv/data`: at most {} of `a-z A-Z 0-9 . _ - /`, without `.` and `..`",
                Self::MOST
            ));
        }
        if Self::NEEDED.contains(&path) || Self::ITS_OWN.iter().any(|own| path.starts_with(own)) {
            return refused("what is there would be hidden; use a folder of its own, such as `/srv/data`".to_owned());
        }
        Ok(Self(path.to_owned()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MountPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl<'de> Deserialize<'de> for MountPoint {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_hides_nothing_that_a_guest_needs() {
        for (text, path) in
            [("/srv", "/srv"), ("/srv/data/", "/srv/data"), ("/var/www", "/var/www"), ("/mnt/a-b_c.d", "/mnt/a-b_c.d")]
        {
            assert_eq!(MountPoint::parse(text).map(|p| p.to_string()), Ok(path.to_owned()));
        }
        let long = format!("/{}", "a".repeat(200));
        let bad = [
            "",
            "srv",
            "/",
            "//",
            "/srv/../etc",
            "/srv/./a",
            "/srv//a",
            "/a b",
            "/a\nb",
            "/ä",
            "/a,b",
            "/a\\040",
            "/boot",
            "/etc/",
            "/usr",
            "/var",
            "/home",
            "/root",
            "/dev/x",
            "/run/x",
            "/proc/1",
            &long,
        ];
        for text in bad {
            assert_eq!(MountPoint::parse(text).map_err(|e| e.code), Err(Code::InvalidPath), "{text:?}");
        }
    }

    #[test]
    fn a_disk_has_a_size_and_a_serial_number() {
        let says = |mib: u64| Disk::check_size(Size::mib(mib)).map_err(|e| e.message);
        assert_eq!(says(64), Ok(Size::mib(64)));
        assert_eq!(says(63), Err("63 MiB is no size of a disk".to_owned()));
        assert_eq!(says((16 << 20) + 1).map_err(|_| ()), Err(()));
        assert_eq!(DiskAttachment::serial(Uuid::from_u128(0xabc << 68)), "lite-000000000000abc");
    }

    #[test]
    fn units_are_given_lowest_first() {
        let at = |unit| DiskAttachment { disk: Uuid::from_u128(u128::from(unit)), unit, volume: None, mount: None };
        assert_eq!(DiskAttachment::free_unit(&[]), Some(0));
        assert_eq!(DiskAttachment::free_unit(&[at(0), at(2)]), Some(1));
        assert_eq!(DiskAttachment::free_unit(&(0..15).map(at).collect::<Vec<_>>()), None);
    }
}
