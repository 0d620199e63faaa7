//! What the file system of an image gets besides its packages.

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::super::files::io;
use crate::model::{Code, Error, Result};

const FSTAB: &str = "LABEL=root / ext4 defaults,noatime,discard 0 1\n";

/// `/vmlinuz` and `/initrd.img` are links that Debian keeps on the newest kernel, so a security update boots. Under KVM the kernel does not
/// check its timer by itself; emulated, on a busy host, that check finds a timer that is late and ends in a panic.
const BOOT: &str = "\
DEFAULT linux
PROMPT 0
TIMEOUT 0
LABEL linux
  KERNEL /vmlinuz
  INITRD /initrd.img
  APPEND root=LABEL=root ro console=tty0 console=ttyS0 net.ifnames=0 no_timer_check
";

/// The seed disk is the one source; the package sources below stay; there is no GRUB.
const CLOUD: &str = "\
datasource_list: [NoCloud, None]
apt:
  preserve_sources_list: true
grub_dpkg:
  enabled: false
";

const HOSTS: &str =
    "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n";

/// Only names that DNS knows: nothing is to listen for other machines' questions (LLMNR on port 5355, mDNS on 5353).
const RESOLVED: &str = "[Resolve]\nLLMNR=no\nMulticastDNS=no\n";
const RESOLVED_IS_THERE: &str = "usr/lib/systemd/systemd-resolved";

/// Units without work in a guest: no LVM below it, no manual pages in it.
const MASKED: [&str; 3] = ["e2scrub_reap.service", "e2scrub_all.timer", "man-db.timer"];

const UPDATED: &str = "# made by lite: the image is up to date\n";

/// What a machine makes for itself, or what only fills the image.
const EMPTIED: [&str; 5] = ["var/lib/apt/lists", "var/cache/apt", "var/log/apt", "var/lib/cloud", "tmp"];
const REMOVED: [&str; 7] = [
    "etc/apt/sources.list",
    "etc/apt/sources.list.d/0000sources.list",
    "etc/hostname",
    "var/lib/systemd/random-seed",
    "var/log/dpkg.log",
    "var/log/bootstrap.log",
    "var/log/alternatives.log",
];

/// The package sources: address and suite of main, updates and security.
pub(super) fn sources(suite: &str, mirror: &str) -> [(String, String); 3] {
    [
        (mirror.to_owned(), suite.to_owned()),
        (mirror.to_owned(), format!("{suite}-updates")),
        (format!("{mirror}-security"), format!("{suite}-security")),
    ]
}

/// Prepares the file system for its first boot.
pub(super) fn prepare(root: &Path, suite: &str, mirror: &str) -> Result<()> {
    for name in ["vmlinuz", "initrd.img"] {
        if fs::symlink_metadata(root.join(name)).is_err() {
            return Err(Error::new(Code::BuildIncomplete, format!("the packages brought no `/{name}`")));
        }
    }
    for name in REMOVED {
        remove(&root.join(name))?;
    }
    for name in EMPTIED {
        empty(root, name)?;
    }
    host_keys(&root.join("etc/ssh"))?;
    let stanzas: Vec<String> = sources(suite, mirror)
        .iter()
        .map(|(uri, suite)| {
            format!("Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main\nSigned-By: {}\n", super::KEYRING)
        })
        .collect();
    write(root, "etc/apt/sources.list.d/debian.sources", &stanzas.join("\n"))?;
    write(root, "etc/fstab", FSTAB)?;
    write(root, "etc/hosts", HOSTS)?;
    write(root, "etc/machine-id", "")?;
    write(root, "boot/extlinux/extlinux.conf", BOOT)?;
    write(root, "etc/cloud/cloud.cfg.d/90_lite.cfg", CLOUD)?;
    link(root, "etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf")?;
    if root.join(RESOLVED_IS_THERE).exists() {
        write(root, "etc/systemd/resolved.conf.d/lite.conf", RESOLVED)?;
    }
    for unit in MASKED {
        link(root, &format!("etc/systemd/system/{unit}"), "/dev/null")?;
    }
    // Last, as it has to be younger than /usr: the packages' own scripts made all that is remade where this is missing (the
    // linker's cache, the journal's catalogue, users), seconds of a first boot.
    write(root, "etc/.updated", UPDATED)?;
    write(root, "var/.updated", UPDATED)
}

/// Host keys in an image would be the same on every instance.
fn host_keys(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|e| io("read the folder", folder, e))? {
        let entry = entry.map_err(|e| io("read the folder", folder, e))?;
        if entry.file_name().to_string_lossy().starts_with("ssh_host_") {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// Writes a new file, never through a link that is there.
fn write(root: &Path, name: &str, text: &str) -> Result<()> {
    let at = root.join(name);
    fresh(&at)?;
    let failed = |e| io("write", &at, e);
    fs::write(&at, text).map_err(failed)?;
    fs::set_permissions(&at, Permissions::from_mode(0o644)).map_err(failed)
}

fn link(root: &Path, name: &str, target: &str) -> Result<()> {
    let at = root.join(name);
    fresh(&at)?;
    symlink(target, &at).map_err(|e| io("write", &at, e))
}

fn fresh(at: &Path) -> Result<()> {
    if let Some(folder) = at.parent() {
        fs::create_dir_all(folder).map_err(|e| io("make the folder", folder, e))?;
    }
    remove(at)
}

fn remove(at: &Path) -> Result<()> {
    match fs::remove_file(at) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(io("remove", at, e)),
        _ => Ok(()),
    }
}

/// Removes what is in a folder of a built root, and keeps the folder. A package may put a link where the folder or one above
/// it is expected: what the link leads to is the host's.
fn empty(root: &Path, name: &str) -> Result<()> {
    let mut folder = root.to_owned();
    for part in Path::new(name) {
        folder.push(part);
        match fs::symlink_metadata(&folder) {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => {
                return Err(Error::new(
                    Code::ImageIo,
                    format!("`/{name}` of the image leads through something that is no folder"),
                )
                .cause(format!("`{}` is a link or a file", folder.display())));
            }
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(io("look at", &folder, e)),
        }
    }
    let entries = fs::read_dir(&folder).map_err(|e| io("read the folder", &folder, e))?;
    for entry in entries {
        let entry = entry.map_err(|e| io("read the folder", &folder, e))?;
        let at = entry.path();
        let folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let removed = if folder { fs::remove_dir_all(&at) } else { fs::remove_file(&at) };
        removed.map_err(|e| io("remove", &at, e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::empty;

    #[test]
    fn a_link_in_a_built_root_empties_nothing_of_the_host() {
        let (root, host) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(host.path().join("lists")).unwrap();
        fs::write(host.path().join("lists/kept"), "x").unwrap();
        let root = root.path();
        fs::create_dir_all(root.join("var/lib")).unwrap();
        symlink(host.path(), root.join("var/lib/apt")).unwrap();
        symlink(host.path().join("lists"), root.join("lists")).unwrap();
        for name in ["var/lib/apt/lists", "lists"] {
            assert_eq!(empty(root, name).map_err(|e| e.code.as_str()), Err("image_io"), "{name}");
        }
        assert!(host.path().join("lists/kept").exists());

        // In a folder a link goes, and what it leads to stays.
        fs::create_dir_all(root.join("tmp/deep")).unwrap();
        symlink(host.path(), root.join("tmp/link")).unwrap();
        assert_eq!((empty(root, "tmp"), empty(root, "absent")), (Ok(()), Ok(())));
        assert_eq!(fs::read_dir(root.join("tmp")).unwrap().count(), 0);
        assert!(host.path().join("lists/kept").exists());
    }
}
